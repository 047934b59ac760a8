//! How good models are: measures with intervals, fixed definitions, no model in sight.

pub mod beyond;
pub mod bootstrap;
pub mod classification;
pub mod clustering;
pub mod evaluation;
mod moments;
pub mod ranking;
pub mod value;
