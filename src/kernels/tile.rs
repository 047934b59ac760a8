//! Sixteen rows side by side, column by column: the form in which rows meet centroids.
#![allow(unsafe_code)]

use super::KernelLevel;

/// Rows in a tile.
pub const LANES: usize = 16;

/// Row-major f32 rows that somebody else owns, `stride` cells apart.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    cells: &'a [f32],
    stride: usize,
    n_columns: usize,
    n_rows: usize,
}

impl<'a> Rows<'a> {
    /// The `n_columns` leading cells of each row; what follows up to `stride` is read but means nothing.
    ///
    /// # Panics
    /// When `stride` is 0 or below `n_columns`, or `cells` is not a whole number of rows: a programmer error.
    #[must_use]
    pub fn new(cells: &'a [f32], stride: usize, n_columns: usize) -> Self {
        assert!(stride >= n_columns && stride > 0 && cells.len().is_multiple_of(stride), "rows of {stride}");
        Self { cells, stride, n_columns, n_rows: cells.len() / stride }
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The rows from `first` on, `n` of them.
    ///
    /// # Panics
    /// When there are fewer.
    #[must_use]
    pub fn part(&self, first: usize, n: usize) -> Self {
        Self { cells: &self.cells[first * self.stride..(first + n) * self.stride], n_rows: n, ..*self }
    }

    /// Where a row lies, if there is such a row.
    #[inline]
    pub(super) fn pointer(&self, row: usize) -> *const f32 {
        self.cells.as_ptr().wrapping_add(row * self.stride)
    }

    /// Where the rows lie that are `ids`.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline]
    pub(super) fn pointers<const N: usize>(&self, ids: [u16; N]) -> [*const f32; N] {
        let largest = ids.iter().copied().fold(0, u16::max);
        assert!(usize::from(largest) < self.n_rows(), "ids are rows");
        ids.map(|id| self.pointer(usize::from(id)))
    }

    /// The cells of one row.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &'a [f32] {
        &self.cells[row * self.stride..][..self.n_columns]
    }

    /// Asks the memory for rows from `first` on that are wanted soon, as far as there are any; a hint without an effect
    /// on results.
    #[inline]
    pub fn ask_for(&self, first: usize, n: usize) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let end = ((first + n) * self.stride).min(self.cells.len());
            for cell in (first * self.stride..end).step_by(16) {
                // SAFETY: a prefetch reads nothing, and every processor of this architecture has it.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(self.cells.as_ptr().wrapping_add(cell).cast()) };
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (first, n);
    }

    /// Number of tiles that hold all rows.
    #[must_use]
    pub fn n_tiles(&self) -> usize {
        self.n_rows().div_ceil(LANES)
    }

    /// Number of rows in tile `t`.
    ///
    /// # Panics
    /// When there is no such tile.
    #[must_use]
    pub fn n_rows_in(&self, t: usize) -> usize {
        (self.n_rows() - t * LANES).min(LANES)
    }
}

/// One column of sixteen rows or centroids: a cache line, so that no vector of it lies across two.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Column(pub(super) [f32; LANES]);

/// The cells of columns, one column after the other.
pub(super) fn cells_of(columns: &[Column]) -> &[f32] {
    // SAFETY: a column is 16 cells and nothing else.
    unsafe { std::slice::from_raw_parts(columns.as_ptr().cast(), columns.len() * LANES) }
}

/// Up to [`LANES`] neighbouring rows, transposed; used again for one tile after the other.
#[derive(Clone, Debug)]
pub struct Tile {
    level: KernelLevel,
    n_columns: usize,
    columns: Vec<Column>,
}

impl Tile {
    /// An empty tile for rows of `n_columns`.
    ///
    /// # Panics
    /// When this processor cannot run `level`: a programmer error.
    #[must_use]
    pub fn new(level: KernelLevel, n_columns: usize) -> Self {
        assert!(level.available(), "{level:?} is not available on this processor");
        Self { level, n_columns, columns: vec![Column([0.0; LANES]); n_columns.next_multiple_of(8)] }
    }

    /// Takes in the rows of tile `t`; lanes without a row repeat the last row.
    ///
    /// # Panics
    /// When there is no such tile or the widths differ: a programmer error.
    pub fn load(&mut self, rows: Rows<'_>, t: usize) {
        assert_eq!(rows.n_columns, self.n_columns, "width of rows and tile");
        let (base, last) = (t * LANES, rows.n_rows_in(t) - 1);
        rows.ask_for(base + LANES, LANES);
        self.take(rows, std::array::from_fn(|lane| base + lane.min(last)));
    }

    fn take(&mut self, rows: Rows<'_>, ids: [usize; LANES]) {
        #[cfg(target_arch = "x86_64")]
        if self.level == KernelLevel::Avx2 {
            // Whole vectors may be read up to the stride, not beyond the row.
            let n_whole = (rows.stride / 8 * 8).min(self.n_columns.next_multiple_of(8));
            let starts = ids.map(|id| id * rows.stride);
            assert!(starts.iter().all(|start| start + n_whole <= rows.cells.len()), "ids are rows");
            // SAFETY: `new` has checked the level; every row has `stride` cells, the tile room for `n_whole`
            // columns of 16.
            unsafe { avx2::load(rows.cells, starts, n_whole, &mut self.columns) };
            self.take_columns(rows, ids, n_whole.min(self.n_columns));
            return;
        }
        self.take_columns(rows, ids, 0);
    }

    fn take_columns(&mut self, rows: Rows<'_>, ids: [usize; LANES], from: usize) {
        if from == self.n_columns {
            return;
        }
        for (lane, id) in ids.into_iter().enumerate() {
            let row = &rows.row(id)[from..];
            for (column, &cell) in self.columns[from..].iter_mut().zip(row) {
                column.0[lane] = cell;
            }
        }
    }

    /// Column by column, [`LANES`] cells each.
    #[must_use]
    pub fn cells(&self) -> &[f32] {
        &cells_of(&self.columns)[..self.n_columns * LANES]
    }

    /// Number of columns.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256, _mm_loadu_ps, _mm256_castps128_ps256, _mm256_insertf128_ps, _mm256_shuffle_ps,
        _mm256_storeu_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
    };

    use super::{Column, LANES};

    /// Transposes the `n_columns` (a multiple of 8) leading cells of the 16 rows that start at `starts`.
    ///
    /// # Safety
    /// Needs AVX2; `n_columns` cells from every start lie in `cells`, and `out` has 16 x `n_columns` of them.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn load(cells: &[f32], starts: [usize; LANES], n_columns: usize, out: &mut [Column]) {
        debug_assert!(starts.iter().all(|s| s + n_columns <= cells.len()) && out.len() >= n_columns);
        for half in 0..2 {
            // SAFETY: the caller has checked rows and room.
            unsafe {
                let rows: [*const f32; 8] = std::array::from_fn(|i| cells.as_ptr().add(starts[half * 8 + i]));
                for column in (0..n_columns).step_by(4) {
                    let to = out.as_mut_ptr().add(column).cast::<f32>().add(half * 8);
                    for (c, x) in four_columns(&rows, column).into_iter().enumerate() {
                        _mm256_storeu_ps(to.add(c * LANES), x);
                    }
                }
            }
        }
    }

    /// Columns `column..column + 4` of eight rows, one vector each.
    ///
    /// # Safety
    /// Needs AVX2; the cells are readable.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn four_columns(rows: &[*const f32; 8], column: usize) -> [__m256; 4] {
        // Rows i and i + 4 share a vector, so that nothing has to cross its halves.
        let pair = |i: usize| {
            // SAFETY: see above.
            unsafe {
                let low = _mm256_castps128_ps256(_mm_loadu_ps(rows[i].add(column)));
                _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(rows[i + 4].add(column)))
            }
        };
        let (a, b, c, d) = (pair(0), pair(1), pair(2), pair(3));
        let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (other_low, other_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        [
            _mm256_shuffle_ps::<0x44>(low, other_low),
            _mm256_shuffle_ps::<0xEE>(low, other_low),
            _mm256_shuffle_ps::<0x44>(high, other_high),
            _mm256_shuffle_ps::<0xEE>(high, other_high),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_transposed_at_every_width_stride_and_level() {
        for (n, d, stride) in [(1, 1, 1), (5, 3, 8), (16, 8, 8), (37, 13, 13), (33, 20, 24), (20, 9, 12)] {
            let cells: Vec<f32> = (0..n * stride).map(|i| i as f32).collect();
            let rows = Rows::new(&cells, stride, d);
            for level in [KernelLevel::Portable, KernelLevel::detect()] {
                let mut tile = Tile::new(level, d);
                for t in 0..rows.n_tiles() {
                    tile.load(rows, t);
                    for (i, &cell) in tile.cells().iter().enumerate() {
                        let row = t * LANES + (i % LANES).min(rows.n_rows_in(t) - 1);
                        assert_eq!(cell, (row * stride + i / LANES) as f32, "{level:?} {n} {d} {stride}");
                    }
                }
            }
        }
    }
}
