//! What became of the personas of an earlier model: kept, changed, new, gone, split, merged, and why they may be.

use serde::{Deserialize, Serialize};

use super::drift::FeatureDrift;

/// What became of the personas of an earlier model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefitReport {
    /// By persona of this model, in the order of its profiles.
    pub matches: Vec<Match>,
    /// Ids of the earlier model that no persona carries on; they are not used again.
    pub gone: Vec<u32>,
    /// What personas were matched by.
    #[serde(default)]
    pub matched_by: MatchedBy,
    /// Earlier personas that fell apart: each covers at least 60 % of two or more personas of this model.
    #[serde(default)]
    pub splits: Vec<Split>,
    /// Earlier personas that grew together: two or more went to at least 60 % into one of this model.
    #[serde(default)]
    pub merges: Vec<Merge>,
    /// Of the matched customers, the share whom this model puts elsewhere than the earlier one would: what the refit
    /// moved, not what customers did. `None` when the earlier model cannot read the table or nobody was matched.
    #[serde(default)]
    pub moved_share: Option<f64>,
    /// Drift of every feature, the largest first; none against a model that holds no bins.
    #[serde(default)]
    pub drift: Vec<FeatureDrift>,
    /// By how much random starts beat the carried-over start: 1 - inertia / carried-over inertia; negative when
    /// they were worse. `None` when the number of personas was chosen anew, without a carried-over start.
    pub fresh_start_gain: Option<f64>,
    /// Whether that is more than 2 %: the customers group differently than they used to.
    pub structure_changed: bool,
}

/// What personas of two models were matched by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// Customers whom both models assign.
    #[default]
    Customers,
    /// Distance of centroids in the columns of the earlier model, because no customer was known to it.
    Centroids {
        /// Farther ones are not the same: half the smallest distance between earlier centroids.
        limit: f64,
    },
}

/// One persona against the earlier model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// The persona.
    pub id: u32,
    /// Customers in both / customers in either, against the matched earlier persona; `None` without one, or when
    /// centroids were matched.
    pub jaccard: Option<f64>,
    /// Distance to the matched earlier centroid, when centroids were matched.
    #[serde(default)]
    pub distance: Option<f64>,
    /// What that means.
    pub outcome: MatchOutcome,
}

/// What a match means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchOutcome {
    /// At least half in common, or centroids within the limit: id and name stay.
    Kept,
    /// At least 30 % in common: id and name stay, and somebody should look at the name.
    Changed,
    /// Less in common with any: a new id and a new name.
    New,
}

/// An earlier persona that fell apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// The earlier persona.
    pub id: u32,
    /// Personas of this model, with the share of each that comes from the earlier one.
    pub into: Vec<Part>,
}

/// Earlier personas that grew together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Merge {
    /// The persona of this model.
    pub id: u32,
    /// Earlier personas, with the share of each that went there.
    pub from: Vec<Part>,
}

/// A persona and a share of its customers, 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The persona.
    pub id: u32,
    /// Of its matched customers.
    pub share: f64,
}
