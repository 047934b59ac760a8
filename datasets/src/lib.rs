//! Generated worlds of customers whose truth is known, for demos, tests and benches.
//!
//! A world is a pure function of its parameters: the same parameters give the same bytes on every machine, and
//! customer `i` is the same person in a world of a thousand and of a million of the same catalogue and window. What
//! the engine is meant to find (persona, rate, time of leaving) is written beside the tables, in files that the engine
//! never reads.

mod blocks;
mod blur;
mod calendar;
#[cfg(test)]
mod checks;
mod draws;
pub mod media;
pub mod retail;
pub mod sink;
pub mod subscription;
mod world;

/// Streams of the seed, one per kind of world: worlds of one seed have nothing in common.
const RETAIL_STREAM: u64 = 1;
const SUBSCRIPTION_STREAM: u64 = 2;
const MEDIA_STREAM: u64 = 3;

pub use world::{JOB_FILE, World, WorldFolder, WorldTable, Written};
