//! Checked input: events, customers and items with dense ids, ready to be computed on.
//!
//! What may be touched here: shapes and orders of tables. Formats belong to `crates/io`, meaning over time to
//! [`crate::features`]. Rows are checked before they come here, so a table is always consistent.
//!
//! **Order.** Customers are ordered by (bucket, id), see [`buckets`]; items by id; the events of a customer by
//! (time, order of arrival).

pub mod buckets;
mod builder;
mod columns;
mod event_log;
mod ids;

pub use buckets::{Buckets, N_BUCKETS, Partial};
pub use builder::{AttributeKind, AttributeValue, ItemFacts, TablesBuilder};
pub use columns::{Attribute, AttributeValues, CustomerTable, EventTable, ItemTable};
pub use event_log::{EventLog, NewEvent};
pub use ids::IdList;

/// Everything a run knows before any model: customers, items, events, one currency.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Customers with at least one accepted row, in bucket order.
    pub customers: CustomerTable,
    /// Items with at least one accepted row, ordered by id.
    pub items: ItemTable,
    /// Events by customer, then those of guests.
    pub events: EventTable,
    /// ISO 4217 code of every amount.
    pub currency: String,
}
