//! What happened in a stretch of time: labels of models and the truth of backtests, never a feature.

use std::ops::Range;

use super::calendar::BusinessCalendar;
use super::customer_items::CustomerItems;
use super::day_buckets::DayBuckets;
use super::snapshot::{collect, events_between, last_day};
use crate::tables::{EventTable, Partial, Tables};
use crate::types::{EventKind, Money, Timestamp};

/// Orders and money of every customer in a stretch of time, in table order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PurchaseOutcomes {
    /// Distinct orders; lines without an order id count one per business day.
    pub orders: Vec<u32>,
    /// Distinct business days with a purchase, the unit of purchase models.
    pub purchase_days: Vec<u32>,
    /// Revenue of purchase lines in units of the currency, refunds not deducted.
    pub revenue: Vec<f64>,
}

/// Whether each customer bought anything in `[from, to)`, in table order.
#[must_use]
pub fn purchased_between(tables: &Tables, from: Timestamp, to: Timestamp) -> Vec<bool> {
    let bought =
        |customer| events_between(tables, customer, from, to).any(|e| is_purchase(&tables.events, e));
    (0..tables.customers.len()).map(bought).collect()
}

/// The purchases of each customer on both sides of an instant: the last one before `at`, and the first one in
/// `[at, to)`; in table order.
#[must_use]
pub fn purchases_around(
    tables: &Tables,
    at: Timestamp,
    to: Timestamp,
) -> Vec<(Option<Timestamp>, Option<Timestamp>)> {
    let time = |e: usize| Timestamp(tables.events.time[e]);
    let purchase = |e: &usize| is_purchase(&tables.events, *e);
    let around = |customer| {
        let before = tables.events.of_customer_before(customer, at);
        let after = events_between(tables, customer, at, to);
        (before.into_iter().rev().find(purchase).map(time), after.into_iter().find(purchase).map(time))
    };
    (0..tables.customers.len()).map(around).collect()
}

/// The items that each customer bought in `[from, to)` and had never bought before `from`, returned or not.
#[must_use]
pub fn items_bought_between(tables: &Tables, from: Timestamp, to: Timestamp) -> CustomerItems {
    let events = &tables.events;
    let of_rows = |rows: Range<usize>| {
        let mut found = CustomerItems::default();
        let (mut known, mut new) = (Vec::new(), Vec::new());
        for customer in rows {
            distinct_items(events, events.of_customer_before(customer, from), &mut known);
            distinct_items(events, events_between(tables, customer, from, to), &mut new);
            new.retain(|item| known.binary_search(item).is_err());
            found.push(&new);
        }
        found
    };
    tables.customers.buckets.reduce(of_rows).unwrap_or_default()
}

/// Orders, purchase days and revenue of each customer in `[from, to)`, in table order.
#[must_use]
pub fn orders_and_revenue_between(
    tables: &Tables,
    from: Timestamp,
    to: Timestamp,
    calendar: &BusinessCalendar,
) -> PurchaseOutcomes {
    let last_day = last_day(to, calendar);
    let of_rows = |rows: Range<usize>| {
        let (mut outcomes, mut history) = (PurchaseOutcomes::default(), DayBuckets::default());
        let mut clock = calendar.clock();
        for customer in rows {
            history.clear();
            let events = events_between(tables, customer, from, to);
            collect(tables, events, &mut clock, &mut history);
            let history = history.finish(last_day);
            outcomes.orders.push(history.orders.len() as u32);
            outcomes.purchase_days.push(history.purchase_days().count() as u32);
            outcomes.revenue.push(Money::units_of(history.days.iter().map(|cell| cell.revenue).sum()));
        }
        outcomes
    };
    tables.customers.buckets.reduce(of_rows).unwrap_or_default()
}

impl Partial for PurchaseOutcomes {
    fn merge(&mut self, later: Self) {
        self.orders.extend(later.orders);
        self.purchase_days.extend(later.purchase_days);
        self.revenue.extend(later.revenue);
    }
}

pub(super) fn is_purchase(events: &EventTable, e: usize) -> bool {
    events.kind[e] == EventKind::Purchase
}

/// The items bought in these events, ascending.
pub(super) fn distinct_items(events: &EventTable, range: Range<usize>, items: &mut Vec<u32>) {
    items.clear();
    items.extend(
        range.filter(|&e| is_purchase(events, e)).filter_map(|e| events.item(e)).map(|item| item as u32),
    );
    items.sort_unstable();
    items.dedup();
}
