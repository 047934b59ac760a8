//! Serving without training.
