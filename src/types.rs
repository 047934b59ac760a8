//! Money, time and the few other words every room shares.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An instant: milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Milliseconds in a day of 24 hours.
    pub const DAY_MS: i64 = 86_400_000;

    /// This instant, `days` times 24 hours earlier; saturates.
    #[must_use]
    pub fn minus(self, days: Days) -> Self {
        Self(self.0.saturating_sub(i64::from(days.0) * Self::DAY_MS))
    }

    /// This instant, `days` times 24 hours later; saturates.
    #[must_use]
    pub fn plus(self, days: Days) -> Self {
        Self(self.0.saturating_add(i64::from(days.0) * Self::DAY_MS))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, for example `2011-12-09T12:50:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => instant.fmt(f),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// A length of time in whole days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Days(pub u32);

/// An amount of money in 1/10,000 of the unit. The currency stands beside the table, never inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub i64);

impl Money {
    /// Parts of one unit of the currency.
    pub const SCALE: i64 = 10_000;

    /// The amount in whole units, for models and charts; storage stays exact.
    #[must_use]
    pub fn units(self) -> f64 {
        self.0 as f64 / Self::SCALE as f64
    }

    /// The sum in whole units of an exact total, see [`Money::units`].
    #[must_use]
    pub fn units_of(total: i128) -> f64 {
        total as f64 / Self::SCALE as f64
    }
}

/// What an event says. Canonical names and aliases are matched at the edge (`crates/io`).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum EventKind {
    /// A line of a completed order.
    Purchase = 0,
    /// A returned or cancelled line; quantity and revenue are positive amounts taken back.
    Refund = 1,
    /// The item's page was looked at.
    View = 2,
    /// The item was put into the cart.
    CartAdd = 3,
    /// The item was taken out of the cart.
    CartRemove = 4,
    /// The item was shown to the customer (an exposure).
    Exposure = 5,
    /// A shown item was clicked.
    Click = 6,
    /// The customer refused the item ("not interested").
    Dismissal = 7,
}

impl EventKind {
    /// All kinds, in the order of their stored number.
    pub const ALL: [Self; 8] = [
        Self::Purchase,
        Self::Refund,
        Self::View,
        Self::CartAdd,
        Self::CartRemove,
        Self::Exposure,
        Self::Click,
        Self::Dismissal,
    ];

    /// The name used in configuration and outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Refund => "refund",
            Self::View => "view",
            Self::CartAdd => "cart_add",
            Self::CartRemove => "cart_remove",
            Self::Exposure => "exposure",
            Self::Click => "click",
            Self::Dismissal => "dismissal",
        }
    }
}

/// The catalogue-stable key of an outside id: a fixed 64-bit hash. Model files carry keys, never ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub u64);

impl Key {
    /// The key of an outside id (xxh3, 64 bits, seed 0; frozen with the bundle format).
    #[must_use]
    pub fn of(id: &str) -> Self {
        Self(xxhash_rust::xxh3::xxh3_64(id.as_bytes()))
    }
}
