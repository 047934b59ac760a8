//! How many personas: what was asked, what was tried, why it was decided so.

use serde::{Deserialize, Serialize};

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
    /// Customers of the smallest persona.
    pub smallest: u64,
    /// Whether the smallest persona has at least the asked-for number of customers.
    pub large_enough: bool,
    /// Whether the best run ended by the tolerance.
    pub converged: bool,
}

/// Why this number of personas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Reason {
    /// It was asked for.
    Asked,
    /// The smallest number within one standard error of the largest simplified silhouette, among those whose
    /// smallest persona is large enough.
    Silhouette {
        /// The number with the largest simplified silhouette.
        best_k: usize,
    },
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
}
