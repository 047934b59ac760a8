//! The protocol of a worker: one line says that the data are loaded, then one line per run.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};
use rayon::ThreadPool;
use serde_json::{Map, Value, json};

use super::memory::{self, Watch};

/// Figures of a run, by name.
pub(crate) type Facts = Map<String, Value>;

/// The data of a case as specified.
pub(crate) trait Data {
    /// Refuses what cannot be made.
    fn check(&self) -> Result<()>;

    /// Writes the files that both sides read; the same bytes for the same specification.
    fn generate(&self, dir: &Path) -> Result<()>;

    /// A task with its data loaded.
    fn task(&self, task: &str, dir: &Path) -> Result<Box<dyn Task>>;
}

/// A loaded task.
pub(crate) trait Task: Send + Sync {
    /// What is timed; keeps its result.
    fn run(&mut self) -> Result<()>;

    /// Figures of the last result, and its arrays into `out`.
    fn report(&self, out: &Path) -> Result<Facts>;
}

/// Answers every line "run" on standard input by a run and every "report" by a report, until its end.
pub(crate) fn serve(pool: &ThreadPool, mut task: Box<dyn Task>, out: &Path) -> Result<()> {
    say(&json!({ "ready": true, "loaded_bytes": memory::resident() }))?;
    for line in std::io::stdin().lock().lines() {
        match line?.trim() {
            "run" => say(&timed(pool, task.as_mut())?)?,
            "report" => say(&Value::Object(pool.install(|| task.report(out))?))?,
            other => bail!("\"{other}\" is neither \"run\" nor \"report\""),
        }
    }
    Ok(())
}

fn timed(pool: &ThreadPool, task: &mut dyn Task) -> Result<Value> {
    let watch = Watch::begin();
    let cpu_before = memory::cpu_seconds();
    let begun = Instant::now();
    pool.install(|| task.run())?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = memory::cpu_seconds().zip(cpu_before).map(|(after, before)| after - before);
    Ok(json!({ "seconds": seconds, "cpu_seconds": cpu, "peak_bytes": watch.peak() }))
}

fn say(line: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
