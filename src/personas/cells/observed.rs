//! K-means over what is known of each customer.
//!
//! The kernel works on a full matrix, where a gap is the mean of its column and draws every customer with gaps to the
//! middle. From the best run there, these iterations go on with distances over observed cells: assign to the nearest
//! centroid, then move each cell of a centroid to the mean of the members' observed cells. Each half lowers the sum
//! of squares over observed cells, which is the objective of k-POD (Chi, Chi, Baraniuk 2016) without filled-in cells
//! that hold a row where it is.

use rayon::prelude::*;

use super::encode::variances;
use super::gaps::{Gaps, ObservedCentroids, observed_share, observed_squared_distance};
use super::transform::PersonaTransform;
use crate::error::DataError;
use crate::kernels::KernelLevel;
use crate::kernels::assign::PackedCentroids;
use crate::personas::choosing::choose::Chosen;
use crate::personas::clustering::lloyd::{FinalAssignment, Rules, Run, final_assignment};
use crate::personas::clustering::points::Points;
use crate::personas::grid::GridMatrix;
use crate::personas::report::Encoded;

/// Rows that one task assigns. Only the division of work: results do not depend on it.
const BLOCK: usize = 4096;

/// The rows of a fit with their gaps.
pub(crate) struct Observed<'a> {
    pub(crate) points: Points<'a>,
    gaps: &'a Gaps,
    /// Of every column.
    variances: Vec<f64>,
}

/// Labels and the sums of observed cells, by cluster and column.
struct Sums {
    labels: Vec<u32>,
    sizes: Vec<u64>,
    sums: Vec<f64>,
    /// Members with a gap in that column.
    n_gaps: Vec<u64>,
}

impl<'a> Observed<'a> {
    pub(crate) fn new(transform: &PersonaTransform, encoded: &'a Encoded) -> Self {
        let points = Points::new(&encoded.matrix);
        Self { points, gaps: &encoded.gaps, variances: transform.variances.clone() }
    }

    /// Rows of a matrix that no transform has measured.
    pub(crate) fn of(matrix: &'a GridMatrix, gaps: &'a Gaps) -> Self {
        Self { points: Points::new(matrix), gaps, variances: variances(matrix, gaps) }
    }

    /// Assigns every row to its nearest of the given row-major centroids. Distances are scaled up to all columns, the
    /// sum of squares is over observed cells.
    pub(crate) fn assign(&self, centroids: &[f64], level: KernelLevel) -> FinalAssignment {
        let mut out = final_assignment(&self.points, centroids, level);
        if self.gaps.is_empty() {
            return out;
        }
        let d = self.points.n_columns();
        let packed = ObservedCentroids::pack(centroids, d);
        let has_gaps = |&row: &usize| !self.gaps.of(row).is_empty();
        let nearest = |row: usize| {
            let (cells, gaps) = (self.points.row(row), self.gaps.of(row));
            let (first, second) = packed.two_nearest(cells, gaps, &mut Vec::new());
            let squared = |j: usize| observed_squared_distance(cells, gaps, &centroids[j * d..][..d]);
            (row, first, squared(first), squared(second))
        };
        let rows: Vec<(usize, usize, f64, f64)> =
            (0..self.points.n_rows()).into_par_iter().filter(has_gaps).map(nearest).collect();
        for (row, first, near, far) in rows {
            let share = observed_share(&self.variances, self.gaps.of(row));
            let scaled = |squared: f64| if share > 0.0 { (squared / share).sqrt() } else { 0.0 };
            out.sizes[out.labels[row] as usize] -= 1;
            out.sizes[first] += 1;
            out.labels[row] = first as u32;
            out.distances[row] = scaled(near);
            if let Some(second) = out.second_distances.get_mut(row) {
                *second = scaled(far);
            }
        }
        let observed = |(row, distance): (usize, &f64)| {
            distance * distance * observed_share(&self.variances, self.gaps.of(row))
        };
        out.inertia = out.distances.iter().enumerate().map(observed).sum();
        out
    }

    /// Goes on from the chosen run over observed cells; nothing changes for rows without gaps.
    ///
    /// # Errors
    /// Centroids that f32 distances cannot keep apart.
    pub(crate) fn refine(&self, chosen: &mut Chosen, rules: Rules) -> Result<(), DataError> {
        if self.gaps.is_empty() || self.points.n_columns() == 0 {
            return Ok(());
        }
        self.refine_run(&mut chosen.run, rules);
        chosen.assignment = self.assign(&chosen.run.centroids, rules.level);
        chosen.run.inertia = chosen.assignment.inertia;
        if chosen.assignment.sizes.contains(&0) {
            let detail = "a persona lost all customers when cells that are missing were left out".to_owned();
            return Err(DataError::NotConverged { model: "personas", detail });
        }
        Ok(())
    }

    /// Moves the centroids of a run on, over observed cells.
    pub(crate) fn refine_run(&self, run: &mut Run, rules: Rules) {
        if self.gaps.is_empty() {
            return;
        }
        let d = self.points.n_columns();
        let enough = rules.tolerance * self.points.total_inertia() / (self.points.n_rows() * d) as f64;
        let mut labels = Vec::new();
        run.converged = false;
        for _ in 0..rules.max_iterations {
            let mut next = self.sums(&run.centroids, rules.level);
            run.n_reseeded += self.fill_empty(&mut next, &run.centroids);
            let moved_to = means(&next, &run.centroids, d);
            let steps = moved_to.iter().zip(&run.centroids).map(|(to, from)| (to - from) * (to - from));
            run.last_movement = steps.sum();
            run.centroids = moved_to;
            run.n_iterations += 1;
            run.converged = next.labels == labels || run.last_movement <= enough;
            labels = next.labels;
            if run.converged {
                break;
            }
        }
    }

    /// The nearest centroid of every row, and what the clusters hold. Sums of cells on the grid are exact.
    fn sums(&self, centroids: &[f64], level: KernelLevel) -> Sums {
        let d = self.points.n_columns();
        let k = centroids.len() / d;
        let all = PackedCentroids::pack(level, k, d, centroids);
        let observed = ObservedCentroids::pack(centroids, d);
        let n = self.points.n_rows();
        let blocks: Vec<Sums> = (0..n.div_ceil(BLOCK))
            .into_par_iter()
            .map(|b| {
                let block = b * BLOCK..((b + 1) * BLOCK).min(n);
                let mut sums = Sums::new(k, d);
                let mut scores = Vec::new();
                let mut nearest = vec![0; block.len()];
                all.nearest(self.points.rows().part(block.start, block.len()), &mut nearest);
                for (row, of_all) in block.zip(nearest) {
                    let (cells, gaps) = (self.points.row(row), self.gaps.of(row));
                    let label = if gaps.is_empty() {
                        of_all
                    } else {
                        observed.two_nearest(cells, gaps, &mut scores).0 as u32
                    };
                    sums.labels.push(label);
                    sums.add(label, cells, gaps);
                }
                sums
            })
            .collect();
        let mut total = Sums::new(k, d);
        blocks.into_iter().for_each(|block| total.merge(block));
        total
    }

    /// Moves the row farthest from its centroid into every cluster without rows, ties to the lower row; how many.
    fn fill_empty(&self, sums: &mut Sums, centroids: &[f64]) -> usize {
        let d = self.points.n_columns();
        let mut n_filled = 0;
        while let Some(empty) = sums.sizes.iter().position(|&size| size == 0) {
            let mut farthest: Option<(f64, usize)> = None;
            for (row, &label) in sums.labels.iter().enumerate() {
                let gaps = self.gaps.of(row);
                let share = observed_share(&self.variances, gaps);
                if sums.sizes[label as usize] < 2 || !(share > 0.0) {
                    continue;
                }
                let centroid = &centroids[label as usize * d..][..d];
                let distance = observed_squared_distance(self.points.row(row), gaps, centroid) / share;
                if farthest.is_none_or(|(most, _)| distance > most) {
                    farthest = Some((distance, row));
                }
            }
            let Some((_, row)) = farthest else { break };
            let (cells, gaps) = (self.points.row(row), self.gaps.of(row));
            sums.take(sums.labels[row], cells, gaps);
            sums.labels[row] = empty as u32;
            sums.add(empty as u32, cells, gaps);
            n_filled += 1;
        }
        n_filled
    }
}

impl Sums {
    fn new(k: usize, d: usize) -> Self {
        Self { labels: Vec::new(), sizes: vec![0; k], sums: vec![0.0; k * d], n_gaps: vec![0; k * d] }
    }

    fn add(&mut self, label: u32, cells: &[f32], gaps: &[u32]) {
        let at = label as usize * cells.len();
        self.sizes[label as usize] += 1;
        // Cells in gaps are 0.
        for (sum, &cell) in self.sums[at..].iter_mut().zip(cells) {
            *sum += f64::from(cell);
        }
        gaps.iter().for_each(|&gap| self.n_gaps[at + gap as usize] += 1);
    }

    fn take(&mut self, label: u32, cells: &[f32], gaps: &[u32]) {
        let at = label as usize * cells.len();
        self.sizes[label as usize] -= 1;
        for (sum, &cell) in self.sums[at..].iter_mut().zip(cells) {
            *sum -= f64::from(cell);
        }
        gaps.iter().for_each(|&gap| self.n_gaps[at + gap as usize] -= 1);
    }

    fn merge(&mut self, other: Self) {
        self.labels.extend(other.labels);
        self.sizes.iter_mut().zip(other.sizes).for_each(|(mine, other)| *mine += other);
        self.sums.iter_mut().zip(other.sums).for_each(|(mine, other)| *mine += other);
        self.n_gaps.iter_mut().zip(other.n_gaps).for_each(|(mine, other)| *mine += other);
    }
}

/// The means of the observed cells; where a cluster has none, the cell of `before`.
fn means(sums: &Sums, before: &[f64], d: usize) -> Vec<f64> {
    let mean = |at: usize| {
        let n = sums.sizes[at / d] - sums.n_gaps[at];
        if n > 0 { sums.sums[at] / n as f64 } else { before[at] }
    };
    (0..before.len()).map(mean).collect()
}
