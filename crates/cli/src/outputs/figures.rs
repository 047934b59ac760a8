//! Figures of `run.json` that are there to be drawn: who changed, months, backtests, gaps.

use serde::{Deserialize, Serialize};

use super::run_record::Interval;

/// What is different from the run before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// The headline figures of the run before; absent when its record cannot be read.
    pub before: Option<Headline>,
    /// Scored in this run and not in the one before.
    pub joined: u64,
    /// Scored in the run before and not in this one.
    pub gone: u64,
    /// Scored in both.
    pub stayed: u64,
    /// Of those who stayed, in another persona.
    pub persona: u64,
    /// Of those who stayed, in a tenth of higher churn.
    pub riskier: u64,
    /// Of those who stayed, in a tenth of lower churn.
    pub safer: u64,
    /// Of those who stayed, in a fifth of higher value.
    pub more_valuable: u64,
    /// Of those who stayed, in a fifth of lower value.
    pub less_valuable: u64,
    /// The most frequent moves between personas, by falling count.
    pub moves: Vec<PersonaMove>,
}

/// Customers who went from one persona to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonaMove {
    pub from: String,
    pub to: String,
    pub customers: u64,
}

/// The figures at the top of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Headline {
    pub as_of: String,
    pub customers: u64,
    pub orders: u64,
    /// In units of the currency.
    pub revenue: f64,
    pub mean_p_churn: Option<f64>,
    /// Total over all customers, in units of the currency.
    pub cltv: Option<f64>,
    pub cltv_horizon_days: Option<u32>,
}

/// A calendar month in the business zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Month {
    /// For example `2011-03`.
    pub month: String,
    /// Scored customers with an order in it.
    pub customers: u64,
    pub orders: u64,
    /// Refunds not deducted, in units of the currency.
    pub revenue: f64,
    /// Whether the log covers all of it.
    pub whole: bool,
}

/// Endangered customers who have brought much.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AtRisk {
    /// More likely than not to leave, and in the top fifth by revenue so far.
    pub customers: u64,
    /// Their revenue so far, in units of the currency.
    pub revenue: f64,
    /// Of the most frequent persona among them.
    pub persona: Option<String>,
}

/// How the churn model did on customers it had not seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChurnBacktest {
    /// Tested on what was known at this instant, trained on outcomes known by then, RFC 3339 in UTC; absent when the
    /// log is too short for that, and folds by customer were tested.
    pub test_as_of: Option<String>,
    pub customers: u64,
    /// Of those, who left.
    pub churned: u64,
    /// By falling risk.
    pub deciles: Vec<BacktestDecile>,
    /// By rising probability.
    pub reliability: Vec<ReliabilityBin>,
}

/// A tenth of the tested customers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BacktestDecile {
    /// Customers; fractional where equal risks lie across the boundary.
    pub customers: f64,
    /// Mean probability that was given.
    pub predicted: f64,
    /// Share that left, with its Wilson interval.
    pub observed: f64,
    pub interval: Interval,
    /// Share that left over that of all.
    pub lift: f64,
    /// Share of all who left in this and the tenths before.
    pub cumulative_gain: f64,
}

/// Customers who were given about the same probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    pub customers: u64,
    pub predicted: f64,
    /// Share that left, with its Wilson interval.
    pub observed: f64,
    pub interval: Interval,
}

/// How often a feature is named among the reasons of a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonCount {
    pub feature: String,
    /// In words.
    pub label: String,
    /// Customers whose risk it raises.
    pub raises: u64,
    /// Customers whose risk it lowers.
    pub lowers: u64,
    /// Customers of the most endangered tenth whose risk it raises.
    pub raises_top_tenth: u64,
}

/// How the value is spread over customers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Concentration {
    /// 0 when all are worth the same, near 1 when one is worth everything.
    pub gini: f64,
    /// Share of the value in the most valuable tenth.
    pub top_tenth_share: f64,
    /// Share of the value in the least valuable 0 %, 5 %, ..., 100 % of customers.
    pub lorenz: Vec<f64>,
}

/// The value model against a stretch it had not seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CltvBacktest {
    pub days: u32,
    pub customers: u64,
    /// Orders since the start of the stretch; a purchase day counts as one order.
    pub tracking: Vec<TrackingPoint>,
    /// Value by tenths of falling prediction; none without amounts.
    pub deciles: Vec<ValueDecile>,
}

/// Orders from the start of the stretch to the end of a day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackingPoint {
    /// Days since the start.
    pub day: u32,
    pub predicted: f64,
    pub actual: f64,
}

/// A tenth of the customers by predicted value, means in units of the currency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueDecile {
    pub customers: u64,
    pub predicted: f64,
    pub actual: f64,
}

/// How many customers an item is recommended to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopItem {
    pub id: String,
    pub title: Option<String>,
    pub customers: u64,
}

/// The mean difference to the baseline over the same customers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    pub estimate: f64,
    pub interval: Option<Interval>,
}

/// What the events and features are like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataQuality {
    /// RFC 3339 in UTC; absent without an event.
    pub first_event_at: Option<String>,
    pub latest_event_at: Option<String>,
    /// From the latest event to the run's instant.
    pub days_behind: f64,
    /// Events before the run's instant by kind.
    pub events: Vec<KindCount>,
    /// In the order of the feature table.
    pub features: Vec<FeatureGaps>,
}

/// Events of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindCount {
    pub kind: String,
    pub events: u64,
}

/// Missing cells of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureGaps {
    pub feature: String,
    /// In words.
    pub label: String,
    /// Customers without a value.
    pub missing: u64,
    /// Why personas do without the feature.
    pub left_out: Option<String>,
    /// How personas are found with it; absent when they do without it.
    #[serde(default)]
    pub encoding: Option<FeatureEncoding>,
}

/// How personas are found with a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureEncoding {
    /// What it is: `number`, `yes or no`, `4 levels`.
    #[serde(default)]
    pub kind: String,
    /// `behaviour` or `demographics`.
    #[serde(default)]
    pub group: String,
    /// Factor of its variance in the job: of its group, of its family and of itself; absent in runs of earlier versions.
    #[serde(default)]
    pub group_weight: Option<f64>,
    /// Whether a light column says who lacks it; else a gap says nothing at all.
    #[serde(default)]
    pub says_missing: bool,
    /// What takes the skew out of a number, and why, in words.
    pub skew: Option<String>,
    /// Cells so far out that they count as missing.
    pub set_aside: u64,
    /// Cells drawn in to the .5 % and 99.5 % quantiles.
    pub capped: u64,
    /// Share of the feature's variance between the groups that the other features form, 0..=1.
    pub relevance: Option<f64>,
    /// Factor of its variance for that relevance.
    pub weight: f64,
    /// Share of the variance of all columns, its say in the distance, 0..=1.
    pub variance_share: f64,
}
