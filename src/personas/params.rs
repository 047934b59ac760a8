//! Parameters of personas.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::choosing::choice::Choice;
use crate::error::ParamError;
use crate::features::FeatureFamily;
#[cfg(feature = "train")]
use crate::features::{FeatureDef, FeatureSpec};
use crate::kernels::KernelLevel;
use crate::params::{Params, count_in, finite_in};

/// Most personas a person can tell apart, generously.
const MAX_PERSONAS: usize = 1000;

/// Unchecked parameters of personas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonaParams {
    /// How many personas.
    pub k: Choice,
    /// Random starts for every tried number, of which the one with the lowest inertia is kept.
    #[serde(default = "default_n_init")]
    pub n_init: usize,
    /// Updates of the centroids after which a run stops.
    #[serde(default = "default_max_iterations")]
    pub max_iterations: usize,
    /// A run stops when the summed squared movement of the centroids is at most this share of the mean variance
    /// of a column.
    #[serde(default = "default_tolerance")]
    pub tolerance: f64,
    /// Least customers of a persona when the number is chosen from a range; by default 25, or a twentieth of the
    /// customers when that is less, but at least 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_size: Option<usize>,
    /// How often personas are found again from a part of the customers when their number is chosen, which says how
    /// stable they are; 0 leaves this and the comparison with customers without groups out.
    #[serde(default = "default_n_resamples")]
    pub n_resamples: usize,
    /// What a unit of variance in behaviour counts in the squared distance.
    #[serde(default = "default_group_weight")]
    pub behaviour_weight: f64,
    /// What a unit of variance in demographics counts in the squared distance.
    #[serde(default = "default_group_weight")]
    pub demographics_weight: f64,
    /// By family of features, see [`FeatureFamily::name`], a factor of its weight.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub family_weights: BTreeMap<String, f64>,
    /// By feature a factor of its weight. Features that a table lacks are reported.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub feature_weights: BTreeMap<String, f64>,
    /// Features that say nothing in the distance and are only reported, whatever the case of their letters. Features
    /// that a table lacks are reported.
    #[serde(default)]
    pub sensitive: Vec<String>,
    /// Whether features weigh by how much they have to do with each other.
    #[serde(default)]
    pub relevance: Relevance,
    /// Seed of the random starts.
    pub seed: u64,
}

/// How features weigh beside their weights in the parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relevance {
    /// Features that have nothing to do with the groups that the other ones form lose their say.
    #[default]
    Learned,
    /// All the same.
    Even,
}

pub(crate) fn default_n_init() -> usize {
    10
}

pub(crate) fn default_max_iterations() -> usize {
    300
}

pub(crate) fn default_tolerance() -> f64 {
    1e-4
}

fn default_n_resamples() -> usize {
    20
}

fn default_group_weight() -> f64 {
    1.0
}

impl PersonaParams {
    /// Exactly `k` personas; everything else by default (10 starts, 300 iterations, tolerance 1e-4, 20
    /// resamples, weights 1).
    #[must_use]
    pub fn new(k: usize, seed: u64) -> Self {
        Self::with_choice(Choice::Fixed(k), seed)
    }

    /// The best of `low..=high` personas; everything else by default.
    #[must_use]
    pub fn from_range(low: usize, high: usize, seed: u64) -> Self {
        Self::with_choice(Choice::Range(low, high), seed)
    }

    fn with_choice(k: Choice, seed: u64) -> Self {
        Self {
            k,
            n_init: default_n_init(),
            max_iterations: default_max_iterations(),
            tolerance: default_tolerance(),
            min_size: None,
            n_resamples: default_n_resamples(),
            behaviour_weight: default_group_weight(),
            demographics_weight: default_group_weight(),
            family_weights: BTreeMap::new(),
            feature_weights: BTreeMap::new(),
            sensitive: Vec::new(),
            relevance: Relevance::Learned,
            seed,
        }
    }

    /// The first broken rule, if any.
    ///
    /// # Errors
    /// A [`ParamError`] naming field, value and rule.
    pub fn validate(&self) -> Result<(), ParamError> {
        let (low, high) = match self.k {
            Choice::Fixed(k) => (k, k),
            Choice::Range(low, high) => (low, high),
        };
        count_in("personas.k", low, 1, MAX_PERSONAS, "from 1 to 1000")?;
        count_in("personas.k", high, low, MAX_PERSONAS, "from the lower end of the range to 1000")?;
        validate_runs("personas", self.n_init, self.max_iterations, self.tolerance)?;
        if let Some(min_size) = self.min_size {
            count_in("personas.min_size", min_size, 1, usize::MAX, "at least 1")?;
        }
        count_in("personas.n_resamples", self.n_resamples, 0, 1000, "from 0 to 1000")?;
        group_weight("personas.behaviour_weight", self.behaviour_weight)?;
        group_weight("personas.demographics_weight", self.demographics_weight)?;
        if self.behaviour_weight == 0.0 && self.demographics_weight == 0.0 {
            let rule = "greater than 0 when personas.behaviour_weight is 0";
            return Err(ParamError::new("personas.demographics_weight", self.demographics_weight, rule));
        }
        for (family, &weight) in &self.family_weights {
            if !FeatureFamily::ALL.iter().any(|known| known.name() == family) {
                let rule =
                    "purchases, assortment, windows, refunds, rhythm, browsing, demographics or models";
                return Err(ParamError::new("a family in personas.family_weights", family, rule));
            }
            group_weight(&format!("personas.family_weights.{family}"), weight)?;
        }
        for (feature, &weight) in &self.feature_weights {
            group_weight(&format!("personas.feature_weights.{feature}"), weight)?;
        }
        Ok(())
    }
}

#[cfg(feature = "train")]
impl PersonaParams {
    /// What a unit of variance in a feature counts: the weight of behaviour or of demographics, times those of its
    /// family and of itself.
    #[must_use]
    pub fn weight_of(&self, def: &FeatureDef) -> f64 {
        let group = match def.family {
            FeatureFamily::Demographics => self.demographics_weight,
            _ => self.behaviour_weight,
        };
        let factor = |of: &BTreeMap<String, f64>, name: &str| of.get(name).copied().unwrap_or(1.0);
        group * factor(&self.family_weights, def.family.name()) * factor(&self.feature_weights, &def.name)
    }

    /// Whether a feature is only reported.
    pub(crate) fn is_sensitive(&self, feature: &str) -> bool {
        self.sensitive.iter().any(|name| name.eq_ignore_ascii_case(feature))
    }

    /// Features named here that a table lacks.
    pub(crate) fn unknown_features(&self, spec: &FeatureSpec) -> Vec<String> {
        let is_known = |name: &str| spec.features.iter().any(|def| def.name.eq_ignore_ascii_case(name));
        let weighed = self.feature_weights.keys().filter(|name| spec.position(name).is_none());
        weighed.chain(self.sensitive.iter().filter(|name| !is_known(name))).cloned().collect()
    }
}

/// The rules that personas share with k-means on arrays.
pub(crate) fn validate_runs(
    room: &str,
    n_init: usize,
    max_iterations: usize,
    tolerance: f64,
) -> Result<(), ParamError> {
    count_in(&format!("{room}.n_init"), n_init, 1, 10_000, "from 1 to 10000")?;
    count_in(&format!("{room}.max_iterations"), max_iterations, 1, 100_000, "from 1 to 100000")?;
    let rule = "finite and greater than 0 (at most 1)";
    finite_in(&format!("{room}.tolerance"), tolerance, 0.0, 1.0, rule)
}

fn group_weight(field: &str, weight: f64) -> Result<(), ParamError> {
    if (0.0..=100.0).contains(&weight) {
        Ok(())
    } else {
        Err(ParamError::new(field, weight, "from 0 to 100"))
    }
}

impl Params for PersonaParams {
    type Checked = PersonaValid;

    fn check(self) -> Result<PersonaValid, ParamError> {
        self.validate()?;
        Ok(PersonaValid { params: self, level: KernelLevel::detect() })
    }
}

/// Checked parameters of personas.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonaValid {
    params: PersonaParams,
    level: KernelLevel,
}

impl PersonaValid {
    /// The parameters.
    #[must_use]
    pub fn params(&self) -> &PersonaParams {
        &self.params
    }

    /// The least customers of a persona among `n_customers`.
    #[must_use]
    pub fn min_size(&self, n_customers: usize) -> usize {
        self.params.min_size.unwrap_or_else(|| (n_customers / 20).clamp(2, 25))
    }

    /// The instructions to compute with.
    #[must_use]
    pub fn kernel(&self) -> KernelLevel {
        self.level
    }

    /// Computes with the given instructions; all levels give the same bytes.
    ///
    /// # Panics
    /// When this processor does not have them: a programmer error.
    #[must_use]
    pub fn with_kernel(self, level: KernelLevel) -> Self {
        assert!(level.available(), "{level:?} is not available on this processor");
        Self { level, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_broken_rule_is_refused_by_name() {
        let base = || PersonaParams::from_range(2, 10, 1);
        let one = |name: &str, weight: f64| BTreeMap::from([(name.to_owned(), weight)]);
        assert!(base().check().is_ok());
        let broken = [
            (PersonaParams { k: Choice::Fixed(0), ..base() }, "personas.k is 0"),
            (PersonaParams { k: Choice::Fixed(1001), ..base() }, "personas.k is 1001"),
            (PersonaParams { k: Choice::Range(5, 4), ..base() }, "personas.k is 4"),
            (PersonaParams { n_init: 0, ..base() }, "personas.n_init is 0"),
            (PersonaParams { max_iterations: 0, ..base() }, "personas.max_iterations is 0"),
            (PersonaParams { tolerance: f64::NAN, ..base() }, "personas.tolerance is NaN"),
            (PersonaParams { tolerance: 0.0, ..base() }, "personas.tolerance is 0"),
            (PersonaParams { min_size: Some(0), ..base() }, "personas.min_size is 0"),
            (PersonaParams { n_resamples: 1001, ..base() }, "personas.n_resamples is 1001"),
            (PersonaParams { behaviour_weight: f64::NAN, ..base() }, "personas.behaviour_weight is NaN"),
            (PersonaParams { behaviour_weight: -1.0, ..base() }, "personas.behaviour_weight is -1"),
            (
                PersonaParams { demographics_weight: f64::INFINITY, ..base() },
                "personas.demographics_weight is inf",
            ),
            (
                PersonaParams { behaviour_weight: 0.0, demographics_weight: 0.0, ..base() },
                "personas.demographics_weight is 0",
            ),
            (
                PersonaParams { family_weights: one("rythm", 1.0), ..base() },
                "a family in personas.family_weights is rythm",
            ),
            (
                PersonaParams { family_weights: one("rhythm", -0.5), ..base() },
                "personas.family_weights.rhythm is -0.5",
            ),
            (
                PersonaParams { feature_weights: one("revenue", f64::NAN), ..base() },
                "personas.feature_weights.revenue is NaN",
            ),
        ];
        for (params, message) in broken {
            let error = params.check().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn parameters_survive_a_round_trip_and_refuse_unknown_keys() {
        let params = PersonaParams { min_size: Some(30), ..PersonaParams::new(8, 3) };
        let text = serde_json::to_string(&params).unwrap();
        assert_eq!(serde_json::from_str::<PersonaParams>(&text).unwrap(), params);
        let short: PersonaParams = serde_json::from_str(r#"{"k": {"range": [2, 10]}, "seed": 1}"#).unwrap();
        assert_eq!(short, PersonaParams::from_range(2, 10, 1));
        let unknown = serde_json::from_str::<PersonaParams>(r#"{"k": {"fixed": 2}, "seed": 1, "tol": 1}"#);
        assert!(unknown.unwrap_err().to_string().contains("tol"));
    }
}
