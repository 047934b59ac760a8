//! The segments of one customer, and which comparisons decided.

use std::path::Path;

use anyhow::{Context, Result};
use bespoke::rules::{Cell, Clause, FieldType, Fields, Rule};
use serde_json::{Map, Value, json};

use super::explain::cells_of;
use crate::config::segments::CUSTOMER_FIELDS;
use crate::outputs::segment_figures::{Holds, RfmFigures, RfmScale, RuleFigures, SegmentFigures};

/// What is said of a customer's segments.
#[derive(Default)]
pub struct Told {
    /// Lines for people; what belongs to a line follows after a line feed.
    pub lines: Vec<String>,
    pub json: Value,
}

/// The segments of a customer in a run.
///
/// # Errors
/// When the files of the run are not those of its record.
pub fn of(dir: &Path, customer: &str, figures: Option<&SegmentFigures>) -> Result<Told> {
    let Some(figures) = figures else { return Ok(Told::default()) };
    let mut told = Told::default();
    let mut rfm = Value::Null;
    if let Some(known) = &figures.rfm {
        let names = ["rfm_segment", "rfm_r", "rfm_f", "rfm_m"];
        let cells = cells_of(&dir.join("customers.parquet"), &names, customer)?;
        told.lines.push(rfm_words(known, &cells));
        rfm = cells[0].clone();
    }
    let mut rules = Map::new();
    for one in &figures.rules {
        let (holds, clauses) = decide(dir, customer, one)?;
        told.lines.push(rule_words(one, holds, &clauses));
        rules.insert(one.name.clone(), json!(holds));
    }
    told.json = json!({"rfm": rfm, "rules": rules});
    Ok(told)
}

/// `RFM: Champions: R 5 (at most 12 days since the last order), ...`.
fn rfm_words(figures: &RfmFigures, cells: &[Value]) -> String {
    let Some(segment) = cells[0].as_str() else { return "RFM: no segment without an order".to_owned() };
    let score = |(scale, cell): (&RfmScale, &Value)| {
        let score = cell.as_u64().or_else(|| cell.as_f64().map(|x| x as u64))?;
        let from = scale.from.get(usize::try_from(score).ok()?.checked_sub(1)?).copied().flatten();
        let within = from.map_or_else(String::new, |from| format!(" ({})", bound(scale, from)));
        Some(format!("{} {score}{within}", scale.letter))
    };
    let scores: Vec<String> = figures.scores.iter().zip(&cells[1..]).filter_map(score).collect();
    format!("RFM: {segment}: {}", scores.join(", "))
}

/// From where on a score is given, in words.
fn bound(scale: &RfmScale, from: f64) -> String {
    match scale.letter.as_str() {
        // Rounded up, so that the bound itself is within.
        "R" => format!("at most {} {}", plain((from * 10.0).ceil() / 10.0), scale.label),
        _ if scale.label == scale.unit => format!("at least {} {}", plain(from), scale.unit),
        _ => format!("{} of at least {} {}", scale.label, plain(from), scale.unit),
    }
}

/// One comparison with the cells it saw.
struct Decided {
    clause: Clause,
    /// Name and cell in words.
    cells: Vec<(String, String)>,
}

/// Whether a rule holds for a customer, by the very code that the run used, and its comparisons.
fn decide(dir: &Path, customer: &str, figures: &RuleFigures) -> Result<(Option<bool>, Vec<Decided>)> {
    let fields = (figures.fields.iter())
        .fold(Fields::default(), |fields, field| fields.with(&field.name, FieldType::from(field.holds)));
    let rule = Rule::parse(&figures.rule, &fields)
        .with_context(|| format!("segments.{} of the run cannot be read by this version", figures.name))?;
    let values: Vec<Value> =
        rule.fields().iter().map(|field| value(dir, customer, field)).collect::<Result<_>>()?;
    let holds =
        |field: &str| figures.fields.iter().find(|known| known.name == field).map(|known| known.holds);
    let cell = |at: usize| cell_of(&values[at], holds(&rule.fields()[at]));
    let bound = rule.bind(figures.percentiles.iter().map(|percentile| percentile.at).collect());
    let seen = |clause: Clause| {
        let mut cells: Vec<(String, String)> =
            clause.fields.iter().map(|&at| (rule.fields()[at].clone(), in_words(&cell(at)))).collect();
        if let Some(at) = clause.percentile {
            let value = bound.thresholds()[at].map_or_else(|| "missing".to_owned(), plain);
            cells.push((format!("p{}", rule.percentiles()[at].p), value));
        }
        Decided { clause, cells }
    };
    Ok((bound.holds(cell), bound.clauses(cell).into_iter().map(seen).collect()))
}

/// A customer's cell of a field; null where the run does not have it.
fn value(dir: &Path, customer: &str, field: &str) -> Result<Value> {
    let is_output = CUSTOMER_FIELDS.iter().any(|(name, _)| *name == field);
    let path = dir.join(if is_output { "customers.parquet" } else { "segment_cells.parquet" });
    if !is_output && !has_column(&path, field)? {
        return Ok(Value::Null);
    }
    let mut cells = cells_of(&path, &[field], customer)?;
    Ok(cells.swap_remove(0))
}

/// A run without a feature has no column of it, and without any no file.
fn has_column(path: &Path, field: &str) -> Result<bool> {
    if !path.exists() {
        return Ok(false);
    }
    match bespoke_io::read_columns(path, &[field]) {
        Ok(_) => Ok(true),
        Err(bespoke_io::ReadBackError::Absent(_)) => Ok(false),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

fn cell_of(value: &Value, holds: Option<Holds>) -> Cell<'_> {
    match (value, holds) {
        (Value::String(text), _) => Cell::Text(text),
        (Value::Number(x), Some(Holds::YesNo)) => Cell::YesNo(x.as_f64().is_some_and(|x| x > 0.5)),
        (Value::Number(x), _) => x.as_f64().map_or(Cell::Missing, Cell::Number),
        (Value::Bool(yes), _) => Cell::YesNo(*yes),
        _ => Cell::Missing,
    }
}

fn in_words(cell: &Cell<'_>) -> String {
    match cell {
        _ if cell.is_missing() => "missing".to_owned(),
        Cell::Number(x) => plain(*x),
        Cell::Text(text) => format!("'{text}'"),
        Cell::YesNo(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Cell::Missing => "missing".to_owned(),
    }
}

/// A figure without more digits than it needs.
fn plain(x: f64) -> String {
    let text = if x.abs() >= 1000.0 { format!("{x:.0}") } else { format!("{x:.3}") };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn rule_words(figures: &RuleFigures, holds: Option<bool>, clauses: &[Decided]) -> String {
    let answer = match holds {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not known, for want of data",
    };
    let line = |decided: &Decided| {
        let cells: Vec<String> =
            decided.cells.iter().map(|(name, cell)| format!("{name} is {cell}")).collect();
        let holds = match decided.clause.holds {
            Some(true) => "holds",
            Some(false) => "does not hold",
            None => "is not known",
        };
        format!("\n      {} {holds}: {}", decided.clause.text, cells.join(", "))
    };
    let lines: String = clauses.iter().map(line).collect();
    format!("segment {}: {answer} ({}){lines}", figures.name, figures.rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_digits_they_need() {
        assert_eq!(
            [12.0, 0.5, 1234.5, -0.0001, 0.125, 640.1].map(plain),
            ["12", "0.5", "1234", "0", "0.125", "640.1"]
        );
    }

    #[test]
    fn scores_are_told_with_their_bounds() {
        let scale = |letter: &str, label: &str, unit: &str, from: f64| RfmScale {
            letter: letter.into(),
            label: label.into(),
            unit: unit.into(),
            from: vec![None, None, None, None, Some(from)],
            customers: vec![0; 5],
        };
        let figures = RfmFigures {
            without_orders: 1,
            scores: vec![
                scale("R", "days since the last order", "days", 12.458),
                scale("F", "orders", "orders", 9.0),
                scale("M", "revenue", "EUR", 900.0),
            ],
            segments: Vec::new(),
        };
        let cells = [json!("Champions"), json!(5.0), json!(5.0), json!(4.0)];
        assert_eq!(
            rfm_words(&figures, &cells),
            "RFM: Champions: R 5 (at most 12.5 days since the last order), F 5 (at least 9 orders), M 4"
        );
        assert_eq!(rfm_words(&figures, &[Value::Null, Value::Null]), "RFM: no segment without an order");
    }
}
