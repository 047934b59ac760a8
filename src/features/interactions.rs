//! Who took what: the input of recommenders.

use std::ops::Range;

use crate::tables::{Buckets, EventTable, Partial, Tables};
use crate::types::{EventKind, Timestamp};

/// One (item, time) of somebody without a customer id; one per order and item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestPurchase {
    /// Row in the item table.
    pub item: u32,
    /// When.
    pub at: Timestamp,
}

/// Distinct (customer, item) pairs of which something bought before `as_of` was kept, as a sparse n_customers x n_items matrix of ones, by
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

/// Who took what before `as_of`.
///
/// A pair counts when more units were bought than taken back, over the whole time before `as_of`: something sent
/// back entirely is not a taste, something bought again is. (What was bought at all, kept or not, is a matter of the
/// already-bought rules.) Refunds without an item change nothing. A guest's order counts an item once, at its first
/// line; guests' lines without an order count each, and their refunds are not deducted.
#[must_use]
pub fn interactions(tables: &Tables, as_of: Timestamp) -> Interactions {
    let of_rows = |rows: Range<usize>| {
        let (mut pairs, mut lines) = (Pairs::default(), Vec::new());
        for customer in rows {
            pairs.push(&tables.events, tables.events.of_customer_before(customer, as_of), &mut lines);
        }
        pairs
    };
    let pairs = tables.customers.buckets.reduce(of_rows).unwrap_or_default();
    Interactions {
        as_of,
        n_items: tables.items.len(),
        starts: starts(&pairs.n_of_customer),
        items: pairs.items,
        last_at: pairs.last_at,
        guests: guests(&tables.events, as_of),
        buckets: tables.customers.buckets.clone(),
    }
}

/// Ends of consecutive runs of the given lengths, with a leading 0.
fn starts(lengths: &[u32]) -> Vec<u32> {
    let mut starts = Vec::with_capacity(lengths.len() + 1);
    starts.push(0);
    let mut end = 0;
    starts.extend(lengths.iter().map(|n| {
        end += n;
        end
    }));
    starts
}

/// Pairs of consecutive customers.
#[derive(Debug, Default)]
struct Pairs {
    n_of_customer: Vec<u32>,
    items: Vec<u32>,
    last_at: Vec<Timestamp>,
}

impl Partial for Pairs {
    fn merge(&mut self, later: Self) {
        self.n_of_customer.extend(later.n_of_customer);
        self.items.extend(later.items);
        self.last_at.extend(later.last_at);
    }
}

impl Pairs {
    /// Adds the pairs of the next customer; `lines` is working memory.
    fn push(&mut self, events: &EventTable, range: Range<usize>, lines: &mut Vec<u64>) {
        lines.clear();
        let first = range.start;
        lines.extend(range.filter_map(|e| {
            let counts = matches!(events.kind[e], EventKind::Purchase | EventKind::Refund);
            let item = events.item(e).filter(|_| counts)?;
            // Item above, event below: one number sorts faster than a pair.
            Some((item as u64) << 32 | (e - first) as u64)
        }));
        lines.sort_unstable();
        let before = self.items.len();
        for of_item in lines.chunk_by(|a, b| a >> 32 == b >> 32) {
            let (mut net_units, mut last_at) = (0i64, None);
            for &line in of_item {
                let e = first + (line as u32) as usize;
                let units = i64::from(events.quantity[e]);
                if events.kind[e] == EventKind::Purchase {
                    net_units += units;
                    last_at = Some(Timestamp(events.time[e]));
                } else {
                    // Beyond what is known to be bought there is nothing to undo, see `CustomerState::refund`.
                    net_units = (net_units - units).max(0);
                }
            }
            if let Some(last_at) = last_at.filter(|_| net_units > 0) {
                self.items.push((of_item[0] >> 32) as u32);
                self.last_at.push(last_at);
            }
        }
        self.n_of_customer.push((self.items.len() - before) as u32);
    }
}

/// Guests' purchases before `as_of` in time order, each item once per order.
fn guests(events: &EventTable, as_of: Timestamp) -> Vec<GuestPurchase> {
    let guests = events.of_guests();
    let n_before = events.time[guests.clone()].partition_point(|&t| t < as_of.0);
    let mut lines: Vec<(Option<u32>, u32, usize)> = (guests.start..guests.start + n_before)
        .filter(|&e| events.kind[e] == EventKind::Purchase)
        .filter_map(|e| Some((events.order(e), events.item(e)? as u32, e)))
        .collect();
    // Events ascend in time, so the first of an order and item is the earliest.
    lines.sort_unstable();
    lines.dedup_by(|later, kept| kept.0.is_some() && (later.0, later.1) == (kept.0, kept.1));
    lines.sort_unstable_by_key(|&(_, _, e)| e);
    lines.into_iter().map(|(_, item, e)| GuestPurchase { item, at: Timestamp(events.time[e]) }).collect()
}
