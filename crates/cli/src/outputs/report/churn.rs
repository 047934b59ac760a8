//! Who may leave: probabilities of today, and how earlier ones did.

use anyhow::Result;
use serde::Serialize;

use super::super::figures::{BacktestDecile, ChurnBacktest, ReasonCount, ReliabilityBin};
use super::super::format;
use super::super::run_record::{ChurnSummary, Decile, Interval};
use super::charts::{self, Axes, Column, Curve, Names, Ranged};
use super::html::{Bar, Figure, Legend, Mark, Table, bars};
use super::{Context, Section};

/// Reasons in the list.
const MAX_REASONS: usize = 10;

#[derive(Serialize)]
struct Content {
    absent: Option<String>,
    horizon_days: u32,
    /// How the backtest was made; absent without one.
    split: Option<String>,
    figures: Vec<String>,
    reasons: Option<String>,
    metrics: Option<String>,
    /// The main figure of the backtest in words.
    verdict: Option<String>,
}

pub fn section(context: &Context<'_>) -> Result<Section> {
    let template = include_str!("../../../templates/report/churn.html.j2");
    let content = match &context.run.churn {
        None => Content {
            absent: Some(context.absent("churn")),
            horizon_days: 0,
            split: None,
            figures: Vec::new(),
            reasons: None,
            metrics: None,
            verdict: None,
        },
        Some(churn) => content(context, churn),
    };
    Section::new("churn", "Who may leave", template, content)
}

fn content(context: &Context<'_>, churn: &ChurnSummary) -> Content {
    let backtest = churn.backtest.as_ref();
    let mut figures = vec![today(churn)];
    if let Some(backtest) = backtest {
        figures.extend([deciles(backtest), reliability(backtest), lift(backtest)]);
    }
    Content {
        absent: None,
        horizon_days: churn.horizon_days,
        split: backtest.map(|backtest| split(context, backtest)),
        figures,
        reasons: (!churn.reasons.is_empty()).then(|| reasons(context, churn)),
        metrics: context.metric_table("churn", "Figures of the churn backtest"),
        verdict: verdict(context),
    }
}

fn verdict(context: &Context<'_>) -> Option<String> {
    let auc = context.metrics("churn").find(|metric| metric.name == "AUC")?;
    Some(format!(
        "Of a customer who left and one who stayed, the one who left had been given the higher risk in {} of cases \
         (AUC); guessing gives 50 %.",
        format::percent(auc.estimate)
    ))
}

fn split(context: &Context<'_>, backtest: &ChurnBacktest) -> String {
    let (n, left) = (format::count(backtest.customers), format::count(backtest.churned));
    let how = match &backtest.test_as_of {
        Some(at) => {
            format!("tested on what was known on {}, trained on outcomes known by then", context.day(at))
        }
        None => {
            "tested in folds by customer, which is optimistic: the log is too short to test on a later time"
                .to_owned()
        }
    };
    format!("{n} customers, {left} of whom left; {how}")
}

fn ranged(middle: f64, interval: &Interval) -> Ranged {
    Ranged { middle, low: interval.low, high: interval.high }
}

fn today(churn: &ChurnSummary) -> String {
    let column = |decile: &Decile| Column {
        label: decile.decile.to_string(),
        height: decile.mean_p_churn,
        hollow: false,
        mark: None,
    };
    let columns: Vec<Column> = churn.deciles.iter().map(column).collect();
    let description = match (churn.deciles.first(), churn.deciles.last()) {
        (Some(first), Some(last)) => format!(
            "From {} in the most endangered tenth to {} in the safest.",
            format::percent(first.mean_p_churn),
            format::percent(last.mean_p_churn)
        ),
        _ => String::new(),
    };
    let names = Names { id: "churn-today", title: "Today: chance of leaving", description: &description };
    let axes = Axes {
        x: "tenth of customers, 1 = most endangered",
        y: "mean chance",
        y_text: format::whole_percent,
    };
    let row = |decile: &Decile| {
        vec![decile.decile.to_string(), format::count(decile.customers), format::percent(decile.mean_p_churn)]
    };
    let table = Table::new(&["tenth", "customers", "mean chance"], churn.deciles.iter().map(row).collect());
    let svg = charts::columns(names, axes, &columns);
    Figure { title: names.title, note: &description, svg, legend: &[], table }.html()
}

fn deciles(backtest: &ChurnBacktest) -> String {
    let column = |(at, decile): (usize, &BacktestDecile)| Column {
        label: (at + 1).to_string(),
        height: decile.predicted,
        hollow: false,
        mark: Some(ranged(decile.observed, &decile.interval)),
    };
    let columns: Vec<Column> = backtest.deciles.iter().enumerate().map(column).collect();
    let description = backtest.deciles.first().map_or_else(String::new, |first| {
        format!(
            "Of the tenth called most endangered {} left; {} were predicted to.",
            format::percent(first.observed),
            format::percent(first.predicted)
        )
    });
    let names =
        Names { id: "churn-deciles", title: "Backtest: predicted and observed", description: &description };
    let axes = Axes { x: "tenth by predicted chance", y: "share that left", y_text: format::whole_percent };
    let row = |(at, decile): (usize, &BacktestDecile)| {
        vec![
            (at + 1).to_string(),
            format::percent(decile.predicted),
            format::percent(decile.observed),
            interval(&decile.interval),
            format!("{:.0}", decile.customers),
        ]
    };
    let table = Table::new(
        &["tenth", "predicted", "observed", "95 % interval", "customers"],
        backtest.deciles.iter().enumerate().map(row).collect(),
    );
    Figure {
        title: names.title,
        note: &description,
        svg: charts::columns(names, axes, &columns),
        legend: &[Legend(Mark::Column, "predicted"), Legend(Mark::Tick, "observed, 95 % interval")],
        table,
    }
    .html()
}

fn interval(interval: &Interval) -> String {
    format!("{} to {}", format::percent(interval.low), format::percent(interval.high))
}

fn reliability(backtest: &ChurnBacktest) -> String {
    let bins = &backtest.reliability;
    let inside =
        bins.iter().filter(|bin| (bin.interval.low..=bin.interval.high).contains(&bin.predicted)).count();
    let description = format!(
        "In {inside} of {} groups the prediction lies in the interval of what was observed; dots on the dashed line \
         are right.",
        bins.len()
    );
    let names = Names {
        id: "churn-calibration",
        title: "Can the percentages be trusted?",
        description: &description,
    };
    let axes = Axes { x: "predicted chance", y: "share that left", y_text: format::whole_percent };
    let top = bins.iter().map(|bin| bin.predicted.max(bin.interval.high)).fold(0.0, f64::max);
    let diagonal = Curve { class: "dashed", points: vec![(0.0, 0.0), (top, top)] };
    let dots: Vec<(f64, Ranged)> =
        bins.iter().map(|bin| (bin.predicted, ranged(bin.observed, &bin.interval))).collect();
    let row = |bin: &ReliabilityBin| {
        vec![
            format::percent(bin.predicted),
            format::percent(bin.observed),
            interval(&bin.interval),
            format::count(bin.customers),
        ]
    };
    let table = Table::new(
        &["predicted", "observed", "95 % interval (Wilson)", "customers"],
        bins.iter().map(row).collect(),
    );
    Figure {
        title: names.title,
        note: &description,
        svg: charts::lines(names, axes, format::whole_percent, &[diagonal], &dots),
        legend: &[
            Legend(Mark::Tick, "observed, 95 % interval"),
            Legend(Mark::Dashed, "exactly as predicted"),
        ],
        table,
    }
    .html()
}

fn lift(backtest: &ChurnBacktest) -> String {
    let mut gains = vec![(0.0, 0.0)];
    let n = backtest.deciles.len().max(1) as f64;
    gains.extend(
        backtest.deciles.iter().enumerate().map(|(at, decile)| ((at + 1) as f64 / n, decile.cumulative_gain)),
    );
    let third = backtest.deciles.get(2).map_or(0.0, |decile| decile.cumulative_gain);
    let lift = backtest.deciles.first().map_or(0.0, |decile| decile.lift);
    let description = format!(
        "Reaching the three tenths of highest risk reaches {} of all who left; the first tenth leaves {} times as \
         often as the average.",
        format::percent(third),
        format::times(lift)
    );
    let names = Names { id: "churn-lift", title: "How much does ranking help?", description: &description };
    let axes = Axes {
        x: "share of customers reached",
        y: "share of leavers reached",
        y_text: format::whole_percent,
    };
    let curves = [
        Curve { class: "dashed", points: vec![(0.0, 0.0), (1.0, 1.0)] },
        Curve { class: "curve", points: gains },
    ];
    let row = |(at, decile): (usize, &BacktestDecile)| {
        let lift = format!("{} ×", format::times(decile.lift));
        vec![(at + 1).to_string(), lift, format::percent(decile.cumulative_gain)]
    };
    let table = Table::new(
        &["tenth", "lift", "leavers reached up to here"],
        backtest.deciles.iter().enumerate().map(row).collect(),
    );
    Figure {
        title: names.title,
        note: &description,
        svg: charts::lines(names, axes, format::whole_percent, &curves, &[]),
        legend: &[Legend(Mark::Line, "by predicted risk"), Legend(Mark::Dashed, "at random")],
        table,
    }
    .html()
}

fn reasons(context: &Context<'_>, churn: &ChurnSummary) -> String {
    let customers = context.run.counts.customers.max(1) as f64;
    let mut sorted: Vec<&ReasonCount> = churn.reasons.iter().filter(|reason| reason.raises > 0).collect();
    sorted.sort_by_key(|reason| std::cmp::Reverse(reason.raises));
    let bar = |reason: &&ReasonCount| {
        let share = reason.raises as f64 / customers;
        let text = format!("{} ({})", format::count(reason.raises), format::percent(share));
        Bar { label: reason.label.clone(), text, share }
    };
    let list: Vec<Bar> = sorted.iter().take(MAX_REASONS).map(bar).collect();
    let row = |reason: &ReasonCount| {
        vec![
            reason.label.clone(),
            format::count(reason.raises),
            format::count(reason.lowers),
            format::count(reason.raises_top_tenth),
        ]
    };
    let head = ["reason", "raises the risk", "lowers the risk", "raises it in the most endangered tenth"];
    let table = Table::new(&head, churn.reasons.iter().map(row).collect());
    format!(
        "{}<details><summary>All reasons, raising and lowering</summary>{}</details>",
        bars(&list),
        table.html("Reasons of churn scores")
    )
}
