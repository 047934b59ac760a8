//! What customers will be worth: the distribution, its concentration, and a stretch that was held out.

use anyhow::Result;
use serde::Serialize;

use super::super::figures::{CltvBacktest, Concentration, TrackingPoint, ValueDecile};
use super::super::format;
use super::super::run_record::{CltvSummary, ValueBand};
use super::charts::{self, Axes, Column, Curve, Names, Ranged};
use super::html::{Figure, Legend, Mark, Table};
use super::{Context, Section, words};

#[derive(Serialize)]
struct Content<'a> {
    absent: Option<String>,
    cltv: Option<&'a CltvSummary>,
    currency: &'a str,
    figures: Vec<String>,
    metrics: Option<String>,
    /// Why there is no backtest.
    no_backtest: Option<String>,
    verdict: Option<String>,
}

pub fn section(context: &Context<'_>) -> Result<Section> {
    let run = context.run;
    let cltv = run.cltv.as_ref();
    let no_backtest = cltv.filter(|cltv| cltv.backtest.is_none()).map(|_| {
        let said = run.warnings.iter().find(|warning| warning.starts_with("value was not backtested"));
        said.and_then(|said| said.split_once(": "))
            .map_or("this run holds no backtest of values", |(_, why)| words::reason(why))
            .to_owned()
    });
    let content = Content {
        absent: cltv.is_none().then(|| absent(context)),
        cltv,
        currency: &run.currency,
        figures: cltv.map_or_else(Vec::new, |cltv| figures(context, cltv)),
        metrics: context.metric_table("cltv", "Figures of the value backtest"),
        no_backtest,
        verdict: verdict(context),
    };
    let template = include_str!("../../../templates/report/value.html.j2");
    Section::new("value", "What customers will be worth", template, content)
}

/// Why there is no value: the stage failed, or its orders have no amounts.
fn absent(context: &Context<'_>) -> String {
    let said = context.run.warnings.iter().find(|warning| warning.ends_with("value is not"));
    said.map_or_else(|| context.absent("cltv"), |said| said.trim_start_matches("value: ").to_owned())
}

/// The bias of the total in words, of value where it is known, else of orders.
fn verdict(context: &Context<'_>) -> Option<String> {
    let bias = |start: &str| context.metrics("cltv").find(|metric| metric.name.starts_with(start));
    let (metric, what) = match (bias("total bias of value"), bias("total bias of orders")) {
        (Some(value), _) => (value, "value"),
        (None, orders) => (orders?, "number of orders"),
    };
    let size = format::percent(metric.estimate.abs());
    let side = if metric.estimate < 0.0 { "less" } else { "more" };
    Some(format!("In the backtest the total {what} expected was {size} {side} than what came."))
}

fn figures(context: &Context<'_>, cltv: &CltvSummary) -> Vec<String> {
    let mut figures = vec![distribution(context, cltv)];
    figures.extend(cltv.concentration.as_ref().map(concentration));
    if let Some(backtest) = &cltv.backtest {
        figures.push(tracking(backtest));
        if !backtest.deciles.is_empty() {
            figures.push(deciles(context, backtest));
        }
    }
    figures
}

fn distribution(context: &Context<'_>, cltv: &CltvSummary) -> String {
    let label = |band: &ValueBand| format::short(band.from);
    let column = |band: &ValueBand| Column {
        label: label(band),
        height: band.customers as f64,
        hollow: false,
        mark: None,
    };
    let columns: Vec<Column> = cltv.bands.iter().map(column).collect();
    let description = format!(
        "Half of the customers are expected to bring less than {}, the mean is {}.",
        context.money(cltv.median),
        context.money(cltv.mean)
    );
    let names = Names { id: "value-bands", title: "Expected value per customer", description: &description };
    let x = format!("{} from ... to the next", context.run.currency);
    let axes = Axes { x: &x, y: "customers", y_text: format::short };
    let row = |band: &ValueBand| {
        let words = match band.to {
            Some(to) => format!("{} to {}", format::amount(band.from), format::amount(to)),
            None => format!("from {}", format::amount(band.from)),
        };
        vec![words, format::count(band.customers)]
    };
    let table = Table::new(&["value", "customers"], cltv.bands.iter().map(row).collect());
    let svg = charts::columns(names, axes, &columns);
    Figure { title: names.title, note: &description, svg, legend: &[], table }.html()
}

fn concentration(concentration: &Concentration) -> String {
    let steps = concentration.lorenz.len().saturating_sub(1).max(1) as f64;
    let points: Vec<(f64, f64)> =
        concentration.lorenz.iter().enumerate().map(|(at, &share)| (at as f64 / steps, share)).collect();
    let description = format!(
        "The most valuable tenth of the customers holds {} of the expected value; the Gini coefficient is {:.2} (0: \
         all alike, 1: one has everything).",
        format::percent(concentration.top_tenth_share),
        concentration.gini
    );
    let names = Names { id: "value-lorenz", title: "Concentration", description: &description };
    let axes = Axes {
        x: "share of customers, least valuable first",
        y: "share of value",
        y_text: format::whole_percent,
    };
    let row = |&(x, y): &(f64, f64)| vec![format::whole_percent(x), format::percent(y)];
    let table = Table::new(&["customers", "value"], points.iter().map(row).collect());
    let curves =
        [Curve { class: "dashed", points: vec![(0.0, 0.0), (1.0, 1.0)] }, Curve { class: "curve", points }];
    Figure {
        title: names.title,
        note: &description,
        svg: charts::lines(names, axes, format::whole_percent, &curves, &[]),
        legend: &[
            Legend(Mark::Line, "customers of this run"),
            Legend(Mark::Dashed, "if all were worth the same"),
        ],
        table,
    }
    .html()
}

fn tracking(backtest: &CltvBacktest) -> String {
    let end =
        backtest.tracking.last().copied().unwrap_or(TrackingPoint { day: 0, predicted: 0.0, actual: 0.0 });
    let description = format!(
        "{} customers known {} days before the end were expected to order {} times and did {} times; a day with \
         purchases counts once.",
        format::count(backtest.customers),
        backtest.days,
        format::count(end.predicted.max(0.0).round() as u64),
        format::count(end.actual.max(0.0).round() as u64)
    );
    let names =
        Names { id: "value-tracking", title: "Backtest: orders as they came", description: &description };
    let axes = Axes { x: "days since the start of the test", y: "orders", y_text: format::short };
    let curve = |class, of: fn(&TrackingPoint) -> f64| Curve {
        class,
        points: backtest.tracking.iter().map(|point| (f64::from(point.day), of(point))).collect(),
    };
    let curves = [curve("dashed", |point| point.predicted), curve("curve", |point| point.actual)];
    let row = |point: &TrackingPoint| {
        let whole = |x: f64| format::count(x.max(0.0).round() as u64);
        vec![point.day.to_string(), whole(point.predicted), whole(point.actual)]
    };
    let table = Table::new(&["day", "predicted", "actual"], backtest.tracking.iter().map(row).collect());
    Figure {
        title: names.title,
        note: &description,
        svg: charts::lines(names, axes, format::short, &curves, &[]),
        legend: &[Legend(Mark::Line, "actual"), Legend(Mark::Dashed, "predicted")],
        table,
    }
    .html()
}

fn deciles(context: &Context<'_>, backtest: &CltvBacktest) -> String {
    let column = |(at, decile): (usize, &ValueDecile)| Column {
        label: (at + 1).to_string(),
        height: decile.predicted,
        hollow: false,
        mark: Some(Ranged::exact(decile.actual)),
    };
    let columns: Vec<Column> = backtest.deciles.iter().enumerate().map(column).collect();
    let description = backtest.deciles.first().map_or_else(String::new, |first| {
        format!(
            "The tenth called most valuable was expected to bring {} each in {} days and brought {}.",
            context.money(first.predicted),
            backtest.days,
            context.money(first.actual)
        )
    });
    let names = Names { id: "value-deciles", title: "Backtest: value by tenth", description: &description };
    let y = format!("mean value, {}", context.run.currency);
    let axes = Axes { x: "tenth by predicted value", y: &y, y_text: format::short };
    let row = |(at, decile): (usize, &ValueDecile)| {
        vec![
            (at + 1).to_string(),
            format::amount(decile.predicted),
            format::amount(decile.actual),
            format::count(decile.customers),
        ]
    };
    let table = Table::new(
        &["tenth", "predicted", "actual", "customers"],
        backtest.deciles.iter().enumerate().map(row).collect(),
    );
    Figure {
        title: names.title,
        note: &description,
        svg: charts::columns(names, axes, &columns),
        legend: &[Legend(Mark::Column, "predicted"), Legend(Mark::Tick, "actual")],
        table,
    }
    .html()
}
