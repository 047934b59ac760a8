//! What the fit takes: features at an instant beside what happened after it.

use crate::error::DataError;
use crate::features::{Column, FeatureTable};
use crate::types::Timestamp;

/// Features of customers at `as_of`, who of them was at risk, and who left. One cell per row of the table each.
#[derive(Clone, Debug)]
pub struct LabelledSnapshot {
    /// Features use nothing from here on; the outcome window begins here.
    pub as_of: Timestamp,
    /// One row per customer.
    pub table: FeatureTable,
    /// Row in the customer table, the same customer the same number in every snapshot.
    pub customers: Vec<u32>,
    /// Who was at risk; other rows are not used.
    pub eligible: Vec<bool>,
    /// Who left within the horizon.
    pub churned: Vec<bool>,
}

impl LabelledSnapshot {
    /// Rows at risk.
    pub(super) fn eligible_rows(&self) -> Vec<usize> {
        (0..self.eligible.len()).filter(|&row| self.eligible[row]).collect()
    }
}

/// Refuses snapshots whose parts do not fit together.
pub(super) fn check(snapshots: &[LabelledSnapshot]) -> Result<(), DataError> {
    let Some(first) = snapshots.first() else {
        return Err(DataError::TooFew { model: "churn", what: "labelled snapshots", got: 0, need: 1 });
    };
    for snapshot in snapshots {
        let expected = snapshot.table.n_rows();
        for (what, got) in [
            ("number of customers", snapshot.customers.len()),
            ("number of eligible cells", snapshot.eligible.len()),
            ("number of churned cells", snapshot.churned.len()),
        ] {
            if got != expected {
                return Err(DataError::Shape { model: "churn", what, got, expected });
            }
        }
        same_columns(&first.table, &snapshot.table)?;
        finite(&snapshot.table)?;
    }
    Ok(())
}

fn same_columns(first: &FeatureTable, other: &FeatureTable) -> Result<(), DataError> {
    let (mine, theirs) = (&first.spec().features, &other.spec().features);
    if mine.len() != theirs.len() {
        let (got, expected) = (theirs.len(), mine.len());
        return Err(DataError::Shape {
            model: "churn",
            what: "number of columns of a snapshot",
            got,
            expected,
        });
    }
    let type_of = |table: &FeatureTable, k: usize| matches!(table.columns()[k], Column::Number(_));
    for (k, (mine, theirs)) in mine.iter().zip(theirs).enumerate() {
        if mine.name != theirs.name || type_of(first, k) != type_of(other, k) {
            return Err(DataError::BadCell {
                model: "churn",
                row: 0,
                column: mine.name.clone(),
                value: format!("{} ({:?})", theirs.name, theirs.kind),
                rule: "the same column in every snapshot",
            });
        }
    }
    Ok(())
}

fn finite(table: &FeatureTable) -> Result<(), DataError> {
    for (def, column) in table.spec().features.iter().zip(table.columns()) {
        if let Column::Number(cells) = column
            && let Some(row) = cells.iter().position(|x| x.is_infinite())
        {
            return Err(DataError::BadCell {
                model: "churn",
                row,
                column: def.name.clone(),
                value: cells[row].to_string(),
                rule: "finite or missing",
            });
        }
    }
    Ok(())
}
