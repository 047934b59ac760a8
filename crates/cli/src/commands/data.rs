//! Commands around the data: `demo`, `check`, `features`, `datasets generate`.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::args::{RefreshArgs, RetailArgs};
use crate::outputs::{count, rejected_share, rows_table};
use crate::refresh::{self, stages};
use crate::session::Session;
use crate::ui::Answer;

/// Size of the shop that `demo` makes.
const DEMO_CUSTOMERS: u32 = 2_000;
const DEMO_SEED: u64 = 1;
const JOB_FILE: &str = "bespoke.toml";

/// Makes a shop unless the folder has one, and refreshes it.
pub fn demo(session: &Session, dir: &Path) -> Result<Answer> {
    let job_file = dir.join(JOB_FILE);
    if job_file.exists() {
        session.ui.line(&format!("{} is there already and is used", job_file.display()));
    } else {
        let args = RetailArgs { customers: DEMO_CUSTOMERS, seed: DEMO_SEED, out: dir.to_owned() };
        session.ui.step("generate", |_| stages::generate_retail(&args))?;
    }
    let job = session.job_in(&job_file)?;
    Ok(refresh::refresh(session, &job, &RefreshArgs::default())?.answer())
}

/// Reads everything; refuses what a refresh would refuse for its rows.
pub fn check(session: &Session) -> Result<Answer> {
    let job = session.job()?;
    let found = stages::check(session, &job)?;
    let memory =
        found.memory_bytes.map(|bytes| format!("a refresh needs about {} MB", bytes.div_ceil(1_000_000)));
    let examples = found.rejected.iter().take(10).map(|row| {
        let hint = row.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!(
            "{} row {}: column {:?} is {:?}: {}{hint}",
            row.file, row.row, row.column, row.value, row.rule
        )
    });
    let lines = examples.chain(found.notes.iter().cloned()).chain(memory);
    let text = [rows_table(&found.rows), lines.collect::<Vec<_>>().join("\n")].join("\n\n");
    let json = json!({
        "status": "checked",
        "rows": found.rows,
        "rejected_share": rejected_share(&found.rows),
        "memory_bytes": found.memory_bytes,
        "notes": found.notes,
    });
    refuse(session, &text, refresh::refuse_many_rejected(&found.rows, job.job.max_rejected_share))?;
    Ok(Answer { text, json, is_summary: false })
}

/// A refusal is easier to act on with the table beside it.
fn refuse<E>(session: &Session, text: &str, verdict: Result<(), E>) -> Result<(), E> {
    verdict.inspect_err(|_| session.ui.line(text))
}

/// Writes the feature table.
pub fn features(session: &Session, out: &Path) -> Result<Answer> {
    let job = session.job()?;
    let written = stages::features(session, &job, out)?;
    let (customers, features) = (written.customers, written.features);
    let text = format!("{}: {} customers, {features} features", out.display(), count(customers as u64));
    let json = json!({ "status": "written", "file": out, "customers": customers, "features": features });
    Ok(Answer { text, json, is_summary: true })
}

/// Writes a generated shop into a folder that has no job yet.
pub fn generate_retail(args: &RetailArgs) -> Result<Answer> {
    let job_file = args.out.join(JOB_FILE);
    ensure!(!job_file.exists(), "{} is there already; name another folder with --out", job_file.display());
    stages::generate_retail(args)?;
    let text =
        format!("{0}: {1} customers; next: bespoke refresh --config {0}", job_file.display(), args.customers);
    let json = json!({ "status": "written", "config": job_file, "customers": args.customers });
    Ok(Answer { text, json, is_summary: true })
}
