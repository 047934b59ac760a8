//! From one night to the next: who is who, what was born or merged, who stays near a border, and what drifted.

#[cfg(feature = "train")]
pub(super) mod carry;
pub(super) mod drift;
#[cfg(feature = "train")]
pub(super) mod matching;
#[cfg(feature = "train")]
pub(super) mod refit;
pub(super) mod refit_report;
pub(super) mod stickiness;
