//! The bespoke program.
fn main() {}
