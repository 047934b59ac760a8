//! Purchase histories reduced to what purchase models need.

use std::ops::Range;

use super::calendar::{BusinessCalendar, LocalClock};
use super::snapshot::last_day;
use crate::tables::{EventTable, Partial, Tables};
use crate::types::{EventKind, Money, Timestamp};

/// Customers with at least one purchase before `as_of`, reduced to sufficient statistics (`repeat_orders` = x,
/// `age_at_last_order_days` = t_x, `age_days` = T of the buy-till-you-die literature).
///
/// Purchases of one customer on one business day count as one. All vectors have one cell per row; rows are in
/// customer order. `x = 0` exactly when `t_x = 0`, and `0 <= t_x <= T`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PurchaseSummary {
    /// Row in the customer table.
    pub customers: Vec<u32>,
    /// Distinct purchase days less one.
    pub repeat_orders: Vec<u32>,
    /// Days from the first to the last purchase day.
    pub age_at_last_order_days: Vec<f64>,
    /// Days from the first purchase day to the business day of the last instant before `as_of`.
    pub age_days: Vec<f64>,
    /// Mean spend per repeat purchase day in units of the currency, over days with a positive amount;
    /// `None` without such a day.
    pub mean_repeat_spend: Vec<Option<f64>>,
    /// Repeat purchase days with a positive amount, over which the mean is taken.
    pub n_spend_days: Vec<u32>,
}

impl PurchaseSummary {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.customers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.customers.is_empty()
    }
}

impl Partial for PurchaseSummary {
    fn merge(&mut self, later: Self) {
        self.customers.extend(later.customers);
        self.repeat_orders.extend(later.repeat_orders);
        self.age_at_last_order_days.extend(later.age_at_last_order_days);
        self.age_days.extend(later.age_days);
        self.mean_repeat_spend.extend(later.mean_repeat_spend);
        self.n_spend_days.extend(later.n_spend_days);
    }
}

/// Reduces the purchases before `as_of` to one row per customer with at least one, in table order.
///
/// The amount of a day is what was bought on it; refunds make no day and lower no amount, as they seldom say which
/// order they undo. The first purchase must be in the log: customers older than it have wrong ages.
#[must_use]
pub fn purchase_summary(tables: &Tables, as_of: Timestamp, calendar: &BusinessCalendar) -> PurchaseSummary {
    let last_day = last_day(as_of, calendar);
    let of_rows = |rows: Range<usize>| {
        let (mut summary, mut days) = (PurchaseSummary::default(), Vec::new());
        let mut clock = calendar.clock();
        for customer in rows {
            let range = tables.events.of_customer_before(customer, as_of);
            purchase_days(&tables.events, range, &mut clock, &mut days);
            summary.push(customer, &days, last_day);
        }
        summary
    };
    tables.customers.buckets.reduce(of_rows).unwrap_or_default()
}

/// Business days with a purchase, ascending, and the exact amount bought on each.
fn purchase_days(
    events: &EventTable,
    range: Range<usize>,
    clock: &mut LocalClock<'_>,
    days: &mut Vec<(i32, i128)>,
) {
    days.clear();
    for e in range.filter(|&e| events.kind[e] == EventKind::Purchase) {
        let (day, amount) = (clock.local(Timestamp(events.time[e])).day, i128::from(events.revenue[e].0));
        match days.last_mut() {
            Some(last) if last.0 == day => last.1 += amount,
            _ => days.push((day, amount)),
        }
    }
    // Events ascend in time, but a day can come back where clocks go back over midnight.
    if !days.is_sorted_by(|a, b| a.0 < b.0) {
        days.sort_by_key(|&(day, _)| day);
        days.dedup_by(|later, kept| {
            later.0 == kept.0 && {
                kept.1 += later.1;
                true
            }
        });
    }
}

impl PurchaseSummary {
    /// Adds a row, unless nothing was bought.
    fn push(&mut self, customer: usize, days: &[(i32, i128)], last_day: i32) {
        let (Some(&(first, _)), Some(&(last, _))) = (days.first(), days.last()) else { return };
        let (mut spend, mut n_spend_days) = (0i128, 0u32);
        for &(_, amount) in days[1..].iter().filter(|(_, amount)| *amount > 0) {
            spend += amount;
            n_spend_days += 1;
        }
        self.customers.push(customer as u32);
        self.repeat_orders.push((days.len() - 1) as u32);
        self.age_at_last_order_days.push(f64::from(last) - f64::from(first));
        self.age_days.push(f64::from(last_day.max(last)) - f64::from(first));
        self.mean_repeat_spend
            .push((n_spend_days > 0).then(|| Money::units_of(spend) / f64::from(n_spend_days)));
        self.n_spend_days.push(n_spend_days);
    }
}
