#![doc = include_str!("../README.md")]

pub mod bundle;
pub mod churn;
pub mod cltv;
pub mod decide;
pub mod engine;
pub mod error;
pub mod features;
pub mod kernels;
pub mod learners;
#[cfg(feature = "train")]
pub mod linfa;
pub mod metrics;
pub mod params;
pub mod personas;
pub mod random;
pub mod recommend;
pub mod rules;
pub mod segments;
pub mod tables;
pub mod types;

pub use engine::{Engine, Event, Outcome, Request};
