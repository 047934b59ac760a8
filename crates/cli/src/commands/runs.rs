//! `runs list`, `runs show`, `runs rollback`.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::args::RunsCommand;
use crate::outputs::{PersonaFile, RunRecord, count, files, run_summary};
use crate::runs::{OutputDir, RunNumber};
use crate::session::Session;
use crate::timing::Timings;
use crate::ui::{Answer, table};

/// Does what was asked with the runs of the job's output folder.
pub fn run(command: &RunsCommand, session: &Session) -> Result<Answer> {
    let out = OutputDir::at(session.job()?.output.dir);
    match command {
        RunsCommand::List => list(&out),
        RunsCommand::Show { run } => show(&out, *run),
        RunsCommand::Rollback { run } => rollback(&out, *run),
    }
}

/// A line of the list; what cannot be read stays absent, so that one damaged run does not hide the others.
#[derive(Serialize)]
struct Listed {
    run: u32,
    current: bool,
    as_of: Option<String>,
    customers: Option<u64>,
    started_at: Option<String>,
    seconds: Option<f64>,
}

fn list(out: &OutputDir) -> Result<Answer> {
    let current = out.current()?;
    let runs: Vec<Listed> = out.list()?.into_iter().map(|number| listed(out, number, current)).collect();
    let text = match runs.is_empty() {
        true => format!("{}: nothing is published yet", out.path().display()),
        false => list_table(&runs),
    };
    Ok(Answer { text, json: serde_json::to_value(&runs)?, is_summary: false })
}

fn listed(out: &OutputDir, number: RunNumber, current: Option<RunNumber>) -> Listed {
    let dir = out.run_dir(number);
    let record: Option<RunRecord> = read(&dir, files::RUN).ok();
    let timings: Option<Timings> = read(&dir, files::TIMINGS).ok();
    Listed {
        run: number.0,
        current: current == Some(number),
        as_of: record.as_ref().map(|record| record.as_of.clone()),
        customers: record.map(|record| record.counts.customers),
        seconds: timings.as_ref().map(|timings| timings.seconds),
        started_at: timings.map(|timings| timings.started_at),
    }
}

fn list_table(runs: &[Listed]) -> String {
    let unknown = || "?".to_owned();
    let rows = runs.iter().map(|run| {
        [
            RunNumber(run.run).to_string(),
            if run.current { "current".to_owned() } else { String::new() },
            run.as_of.clone().unwrap_or_else(unknown),
            run.customers.map_or_else(unknown, count),
            run.started_at.clone().unwrap_or_else(unknown),
            run.seconds.map_or_else(unknown, |seconds| format!("{seconds:.1}")),
        ]
    });
    table(&["run", "", "as of", "customers", "started at", "seconds"], &[3, 5], rows)
}

fn show(out: &OutputDir, asked: Option<u32>) -> Result<Answer> {
    let number = out.find(asked)?;
    let dir = out.run_dir(number);
    let record: RunRecord = read(&dir, files::RUN)?;
    let personas: PersonaFile = read(&dir, files::PERSONAS)?;
    let current = if out.current()? == Some(number) { " (current)" } else { "" };
    let text = format!("run {number}{current}: {}\n\n{}", dir.display(), run_summary(&record, &personas));
    let json = json!({ "run": number.0, "dir": dir, "record": record, "personas": personas });
    Ok(Answer { text, json, is_summary: false })
}

fn rollback(out: &OutputDir, asked: Option<u32>) -> Result<Answer> {
    // Before the lock, which would make a folder where there is none.
    let from = out.find(None)?;
    let to = out.lock()?.rollback(asked)?;
    let text = format!("run {to} is current, in place of {from}");
    Ok(Answer {
        text,
        json: json!({ "status": "rolled back", "from": from.0, "run": to.0 }),
        is_summary: true,
    })
}

fn read<T: DeserializeOwned>(dir: &Path, name: &str) -> Result<T> {
    let file = dir.join(name);
    let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
    serde_json::from_slice(&bytes).with_context(|| file.display().to_string())
}
