//! Neighbours: items that the same customers took.
//!
//! Both models here sum over the customers that two items share, c_ij = sum over u of theta_u, and score an item by the
//! neighbours it has in a history, s_uj = sum over i in the history of S_ij. They differ in theta, in what is made of
//! the sums, and in which neighbours are kept: item-kNN keeps the K best sources of every *target*, because popular
//! items would otherwise be in everybody's list and absorb the scores; RP3beta keeps the K best targets of every
//! *source*, because its discount has acted on the target already.
//!
//! No n_items x n_items matrix is formed: a row of sums lives in one dense accumulator per thread.

#[cfg(feature = "train")]
mod cooccurrence;
#[cfg(feature = "train")]
mod fit;
mod model;
mod params;

pub use model::NeighbourModel;
pub use params::{CustomerWeight, ItemKnnParams, ItemKnnValid, Rp3BetaParams, Rp3BetaValid, Similarity};
