//! A fitted value model and what it says of every customer.

use serde::{Deserialize, Serialize};

use super::distribution::SpendDistribution;
use super::gamma_gamma::{GammaGamma, Spend};
use super::mbg::{History, MbgNbd};
use super::params::CltvValid;
use super::report::CltvReport;
use crate::error::DataError;
use crate::features::PurchaseSummary;

/// Spend per order.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum SpendModel {
    /// Each customer's own mean, shrunk towards that of all.
    GammaGamma(GammaGamma),
    /// The mean amount of all repeat orders, the same for everybody: too few customers for more.
    Constant {
        /// That mean, in units of the currency.
        mean: f64,
    },
    /// No repeat order has an amount; orders are predicted, value is not.
    Unknown,
}

/// MBG/NBD and Gamma-Gamma, fitted. Holds parameters and figures, nothing of any customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CltvModel {
    params: CltvValid,
    purchases: MbgNbd,
    spend: SpendModel,
    report: CltvReport,
}

/// Predictions, one cell per row of the summary, in its order. Value is margin times spend from now on over the
/// horizon; nothing of the past is in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CltvPrediction {
    /// Row in the customer table.
    pub customers: Vec<u32>,
    /// Probability that the customer is still active, 0..=1.
    pub p_alive: Vec<f64>,
    /// Probability of no order within the horizon, 0..=1.
    pub p_no_purchase_within: Vec<f64>,
    /// Expected orders within the horizon, not discounted.
    pub expected_orders: Vec<f64>,
    /// Expected spend of the next order in units of the currency; `None` where the mean does not exist.
    pub expected_spend_per_order: Vec<Option<f64>>,
    /// Expected value within the horizon in units of the currency, discounted; `None` without expected spend.
    pub cltv: Vec<Option<f64>>,
    /// Lower end of the interval, often 0.
    pub cltv_low: Vec<Option<f64>>,
    /// Upper end of the interval.
    pub cltv_high: Vec<Option<f64>>,
}

struct Row {
    p_alive: f64,
    p_no_purchase_within: f64,
    expected_orders: f64,
    expected_spend: Option<f64>,
    cltv: Option<f64>,
    interval: Option<[f64; 2]>,
}

impl CltvModel {
    #[cfg(feature = "train")]
    pub(super) fn new(params: CltvValid, purchases: MbgNbd, spend: SpendModel, report: CltvReport) -> Self {
        Self { params, purchases, spend, report }
    }

    /// What the values mean.
    #[must_use]
    pub fn params(&self) -> &CltvValid {
        &self.params
    }

    /// The purchase model; time in days.
    #[must_use]
    pub fn purchases(&self) -> &MbgNbd {
        &self.purchases
    }

    /// The spend model; money in units of the currency.
    #[must_use]
    pub fn spend(&self) -> &SpendModel {
        &self.spend
    }

    /// How the fit went and what to mind.
    #[must_use]
    pub fn report(&self) -> &CltvReport {
        &self.report
    }

    /// Predicts every customer of the summary. Each row depends on that customer alone: one by one, shuffled and in
    /// any number of threads gives the same bytes.
    ///
    /// The interval is taken from the exact distribution of undiscounted spend (a point mass at 0
    /// and a mixture of beta-prime parts), scaled by margin and by the customer's ratio of discounted to plain orders.
    ///
    /// # Errors
    /// [`DataError::BadCell`] for a history that cannot be, [`DataError::Shape`] when columns differ in length.
    pub fn predict(&self, summary: &PurchaseSummary) -> Result<CltvPrediction, DataError> {
        self.rows(summary, true)
    }

    /// [`CltvModel::predict`] without intervals (`cltv_low` and `cltv_high` are `None`), at a fraction of the time: for
    /// backtests and for features of other models.
    ///
    /// # Errors
    /// As [`CltvModel::predict`].
    pub fn expect(&self, summary: &PurchaseSummary) -> Result<CltvPrediction, DataError> {
        self.rows(summary, false)
    }

    fn rows(&self, summary: &PurchaseSummary, intervals: bool) -> Result<CltvPrediction, DataError> {
        check_summary(summary)?;
        #[cfg(feature = "train")]
        let rows: Vec<Row> = {
            use rayon::prelude::*;
            (0..summary.len()).into_par_iter().map(|row| self.row(summary, row, intervals)).collect()
        };
        #[cfg(not(feature = "train"))]
        let rows: Vec<Row> = (0..summary.len()).map(|row| self.row(summary, row, intervals)).collect();
        let end = |part: usize| rows.iter().map(|row| row.interval.map(|ends| ends[part])).collect();
        Ok(CltvPrediction {
            customers: summary.customers.clone(),
            p_alive: rows.iter().map(|row| row.p_alive).collect(),
            p_no_purchase_within: rows.iter().map(|row| row.p_no_purchase_within).collect(),
            expected_orders: rows.iter().map(|row| row.expected_orders).collect(),
            expected_spend_per_order: rows.iter().map(|row| row.expected_spend).collect(),
            cltv: rows.iter().map(|row| row.cltv).collect(),
            cltv_low: end(0),
            cltv_high: end(1),
        })
    }

    fn row(&self, summary: &PurchaseSummary, row: usize, intervals: bool) -> Row {
        let history = History {
            repeat_orders: summary.repeat_orders[row],
            age_at_last_order: summary.age_at_last_order_days[row],
            age: summary.age_days[row],
        };
        let spend =
            Spend { n: summary.n_spend_days[row], mean: summary.mean_repeat_spend[row].unwrap_or_default() };
        let horizon = f64::from(self.params.params().horizon_days);
        let expected_orders = self.purchases.expected_purchases(&history, horizon);
        let expected_spend = match &self.spend {
            SpendModel::GammaGamma(model) => model.expected_spend(&spend),
            SpendModel::Constant { mean } => Some(*mean),
            SpendModel::Unknown => None,
        };
        let margin = self.params.params().margin;
        let discounted = self.purchases.discounted_purchases(&history, horizon, self.params.daily_rate());
        let ratio = if expected_orders > 0.0 { margin * discounted / expected_orders } else { margin };
        let interval =
            |mean: f64| self.spend_interval(&history, &spend, horizon, mean).map(|end| ratio * end);
        Row {
            p_alive: self.purchases.p_alive(&history),
            p_no_purchase_within: self.purchases.p_no_purchase_within(&history, horizon),
            expected_orders,
            expected_spend,
            cltv: expected_spend.map(|mean| margin * discounted * mean),
            interval: expected_spend.filter(|_| intervals).map(interval),
        }
    }

    /// Both ends of the interval of undiscounted spend within the horizon.
    fn spend_interval(&self, history: &History, spend: &Spend, horizon: f64, mean: f64) -> [f64; 2] {
        let tail = 0.5 * (1.0 - self.params.params().interval_level);
        // Nothing above zero is inside when no order at all is likelier than the upper level.
        if self.purchases.p_no_purchase_within(history, horizon) >= 1.0 - tail {
            return [0.0, 0.0];
        }
        let p_count = self.purchases.count_distribution(history, horizon);
        match &self.spend {
            SpendModel::GammaGamma(model) => {
                let spent = SpendDistribution::new(&p_count, model, spend);
                [tail, 1.0 - tail].map(|level| spent.quantile(level))
            }
            _ => [tail, 1.0 - tail].map(|level| mean * count_quantile(&p_count, level)),
        }
    }
}

/// The smallest count whose distribution function reaches `level`.
fn count_quantile(p_count: &[f64], level: f64) -> f64 {
    let mut cdf = 0.0;
    for (n, p) in p_count.iter().enumerate() {
        cdf += p;
        if cdf >= level {
            return n as f64;
        }
    }
    (p_count.len() - 1) as f64
}

/// Refuses histories that cannot be, with row and rule.
pub(super) fn check_summary(summary: &PurchaseSummary) -> Result<(), DataError> {
    let n = summary.len();
    let lengths = [
        ("length of repeat_orders", summary.repeat_orders.len()),
        ("length of age_at_last_order_days", summary.age_at_last_order_days.len()),
        ("length of age_days", summary.age_days.len()),
        ("length of mean_repeat_spend", summary.mean_repeat_spend.len()),
        ("length of n_spend_days", summary.n_spend_days.len()),
    ];
    for (what, got) in lengths {
        if got != n {
            return Err(DataError::Shape { model: "cltv", what, got, expected: n });
        }
    }
    (0..n).try_for_each(|row| check_row(summary, row))
}

fn check_row(summary: &PurchaseSummary, row: usize) -> Result<(), DataError> {
    let bad = |column: &str, value: String, rule: &'static str| {
        Err(DataError::BadCell { model: "cltv", row, column: column.to_owned(), value, rule })
    };
    let (x, t_x, t) =
        (summary.repeat_orders[row], summary.age_at_last_order_days[row], summary.age_days[row]);
    // Positive tests, so that NaN is refused.
    if !(t >= 0.0 && t.is_finite()) {
        return bad("age_days", t.to_string(), "finite and at least 0");
    }
    if !(t_x >= 0.0 && t_x <= t) {
        return bad("age_at_last_order_days", t_x.to_string(), "from 0 to age_days");
    }
    if (x == 0) != (t_x == 0.0) {
        return bad("age_at_last_order_days", t_x.to_string(), "0 exactly without a repeat order");
    }
    let (n, mean) = (summary.n_spend_days[row], summary.mean_repeat_spend[row]);
    if n > x {
        return bad("n_spend_days", n.to_string(), "at most repeat_orders");
    }
    match mean {
        Some(mean) if !(mean > 0.0 && mean.is_finite()) => {
            bad("mean_repeat_spend", mean.to_string(), "finite and greater than 0")
        }
        Some(_) if n == 0 => bad("n_spend_days", n.to_string(), "greater than 0 beside a mean spend"),
        None if n > 0 => bad("n_spend_days", n.to_string(), "0 without a mean spend"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(x: u32, t_x: f64, t: f64, n: u32, mean: Option<f64>) -> PurchaseSummary {
        PurchaseSummary {
            customers: vec![0],
            repeat_orders: vec![x],
            age_at_last_order_days: vec![t_x],
            age_days: vec![t],
            mean_repeat_spend: vec![mean],
            n_spend_days: vec![n],
        }
    }

    #[test]
    fn impossible_histories_are_refused_by_name() {
        let refused = |summary: PurchaseSummary| match check_summary(&summary) {
            Err(DataError::BadCell { row: 0, column, .. }) => column,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(one(1, 5.0, 4.0, 0, None)), "age_at_last_order_days");
        assert_eq!(refused(one(0, 5.0, 9.0, 0, None)), "age_at_last_order_days");
        assert_eq!(refused(one(2, 0.0, 9.0, 0, None)), "age_at_last_order_days");
        assert_eq!(refused(one(1, f64::NAN, 9.0, 0, None)), "age_at_last_order_days");
        assert_eq!(refused(one(0, 0.0, f64::NAN, 0, None)), "age_days");
        assert_eq!(refused(one(0, 0.0, -1.0, 0, None)), "age_days");
        assert_eq!(refused(one(1, 1.0, f64::INFINITY, 0, None)), "age_days");
        for mean in [0.0, -3.0, f64::NAN, f64::INFINITY] {
            assert_eq!(refused(one(1, 1.0, 2.0, 1, Some(mean))), "mean_repeat_spend");
        }
        assert_eq!(refused(one(1, 1.0, 2.0, 2, Some(3.0))), "n_spend_days");
        assert_eq!(refused(one(1, 1.0, 2.0, 0, Some(3.0))), "n_spend_days");
        assert_eq!(refused(one(1, 1.0, 2.0, 1, None)), "n_spend_days");
        assert_eq!(check_summary(&one(1, 1.0, 2.0, 1, Some(3.0))), Ok(()));
        let mut short = one(1, 1.0, 2.0, 1, Some(3.0));
        short.age_days.clear();
        assert!(matches!(check_summary(&short), Err(DataError::Shape { what: "length of age_days", .. })));
    }

    #[test]
    fn quantile_of_counts_by_hand() {
        assert_eq!(count_quantile(&[0.5, 0.3, 0.2], 0.1), 0.0);
        assert_eq!(count_quantile(&[0.5, 0.3, 0.2], 0.6), 1.0);
        assert_eq!(count_quantile(&[0.5, 0.3, 0.2], 0.9), 2.0);
    }
}
