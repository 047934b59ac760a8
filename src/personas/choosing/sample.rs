//! Seeded samples of the rows of a fit, and quick fits on them.

use crate::kernels::tile::Rows;
use crate::personas::clustering::lloyd::{Rules, Run};
use crate::personas::clustering::points::Points;
use crate::personas::clustering::starts::{pick_best, random_run};
use crate::personas::grid::GridMatrix;
use crate::random::Random;

/// Most rows of a sample that is fitted or compared pair by pair: it bounds what choosing costs on large tables.
pub(crate) const MAX_ROWS: usize = 2000;

/// Starts of a quick fit.
const N_STARTS: usize = 2;

/// Updates after which a run of a quick fit stops.
const MAX_ITERATIONS: usize = 50;

/// Tolerance of a quick fit: labels hardly move any more.
const TOLERANCE: f64 = 1e-3;

/// Numbers of `n_chosen` different rows out of `n_rows`, ascending; every set is equally likely.
pub(crate) fn rows(n_rows: usize, n_chosen: usize, random: Random) -> Vec<usize> {
    if n_chosen >= n_rows {
        return (0..n_rows).collect();
    }
    let mut keyed: Vec<(u64, usize)> = (0..n_rows).map(|row| (random.bits(row as u64), row)).collect();
    keyed.select_nth_unstable(n_chosen);
    let mut chosen: Vec<usize> = keyed[..n_chosen].iter().map(|&(_, row)| row).collect();
    chosen.sort_unstable();
    chosen
}

/// The rows with the given numbers.
pub(crate) fn select(all: Rows<'_>, numbers: &[usize]) -> GridMatrix {
    let mut selected = GridMatrix::zeros(numbers.len(), all.n_columns());
    let stride = selected.stride();
    for (out, &row) in selected.cells_mut().chunks_exact_mut(stride).zip(numbers) {
        out[..all.n_columns()].copy_from_slice(all.row(row));
    }
    selected
}

/// The best of a few loosely converged runs; `None` when the rows cannot carry `k` clusters.
pub(crate) fn quick_fit(points: &Points<'_>, k: usize, seed: u64, rules: Rules) -> Option<Run> {
    let rules = Rules {
        max_iterations: rules.max_iterations.min(MAX_ITERATIONS),
        tolerance: rules.tolerance.max(TOLERANCE),
        ..rules
    };
    pick_best((0..N_STARTS).map(|r| random_run(points, k, r, seed, rules)).collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_drawn_equally_often_and_never_twice() {
        let mut times = [0; 10];
        for seed in 0..2000 {
            let chosen = rows(10, 4, Random::new(seed));
            assert_eq!(chosen.len(), 4);
            assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
            chosen.iter().for_each(|&row| times[row] += 1);
        }
        assert!(times.iter().all(|n| (720..880).contains(n)), "{times:?}");
        assert_eq!(rows(3, 5, Random::new(1)), [0, 1, 2]);
    }

    #[test]
    fn selected_rows_keep_their_cells() {
        let mut matrix = GridMatrix::zeros(4, 2);
        for row in 0..4 {
            matrix.cells_mut()[row * 8 + 1] = row as f32;
        }
        let selected = select(matrix.rows(), &[1, 3]);
        assert_eq!((selected.row(0), selected.row(1)), (&[0.0, 1.0][..], &[0.0, 3.0][..]));
    }
}
