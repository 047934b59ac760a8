//! The stages in their order: read -> features -> personas -> value -> churn -> recommend -> decide -> tables.

use anyhow::{Context, Result};
use bespoke::bundle::{Bundle, BundleKind, Models, Profiles, read_bundle};
use bespoke::churn::ChurnModel;
use bespoke::decide::{CustomerState, PolicyParams};
use bespoke::engine::World;
use bespoke::features::{
    FeatureOptions, FeaturePlan, FeatureTable, Snapshot, orders_and_revenue_between, tz_version,
};
use bespoke::kernels::KernelLevel;
use bespoke::params::Params;
use bespoke::personas::{Assignment, PersonaModel};
use bespoke::types::Timestamp;
use bespoke_io::write_rejected;
use std::sync::Arc;

use super::churn::{self, Leaving};
use super::input::{self, Input};
use super::slates::{self, Slate};
use super::tables::{self, Activity, Scores};
use super::value::{self, Value};
use super::{Made, Task, changes, personas, recommend, record};
use crate::config::{JobConfig, PublishingCounts};
use crate::outputs::PersonaFile;
use crate::outputs::run_record::{Metric, NotAvailable};
use crate::timing::Stages;

/// Checked parameters of every stage, so that a wrong one is found before anything is read.
struct Valid {
    personas: bespoke::personas::PersonaValid,
    cltv: bespoke::cltv::CltvValid,
    churn: bespoke::churn::ChurnValid,
    recommend: recommend::Recommenders,
    policy: bespoke::decide::Policy,
    policy_text: String,
}

impl Valid {
    fn of(job: &JobConfig, kernel: KernelLevel) -> Result<Self> {
        let policy: PolicyParams = job.decide.clone();
        let policy_text = toml::to_string(&policy).context("the policy as text")?;
        Ok(Self {
            personas: personas::params(job, kernel)?,
            cltv: value::params(job)?,
            churn: churn::params(job)?,
            recommend: recommend::Recommenders::new(job, kernel)?,
            policy: policy.check()?,
            policy_text,
        })
    }
}

/// Checks the parameters of every stage.
///
/// # Errors
/// The first broken rule.
pub fn check_parameters(job: &JobConfig, kernel: KernelLevel) -> Result<()> {
    Valid::of(job, kernel).map(drop)
}

/// What the models of a run say.
pub struct Fitted {
    pub models: Models,
    pub table: FeatureTable,
    pub assigned: Vec<Assignment>,
    pub value: Value,
    pub leaving: Option<Leaving>,
    pub metrics: Vec<Metric>,
    pub not_available: Vec<NotAvailable>,
    pub warnings: Vec<String>,
}

/// Reads, fits, backtests and scores; writes the tables and the model into `task.run`.
///
/// # Errors
/// When the job cannot run; [`crate::failure::Refused`] when the data forbid publishing.
pub fn refresh(task: &Task<'_>, timing: &Stages) -> Result<Made> {
    let valid = Valid::of(task.job, task.session.kernel)?;
    let ui = &task.session.ui;
    let input = timing.measure(ui, "read", |step| input::read(task.job, step))?;
    let pool = &task.session.pool;
    let catalogue = Arc::new(slates::catalogue(&input.tables, input.as_of)?);
    let fitted = pool.install(|| fit(task, timing, &valid, &input, &catalogue))?;
    let older = match &task.profiles {
        Some(bytes) => Profiles::from_bundle(&Bundle::parse(bytes.clone(), BundleKind::Profiles)?)?,
        None => Profiles::default(),
    };
    let models = Arc::new(fitted.models.clone());
    let world = World::new(models, Arc::clone(&catalogue), Arc::new(valid.policy.clone()));
    let explain_all = task.explain_all;
    let (states, slates) = timing.measure(ui, "decide", |_| {
        pool.install(|| {
            let states = slates::states(&input, &catalogue, &older);
            let slates = slates::decide_all(&world, &states, input.as_of, explain_all);
            (states, slates)
        })
    });
    timing.measure(ui, "write", |_| write(task, &valid, &input, &fitted, &world, &slates, states, older))
}

fn fit(
    task: &Task<'_>,
    timing: &Stages,
    valid: &Valid,
    input: &Input,
    catalogue: &bespoke::decide::Catalogue,
) -> Result<Fitted> {
    let ui = &task.session.ui;
    let mut warnings = input.warnings.clone();
    let previous = previous_models(task, &mut warnings);
    let (plan, table) = timing.measure(ui, "features", |_| features(input, previous.as_ref()));
    let scored = table.select(&input.scored);
    drop(table);
    let before = previous.as_ref().and_then(Models::personas);
    // People and items do not need each other: together they keep all threads busy through their serial parts.
    let (people, items) = timing.measure(ui, "models", |_| {
        rayon::join(
            || people(task, timing, valid, input, &plan, &scored, before),
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
    let People { assigned, value, leaving, .. } = people;
    let Notes { metrics, not_available, .. } = notes;
    Ok(Fitted { models, table: scored, assigned, value, leaving, metrics, not_available, warnings })
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
    before: Option<&PersonaModel>,
) -> Result<People> {
    let mut notes = Notes::default();
    let found =
        timing.note("personas", || personas::fit(&valid.personas, scored, before, &mut notes.warnings));
    let (mut personas, mut assigned) = (None, Vec::new());
    match found {
        Ok(model) => {
            assigned = model.predict(scored)?;
            personas = Some(model);
        }
        Err(error) => notes.absent("personas", error.to_string()),
    }
    let mut value = timing.note("value", || value::run(&valid.cltv, input));
    notes.metrics.append(&mut value.metrics);
    notes.not_available.append(&mut value.not_available);
    notes.warnings.append(&mut value.warnings);
    let (mut churn, mut leaving) = (None, None);
    match timing.note("churn", || churn::fit(&valid.churn, task.job, input, plan)) {
        Ok(model) => {
            let table = churn::table_at(input, plan, input.as_of, &value.rows)?.select(&input.scored);
            leaving = Some(churn::score(&model, &table)?);
            notes.warnings.extend(model.warnings().iter().map(|warning| format!("churn: {warning}")));
            notes.metrics.extend(churn::metrics(&model));
            churn = Some(model);
        }
        Err(error) => notes.absent("churn", error.to_string()),
    }
    Ok(People { personas, assigned, value, churn, leaving, notes })
}

/// Models of items.
struct Items {
    fitted: recommend::Fitted,
    notes: Notes,
}

fn items(timing: &Stages, valid: &Valid, input: &Input) -> Result<Items> {
    let mut notes = Notes::default();
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
    if task.choose_personas {
        return None;
    }
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

fn write(
    task: &Task<'_>,
    valid: &Valid,
    input: &Input,
    fitted: &Fitted,
    world: &World,
    slates: &[Slate],
    states: Vec<CustomerState>,
    older: Profiles,
) -> Result<Made> {
    let (dir, csv) = (task.run.dir(), task.job.output.csv);
    let activity = activity(input);
    let scores = Scores {
        input,
        models: &fitted.models,
        assigned: &fitted.assigned,
        leaving: fitted.leaving.as_ref(),
        values: &fitted.value.rows,
        activity: &activity,
    };
    tables::write(dir, "customers", csv, &tables::customers(&scores))?;
    tables::write(dir, "recommendations", csv, &tables::recommendations(input, slates))?;
    tables::write(dir, "withheld", csv, &tables::withheld(input, slates))?;
    if task.explain_all {
        tables::write(dir, "withheld_items", csv, &tables::every_withheld(input, world, slates))?;
    }
    let mut warnings = fitted.warnings.clone();
    tables::write(dir, "changes", csv, &changed(task, &scores, &mut warnings))?;
    write_rejected(&dir.join("rejected.csv"), &input.rejected)?;
    task.run.write("model.bespoke", &fitted.models.to_bytes()?)?;
    task.run.write("catalogue.bespoke", &world.catalogue().to_bytes())?;
    task.run.write("policy.toml", valid.policy_text.as_bytes())?;
    let record = record::of(task, input, fitted, world, slates, &activity, warnings, tz_version())?;
    let personas = persona_file(input, fitted, &activity);
    let publishing_counts = task.job.output.publishing_counts == PublishingCounts::Decided;
    let profiles = slates::profiles(input, states, slates, publishing_counts, older).to_bytes()?;
    let rejected = input::examples(&input.rejected);
    Ok(Made { record, personas, rejected, profiles, broken_bounds: Vec::new() })
}

/// Orders, revenue and silence of the scored customers.
fn activity(input: &Input) -> Vec<Activity> {
    let start = Timestamp(i64::MIN / 2);
    let outcomes = orders_and_revenue_between(&input.tables, start, input.as_of, &input.calendar);
    let around = bespoke::features::purchases_around(&input.tables, input.as_of, input.as_of);
    let days = |last: Timestamp| (input.as_of.0 - last.0) as f64 / Timestamp::DAY_MS as f64;
    let of = |&customer: &usize| Activity {
        orders: outcomes.orders[customer],
        revenue: outcomes.revenue[customer],
        days_since_last_order: around[customer].0.map(days),
    };
    input.scored.iter().map(of).collect()
}

fn changed<'a>(
    task: &Task<'_>,
    scores: &Scores<'a>,
    warnings: &mut Vec<String>,
) -> Vec<bespoke_io::OutColumn<'a>> {
    let before = task.previous.as_ref().map(|run| changes::standings(run)).transpose();
    let before = before.unwrap_or_else(|error| {
        warnings.push(format!("changes against the run before are not known: {error:#}"));
        None
    });
    let input = scores.input;
    let values: Vec<Option<f64>> =
        input.scored.iter().map(|&c| scores.values[c].and_then(|row| row.cltv)).collect();
    let bands = changes::value_bands(&values);
    let name = |row: usize| {
        let assigned = scores.assigned.get(row)?;
        Some(scores.models.personas()?.profile(assigned.persona)?.name.clone())
    };
    let standing = |(row, &customer): (usize, &usize)| {
        let standing = changes::Standing {
            persona: name(row),
            churn_decile: scores.leaving.map(|leaving| u32::from(leaving.deciles[row])),
            value_band: bands[row],
        };
        (input.tables.customers.ids.get(customer), standing)
    };
    changes::columns(&before.unwrap_or_default(), input.scored.iter().enumerate().map(standing))
}

fn persona_file(input: &Input, fitted: &Fitted, activity: &[Activity]) -> PersonaFile {
    let Some(model) = fitted.models.personas() else { return PersonaFile::default() };
    let members = personas::Members {
        assigned: &fitted.assigned,
        churn: fitted.leaving.as_ref().map(|leaving| leaving.scores.iter().map(|s| s.p_churn).collect()),
        cltv: input.scored.iter().map(|&c| fitted.value.rows[c].and_then(|row| row.cltv)).collect(),
        revenue: activity.iter().map(|a| a.revenue).collect(),
    };
    personas::file(model, input, &fitted.table, &members)
}
