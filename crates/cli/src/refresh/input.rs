//! Reading: files to tables, and the instant the job looks from.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
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
    /// End (exclusive) of what is known: outcomes behind it are not.
    pub data_end: Timestamp,
    pub calendar: BusinessCalendar,
    /// Customers who get a row in the outputs, ascending.
    pub scored: Vec<usize>,
}

/// Why a stage has no result where there is only a table of customers.
const NO_EVENTS: &str = "there are no events, and it is learnt from what customers did and when";
/// Why nothing is recommended.
const NO_ITEMS: &str = "no source names items (columns.item_id): there is nothing to recommend";

impl Input {
    /// Why nothing that is learnt from events can be.
    pub fn without_events(&self) -> Option<&'static str> {
        self.tables.events.is_empty().then_some(NO_EVENTS)
    }

    /// Why nothing can be recommended.
    pub fn without_items(&self) -> Option<&'static str> {
        self.tables.items.is_empty().then(|| self.without_events().unwrap_or(NO_ITEMS))
    }
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
    super::refuse_many_rejected(&rows, &examples(&rejected), job.job.max_rejected_share)?;
    super::refuse_nothing(&rows, tables.events.len(), tables.customers.len())?;
    let as_of = instant(job, &tables)?;
    let latest = tables.events.latest().unwrap_or(as_of);
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
    let mut warnings: Vec<String> = accounting.files.iter().flat_map(warnings).collect();
    let data_end = data_end(as_of, latest, &mut warnings);
    if rejected.len() >= bespoke_io::MAX_REJECTED {
        let n = crate::outputs::count(rejected.len() as u64);
        warnings.push(format!("rejected.csv holds the first {n} problems; there were more"));
    }
    Ok(Input { tables, rows, rejected, files, warnings, as_of, data_end, calendar, scored })
}

/// The instant the job looks from: as it says, or just after the latest event.
///
/// # Errors
/// When the job says "latest" and there is no event.
pub fn instant(job: &JobConfig, tables: &Tables) -> Result<Timestamp> {
    let latest = || tables.events.latest().map(|latest| Timestamp(latest.0 + 1));
    let at = job.job.as_of.resolve(&job.zone()?)?.or_else(latest);
    at.context(
        "job.as_of is \"latest\", but there are no events: set it to the day the customers are described as of",
    )
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

/// The instant up to which outcomes are known. A day without an event is no sign of anything; more is said, and a shop
/// whose data lag behind is not one that everybody has left.
fn data_end(as_of: Timestamp, latest: Timestamp, warnings: &mut Vec<String>) -> Timestamp {
    if as_of.minus(Days(1)) <= latest {
        return as_of;
    }
    warnings.push(format!(
        "the last event is of {latest}, long before {as_of}: outcomes are judged up to the last event"
    ));
    Timestamp(latest.0 + 1)
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
        let n = crate::outputs::count(*n);
        all.push(match what.as_str() {
            "event_id_conflict" => {
                format!("{file}: {n} rows have the id of an earlier event and say something else; the first counts")
            }
            "ambiguous_local_time" => {
                format!("{file}: {n} local times came twice (clock change); the earlier instant is taken")
            }
            "spreadsheet_damage" => format!("{file}: {n} rows have an id that a spreadsheet has damaged"),
            other => format!("{file}: {other} in {n} rows"),
        });
    }
    for (event, n) in &account.unknown_events {
        all.push(format!("{file}: event \"{event}\" is not known, {} rows", crate::outputs::count(*n)));
    }
    all
}

/// Rejected rows kept as examples.
const MAX_EXAMPLES: usize = 100;
/// So that a bad file does not hide those of another.
const MAX_EXAMPLES_OF_FILE: usize = 20;

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
    let mut of_file: BTreeMap<String, usize> = BTreeMap::new();
    let few = |rejected: &&Rejected| {
        let n = of_file.entry(rejected.file.to_string()).or_default();
        *n += 1;
        *n <= MAX_EXAMPLES_OF_FILE
    };
    rejected.iter().filter(few).take(MAX_EXAMPLES).map(row).collect()
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
