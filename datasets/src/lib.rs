//! Generated worlds of customers whose truth is known, for demos, tests and benches.
//!
//! A world is a pure function of its parameters: the same parameters give the same bytes on every machine, and
//! customer `i` is the same person in a world of a thousand and of a million. What the engine is meant to find
//! (persona, rate, time of leaving) is written beside the tables, in files that the engine never reads.

mod blocks;
#[cfg(test)]
mod checks;
mod draws;
pub mod media;
pub mod retail;
pub mod sink;
pub mod subscription;
mod world;

pub use world::{World, WorldFolder, WorldTable, Written};
