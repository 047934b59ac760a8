//! Cells on a grid of 2^-20 inside +-16.
//!
//! A multiple of 2^-20 up to 16 has 24 bits and is exact in f32; sums of up to 2^29 of them are exact in f64.
//! Exact sums may be taken in any order, at any number of threads, and corrected by adding and subtracting rows.

use crate::kernels::tile::Rows;

/// Cells beyond this are clipped.
pub const LIMIT: f64 = 16.0;

const STEPS: f64 = (1u32 << 20) as f64;

/// The nearest multiple of 2^-20 (ties to even) after clipping to +-[`LIMIT`].
#[must_use]
pub fn to_grid(cell: f64) -> f32 {
    // Above 2^52 an f64 has no fraction bits left, so adding and taking away rounds, ties to even.
    const NO_FRACTION: f64 = 1.5 * (1u64 << 52) as f64;
    ((cell.clamp(-LIMIT, LIMIT) * STEPS + NO_FRACTION - NO_FRACTION) / STEPS) as f32
}

/// n_rows x n_columns cells on the grid, row-major, padded with zero columns to a multiple of 8.
#[derive(Clone, Debug, PartialEq)]
pub struct GridMatrix {
    n_columns: usize,
    stride: usize,
    cells: Vec<f32>,
}

impl GridMatrix {
    /// A matrix of zeros.
    #[must_use]
    pub fn zeros(n_rows: usize, n_columns: usize) -> Self {
        let stride = n_columns.next_multiple_of(8).max(8);
        Self { n_columns, stride, cells: vec![0.0; n_rows * stride] }
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.cells.len() / self.stride
    }

    /// Number of columns without the padding.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Cells from one row to the next.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// All cells with the padding.
    #[must_use]
    pub fn cells(&self) -> &[f32] {
        &self.cells
    }

    /// All cells with the padding, to be filled with multiples of 2^-20.
    pub(crate) fn cells_mut(&mut self) -> &mut [f32] {
        &mut self.cells
    }

    /// The rows without the padding.
    #[must_use]
    pub fn rows(&self) -> Rows<'_> {
        Rows::new(&self.cells, self.stride, self.n_columns)
    }

    /// The cells of one row without the padding.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.cells[row * self.stride..][..self.n_columns]
    }
}

/// The squared distance of a row to a centroid, in f64: eight sums over every eighth column, then theirs.
pub(crate) fn squared_distance(row: &[f32], centroid: &[f64]) -> f64 {
    let square = |(&x, &c): (&f32, &f64)| (f64::from(x) - c) * (f64::from(x) - c);
    let mut sums = [0.0; 8];
    let (rows, centroids) = (row.chunks_exact(8), centroid.chunks_exact(8));
    let rest: f64 = rows.remainder().iter().zip(centroids.remainder()).map(square).sum();
    for (row, centroid) in rows.zip(centroids) {
        for (sum, cells) in sums.iter_mut().zip(row.iter().zip(centroid)) {
            *sum += square(cells);
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn cells_are_clipped_and_rounded_to_the_grid() {
        assert_eq!(to_grid(17.0), 16.0);
        assert_eq!(to_grid(-1e300), -16.0);
        for (steps, rounded) in [(0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (-1.5, -2.0), (-2.4, -2.0), (7.0, 7.0)] {
            assert_eq!(to_grid(steps / STEPS), (rounded / STEPS) as f32);
        }
        assert_eq!(to_grid(1.0 + 1.0 / STEPS), (1.0 + 1.0 / STEPS) as f32);
    }

    #[test]
    fn sums_are_exact_in_any_order() {
        let random = Random::new(1);
        let cells: Vec<f64> = (0..100_000).map(|i| f64::from(to_grid(5.0 * random.normal(i)))).collect();
        let forward: f64 = cells.iter().sum();
        let backward: f64 = cells.iter().rev().sum();
        let strided: f64 = (0..7).map(|s| cells.iter().skip(s).step_by(7).sum::<f64>()).sum();
        assert_eq!((forward, forward), (backward, strided));
    }

    #[test]
    fn rows_are_padded_to_eight_columns() {
        let matrix = GridMatrix::zeros(3, 9);
        assert_eq!((matrix.n_rows(), matrix.n_columns(), matrix.stride()), (3, 9, 16));
        assert_eq!(GridMatrix::zeros(2, 0).n_rows(), 2);
    }
}
