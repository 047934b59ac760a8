//! Generated worlds.
