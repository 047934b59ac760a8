//! What a customer will be worth: MBG/NBD for purchases and dropout, Gamma-Gamma for spend per order.
//!
//! [`CltvParams`] -> `check()` -> `fit(&PurchaseSummary)` -> [`CltvModel`] -> `predict(&PurchaseSummary)`. Too few
//! repeat buyers is an answer ([`crate::error::DataError::TooFew`]), not a crash: a job goes on without values.

mod distribution;
#[cfg(feature = "train")]
mod fit;
mod gamma_gamma;
#[cfg(feature = "train")]
mod likelihood;
mod mbg;
mod model;
#[cfg(feature = "train")]
mod optimise;
mod params;
mod quadrature;
mod report;
pub(crate) mod special;
#[cfg(feature = "train")]
mod spend_fit;
#[cfg(feature = "train")]
mod tally;

pub use gamma_gamma::{GammaGamma, Spend};
pub use mbg::{History, MbgNbd};
pub use model::{CltvModel, CltvPrediction, SpendModel};
pub use params::{CltvParams, CltvValid};
pub use report::{CltvReport, CltvWarning, Estimates};
