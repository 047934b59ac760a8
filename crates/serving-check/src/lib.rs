//! Serving without training: what a program that links `bespoke` with `default-features = false` gets.
//!
//! Built and tested alone (`cargo test -p serving-check`), so that no other package switches features on. Its
//! tests hold the library to a small dependency tree.
