//! A world as tables, for tests and benches that need no files.

use bespoke::tables::{AttributeKind, AttributeValue, ItemFacts, NewEvent, Tables, TablesBuilder};
use bespoke::types::Money;

use super::columns::IRRELEVANT;
use super::customer::Customer;
use super::demographics::Irrelevant;
use super::personas::CATEGORIES;
use super::{RetailWorld, Timestamp};

/// Numbers of the customer attributes in a builder.
struct Attributes {
    age: usize,
    country: usize,
    newsletter: usize,
    household_size: usize,
    irrelevant: Vec<usize>,
}

impl RetailWorld {
    /// The tables that reading the world's files gives; holds everything in memory.
    #[must_use]
    pub fn tables(&self) -> Tables {
        let mut builder = TablesBuilder::default();
        self.add_items(&mut builder);
        let attributes = Attributes {
            age: declare(&mut builder, "age", AttributeKind::Number),
            country: declare(&mut builder, "country", AttributeKind::Category),
            newsletter: declare(&mut builder, "newsletter", AttributeKind::YesNo),
            household_size: declare(&mut builder, "household_size", AttributeKind::Number),
            irrelevant: (0..self.params().demographics.n_irrelevant)
                .map(|n| declare(&mut builder, IRRELEVANT[n].name, irrelevant_kind(n)))
                .collect(),
        };
        for customer in self.customers() {
            let number = builder.customer(&customer.id);
            add_facts(&mut builder, number, &customer, &attributes);
            self.add_events(&mut builder, number, &customer);
        }
        builder.finish("EUR".to_owned())
    }

    fn add_items(&self, builder: &mut TablesBuilder) {
        for item in self.items() {
            let number = builder.item(&item.id);
            let facts = ItemFacts {
                title: Some(&item.title),
                category: Some(CATEGORIES[item.category]),
                price: Some(item.price),
                available_from: item.available_from,
                available_to: item.available_to,
                stock: item.stock.map(i64::from),
            };
            builder.item_facts(number, UNDATED, &facts);
        }
    }

    fn add_events(&self, builder: &mut TablesBuilder, number: u32, customer: &Customer) {
        for event in &customer.events {
            let line = event.line;
            let order = line.map(|line| builder.order(&format!("O{}-{}", &customer.id[1..], line.order)));
            let new = NewEvent {
                customer: (!customer.is_anonymous(event)).then_some(number),
                item: Some(builder.item(&self.items()[event.item as usize].id)),
                order,
                channel: Some(builder.channel(event.channel.name())),
                time: event.time,
                kind: event.kind,
                quantity: line.map_or(1, |line| line.quantity),
                revenue: line.map_or(Money(0), |line| Money(line.price.0 * i64::from(line.quantity))),
            };
            builder.event(new);
        }
    }
}

/// Facts of files without times are as old as can be.
const UNDATED: Timestamp = Timestamp(i64::MIN);

fn declare(builder: &mut TablesBuilder, name: &str, kind: AttributeKind) -> usize {
    builder.attribute(name, kind).expect("each attribute is declared once")
}

fn irrelevant_kind(column: usize) -> AttributeKind {
    if column.is_multiple_of(2) { AttributeKind::Number } else { AttributeKind::Category }
}

fn add_facts(builder: &mut TablesBuilder, number: u32, customer: &Customer, attributes: &Attributes) {
    let mut state = |attribute, cell| builder.customer_attribute(number, attribute, UNDATED, cell);
    let person = &customer.person;
    state(attributes.country, AttributeValue::Category(person.country));
    state(attributes.newsletter, AttributeValue::YesNo(person.newsletter));
    if let Some(age) = person.age {
        state(attributes.age, AttributeValue::Number(f64::from(age)));
    }
    if let Some(size) = person.household_size {
        state(attributes.household_size, AttributeValue::Number(f64::from(size)));
    }
    for (&attribute, cell) in attributes.irrelevant.iter().zip(&person.irrelevant) {
        match *cell {
            Some(Irrelevant::Number(number)) => state(attribute, AttributeValue::Number(number)),
            Some(Irrelevant::Level(level)) => state(attribute, AttributeValue::Category(level)),
            None => {}
        }
    }
}
