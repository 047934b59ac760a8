//! File operations that survive a power cut, and say which file failed.
//!
//! Every one that changes the disk passes [`point`] first, where tests stop the program or fill the disk.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file operation failed.
#[derive(Debug)]
pub struct DiskError {
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full",
            io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
            io::ErrorKind::PermissionDenied => "no permission to write here",
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                "a file is where a folder should be"
            }
            _ => "cannot be written",
        };
        write!(f, "{}: {what}", self.path.display())
    }
}

impl std::error::Error for DiskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Names the file that failed.
pub fn at(path: &Path, source: io::Error) -> DiskError {
    DiskError { path: path.to_owned(), source }
}

/// What is done to a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    CreateDir,
    Create,
    Write,
    Sync,
    /// To the path that is named.
    Rename,
    Remove,
}

fn attempt<T>(
    operation: Operation,
    path: &Path,
    work: impl FnOnce() -> io::Result<T>,
) -> Result<T, DiskError> {
    point(operation, path).and_then(|()| work()).map_err(|error| at(path, error))
}

/// Makes the folder and those above it.
pub fn create_dirs(dir: &Path) -> Result<(), DiskError> {
    attempt(Operation::CreateDir, dir, || fs::create_dir_all(dir))
}

/// Writes a new file; it is not yet safe from a power cut, see [`sync_tree`].
pub fn write(file: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let mut open = attempt(Operation::Create, file, || File::create(file))?;
    attempt(Operation::Write, file, || open.write_all(bytes))
}

/// Puts `bytes` in the place of a file in one step: a reader sees the old or the new content, never a mixture.
pub fn replace(file: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let beside = file.with_file_name(format!(".{name}.new"));
    let written = write(&beside, bytes).and_then(|()| sync(&beside)).and_then(|()| rename(&beside, file));
    if written.is_err() {
        // The first error is the one to tell; what stays behind is overwritten by the next attempt.
        let _ = attempt(Operation::Remove, &beside, || fs::remove_file(&beside));
    }
    written
}

/// Renames, and makes the new name safe.
pub fn rename(from: &Path, to: &Path) -> Result<(), DiskError> {
    attempt(Operation::Rename, to, || fs::rename(from, to))?;
    sync(to.parent().unwrap_or(Path::new(".")))
}

/// Makes every file and folder below `dir`, and `dir` itself, safe from a power cut.
pub fn sync_tree(dir: &Path) -> Result<(), DiskError> {
    for entry in fs::read_dir(dir).map_err(|error| at(dir, error))? {
        let path = entry.map_err(|error| at(dir, error))?.path();
        if path.is_dir() { sync_tree(&path)? } else { sync(&path)? }
    }
    sync(dir)
}

fn sync(path: &Path) -> Result<(), DiskError> {
    // An empty parent is the current directory.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    attempt(Operation::Sync, path, || File::open(path)?.sync_all())
}

/// Removes a folder and what is in it.
pub fn remove_tree(dir: &Path) -> Result<(), DiskError> {
    attempt(Operation::Remove, dir, || fs::remove_dir_all(dir))
}

#[cfg(not(test))]
fn point(_: Operation, _: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
use faults::point;

/// What can happen between any two file operations.
#[cfg(test)]
pub mod faults {
    use std::cell::{Cell, RefCell};
    use std::io;
    use std::path::{Path, PathBuf};

    use super::Operation;

    /// What happens at the chosen operation.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Fault {
        /// This and every later operation does not happen, as after kill -9.
        Killed,
        /// This operation fails, later ones succeed.
        Failed(io::ErrorKind),
    }

    thread_local! {
        static PLAN: Cell<Option<(usize, Fault)>> = const { Cell::new(None) };
        static FIRED: Cell<bool> = const { Cell::new(false) };
        static TRACE: RefCell<Vec<(Operation, PathBuf)>> = const { RefCell::new(Vec::new()) };
    }

    /// Every operation of `work` that was let through, in order.
    pub fn trace(work: impl FnOnce()) -> Vec<(Operation, PathBuf)> {
        TRACE.take();
        work();
        TRACE.take()
    }

    /// Runs `work` with a fault at the operation number `n`, counted from 0; says whether it was reached.
    pub fn with_fault<T>(n: usize, fault: Fault, work: impl FnOnce() -> T) -> (T, bool) {
        PLAN.set(Some((n, fault)));
        FIRED.set(false);
        let result = work();
        PLAN.set(None);
        (result, FIRED.get())
    }

    pub(super) fn point(operation: Operation, path: &Path) -> io::Result<()> {
        fire()?;
        TRACE.with_borrow_mut(|trace| trace.push((operation, path.to_owned())));
        Ok(())
    }

    fn fire() -> io::Result<()> {
        match PLAN.get() {
            None => Ok(()),
            Some((0, Fault::Killed)) => {
                FIRED.set(true);
                Err(io::Error::other("killed"))
            }
            Some((0, Fault::Failed(kind))) => {
                FIRED.set(true);
                PLAN.set(None);
                Err(kind.into())
            }
            Some((n, fault)) => {
                PLAN.set(Some((n - 1, fault)));
                Ok(())
            }
        }
    }
}
