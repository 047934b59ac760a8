//! k-means and its kin on plain rows: where runs begin, who belongs where, exact sums; nothing here knows features,
//! names or customers.

pub(super) mod array;
pub(super) mod assignment;
pub(super) mod bounds;
pub(super) mod kmeans;
pub(super) mod lloyd;
#[cfg(feature = "mixture")]
pub(super) mod mixture;
pub(super) mod moves;
pub(super) mod points;
pub(super) mod seeding;
pub(super) mod starts;
pub(super) mod stream;
