//! Plain arrays as rows of f32 with their distances in proportion.

use ndarray::{ArrayView2, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::points::{BLOCK, Points};
use crate::error::DataError;
use crate::kernels::tile::Rows;

/// Cells beyond this would overflow when squared and summed.
const LARGEST: f64 = 1e150;

/// Half the range of copied arrays after scaling, up to a factor of two.
const REACH: f64 = 16.0;

/// New cells may lie this many half ranges outside the fitted ones; beyond, f32 could overflow.
const FARTHEST: f64 = (1u64 << 40) as f64;

/// Half ranges between these leave room for squares and sums in f32.
const IN_PLACE: std::ops::RangeInclusive<f64> = 1e-12..=1e12;

/// In place the middle of a column may lie this many of the widest column's half ranges from 0: an error of f32 is
/// that much larger than around it.
const NEAR_ZERO: f64 = 2.0;

pub(crate) const MODEL: &str = "k-means";

/// A number in an array that k-means reads: f32, whose arrays are read in place, or f64.
pub trait ArrayCell: Copy + Into<f64> + Sync {
    /// The cells as they are, where they are f32.
    #[must_use]
    fn singles(cells: &[Self]) -> Option<&[f32]>;
}

impl ArrayCell for f32 {
    fn singles(cells: &[Self]) -> Option<&[f32]> {
        Some(cells)
    }
}

impl ArrayCell for f64 {
    fn singles(_: &[Self]) -> Option<&[f32]> {
        None
    }
}

/// What lies between two rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// The length of their difference.
    #[default]
    Euclidean,
    /// The same for rows and centroids of length 1, so that directions count alone: its square is 2 (1 - cosine)
    /// ("spherical k-means", Dhillon, Modha 2001).
    Cosine,
}

/// Shift by column and common factor that an array was read with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArrayScale {
    pub(crate) distance: Distance,
    pub(crate) shifts: Vec<f64>,
    /// A power of two.
    pub(crate) factor: f64,
    /// Scaled cells beyond this cannot be computed with.
    farthest: f64,
}

/// The rows of an array, where they are or copied.
pub(crate) enum ArrayRows<'a> {
    InPlace(Rows<'a>),
    Copied(Vec<f32>, usize),
}

impl ArrayRows<'_> {
    pub(crate) fn rows(&self) -> Rows<'_> {
        match self {
            Self::InPlace(rows) => *rows,
            Self::Copied(cells, n_columns) => Rows::new(cells, *n_columns, *n_columns),
        }
    }

    /// The points of a fit.
    pub(crate) fn points<'a>(&'a self, scale: &ArrayScale, weights: Option<&'a [f64]>) -> Points<'a> {
        let reach = (1.0 + NEAR_ZERO) * scale.farthest / FARTHEST;
        Points::of(self.rows(), reach, weights)
    }
}

/// Least and greatest cell of every column, and whether a cell breaks the rule.
struct Range {
    low: Vec<f64>,
    high: Vec<f64>,
    is_broken: bool,
}

impl Range {
    fn empty(n_columns: usize) -> Self {
        Self {
            low: vec![f64::INFINITY; n_columns],
            high: vec![f64::NEG_INFINITY; n_columns],
            is_broken: false,
        }
    }

    fn take_in(&mut self, row: impl Iterator<Item = f64>) {
        for ((low, high), cell) in self.low.iter_mut().zip(&mut self.high).zip(row) {
            *low = if cell < *low { cell } else { *low };
            *high = if cell > *high { cell } else { *high };
            // Written so that it also holds for NaN.
            self.is_broken |= !(cell.abs() <= LARGEST);
        }
    }

    fn merged(mut self, other: &Self) -> Self {
        self.low.iter_mut().zip(&other.low).for_each(|(a, b)| *a = a.min(*b));
        self.high.iter_mut().zip(&other.high).for_each(|(a, b)| *a = a.max(*b));
        self.is_broken |= other.is_broken;
        self
    }
}

impl ArrayScale {
    /// The scale of an array and its rows: an f32 array in row-major order is read where it is when its columns lie
    /// around 0 and its range fits f32 sums; of any other a copy is made, shifted by the middle of each column and
    /// scaled by a common power of two.
    pub(crate) fn fit<F: ArrayCell>(
        rows: ArrayView2<'_, F>,
        distance: Distance,
    ) -> Result<(Self, ArrayRows<'_>), DataError> {
        let too_few = |what| Err(DataError::TooFew { model: MODEL, what, got: 0, need: 1 });
        if rows.nrows() == 0 {
            return too_few("rows");
        }
        if rows.ncols() == 0 {
            return too_few("columns");
        }
        let Range { low, high, .. } = range(rows)?;
        if distance == Distance::Cosine {
            let shifts = vec![0.0; rows.ncols()];
            let scale = Self { distance, shifts, factor: 1.0, farthest: FARTHEST };
            let cells = scale.copied(rows)?;
            return Ok((scale, ArrayRows::Copied(cells, rows.ncols())));
        }
        let middles: Vec<f64> = low.iter().zip(&high).map(|(&l, &h)| f64::midpoint(l, h)).collect();
        let reach = high.iter().zip(&middles).map(|(h, m)| h - m).fold(0.0, f64::max);
        let around_zero = middles.iter().all(|middle| middle.abs() <= NEAR_ZERO * reach);
        let singles = rows.to_slice().and_then(F::singles);
        if let (Some(cells), true, true) = (singles, around_zero, IN_PLACE.contains(&reach)) {
            let d = rows.ncols();
            let scale = Self { distance, shifts: vec![0.0; d], factor: 1.0, farthest: reach * FARTHEST };
            return Ok((scale, ArrayRows::InPlace(Rows::new(cells, d, d))));
        }
        // The largest power of two that keeps the widest column inside the reach.
        let factor =
            if reach > 0.0 { libm::exp2(libm::floor(libm::log2(REACH / reach)).min(1000.0)) } else { 1.0 };
        let scale = Self { distance, shifts: middles, factor, farthest: REACH * FARTHEST };
        let cells = scale.copied(rows)?;
        Ok((scale, ArrayRows::Copied(cells, rows.ncols())))
    }

    /// All rows as they are computed with.
    fn copied<F: ArrayCell>(&self, rows: ArrayView2<'_, F>) -> Result<Vec<f32>, DataError> {
        let d = rows.ncols();
        let mut cells = vec![0.0f32; rows.len()];
        cells.par_chunks_mut(BLOCK * d).enumerate().try_for_each(|(b, out)| {
            out.chunks_exact_mut(d).zip(b * BLOCK..).try_for_each(|(out, r)| self.write(rows, r, out))
        })?;
        Ok(cells)
    }

    /// Writes row `r`, which need not lie inside the range of the fitted rows; one that was fitted becomes what it
    /// was.
    ///
    /// # Errors
    /// A cell that is not finite or lies too far outside to compute with; for cosine, a row of zeros.
    pub(crate) fn write<F: ArrayCell>(
        &self,
        rows: ArrayView2<'_, F>,
        r: usize,
        out: &mut [f32],
    ) -> Result<(), DataError> {
        let row = rows.row(r);
        let refused = |column: String, value: f64, rule| {
            let value = value.to_string();
            Err(DataError::BadCell { model: MODEL, row: r, column, value, rule })
        };
        let unit = match self.distance {
            Distance::Euclidean => 1.0,
            Distance::Cosine => {
                // Divided by the largest first, so that no square overflows or vanishes.
                let most = row.iter().map(|&cell| cell.into().abs()).fold(0.0, f64::max);
                if most == 0.0 {
                    return refused("*".to_owned(), 0.0, "not 0 in all columns, for cosine distance");
                }
                let square = |&cell: &F| (cell.into() / most) * (cell.into() / most);
                most * row.iter().map(square).sum::<f64>().sqrt()
            }
        };
        for (f, ((out, &cell), shift)) in out.iter_mut().zip(row).zip(&self.shifts).enumerate() {
            let scaled = (checked_cell(MODEL, cell.into(), r, f)? - shift) * self.factor / unit;
            if scaled.abs() > self.farthest {
                return refused(f.to_string(), cell.into(), "within 2^40 times the range of the fitted rows");
            }
            *out = scaled as f32;
        }
        Ok(())
    }
}

/// The range of an array; the first cell that is not finite or too large is refused by its place.
fn range<F: ArrayCell>(rows: ArrayView2<'_, F>) -> Result<Range, DataError> {
    let d = rows.ncols();
    let of_block = |b: usize| {
        let mut range = Range::empty(d);
        for row in rows.slice(s![b * BLOCK..((b + 1) * BLOCK).min(rows.nrows()), ..]).rows() {
            match row.as_slice() {
                Some(row) => range.take_in(row.iter().map(|&cell| cell.into())),
                None => range.take_in(row.iter().map(|&cell| cell.into())),
            }
        }
        range
    };
    let blocks = (0..rows.nrows().div_ceil(BLOCK)).into_par_iter();
    let range = blocks.map(of_block).reduce(|| Range::empty(d), |a, b| a.merged(&b));
    if range.is_broken {
        for ((r, f), &cell) in rows.indexed_iter() {
            checked_cell(MODEL, cell.into(), r, f)?;
        }
    }
    Ok(range)
}

/// Gives every row of `n_columns` the length 1, except rows of zeros.
pub(crate) fn straighten(cells: &mut [f64], n_columns: usize) {
    for row in cells.chunks_exact_mut(n_columns.max(1)) {
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length > 0.0 {
            row.iter_mut().for_each(|x| *x /= length);
        }
    }
}

/// The cell, unless it is too large to compute with or not finite.
pub(crate) fn checked_cell(
    model: &'static str,
    cell: f64,
    row: usize,
    column: usize,
) -> Result<f64, DataError> {
    if cell.abs() <= LARGEST {
        return Ok(cell);
    }
    let rule = "finite and between -1e150 and 1e150";
    Err(DataError::BadCell { model, row, column: column.to_string(), value: cell.to_string(), rule })
}

pub(crate) fn check_shape(what: &'static str, got: usize, expected: usize) -> Result<(), DataError> {
    if got == expected { Ok(()) } else { Err(DataError::Shape { model: MODEL, what, got, expected }) }
}

/// Refuses weights that are not one finite number of at least 0 for every row, or that are all 0.
pub(crate) fn check_weights(weights: &[f64], n_rows: usize) -> Result<(), DataError> {
    check_shape("sample weights", weights.len(), n_rows)?;
    if let Some(row) = weights.iter().position(|w| !(0.0..=LARGEST).contains(w)) {
        let (column, value) = ("sample weight".to_owned(), weights[row].to_string());
        let rule = "finite, at least 0 and at most 1e150";
        return Err(DataError::BadCell { model: MODEL, row, column, value, rule });
    }
    if weights.iter().all(|&w| w == 0.0) {
        return Err(DataError::TooFew { model: MODEL, what: "rows of positive weight", got: 0, need: 1 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ShapeBuilder};

    use super::*;

    #[test]
    fn what_lies_around_zero_is_read_in_place() {
        let in_place = |array: &Array2<f32>| {
            let fitted = ArrayScale::fit(array.view(), Distance::Euclidean).expect("fits");
            matches!(fitted.1, ArrayRows::InPlace(_))
        };
        let unit = Array2::from_shape_fn((10, 3), |(r, c)| (r * 3 + c) as f32);
        assert!(in_place(&unit));
        assert!(in_place(&(&unit * 1e9)));
        for copied in [&unit + 1000.0, &unit * 1e20, &unit * 1e-20, &unit * 0.0] {
            assert!(!in_place(&copied));
        }
        let by_column = Array2::from_shape_fn((10, 3).f(), |(r, c)| unit[(r, c)]);
        let (scale, rows) = ArrayScale::fit(by_column.view(), Distance::Euclidean).expect("fits");
        for r in 0..10 {
            let mut written = [0.0; 3];
            scale.write(by_column.view(), r, &mut written).expect("near");
            assert_eq!(rows.rows().row(r), written);
        }
    }

    #[test]
    fn directions_have_length_one_and_zeros_have_none() {
        let array = ndarray::array![[3.0, 4.0], [-3e200, 4e200], [1e-300, 0.0]];
        let error = ArrayScale::fit(array.view(), Distance::Cosine).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("row 1, column \"0\" is -3"), "{error}");
        let array = ndarray::array![[3.0, 4.0], [-3e100, 4e100], [1e-300, 0.0]];
        let (_, rows) = ArrayScale::fit(array.view(), Distance::Cosine).expect("fits");
        for (r, expected) in [[0.6, 0.8], [-0.6, 0.8], [1.0, 0.0]].iter().enumerate() {
            assert_eq!(rows.rows().row(r), expected);
        }
        let error = ArrayScale::fit(ndarray::array![[1.0], [0.0]].view(), Distance::Cosine).map(|_| ());
        let expected =
            "k-means: row 1, column \"*\" is 0, but it must be not 0 in all columns, for cosine distance";
        assert_eq!(error.unwrap_err().to_string(), expected);
    }
}
