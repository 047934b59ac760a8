//! Segments by fixed rules, beside the personas that are learnt: RFM.
//!
//! What may be touched here: what customers did, as numbers. Segments that a job writes itself are rules of
//! [`crate::rules`].

mod rfm;

pub use rfm::{Purchasing, Rfm, RfmScores, RfmSegment, rfm};
