//! What serving code asks and tells.

use crate::types::{EventKind, Key, Timestamp};

/// A request for one slate.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) customer: String,
    pub(super) now: Timestamp,
    pub(super) channel: Option<String>,
    pub(super) placement: Option<String>,
    pub(super) slots: Option<usize>,
    pub(super) decision_id: Option<String>,
    pub(super) exclude: Vec<Key>,
    pub(super) candidates: Option<Vec<Key>>,
}

impl Request {
    /// A slate for a customer at `now`, with the slots of the policy.
    pub fn new(customer: impl Into<String>, now: Timestamp) -> Self {
        Self {
            customer: customer.into(),
            now,
            channel: None,
            placement: None,
            slots: None,
            decision_id: None,
            exclude: Vec::new(),
            candidates: None,
        }
    }

    /// The channel, for the record.
    #[must_use]
    pub fn channel(mut self, channel: impl Into<String>) -> Self {
        self.channel = Some(channel.into());
        self
    }

    /// The placement, for the record.
    #[must_use]
    pub fn placement(mut self, placement: impl Into<String>) -> Self {
        self.placement = Some(placement.into());
        self
    }

    /// How many items, instead of what the policy says.
    #[must_use]
    pub fn slots(mut self, slots: usize) -> Self {
        self.slots = Some(slots);
        self
    }

    /// The caller's own decision id: asking again gives the stored decision and counts nothing twice.
    #[must_use]
    pub fn decision_id(mut self, id: impl Into<String>) -> Self {
        self.decision_id = Some(id.into());
        self
    }

    /// Items that must not be shown this time. Not feedback: nothing is remembered.
    #[must_use]
    pub fn exclude<'a>(mut self, items: impl IntoIterator<Item = &'a str>) -> Self {
        self.exclude.extend(items.into_iter().map(Key::of));
        self
    }

    /// Only these items are considered.
    #[must_use]
    pub fn candidates<'a>(mut self, items: impl IntoIterator<Item = &'a str>) -> Self {
        self.candidates = Some(items.into_iter().map(Key::of).collect());
        self
    }
}

/// Something that happened, told to the engine.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A customer did, or was shown, something.
    Customer {
        /// Outside id.
        customer: &'a str,
        /// Outside id.
        item: &'a str,
        /// What. Views, clicks and cart steps are accepted and change nothing yet.
        kind: EventKind,
        /// When.
        at: Timestamp,
        /// Units, for purchases and refunds.
        quantity: u32,
    },
    /// The stock of an item as it stands.
    Stock {
        /// Outside id.
        item: &'a str,
        /// Units; 0 = out of stock.
        units: i64,
    },
}

impl<'a> Event<'a> {
    /// One unit of `kind` between a customer and an item.
    #[must_use]
    pub fn new(customer: &'a str, item: &'a str, kind: EventKind, at: Timestamp) -> Self {
        Self::Customer { customer, item, kind, at, quantity: 1 }
    }
}

/// What became of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The slate was seen: its items count as exposures.
    Displayed,
    /// It was not: nothing counts.
    NotDisplayed,
}

/// What settling did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The exposures count.
    Committed,
    /// The exposures count, but the reservation had lapsed, so a cap may have been exceeded in between.
    CommittedLate,
    /// The reservation was given back.
    Released,
}
