//! Snapshots: what is known of every customer at an instant. The only room that looks at time.
//!
//! Everything here uses events strictly before `as_of`. Models take the types of this room ([`FeatureTable`],
//! [`PurchaseSummary`], [`Interactions`]) and never open events themselves.

mod calendar;
mod interactions;
mod purchases;
mod spec;
mod table;

pub use calendar::{BusinessCalendar, Local, LocalClock, tz_version};
pub use interactions::{GuestPurchase, Interactions};
pub use purchases::PurchaseSummary;
pub use spec::{FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, SPEC_VERSION};
pub use table::{Column, FeatureTable};
