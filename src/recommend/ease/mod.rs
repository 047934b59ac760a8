//! EASE: items from items by ridge regression in closed form. Steck, "Embarrassingly Shallow Autoencoders for Sparse
//! Data", WWW 2019 (arXiv 1905.03375).
//!
//! minimise ||X - XB||^2 + lambda ||B||^2 with diag(B) = 0, X the customers' pairs as ones: with P the inverse of
//! A = X'X + lambda Id, B_ij = -P_ij / P_jj (eq. 8). With dropout p of the input (EDLAE; Steck, "Autoencoders that don't
//! overfit towards the Identity", NeurIPS 2020, sections 3 and 4) the diagonal of A gains p / (1 - p) times that of X'X,
//! and nothing else changes.
//!
//! A score is the sum of the rows of B that the history names, so the part of every item of the history is a cell of B.
//! Nothing is random and nothing converges; the price is a dense matrix over items with events, which a budget guards.

#[cfg(feature = "train")]
mod fit;
mod model;
mod params;
#[cfg(feature = "train")]
mod twins;

pub use model::{EaseModel, EaseScratch};
pub use params::{EaseParams, EaseValid};
