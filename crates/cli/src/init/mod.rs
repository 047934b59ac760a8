//! `init`: looks at files nobody has described yet and proposes a commented job file.
//!
//! [`sample`] opens a file, [`facts`] says what the cells of each column are, [`roles`] which column plays which part,
//! [`tables`] which table that makes, [`sources`] puts the lines together and [`write`] writes them. Every choice keeps
//! its confidence and its evidence, so that a person can see what to check.

mod answer;
mod exports;
mod facts;
mod kinds;
mod names;
mod people;
mod places;
mod proposal;
mod roles;
mod rules;
mod sample;
mod sources;
mod tables;
mod times;
mod write;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use bespoke_io::{ReadOptions, TableName};

use crate::args::InitArgs;
use crate::config;
use crate::session::Session;
use crate::ui::Answer;

use proposal::{Hint, Proposal, table_name};
use roles::Confidence;
use sample::{Looked, look};
use write::{JobLines, NamedSource};

/// What was found in the files.
pub struct Found {
    pub job: JobLines,
    pub sources: Vec<NamedSource>,
    /// Files that were left out and why; only of a folder, where nobody named them.
    pub left_out: Vec<String>,
}

/// Looks at the files and writes the job file.
///
/// # Errors
/// When a file is no table, the job file is there already, or it cannot be written.
pub fn init(session: &Session, args: &InitArgs) -> Result<Answer> {
    let out = &args.out;
    ensure!(
        args.force || !out.exists(),
        "{} is there already; --force overwrites it, --out names another file",
        out.display()
    );
    let found = session.ui.step("look", |_| find(args))?;
    let text = write::job_file(&found.job, &found.sources);
    check(&text, out).context("bug: the proposed job file is refused; nothing was written")?;
    write_whole(out, &text, args.force)?;
    Ok(answer::of(&found, out))
}

/// The ordinary reading of a job file, before it is written.
fn check(text: &str, out: &Path) -> Result<()> {
    let job = config::parse(text, out)?;
    let options = ReadOptions { not_after: None, currency: job.job.currency.clone() };
    Ok(bespoke_io::check(&job.source, &options)?)
}

/// A file that is there stays whole until the new one is.
fn write_whole(out: &Path, text: &str, force: bool) -> Result<()> {
    let written = || -> std::io::Result<()> {
        if !force {
            return File::create_new(out)?.write_all(text.as_bytes());
        }
        let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = out.with_file_name(format!(".{name}.new"));
        std::fs::write(&beside, text)?;
        std::fs::rename(&beside, out)
    };
    written().with_context(|| format!("{}: cannot be written", out.display()))
}

fn find(args: &InitArgs) -> Result<Found> {
    let named = !args.files.is_empty();
    let files = if named { args.files.clone() } else { data_files(Path::new("."))? };
    let (mut looked, mut left_out) = (Vec::new(), Vec::new());
    for file in &files {
        match look(file).and_then(|looked| Ok((sources::propose(&looked)?, looked))) {
            Ok(found) => looked.push(found),
            Err(error) if !named => left_out.push(format!("{error:#}")),
            Err(error) => return Err(error),
        }
    }
    if looked.is_empty() {
        bail!("no file here can be used:\n  {}", left_out.join("\n  "));
    }
    let job = job_lines(&looked)?;
    let folder = args.out.parent().unwrap_or(Path::new("")).to_owned();
    let mut sources = named_sources(looked, &folder)?;
    sources.iter_mut().for_each(|source| fill_in_zone(&mut source.proposal, &job.zone));
    Ok(Found { job, sources, left_out })
}

/// Files of the folder whose names promise a table, by name.
fn data_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).context("the current folder cannot be read")?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(PathBuf::from(entry.ok()?.file_name())))
        .filter(|path| path.is_file() && sample::format_by_name(path).is_some())
        .collect();
    files.sort();
    ensure!(
        !files.is_empty(),
        "no data file in this folder (.csv, .tsv, .txt, .jsonl, .ndjson, .parquet, the first five also .gz or .zst); \
         name the files: bespoke init FILES"
    );
    Ok(files)
}

fn job_lines(looked: &[(Proposal, Looked)]) -> Result<JobLines> {
    let best = |hint: fn(&Proposal) -> &Option<Hint>| {
        let hints = looked.iter().filter_map(|(proposal, _)| hint(proposal).as_ref());
        hints.max_by_key(|hint| hint.confidence).cloned()
    };
    let low = |value: &str, evidence: &str| Hint {
        value: value.to_owned(),
        confidence: Confidence::Low,
        evidence: evidence.to_owned(),
    };
    let zone = best(|proposal| &proposal.zone);
    let currency = best(|proposal| &proposal.currency);
    let unknown_currency =
        "nothing in the files names it: XXX is the code of \"no currency\", put yours (EUR, USD, …)";
    let unknown_zone =
        "nothing in the files names it: put the zone in which your days begin (Europe/Berlin, …)";
    Ok(JobLines {
        as_of: as_of(looked)?,
        zone: zone.unwrap_or_else(|| low("UTC", unknown_zone)),
        currency: currency.unwrap_or_else(|| low("XXX", unknown_currency)),
    })
}

/// Without events there is no latest one: the day the newest file was written stands for the day it describes.
fn as_of(looked: &[(Proposal, Looked)]) -> Result<Hint> {
    if looked.iter().any(|(proposal, _)| proposal.table == TableName::Events) {
        let evidence =
            "the job looks from just after the latest event; a day (2025-01-31) fixes it".to_owned();
        return Ok(Hint { value: "latest".to_owned(), confidence: Confidence::High, evidence });
    }
    let mut newest = std::time::SystemTime::UNIX_EPOCH;
    for (_, looked) in looked {
        newest = newest.max(std::fs::metadata(&looked.path)?.modified()?);
    }
    let day = jiff::Timestamp::try_from(newest)?.to_zoned(jiff::tz::TimeZone::UTC).date();
    let evidence = "a table of customers has no latest event: the day the file was last written; put the day it describes";
    Ok(Hint { value: day.to_string(), confidence: Confidence::Low, evidence: evidence.to_owned() })
}

/// One source per table and header, files of the same kind together.
fn named_sources(looked: Vec<(Proposal, Looked)>, folder: &Path) -> Result<Vec<NamedSource>> {
    let mut sources: Vec<(NamedSource, Vec<String>)> = Vec::new();
    for (proposal, looked) in looked {
        let path = path_from(folder, &looked.path)?;
        let header: Vec<String> = looked.sample.columns.iter().map(|column| column.name.clone()).collect();
        let alike = sources.iter_mut().find(|(source, known)| {
            *known == header
                && same_lines(&source.proposal, &proposal)
                && !source.proposal.choices.iter().any(|choice| choice.key == "rows_are_customers")
        });
        match alike {
            Some((source, _)) => source.paths.push(path),
            None => {
                let name = free_name(&proposal, &looked, &sources);
                sources.push((NamedSource { name, paths: vec![path], proposal }, header));
            }
        }
    }
    Ok(sources.into_iter().map(|(source, _)| source).collect())
}

/// Whether two files are read in the same way.
fn same_lines(a: &Proposal, b: &Proposal) -> bool {
    let lines = |proposal: &Proposal| -> Vec<String> {
        proposal
            .choices
            .iter()
            .map(|choice| format!("{}.{} = {}", choice.section, choice.key, choice.value))
            .collect()
    };
    a.table == b.table && lines(a) == lines(b)
}

fn free_name(proposal: &Proposal, looked: &Looked, taken: &[(NamedSource, Vec<String>)]) -> String {
    let sells = proposal
        .choices
        .iter()
        .any(|choice| choice.key == "kind" && choice.value.as_str() == Some("purchase"));
    let first = if sells { "orders" } else { table_name(proposal.table) };
    let stem = looked.name().split('.').next().unwrap_or_default().to_owned();
    let numbered = (2..).map(|n| format!("{first}_{n}"));
    let mut names = [first.to_owned(), stem].into_iter().chain(numbered);
    let free = |name: &String| !name.is_empty() && taken.iter().all(|(source, _)| source.name != *name);
    names.find(free).unwrap_or_default()
}

/// The path as the job file must hold it, which lies in `folder`.
fn path_from(folder: &Path, path: &Path) -> Result<String> {
    let text = |path: &Path| path.to_str().map(str::to_owned).context("the name of a file is not UTF-8");
    if folder.as_os_str().is_empty() || path.is_absolute() {
        return text(path);
    }
    let whole = std::path::absolute(path)?;
    match path.strip_prefix(folder) {
        Ok(inside) => text(inside),
        Err(_) => text(&whole),
    }
}

/// Times without an offset are meant in the zone of the shop.
fn fill_in_zone(proposal: &mut Proposal, zone: &Hint) {
    let lines = proposal
        .choices
        .iter_mut()
        .filter(|choice| (choice.section, choice.key.as_str()) == ("time", "zone"));
    for choice in lines {
        choice.value = zone.value.as_str().into();
        choice.confidence = zone.confidence;
        choice.evidence = "the times have no offset; taken to be those of job.time_zone".to_owned();
    }
}

/// Something from a file inside a sentence: one line, not too long.
fn words(text: &str) -> String {
    const MOST: usize = 60;
    let plain: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if plain.is_empty() {
        return "(no name)".to_owned();
    }
    if plain.chars().count() <= MOST { plain } else { plain.chars().take(MOST).chain(['…']).collect() }
}
