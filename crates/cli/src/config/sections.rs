//! The sections of a job file. What a key means is said to people by `config show`, see [`super::show`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use bespoke::decide::PolicyParams;
use bespoke::error::ParamError;
use bespoke::personas::Relevance;
use bespoke_io::SourceConfig;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::segments::Segments;
use super::values::{AsOf, ByteSize, PersonaCount};

/// Also the default of `churn.horizon_days`, which follows the job.
const DEFAULT_HORIZON_DAYS: u32 = 90;

/// A job, every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobConfig {
    pub job: Job,
    #[serde(default)]
    pub source: Sources,
    #[serde(default)]
    pub personas: Personas,
    #[serde(default)]
    pub segments: Segments,
    #[serde(default)]
    pub recommend: Recommend,
    #[serde(default)]
    pub cltv: Cltv,
    #[serde(default)]
    pub churn: Churn,
    #[serde(default = "default_policy")]
    pub decide: PolicyParams,
    #[serde(default)]
    pub output: Output,
    #[serde(default)]
    pub limits: Limits,
}

/// The sources by name; paths are resolved.
pub type Sources = BTreeMap<String, SourceConfig>;

/// What a job without `[decide]` does: ten slots, nothing the customer already has.
fn default_policy() -> PolicyParams {
    PolicyParams::new(10)
}

/// `[job]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    #[serde(default = "latest")]
    pub as_of: AsOf,
    #[serde(default = "default_seed")]
    pub seed: u64,
    pub time_zone: String,
    pub currency: String,
    #[serde(default = "default_horizon_days")]
    pub horizon_days: u32,
    #[serde(default = "default_max_rejected_share")]
    pub max_rejected_share: f64,
}

fn latest() -> AsOf {
    AsOf::Latest
}

fn default_seed() -> u64 {
    1
}

fn default_horizon_days() -> u32 {
    DEFAULT_HORIZON_DAYS
}

fn default_max_rejected_share() -> f64 {
    0.01
}

/// `[personas]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Personas {
    pub k: PersonaCount,
    pub runs: u32,
    /// Absent: 25, or a twentieth of the customers when that is less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_size: Option<u32>,
    pub resamples: u32,
    pub behaviour_weight: f64,
    pub demographics_weight: f64,
    /// Factors by family of features.
    pub family_weights: BTreeMap<String, f64>,
    /// Factors by feature.
    pub feature_weights: BTreeMap<String, f64>,
    /// Features that are reported and have no say; those of the default that a job lacks are no mistake.
    pub sensitive: Vec<String>,
    pub relevance: Relevance,
    pub stickiness: f64,
}

/// What the law of many places forbids to treat people by, under usual names of columns.
pub const SENSITIVE: [&str; 11] = [
    "disability",
    "ethnicity",
    "gender",
    "geschlecht",
    "health",
    "nationality",
    "politics",
    "race",
    "religion",
    "sex",
    "sexual_orientation",
];

impl Default for Personas {
    fn default() -> Self {
        let k = PersonaCount::Range(2, 10);
        Self {
            k,
            runs: 10,
            min_size: None,
            resamples: 20,
            behaviour_weight: 1.0,
            demographics_weight: 1.0,
            family_weights: BTreeMap::new(),
            feature_weights: BTreeMap::new(),
            sensitive: SENSITIVE.map(str::to_owned).to_vec(),
            relevance: Relevance::Learned,
            stickiness: 0.05,
        }
    }
}

/// `[recommend]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recommend {
    pub factors: u32,
    pub epochs: u32,
    pub alpha0: f64,
    pub lambda: f64,
    pub popularity_half_life_days: f64,
    pub backtest_days: u32,
}

impl Default for Recommend {
    fn default() -> Self {
        Self {
            factors: 64,
            epochs: 15,
            alpha0: 0.3,
            lambda: 0.007,
            popularity_half_life_days: 30.0,
            backtest_days: 28,
        }
    }
}

/// `[cltv]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cltv {
    pub horizon_days: u32,
    pub annual_discount_rate: f64,
    pub margin: f64,
}

impl Default for Cltv {
    fn default() -> Self {
        Self { horizon_days: 365, annual_discount_rate: 0.0, margin: 1.0 }
    }
}

/// `[churn]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Churn {
    pub horizon_days: u32,
    pub active_within_days: u32,
}

impl Default for Churn {
    fn default() -> Self {
        Self { horizon_days: DEFAULT_HORIZON_DAYS, active_within_days: 180 }
    }
}

/// `[output]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Output {
    pub dir: PathBuf,
    pub keep: u32,
    pub csv: bool,
    pub publishing_counts: PublishingCounts,
}

impl Default for Output {
    fn default() -> Self {
        Self { dir: PathBuf::from("out"), keep: 7, csv: false, publishing_counts: PublishingCounts::Never }
    }
}

/// Whether publishing a run counts as having shown what it recommends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublishingCounts {
    /// Only exposures in the data count.
    Never,
    /// Every published recommendation counts as an exposure.
    Decided,
}

/// `[limits]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
}

impl JobConfig {
    /// The rules of the job itself.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn check(&self) -> Result<(), ParamError> {
        let Job { time_zone, currency, horizon_days, max_rejected_share, .. } = &self.job;
        TimeZone::get(time_zone)
            .map_err(|_| ParamError::new("job.time_zone", time_zone, "a time zone such as Europe/London"))?;
        let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
        rule(is_code, "job.currency", currency, "an ISO 4217 code such as EUR")?;
        rule(*horizon_days >= 1, "job.horizon_days", horizon_days, "at least 1")?;
        let is_share = (0.0..=1.0).contains(max_rejected_share);
        rule(is_share, "job.max_rejected_share", max_rejected_share, "within 0..=1")?;
        rule(self.output.keep >= 1, "output.keep", self.output.keep, "at least 1")
    }

    /// The business zone that defines days.
    ///
    /// # Errors
    /// When the zone is not known; [`JobConfig::check`] refuses that.
    pub fn zone(&self) -> Result<TimeZone, jiff::Error> {
        TimeZone::get(&self.job.time_zone)
    }

    /// What the results depend on, for `run.json`: everything but where files lie, what is kept and how much
    /// memory may be used. The inputs themselves are named by their fingerprints.
    pub fn parameters(&self) -> Result<Table, toml::ser::Error> {
        let mut all = Table::try_from(self)?;
        all.remove("output");
        all.remove("limits");
        if let Some(Value::Table(sources)) = all.get_mut("source") {
            for (_, source) in sources.iter_mut() {
                source.as_table_mut().and_then(|source| source.remove("path"));
            }
        }
        Ok(all)
    }
}

fn rule(holds: bool, field: &str, value: impl ToString, rule: &'static str) -> Result<(), ParamError> {
    if holds { Ok(()) } else { Err(ParamError::new(field, value, rule)) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SMALL, read};

    #[test]
    fn parameters_do_not_depend_on_where_files_lie() {
        let here = read(SMALL, &["source.a.path=a.csv", "source.a.decimal=,", "output.dir=x"]).unwrap();
        let there = read(SMALL, &["source.a.path=/b/a.csv", "source.a.decimal=,", "output.dir=y"]).unwrap();
        let parameters = here.parameters().unwrap();
        assert_eq!(parameters, there.parameters().unwrap());
        assert_eq!(parameters["source"]["a"]["decimal"].as_str(), Some(","));
        assert_eq!(parameters["job"]["seed"].as_integer(), Some(1));
    }
}
