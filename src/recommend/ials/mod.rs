//! iALS: implicit alternating least squares in the parametrisation of Rendle, Krichene, Zhang and Koren, "Revisiting
//! the Performance of iALS on Item Recommendation Benchmarks" (RecSys 2022, arXiv 2110.14037).
//!
//! Over factors w_u of customers and h_i of items, with X the purchased pairs, n_u and m_i their numbers per customer
//! and item, U customers and I items:
//!
//! L = sum over X of (w_u'h_i - 1)^2 + alpha0 * sum over all pairs of (w_u'h_i)^2
//!   + lambda * (sum_u (n_u + alpha0 I)^nu |w_u|^2 + sum_i (m_i + alpha0 U)^nu |h_i|^2)
//!
//! A fit takes each row from where the last epoch left it to within a bound of its least loss. A model keeps the items' side
//! only. A customer is scored by fold-in of the history, in a batch as in serving, so
//! both give the same bits and no customer is in the model.

#[cfg(feature = "train")]
mod fit;
mod model;
mod params;
#[cfg(feature = "train")]
mod refine;
mod solve;

#[cfg(feature = "train")]
pub use fit::IalsLoss;
pub use model::IalsModel;
pub use params::{IalsParams, IalsValid};
pub use solve::FoldInScratch;
