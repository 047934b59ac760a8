//! Checked events in order of arrival, and the way from there into table order.

use super::EventTable;
use super::columns::ABSENT;
use crate::types::{EventKind, Money, Timestamp};

/// One checked event with provisional numbers from the builder.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent {
    /// From [`TablesBuilder::customer`](super::TablesBuilder::customer); `None` for a guest.
    pub customer: Option<u32>,
    /// From [`TablesBuilder::item`](super::TablesBuilder::item).
    pub item: Option<u32>,
    /// From [`TablesBuilder::order`](super::TablesBuilder::order).
    pub order: Option<u32>,
    /// From [`TablesBuilder::channel`](super::TablesBuilder::channel).
    pub channel: Option<u32>,
    /// When.
    pub time: Timestamp,
    /// What.
    pub kind: EventKind,
    /// Units, at least 1.
    pub quantity: u32,
    /// Net revenue of the line; the amount taken back for a refund.
    pub revenue: Money,
}

/// Events in order of arrival, by column. May be filled on another thread than the [`TablesBuilder`] that gives the
/// numbers in them.
///
/// [`TablesBuilder`]: super::TablesBuilder
#[derive(Debug, Default)]
pub struct EventLog {
    customer: Vec<u32>,
    time: Vec<i64>,
    kind: Vec<EventKind>,
    item: Vec<u32>,
    order: Vec<u32>,
    channel: Vec<u32>,
    quantity: Vec<u32>,
    revenue: Vec<Money>,
}

/// Places in table order by provisional number.
pub(super) struct Ranks<'a> {
    pub(super) customers: &'a [u32],
    pub(super) items: &'a [u32],
    pub(super) channels: &'a [u32],
}

impl EventLog {
    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.customer.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.customer.is_empty()
    }

    /// Adds an event.
    pub fn push(&mut self, event: NewEvent) {
        self.customer.push(event.customer.unwrap_or(ABSENT));
        self.time.push(event.time.0);
        self.kind.push(event.kind);
        self.item.push(event.item.unwrap_or(ABSENT));
        self.order.push(event.order.unwrap_or(ABSENT));
        self.channel.push(event.channel.unwrap_or(ABSENT));
        self.quantity.push(event.quantity);
        self.revenue.push(event.revenue);
    }

    /// Adds the events of a later log.
    pub(super) fn append(&mut self, mut later: Self) {
        if self.is_empty() {
            *self = later;
            return;
        }
        self.customer.append(&mut later.customer);
        self.time.append(&mut later.time);
        self.kind.append(&mut later.kind);
        self.item.append(&mut later.item);
        self.order.append(&mut later.order);
        self.channel.append(&mut later.channel);
        self.quantity.append(&mut later.quantity);
        self.revenue.append(&mut later.revenue);
    }

    /// Sorts by (customer rank, time, arrival) with guests last; consumes the log column by column so that at most
    /// one column is held twice.
    pub(super) fn finish(self, ranks: &Ranks<'_>, channel_names: Vec<String>) -> EventTable {
        let (starts, order) = self.table_order(ranks.customers);
        drop(self.customer);
        EventTable {
            starts,
            time: gather(self.time, &order),
            kind: gather(self.kind, &order),
            item: renumber(gather(self.item, &order), ranks.items),
            order: gather(self.order, &order),
            quantity: gather(self.quantity, &order),
            revenue: gather(self.revenue, &order),
            channel: renumber(gather(self.channel, &order), ranks.channels),
            channel_names,
        }
    }

    /// Where each customer starts (guests after the last), and the arrival of the event at each place.
    fn table_order(&self, rank: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let n_customers = rank.len();
        let row =
            |customer: u32| if customer == ABSENT { n_customers } else { rank[customer as usize] as usize };
        let mut starts = vec![0u32; n_customers + 2];
        for &customer in &self.customer {
            starts[row(customer) + 1] += 1;
        }
        for c in 0..=n_customers {
            starts[c + 1] += starts[c];
        }
        let mut next = starts.clone();
        let mut order = vec![0u32; self.len()];
        for (e, &customer) in self.customer.iter().enumerate() {
            let slot = &mut next[row(customer)];
            order[*slot as usize] = e as u32;
            *slot += 1;
        }
        for c in 0..=n_customers {
            // Stable: equal times keep their order of arrival.
            order[starts[c] as usize..starts[c + 1] as usize].sort_by_key(|&e| self.time[e as usize]);
        }
        starts.truncate(n_customers + 1);
        (starts, order)
    }
}

fn gather<T: Copy>(column: Vec<T>, order: &[u32]) -> Vec<T> {
    order.iter().map(|&e| column[e as usize]).collect()
}

fn renumber(mut column: Vec<u32>, rank: &[u32]) -> Vec<u32> {
    for number in &mut column {
        if *number != ABSENT {
            *number = rank[*number as usize];
        }
    }
    column
}
