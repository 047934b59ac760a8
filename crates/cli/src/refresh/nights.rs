//! The personas of the run before: who was in which, and what became of them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use bespoke::features::FeatureTable;
use bespoke::personas::{
    DriftLevel, FeatureDrift, Match, MatchOutcome, MatchedBy, Part, PersonaModel, RefitReport, Stickiness,
    StickyReport,
};
use bespoke_io::{ReadBack, read_columns};

use super::Task;
use super::input::Input;
use crate::outputs::night_figures::{
    Drift, Named, NightFigures, Outcome, PersonaMatch, Regrouped, RegroupedPart,
};
use crate::outputs::{PersonaFile, counted, files};
use crate::runs::OutputDir;

/// What is known of the personas before.
pub struct Earlier<'a> {
    pub model: &'a PersonaModel,
    /// By scored customer, the persona published before.
    pub given: Vec<Option<u32>>,
    /// Whether their number is chosen anew.
    pub choose_anew: bool,
    /// Ids below have been given to other personas, in runs that were rolled back too.
    pub first_free_id: u32,
}

impl<'a> Earlier<'a> {
    /// The earlier personas of the customers of a run; what cannot be read is said and done without.
    pub fn of(task: &Task<'_>, model: &'a PersonaModel, input: &Input, warnings: &mut Vec<String>) -> Self {
        let published = task.previous.as_ref().map(|run| published(run)).transpose();
        let published = published.unwrap_or_else(|error| {
            warnings.push(format!("the personas that customers had are not known: {error:#}"));
            None
        });
        let published = published.unwrap_or_default();
        let ids = &input.tables.customers.ids;
        let given = input.scored.iter().map(|&customer| published.get(ids.get(customer)).copied());
        Self {
            model,
            given: given.collect(),
            choose_anew: task.choose_personas,
            first_free_id: first_free_id(&OutputDir::at(&task.job.output.dir)),
        }
    }
}

/// Persona id by customer, from the `customers.parquet` of a run.
fn published(run: &Path) -> Result<BTreeMap<String, u32>> {
    let path = run.join("customers.parquet");
    let columns =
        read_columns(&path, &["customer_id", "persona_id"]).with_context(|| path.display().to_string())?;
    let [ReadBack::Text(ids), ReadBack::Number(personas)] = &columns[..] else {
        anyhow::bail!("{} has other types of columns than this version writes", path.display());
    };
    let pairs = ids.iter().zip(personas);
    Ok(pairs.filter_map(|(id, persona)| Some((id.clone()?, (*persona)? as u32))).collect())
}

/// One above every persona id of the kept runs: a run that was rolled back has shown its ids to people.
fn first_free_id(out: &OutputDir) -> u32 {
    let file = |number| -> Option<PersonaFile> {
        serde_json::from_slice(&std::fs::read(out.run_dir(number).join(files::PERSONAS)).ok()?).ok()
    };
    let last = |file: PersonaFile| file.personas.iter().map(|persona| persona.id + 1).max();
    // A run that cannot be read is of no known ids; the model of the run before knows all of its own past.
    out.list().unwrap_or_default().into_iter().filter_map(|number| last(file(number)?)).max().unwrap_or(0)
}

/// What became of the earlier personas, in words and names; `None` when there were none.
pub fn figures(
    model: &PersonaModel,
    earlier: &Earlier<'_>,
    table: &FeatureTable,
    stickiness: Stickiness,
    sticky: StickyReport,
) -> Option<NightFigures> {
    let report = model.refit()?;
    let name = |id: u32| {
        let profile = model.profile(id).or_else(|| earlier.model.profile(id));
        profile.map_or_else(String::new, |profile| profile.name.clone())
    };
    let old_name =
        |id: u32| earlier.model.profile(id).map_or_else(|| name(id), |profile| profile.name.clone());
    let one = |found: &Match| PersonaMatch {
        id: found.id,
        name: name(found.id),
        outcome: match found.outcome {
            MatchOutcome::Changed => Outcome::Changed,
            MatchOutcome::New => Outcome::New,
            _ => Outcome::Kept,
        },
        overlap: found.jaccard,
    };
    let parts = |parts: &[Part], name: &dyn Fn(u32) -> String| -> Vec<RegroupedPart> {
        parts
            .iter()
            .map(|part| RegroupedPart { id: part.id, name: name(part.id), share: part.share })
            .collect()
    };
    let known = sticky.n_known;
    Some(NightFigures {
        personas_before: earlier.model.n_personas() as u64,
        matched_by: match report.matched_by {
            MatchedBy::Centroids { .. } => "distance of centroids: no customer is in both runs".to_owned(),
            _ => "customers of both runs".to_owned(),
        },
        matches: report.matches.iter().map(one).collect(),
        gone: report.gone.iter().map(|&id| Named { id, name: old_name(id) }).collect(),
        splits: (report.splits.iter())
            .map(|split| Regrouped {
                id: split.id,
                name: old_name(split.id),
                parts: parts(&split.into, &name),
            })
            .collect(),
        merges: (report.merges.iter())
            .map(|merge| Regrouped {
                id: merge.id,
                name: name(merge.id),
                parts: parts(&merge.from, &old_name),
            })
            .collect(),
        known,
        moved: sticky.n_moved,
        moved_share: (known > 0).then(|| sticky.n_moved as f64 / known as f64),
        moved_by_refit_share: report.moved_share,
        stickiness: stickiness.tau(),
        held: sticky.n_held,
        inertia_paid_share: sticky.inertia_paid_share,
        fresh_start_gain: report.fresh_start_gain,
        structure_changed: report.structure_changed,
        drift: report.drift.iter().map(|drift| drift_figures(drift, table)).collect(),
    })
}

fn drift_figures(drift: &FeatureDrift, table: &FeatureTable) -> Drift {
    let spec = table.spec();
    let label = spec.position(&drift.feature).map_or(drift.feature.as_str(), |at| &spec.features[at].label);
    Drift {
        feature: drift.feature.clone(),
        label: label.to_owned(),
        psi: drift.psi,
        psi_since_chosen: drift.psi_since_chosen,
        psi_by_chance: drift.psi_by_chance,
        words: DriftLevel::of(drift.psi.max(drift.psi_since_chosen)).name().to_owned(),
    }
}

/// What a person should know of a refit, a sentence each.
pub fn warnings(report: &RefitReport) -> Vec<String> {
    let mut said = Vec::new();
    if report.structure_changed {
        said.push(
            "personas: fresh starts fit clearly better than the carried-over personas; --choose-personas finds \
             them anew"
                .to_owned(),
        );
    }
    let changed = report.matches.iter().filter(|found| found.outcome == MatchOutcome::Changed).count() as u64;
    if changed > 0 {
        let personas = counted(changed, "personas");
        said.push(format!("personas: {personas} kept less than half of the customers; look at the names"));
    }
    // A small shop has an index above .1 by chance.
    let drifts = |drift: &&FeatureDrift| {
        DriftLevel::of(drift.psi) == DriftLevel::Large && drift.psi > 3.0 * drift.psi_by_chance
    };
    let drifted: Vec<&str> = report.drift.iter().filter(drifts).map(|drift| drift.feature.as_str()).collect();
    if !drifted.is_empty() {
        let (n, names) = (counted(drifted.len() as u64, "features"), drifted.join(", "));
        said.push(format!("personas: large drift of {n} since the run before: {names}"));
    }
    said
}
