//! Several starts, and the run that ends best.

use rayon::prelude::*;

use super::lloyd::{Rules, Run, Start, run};
use super::points::Points;
use super::seeding::greedy_plus_plus;
use crate::error::DataError;
use crate::kernels::tile::Rows;
use crate::random::Random;

/// Rows from which on random starts are compared on a sample.
const SAMPLED_FROM: usize = 200_000;

/// Runs that go on from the sample to all rows.
const N_FINALISTS: usize = 3;

/// The best of `n_init` runs, by inertia, ties to the earlier run.
pub(crate) fn best_of(
    points: &Points<'_>,
    k: usize,
    n_init: usize,
    seed: u64,
    rules: Rules,
) -> Result<Run, DataError> {
    if points.n_distinct(k) < k {
        return Err(points.too_few_distinct(k));
    }
    if points.n_rows() > SAMPLED_FROM {
        return best_of_sample(points, k, n_init, seed, rules);
    }
    let runs: Vec<Result<Run, DataError>> =
        (0..n_init).into_par_iter().map(|r| random_run(points, k, r, seed, rules)).collect();
    pick_best(runs)
}

/// As [`best_of`], with starts compared on a sample of one row from each of as many equal stretches.
fn best_of_sample(
    points: &Points<'_>,
    k: usize,
    n_init: usize,
    seed: u64,
    rules: Rules,
) -> Result<Run, DataError> {
    let (n, random) = (points.n_rows(), Random::new(seed).stream(u64::MAX));
    let n_sampled = 50_000.max(50 * k).min(n);
    let row = |i: usize| {
        let (from, to) = (i * n / n_sampled, (i + 1) * n / n_sampled);
        from + random.below(i as u64, to - from)
    };
    let mut cells = Vec::with_capacity(n_sampled * points.n_columns());
    let mut weights = Vec::with_capacity(n_sampled);
    for i in 0..n_sampled {
        cells.extend_from_slice(points.row(row(i)));
        weights.push(points.weight(row(i)));
    }
    let rows = Rows::new(&cells, points.n_columns(), points.n_columns());
    let sample = Points::of(rows, points.longest(), Some(&weights));
    if sample.n_distinct(k) < k {
        return random_run(points, k, 0, seed, rules);
    }
    let mut runs = Vec::with_capacity(n_init);
    for r in 0..n_init {
        runs.push(random_run(&sample, k, r, seed, rules)?);
    }
    // Stable: ties to the earlier run.
    runs.sort_by(|a, b| a.inertia.total_cmp(&b.inertia));
    let finalists = runs.into_iter().take(N_FINALISTS);
    pick_best(finalists.map(|start| run(points, Start::Centroids(start.centroids), rules)).collect())
}

/// Run number `r` for `k` clusters.
pub(crate) fn random_run(
    points: &Points<'_>,
    k: usize,
    r: usize,
    seed: u64,
    rules: Rules,
) -> Result<Run, DataError> {
    let random = Random::new(seed).stream(k as u64).stream(r as u64);
    let start = greedy_plus_plus(points, k, random, rules.level);
    run(points, Start::Centroids(start), rules)
}

/// The run with the lowest inertia, ties to the earlier one; the first refusal when no run has ended well.
///
/// # Panics
/// Without runs.
pub(crate) fn pick_best(runs: Vec<Result<Run, DataError>>) -> Result<Run, DataError> {
    let mut best: Option<Result<Run, DataError>> = None;
    for run in runs {
        let better = match (&best, &run) {
            (None, _) | (Some(Err(_)), Ok(_)) => true,
            (Some(Ok(best)), Ok(run)) => run.inertia < best.inertia,
            (Some(_), Err(_)) => false,
        };
        if better {
            best = Some(run);
        }
    }
    best.expect("at least one run")
}
