//! How personas read every feature, and how those fall out that are only reported.

use super::super::figures::{FeatureEncoding, FeatureGaps};
use super::super::format;
use super::super::persona_file::Centre;
use super::Context;
use super::html::Table;
use super::words::quantity;

/// Most levels of a category in the table of features that are only reported.
const MAX_LEVELS: usize = 8;

/// The features that are only reported, by persona; `None` without any.
pub fn reported_only(context: &Context<'_>) -> Option<String> {
    let lines = shown(&context.file.personas.first()?.reported_only);
    if lines.is_empty() {
        return None;
    }
    let letters = context.personas().map(|(letter, ..)| letter);
    let mut head: Vec<String> = ["feature".to_owned()].into_iter().chain(letters).collect();
    head.push("all".to_owned());
    let row = |line: &&Centre| {
        let unit = if line.label.contains(&line.unit) { "" } else { line.unit.as_str() };
        let text = |x: Option<f64>| match x {
            Some(x) => quantity(x, unit, &context.run.currency),
            None => "–".to_owned(),
        };
        let here = |persona: &super::Persona| {
            let same = |other: &&Centre| (&other.feature, &other.level) == (&line.feature, &line.level);
            persona.reported_only.iter().find(same).and_then(|centre| centre.here)
        };
        let mut cells = vec![name(line)];
        cells.extend(context.personas().map(|(_, _, persona)| text(here(persona))));
        cells.push(text(line.overall));
        cells
    };
    let rows = lines.iter().map(row).collect();
    Some(Table { head, rows, words: Vec::new() }.html("Features that are only reported"))
}

fn name(line: &Centre) -> String {
    let label = if line.label.is_empty() { line.feature.replace('_', " ") } else { line.label.clone() };
    match &line.level {
        Some(level) => format!("{label}: {level}"),
        None if line.unit == "share" => format!("{label}: yes"),
        None => format!("{label}, median"),
    }
}

/// The lines without the rarest levels of large categories, in their order.
fn shown(lines: &[Centre]) -> Vec<&Centre> {
    let rank = |line: &Centre| {
        let share = |line: &Centre| line.overall.unwrap_or_default();
        let of_feature = lines.iter().filter(|other| other.feature == line.feature);
        of_feature.filter(|other| share(other) > share(line)).count()
    };
    lines.iter().filter(|line| line.level.is_none() || rank(line) < MAX_LEVELS).collect()
}

/// How personas read every feature, the one with the most say first; `None` for a run that did not keep it.
pub fn read_as(context: &Context<'_>) -> Option<String> {
    let features = &context.run.data.features;
    if features.iter().all(|one| one.encoding.is_none()) {
        return None;
    }
    let say = |one: &FeatureGaps| one.encoding.as_ref().map_or(-1.0, |encoding| encoding.variance_share);
    let mut order: Vec<&FeatureGaps> = features.iter().collect();
    order.sort_by(|a, b| say(b).total_cmp(&say(a)));
    let customers = context.run.counts.customers.max(1) as f64;
    let head = ["feature", "read as", "group", "weight", "relevance", "say", "unknown", "the unknown"];
    let rows = order.into_iter().map(|one| row(one, customers)).collect();
    Some(Table::new(&head, rows).with_words(&[1, 2, 7]).html("How every feature is read"))
}

fn row(one: &FeatureGaps, customers: f64) -> Vec<String> {
    let dash = || "–".to_owned();
    let unknown = format::percent(one.missing as f64 / customers);
    let Some(encoding) = &one.encoding else {
        let why = one.left_out.as_deref().unwrap_or("not used");
        let none = [dash(), dash(), dash(), dash(), unknown, dash()];
        return [one.label.clone(), format!("left out: {why}")].into_iter().chain(none).collect();
    };
    vec![
        one.label.clone(),
        reading(encoding),
        if encoding.group.is_empty() { dash() } else { encoding.group.clone() },
        encoding.group_weight.map_or_else(dash, |weight| format!("{weight}")),
        encoding.relevance.map_or_else(dash, |relevance| {
            format!("{}, × {}", format::whole_percent(relevance), format::short(encoding.weight))
        }),
        format::percent(encoding.variance_share),
        unknown,
        if one.missing > 0 { what_of_the_unknown(encoding).to_owned() } else { dash() },
    ]
}

/// `number, by its logarithm; 3 far out count as unknown`.
fn reading(encoding: &FeatureEncoding) -> String {
    // Behind the colon stand the figures of the choice.
    let skew = encoding.skew.as_deref().map(|skew| skew.split(':').next().unwrap_or(skew));
    let kind = if encoding.kind.is_empty() { "column" } else { encoding.kind.as_str() };
    let mut parts = vec![match skew {
        Some("as it is") | None => kind.to_owned(),
        Some(skew) => format!("{kind}, by its {skew}"),
    }];
    if encoding.set_aside > 0 {
        parts.push(format!("{} far out count as unknown", format::count(encoding.set_aside)));
    }
    if encoding.capped > 0 {
        parts.push(format!("{} at the ends drawn in", format::count(encoding.capped)));
    }
    parts.join("; ")
}

fn what_of_the_unknown(encoding: &FeatureEncoding) -> &'static str {
    match encoding.says_missing {
        true => "compared on the rest; that it is unknown counts a little",
        false => "compared on the rest",
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::samples;
    use super::*;

    fn centre(feature: &str, level: Option<&str>, unit: &str, here: f64, overall: f64) -> Centre {
        Centre {
            feature: feature.into(),
            level: level.map(Into::into),
            label: feature.into(),
            unit: unit.into(),
            here: Some(here),
            overall: Some(overall),
        }
    }

    /// The text of the cells by row.
    fn cells(html: &str) -> Vec<Vec<String>> {
        let text = |cell: &str| cell.split("<bdi>").nth(1)?.split("</bdi>").next().map(str::to_owned);
        let rows = html.split("<tbody").nth(1).unwrap().split("<tr").skip(1);
        rows.map(|row| row.split("</t").filter_map(text).collect()).collect()
    }

    #[test]
    fn sensitive_features_are_told_by_persona_in_their_units() {
        let (run, mut file) = (samples::run_record(), samples::persona_file());
        assert_eq!(reported_only(&Context::new(&run, &file, &[])), None);
        file.personas[0].reported_only = vec![
            centre("age", None, "years", 34.0, 41.5),
            centre("gender", Some("f"), "share", 0.61, 0.5),
            centre("has_children", None, "share", 0.2, 0.3),
        ];
        file.personas[1].reported_only =
            vec![centre("age", None, "years", 45.0, 41.5), centre("has_children", None, "share", 0.4, 0.3)];
        let html = reported_only(&Context::new(&run, &file, &[])).unwrap();
        // The second persona is the larger one, and a level that nobody there has is no figure.
        let of = |at: usize| -> usize { file.personas[at].size as usize };
        let mut expected = [
            ["age, median", "34 years", "45 years", "41.5 years"],
            ["gender: f", "61.0 %", "–", "50.0 %"],
            ["has_children: yes", "20.0 %", "40.0 %", "30.0 %"],
        ];
        if of(1) > of(0) {
            expected.iter_mut().for_each(|row| row.swap(1, 2));
        }
        assert_eq!(cells(&html), expected);
    }

    #[test]
    fn of_a_large_category_the_most_frequent_levels_are_shown() {
        let names: Vec<String> = (0..12).map(|n| format!("l{n}")).collect();
        let level = |n: usize| centre("country", Some(&names[n]), "share", 0.1, n as f64 / 100.0);
        let mut lines: Vec<Centre> = (0..12).map(level).collect();
        lines.push(centre("age", None, "years", 1.0, 1.0));
        let shown: Vec<String> = shown(&lines).into_iter().map(name).collect();
        assert_eq!((shown.len(), shown[0].as_str(), shown[8].as_str()), (9, "country: l4", "age, median"));
    }

    #[test]
    fn every_feature_says_how_it_is_read_what_it_weighs_and_what_gaps_do() {
        let (run, file) = (samples::run_record(), samples::persona_file());
        let html = read_as(&Context::new(&run, &file, &[])).unwrap();
        let expected = [
            [
                "order gap mean days",
                "number, by its logarithm; 12 far out count as unknown; 40 at the ends drawn in",
                "behaviour",
                "0.5",
                "42 %, × 0.84",
                "61.0 %",
                "34.6 %",
                "compared on the rest; that it is unknown counts a little",
            ],
            ["orders", "number, by its square root", "behaviour", "1", "–", "39.0 %", "0.0 %", "–"],
            ["country", "left out: the same for everybody", "–", "–", "–", "–", "0.0 %", "–"],
        ];
        assert_eq!(cells(&html), expected);
        let mut old = run;
        old.data.features.iter_mut().for_each(|one| one.encoding = None);
        assert_eq!(read_as(&Context::new(&old, &file, &[])), None);
    }
}
