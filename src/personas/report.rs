//! What became of a table on its way to columns.

use serde::{Deserialize, Serialize};

use super::cells::encoding::{DropReason, SkewTransform};
use super::cells::gaps::Gaps;
use super::grid::GridMatrix;

/// What the transform had to do to one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureReport {
    /// Name of the feature.
    pub name: String,
    /// Missing cells.
    pub n_missing: u64,
    /// Cells beyond the far-out fences, which count as missing.
    pub n_set_aside: u64,
    /// Cells beyond the quantiles, or beyond +-16 after scaling.
    pub n_capped: u64,
    /// Cells of levels without a column of their own.
    pub n_pooled: u64,
    /// Why the feature has no column.
    pub dropped: Option<DropReason>,
    /// A sensitive feature: it has no column, and profiles say how it falls out.
    pub reported_only: bool,
    /// Which skew transform, for a number of more than two values.
    pub skew: Option<SkewReport>,
    /// How much the feature has to do with the groups that the others form; `None` when that was not asked.
    pub relevance: Option<FeatureRelevance>,
    /// Share of the total variance of all columns, which is its say in the distance.
    pub variance_share: f64,
}

/// Which skew transform was chosen, and why.
///
/// Skewness is (q90 + q10 - 2 q50) / (q90 - q10) (Kelly 1947), which 10 % of outliers on either side cannot move far.
/// Every kind has a preferred transform: money and durations the logarithm, counts the root, other numbers none. The
/// preferred one stands unless another brings the skewness nearer to 0 by more than .25; then the one with the least
/// is taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SkewReport {
    /// The transform of this kind of number.
    pub preferred: SkewTransform,
    /// The one taken.
    pub chosen: SkewTransform,
    /// Skewness without a transform, after the root, and after the logarithm.
    pub skewness: [f64; 3],
}

impl SkewReport {
    /// The skewness after a transform.
    #[must_use]
    pub fn skewness_after(&self, transform: SkewTransform) -> f64 {
        let [none, root, log] = self.skewness;
        match transform {
            SkewTransform::None => none,
            SkewTransform::Root => root,
            SkewTransform::Log => log,
        }
    }
}

/// How much a feature has to do with the groups that the other features form, and what it weighs for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureRelevance {
    /// Share of its variance, 0..=1, that lies between groups in which it had no say itself (adjusted R^2).
    pub explained: f64,
    /// Factor of its variance.
    pub weight: f64,
    /// The same of the column "is missing", where there is one.
    pub flag_explained: Option<f64>,
    /// Factor of the variance of that column.
    pub flag_weight: Option<f64>,
}

/// What the transform had to do to a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TransformReport {
    /// By feature, in the order of the table.
    pub features: Vec<FeatureReport>,
    /// Pairs of features whose columns correlate above .999 and therefore count twice, with the correlation.
    pub duplicates: Vec<(String, String, f64)>,
    /// Features that the parameters name and the table lacks.
    pub unknown: Vec<String>,
}

/// A table after the transform.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// n_customers x n_columns; cells in gaps are 0, the mean of their column.
    pub matrix: GridMatrix,
    /// Which cells say nothing.
    pub gaps: Gaps,
    /// What had to be done.
    pub report: TransformReport,
}
