//! How good a churn model is, and what to mind.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::metrics::classification::{Estimate, Outcomes, RankGroup, ReliabilityBin};
use crate::types::Timestamp;

/// How test rows were kept apart from training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Split {
    /// Tested on the latest labelled snapshot, trained where outcome windows had ended by then.
    Time {
        /// The tested snapshot.
        test_as_of: Timestamp,
        /// Rows trained on.
        n_train: usize,
    },
    /// Folds by customer on the same snapshots, calibration chosen on the same margins: optimistic, for want of an
    /// earlier snapshot.
    Folds {
        /// How many.
        n_folds: usize,
    },
}

/// Figures on rows that the judged model did not see; intervals are 95 %.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChurnEvaluation {
    /// Where the figures come from.
    pub split: Split,
    /// Rows tested.
    pub n_rows: usize,
    /// Those of them that left.
    pub n_churned: usize,
    /// Their share.
    pub base_rate: f64,
    /// Chance that a leaver has the higher margin.
    pub auc: Estimate,
    /// Average precision; compare with `base_rate`.
    pub pr_auc: f64,
    /// Mean negative log-probability of what happened.
    pub log_loss: Estimate,
    /// The same for giving everybody the test rows' base rate.
    pub log_loss_of_base_rate: f64,
    /// Mean squared error of probabilities.
    pub brier: Estimate,
    /// Expected calibration error over ten bins of equal mass.
    pub ece10: f64,
    /// Rate of the top tenth over the base rate.
    pub lift_at_10: Estimate,
    /// Ten groups by falling margin.
    pub deciles: Vec<RankGroup>,
    /// Ten bins by rising probability.
    pub reliability: Vec<ReliabilityBin>,
}

impl ChurnEvaluation {
    #[cfg_attr(not(feature = "train"), allow(dead_code))]
    pub(super) fn new(
        split: Split,
        margins: &[f64],
        probabilities: &[f64],
        churned: &[bool],
    ) -> Result<Self, DataError> {
        let outcomes = Outcomes::new(margins, probabilities, churned)?;
        Ok(Self {
            split,
            n_rows: outcomes.n_rows(),
            n_churned: outcomes.n_positive(),
            base_rate: outcomes.base_rate(),
            auc: outcomes.auc(),
            pr_auc: outcomes.pr_auc(),
            log_loss: outcomes.log_loss(),
            log_loss_of_base_rate: outcomes.log_loss_of_base_rate(),
            brier: outcomes.brier(),
            ece10: outcomes.calibration_error(10),
            lift_at_10: outcomes.lift(0.1),
            deciles: outcomes.deciles(),
            reliability: outcomes.reliability(10),
        })
    }
}

/// Something that limits the use of a churn model; the fit went on.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ChurnWarning {
    /// One column alone tells leavers from stayers: it may have been written after the outcome.
    LeakSuspected {
        /// Name of the column.
        column: String,
        /// Its area under the curve, the better direction.
        auc: f64,
    },
    /// Everybody (or nobody) with one level left.
    LevelDecides {
        /// Name of the column.
        column: String,
        /// Name of the level.
        level: String,
        /// Rows with it.
        n: usize,
        /// Share that left, 0 or 1.
        rate: f64,
    },
    /// No snapshot whose outcomes were known before the test: judged by folds instead.
    NoTimeSplit,
    /// Snapshots left out of the judged model because their outcome windows reach into the test.
    OverlappingSnapshots {
        /// How many.
        n: usize,
    },
    /// The share of leavers of the tested snapshot is far from that of the training rows.
    BaseRateDrift {
        /// Share in training.
        train: f64,
        /// Share in the test.
        test: f64,
    },
    /// The tested probabilities were no better than giving everybody the base rate.
    NoBetterThanBaseRate,
}

impl fmt::Display for ChurnWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeakSuspected { column, auc } => write!(
                f,
                "column \"{column}\" alone has an AUC of {auc:.3}: was it written after the outcome?"
            ),
            Self::LevelDecides { column, level, n, rate } => write!(
                f,
                "of {n} customers with {column} = \"{level}\" {:.0} % left: was it written after the outcome?",
                100.0 * rate
            ),
            Self::NoTimeSplit => {
                write!(
                    f,
                    "no earlier snapshot with known outcomes: figures come from folds by customer and are optimistic"
                )
            }
            Self::OverlappingSnapshots { n } => write!(
                f,
                "{n} snapshots were left out of the judged model because their outcome windows reach into the test"
            ),
            Self::BaseRateDrift { train, test } => write!(
                f,
                "{:.1} % left in training, {:.1} % in the test: probabilities may be off",
                100.0 * train,
                100.0 * test
            ),
            Self::NoBetterThanBaseRate => {
                write!(f, "probabilities are no better than the base rate for everybody")
            }
        }
    }
}
