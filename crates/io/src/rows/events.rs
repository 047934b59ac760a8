//! Events: every cell read, repeats recognised, the rest handed to the tables.

use std::collections::hash_map::Entry;

use bespoke::tables::{AttributeValue, NewEvent};
use bespoke::types::{EventKind, Timestamp};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::fields::Amounts;
use super::memory::{Id, damaged};
use super::recorder::{Checked, Odd};
use super::{REDACTED, Rows, bump};
use crate::account::{FileAccount, RowRule};
use crate::cell::{Cell, Record, cut, text};
use crate::config::{Duplicates, IdStyle};
use crate::error::ReadError;
use crate::time::Instant;

/// An event whose cells are read.
struct Draft<'r> {
    kind: EventKind,
    time: Instant,
    customer: Option<Id<'r>>,
    item: Option<&'r str>,
    order: Option<Id<'r>>,
    channel: Option<&'r str>,
    event_id: Option<&'r str>,
    title: Option<&'r str>,
    category: Option<&'r str>,
    amounts: Amounts,
    /// `None` when the row before had the same cells for the same customer and time.
    attributes: Option<Vec<(usize, AttributeValue<'r>)>>,
}

enum Named<'r> {
    Known(EventKind),
    Unknown(&'r str),
}

/// Events have 32-bit numbers, one of which marks absence.
const MOST_EVENTS: u64 = u32::MAX as u64 - 1;

impl Rows<'_> {
    pub(super) fn event<R: Record>(
        &mut self,
        row: u64,
        record: &R,
        forced: Option<EventKind>,
    ) -> Result<(), ReadError> {
        let kind = match forced.or(self.plan.config.kind) {
            Some(kind) => Some(kind),
            None => match self.kind(record) {
                Some(Named::Known(kind)) => Some(kind),
                Some(Named::Unknown(name)) => {
                    self.unknown_event(name);
                    return Ok(());
                }
                None => None,
            },
        };
        let Some(draft) = self.draft(record, kind) else { return Ok(()) };
        if self.intake.recorder.n_taken() >= MOST_EVENTS {
            return Err(ReadError::TooManyEvents { file: self.file.to_string(), row });
        }
        self.take(record, draft);
        Ok(())
    }

    fn kind<'r, R: Record>(&mut self, record: &'r R) -> Option<Named<'r>> {
        let slot = self.plan.slots.event?;
        match self.plan.cell(record, slot) {
            Cell::Missing => {
                self.problems.add(slot, RowRule::MissingRequired);
                None
            }
            cell => {
                let name = self.problems.keep(slot, text(cell))?;
                Some(self.plan.kind_of(name).map_or(Named::Unknown(name), Named::Known))
            }
        }
    }

    fn unknown_event(&mut self, name: &str) {
        let redacted = self.plan.slots.event.is_some_and(|slot| self.plan.columns[slot].redacted);
        let name = if redacted { REDACTED.to_owned() } else { cut(name.as_bytes()) };
        bump(&mut self.account.set_aside, FileAccount::UNKNOWN_EVENT, 1);
        let names = &mut self.account.unknown_events;
        if names.len() < FileAccount::MAX_UNKNOWN_EVENTS || names.contains_key(&name) {
            bump(names, &name, 1);
        }
    }

    /// Reads every cell of an event; `None` when any has a problem.
    fn draft<'r, R: Record>(&mut self, record: &'r R, kind: Option<EventKind>) -> Option<Draft<'r>> {
        let slots = self.plan.slots;
        let style = self.plan.config.id_style;
        let time = self.required_time(record);
        let customer = self.run_id(record, slots.customer_id, style.customer_id, |rows| &rows.customers);
        if let (Some(slot), Some(None)) = (slots.customer_id, customer)
            && !self.plan.config.guests
        {
            self.problems.add(slot, RowRule::NoIdentity);
        }
        let item = self.id(record, slots.item_id, style.item_id);
        if let (Some(slot), Some(None)) = (slots.item_id, item) {
            self.problems.add(slot, RowRule::MissingRequired);
        }
        let order = self.run_id(record, slots.order_id, style.order_id, |rows| &rows.orders);
        let channel = self.id(record, slots.channel, IdStyle::Text);
        let event_id = self.id(record, slots.event_id, IdStyle::Text);
        if let (Some(slot), Some(None)) = (slots.event_id, event_id) {
            self.problems.add(slot, RowRule::MissingRequired);
        }
        let title = self.label(record, slots.title);
        let category = self.label(record, slots.category);
        self.currency(record);
        let amounts = self.amounts(record, kind.unwrap_or(EventKind::View));
        let attributes = match (customer, time) {
            (Some(customer), Some(time)) if self.says_the_same(record, customer, time.at) => None,
            _ => Some(self.attributes(record)),
        };
        if !self.problems.0.is_empty() {
            return None;
        }
        Some(Draft {
            kind: kind?,
            time: time?,
            customer: customer?,
            item: item?,
            order: order?,
            channel: channel?,
            event_id: event_id?,
            title,
            category,
            amounts: amounts?,
            attributes,
        })
    }

    /// Takes a checked event unless it repeats an earlier one.
    fn take<R: Record>(&mut self, record: &R, draft: Draft<'_>) {
        let merge = self.plan.config.duplicates == Duplicates::Merge;
        if let (true, Some(event_id)) = (merge, draft.event_id) {
            let content = self.content(record);
            self.key.clear();
            self.key.extend_from_slice(&self.plan.number.to_le_bytes());
            self.key.extend_from_slice(event_id.as_bytes());
            match self.intake.event_ids.entry(xxh3_128(&self.key)) {
                Entry::Vacant(new) => drop(new.insert(content)),
                Entry::Occupied(known) => {
                    self.account.merged += 1;
                    self.conflicts += u64::from(*known.get() != content);
                    return;
                }
            }
        }
        let builder = &mut self.intake.builder;
        let event = NewEvent {
            customer: draft.customer.map(|id| self.customers.number(id, |id| builder.customer(id))),
            item: draft.item.map(|id| builder.item(id)),
            order: draft.order.map(|id| self.orders.number(id, |id| builder.order(id))),
            channel: draft.channel.map(|id| builder.channel(id)),
            time: draft.time.at,
            kind: draft.kind,
            quantity: draft.amounts.quantity,
            revenue: draft.amounts.revenue,
        };
        if let Some(attributes) = &draft.attributes {
            self.remember(record, attributes);
        }
        self.state(&event, &draft);
        let damaged_customer = event.customer.is_some() && self.customers.damaged;
        let odd = Odd {
            ambiguous: draft.time.ambiguous,
            damaged: damaged_customer || draft.item.is_some_and(damaged),
        };
        let hash = (merge && draft.event_id.is_none()).then(|| {
            canonical(&mut self.key, self.plan.number, &event, &draft, &self.attributes.key);
            xxh3_128(&self.key)
        });
        self.intake.recorder.take(Checked { event, hash, odd });
    }

    /// A hash of all cells of a row.
    fn content<R: Record>(&mut self, record: &R) -> u64 {
        self.key.clear();
        for slot in 0..self.plan.columns.len() {
            match record.cell(slot) {
                Cell::Instant(ms) | Cell::Local(ms) => self.key.extend_from_slice(&ms.to_le_bytes()),
                cell => {
                    let bytes = cell.bytes().unwrap_or_default();
                    self.key.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                    self.key.extend_from_slice(bytes);
                }
            }
        }
        xxh3_64(&self.key)
    }

    /// What an event says about its item and customer. A repeat says the same again; it names only customers and
    /// items that its first copy has brought in.
    fn state(&mut self, event: &NewEvent, draft: &Draft<'_>) {
        if let (Some(item), true) = (event.item, draft.title.is_some() || draft.category.is_some()) {
            self.intake.label(item, event.time, draft.title, draft.category);
        }
        if let Some(attributes) = &draft.attributes {
            for &(attribute, stated) in attributes {
                if let Some(customer) = event.customer {
                    self.intake.builder.customer_attribute(customer, attribute, event.time, stated);
                }
            }
            self.attributes.stated = Some((event.customer, event.time));
        }
    }

    /// Whether the demographic cells, the customer and the time are those of the row before, so that
    /// stating them again would change nothing.
    fn says_the_same<R: Record>(&self, record: &R, customer: Option<Id<'_>>, at: Timestamp) -> bool {
        let number = match customer {
            None => None,
            Some(Id::Same(number)) => Some(number),
            Some(Id::New(..)) => return false,
        };
        self.attributes.stated == Some((number, at))
            && self.plan.attributes.iter().zip(&self.attributes.cells).all(|(attribute, known)| {
                matches!(record.cell(attribute.slot), Cell::Text(cell) if cell == known.as_slice())
            })
    }

    /// Keeps the demographic cells of a row for [`Rows::says_the_same`] and their canonical bytes.
    fn remember<R: Record>(&mut self, record: &R, attributes: &[(usize, AttributeValue<'_>)]) {
        let run = &mut self.attributes;
        run.stated = None;
        run.cells.resize(self.plan.attributes.len(), Vec::new());
        for (attribute, known) in self.plan.attributes.iter().zip(&mut run.cells) {
            known.clear();
            known.extend_from_slice(record.cell(attribute.slot).bytes().unwrap_or_default());
        }
        run.key.clear();
        for (attribute, stated) in attributes {
            push_attribute(&mut run.key, *attribute, stated);
        }
    }
}

/// The bytes in which two events differ if any mapped column says something else. Numbers stand for ids, so the
/// formats of a source do not matter.
fn canonical(key: &mut Vec<u8>, source: u32, event: &NewEvent, draft: &Draft<'_>, attributes: &[u8]) {
    key.clear();
    key.extend_from_slice(&source.to_le_bytes());
    for number in [event.customer, event.item, event.order, event.channel, Some(event.quantity)] {
        key.extend_from_slice(&number.unwrap_or(u32::MAX).to_le_bytes());
    }
    key.push(event.kind as u8);
    key.push(u8::from(draft.amounts.price.is_some()));
    for amount in [event.time.0, event.revenue.0, draft.amounts.price.map_or(0, |p| p.0)] {
        key.extend_from_slice(&amount.to_le_bytes());
    }
    for label in [draft.title, draft.category] {
        push_text(key, label.unwrap_or_default());
    }
    key.extend_from_slice(attributes);
}

fn push_text(key: &mut Vec<u8>, text: &str) {
    key.extend_from_slice(&(text.len() as u32).to_le_bytes());
    key.extend_from_slice(text.as_bytes());
}

fn push_attribute(key: &mut Vec<u8>, attribute: usize, stated: &AttributeValue<'_>) {
    key.extend_from_slice(&(attribute as u32).to_le_bytes());
    match stated {
        AttributeValue::Number(number) => key.extend_from_slice(&number.to_bits().to_le_bytes()),
        AttributeValue::YesNo(yes) => key.push(u8::from(*yes)),
        AttributeValue::Date(day) => key.extend_from_slice(&day.to_le_bytes()),
        AttributeValue::Category(level) => push_text(key, level),
    }
}
