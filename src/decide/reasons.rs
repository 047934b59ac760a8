//! The closed list of reasons why a candidate was not shown. New codes need a new version of this list.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::Timestamp;

/// Version of the closed list.
pub const REASONS_VERSION: u32 = 1;

/// Why a candidate was withheld: the first failing stage of the pipeline, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ReasonCode {
    /// The item's window has not begun.
    NotStarted = 1,
    /// The item's window is over, or nobody has bought it for as long as the policy allows.
    Ended = 2,
    /// The tracked stock is 0.
    OutOfStock = 3,
    /// The request itself excluded it.
    ExcludedByRequest = 4,
    /// The customer refused the item.
    NegativeFeedback = 5,
    /// The customer already has it, or something of its category.
    AlreadyBought = 6,
    /// Shown as often as a cap allows.
    Cap = 7,
    /// Scored below the floor.
    LowRelevance = 8,
    /// Would have been shown, but its category has its share of the slate.
    QuotaCategory = 9,
    /// Permitted, but others scored higher.
    Outranked = 10,
}

impl ReasonCode {
    /// All codes in pipeline order.
    pub const ALL: [Self; 10] = [
        Self::NotStarted,
        Self::Ended,
        Self::OutOfStock,
        Self::ExcludedByRequest,
        Self::NegativeFeedback,
        Self::AlreadyBought,
        Self::Cap,
        Self::LowRelevance,
        Self::QuotaCategory,
        Self::Outranked,
    ];

    /// The name used in files and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::Ended => "ended",
            Self::OutOfStock => "out_of_stock",
            Self::ExcludedByRequest => "excluded_by_request",
            Self::NegativeFeedback => "negative_feedback",
            Self::AlreadyBought => "already_bought",
            Self::Cap => "cap",
            Self::LowRelevance => "low_relevance",
            Self::QuotaCategory => "quota_category",
            Self::Outranked => "outranked",
        }
    }

    /// Whether the code comes from a guardrail (stages before scoring): such an item is in no tier.
    #[must_use]
    pub fn is_guardrail(self) -> bool {
        self < Self::LowRelevance
    }
}

/// What stands behind a [`ReasonCode`] for one item, computed on demand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum Withheld {
    /// See [`ReasonCode::NotStarted`].
    NotStarted {
        /// When it begins.
        from: Timestamp,
    },
    /// See [`ReasonCode::Ended`].
    Ended {
        /// When it ended.
        to: Timestamp,
        /// True when the catalogue gives no end and the last sale was too long ago.
        inferred_from_sales: bool,
    },
    /// The item has never been sold, and the policy asks for a recent sale.
    NeverSold,
    /// See [`ReasonCode::OutOfStock`].
    OutOfStock,
    /// See [`ReasonCode::ExcludedByRequest`].
    ExcludedByRequest,
    /// See [`ReasonCode::NegativeFeedback`].
    NegativeFeedback {
        /// When it was refused.
        at: Timestamp,
        /// When it may come back; never when absent.
        until: Option<Timestamp>,
    },
    /// See [`ReasonCode::AlreadyBought`].
    AlreadyBought {
        /// Last purchase that matches the level of the policy.
        at: Timestamp,
        /// The category when the policy hides similar items too.
        category: Option<String>,
        /// When it may come back; never when absent.
        until: Option<Timestamp>,
    },
    /// See [`ReasonCode::Cap`].
    Cap {
        /// The rule.
        rule: String,
        /// Exposures that count, live reservations included.
        count: u32,
        /// How many are allowed.
        max: u32,
        /// When it may come back if nothing else is shown; never when absent.
        next_at: Option<Timestamp>,
    },
    /// See [`ReasonCode::LowRelevance`].
    LowRelevance {
        /// The score.
        score: f32,
        /// The floor of the policy.
        floor: f32,
    },
    /// See [`ReasonCode::QuotaCategory`].
    QuotaCategory {
        /// The full category.
        category: String,
        /// How many of it may be on a slate.
        max: u32,
    },
    /// See [`ReasonCode::Outranked`].
    Outranked {
        /// The score, where the deciding tier has one.
        score: Option<f32>,
        /// Score of the last item shown in the same tier.
        last_shown: Option<f32>,
    },
}

impl Withheld {
    /// The code of this reason.
    #[must_use]
    pub fn code(&self) -> ReasonCode {
        match self {
            Self::NotStarted { .. } => ReasonCode::NotStarted,
            Self::Ended { .. } | Self::NeverSold => ReasonCode::Ended,
            Self::OutOfStock => ReasonCode::OutOfStock,
            Self::ExcludedByRequest => ReasonCode::ExcludedByRequest,
            Self::NegativeFeedback { .. } => ReasonCode::NegativeFeedback,
            Self::AlreadyBought { .. } => ReasonCode::AlreadyBought,
            Self::Cap { .. } => ReasonCode::Cap,
            Self::LowRelevance { .. } => ReasonCode::LowRelevance,
            Self::QuotaCategory { .. } => ReasonCode::QuotaCategory,
            Self::Outranked { .. } => ReasonCode::Outranked,
        }
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let again = |until: &Option<Timestamp>| {
            until.map_or_else(|| "not again".to_owned(), |t| format!("again from {t}"))
        };
        match self {
            Self::NotStarted { from } => write!(f, "not available before {from}"),
            Self::Ended { to, inferred_from_sales: false } => write!(f, "no longer available since {to}"),
            Self::Ended { to, inferred_from_sales: true } => {
                write!(f, "not sold for so long that it counts as gone since {to}")
            }
            Self::NeverSold => write!(f, "never sold, so it does not count as available"),
            Self::OutOfStock => write!(f, "out of stock"),
            Self::ExcludedByRequest => write!(f, "excluded by the request"),
            Self::NegativeFeedback { at, until } => {
                write!(f, "refused by the customer on {at}, {}", again(until))
            }
            Self::AlreadyBought { at, category: None, until } => {
                write!(f, "bought on {at}, {}", again(until))
            }
            Self::AlreadyBought { at, category: Some(category), until } => {
                write!(f, "something of \"{category}\" was bought on {at}, {}", again(until))
            }
            Self::Cap { rule, count, max, next_at } => {
                write!(f, "cap {rule}: {count} of {max} used, {}", again(next_at))
            }
            Self::LowRelevance { score, floor } => {
                write!(f, "score {score:.4} is below the floor of {floor}")
            }
            Self::QuotaCategory { category, max } => {
                write!(f, "category \"{category}\" already has its {max} on the slate")
            }
            Self::Outranked { score: Some(score), last_shown: Some(last) } => {
                write!(f, "permitted, but its score {score:.4} is below the last one shown ({last:.4})")
            }
            Self::Outranked { .. } => write!(f, "permitted, but others ranked higher"),
        }
    }
}
