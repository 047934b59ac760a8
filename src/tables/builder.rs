//! Rows in any order to tables in theirs.

use super::event_log::{EventLog, NewEvent, Ranks};
use super::ids::{IdList, Interner};
use super::{Attribute, AttributeValues, Buckets, CustomerTable, ItemTable, Tables, buckets::bucket_of};
use crate::types::{Money, Timestamp};

/// Type of a customer attribute, declared before its first cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    /// Finite number.
    Number,
    /// Yes or no.
    YesNo,
    /// Text level.
    Category,
    /// Calendar day.
    Date,
}

/// A cell of a customer attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AttributeValue<'a> {
    /// Finite number.
    Number(f64),
    /// Yes or no.
    YesNo(bool),
    /// Text level.
    Category(&'a str),
    /// Days since 1970-01-01.
    Date(i32),
}

/// Facts about an item; a `Some` overwrites what is known if it is not older.
#[derive(Clone, Debug, Default)]
pub struct ItemFacts<'a> {
    /// Name for people.
    pub title: Option<&'a str>,
    /// Category name.
    pub category: Option<&'a str>,
    /// Current list price.
    pub price: Option<Money>,
    /// First instant at which it may be shown.
    pub available_from: Option<Timestamp>,
    /// First instant at which it may no longer be shown.
    pub available_to: Option<Timestamp>,
    /// Units in stock.
    pub stock: Option<i64>,
}

/// A value with the instant it was stated; later statements win, at equal instants the later row.
#[derive(Clone, Copy, Debug)]
struct Stated<T> {
    at: i64,
    value: Option<T>,
}

impl<T> Default for Stated<T> {
    fn default() -> Self {
        Self { at: i64::MIN, value: None }
    }
}

impl<T> Stated<T> {
    fn state(&mut self, at: Timestamp, value: T) {
        if at.0 >= self.at {
            *self = Self { at: at.0, value: Some(value) };
        }
    }
}

#[derive(Debug, Default)]
struct ItemDraft {
    title: Stated<u32>,
    category: Stated<u32>,
    price: Stated<Money>,
    available_from: Stated<Timestamp>,
    available_to: Stated<Timestamp>,
    stock: Stated<i64>,
}

#[derive(Debug)]
struct AttributeDraft {
    name: String,
    kind: AttributeKind,
    levels: Interner,
    /// Per provisional customer: number, 0/1, level or day.
    cells: Vec<Stated<f64>>,
}

/// Collects checked rows in any order and puts them into the order of [`Tables`].
///
/// The result depends on the set of rows and, among equal times of one customer, on their order; not on how
/// they were divided into files.
#[derive(Debug, Default)]
pub struct TablesBuilder {
    customers: Interner,
    items: Interner,
    orders: Interner,
    channels: Interner,
    titles: Interner,
    categories: Interner,
    item_drafts: Vec<ItemDraft>,
    attributes: Vec<AttributeDraft>,
    events: EventLog,
}

impl TablesBuilder {
    /// The provisional number of a customer, new or known.
    pub fn customer(&mut self, id: &str) -> u32 {
        self.customers.number(id)
    }

    /// The provisional number of an item, new or known.
    pub fn item(&mut self, id: &str) -> u32 {
        let number = self.items.number(id);
        if number as usize == self.item_drafts.len() {
            self.item_drafts.push(ItemDraft::default());
        }
        number
    }

    /// The provisional number of an order, new or known.
    pub fn order(&mut self, id: &str) -> u32 {
        self.orders.number(id)
    }

    /// The provisional number of a channel, new or known.
    pub fn channel(&mut self, id: &str) -> u32 {
        self.channels.number(id)
    }

    /// Adds an event.
    pub fn event(&mut self, event: NewEvent) {
        self.events.push(event);
    }

    /// Adds the events of a log that was kept apart, as if they were added one by one.
    pub fn events(&mut self, log: EventLog) {
        self.events.append(log);
    }

    /// States facts about an item as known at `at`; for each fact the latest statement wins.
    pub fn item_facts(&mut self, item: u32, at: Timestamp, facts: &ItemFacts<'_>) {
        let title = facts.title.map(|t| self.titles.number(t));
        let category = facts.category.map(|c| self.categories.number(c));
        let draft = &mut self.item_drafts[item as usize];
        if let Some(title) = title {
            draft.title.state(at, title);
        }
        if let Some(category) = category {
            draft.category.state(at, category);
        }
        if let Some(price) = facts.price {
            draft.price.state(at, price);
        }
        if let Some(from) = facts.available_from {
            draft.available_from.state(at, from);
        }
        if let Some(to) = facts.available_to {
            draft.available_to.state(at, to);
        }
        if let Some(stock) = facts.stock {
            draft.stock.state(at, stock);
        }
    }

    /// Declares a customer attribute (or finds the one of that name and kind) and returns its number;
    /// `None` when the name is taken with another kind.
    pub fn attribute(&mut self, name: &str, kind: AttributeKind) -> Option<usize> {
        if let Some(known) = self.attributes.iter().position(|a| a.name == name) {
            return (self.attributes[known].kind == kind).then_some(known);
        }
        self.attributes.push(AttributeDraft {
            name: name.to_owned(),
            kind,
            levels: Interner::default(),
            cells: Vec::new(),
        });
        Some(self.attributes.len() - 1)
    }

    /// States an attribute of a customer as known at `at`; the latest statement wins.
    ///
    /// # Panics
    /// When the value is not of the declared kind: a programmer error.
    pub fn customer_attribute(
        &mut self,
        customer: u32,
        attribute: usize,
        at: Timestamp,
        value: AttributeValue<'_>,
    ) {
        let draft = &mut self.attributes[attribute];
        let cell = match (draft.kind, value) {
            (AttributeKind::Number, AttributeValue::Number(number)) => number,
            (AttributeKind::YesNo, AttributeValue::YesNo(yes)) => f64::from(u8::from(yes)),
            (AttributeKind::Category, AttributeValue::Category(level)) => {
                f64::from(draft.levels.number(level))
            }
            (AttributeKind::Date, AttributeValue::Date(day)) => f64::from(day),
            (kind, value) => panic!("attribute {} is {kind:?}, not {value:?}", draft.name),
        };
        if draft.cells.len() <= customer as usize {
            draft.cells.resize_with(customer as usize + 1, Stated::default);
        }
        draft.cells[customer as usize].state(at, cell);
    }

    /// Puts everything into table order.
    #[must_use]
    pub fn finish(self, currency: String) -> Tables {
        let customer_order = sorted_by(self.customers.ids(), |id| (bucket_of(id), id));
        let item_order = sorted_by(self.items.ids(), |id| id);
        let ids: IdList = customer_order.iter().map(|&c| self.customers.ids().get(c as usize)).collect();
        let buckets = Buckets::of_sorted(ids.iter());
        let attributes = self.attributes.into_iter().map(|a| a.finish(&customer_order)).collect();
        let items =
            finish_items(&self.item_drafts, &item_order, self.items.ids(), &self.titles, &self.categories);
        let channel_order = sorted_by(self.channels.ids(), |name| name);
        let channel_names =
            channel_order.iter().map(|&c| self.channels.ids().get(c as usize).to_owned()).collect();
        let ranks = Ranks {
            customers: &ranks(&customer_order),
            items: &ranks(&item_order),
            channels: &ranks(&channel_order),
        };
        let events = self.events.finish(&ranks, channel_names);
        Tables { customers: CustomerTable { ids, buckets, attributes }, items, events, currency }
    }
}

impl AttributeDraft {
    fn finish(mut self, order: &[u32]) -> Attribute {
        self.cells.resize_with(order.len(), Stated::default);
        let cell = |&customer: &u32| self.cells[customer as usize].value;
        let values = match self.kind {
            AttributeKind::Number => AttributeValues::Number(order.iter().map(cell).collect()),
            AttributeKind::YesNo => {
                AttributeValues::YesNo(order.iter().map(|c| cell(c).map(|yes| yes != 0.0)).collect())
            }
            AttributeKind::Date => {
                AttributeValues::Date(order.iter().map(|c| cell(c).map(|day| day as i32)).collect())
            }
            AttributeKind::Category => {
                let level_order = sorted_by(self.levels.ids(), |level| level);
                let rank = ranks(&level_order);
                AttributeValues::Category {
                    codes: order.iter().map(|c| cell(c).map(|level| rank[level as usize])).collect(),
                    levels: level_order
                        .iter()
                        .map(|&l| self.levels.ids().get(l as usize).to_owned())
                        .collect(),
                }
            }
        };
        Attribute { name: self.name, values }
    }
}

fn finish_items(
    drafts: &[ItemDraft],
    order: &[u32],
    ids: &IdList,
    titles: &Interner,
    categories: &Interner,
) -> ItemTable {
    let category_order = sorted_by(categories.ids(), |name| name);
    let rank = ranks(&category_order);
    let mut table = ItemTable {
        category_names: category_order.iter().map(|&c| categories.ids().get(c as usize).to_owned()).collect(),
        ..ItemTable::default()
    };
    for &item in order {
        let draft = &drafts[item as usize];
        table.ids.push(ids.get(item as usize));
        table.titles.push(draft.title.value.map(|t| titles.ids().get(t as usize).to_owned()));
        table.categories.push(draft.category.value.map(|c| rank[c as usize]));
        table.prices.push(draft.price.value);
        table.available_from.push(draft.available_from.value);
        table.available_to.push(draft.available_to.value);
        table.stock.push(draft.stock.value);
    }
    table
}

/// Provisional numbers in the order of a key of their id.
fn sorted_by<'a, K: Ord>(ids: &'a IdList, key: impl Fn(&'a str) -> K) -> Vec<u32> {
    let mut order: Vec<u32> = (0..ids.len() as u32).collect();
    order.sort_by_cached_key(|&number| key(ids.get(number as usize)));
    order
}

/// The inverse permutation.
fn ranks(order: &[u32]) -> Vec<u32> {
    let mut rank = vec![0; order.len()];
    for (place, &number) in order.iter().enumerate() {
        rank[number as usize] = place as u32;
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::EventKind;

    fn buy(builder: &mut TablesBuilder, customer: Option<&str>, item: &str, time: i64) {
        let customer = customer.map(|c| builder.customer(c));
        let item = Some(builder.item(item));
        let order = Some(builder.order("o"));
        let (time, kind) = (Timestamp(time), EventKind::Purchase);
        builder.event(NewEvent {
            customer,
            item,
            order,
            channel: None,
            time,
            kind,
            quantity: 1,
            revenue: Money(5),
        });
    }

    #[test]
    fn rows_in_any_order_give_tables_in_theirs() {
        let mut builder = TablesBuilder::default();
        for (customer, item, time) in [
            (Some("b"), "z", 5),
            (None, "y", 1),
            (Some("a"), "y", 9),
            (Some("b"), "x", 2),
            (Some("b"), "y", 5),
        ] {
            buy(&mut builder, customer, item, time);
        }
        let tables = builder.finish("EUR".into());
        let b = tables.customers.find("b").unwrap();
        let rows = tables.events.of_customer(b);
        let items: Vec<&str> = rows.map(|e| tables.items.ids.get(tables.events.item(e).unwrap())).collect();
        assert_eq!(items, ["x", "z", "y"]);
        assert_eq!(tables.events.of_customer_before(b, Timestamp(5)).len(), 1);
        assert_eq!(tables.events.of_guests().len(), 1);
        assert_eq!(
            (tables.items.find("y"), tables.items.find("w"), tables.customers.find("c")),
            (Some(1), None, None)
        );
    }

    #[test]
    fn the_latest_statement_wins_whatever_the_order() {
        for reverse in [false, true] {
            let mut builder = TablesBuilder::default();
            let (customer, item) = (builder.customer("a"), builder.item("i"));
            let country = builder.attribute("country", AttributeKind::Category).unwrap();
            let mut said = [(1, "FR"), (7, "DE"), (3, "AT")];
            if reverse {
                said.reverse();
            }
            for (at, level) in said {
                builder.customer_attribute(customer, country, Timestamp(at), AttributeValue::Category(level));
                let facts = ItemFacts { title: Some(level), ..ItemFacts::default() };
                builder.item_facts(item, Timestamp(at), &facts);
            }
            assert_eq!(builder.attribute("country", AttributeKind::Number), None);
            let tables = builder.finish("EUR".into());
            let AttributeValues::Category { codes, levels } = &tables.customers.attributes[0].values else {
                panic!()
            };
            assert_eq!((levels[codes[0].unwrap() as usize].as_str(), levels.len()), ("DE", 3));
            assert_eq!(tables.items.titles[0].as_deref(), Some("DE"));
        }
    }
}
