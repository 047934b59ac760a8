//! Learners that rooms share: encoding of feature tables, logistic regression, calibration of probabilities.

pub mod calibration;
#[cfg(feature = "train")]
mod calibration_fit;
pub mod encoding;
#[cfg(feature = "train")]
mod encoding_fit;
#[cfg(feature = "train")]
pub mod folds;
pub mod logistic;
#[cfg(feature = "train")]
mod logistic_fit;

pub use calibration::Calibration;
#[cfg(feature = "train")]
pub use calibration_fit::choose_calibration;
pub use encoding::{Design, Encoding, Reader};
#[cfg(feature = "train")]
pub use encoding_fit::TableRows;
pub use logistic::{Logistic, LogisticParams, LogisticValid};
