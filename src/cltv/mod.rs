//! cltv.
