//! The shapes of what a run writes for people and programs: `run.json`, `personas.json`, `report.html`.
//!
//! Everything here is the same for the same inputs, seed and kernel level; no wall clock, no path of a machine.

pub mod figures;
mod format;
#[cfg(test)]
mod group_samples;
pub mod night_figures;
pub mod persona_file;
mod report;
pub mod run_record;
#[cfg(test)]
pub mod samples;
pub mod segment_figures;
mod summary;

pub use format::{amount, count, counted, percent};
pub use persona_file::PersonaFile;
pub use report::{HowMany, how_many, night_sentences, quantity, render as render_report};
pub use run_record::{FileRows, RejectedRow, RunRecord};
pub use summary::{of_rows as rows_table, of_run as run_summary};

/// The names of files in a run.
pub mod files {
    /// [`super::RunRecord`].
    pub const RUN: &str = "run.json";
    /// [`super::PersonaFile`].
    pub const PERSONAS: &str = "personas.json";
    /// [`crate::timing::Timings`].
    pub const TIMINGS: &str = "timings.json";
    /// The page for people.
    pub const REPORT: &str = "report.html";
}
