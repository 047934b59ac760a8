//! What one customer did, by business day: the partial statistics that every feature is computed from.

use serde::{Deserialize, Serialize};

use super::calendar::Local;
use crate::tables::Partial;
use crate::types::{EventKind, Money, Timestamp};

/// One event of one customer, with its place on the business calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryEvent {
    /// When.
    pub at: Timestamp,
    /// Where that falls in the business zone.
    pub local: Local,
    /// What.
    pub kind: EventKind,
    /// Row in the item table.
    pub item: Option<u32>,
    /// Number of the order inside the run.
    pub order: Option<u32>,
    /// Index into the channel names.
    pub channel: Option<u32>,
    /// Net revenue of the line; the amount taken back for a refund.
    pub revenue: Money,
}

/// Counts and sums of one business day. Sums are exact, so that they can be added in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCell {
    /// Business day, days since 1970-01-01.
    pub day: i32,
    /// Purchase lines.
    pub n_purchases: u32,
    /// Views.
    pub n_views: u32,
    /// Items put into the cart.
    pub n_cart_adds: u32,
    /// Revenue of the purchase lines, 1/10,000 of the unit.
    pub revenue: i128,
    /// Amount taken back, 1/10,000 of the unit.
    pub refunded: i128,
}

impl DayCell {
    fn absorb(&mut self, other: &Self) {
        self.n_purchases += other.n_purchases;
        self.n_views += other.n_views;
        self.n_cart_adds += other.n_cart_adds;
        self.revenue += other.revenue;
        self.refunded += other.refunded;
    }
}

/// What makes two purchase lines the same order: the order id, or the business day where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OrderKey {
    /// Number of the order inside the run.
    Id(u32),
    /// Business day of a line without order.
    Day(i32),
}

/// An order, placed in time by its first line (of several at that instant, the one with the lowest channel).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderCell {
    /// Which.
    pub key: OrderKey,
    /// Instant of the first line.
    pub at: Timestamp,
    /// Index into the channel names.
    pub channel: Option<u32>,
    /// Business day of the first line.
    pub day: i32,
    /// Local hour of the first line.
    pub hour: u8,
    /// Local weekday of the first line, Monday = 0.
    pub weekday: u8,
}

/// An item and how often it was bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemCell {
    /// Row in the item table.
    pub item: u32,
    /// Purchase lines.
    pub n_lines: u32,
}

/// The history of one customer as day cells, orders and items: a partial statistic that grows by events
/// ([`DayBuckets::add`]) or by other parts of the same history (`merge`).
///
/// Everything inside is a set or an exact sum, so the result does not depend on the order of events nor on how
/// they were divided. A window over days is a sum of cells and slides without reading events again. Orders, items
/// and channels are numbers of one run; parts of different runs do not merge.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DayBuckets {
    days: Vec<DayCell>,
    orders: Vec<OrderCell>,
    items: Vec<ItemCell>,
}

impl DayBuckets {
    /// Takes in one event; quickest when events come in order of time.
    pub fn add(&mut self, event: &HistoryEvent) {
        let mut cell = DayCell { day: event.local.day, ..DayCell::default() };
        match event.kind {
            EventKind::Purchase => {
                cell.n_purchases = 1;
                cell.revenue = i128::from(event.revenue.0);
                self.add_order(event);
                if let Some(item) = event.item {
                    self.items.push(ItemCell { item, n_lines: 1 });
                }
            }
            EventKind::Refund => cell.refunded = i128::from(event.revenue.0),
            EventKind::View => cell.n_views = 1,
            EventKind::CartAdd => cell.n_cart_adds = 1,
            EventKind::CartRemove | EventKind::Exposure | EventKind::Click | EventKind::Dismissal => return,
        }
        match self.days.last_mut() {
            Some(last) if last.day == cell.day => last.absorb(&cell),
            _ => self.days.push(cell),
        }
    }

    fn add_order(&mut self, event: &HistoryEvent) {
        let Local { day, hour, weekday } = event.local;
        let key = event.order.map_or(OrderKey::Day(day), OrderKey::Id);
        let order = OrderCell { key, at: event.at, channel: event.channel, day, hour, weekday };
        match self.orders.last_mut() {
            Some(last) if last.key == key => *last = order.min(*last),
            _ => self.orders.push(order),
        }
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.days.clear();
        self.orders.clear();
        self.items.clear();
    }

    /// The history as seen at the end of business day `last_day`, which no event may lie behind.
    pub fn finish(&mut self, last_day: i32) -> History<'_> {
        self.seal();
        History { last_day, days: &self.days, orders: &self.orders, items: &self.items }
    }

    /// One cell per day, order and item, in ascending order.
    fn seal(&mut self) {
        if !self.days.is_sorted_by(|a, b| a.day < b.day) {
            self.days.sort_by_key(|cell| cell.day);
            self.days.dedup_by(|later, kept| {
                later.day == kept.day && {
                    kept.absorb(later);
                    true
                }
            });
        }
        if !self.orders.is_sorted_by(|a, b| a.key < b.key) {
            // Within an order the first line comes first, and that is the one kept.
            self.orders.sort_unstable();
            self.orders.dedup_by_key(|order| order.key);
        }
        if !self.items.is_sorted_by(|a, b| a.item < b.item) {
            self.items.sort_unstable_by_key(|cell| cell.item);
            self.items.dedup_by(|later, kept| {
                later.item == kept.item && {
                    kept.n_lines += later.n_lines;
                    true
                }
            });
        }
    }
}

impl Partial for DayBuckets {
    fn merge(&mut self, later: Self) {
        self.days.extend(later.days);
        self.orders.extend(later.orders);
        self.items.extend(later.items);
        self.seal();
    }
}

impl PartialEq for DayBuckets {
    /// Whether both hold the same history, however they came by it.
    fn eq(&self, other: &Self) -> bool {
        let (mut a, mut b) = (self.clone(), other.clone());
        a.seal();
        b.seal();
        a.days == b.days && a.orders == b.orders && a.items == b.items
    }
}

/// A finished history: one cell per day, order and item.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    last_day: i32,
    /// By day.
    pub days: &'a [DayCell],
    /// By key, that is in no order of time.
    pub orders: &'a [OrderCell],
    /// By item.
    pub items: &'a [ItemCell],
}

impl<'a> History<'a> {
    /// Days with at least one purchase line, ascending.
    pub fn purchase_days(&self) -> impl Iterator<Item = &'a DayCell> + use<'a> {
        self.days.iter().filter(|cell| cell.n_purchases > 0)
    }

    /// Business days from `day` to the last day before `as_of`.
    ///
    /// Never negative: where clocks go back over midnight a day can begin, stop and begin again, and an event can
    /// lie on a day that the instant before `as_of` has not reached.
    #[must_use]
    pub fn age_days(&self, day: i32) -> u32 {
        u32::try_from(i64::from(self.last_day) - i64::from(day)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(ms: i64, day: i32, kind: EventKind, order: Option<u32>, item: u32) -> HistoryEvent {
        HistoryEvent {
            at: Timestamp(ms),
            local: Local { day, hour: 3, weekday: 1 },
            kind,
            item: Some(item),
            order,
            channel: None,
            revenue: Money(10),
        }
    }

    #[test]
    fn cells_hold_one_day_order_and_item_each_in_any_order_of_events() {
        let events = [
            event(5, 2, EventKind::Purchase, Some(7), 1),
            event(1, 1, EventKind::View, None, 1),
            event(9, 4, EventKind::Refund, Some(7), 1),
            event(3, 1, EventKind::Purchase, Some(7), 2),
            event(4, 1, EventKind::Purchase, None, 1),
            event(2, 1, EventKind::CartAdd, None, 2),
            event(6, 9, EventKind::Dismissal, None, 2),
        ];
        let mut history = DayBuckets::default();
        events.iter().for_each(|e| history.add(e));
        let mut reversed = DayBuckets::default();
        events.iter().rev().for_each(|e| reversed.add(e));
        assert_eq!(history, reversed);

        let seen = history.finish(4);
        let days: Vec<_> =
            seen.days.iter().map(|d| (d.day, d.n_purchases, d.n_views, d.n_cart_adds)).collect();
        assert_eq!(days, [(1, 2, 1, 1), (2, 1, 0, 0), (4, 0, 0, 0)]);
        assert_eq!(
            seen.days.iter().map(|d| (d.revenue, d.refunded)).collect::<Vec<_>>(),
            [(20, 0), (10, 0), (0, 10)]
        );
        let orders: Vec<_> = seen.orders.iter().map(|o| (o.key, o.at.0, o.day)).collect();
        assert_eq!(orders, [(OrderKey::Id(7), 3, 1), (OrderKey::Day(1), 4, 1)]);
        assert_eq!(seen.items.iter().map(|i| (i.item, i.n_lines)).collect::<Vec<_>>(), [(1, 2), (2, 1)]);
        assert_eq!((seen.age_days(1), seen.age_days(5), seen.purchase_days().count()), (3, 0, 2));
    }

    #[test]
    fn a_cleared_history_is_empty() {
        let mut history = DayBuckets::default();
        history.add(&event(5, 2, EventKind::Purchase, None, 1));
        assert_ne!(history, DayBuckets::default());
        history.clear();
        assert_eq!(history, DayBuckets::default());
    }
}
