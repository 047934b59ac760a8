//! Personas: the map, the heat map, and a card for each.

use std::fmt::Write as _;

use anyhow::Result;
use serde::Serialize;

use super::super::format;
use super::super::persona_file::{Centre, Effect, Habits, Persona, PersonaMap, StandardisedFeature};
use super::charts::{self, Bubble, Names};
use super::how_many::{self, HowMany};
use super::html::{Bar, Figure, Table, bars, diverging, escape, isolated, number, track};
use super::nights::{self, NightsView};
use super::words::quantity;
use super::{Context, Section, features, words};

/// Effects on a card.
const MAX_EFFECTS: usize = 6;
/// Lines of the heat map.
const MAX_FEATURES: usize = 18;
/// Fewer orders have no profile over hours and days.
const MIN_ORDERS: u64 = 10;
/// A direction of the map that holds less shows nothing.
const MIN_EXPLAINED: f64 = 0.000_5;
/// Bars of the channels on a card.
const MAX_CHANNELS: usize = 5;
/// Features in natural units on every card, where the run has them.
const FACTS: [&str; 5] =
    ["orders", "average_order_value", "revenue", "days_since_last_order", "order_gap_mean_days"];

#[derive(Serialize)]
struct Content<'a> {
    how_many: &'a str,
    choice: Option<HowMany>,
    absent: Option<String>,
    map: Option<MapView>,
    heat: Option<String>,
    heat_rest: usize,
    /// Safe; what sensitive features are like.
    reported_only: Option<String>,
    /// Safe; how every feature is read.
    read_as: Option<String>,
    cards: Vec<Card<'a>>,
    has_revenue: bool,
    /// Whether any card has bars of effects.
    has_effects: bool,
    nights: Option<NightsView>,
}

#[derive(Serialize)]
struct MapView {
    figure: String,
    /// Names of the letters.
    key: Vec<(String, String)>,
    right: String,
    /// Absent when all differences lie along one direction.
    up: Option<String>,
}

#[derive(Serialize)]
struct Card<'a> {
    letter: String,
    persona: &'a Persona,
    /// Whether it is found again without a part of the customers.
    steadiness: Option<&'static str>,
    /// Bars, safe.
    size_bar: String,
    revenue_bar: String,
    effects: Vec<EffectView>,
    facts: Vec<Fact>,
    hours: Option<String>,
    weekdays: Option<String>,
    channels: Option<String>,
    favourites: Vec<(&'static str, &'a [super::super::persona_file::TopEntry])>,
}

#[derive(Serialize)]
struct EffectView {
    words: String,
    bar: String,
}

/// A figure of a persona beside that of all customers.
#[derive(Serialize)]
struct Fact {
    label: String,
    here: String,
    overall: String,
}

pub fn section(context: &Context<'_>) -> Result<Section> {
    let file = context.file;
    let cards = context.personas().map(|(letter, at, persona)| card(context, letter, at, persona)).collect();
    let content = Content {
        how_many: &file.how_many,
        choice: how_many::of(file),
        absent: file.personas.is_empty().then(|| context.absent("personas")),
        map: file.map.as_ref().map(|map| map_view(context, map)),
        heat: (file.personas.len() > 1 && !file.standardised.is_empty()).then(|| heat(context)),
        heat_rest: file.standardised.len().saturating_sub(MAX_FEATURES),
        reported_only: features::reported_only(context),
        read_as: features::read_as(context),
        cards,
        has_revenue: context.has_revenue(),
        has_effects: file.personas.iter().any(|persona| !persona.effects.is_empty()),
        nights: file.nights.as_ref().map(nights::view),
    };
    let template = include_str!("../../../templates/report/personas.html.j2");
    Section::new("personas", "Personas", template, content)
}

fn map_view(context: &Context<'_>, map: &PersonaMap) -> MapView {
    let places: Vec<(String, usize, &Persona)> =
        context.personas().filter(|(_, at, _)| *at < map.points.len()).collect();
    let bubble = |(letter, at, persona): &(String, usize, &Persona)| Bubble {
        letter: letter.clone(),
        x: map.points[*at].x,
        y: map.points[*at].y,
        share: persona.share,
    };
    let bubbles: Vec<Bubble> = places.iter().map(bubble).collect();
    let both = map.explained[0] + map.explained[1];
    let description = format!(
        "{} personas on two axes that hold {} of their differences; the area of a bubble is the number of customers.",
        places.len(),
        format::percent(both)
    );
    let names = Names { id: "map", title: "Map of the personas", description: &description };
    let row = |(letter, at, persona): &(String, usize, &Persona)| {
        let point = map.points[*at];
        vec![
            format!("{letter} {}", persona.name),
            number(point.x),
            number(point.y),
            format::count(persona.size),
        ]
    };
    let table = Table::new(&["persona", "right", "up", "customers"], places.iter().map(row).collect());
    let flat = map.explained[1] < MIN_EXPLAINED;
    let directions = if flat {
        "All differences between personas lie from left to right.".to_owned()
    } else {
        format!(
            "Left to right holds {} of the differences between personas, bottom to top {}.",
            format::percent(map.explained[0]),
            format::percent(map.explained[1])
        )
    };
    let note = format!("Near means alike; the area is the number of customers. {directions}");
    let svg = charts::bubbles(names, &bubbles);
    MapView {
        figure: Figure { title: names.title, note: &note, svg, legend: &[], table }.html(),
        key: places.iter().map(|(letter, _, persona)| (letter.clone(), persona.name.clone())).collect(),
        right: towards(&map.towards[0]),
        up: (!flat).then(|| towards(&map.towards[1])),
    }
}

fn towards(features: &[String]) -> String {
    if features.is_empty() { "nothing in particular".to_owned() } else { features.join("; ") }
}

/// A table whose cells are shaded and say their figure.
fn heat(context: &Context<'_>) -> String {
    let rows = context.file.standardised.iter().take(MAX_FEATURES);
    let mut out = String::from(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Heat map of standardised features\">\
         <table class=\"heat\"><thead><tr><th scope=\"col\">feature</th>",
    );
    for (letter, _, persona) in context.personas() {
        let _ =
            write!(out, "<th scope=\"col\"><abbr title=\"{}\">{letter}</abbr></th>", escape(&persona.name));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", isolated(&row.label));
        for &at in &context.order {
            out.push_str(&heat_cell(row, at));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}

fn heat_cell(row: &StandardisedFeature, at: usize) -> String {
    let Some(cell) = row.cells.get(at).filter(|cell| cell.is_finite()) else {
        return "<td>–</td>".to_owned();
    };
    // Steps at 0.2, 0.5 and 1 standard deviations: small, medium, large, as effects are commonly called.
    let step = match cell.abs() {
        size if size >= 1.0 => 3,
        size if size >= 0.5 => 2,
        size if size >= 0.2 => 1,
        _ => 0,
    };
    let class = match step {
        0 => String::new(),
        step => format!(" class=\"{}{step}\"", if *cell > 0.0 { "up" } else { "down" }),
    };
    let text = format!("{:.1}", cell.abs());
    let sign = match *cell {
        _ if text == "0.0" => "",
        cell if cell > 0.0 => "+",
        _ => "−",
    };
    format!("<td{class}>{sign}{text}</td>")
}

fn card<'a>(context: &Context<'_>, letter: String, at: usize, persona: &'a Persona) -> Card<'a> {
    let jaccard = context.file.choice.as_ref().and_then(|choice| choice.jaccards.get(at).copied());
    let habits = &persona.habits;
    let id = |what: &str| format!("{what}-{}", letter.to_lowercase());
    let favourites = [("Categories", &persona.top_categories[..]), ("Items", &persona.top_items[..])];
    Card {
        size_bar: track(persona.share),
        revenue_bar: track(persona.revenue_share),
        effects: effects(context, persona),
        facts: facts(context, persona),
        hours: (habits.orders >= MIN_ORDERS && habits.hours.iter().any(|&n| n > 0))
            .then(|| hours(&id("hours"), &letter, habits)),
        weekdays: (habits.orders >= MIN_ORDERS && habits.weekdays.iter().any(|&n| n > 0))
            .then(|| weekdays(&id("weekdays"), &letter, habits)),
        channels: (!habits.channels.is_empty()).then(|| channels(habits)),
        favourites: favourites.into_iter().filter(|(_, list)| !list.is_empty()).collect(),
        steadiness: jaccard.map(words::steadiness),
        letter,
        persona,
    }
}

/// All bars of all cards are on one scale.
fn effects(context: &Context<'_>, persona: &Persona) -> Vec<EffectView> {
    let of = |persona: &Persona| -> Vec<f64> {
        persona.effects.iter().take(MAX_EFFECTS).map(|effect| distance(context, persona, effect)).collect()
    };
    let all = context.file.personas.iter().flat_map(of);
    let largest = all.map(f64::abs).filter(|size| size.is_finite()).fold(0.0, f64::max);
    let share = |effect: f64| if largest > 0.0 { effect / largest } else { 0.0 };
    let view = |effect: &Effect| EffectView {
        words: effect_words(persona, effect, &context.run.currency),
        bar: diverging(share(distance(context, persona, effect))),
    };
    persona.effects.iter().take(MAX_EFFECTS).map(view).collect()
}

/// How far a feature lies from all customers, in standard deviations: the cell of the heat map, as effects of
/// categories are ratios that no number compares with.
fn distance(context: &Context<'_>, persona: &Persona, effect: &Effect) -> f64 {
    let at = context.file.personas.iter().position(|other| other.id == persona.id);
    let told = |row: &&StandardisedFeature| row.feature == effect.feature && row.level == effect.level;
    let row = context.file.standardised.iter().find(told);
    let cell = at.and_then(|at| row?.cells.get(at).copied());
    cell.unwrap_or(effect.effect)
}

/// The effect in natural units where the middle of the feature is known.
fn effect_words(persona: &Persona, effect: &Effect, currency: &str) -> String {
    let of_feature = |centre: &&Centre| centre.feature == effect.feature && centre.level == effect.level;
    let centre = persona.centroid.iter().find(of_feature);
    match centre.map(|centre| (centre, centre.here, centre.overall)) {
        Some((centre, Some(here), Some(overall))) if !centre.label.is_empty() => {
            // "orders: 3 orders" says it twice.
            let label = match &centre.level {
                Some(level) => format!("{}: {level}", centre.label),
                None => centre.label.clone(),
            };
            let unit = if centre.label.contains(&centre.unit) { "" } else { centre.unit.as_str() };
            let [here, overall] = [here, overall].map(|x| quantity(x, unit, currency));
            if here == overall {
                let direction = if effect.effect > 0.0 { "higher" } else { "lower" };
                return format!("{label}: {direction} on average, the median is {here} here and of all");
            }
            format!("{label}: {here}, all customers {overall}")
        }
        _ => effect.words.clone(),
    }
}

fn facts(context: &Context<'_>, persona: &Persona) -> Vec<Fact> {
    let currency = &context.run.currency;
    let fact = |name: &str| {
        let centre = persona.centroid.iter().find(|centre| centre.feature == name)?;
        // The unit stands once, in the label.
        let text = |x: Option<f64>| match centre.unit.as_str() {
            _ if x.is_none() => "–".to_owned(),
            "%" => quantity(x.unwrap_or_default(), "%", currency),
            unit if unit == currency => format::amount(x.unwrap_or_default()),
            _ => quantity(x.unwrap_or_default(), "", currency),
        };
        let label = if centre.label.is_empty() { name.replace('_', " ") } else { centre.label.clone() };
        let label = if &centre.unit == currency { format!("{label}, {currency}") } else { label };
        Some(Fact { label, here: text(centre.here), overall: text(centre.overall) })
    };
    let mut facts: Vec<Fact> = FACTS.iter().filter_map(|name| fact(name)).collect();
    let all = overall_habits(context);
    let optional = |x: Option<f64>, text: &dyn Fn(f64) -> String| x.map_or_else(|| "–".to_owned(), text);
    let habits = &persona.habits;
    if habits.orders > 0 {
        let lines = |x: f64| format!("{x:.1}");
        facts.push(Fact {
            label: "lines per order".to_owned(),
            here: optional(habits.lines_per_order, &lines),
            overall: optional(all.lines_per_order, &lines),
        });
        facts.push(Fact {
            label: "ordered more than once".to_owned(),
            here: format::percent(habits.repeat_share),
            overall: format::percent(all.repeat_share),
        });
    }
    if let Some(churn) = persona.mean_churn {
        let overall = context.run.churn.as_ref().map(|churn| churn.mean_p_churn);
        facts.push(Fact {
            label: "may leave (mean)".to_owned(),
            here: format::percent(churn),
            overall: optional(overall, &format::percent),
        });
    }
    if let Some(cltv) = persona.mean_cltv {
        facts.push(Fact {
            label: format!("expected value (mean), {currency}"),
            here: format::amount(cltv),
            overall: optional(context.run.cltv.as_ref().map(|cltv| cltv.mean), &format::amount),
        });
    }
    facts
}

/// Habits of all customers, from those of the personas.
fn overall_habits(context: &Context<'_>) -> Habits {
    let personas = &context.file.personas;
    let orders: u64 = personas.iter().map(|persona| persona.habits.orders).sum();
    let lines: f64 = personas
        .iter()
        .map(|persona| persona.habits.lines_per_order.unwrap_or(0.0) * persona.habits.orders as f64)
        .sum();
    let repeat = personas.iter().map(|persona| persona.habits.repeat_share * persona.share).sum();
    Habits {
        orders,
        lines_per_order: (orders > 0).then(|| lines / orders as f64),
        repeat_share: repeat,
        ..Habits::default()
    }
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const LONG_DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const HOURS: [&str; 4] = ["0", "6", "12", "18"];

fn hours(id: &str, letter: &str, habits: &Habits) -> String {
    let label = |hour: usize| hour.is_multiple_of(6).then(|| HOURS[hour / 6]);
    let text: Vec<String> = (0..habits.hours.len()).map(|hour| format!("{hour} o'clock")).collect();
    profile(id, &format!("Hours of orders of persona {letter}"), &habits.hours, &text, label)
}

fn weekdays(id: &str, letter: &str, habits: &Habits) -> String {
    let text: Vec<String> = LONG_DAYS.iter().map(|&day| day.to_owned()).collect();
    let label = |day: usize| DAYS.get(day).copied();
    profile(id, &format!("Weekdays of orders of persona {letter}"), &habits.weekdays, &text, label)
}

/// A small chart with its table behind a fold.
fn profile(
    id: &str,
    title: &str,
    counts: &[u64],
    labels: &[String],
    axis: fn(usize) -> Option<&'static str>,
) -> String {
    let total = counts.iter().sum::<u64>().max(1) as f64;
    let cells: Vec<f64> = counts.iter().map(|&n| n as f64 / total).collect();
    let most = (0..cells.len()).max_by(|&a, &b| cells[a].total_cmp(&cells[b]).then(b.cmp(&a)));
    let description = most.map_or_else(String::new, |at| {
        let label = labels.get(at).map_or("", String::as_str);
        format!(
            "Most orders come {} {label}: {}.",
            if cells.len() == 7 { "on" } else { "at" },
            format::percent(cells[at])
        )
    });
    let row = |(label, share): (&String, &f64)| vec![label.clone(), format::percent(*share)];
    let table = Table::new(&["when", "orders"], labels.iter().zip(&cells).map(row).collect());
    format!(
        "{}<p class=\"soft small\">{}</p><details><summary aria-label=\"As a table: {}\">As a table</summary>{}</details>",
        charts::profile(Names { id, title, description: &description }, &cells, axis),
        escape(&description),
        escape(title),
        table.html(title)
    )
}

fn channels(habits: &Habits) -> String {
    let total = habits.channels.iter().map(|channel| channel.orders).sum::<u64>().max(1) as f64;
    let shown = habits.channels.iter().take(MAX_CHANNELS);
    let bar = |label: String, orders: u64| {
        let share = orders as f64 / total;
        Bar { label, text: format::percent(share), share }
    };
    let mut list: Vec<Bar> = shown.map(|channel| bar(channel.channel.clone(), channel.orders)).collect();
    let rest: u64 = habits.channels.iter().skip(MAX_CHANNELS).map(|channel| channel.orders).sum();
    if rest > 0 {
        list.push(bar("others".to_owned(), rest));
    }
    bars(&list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_their_units() {
        let text = |x, unit| quantity(x, unit, "GBP");
        assert_eq!(
            [text(0.314, "%"), text(12.5, "GBP"), text(3.0, "orders")],
            ["31.4 %", "12.50 GBP", "3 orders"]
        );
        assert_eq!([text(34.56, "days"), text(0.25, "")], ["34.6 days", "0.2"]);
    }

    #[test]
    fn shades_follow_size_and_direction_and_every_cell_says_its_figure() {
        let row = StandardisedFeature {
            feature: "x".into(),
            level: None,
            label: "x".into(),
            cells: vec![1.26, -0.6, 0.01, f64::NAN],
        };
        let cells: Vec<String> = (0..5).map(|at| heat_cell(&row, at)).collect();
        let expected = [
            "<td class=\"up3\">+1.3</td>",
            "<td class=\"down2\">−0.6</td>",
            "<td>0.0</td>",
            "<td>–</td>",
            "<td>–</td>",
        ];
        assert_eq!(cells, expected);
    }
}
