//! Who took what: the input of recommenders.

use std::ops::Range;

use crate::tables::Buckets;
use crate::types::Timestamp;

/// One (item, time) of somebody without a customer id; one per order and item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestPurchase {
    /// Row in the item table.
    pub item: u32,
    /// When.
    pub at: Timestamp,
}

/// Distinct (customer, item) purchase pairs before `as_of` as a sparse n_customers x n_items matrix of ones, by
/// customer, items ascending; with the last time of each pair, and the purchases of guests.
#[derive(Clone, Debug)]
pub struct Interactions {
    /// Nothing at or after this instant is in here.
    pub as_of: Timestamp,
    /// Number of items (columns).
    pub n_items: usize,
    /// Pairs of customer `c` are `starts[c]..starts[c + 1]`; length n_customers + 1.
    pub starts: Vec<u32>,
    /// Item of each pair.
    pub items: Vec<u32>,
    /// Last purchase of each pair.
    pub last_at: Vec<Timestamp>,
    /// Purchases without a customer, in time order.
    pub guests: Vec<GuestPurchase>,
    /// Where each bucket of customers starts.
    pub buckets: Buckets,
}

impl Interactions {
    /// Number of customers (rows), with and without pairs.
    #[must_use]
    pub fn n_customers(&self) -> usize {
        self.starts.len() - 1
    }

    /// Pairs of a customer.
    #[must_use]
    pub fn pairs(&self, customer: usize) -> Range<usize> {
        self.starts[customer] as usize..self.starts[customer + 1] as usize
    }

    /// Items of a customer, ascending.
    #[must_use]
    pub fn items_of(&self, customer: usize) -> &[u32] {
        &self.items[self.pairs(customer)]
    }
}
