//! learners.
