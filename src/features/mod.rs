//! Snapshots: what is known of every customer at an instant. The only room that looks at time.
//!
//! Everything here uses events strictly before `as_of`. Models take the types of this room ([`FeatureTable`],
//! [`PurchaseSummary`], [`Interactions`]) and never open events themselves. What happens later is read by
//! [`purchased_between`] and its neighbours only, for labels and backtests.
//!
//! Days are those of a [`BusinessCalendar`]. A window of N days ends with the business day of the last instant before
//! `as_of` and holds N business days.

mod calendar;
mod customer_items;
mod day_buckets;
mod families;
mod interactions;
mod outcomes;
mod plan;
mod purchases;
mod snapshot;
mod spec;
mod splits;
mod survey;
mod table;

pub use calendar::{BusinessCalendar, Local, LocalClock, tz_version};
pub use customer_items::CustomerItems;
pub use day_buckets::{DayBuckets, DayCell, History, HistoryEvent, ItemCell, OrderCell, OrderKey};
pub use interactions::{GuestPurchase, Interactions, interactions};
pub use outcomes::{
    PurchaseOutcomes, items_bought_between, orders_and_revenue_between, purchased_between, purchases_around,
};
pub use plan::{AttributeKind, FeatureOptions, FeaturePlan, POOLED_LEVEL};
pub use purchases::{PurchaseSummary, purchase_summary};
pub use snapshot::{FeatureRows, Snapshot};
pub use spec::{FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, SPEC_VERSION};
pub use splits::{RankingSplit, SplitCounts, SplitRule, TestTable, TimeSplit, Warmth, leave_last_out};
pub use table::{Column, FeatureTable};
