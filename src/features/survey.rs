//! What there is to be measured before `as_of`: one pass over the events that decides the columns.

use std::ops::Range;

use super::calendar::BusinessCalendar;
use crate::tables::{Partial, Tables};
use crate::types::{EventKind, Timestamp};

/// What the events of customers before `as_of` hold.
#[derive(Clone, Debug)]
pub(super) struct Survey {
    pub(super) purchases: bool,
    pub(super) items: bool,
    pub(super) refunds: bool,
    pub(super) views: bool,
    pub(super) cart_adds: bool,
    pub(super) hours: bool,
    pub(super) first_at: Option<Timestamp>,
    /// Customers who bought in each category.
    pub(super) customers_of_category: Vec<u32>,
    /// Customers who ordered through each channel.
    pub(super) customers_of_channel: Vec<u32>,
}

impl Partial for Survey {
    fn merge(&mut self, later: Self) {
        self.purchases |= later.purchases;
        self.items |= later.items;
        self.refunds |= later.refunds;
        self.views |= later.views;
        self.cart_adds |= later.cart_adds;
        self.hours |= later.hours;
        self.first_at = self.first_at.into_iter().chain(later.first_at).min();
        add_to(&mut self.customers_of_category, &later.customers_of_category);
        add_to(&mut self.customers_of_channel, &later.customers_of_channel);
    }
}

fn add_to(sums: &mut [u32], others: &[u32]) {
    for (sum, other) in sums.iter_mut().zip(others) {
        *sum += other;
    }
}

impl Survey {
    pub(super) fn of(tables: &Tables, as_of: Timestamp, calendar: &BusinessCalendar) -> Self {
        let of_rows = |rows: Range<usize>| Self::of_rows(tables, as_of, calendar, rows);
        tables.customers.buckets.reduce(of_rows).unwrap_or_else(|| Self::empty(tables))
    }

    fn empty(tables: &Tables) -> Self {
        Self {
            purchases: false,
            items: false,
            refunds: false,
            views: false,
            cart_adds: false,
            hours: false,
            first_at: None,
            customers_of_category: vec![0; tables.items.category_names.len()],
            customers_of_channel: vec![0; tables.events.channel_names.len()],
        }
    }

    fn of_rows(tables: &Tables, as_of: Timestamp, calendar: &BusinessCalendar, rows: Range<usize>) -> Self {
        let events = &tables.events;
        let mut survey = Self::empty(tables);
        let mut clock = calendar.clock();
        let mut categories = CountOnce::new(survey.customers_of_category.len());
        let mut channels = CountOnce::new(survey.customers_of_channel.len());
        for customer in rows {
            let range = events.of_customer_before(customer, as_of);
            let first_at = range.clone().next().map(|e| Timestamp(events.time[e]));
            survey.first_at = survey.first_at.into_iter().chain(first_at).min();
            for e in range {
                match events.kind[e] {
                    EventKind::Purchase => {
                        survey.purchases = true;
                        survey.hours = survey.hours || clock.local(Timestamp(events.time[e])).hour != 0;
                        if let Some(item) = events.item(e) {
                            survey.items = true;
                            let category = tables.items.categories[item].map(|c| c as usize);
                            categories.count(customer, category, &mut survey.customers_of_category);
                        }
                        channels.count(customer, events.channel(e), &mut survey.customers_of_channel);
                    }
                    EventKind::Refund => survey.refunds = true,
                    EventKind::View => survey.views = true,
                    EventKind::CartAdd => survey.cart_adds = true,
                    EventKind::CartRemove | EventKind::Exposure | EventKind::Click | EventKind::Dismissal => {
                    }
                }
            }
        }
        survey
    }
}

/// Counts a customer at most once per class; customers come one after the other.
struct CountOnce {
    last: Vec<Option<usize>>,
}

impl CountOnce {
    fn new(n_classes: usize) -> Self {
        Self { last: vec![None; n_classes] }
    }

    fn count(&mut self, customer: usize, class: Option<usize>, counts: &mut [u32]) {
        if let Some(class) = class
            && self.last[class].replace(customer) != Some(customer)
        {
            counts[class] += 1;
        }
    }
}
