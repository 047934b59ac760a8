//! A run that is being made, and the order in which it becomes the current one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};
use serde::Serialize;

use super::{Locked, NEW_PREFIX, PROFILES, PROFILES_FILE, RUNS, RunNumber, durable};

/// A run nobody sees yet; dropping it without [`NewRun::commit`] removes it.
pub struct NewRun<'a> {
    locked: &'a Locked,
    number: RunNumber,
    dir: PathBuf,
    profiles: Option<Vec<u8>>,
    stage: Stage,
}

/// How far a publication got, which decides what has to be taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// In its hidden folder.
    Hidden,
    /// In its own folder, but not the current run.
    Placed,
    /// The current run.
    Published,
}

/// What a publication did.
#[derive(Debug)]
pub struct Published {
    /// The current run.
    pub number: RunNumber,
    /// Old runs that were removed.
    pub pruned: Vec<RunNumber>,
    /// Why old runs could not be removed; the publication stands.
    pub not_pruned: Option<Error>,
}

impl<'a> NewRun<'a> {
    pub(super) fn start(locked: &'a Locked, number: RunNumber) -> Result<Self> {
        let dir = locked.out.path().join(RUNS).join(format!("{NEW_PREFIX}{number}"));
        durable::create_dirs(&dir)?;
        Ok(Self { locked, number, dir, profiles: None, stage: Stage::Hidden })
    }

    /// The hidden folder; whoever writes files of their own writes them here.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a file of the run.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        durable::write(&self.dir.join(name), bytes).context(NOTHING_PUBLISHED)
    }

    /// Writes a file of the run as JSON with a final newline.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn write_json(&self, name: &str, content: &impl Serialize) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(content).with_context(|| name.to_owned())?;
        bytes.push(b'\n');
        self.write(name, &bytes)
    }

    /// Customers' own state, put in place together with the run. It only moves forward: a rollback leaves it.
    pub fn write_profiles(&mut self, bytes: Vec<u8>) {
        self.profiles = Some(bytes);
    }

    /// Publishes: everything safe on disk, run in place, profiles in place, then `CURRENT`; then old runs go.
    ///
    /// Stopped at any moment, `CURRENT` names a whole run. Profiles may then be newer than the current run, never
    /// older.
    ///
    /// # Errors
    /// When the disk does not take it: the run before stays current and the new one is removed.
    pub fn commit(mut self, keep: usize) -> Result<Published> {
        self.publish()?;
        let (pruned, not_pruned) = match self.locked.prune(keep) {
            Ok(pruned) => (pruned, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        Ok(Published { number: self.number, pruned, not_pruned })
    }

    fn publish(&mut self) -> Result<()> {
        self.place().context(NOTHING_PUBLISHED)?;
        if let Some(bytes) = self.profiles.take() {
            self.place_profiles(&bytes).context(NOTHING_PUBLISHED)?;
        }
        let switched = self.locked.switch_current(self.number);
        // Where CURRENT cannot be read, taking the run away could leave it dangling.
        let another_is_current =
            matches!(self.locked.out.current(), Ok(current) if current != Some(self.number));
        if another_is_current {
            return switched.context(NOTHING_PUBLISHED);
        }
        self.stage = Stage::Published;
        switched.context("the run is published, but a power cut could still undo that")
    }

    fn place(&mut self) -> Result<()> {
        durable::sync_tree(&self.dir)?;
        let place = self.locked.out.run_dir(self.number);
        let renamed = durable::rename(&self.dir, &place);
        if place.is_dir() {
            self.stage = Stage::Placed;
        }
        Ok(renamed?)
    }

    fn place_profiles(&self, bytes: &[u8]) -> Result<()> {
        let folder = self.locked.out.path().join(PROFILES);
        durable::create_dirs(&folder)?;
        Ok(durable::replace(&folder.join(PROFILES_FILE), bytes)?)
    }
}

const NOTHING_PUBLISHED: &str = "nothing was published";

impl Drop for NewRun<'_> {
    fn drop(&mut self) {
        // What cannot be removed here is removed when the next run begins, or stays a whole run that is not current.
        let _ = match self.stage {
            Stage::Hidden => durable::remove_tree(&self.dir).map_err(Error::from),
            Stage::Placed => self.locked.remove_run(self.number),
            Stage::Published => Ok(()),
        };
    }
}
