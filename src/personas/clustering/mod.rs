//! k-means and its kin on plain rows: where runs begin, who belongs where, exact sums; nothing here knows features,
//! names or customers.

#[cfg(feature = "train")]
pub(super) mod array;
#[cfg(feature = "train")]
pub(super) mod assignment;
#[cfg(feature = "train")]
pub(super) mod bounds;
#[cfg(feature = "train")]
pub(super) mod kmeans;
#[cfg(feature = "train")]
pub(super) mod lloyd;
#[cfg(feature = "mixture")]
pub(super) mod mixture;
#[cfg(feature = "train")]
pub(super) mod moves;
#[cfg(feature = "train")]
pub(super) mod points;
#[cfg(feature = "train")]
pub(super) mod seeding;
#[cfg(feature = "train")]
pub(super) mod starts;
#[cfg(feature = "train")]
pub(super) mod stream;
