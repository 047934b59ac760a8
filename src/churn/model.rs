//! A fitted churn model and its scores.

use serde::{Deserialize, Serialize};

use super::evaluation::{ChurnEvaluation, ChurnWarning};
use super::params::ChurnValid;
use super::reasons::{Explainer, Reason};
use crate::error::SpecMismatch;
use crate::features::FeatureTable;
use crate::learners::{Calibration, Encoding, Logistic};

/// A fitted churn model. Holds means, coefficients and figures, nothing of any customer; names of levels only where at
/// least 25 customers share them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChurnModel {
    pub(super) params: ChurnValid,
    pub(super) learner: Learner,
    pub(super) base_rate: f64,
    pub(super) n_rows: usize,
    pub(super) evaluation: ChurnEvaluation,
    pub(super) warnings: Vec<ChurnWarning>,
}

/// From features to probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Learner {
    pub(super) encoding: Encoding,
    pub(super) logistic: Logistic,
    pub(super) calibration: Calibration,
}

/// What the model says of one customer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChurnScore {
    /// Probability of no purchase within the horizon, calibrated; for a customer at risk.
    pub p_churn: f64,
    /// Log-odds before calibration; rank by this, since calibration may tie.
    pub margin: f64,
}

impl ChurnModel {
    /// What leaving means here.
    #[must_use]
    pub fn params(&self) -> &ChurnValid {
        &self.params
    }

    /// Share of leavers among the training rows.
    #[must_use]
    pub fn base_rate(&self) -> f64 {
        self.base_rate
    }

    /// Rows the published model was fitted on.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Figures on rows that the judged model did not see.
    #[must_use]
    pub fn evaluation(&self) -> &ChurnEvaluation {
        &self.evaluation
    }

    /// What to mind.
    #[must_use]
    pub fn warnings(&self) -> &[ChurnWarning] {
        &self.warnings
    }

    /// The regression behind it, on encoded columns.
    #[must_use]
    pub fn logistic(&self) -> &Logistic {
        &self.learner.logistic
    }

    /// The calibration that was chosen.
    #[must_use]
    pub fn calibration(&self) -> &Calibration {
        &self.learner.calibration
    }

    /// Names of columns that were constant in training and play no part.
    pub fn dropped_columns(&self) -> impl Iterator<Item = &str> {
        self.learner.encoding.dropped()
    }

    /// Scores every row in table order. A row's bytes depend on that row alone.
    ///
    /// # Errors
    /// [`SpecMismatch`] when the table has other columns than the training tables; other levels are fine.
    pub fn predict(&self, table: &FeatureTable) -> Result<Vec<ChurnScore>, SpecMismatch> {
        let reader = self.learner.encoding.reader(table)?;
        let buffer = || vec![0.0; self.learner.encoding.n_columns()];
        let score = |cells: &mut Vec<f64>, row: usize| {
            reader.row(row, cells);
            let margin = self.learner.logistic.margin(cells);
            ChurnScore { p_churn: self.learner.calibration.probability(margin), margin }
        };
        #[cfg(feature = "train")]
        {
            use rayon::prelude::*;
            Ok((0..table.n_rows()).into_par_iter().map_init(buffer, score).collect())
        }
        #[cfg(not(feature = "train"))]
        {
            let mut cells = buffer();
            Ok((0..table.n_rows()).map(|row| score(&mut cells, row)).collect())
        }
    }

    /// Explains rows of a table; make one and ask it for many rows.
    ///
    /// # Errors
    /// As [`ChurnModel::predict`].
    pub fn explainer<'a>(&'a self, table: &'a FeatureTable) -> Result<Explainer<'a>, SpecMismatch> {
        Ok(Explainer::new(
            &self.learner.encoding,
            &self.learner.logistic,
            self.learner.encoding.reader(table)?,
        ))
    }

    /// The reasons of one row, see [`Explainer::reasons`].
    ///
    /// # Errors
    /// As [`ChurnModel::predict`].
    pub fn reasons(&self, table: &FeatureTable, row: usize) -> Result<Vec<Reason>, SpecMismatch> {
        Ok(self.explainer(table)?.reasons(row))
    }

    /// The probability in words, beside the average.
    #[must_use]
    pub fn words(&self, score: &ChurnScore) -> String {
        format!(
            "about {:.0} in 100 such customers leave within {} days (average {:.0})",
            100.0 * score.p_churn,
            self.params.params().horizon_days,
            100.0 * self.base_rate
        )
    }
}

/// The tenth of every row by falling margin, 1 (highest risk) to 10. Equal margins share the tenth of the middle of
/// their ranks.
#[must_use]
pub fn deciles(scores: &[ChurnScore]) -> Vec<u8> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].margin.total_cmp(&scores[a].margin).then(a.cmp(&b)));
    let mut deciles = vec![0; scores.len()];
    let mut start = 0;
    for group in order.chunk_by(|&a, &b| scores[a].margin == scores[b].margin) {
        // Twice the middle rank, so that it is whole.
        let middle = 2 * start + group.len();
        let decile = (10 * middle / (2 * scores.len())).min(9) as u8 + 1;
        group.iter().for_each(|&row| deciles[row] = decile);
        start += group.len();
    }
    deciles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deciles_by_hand() {
        let of = |margins: &[f64]| {
            let scores: Vec<ChurnScore> =
                margins.iter().map(|&margin| ChurnScore { p_churn: 0.5, margin }).collect();
            deciles(&scores)
        };
        let rising: Vec<f64> = (0..20).map(f64::from).collect();
        let mut want: Vec<u8> = (0..20).map(|i| 10 - i / 2).collect();
        assert_eq!(of(&rising), want);
        // Everybody the same: the middle.
        assert_eq!(of(&[1.0; 7]), [6; 7]);
        // A tie over the first boundary goes where its middle is.
        want.splice(16..19, [2, 2, 2]);
        let mut tied = rising.clone();
        tied[16..19].fill(17.0);
        assert_eq!(of(&tied), want);
        assert_eq!(of(&[]), Vec::<u8>::new());
    }
}
