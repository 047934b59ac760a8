//! Personas: groups of customers alike in behaviour and demographics, found by k-means.
//!
//! What may be touched here: feature tables in, models and assignments out. Time is gone by the time a table
//! comes here; churn and value are put beside personas later, in outputs.
//!
//! [`PersonaParams`] -> `check()` -> [`PersonaValid`] -> `fit` -> [`PersonaModel`] -> `predict`; the algorithm on
//! plain arrays is [`KMeansParams`], with [`KMeansStream`] for batches. [`MixtureParams`] gives soft membership (feature
//! `mixture`). Rows lie on a grid on which f64 sums are exact ([`grid`]), so results do not
//! depend on threads, order or instructions.

#[cfg(feature = "train")]
mod array;
#[cfg(feature = "train")]
mod assignment;
#[cfg(feature = "train")]
mod bounds;
#[cfg(feature = "train")]
mod carry;
mod choice;
#[cfg(feature = "train")]
mod choose;
mod columns;
#[cfg(feature = "train")]
mod decide;
#[cfg(feature = "train")]
mod describe;
mod drift;
#[cfg(feature = "train")]
mod encode;
mod encoding;
#[cfg(feature = "train")]
mod fit;
mod gaps;
pub mod grid;
#[cfg(feature = "train")]
mod kmeans;
#[cfg(feature = "train")]
mod lloyd;
#[cfg(feature = "train")]
mod matching;
#[cfg(feature = "train")]
mod measure;
#[cfg(feature = "mixture")]
mod mixture;
mod model;
#[cfg(feature = "train")]
mod moves;
#[cfg(feature = "train")]
mod names;
#[cfg(feature = "train")]
mod null;
#[cfg(feature = "train")]
mod observed;
mod params;
#[cfg(feature = "train")]
mod points;
mod profile;
#[cfg(feature = "train")]
mod refit;
mod refit_report;
#[cfg(feature = "train")]
mod relevance;
mod report;
#[cfg(feature = "train")]
mod sample;
#[cfg(feature = "train")]
mod seeding;
#[cfg(feature = "train")]
mod silhouettes;
#[cfg(feature = "train")]
mod stability;
#[cfg(feature = "train")]
mod starts;
mod stickiness;
#[cfg(feature = "train")]
mod stream;
#[cfg(feature = "train")]
mod structure;
mod transform;

#[cfg(feature = "train")]
pub use array::{ArrayCell, Distance};
pub use choice::{
    Candidate, Choice, ChoiceReport, MIN_STABILITY, NullSilhouette, Reason, Silhouette, Stability,
    Steadiness, Structure,
};
pub use drift::{Bins, DriftLevel, FeatureBins, FeatureDrift};
pub use encoding::{
    CategoryEncoding, DropReason, EncodedFeature, Encoding, IndicatorEncoding, MISSING, NumberEncoding,
    OTHER, SkewTransform,
};
pub use gaps::Gaps;
#[cfg(feature = "train")]
pub use kmeans::{KMeansModel, KMeansParams, KMeansValid};
#[cfg(feature = "train")]
pub use lloyd::{Pruning, Step};
#[cfg(feature = "mixture")]
pub use mixture::{MixtureModel, MixtureParams, MixtureValid};
pub use model::{ALGORITHM_VERSION, Assignment, PersonaAssigner, PersonaModel, Typicality};
pub use params::{PersonaParams, PersonaValid, Relevance};
pub use profile::{Centre, Effect, LevelShare, PersonaProfile, Radius};
#[cfg(feature = "train")]
pub use refit::{Refit, RefitError};
pub use refit_report::{Match, MatchOutcome, MatchedBy, Merge, Part, RefitReport, Split};
pub use report::{Encoded, FeatureRelevance, FeatureReport, SkewReport, TransformReport};
pub use stickiness::{Stickiness, StickyReport};
#[cfg(feature = "train")]
pub use stream::{KMeansStream, Partial};
pub use transform::{BoundTransform, Cell, PersonaTransform};
