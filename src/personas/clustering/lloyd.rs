//! Lloyd's iterations with sums corrected by moved rows only.
//!
//! Sums of [`super::points`] are exact, so they do not depend on the order or number of moves, nor on threads.

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::array::Distance;
use super::assignment::Clusters;
use super::points::{BLOCK, Points};
use crate::error::DataError;
use crate::kernels::KernelLevel;
use crate::kernels::assign::PackedCentroids;
use crate::kernels::tile::{LANES, Tile};

/// Iterations granted beyond the limit while clusters without rows are being filled.
const GRACE: usize = 100;

/// Whether rows are skipped whose nearest centroid cannot have changed. The result is the same, bit for bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pruning {
    /// Where it pays.
    #[default]
    Auto,
    /// Never: every row meets every centroid in every iteration.
    Never,
    /// From the second assignment on.
    Always,
}

/// What ends a run, and how it computes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) level: KernelLevel,
    pub(crate) pruning: Pruning,
    pub(crate) distance: Distance,
    pub(crate) max_iterations: usize,
    /// Of the mean column variance.
    pub(crate) tolerance: f64,
}

/// Where a run begins.
pub(crate) enum Start {
    /// Row-major centroids.
    Centroids(Vec<f64>),
    /// A cluster for every row, and how many clusters there are; some may have no rows.
    Labels(Vec<u32>, usize),
}

/// One assignment on the way: sum of squares before the update, rows per cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Sum of squared distances to the centroids of this step.
    pub inertia: f64,
    /// Rows per cluster.
    pub sizes: Vec<u64>,
}

/// The end of one run.
pub(crate) struct Run {
    pub(crate) centroids: Vec<f64>,
    /// Against `centroids`.
    pub(crate) inertia: f64,
    pub(crate) n_iterations: usize,
    pub(crate) converged: bool,
    /// Sum of squared movements of the last update.
    pub(crate) last_movement: f64,
    /// Clusters that lost all rows and were moved to the farthest row.
    pub(crate) n_reseeded: usize,
    pub(crate) steps: Vec<Step>,
}

/// One run from `start` to a fixed point, the tolerance or the limit. Ends with an assignment against the very
/// centroids it returns, in which no cluster is empty.
///
/// # Errors
/// Too few distinct rows, or clusters that lose their rows again and again because rows differ by less than the
/// resolution of a distance.
pub(crate) fn run(points: &Points<'_>, start: Start, rules: Rules) -> Result<Run, DataError> {
    let d = points.n_columns();
    let mut run = Run {
        centroids: Vec::new(),
        inertia: 0.0,
        n_iterations: 0,
        converged: false,
        last_movement: 0.0,
        n_reseeded: 0,
        steps: Vec::new(),
    };
    let mut clusters = match start {
        Start::Centroids(centroids) => {
            let k = centroids.len() / d;
            run.centroids = centroids;
            Clusters::unassigned(points, k, rules)
        }
        Start::Labels(labels, k) => {
            let mut clusters = Clusters::of_labels(points, &labels, k, rules);
            run.n_reseeded += clusters.fill_empty(&clusters.centroids())?;
            run.centroids = clusters.centroids();
            clusters
        }
    };
    let k = clusters.sizes().len();
    let mut stop = false;
    loop {
        clusters.assign(PackedCentroids::pack(rules.level, k, d, &run.centroids));
        run.inertia = clusters.inertia(&run.centroids);
        let sizes = clusters.sizes().to_vec();
        let n_filled = clusters.fill_empty(&run.centroids)?;
        if stop && n_filled == 0 {
            return Ok(run);
        }
        run.steps.push(Step { inertia: run.inertia, sizes });
        run.n_reseeded += n_filled;
        run.n_iterations += 1;
        if run.n_iterations > rules.max_iterations + GRACE {
            let detail = "clusters keep losing all rows: rows differ too little".to_owned();
            return Err(DataError::NotConverged { model: "k-means", detail });
        }
        let centroids = clusters.centroids();
        run.last_movement = centroids.iter().zip(&run.centroids).map(|(a, b)| (a - b) * (a - b)).sum();
        run.centroids = centroids;
        run.converged = run.last_movement <= rules.tolerance * points.mean_variance();
        stop = run.converged || run.n_iterations >= rules.max_iterations;
    }
}

/// The one assignment everything reported is read from.
pub(crate) struct FinalAssignment {
    pub(crate) labels: Vec<u32>,
    /// Distance to the own centroid.
    pub(crate) distances: Vec<f64>,
    /// Distance to the second nearest centroid; empty for a single cluster.
    pub(crate) second_distances: Vec<f64>,
    pub(crate) sizes: Vec<u64>,
    /// Weighted sum of squared distances from direct differences in f64, block by block.
    pub(crate) inertia: f64,
}

/// Assigns every row to its nearest of the given row-major centroids.
pub(crate) fn final_assignment(
    points: &Points<'_>,
    centroids: &[f64],
    level: KernelLevel,
) -> FinalAssignment {
    let d = points.n_columns();
    let k = centroids.len() / d;
    let packed = PackedCentroids::pack(level, k, d, centroids);
    let blocks = by_block(points, |block| {
        let rows = points.rows();
        let mut tile = Tile::new(level, d);
        let mut out = Vec::with_capacity(block.len());
        for t in block.start / LANES..block.end.div_ceil(LANES) {
            tile.load(rows, t);
            let two = packed.two_nearest(&tile);
            for lane in 0..rows.n_rows_in(t) {
                let distance =
                    |j: u32| points.squared_distance(t * LANES + lane, &centroids[j as usize * d..][..d]);
                out.push((two.first[lane], distance(two.first[lane]), distance(two.second[lane])));
            }
        }
        out
    });
    let n = points.n_rows();
    let mut out = FinalAssignment {
        labels: Vec::with_capacity(n),
        distances: Vec::with_capacity(n),
        second_distances: Vec::with_capacity(if k > 1 { n } else { 0 }),
        sizes: vec![0; k],
        inertia: 0.0,
    };
    for block in blocks {
        let mut inertia = 0.0;
        for (label, first, second) in block {
            inertia += points.weight(out.labels.len()) * first;
            out.labels.push(label);
            out.distances.push(first.sqrt());
            if k > 1 {
                out.second_distances.push(second.sqrt());
            }
            out.sizes[label as usize] += 1;
        }
        out.inertia += inertia;
    }
    out
}

/// Sizes and inertia of a [`FinalAssignment`], without keeping anything per row.
pub(crate) fn final_sums(points: &Points<'_>, centroids: &[f64], level: KernelLevel) -> (Vec<u64>, f64) {
    let d = points.n_columns();
    let k = centroids.len() / d;
    let packed = PackedCentroids::pack(level, k, d, centroids);
    let blocks = by_block(points, |block| {
        let mut nearest = vec![0; block.len()];
        packed.nearest(points.rows().part(block.start, block.len()), &mut nearest);
        let (mut sizes, mut inertia) = (vec![0; k], 0.0);
        for (row, j) in block.zip(nearest) {
            sizes[j as usize] += 1;
            inertia += points.weight(row) * points.squared_distance(row, &centroids[j as usize * d..][..d]);
        }
        (sizes, inertia)
    });
    let mut sums = (vec![0; k], 0.0);
    for (sizes, inertia) in blocks {
        sums.0.iter_mut().zip(sizes).for_each(|(size, of_block): (&mut u64, u64)| *size += of_block);
        sums.1 += inertia;
    }
    sums
}

/// What `of_block` finds out about every block of rows, in block order.
fn by_block<T: Send>(points: &Points<'_>, of_block: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let n = points.n_rows();
    let blocks = (0..n.div_ceil(BLOCK)).into_par_iter();
    blocks.map(|b| of_block(b * BLOCK..((b + 1) * BLOCK).min(n))).collect()
}
