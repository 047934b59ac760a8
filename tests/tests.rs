//! The rooms of the library's tests.
//!
//! conformance: promises that every model and guardrail keeps. oracle: published numbers, linfa, slow plain
//! versions. tidy: rules of the house.

mod conformance {
    mod decide;
    mod engine;
    mod recommend;
}
mod oracle {
    mod recommend;
}
