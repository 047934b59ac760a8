//! The engine: models + catalogue + policy + customer state -> decisions, one customer per call.
//!
//! Batch and serving are the same code: [`World`] holds what is fixed between swaps and decides for any
//! [`CustomerState`](crate::decide::CustomerState); [`Engine`] adds the live states under a lock per bucket of
//! customers.

mod live;
mod request;
mod world;

pub use live::{Engine, EngineError};
pub use request::{Event, Outcome, Request, Settled};
pub use world::{Answer, Scratch, World};
