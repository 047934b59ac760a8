//! What one fitted number of personas is worth by measures that cost one pass.

use super::choice::Candidate;
use super::choose::Search;
use crate::metrics::clustering::davies_bouldin_of;
use crate::personas::clustering::lloyd::{FinalAssignment, Run, final_assignment};
use crate::personas::clustering::points::Points;

/// One number of personas, fitted and measured.
pub(crate) struct Fit {
    pub(crate) run: Run,
    pub(crate) assignment: FinalAssignment,
    pub(crate) candidate: Candidate,
}

/// Assigns all customers and measures; what needs more than this pass is left out.
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
        davies_bouldin: davies_bouldin_of(&spreads(&assignment), &run.centroids),
        silhouette: None,
        stability: None,
        null: None,
        smallest,
        large_enough: smallest >= search.min_size as u64,
        converged: run.converged,
    };
    Fit { run, assignment, candidate }
}

/// Mean distance to the centroid by cluster.
fn spreads(assignment: &FinalAssignment) -> Vec<f64> {
    let mut sums = vec![0.0; assignment.sizes.len()];
    for (&label, distance) in assignment.labels.iter().zip(&assignment.distances) {
        sums[label as usize] += distance;
    }
    sums.iter().zip(&assignment.sizes).map(|(sum, &size)| sum / size.max(1) as f64).collect()
}

/// Mean and standard error of (b - a) / b; `None` for one cluster.
pub(crate) fn simplified_silhouette(assignment: &FinalAssignment) -> Option<(f64, f64)> {
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

#[cfg(test)]
mod tests {
    use super::super::choice::Choice;
    use super::*;
    use crate::params::Params;
    use crate::personas::PersonaParams;
    use crate::personas::clustering::lloyd::{Start, run};
    use crate::personas::grid::GridMatrix;

    #[test]
    fn two_pairs_on_a_line_by_hand() {
        let mut matrix = GridMatrix::zeros(4, 1);
        for (row, x) in [0.0, 2.0, 10.0, 12.0].into_iter().enumerate() {
            matrix.cells_mut()[row * 8] = x;
        }
        let points = Points::new(&matrix);
        let rules = PersonaParams::new(2, 1).check().unwrap().rules();
        let of = |min_size| {
            let run = run(&points, Start::Centroids(vec![1.0, 11.0]), rules).unwrap();
            let search = Search { choice: Choice::Fixed(2), n_init: 1, min_size, seed: 1, rules };
            measure(&points, run, search).candidate
        };
        let found = of(2);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        close(found.inertia, 4.0);
        close(found.explained_share, 1.0 - 4.0 / 104.0);
        close(found.simplified_silhouette.unwrap(), (10.0 / 11.0 + 8.0 / 9.0) / 2.0);
        close(found.standard_error.unwrap(), (10.0 / 11.0 - 8.0 / 9.0) / 2.0 / 2.0);
        close(found.calinski_harabasz.unwrap(), 50.0);
        close(found.davies_bouldin.unwrap(), 0.2);
        assert_eq!((found.smallest, found.large_enough, of(3).large_enough), (2, true, false));
    }
}
