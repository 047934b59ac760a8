//! From features to the cells that are clustered: transforms, codes of categories, gaps, and weights by relevance.

pub(super) mod columns;
#[cfg(feature = "train")]
pub(super) mod encode;
pub(super) mod encoding;
pub(super) mod gaps;
#[cfg(feature = "train")]
pub(super) mod observed;
#[cfg(feature = "train")]
pub(super) mod relevance;
pub(super) mod transform;
