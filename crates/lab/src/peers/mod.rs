//! Our side of a comparison: data made once for both sides, and a worker that runs a task when it is told to.

mod arrays;
mod churn;
mod cltv;
mod job;
mod kmeans;
mod long_tail;
mod memory;
mod recommend;
mod spec;
mod worker;

use std::path::Path;

use anyhow::{Context, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};

use spec::{Case, Room, Spec};
use worker::Data;

/// Writes the data of a case.
pub(crate) fn generate(spec: &Path, case: &str, dir: &Path) -> Result<()> {
    let spec = Spec::read(spec)?;
    let data = check_data(&spec, spec.case(case)?)?;
    std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    pool(spec.threads)?.install(|| data.generate(dir))
}

/// Loads a case, says so, and runs the task for every line of standard input.
pub(crate) fn work(spec: &Path, case: &str, task: &str, dir: &Path, out: &Path) -> Result<()> {
    let spec = Spec::read(spec)?;
    let data = check_data(&spec, spec.case(case)?)?;
    std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let pool = pool(spec.threads)?;
    let task = pool.install(|| data.task(task, dir))?;
    worker::serve(&pool, task, out)
}

/// What the room makes of the data of a case.
fn check_data(spec: &Spec, case: &Case) -> Result<Box<dyn Data + Sync>> {
    let table = case.data.clone();
    let data: Box<dyn Data + Sync> = match spec.room {
        Room::Kmeans => Box::new(table.try_into::<kmeans::Table>()?),
        Room::Recommend => Box::new(table.try_into::<recommend::Matrix>()?),
        Room::Cltv => Box::new(table.try_into::<cltv::Histories>()?),
        Room::Churn => Box::new(table.try_into::<churn::Labelled>()?),
        Room::Job => Box::new(table.try_into::<job::Export>()?),
    };
    data.check()?;
    Ok(data)
}

fn pool(n_threads: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new().num_threads(n_threads).build().context("a pool of threads")
}
