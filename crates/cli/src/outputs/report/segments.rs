//! Segments by rules: RFM with its thresholds, and the rules of the job.

use anyhow::Result;
use serde::Serialize;

use super::super::format;
use super::super::segment_figures::{Group, RfmFigures, RfmGroup, RfmScale, RuleFigures, RulePercentile};
use super::html::Table;
use super::{Context, Section, words};

#[derive(Serialize)]
struct Content {
    rfm: Option<RfmView>,
    rules: Option<String>,
    /// Percentiles of the rules, a sentence each.
    percentiles: Vec<String>,
}

#[derive(Serialize)]
struct RfmView {
    groups: String,
    thresholds: String,
    without_orders: u64,
    has_revenue: bool,
}

pub fn section(context: &Context<'_>) -> Result<Section> {
    let figures = context.run.segments.clone().unwrap_or_default();
    let content = Content {
        rfm: figures.rfm.as_ref().map(|rfm| rfm_view(context, rfm)),
        rules: (!figures.rules.is_empty()).then(|| rules(context, &figures.rules)),
        percentiles: figures.rules.iter().flat_map(percentiles).collect(),
    };
    Section::new("segments", "Segments", include_str!("../../../templates/report/segments.html.j2"), content)
}

fn rfm_view(context: &Context<'_>, rfm: &RfmFigures) -> RfmView {
    let row = |group: &RfmGroup| {
        let mut row = vec![group.name.clone(), cells(&group.cells)];
        row.extend(group_cells(context, &group.group));
        row
    };
    let rows = rfm.segments.iter().map(row).collect();
    let mut head = vec!["segment", "R and FM"];
    head.extend(group_head(context));
    let thresholds = rfm.scores.iter().map(scale_cells).collect();
    let scores = ["score", "5, the best", "4", "3", "2", "1"];
    RfmView {
        groups: Table::new(&head, rows).with_words(&[1]).html("Segments by RFM"),
        thresholds: Table::new(&scores, thresholds).html("Thresholds of the scores"),
        without_orders: rfm.without_orders,
        has_revenue: rfm.scores.iter().any(|scale| scale.letter == "M"),
    }
}

/// `R 5: FM 4, 5`; several R are apart by semicolons.
fn cells(cells: &[(u8, u8)]) -> String {
    let mut by_r: Vec<(u8, Vec<String>)> = Vec::new();
    for (r, fm) in cells {
        match by_r.last_mut() {
            Some((last, scores)) if last == r => scores.push(fm.to_string()),
            _ => by_r.push((*r, vec![fm.to_string()])),
        }
    }
    let of = |(r, scores): &(u8, Vec<String>)| format!("R {r}: FM {}", scores.join(", "));
    by_r.iter().map(of).collect::<Vec<_>>().join("; ")
}

fn scale_cells(scale: &RfmScale) -> Vec<String> {
    let fewer = scale.letter == "R";
    let unit = if scale.unit == scale.label { "" } else { scale.unit.as_str() };
    let label = match unit {
        "" | "days" => format!("{}: {}", scale.letter, scale.label),
        unit => format!("{}: {}, {unit}", scale.letter, scale.label),
    };
    let cell = |score: usize| {
        let from = scale.from.get(score - 1).copied().flatten();
        from.map_or_else(
            || "nobody".to_owned(),
            |from| match (fewer, scale.unit.as_str()) {
                (true, _) => format!("up to {:.1}", (from * 10.0).ceil() / 10.0),
                (false, "orders") => format!("from {from:.0}"),
                (false, _) => format!("from {}", format::amount(from)),
            },
        )
    };
    std::iter::once(label).chain((1..=5).rev().map(cell)).collect()
}

fn group_head(context: &Context<'_>) -> Vec<&'static str> {
    let mut head = vec!["customers", "share"];
    if context.has_revenue() {
        head.extend(["revenue so far", "of all revenue"]);
    }
    if has_value(context) {
        head.push("expected value");
    }
    if context.run.churn.is_some() {
        head.push("mean chance of leaving");
    }
    head
}

fn has_value(context: &Context<'_>) -> bool {
    context.run.cltv.is_some() && context.has_revenue()
}

fn group_cells(context: &Context<'_>, group: &Group) -> Vec<String> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let mut cells = vec![format::count(group.customers), format::percent(group.share)];
    if context.has_revenue() {
        cells.extend([format::amount(group.revenue), or_none(group.revenue_share.map(format::percent))]);
    }
    if has_value(context) {
        cells.push(or_none(group.cltv.map(format::amount)));
    }
    if context.run.churn.is_some() {
        cells.push(or_none(group.mean_churn.map(format::percent)));
    }
    cells
}

fn rules(context: &Context<'_>, rules: &[RuleFigures]) -> String {
    let open = rules.iter().any(|one| one.unknown > 0);
    let row = |one: &RuleFigures| {
        let mut row = vec![one.name.clone(), one.rule.clone()];
        row.extend(group_cells(context, &one.group));
        row.extend(open.then(|| format::count(one.unknown)));
        row
    };
    let mut head = vec!["segment", "rule"];
    head.extend(group_head(context));
    head.extend(open.then_some("not known"));
    Table::new(&head, rules.iter().map(row).collect())
        .with_words(&[1])
        .html("Segments by the rules of the job")
}

fn percentiles(one: &RuleFigures) -> Vec<String> {
    let said = |asked: &RulePercentile| {
        let at = asked.at.map_or_else(|| "not known: no customer has it".to_owned(), figure);
        format!("{}: p{} of {} is {at}", one.name, asked.p, asked.field)
    };
    one.percentiles.iter().map(said).map(|sentence| words::capital(&sentence)).collect()
}

fn figure(x: f64) -> String {
    if x.abs() < 1.0 { format::figure(x) } else { format::amount(x) }
}

#[cfg(test)]
mod tests {
    use super::super::super::samples;
    use super::*;

    #[test]
    fn the_cells_of_a_segment_read_by_r() {
        assert_eq!(cells(&[(3, 4), (3, 5), (4, 4)]), "R 3: FM 4, 5; R 4: FM 4");
    }

    #[test]
    fn thresholds_and_rules_stand_in_the_page() {
        let (run, file) = (samples::run_record(), samples::persona_file());
        let html = section(&Context::new(&run, &file, &[])).unwrap().html;
        for part in ["Champions", "up to 17.0", "from 3", "nobody", "value_at_risk", "cltv &gt; p80", "640"] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn a_run_without_segments_says_so() {
        let (mut run, file) = (samples::run_record(), samples::persona_file());
        run.segments = None;
        let html = section(&Context::new(&run, &file, &[])).unwrap().html;
        assert!(html.contains("no customer has ordered") && !html.contains("<table"), "{html}");
    }
}
