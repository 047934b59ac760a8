//! What `run.json` says.

use std::collections::BTreeMap;

use anyhow::Result;
use bespoke::bundle::FORMAT_VERSION;
use bespoke::decide::REASONS_VERSION;
use bespoke::engine::World;
use bespoke::features::SPEC_VERSION;
use bespoke::types::EventKind;

use super::churn::{self, Leaving};
use super::input::Input;
use super::models::Fitted;
use super::results::Known;
use super::slates::{self, Slate};
use super::tables::Activity;
use super::{Task, changes, personas, quality, value};
use crate::outputs::RunRecord;
use crate::outputs::figures::AtRisk;
use crate::outputs::run_record::{ChurnSummary, Counts, Decile, Versions};

/// From this chance of leaving on customers count as endangered: more likely than not to leave.
const ENDANGERED: f64 = 0.5;

/// Puts the record together.
///
/// # Errors
/// When the parameters cannot be written as TOML.
pub fn of(
    task: &Task<'_>,
    input: &Input,
    fitted: &Fitted,
    world: &World,
    slates: &[Slate],
    known: &Known,
    time_zone_data: &str,
) -> Result<RunRecord> {
    let values: Vec<f64> =
        input.scored.iter().filter_map(|&c| fitted.value.rows[c].and_then(|row| row.cltv)).collect();
    let horizon = task.job.cltv.horizon_days;
    let formats = [("bundle", FORMAT_VERSION), ("features", SPEC_VERSION), ("reasons", REASONS_VERSION)];
    Ok(RunRecord {
        versions: Versions {
            bespoke: env!("CARGO_PKG_VERSION").to_owned(),
            formats: formats
                .into_iter()
                .map(|(name, version)| (name.to_owned(), version))
                .collect::<BTreeMap<_, _>>(),
            time_zone_data: time_zone_data.to_owned(),
            kernel: task.session.kernel,
        },
        seed: task.job.job.seed,
        as_of: input.as_of.to_string(),
        currency: input.tables.currency.clone(),
        parameters: task.job.parameters()?,
        inputs: input.files.clone(),
        rows: input.rows.clone(),
        counts: counts(input, &known.activity),
        changes: known.changes.clone(),
        months: known.months.clone(),
        data: quality::of(
            input,
            &fitted.table,
            fitted.models.personas(),
            personas::params(task.job, task.session.kernel)?.params(),
        ),
        metrics: fitted.metrics.clone(),
        at_risk: fitted.leaving.as_ref().map(|leaving| at_risk(fitted, leaving, &known.activity)),
        segments: Some(known.segments.clone()),
        churn: fitted.leaving.as_ref().map(|leaving| churn_summary(fitted, leaving)),
        cltv: value::summary(horizon, &values, fitted.value.backtest.clone()),
        recommendations: (!input.tables.items.is_empty())
            .then(|| slates::summary(&input.tables, world, slates, input.as_of)),
        not_available: fitted.not_available.clone(),
        warnings: known.warnings.clone(),
    })
}

fn counts(input: &Input, activity: &[Activity]) -> Counts {
    let events = &input.tables.events;
    let before = |&e: &usize| events.time[e] < input.as_of.0;
    let mut sold = vec![false; input.tables.items.len()];
    let mut n_events = 0;
    for e in (0..events.len()).filter(before) {
        n_events += 1;
        if let (EventKind::Purchase, Some(item)) = (events.kind[e], events.item(e)) {
            sold[item] = true;
        }
    }
    Counts {
        customers: input.scored.len() as u64,
        items: sold.into_iter().filter(|&sold| sold).count() as u64,
        events: n_events,
        orders: activity.iter().map(|a| u64::from(a.orders)).sum(),
        revenue: activity.iter().map(|a| a.revenue).sum(),
    }
}

fn churn_summary(fitted: &Fitted, leaving: &Leaving) -> ChurnSummary {
    let model = fitted.models.churn();
    let observed = |decile: u8| {
        let groups = &model?.evaluation().deciles;
        groups.get(usize::from(decile) - 1).map(|group| group.rate)
    };
    let decile = |decile: u8| {
        let of: Vec<f64> = (0..leaving.scores.len())
            .filter(|&row| leaving.deciles[row] == decile)
            .map(|row| leaving.scores[row].p_churn)
            .collect();
        Decile {
            decile,
            customers: of.len() as u64,
            mean_p_churn: of.iter().sum::<f64>() / of.len().max(1) as f64,
            observed: observed(decile),
        }
    };
    let mean = leaving.scores.iter().map(|s| s.p_churn).sum::<f64>() / leaving.scores.len().max(1) as f64;
    ChurnSummary {
        horizon_days: model.map_or(0, |model| model.params().params().horizon_days),
        mean_p_churn: mean,
        deciles: (1..=10).map(decile).collect(),
        backtest: model.map(churn::backtest),
        reasons: leaving.reason_counts.clone(),
    }
}

/// Customers who are endangered and in the top fifth by revenue so far.
fn at_risk(fitted: &Fitted, leaving: &Leaving, activity: &[Activity]) -> AtRisk {
    let revenue: Vec<Option<f64>> = activity.iter().map(|a| Some(a.revenue)).collect();
    let bands = changes::value_bands(&revenue);
    let is_at_risk = |row: &usize| leaving.scores[*row].p_churn >= ENDANGERED && bands[*row] == Some(1);
    let rows: Vec<usize> = (0..activity.len()).filter(is_at_risk).collect();
    let mut of_persona: BTreeMap<u32, u64> = BTreeMap::new();
    for &row in &rows {
        if let Some(assigned) = fitted.assigned.get(row) {
            *of_persona.entry(assigned.persona).or_default() += 1;
        }
    }
    let most = of_persona.into_iter().max_by_key(|&(id, n)| (n, std::cmp::Reverse(id)));
    let name = |id: u32| Some(fitted.models.personas()?.profile(id)?.name.clone());
    AtRisk {
        customers: rows.len() as u64,
        revenue: rows.iter().map(|&row| activity[row].revenue).sum(),
        persona: most.and_then(|(id, _)| name(id)),
    }
}
