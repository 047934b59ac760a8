//! Bundles from files: the one place of the library that opens them.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::container::{Bundle, BundleError, BundleKind};

/// A file that could not be used.
#[non_exhaustive]
#[derive(Debug, Error)]
pub enum OpenError {
    /// The operating system refused.
    #[error("cannot read {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The bytes are not a usable bundle.
    #[error("cannot use {path}")]
    Bundle {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: BundleError,
    },
    /// The text does not say what it must.
    #[error("cannot use {path}: {problem}")]
    Text {
        /// Which file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

impl OpenError {
    /// Says which file a bundle error belongs to.
    pub fn bundle(path: &Path) -> impl FnOnce(BundleError) -> Self + '_ {
        |source| Self::Bundle { path: path.to_owned(), source }
    }
}

/// Reads and verifies a bundle.
///
/// # Errors
/// [`OpenError`] naming the file.
#[allow(clippy::disallowed_methods)]
pub fn read_bundle(path: &Path, kind: BundleKind) -> Result<Bundle, OpenError> {
    let bytes = std::fs::read(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
    Bundle::parse(bytes, kind).map_err(OpenError::bundle(path))
}

/// Reads a small text file, such as a policy.
///
/// # Errors
/// [`OpenError`] naming the file.
#[allow(clippy::disallowed_methods)]
pub fn read_text(path: &Path) -> Result<String, OpenError> {
    std::fs::read_to_string(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })
}
