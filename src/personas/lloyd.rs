//! Lloyd's iterations with sums corrected by moved rows only.
//!
//! Every run starts as "all rows in cluster 0" and every assignment adds and subtracts the rows that moved. On the
//! grid of [`super::grid`] these sums are exact, so they do not depend on the order or number of moves, nor on
//! threads.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::grid::{GridMatrix, squared_distance};
use crate::error::DataError;
use crate::kernels::KernelLevel;
use crate::kernels::assign::{LANES, PackedCentroids, RowTiles};

/// Rows that one task assigns. Only the division of work: results do not depend on it.
const BLOCK: usize = 4096;

/// Below this many blocks one thread assigns; the runs beside each other keep the threads busy.
const PARALLEL_BLOCKS: usize = 8;

/// Iterations granted beyond the limit while clusters without rows are being filled.
const GRACE: usize = 100;

/// The rows of a fit in every layout the algorithm needs.
pub(crate) struct Points<'a> {
    pub(crate) matrix: &'a GridMatrix,
    pub(crate) tiles: RowTiles,
    /// Squared length of every row.
    pub(crate) squares: Vec<f64>,
    totals: Vec<f64>,
    sum_of_squares: f64,
    mean_variance: f64,
}

impl<'a> Points<'a> {
    pub(crate) fn new(matrix: &'a GridMatrix) -> Self {
        let n_columns = matrix.n_columns();
        let mut totals = vec![0.0; n_columns];
        let mut squares = Vec::with_capacity(matrix.n_rows());
        for row in 0..matrix.n_rows() {
            let row = matrix.row(row);
            add_row(&mut totals, row, 1.0);
            squares.push(row.iter().map(|&x| f64::from(x) * f64::from(x)).sum());
        }
        let sum_of_squares: f64 = squares.iter().sum();
        let mut points = Self {
            matrix,
            tiles: RowTiles::pack(matrix.cells(), matrix.stride(), n_columns),
            squares,
            totals,
            sum_of_squares,
            mean_variance: 0.0,
        };
        points.mean_variance = points.total_inertia() / (points.n_rows() * n_columns).max(1) as f64;
        points
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.matrix.n_rows()
    }

    pub(crate) fn n_columns(&self) -> usize {
        self.matrix.n_columns()
    }

    /// The mean of every column.
    pub(crate) fn means(&self) -> Vec<f64> {
        self.totals.iter().map(|total| total / self.n_rows() as f64).collect()
    }

    /// Sum of squared distances to the mean of all rows.
    pub(crate) fn total_inertia(&self) -> f64 {
        let n = self.n_rows() as f64;
        (self.sum_of_squares - self.totals.iter().map(|t| t * (t / n)).sum::<f64>()).max(0.0)
    }

    /// Number of distinct rows, counted up to `limit`.
    pub(crate) fn n_distinct(&self, limit: usize) -> usize {
        // Plus 0 turns a negative zero into zero, so that equal cells have equal bits.
        let bits =
            |row: usize| self.matrix.row(row).iter().map(|x| (x + 0.0).to_bits()).collect::<Vec<u32>>();
        let mut seen = std::collections::BTreeSet::new();
        for row in 0..self.n_rows() {
            if seen.len() >= limit {
                break;
            }
            seen.insert(bits(row));
        }
        seen.len()
    }
}

/// What ends a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) level: KernelLevel,
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

/// Rows by cluster and their exact sums.
struct Clusters {
    labels: Vec<u32>,
    sums: Vec<f64>,
    sizes: Vec<u64>,
}

impl Clusters {
    fn all_in_the_first(points: &Points<'_>, k: usize) -> Self {
        let mut sums = vec![0.0; k * points.n_columns()];
        sums[..points.n_columns()].copy_from_slice(&points.totals);
        let mut sizes = vec![0; k];
        sizes[0] = points.n_rows() as u64;
        Self { labels: vec![0; points.n_rows()], sums, sizes }
    }

    fn of_labels(points: &Points<'_>, labels: Vec<u32>, k: usize) -> Self {
        let d = points.n_columns();
        let mut clusters = Self { labels, sums: vec![0.0; k * d], sizes: vec![0; k] };
        for (row, &label) in clusters.labels.iter().enumerate() {
            add_row(&mut clusters.sums[label as usize * d..][..d], points.matrix.row(row), 1.0);
            clusters.sizes[label as usize] += 1;
        }
        clusters
    }

    /// Assigns every row to its nearest centroid.
    fn assign(&mut self, points: &Points<'_>, centroids: &PackedCentroids) {
        let k = self.sizes.len();
        let block = |(b, labels): (usize, &mut [u32])| assign_block(points, centroids, b, labels, k);
        let changes: Vec<Option<Change>> = if self.labels.len() >= PARALLEL_BLOCKS * BLOCK {
            self.labels.par_chunks_mut(BLOCK).enumerate().map(block).collect()
        } else {
            self.labels.chunks_mut(BLOCK).enumerate().map(block).collect()
        };
        for change in changes.into_iter().flatten() {
            for (sum, change) in self.sums.iter_mut().zip(&change.sums) {
                *sum += change;
            }
            for (size, change) in self.sizes.iter_mut().zip(&change.sizes) {
                *size = size.checked_add_signed(*change).expect("a cluster never has fewer than 0 rows");
            }
        }
    }

    /// Sum of squared distances to `centroids`, from the exact sums: sum |x|^2 - sum_j (2 S_j'c_j - N_j |c_j|^2).
    fn inertia(&self, points: &Points<'_>, centroids: &[f64]) -> f64 {
        let d = points.n_columns();
        let mut saved = 0.0;
        for (j, &size) in self.sizes.iter().enumerate() {
            for (s, c) in self.sums[j * d..(j + 1) * d].iter().zip(&centroids[j * d..(j + 1) * d]) {
                saved += c * (2.0 * s - size as f64 * c);
            }
        }
        (points.sum_of_squares - saved).max(0.0)
    }

    /// Means of all clusters, none of which is empty.
    fn means(&self, d: usize) -> Vec<f64> {
        let size_of = |cell: usize| self.sizes[cell / d] as f64;
        self.sums.iter().enumerate().map(|(cell, sum)| sum / size_of(cell)).collect()
    }

    /// Gives every empty cluster, in index order, the row farthest from its centroid among clusters of more than
    /// one row (ties: the lower row). Returns how many were filled.
    fn fill_empty(&mut self, points: &Points<'_>, centroids: &[f64]) -> Result<usize, DataError> {
        let d = points.n_columns();
        let empty: Vec<usize> = (0..self.sizes.len()).filter(|&j| self.sizes[j] == 0).collect();
        if empty.is_empty() {
            return Ok(0);
        }
        let mut far: Vec<f64> = (0..points.n_rows())
            .map(|row| {
                squared_distance(points.matrix.row(row), &centroids[self.labels[row] as usize * d..][..d])
            })
            .collect();
        for &j in &empty {
            let mut farthest: Option<usize> = None;
            for row in 0..far.len() {
                let open = self.sizes[self.labels[row] as usize] > 1;
                if open && farthest.is_none_or(|best| far[row] > far[best]) {
                    farthest = Some(row);
                }
            }
            let row = farthest.ok_or_else(|| too_few_distinct(points, self.sizes.len()))?;
            let old = self.labels[row] as usize;
            add_row(&mut self.sums[old * d..][..d], points.matrix.row(row), -1.0);
            add_row(&mut self.sums[j * d..][..d], points.matrix.row(row), 1.0);
            self.sizes[old] -= 1;
            self.sizes[j] += 1;
            self.labels[row] = j as u32;
            far[row] = 0.0;
        }
        Ok(empty.len())
    }
}

/// Additions to sums and sizes by the moves of a block.
struct Change {
    sums: Vec<f64>,
    sizes: Vec<i64>,
}

fn assign_block(
    points: &Points<'_>,
    centroids: &PackedCentroids,
    block: usize,
    labels: &mut [u32],
    k: usize,
) -> Option<Change> {
    let d = points.n_columns();
    let mut change: Option<Change> = None;
    for (of_tile, t) in labels.chunks_mut(LANES).zip(block * BLOCK / LANES..) {
        let nearest = centroids.nearest(&points.tiles, t);
        if of_tile == &nearest[..of_tile.len()] {
            continue;
        }
        let change = change.get_or_insert_with(|| Change { sums: vec![0.0; k * d], sizes: vec![0; k] });
        for (lane, (label, &new)) in of_tile.iter_mut().zip(&nearest).enumerate() {
            if *label != new {
                let row = points.matrix.row(t * LANES + lane);
                add_row(&mut change.sums[*label as usize * d..][..d], row, -1.0);
                add_row(&mut change.sums[new as usize * d..][..d], row, 1.0);
                change.sizes[*label as usize] -= 1;
                change.sizes[new as usize] += 1;
                *label = new;
            }
        }
    }
    change
}

fn add_row(sums: &mut [f64], row: &[f32], sign: f64) {
    for (sum, &x) in sums.iter_mut().zip(row) {
        *sum += sign * f64::from(x);
    }
}

pub(crate) fn too_few_distinct(points: &Points<'_>, need: usize) -> DataError {
    DataError::TooFew { model: "k-means", what: "distinct rows", got: points.n_distinct(need), need }
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
            Clusters::all_in_the_first(points, k)
        }
        Start::Labels(labels, k) => {
            let mut clusters = Clusters::of_labels(points, labels, k);
            // A cluster without rows has no mean; its place only has to be finite until it is filled.
            let nonempty = |cell: usize| (clusters.sizes[cell / d] as f64).max(1.0);
            let centroids: Vec<f64> =
                clusters.sums.iter().enumerate().map(|(cell, sum)| sum / nonempty(cell)).collect();
            run.n_reseeded += clusters.fill_empty(points, &centroids)?;
            run.centroids = clusters.means(d);
            clusters
        }
    };
    let k = clusters.sizes.len();
    let mut stop = false;
    loop {
        clusters.assign(points, &PackedCentroids::pack(rules.level, k, d, &run.centroids));
        run.inertia = clusters.inertia(points, &run.centroids);
        let sizes = clusters.sizes.clone();
        let n_filled = clusters.fill_empty(points, &run.centroids)?;
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
        let centroids = clusters.means(d);
        run.last_movement = centroids.iter().zip(&run.centroids).map(|(a, b)| (a - b) * (a - b)).sum();
        run.centroids = centroids;
        run.converged = run.last_movement <= rules.tolerance * points.mean_variance;
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
    /// Sum of squared distances from direct differences in f64, block by block.
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
    let tiles: Vec<Vec<(u32, f64, f64)>> = (0..points.tiles.n_tiles())
        .into_par_iter()
        .map(|t| {
            let two = packed.two_nearest(&points.tiles, t);
            let distance = |lane: usize, j: u32| {
                squared_distance(points.matrix.row(t * LANES + lane), &centroids[j as usize * d..][..d])
            };
            (0..points.tiles.n_rows_in(t))
                .map(|lane| {
                    (two.first[lane], distance(lane, two.first[lane]), distance(lane, two.second[lane]))
                })
                .collect()
        })
        .collect();
    let n = points.n_rows();
    let mut out = FinalAssignment {
        labels: Vec::with_capacity(n),
        distances: Vec::with_capacity(n),
        second_distances: Vec::with_capacity(if k > 1 { n } else { 0 }),
        sizes: vec![0; k],
        inertia: 0.0,
    };
    for (label, first, second) in tiles.into_iter().flatten() {
        out.labels.push(label);
        out.distances.push(first.sqrt());
        if k > 1 {
            out.second_distances.push(second.sqrt());
        }
        out.sizes[label as usize] += 1;
        out.inertia += first;
    }
    out
}
