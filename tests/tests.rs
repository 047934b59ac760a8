//! Index of the test rooms of the library.
//!
//! | room | holds |
//! |---|---|
//! | [`conformance`] | promises that every model and guardrail keeps |
//! | [`oracle`] | published numbers, linfa, slow plain versions |
//! | [`tidy`] | rules about the repository itself |

// The library may touch neither files nor environment; its tests read the repository.
#![allow(clippy::disallowed_methods)]

mod conformance {
    mod decide;
    mod engine;
    mod features_asof;
    mod features_by_hand;
    mod nights;
    mod personas;
    mod personas_cells;
    mod ranking_evaluation;
    mod recommend;
    mod recommenders;
    mod value;
}
mod oracle {
    mod cdnow_purchases;
    mod movielens;
    mod personas;
    mod personas_choice;
    mod personas_tables;
    mod personas_worlds;
    mod personas_worlds_gaps;
    mod ranking_evaluation;
    mod recommend;
    mod recommend_neighbours;
    mod value;
}
mod tidy;
