//! SIMD and blocked linear algebra. The only room, with `bundle/map.rs`, in which `unsafe` is allowed.
//!
//! Every kernel has a portable form, which is the oracle of the fast one in tests. The level is chosen at run
//! time and recorded in `run.json`; `--kernel portable` reproduces anywhere.

pub mod assign;
pub mod bounds;
pub mod cholesky;
pub mod cholesky64;
#[cfg(feature = "train")]
pub mod conjugate;
pub mod dot;
#[cfg(feature = "train")]
pub mod eigen;
pub mod gram64;
#[cfg(feature = "train")]
pub mod inverse;
pub mod lanes;
pub mod row_sums;
pub mod rows;
pub mod syrk;
pub mod tile;
#[cfg(target_arch = "x86_64")]
mod transpose;

use serde::{Deserialize, Serialize};

/// Which instructions the kernels use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelLevel {
    /// Plain Rust, the same everywhere.
    Portable,
    /// AVX2 and FMA.
    Avx2,
}

impl KernelLevel {
    /// The best level of this processor.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            return Self::Avx2;
        }
        Self::Portable
    }

    /// Whether this processor can run the level.
    #[must_use]
    pub fn available(self) -> bool {
        self == Self::Portable || Self::detect() == self
    }
}
