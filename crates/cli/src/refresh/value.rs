//! Customer lifetime value: fitted at the run's instant, tried on the horizon before it.

use bespoke::cltv::{CltvModel, CltvParams, CltvPrediction, CltvValid};
use bespoke::error::DataError;
use bespoke::features::{orders_and_revenue_between, purchase_summary};
use bespoke::metrics::value::Amounts;
use bespoke::params::Params;
use bespoke::types::{Days, Timestamp};

use super::input::Input;
use super::tracking;
use crate::config::JobConfig;
use crate::outputs::figures::{CltvBacktest, Concentration};
use crate::outputs::run_record::{CltvSummary, Metric, NotAvailable, ValueBand};

const STAGE: &str = "cltv";

/// The bands of the value distribution, in units of the power of ten at or below the median: currencies differ.
const BANDS: [f64; 8] = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];
/// Points of the Lorenz curve after the first.
const LORENZ_POINTS: usize = 20;

/// Value of every customer, by row of the customer table.
pub struct Value {
    pub model: Option<CltvModel>,
    pub rows: Vec<Option<ValueRow>>,
    pub metrics: Vec<Metric>,
    pub backtest: Option<CltvBacktest>,
    pub not_available: Vec<NotAvailable>,
    pub warnings: Vec<String>,
}

/// One customer's prediction.
#[derive(Clone, Copy, Debug)]
pub struct ValueRow {
    pub p_alive: f64,
    pub expected_orders: f64,
    pub cltv: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// Checked parameters of the job.
///
/// # Errors
/// The first broken rule.
pub fn params(job: &JobConfig) -> Result<CltvValid, bespoke::error::ParamError> {
    let cltv = &job.cltv;
    CltvParams {
        annual_discount_rate: cltv.annual_discount_rate,
        margin: cltv.margin,
        ..CltvParams::new(cltv.horizon_days)
    }
    .check()
}

/// Fits, predicts and backtests. Too little data is a stated absence, not an error.
pub fn run(valid: &CltvValid, input: &Input) -> Value {
    let n = input.tables.customers.len();
    let mut value = Value {
        model: None,
        rows: vec![None; n],
        metrics: Vec::new(),
        backtest: None,
        not_available: Vec::new(),
        warnings: Vec::new(),
    };
    let absent = |reason: String| NotAvailable { stage: STAGE.to_owned(), reason };
    if let Some(reason) = input.without_events() {
        value.not_available.push(absent(reason.to_owned()));
        return value;
    }
    match predict_at(valid, input, input.as_of) {
        Ok((model, prediction)) => {
            value.warnings =
                model.report().warnings.iter().map(|warning| format!("value: {warning}")).collect();
            value.rows = by_customer(&prediction, n);
            value.model = Some(model);
        }
        Err(error) => value.not_available.push(absent(error.to_string())),
    }
    match backtest(valid, input) {
        Ok((metrics, backtest)) => {
            value.metrics = metrics;
            value.backtest = Some(backtest);
        }
        Err(reason) => value.warnings.push(format!("value was not backtested: {reason}")),
    }
    value
}

/// What the model of an instant expects of the customers known by then; no intervals.
///
/// # Errors
/// When there is too little to fit.
pub fn expect_at(valid: &CltvValid, input: &Input, as_of: Timestamp) -> Result<CltvPrediction, DataError> {
    let summary = purchase_summary(&input.tables, as_of, &input.calendar);
    valid.fit(&summary)?.expect(&summary)
}

/// The model at an instant and what it predicts for the customers known by then.
///
/// # Errors
/// When there is too little to fit.
fn predict_at(
    valid: &CltvValid,
    input: &Input,
    as_of: Timestamp,
) -> Result<(CltvModel, CltvPrediction), DataError> {
    let summary = purchase_summary(&input.tables, as_of, &input.calendar);
    let model = valid.fit(&summary)?;
    let prediction = model.predict(&summary)?;
    Ok((model, prediction))
}

/// One cell per row of the customer table.
pub fn by_customer(prediction: &CltvPrediction, n_customers: usize) -> Vec<Option<ValueRow>> {
    let mut rows = vec![None; n_customers];
    for (i, &customer) in prediction.customers.iter().enumerate() {
        rows[customer as usize] = Some(ValueRow {
            p_alive: prediction.p_alive[i],
            expected_orders: prediction.expected_orders[i],
            cltv: prediction.cltv[i],
            low: prediction.cltv_low[i],
            high: prediction.cltv_high[i],
        });
    }
    rows
}

/// Predicts the last stretch of the log from before it. A year is not there to be held out in most exports, so the
/// stretch is the horizon or a quarter of the log, whichever is shorter.
fn backtest(valid: &CltvValid, input: &Input) -> Result<(Vec<Metric>, CltvBacktest), String> {
    let log_days = log_days(input);
    let days = valid.params().horizon_days.min(log_days / 4);
    if days < 14 {
        return Err(format!("the log has only {log_days} days"));
    }
    let from = input.data_end.minus(Days(days));
    let params =
        CltvParams { horizon_days: days, ..valid.params().clone() }.check().map_err(|e| e.to_string())?;
    let summary = purchase_summary(&input.tables, from, &input.calendar);
    let model = params.fit(&summary).map_err(|e| e.to_string())?;
    let prediction = model.expect(&summary).map_err(|e| e.to_string())?;
    let actual = orders_and_revenue_between(&input.tables, from, input.data_end, &input.calendar);
    let of = |column: &dyn Fn(usize) -> f64| {
        prediction.customers.iter().map(|&c| column(c as usize)).collect::<Vec<_>>()
    };
    let orders = of(&|c| f64::from(actual.purchase_days[c]));
    let revenue = of(&|c| actual.revenue[c] * params.params().margin);
    let mut metrics = compare("orders", days, &prediction.expected_orders, &orders)?;
    if let Some(cltv) = prediction.cltv.iter().copied().collect::<Option<Vec<f64>>>() {
        metrics.extend(compare("value", days, &cltv, &revenue)?);
    }
    let backtest = CltvBacktest {
        days,
        customers: summary.len() as u64,
        tracking: tracking::orders(input, &model, &summary, from, days),
        deciles: tracking::deciles(&prediction, &revenue),
    };
    Ok((metrics, backtest))
}

fn compare(what: &str, days: u32, predicted: &[f64], actual: &[f64]) -> Result<Vec<Metric>, String> {
    let amounts = Amounts::new(predicted, actual).map_err(|e| e.to_string())?;
    let metric = |name: &str, estimate: f64, baseline: Option<f64>| Metric {
        stage: STAGE.to_owned(),
        name: format!("{name}, {days} days"),
        estimate,
        interval: None,
        baseline,
        baseline_name: baseline.map(|_| "nothing".to_owned()),
        baseline_interval: None,
        gain: None,
        n: predicted.len() as u64,
    };
    let bias = amounts.total_bias().map(|bias| metric(&format!("total bias of {what}"), bias, None));
    let gini =
        amounts.normalised_gini().map(|gini| metric(&format!("normalised Gini of {what}"), gini, None));
    let error = metric(
        &format!("mean absolute error of {what}"),
        amounts.mean_absolute_error(),
        Some(amounts.mean_absolute_error_of_zero()),
    );
    Ok(bias.into_iter().chain([error]).chain(gini).collect())
}

/// Whole days from the first event to the end of the data.
pub fn log_days(input: &Input) -> u32 {
    let first = input.tables.events.time.iter().min().copied().unwrap_or(input.data_end.0);
    u32::try_from((input.data_end.0 - first).max(0) / Timestamp::DAY_MS).unwrap_or(u32::MAX)
}

/// The distribution for the report.
pub fn summary(horizon_days: u32, values: &[f64], backtest: Option<CltvBacktest>) -> Option<CltvSummary> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len().checked_sub(1)? / 2];
    let total: f64 = values.iter().sum();
    let unit = if median > 0.0 { 10f64.powf(median.log10().floor()) } else { 1.0 };
    let bounds = BANDS.map(|bound| round_to_digits(bound * unit));
    let upper = bounds.iter().skip(1).map(|&to| Some(to)).chain([None]);
    let bands = bounds.iter().zip(upper).map(|(&from, to)| ValueBand {
        from,
        to,
        customers: values.iter().filter(|&&v| v >= from && to.is_none_or(|to| v < to)).count() as u64,
    });
    Some(CltvSummary {
        horizon_days,
        total,
        mean: total / values.len() as f64,
        median,
        bands: bands.collect(),
        concentration: concentration(&sorted),
        backtest,
    })
}

/// One significant digit, so that 0.3 times 10 is 3.
fn round_to_digits(bound: f64) -> f64 {
    format!("{bound:.0e}").parse().unwrap_or(bound)
}

/// How unequal ascending values are; nothing when they sum to 0.
fn concentration(sorted: &[f64]) -> Option<Concentration> {
    let (n, total) = (sorted.len(), sorted.iter().sum::<f64>());
    if !(total > 0.0) {
        return None;
    }
    let mut sums = vec![0.0];
    sorted.iter().for_each(|value| sums.push(sums[sums.len() - 1] + value));
    // Between two customers the curve is a straight line.
    let lorenz = |share: f64| {
        let at = share * n as f64;
        let (below, part) = (at.floor() as usize, at.fract());
        let next = sorted.get(below).copied().unwrap_or(0.0);
        ((sums[below.min(n)] + part * next) / total).min(1.0)
    };
    // Twice the area between the curve and the diagonal.
    let area: f64 = sums.windows(2).map(|pair| 0.5 * (pair[0] + pair[1]) / total).sum::<f64>() / n as f64;
    Some(Concentration {
        gini: (1.0 - 2.0 * area).max(0.0),
        top_tenth_share: 1.0 - lorenz(0.9),
        lorenz: (0..=LORENZ_POINTS).map(|k| lorenz(k as f64 / LORENZ_POINTS as f64)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_not_concentrated_and_one_rich_customer_is() {
        let equal = concentration(&[2.0; 10]).unwrap();
        assert!(equal.gini < 1e-12 && (equal.top_tenth_share - 0.1).abs() < 1e-12);
        assert!((equal.lorenz[10] - 0.5).abs() < 1e-12);
        let mut one = [0.0; 10];
        one[9] = 5.0;
        let one = concentration(&one).unwrap();
        // (n - 1) / n for n customers of whom one has everything.
        assert!((one.gini - 0.9).abs() < 1e-12 && one.top_tenth_share == 1.0);
        assert_eq!((one.lorenz[0], one.lorenz[18], one.lorenz[20]), (0.0, 0.0, 1.0));
        assert_eq!(concentration(&[0.0, 0.0]), None);
    }

    #[test]
    fn bands_follow_the_currency_and_hold_everybody() {
        for scale in [1.0, 1_000.0] {
            let values: Vec<f64> = (1..=99).map(|v| f64::from(v) * scale).collect();
            let summary = summary(90, &values, None).unwrap();
            assert_eq!(summary.median, 50.0 * scale);
            assert_eq!(summary.bands.iter().map(|band| band.customers).sum::<u64>(), 99);
            assert_eq!(summary.bands[2].to, Some(10.0 * scale));
        }
        assert!(summary(90, &[], None).is_none());
        assert_eq!(summary(90, &[0.0], None).unwrap().bands[0].customers, 1);
    }
}
