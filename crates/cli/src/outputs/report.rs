//! `report.html`: one page without any file beside it, for people who do not read JSON.

use anyhow::{Context, Result};
use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use super::files;
use super::format;
use super::persona_file::{Effect, Persona, PersonaFile};
use super::run_record::{ChurnSummary, CltvSummary, Decile, RejectedRow, RunRecord, ValueBand};

const TEMPLATE: &str = include_str!("../../templates/report.html.j2");

/// Rejected rows shown as examples.
const MAX_EXAMPLES: usize = 20;
/// Effects shown on a persona's card.
const MAX_EFFECTS: usize = 6;

/// The page. Everything that comes from data is escaped; nothing is loaded from anywhere.
///
/// # Errors
/// When the template does not fit the data: a bug.
pub fn render(run: &RunRecord, personas: &PersonaFile, rejected: &[RejectedRow]) -> Result<String> {
    let environment = environment()?;
    let template = environment.get_template(files::REPORT)?;
    let page = template.render(Serde(Page {
        run,
        personas,
        cards: effect_bars(personas),
        headline: headline(run, personas),
        churn_columns: run.churn.as_ref().map(churn_columns),
        cltv_columns: run.cltv.as_ref().map(cltv_columns),
        examples: &rejected[..rejected.len().min(MAX_EXAMPLES)],
    }));
    page.context(files::REPORT)
}

/// What the template is given.
#[derive(Serialize)]
struct Page<'a> {
    run: &'a RunRecord,
    personas: &'a PersonaFile,
    cards: Vec<Vec<EffectBar>>,
    headline: Vec<Headline>,
    churn_columns: Option<Vec<ChartColumn>>,
    cltv_columns: Option<Vec<ChartColumn>>,
    examples: &'a [RejectedRow],
}

fn environment() -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.add_filter("count", format::count);
    environment.add_filter("amount", format::amount);
    environment.add_filter("percent", format::percent);
    environment.add_filter("figure", format::figure);
    environment.add_filter("times", format::times);
    environment.add_filter("reason", reason_in_words);
    environment.add_template(files::REPORT, TEMPLATE)?;
    Ok(environment)
}

/// A number with a label, at the top of the page.
#[derive(Serialize)]
struct Headline {
    label: &'static str,
    number: String,
    note: String,
}

fn headline(run: &RunRecord, personas: &PersonaFile) -> Vec<Headline> {
    let tile = |label, number, note| Headline { label, number, note };
    let counts = &run.counts;
    let mut tiles = vec![
        tile("customers", format::count(counts.customers), in_personas(personas.personas.len())),
        tile(
            "revenue",
            format::amount(counts.revenue),
            format!("{}, {} orders", run.currency, format::count(counts.orders)),
        ),
    ];
    if let Some(cltv) = &run.cltv {
        let note = format!("{} in the next {} days", run.currency, cltv.horizon_days);
        tiles.push(tile("expected value", format::amount(cltv.total), note));
    }
    if let Some(churn) = &run.churn {
        let note = format!("mean risk within {} days", churn.horizon_days);
        tiles.push(tile("may leave", format::percent(churn.mean_p_churn), note));
    }
    if let Some(shown) = &run.recommendations {
        let note = format!("for {} customers", format::count(shown.customers));
        tiles.push(tile("recommendations", format::count(shown.slots_filled), note));
    }
    tiles
}

fn in_personas(n: usize) -> String {
    if n == 1 { "in one persona".to_owned() } else { format!("in {n} personas") }
}

/// One column of a chart; `height` is the share of the highest, in percent.
#[derive(Serialize)]
struct ChartColumn {
    label: String,
    height: f64,
    text: String,
    /// A second figure to mark, on the same scale.
    mark: Option<f64>,
}

fn churn_columns(churn: &ChurnSummary) -> Vec<ChartColumn> {
    let column = |decile: &Decile| ChartColumn {
        label: decile.decile.to_string(),
        height: 100.0 * decile.mean_p_churn,
        text: format::percent(decile.mean_p_churn),
        mark: decile.observed.map(|observed| 100.0 * observed),
    };
    churn.deciles.iter().map(column).collect()
}

fn cltv_columns(cltv: &CltvSummary) -> Vec<ChartColumn> {
    let highest = cltv.bands.iter().map(|band| band.customers).max().unwrap_or(0).max(1);
    let column = |band: &ValueBand| ChartColumn {
        label: match band.to {
            Some(to) => format!("{} – {}", format::amount(band.from), format::amount(to)),
            None => format!("from {}", format::amount(band.from)),
        },
        height: 100.0 * band.customers as f64 / highest as f64,
        text: format::count(band.customers),
        mark: None,
    };
    cltv.bands.iter().map(column).collect()
}

/// A bar that grows left or right from the middle of 0..100.
#[derive(Serialize)]
struct EffectBar {
    words: String,
    x: f64,
    width: f64,
    above: bool,
}

/// The bars of every persona's card, in the order of the personas, all on one scale.
fn effect_bars(file: &PersonaFile) -> Vec<Vec<EffectBar>> {
    let all = file.personas.iter().flat_map(|persona| &persona.effects);
    let largest = all.map(|effect| effect.effect.abs()).filter(|size| size.is_finite()).fold(0.0, f64::max);
    let bars = |persona: &Persona| {
        let shown = persona.effects.iter().take(MAX_EFFECTS);
        shown.map(|effect| effect_bar(effect, largest)).collect()
    };
    file.personas.iter().map(bars).collect()
}

fn effect_bar(effect: &Effect, largest: f64) -> EffectBar {
    let share = if largest > 0.0 && effect.effect.is_finite() { effect.effect / largest } else { 0.0 };
    let width = 50.0 * share.abs();
    let above = share >= 0.0;
    EffectBar { words: effect.words.clone(), x: if above { 50.0 } else { 50.0 - width }, width, above }
}

/// A reason code as people say it; one without words stays as it is.
fn reason_in_words(code: String) -> String {
    let words = match code.as_str() {
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
        _ => return code,
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn page() -> String {
        render(&samples::run_record(), &samples::persona_file(), &samples::rejected_rows()).unwrap()
    }

    #[test]
    fn the_page_tells_what_a_marketer_asks() {
        let page = page();
        for part in [
            "4,334",
            "8,187,806",
            "Frequent big spenders",
            "order 4.5 times as often",
            "the customer has it",
            "265,000",
            "recall@20",
            "popularity",
            "bad_type",
            "18042",
            "not relevant enough: 10 slots",
            "2.4 × the average",
            "nobody repeats",
            "Glossary",
        ] {
            assert!(page.contains(part), "{part}");
        }
    }

    #[test]
    fn what_comes_from_data_is_escaped() {
        let page = page();
        for raw in ["<script", "<img", "<b>age"] {
            assert!(!page.contains(raw), "{raw}");
        }
        assert!(
            page.contains("&lt;script&gt;")
                && page.contains("spend much.")
                && page.contains("often &amp; spend")
        );
    }

    #[test]
    fn nothing_is_loaded_from_anywhere() {
        let page = page();
        for outside in ["http:", "https:", "src=", "href=\"/", "@import", "url(", "<link"] {
            let clean = page.replace("&lt;img src=x&gt;", "");
            assert!(!clean.contains(outside), "{outside}");
        }
    }

    #[test]
    fn a_run_with_nothing_in_it_has_a_page_too() {
        let mut run = samples::run_record();
        (run.churn, run.cltv, run.recommendations) = (None, None, None);
        (run.metrics, run.rows, run.not_available, run.warnings) = Default::default();
        let page = render(&run, &PersonaFile::default(), &[]).unwrap();
        assert!(page.contains("Data quality") && !page.contains("None") && !page.contains("undefined"));
    }

    #[test]
    fn figures_that_are_not_finite_leave_no_trace_in_the_drawing() {
        let mut personas = samples::persona_file();
        personas.personas[0].effects[0].effect = f64::NAN;
        let page = render(&samples::run_record(), &personas, &[]).unwrap();
        assert!(!page.contains("NaN"));
    }

    #[test]
    fn bars_grow_from_the_middle_on_one_scale() {
        let bars = effect_bars(&samples::persona_file());
        assert_eq!((bars[0][0].x, bars[0][0].width, bars[0][0].above), (50.0, 50.0, true));
        assert_eq!((bars[0][1].x, bars[0][1].width, bars[0][1].above), (37.5, 12.5, false));
    }

    #[test]
    fn the_highest_band_is_full_height() {
        let columns = cltv_columns(samples::run_record().cltv.as_ref().unwrap());
        assert_eq!([columns[0].height, columns[1].height], [100.0, 50.0]);
        assert_eq!(columns[1].label, "from 100.00");
    }

    #[test]
    fn examples_are_few() {
        let rejected = vec![samples::rejected_rows().remove(0); 50];
        let page = render(&samples::run_record(), &samples::persona_file(), &rejected).unwrap();
        assert_eq!(page.matches("18042").count(), MAX_EXAMPLES);
    }
}
