//! The tables as columns.

use std::ops::Range;

use super::{Buckets, IdList};
use crate::types::{EventKind, Money, Timestamp};

/// A demographic column of the customers, one cell per customer in table order.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Name as in the configuration.
    pub name: String,
    /// The cells.
    pub values: AttributeValues,
}

/// Cells of an [`Attribute`] by type; `None` is a missing cell.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValues {
    /// Finite numbers.
    Number(Vec<Option<f64>>),
    /// Yes or no.
    YesNo(Vec<Option<bool>>),
    /// Index into `levels`, which are sorted.
    Category {
        /// Level of each customer.
        codes: Vec<Option<u32>>,
        /// Names of the levels, sorted.
        levels: Vec<String>,
    },
    /// Calendar days since 1970-01-01.
    Date(Vec<Option<i32>>),
}

/// Customers in (bucket, id) order.
#[derive(Clone, Debug)]
pub struct CustomerTable {
    /// Outside ids.
    pub ids: IdList,
    /// Where each bucket starts.
    pub buckets: Buckets,
    /// Demographic columns in the order of the configuration.
    pub attributes: Vec<Attribute>,
}

impl CustomerTable {
    /// Number of customers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The dense number of an outside id; binary search inside its bucket.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<usize> {
        let rows = self.buckets.rows(super::buckets::bucket_of(id));
        let (mut low, mut high) = (rows.start, rows.end);
        while low < high {
            let mid = usize::midpoint(low, high);
            match self.ids.get(mid).cmp(id) {
                std::cmp::Ordering::Less => low = mid + 1,
                std::cmp::Ordering::Greater => high = mid,
                std::cmp::Ordering::Equal => return Some(mid),
            }
        }
        None
    }
}

/// Items ordered by id. An absent fact is `None`, never a default.
#[derive(Clone, Debug, Default)]
pub struct ItemTable {
    /// Outside ids.
    pub ids: IdList,
    /// Names for people.
    pub titles: Vec<Option<String>>,
    /// Index into `category_names`.
    pub categories: Vec<Option<u32>>,
    /// Category names, sorted.
    pub category_names: Vec<String>,
    /// Current list price.
    pub prices: Vec<Option<Money>>,
    /// First instant at which the item may be shown.
    pub available_from: Vec<Option<Timestamp>>,
    /// First instant at which it may no longer be shown.
    pub available_to: Vec<Option<Timestamp>>,
    /// Units in stock; `None` = not tracked.
    pub stock: Vec<Option<i64>>,
}

impl ItemTable {
    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The dense number of an outside id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.ids.len());
        while low < high {
            let mid = usize::midpoint(low, high);
            match self.ids.get(mid).cmp(id) {
                std::cmp::Ordering::Less => low = mid + 1,
                std::cmp::Ordering::Greater => high = mid,
                std::cmp::Ordering::Equal => return Some(mid),
            }
        }
        None
    }

    /// The category name of an item.
    #[must_use]
    pub fn category(&self, item: usize) -> Option<&str> {
        self.categories[item].map(|c| self.category_names[c as usize].as_str())
    }
}

/// Marks an absent item, order or channel inside the columns; never leaves this module.
pub(super) const ABSENT: u32 = u32::MAX;

/// Events as columns: those of customer 0 by time, of customer 1, ..., at the end those without a customer.
#[derive(Clone, Debug, Default)]
pub struct EventTable {
    /// Events of customer `c` are `starts[c]..starts[c + 1]`; guests follow.
    pub(super) starts: Vec<u32>,
    /// When it happened, milliseconds UTC.
    pub time: Vec<i64>,
    /// What happened.
    pub kind: Vec<EventKind>,
    pub(super) item: Vec<u32>,
    pub(super) order: Vec<u32>,
    /// Units, at least 1; for a refund the units taken back.
    pub quantity: Vec<u32>,
    /// Net revenue of the line; for a refund the amount taken back. Zero for other kinds.
    pub revenue: Vec<Money>,
    pub(super) channel: Vec<u32>,
    /// Channel names, sorted.
    pub channel_names: Vec<String>,
}

impl EventTable {
    /// Number of events, guests included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// The events of a customer, ascending in time; equal times in order of arrival.
    #[must_use]
    pub fn of_customer(&self, customer: usize) -> Range<usize> {
        self.starts[customer] as usize..self.starts[customer + 1] as usize
    }

    /// The events of a customer strictly before `as_of`.
    #[must_use]
    pub fn of_customer_before(&self, customer: usize, as_of: Timestamp) -> Range<usize> {
        let all = self.of_customer(customer);
        let n = self.time[all.clone()].partition_point(|&t| t < as_of.0);
        all.start..all.start + n
    }

    /// Events without a customer id, ascending in time: they count for popularity, for no customer.
    #[must_use]
    pub fn of_guests(&self) -> Range<usize> {
        self.starts.last().map_or(0, |&s| s as usize)..self.len()
    }

    /// The item of event `e`.
    #[must_use]
    pub fn item(&self, e: usize) -> Option<usize> {
        (self.item[e] != ABSENT).then_some(self.item[e] as usize)
    }

    /// The order (a number without meaning outside this run) of event `e`.
    #[must_use]
    pub fn order(&self, e: usize) -> Option<u32> {
        (self.order[e] != ABSENT).then_some(self.order[e])
    }

    /// The channel of event `e`, an index into `channel_names`.
    #[must_use]
    pub fn channel(&self, e: usize) -> Option<usize> {
        (self.channel[e] != ABSENT).then_some(self.channel[e] as usize)
    }

    /// The latest instant in the table.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        self.time.iter().max().map(|&t| Timestamp(t))
    }
}
