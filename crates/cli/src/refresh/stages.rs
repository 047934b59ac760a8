//! The stages in their order: read -> features -> personas -> value -> churn -> recommend -> decide -> results.

use std::sync::Arc;

use anyhow::Result;
use bespoke::bundle::{Bundle, BundleKind, Profiles};
use bespoke::engine::World;
use bespoke::kernels::KernelLevel;

use super::models::{self, Valid};
use super::results::Results;
use super::{Made, Task, input, slates};
use crate::config::JobConfig;
use crate::timing::Stages;

/// Checks the parameters of every stage.
///
/// # Errors
/// The first broken rule.
pub fn check_parameters(job: &JobConfig, kernel: KernelLevel) -> Result<()> {
    Valid::of(job, kernel).map(drop)
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
    let fitted = pool.install(|| models::fit(task, timing, &valid, &input, &catalogue))?;
    let older = match &task.profiles {
        Some(bytes) => Profiles::from_bundle(&Bundle::parse(bytes.clone(), BundleKind::Profiles)?)?,
        None => Profiles::default(),
    };
    let world =
        World::new(Arc::clone(&fitted.models), Arc::clone(&catalogue), Arc::new(valid.policy.clone()));
    older.stock.iter().for_each(|(&item, &units)| world.set_stock(item, units));
    let (policy, rules) = (&valid.policy_text, &valid.rules);
    let results = Results { task, policy, rules, input: &input, fitted: &fitted, world: &world };
    // What is known of people and items is on its way to the disk while slates are decided.
    let (states, slates, known) = timing.measure(ui, "decide", |_| {
        let decide = || {
            let states = slates::states(&input, &catalogue, &older);
            let slates = slates::decide_all(&world, &states, input.as_of, task.explain_all);
            (states, slates)
        };
        let ((states, slates), known) = pool.install(|| rayon::join(decide, || results.write_known()));
        known.map(|known| (states, slates, known))
    })?;
    let made = timing
        .measure(ui, "write", |_| pool.install(|| results.write_decided(&slates, states, older, known)))?;
    // Freed while the run is published: so many pages take their time.
    pool.spawn(move || drop((input, fitted, world, catalogue, slates)));
    Ok(made)
}
