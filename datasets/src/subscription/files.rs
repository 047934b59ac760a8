//! A world as the tables a service would export, written customer by customer in constant memory.

use std::io;
use std::path::Path;

use super::customer::{Customer, Event};
use super::{SubscriptionWorld, job};
use crate::sink::ColumnKind::{Amount, Instant, Number, Text, Whole, YesNo};
use crate::sink::{Cell, Column, CsvFolder, TableFolder, TableSink};

const ITEMS: &[Column] = &[
    Column::new("item_id", Text),
    Column::new("title", Text),
    Column::new("category", Text),
    Column::new("price", Amount),
];

const CUSTOMERS: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("joined_at", Instant),
    Column::new("age", Whole),
    Column::new("country", Text),
    Column::new("household_size", Whole),
    Column::new("acquired_via", Text),
];

const CONTRACTS: &[Column] = &[
    Column::new("contract_id", Text),
    Column::new("customer_id", Text),
    Column::new("item_id", Text),
    Column::new("started_at", Instant),
    Column::new("ended_at", Instant),
    Column::new("end_reason", Text),
    Column::new("price", Amount),
];

const EVENTS: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("item_id", Text),
    Column::new("time", Instant),
    Column::new("event", Text),
    Column::new("price", Amount),
    Column::new("order_id", Text),
];

const TRUTH: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("persona", Text),
    Column::new("p_use", Number),
    Column::new("has_contract", YesNo),
    Column::new("engagement", Text),
    Column::new("hazard_at_end", Number),
    Column::new("horizon_days", Whole),
    Column::new("p_leave_within_horizon", Number),
    Column::new("remaining_value_360_days", Number),
];

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows of the items.
    pub n_items: usize,
    /// Rows of the customers and of the truth.
    pub n_customers: usize,
    /// Rows of the contracts.
    pub n_contracts: usize,
    /// Rows of the events.
    pub n_events: usize,
}

impl SubscriptionWorld {
    /// Writes five CSV files and a job `bespoke.toml` that reads three of them into a folder, which is made when
    /// absent; files of these names are overwritten. `on_customer` is called after each customer.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_to(&self, dir: &Path, on_customer: impl FnMut()) -> io::Result<Written> {
        let mut folder = CsvFolder::create(dir)?;
        let written = self.write_tables(&mut folder, on_customer)?;
        std::fs::write(dir.join("bespoke.toml"), self.job(&folder))?;
        Ok(written)
    }

    /// The job that reads this world's tables from a folder of that kind.
    #[must_use]
    pub fn job(&self, folder: &dyn TableFolder) -> String {
        job::text(self, folder)
    }

    /// Writes the tables `items`, `customers`, `contracts`, `events` (both by customer and time) and `truth`, which
    /// the engine never reads. `on_customer` is called after each customer.
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
        let mut contracts = folder.table("contracts", CONTRACTS)?;
        let mut events = folder.table("events", EVENTS)?;
        let mut truth = folder.table("truth", TRUTH)?;
        let mut written = Written { n_items: self.items().len(), ..Written::default() };
        for customer in self.customers() {
            write_customer(&customer, &mut *customers)?;
            self.write_truth(&customer, &mut *truth)?;
            self.write_contracts(&customer, &mut *contracts)?;
            for (order, event) in numbered(&customer.events) {
                self.write_event(&customer.id, order, event, &mut *events)?;
            }
            written.n_customers += 1;
            written.n_contracts += customer.contracts.len();
            written.n_events += customer.events.len();
            on_customer();
        }
        for table in [&mut customers, &mut contracts, &mut events, &mut truth] {
            table.finish()?;
        }
        Ok(written)
    }

    fn write_items(&self, table: &mut dyn TableSink) -> io::Result<()> {
        for item in self.items() {
            table.row(&[
                item.id.as_str().into(),
                item.title.as_str().into(),
                item.category.into(),
                item.price.into(),
            ])?;
        }
        table.finish()
    }

    fn write_truth(&self, customer: &Customer, table: &mut dyn TableSink) -> io::Result<()> {
        let truth = &customer.truth;
        table.row(&[
            customer.id.as_str().into(),
            self.personas()[truth.persona].name.into(),
            truth.p_use.into(),
            truth.outlook.is_some().into(),
            truth.engagement.map(super::Engagement::name).into(),
            truth.outlook.map(|outlook| outlook.p_leave_next).into(),
            self.params.horizon.0.into(),
            truth.outlook.map(|outlook| outlook.p_leave_within).into(),
            truth.outlook.map(|outlook| outlook.remaining_value).into(),
        ])
    }

    fn write_contracts(&self, customer: &Customer, table: &mut dyn TableSink) -> io::Result<()> {
        for (n, contract) in customer.contracts.iter().enumerate() {
            let id = format!("K{}-{}", &customer.id[1..], n + 1);
            table.row(&[
                id.as_str().into(),
                customer.id.as_str().into(),
                self.items()[contract.plan.item() as usize].id.as_str().into(),
                contract.started_at.into(),
                contract.ended.map(|(at, _)| at).into(),
                contract.ended.map(|(_, reason)| reason.name()).into(),
                contract.price.into(),
            ])?;
        }
        Ok(())
    }

    fn write_event(
        &self,
        customer: &str,
        order: Option<usize>,
        event: &Event,
        table: &mut dyn TableSink,
    ) -> io::Result<()> {
        let order = order.map(|order| format!("O{}-{order}", &customer[1..]));
        table.row(&[
            Cell::Text(customer),
            self.items()[event.item as usize].id.as_str().into(),
            event.time.into(),
            event.what.name().into(),
            event.price.into(),
            order.as_deref().into(),
        ])
    }
}

/// Events with the number of their order among the customer's, from 1, for those that are paid.
fn numbered(events: &[Event]) -> impl Iterator<Item = (Option<usize>, &Event)> {
    events.iter().scan(0, |n_orders, event| {
        *n_orders += usize::from(event.price.is_some());
        Some((event.price.map(|_| *n_orders), event))
    })
}

fn write_customer(customer: &Customer, table: &mut dyn TableSink) -> io::Result<()> {
    table.row(&[
        customer.id.as_str().into(),
        customer.joined_at.into(),
        customer.age.into(),
        customer.country.into(),
        customer.household_size.into(),
        customer.acquired_via.into(),
    ])
}
