//! The record of a decision: what was shown, what was not, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ReasonCode, Shortfall, Source};
use crate::types::Timestamp;

/// Why an item was shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownReason {
    /// Purchases that speak for it, strongest first.
    BecauseOf(Vec<Because>),
    /// Many people buy it at the moment.
    Popular,
}

/// A purchase that speaks for an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Because {
    /// Name of the item that was bought.
    pub title: String,
    /// Its part of the score, in 0..=1 of all parts that speak for it.
    pub share: f32,
}

impl fmt::Display for ShownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Popular => write!(f, "popular at the moment"),
            Self::BecauseOf(purchases) if purchases.is_empty() => write!(f, "fits the purchases so far"),
            Self::BecauseOf(purchases) => {
                write!(f, "because of ")?;
                for (n, because) in purchases.iter().enumerate() {
                    let comma = if n == 0 { "" } else { ", " };
                    write!(f, "{comma}{} ({:.0} %)", because.title, 100.0 * because.share)?;
                }
                Ok(())
            }
        }
    }
}

/// A filled slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownItem {
    /// 1-based place on the slate.
    pub slot: u32,
    /// Outside id.
    pub item_id: String,
    /// Score in its tier.
    pub score: f32,
    /// Where it comes from.
    pub source: Source,
    /// Tier of the source; 1 is personal.
    pub tier: u8,
    /// Whether a tier below the personal one filled the slot.
    pub is_fallback: bool,
    /// Why.
    pub reason: ShownReason,
}

/// How many candidates one reason withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithheldCount {
    /// The reason.
    pub code: ReasonCode,
    /// Candidates.
    pub n: u32,
}

/// A decision. Shown and withheld add up to `considered`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Idempotency key.
    #[serde(rename = "decision_id")]
    pub id: String,
    /// For whom.
    pub customer_id: String,
    /// When.
    pub at: Timestamp,
    /// Channel of the request.
    pub channel: Option<String>,
    /// Placement of the request.
    pub placement: Option<String>,
    /// Candidates considered.
    pub considered: u32,
    /// The slate.
    pub shown: Vec<ShownItem>,
    /// What was withheld, in pipeline order.
    pub withheld: Vec<WithheldCount>,
    /// Fewer items than asked for.
    pub shortfall: Option<Shortfall>,
}
