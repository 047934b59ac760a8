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
    /// One column, and one that says "missing" where enough cells are.
    Number(NumberEncoding),
    /// One column per level, and one that says "missing" where enough cells are.
    Category(CategoryEncoding),
}

impl Encoding {
    /// Multiplies the variance of the columns, and that of the one that says "missing".
    #[cfg(feature = "train")]
    pub(super) fn weigh(&mut self, weight: f64, flag_weight: f64) {
        let (factor, flag_factor) = (weight.sqrt(), flag_weight.sqrt());
        match self {
            Self::Dropped { .. } => {}
            Self::Number(number) => {
                number.scale *= factor;
                number.indicator.iter_mut().for_each(|indicator| indicator.scale *= flag_factor);
            }
            Self::Category(category) => {
                category.scale *= factor;
                let is_flag = category.n_observed() > 1;
                category.missing_scale *= if is_flag { flag_factor } else { factor };
            }
        }
    }
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
    /// It has weight 0.
    NoWeight,
    /// A category of which no level has 25 customers and 1 % of them.
    NoLargeLevel,
}

/// What takes the skew out of a number. All are odd, strictly increasing functions, so order and sign stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkewTransform {
    /// x.
    None,
    /// sign(x) sqrt(|x|), which gives counts of a Poisson law the same spread at any mean (Bartlett 1936).
    Root,
    /// sign(x) log(1 + |x|).
    Log,
}

impl SkewTransform {
    /// All of them, the mildest first.
    pub const ALL: [Self; 3] = [Self::None, Self::Root, Self::Log];

    /// The transformed number; NaN stays NaN.
    #[must_use]
    pub fn of(self, x: f64) -> f64 {
        match self {
            Self::None => x,
            Self::Root => x.abs().sqrt().copysign(x),
            Self::Log => libm::log1p(x.abs()).copysign(x),
        }
    }
}

/// Constants of a numeric column. All but `skew` are after the skew transform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberEncoding {
    /// What comes first.
    pub skew: SkewTransform,
    /// Cells outside are set aside: they count as missing. `None` when more than half of the cells are equal and
    /// there is no bulk to be far from.
    pub fences: Option<[f64; 2]>,
    /// Cells below are raised to this.
    pub low: f64,
    /// Cells above are lowered to this.
    pub high: f64,
    /// Mean of the observed cells after capping.
    pub mean: f64,
    /// Standard deviation of the observed cells after capping.
    pub sd: f64,
    /// Square root of the column's variance: weights, times 2/pi for a yes/no.
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
    /// The last column, of missing cells, when enough were seen in fitting.
    pub missing: Option<usize>,
    /// Share of every level among all customers, [`MISSING`] included.
    pub shares: Vec<f64>,
    /// Factor of (is this level - share among the observed).
    pub scale: f64,
    /// Factor of (is missing - share).
    pub missing_scale: f64,
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
    /// A sensitive feature: it has no column, and profiles say how it falls out.
    #[serde(default)]
    pub reported_only: bool,
}

impl CategoryEncoding {
    /// Number of levels that are neither [`OTHER`] nor [`MISSING`].
    pub(super) fn n_named(&self) -> usize {
        self.shares.len() - usize::from(self.other.is_some()) - usize::from(self.missing.is_some())
    }

    /// The level of a cell that is not one of the named ones.
    pub(super) fn unnamed(&self, is_missing: bool) -> Option<usize> {
        if is_missing { self.missing } else { self.other }
    }

    /// Number of columns that missing cells say nothing in.
    pub(super) fn n_observed(&self) -> usize {
        self.missing.unwrap_or(self.shares.len())
    }

    /// Share of the customers with a level.
    pub(super) fn observed(&self) -> f64 {
        self.shares[..self.n_observed()].iter().sum()
    }
}

impl EncodedFeature {
    /// Number of columns.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        match &self.encoding {
            _ if self.reported_only => 0,
            Encoding::Dropped { .. } => 0,
            Encoding::Number(number) => 1 + usize::from(number.indicator.is_some()),
            Encoding::Category(category) => category.levels.len(),
        }
    }
}
