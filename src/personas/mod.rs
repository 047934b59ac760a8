//! Personas: groups of customers alike in behaviour and demographics, found by k-means.

pub mod grid;
#[cfg(feature = "train")]
mod kmeans;
#[cfg(feature = "train")]
mod lloyd;
#[cfg(feature = "train")]
mod seeding;

#[cfg(feature = "train")]
pub use kmeans::{KMeansModel, KMeansParams, KMeansValid};
#[cfg(feature = "train")]
pub use lloyd::Step;
