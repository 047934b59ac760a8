//! Cells of a row by what they hold; problems are noted, not returned.

use bespoke::tables::AttributeValue;
use bespoke::types::{EventKind, Money, Timestamp};

use super::Rows;
use super::memory::{Id, Run};
use crate::account::RowRule;
use crate::cell::{Cell, Problem, Record, money, text, whole};
use crate::config::IdStyle;
use crate::plan::id;
use crate::time::Instant;

/// Problems of one row, all of them.
#[derive(Debug, Default)]
pub(super) struct Problems(pub(super) Vec<(usize, Problem)>);

impl Problems {
    pub(super) fn keep<T>(&mut self, slot: usize, answer: Result<T, Problem>) -> Option<T> {
        answer.map_err(|problem| self.0.push((slot, problem))).ok()
    }

    pub(super) fn add(&mut self, slot: usize, rule: RowRule) {
        self.0.push((slot, Problem::new(rule)));
    }
}

#[derive(Clone, Copy)]
pub(super) struct Amounts {
    pub(super) quantity: u32,
    pub(super) price: Option<Money>,
    pub(super) revenue: Money,
}

const NEGATIVE: Problem =
    Problem { rule: RowRule::OutOfRange, hint: Some("negative: a refund? declare it with a rule") };

impl Rows<'_> {
    /// `Some(None)`: there is no value; `None`: there is a problem.
    pub(super) fn id<'r, R: Record>(
        &mut self,
        record: &'r R,
        slot: Option<usize>,
        style: IdStyle,
    ) -> Option<Option<&'r str>> {
        let Some(slot) = slot else { return Some(None) };
        self.problems.keep(slot, id(self.plan.cell(record, slot), style))
    }

    /// As [`Rows::id`], for columns that repeat their ids in runs.
    pub(super) fn run_id<'r, R: Record>(
        &mut self,
        record: &'r R,
        slot: Option<usize>,
        style: IdStyle,
        run: impl FnOnce(&Self) -> &Run,
    ) -> Option<Option<Id<'r>>> {
        let Some(slot) = slot else { return Some(None) };
        let cell = self.plan.cell(record, slot);
        let Some(bytes) = cell.bytes() else { return self.id(record, Some(slot), style).map(|_| None) };
        if cell == Cell::Missing {
            return Some(None);
        }
        let run = run(self);
        if let (Some(number), true) = (run.number, run.cell == bytes) {
            return Some(Some(Id::Same(number)));
        }
        let id = self.problems.keep(slot, id(cell, style))?;
        Some(id.map(|id| Id::New(id, bytes)))
    }

    /// Text for people, without blanks at either end.
    pub(super) fn label<'r, R: Record>(&mut self, record: &'r R, slot: Option<usize>) -> Option<&'r str> {
        match self.plan.cell(record, slot?) {
            Cell::Missing => None,
            cell => self.problems.keep(slot?, text(cell)).map(str::trim).filter(|label| !label.is_empty()),
        }
    }

    pub(super) fn required_time<R: Record>(&mut self, record: &R) -> Option<Instant> {
        let slot = self.plan.slots.time?;
        match self.plan.cell(record, slot) {
            Cell::Missing => {
                self.problems.add(slot, RowRule::MissingRequired);
                None
            }
            cell => self.problems.keep(slot, self.plan.time.parse(cell)),
        }
    }

    /// When a customers or items row was stated; without the column before everything else.
    pub(super) fn stated_at<R: Record>(&mut self, record: &R) -> Option<Timestamp> {
        if self.plan.slots.time.is_none() {
            return Some(Timestamp(i64::MIN));
        }
        self.required_time(record).map(|instant| instant.at)
    }

    pub(super) fn planned<R: Record>(&mut self, record: &R, slot: Option<usize>) -> Option<Timestamp> {
        match self.plan.cell(record, slot?) {
            Cell::Missing => None,
            cell => self.problems.keep(slot?, self.plan.planned_time.parse(cell)).map(|instant| instant.at),
        }
    }

    pub(super) fn stock<R: Record>(&mut self, record: &R) -> Option<i64> {
        let slot = self.plan.slots.stock?;
        match self.plan.cell(record, slot) {
            Cell::Missing => None,
            cell => {
                let stock = self.problems.keep(slot, whole(cell, self.plan.decimal))?;
                if stock < 0 {
                    self.problems.add(slot, RowRule::OutOfRange);
                }
                Some(stock)
            }
        }
    }

    pub(super) fn currency<R: Record>(&mut self, record: &R) {
        let Some(slot) = self.plan.slots.currency else { return };
        let cell = self.plan.cell(record, slot);
        let code = cell.bytes().unwrap_or_default();
        if cell == Cell::Missing || code == self.plan.currency.as_bytes() {
            return;
        }
        let is_code = code.len() == 3 && code.iter().all(u8::is_ascii_uppercase);
        self.problems.add(slot, if is_code { RowRule::FxMissing } else { RowRule::BadCurrency });
    }

    pub(super) fn amounts<R: Record>(&mut self, record: &R, kind: EventKind) -> Option<Amounts> {
        let slots = &self.plan.slots;
        let (quantity_slot, price_slot, revenue_slot) = (slots.quantity, slots.price, slots.revenue);
        let refund = kind == EventKind::Refund;
        let quantity = self.quantity(record, quantity_slot, refund);
        let price = self.price(record, price_slot, refund);
        let revenue = self.price(record, revenue_slot, refund);
        let (quantity, price, revenue) = (quantity?, price?, revenue?);
        let paid = matches!(kind, EventKind::Purchase | EventKind::Refund);
        let revenue = match (paid, revenue, price) {
            (false, ..) => Money(0),
            (true, Some(revenue), _) => revenue,
            (true, None, Some(price)) => {
                let product = i64::try_from(i128::from(price.0) * i128::from(quantity));
                let product = product.map_err(|_| Problem::new(RowRule::OutOfRange));
                Money(self.problems.keep(price_slot?, product)?)
            }
            (true, None, None) => {
                if let Some(slot) = revenue_slot.or(price_slot) {
                    self.problems.add(slot, RowRule::MissingRequired);
                }
                Money(0)
            }
        };
        Some(Amounts { quantity, price, revenue })
    }

    pub(super) fn quantity<R: Record>(
        &mut self,
        record: &R,
        slot: Option<usize>,
        refund: bool,
    ) -> Option<u32> {
        let Some(slot) = slot else { return Some(1) };
        let cell = self.plan.cell(record, slot);
        if cell == Cell::Missing {
            return Some(1);
        }
        let read = whole(cell, self.plan.decimal).and_then(|quantity| {
            let quantity = if refund { quantity.saturating_abs() } else { quantity };
            match u32::try_from(quantity) {
                Ok(quantity) if quantity >= 1 => Ok(quantity),
                _ if quantity < 0 => Err(NEGATIVE),
                _ => Err(Problem::new(RowRule::OutOfRange)),
            }
        });
        self.problems.keep(slot, read)
    }

    /// An amount that is not negative; without its sign for a refund. `Some(None)`: there is no value.
    pub(super) fn price<R: Record>(
        &mut self,
        record: &R,
        slot: Option<usize>,
        refund: bool,
    ) -> Option<Option<Money>> {
        let Some(slot) = slot else { return Some(None) };
        let cell = self.plan.cell(record, slot);
        if cell == Cell::Missing {
            return Some(None);
        }
        let read = money(cell, self.plan.decimal).and_then(|amount| match amount.0 {
            0.. => Ok(Some(amount)),
            negative if refund => Ok(Some(Money(negative.saturating_neg()))),
            _ => Err(NEGATIVE),
        });
        self.problems.keep(slot, read)
    }

    pub(super) fn attributes<'r, R: Record>(&mut self, record: &'r R) -> Vec<(usize, AttributeValue<'r>)> {
        let mut stated = Vec::with_capacity(self.plan.attributes.len());
        for attribute in &self.plan.attributes {
            let cell = self.plan.cell(record, attribute.slot);
            if cell != Cell::Missing
                && let Some(read) =
                    self.problems.keep(attribute.slot, attribute.read(cell, self.plan.decimal))
            {
                stated.push((attribute.number, read));
            }
        }
        stated
    }
}
