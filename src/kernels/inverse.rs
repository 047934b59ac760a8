//! The inverse of a large symmetric positive definite matrix, in place and by all threads.
//!
//! Blocks of pivots are swept one after the other (Goodnight, "A Tutorial on the SWEEP Operator", The American
//! Statistician 33, 1979): with D the inverse of the pivot block and B its rows, every other cell takes B'(-D)B, and the
//! rows become -DB. The pivots are those of the Cholesky factorisation, the work is the n^3 / 2 multiply-adds of
//! factor, inverse factor and product, but all of it lies in one kind of update that all threads share, and only the
//! upper half is read and written.
#![allow(unsafe_code)]

use rayon::prelude::*;

use super::KernelLevel;

/// Pivots swept together: part of what "same bytes" means.
const BLOCK: usize = 96;

/// Columns side by side in a panel of packed rows: whole tiles in both directions.
const PANEL: usize = 48;

/// Rows and columns of a register tile: twelve accumulators, two vectors of a row and one of a cell are fifteen
/// registers of sixteen. With 4 x 24, which needs all of them, the compiler moves them about.
const ROWS: usize = 6;
const COLUMNS: usize = 16;

/// Cells of the packed rows of one panel.
const PANEL_CELLS: usize = BLOCK * PANEL;

/// A pivot below the floor that the caller knows all pivots to keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowPivot {
    /// Row of the pivot.
    pub row: usize,
    /// What it came out as.
    pub pivot: f32,
}

/// Bytes that [`invert`] needs beside the matrix.
#[must_use]
pub fn scratch_bytes(n: usize) -> usize {
    4 * (2 * n.div_ceil(PANEL) * PANEL_CELLS + BLOCK * BLOCK)
}

/// Replaces a symmetric positive definite matrix by its inverse.
///
/// `a` is n x n row-major and read in its upper half; on return both halves hold the inverse. Runs on the caller's
/// pool; every cell is one chain of fused multiply-adds in a fixed order, so the same bytes come out at any number
/// of threads and at every kernel level. n^3 / 2 multiply-adds.
///
/// # Errors
/// [`LowPivot`] when a pivot comes out below `floor` or is not a number; `a` then has no meaning.
///
/// # Panics
/// When shapes do not fit or the processor lacks the level: programmer errors.
pub fn invert(level: KernelLevel, a: &mut [f32], n: usize, floor: f32) -> Result<(), LowPivot> {
    assert!(a.len() == n * n, "a is n x n");
    assert!(level.available(), "kernel level {level:?} needs another processor");
    let mut panels = Panels::new(n);
    let mut pivots = [0.0; BLOCK * BLOCK];
    for first in (0..n).step_by(BLOCK) {
        let block = Block { n, first, size: BLOCK.min(n - first) };
        block.take(a, &mut pivots);
        sweep(level, &mut pivots, block.size, floor)
            .map_err(|low| LowPivot { row: first + low.row, ..low })?;
        panels.load(level, a, block, &pivots);
        panels.update(level, a, block, &pivots);
    }
    negate_and_mirror(a, n);
    Ok(())
}

/// The pivots that are swept together, of a matrix with n rows.
#[derive(Clone, Copy, Debug)]
struct Block {
    n: usize,
    first: usize,
    size: usize,
}

impl Block {
    fn end(self) -> usize {
        self.first + self.size
    }

    /// Whether the column at which a panel starts is of the block; blocks are whole panels.
    fn has(self, column: usize) -> bool {
        (self.first..self.end()).contains(&column)
    }

    /// Copies the block, with both halves; cells past its size are zero.
    fn take(self, a: &[f32], out: &mut [f32; BLOCK * BLOCK]) {
        out.fill(0.0);
        for i in 0..self.size {
            for j in i..self.size {
                let cell = a[(self.first + i) * self.n + self.first + j];
                (out[i * BLOCK + j], out[j * BLOCK + i]) = (cell, cell);
            }
        }
    }
}

/// The rows of a block in panels of [`PANEL`] columns: as they are (B), and times -D. Columns past n are zero.
struct Panels {
    rows: Vec<f32>,
    swept: Vec<f32>,
}

impl Panels {
    fn new(n: usize) -> Self {
        let cells = n.div_ceil(PANEL) * PANEL_CELLS;
        Self { rows: vec![0.0; cells], swept: vec![0.0; cells] }
    }

    /// Packs the rows of `block` outside of it and multiplies them by `pivots`, which is -D.
    fn load(&mut self, level: KernelLevel, a: &[f32], block: Block, pivots: &[f32; BLOCK * BLOCK]) {
        let both = self.rows.par_chunks_mut(PANEL_CELLS).zip(self.swept.par_chunks_mut(PANEL_CELLS));
        both.enumerate().for_each(|(panel, (rows, swept))| {
            let column = panel * PANEL;
            if block.has(column) {
                return;
            }
            pack(a, block, column, rows);
            swept.fill(0.0);
            for r in (0..block.size).step_by(ROWS) {
                for c in (0..PANEL).step_by(COLUMNS) {
                    let out = &mut swept[r * PANEL + c..];
                    add_product(level, out, PANEL, &pivots[r..], BLOCK, &rows[c..], block.size);
                }
            }
        });
    }

    /// Sweeps `block` out of the upper half of `a`.
    fn update(&self, level: KernelLevel, a: &mut [f32], block: Block, pivots: &[f32; BLOCK * BLOCK]) {
        let n = block.n;
        a.par_chunks_mut(BLOCK * n).enumerate().with_max_len(1).for_each(|(at, rows)| {
            if at * BLOCK == block.first {
                self.write_rows(rows, block, pivots);
                return;
            }
            for column in (at * BLOCK..n).step_by(PANEL) {
                if block.has(column) {
                    self.write_columns(rows, at * BLOCK, block, column);
                } else {
                    self.update_column(level, rows, at * BLOCK, block, column);
                }
            }
        });
    }

    /// The rows of the block itself.
    fn write_rows(&self, rows: &mut [f32], block: Block, pivots: &[f32; BLOCK * BLOCK]) {
        for (k, row) in rows.chunks_exact_mut(block.n).enumerate() {
            row[block.first..block.end()].copy_from_slice(&pivots[k * BLOCK..][..block.size]);
            for (column, cells) in
                (block.end()..block.n).step_by(PANEL).zip(row[block.end()..].chunks_mut(PANEL))
            {
                let swept = &self.swept[column / PANEL * PANEL_CELLS + k * PANEL..];
                cells.copy_from_slice(&swept[..cells.len()]);
            }
        }
    }

    /// The columns of the block from `column` on in rows above it.
    fn write_columns(&self, rows: &mut [f32], first_row: usize, block: Block, column: usize) {
        let ks = column - block.first..block.size.min(column - block.first + PANEL);
        for (row, i) in rows.chunks_exact_mut(block.n).zip(first_row..) {
            let swept = &self.swept[i / PANEL * PANEL_CELLS + i % PANEL..];
            for k in ks.clone() {
                row[block.first + k] = swept[k * PANEL];
            }
        }
    }

    /// Up to two panels of rows times the panel at `column`, as far as they are not below the diagonal.
    fn update_column(
        &self,
        level: KernelLevel,
        rows: &mut [f32],
        first_row: usize,
        block: Block,
        column: usize,
    ) {
        let n = block.n;
        let right = &self.swept[column / PANEL * PANEL_CELLS..][..PANEL_CELLS];
        let last_row = column.min(first_row + rows.len() / n - 1);
        for row in (first_row..=last_row).step_by(PANEL) {
            let left = &self.rows[row / PANEL * PANEL_CELLS..][..PANEL_CELLS];
            let cells = &mut rows[(row - first_row) * n + column..];
            let (n_rows, n_columns) = (PANEL.min(cells.len().div_ceil(n)), PANEL.min(n - column));
            if n_rows == PANEL && n_columns == PANEL {
                add_square(level, cells, n, left, right, block.size);
                continue;
            }
            let mut square = [0.0; PANEL * PANEL];
            for r in 0..n_rows {
                square[r * PANEL..][..n_columns].copy_from_slice(&cells[r * n..][..n_columns]);
            }
            add_square(level, &mut square, PANEL, left, right, block.size);
            for r in 0..n_rows {
                cells[r * n..][..n_columns].copy_from_slice(&square[r * PANEL..][..n_columns]);
            }
        }
    }
}

/// The cells of a block's rows in the panel at `column`, from above the diagonal.
fn pack(a: &[f32], block: Block, column: usize, out: &mut [f32]) {
    let n_columns = PANEL.min(block.n - column);
    for (k, out) in out.chunks_exact_mut(PANEL).take(block.size).enumerate() {
        if column > block.first {
            out[..n_columns].copy_from_slice(&a[(block.first + k) * block.n + column..][..n_columns]);
        } else {
            for (c, out) in out.iter_mut().enumerate() {
                *out = a[(column + c) * block.n + block.first + k];
            }
        }
    }
}

/// Replaces a block by minus its inverse, one pivot at a time.
fn sweep(level: KernelLevel, a: &mut [f32; BLOCK * BLOCK], size: usize, floor: f32) -> Result<(), LowPivot> {
    match level {
        KernelLevel::Portable => sweep_pivots(a, size, floor),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller has checked the level; the function is safe Rust apart from that.
        KernelLevel::Avx2 => unsafe { avx2::sweep(a, size, floor) },
        #[cfg(not(target_arch = "x86_64"))]
        KernelLevel::Avx2 => unreachable!("checked by the caller"),
    }
}

#[inline(always)]
fn sweep_pivots(a: &mut [f32; BLOCK * BLOCK], size: usize, floor: f32) -> Result<(), LowPivot> {
    for k in 0..size {
        let pivot = a[k * BLOCK + k];
        if !(pivot >= floor && pivot.is_finite()) {
            return Err(LowPivot { row: k, pivot });
        }
        let mut swept = [0.0f32; BLOCK];
        for (swept, &cell) in swept.iter_mut().zip(&a[k * BLOCK..(k + 1) * BLOCK]) {
            *swept = -cell / pivot;
        }
        for (i, row) in a.chunks_exact_mut(BLOCK).enumerate().take(size) {
            let factor = row[k];
            for (cell, &swept) in row.iter_mut().zip(&swept) {
                *cell = factor.mul_add(swept, *cell);
            }
            row[k] = swept[i];
        }
        a[k * BLOCK..(k + 1) * BLOCK].copy_from_slice(&swept);
        a[k * BLOCK + k] = -1.0 / pivot;
    }
    Ok(())
}

/// Adds left'right to a square of [`PANEL`] cells a side, rows `stride` cells apart; both panels `depth` rows deep.
fn add_square(
    level: KernelLevel,
    square: &mut [f32],
    stride: usize,
    left: &[f32],
    right: &[f32],
    depth: usize,
) {
    for c in (0..PANEL).step_by(COLUMNS) {
        for r in (0..PANEL).step_by(ROWS) {
            let out = &mut square[r * stride + c..];
            add_product(level, out, stride, &left[r..], PANEL, &right[c..], depth);
        }
    }
}

/// Adds to `out[r][c]`, [`ROWS`] x [`COLUMNS`] cells with rows `stride` cells apart, the sum over k below `depth` of
/// `left[k][r] * right[k][c]`, as one chain in the order of k.
///
/// Rows of `left` are `left_stride` cells apart, those of `right` [`PANEL`].
#[inline]
fn add_product(
    level: KernelLevel,
    out: &mut [f32],
    stride: usize,
    left: &[f32],
    left_stride: usize,
    right: &[f32],
    depth: usize,
) {
    if depth == 0 {
        return;
    }
    assert!(out.len() >= (ROWS - 1) * stride + COLUMNS, "{ROWS} rows of {COLUMNS}");
    let (left_end, right_end) = ((depth - 1) * left_stride + ROWS, (depth - 1) * PANEL + COLUMNS);
    assert!(left.len() >= left_end && right.len() >= right_end, "panels of {depth} rows");
    match level {
        KernelLevel::Portable => {
            for (r, out) in out.chunks_mut(stride).enumerate().take(ROWS) {
                for (left, right) in left.chunks(left_stride).zip(right.chunks(PANEL)).take(depth) {
                    for (cell, &x) in out.iter_mut().zip(right).take(COLUMNS) {
                        *cell = left[r].mul_add(x, *cell);
                    }
                }
            }
        }
        #[cfg(target_arch = "x86_64")]
        // SAFETY: shapes were checked above, the level by the caller.
        KernelLevel::Avx2 => unsafe {
            avx2::add_product(out.as_mut_ptr(), stride, left.as_ptr(), left_stride, right.as_ptr(), depth);
        },
        #[cfg(not(target_arch = "x86_64"))]
        KernelLevel::Avx2 => unreachable!("checked by the caller"),
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{_mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_storeu_ps};

    use super::{BLOCK, COLUMNS, LowPivot, PANEL, ROWS};

    /// Lanes of a vector.
    const LANES: usize = 8;

    /// The portable form, compiled for wider registers and fused multiplication.
    #[target_feature(enable = "avx2,fma")]
    pub fn sweep(a: &mut [f32; BLOCK * BLOCK], size: usize, floor: f32) -> Result<(), LowPivot> {
        super::sweep_pivots(a, size, floor)
    }

    /// # Safety
    /// Needs AVX2 and FMA. `out` has [`ROWS`] rows of [`COLUMNS`] writable cells, `stride` apart; `left` and `right`
    /// have `depth` rows of [`ROWS`] and [`COLUMNS`] cells, `left_stride` and [`PANEL`] apart.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn add_product(
        out: *mut f32,
        stride: usize,
        mut left: *const f32,
        left_stride: usize,
        mut right: *const f32,
        depth: usize,
    ) {
        const VECTORS: usize = COLUMNS / LANES;
        // SAFETY: see above.
        unsafe {
            let load = |at: *const f32| std::array::from_fn(|v| _mm256_loadu_ps(at.add(v * LANES)));
            let mut acc: [[_; VECTORS]; ROWS] = std::array::from_fn(|r| load(out.add(r * stride)));
            for _ in 0..depth {
                let y: [_; VECTORS] = load(right);
                for r in 0..ROWS {
                    let x = _mm256_broadcast_ss(&*left.add(r));
                    for v in 0..VECTORS {
                        acc[r][v] = _mm256_fmadd_ps(x, y[v], acc[r][v]);
                    }
                }
                // The last step may point past the end, which wrapping arithmetic allows.
                left = left.wrapping_add(left_stride);
                right = right.wrapping_add(PANEL);
            }
            for r in 0..ROWS {
                for v in 0..VECTORS {
                    _mm256_storeu_ps(out.add(r * stride + v * LANES), acc[r][v]);
                }
            }
        }
    }
}

/// Cells that several threads write, each its own.
#[derive(Clone, Copy)]
struct Cells(*mut f32);

// SAFETY: threads write disjoint cells, see `negate_and_mirror`.
unsafe impl Sync for Cells {}

impl Cells {
    /// # Safety
    /// `at` is inside, and no other thread writes the cell.
    unsafe fn get(&self, at: usize) -> f32 {
        // SAFETY: see above.
        unsafe { *self.0.add(at) }
    }

    /// # Safety
    /// `at` is inside, and no other thread touches the cell.
    unsafe fn set(&self, at: usize, cell: f32) {
        // SAFETY: see above.
        unsafe { *self.0.add(at) = cell };
    }
}

/// Turns the upper half of `a` into both halves of -a.
fn negate_and_mirror(a: &mut [f32], n: usize) {
    let cells = Cells(a.as_mut_ptr());
    (0..n.div_ceil(PANEL)).into_par_iter().with_max_len(1).for_each(|at| {
        let cells = &cells;
        let rows = at * PANEL..n.min((at + 1) * PANEL);
        for column in (rows.start..n).step_by(PANEL) {
            for i in rows.clone() {
                for j in column.max(i)..n.min(column + PANEL) {
                    // SAFETY: i and j are below n. Cell (i, j) and its mirror (j, i), i <= j, belong to the one
                    // thread that has row i.
                    unsafe {
                        let negated = -cells.get(i * n + j);
                        cells.set(i * n + j, negated);
                        cells.set(j * n + i, negated);
                    }
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::syrk::add_gram;
    use crate::random::Random;

    fn levels() -> [KernelLevel; 2] {
        [KernelLevel::Portable, KernelLevel::detect()]
    }

    /// Id + P'P / n, its upper half alone: below the diagonal is nonsense.
    fn positive_definite(n: usize) -> Vec<f32> {
        let random = Random::new(n as u64);
        let wide = n.next_multiple_of(8);
        let panel: Vec<f32> = (0..n * wide).map(|i| random.normal(i as u64) as f32).collect();
        let mut gram = vec![0.0; wide * wide];
        add_gram(KernelLevel::detect(), &mut gram, wide, &panel);
        let cell = |i: usize, j: usize| match i.cmp(&j) {
            std::cmp::Ordering::Less => gram[i * wide + j] / n as f32,
            std::cmp::Ordering::Equal => gram[i * wide + i] / n as f32 + 1.0,
            std::cmp::Ordering::Greater => f32::NAN,
        };
        (0..n * n).map(|at| cell(at / n, at % n)).collect()
    }

    #[test]
    fn two_by_two_by_hand() {
        for level in levels() {
            let mut a = [4.0, 2.0, f32::NAN, 5.0];
            invert(level, &mut a, 2, 1.0).unwrap();
            assert_eq!(a, [5.0 / 16.0, -0.125, -0.125, 0.25]);
        }
    }

    #[test]
    fn the_product_with_the_inverse_is_the_identity_at_every_size() {
        for n in [1, 5, 24, 95, 96, 97, 120, 121, 192, 211, 300] {
            let whole = positive_definite(n);
            let mut inverse = whole.clone();
            invert(KernelLevel::detect(), &mut inverse, n, 0.5).unwrap();
            let cell = |i: usize, j: usize| f64::from(whole[i.min(j) * n + i.max(j)]);
            for i in 0..n {
                for j in 0..n {
                    let got: f64 = (0..n).map(|k| cell(i, k) * f64::from(inverse[k * n + j])).sum();
                    let expected = f64::from(u8::from(i == j));
                    assert!((got - expected).abs() < 1e-5, "{n}: {i} {j} {got}");
                    assert_eq!(inverse[i * n + j].to_bits(), inverse[j * n + i].to_bits(), "{n}: {i} {j}");
                }
            }
        }
    }

    #[test]
    fn every_level_and_number_of_threads_gives_the_same_bits() {
        for n in [50, 217, 320] {
            let inverse = |level, n_threads| {
                let mut a = positive_definite(n);
                let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
                pool.install(|| invert(level, &mut a, n, 0.5)).unwrap();
                a.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
            };
            let one = inverse(KernelLevel::Portable, 1);
            for n_threads in [1, 2, 7] {
                assert_eq!(inverse(KernelLevel::detect(), n_threads), one, "{n} {n_threads}");
            }
        }
    }

    #[test]
    fn cells_that_are_zero_stay_zero() {
        // Row 3 and column 3 are empty but for the diagonal.
        for n in [30, 150] {
            let mut a = positive_definite(n);
            for i in 0..n {
                if i != 3 {
                    a[i.min(3) * n + i.max(3)] = 0.0;
                }
            }
            invert(KernelLevel::detect(), &mut a, n, 0.5).unwrap();
            assert!((0..n).all(|i| i == 3 || (a[i * n + 3] == 0.0 && a[3 * n + i] == 0.0)));
        }
    }

    #[test]
    fn a_low_pivot_is_refused_with_its_row() {
        let n = 130;
        for (row, bad) in [(0, 0.3), (7, -1.0), (125, f32::NAN), (129, f32::INFINITY)] {
            let mut a = vec![0.0; n * n];
            for i in 0..n {
                a[i * n + i] = 1.0;
            }
            a[row * n + row] = bad;
            for level in levels() {
                let low = invert(level, &mut a.clone(), n, 0.5).unwrap_err();
                assert_eq!((low.row, low.pivot.to_bits()), (row, bad.to_bits()));
            }
        }
    }

    #[test]
    fn equal_rows_have_no_second_pivot() {
        let mut a = vec![1000.0; 9];
        for i in 0..3 {
            a[i * 4] += 1e-5;
        }
        let low = invert(KernelLevel::detect(), &mut a, 3, 5e-6).unwrap_err();
        assert_eq!(low.row, 1);
    }
}
