//! The solve of one row from where the last epoch left it.
//!
//! In the eigenbasis of the Gramian the system of a row is D + H'H with a diagonal D that alone carries most of it, and
//! from epoch to epoch its solution moves little: some three steps of conjugate gradients, 2 n_u d multiply-adds each,
//! take the place of n_u d^2 / 2 + d^3 / 6 for the system and its factor.

use crate::kernels::conjugate::{self, Normal, Work};

use super::IalsValid;
use super::solve::{FixedSide, FoldInScratch};

/// A row is solved when its loss lies provably less than this share of the loss of a row of zeros, which is its number
/// of pairs, above the least. On films (6,022 x 3,043, 12 epochs) the loss of
/// the fit is 468,688.0 for 468,687.6 of exact solves.
const TOLERANCE: f32 = 1e-7;

/// Steps after which a row is solved exactly: about four times what rows need in the mean.
const MAX_STEPS: usize = 12;

/// Longest history that is solved exactly at once: its system is one tile of the kernel.
const SHORT: usize = 8;

/// Working memory of a fit, reused from row to row.
pub(super) struct FitScratch {
    exact: FoldInScratch,
    work: Work,
}

impl FitScratch {
    pub fn new(d: usize) -> Self {
        Self { exact: FoldInScratch::new(d), work: Work::new(d) }
    }

    /// Bytes it holds.
    pub fn bytes(d: usize) -> usize {
        FoldInScratch::bytes(d) + 4 * 4 * d
    }
}

impl FixedSide {
    /// Solves the row with pairs at `ids`, starting from what `row` holds.
    pub fn refine_row(&self, valid: &IalsValid, ids: &[u32], scratch: &mut FitScratch, row: &mut [f32]) {
        let FitScratch { exact, work } = scratch;
        if ids.len() > SHORT {
            self.set_diagonal(valid, ids.len(), exact);
            let normal = Normal { matrix: &self.factors, ids, diagonal: exact.diagonal(), target: 1.0 };
            let tolerance = TOLERANCE * ids.len() as f32;
            if conjugate::refine(self.level, &normal, tolerance, MAX_STEPS, row, work) {
                return;
            }
        }
        self.solve_row(valid, ids, exact, row);
    }

    /// Solves the row exactly, whatever it holds.
    pub fn solve_row_anew(&self, valid: &IalsValid, ids: &[u32], scratch: &mut FitScratch, row: &mut [f32]) {
        self.solve_row(valid, ids, &mut scratch.exact, row);
    }
}

#[cfg(test)]
mod tests {
    use super::super::IalsParams;
    use super::*;
    use crate::kernels::KernelLevel;
    use crate::params::Params;
    use crate::random::Random;

    const D: usize = 16;

    /// Factors whose Gramian is diagonal enough to serve as one.
    fn fixed(level: KernelLevel, scale: f32) -> FixedSide {
        let random = Random::new(5);
        let factors: Vec<f32> = (0..400 * D).map(|i| scale * random.normal(i as u64) as f32).collect();
        let gramian = (0..D).map(|j| factors.iter().skip(j).step_by(D).map(|x| x * x).sum()).collect();
        FixedSide { level, d: D, factors, gramian }
    }

    /// The part of the loss that depends on one row, in f64.
    fn loss(fixed: &FixedSide, valid: &IalsValid, ids: &[u32], row: &[f32]) -> f64 {
        let score = |id: u32| -> f64 {
            let other = &fixed.factors[id as usize * D..][..D];
            other.iter().zip(row).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
        };
        let ridge = valid.ridge(ids.len(), fixed.n_rows());
        let all = row
            .iter()
            .zip(&fixed.gramian)
            .map(|(&x, &g)| (valid.params().alpha0 * f64::from(g) + ridge) * f64::from(x) * f64::from(x));
        ids.iter().map(|&id| (score(id) - 1.0).powi(2)).sum::<f64>() + all.sum::<f64>()
    }

    #[test]
    fn a_refined_row_is_as_near_the_least_loss_as_promised_from_any_start() {
        let valid = IalsParams { n_factors: D, ..IalsParams::new(1) }.check().unwrap();
        for level in [KernelLevel::Portable, KernelLevel::detect()] {
            let fixed = fixed(level, 0.4);
            let mut scratch = FitScratch::new(D);
            for (n, start) in [(1, 0.0), (8, 0.1), (9, 0.0), (40, 0.1), (40, -50.0), (300, 0.0)] {
                let ids: Vec<u32> = (0..n).map(|i| i * 399 / 300).collect();
                let (mut exact, mut refined) = (vec![0.0; D], vec![start; D]);
                fixed.solve_row(&valid, &ids, &mut scratch.exact, &mut exact);
                fixed.refine_row(&valid, &ids, &mut scratch, &mut refined);
                let above = loss(&fixed, &valid, &ids, &refined) - loss(&fixed, &valid, &ids, &exact);
                let promised = f64::from(TOLERANCE) * f64::from(n);
                assert!(
                    above <= 2.0 * promised,
                    "{level:?} {n} from {start}: {above} above, {promised} promised"
                );
            }
        }
    }

    /// A start that rounding never lets converge, and one that is no number.
    #[test]
    fn what_does_not_arrive_is_solved_exactly() {
        let valid =
            IalsParams { n_factors: D, lambda: 1e-6, alpha0: 1e-6, ..IalsParams::new(1) }.check().unwrap();
        let fixed = fixed(KernelLevel::detect(), 3.0);
        let ids: Vec<u32> = (0..200).collect();
        let mut scratch = FitScratch::new(D);
        let mut exact = vec![0.0; D];
        fixed.solve_row(&valid, &ids, &mut scratch.exact, &mut exact);
        for start in [1e9, f32::NAN] {
            let mut row = vec![start; D];
            fixed.refine_row(&valid, &ids, &mut scratch, &mut row);
            assert_eq!(row, exact, "from {start}");
        }
    }
}
