//! `datasets generate`: worlds whose truth is known, as files with a job that reads them.

use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bespoke_datasets::media::{MediaParams, MediaWorld};
use bespoke_datasets::retail::{RetailParams, RetailWorld};
use bespoke_datasets::sink::{CsvFolder, TableFolder};
use bespoke_datasets::subscription::{SubscriptionParams, SubscriptionWorld};
use bespoke_datasets::{World, Written};
use serde_json::json;

use crate::args::{GenerateCommand, RetailArgs, WorldArgs, WorldFormat};
use crate::outputs::count;
use crate::session::Session;
use crate::ui::Answer;
use crate::world_files::ParquetFolder;

/// Name of the job beside the tables.
pub const JOB_FILE: &str = "bespoke.toml";

/// Writes a world into a folder that has no job yet.
///
/// # Errors
/// When the folder has a job or can't be written, or a parameter is out of range.
pub fn generate(session: &Session, command: &GenerateCommand) -> Result<Answer> {
    match command {
        GenerateCommand::Retail(args) => write_new(session, &args.world, &shop(args)?),
        GenerateCommand::Subscription(args) => {
            let params = SubscriptionParams::new(args.customers as usize, args.seed);
            write_new(session, args, &SubscriptionWorld::new(params)?)
        }
        GenerateCommand::Media(args) => {
            let params = MediaParams::new(args.customers as usize, args.seed);
            write_new(session, args, &MediaWorld::new(params)?)
        }
    }
}

/// Items per customer of a generated shop, within bounds that a person can look through.
const CUSTOMERS_PER_ITEM: u32 = 4;

/// A generated shop.
///
/// # Errors
/// When a parameter is out of range.
pub fn shop(args: &RetailArgs) -> Result<RetailWorld> {
    let world = &args.world;
    let n_items = args.items.unwrap_or_else(|| (world.customers / CUSTOMERS_PER_ITEM).clamp(50, 20_000));
    Ok(RetailWorld::new(RetailParams::new(world.customers as usize, n_items as usize, world.seed))?)
}

fn write_new(session: &Session, args: &WorldArgs, world: &impl World) -> Result<Answer> {
    let job_file = args.out.join(JOB_FILE);
    ensure!(!job_file.exists(), "{} is there already; name another folder with --out", job_file.display());
    let written = write(session, args, world)?;
    Ok(answer(&job_file, args.customers, &written))
}

/// Writes the tables and, last, the job.
///
/// # Errors
/// When the folder can't be written.
pub fn write(session: &Session, args: &WorldArgs, world: &impl World) -> Result<Written> {
    let threads = NonZeroUsize::new(session.pool.current_num_threads()).unwrap_or(NonZeroUsize::MIN);
    let written = session.ui.step("generate", |step| -> std::io::Result<Written> {
        step.expect(u64::from(args.customers));
        let mut folder = folder(args)?;
        let written = world.write_tables(&mut *folder, threads, || step.advance(1))?;
        std::fs::write(args.out.join(JOB_FILE), world.job(&*folder))?;
        Ok(written)
    });
    written.with_context(|| args.out.display().to_string())
}

/// The folder that takes the tables; it is made when absent.
fn folder(args: &WorldArgs) -> std::io::Result<Box<dyn TableFolder>> {
    match args.format {
        WorldFormat::Csv => CsvFolder::create(&args.out).map(|folder| Box::new(folder) as _),
        WorldFormat::Parquet => ParquetFolder::create(&args.out).map(|folder| Box::new(folder) as _),
    }
}

fn answer(job_file: &Path, customers: u32, written: &Written) -> Answer {
    let n_events = written.n_rows("events");
    let file = job_file.display();
    let text = format!(
        "{file}: {} customers, {} events; next: bespoke refresh --config {file}",
        count(u64::from(customers)),
        count(n_events)
    );
    let rows: serde_json::Map<String, serde_json::Value> =
        written.tables().map(|(table, n_rows)| (table.to_owned(), n_rows.into())).collect();
    let json = json!({
        "status": "written",
        "config": job_file,
        "customers": customers,
        "events": n_events,
        "rows": rows,
    });
    Answer { text, json, is_summary: true }
}
