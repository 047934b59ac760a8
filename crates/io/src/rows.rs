//! Rows into the tables: every check of a row, and where it went.

use std::collections::BTreeMap;
use std::sync::Arc;

use bespoke::tables::{AttributeValue, ItemFacts, NewEvent, TablesBuilder};
use bespoke::types::{EventKind, Money, Timestamp};
use xxhash_rust::xxh3::xxh3_128;

use crate::account::{FileAccount, Rejected, RowRule};
use crate::cell::{Cell, Problem, Record, money, text, whole};
use crate::config::{Duplicates, IdStyle, TableName};
use crate::error::ReadError;
use crate::plan::{Plan, UNKNOWN_EVENT, id, present};
use crate::read::MAX_REJECTED;
use crate::rules::{Verdict, judge};
use crate::seen::Seen;
use crate::time::Instant;

/// What all files of a job share.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    pub(crate) builder: TablesBuilder,
    pub(crate) seen: Seen,
    pub(crate) rejected: Vec<Rejected>,
    /// What the events of the source at hand say about items, by provisional number.
    labels: Vec<Labels>,
}

impl Intake {
    /// Hands over what the events of a source said about items; to be called before the next source.
    pub(crate) fn finish_source(&mut self) {
        for (item, Labels { title, category }) in self.labels.drain(..).enumerate() {
            for (title, category) in [(Some(title), None), (None, Some(category))] {
                let said = title.as_ref().or(category.as_ref()).map_or(i64::MIN, |label| label.at);
                if said > i64::MIN {
                    let facts = ItemFacts {
                        title: title.as_ref().map(|label| &*label.text),
                        category: category.as_ref().map(|label| &*label.text),
                        ..ItemFacts::default()
                    };
                    self.builder.item_facts(item as u32, Timestamp(said), &facts);
                }
            }
        }
    }

    /// Notes the labels of an event; the latest statement wins, at equal times the later row. Kept here, since
    /// nearly every row repeats what is known.
    fn label(&mut self, item: u32, at: Timestamp, title: Option<&str>, category: Option<&str>) {
        let item = item as usize;
        if self.labels.len() <= item {
            self.labels.resize_with(item + 1, Labels::default);
        }
        let Labels { title: known_title, category: known_category } = &mut self.labels[item];
        known_title.state(at, title);
        known_category.state(at, category);
    }
}

#[derive(Debug, Default)]
struct Labels {
    title: Label,
    category: Label,
}

#[derive(Debug)]
struct Label {
    at: i64,
    text: String,
}

impl Default for Label {
    fn default() -> Self {
        Self { at: i64::MIN, text: String::new() }
    }
}

impl Label {
    fn state(&mut self, at: Timestamp, text: Option<&str>) {
        if let Some(text) = text
            && at.0 >= self.at
        {
            self.at = at.0;
            if self.text != text {
                text.clone_into(&mut self.text);
            }
        }
    }
}

/// The last id of a column and its number: exports repeat ids in runs.
#[derive(Debug, Default)]
struct Run {
    cell: Vec<u8>,
    number: Option<u32>,
    damaged: bool,
}

/// An id of the row at hand.
#[derive(Clone, Copy, Debug)]
enum Id<'r> {
    /// That of the row before.
    Same(u32),
    /// Another one, with its cell.
    New(&'r str, &'r [u8]),
}

impl Run {
    /// The number of an id, remembered for the next row.
    fn number(&mut self, id: Id<'_>, number: impl FnOnce(&str) -> u32) -> u32 {
        match id {
            Id::Same(number) => number,
            Id::New(id, cell) => {
                let number = number(id);
                self.cell.clear();
                self.cell.extend_from_slice(cell);
                self.number = Some(number);
                self.damaged = damaged(id);
                number
            }
        }
    }
}

/// The demographic cells of the last accepted row.
#[derive(Debug, Default)]
struct AttributeRun {
    cells: Vec<Vec<u8>>,
    /// Canonical bytes of their values.
    key: Vec<u8>,
    stated: Option<(Option<u32>, Timestamp)>,
}

/// Takes the rows of one file.
pub(crate) struct Rows<'a> {
    plan: &'a mut Plan,
    intake: &'a mut Intake,
    file: Arc<str>,
    account: FileAccount,
    /// Rows per rule of the plan.
    set_aside: Vec<u64>,
    ambiguous: u64,
    damaged: u64,
    /// Problems of the row at hand with the slots they are in.
    problems: Problems,
    /// Canonical bytes of the row at hand, for its hash.
    key: Vec<u8>,
    customers: Run,
    orders: Run,
    attributes: AttributeRun,
}

/// Problems of one row, all of them.
#[derive(Debug, Default)]
struct Problems(Vec<(usize, Problem)>);

impl Problems {
    fn keep<T>(&mut self, slot: usize, answer: Result<T, Problem>) -> Option<T> {
        answer.map_err(|problem| self.0.push((slot, problem))).ok()
    }

    fn add(&mut self, slot: usize, rule: RowRule) {
        self.0.push((slot, Problem::new(rule)));
    }
}

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

#[derive(Clone, Copy)]
struct Amounts {
    quantity: u32,
    price: Option<Money>,
    revenue: Money,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(plan: &'a mut Plan, intake: &'a mut Intake, file: &str) -> Self {
        let account =
            FileAccount { source: plan.source.to_string(), file: file.to_owned(), ..FileAccount::default() };
        let set_aside = vec![0; plan.rules.len()];
        Self {
            plan,
            intake,
            file: file.into(),
            account,
            set_aside,
            ambiguous: 0,
            damaged: 0,
            problems: Problems::default(),
            key: Vec::new(),
            customers: Run::default(),
            orders: Run::default(),
            attributes: AttributeRun::default(),
        }
    }

    /// Names of the columns by slot.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.plan.columns.iter().map(|column| &*column.name)
    }

    /// Name of the source.
    pub(crate) fn source(&self) -> &str {
        &self.plan.source
    }

    /// Takes a row whose cells can be told apart.
    pub(crate) fn row<R: Record>(&mut self, row: u64, record: &R) -> Result<(), ReadError> {
        self.account.rows_read += 1;
        let nulls = &self.plan.config.null;
        let verdict = judge(&mut self.plan.rules, |slot| present(record.cell(slot), nulls));
        let forced = match verdict {
            Verdict::SetAside(rule) => {
                self.set_aside[rule] += 1;
                return Ok(());
            }
            Verdict::Goes(kind) => kind,
        };
        match self.plan.config.table {
            TableName::Events => self.event(row, record, forced)?,
            TableName::Customers => self.customer(record),
            TableName::Items => self.item(record),
        }
        if !self.problems.0.is_empty() {
            self.reject(row, record);
        }
        Ok(())
    }

    /// Rejects a row without cells.
    pub(crate) fn bad_row(&mut self, row: u64, value: String, problem: Problem) {
        self.account.rows_read += 1;
        self.count_rejected(problem.rule);
        let value = if self.plan.config.pii.is_empty() { value } else { REDACTED.to_owned() };
        self.note(row, "*".into(), value, problem);
    }

    /// What became of the rows of this file.
    pub(crate) fn finish(mut self) -> FileAccount {
        for (rule, &n) in self.plan.rules.iter().zip(&self.set_aside) {
            bump(&mut self.account.set_aside, &rule.name, n);
        }
        bump(&mut self.account.warnings, "ambiguous_local_time", self.ambiguous);
        bump(&mut self.account.warnings, "spreadsheet_damage", self.damaged);
        self.account
    }

    fn reject<R: Record>(&mut self, row: u64, record: &R) {
        let mut problems = std::mem::take(&mut self.problems.0);
        self.count_rejected(problems[0].1.rule);
        for &(slot, problem) in &problems {
            let column = &self.plan.columns[slot];
            let value = if column.redacted { REDACTED.to_owned() } else { record.cell(slot).show() };
            let name = Arc::clone(&column.name);
            self.note(row, name, value, problem);
        }
        problems.clear();
        self.problems.0 = problems;
    }

    fn count_rejected(&mut self, rule: RowRule) {
        bump(&mut self.account.rejected, rule.id(), 1);
    }

    fn note(&mut self, row: u64, column: Arc<str>, value: String, problem: Problem) {
        if self.intake.rejected.len() < MAX_REJECTED {
            let (source, file) = (Arc::clone(&self.plan.source), Arc::clone(&self.file));
            let Problem { rule, hint } = problem;
            self.intake.rejected.push(Rejected { source, file, row, column, value, rule, hint });
        }
    }

    fn event<R: Record>(&mut self, row: u64, record: &R, forced: Option<EventKind>) -> Result<(), ReadError> {
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
        if self.intake.builder.n_events() >= (u32::MAX - 1) as usize {
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
        bump(&mut self.account.set_aside, UNKNOWN_EVENT, 1);
        let names = &mut self.account.unknown_events;
        if names.len() < FileAccount::MAX_UNKNOWN_EVENTS || names.contains_key(name) {
            bump(names, name, 1);
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
            self.key.clear();
            self.key.extend_from_slice(&self.plan.number.to_le_bytes());
            self.key.extend_from_slice(event_id.as_bytes());
            if !self.intake.seen.insert(xxh3_128(&self.key)) {
                self.account.merged += 1;
                return;
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
        if merge && draft.event_id.is_none() {
            canonical(&mut self.key, self.plan.number, &event, &draft, &self.attributes.key);
            // A repeat names only customers and items that its first copy has brought in.
            if !self.intake.seen.insert(xxh3_128(&self.key)) {
                self.account.merged += 1;
                return;
            }
        }
        self.accept(event, &draft);
    }

    fn accept(&mut self, event: NewEvent, draft: &Draft<'_>) {
        if let (Some(item), true) = (event.item, draft.title.is_some() || draft.category.is_some()) {
            self.intake.label(item, event.time, draft.title, draft.category);
        }
        if let (Some(customer), Some(attributes)) = (event.customer, &draft.attributes) {
            for &(attribute, stated) in attributes {
                self.intake.builder.customer_attribute(customer, attribute, event.time, stated);
            }
        }
        if draft.attributes.is_some() {
            self.attributes.stated = Some((event.customer, event.time));
        }
        self.intake.builder.event(event);
        self.account.accepted += 1;
        self.account.accepted_guests += u64::from(event.customer.is_none());
        self.ambiguous += u64::from(draft.time.ambiguous);
        let damaged_customer = event.customer.is_some() && self.customers.damaged;
        self.damaged += u64::from(damaged_customer || draft.item.is_some_and(damaged));
    }

    /// Whether the demographic cells, the customer and the time are those of the last accepted row, so that
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

    fn customer<R: Record>(&mut self, record: &R) {
        let slot = self.plan.slots.customer_id;
        let customer = self.id(record, slot, self.plan.config.id_style.customer_id);
        if let (Some(slot), Some(None)) = (slot, customer) {
            self.problems.add(slot, RowRule::NoIdentity);
        }
        let at = self.stated_at(record);
        let attributes = self.attributes(record);
        if let (true, Some(Some(customer)), Some(at)) = (self.problems.0.is_empty(), customer, at) {
            let number = self.intake.builder.customer(customer);
            for (attribute, stated) in attributes {
                self.intake.builder.customer_attribute(number, attribute, at, stated);
            }
            self.account.accepted += 1;
            self.damaged += u64::from(damaged(customer));
        }
    }

    fn item<R: Record>(&mut self, record: &R) {
        let slots = self.plan.slots;
        let item = self.id(record, slots.item_id, self.plan.config.id_style.item_id);
        if let (Some(slot), Some(None)) = (slots.item_id, item) {
            self.problems.add(slot, RowRule::MissingRequired);
        }
        let at = self.stated_at(record);
        self.currency(record);
        let facts = ItemFacts {
            title: self.label(record, slots.title),
            category: self.label(record, slots.category),
            price: self.price(record, slots.price, false).flatten(),
            available_from: self.planned(record, slots.available_from),
            available_to: self.planned(record, slots.available_to),
            stock: self.stock(record),
        };
        if let (true, Some(Some(item)), Some(at)) = (self.problems.0.is_empty(), item, at) {
            let number = self.intake.builder.item(item);
            self.intake.builder.item_facts(number, at, &facts);
            self.account.accepted += 1;
            self.damaged += u64::from(damaged(item));
        }
    }

    /// `Some(None)`: there is no value; `None`: there is a problem.
    fn id<'r, R: Record>(
        &mut self,
        record: &'r R,
        slot: Option<usize>,
        style: IdStyle,
    ) -> Option<Option<&'r str>> {
        let Some(slot) = slot else { return Some(None) };
        self.problems.keep(slot, id(self.plan.cell(record, slot), style))
    }

    /// As [`Rows::id`], for columns that repeat their ids in runs.
    fn run_id<'r, R: Record>(
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
    fn label<'r, R: Record>(&mut self, record: &'r R, slot: Option<usize>) -> Option<&'r str> {
        match self.plan.cell(record, slot?) {
            Cell::Missing => None,
            cell => self.problems.keep(slot?, text(cell)).map(str::trim).filter(|label| !label.is_empty()),
        }
    }

    fn required_time<R: Record>(&mut self, record: &R) -> Option<Instant> {
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
    fn stated_at<R: Record>(&mut self, record: &R) -> Option<Timestamp> {
        if self.plan.slots.time.is_none() {
            return Some(Timestamp(i64::MIN));
        }
        self.required_time(record).map(|instant| instant.at)
    }

    fn planned<R: Record>(&mut self, record: &R, slot: Option<usize>) -> Option<Timestamp> {
        match self.plan.cell(record, slot?) {
            Cell::Missing => None,
            cell => self.problems.keep(slot?, self.plan.planned_time.parse(cell)).map(|instant| instant.at),
        }
    }

    fn stock<R: Record>(&mut self, record: &R) -> Option<i64> {
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

    fn currency<R: Record>(&mut self, record: &R) {
        let Some(slot) = self.plan.slots.currency else { return };
        let cell = self.plan.cell(record, slot);
        let code = cell.bytes().unwrap_or_default();
        if cell == Cell::Missing || code == self.plan.currency.as_bytes() {
            return;
        }
        let is_code = code.len() == 3 && code.iter().all(u8::is_ascii_uppercase);
        self.problems.add(slot, if is_code { RowRule::FxMissing } else { RowRule::BadCurrency });
    }

    fn amounts<R: Record>(&mut self, record: &R, kind: EventKind) -> Option<Amounts> {
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

    fn quantity<R: Record>(&mut self, record: &R, slot: Option<usize>, refund: bool) -> Option<u32> {
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
    fn price<R: Record>(&mut self, record: &R, slot: Option<usize>, refund: bool) -> Option<Option<Money>> {
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

    fn attributes<'r, R: Record>(&mut self, record: &'r R) -> Vec<(usize, AttributeValue<'r>)> {
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

enum Named<'r> {
    Known(EventKind),
    Unknown(&'r str),
}

const REDACTED: &str = "[redacted]";

const NEGATIVE: Problem =
    Problem { rule: RowRule::OutOfRange, hint: Some("negative: a refund? declare it with a rule") };

fn bump(counts: &mut BTreeMap<String, u64>, name: &str, by: u64) {
    if by == 0 {
        return;
    }
    match counts.get_mut(name) {
        Some(n) => *n += by,
        None => drop(counts.insert(name.to_owned(), by)),
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

/// Whether an id looks like what spreadsheets make of ids: `1.23E+15`, `#REF!`.
fn damaged(id: &str) -> bool {
    let bytes = id.as_bytes();
    match bytes.first() {
        Some(b'#') => bytes.last() == Some(&b'!'),
        Some(b'0'..=b'9') => bytes.iter().position(|b| *b == b'E').is_some_and(|place| {
            let (mantissa, exponent) = (&bytes[..place], &bytes[place + 1..]);
            mantissa.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
                && exponent.len() > 1
                && exponent[0] == b'+'
                && exponent[1..].iter().all(u8::is_ascii_digit)
        }),
        _ => false,
    }
}
