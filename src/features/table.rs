//! Values of features, one row per customer.

use std::sync::Arc;

use super::{FeatureDef, FeatureSpec};
use crate::tables::Buckets;

/// The cells of one feature, in customer order.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Every kind but categories. NaN is a missing cell and nothing else; infinities do not occur.
    Number(Vec<f64>),
    /// Level codes of a category; `None` is a missing cell.
    Category(Vec<Option<u32>>),
}

impl Column {
    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Number(cells) => cells.len(),
            Self::Category(cells) => cells.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// n_customers x n_features, column by column, in the units of its specification.
#[derive(Clone, Debug)]
pub struct FeatureTable {
    spec: Arc<FeatureSpec>,
    columns: Vec<Column>,
    buckets: Buckets,
}

impl FeatureTable {
    /// Puts columns and their specification together.
    ///
    /// # Panics
    /// When lengths or types do not belong together: a programmer error.
    #[must_use]
    pub fn new(spec: Arc<FeatureSpec>, columns: Vec<Column>, buckets: Buckets) -> Self {
        assert_eq!(spec.features.len(), columns.len(), "one column per feature");
        for (def, column) in spec.features.iter().zip(&columns) {
            assert_eq!(column.len(), buckets.n_rows(), "one cell per customer in {}", def.name);
            let category = matches!(def.kind, super::FeatureKind::Category { .. });
            assert_eq!(category, matches!(column, Column::Category(_)), "type of {}", def.name);
        }
        Self { spec, columns, buckets }
    }

    /// Number of customers.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.buckets.n_rows()
    }

    /// What the columns are.
    #[must_use]
    pub fn spec(&self) -> &Arc<FeatureSpec> {
        &self.spec
    }

    /// The columns in the order of the specification.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Where each bucket of customers starts.
    #[must_use]
    pub fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    /// The numeric column of that name.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<&[f64]> {
        match &self.columns[self.spec.position(name)?] {
            Column::Number(cells) => Some(cells),
            Column::Category(_) => None,
        }
    }

    /// The same table with one more column, for example the output of an earlier model at the same instant.
    ///
    /// # Panics
    /// As [`FeatureTable::new`].
    #[must_use]
    pub fn with(mut self, def: FeatureDef, column: Column) -> Self {
        let mut spec = FeatureSpec::clone(&self.spec);
        spec.features.push(def);
        self.columns.push(column);
        Self::new(Arc::new(spec), self.columns, self.buckets)
    }

    /// A table of the given rows, in the given order. Its rows are dealt evenly to buckets when their order is
    /// not that of the customers, so it is for fitting on eligible rows, where buckets only group sums.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let columns = self
            .columns
            .iter()
            .map(|column| match column {
                Column::Number(cells) => Column::Number(rows.iter().map(|&r| cells[r]).collect()),
                Column::Category(cells) => Column::Category(rows.iter().map(|&r| cells[r]).collect()),
            })
            .collect();
        Self { spec: Arc::clone(&self.spec), columns, buckets: Buckets::even(rows.len()) }
    }
}
