//! A world as the tables a site would export, written reader by reader in constant memory.

use std::io;

use super::articles::{SHELF, TOPICS};
use super::reader::{Event, Reader, Visitor};
use super::{MediaWorld, job};
use crate::sink::ColumnKind::{Amount, Instant, Number, Text, Whole};
use crate::sink::{Cell, Column, TableFolder};
use crate::world::{World, WorldFolder, WorldTable};

const ITEMS: &[Column] = &[
    Column::new("item_id", Text),
    Column::new("title", Text),
    Column::new("category", Text),
    Column::new("available_from", Instant),
    Column::new("available_to", Instant),
];

const CUSTOMERS: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("joined_at", Instant),
    Column::new("age", Whole),
    Column::new("country", Text),
];

const EVENTS: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("item_id", Text),
    Column::new("time", Instant),
    Column::new("event", Text),
    Column::new("revenue", Amount),
];

/// In the order of [`TOPICS`]; a test holds them together.
const TRUTH: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("reader", Whole),
    Column::new("persona", Text),
    Column::new("active_until", Instant),
    Column::new("id_until", Instant),
    Column::new("leave_per_week", Number),
    Column::new("sessions_per_week", Number),
    Column::new("horizon_days", Whole),
    Column::new("p_active", Number),
    Column::new("expected_sessions", Number),
    Column::new("taste_politics", Number),
    Column::new("taste_economy", Number),
    Column::new("taste_sport", Number),
    Column::new("taste_local", Number),
    Column::new("taste_culture", Number),
    Column::new("taste_science", Number),
    Column::new("taste_travel", Number),
    Column::new("taste_food", Number),
    Column::new("p_click_politics", Number),
    Column::new("p_click_economy", Number),
    Column::new("p_click_sport", Number),
    Column::new("p_click_local", Number),
    Column::new("p_click_culture", Number),
    Column::new("p_click_science", Number),
    Column::new("p_click_travel", Number),
    Column::new("p_click_food", Number),
];

const TRUTH_ITEMS: &[Column] =
    &[Column::new("item_id", Text), Column::new("quality", Number), Column::new("half_life_days", Number)];

/// The tables with rows of readers, open.
pub struct Tables {
    customers: WorldTable,
    events: WorldTable,
    truth: WorldTable,
}

/// Tables `items`, `customers` (readers with an account), `events` (by visitor and time), and what the engine never
/// reads: `truth` (accounts, and cookies with events), `truth_items`.
impl World for MediaWorld {
    type Customer = Reader;
    type Tables = Tables;

    fn n_customers(&self) -> usize {
        self.params().n_readers
    }

    fn generate(&self, number: usize) -> Reader {
        self.reader(number)
    }

    fn open(&self, folder: &mut WorldFolder<'_>) -> io::Result<Tables> {
        self.write_items(folder)?;
        Ok(Tables {
            customers: folder.table("customers", CUSTOMERS)?,
            events: folder.table("events", EVENTS)?,
            truth: folder.table("truth", TRUTH)?,
        })
    }

    fn write_customer(&self, number: usize, reader: &Reader, tables: &Tables) -> io::Result<()> {
        for visitor in &reader.visitors {
            self.write_truth(number, reader, visitor, &tables.truth)?;
            for event in &visitor.events {
                self.write_event(&visitor.id, event, &tables.events)?;
            }
        }
        if reader.is_anonymous {
            return Ok(());
        }
        write_account(reader, &tables.customers)
    }

    fn job(&self, folder: &dyn TableFolder) -> String {
        job::text(self, folder)
    }
}

impl MediaWorld {
    fn write_items(&self, folder: &mut WorldFolder<'_>) -> io::Result<()> {
        let items = folder.table("items", ITEMS)?;
        let truth = folder.table("truth_items", TRUTH_ITEMS)?;
        for article in self.articles() {
            let topic = TOPICS[article.topic];
            items.row(&[
                article.id.as_str().into(),
                article.title.as_str().into(),
                topic.name.into(),
                article.published_at.into(),
                article.published_at.plus(SHELF).into(),
            ])?;
            truth.row(&[article.id.as_str().into(), article.quality.into(), topic.half_life_days.into()])?;
        }
        Ok(())
    }

    fn write_truth(
        &self,
        number: usize,
        reader: &Reader,
        visitor: &Visitor,
        table: &WorldTable,
    ) -> io::Result<()> {
        let truth = &reader.truth;
        let mut row: Vec<Cell<'_>> = vec![
            visitor.id.as_str().into(),
            Cell::Whole(number as i64),
            self.personas()[truth.persona].name.into(),
            truth.active_until.into(),
            visitor.until.into(),
            self.personas()[truth.persona].leave_per_week.into(),
            truth.sessions_per_week.into(),
            self.params().horizon.0.into(),
            truth.p_active.into(),
            truth.expected_sessions.into(),
        ];
        row.extend(truth.tastes.iter().chain(&truth.p_click_fresh).map(|&number| Cell::Number(number)));
        table.row(&row)
    }

    fn write_event(&self, visitor: &str, event: &Event, table: &WorldTable) -> io::Result<()> {
        table.row(&[
            Cell::Text(visitor),
            self.articles()[event.item as usize].id.as_str().into(),
            event.time.into(),
            event.kind.name().into(),
            event.revenue.into(),
        ])
    }
}

/// The account of a reader who has one.
fn write_account(reader: &Reader, table: &WorldTable) -> io::Result<()> {
    for visitor in &reader.visitors {
        table.row(&[
            visitor.id.as_str().into(),
            reader.truth.joined_at.into(),
            reader.age.into(),
            reader.country.into(),
        ])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_has_two_columns_per_topic_in_their_order() {
        let names = |prefix: &str| TOPICS.map(|topic| format!("{prefix}_{}", topic.name));
        let expected: Vec<String> = names("taste").into_iter().chain(names("p_click")).collect();
        assert_eq!(TRUTH[10..].iter().map(|column| column.name).collect::<Vec<_>>(), expected);
    }
}
