//! A world as the tables a shop would export, written customer by customer in constant memory.

use std::io;

use bespoke::random::Random;

use super::care::Question;
use super::columns;
use super::customer::{Customer, Event};
use super::demographics::Irrelevant;
use super::devices::{APP_DEVICE, linked_at};
use super::lifetime::Leaving;
use super::personas::CATEGORIES;
use super::{RetailWorld, job};
use crate::sink::{Cell, TableFolder};
use crate::world::{World, WorldFolder, WorldTable};

/// The tables with rows of customers, open.
pub struct Tables {
    customers: WorldTable,
    events: WorldTable,
    sessions: WorldTable,
    consents: WorldTable,
    tickets: WorldTable,
    surveys: WorldTable,
    assignments: WorldTable,
    truth: WorldTable,
    truth_uplift: WorldTable,
    truth_sessions: WorldTable,
    truth_tastes: WorldTable,
}

/// Tables `items`, `customers`, `events` (by customer and time), `sessions`, `consents`, `tickets`, `surveys`,
/// `offers`, `assignments`; and what the engine never reads: `truth`, `truth_uplift`, `truth_sessions`,
/// `truth_tastes`, `truth_items`.
impl World for RetailWorld {
    type Customer = Customer;
    type Tables = Tables;

    fn n_customers(&self) -> usize {
        self.params().n_customers
    }

    fn generate(&self, number: usize) -> Customer {
        self.customer(number)
    }

    fn open(&self, folder: &mut WorldFolder<'_>) -> io::Result<Tables> {
        self.write_items(&folder.table("items", columns::ITEMS)?)?;
        self.write_offers(&folder.table("offers", columns::OFFERS)?)?;
        let n_factors = self.params().tastes.n_factors;
        let of_items = &columns::TRUTH_ITEMS[..columns::N_ITEM_TRUTHS + n_factors];
        self.write_truth_items(&folder.table("truth_items", of_items)?)?;
        let of_tastes = &columns::TRUTH_TASTES[..columns::N_TASTES + n_factors];
        let n_columns = columns::N_RELEVANT + self.params().demographics.n_irrelevant;
        Ok(Tables {
            customers: folder.table("customers", &columns::CUSTOMERS[..n_columns])?,
            events: folder.table("events", columns::EVENTS)?,
            sessions: folder.table("sessions", columns::SESSIONS)?,
            consents: folder.table("consents", columns::CONSENTS)?,
            tickets: folder.table("tickets", columns::TICKETS)?,
            surveys: folder.table("surveys", columns::SURVEYS)?,
            assignments: folder.table("assignments", columns::ASSIGNMENTS)?,
            truth: folder.table("truth", columns::TRUTH)?,
            truth_uplift: folder.table("truth_uplift", columns::TRUTH_UPLIFT)?,
            truth_sessions: folder.table("truth_sessions", columns::TRUTH_SESSIONS)?,
            truth_tastes: folder.table("truth_tastes", of_tastes)?,
        })
    }

    fn write_customer(&self, _number: usize, customer: &Customer, tables: &Tables) -> io::Result<()> {
        write_person(customer, &tables.customers)?;
        let sessions: Vec<String> = customer.sessions.iter().map(|s| session_id(s.key)).collect();
        for event in &customer.events {
            self.write_event(customer, event, &sessions, &tables.events)?;
        }
        write_sessions(customer, &sessions, &tables.sessions, &tables.truth_sessions)?;
        for consent in &customer.consents {
            let state = if consent.is_granted { "granted" } else { "denied" };
            let id = Cell::Text(&customer.id);
            tables.consents.row(&[id, consent.at.into(), "marketing:email".into(), state.into()])?;
        }
        write_tickets(customer, &tables.tickets)?;
        write_surveys(customer, &tables.surveys)?;
        for assignment in &customer.assignments {
            let (id, offer) = (Cell::Text(&customer.id), &self.offers()[assignment.offer as usize].id);
            let offer = Cell::Text(offer);
            tables.assignments.row(&[id, offer, assignment.is_shown.into(), assignment.is_bought.into()])?;
            let (without, with) = (assignment.p_without, assignment.p_with);
            let uplift = assignment.uplift();
            tables.truth_uplift.row(&[id, offer, without.into(), with.into(), uplift.into()])?;
        }
        write_tastes(customer, &tables.truth_tastes)?;
        self.write_truth(customer, &tables.truth)
    }

    fn job(&self, folder: &dyn TableFolder) -> String {
        job::text(self, folder)
    }
}

impl RetailWorld {
    fn write_items(&self, table: &WorldTable) -> io::Result<()> {
        for item in self.items() {
            let parent = item.variant.map(|_| item.parent_id());
            table.row(&[
                item.id.as_str().into(),
                item.title.as_str().into(),
                CATEGORIES[item.category].into(),
                item.price.into(),
                item.available_from.into(),
                item.available_to.into(),
                item.stock.into(),
                parent.as_deref().into(),
                item.variant.into(),
            ])?;
        }
        Ok(())
    }

    fn write_truth_items(&self, table: &WorldTable) -> io::Result<()> {
        for (number, item) in (0..).zip(self.items()) {
            let mut cells = vec![
                Cell::Text(&item.id),
                self.popularity(number).into(),
                item.price_rank.into(),
                item.repurchase_days.into(),
            ];
            cells.extend(self.direction(number).iter().map(|&x| Cell::Number(x)));
            table.row(&cells)?;
        }
        Ok(())
    }

    fn write_offers(&self, table: &WorldTable) -> io::Result<()> {
        for offer in self.offers() {
            let item = &self.items()[offer.item as usize];
            table.row(&[
                offer.id.as_str().into(),
                item.id.as_str().into(),
                item.price.into(),
                offer.price.into(),
                offer.starts_at.into(),
                offer.ends_at.into(),
                self.params().offers.propensity.into(),
            ])?;
        }
        Ok(())
    }

    fn write_event(
        &self,
        customer: &Customer,
        event: &Event,
        sessions: &[String],
        table: &WorldTable,
    ) -> io::Result<()> {
        let item = Cell::Text(&self.items()[event.item as usize].id);
        let order = event.line.map(|line| order_id(customer, line.order));
        let id = (!customer.is_anonymous(event)).then_some(customer.id.as_str());
        table.row(&[
            id.into(),
            item,
            event.time.into(),
            event.kind.name().into(),
            event.line.map(|line| line.quantity).into(),
            event.line.map(|line| line.price).into(),
            order.as_deref().into(),
            event.channel.name().into(),
            event.session.map(|number| sessions[number as usize].as_str()).into(),
            event.offer.map(|number| self.offers()[number as usize].id.as_str()).into(),
        ])
    }

    fn write_truth(&self, customer: &Customer, table: &WorldTable) -> io::Result<()> {
        let truth = &customer.truth;
        let buys = |number: f64| (!truth.is_prospect).then_some(number);
        let (after_order, per_week) = match truth.leaving {
            Leaving::AfterOrder(p) => (buys(p), None),
            Leaving::PerWeek(rate) => (None, buys(rate)),
        };
        table.row(&[
            Cell::Text(&customer.id),
            self.personas()[truth.persona].name.into(),
            truth.is_prospect.into(),
            truth.first_order_at.into(),
            truth.alive_until.into(),
            buys(truth.orders_per_week).into(),
            after_order.into(),
            per_week.into(),
            truth.satisfaction.into(),
            truth.p_click.into(),
            self.params().horizon.0.into(),
            truth.p_purchase.into(),
            truth.expected_orders.into(),
            truth.expected_value.into(),
            truth.expected_value_error.into(),
        ])
    }
}

fn write_tastes(customer: &Customer, table: &WorldTable) -> io::Result<()> {
    let numbers = customer.category_tastes.iter().chain(&customer.taste).map(|&number| Cell::Number(number));
    let cells: Vec<Cell<'_>> = std::iter::once(Cell::Text(&customer.id)).chain(numbers).collect();
    table.row(&cells)
}

/// Ids that tell nothing of the customer.
fn session_id(key: u64) -> String {
    format!("S{key:016x}")
}

fn order_id(customer: &Customer, order: u32) -> String {
    format!("O{}-{order}", &customer.id[1..])
}

fn ticket_id(customer: &Customer, number: usize) -> String {
    format!("T{}-{}", &customer.id[1..], number + 1)
}

fn write_person(customer: &Customer, table: &WorldTable) -> io::Result<()> {
    let person = &customer.person;
    let mut cells = vec![
        Cell::Text(&customer.id),
        person.age.into(),
        person.country.into(),
        person.newsletter.into(),
        person.household_size.into(),
    ];
    cells.extend(person.irrelevant.iter().map(|cell| match *cell {
        Some(Irrelevant::Number(number)) => Cell::Number(number),
        Some(Irrelevant::Level(level)) => Cell::Text(level),
        None => Cell::Missing,
    }));
    table.row(&cells)
}

fn write_sessions(
    customer: &Customer,
    ids: &[String],
    table: &WorldTable,
    truth: &WorldTable,
) -> io::Result<()> {
    for (session, id) in customer.sessions.iter().zip(ids) {
        let linked = linked_at(&customer.sessions, session);
        let device = device_id(customer.devices, session.device);
        let id = Cell::Text(id);
        table.row(&[
            id,
            Cell::Text(&device),
            session.channel.name().into(),
            session.started_at.into(),
            session.logged_in_at.into(),
            linked.into(),
            linked.map(|_| customer.id.as_str()).into(),
        ])?;
        if linked.is_none() {
            truth.row(&[id, Cell::Text(&customer.id)])?;
        }
    }
    Ok(())
}

/// Web devices and the app have ids of different kinds, as cookies and advertising ids are; those of one customer do
/// not show that they belong together.
fn device_id(key: u64, device: u32) -> String {
    let kind = if device == APP_DEVICE { "A" } else { "W" };
    let id = Random::new(key).bits(u64::from(device));
    format!("{kind}{id:016x}")
}

fn write_tickets(customer: &Customer, table: &WorldTable) -> io::Result<()> {
    for (number, ticket) in customer.tickets.iter().enumerate() {
        table.row(&[
            Cell::Text(&ticket_id(customer, number)),
            Cell::Text(&customer.id),
            Cell::Text(&order_id(customer, ticket.order)),
            ticket.subject.into(),
            ticket.created_at.into(),
            ticket.first_reply_at.into(),
            ticket.solved_at.into(),
        ])?;
    }
    Ok(())
}

fn write_surveys(customer: &Customer, table: &WorldTable) -> io::Result<()> {
    for survey in &customer.surveys {
        let (question, low, high) = match survey.question {
            Question::Csat => ("csat", 1, 5),
            Question::Nps => ("nps", 0, 10),
        };
        let ticket = survey.ticket.map(|number| ticket_id(customer, number as usize));
        table.row(&[
            Cell::Text(&customer.id),
            question.into(),
            Cell::Whole(low),
            Cell::Whole(high),
            survey.sent_at.into(),
            ticket.as_deref().into(),
            survey.answer.into(),
        ])?;
    }
    Ok(())
}
