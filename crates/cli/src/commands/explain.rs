//! `explain`: one customer of the published run in words, and one item to that customer.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use bespoke::decide::Withheld;
use bespoke::engine::{Engine, Request};
use bespoke::types::Timestamp;
use bespoke_io::{ReadBack, read_columns};
use serde_json::{Value, json};

use crate::config::JobConfig;
use crate::outputs::{PersonaFile, RunRecord, files};
use crate::runs::OutputDir;
use crate::ui::Answer;

/// Columns of `customers.parquet` that are told, in this order.
const TOLD: [&str; 12] = [
    "persona_id",
    "persona_name",
    "persona_confidence",
    "churn_probability",
    "churn_decile",
    "churn_top_reasons",
    "p_alive",
    "expected_orders",
    "cltv",
    "cltv_low",
    "cltv_high",
    "orders",
];

/// Explains a customer, and an item to that customer, from the current run.
///
/// # Errors
/// When nothing is published, or the customer or item is not in the run.
pub fn explain(job: &JobConfig, customer: &str, item: Option<&str>) -> Result<Answer> {
    let out = OutputDir::at(&job.output.dir);
    let Some(number) = out.current()? else { bail!("{} has no published run", job.output.dir.display()) };
    let dir = out.run_dir(number);
    let told = told(&dir, customer)?;
    let record: RunRecord = json_file(&dir, files::RUN)?;
    let personas: PersonaFile = json_file(&dir, files::PERSONAS)?;
    let shown = shown(&dir, customer)?;
    let mut text = vec![
        format!("customer {customer}, run {number}, as of {}", record.as_of),
        persona_words(&told, &personas),
        churn_words(&told),
        value_words(&told, &record.currency),
        String::from("recommended:"),
    ];
    text.extend(shown.iter().map(|(slot, item, reason)| format!("  {slot}. {item}: {reason}")));
    if shown.is_empty() {
        text.push("  nothing".to_owned());
    }
    let why = item.map(|item| why(job, &record, customer, item, &shown)).transpose()?;
    text.extend(why.iter().map(|why| format!("item {}: {why}", item.unwrap_or_default())));
    let shown: Vec<Value> = shown
        .iter()
        .map(|(slot, item, reason)| json!({"slot": slot, "item_id": item, "reason": reason}))
        .collect();
    let json = json!({
        "customer_id": customer,
        "run": number.0,
        "as_of": record.as_of,
        "facts": told.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<serde_json::Map<_, _>>(),
        "recommended": shown,
        "item": item,
        "why": why,
    });
    Ok(Answer { text: text.join("\n"), json, is_summary: false })
}

fn json_file<T: serde::de::DeserializeOwned>(dir: &Path, name: &str) -> Result<T> {
    let path = dir.join(name);
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&bytes).with_context(|| path.display().to_string())
}

/// The cells of one customer by column.
fn told(dir: &Path, customer: &str) -> Result<Vec<(&'static str, Value)>> {
    let names: Vec<&str> = ["customer_id"].into_iter().chain(TOLD).collect();
    let path = dir.join("customers.parquet");
    let columns = read_columns(&path, &names).with_context(|| path.display().to_string())?;
    let row = match &columns[0] {
        ReadBack::Text(ids) => ids.iter().position(|id| id.as_deref() == Some(customer)),
        ReadBack::Number(_) => None,
    };
    let Some(row) = row else { bail!("customer \"{customer}\" is not in the published run") };
    let cell = |column: &ReadBack| match column {
        ReadBack::Text(cells) => json!(cells[row]),
        ReadBack::Number(cells) => json!(cells[row]),
    };
    Ok(TOLD.into_iter().zip(columns[1..].iter().map(cell)).collect())
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

fn persona_words(told: &[(&'static str, Value)], file: &PersonaFile) -> String {
    let Some(name) = text(told, "persona_name") else { return "persona: none".to_owned() };
    let known = file.personas.iter().find(|persona| persona.name == name);
    let confidence = number(told, "persona_confidence").unwrap_or_default();
    let description = known.map_or("", |persona| persona.description.as_str());
    format!("persona: {name} (confidence {confidence:.2}). {description}")
}

fn churn_words(told: &[(&'static str, Value)]) -> String {
    let Some(p) = number(told, "churn_probability") else { return "churn: not available".to_owned() };
    let decile = number(told, "churn_decile").unwrap_or_default();
    let reasons = text(told, "churn_top_reasons").unwrap_or_default();
    format!("churn: {:.0} % (tenth {decile:.0} of 10, 1 = most endangered). {reasons}", 100.0 * p)
}

fn value_words(told: &[(&'static str, Value)], currency: &str) -> String {
    let Some(orders) = number(told, "expected_orders") else { return "value: not available".to_owned() };
    let alive = number(told, "p_alive").unwrap_or_default();
    let value = match (number(told, "cltv"), number(told, "cltv_low"), number(told, "cltv_high")) {
        (Some(value), Some(low), Some(high)) => {
            format!("{value:.2} {currency} (80 % of such customers: {low:.2} to {high:.2})")
        }
        (Some(value), ..) => format!("{value:.2} {currency}"),
        _ => "no amount".to_owned(),
    };
    format!("value: {value}, {orders:.2} orders expected, still a customer with {:.0} %", 100.0 * alive)
}

/// Why an item is shown or not, by the engine that serving uses.
fn why(
    job: &JobConfig,
    record: &RunRecord,
    customer: &str,
    item: &str,
    shown: &[(u32, String, String)],
) -> Result<String> {
    if let Some((slot, _, reason)) = shown.iter().find(|(_, id, _)| id == item) {
        return Ok(format!("shown in slot {slot}: {reason}"));
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
    Ok(why.map_or_else(
        || "would be shown".to_owned(),
        |why| format!("not shown ({}): {why}", why.code().name()),
    ))
}
