//! Reading: files to tables, and the instant the job looks from.

use anyhow::{Result, ensure};
use bespoke::features::BusinessCalendar;
use bespoke::tables::Tables;
use bespoke::types::{Days, EventKind, Timestamp};
use bespoke_io::{FileAccount, Progress, ReadOptions, ReadOutcome, Rejected};

use crate::config::JobConfig;
use crate::failure::Refused;
use crate::outputs::{FileRows, RejectedRow, run_record::InputFile};
use crate::timing::wall_clock;
use crate::ui::Step;

/// Checked tables and where they come from.
pub struct Input {
    pub tables: Tables,
    pub rows: Vec<FileRows>,
    pub rejected: Vec<Rejected>,
    pub files: Vec<InputFile>,
    /// Sentences about repairs, unknown events and the like.
    pub warnings: Vec<String>,
    pub as_of: Timestamp,
    pub calendar: BusinessCalendar,
    /// Customers who get a row in the outputs, ascending.
    pub scored: Vec<usize>,
}

/// Reads all sources of a job.
///
/// # Errors
/// When a file cannot be read as a whole; [`Refused`] when nothing is left to work with.
pub fn read(job: &JobConfig, step: &Step<'_>) -> Result<Input> {
    input_of(job, read_rows(job, step)?)
}

/// Reads all sources and judges nothing.
///
/// # Errors
/// When a file cannot be read as a whole.
pub fn read_rows(job: &JobConfig, step: &Step<'_>) -> Result<ReadOutcome> {
    ensure!(!job.source.is_empty(), "the job has no [source.NAME]: nothing to read");
    let options =
        ReadOptions { not_after: Some(wall_clock().plus(Days(1))), currency: job.job.currency.clone() };
    let outcome = bespoke_io::read(&job.source, &options, &StepProgress(step))?;
    ensure!(outcome.accounting.adds_up(), "bug: the rows of a file do not add up");
    Ok(outcome)
}

/// What the rows give to work with.
///
/// # Errors
/// [`Refused`] when too many rows were rejected or nothing is left.
pub fn input_of(job: &JobConfig, outcome: ReadOutcome) -> Result<Input> {
    let ReadOutcome { tables, accounting, rejected, fingerprints } = outcome;
    let rows: Vec<FileRows> = accounting.files.iter().map(file_rows).collect();
    super::refuse_many_rejected(&rows, job.job.max_rejected_share)?;
    let Some(latest) = tables.events.latest() else { return Err(nothing(&rows).into()) };
    let as_of = job.job.as_of.resolve(&job.zone()?)?.unwrap_or(Timestamp(latest.0 + 1));
    let earliest = tables.events.time.iter().min().map_or(latest, |&t| Timestamp(t));
    let calendar = BusinessCalendar::new(&job.job.time_zone, earliest, Timestamp(latest.0.max(as_of.0)))?;
    let scored = scored(&tables, as_of);
    if scored.is_empty() {
        let n = tables.customers.len();
        return Err(Refused(format!(
            "no customer to score before {as_of}: {n} customers and {} events were read; nothing was published",
            tables.events.len()
        ))
        .into());
    }
    let files = accounting.files.iter().zip(&fingerprints).map(|(account, print)| InputFile {
        source: account.source.clone(),
        file: base_name(&print.file),
        bytes: print.bytes,
        xxh3_128: print.xxh3_128.clone(),
    });
    let files = files.collect();
    let warnings = accounting.files.iter().flat_map(warnings).collect();
    Ok(Input { tables, rows, rejected, files, warnings, as_of, calendar, scored })
}

fn nothing(rows: &[FileRows]) -> Refused {
    let read: u64 = rows.iter().map(|file| file.read).sum();
    let files: Vec<&str> = rows.iter().map(|file| file.file.as_str()).collect();
    let what = if read == 0 { "no rows below the header" } else { "no row that could be used" };
    Refused(format!("{what} in {}; nothing was published", files.join(", ")))
}

/// Customers with anything but refunds before `as_of`, and customers of the customers table without any event.
fn scored(tables: &Tables, as_of: Timestamp) -> Vec<usize> {
    let events = &tables.events;
    let known = |&customer: &usize| {
        let before = events.of_customer_before(customer, as_of);
        events.of_customer(customer).is_empty()
            || before.into_iter().any(|e| events.kind[e] != EventKind::Refund)
    };
    (0..tables.customers.len()).filter(known).collect()
}

/// What became of the rows of a file, for the record.
pub fn file_rows(account: &FileAccount) -> FileRows {
    FileRows {
        source: account.source.clone(),
        file: base_name(&account.file),
        read: account.rows_read,
        accepted: account.accepted,
        merged: account.merged,
        set_aside: account.set_aside.clone(),
        rejected: account.rejected.clone(),
    }
}

/// Repairs and unknown things in a file, a sentence each.
pub fn warnings(account: &FileAccount) -> Vec<String> {
    let file = base_name(&account.file);
    let mut all = Vec::new();
    if account.accepted_guests > 0 {
        let n = crate::outputs::count(account.accepted_guests);
        all.push(format!("{file}: {n} rows without a customer count for popularity only"));
    }
    for (what, n) in &account.warnings {
        all.push(format!("{file}: {what} in {} rows", crate::outputs::count(*n)));
    }
    for (event, n) in &account.unknown_events {
        all.push(format!("{file}: event \"{event}\" is not known, {} rows", crate::outputs::count(*n)));
    }
    all
}

/// Rejected rows as the report shows them.
pub fn examples(rejected: &[Rejected]) -> Vec<RejectedRow> {
    let row = |rejected: &Rejected| RejectedRow {
        file: base_name(&rejected.file),
        row: rejected.row,
        column: rejected.column.to_string(),
        value: rejected.value.clone(),
        rule: rejected.rule.id().to_owned(),
        hint: rejected.hint.map(str::to_owned),
    };
    rejected.iter().take(100).map(row).collect()
}

/// Runs on two machines are alike, so a record names files without their folders.
fn base_name(file: &str) -> String {
    std::path::Path::new(file)
        .file_name()
        .map_or_else(|| file.to_owned(), |name| name.to_string_lossy().into_owned())
}

struct StepProgress<'a>(&'a Step<'a>);

impl Progress for StepProgress<'_> {
    fn file(&self, _: &str, total_bytes: u64) {
        self.0.expect(total_bytes);
    }

    fn advance(&self, bytes: u64) {
        self.0.advance(bytes);
    }
}
