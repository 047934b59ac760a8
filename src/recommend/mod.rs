//! What to show next: items ranked per customer, exactly and under filters.
//!
//! Models learn from [`crate::features::Interactions`]; filters reach [`top_k`] as an [`ItemSet`] per class of requests
//! and an exclude list per customer. Why an item may not be shown is the business of [`crate::decide`], not of this
//! room.

mod ials;
mod item_set;
mod panels;
mod popularity;
mod topk;

#[cfg(feature = "train")]
pub use ials::IalsLoss;
pub use ials::{Contribution, FoldInScratch, IalsModel, IalsParams, IalsValid};
pub use item_set::ItemSet;
pub use panels::ItemPanels;
pub use popularity::{PopularityModel, PopularityParams, PopularityValid};
pub use topk::{Rank, Scored, top_k, top_k_batch, top_k_of};
