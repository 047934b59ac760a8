//! The one way in.

use std::collections::BTreeMap;

use bespoke::tables::{Tables, TablesBuilder};

use crate::account::{Accounting, FileAccount, Rejected};
use crate::config::{FileFormat, SourceConfig};
use crate::csv_rows::read_csv;
use crate::error::ReadError;
use crate::files::{InputFile, expand};
use crate::json_rows::read_jsonl;
use crate::options::{Progress, ReadOptions};
use crate::parquet_rows::read_parquet;
use crate::plan::Plan;
use crate::required::require_one_file;
use crate::rows::{Intake, Recorder, Rows};
use crate::stream::{Fingerprint, with_blocks};

/// Everything that came of reading.
#[derive(Debug)]
pub struct ReadOutcome {
    /// The accepted rows.
    pub tables: Tables,
    /// Where every row went.
    pub accounting: Accounting,
    /// Problems of rejected rows in reading order, at most [`MAX_REJECTED`](crate::MAX_REJECTED).
    pub rejected: Vec<Rejected>,
    /// What the files were.
    pub fingerprints: Vec<Fingerprint>,
}

/// Reads all sources, in the order of their names and inside a source in the order of sorted file names.
///
/// The tables do not depend on how rows are divided into files of that order. Bad rows are counted and listed,
/// never an error: whether there are too many is the caller's decision ([`Accounting::beyond`]). Files with a
/// header only give no rows and no error.
///
/// # Errors
/// [`ReadError`] when a source is contradictory or a file cannot be read as a whole; sources and paths are checked
/// before the first file is opened.
pub fn read(
    sources: &BTreeMap<String, SourceConfig>,
    options: &ReadOptions,
    progress: &dyn Progress,
) -> Result<ReadOutcome, ReadError> {
    if options.currency.len() != 3 || !options.currency.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(ReadError::Currency(options.currency.clone()));
    }
    std::thread::scope(|scope| {
        let (recorder, log) = Recorder::start(scope);
        let mut intake = Intake::new(recorder);
        let (accounting, fingerprints) = read_sources(sources, options, progress, &mut intake)?;
        let Intake { mut builder, rejected, recorder, .. } = intake;
        // The end of its messages is the recorder's sign to hand over.
        drop(recorder);
        builder.events(log.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        let tables = builder.finish(options.currency.clone());
        Ok(ReadOutcome { tables, accounting, rejected, fingerprints })
    })
}

/// Checks what the sources say against themselves and against the paths, and opens nothing.
///
/// # Errors
/// [`ReadError`] when a source is contradictory or a path leads nowhere.
pub fn check(sources: &BTreeMap<String, SourceConfig>, options: &ReadOptions) -> Result<(), ReadError> {
    plans(sources, options, &mut TablesBuilder::default()).map(drop)
}

fn plans(
    sources: &BTreeMap<String, SourceConfig>,
    options: &ReadOptions,
    builder: &mut TablesBuilder,
) -> Result<Vec<(Plan, Vec<InputFile>)>, ReadError> {
    let mut plans = Vec::with_capacity(sources.len());
    for (number, (name, config)) in sources.iter().enumerate() {
        let plan = Plan::new(name, number as u32, config, options, builder)?;
        let files = expand(name, config)?;
        require_one_file(name, config, files.len())?;
        plans.push((plan, files));
    }
    Ok(plans)
}

fn read_sources(
    sources: &BTreeMap<String, SourceConfig>,
    options: &ReadOptions,
    progress: &dyn Progress,
    intake: &mut Intake,
) -> Result<(Accounting, Vec<Fingerprint>), ReadError> {
    let plans = plans(sources, options, &mut intake.builder)?;
    let mut accounting = Accounting::default();
    let mut fingerprints = Vec::new();
    for (mut plan, files) in plans {
        for file in &files {
            let (account, print) = read_file(file, &mut plan, intake, progress)?;
            accounting.files.push(account);
            fingerprints.push(print);
        }
        intake.finish_source();
    }
    Ok((accounting, fingerprints))
}

fn read_file(
    file: &InputFile,
    plan: &mut Plan,
    intake: &mut Intake,
    progress: &dyn Progress,
) -> Result<(FileAccount, Fingerprint), ReadError> {
    let total_bytes = std::fs::metadata(&file.path).map_err(|e| ReadError::io(&file.shown, e))?.len();
    progress.file(&file.shown, total_bytes);
    let mut rows = Rows::new(plan, intake, &file.shown);
    let print = match file.format {
        FileFormat::Parquet => read_parquet(file, progress, &mut rows)?,
        FileFormat::Csv | FileFormat::Jsonl => {
            with_blocks(&file.path, &file.shown, file.compression, progress, |blocks| match file.format {
                FileFormat::Jsonl => read_jsonl(blocks, file, &mut rows),
                _ => read_csv(blocks, file, &mut rows),
            })?
            .1
        }
    };
    Ok((rows.finish(), print))
}
