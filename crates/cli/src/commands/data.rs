//! Commands around the data: `demo`, `check`, `features`, `datasets generate`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use bespoke_datasets::retail::{RetailParams, RetailWorld};
use serde_json::json;

use crate::args::{RefreshArgs, RetailArgs};
use crate::outputs::{count, rows_table};
use crate::refresh::{self, inspect};
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
        session.ui.step("generate", |_| write_retail(&args))?;
    }
    let job = session.job_in(&job_file)?;
    Ok(refresh::refresh(session, &job, &RefreshArgs::default())?.answer())
}

/// Reads everything; refuses what a refresh would refuse for its rows.
pub fn check(session: &Session) -> Result<Answer> {
    let job = session.job()?;
    let found = inspect::check(session, &job)?;
    let memory = format!("a refresh needs about {} MB", found.memory_bytes.div_ceil(1_000_000));
    let examples = found.rejected.iter().take(10).map(ToString::to_string);
    let lines = examples.chain(found.notes.iter().cloned()).chain([memory]);
    let text = [rows_table(&found.rows), lines.collect::<Vec<_>>().join("\n")].join("\n\n");
    let json = json!({
        "status": "checked",
        "rows": found.rows,
        "rejected": found.rejected,
        "memory_bytes": found.memory_bytes,
        "notes": found.notes,
    });
    let share = job.job.max_rejected_share;
    refuse(session, &text, refresh::refuse_many_rejected(&found.rows, &found.rejected, share))?;
    refuse(session, &text, refresh::refuse_nothing(&found.rows, found.n_events, found.n_customers))?;
    Ok(Answer { text, json, is_summary: false })
}

/// A refusal is easier to act on with the table beside it.
fn refuse<E>(session: &Session, text: &str, verdict: Result<(), E>) -> Result<(), E> {
    verdict.inspect_err(|_| session.ui.line(text))
}

/// Writes the feature table.
pub fn features(session: &Session, out: &Path) -> Result<Answer> {
    let job = session.job()?;
    let written = inspect::features(session, &job, out)?;
    let (customers, features) = (written.customers, written.features);
    let text = format!("{}: {} customers, {features} features", out.display(), count(customers as u64));
    let json = json!({ "status": "written", "file": out, "customers": customers, "features": features });
    Ok(Answer { text, json, is_summary: true })
}

/// Writes a generated shop into a folder that has no job yet.
pub fn generate_retail(args: &RetailArgs) -> Result<Answer> {
    let job_file = args.out.join(JOB_FILE);
    ensure!(!job_file.exists(), "{} is there already; name another folder with --out", job_file.display());
    write_retail(args)?;
    let text =
        format!("{0}: {1} customers; next: bespoke refresh --config {0}", job_file.display(), args.customers);
    let json = json!({ "status": "written", "config": job_file, "customers": args.customers });
    Ok(Answer { text, json, is_summary: true })
}

/// Items per customer of a generated shop, within bounds that a person can look through.
const CUSTOMERS_PER_ITEM: u32 = 4;

fn write_retail(args: &RetailArgs) -> Result<()> {
    let n_items = (args.customers / CUSTOMERS_PER_ITEM).clamp(50, 20_000);
    let world = RetailWorld::new(RetailParams::new(args.customers as usize, n_items as usize, args.seed))?;
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    world
        .write_to(&args.out, std::num::NonZeroUsize::MIN, || {})
        .with_context(|| args.out.display().to_string())?;
    Ok(())
}
