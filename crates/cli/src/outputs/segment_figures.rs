//! Figures of `run.json` about segments by rules: RFM, and the rules of the job.

use bespoke::rules::FieldType;
use serde::{Deserialize, Serialize};

/// Segments of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SegmentFigures {
    /// Absent when nobody has ordered.
    pub rfm: Option<RfmFigures>,
    /// By name.
    pub rules: Vec<RuleFigures>,
}

/// RFM of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RfmFigures {
    /// Customers without an order, who have no scores.
    pub without_orders: u64,
    /// Days since the last order, orders and, where anything was paid, revenue.
    pub scores: Vec<RfmScale>,
    /// All eleven, Champions first.
    pub segments: Vec<RfmGroup>,
}

/// What a score from 1 to 5 means in natural units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RfmScale {
    /// `R`, `F` or `M`.
    pub letter: String,
    /// In words, for example `orders`.
    pub label: String,
    /// For example `days`.
    pub unit: String,
    /// By score from 1 to 5, the worst figure with which it is given: the most days, the fewest orders, the least
    /// revenue. Absent where ties leave nobody with it.
    pub from: Vec<Option<f64>>,
    /// By score, customers.
    pub customers: Vec<u64>,
}

/// One segment of RFM.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RfmGroup {
    pub name: String,
    /// Scores that lead here: R, and F and M together.
    pub cells: Vec<(u8, u8)>,
    pub group: Group,
}

/// A rule of the job on the customers of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleFigures {
    pub name: String,
    /// As it is understood.
    pub rule: String,
    /// The fields it names and what they hold.
    pub fields: Vec<RuleField>,
    /// The percentiles it names, in the order of the rule.
    pub percentiles: Vec<RulePercentile>,
    /// Customers for whom it holds.
    pub group: Group,
    /// Customers for whom missing cells leave it open.
    pub unknown: u64,
}

/// A field that a rule names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleField {
    pub name: String,
    pub holds: Holds,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    Number,
    Text,
    YesNo,
}

/// A percentile over the customers of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RulePercentile {
    pub field: String,
    /// 0 to 100.
    pub p: f64,
    /// Absent when no customer has the field.
    pub at: Option<f64>,
}

/// Customers of a segment together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub customers: u64,
    /// Of all scored customers, 0..=1.
    pub share: f64,
    /// So far, in units of the currency.
    pub revenue: f64,
    /// Of all revenue; absent when there is none.
    pub revenue_share: Option<f64>,
    /// Expected value of those who have one, in units of the currency.
    pub cltv: Option<f64>,
    /// Mean probability to leave.
    pub mean_churn: Option<f64>,
}

impl From<FieldType> for Holds {
    fn from(holds: FieldType) -> Self {
        match holds {
            FieldType::Number => Self::Number,
            FieldType::Text => Self::Text,
            FieldType::YesNo => Self::YesNo,
        }
    }
}

impl From<Holds> for FieldType {
    fn from(holds: Holds) -> Self {
        match holds {
            Holds::Number => Self::Number,
            Holds::Text => Self::Text,
            Holds::YesNo => Self::YesNo,
        }
    }
}
