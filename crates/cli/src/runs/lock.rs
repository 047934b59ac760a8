//! One process at a time changes an output folder.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use super::durable::{self, at};
use super::{CURRENT, NEW_PREFIX, NewRun, OLD_PREFIX, OutputDir, RUNS, RunNumber};

const LOCK: &str = ".lock";

/// An output folder that nobody else can change until this is dropped.
///
/// The operating system releases the lock when the process ends, however it ends.
pub struct Locked {
    pub(super) out: OutputDir,
    _lock: File,
}

impl OutputDir {
    /// Makes the folder if need be and takes its lock; never waits.
    ///
    /// # Errors
    /// When another process has it, or nothing can be written there.
    pub fn lock(&self) -> Result<Locked> {
        let runs = self.path().join(RUNS);
        durable::create_dirs(&runs).context("nothing can be written to [output] dir")?;
        let lock = take(&self.path().join(LOCK))?;
        Ok(Locked { out: self.clone(), _lock: lock })
    }
}

fn take(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).read(true).write(true);
    let mut file = options.open(path).map_err(|error| at(path, error))?;
    match file.try_lock() {
        Ok(()) => {
            sign(&mut file).map_err(|error| at(path, error))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => Err(in_use(path, &mut file)),
        Err(TryLockError::Error(error)) => Err(at(path, error).into()),
    }
}

/// Leaves the number of this process for the message of the one that comes second.
fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn in_use(path: &Path, file: &mut File) -> anyhow::Error {
    let mut holder = String::new();
    let known = file.read_to_string(&mut holder).is_ok() && !holder.is_empty();
    let who = if known { format!(" (process {holder})") } else { String::new() };
    let dir = path.parent().unwrap_or(path).display();
    anyhow!(
        "{dir} is in use by another run of bespoke{who}; nothing was changed; try again when it has ended"
    )
}

impl Locked {
    /// The folder, for reading.
    pub fn out(&self) -> &OutputDir {
        &self.out
    }

    /// Starts a run in a folder that no reader sees; what a killed run left behind is removed.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn begin(&self) -> Result<NewRun<'_>> {
        self.remove_leftovers()?;
        let last = self.out.list()?.last().map_or(0, |number| number.0);
        NewRun::start(self, RunNumber(last + 1))
    }

    fn remove_leftovers(&self) -> Result<()> {
        let runs = self.out.path().join(RUNS);
        for entry in fs::read_dir(&runs).map_err(|error| at(&runs, error))? {
            let entry = entry.map_err(|error| at(&runs, error))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(NEW_PREFIX) || name.starts_with(OLD_PREFIX) {
                durable::remove_tree(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Makes another run the current one, by default the newest before the current; profiles stay as they are.
    ///
    /// # Errors
    /// When that run is not there, or nothing can be written.
    pub fn rollback(&self, asked: Option<u32>) -> Result<RunNumber> {
        let target = match asked {
            Some(_) => self.out.find(asked)?,
            None => self.before_current()?,
        };
        self.switch_current(target)?;
        Ok(target)
    }

    fn before_current(&self) -> Result<RunNumber> {
        let current = self.out.find(None)?;
        let older = self.out.list()?.into_iter().rfind(|&number| number < current);
        older.with_context(|| format!("{}: there is no run before {current}", self.out.path().display()))
    }

    pub(super) fn switch_current(&self, number: RunNumber) -> Result<()> {
        durable::replace(&self.out.path().join(CURRENT), format!("{number}\n").as_bytes())?;
        Ok(())
    }

    /// Removes all but the newest `keep` runs, never the current one; gives those removed.
    pub(super) fn prune(&self, keep: usize) -> Result<Vec<RunNumber>> {
        let (runs, current) = (self.out.list()?, self.out.current()?);
        let n_old = runs.len().saturating_sub(keep);
        let old: Vec<RunNumber> = runs[..n_old].iter().copied().filter(|&run| Some(run) != current).collect();
        for &number in &old {
            self.remove_run(number)?;
        }
        Ok(old)
    }

    /// Hidden first, so that a half-removed run is never seen.
    pub(super) fn remove_run(&self, number: RunNumber) -> Result<()> {
        let hidden = self.out.path().join(RUNS).join(format!("{OLD_PREFIX}{number}"));
        durable::rename(&self.out.run_dir(number), &hidden)?;
        durable::remove_tree(&hidden)?;
        Ok(())
    }
}
