//! Personas: groups of customers alike in behaviour and demographics, found by k-means.
//!
//! What may be touched here: feature tables in, models and assignments out. Time is gone by the time a table
//! comes here; churn and value are put beside personas later, in outputs.
//!
//! [`PersonaParams`] -> `check()` -> [`PersonaValid`] -> `fit` -> [`PersonaModel`] -> `predict`; the algorithm on
//! plain arrays is [`KMeansParams`], with [`KMeansStream`] for batches. [`MixtureParams`] gives soft membership (feature
//! `mixture`). Rows lie on a grid on which f64 sums are exact ([`grid`]), so results do not
//! depend on threads, order or instructions.
//!
//! Four rooms, none of which knows a later one: `clustering` (k-means on plain rows), `choosing` (how many there are),
//! `cells` (from features to what is clustered, with weights learned from trial fits), `nights` (from one version to the
//! next). Beside them are the fit that goes through all of them, what a persona is called, and the model.

mod cells;
mod choosing;
#[cfg(feature = "train")]
mod clustering;
#[cfg(feature = "train")]
mod describe;
#[cfg(feature = "train")]
mod fit;
pub mod grid;
mod model;
#[cfg(feature = "train")]
mod names;
mod nights;
mod params;
mod profile;
mod report;

pub use cells::encoding::{
    CategoryEncoding, DropReason, EncodedFeature, Encoding, IndicatorEncoding, MISSING, NumberEncoding,
    OTHER, SkewTransform,
};
pub use cells::gaps::Gaps;
pub use cells::transform::{BoundTransform, Cell, PersonaTransform};
pub use choosing::choice::{
    Candidate, Choice, ChoiceReport, MIN_STABILITY, NullSilhouette, Reason, Silhouette, Stability,
    Steadiness, Structure,
};
#[cfg(feature = "train")]
pub use clustering::array::{ArrayCell, Distance};
#[cfg(feature = "train")]
pub use clustering::kmeans::{KMeansModel, KMeansParams, KMeansValid};
#[cfg(feature = "train")]
pub use clustering::lloyd::{Pruning, Step};
#[cfg(feature = "mixture")]
pub use clustering::mixture::{MixtureModel, MixtureParams, MixtureValid};
#[cfg(feature = "train")]
pub use clustering::stream::{KMeansStream, Partial};
pub use model::{ALGORITHM_VERSION, Assignment, PersonaAssigner, PersonaModel, Typicality};
pub use nights::drift::{Bins, DriftLevel, FeatureBins, FeatureDrift};
#[cfg(feature = "train")]
pub use nights::refit::{Refit, RefitError};
pub use nights::refit_report::{Match, MatchOutcome, MatchedBy, Merge, Part, RefitReport, Split};
pub use nights::stickiness::{Stickiness, StickyReport};
pub use params::{PersonaParams, PersonaValid, Relevance};
pub use profile::{Centre, Effect, LevelShare, PersonaProfile, Radius};
pub use report::{Encoded, FeatureRelevance, FeatureReport, SkewReport, TransformReport};
