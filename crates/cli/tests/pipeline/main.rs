//! The real binary in a fresh directory.

mod config;
mod fixture;
mod refresh;
mod runs;
