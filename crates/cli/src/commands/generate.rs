//! `datasets generate`: worlds whose truth is known, as files with a job that reads them.

use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bespoke::types::Days;
use bespoke_datasets::media::{MediaParams, MediaWorld};
use bespoke_datasets::retail::{Clock, RetailParams, RetailWorld};
use bespoke_datasets::sink::{CsvFolder, TableFolder};
use bespoke_datasets::subscription::{SubscriptionParams, SubscriptionWorld};
use bespoke_datasets::{JOB_FILE, World, Written};
use serde_json::json;

use crate::args::{GenerateCommand, RetailArgs, WorldArgs, WorldClock, WorldDials, WorldFormat};
use crate::outputs::count;
use crate::session::Session;
use crate::ui::Answer;
use crate::world_files::ParquetFolder;

/// Writes a world into a folder that has no job yet.
///
/// # Errors
/// When the folder has a job or can't be written, or a parameter is out of range.
pub fn generate(session: &Session, command: &GenerateCommand) -> Result<Answer> {
    match command {
        GenerateCommand::Retail(args) => write_new(session, &args.world, &shop(args)?),
        GenerateCommand::Subscription(args) => {
            let mut params = SubscriptionParams::new(args.world.customers as usize, args.world.seed);
            turn(&args.dials, &mut params.overlap, &mut params.horizon);
            write_new(session, &args.world, &SubscriptionWorld::new(params)?)
        }
        GenerateCommand::Media(args) => {
            let mut params = MediaParams::new(args.world.customers as usize, args.world.seed);
            turn(&args.dials, &mut params.overlap, &mut params.horizon);
            write_new(session, &args.world, &MediaWorld::new(params)?)
        }
    }
}

/// Items of a generated shop: as many in every one, so that customers are the same people in shops of any size.
const N_ITEMS: u32 = 500;

/// Stages of the gaps between orders that come regularly.
const REGULAR_STAGES: u32 = 8;

/// A generated shop.
///
/// # Errors
/// When a parameter is out of range.
pub fn shop(args: &RetailArgs) -> Result<RetailWorld> {
    let (world, dials) = (&args.world, &args.shop);
    let n_items = dials.items.unwrap_or(N_ITEMS) as usize;
    let mut params = RetailParams::new(world.customers as usize, n_items, world.seed);
    turn(&args.dials, &mut params.overlap, &mut params.horizon);
    let demographics = &mut params.demographics;
    set(&mut demographics.p_missing, dials.missing);
    set(&mut demographics.p_outlier, dials.outliers);
    set(&mut demographics.n_irrelevant, dials.irrelevant.map(|n| n as usize));
    set(&mut params.offers.uplift, dials.uplift);
    set(&mut params.tastes.strength, dials.tastes);
    set(&mut params.clock, dials.clock.map(clock));
    Ok(RetailWorld::new(params)?)
}

/// Turns the dials of every world that were given.
fn turn(dials: &WorldDials, overlap: &mut f64, horizon: &mut Days) {
    set(overlap, dials.overlap);
    set(horizon, dials.horizon_days.map(Days));
}

fn set<T>(parameter: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *parameter = given;
    }
}

fn clock(clock: WorldClock) -> Clock {
    match clock {
        WorldClock::Mbg => Clock::Mbg,
        WorldClock::Pareto => Clock::Pareto,
        WorldClock::Regular => Clock::Regular { stages: REGULAR_STAGES },
    }
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
        world.write(&args.out, &mut *folder(args)?, threads, || step.advance(1))
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
