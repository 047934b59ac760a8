//! Published runs on disk: `CURRENT`, `runs/000007/`, `profiles/`. A reader sees a run whole or not at all.
//!
//! Reading takes no lock. Everything that changes the folder goes through [`OutputDir::lock`], one process at a time.
//! The order of a publication is fixed in [`NewRun::commit`]; `CURRENT` moves last, by one rename.

mod durable;
mod lock;
mod new_run;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};

pub use lock::Locked;
pub use new_run::{NewRun, Published};

/// The number of the published run.
const CURRENT: &str = "CURRENT";
/// The folder of runs.
const RUNS: &str = "runs";
/// The folder of customers' own state.
const PROFILES: &str = "profiles";
/// The one file in it.
pub const PROFILES_FILE: &str = "profiles.bespoke";
/// Runs being made or removed start with these, so they are no runs to any reader.
const NEW_PREFIX: &str = ".new-";
const OLD_PREFIX: &str = ".old-";

/// The number of a run, counted from 1; shown with at least six digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunNumber(pub u32);

impl fmt::Display for RunNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl RunNumber {
    /// Reads exactly what [`fmt::Display`] writes.
    fn parse(name: &str) -> Option<Self> {
        let number = Self(name.parse().ok()?);
        (number.0 > 0 && number.to_string() == name).then_some(number)
    }
}

/// An output folder, for reading.
#[derive(Clone, Debug)]
pub struct OutputDir {
    dir: PathBuf,
}

impl OutputDir {
    /// The folder, which may not exist yet.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The published run; `None` before the first publication.
    ///
    /// # Errors
    /// When `CURRENT` cannot be read or names no run that is there.
    pub fn current(&self) -> Result<Option<RunNumber>> {
        let file = self.dir.join(CURRENT);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(anyhow!("{}: cannot be read: {error}", file.display())),
        };
        let number = RunNumber::parse(text.trim_end_matches('\n'));
        let number = number.with_context(|| format!("{}: {text:?} is no run number", file.display()))?;
        ensure!(self.run_dir(number).is_dir(), "{}: run {number} is not there", file.display());
        Ok(Some(number))
    }

    /// Every whole run, oldest first.
    ///
    /// # Errors
    /// When the folder is there but cannot be read.
    pub fn list(&self) -> Result<Vec<RunNumber>> {
        let runs = self.dir.join(RUNS);
        let entries = match fs::read_dir(&runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => bail!("{}: cannot be read: {error}", runs.display()),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.with_context(|| runs.display().to_string())?.file_name();
            numbers.extend(name.to_str().and_then(RunNumber::parse));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Where a run lies.
    pub fn run_dir(&self, number: RunNumber) -> PathBuf {
        self.dir.join(RUNS).join(number.to_string())
    }

    /// The bytes of customers' own state; `None` before the first publication.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn profiles(&self) -> Result<Option<Vec<u8>>> {
        let file = self.dir.join(PROFILES).join(PROFILES_FILE);
        match fs::read(&file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(anyhow!("{}: cannot be read: {error}", file.display())),
        }
    }

    /// The run asked for, or else the current one.
    ///
    /// # Errors
    /// When it is not there, naming those that are.
    pub fn find(&self, asked: Option<u32>) -> Result<RunNumber> {
        match asked {
            Some(number) => self.existing(RunNumber(number)),
            None => {
                self.current()?.with_context(|| format!("{}: nothing is published yet", self.dir.display()))
            }
        }
    }

    fn existing(&self, number: RunNumber) -> Result<RunNumber> {
        let runs = self.list()?;
        if runs.contains(&number) {
            return Ok(number);
        }
        let there: Vec<String> = runs.iter().map(ToString::to_string).collect();
        bail!("{}: there is no run {number}; there are: {}", self.dir.display(), there.join(", "))
    }
}
