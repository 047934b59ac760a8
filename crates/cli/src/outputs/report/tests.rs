//! The page as a whole: what it tells, that nothing of the data becomes markup, that everybody can read it.

use super::super::samples;
use super::*;

fn page() -> String {
    render(&samples::run_record(), &samples::persona_file(), &samples::rejected_rows()).unwrap()
}

/// The page with plain spaces.
fn spaced(page: &str) -> String {
    page.replace('\u{a0}', " ")
}

#[test]
fn the_page_tells_what_a_marketer_asks() {
    let page = spaced(&page());
    for part in [
        "4,334",
        "8,187,806",
        "9 December 2011",
        "Frequent big spenders",
        "orders: 9, all customers 2",
        "send back less",
        "the customer has it",
        "265,000",
        "recall at 20",
        "popularity",
        "bad_type",
        "18042",
        "not relevant enough: 10 slots",
        "2.4 × the average",
        "nobody repeats",
        "Win back 87 good customers.",
        "40 customers joined, 6 are no longer scored",
        "+34",
        "holds 27.1 % of the expected value",
        "The same for everybody",
        "Gini",
        "Champions",
        "from 2,060",
        "value_at_risk",
        "55 of 4,294 customers of both runs (1.3 %) are in another persona.",
        "moderate drift",
        "that it is unknown counts a little",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn signs_and_figures_stay_on_one_line() {
    let page = page();
    assert!(!page.contains(" %") && !page.contains(" ×"));
    assert!(page.contains("9\u{a0}December\u{a0}2011"));
}

#[test]
fn a_job_without_a_currency_speaks_of_units() {
    let (mut run, mut file) = (samples::run_record(), samples::persona_file());
    run.currency = NO_CURRENCY.to_owned();
    file.personas[0].centroid[0].unit = NO_CURRENCY.to_owned();
    let page = spaced(&render(&run, &file, &[]).unwrap());
    assert!(!page.contains(NO_CURRENCY));
    assert!(page.contains("Amounts are in units: the job names no currency.") && page.contains("9.00 units"));
}

#[test]
fn nothing_paid_is_no_revenue_of_zero() {
    let mut run = samples::run_record();
    run.counts.revenue = 0.0;
    run.months.iter_mut().for_each(|month| month.revenue = 0.0);
    let page = render(&run, &samples::persona_file(), &[]).unwrap();
    for absent in ["Revenue so far", "Revenue by month", "of all revenue", "Amounts are in"] {
        assert!(!page.contains(absent), "{absent}");
    }
    assert!(page.contains("Orders so far") && page.contains("Orders by month"));
}

/// Everything that can come from data, made hostile.
fn hostile(text: &str) -> String {
    let (mut run, mut file, mut rejected) =
        (samples::run_record(), samples::persona_file(), samples::rejected_rows());
    let text = || text.to_owned();
    run.currency = text();
    run.as_of = text();
    run.rows[0].source = text();
    run.rows[0].file = text();
    run.rows[0].set_aside.insert(text(), 7);
    run.rows[0].rejected.insert(text(), 70_000);
    run.warnings = vec![text()];
    run.not_available[0].reason = text();
    run.metrics.iter_mut().for_each(|metric| {
        metric.name = format!("AUC {}", text());
        metric.baseline_name = Some(text());
    });
    run.metrics[0].name = "AUC".to_owned();
    run.at_risk.as_mut().unwrap().persona = Some(text());
    run.data.latest_event_at = Some(text());
    run.data.days_behind = 5.0;
    run.data.events[0].kind = text();
    run.data.features.iter_mut().for_each(|one| {
        one.label = text();
        one.left_out = Some(text());
        if let Some(encoding) = &mut one.encoding {
            (encoding.kind, encoding.group, encoding.skew) = (text(), text(), Some(text()));
        }
    });
    let changes = run.changes.as_mut().unwrap();
    changes.before.as_mut().unwrap().as_of = text();
    changes.moves[0].from = text();
    let churn = run.churn.as_mut().unwrap();
    churn.reasons[0].label = text();
    churn.backtest.as_mut().unwrap().test_as_of = Some(text());
    let shown = run.recommendations.as_mut().unwrap();
    shown.top_items[0].id = text();
    shown.top_items[0].title = Some(text());
    shown.by_source.insert(text(), 1);
    shown.withheld.insert(text(), 1);
    shown.shortfalls[0].reason = text();
    file.how_many = text();
    for persona in &mut file.personas {
        persona.name = text();
        persona.description = text();
        persona.effects[0].words = text();
        persona.effects[1].feature = "orders".to_owned();
        persona.centroid[0].label = text();
        persona.centroid[0].unit = text();
        persona.reported_only = persona.centroid.clone();
        persona.reported_only[0].level = Some(text());
        for list in [&mut persona.top_categories, &mut persona.top_items] {
            list[0].id = text();
            list[0].title = Some(text());
        }
        persona.habits.channels.iter_mut().for_each(|channel| channel.channel = text());
    }
    file.map.as_mut().unwrap().towards = [vec![text()], vec![text()]];
    let nights = file.nights.as_mut().unwrap();
    nights.matches[0].name = text();
    nights.gone[0].name = text();
    nights.splits[0].name = text();
    nights.splits[0].parts[0].name = text();
    nights.drift[0].label = text();
    let segments = run.segments.as_mut().unwrap();
    segments.rules[0].rule = text();
    segments.rules[0].percentiles[0].field = text();
    segments.rfm.as_mut().unwrap().scores[2].unit = text();
    file.standardised[0].label = text();
    let row = &mut rejected[0];
    (row.file, row.column, row.value, row.rule, row.hint) = (text(), text(), text(), text(), Some(text()));
    render(&run, &file, &rejected).unwrap()
}

#[test]
fn nothing_from_data_becomes_markup() {
    // As long as the others: how a table is laid out depends on that.
    let clean = hostile("a plain text");
    let tags = |page: &str| page.matches('<').count();
    for text in
        ["<script>alert(1)</script>", "\"><img src=x onerror=y>", "' onload='z", "one & two", "</title><b>"]
    {
        let page = hostile(text);
        assert_eq!(tags(&page), tags(&clean), "{text}");
        assert_eq!(page.matches('"').count(), clean.matches('"').count(), "{text}");
        assert!(!page.contains("<script") && !page.contains("<img"), "{text}");
        assert!(!page.contains("' onload"), "{text}");
    }
    let right_to_left = "\u{5e9}\u{5dc}\u{5d5}\u{5dd}";
    assert!(hostile(right_to_left).contains(&format!("<bdi>{right_to_left}</bdi>")));
    assert!(hostile("\u{1f381}").contains("\u{1f381}"));
}

#[test]
fn nothing_is_loaded_from_anywhere_and_nothing_runs() {
    let page = page();
    let clean = page.replace("&lt;img src=x&gt;", "");
    for outside in ["http:", "https:", " src=", "href=\"/", "@import", "url(", "<link", "<script", " on"] {
        let found = clean.match_indices(outside).find(|(at, _)| {
            // Words of sentences are no attributes.
            outside != " on" || clean[at + 3..].trim_start_matches(char::is_alphabetic).starts_with("=\"")
        });
        assert!(found.is_none(), "{outside}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn a_run_with_nothing_in_it_has_a_page_too() {
    let mut run = samples::run_record();
    (run.churn, run.cltv, run.recommendations, run.changes, run.at_risk) = Default::default();
    (run.metrics, run.rows, run.not_available, run.warnings, run.months) = Default::default();
    run.data = Default::default();
    let page = render(&run, &PersonaFile::default(), &[]).unwrap();
    assert!(page.contains("Data quality") && !page.contains("None") && !page.contains("undefined"));
    assert!(page.contains("Not available: this run has no figures for it."));
}

#[test]
fn a_record_of_an_earlier_version_has_a_page_too() {
    let mut record = serde_json::to_value(samples::run_record()).unwrap();
    for name in ["changes", "months", "data", "at_risk", "segments"] {
        record.as_object_mut().unwrap().remove(name);
    }
    for (stage, name) in
        [("churn", "backtest"), ("churn", "reasons"), ("cltv", "concentration"), ("cltv", "backtest")]
    {
        record[stage].as_object_mut().unwrap().remove(name);
    }
    record["recommendations"].as_object_mut().unwrap().remove("top_items");
    let run: RunRecord = serde_json::from_value(record).unwrap();
    assert!(render(&run, &samples::persona_file(), &[]).unwrap().contains("no backtest of churn"));
}

#[test]
fn figures_that_are_not_finite_leave_no_trace_in_the_drawing() {
    let mut personas = samples::persona_file();
    personas.personas[0].effects[0].effect = f64::NAN;
    personas.map.as_mut().unwrap().points[0].x = f64::NAN;
    personas.standardised[0].cells[0] = f64::NAN;
    let mut run = samples::run_record();
    run.churn.as_mut().unwrap().deciles[0].mean_p_churn = f64::NAN;
    assert!(!render(&run, &personas, &[]).unwrap().contains("NaN"));
}

#[test]
fn examples_are_few() {
    let rows = vec![samples::rejected_rows()[0].clone(); 50];
    let page = render(&samples::run_record(), &samples::persona_file(), &rows).unwrap();
    assert_eq!(page.matches("18042").count(), 20);
}

#[test]
fn letters_go_on_after_z() {
    assert_eq!([0, 25, 26, 701, 702].map(letter), ["A", "Z", "AA", "ZZ", "AAA"]);
}

/// Values of `name="..."` in a page.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    page.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn what_is_pointed_at_exists_once() {
    let page = page();
    let mut ids = attributes(&page, "id");
    let n = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), n, "an id stands twice");
    let links = attributes(&page, "href").into_iter().map(|href| href.trim_start_matches('#'));
    let labels = attributes(&page, "aria-labelledby").into_iter().flat_map(str::split_whitespace);
    for target in links.chain(labels) {
        assert!(ids.contains(&target), "{target}");
    }
}

#[test]
fn headings_go_down_one_level_at_a_time() {
    let page = page();
    let mut last = 0;
    for level in page.split("<h").skip(1).filter_map(|rest| rest.chars().next()?.to_digit(10)) {
        assert!(level <= last + 1, "h{level} after h{last}");
        last = level;
    }
    assert_eq!(page.matches("<h1").count(), 1);
}

#[test]
fn every_chart_has_a_name_and_a_table_behind_it() {
    let page = page();
    let charts = page.matches("<svg class=\"chart\"").count();
    assert!(charts >= 10, "{charts}");
    assert_eq!(page.matches("<title id=").count(), charts);
    assert_eq!(page.matches("<desc id=").count(), charts);
    assert!(page.matches("<details>").count() >= charts);
    // Other drawings repeat a figure that stands beside them as text.
    let drawings = page.matches("<svg").count();
    assert_eq!(page.matches("aria-hidden=\"true\"").count(), drawings - charts);
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
    assert_eq!(
        page.matches("<div class=\"scroll\" tabindex=\"0\" role=\"region\"").count(),
        page.matches("class=\"scroll\"").count()
    );
}

/// Relative luminance of `#rrggbb` (WCAG 2.2).
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let byte = u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
        let c = f64::from(byte) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn contrast_is_enough_in_both_themes() {
    let style = include_str!("../../../templates/report/style.css");
    let themes: Vec<&str> =
        style.split(":root {").skip(1).filter_map(|rest| rest.split('}').next()).collect();
    assert_eq!(themes.len(), 2);
    for theme in themes {
        let colour = |name: &str| {
            let start = format!("--{name}: ");
            theme.split(&start).nth(1).unwrap().split(';').next().unwrap()
        };
        let text = [
            ("ink", &["paper", "ground", "bubble", "up1", "up2", "up3", "down1", "down2", "down3"][..]),
            ("soft", &["paper", "ground"]),
            ("accent", &["paper", "ground"]),
        ];
        let drawn = [("fill", &["paper", "track"][..]), ("below", &["paper", "track"]), ("edge", &["paper"])];
        for (pairs, least) in [(&text[..], 4.5), (&drawn[..], 3.0)] {
            for (front, backs) in pairs {
                for back in *backs {
                    let ratio = contrast(colour(front), colour(back));
                    assert!(ratio >= least, "{front} on {back}: {ratio:.2}");
                }
            }
        }
    }
    assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
}
