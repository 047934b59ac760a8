//! Fitting and judging a churn model.

use rayon::prelude::*;

use super::evaluation::{ChurnEvaluation, ChurnWarning, Split};
use super::leakage::suspects;
use super::model::{ChurnModel, Learner};
use super::params::ChurnValid;
use super::snapshot::{LabelledSnapshot, check};
use crate::error::DataError;
use crate::learners::{
    Calibration, Design, Encoding, Logistic, LogisticParams, TableRows, choose_calibration, folds,
};
use crate::metrics::classification::Outcomes;
use crate::params::Params;

/// Fewer rows at risk than this settle nothing.
const MIN_ROWS: usize = 50;
/// Nor does a class with fewer rows.
const MIN_OF_CLASS: usize = 10;
/// Below this many rows the penalty is chosen by cross-validation.
const CHOOSE_LAMBDA_BELOW: usize = 1500;
/// The penalty otherwise, and the choices.
const USUAL_LAMBDA: f64 = 1.0;
const LAMBDAS: [f64; 4] = [0.1, 1.0, 10.0, 100.0];

/// Rows at risk of some snapshots.
struct Rows<'a> {
    snapshots: Vec<&'a LabelledSnapshot>,
    rows: Vec<Vec<usize>>,
    churned: Vec<bool>,
    customers: Vec<u64>,
}

impl<'a> Rows<'a> {
    fn of(snapshots: Vec<&'a LabelledSnapshot>) -> Self {
        let rows: Vec<Vec<usize>> = snapshots.iter().map(|s| s.eligible_rows()).collect();
        let pick =
            || snapshots.iter().zip(&rows).flat_map(|(s, rows)| rows.iter().map(move |&row| (*s, row)));
        let churned = pick().map(|(s, row)| s.churned[row]).collect();
        let customers = pick().map(|(s, row)| u64::from(s.customers[row])).collect();
        Self { snapshots, rows, churned, customers }
    }

    fn tables(&self) -> Vec<TableRows<'_>> {
        self.snapshots.iter().zip(&self.rows).map(|(s, rows)| (&s.table, rows.as_slice())).collect()
    }

    fn n_churned(&self) -> usize {
        self.churned.iter().filter(|left| **left).count()
    }

    /// Refuses too few rows, or too few of a class.
    fn enough(&self) -> Result<(), DataError> {
        let (n, left) = (self.churned.len(), self.n_churned());
        for (what, got, need) in [
            ("customers at risk", n, MIN_ROWS),
            ("customers who left", left, MIN_OF_CLASS),
            ("customers who stayed", n - left, MIN_OF_CLASS),
        ] {
            if got < need {
                return Err(DataError::TooFew { model: "churn", what, got, need });
            }
        }
        Ok(())
    }

    fn base_rate(&self) -> f64 {
        self.n_churned() as f64 / self.churned.len() as f64
    }
}

impl ChurnValid {
    /// Judges the model on the latest snapshot and refits it on all. Same bytes for the same snapshots in any order and
    /// at any number of threads.
    ///
    /// # Errors
    /// [`DataError::TooFew`] below 50 rows at risk or 10 of a class, [`DataError::Shape`] and [`DataError::BadCell`] for
    /// snapshots whose parts do not fit together.
    pub fn fit(&self, snapshots: &[LabelledSnapshot]) -> Result<ChurnModel, DataError> {
        check(snapshots)?;
        let mut ordered: Vec<&LabelledSnapshot> = snapshots.iter().collect();
        ordered.sort_by_key(|snapshot| snapshot.as_of);
        let all = Rows::of(ordered);
        all.enough()?;
        let mut warnings = suspects(&all.tables(), &all.churned);
        let by_time = self.judge_by_time(&all, &mut warnings)?;
        let (learner, margins) = self.learn(&all)?;
        let evaluation = match by_time {
            Some(evaluation) => evaluation,
            None => {
                warnings.push(ChurnWarning::NoTimeSplit);
                let split = Split::Folds { n_folds: self.params().n_folds };
                evaluate(split, &learner.calibration, &margins, &all.churned)?
            }
        };
        if evaluation.log_loss.estimate >= evaluation.log_loss_of_base_rate {
            warnings.push(ChurnWarning::NoBetterThanBaseRate);
        }
        Ok(ChurnModel {
            params: self.clone(),
            learner,
            base_rate: all.base_rate(),
            n_rows: all.churned.len(),
            evaluation,
            warnings,
        })
    }

    /// Trains on snapshots whose outcomes were known at the latest one and tests there; `None` when either side is too
    /// small for it.
    fn judge_by_time(
        &self,
        all: &Rows,
        warnings: &mut Vec<ChurnWarning>,
    ) -> Result<Option<ChurnEvaluation>, DataError> {
        let Some((test, earlier)) = all.snapshots.split_last() else { return Ok(None) };
        let known: Vec<&LabelledSnapshot> =
            earlier.iter().copied().filter(|s| self.outcome_end(s.as_of) <= test.as_of).collect();
        let n_overlapping = earlier.len() - known.len();
        let (train, test) = (Rows::of(known), Rows::of(vec![test]));
        let both_classes = test.n_churned() > 0 && test.n_churned() < test.churned.len();
        if train.enough().is_err() || !both_classes {
            return Ok(None);
        }
        if n_overlapping > 0 {
            warnings.push(ChurnWarning::OverlappingSnapshots { n: n_overlapping });
        }
        let (learner, _) = self.learn(&train)?;
        let design = learner.encoding.design(&test.tables()).map_err(other_columns)?;
        let margins = margins_of(&learner.logistic, &design);
        let split = Split::Time { test_as_of: test.snapshots[0].as_of, n_train: train.churned.len() };
        let evaluation = evaluate(split, &learner.calibration, &margins, &test.churned)?;
        let (before, after) = (train.base_rate(), test.base_rate());
        // Three standard errors of the test share, and at least a tenth of it.
        let noise = 3.0 * (after * (1.0 - after) / test.churned.len() as f64).sqrt();
        if (before - after).abs() > noise.max(0.1 * before) {
            warnings.push(ChurnWarning::BaseRateDrift { train: before, test: after });
        }
        Ok(Some(evaluation))
    }

    /// Encoding, regression and calibration on some rows, with the out-of-fold margins.
    fn learn(&self, rows: &Rows) -> Result<(Learner, Vec<f64>), DataError> {
        let encoding = Encoding::fit(&rows.tables());
        let design = encoding.design(&rows.tables()).map_err(other_columns)?;
        let n_folds = self.params().n_folds;
        let folds = folds::grouped(&rows.customers, n_folds, self.params().seed);
        let choices = match self.params().lambda {
            Some(lambda) => vec![lambda],
            None if rows.churned.len() < CHOOSE_LAMBDA_BELOW => LAMBDAS.to_vec(),
            None => vec![USUAL_LAMBDA],
        };
        let mut best: Option<(f64, Logistic, Vec<f64>)> = None;
        for lambda in choices {
            let (logistic, margins) = cross_validate(&design, &rows.churned, &folds, n_folds, lambda)?;
            let p: Vec<f64> = margins.iter().map(|m| Calibration::Identity.probability(*m)).collect();
            let loss = Outcomes::of_probabilities(&p, &rows.churned)?.log_loss().estimate;
            if best.as_ref().is_none_or(|best| loss < best.0) {
                best = Some((loss, logistic, margins));
            }
        }
        let (_, logistic, margins) = best.unwrap_or_else(|| unreachable!("at least one penalty is tried"));
        let calibration = choose_calibration(&margins, &rows.churned, &folds, n_folds);
        Ok((Learner { encoding, logistic, calibration }, margins))
    }
}

/// The fit on all rows, and the margin of every row from a fit without its fold.
fn cross_validate(
    design: &Design,
    churned: &[bool],
    folds: &[usize],
    n_folds: usize,
    lambda: f64,
) -> Result<(Logistic, Vec<f64>), DataError> {
    let valid =
        LogisticParams { lambda }.check().unwrap_or_else(|_| unreachable!("checked with the parameters"));
    let whole = valid.fit(design, churned, &vec![1.0; churned.len()], None)?;
    let parts: Vec<Logistic> = (0..n_folds)
        .into_par_iter()
        .map(|fold| {
            let kept: Vec<f64> = folds.iter().map(|f| if *f == fold { 0.0 } else { 1.0 }).collect();
            // The optimum is unique: starting near it saves steps and leaks nothing. Margins for calibration need no
            // more digits.
            valid.fit_to(1e-6, design, churned, &kept, Some(&whole))
        })
        .collect::<Result<_, _>>()?;
    let margins = (0..churned.len()).map(|row| parts[folds[row]].margin(design.row(row))).collect();
    Ok((whole, margins))
}

fn margins_of(logistic: &Logistic, design: &Design) -> Vec<f64> {
    (0..design.n_rows()).map(|row| logistic.margin(design.row(row))).collect()
}

fn evaluate(
    split: Split,
    calibration: &Calibration,
    margins: &[f64],
    churned: &[bool],
) -> Result<ChurnEvaluation, DataError> {
    let probabilities: Vec<f64> = margins.iter().map(|m| calibration.probability(*m)).collect();
    ChurnEvaluation::new(split, margins, &probabilities, churned)
}

fn other_columns(mismatch: crate::error::SpecMismatch) -> DataError {
    DataError::BadCell {
        model: "churn",
        row: 0,
        column: mismatch.column,
        value: mismatch.table,
        rule: "the same column in every snapshot",
    }
}
