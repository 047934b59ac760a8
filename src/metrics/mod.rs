//! How good models are: measures with intervals, fixed definitions, no model in sight.

pub mod classification;
pub mod clustering;
pub mod ranking;
pub mod value;
