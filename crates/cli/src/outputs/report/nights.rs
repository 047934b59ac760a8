//! Personas against the run before: what became of them, who moved, which features drifted.

use serde::Serialize;

use super::super::format;
use super::super::night_figures::{
    Drift, Named, NightFigures, Outcome, PersonaMatch, Regrouped, RegroupedPart,
};
use super::html::Table;
use super::words;

/// Features in the table of drift.
const MAX_DRIFTS: usize = 10;

#[derive(Serialize)]
pub struct NightsView {
    sentences: Vec<String>,
    matches: String,
    drift: Option<String>,
    drift_rest: usize,
}

pub fn view(nights: &NightFigures) -> NightsView {
    NightsView {
        sentences: sentences(nights),
        matches: matches(nights),
        drift: (!nights.drift.is_empty()).then(|| drift(&nights.drift)),
        drift_rest: nights.drift.len().saturating_sub(MAX_DRIFTS),
    }
}

/// What became of the personas and who moved.
pub fn sentences(nights: &NightFigures) -> Vec<String> {
    let mut said = vec![fates(nights)];
    said.extend(
        nights
            .splits
            .iter()
            .map(|split| format!("“{}” fell apart: it makes up {}.", split.name, parts(split))),
    );
    said.extend(
        nights
            .merges
            .iter()
            .map(|merge| format!("“{}” is grown together: it took in {}.", merge.name, parts(merge))),
    );
    said.extend(moved(nights));
    if nights.held > 0 {
        said.push(format!(
            "{} would have changed persona by a hair and stayed (personas.stickiness = {}), which costs {} of the \
             sum of squared distances.",
            format::counted(nights.held, "customers"),
            nights.stickiness,
            share(nights.inertia_paid_share),
        ));
    }
    if nights.structure_changed {
        let gain =
            nights.fresh_start_gain.map_or_else(String::new, |gain| format!(" by {}", format::percent(gain)));
        said.push(format!(
            "Personas found from scratch would fit better{gain}: customers group differently than they used to; \
             bespoke refresh --choose-personas finds them anew."
        ));
    }
    said
}

fn fates(nights: &NightFigures) -> String {
    let n = |outcome| nights.matches.iter().filter(|one| one.outcome == outcome).count() as u64;
    let (kept, changed, new) = (n(Outcome::Kept), n(Outcome::Changed), n(Outcome::New));
    let gone: Vec<String> = nights.gone.iter().map(|one| format!("“{}”", one.name)).collect();
    let before = format::counted(nights.personas_before, "personas");
    if changed == 0 && new == 0 && gone.is_empty() {
        return format!("All {before} of the run before are kept, by {}.", nights.matched_by);
    }
    let mut parts = vec![format!("{kept} kept")];
    if changed > 0 {
        parts.push(format!("{changed} changed so much that the name should be looked at"));
    }
    if new > 0 {
        parts.push(format!("{new} new"));
    }
    if !gone.is_empty() {
        let names: Vec<&str> = gone.iter().map(String::as_str).collect();
        parts.push(format!("{} gone ({})", gone.len(), words::listed(&names)));
    }
    format!("Of {before} before, by {}: {}.", nights.matched_by, parts.join(", "))
}

fn parts(one: &Regrouped) -> String {
    let part = |part: &RegroupedPart| format!("{} of “{}”", format::whole_percent(part.share), part.name);
    let parts: Vec<String> = one.parts.iter().map(part).collect();
    words::listed(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

fn moved(nights: &NightFigures) -> Option<String> {
    let known = format::counted(nights.known, "customers");
    let Some(moved_share) = nights.moved_share else {
        return Some("No customer of the run before is in this one.".to_owned());
    };
    if nights.moved == 0 {
        return Some(format!("None of {known} of both runs moved."));
    }
    let by_refit = nights.moved_by_refit_share.map_or_else(String::new, |by_refit| {
        format!(" The new personas alone, with nothing else changed, would move {}.", share(by_refit))
    });
    Some(format!(
        "{} of {known} of both runs ({}) are in another persona.{by_refit}",
        format::count(nights.moved),
        share(moved_share)
    ))
}

/// A share that may be small.
fn share(share: f64) -> String {
    if share > 0.0 && share < 0.001 { "less than 0.1 %".to_owned() } else { format::percent(share) }
}

fn matches(nights: &NightFigures) -> String {
    let words = |outcome| match outcome {
        Outcome::Kept => "kept",
        Outcome::Changed => "changed: look at the name",
        Outcome::New => "new",
    };
    let row = |one: &PersonaMatch| {
        let overlap = one.overlap.map_or_else(|| "–".to_owned(), format::percent);
        vec![one.name.clone(), one.id.to_string(), words(one.outcome).to_owned(), overlap]
    };
    let mut rows: Vec<Vec<String>> = nights.matches.iter().map(row).collect();
    let gone = |one: &Named| vec![one.name.clone(), one.id.to_string(), "gone".to_owned(), "–".to_owned()];
    rows.extend(nights.gone.iter().map(gone));
    let head = ["persona", "id", "against the run before", "customers in common"];
    Table::new(&head, rows).with_words(&[2]).html("Personas against the run before")
}

fn drift(features: &[Drift]) -> String {
    let row = |one: &Drift| {
        let figures = [one.psi, one.psi_since_chosen, one.psi_by_chance].map(format::figure);
        let [psi, since, chance] = figures;
        vec![one.label.clone(), psi, since, chance, one.words.clone()]
    };
    let rows = features.iter().take(MAX_DRIFTS).map(row).collect();
    let head = ["feature", "since the run before", "since personas were chosen", "by chance", "in words"];
    Table::new(&head, rows).with_words(&[4]).html("Drift of features")
}

#[cfg(test)]
mod tests {
    use super::super::super::samples;
    use super::*;

    #[test]
    fn fates_moves_and_costs_read_as_sentences() {
        let mut nights = samples::night_figures();
        assert_eq!(
            sentences(&nights),
            [
                "Of 2 personas before, by customers of both runs: 1 kept, 1 new, 1 gone (“Old <b>ones</b>”).",
                "“Frequent big spenders” fell apart: it makes up 97 % of “Frequent big spenders” and 61 % of “Quiet \
                 <i>ones</i>”.",
                "55 of 4,294 customers of both runs (1.3 %) are in another persona. The new personas alone, with \
                 nothing else changed, would move 0.9 %.",
                "41 customers would have changed persona by a hair and stayed (personas.stickiness = 0.05), which \
                 costs less than 0.1 % of the sum of squared distances.",
            ]
        );
        nights.matches.pop();
        (nights.gone, nights.splits) = Default::default();
        (nights.moved, nights.held, nights.moved_share) = (0, 0, Some(0.0));
        let plain = [
            "All 2 personas of the run before are kept, by customers of both runs.",
            "None of 4,294 customers of both runs moved.",
        ];
        assert_eq!(sentences(&nights), plain);
    }

    #[test]
    fn drift_is_told_in_words() {
        let html = drift(&samples::night_figures().drift);
        assert!(html.contains("moderate drift") && html.contains("0.140"), "{html}");
    }
}
