//! Figures of `personas.json` about the personas of the run before: what became of them and who moved.

use serde::{Deserialize, Serialize};

/// The personas against those of the run before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NightFigures {
    /// Personas of the run before.
    pub personas_before: u64,
    /// What they were matched by, a sentence part: `customers of both runs`.
    pub matched_by: String,
    /// In the order of the personas.
    pub matches: Vec<PersonaMatch>,
    /// Personas that nothing carries on.
    pub gone: Vec<Named>,
    /// Personas of the run before that make up at least 60 % of two or more of this run.
    pub splits: Vec<Regrouped>,
    /// Personas of this run into which two or more of the run before went to at least 60 %.
    pub merges: Vec<Regrouped>,
    /// Customers of both runs.
    pub known: u64,
    /// Of those, who are in another persona.
    pub moved: u64,
    /// Of those, as a share; absent when nobody is known.
    pub moved_share: Option<f64>,
    /// Share of customers whom the new personas alone would move, with nothing else changed; absent when the personas
    /// before cannot be asked.
    pub moved_by_refit_share: Option<f64>,
    /// Margin by which another persona must be nearer.
    pub stickiness: f64,
    /// Customers who stayed only because of it.
    pub held: u64,
    /// What that costs, as a share of the sum of squared distances.
    pub inertia_paid_share: f64,
    /// By how much random starts fit better than the personas before; negative when worse.
    pub fresh_start_gain: Option<f64>,
    pub structure_changed: bool,
    /// Of features, the largest first.
    pub drift: Vec<Drift>,
}

/// A persona against the run before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonaMatch {
    pub id: u32,
    pub name: String,
    pub outcome: Outcome,
    /// Customers in both over customers in either; absent without a counterpart.
    pub overlap: Option<f64>,
}

/// What became of a persona.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Kept,
    /// Id and name stay, and the name should be looked at.
    Changed,
    New,
}

/// A persona by id and name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    pub id: u32,
    pub name: String,
}

/// A persona and those it fell into or grew from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regrouped {
    pub id: u32,
    pub name: String,
    pub parts: Vec<RegroupedPart>,
}

/// A part with its share, 0..=1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegroupedPart {
    pub id: u32,
    pub name: String,
    pub share: f64,
}

/// Drift of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    pub feature: String,
    /// In words.
    pub label: String,
    /// Population stability index against the run before.
    pub psi: f64,
    /// Against the run in which the number of personas was chosen.
    pub psi_since_chosen: f64,
    /// What it would be on average without any drift.
    pub psi_by_chance: f64,
    /// `stable`, `moderate drift` or `large drift`, by the larger of the first two.
    pub words: String,
}
