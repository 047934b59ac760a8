//! What the data are like: fate of the rows, freshness, gaps, rejected rows.

use anyhow::Result;
use serde::Serialize;

use super::super::figures::FeatureGaps;
use super::super::format;
use super::super::run_record::{FileRows, RejectedRow};
use super::html::{Bar, Table, bars};
use super::{Context, Section, words};

/// Rejected rows shown as examples.
const MAX_EXAMPLES: usize = 20;
/// Bars of the features with the most gaps.
const MAX_GAPS: usize = 12;

#[derive(Serialize)]
struct Content {
    freshness: Vec<(String, String)>,
    files: Vec<FileView>,
    rows: String,
    gaps: Option<String>,
    gaps_table: Option<String>,
    left_out: Vec<String>,
    n_features: usize,
    examples: Option<String>,
    n_rejected: u64,
}

#[derive(Serialize)]
struct FileView {
    name: String,
    bars: String,
}

pub fn section(context: &Context<'_>) -> Result<Section> {
    let run = context.run;
    let features = &run.data.features;
    let customers = run.counts.customers.max(1) as f64;
    let content = Content {
        freshness: freshness(context),
        files: run.rows.iter().map(file).collect(),
        rows: rows(&run.rows),
        gaps: gaps(features, customers),
        gaps_table: (!features.is_empty()).then(|| gaps_table(features, customers)),
        left_out: left_out(features),
        n_features: features.len(),
        examples: (!context.rejected.is_empty()).then(|| examples(context.rejected)),
        n_rejected: run.rows.iter().map(FileRows::n_rejected).sum(),
    };
    let template = include_str!("../../../templates/report/quality.html.j2");
    Section::new("data", "Data quality", template, content)
}

fn freshness(context: &Context<'_>) -> Vec<(String, String)> {
    let data = &context.run.data;
    let fact = |label: &str, text: String| (label.to_owned(), text);
    let mut facts = Vec::new();
    facts.extend(data.first_event_at.as_ref().map(|at| fact("first event", context.day(at))));
    facts.extend(data.latest_event_at.as_ref().map(|at| fact("latest event", context.day(at))));
    if data.latest_event_at.is_some() {
        let behind = if data.days_behind < 1.0 {
            "less than a day".to_owned()
        } else {
            format::counted(data.days_behind.round() as u64, "days")
        };
        facts.push(fact("latest event to the day of this page", behind));
    }
    facts.extend(
        data.events.iter().map(|kind| {
            fact(&format!("events: {}", kind.kind.replace('_', " ")), format::count(kind.events))
        }),
    );
    facts
}

fn file(file: &FileRows) -> FileView {
    let bar = |label: &str, n: u64| {
        let share = if file.read == 0 { 0.0 } else { n as f64 / file.read as f64 };
        let text = format!("{} ({})", format::count(n), format::percent(share));
        Bar { label: label.to_owned(), text, share }
    };
    let list = [
        bar("accepted", file.accepted),
        bar("merged with an equal row", file.merged),
        bar("set aside by a rule of the job", file.n_set_aside()),
        bar("rejected", file.n_rejected()),
    ];
    FileView {
        name: format!("{}: {}, {}", file.source, file.file, format::counted(file.read, "rows")),
        bars: bars(&list),
    }
}

fn rows(files: &[FileRows]) -> String {
    let mut rows = Vec::new();
    for file in files {
        let fates = [("set aside", &file.set_aside), ("rejected", &file.rejected)];
        for (fate, rules) in fates {
            for (rule, n) in rules {
                rows.push(vec![rule.clone(), fate.to_owned(), file.file.clone(), format::count(*n)]);
            }
        }
    }
    if rows.is_empty() {
        return "<p class=\"soft\">No rule set a row aside or rejected one.</p>".to_owned();
    }
    Table::new(&["rule", "what it did", "file", "rows"], rows).with_words(&[1, 2]).html("Rows by rule")
}

fn gaps(features: &[FeatureGaps], customers: f64) -> Option<String> {
    let mut missing: Vec<&FeatureGaps> = features.iter().filter(|one| one.missing > 0).collect();
    missing.sort_by_key(|one| std::cmp::Reverse(one.missing));
    let bar = |one: &&FeatureGaps| {
        let share = one.missing as f64 / customers;
        let text = format!("{} ({})", format::count(one.missing), format::percent(share));
        Bar { label: one.label.clone(), text, share }
    };
    let list: Vec<Bar> = missing.iter().take(MAX_GAPS).map(bar).collect();
    (!list.is_empty()).then(|| bars(&list))
}

/// Features that personas leave out, together by reason.
fn left_out(features: &[FeatureGaps]) -> Vec<String> {
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for one in features {
        let Some(reason) = one.left_out.as_deref() else { continue };
        match by_reason.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, labels)) => labels.push(&one.label),
            None => by_reason.push((reason, vec![&one.label])),
        }
    }
    by_reason
        .iter()
        .map(|(reason, labels)| format!("{}: {}", words::capital(reason), labels.join("; ")))
        .collect()
}

fn gaps_table(features: &[FeatureGaps], customers: f64) -> String {
    let row = |one: &FeatureGaps| {
        vec![
            one.label.clone(),
            one.feature.clone(),
            format::count(one.missing),
            format::percent(one.missing as f64 / customers),
            one.left_out.clone().unwrap_or_default(),
        ]
    };
    let head = ["feature", "name", "customers without", "share", "left out of personas because"];
    Table::new(&head, features.iter().map(row).collect()).with_words(&[1, 4]).html("Gaps per feature")
}

fn examples(rejected: &[RejectedRow]) -> String {
    let row = |row: &RejectedRow| {
        vec![
            row.file.clone(),
            row.row.to_string(),
            row.column.clone(),
            row.value.clone(),
            row.rule.clone(),
            row.hint.clone().unwrap_or_default(),
        ]
    };
    let head = ["file", "row", "column", "value", "rule", "hint"];
    let rows = rejected.iter().take(MAX_EXAMPLES).map(row).collect();
    Table::new(&head, rows).with_words(&[2, 3, 4, 5]).html("Examples of rejected rows")
}
