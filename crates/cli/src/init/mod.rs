//! `init`: looks at files nobody has described yet and proposes a commented job file.
//!
//! [`files`] finds the files and puts those together that are read alike, [`sample`] opens one, [`facts`] says what the
//! cells of each column are, [`roles`] which column plays which part, [`tables`] which table that makes, [`sources`]
//! puts the lines together and [`write`] writes them. Every choice keeps its confidence and its evidence, so that a
//! person can see what to check; what could be silently wrong is low.

mod answer;
mod customers;
mod events;
mod exports;
mod facts;
mod files;
mod kinds;
mod names;
mod numbers;
mod others;
mod people;
mod placeholders;
mod places;
mod proposal;
mod roles;
mod rules;
mod sample;
mod sources;
mod tables;
mod times;
mod totals;
mod write;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use bespoke_io::{ReadOptions, TableName};

use crate::args::InitArgs;
use crate::config::{self, NO_CURRENCY};
use crate::session::Session;
use crate::ui::Answer;

use files::{Looked, Seen};
use proposal::{Hint, Proposal, table_name};
use roles::Confidence;
use write::{JobLines, NamedSource};

/// What was found in the files.
pub struct Found {
    pub job: JobLines,
    pub sources: Vec<NamedSource>,
    /// Files that were left out and why.
    pub left_out: Vec<String>,
}

/// Looks at the files and writes the job file.
///
/// # Errors
/// When a file is no table, the job file is there already, or it cannot be written.
pub fn init(session: &Session, args: &InitArgs) -> Result<Answer> {
    session.refuse_job_options("init")?;
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
    let Looked { seen, left_out } = files::look_at_all(&args.files)?;
    if seen.is_empty() {
        bail!("no file here can be used:\n  {}", left_out.join("\n  "));
    }
    let job = job_lines(&seen)?;
    let folder = args.out.parent().unwrap_or(Path::new("")).to_owned();
    let mut sources: Vec<NamedSource> = Vec::new();
    for seen in seen {
        let name = free_name(&seen, &sources);
        let paths = seen.paths.iter().map(|path| files::path_from(&folder, path)).collect::<Result<_>>()?;
        let mut proposal = seen.proposal;
        if proposal.zone_of_job {
            let evidence = "the times have no offset; taken to be those of job.time_zone";
            proposal.choose("time", "zone", job.zone.value.as_str(), job.zone.confidence, evidence);
        }
        other_currency(&mut proposal, &job.currency);
        sources.push(NamedSource { name, paths, proposal });
    }
    Ok(Found { job, sources, left_out })
}

/// Amounts of different currencies are never added: a source in another one keeps its rows and loses its amounts, or
/// is refused row by row where it names its currency.
fn other_currency(proposal: &mut Proposal, of_job: &Hint) {
    let Some(own) = proposal.currency.clone().filter(|own| own.value != of_job.value) else { return };
    let currencies = format!("its amounts are in {}, those of the job in {}", own.value, of_job.value);
    if proposal.choices.iter().any(|choice| (choice.section, choice.key.as_str()) == ("columns", "currency"))
    {
        proposal
            .warnings
            .push(format!("{currencies}: its rows will be rejected; make a job of its own of it"));
        return;
    }
    let is_money = |choice: &proposal::Choice| {
        choice.section == "columns" && matches!(choice.key.as_str(), "price" | "revenue")
    };
    for choice in proposal.choices.iter().filter(|choice| is_money(choice)) {
        let column = choice.value.as_str().unwrap_or_default().to_owned();
        proposal.unused.push((column, format!("{currencies}, and currencies are never added")));
    }
    proposal.choices.retain(|choice| !is_money(choice));
    proposal.warnings.push(format!("{currencies}: its amounts are not used; make a job of its own of it"));
}

fn job_lines(seen: &[Seen]) -> Result<JobLines> {
    let low = |value: &str, evidence: &str| Hint {
        value: value.to_owned(),
        confidence: Confidence::Low,
        evidence: evidence.to_owned(),
    };
    let zone = seen.iter().filter_map(|seen| seen.proposal.zone.as_ref()).max_by_key(|hint| hint.confidence);
    let currencies: Vec<&Hint> = seen.iter().filter_map(|seen| seen.proposal.currency.as_ref()).collect();
    let surest = currencies.iter().map(|hint| hint.confidence).max();
    // The first among equals, so that the order of the files decides and nothing else.
    let mut currency =
        currencies.iter().find(|hint| Some(hint.confidence) == surest).map(|hint| (*hint).clone());
    if let Some(hint) = &mut currency
        && let Some(other) = currencies.iter().find(|other| other.value != hint.value)
    {
        hint.confidence = Confidence::Low;
        hint.evidence =
            format!("{}; other files are in {}: a job has one currency", hint.evidence, other.value);
    }
    let unknown_currency = format!(
        "nothing in the files names it: {NO_CURRENCY} is the code of \"no currency\", put yours (EUR, USD, …)"
    );
    let unknown_zone =
        "nothing in the files names it: put the zone in which your days begin (Europe/Berlin, …)";
    Ok(JobLines {
        as_of: as_of(seen)?,
        zone: zone.cloned().unwrap_or_else(|| low("UTC", unknown_zone)),
        currency: currency.unwrap_or_else(|| low(NO_CURRENCY, &unknown_currency)),
    })
}

/// Without events there is no latest one: the day the newest file was written stands for the day it describes.
fn as_of(seen: &[Seen]) -> Result<Hint> {
    if seen.iter().any(|seen| seen.proposal.table == TableName::Events) {
        let evidence =
            "the job looks from just after the latest event; a day (2025-01-31) fixes it".to_owned();
        return Ok(Hint { value: "latest".to_owned(), confidence: Confidence::High, evidence });
    }
    let mut newest = std::time::SystemTime::UNIX_EPOCH;
    for path in seen.iter().flat_map(|seen| &seen.paths) {
        newest = newest.max(std::fs::metadata(path)?.modified()?);
    }
    let day = jiff::Timestamp::try_from(newest)?.to_zoned(jiff::tz::TimeZone::UTC).date();
    let evidence = "a table of customers has no latest event: the day the file was last written; put the day it describes";
    Ok(Hint { value: day.to_string(), confidence: Confidence::Low, evidence: evidence.to_owned() })
}

fn free_name(seen: &Seen, taken: &[NamedSource]) -> String {
    let proposal = &seen.proposal;
    let sells = proposal
        .choices
        .iter()
        .any(|choice| choice.key == "kind" && choice.value.as_str() == Some("purchase"));
    let first = if sells { "orders" } else { table_name(proposal.table) };
    let file = seen.paths.first().and_then(|path| path.file_name()).unwrap_or_default().to_string_lossy();
    let stem = file.split('.').next().unwrap_or_default().to_owned();
    let numbered = (2..).map(|n| format!("{first}_{n}"));
    let mut names = [first.to_owned(), stem].into_iter().chain(numbered);
    let free = |name: &String| !name.is_empty() && taken.iter().all(|source| source.name != *name);
    names.find(free).unwrap_or_default()
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
