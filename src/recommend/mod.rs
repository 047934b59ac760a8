//! recommend.
