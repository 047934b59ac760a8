//! The models of a run: people's and items', fitted side by side.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use bespoke::bundle::{BundleKind, Models, read_bundle};
use bespoke::churn::ChurnModel;
use bespoke::decide::{Catalogue, PolicyParams};
use bespoke::error::ParamError;
use bespoke::features::{FeatureOptions, FeaturePlan, FeatureTable, Snapshot};
use bespoke::kernels::KernelLevel;
use bespoke::params::Params;
use bespoke::personas::{Assignment, PersonaModel, Stickiness};
use bespoke::rules::Rule;

use super::churn::{self, Leaving};
use super::input::Input;
use super::nights::{self, Earlier};
use super::value::{self, Value};
use super::{Task, personas, recommend};
use crate::config::{JobConfig, segments};
use crate::outputs::night_figures::NightFigures;
use crate::outputs::run_record::{Metric, NotAvailable};
use crate::timing::Stages;

/// Checked parameters of every stage, so that a wrong one is found before anything is read.
pub struct Valid {
    personas: bespoke::personas::PersonaValid,
    stickiness: Stickiness,
    cltv: bespoke::cltv::CltvValid,
    churn: bespoke::churn::ChurnValid,
    recommend: recommend::Recommenders,
    pub policy: bespoke::decide::Policy,
    /// The policy as TOML.
    pub policy_text: String,
    /// Segments of the job by name.
    pub rules: Vec<(String, Rule)>,
}

impl Valid {
    /// Checks them.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn of(job: &JobConfig, kernel: KernelLevel) -> Result<Self> {
        Self::checked(job, kernel).map_err(|error| match error.downcast::<ParamError>() {
            Ok(refused) => in_words_of_the_job(refused).into(),
            Err(other) => other,
        })
    }

    fn checked(job: &JobConfig, kernel: KernelLevel) -> Result<Self> {
        let policy: PolicyParams = job.decide.clone();
        let policy_text = toml::to_string(&policy).context("the policy as text")?;
        Ok(Self {
            personas: personas::params(job, kernel)?,
            stickiness: personas::stickiness(job)?,
            cltv: value::params(job)?,
            churn: churn::params(job)?,
            recommend: recommend::Recommenders::new(job, kernel)?,
            policy: policy.check()?,
            policy_text,
            rules: segments::rules(job).map_err(|problem| anyhow!(problem.message))?,
        })
    }
}

/// Keys of a job file that have another name than the parameter of the library.
const KEYS: [(&str, &str); 8] = [
    ("personas.n_init", "personas.runs"),
    ("personas.n_resamples", "personas.resamples"),
    ("churn.eligible_days", "churn.active_within_days"),
    ("recommend.ials.n_factors", "recommend.factors"),
    ("recommend.ials.n_epochs", "recommend.epochs"),
    ("recommend.ials.alpha0", "recommend.alpha0"),
    ("recommend.ials.lambda", "recommend.lambda"),
    ("recommend.popularity.half_life_days", "recommend.popularity_half_life_days"),
];

fn in_words_of_the_job(mut refused: ParamError) -> ParamError {
    if let Some((_, key)) = KEYS.iter().find(|(name, _)| *name == refused.field) {
        (*key).clone_into(&mut refused.field);
    }
    refused
}

/// What the models of a run say.
pub struct Fitted {
    pub models: Arc<Models>,
    pub table: FeatureTable,
    pub assigned: Vec<Assignment>,
    /// Against the personas of the run before; absent at the first run.
    pub nights: Option<NightFigures>,
    pub value: Value,
    pub leaving: Option<Leaving>,
    pub metrics: Vec<Metric>,
    pub not_available: Vec<NotAvailable>,
    pub warnings: Vec<String>,
}

/// Fits, backtests and scores.
///
/// # Errors
/// When a table and a model of this run do not fit: a bug.
pub fn fit(
    task: &Task<'_>,
    timing: &Stages,
    valid: &Valid,
    input: &Input,
    catalogue: &Catalogue,
) -> Result<Fitted> {
    let ui = &task.session.ui;
    let mut warnings = input.warnings.clone();
    let previous = previous_models(task, &mut warnings);
    let carried = previous.as_ref().filter(|_| !task.choose_personas);
    let (plan, table) = timing.measure(ui, "features", |_| features(input, carried));
    let scored = table.select(&input.scored);
    drop(table);
    let before = previous.as_ref().and_then(Models::personas);
    let earlier = before.map(|model| Earlier::of(task, model, input, &mut warnings));
    // People and items do not need each other: together they keep all threads busy through their serial parts.
    let (people, items) = timing.measure(ui, "models", |_| {
        rayon::join(
            || people(task, timing, valid, input, &plan, &scored, earlier.as_ref()),
            || items(timing, valid, input),
        )
    });
    let (people, items) = (people?, items?);
    let notes = people.notes.and(items.notes);
    warnings.extend(notes.warnings);
    let models = Models::new(catalogue, &items.fitted.popularity, items.fitted.factors.ok()).with(
        Some(plan),
        people.personas,
        people.value.model.clone(),
        people.churn,
    );
    let People { assigned, nights, value, leaving, .. } = people;
    let Notes { metrics, not_available, .. } = notes;
    let models = Arc::new(models);
    Ok(Fitted { models, table: scored, assigned, nights, value, leaving, metrics, not_available, warnings })
}

/// What stages have to say beside their results.
#[derive(Default)]
struct Notes {
    metrics: Vec<Metric>,
    not_available: Vec<NotAvailable>,
    warnings: Vec<String>,
}

impl Notes {
    fn absent(&mut self, stage: &str, reason: String) {
        self.not_available.push(NotAvailable { stage: stage.to_owned(), reason });
    }

    fn and(mut self, later: Self) -> Self {
        self.metrics.extend(later.metrics);
        self.not_available.extend(later.not_available);
        self.warnings.extend(later.warnings);
        self
    }
}

/// Models of customers.
struct People {
    personas: Option<PersonaModel>,
    assigned: Vec<Assignment>,
    nights: Option<NightFigures>,
    value: Value,
    churn: Option<ChurnModel>,
    leaving: Option<Leaving>,
    notes: Notes,
}

fn people(
    task: &Task<'_>,
    timing: &Stages,
    valid: &Valid,
    input: &Input,
    plan: &FeaturePlan,
    scored: &FeatureTable,
    earlier: Option<&Earlier<'_>>,
) -> Result<People> {
    let mut notes = Notes::default();
    let found =
        timing.note("personas", || personas::fit(&valid.personas, scored, earlier, &mut notes.warnings));
    let (mut personas, mut assigned, mut nights) = (None, Vec::new(), None);
    match found {
        Ok(model) => {
            (assigned, nights) = assign(valid.stickiness, &model, earlier, scored)?;
            personas = Some(model);
        }
        Err(error) => notes.absent("personas", error.to_string()),
    }
    let mut value = timing.note("value", || value::run(&valid.cltv, input));
    notes.metrics.append(&mut value.metrics);
    notes.not_available.append(&mut value.not_available);
    notes.warnings.append(&mut value.warnings);
    let (mut churn, mut leaving) = (None, None);
    let fitted = match input.without_events() {
        Some(reason) => Err(reason.to_owned()),
        None => timing
            .note("churn", || churn::fit(&valid.churn, task.job, input, plan))
            .map_err(|error| error.to_string()),
    };
    match fitted {
        Ok(model) => {
            let table = churn::table_at(input, plan, input.as_of, &value.rows)?.select(&input.scored);
            leaving = Some(churn::score(&model, &table)?);
            notes.warnings.extend(model.warnings().iter().map(|warning| format!("churn: {warning}")));
            notes.metrics.extend(churn::metrics(&model));
            churn = Some(model);
        }
        Err(reason) => notes.absent("churn", reason),
    }
    Ok(People { personas, assigned, nights, value, churn, leaving, notes })
}

/// The personas of customers, with those they had before as a lean, and what became of these.
fn assign(
    stickiness: Stickiness,
    model: &PersonaModel,
    earlier: Option<&Earlier<'_>>,
    scored: &FeatureTable,
) -> Result<(Vec<Assignment>, Option<NightFigures>)> {
    let Some(earlier) = earlier else { return Ok((model.predict(scored)?, None)) };
    let (assigned, report) = model.predict_from(scored, &earlier.given, stickiness)?;
    Ok((assigned, nights::figures(model, earlier, scored, stickiness, report)))
}

/// Models of items.
struct Items {
    fitted: recommend::Fitted,
    notes: Notes,
}

fn items(timing: &Stages, valid: &Valid, input: &Input) -> Result<Items> {
    let mut notes = Notes::default();
    if let Some(reason) = input.without_items() {
        notes.absent("recommend", reason.to_owned());
        return Ok(Items { fitted: valid.recommend.fit(input)?, notes });
    }
    // Two fits at once keep the threads busy through the serial parts of each.
    let (backtest, fitted) = rayon::join(
        || timing.note("backtest", || valid.recommend.backtest(input)),
        || timing.note("recommend", || valid.recommend.fit(input)),
    );
    match backtest {
        Ok(found) => {
            notes.warnings.extend(recommend::warning(&found));
            notes.metrics.extend(found);
        }
        Err(reason) => notes.warnings.push(format!("recommendations were not backtested: {reason}")),
    }
    let fitted = fitted?;
    if let Err(error) = &fitted.factors {
        notes.absent("recommend", format!("only popularity: {error}"));
    }
    Ok(Items { fitted, notes })
}

/// The models of the run before, for warm starts; what cannot be read is said and done without.
fn previous_models(task: &Task<'_>, warnings: &mut Vec<String>) -> Option<Models> {
    let path = task.previous.as_ref()?.join("model.bespoke");
    let read = || -> Result<Models> { Ok(Models::from_bundle(&read_bundle(&path, BundleKind::Model)?)?) };
    match read() {
        Ok(models) => Some(models),
        Err(error) => {
            warnings.push(format!("the models of the run before cannot be carried on: {error:#}"));
            None
        }
    }
}

/// Features by the plan of the run before where it still fits, so that personas keep their meaning.
fn features(input: &Input, previous: Option<&Models>) -> (FeaturePlan, FeatureTable) {
    let snapshot = Snapshot::new(&input.tables, input.as_of, &input.calendar);
    if let Some(plan) = previous.and_then(Models::plan)
        && let Ok(table) = snapshot.features_by(plan)
    {
        return (plan.clone(), table);
    }
    let plan = snapshot.plan(&FeatureOptions::default());
    let table = snapshot.features_by(&plan).expect("the plan is of these tables");
    (plan, table)
}
