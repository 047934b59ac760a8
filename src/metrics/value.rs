//! Metrics of predicted amounts. Ties are handled exactly, so the order of rows changes nothing.

use serde::{Deserialize, Serialize};

use crate::error::DataError;

/// One group of customers by predicted amount.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AmountGroup {
    /// Rows.
    pub n: usize,
    /// Mean prediction.
    pub predicted_mean: f64,
    /// Mean of what happened.
    pub actual_mean: f64,
    /// Share of the actual total.
    pub actual_share: f64,
}

/// Predicted amounts beside actual ones.
#[derive(Clone, Debug)]
pub struct Amounts {
    /// (prediction, actual) by falling prediction; the actual of equal predictions is their mean.
    rows: Vec<(f64, f64)>,
    /// The same pairs with the actuals as they were.
    pairs: Vec<(f64, f64)>,
}

impl Amounts {
    /// Rows of prediction and actual amount, finite; the actual ones at least 0.
    ///
    /// # Errors
    /// [`DataError::Shape`] when lengths differ, [`DataError::BadCell`] for another amount,
    /// [`DataError::TooFew`] without rows.
    pub fn new(predicted: &[f64], actual: &[f64]) -> Result<Self, DataError> {
        if predicted.len() != actual.len() {
            let (got, expected) = (actual.len(), predicted.len());
            return Err(DataError::Shape {
                model: "metrics",
                what: "number of actual amounts",
                got,
                expected,
            });
        }
        if predicted.is_empty() {
            return Err(DataError::TooFew { model: "metrics", what: "rows", got: 0, need: 1 });
        }
        for row in 0..predicted.len() {
            let bad = |column: &str, cell: f64, rule: &'static str| {
                let (column, value) = (column.to_owned(), cell.to_string());
                Err(DataError::BadCell { model: "metrics", row, column, value, rule })
            };
            if !predicted[row].is_finite() {
                return bad("predicted", predicted[row], "finite");
            }
            if !(actual[row] >= 0.0 && actual[row].is_finite()) {
                return bad("actual", actual[row], "finite and at least 0");
            }
        }
        let mut pairs: Vec<(f64, f64)> = predicted.iter().copied().zip(actual.iter().copied()).collect();
        pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
        let mean = |group: &[(f64, f64)]| group.iter().map(|row| row.1).sum::<f64>() / group.len() as f64;
        let rows = pairs
            .chunk_by(|a, b| a.0 == b.0)
            .flat_map(|group| std::iter::repeat_n((group[0].0, mean(group)), group.len()))
            .collect();
        Ok(Self { rows, pairs })
    }

    /// Σ predicted / Σ actual - 1; `None` when nothing happened.
    #[must_use]
    pub fn total_bias(&self) -> Option<f64> {
        let total = self.actual_total();
        (total > 0.0).then(|| self.pairs.iter().map(|row| row.0).sum::<f64>() / total - 1.0)
    }

    /// Mean absolute difference.
    #[must_use]
    pub fn mean_absolute_error(&self) -> f64 {
        self.pairs.iter().map(|row| (row.0 - row.1).abs()).sum::<f64>() / self.pairs.len() as f64
    }

    /// Mean absolute difference of predicting 0 for everybody: the scale for the model's.
    #[must_use]
    pub fn mean_absolute_error_of_zero(&self) -> f64 {
        self.actual_total() / self.pairs.len() as f64
    }

    /// Root of the mean squared difference.
    #[must_use]
    pub fn root_mean_squared_error(&self) -> f64 {
        (self.pairs.iter().map(|row| (row.0 - row.1).powi(2)).sum::<f64>() / self.pairs.len() as f64).sqrt()
    }

    /// Spearman's correlation with mid-ranks; `None` when one side is constant.
    #[must_use]
    pub fn spearman(&self) -> Option<f64> {
        let predicted = mid_ranks(&self.pairs.iter().map(|row| row.0).collect::<Vec<_>>());
        let actual = mid_ranks(&self.pairs.iter().map(|row| row.1).collect::<Vec<_>>());
        let middle = 0.5 * (self.pairs.len() + 1) as f64;
        let product =
            |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(x, y)| (x - middle) * (y - middle)).sum() };
        let scale = product(&predicted, &predicted) * product(&actual, &actual);
        (scale > 0.0).then(|| product(&predicted, &actual) / scale.sqrt())
    }

    /// Gini coefficient of the order by prediction over that of the perfect order, with
    /// G = (2 Σ cumulative share - 1) / n - 1; `None` when all actual amounts are equal.
    #[must_use]
    pub fn normalised_gini(&self) -> Option<f64> {
        let mut perfect: Vec<f64> = self.pairs.iter().map(|row| row.1).collect();
        perfect.sort_unstable_by(|a, b| b.total_cmp(a));
        let best = gini(&perfect)?;
        let own = gini(&self.rows.iter().map(|row| row.1).collect::<Vec<_>>())?;
        (best > 1e-12).then(|| own / best)
    }

    /// Ten groups of equal count by falling prediction (fewer when there are fewer rows). Equal predictions across a
    /// boundary count with their mean.
    #[must_use]
    pub fn deciles(&self) -> Vec<AmountGroup> {
        let (n, total) = (self.rows.len(), self.actual_total());
        let group = |rows: &[(f64, f64)]| {
            let size = rows.len() as f64;
            let actual: f64 = rows.iter().map(|row| row.1).sum();
            AmountGroup {
                n: rows.len(),
                predicted_mean: rows.iter().map(|row| row.0).sum::<f64>() / size,
                actual_mean: actual / size,
                actual_share: if total > 0.0 { actual / total } else { 0.0 },
            }
        };
        (0..10)
            .map(|k| &self.rows[n * k / 10..n * (k + 1) / 10])
            .filter(|rows| !rows.is_empty())
            .map(group)
            .collect()
    }

    fn actual_total(&self) -> f64 {
        self.pairs.iter().map(|row| row.1).sum()
    }
}

/// Gini coefficient of amounts in the given order; `None` when they sum to 0.
fn gini(amounts: &[f64]) -> Option<f64> {
    let total: f64 = amounts.iter().sum();
    let (mut sum, mut shares) = (0.0, 0.0);
    for amount in amounts {
        sum += amount;
        shares += sum / total;
    }
    (total > 0.0).then(|| (2.0 * shares - 1.0) / amounts.len() as f64 - 1.0)
}

/// Ranks from 1, equal cells at the mean of theirs.
fn mid_ranks(cells: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_unstable_by(|&a, &b| cells[a].total_cmp(&cells[b]).then(a.cmp(&b)));
    let mut ranks = vec![0.0; cells.len()];
    let mut start = 0;
    for group in order.chunk_by(|&a, &b| cells[a] == cells[b]) {
        let rank = start as f64 + 0.5 * (group.len() + 1) as f64;
        group.iter().for_each(|&i| ranks[i] = rank);
        start += group.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTUAL: [f64; 6] = [0.0, 0.0, 10.0, 5.0, 0.0, 20.0];
    const PREDICTED: [f64; 6] = [1.0, 2.0, 9.0, 4.0, 3.0, 8.0];

    #[test]
    fn gini_hand_case() {
        let amounts = Amounts::new(&PREDICTED, &ACTUAL).unwrap();
        let perfect = [20.0, 10.0, 5.0, 0.0, 0.0, 0.0];
        assert!((gini(&[10.0, 20.0, 5.0, 0.0, 0.0, 0.0]).unwrap() - 0.547_619_048).abs() < 1e-9);
        assert!((gini(&perfect).unwrap() - 0.642_857_143).abs() < 1e-9);
        assert!((amounts.normalised_gini().unwrap() - 0.851_851_852).abs() < 1e-9);
        // No order at all: zero.
        let flat = Amounts::new(&[1.0; 6], &ACTUAL).unwrap();
        assert!(flat.normalised_gini().unwrap().abs() < 1e-12);
    }

    #[test]
    fn the_rest_by_hand() {
        let amounts = Amounts::new(&PREDICTED, &ACTUAL).unwrap();
        assert!((amounts.total_bias().unwrap() - (27.0 / 35.0 - 1.0)).abs() < 1e-15);
        assert!((amounts.mean_absolute_error() - 20.0 / 6.0).abs() < 1e-15);
        assert!((amounts.mean_absolute_error_of_zero() - 35.0 / 6.0).abs() < 1e-15);
        assert!((amounts.root_mean_squared_error() - (160.0_f64 / 6.0).sqrt()).abs() < 1e-15);
        // Ranks 1 2 6 4 3 5 against 2 2 5 4 2 6.
        let want = 14.5 / (17.5_f64 * 15.5).sqrt();
        assert!((amounts.spearman().unwrap() - want).abs() < 1e-12, "{:?}", amounts.spearman());
        let deciles = amounts.deciles();
        assert_eq!(deciles.iter().map(|d| d.n).sum::<usize>(), 6);
        assert!((deciles.iter().map(|d| d.actual_share).sum::<f64>() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn order_of_rows_changes_nothing() {
        let amounts = Amounts::new(&[1.0, 1.0, 2.0, 0.5], &[3.0, 0.0, 0.1, 0.7]).unwrap();
        let other = Amounts::new(&[0.5, 1.0, 2.0, 1.0], &[0.7, 0.0, 0.1, 3.0]).unwrap();
        assert_eq!(amounts.deciles(), other.deciles());
        assert_eq!(amounts.normalised_gini(), other.normalised_gini());
        assert_eq!(amounts.spearman(), other.spearman());
    }

    #[test]
    fn every_refusal_has_a_type() {
        assert!(matches!(Amounts::new(&[1.0], &[]), Err(DataError::Shape { .. })));
        assert!(matches!(Amounts::new(&[], &[]), Err(DataError::TooFew { .. })));
        assert!(matches!(Amounts::new(&[f64::NAN], &[1.0]), Err(DataError::BadCell { .. })));
        for actual in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(Amounts::new(&[1.0], &[actual]), Err(DataError::BadCell { .. })));
        }
        let nothing = Amounts::new(&[1.0, 2.0], &[0.0, 0.0]).unwrap();
        assert_eq!((nothing.total_bias(), nothing.normalised_gini(), nothing.spearman()), (None, None, None));
    }
}
