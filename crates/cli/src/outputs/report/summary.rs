//! The part that a manager reads in a minute: figures, what changed, what to do.

use anyhow::Result;
use serde::Serialize;

use super::super::figures::{Changes, Headline, Month};
use super::super::format;
use super::actions::{self, Action};
use super::charts::{self, Axes, Column, Names};
use super::html::{Figure, Legend, Mark, Table};
use super::{Context, Section};

/// Fewer months are no chart.
const MIN_MONTHS: usize = 3;

#[derive(Serialize)]
struct Content<'a> {
    tiles: Vec<Tile>,
    notes: Vec<String>,
    actions: Vec<Action>,
    months: Option<String>,
    changes: Option<ChangesView<'a>>,
}

/// A number with a label.
#[derive(Serialize)]
struct Tile {
    label: &'static str,
    number: String,
    note: String,
}

#[derive(Serialize)]
struct ChangesView<'a> {
    since: Option<String>,
    table: Option<String>,
    sentences: Vec<String>,
    moves: &'a [super::super::figures::PersonaMove],
}

pub fn section(context: &Context<'_>) -> Result<Section> {
    let run = context.run;
    let missing =
        run.not_available.iter().map(|one| format!("{} is not available: {}", one.stage, one.reason));
    let content = Content {
        tiles: tiles(context),
        notes: missing.chain(run.warnings.iter().cloned()).collect(),
        actions: actions::of(context),
        months: (run.months.len() >= MIN_MONTHS).then(|| months(context)),
        changes: run.changes.as_ref().map(|changes| view(context, changes)),
    };
    let template = include_str!("../../../templates/report/summary.html.j2");
    Section::new("summary", "In a minute", template, content)
}

fn tiles(context: &Context<'_>) -> Vec<Tile> {
    let run = context.run;
    let n_personas = context.file.personas.len();
    let personas = match n_personas {
        0 => "personas are not available".to_owned(),
        1 => "in one persona".to_owned(),
        n => format!("in {n} personas"),
    };
    let tile = |label, number, note| Tile { label, number, note };
    let orders = format!("{}, {} orders", run.currency, format::count(run.counts.orders));
    let mut tiles = vec![
        tile("Customers", format::count(run.counts.customers), personas),
        tile("Revenue so far", format::amount(run.counts.revenue), orders),
    ];
    if let Some(cltv) = &run.cltv {
        let note = format!("{} in the next {} days", run.currency, cltv.horizon_days);
        tiles.push(tile("Expected value", format::amount(cltv.total), note));
    }
    if let Some(churn) = &run.churn {
        let note = format!("mean chance of no order within {} days", churn.horizon_days);
        tiles.push(tile("May leave", format::percent(churn.mean_p_churn), note));
    }
    if let Some(shown) = &run.recommendations {
        let note = format!("for {} customers", format::count(shown.customers));
        tiles.push(tile("Recommendations", format::count(shown.slots_filled), note));
    }
    tiles
}

fn months(context: &Context<'_>) -> String {
    let list = &context.run.months;
    let column = |month: &Month| Column {
        label: month.month.clone(),
        height: month.revenue,
        hollow: !month.whole,
        mark: None,
    };
    let columns: Vec<Column> = list.iter().map(column).collect();
    let best = list.iter().filter(|month| month.whole).max_by(|a, b| a.revenue.total_cmp(&b.revenue));
    let description = best.map_or_else(String::new, |best| {
        format!("The best whole month was {} with {}.", best.month, context.money(best.revenue))
    });
    let names = Names { id: "months", title: "Revenue by month", description: &description };
    let axes = Axes { x: "month", y: &context.run.currency, y_text: format::short };
    let row = |month: &Month| {
        vec![
            month.month.clone(),
            format::amount(month.revenue),
            format::count(month.orders),
            format::count(month.customers),
            if month.whole { "whole" } else { "in part" }.to_owned(),
        ]
    };
    let table = Table::new(
        &["month", "revenue", "orders", "customers who ordered", "covered"],
        list.iter().map(row).collect(),
    );
    let legend = [Legend(Mark::Column, "whole month"), Legend(Mark::Hollow, "month the data cover in part")];
    Figure {
        title: names.title,
        note: "Orders of customers with an id; refunds are not deducted.",
        svg: charts::columns(names, axes, &columns),
        legend: if list.iter().all(|month| month.whole) { &[] } else { &legend },
        table: table.with_words(&[4]),
    }
    .html()
}

fn view<'a>(context: &Context<'a>, changes: &'a Changes) -> ChangesView<'a> {
    let now = context.run.headline();
    let table = changes.before.as_ref().map(|before| compared(before, &now, &context.run.currency));
    ChangesView {
        since: changes.before.as_ref().map(|before| context.day(&before.as_of)),
        table: table.map(|table| table.html("What changed since the run before")),
        sentences: sentences(changes),
        moves: &changes.moves,
    }
}

fn compared(before: &Headline, now: &Headline, currency: &str) -> Table {
    let whole: fn(f64) -> String = |n| format::count(n as u64);
    let line = |what: String, before: f64, now: f64, text: fn(f64) -> String| {
        vec![what, text(before), text(now), format::signed(now - before, text)]
    };
    let mut rows = vec![
        line("customers".to_owned(), before.customers as f64, now.customers as f64, whole),
        line("orders so far".to_owned(), before.orders as f64, now.orders as f64, whole),
        line(format!("revenue so far, {currency}"), before.revenue, now.revenue, format::amount),
    ];
    if let (Some(before), Some(now)) = (before.mean_p_churn, now.mean_p_churn) {
        rows.push(line("mean chance of leaving".to_owned(), before, now, format::percent));
    }
    // Values over different stretches cannot be compared.
    if let (Some(then), Some(today)) = (before.cltv, now.cltv)
        && before.cltv_horizon_days == now.cltv_horizon_days
    {
        rows.push(line(format!("expected value, {currency}"), then, today, format::amount));
    }
    Table::new(&["figure", "before", "now", "difference"], rows)
}

fn sentences(changes: &Changes) -> Vec<String> {
    let n = format::count;
    let of_stayed = |count: u64| {
        let share = count as f64 / changes.stayed.max(1) as f64;
        format!("{} ({})", n(count), format::percent(share))
    };
    vec![
        format!(
            "{} customers joined, {} are no longer scored, {} stayed.",
            n(changes.joined),
            n(changes.gone),
            n(changes.stayed)
        ),
        format!("Of those who stayed, {} are in another persona.", of_stayed(changes.persona)),
        format!(
            "{} moved to a tenth of higher churn, {} to one of lower churn.",
            of_stayed(changes.riskier),
            of_stayed(changes.safer)
        ),
        format!(
            "{} moved to a fifth of higher expected value, {} to one of lower value.",
            of_stayed(changes.more_valuable),
            of_stayed(changes.less_valuable)
        ),
    ]
}
