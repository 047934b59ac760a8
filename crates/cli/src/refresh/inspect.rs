//! Looking at a job without training: `check` and `features`.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context, Result};
use bespoke::features::{Column, FeatureKind, FeatureOptions, Snapshot};
use bespoke_io::{OutColumn, OutValues, write_parquet};

use super::input::{self, Input};
use crate::config::JobConfig;
use crate::outputs::{FileRows, RejectedRow};
use crate::session::Session;

/// What `check` found.
pub struct Checked {
    pub rows: Vec<FileRows>,
    pub rejected: Vec<RejectedRow>,
    pub n_events: usize,
    pub n_customers: usize,
    /// Memory a refresh will need.
    pub memory_bytes: u64,
    /// Sentences about anything else worth knowing.
    pub notes: Vec<String>,
}

/// Reads everything and trains nothing.
///
/// # Errors
/// When a parameter breaks its rule or a file cannot be read as a whole.
pub fn check(session: &Session, job: &JobConfig) -> Result<Checked> {
    super::stages::check_parameters(job, session.kernel)?;
    let outcome = session.ui.step("read", |step| input::read_rows(job, step))?;
    let tables = &outcome.tables;
    if !tables.customers.is_empty() {
        input::instant(job, tables)?;
    }
    let mut notes = vec![format!(
        "{} customers, {} items, {} events",
        crate::outputs::count(tables.customers.len() as u64),
        crate::outputs::count(tables.items.len() as u64),
        crate::outputs::count(tables.events.len() as u64)
    )];
    notes.extend(outcome.accounting.files.iter().flat_map(input::warnings));
    Ok(Checked {
        rows: outcome.accounting.files.iter().map(input::file_rows).collect(),
        rejected: input::examples(&outcome.rejected),
        n_events: tables.events.len(),
        n_customers: tables.customers.len(),
        memory_bytes: memory_bytes(job, tables.customers.len(), tables.items.len(), tables.events.len()),
        notes,
    })
}

/// An estimate from counts: events are held twice while they are ordered, factors and their panels once each.
fn memory_bytes(job: &JobConfig, n_customers: usize, n_items: usize, n_events: usize) -> u64 {
    const PROGRAM: u64 = 15_000_000;
    const EVENT: u64 = 2 * 33;
    // Features of some snapshots, a slate with its reasons, a profile.
    const CUSTOMER: u64 = 8_000;
    let factors = 4 * 3 * u64::from(job.recommend.factors) * (n_customers + n_items) as u64;
    PROGRAM + EVENT * n_events as u64 + CUSTOMER * n_customers as u64 + factors
}

/// Size of a feature table that was written.
pub struct FeaturesWritten {
    pub customers: usize,
    pub features: usize,
}

/// Writes the feature table as Parquet: one row per scored customer.
///
/// # Errors
/// When the job cannot be read or the file not be written.
pub fn features(session: &Session, job: &JobConfig, out: &Path) -> Result<FeaturesWritten> {
    let input = session.ui.step("read", |step| input::read(job, step))?;
    session.pool.install(|| write_features(&input, out))
}

fn write_features(input: &Input, out: &Path) -> Result<FeaturesWritten> {
    let snapshot = Snapshot::new(&input.tables, input.as_of, &input.calendar);
    let table = snapshot.features(&FeatureOptions::default()).select(&input.scored);
    let codes = input.scored.iter().map(|&customer| customer as u32).collect();
    let mut columns =
        vec![OutColumn::new("customer_id", OutValues::IdCodes { ids: &input.tables.customers.ids, codes })];
    let spec = table.spec();
    for (def, column) in spec.features.iter().zip(table.columns()) {
        let values = match (column, &def.kind) {
            (Column::Number(cells), _) => {
                OutValues::F64(cells.iter().map(|&cell| (!cell.is_nan()).then_some(cell)).collect())
            }
            (Column::Category(codes), FeatureKind::Category { levels }) => OutValues::Coded {
                names: levels.iter().map(|level| Cow::Borrowed(level.as_str())).collect(),
                codes: codes.clone(),
            },
            (Column::Category(_), _) => unreachable!("checked by FeatureTable::new"),
        };
        columns.push(OutColumn::new(&def.name, values));
    }
    // A file that is there already stays whole until the new one is.
    let name = out.file_name().with_context(|| format!("{} names no file", out.display()))?;
    let beside = out.with_file_name(format!(".{}.new", name.to_string_lossy()));
    let written = write_parquet(&beside, &columns).map_err(anyhow::Error::from);
    let written = written.and_then(|()| Ok(std::fs::rename(&beside, out)?));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written.with_context(|| out.display().to_string())?;
    Ok(FeaturesWritten { customers: table.n_rows(), features: spec.features.len() })
}
