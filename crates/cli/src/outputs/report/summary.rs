//! The part that a manager reads in a minute: figures, what changed, what to do.

use anyhow::Result;
use serde::Serialize;

use super::super::figures::{Changes, Headline, Month};
use super::super::format;
use super::super::run_record::RunRecord;
use super::actions::{self, Action};
use super::charts::{self, Axes, Column, Names};
use super::html::{Figure, Legend, Mark, Table};
use super::{Context, Section, words};

/// Fewer months are no chart.
const MIN_MONTHS: usize = 3;

#[derive(Serialize)]
struct Content<'a> {
    tiles: Vec<Tile>,
    notes: Vec<String>,
    actions: Vec<Action>,
    /// What is said when there is nothing to do.
    quiet: String,
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
    let content = Content {
        tiles: tiles(context),
        notes: words::notes(run),
        quiet: quiet(run),
        actions: actions::of(context),
        months: months(context),
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
    let mut tiles = vec![tile("Customers", format::count(run.counts.customers), personas)];
    if context.has_revenue() {
        let orders = format!("{}, {}", run.currency, format::counted(run.counts.orders, "orders"));
        tiles.push(tile("Revenue so far", format::amount(run.counts.revenue), orders));
    } else if run.counts.orders > 0 {
        tiles.push(tile("Orders so far", format::count(run.counts.orders), "without amounts".to_owned()));
    }
    if let Some(cltv) = run.cltv.as_ref().filter(|_| context.has_revenue()) {
        let note = format!("{} in the next {} days", run.currency, cltv.horizon_days);
        tiles.push(tile("Expected value", format::amount(cltv.total), note));
    }
    if let Some(churn) = &run.churn {
        let note = format!("mean chance of no order within {} days", churn.horizon_days);
        tiles.push(tile("May leave", format::percent(churn.mean_p_churn), note));
    }
    if let Some(shown) = context.recommendations() {
        let note = format!("for {}", format::counted(shown.customers, "customers"));
        tiles.push(tile("Recommendations", format::count(shown.slots_filled), note));
    }
    tiles
}

/// What is said when no rule calls for anything: it is true of what could be worked out only.
fn quiet(run: &RunRecord) -> String {
    let missing: Vec<&str> = run.not_available.iter().map(|one| words::stage(&one.stage)).collect();
    if missing.is_empty() {
        return "No rule calls for anything: no customers to win back, no persona that stands out, data and models \
                as they should be."
            .to_owned();
    }
    format!("The figures there are call for nothing; nothing can be said about {}.", words::listed(&missing))
}

/// Revenue by month, or orders where nothing is paid; nothing of too few months or none of either.
fn months(context: &Context<'_>) -> Option<String> {
    let list = &context.run.months;
    let paid = list.iter().any(|month| month.revenue != 0.0);
    if list.len() < MIN_MONTHS || !(paid || list.iter().any(|month| month.orders > 0)) {
        return None;
    }
    let height = |month: &Month| if paid { month.revenue } else { month.orders as f64 };
    let column = |month: &Month| Column {
        label: month.month.clone(),
        height: height(month),
        hollow: !month.whole,
        mark: None,
    };
    let columns: Vec<Column> = list.iter().map(column).collect();
    let best = list.iter().filter(|month| month.whole).max_by(|a, b| height(a).total_cmp(&height(b)));
    let description = best.map_or_else(String::new, |best| {
        let most = if paid { context.money(best.revenue) } else { format::counted(best.orders, "orders") };
        format!("The best whole month was {} with {most}.", best.month)
    });
    let title = if paid { "Revenue by month" } else { "Orders by month" };
    let names = Names { id: "months", title, description: &description };
    let y = if paid { context.run.currency.as_str() } else { "orders" };
    let axes = Axes { x: "month", y, y_text: format::short };
    let legend = [Legend(Mark::Column, "whole month"), Legend(Mark::Hollow, "month the data cover in part")];
    let note = format!("{description} Orders of customers with an id; refunds are not deducted.");
    let figure = Figure {
        title,
        note: note.trim_start(),
        svg: charts::columns(names, axes, &columns),
        legend: if list.iter().all(|month| month.whole) { &[] } else { &legend },
        table: months_table(list),
    };
    Some(figure.html())
}

fn months_table(list: &[Month]) -> Table {
    let row = |month: &Month| {
        vec![
            month.month.clone(),
            format::amount(month.revenue),
            format::count(month.orders),
            format::count(month.customers),
            if month.whole { "whole" } else { "in part" }.to_owned(),
        ]
    };
    let head = ["month", "revenue", "orders", "customers who ordered", "covered"];
    Table::new(&head, list.iter().map(row).collect()).with_words(&[4])
}

fn view<'a>(context: &Context<'a>, changes: &'a Changes) -> ChangesView<'a> {
    let now = context.run.headline();
    let before = changes.before.as_ref();
    let steady = is_steady(changes, &now);
    let table = before.filter(|_| !steady).map(|before| compared(before, &now, &context.run.currency));
    let since = before.map(|before| {
        let (then, today) = (context.day(&before.as_of), context.day(&now.as_of));
        if then == today { "the same day".to_owned() } else { then }
    });
    ChangesView {
        since,
        table: table.map(|table| table.html("What changed since the run before")),
        sentences: if steady { vec![unchanged(context)] } else { sentences(context, changes) },
        moves: &changes.moves,
    }
}

/// Whether every figure is that of the run before and nobody moved.
fn is_steady(changes: &Changes, now: &Headline) -> bool {
    let moved = [
        changes.joined,
        changes.gone,
        changes.persona,
        changes.riskier,
        changes.safer,
        changes.more_valuable,
        changes.less_valuable,
    ];
    let same = |before: &Headline| Headline { as_of: now.as_of.clone(), ..before.clone() } == *now;
    moved.iter().all(|&n| n == 0) && changes.before.as_ref().is_some_and(same)
}

fn unchanged(context: &Context<'_>) -> String {
    format!(
        "Nothing changed: {}, each where the run before put them, and the same figures.",
        format::counted(context.run.counts.customers, "customers")
    )
}

fn compared(before: &Headline, now: &Headline, currency: &str) -> Table {
    let whole: fn(f64) -> String = |n| format::count(n as u64);
    let line = |what: String, before: f64, now: f64, text: fn(f64) -> String| {
        vec![what, text(before), text(now), format::signed(now - before, text)]
    };
    let mut rows = vec![line("customers".to_owned(), before.customers as f64, now.customers as f64, whole)];
    if before.orders + now.orders > 0 {
        rows.push(line("orders so far".to_owned(), before.orders as f64, now.orders as f64, whole));
    }
    if before.revenue != 0.0 || now.revenue != 0.0 {
        rows.push(line(format!("revenue so far, {currency}"), before.revenue, now.revenue, format::amount));
    }
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

/// Who came, went and moved; only of what this run has.
fn sentences(context: &Context<'_>, changes: &Changes) -> Vec<String> {
    let mut sentences = vec![comings(changes)];
    let share = |count: u64| {
        let share = count as f64 / changes.stayed.max(1) as f64;
        format!("{} ({})", format::count(count), format::percent(share))
    };
    if !context.file.personas.is_empty() {
        sentences.push(match changes.persona {
            0 => "All who stayed are in the persona they were in.".to_owned(),
            n => format!("Of those who stayed, {} are in another persona.", share(n)),
        });
    }
    let moves = |part: &str, what: &str, up: u64, down: u64| match (up, down) {
        (0, 0) => format!("Nobody moved to another {part} of {what}."),
        (0, down) => format!("{} moved to a {part} of lower {what}, nobody to a higher one.", share(down)),
        (up, 0) => format!("{} moved to a {part} of higher {what}, nobody to a lower one.", share(up)),
        (up, down) => {
            format!("{} moved to a {part} of higher {what}, {} to a lower one.", share(up), share(down))
        }
    };
    if context.run.churn.is_some() {
        sentences.push(moves("tenth", "churn", changes.riskier, changes.safer));
    }
    if context.run.cltv.is_some() {
        sentences.push(moves("fifth", "expected value", changes.more_valuable, changes.less_valuable));
    }
    sentences
}

fn comings(changes: &Changes) -> String {
    let customers = |n| format::counted(n, "customers");
    let stayed = format::count(changes.stayed);
    match (changes.joined, changes.gone) {
        (0, 0) => format!("The same {} as before.", customers(changes.stayed)),
        (joined, 0) => format!("{} joined, all {stayed} from before stayed.", customers(joined)),
        (0, gone) => format!("Nobody joined, {} are no longer scored, {stayed} stayed.", customers(gone)),
        (joined, gone) => format!(
            "{} joined, {} are no longer scored, {stayed} stayed.",
            customers(joined),
            format::count(gone)
        ),
    }
}
