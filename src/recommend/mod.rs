//! What to show next: items ranked per customer, exactly and under filters.
//!
//! Models learn from [`crate::features::Interactions`] and score items from a [`History`]; filters reach [`top_k`] as
//! an [`ItemSet`] per class of requests and an exclude list per customer. Why an item may not be shown is the business
//! of [`crate::decide`], not of this room.

mod cost;
mod ease;
mod history;
mod ials;
mod item_set;
mod neighbours;
#[cfg(feature = "train")]
mod pairs;
mod panels;
mod popularity;
mod recommender;
mod topk;

pub use cost::FitCost;
pub use ease::{EaseModel, EaseParams, EaseScratch, EaseValid};
pub use history::History;
#[cfg(feature = "train")]
pub use ials::IalsLoss;
pub use ials::{FoldInScratch, IalsModel, IalsParams, IalsValid};
pub use item_set::ItemSet;
pub use neighbours::{
    CustomerWeight, ItemKnnParams, ItemKnnValid, NeighbourModel, Rp3BetaParams, Rp3BetaValid, Similarity,
};
pub use panels::ItemPanels;
pub use popularity::{PopularityModel, PopularityParams, PopularityValid};
pub use recommender::{Contribution, Recommender};
pub use topk::{Rank, Scored, top_k, top_k_batch, top_k_of};
