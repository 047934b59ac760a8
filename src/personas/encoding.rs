//! How features become columns: the fitted constants, as a model file holds them.

use serde::{Deserialize, Serialize};

use crate::features::FeatureDef;

/// Name of the pooled level of a category.
pub const OTHER: &str = "other";

/// Name of the level of customers without one.
pub const MISSING: &str = "(missing)";

/// How one feature becomes columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Encoding {
    /// No column: the feature cannot set anybody apart.
    Dropped {
        /// Why.
        reason: DropReason,
    },
    /// One column, and one for missing cells where enough are missing.
    Number(NumberEncoding),
    /// One column per level.
    Category(CategoryEncoding),
}

/// Why a feature has no column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// All cells are the same, after capping and pooling.
    Constant,
    /// Every cell is missing.
    AllMissing,
    /// A yes or no that fewer than 1 % of the customers answer differently from the rest.
    TooRare,
    /// Its group of features has weight 0.
    NoWeight,
}

/// Constants of a numeric column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberEncoding {
    /// Whether sign(x) log(1 + |x|) comes first; all other constants are after it.
    pub log: bool,
    /// Cells below are raised to this.
    pub low: f64,
    /// Cells above are lowered to this.
    pub high: f64,
    /// What a missing cell becomes.
    pub median: f64,
    /// Mean after capping and imputation.
    pub mean: f64,
    /// Standard deviation after capping and imputation.
    pub sd: f64,
    /// Square root of the column's variance: the group's weight, times 2/pi for a yes/no.
    pub scale: f64,
    /// The column that says "missing".
    pub indicator: Option<IndicatorEncoding>,
}

/// Constants of a column that says whether a cell was missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndicatorEncoding {
    /// Share of missing cells.
    pub share: f64,
    /// Factor of (is missing - share).
    pub scale: f64,
}

/// Levels and constants of a category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoryEncoding {
    /// Levels with a column of their own, sorted; then [`OTHER`] and [`MISSING`] where they have one.
    pub levels: Vec<String>,
    /// Column of everything else, when pooled levels were seen in fitting.
    pub other: Option<usize>,
    /// Column of missing cells, when enough were seen in fitting.
    pub missing: Option<usize>,
    /// Share of every level.
    pub shares: Vec<f64>,
    /// Factor of (is this level - share).
    pub scale: f64,
}

/// One feature with its encoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncodedFeature {
    /// The feature; a category names only levels that have a column of their own.
    pub def: FeatureDef,
    /// How it becomes columns.
    pub encoding: Encoding,
    /// Its first column.
    pub first_column: usize,
}

impl CategoryEncoding {
    /// Number of levels that are neither [`OTHER`] nor [`MISSING`].
    pub(super) fn n_named(&self) -> usize {
        self.shares.len() - usize::from(self.other.is_some()) - usize::from(self.missing.is_some())
    }

    /// The level of a cell that is not one of the named ones.
    pub(super) fn unnamed(&self, is_missing: bool) -> Option<usize> {
        if is_missing { self.missing.or(self.other) } else { self.other }
    }
}

impl EncodedFeature {
    /// Number of columns.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        match &self.encoding {
            Encoding::Dropped { .. } => 0,
            Encoding::Number(number) => 1 + usize::from(number.indicator.is_some()),
            Encoding::Category(category) => category.levels.len(),
        }
    }
}
