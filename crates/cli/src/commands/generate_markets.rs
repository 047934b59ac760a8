//! `datasets generate subscription` and `datasets generate media`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use bespoke_datasets::media::{MediaParams, MediaWorld};
use bespoke_datasets::subscription::{SubscriptionParams, SubscriptionWorld};
use serde_json::json;

use crate::args::WorldArgs;
use crate::session::Session;
use crate::ui::Answer;

const JOB_FILE: &str = "bespoke.toml";

/// Writes a generated service with contracts into a folder that has no job yet.
///
/// # Errors
/// When the folder has a job or can't be written, or a parameter is out of range.
pub fn subscription(session: &Session, args: &WorldArgs) -> Result<Answer> {
    let world = SubscriptionWorld::new(SubscriptionParams::new(args.customers as usize, args.seed))?;
    write(session, args, |on_customer| world.write_to(&args.out, on_customer).map(|written| written.n_events))
}

/// Writes a generated news site into a folder that has no job yet.
///
/// # Errors
/// When the folder has a job or can't be written, or a parameter is out of range.
pub fn media(session: &Session, args: &WorldArgs) -> Result<Answer> {
    let world = MediaWorld::new(MediaParams::new(args.customers as usize, args.seed))?;
    write(session, args, |on_reader| world.write_to(&args.out, on_reader).map(|written| written.n_events))
}

/// Writes by `generate`, which tells after every customer, and says what comes next.
fn write(
    session: &Session,
    args: &WorldArgs,
    generate: impl FnOnce(&mut dyn FnMut()) -> std::io::Result<usize>,
) -> Result<Answer> {
    let job_file = args.out.join(JOB_FILE);
    ensure!(!job_file.exists(), "{} is there already; name another folder with --out", job_file.display());
    let n_events = session.ui.step("generate", |step| {
        step.expect(u64::from(args.customers));
        generate(&mut || step.advance(1))
    });
    let n_events = n_events.with_context(|| args.out.display().to_string())?;
    Ok(answer(&job_file, args.customers, n_events))
}

fn answer(job_file: &Path, customers: u32, events: usize) -> Answer {
    let text = format!(
        "{0}: {customers} customers, {events} events; next: bespoke refresh --config {0}",
        job_file.display()
    );
    let json = json!({ "status": "written", "config": job_file, "customers": customers, "events": events });
    Answer { text, json, is_summary: true }
}
