//! What the caller says beside the sources, and what the caller is told meanwhile.

use bespoke::types::Timestamp;

/// Most entries of [`ReadOutcome::rejected`](crate::ReadOutcome::rejected); the accounting counts on.
pub const MAX_REJECTED: usize = 100_000;

/// What the job says beside its sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// Times after this are rejected as future dates; without it those from the year 2200 on.
    pub not_after: Option<Timestamp>,
    /// ISO 4217 code of every amount.
    pub currency: String,
}

/// Told how far reading has come; `()` listens to nothing.
pub trait Progress: Sync {
    /// A file of so many bytes is opened.
    fn file(&self, name: &str, total_bytes: u64);
    /// So many more of its bytes (as stored) are done.
    fn advance(&self, bytes: u64);
}

impl Progress for () {
    fn file(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
}
