//! How many personas there are: candidates, how steady and how distinct they are, and the one that is taken.

pub(super) mod choice;
#[cfg(feature = "train")]
pub(super) mod choose;
#[cfg(feature = "train")]
pub(super) mod decide;
#[cfg(feature = "train")]
pub(super) mod measure;
#[cfg(feature = "train")]
pub(super) mod null;
#[cfg(feature = "train")]
pub(super) mod sample;
#[cfg(feature = "train")]
pub(super) mod silhouettes;
#[cfg(feature = "train")]
pub(super) mod stability;
#[cfg(feature = "train")]
pub(super) mod structure;
