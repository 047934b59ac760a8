//! The exact solve of one row against the side that is held still.
//!
//! The fixed side is kept in the eigenbasis of its Gramian G, a common rotation under which neither the loss nor any
//! score changes. There alpha0 * G + lambda_u * Id is a diagonal D, and the row
//!
//! w = (D + H'H)^-1 H'1, H = the rows of the n_u items of the history,
//!
//! has two exact forms: the d x d system for long histories, and for short ones w = D^-1 H'(Id + H D^-1 H')^-1 1
//! with an n_u x n_u system (Woodbury's identity).

use crate::kernels::lanes::dot_in_lanes;
use crate::kernels::syrk::{TILE, add_gram};
use crate::kernels::{KernelLevel, cholesky, rows};

use super::IalsValid;

/// Rows gathered before one rank-k update: with the matrix they fill a first-level cache at d = 64.
const PANEL: usize = 64;

/// Rows whose contribution to a system is summed on its own; the contributions are added in order. It is the unit
/// of parallel work on a very long row, so it is part of what "same bytes" means.
const CHUNK: usize = 4096;

/// Working memory of a row solve, reused from row to row.
#[derive(Clone, Debug)]
pub struct FoldInScratch {
    /// d x d.
    matrix: Vec<f32>,
    /// Rows for a rank-k update.
    panel: Vec<f32>,
    /// d x d: the sum of a further chunk.
    chunk: Vec<f32>,
    inverse_diagonal: Vec<f32>,
    /// D, and the scale D^-1/2.
    diagonal: Vec<f32>,
    scale: Vec<f32>,
    /// Right-hand side and solution of the short form.
    coefficients: Vec<f32>,
}

impl FoldInScratch {
    /// Memory for models with `n_factors` factors.
    #[must_use]
    pub fn new(n_factors: usize) -> Self {
        let d = n_factors;
        Self {
            matrix: vec![0.0; d * d],
            panel: vec![0.0; PANEL.max(d) * d],
            chunk: Vec::new(),
            inverse_diagonal: vec![0.0; d],
            diagonal: vec![0.0; d],
            scale: vec![0.0; d],
            coefficients: Vec::with_capacity(d),
        }
    }

    /// Number of factors it is for.
    #[must_use]
    pub fn n_factors(&self) -> usize {
        self.diagonal.len()
    }

    /// D of the last row.
    #[cfg(feature = "train")]
    pub(super) fn diagonal(&self) -> &[f32] {
        &self.diagonal
    }

    /// Bytes it holds, apart from histories of more than 4,096 items.
    #[must_use]
    pub fn bytes(n_factors: usize) -> usize {
        let d = n_factors;
        4 * (d * d + PANEL.max(d) * d + 4 * d)
    }
}

/// Factors that are held still while the other side is solved.
#[derive(Clone, Debug)]
pub(super) struct FixedSide {
    pub level: KernelLevel,
    pub d: usize,
    /// n_rows x d row-major, in the eigenbasis of their Gramian.
    pub factors: Vec<f32>,
    /// The diagonal of the Gramian in that basis.
    pub gramian: Vec<f32>,
}

/// Longest history for which the short form is used: where both cost the same on real factors.
fn longest_short(d: usize) -> usize {
    d * 3 / 4 / TILE * TILE
}

impl FixedSide {
    pub fn n_rows(&self) -> usize {
        self.factors.len() / self.d
    }

    /// Writes the row with pairs at `ids` to `out`; all zeros when there are none.
    pub fn solve_row(&self, valid: &IalsValid, ids: &[u32], scratch: &mut FoldInScratch, out: &mut [f32]) {
        if ids.is_empty() {
            out.fill(0.0);
            return;
        }
        let ridge = self.set_diagonal(valid, ids.len(), scratch);
        if ids.len() <= longest_short(self.d) {
            self.solve_short(ids, scratch, out);
        } else {
            self.set_system(ids, scratch, out);
            let FoldInScratch { matrix, inverse_diagonal, .. } = scratch;
            cholesky::solve(self.level, matrix, self.d, ridge, out, inverse_diagonal);
        }
    }

    /// Appends to `parts`, for each target row t and each row i of the history, t'A^-1 i for the system A of the
    /// history. The system is factored once for all targets.
    pub fn influence(
        &self,
        valid: &IalsValid,
        ids: &[u32],
        targets: &[u32],
        scratch: &mut FoldInScratch,
        parts: &mut Vec<f32>,
    ) {
        let ridge = self.set_diagonal(valid, ids.len(), scratch);
        let short = ids.len() <= longest_short(self.d);
        if short {
            self.factor_short(ids, scratch);
        } else {
            let mut sum = vec![0.0; self.d];
            self.set_system(ids, scratch, &mut sum);
            let FoldInScratch { matrix, inverse_diagonal, .. } = scratch;
            cholesky::solve(self.level, matrix, self.d, ridge, &mut sum, inverse_diagonal);
        }
        for &target in targets {
            if short {
                self.influence_short(target, ids.len(), scratch);
                parts.extend_from_slice(&scratch.coefficients[..ids.len()]);
            } else {
                let influence = &mut scratch.coefficients;
                influence.clear();
                influence.extend_from_slice(self.row(target));
                cholesky::solve_again(&scratch.matrix, self.d, influence, &scratch.inverse_diagonal);
                let dot = |&id: &u32| dot_in_lanes(self.row(id), influence);
                parts.extend(ids.iter().map(dot));
            }
        }
    }

    /// Sets the coefficients to (Id + H D^-1 H')^-1 H D^-1 t, which equals H (D + H'H)^-1 t, from a factored short
    /// system.
    fn influence_short(&self, target: u32, n_ids: usize, scratch: &mut FoldInScratch) {
        let n = n_ids.next_multiple_of(TILE);
        let FoldInScratch { matrix, panel, inverse_diagonal, scale, coefficients, .. } = scratch;
        coefficients.clear();
        coefficients.resize(n, 0.0);
        for ((column, &factor), &scale) in panel.chunks_exact(n).zip(self.row(target)).zip(&*scale) {
            let factor = factor * scale;
            for (sum, &cell) in coefficients.iter_mut().zip(column) {
                *sum += factor * cell;
            }
        }
        cholesky::solve_again(&matrix[..n * n], n, coefficients, &inverse_diagonal[..n]);
    }

    fn row(&self, id: u32) -> &[f32] {
        &self.factors[id as usize * self.d..][..self.d]
    }

    /// Sets D for a row of `n_pairs` pairs and returns the least pivot its system can have.
    pub fn set_diagonal(&self, valid: &IalsValid, n_pairs: usize, scratch: &mut FoldInScratch) -> f32 {
        let ridge = valid.ridge(n_pairs, self.n_rows()) as f32;
        let alpha0 = valid.params().alpha0 as f32;
        for (cell, &eigenvalue) in scratch.diagonal.iter_mut().zip(&self.gramian) {
            *cell = alpha0 * eigenvalue + ridge;
        }
        ridge
    }

    fn solve_short(&self, ids: &[u32], scratch: &mut FoldInScratch, out: &mut [f32]) {
        self.factor_short(ids, scratch);
        let FoldInScratch { diagonal, coefficients, .. } = scratch;
        rows::combine(self.level, &self.factors, ids, &coefficients[..ids.len()], out);
        for (x, &diagonal) in out.iter_mut().zip(&*diagonal) {
            *x /= diagonal;
        }
    }

    /// Factors Id + H D^-1 H' and sets the coefficients to its solution for ones; leaves the scaled columns of H in
    /// the panel.
    fn factor_short(&self, ids: &[u32], scratch: &mut FoldInScratch) {
        let n = ids.len().next_multiple_of(TILE);
        let FoldInScratch { matrix, panel, inverse_diagonal, diagonal, scale, coefficients, .. } = scratch;
        for (scale, &diagonal) in scale.iter_mut().zip(&*diagonal) {
            *scale = 1.0 / diagonal.sqrt();
        }
        let panel = &mut panel[..n * self.d];
        rows::gather_columns(self.level, &self.factors, scale, ids, n, panel);
        let matrix = &mut matrix[..n * n];
        set_diagonal_matrix(matrix, n, |_| 1.0);
        add_gram(self.level, matrix, n, panel);
        coefficients.clear();
        coefficients.resize(ids.len(), 1.0);
        coefficients.resize(n, 0.0);
        cholesky::solve(self.level, matrix, n, 1.0, coefficients, &mut inverse_diagonal[..n]);
    }

    /// Sets `matrix` to D + H'H and `sum` to H'1.
    fn set_system(&self, ids: &[u32], scratch: &mut FoldInScratch, sum: &mut [f32]) {
        let FoldInScratch { matrix, panel, chunk, diagonal, .. } = scratch;
        set_diagonal_matrix(matrix, self.d, |j| diagonal[j]);
        sum.fill(0.0);
        let mut chunks = ids.chunks(CHUNK);
        if let Some(first) = chunks.next() {
            self.add_rows(first, panel, matrix, sum);
        }
        for later in chunks {
            chunk.clear();
            chunk.resize(self.d * self.d, 0.0);
            let mut more = vec![0.0; self.d];
            self.add_rows(later, panel, chunk, &mut more);
            add_to(matrix, chunk);
            add_to(sum, &more);
        }
    }

    /// Adds H'H and H'1 of up to a chunk of rows.
    fn add_rows(&self, ids: &[u32], panel: &mut [f32], matrix: &mut [f32], sum: &mut [f32]) {
        for ids in ids.chunks(PANEL) {
            let panel = &mut panel[..ids.len() * self.d];
            rows::gather_and_sum(self.level, &self.factors, ids, panel, sum);
            add_gram(self.level, matrix, self.d, panel);
        }
    }
}

fn set_diagonal_matrix(matrix: &mut [f32], n: usize, diagonal: impl Fn(usize) -> f32) {
    matrix.fill(0.0);
    for j in 0..n {
        matrix[j * (n + 1)] = diagonal(j);
    }
}

fn add_to(sum: &mut [f32], more: &[f32]) {
    for (sum, &more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}

/// Rows long enough to be solved by several threads together.
#[cfg(feature = "train")]
mod long {
    use rayon::prelude::*;

    use super::*;

    /// Whether a row has more than one chunk.
    pub fn is_long(n_pairs: usize) -> bool {
        n_pairs > CHUNK
    }

    impl FixedSide {
        /// [`FixedSide::solve_row`] with the chunks of the row in parallel; the same bytes.
        pub fn solve_long_row(&self, valid: &IalsValid, ids: &[u32], out: &mut [f32]) {
            let mut scratch = FoldInScratch::new(self.d);
            let ridge = self.set_diagonal(valid, ids.len(), &mut scratch);
            let sums: Vec<(Vec<f32>, Vec<f32>)> = ids
                .par_chunks(CHUNK)
                .enumerate()
                .map(|(at, ids)| {
                    let (mut matrix, mut sum) = (vec![0.0; self.d * self.d], vec![0.0; self.d]);
                    if at == 0 {
                        set_diagonal_matrix(&mut matrix, self.d, |j| scratch.diagonal[j]);
                    }
                    self.add_rows(ids, &mut vec![0.0; PANEL * self.d], &mut matrix, &mut sum);
                    (matrix, sum)
                })
                .collect();
            let mut sums = sums.into_iter();
            let (mut matrix, sum) = sums.next().unwrap_or_default();
            out.copy_from_slice(&sum);
            for (more, sum) in sums {
                add_to(&mut matrix, &more);
                add_to(out, &sum);
            }
            cholesky::solve(self.level, &mut matrix, self.d, ridge, out, &mut scratch.inverse_diagonal);
        }
    }
}

#[cfg(feature = "train")]
pub(super) use long::is_long;

#[cfg(test)]
mod tests {
    use super::super::IalsParams;
    use super::*;
    use crate::params::Params;
    use crate::random::Random;

    fn fixed(level: KernelLevel, n_rows: usize, d: usize) -> FixedSide {
        let random = Random::new(3);
        let factors: Vec<f32> = (0..n_rows * d)
            .map(|i| 0.3 * random.normal(i as u64) as f32 * (i % d + 1) as f32 / d as f32)
            .collect();
        let gramian = (0..d).map(|j| factors.iter().skip(j).step_by(d).map(|x| x * x).sum()).collect();
        FixedSide { level, d, factors, gramian }
    }

    fn levels() -> [KernelLevel; 2] {
        [KernelLevel::Portable, KernelLevel::detect()]
    }

    /// (D + H'H) w = H'1, put in and looked at in f64.
    #[test]
    fn both_forms_solve_the_system() {
        for (level, d) in levels().into_iter().flat_map(|l| [(l, 8), (l, 64), (l, 120)]) {
            let valid = IalsParams { n_factors: d, ..IalsParams::new(1) }.check().unwrap();
            let fixed = fixed(level, 300, d);
            let mut scratch = FoldInScratch::new(d);
            for n in [1, 5, longest_short(d), longest_short(d) + 1, 200] {
                let ids: Vec<u32> = (0..n as u32).map(|i| i * 299 / 200).collect();
                let mut w = vec![0.0; d];
                fixed.solve_row(&valid, &ids, &mut scratch, &mut w);
                let rows: Vec<&[f32]> = ids.iter().map(|&i| &fixed.factors[i as usize * d..][..d]).collect();
                let misses: Vec<f64> = rows
                    .iter()
                    .map(|h| 1.0 - h.iter().zip(&w).map(|(&h, &w)| f64::from(h) * f64::from(w)).sum::<f64>())
                    .collect();
                for j in 0..d {
                    let pull: f64 = rows.iter().zip(&misses).map(|(h, miss)| miss * f64::from(h[j])).sum();
                    let diagonal = 0.3 * f64::from(fixed.gramian[j]) + valid.ridge(n, 300);
                    let off = pull - diagonal * f64::from(w[j]);
                    assert!(off.abs() < 1e-4, "{level:?} d {d} n {n} factor {j}: {off}");
                }
            }
        }
    }

    #[test]
    fn a_long_row_in_parallel_has_the_bits_of_one_in_sequence() {
        let valid = IalsParams { n_factors: 8, ..IalsParams::new(1) }.check().unwrap();
        for level in levels() {
            let fixed = fixed(level, 10_000, 8);
            let ids: Vec<u32> = (0..10_000).filter(|i| i % 9 != 0).collect();
            let (mut one, mut many) = (vec![0.0; 8], vec![0.0; 8]);
            fixed.solve_row(&valid, &ids, &mut FoldInScratch::new(8), &mut one);
            #[cfg(feature = "train")]
            {
                assert!(is_long(ids.len()));
                fixed.solve_long_row(&valid, &ids, &mut many);
                assert_eq!(one, many, "{level:?}");
            }
            many.fill(0.0);
            fixed.solve_row(&valid, &ids, &mut FoldInScratch::new(8), &mut many);
            assert_eq!(one, many, "{level:?}");
        }
    }

    #[test]
    fn a_row_without_pairs_is_zero() {
        let valid = IalsParams { n_factors: 8, ..IalsParams::new(1) }.check().unwrap();
        let mut w = vec![1.0; 8];
        fixed(KernelLevel::detect(), 3, 8).solve_row(&valid, &[], &mut FoldInScratch::new(8), &mut w);
        assert_eq!(w, [0.0; 8]);
    }
}
