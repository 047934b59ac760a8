//! `explain`: one customer of the published run in words, and one item to that customer.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use bespoke::decide::Withheld;
use bespoke::engine::{Engine, Request};
use bespoke::types::Timestamp;
use bespoke_io::{ReadBack, ReadBackError, read_columns};
use serde_json::{Value, json};

use super::answer_words::{self, Churn, Facts, Value as Worth, Why};
use super::explain_persona::{self, Persona};
use super::{explain_model, explain_segments};
use crate::config::JobConfig;
use crate::outputs::{PersonaFile, RunRecord, files};
use crate::runs::OutputDir;
use crate::ui::Answer;

/// Columns of `customers.parquet` that are told, in this order.
const TOLD: [&str; 15] = [
    "persona_id",
    "persona_name",
    "persona_confidence",
    "second_persona_id",
    "churn_probability",
    "churn_decile",
    "churn_top_reasons",
    "p_alive",
    "expected_orders",
    "cltv",
    "cltv_low",
    "cltv_high",
    "orders",
    "revenue",
    "days_since_last_order",
];

/// Columns of which those of runs of earlier versions know nothing.
const TOLD_SINCE: [&str; 3] = ["persona_low_confidence", "persona_held", "second_persona_features"];

/// Explains a customer, and an item to that customer, from the current run; without a customer its personas.
///
/// # Errors
/// When nothing is published, or the customer or item is not in the run.
pub fn explain(job: &JobConfig, customer: Option<&str>, item: Option<&str>) -> Result<Answer> {
    let out = OutputDir::at(&job.output.dir);
    let Some(number) = out.current()? else {
        bail!("{} has no published run: bespoke refresh makes one", job.output.dir.display())
    };
    let dir = out.run_dir(number);
    let record: RunRecord = json_file(&dir, files::RUN)?;
    let personas: PersonaFile = json_file(&dir, files::PERSONAS)?;
    let Some(customer) = customer else { return Ok(explain_model::answer(number.0, &record, &personas)) };
    let told = told(&dir, customer)?;
    let persona = persona(&dir, customer, &told, &personas)?;
    let shown = shown(&dir, customer)?;
    let why = item.map(|item| why(job, &record, customer, item, &shown)).transpose()?;
    let segments = explain_segments::of(&dir, customer, record.segments.as_ref())?;
    let whose = Whose { customer, run: number.to_string(), shown, segments: segments.lines };
    let facts = facts(&told, &record, persona, whose);
    let text = answer_words::answer(&facts, item.zip(why.as_ref()));
    let shown: Vec<Value> = facts
        .shown
        .iter()
        .map(|(slot, item, reason)| json!({"slot": slot, "item_id": item, "reason": reason}))
        .collect();
    let json = json!({
        "customer_id": customer,
        "run": number.0,
        "as_of": record.as_of,
        "facts": told.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<serde_json::Map<_, _>>(),
        "persona": facts.persona.as_ref().map(Persona::json),
        "segments": segments.json,
        "recommended": shown,
        "item": item,
        "why": why.as_ref().map(why_words),
        "reason_code": why.as_ref().and_then(|why| match why {
            Why::Withheld { code, .. } => Some(code),
            _ => None,
        }),
        "not_available": record.not_available,
    });
    Ok(Answer { text, json, is_summary: false })
}

fn why_words(why: &Why) -> String {
    match why {
        Why::Shown { slot, reason } => format!("shown in slot {slot}: {reason}"),
        Why::WouldBeShown => "would be shown".to_owned(),
        Why::Withheld { code, words } => format!("not shown ({code}): {words}"),
    }
}

/// Whom the facts are about.
struct Whose<'a> {
    customer: &'a str,
    run: String,
    shown: Vec<(u32, String, String)>,
    segments: Vec<String>,
}

/// The persona of a customer; `None` when the run has none.
fn persona(
    dir: &Path,
    customer: &str,
    told: &[(&'static str, Value)],
    file: &PersonaFile,
) -> Result<Option<Persona>> {
    let Some(name) = text(told, "persona_name") else { return Ok(None) };
    let is_true = |name| told.contains(&(name, json!(true)));
    let cells = explain_persona::Cells {
        id: number(told, "persona_id"),
        name,
        confidence: number(told, "persona_confidence").unwrap_or_default(),
        low_confidence: is_true("persona_low_confidence"),
        held: is_true("persona_held"),
        second: number(told, "second_persona_id"),
        second_features: text(told, "second_persona_features"),
    };
    explain_persona::of(dir, customer, &cells, file).map(Some)
}

/// The cells of a customer beside the figures of the run.
fn facts(
    told: &[(&'static str, Value)],
    record: &RunRecord,
    persona: Option<Persona>,
    whose: Whose<'_>,
) -> Facts {
    let churn = number(told, "churn_probability").zip(record.churn.as_ref()).map(|(p_churn, all)| Churn {
        p_churn,
        horizon_days: all.horizon_days,
        mean: all.mean_p_churn,
        decile: number(told, "churn_decile").unwrap_or_default() as u32,
        reasons: text(told, "churn_top_reasons").unwrap_or_default().to_owned(),
    });
    let horizon_days = record.cltv.as_ref().map_or(0, |cltv| cltv.horizon_days);
    let value = number(told, "expected_orders").map(|expected_orders| Worth {
        cltv: number(told, "cltv"),
        low_high: number(told, "cltv_low").zip(number(told, "cltv_high")),
        expected_orders,
        p_alive: number(told, "p_alive").unwrap_or_default(),
        horizon_days,
    });
    Facts {
        customer: whose.customer.to_owned(),
        as_of: record.as_of.clone(),
        run: whose.run,
        currency: record.currency.clone(),
        persona,
        orders: number(told, "orders"),
        revenue: number(told, "revenue"),
        days_since_last_order: number(told, "days_since_last_order"),
        churn,
        value,
        shown: whose.shown,
        segments: whose.segments,
        missing: record.not_available.iter().map(|one| (one.stage.clone(), one.reason.clone())).collect(),
    }
}

fn json_file<T: serde::de::DeserializeOwned>(dir: &Path, name: &str) -> Result<T> {
    let path = dir.join(name);
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&bytes).with_context(|| path.display().to_string())
}

/// The told cells of one customer by column.
fn told(dir: &Path, customer: &str) -> Result<Vec<(&'static str, Value)>> {
    let path = dir.join("customers.parquet");
    let mut told: Vec<(&'static str, Value)> =
        TOLD.into_iter().zip(cells_of(&path, &TOLD, customer)?).collect();
    match cells_of(&path, &TOLD_SINCE, customer) {
        Ok(cells) => told.extend(TOLD_SINCE.into_iter().zip(cells).map(|(name, cell)| match cell.as_f64() {
            // A yes or no is read back as a number.
            Some(x) => (name, json!(x > 0.5)),
            None => (name, cell),
        })),
        Err(error) if matches!(error.downcast_ref(), Some(ReadBackError::Absent(_))) => {}
        Err(error) => return Err(error),
    }
    Ok(told)
}

/// The cells of one customer in a table of a run, in the order of `names`.
///
/// # Errors
/// When the table cannot be read, or the customer is not in it.
pub fn cells_of(path: &Path, names: &[&str], customer: &str) -> Result<Vec<Value>> {
    let names: Vec<&str> = ["customer_id"].into_iter().chain(names.iter().copied()).collect();
    let columns = read_columns(path, &names).with_context(|| path.display().to_string())?;
    let row = match &columns[0] {
        ReadBack::Text(ids) => ids.iter().position(|id| id.as_deref() == Some(customer)),
        ReadBack::Number(_) => None,
    };
    let Some(row) = row else {
        bail!("customer \"{customer}\" is not in the published run (ids are compared letter by letter)")
    };
    let cell = |column: &ReadBack| match column {
        ReadBack::Text(cells) => json!(cells[row]),
        ReadBack::Number(cells) => json!(cells[row]),
    };
    Ok(columns[1..].iter().map(cell).collect())
}

/// Slot, item and reason of what was recommended.
fn shown(dir: &Path, customer: &str) -> Result<Vec<(u32, String, String)>> {
    let path = dir.join("recommendations.parquet");
    let columns = read_columns(&path, &["customer_id", "slot", "item_id", "reason"])
        .with_context(|| path.display().to_string())?;
    let [ReadBack::Text(ids), ReadBack::Number(slots), ReadBack::Text(items), ReadBack::Text(reasons)] =
        &columns[..]
    else {
        // Without a single row the columns have no type.
        return Ok(Vec::new());
    };
    let rows = (0..ids.len()).filter(|&row| ids[row].as_deref() == Some(customer));
    let line = |row: usize| {
        let text = |cells: &[Option<String>]| cells[row].clone().unwrap_or_default();
        (slots[row].unwrap_or_default() as u32, text(items), text(reasons))
    };
    Ok(rows.map(line).collect())
}

fn number(told: &[(&'static str, Value)], name: &str) -> Option<f64> {
    told.iter().find(|(known, _)| *known == name).and_then(|(_, value)| value.as_f64())
}

fn text<'a>(told: &'a [(&'static str, Value)], name: &str) -> Option<&'a str> {
    told.iter().find(|(known, _)| *known == name).and_then(|(_, value)| value.as_str())
}

/// Why an item is shown or not, by the engine that serving uses.
fn why(
    job: &JobConfig,
    record: &RunRecord,
    customer: &str,
    item: &str,
    shown: &[(u32, String, String)],
) -> Result<Why> {
    if let Some((slot, _, reason)) = shown.iter().find(|(_, id, _)| id == item) {
        return Ok(Why::Shown { slot: *slot, reason: reason.clone() });
    }
    let engine = Engine::open(&job.output.dir)?;
    ensure!(engine.has_item(item), "item \"{item}\" is not in the catalogue of the published run");
    let as_of = Timestamp(record.as_of.parse::<jiff::Timestamp>()?.as_millisecond());
    // What the run decided from: its own slates, and what has happened since, came into the profiles later.
    let mut profiles = engine.snapshot();
    if let Some(profile) = profiles.customers.get_mut(customer) {
        profile.state = profile.state.before(as_of);
    }
    engine.restore(profiles);
    let request = Request::new(customer, as_of);
    let why: Option<Withheld> = engine.why_not(&request, item)?;
    Ok(why.map_or(Why::WouldBeShown, |why| Why::Withheld {
        code: why.code().name().to_owned(),
        words: why.to_string(),
    }))
}
