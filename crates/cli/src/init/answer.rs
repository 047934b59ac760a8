//! What `init` answers: what it took each column for, and what a person should check.

use std::path::Path;

use bespoke_io::TableName;
use serde_json::{Value, json};

use super::Found;
use super::proposal::{Choice, Hint, Rule, table_name};
use super::roles::Confidence;
use super::write::NamedSource;
use crate::ui::{Answer, table};

/// The findings as text and as JSON.
pub fn of(found: &Found, out: &Path) -> Answer {
    let mut parts: Vec<String> = found.sources.iter().map(source_text).collect();
    parts.extend(check_text(found));
    parts.extend(found.left_out.iter().map(|error| format!("left out: {error}")));
    parts.push(format!("wrote {}\n{}", out.display(), next(found, out)));
    Answer { text: parts.join("\n\n"), json: json_of(found, out), is_summary: true }
}

/// What to do with the job file.
fn next(found: &Found, out: &Path) -> String {
    if found.sources.iter().all(|source| source.proposal.table == TableName::Items) {
        return "next: a job needs customers or events beside items: run init again with a file of those"
            .to_owned();
    }
    let shown = out.display().to_string();
    let quoted = if shown.contains([' ', '\'', '"', '$', '&', ';', '(']) {
        format!("'{}'", shown.replace('\'', "'\\''"))
    } else {
        shown.clone()
    };
    let config = if shown == "bespoke.toml" { String::new() } else { format!(" --config {quoted}") };
    format!("next: bespoke check{config}, then bespoke refresh{config}")
}

fn source_text(source: &NamedSource) -> String {
    let head = format!("{}: {}", source.paths.join(", "), table_name(source.proposal.table));
    let row = |choice: &Choice| {
        let value = choice.value.get("column").unwrap_or(&choice.value);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let kind = choice.value.get("type").and_then(toml::Value::as_str).map(|kind| format!(" ({kind})"));
        let section = match choice.section {
            section @ ("time" | "id_style") => format!("{section}."),
            _ => String::new(),
        };
        let name = format!("{section}{}{}", choice.key, kind.unwrap_or_default());
        let shown = if value == "\t" { "tab".to_owned() } else { super::words(&value) };
        [name, shown, choice.confidence.name().to_owned(), shortened(&choice.evidence)]
    };
    let rule = |rule: &Rule| {
        let does = format!("{} rows", rule.then.replace('_', " "));
        [format!("rule {}", rule.name), does, rule.confidence.name().to_owned(), shortened(&rule.evidence)]
    };
    let rows = source.proposal.choices.iter().map(row).chain(source.proposal.rules.iter().map(rule));
    let mut text = format!("{head}\n{}", table(&["", "in the file", "sure", "because"], &[], rows));
    let unused: Vec<String> = source.proposal.unused.iter().map(|(column, _)| super::words(column)).collect();
    if !unused.is_empty() {
        const SHOWN: usize = 12;
        let more = unused.len().saturating_sub(SHOWN);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names: Vec<&str> = unused.iter().take(SHOWN).map(String::as_str).collect();
        text += &format!("\nnot used: {}{rest} (the job file says why)", names.join(", "));
    }
    text
}

/// A cell of a table stays on one line of a usual terminal.
fn shortened(text: &str) -> String {
    const MOST: usize = 72;
    if text.chars().count() <= MOST {
        text.to_owned()
    } else {
        text.chars().take(MOST - 1).chain(['…']).collect()
    }
}

/// Choices that are not sure, and notes.
fn check_text(found: &Found) -> Option<String> {
    let has = |keys: &[&str]| {
        found
            .sources
            .iter()
            .any(|source| source.proposal.choices.iter().any(|c| keys.contains(&c.key.as_str())))
    };
    // Without times or amounts nothing depends on them.
    let zone = has(&["time"]).then_some(("time_zone", &found.job.zone));
    let currency = has(&["price", "revenue", "currency"]).then_some(("currency", &found.job.currency));
    let job = [zone, currency, Some(("as_of", &found.job.as_of))].into_iter().flatten();
    let unsure = |(key, hint): &(&str, &Hint)| {
        (hint.confidence < Confidence::High)
            .then(|| format!("job.{key} = \"{}\": {}", hint.value, hint.evidence))
    };
    let mut lines: Vec<String> = job.filter_map(|line| unsure(&line)).collect();
    for source in &found.sources {
        let prefix = format!("source.{}", source.name);
        let of = |choice: &&Choice| choice.confidence == Confidence::Low && choice.key != "zone";
        let choices = source.proposal.choices.iter().filter(of);
        lines.extend(choices.map(|choice| {
            let section =
                if choice.section.is_empty() { String::new() } else { format!("{}.", choice.section) };
            format!("{prefix}.{section}{} = {}: {}", choice.key, choice.value, choice.evidence)
        }));
        let rules = source.proposal.rules.iter().filter(|rule| rule.confidence == Confidence::Low);
        lines.extend(rules.map(|rule| {
            format!("{prefix}.rule {} ({} {}): {}", rule.name, rule.then, rule.when, rule.evidence)
        }));
        lines.extend(
            source.proposal.warnings.iter().map(|warning| format!("{}: {warning}", source.paths.join(", "))),
        );
    }
    (!lines.is_empty()).then(|| {
        format!(
            "please check:\n{}",
            lines.iter().map(|line| format!("  - {line}")).collect::<Vec<_>>().join("\n")
        )
    })
}

fn json_of(found: &Found, out: &Path) -> Value {
    let hint = |hint: &Hint| json!({ "value": hint.value, "confidence": hint.confidence.name(), "evidence": hint.evidence });
    let choice = |choice: &Choice| {
        json!({
            "section": choice.section,
            "key": choice.key,
            "value": choice.value,
            "confidence": choice.confidence.name(),
            "evidence": choice.evidence,
            "instead": choice.instead,
        })
    };
    let rule = |rule: &Rule| {
        json!({
            "name": rule.name,
            "when": rule.when,
            "then": rule.then,
            "confidence": rule.confidence.name(),
            "evidence": rule.evidence,
        })
    };
    let source = |source: &NamedSource| {
        let proposal = &source.proposal;
        let unused =
            proposal.unused.iter().map(|(column, reason)| json!({ "column": column, "reason": reason }));
        json!({
            "name": source.name,
            "table": table_name(proposal.table),
            "files": source.paths,
            "choices": proposal.choices.iter().map(choice).collect::<Vec<_>>(),
            "rules": proposal.rules.iter().map(rule).collect::<Vec<_>>(),
            "unused": unused.collect::<Vec<_>>(),
            "warnings": proposal.warnings,
        })
    };
    json!({
        "status": "written",
        "file": out,
        "job": { "as_of": hint(&found.job.as_of), "time_zone": hint(&found.job.zone), "currency": hint(&found.job.currency) },
        "sources": found.sources.iter().map(source).collect::<Vec<_>>(),
        "left_out": found.left_out,
    })
}
