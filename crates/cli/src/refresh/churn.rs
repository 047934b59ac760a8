//! Who is leaving: earlier snapshots with their outcomes teach, the latest labelled one judges.

use bespoke::churn::{ChurnModel, ChurnParams, ChurnScore, ChurnValid, LabelledSnapshot, Split};
use bespoke::error::{DataError, ParamError};
use bespoke::features::{
    Column, FeatureDef, FeatureFamily, FeatureKind, FeaturePlan, FeatureTable, Snapshot, purchases_around,
};
use bespoke::metrics::classification::{Estimate, RankGroup, wilson};
use bespoke::params::Params;
use bespoke::types::Timestamp;
use rayon::prelude::*;

use super::input::Input;
use super::value::{self, ValueRow};
use crate::config::JobConfig;
use crate::outputs::figures::{BacktestDecile, ChurnBacktest, ReasonCount, ReliabilityBin};
use crate::outputs::run_record::{Interval, Metric};

const STAGE: &str = "churn";

/// Checked parameters of the job.
///
/// # Errors
/// The first broken rule.
pub fn params(job: &JobConfig) -> Result<ChurnValid, ParamError> {
    ChurnParams::new(job.churn.horizon_days, job.churn.active_within_days, job.job.seed).check()
}

/// Features with what the purchase model says at the same instant.
///
/// # Errors
/// When the plan is not of these tables.
pub fn table_at(
    input: &Input,
    plan: &FeaturePlan,
    as_of: Timestamp,
    values: &[Option<ValueRow>],
) -> Result<FeatureTable, bespoke::error::SpecMismatch> {
    let table = Snapshot::new(&input.tables, as_of, &input.calendar).features_by(plan)?;
    let cell = |row: &Option<ValueRow>| row.map_or(f64::NAN, |row| row.p_alive);
    let def = FeatureDef {
        name: "p_alive".to_owned(),
        label: "probability of still being a customer".to_owned(),
        unit: String::new(),
        kind: FeatureKind::Share,
        family: FeatureFamily::Models,
    };
    Ok(table.with(def, Column::Number(values.iter().map(cell).collect())))
}

/// Fits on all labelled snapshots of the log; too little data is a typed refusal.
///
/// # Errors
/// [`DataError`] when there is no snapshot with both kinds of outcome.
pub fn fit(
    valid: &ChurnValid,
    job: &JobConfig,
    input: &Input,
    plan: &FeaturePlan,
) -> Result<ChurnModel, DataError> {
    let starts = valid.snapshots(input.data_end);
    let first = input.tables.events.time.iter().min().copied().unwrap_or(input.as_of.0);
    let usable: Vec<Timestamp> = starts.into_iter().filter(|at| at.0 > first).collect();
    let snapshots: Vec<LabelledSnapshot> =
        usable.into_par_iter().filter_map(|at| labelled(valid, job, input, plan, at)).collect();
    valid.fit(&snapshots)
}

/// The snapshot at an instant with its outcomes; `None` when the plan does not fit the tables.
fn labelled(
    valid: &ChurnValid,
    job: &JobConfig,
    input: &Input,
    plan: &FeaturePlan,
    as_of: Timestamp,
) -> Option<LabelledSnapshot> {
    let n = input.tables.customers.len();
    // What the purchase model said then, from what was known then; nothing where it could not be fitted.
    let prediction = value::params(job).ok().and_then(|valid| value::expect_at(&valid, input, as_of).ok());
    let values = prediction.map_or_else(|| vec![None; n], |prediction| value::by_customer(&prediction, n));
    let table = table_at(input, plan, as_of, &values).ok()?;
    let around = purchases_around(&input.tables, as_of, input.data_end);
    let labels = around.into_iter().map(|(last, next)| last.map(|last| valid.label(as_of, last, next)));
    let labels: Vec<_> = labels.collect();
    Some(LabelledSnapshot {
        as_of,
        table,
        customers: (0..n as u32).collect(),
        eligible: labels.iter().map(|label| label.is_some_and(|label| label.eligible)).collect(),
        churned: labels.iter().map(|label| label.is_some_and(|label| label.churned)).collect(),
    })
}

/// What the run publishes about churn, by place in `input.scored`.
pub struct Leaving {
    pub scores: Vec<ChurnScore>,
    pub deciles: Vec<u8>,
    pub reasons: Vec<String>,
    /// How often each feature is among them.
    pub reason_counts: Vec<ReasonCount>,
}

/// Scores everybody who is scored. Deciles are among those.
///
/// # Errors
/// When the table is not of the model's columns.
pub fn score(model: &ChurnModel, table: &FeatureTable) -> Result<Leaving, bespoke::error::SpecMismatch> {
    let scores = model.predict(table)?;
    let deciles = bespoke::churn::deciles(&scores);
    let explainer = model.explainer(table)?;
    let features = &table.spec().features;
    let mut counts: Vec<ReasonCount> = features.iter().map(no_reason).collect();
    let mut words = |row: usize| {
        let reasons = explainer.reasons(row);
        for reason in &reasons {
            let at = features.iter().position(|def| def.name == reason.feature);
            let Some(count) = at.map(|at| &mut counts[at]) else { continue };
            let raises = u64::from(reason.phi > 0.0);
            count.raises += raises;
            count.lowers += 1 - raises;
            count.raises_top_tenth += raises * u64::from(deciles[row] == 1);
        }
        let words: Vec<&str> = reasons.iter().map(|reason| reason.words.as_str()).collect();
        if words.is_empty() { "no single reason stands out".to_owned() } else { words.join("; ") }
    };
    let reasons = (0..table.n_rows()).map(&mut words).collect();
    counts.retain(|count| count.raises + count.lowers > 0);
    counts.sort_by_key(|count| std::cmp::Reverse(count.raises + count.lowers));
    Ok(Leaving { deciles, scores, reasons, reason_counts: counts })
}

fn no_reason(def: &FeatureDef) -> ReasonCount {
    ReasonCount {
        feature: def.name.clone(),
        label: def.label.clone(),
        raises: 0,
        lowers: 0,
        raises_top_tenth: 0,
    }
}

/// The figures of the backtest.
pub fn metrics(model: &ChurnModel) -> Vec<Metric> {
    let evaluation = model.evaluation();
    let metric =
        |name: &str, estimate: f64, interval: Option<&Estimate>, baseline: Option<(f64, &str)>| Metric {
            stage: STAGE.to_owned(),
            name: name.to_owned(),
            estimate,
            interval: interval.map(|e| Interval { low: e.low, high: e.high, level: 0.95 }),
            baseline: baseline.map(|(figure, _)| figure),
            baseline_name: baseline.map(|(_, name)| name.to_owned()),
            baseline_interval: None,
            gain: None,
            n: evaluation.n_rows as u64,
        };
    let of = |name: &str, e: &Estimate, baseline| metric(name, e.estimate, Some(e), baseline);
    vec![
        of("AUC", &evaluation.auc, Some((0.5, "chance"))),
        of("log-loss", &evaluation.log_loss, Some((evaluation.log_loss_of_base_rate, "base rate"))),
        of("Brier score", &evaluation.brier, None),
        metric("calibration error (ECE10)", evaluation.ece10, None, None),
        of("lift of the top tenth", &evaluation.lift_at_10, Some((1.0, "chance"))),
    ]
}

/// The backtest to be drawn.
pub fn backtest(model: &ChurnModel) -> ChurnBacktest {
    let evaluation = model.evaluation();
    let test_as_of = match &evaluation.split {
        Split::Time { test_as_of, .. } => Some(test_as_of.to_string()),
        Split::Folds { .. } => None,
    };
    let decile = |group: &RankGroup| {
        let observed = wilson(group.n_positive, group.n);
        BacktestDecile {
            customers: group.n,
            predicted: group.p_mean,
            observed: group.rate,
            interval: interval(&observed),
            lift: group.lift,
            cumulative_gain: group.cumulative_gain,
        }
    };
    let bin = |bin: &bespoke::metrics::classification::ReliabilityBin| ReliabilityBin {
        customers: bin.n as u64,
        predicted: bin.p_mean,
        observed: bin.rate.estimate,
        interval: interval(&bin.rate),
    };
    ChurnBacktest {
        test_as_of,
        customers: evaluation.n_rows as u64,
        churned: evaluation.n_churned as u64,
        deciles: evaluation.deciles.iter().map(decile).collect(),
        reliability: evaluation.reliability.iter().map(bin).collect(),
    }
}

fn interval(estimate: &Estimate) -> Interval {
    Interval { low: estimate.low, high: estimate.high, level: 0.95 }
}
