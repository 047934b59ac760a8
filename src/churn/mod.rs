//! Who is leaving: no purchase within a horizon after the snapshot, for customers active shortly before it.
//!
//! [`ChurnParams`] -> `check()` -> `fit(&[LabelledSnapshot])` -> [`ChurnModel`] -> `predict(&FeatureTable)`. This room
//! never opens events: features and labels come as snapshots, columns from earlier models refitted at each snapshot's
//! own `as_of` included. A model is judged on the latest labelled snapshot by one that was trained only on snapshots
//! whose outcome windows had ended by then, and published refitted on all of them.

mod evaluation;
#[cfg(feature = "train")]
mod fit;
#[cfg(feature = "train")]
mod leakage;
mod model;
mod params;
mod reasons;
#[cfg(feature = "train")]
mod snapshot;

pub use evaluation::{ChurnEvaluation, ChurnWarning, Split};
pub use model::{ChurnModel, ChurnScore, deciles};
pub use params::{ChurnParams, ChurnValid, Label};
pub use reasons::{Explainer, Reason};
#[cfg(feature = "train")]
pub use snapshot::LabelledSnapshot;
