//! Where the program joins the library: reading, the stages, and what other commands need of them.

use std::path::Path;

use anyhow::{Result, bail};

use super::{Made, Task};
use crate::args::RetailArgs;
use crate::config::JobConfig;
use crate::outputs::{FileRows, RejectedRow};
use crate::session::Session;
use crate::ui::Answer;

/// What `check` found.
pub struct Checked {
    pub rows: Vec<FileRows>,
    pub rejected: Vec<RejectedRow>,
    /// Memory a refresh will need.
    pub memory_bytes: Option<u64>,
    /// Sentences about anything else worth knowing.
    pub notes: Vec<String>,
}

/// Size of a feature table that was written.
pub struct FeaturesWritten {
    pub customers: usize,
    pub features: usize,
}

/// Reads, fits, backtests and scores; writes the tables and the model into `task.run`.
///
/// Rows rejected beyond the limit are refused with [`super::refuse_many_rejected`] before anything is fitted.
pub fn refresh(_task: &mut Task<'_>) -> Result<Made> {
    absent("refresh")
}

/// Reads everything and trains nothing.
pub fn check(_session: &Session, _job: &JobConfig) -> Result<Checked> {
    absent("check")
}

/// Writes the feature table as Parquet.
pub fn features(_session: &Session, _job: &JobConfig, _out: &Path) -> Result<FeaturesWritten> {
    absent("features")
}

/// Explains a customer, and an item to that customer, from the current run.
pub fn explain(_session: &Session, _job: &JobConfig, _customer: &str, _item: Option<&str>) -> Result<Answer> {
    absent("explain")
}

/// Writes a generated shop; `bespoke.toml` comes last, so that a folder that has it is whole.
pub fn generate_retail(_args: &RetailArgs) -> Result<()> {
    absent("datasets generate retail")
}

fn absent<T>(command: &str) -> Result<T> {
    bail!("`{command}` is not part of this build")
}
