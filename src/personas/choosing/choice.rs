//! How many personas: what was asked, what was tried, why it was decided so.

use serde::{Deserialize, Serialize};

/// Mean adjusted Rand index over resamples from which personas count as stable.
pub const MIN_STABILITY: f64 = 0.8;

/// How the number of personas is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// This many.
    Fixed(usize),
    /// From the first to the second, both included, by the rule of [`ChoiceReport`].
    Range(usize, usize),
}

/// One tried number of personas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Number of personas.
    pub k: usize,
    /// Sum of squared distances to the nearest centroid.
    pub inertia: f64,
    /// 1 - inertia / total sum of squares.
    pub explained_share: f64,
    /// Mean of (b - a) / b, a and b the distances to the own and to the second nearest centroid
    /// (Hruschka et al. 2004); `None` for one persona.
    pub simplified_silhouette: Option<f64>,
    /// Standard error of that mean over customers.
    pub standard_error: Option<f64>,
    /// ((T - W) / (k - 1)) / (W / (n - k)) (Calinski, Harabasz 1974), where it is defined.
    pub calinski_harabasz: Option<f64>,
    /// Mean over personas of the worst ratio of spreads to distance (Davies, Bouldin 1979); small is good.
    pub davies_bouldin: Option<f64>,
    /// Mean silhouette over customers; `None` for one persona and where it was not measured.
    pub silhouette: Option<Silhouette>,
    /// How well the personas are found again from a part of the customers; `None` for one persona and where it
    /// was not measured.
    pub stability: Option<Stability>,
    /// The simplified silhouette of customers without groups; `None` where nothing was compared.
    pub null: Option<NullSilhouette>,
    /// Customers of the smallest persona.
    pub smallest: u64,
    /// Whether the smallest persona has at least the asked-for number of customers.
    pub large_enough: bool,
    /// Whether the best run ended by the tolerance.
    pub converged: bool,
}

/// Mean of (b - a) / max(a, b), a and b the mean distances to the customers of the own and of the nearest other
/// persona (Rousseeuw 1987).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silhouette {
    /// The mean.
    pub mean: f64,
    /// Customers it was measured on.
    pub n_rows: usize,
    /// Where the mean over all customers lies with 95 %; `None` when it was measured on all.
    pub interval: Option<[f64; 2]>,
}

/// How well personas are found again from a part of the customers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stability {
    /// How often they were looked for again.
    pub n_resamples: usize,
    /// Mean adjusted Rand index with the personas of all customers: 1 for the same, 0 for chance.
    pub adjusted_rand: f64,
    /// The persona that is found again worst: its mean best Jaccard overlap.
    pub least_jaccard: f64,
}

/// The simplified silhouette of tables without clusters that have the same cells in every feature and the same
/// correlations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NullSilhouette {
    /// Mean over the tables.
    pub mean: f64,
    /// Standard error of the mean.
    pub standard_error: f64,
}

/// Whether customers fall into groups, or only differ by degrees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Structure {
    /// Whether they do: a p-value of at most .05.
    pub found: bool,
    /// The share of the table and its replicates without clusters that are at least as well separated.
    pub p_value: f64,
    /// Replicates without clusters.
    pub n_replicates: usize,
}

/// How well one persona is found again (Hennig 2007).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steadiness {
    /// A mean best Jaccard overlap of at least .85.
    VeryStable,
    /// At least .75.
    Stable,
    /// At least .5: there is a pattern, but who belongs to it is unsure.
    Unsure,
    /// Less: from other customers another persona would have come out.
    Dissolved,
}

/// Mean Jaccard overlap from which a persona counts as very stable.
const VERY_STABLE: f64 = 0.85;

impl Steadiness {
    /// What a mean best Jaccard overlap means.
    #[must_use]
    pub fn of(jaccard: f64) -> Self {
        match jaccard {
            j if j >= VERY_STABLE => Self::VeryStable,
            j if j >= 0.75 => Self::Stable,
            j if j >= 0.5 => Self::Unsure,
            _ => Self::Dissolved,
        }
    }
}

/// Why this number of personas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Reason {
    /// It was asked for.
    Asked,
    /// The largest number of which every persona is very stable, among those whose personas are large enough and
    /// that are stable and at least half as well separated as the best.
    Steady {
        /// The best separated number.
        best_k: usize,
    },
    /// The smallest number within one standard error of the best separated one, among those whose personas are
    /// large enough and stable, because some persona of each is not very stable.
    #[serde(alias = "silhouette")]
    Separated {
        /// The best separated number.
        best_k: usize,
    },
    /// The most stable number whose personas are large enough, because none is stable.
    MostStable,
    /// One persona for all, because the customers differ by degrees only and the range starts at one.
    NoStructure,
    /// One persona for all, because no tried number has only personas that are large enough.
    NoneLargeEnough,
    /// One persona for all, because the customers do not differ enough to be told apart.
    TooFewDistinct {
        /// Distinct customers after the transform.
        n_distinct: usize,
        /// At least so many would be needed.
        needed: usize,
    },
    /// The number of an earlier model, see `refit_from`.
    Frozen,
}

/// What was tried and what was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChoiceReport {
    /// What was asked.
    pub asked: Choice,
    /// The number of personas.
    pub k: usize,
    /// Why.
    pub reason: Reason,
    /// The least customers a persona should have.
    pub min_size: usize,
    /// Everything that was tried, ascending.
    pub candidates: Vec<Candidate>,
    /// Numbers in the range that could not be tried, with the refusal.
    pub refused: Vec<(usize, String)>,
    /// Whether customers fall into groups at all; `None` where it was not judged.
    #[serde(default)]
    pub structure: Option<Structure>,
    /// By persona, in the order of the profiles, the mean best Jaccard overlap with the personas of resamples; see
    /// [`Steadiness::of`]. Empty where it was not measured.
    #[serde(default)]
    pub jaccards: Vec<f64>,
    /// How the number was chosen, when it is that of an earlier model.
    #[serde(default)]
    pub earlier: Option<Box<ChoiceReport>>,
}

impl ChoiceReport {
    /// The report of the fit that chose the number: this one, or the earlier one that it carries on.
    #[must_use]
    pub fn first(&self) -> &Self {
        self.earlier.as_deref().unwrap_or(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_of_steadiness_belong_to_the_better_side() {
        let of = |jaccards: [f64; 2]| jaccards.map(Steadiness::of);
        assert_eq!(of([1.0, 0.85]), [Steadiness::VeryStable; 2]);
        assert_eq!(of([0.849, 0.75]), [Steadiness::Stable; 2]);
        assert_eq!(of([0.749, 0.5]), [Steadiness::Unsure; 2]);
        assert_eq!(of([0.499, 0.0]), [Steadiness::Dissolved; 2]);
    }

    #[test]
    fn reports_of_earlier_versions_can_be_read() {
        let text = r#"{"asked": {"range": [2, 3]}, "k": 2, "reason": {"type": "silhouette", "best_k": 3},
            "min_size": 25, "candidates": [{"k": 2, "inertia": 1.0, "explained_share": 0.5,
            "simplified_silhouette": 0.4, "standard_error": 0.01, "calinski_harabasz": null, "smallest": 30,
            "large_enough": true, "converged": true}], "refused": []}"#;
        let report: ChoiceReport = serde_json::from_str(text).unwrap();
        assert_eq!(report.reason, Reason::Separated { best_k: 3 });
        assert_eq!((report.structure.clone(), report.candidates[0].stability.clone()), (None, None));
        assert_eq!(report.first(), &report);
    }
}
