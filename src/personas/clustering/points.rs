//! The rows of a fit, their weights, and sums that do not depend on the order of additions.
//!
//! What is added is first rounded to a grain, a power of two so large that every sum of all rows is exact in f64 and
//! so small that it does not matter: 2^-51 of (largest cell times sum of weights). Exact sums may be taken in any
//! order, at any number of threads, and corrected by adding and subtracting rows.

use rayon::prelude::*;

use crate::error::DataError;
use crate::kernels::tile::Rows;
use crate::personas::grid::{GridMatrix, LIMIT, squared_distance};

/// Rows whose squares are summed together; the sums of blocks are added in block order.
pub(crate) const BLOCK: usize = 4096;

/// Rounds to multiples of a power of two, ties to even.
#[derive(Clone, Copy, Debug)]
struct Grain {
    /// Above 2^52 grains an f64 has no fraction of a grain left, so adding and taking away rounds.
    no_fraction: f64,
}

impl Grain {
    /// The finest grain in which numbers up to `most` add up exactly.
    fn for_sums_to(most: f64) -> Self {
        let (_, exponent) = libm::frexp(most.max(f64::MIN_POSITIVE));
        Self { no_fraction: libm::ldexp(1.5, (exponent + 1).max(-900)) }
    }

    fn round(self, x: f64) -> f64 {
        x + self.no_fraction - self.no_fraction
    }
}

/// The rows of a fit.
pub(crate) struct Points<'a> {
    rows: Rows<'a>,
    weights: Option<&'a [f64]>,
    of_cells: Grain,
    of_weights: Grain,
    totals: Vec<f64>,
    mass: f64,
    sum_of_squares: f64,
    mean_variance: f64,
    longest: f64,
}

impl<'a> Points<'a> {
    /// The rows of a matrix on the grid, each of weight 1.
    pub(crate) fn new(matrix: &'a GridMatrix) -> Self {
        Self::of(matrix.rows(), LIMIT, None)
    }

    /// Rows whose cells lie within +-`reach`, with finite weights of at least 0, 1 where there are none.
    pub(crate) fn of(rows: Rows<'a>, reach: f64, weights: Option<&'a [f64]>) -> Self {
        let most = weights.map_or(rows.n_rows() as f64, |w| w.iter().sum());
        let mut points = Self {
            rows,
            weights,
            of_cells: Grain::for_sums_to(reach * most),
            of_weights: Grain::for_sums_to(most),
            totals: vec![0.0; rows.n_columns()],
            mass: 0.0,
            sum_of_squares: 0.0,
            mean_variance: 0.0,
            longest: 0.0,
        };
        let of_block = |b: usize| {
            let (mut totals, mut squares) = (vec![0.0; rows.n_columns()], 0.0);
            let (mut mass, mut longest) = (0.0, 0.0f64);
            for row in points.block(b) {
                points.add(&mut totals, row, 1.0);
                let square = length_squared(rows.row(row));
                squares += points.weight(row) * square;
                mass += points.weight(row);
                longest = longest.max(square);
            }
            (totals, squares, mass, longest)
        };
        let blocks: Vec<(Vec<f64>, f64, f64, f64)> =
            (0..rows.n_rows().div_ceil(BLOCK)).into_par_iter().map(of_block).collect();
        for (totals, squares, mass, longest) in blocks {
            points.totals.iter_mut().zip(totals).for_each(|(total, of_block)| *total += of_block);
            points.sum_of_squares += squares;
            points.mass += mass;
            points.longest = points.longest.max(longest.sqrt());
        }
        let n_cells = points.mass * rows.n_columns() as f64;
        points.mean_variance = if n_cells > 0.0 { points.total_inertia() / n_cells } else { 0.0 };
        points
    }

    fn block(&self, b: usize) -> std::ops::Range<usize> {
        b * BLOCK..((b + 1) * BLOCK).min(self.n_rows())
    }

    pub(crate) fn rows(&self) -> Rows<'a> {
        self.rows
    }

    pub(crate) fn row(&self, row: usize) -> &'a [f32] {
        self.rows.row(row)
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.rows.n_rows()
    }

    pub(crate) fn n_columns(&self) -> usize {
        self.rows.n_columns()
    }

    /// The weight of a row, on the grain in which weights add up exactly.
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| self.of_weights.round(weights[row]))
    }

    /// Sum of all weights.
    pub(crate) fn mass(&self) -> f64 {
        self.mass
    }

    /// Adds `sign` times weight times row to `sums`, without rounding error.
    pub(crate) fn add(&self, sums: &mut [f64], row: usize, sign: f64) {
        let cells = self.rows.row(row);
        match self.weights {
            None => {
                for (sum, &x) in sums.iter_mut().zip(cells) {
                    *sum += sign * self.of_cells.round(f64::from(x));
                }
            }
            Some(_) => {
                let weight = self.weight(row);
                for (sum, &x) in sums.iter_mut().zip(cells) {
                    // Rounded before as well, so that a whole weight counts like as many rows.
                    let cell = self.of_cells.round(f64::from(x));
                    *sum += sign * self.of_cells.round(weight * cell);
                }
            }
        }
    }

    /// Takes weight times row from cluster `from` and gives it to `to`, in row-major sums, without rounding error.
    pub(crate) fn transfer(&self, sums: &mut [f64], row: usize, from: usize, to: usize) {
        let d = self.n_columns();
        if self.weights.is_some() || from == to {
            self.add(&mut sums[from * d..][..d], row, -1.0);
            self.add(&mut sums[to * d..][..d], row, 1.0);
            return;
        }
        let (lower, upper) = sums.split_at_mut(from.max(to) * d);
        let (low, high) = (&mut lower[from.min(to) * d..][..d], &mut upper[..d]);
        let (of_from, of_to) = if from < to { (low, high) } else { (high, low) };
        for ((&x, from), to) in self.rows.row(row).iter().zip(of_from).zip(of_to) {
            let x = self.of_cells.round(f64::from(x));
            *from -= x;
            *to += x;
        }
    }

    /// Weighted sum of every column.
    #[cfg(test)]
    pub(crate) fn totals(&self) -> &[f64] {
        &self.totals
    }

    /// The weighted mean of every column.
    pub(crate) fn means(&self) -> Vec<f64> {
        self.totals.iter().map(|total| total / self.mass).collect()
    }

    /// Weighted sum of the squared lengths of all rows.
    pub(crate) fn sum_of_squares(&self) -> f64 {
        self.sum_of_squares
    }

    /// Length of the longest row.
    pub(crate) fn longest(&self) -> f64 {
        self.longest
    }

    /// Mean over the columns of their weighted variances.
    pub(crate) fn mean_variance(&self) -> f64 {
        self.mean_variance
    }

    /// Weighted sum of squared distances to the mean of all rows.
    pub(crate) fn total_inertia(&self) -> f64 {
        if self.mass <= 0.0 {
            return 0.0;
        }
        (self.sum_of_squares - self.totals.iter().map(|t| t * (t / self.mass)).sum::<f64>()).max(0.0)
    }

    /// Number of distinct rows of positive weight, counted up to `limit`.
    pub(crate) fn n_distinct(&self, limit: usize) -> usize {
        // Plus 0 turns a negative zero into zero, so that equal cells have equal bits.
        let bits = |row: usize| self.row(row).iter().map(|x| (x + 0.0).to_bits()).collect::<Vec<u32>>();
        let mut seen = std::collections::BTreeSet::new();
        for row in (0..self.n_rows()).filter(|&row| self.weight(row) > 0.0) {
            if seen.len() >= limit {
                break;
            }
            seen.insert(bits(row));
        }
        seen.len()
    }

    /// Refuses fewer than `need` distinct rows.
    pub(crate) fn too_few_distinct(&self, need: usize) -> DataError {
        DataError::TooFew { model: "k-means", what: "distinct rows", got: self.n_distinct(need), need }
    }

    /// Squared distance of a row to a centroid.
    pub(crate) fn squared_distance(&self, row: usize, centroid: &[f64]) -> f64 {
        squared_distance(self.row(row), centroid)
    }
}

/// Sum of squared cells, in f64.
pub(crate) fn length_squared(row: &[f32]) -> f64 {
    row.iter().map(|&x| f64::from(x) * f64::from(x)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn sums_are_exact_in_any_order_and_can_be_taken_back() {
        let random = Random::new(1);
        let (n, d) = (10_000, 3);
        let cells: Vec<f32> = (0..n * d).map(|i| 5.0 * random.normal(i as u64) as f32).collect();
        let weights: Vec<f64> = (0..n).map(|i| random.stream(1).uniform(i as u64)).collect();
        for weights in [None, Some(&weights[..])] {
            let points = Points::of(Rows::new(&cells, d, d), 30.0, weights);
            let sum = |rows: &mut dyn Iterator<Item = usize>| {
                let mut sums = vec![0.0; d];
                rows.for_each(|row| points.add(&mut sums, row, 1.0));
                sums
            };
            let forward = sum(&mut (0..n));
            assert_eq!(forward, sum(&mut (0..n).rev()));
            assert_eq!(forward, points.totals());
            let mut back = forward;
            (0..n).for_each(|row| points.add(&mut back, row, -1.0));
            assert_eq!(back, [0.0; 3]);
        }
    }

    #[test]
    fn whole_weights_count_like_repeated_rows() {
        let random = Random::new(2);
        let cells: Vec<f32> = (0..40).map(|i| random.normal(i) as f32).collect();
        let weights: Vec<f64> = (0..20).map(|i| f64::from(i % 4)).collect();
        let repeated: Vec<f32> = (0..20).flat_map(|i| cells[2 * i..2 * i + 2].repeat(i % 4)).collect();
        let once = Points::of(Rows::new(&cells, 2, 2), 5.0, Some(&weights));
        let often = Points::of(Rows::new(&repeated, 2, 2), 5.0, None);
        assert_eq!((once.totals(), once.mass()), (often.totals(), often.mass()));
        assert!((once.total_inertia() / often.total_inertia() - 1.0).abs() < 1e-14);
    }
}
