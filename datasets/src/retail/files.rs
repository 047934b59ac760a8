//! A world as the files a shop would export, written customer by customer in constant memory.

use std::io;
use std::path::Path;

use super::customer::{Customer, Event};
use super::personas::CATEGORIES;
use super::{RetailWorld, job};
use crate::sink::ColumnKind::{Amount, Instant, Number, Text, Whole, YesNo};
use crate::sink::{Cell, Column, CsvFolder, TableFolder, TableSink};

const ITEMS: &[Column] = &[
    Column::new("item_id", Text),
    Column::new("title", Text),
    Column::new("category", Text),
    Column::new("price", Amount),
    Column::new("available_from", Instant),
    Column::new("available_to", Instant),
    Column::new("stock", Whole),
];

const CUSTOMERS: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("age", Whole),
    Column::new("country", Text),
    Column::new("newsletter", YesNo),
    Column::new("household_size", Whole),
];

const EVENTS: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("item_id", Text),
    Column::new("time", Instant),
    Column::new("event", Text),
    Column::new("quantity", Whole),
    Column::new("price", Amount),
    Column::new("order_id", Text),
    Column::new("channel", Text),
];

const TRUTH: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("persona", Text),
    Column::new("first_order_at", Instant),
    Column::new("alive_until", Instant),
    Column::new("orders_per_week", Number),
    Column::new("p_dropout", Number),
];

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows of the items.
    pub n_items: usize,
    /// Rows of the customers and of the truth.
    pub n_customers: usize,
    /// Rows of the events.
    pub n_events: usize,
}

impl RetailWorld {
    /// Writes four CSV files and a job `bespoke.toml` that reads three of them into a folder, which is made when
    /// absent; files of these names are overwritten. `on_customer` is called after each customer.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_to(&self, dir: &Path, on_customer: impl FnMut()) -> io::Result<Written> {
        let mut folder = CsvFolder::create(dir)?;
        let written = self.write_tables(&mut folder, on_customer)?;
        std::fs::write(dir.join("bespoke.toml"), job::text(self))?;
        Ok(written)
    }

    /// Writes the tables `items`, `customers`, `events` (by customer and time) and `truth`, which the engine never
    /// reads. `on_customer` is called after each customer.
    ///
    /// # Errors
    /// What the folder says.
    pub fn write_tables(
        &self,
        folder: &mut dyn TableFolder,
        mut on_customer: impl FnMut(),
    ) -> io::Result<Written> {
        self.write_items(&mut *folder.table("items", ITEMS)?)?;
        let mut customers = folder.table("customers", CUSTOMERS)?;
        let mut events = folder.table("events", EVENTS)?;
        let mut truth = folder.table("truth", TRUTH)?;
        let mut written = Written { n_items: self.items().len(), ..Written::default() };
        for customer in self.customers() {
            self.write_customer(&customer, &mut *customers, &mut *truth)?;
            for event in &customer.events {
                self.write_event(&customer.id, event, &mut *events)?;
            }
            written.n_customers += 1;
            written.n_events += customer.events.len();
            on_customer();
        }
        for table in [&mut customers, &mut events, &mut truth] {
            table.finish()?;
        }
        Ok(written)
    }

    fn write_items(&self, table: &mut dyn TableSink) -> io::Result<()> {
        for item in self.items() {
            table.row(&[
                item.id.as_str().into(),
                item.title.as_str().into(),
                CATEGORIES[item.category].into(),
                item.price.into(),
                item.available_from.into(),
                item.available_to.into(),
                item.stock.into(),
            ])?;
        }
        table.finish()
    }

    fn write_customer(
        &self,
        customer: &Customer,
        table: &mut dyn TableSink,
        truth_table: &mut dyn TableSink,
    ) -> io::Result<()> {
        let Customer { id, age, country, newsletter, household_size, truth, .. } = customer;
        let id = Cell::Text(id);
        table.row(&[id, (*age).into(), (*country).into(), (*newsletter).into(), (*household_size).into()])?;
        truth_table.row(&[
            id,
            self.personas()[truth.persona].name.into(),
            truth.first_order_at.into(),
            truth.alive_until.into(),
            truth.orders_per_week.into(),
            truth.p_dropout.into(),
        ])
    }

    fn write_event(&self, customer: &str, event: &Event, table: &mut dyn TableSink) -> io::Result<()> {
        let item = Cell::Text(&self.items()[event.item as usize].id);
        let order = event.line.map(|line| format!("O{}-{}", &customer[1..], line.order));
        table.row(&[
            Cell::Text(customer),
            item,
            event.time.into(),
            event.kind.name().into(),
            event.line.map(|line| line.quantity).into(),
            event.line.map(|line| line.price).into(),
            order.as_deref().into(),
            event.channel.name().into(),
        ])
    }
}
