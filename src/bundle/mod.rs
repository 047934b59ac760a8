//! Versioned, checksummed bytes: models, catalogues and profiles in and out.
//!
//! A bundle is a JSON header and 64-byte-aligned sections of little-endian arrays, closed by a checksum over
//! everything before it. See `docs/FORMAT.md`. Only `open.rs` touches files.

mod catalogue;
mod codec;
mod container;
mod models;
mod open;
mod profiles;

pub use codec::{Array, Scalar};
pub use container::{Bundle, BundleError, BundleKind, BundleWriter, FORMAT_VERSION, OLDEST_READABLE_VERSION};
pub use models::Models;
pub use open::{OpenError, read_bundle, read_text};
pub use profiles::{Profile, Profiles};
