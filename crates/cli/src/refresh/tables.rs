//! The tables of a run: who, what, what not, and what changed.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context, Result};
use bespoke::bundle::Models;
use bespoke::decide::{ReasonCode, Source};
use bespoke::engine::World;
use bespoke::personas::Assignment;
use bespoke_io::{OutColumn, OutValues, write_csv, write_parquet};

use super::churn::Leaving;
use super::input::Input;
use super::runner_up::RunnerUp;
use super::slates::Slate;
use super::value::ValueRow;

/// Everything said about the scored customers, in their order.
pub struct Scores<'a> {
    pub input: &'a Input,
    pub models: &'a Models,
    pub assigned: &'a [Assignment],
    /// What speaks for the second persona of every customer; nothing without personas.
    pub runner_up: &'a RunnerUp,
    pub leaving: Option<&'a Leaving>,
    pub values: &'a [Option<ValueRow>],
    pub activity: &'a [Activity],
}

/// What a customer did before the run's instant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Activity {
    pub orders: u32,
    pub revenue: f64,
    pub days_since_last_order: Option<f64>,
}

/// Writes a table as Parquet, and as CSV on request.
///
/// # Errors
/// When the disk does not take it.
pub fn write(dir: &Path, name: &str, csv: bool, columns: &[OutColumn<'_>]) -> Result<()> {
    let path = dir.join(format!("{name}.parquet"));
    write_parquet(&path, columns).with_context(|| path.display().to_string())?;
    if csv {
        let path = dir.join(format!("{name}.csv"));
        write_csv(&path, columns).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn texts<'a>(cells: impl Iterator<Item = &'a str>) -> OutValues<'a> {
    OutValues::Text(cells.map(|cell| Some(Cow::Borrowed(cell))).collect())
}

/// The columns of `customers.parquet`, before those of segments.
pub fn customers<'a>(scores: &Scores<'a>) -> Vec<OutColumn<'a>> {
    let (input, n) = (scores.input, scores.input.scored.len());
    let mut columns = vec![ids(input)];
    columns.extend(persona_columns(scores));
    columns.extend(churn_columns(scores, n));
    columns.extend(value_columns(scores));
    let activity = scores.activity;
    columns.extend([
        OutColumn::new("currency", same(n, &input.tables.currency)),
        OutColumn::new("orders", OutValues::U32(activity.iter().map(|a| Some(a.orders)).collect())),
        OutColumn::new("revenue", OutValues::F64(activity.iter().map(|a| Some(a.revenue)).collect())),
        OutColumn::new(
            "days_since_last_order",
            OutValues::F64(activity.iter().map(|a| a.days_since_last_order).collect()),
        ),
        OutColumn::new("as_of", OutValues::TimestampMs(vec![Some(input.as_of); n])),
    ]);
    columns
}

/// The ids of the scored customers.
pub fn ids(input: &Input) -> OutColumn<'_> {
    let codes = input.scored.iter().map(|&customer| customer as u32).collect();
    OutColumn::new("customer_id", OutValues::IdCodes { ids: &input.tables.customers.ids, codes })
}

/// The same text in every row.
fn same(n: usize, text: &str) -> OutValues<'_> {
    OutValues::Coded { names: vec![Cow::Borrowed(text)], codes: vec![Some(0); n] }
}

fn persona_columns<'a>(scores: &Scores<'a>) -> Vec<OutColumn<'a>> {
    let profiles = scores.models.personas().map_or(&[][..], |model| model.profiles());
    let assigned = scores.assigned;
    let n = scores.input.scored.len();
    let cell = |row: usize| assigned.get(row);
    let runner_up = OutValues::Coded {
        names: scores.runner_up.names.iter().map(|names| Cow::Borrowed(names.as_str())).collect(),
        codes: (0..n).map(|row| scores.runner_up.codes.get(row).copied().flatten()).collect(),
    };
    let names = profiles.iter().map(|profile| Cow::Borrowed(profile.name.as_str())).collect();
    let place = |id: u32| profiles.iter().position(|profile| profile.id == id).map(|at| at as u32);
    let codes = (0..n).map(|row| cell(row).and_then(|a| place(a.persona))).collect();
    vec![
        OutColumn::new(
            "persona_id",
            OutValues::U32((0..n).map(|row| cell(row).map(|a| a.persona)).collect()),
        ),
        OutColumn::new("persona_name", OutValues::Coded { names, codes }),
        OutColumn::new(
            "persona_confidence",
            OutValues::F64((0..n).map(|row| cell(row).map(|a| a.confidence)).collect()),
        ),
        OutColumn::new(
            "persona_low_confidence",
            OutValues::Bool((0..n).map(|row| cell(row).map(|a| a.low_confidence)).collect()),
        ),
        OutColumn::new(
            "persona_held",
            OutValues::Bool((0..n).map(|row| cell(row).map(|a| a.held)).collect()),
        ),
        OutColumn::new(
            "second_persona_id",
            OutValues::U32((0..n).map(|row| cell(row).and_then(|a| a.second)).collect()),
        ),
        OutColumn::new("second_persona_features", runner_up),
    ]
}

fn churn_columns<'a>(scores: &Scores<'a>, n: usize) -> Vec<OutColumn<'a>> {
    let leaving = scores.leaving;
    let horizon = scores.models.churn().map(|model| model.params().params().horizon_days);
    let reason = |row: usize| leaving.map(|l| Cow::Borrowed(l.reasons[row].as_str()));
    vec![
        OutColumn::new(
            "churn_probability",
            OutValues::F64((0..n).map(|row| leaving.map(|l| l.scores[row].p_churn)).collect()),
        ),
        OutColumn::new(
            "churn_decile",
            OutValues::U32((0..n).map(|row| leaving.map(|l| u32::from(l.deciles[row]))).collect()),
        ),
        OutColumn::new("churn_top_reasons", OutValues::Text((0..n).map(reason).collect())),
        OutColumn::new("churn_horizon_days", OutValues::U32(vec![horizon; n])),
    ]
}

fn value_columns<'a>(scores: &Scores<'a>) -> Vec<OutColumn<'a>> {
    let rows: Vec<Option<ValueRow>> =
        scores.input.scored.iter().map(|&customer| scores.values[customer]).collect();
    let horizon = scores.models.cltv().map(|model| model.params().params().horizon_days);
    let column = |of: fn(&ValueRow) -> Option<f64>| {
        OutValues::F64(rows.iter().map(|row| row.as_ref().and_then(of)).collect())
    };
    vec![
        OutColumn::new("p_alive", column(|row| Some(row.p_alive))),
        OutColumn::new("expected_orders", column(|row| Some(row.expected_orders))),
        OutColumn::new("cltv", column(|row| row.cltv)),
        OutColumn::new("cltv_low", column(|row| row.low)),
        OutColumn::new("cltv_high", column(|row| row.high)),
        OutColumn::new("cltv_horizon_days", OutValues::U32(vec![horizon; rows.len()])),
    ]
}

/// The columns of `recommendations.parquet`: one row per filled slot.
pub fn recommendations<'a>(input: &'a Input, slates: &'a [Slate]) -> Vec<OutColumn<'a>> {
    let sources = [Source::Als, Source::Popular];
    let rows =
        || slates.iter().zip(&input.scored).flat_map(|(slate, &c)| slate.shown.iter().map(move |s| (c, s)));
    let codes = rows().map(|(customer, _)| customer as u32).collect();
    let source = |s: Source| sources.iter().position(|&known| known == s).map(|at| at as u32);
    vec![
        OutColumn::new("customer_id", OutValues::IdCodes { ids: &input.tables.customers.ids, codes }),
        OutColumn::new("slot", OutValues::U32(rows().map(|(_, shown)| Some(shown.slot)).collect())),
        OutColumn::new("item_id", texts(rows().map(|(_, shown)| shown.item_id.as_str()))),
        OutColumn::new(
            "score",
            OutValues::F64(rows().map(|(_, shown)| Some(f64::from(shown.score))).collect()),
        ),
        OutColumn::new(
            "source",
            OutValues::Coded {
                names: sources.iter().map(|s| Cow::Borrowed(s.name())).collect(),
                codes: rows().map(|(_, shown)| source(shown.source)).collect(),
            },
        ),
        OutColumn::new(
            "tier",
            OutValues::U32(rows().map(|(_, shown)| Some(u32::from(shown.tier))).collect()),
        ),
        OutColumn::new(
            "reason",
            OutValues::Text(rows().map(|(_, shown)| Some(Cow::Owned(shown.reason.to_string()))).collect()),
        ),
    ]
}

/// The columns of `withheld.parquet`: counts per customer and reason.
pub fn withheld<'a>(input: &'a Input, slates: &[Slate]) -> Vec<OutColumn<'a>> {
    let rows = || {
        slates
            .iter()
            .zip(&input.scored)
            .flat_map(|(slate, &c)| slate.withheld.iter().map(move |&(code, n)| (c, code, n)))
    };
    let codes = rows().map(|(customer, ..)| customer as u32).collect();
    vec![
        OutColumn::new("customer_id", OutValues::IdCodes { ids: &input.tables.customers.ids, codes }),
        OutColumn::new("reason", reason_codes(rows().map(|(_, code, _)| code))),
        OutColumn::new("n_items", OutValues::U32(rows().map(|(_, _, n)| Some(n)).collect())),
    ]
}

/// The columns of `withheld_items.parquet`: every withheld candidate with its reason in words.
pub fn every_withheld<'a>(input: &'a Input, world: &World, slates: &[Slate]) -> Vec<OutColumn<'a>> {
    let rows = || {
        let of = |(slate, &customer): (&'_ Slate, &usize)| {
            slate.every_withheld.iter().map(|(item, why)| (customer, *item, why.clone())).collect::<Vec<_>>()
        };
        slates.iter().zip(&input.scored).flat_map(of)
    };
    let customers = rows().map(|(customer, ..)| customer as u32).collect();
    let item =
        |item: usize| input.tables.items.find(world.catalogue().ids().get(item)).unwrap_or(item) as u32;
    let items = rows().map(|(_, at, _)| item(at)).collect();
    vec![
        OutColumn::new(
            "customer_id",
            OutValues::IdCodes { ids: &input.tables.customers.ids, codes: customers },
        ),
        OutColumn::new("item_id", OutValues::IdCodes { ids: &input.tables.items.ids, codes: items }),
        OutColumn::new("reason", reason_codes(rows().map(|(.., why)| why.code()))),
        OutColumn::new(
            "words",
            OutValues::Text(rows().map(|(.., why)| Some(Cow::Owned(why.to_string()))).collect()),
        ),
    ]
}

fn reason_codes<'a>(codes: impl Iterator<Item = ReasonCode>) -> OutValues<'a> {
    let place =
        |code: ReasonCode| ReasonCode::ALL.iter().position(|&known| known == code).map(|at| at as u32);
    OutValues::Coded {
        names: ReasonCode::ALL.iter().map(|code| Cow::Borrowed(code.name())).collect(),
        codes: codes.map(place).collect(),
    }
}
