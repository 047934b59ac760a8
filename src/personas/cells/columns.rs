//! The columns of one cell: what a number or a level becomes, and what says nothing.

use super::encoding::{CategoryEncoding, NumberEncoding};
use crate::personas::grid::{LIMIT, to_grid};

/// What happened to the cells of one feature.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) missing: u64,
    pub(super) set_aside: u64,
    pub(super) capped: u64,
    pub(super) pooled: u64,
}

/// Where the columns of one feature of one customer go.
pub(super) struct Columns<'a> {
    pub(super) first: usize,
    pub(super) out: &'a mut [f32],
    pub(super) gaps: &'a mut Vec<u32>,
}

impl Columns<'_> {
    fn set(&mut self, column: usize, cell: f64) {
        self.out[self.first + column] = to_grid(cell);
    }

    fn gap(&mut self, column: usize) {
        self.out[self.first + column] = 0.0;
        self.gaps.push((self.first + column) as u32);
    }
}

/// The cell of the column; `None` when it says nothing.
pub(super) fn number_cell(number: &NumberEncoding, x: f64, counts: &mut Counts) -> Option<f64> {
    if x.is_nan() {
        counts.missing += 1;
        return None;
    }
    let observed = number.skew.of(x);
    if number.fences.is_some_and(|[low, high]| observed < low || observed > high) {
        counts.set_aside += 1;
        return None;
    }
    let capped = observed.clamp(number.low, number.high);
    let cell = (capped - number.mean) / number.sd * number.scale;
    counts.capped += u64::from(capped != observed || cell.abs() > LIMIT);
    Some(cell)
}

/// The columns of a number, with the one that says "missing".
pub(super) fn write_number(
    number: &NumberEncoding,
    cell: Option<f64>,
    is_missing: bool,
    columns: &mut Columns<'_>,
) {
    match cell {
        Some(cell) => columns.set(0, cell),
        None => columns.gap(0),
    }
    if let Some(indicator) = &number.indicator {
        columns.set(1, (f64::from(u8::from(is_missing)) - indicator.share) * indicator.scale);
    }
}

/// The level with a column of its own that a code stands for.
pub(super) fn named_level(slots: &[Option<usize>], code: Option<u32>) -> Option<usize> {
    code.and_then(|code| slots.get(code as usize).copied().flatten())
}

/// The columns of a level; a cell of no level, or of one that had no column in the fit, is a gap.
pub(super) fn write_category(category: &CategoryEncoding, level: Option<usize>, columns: &mut Columns<'_>) {
    let is_missing = level.is_none() || level == category.missing;
    let observed = category.observed();
    for column in 0..category.n_observed() {
        if is_missing {
            columns.gap(column);
        } else {
            let is_level = f64::from(u8::from(level == Some(column)));
            columns.set(column, (is_level - category.shares[column] / observed) * category.scale);
        }
    }
    if let Some(column) = category.missing {
        // A level that the fit did not know is no missing cell.
        let is_missing = f64::from(u8::from(level == Some(column)));
        columns.set(column, (is_missing - category.shares[column]) * category.missing_scale);
    }
}
