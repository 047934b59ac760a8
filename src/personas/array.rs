//! Plain arrays on the grid of [`super::grid`], with their distances in proportion.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::grid::{GridMatrix, LIMIT, to_grid};
use crate::error::DataError;

/// Cells beyond this would overflow when squared and summed.
const LARGEST: f64 = 1e150;

/// New cells may lie this far outside the +-16 of the fitted ones; beyond, f32 could overflow.
const FARTHEST: f64 = (1u64 << 44) as f64;

pub(crate) const MODEL: &str = "k-means";

/// Shift by column and common factor that bring an array into +-16.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArrayScale {
    pub(crate) shifts: Vec<f64>,
    /// A power of two.
    pub(crate) factor: f64,
}

impl ArrayScale {
    /// The scale of an array and its cells on the grid.
    pub(crate) fn fit<F: Copy + Into<f64>>(rows: ArrayView2<'_, F>) -> Result<(Self, GridMatrix), DataError> {
        let too_few = |what| Err(DataError::TooFew { model: MODEL, what, got: 0, need: 1 });
        if rows.nrows() == 0 {
            return too_few("rows");
        }
        if rows.ncols() == 0 {
            return too_few("columns");
        }
        let mut low = vec![f64::INFINITY; rows.ncols()];
        let mut high = vec![f64::NEG_INFINITY; rows.ncols()];
        for (r, row) in rows.rows().into_iter().enumerate() {
            for (f, &cell) in row.iter().enumerate() {
                let cell = checked_cell(cell.into(), r, f)?;
                low[f] = low[f].min(cell);
                high[f] = high[f].max(cell);
            }
        }
        let shifts: Vec<f64> = low.iter().zip(&high).map(|(&l, &h)| f64::midpoint(l, h)).collect();
        let reach = high.iter().zip(&shifts).map(|(h, s)| h - s).fold(0.0, f64::max);
        // The largest power of two that keeps the widest column inside the grid.
        let factor =
            if reach > 0.0 { libm::exp2(libm::floor(libm::log2(LIMIT / reach)).min(1000.0)) } else { 1.0 };
        let scale = Self { shifts, factor };
        let mut matrix = GridMatrix::zeros(rows.nrows(), rows.ncols());
        let stride = matrix.stride();
        for (out, row) in matrix.cells_mut().chunks_exact_mut(stride).zip(rows.rows()) {
            scale.write(row.iter().map(|&cell| cell.into()), out);
        }
        Ok((scale, matrix))
    }

    fn write(&self, row: impl Iterator<Item = f64>, out: &mut [f32]) {
        for ((out, cell), shift) in out.iter_mut().zip(row).zip(&self.shifts) {
            *out = to_grid((cell - shift) * self.factor);
        }
    }

    /// Writes a row that need not lie inside the range of the fitted rows: cells inside become what they were in
    /// the fit, cells outside are not clipped. The column that lies too far outside to compute with, if any.
    pub(crate) fn write_new(&self, row: impl Iterator<Item = f64>, out: &mut [f32]) -> Result<(), usize> {
        for (f, ((out, cell), shift)) in out.iter_mut().zip(row).zip(&self.shifts).enumerate() {
            let cell = (cell - shift) * self.factor;
            if cell.abs() > FARTHEST {
                return Err(f);
            }
            *out = if cell.abs() <= LIMIT { to_grid(cell) } else { cell as f32 };
        }
        Ok(())
    }
}

pub(crate) fn checked_cell(cell: f64, row: usize, column: usize) -> Result<f64, DataError> {
    if cell.abs() <= LARGEST {
        return Ok(cell);
    }
    let rule = "finite and between -1e150 and 1e150";
    Err(DataError::BadCell { model: MODEL, row, column: column.to_string(), value: cell.to_string(), rule })
}

pub(crate) fn check_shape(what: &'static str, got: usize, expected: usize) -> Result<(), DataError> {
    if got == expected { Ok(()) } else { Err(DataError::Shape { model: MODEL, what, got, expected }) }
}
