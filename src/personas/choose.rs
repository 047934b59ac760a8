//! Fits every number of personas in a range and chooses one by the stated rule.

use rayon::prelude::*;

use super::choice::{Candidate, Choice, ChoiceReport, Reason};
use super::kmeans::{pick_best, random_run};
use super::lloyd::{FinalAssignment, Rules, Run, final_assignment};
use super::points::Points;
use crate::error::DataError;

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

/// One number of personas, fitted and measured.
pub(crate) struct Fit {
    pub(crate) run: Run,
    pub(crate) assignment: FinalAssignment,
    pub(crate) candidate: Candidate,
}

/// Tries what was asked and chooses. All runs of all k are independent tasks; equal bytes at any number of threads.
///
/// # Errors
/// No customers, or a number of personas that was asked for and whose every run was refused.
pub(crate) fn choose(points: &Points<'_>, search: Search) -> Result<Chosen, DataError> {
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
    let mut refused: Vec<(usize, String)> =
        (n_distinct + 1..=high).map(|k| (k, format!("only {n_distinct} distinct customers"))).collect();
    let tasks: Vec<(usize, usize)> =
        (low..=high.min(n_distinct)).rev().flat_map(|k| (0..search.n_init).map(move |r| (k, r))).collect();
    let mut runs: Vec<(usize, Result<Run, DataError>)> = tasks
        .into_par_iter()
        .map(|(k, r)| (k, random_run(points, k, r, search.seed, search.rules)))
        .collect();
    let mut fits = Vec::new();
    let mut first_refusal = None;
    for k in low..=high.min(n_distinct) {
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
    refused.sort_by_key(|&(k, _)| k);
    if let (true, Some(error)) = (fits.is_empty(), first_refusal) {
        return Err(error);
    }
    let candidates: Vec<Candidate> = fits.iter().map(|fit| fit.candidate.clone()).collect();
    let Some((at, reason)) = decide(&candidates, search.choice) else {
        let mut chosen = one_for_all(points, search, Reason::NoneLargeEnough);
        chosen.report.candidates = candidates;
        chosen.report.refused = refused;
        return Ok(chosen);
    };
    let Fit { run, assignment, candidate } = fits.swap_remove(at);
    let report = ChoiceReport {
        asked: search.choice,
        k: candidate.k,
        reason,
        min_size: search.min_size,
        candidates,
        refused,
    };
    Ok(Chosen { run, assignment, report })
}

/// The position of the chosen candidate and why; `None` when a range holds none with large enough personas.
fn decide(candidates: &[Candidate], choice: Choice) -> Option<(usize, Reason)> {
    if matches!(choice, Choice::Fixed(_)) {
        return Some((0, Reason::Asked));
    }
    let silhouette = |c: &Candidate| c.simplified_silhouette.unwrap_or(0.0);
    let mut best: Option<&Candidate> = None;
    for candidate in candidates.iter().filter(|c| c.large_enough) {
        if best.is_none_or(|best| silhouette(candidate) > silhouette(best)) {
            best = Some(candidate);
        }
    }
    let best = best?;
    let floor = silhouette(best) - best.standard_error.unwrap_or(0.0);
    let at = candidates.iter().position(|c| c.large_enough && silhouette(c) >= floor)?;
    Some((at, Reason::Silhouette { best_k: best.k }))
}

pub(crate) fn measure(points: &Points<'_>, run: Run, search: Search) -> Fit {
    let assignment = final_assignment(points, &run.centroids, search.rules.level);
    let (n, k) = (points.n_rows() as f64, assignment.sizes.len());
    let total = points.total_inertia();
    let within = assignment.inertia;
    let smallest = assignment.sizes.iter().copied().min().unwrap_or(0);
    let (silhouette, error) = simplified_silhouette(&assignment).unzip();
    let defined = k > 1 && points.n_rows() > k && within > 0.0;
    let candidate = Candidate {
        k,
        inertia: within,
        explained_share: if total > 0.0 { 1.0 - within / total } else { 0.0 },
        simplified_silhouette: silhouette,
        standard_error: error,
        calinski_harabasz: defined.then(|| ((total - within) / (k - 1) as f64) / (within / (n - k as f64))),
        smallest,
        large_enough: smallest >= search.min_size as u64,
        converged: run.converged,
    };
    Fit { run, assignment, candidate }
}

/// Mean and standard error of (b - a) / b; `None` for one cluster.
fn simplified_silhouette(assignment: &FinalAssignment) -> Option<(f64, f64)> {
    let n = assignment.second_distances.len() as f64;
    if assignment.second_distances.is_empty() {
        return None;
    }
    let (mut sum, mut squares) = (0.0, 0.0);
    for (a, b) in assignment.distances.iter().zip(&assignment.second_distances) {
        // Rounding of the kernel may name the farther of two almost equal centroids.
        let s = if *b > 0.0 { ((b - a) / b).max(0.0) } else { 0.0 };
        sum += s;
        squares += s * s;
    }
    let mean = sum / n;
    Some((mean, ((squares / n - mean * mean).max(0.0) / n).sqrt()))
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
    let report = ChoiceReport {
        asked: search.choice,
        k: 1,
        reason,
        min_size: search.min_size,
        candidates: Vec::new(),
        refused: Vec::new(),
    };
    Chosen { run, assignment, report }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(k: usize, silhouette: f64, smallest: u64) -> Candidate {
        Candidate {
            k,
            inertia: 1.0,
            explained_share: 0.5,
            simplified_silhouette: Some(silhouette),
            standard_error: Some(0.01),
            calinski_harabasz: None,
            smallest,
            large_enough: smallest >= 25,
            converged: true,
        }
    }

    #[test]
    fn the_smaller_number_within_one_standard_error_of_the_best_is_chosen() {
        let tried =
            [candidate(2, 0.50, 80), candidate(3, 0.595, 40), candidate(4, 0.60, 30), candidate(5, 0.7, 9)];
        assert_eq!(decide(&tried, Choice::Range(2, 5)), Some((1, Reason::Silhouette { best_k: 4 })));
        assert_eq!(decide(&tried[3..], Choice::Fixed(5)), Some((0, Reason::Asked)));
    }

    #[test]
    fn without_a_large_enough_persona_nothing_is_chosen() {
        assert_eq!(decide(&[candidate(2, 0.9, 3), candidate(3, 0.5, 7)], Choice::Range(2, 3)), None);
    }

    #[test]
    fn a_range_that_starts_at_one_compares_with_no_split_as_silhouette_zero() {
        let mut one = candidate(1, 0.0, 100);
        one.simplified_silhouette = None;
        let two = candidate(2, 0.3, 40);
        assert_eq!(decide(&[one, two], Choice::Range(1, 2)).unwrap().0, 1);
    }
}
