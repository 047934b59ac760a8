//! Fits every number of personas in a range, measures all, and chooses one by the rule of [`super::decide`].

use std::ops::Range;

use rayon::prelude::*;

use super::choice::{Candidate, Choice, ChoiceReport, Reason, Structure};
use super::decide::decide;
pub(crate) use super::measure::{Fit, measure};
use super::sample::{MAX_ROWS, rows, select};
use super::silhouettes::silhouettes;
use super::stability::{Reference, Resampled, Resampling};
use super::structure::compare;
use crate::error::DataError;
use crate::personas::clustering::lloyd::{FinalAssignment, Rules, Run};
use crate::personas::clustering::points::Points;
use crate::personas::clustering::starts::{pick_best, random_run};
use crate::random::Random;

/// Stream of the seed for the sample that silhouettes are measured on; the starts of fits use streams below.
const SAMPLE: u64 = (1 << 32) + 3;

/// What a search needs besides the rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    pub(crate) choice: Choice,
    pub(crate) n_init: usize,
    pub(crate) min_size: usize,
    pub(crate) seed: u64,
    pub(crate) rules: Rules,
}

/// The chosen fit.
pub(crate) struct Chosen {
    pub(crate) run: Run,
    pub(crate) assignment: FinalAssignment,
    pub(crate) report: ChoiceReport,
}

/// Tries what was asked and chooses. All runs of all k are independent tasks; equal bytes at any number of threads.
///
/// `features` are the columns of every feature. With `n_resamples` 0 neither stability nor structure is measured.
///
/// # Errors
/// No customers, or a number of personas that was asked for and whose every run was refused.
pub(crate) fn choose(
    points: &Points<'_>,
    features: &[Range<usize>],
    n_resamples: usize,
    search: Search,
) -> Result<Chosen, DataError> {
    let (low, high) = match search.choice {
        Choice::Fixed(k) => (k, k),
        Choice::Range(low, high) => (low, high),
    };
    let n_distinct = points.n_distinct(high.max(2));
    let needed = low.max(2);
    if n_distinct < needed || high == 1 {
        let reason = if high == 1 { Reason::Asked } else { Reason::TooFewDistinct { n_distinct, needed } };
        return Ok(one_for_all(points, search, reason));
    }
    let (mut fits, mut refused) = sweep(points, low..=high.min(n_distinct), search)?;
    refused.extend((n_distinct + 1..=high).map(|k| (k, format!("only {n_distinct} distinct customers"))));
    let mut resampled = examine(points, &mut fits, n_resamples, search);
    let structure = if n_resamples > 0 { judge(points, features, &mut fits, search) } else { None };
    let candidates: Vec<Candidate> = fits.iter().map(|fit| fit.candidate.clone()).collect();
    let Some((at, reason)) = decide(&candidates, search.choice, structure.as_ref()) else {
        let mut chosen = one_for_all(points, search, Reason::NoneLargeEnough);
        chosen.report = ChoiceReport { candidates, refused, structure, ..chosen.report };
        return Ok(chosen);
    };
    let Fit { run, assignment, candidate } = fits.swap_remove(at);
    let report = ChoiceReport {
        k: candidate.k,
        candidates,
        refused,
        structure,
        jaccards: resampled.swap_remove(at).map_or_else(Vec::new, |resampled| resampled.jaccards),
        ..ChoiceReport::new(search, reason)
    };
    Ok(Chosen { run, assignment, report })
}

/// A number of personas that could not be fitted, and why.
type Refused = (usize, String);

/// The best fit of every number, ascending, and the numbers whose every run was refused.
///
/// # Errors
/// The first refusal when all were.
fn sweep(
    points: &Points<'_>,
    ks: std::ops::RangeInclusive<usize>,
    search: Search,
) -> Result<(Vec<Fit>, Vec<Refused>), DataError> {
    let tasks: Vec<(usize, usize)> =
        ks.clone().rev().flat_map(|k| (0..search.n_init).map(move |r| (k, r))).collect();
    let mut runs: Vec<(usize, Result<Run, DataError>)> = tasks
        .into_par_iter()
        .map(|(k, r)| (k, random_run(points, k, r, search.seed, search.rules)))
        .collect();
    let (mut fits, mut refused) = (Vec::new(), Vec::new());
    let mut first_refusal = None;
    for k in ks {
        let of_k = runs.split_off(runs.len() - search.n_init);
        debug_assert!(of_k.iter().all(|run| run.0 == k), "runs of {k}");
        match pick_best(of_k.into_iter().map(|(_, run)| run).collect()) {
            Ok(run) => fits.push(measure(points, run, search)),
            Err(error) => {
                refused.push((k, error.to_string()));
                first_refusal.get_or_insert(error);
            }
        }
    }
    match first_refusal {
        Some(error) if fits.is_empty() => Err(error),
        _ => Ok((fits, refused)),
    }
}

/// Adds silhouettes and stability to all candidates; by candidate, what resampling found.
fn examine(
    points: &Points<'_>,
    fits: &mut [Fit],
    n_resamples: usize,
    search: Search,
) -> Vec<Option<Resampled>> {
    let sampled = sample(points, search.seed);
    let of_sample = |labels: &[u32]| sampled.iter().map(|&row| labels[row]).collect();
    let labels: Vec<Vec<u32>> = fits.iter().map(|fit| of_sample(&fit.assignment.labels)).collect();
    let silhouettes = silhouettes(&select(points.rows(), &sampled), &labels, points.n_rows());
    let references: Vec<Reference<'_>> =
        fits.iter().map(|fit| Reference { k: fit.candidate.k, labels: &fit.assignment.labels }).collect();
    let resampling = Resampling { points, rules: search.rules, n_resamples, seed: search.seed };
    let resampled = resampling.measure(&references);
    for ((fit, silhouette), resampled) in fits.iter_mut().zip(silhouettes).zip(&resampled) {
        fit.candidate.silhouette = silhouette;
        fit.candidate.stability = resampled.as_ref().map(|r| r.stability.clone());
    }
    resampled
}

/// Compares with customers without groups: adds their silhouettes to all candidates.
fn judge(
    points: &Points<'_>,
    features: &[Range<usize>],
    fits: &mut [Fit],
    search: Search,
) -> Option<Structure> {
    let sample = select(points.rows(), &sample(points, search.seed));
    // More would leave the sample a handful of customers each.
    let several = |k: usize| k > 1 && k <= sample.n_rows() / 4;
    let ks: Vec<usize> = fits.iter().map(|fit| fit.candidate.k).filter(|&k| several(k)).collect();
    let comparison = compare(&sample, features, &ks, search.seed, search.rules)?;
    let tried = fits.iter_mut().filter(|fit| several(fit.candidate.k));
    for (fit, null) in tried.zip(comparison.nulls) {
        fit.candidate.null = Some(null);
    }
    Some(comparison.structure)
}

/// The rows that silhouettes and replicates are made of.
fn sample(points: &Points<'_>, seed: u64) -> Vec<usize> {
    rows(points.n_rows(), MAX_ROWS, Random::new(seed).stream(SAMPLE))
}

impl ChoiceReport {
    /// One persona and nothing tried.
    pub(crate) fn new(search: Search, reason: Reason) -> Self {
        Self {
            asked: search.choice,
            k: 1,
            reason,
            min_size: search.min_size,
            candidates: Vec::new(),
            refused: Vec::new(),
            structure: None,
            jaccards: Vec::new(),
            earlier: None,
        }
    }
}

pub(crate) fn one_for_all(points: &Points<'_>, search: Search, reason: Reason) -> Chosen {
    let inertia = points.total_inertia();
    let run = Run {
        centroids: points.means(),
        inertia,
        n_iterations: 0,
        converged: true,
        last_movement: 0.0,
        n_reseeded: 0,
        steps: Vec::new(),
    };
    let distance = |row| points.squared_distance(row, &run.centroids);
    let squared: Vec<f64> = (0..points.n_rows()).map(distance).collect();
    let assignment = FinalAssignment {
        labels: vec![0; points.n_rows()],
        inertia: squared.iter().sum(),
        distances: squared.into_iter().map(f64::sqrt).collect(),
        second_distances: Vec::new(),
        sizes: vec![points.n_rows() as u64],
    };
    Chosen { run, assignment, report: ChoiceReport::new(search, reason) }
}
