//! Parameters of the churn model, and the label they define.

use serde::{Deserialize, Serialize};

use crate::error::ParamError;
use crate::params::{Params, count_in};
use crate::types::{Days, Timestamp};

/// What leaving means and how its model is fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChurnParams {
    /// A customer without a purchase in `[as_of, as_of + horizon)` has left; 1 to 3,650. Part of the column's meaning.
    pub horizon_days: u32,
    /// Only customers with a purchase in `[as_of - eligible, as_of)` are at risk; 1 to 3,650.
    pub eligible_days: u32,
    /// Seed of the folds.
    pub seed: u64,
    /// Labelled snapshots to aim for, the one for testing included; 1 to 100, 4 by default.
    #[serde(default = "four")]
    pub n_snapshots: usize,
    /// Folds of cross-validation, by customer; 2 to 20, 5 by default.
    #[serde(default = "five")]
    pub n_folds: usize,
    /// Penalty of the logistic regression. Without it: 1, and below 1,500 rows the best of .1, 1, 10 and 100 by
    /// cross-validated log-loss.
    #[serde(default)]
    pub lambda: Option<f64>,
}

fn four() -> usize {
    4
}

fn five() -> usize {
    5
}

impl ChurnParams {
    /// The usual settings for a definition of leaving.
    #[must_use]
    pub fn new(horizon_days: u32, eligible_days: u32, seed: u64) -> Self {
        Self { horizon_days, eligible_days, seed, n_snapshots: four(), n_folds: five(), lambda: None }
    }
}

/// Checked [`ChurnParams`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ChurnParams", into = "ChurnParams")]
pub struct ChurnValid {
    params: ChurnParams,
}

/// What a snapshot says of one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// At risk at the snapshot.
    pub eligible: bool,
    /// No purchase within the horizon.
    pub churned: bool,
}

impl ChurnValid {
    /// The parameters as typed.
    #[must_use]
    pub fn params(&self) -> &ChurnParams {
        &self.params
    }

    /// The label of a customer at `as_of`, from the last purchase before it and the first one from it on.
    #[must_use]
    pub fn label(&self, as_of: Timestamp, last_before: Timestamp, first_from: Option<Timestamp>) -> Label {
        let end = self.outcome_end(as_of);
        Label {
            eligible: last_before < as_of && last_before >= as_of.minus(Days(self.params.eligible_days)),
            churned: first_from.is_none_or(|at| at >= end),
        }
    }

    /// End (exclusive) of the outcome window of a snapshot; a label is known only when the data reach it.
    #[must_use]
    pub fn outcome_end(&self, as_of: Timestamp) -> Timestamp {
        as_of.plus(Days(self.params.horizon_days))
    }

    /// Snapshots whose outcome windows end by `data_end`, ascending: the latest possible one for testing and the others
    /// whole horizons earlier, so that their windows end before it begins. The caller drops those without history.
    #[must_use]
    pub fn snapshots(&self, data_end: Timestamp) -> Vec<Timestamp> {
        let horizon = Days(self.params.horizon_days);
        let mut at = data_end;
        let mut snapshots = Vec::with_capacity(self.params.n_snapshots);
        for _ in 0..self.params.n_snapshots {
            at = at.minus(horizon);
            snapshots.push(at);
        }
        snapshots.reverse();
        snapshots
    }
}

impl Params for ChurnParams {
    type Checked = ChurnValid;

    fn check(self) -> Result<ChurnValid, ParamError> {
        let days = "from 1 to 3650";
        count_in("churn.horizon_days", self.horizon_days as usize, 1, 3650, days)?;
        count_in("churn.eligible_days", self.eligible_days as usize, 1, 3650, days)?;
        count_in("churn.n_snapshots", self.n_snapshots, 1, 100, "from 1 to 100")?;
        count_in("churn.n_folds", self.n_folds, 2, 20, "from 2 to 20")?;
        match self.lambda {
            // Positive test, so that NaN is refused.
            Some(lambda) if !(lambda > 0.0 && lambda.is_finite()) => {
                Err(ParamError::new("churn.lambda", lambda, "finite and greater than 0"))
            }
            _ => Ok(ChurnValid { params: self }),
        }
    }
}

impl TryFrom<ChurnParams> for ChurnValid {
    type Error = ParamError;

    fn try_from(params: ChurnParams) -> Result<Self, ParamError> {
        params.check()
    }
}

impl From<ChurnValid> for ChurnParams {
    fn from(valid: ChurnValid) -> Self {
        valid.params
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl Fn(&mut ChurnParams)) -> String {
        let mut params = ChurnParams::new(90, 180, 1);
        change(&mut params);
        params.check().unwrap_err().field
    }

    #[test]
    fn every_rule_refuses() {
        assert_eq!(refused(|p| p.horizon_days = 0), "churn.horizon_days");
        assert_eq!(refused(|p| p.horizon_days = 3651), "churn.horizon_days");
        assert_eq!(refused(|p| p.eligible_days = 0), "churn.eligible_days");
        assert_eq!(refused(|p| p.n_snapshots = 0), "churn.n_snapshots");
        assert_eq!(refused(|p| p.n_folds = 1), "churn.n_folds");
        for lambda in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(refused(|p| p.lambda = Some(lambda)), "churn.lambda");
        }
    }

    #[test]
    fn seed_and_definition_have_no_default() {
        let full = r#"{"horizon_days": 90, "eligible_days": 180, "seed": 1}"#;
        assert_eq!(serde_json::from_str::<ChurnParams>(full).unwrap(), ChurnParams::new(90, 180, 1));
        for short in [r#"{"horizon_days": 90, "seed": 1}"#, r#"{"horizon_days": 90, "eligible_days": 1}"#] {
            assert!(serde_json::from_str::<ChurnParams>(short).is_err());
        }
    }

    #[test]
    fn boundary_days_of_the_label() {
        let valid = ChurnParams::new(10, 5, 1).check().unwrap();
        let day = |d: i64| Timestamp(d * Timestamp::DAY_MS);
        let label = |last: i64, next: Option<i64>| {
            let label = valid.label(day(100), day(last), next.map(day));
            (label.eligible, label.churned)
        };
        assert_eq!(label(95, Some(100)), (true, false));
        assert_eq!(label(94, Some(109)), (false, false));
        assert_eq!(label(99, Some(110)), (true, true));
        assert_eq!(label(99, None), (true, true));
        assert_eq!(label(100, None), (false, true));
        assert_eq!(valid.outcome_end(day(100)), day(110));
    }

    #[test]
    fn outcome_windows_end_before_the_test_begins() {
        let valid = ChurnParams::new(30, 60, 1).check().unwrap();
        let end = Timestamp(400 * Timestamp::DAY_MS);
        let snapshots = valid.snapshots(end);
        assert_eq!(snapshots.len(), 4);
        assert!(snapshots.windows(2).all(|pair| valid.outcome_end(pair[0]) <= pair[1]));
        assert_eq!(valid.outcome_end(snapshots[3]), end);
    }
}
