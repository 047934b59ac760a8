//! `report.html`: one page without any file beside it, for people who do not read JSON.
//!
//! A section per file; each puts words and charts together and fills its template. Charts are drawn in [`charts`], and
//! every text that comes from data is escaped in the templates or in [`html`].

mod actions;
mod charts;
mod churn;
mod features;
mod glossary;
mod how_many;
mod html;
mod nights;
mod personas;
mod quality;
mod recommend;
mod segments;
mod summary;
mod value;
mod words;

use std::borrow::Cow;

use anyhow::{Context as _, Result};
use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use crate::config::NO_CURRENCY;

use super::files;
use super::format;
use super::persona_file::{Persona, PersonaFile};
use super::run_record::{Metric, RecommendationSummary, RejectedRow, RunRecord};
pub use how_many::{HowMany, of as how_many};
use html::Table;
pub use nights::sentences as night_sentences;
pub use words::quantity;

/// The page. Everything that comes from data is escaped; nothing is loaded from anywhere.
///
/// # Errors
/// When a template does not fit the data: a bug.
pub fn render(run: &RunRecord, personas: &PersonaFile, rejected: &[RejectedRow]) -> Result<String> {
    let (run, personas) = with_spoken_currency(run, personas);
    let (run, personas) = (run.as_ref(), personas.as_ref());
    let context = Context::new(run, personas, rejected);
    let sections = [
        summary::section(&context),
        personas::section(&context),
        segments::section(&context),
        churn::section(&context),
        value::section(&context),
        recommend::section(&context),
        quality::section(&context),
        glossary::section(&context),
    ];
    let sections = sections.into_iter().collect::<Result<Vec<Section>>>()?;
    let style = include_str!("../../../templates/report/style.css");
    let page = include_str!("../../../templates/report/page.html.j2");
    let page = fill(
        files::REPORT,
        page,
        Page { style, run, as_of: context.day(&run.as_of), amounts: amounts(run), sections },
    )?;
    // A sign at the start of a line belongs to nothing.
    Ok(page.replace(" %", "\u{a0}%").replace(" ×", "\u{a0}×"))
}

/// Without a currency amounts are in units; its code would tell people nothing.
fn with_spoken_currency<'a>(
    run: &'a RunRecord,
    file: &'a PersonaFile,
) -> (Cow<'a, RunRecord>, Cow<'a, PersonaFile>) {
    if run.currency != NO_CURRENCY {
        return (Cow::Borrowed(run), Cow::Borrowed(file));
    }
    let (mut run, mut file) = (run.clone(), file.clone());
    UNITS.clone_into(&mut run.currency);
    let centres = |persona| {
        let Persona { centroid, reported_only, .. }: &mut Persona = persona;
        centroid.iter_mut().chain(reported_only)
    };
    for centre in file.personas.iter_mut().flat_map(centres) {
        if centre.unit == NO_CURRENCY {
            UNITS.clone_into(&mut centre.unit);
        }
    }
    (Cow::Owned(run), Cow::Owned(file))
}

/// What the amounts of the page are in; nothing when there are none.
fn amounts(run: &RunRecord) -> String {
    match run.currency.as_str() {
        _ if run.counts.revenue == 0.0 => String::new(),
        UNITS => "Amounts are in units: the job names no currency.".to_owned(),
        currency => format!("Amounts are in {currency}."),
    }
}

/// Stands for a currency that the job does not name.
const UNITS: &str = "units";

/// What the outer template is given.
#[derive(Serialize)]
struct Page<'a> {
    style: &'static str,
    run: &'a RunRecord,
    as_of: String,
    amounts: String,
    sections: Vec<Section>,
}

/// A part of the page with a heading and a link to it.
#[derive(Serialize)]
struct Section {
    id: &'static str,
    title: &'static str,
    html: String,
}

impl Section {
    fn new(id: &'static str, title: &'static str, template: &str, content: impl Serialize) -> Result<Self> {
        Ok(Self { id, title, html: fill(id, template, content)? })
    }
}

/// Fills a template; what is not marked as safe there is escaped.
fn fill(name: &str, template: &str, content: impl Serialize) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.add_filter("count", format::count);
    environment.add_filter("counted", |n: u64, plural: String| format::counted(n, &plural));
    environment.add_filter("amount", format::amount);
    environment.add_filter("percent", format::percent);
    environment.add_filter("times", format::times);
    environment.render_named_str(name, template, Serde(content)).with_context(|| format!("report: {name}"))
}

/// What every section works with.
struct Context<'a> {
    run: &'a RunRecord,
    file: &'a PersonaFile,
    rejected: &'a [RejectedRow],
    zone: &'a str,
    /// Places in `file.personas`, by falling size: the order of the letters.
    order: Vec<usize>,
}

impl<'a> Context<'a> {
    fn new(run: &'a RunRecord, file: &'a PersonaFile, rejected: &'a [RejectedRow]) -> Self {
        let mut order: Vec<usize> = (0..file.personas.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(file.personas[at].size));
        let zone = run.parameters.get("job").and_then(|job| job.get("time_zone"));
        Self { run, file, rejected, zone: zone.and_then(|zone| zone.as_str()).unwrap_or("UTC"), order }
    }

    /// Personas with their letters, largest first.
    fn personas(&self) -> impl Iterator<Item = (String, usize, &'a Persona)> + '_ {
        self.order.iter().enumerate().map(|(rank, &at)| (letter(rank), at, &self.file.personas[at]))
    }

    /// An amount with its currency.
    fn money(&self, amount: f64) -> String {
        format!("{}\u{a0}{}", format::amount(amount), self.run.currency)
    }

    /// The day of an instant in the business zone.
    fn day(&self, instant: &str) -> String {
        format::day(instant, self.zone).replace(' ', "\u{a0}")
    }

    /// Why a stage has no result; a general sentence when the record does not say.
    fn absent(&self, stage: &str) -> String {
        let reason = self.run.not_available.iter().find(|one| one.stage == stage);
        reason.map_or_else(
            || "this run has no figures for it".to_owned(),
            |one| words::reason(&one.reason).to_owned(),
        )
    }

    /// What is recommended; absent too when there is no recommender and nothing popular either.
    fn recommendations(&self) -> Option<&'a RecommendationSummary> {
        let known = !self.run.not_available.iter().any(|one| one.stage == "recommend");
        self.run.recommendations.as_ref().filter(|shown| known || shown.slots_filled > 0)
    }

    /// Whether anything was paid.
    fn has_revenue(&self) -> bool {
        self.run.counts.revenue != 0.0
    }

    fn metrics(&self, stage: &str) -> impl Iterator<Item = &'a Metric> {
        self.run.metrics.iter().filter(move |metric| metric.stage == stage)
    }

    /// The figures of a backtest as a table; `None` without any.
    fn metric_table(&self, stage: &str, label: &str) -> Option<String> {
        let rows: Vec<Vec<String>> = self.metrics(stage).map(metric_row).collect();
        let head = ["measure", "estimate", "interval", "compared with", "customers"];
        (!rows.is_empty()).then(|| Table::new(&head, rows).html(label))
    }
}

fn metric_row(metric: &Metric) -> Vec<String> {
    let range = |low, high| format!("{} to {}", format::figure(low), format::figure(high));
    let interval = metric.interval.map_or_else(|| "–".to_owned(), |i| range(i.low, i.high));
    let baseline = words::baseline(metric).unwrap_or_else(|| "–".to_owned());
    let name = words::measure(&metric.name);
    vec![name, format::figure(metric.estimate), interval, baseline, format::count(metric.n)]
}

/// A, B, ... Z, AA, AB, ...
fn letter(rank: usize) -> String {
    let last = char::from(b'A' + (rank % 26) as u8);
    if rank < 26 { last.to_string() } else { format!("{}{last}", letter(rank / 26 - 1)) }
}

#[cfg(test)]
mod tests;
