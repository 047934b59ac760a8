//! What is recommended, what is withheld and why, and whether it beats popularity.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use super::super::figures::TopItem;
use super::super::format;
use super::super::run_record::{Metric, RecommendationSummary, Shortfall};
use super::charts::{self, IntervalRow, Names, Ranged};
use super::html::{Bar, Figure, Legend, Mark, Table, bars};
use super::{Context, Section, words};

#[derive(Serialize)]
struct Content {
    absent: Option<String>,
    coverage: String,
    /// Absent when nothing is shown.
    sources: Option<String>,
    withheld: Option<String>,
    shortfalls: Vec<String>,
    top_items: Option<String>,
    backtest: Option<String>,
    /// How much better than the baseline, a sentence each.
    gains: Vec<String>,
    metrics: Option<String>,
    no_backtest: Option<String>,
}

pub fn section(context: &Context<'_>) -> Result<Section> {
    let template = include_str!("../../../templates/report/recommend.html.j2");
    let nothing = RecommendationSummary::default();
    let summary = context.recommendations();
    let shown = summary.unwrap_or(&nothing);
    let metrics: Vec<&Metric> = context.metrics("recommend").collect();
    let said = context.run.warnings.iter().find(|one| one.starts_with("recommendations were not backtested"));
    let content = Content {
        absent: summary.is_none().then(|| context.absent("recommend")),
        coverage: coverage(shown),
        sources: (!shown.by_source.is_empty()).then(|| {
            bars(&shares(&shown.by_source, shown.slots_filled, |source| source_in_words(source).to_owned()))
        }),
        withheld: (!shown.withheld.is_empty()).then(|| withheld(shown)),
        shortfalls: shown.shortfalls.iter().map(shortfall).collect(),
        top_items: (!shown.top_items.is_empty()).then(|| top_items(shown)),
        backtest: (!metrics.is_empty()).then(|| backtest(&metrics)),
        gains: metrics.iter().filter_map(|metric| gain(metric)).collect(),
        metrics: context.metric_table("recommend", "Figures of the recommendation backtest"),
        no_backtest: metrics.is_empty().then(|| {
            said.and_then(|said| said.split_once(": "))
                .map_or("this run holds no backtest of recommendations", |(_, why)| words::reason(why))
                .to_owned()
        }),
    };
    Section::new("recommendations", "Recommendations", template, content)
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn coverage(shown: &RecommendationSummary) -> String {
    let bar = |label: &str, part: u64, whole: u64| Bar {
        label: label.to_owned(),
        text: format!(
            "{} of {} ({})",
            format::count(part),
            format::count(whole),
            format::percent(share(part, whole))
        ),
        share: share(part, whole),
    };
    bars(&[
        bar("slots filled", shown.slots_filled, shown.slots_asked),
        bar("different items shown, of those on offer", shown.items_shown, shown.items_available),
    ])
}

/// Bars of counts by falling count, as shares of a whole.
fn shares(counts: &BTreeMap<String, u64>, whole: u64, words: fn(&str) -> String) -> Vec<Bar> {
    let mut sorted: Vec<(&String, u64)> = counts.iter().map(|(code, n)| (code, *n)).collect();
    sorted.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
    let bar = |(code, n): (&String, u64)| Bar {
        label: words(code),
        text: format!("{} ({})", format::count(n), format::percent(share(n, whole))),
        share: share(n, whole),
    };
    sorted.into_iter().map(bar).collect()
}

fn withheld(shown: &RecommendationSummary) -> String {
    bars(&shares(&shown.withheld, shown.withheld.values().sum(), |code| in_words(code).to_owned()))
}

fn shortfall(one: &Shortfall) -> String {
    let (slots, customers) =
        (format::counted(one.slots, "slots"), format::counted(one.customers, "customers"));
    format!("{}: {slots} of {customers}", in_words(&one.reason))
}

fn top_items(shown: &RecommendationSummary) -> String {
    let bar = |item: &TopItem| Bar {
        label: item.title.as_ref().map_or_else(|| item.id.clone(), |title| format!("{title} ({})", item.id)),
        text: format::percent(share(item.customers, shown.customers)),
        share: share(item.customers, shown.customers),
    };
    bars(&shown.top_items.iter().map(bar).collect::<Vec<_>>())
}

fn backtest(metrics: &[&Metric]) -> String {
    let ranged = |middle: f64, interval: Option<super::super::run_record::Interval>| {
        interval.map_or(Ranged::exact(middle), |i| Ranged { middle, low: i.low, high: i.high })
    };
    let row = |metric: &&Metric| IntervalRow {
        label: words::measure(&metric.name),
        ours: ranged(metric.estimate, metric.interval),
        baseline: metric.baseline.map(|baseline| ranged(baseline, metric.baseline_interval)),
    };
    let rows: Vec<IntervalRow> = metrics.iter().map(row).collect();
    let n = metrics.first().map_or(0, |metric| metric.n);
    let description = format!(
        "What {} bought anew in the last days, ranked from what was known before; longer is better.",
        format::counted(n, "customers")
    );
    let names =
        Names { id: "recommend-backtest", title: "Backtest against popularity", description: &description };
    let interval = |i: Option<super::super::run_record::Interval>| {
        i.map_or_else(
            || "–".to_owned(),
            |i| format!("{} to {}", format::figure(i.low), format::figure(i.high)),
        )
    };
    let cells = |metric: &&Metric| {
        vec![
            words::measure(&metric.name),
            format::figure(metric.estimate),
            interval(metric.interval),
            metric.baseline.map_or_else(|| "–".to_owned(), format::figure),
            interval(metric.baseline_interval),
        ]
    };
    let table = Table::new(
        &["measure", "personal", "95 % interval", "popularity", "95 % interval"],
        metrics.iter().map(cells).collect(),
    );
    Figure {
        title: names.title,
        note: &description,
        svg: charts::intervals(names, format::short, &rows),
        legend: &[
            Legend(Mark::Column, "personal"),
            Legend(Mark::Hollow, "popularity"),
            Legend(Mark::Tick, "95 % interval"),
        ],
        table,
    }
    .html()
}

fn gain(metric: &Metric) -> Option<String> {
    let (gain, baseline) = (metric.gain?, metric.baseline?);
    let name = metric.baseline_name.as_deref().unwrap_or("the baseline");
    let factor = if baseline > 0.0 {
        format!(", {} times as high", format::times(metric.estimate / baseline))
    } else {
        String::new()
    };
    let interval = gain.interval.map_or_else(String::new, |i| {
        let text = |x: f64| format::signed(x, format::figure);
        format!(" (95 % interval {} to {})", text(i.low), text(i.high))
    });
    let difference = format::signed(gain.estimate, format::figure);
    Some(format!("{}: {difference}{interval} over {name}{factor}.", words::measure(&metric.name)))
}

fn source_in_words(source: &str) -> &str {
    match source {
        "als" => "personal, from what similar customers bought",
        "popular" => "popular with everybody",
        other => other,
    }
}

/// A reason code as people say it; one without words stays as it is.
pub fn in_words(code: &str) -> &str {
    match code {
        "already_bought" => "the customer has it",
        "in_cart" => "it is in the cart",
        "negative_feedback" => "the customer refused it",
        "category_negative" => "the customer refused its category",
        "cap" => "shown often enough",
        "cooldown" => "resting after being shown",
        "ended" => "no longer on offer",
        "not_started" => "not yet on offer",
        "out_of_stock" => "out of stock",
        "low_relevance" => "not relevant enough",
        "quota_category" => "enough of its category already",
        "outranked" => "others suit the customer better",
        "consent_missing" => "no consent",
        "consent_denied" => "consent refused",
        "consent_expired" => "consent ended",
        "excluded_by_request" => "excluded by the caller",
        "no_candidate" => "nothing to choose from",
        other => other,
    }
}
