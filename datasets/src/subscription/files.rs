//! A world as the tables a service would export, written customer by customer in constant memory.

use std::io;

use super::customer::{Customer, Event};
use super::{SubscriptionWorld, job};
use crate::sink::ColumnKind::{Amount, Instant, Number, Text, Whole, YesNo};
use crate::sink::{Cell, Column, TableFolder};
use crate::world::{World, WorldFolder, WorldTable};

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
    Column::new("frailty", Number),
    Column::new("has_contract", YesNo),
    Column::new("contract_until", Instant),
    Column::new("engagement", Text),
    Column::new("p_leave_next", Number),
    Column::new("horizon_days", Whole),
    Column::new("p_leave_within_horizon", Number),
    Column::new("remaining_value_360_days", Number),
];

const TRUTH_HAZARD: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("time", Instant),
    Column::new("item_id", Text),
    Column::new("tenure_periods", Whole),
    Column::new("engagement", Text),
    Column::new("tickets", Whole),
    Column::new("price_rise", Number),
    Column::new("p_leave", Number),
    Column::new("left", YesNo),
];

/// The tables with rows of customers, open.
pub struct Tables {
    customers: WorldTable,
    contracts: WorldTable,
    events: WorldTable,
    truth: WorldTable,
    truth_hazard: WorldTable,
}

/// Tables `items`, `customers`, `contracts`, `events` (both by customer and time); and what the engine never reads:
/// `truth` and `truth_hazard`.
impl World for SubscriptionWorld {
    type Customer = Customer;
    type Tables = Tables;

    fn n_customers(&self) -> usize {
        self.params().n_customers
    }

    fn generate(&self, number: usize) -> Customer {
        self.customer(number)
    }

    fn open(&self, folder: &mut WorldFolder<'_>) -> io::Result<Tables> {
        self.write_items(&folder.table("items", ITEMS)?)?;
        Ok(Tables {
            customers: folder.table("customers", CUSTOMERS)?,
            contracts: folder.table("contracts", CONTRACTS)?,
            events: folder.table("events", EVENTS)?,
            truth: folder.table("truth", TRUTH)?,
            truth_hazard: folder.table("truth_hazard", TRUTH_HAZARD)?,
        })
    }

    fn write_customer(&self, _number: usize, customer: &Customer, tables: &Tables) -> io::Result<()> {
        write_person(customer, &tables.customers)?;
        self.write_truth(customer, &tables.truth)?;
        self.write_decisions(customer, &tables.truth_hazard)?;
        self.write_contracts(customer, &tables.contracts)?;
        for (order, event) in numbered(&customer.events) {
            self.write_event(&customer.id, order, event, &tables.events)?;
        }
        Ok(())
    }

    fn job(&self, folder: &dyn TableFolder) -> String {
        job::text(self, folder)
    }
}

impl SubscriptionWorld {
    fn write_items(&self, table: &WorldTable) -> io::Result<()> {
        for item in self.items() {
            table.row(&[
                item.id.as_str().into(),
                item.title.as_str().into(),
                item.category.into(),
                item.price.into(),
            ])?;
        }
        Ok(())
    }

    fn write_truth(&self, customer: &Customer, table: &WorldTable) -> io::Result<()> {
        let truth = &customer.truth;
        table.row(&[
            customer.id.as_str().into(),
            self.personas()[truth.persona].name.into(),
            truth.p_use.into(),
            truth.frailty.into(),
            truth.outlook.is_some().into(),
            truth.contract_until.into(),
            truth.engagement.map(super::Engagement::name).into(),
            truth.outlook.map(|outlook| outlook.p_leave_next).into(),
            self.params.horizon.0.into(),
            truth.outlook.map(|outlook| outlook.p_leave_within).into(),
            truth.outlook.map(|outlook| outlook.remaining_value).into(),
        ])
    }

    fn write_decisions(&self, customer: &Customer, table: &WorldTable) -> io::Result<()> {
        for decision in &customer.decisions {
            table.row(&[
                customer.id.as_str().into(),
                decision.at.into(),
                self.items()[decision.plan.item() as usize].id.as_str().into(),
                decision.tenure.into(),
                decision.engagement.name().into(),
                decision.n_tickets.into(),
                decision.rise.into(),
                decision.p_leave.into(),
                decision.has_left.into(),
            ])?;
        }
        Ok(())
    }

    fn write_contracts(&self, customer: &Customer, table: &WorldTable) -> io::Result<()> {
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
        table: &WorldTable,
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

fn write_person(customer: &Customer, table: &WorldTable) -> io::Result<()> {
    table.row(&[
        customer.id.as_str().into(),
        customer.joined_at.into(),
        customer.age.into(),
        customer.country.into(),
        customer.household_size.into(),
        customer.acquired_via.into(),
    ])
}
