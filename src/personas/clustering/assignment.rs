//! Who belongs to which cluster, and the sums that follow from it.

use rayon::prelude::*;

use super::array::{Distance, straighten};
use super::bounds::{BlockBounds, Quantum};
use super::lloyd::{Pruning, Rules};
use super::moves::{Moves, NOWHERE, fold};
use super::points::Points;
use crate::error::DataError;
use crate::kernels::assign::PackedCentroids;
use crate::kernels::tile::LANES;

/// Cells of the rows of a block, which several groups of centroids meet one after the other: a share of the
/// second-level cache. Only the division of work: results do not depend on it.
const BLOCK_CELLS: usize = 1 << 16;

/// Rows whose nearest centroids are looked up before any of them is moved.
const CHUNK: usize = 256;

/// With fewer cells of centroids than this a row meets all of them in less time than keeping account of bounds takes.
const LEAST_CELLS: usize = 16_384;

/// Bounds start when at most this share of the rows has moved: before, they would exclude next to nothing.
const SETTLED: f64 = 0.2;

/// Bounds end when this share of the pairs of row and group had to be computed nevertheless.
const USELESS: f64 = 0.7;

/// Rows by cluster and their exact sums.
pub(super) struct Clusters<'p, 'r> {
    points: &'p Points<'r>,
    rules: Rules,
    labels: Vec<u16>,
    /// Row-major sums of weighted rows.
    sums: Vec<f64>,
    /// Sums of weights.
    masses: Vec<f64>,
    sizes: Vec<u64>,
    rows_per_block: usize,
    last: Option<PackedCentroids>,
    bounds: Option<(Quantum, Vec<BlockBounds>)>,
    /// Bounds are worth a try once no more than this share of the rows moves.
    try_at: f64,
    moved_share: f64,
}

impl<'p, 'r> Clusters<'p, 'r> {
    /// Clusters without rows.
    pub(super) fn unassigned(points: &'p Points<'r>, k: usize, rules: Rules) -> Self {
        let d = points.n_columns();
        let rows_per_block = (BLOCK_CELLS / d.max(1)).clamp(256, 4096) / LANES * LANES;
        Self {
            points,
            rules,
            labels: vec![NOWHERE; points.n_rows()],
            sums: vec![0.0; k * d],
            masses: vec![0.0; k],
            sizes: vec![0; k],
            rows_per_block,
            last: None,
            bounds: None,
            try_at: match rules.pruning {
                Pruning::Auto if k * d >= LEAST_CELLS => SETTLED,
                Pruning::Auto | Pruning::Never => -1.0,
                Pruning::Always => 1.0,
            },
            moved_share: 1.0,
        }
    }

    /// Clusters of given rows.
    pub(super) fn of_labels(points: &'p Points<'r>, labels: &[u32], k: usize, rules: Rules) -> Self {
        let d = points.n_columns();
        let mut clusters = Self::unassigned(points, k, rules);
        for (row, &label) in labels.iter().enumerate() {
            let j = label as usize;
            clusters.labels[row] = label as u16;
            points.add(&mut clusters.sums[j * d..][..d], row, 1.0);
            clusters.masses[j] += points.weight(row);
            clusters.sizes[j] += 1;
        }
        clusters
    }

    /// Rows per cluster.
    pub(super) fn sizes(&self) -> &[u64] {
        &self.sizes
    }

    /// Assigns every row to its nearest centroid.
    pub(super) fn assign(&mut self, centroids: PackedCentroids) {
        let last = self.last.take();
        let moves = match last.filter(|_| self.moved_share <= self.try_at) {
            Some(last) => self.assign_pruned(&last, &centroids),
            None => self.assign_all(&centroids),
        };
        self.last = Some(centroids);
        self.moved_share = moves.n as f64 / self.labels.len().max(1) as f64;
        self.sums.iter_mut().zip(&moves.sums).for_each(|(sum, change)| *sum += change);
        self.masses.iter_mut().zip(&moves.masses).for_each(|(mass, change)| *mass += change);
        for (size, change) in self.sizes.iter_mut().zip(&moves.sizes) {
            *size = size.checked_add_signed(*change).expect("a cluster never has fewer than 0 rows");
        }
    }

    fn assign_all(&mut self, centroids: &PackedCentroids) -> Moves {
        self.bounds = None;
        let (points, k) = (self.points, self.sizes.len());
        let n = self.rows_per_block;
        let block = |moves: Moves, (b, labels): (usize, &mut [u16])| {
            assign_block(points, centroids, k, b * n, labels, moves)
        };
        let blocks = self.labels.chunks_mut(n).enumerate();
        fold(points.n_rows(), blocks.collect(), block)
    }

    fn assign_pruned(&mut self, last: &PackedCentroids, centroids: &PackedCentroids) -> Moves {
        let (points, k) = (self.points, self.sizes.len());
        let fresh = self.bounds.is_none();
        let (quantum, mut bounds) = self.bounds.take().unwrap_or_else(|| self.new_bounds(centroids));
        let movement = quantum.movement(last, centroids);
        let block = |mut moves: Moves, (bounds, labels): (&mut BlockBounds, &mut [u16])| {
            let mut scratch = std::mem::take(&mut moves.scratch);
            let cost = bounds.assign(points, centroids, &movement, labels, &mut scratch, |row, old, new| {
                moves.record(points, k, row, old, new);
            });
            moves.scratch = scratch;
            moves.cost = moves.cost.plus(cost);
            moves
        };
        let blocks = bounds.iter_mut().zip(self.labels.chunks_mut(self.rows_per_block));
        let moves = fold(points.n_rows(), blocks.collect(), block);
        let computed = moves.cost.n_computed as f64 / moves.cost.n_pairs.max(1) as f64;
        if self.rules.pruning == Pruning::Auto && !fresh && computed > USELESS {
            self.try_at = moves.n as f64 / self.labels.len() as f64 / 2.0;
        } else {
            self.bounds = Some((quantum, bounds));
        }
        moves
    }

    fn new_bounds(&self, centroids: &PackedCentroids) -> (Quantum, Vec<BlockBounds>) {
        let points = self.points;
        let spread = (points.total_inertia() / points.mass()).sqrt();
        let quantum = Quantum::for_spread(spread);
        // Centroids are means of rows, so they are never longer than the longest row.
        let longest = points.longest();
        let starts: Vec<usize> = (0..points.n_rows()).step_by(self.rows_per_block).collect();
        let block = |first: usize| {
            let n = (points.n_rows() - first).min(self.rows_per_block);
            BlockBounds::new(points, first, n, centroids, longest, quantum)
        };
        (quantum, starts.into_par_iter().map(block).collect())
    }

    /// Weighted sum of squared distances to `centroids`, from the exact sums:
    /// sum |x|^2 - sum_j (2 S_j'c_j - N_j |c_j|^2).
    pub(super) fn inertia(&self, centroids: &[f64]) -> f64 {
        let d = self.points.n_columns();
        let mut saved = 0.0;
        for (j, mass) in self.masses.iter().enumerate() {
            for (s, c) in self.sums[j * d..(j + 1) * d].iter().zip(&centroids[j * d..(j + 1) * d]) {
                saved += c * (2.0 * s - mass * c);
            }
        }
        (self.points.sum_of_squares() - saved).max(0.0)
    }

    /// Centroids of all clusters: their means, for cosine of length 1; zeros for those without weight.
    pub(super) fn centroids(&self) -> Vec<f64> {
        let d = self.points.n_columns();
        let mean = |(cell, sum): (usize, &f64)| {
            let mass = self.masses[cell / d];
            if mass > 0.0 { sum / mass } else { 0.0 }
        };
        let mut means: Vec<f64> = self.sums.iter().enumerate().map(mean).collect();
        if self.rules.distance == Distance::Cosine {
            straighten(&mut means, d);
        }
        means
    }

    /// Gives every cluster without weight, in index order, the row with the largest weighted squared distance to its
    /// centroid among clusters that keep weight without it (ties: the lower row). Returns how many were filled.
    pub(super) fn fill_empty(&mut self, centroids: &[f64]) -> Result<usize, DataError> {
        let (points, d) = (self.points, self.points.n_columns());
        let empty: Vec<usize> = (0..self.sizes.len()).filter(|&j| self.masses[j] <= 0.0).collect();
        if empty.is_empty() {
            return Ok(0);
        }
        let mut far: Vec<f64> = (0..points.n_rows())
            .into_par_iter()
            .map(|row| {
                let centroid = &centroids[usize::from(self.labels[row]) * d..][..d];
                points.weight(row) * points.squared_distance(row, centroid)
            })
            .collect();
        for &j in &empty {
            let mut farthest: Option<usize> = None;
            for row in 0..far.len() {
                let rest = self.masses[usize::from(self.labels[row])] - points.weight(row);
                if rest > 0.0 && points.weight(row) > 0.0 && farthest.is_none_or(|best| far[row] > far[best])
                {
                    farthest = Some(row);
                }
            }
            let row = farthest.ok_or_else(|| points.too_few_distinct(self.sizes.len()))?;
            let old = usize::from(self.labels[row]);
            points.add(&mut self.sums[old * d..][..d], row, -1.0);
            points.add(&mut self.sums[j * d..][..d], row, 1.0);
            self.masses[old] -= points.weight(row);
            self.masses[j] += points.weight(row);
            self.sizes[old] -= 1;
            self.sizes[j] += 1;
            self.labels[row] = j as u16;
            far[row] = 0.0;
            if let Some((_, bounds)) = &mut self.bounds {
                bounds[row / self.rows_per_block].forget(row);
            }
        }
        Ok(empty.len())
    }
}

/// Every row of a block against every centroid.
fn assign_block(
    points: &Points<'_>,
    centroids: &PackedCentroids,
    k: usize,
    first_row: usize,
    labels: &mut [u16],
    mut moves: Moves,
) -> Moves {
    let mut nearest = [0; CHUNK];
    for (labels, first) in labels.chunks_mut(CHUNK).zip((first_row..).step_by(CHUNK)) {
        let nearest = &mut nearest[..labels.len()];
        centroids.nearest(points.rows().part(first, labels.len()), nearest);
        for (i, (labels, nearest)) in labels.chunks_mut(LANES).zip(nearest.chunks(LANES)).enumerate() {
            // Most rows stay, which several at once tell sooner than each by itself.
            if labels.iter().zip(nearest).fold(0, |all, (label, new)| all | (u32::from(*label) ^ new)) == 0 {
                continue;
            }
            for ((row, label), &new) in (first + i * LANES..).zip(labels).zip(nearest) {
                if u32::from(*label) != new {
                    let old = std::mem::replace(label, new as u16);
                    moves.record(points, k, row, old, *label);
                }
            }
        }
    }
    moves
}
