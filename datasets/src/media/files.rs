//! A world as the tables a site would export, written reader by reader in constant memory.

use std::io;
use std::path::Path;

use super::articles::{SHELF, TOPICS};
use super::reader::{Event, Reader, Visitor};
use super::{MediaWorld, job};
use crate::sink::ColumnKind::{Amount, Instant, Number, Text, Whole};
use crate::sink::{Cell, Column, CsvFolder, TableFolder, TableSink};

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
    Column::new("sessions_per_week", Number),
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

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows of the items.
    pub n_items: usize,
    /// Rows of the customers: readers with an account.
    pub n_customers: usize,
    /// Rows of the truth: accounts, and cookies with events.
    pub n_visitors: usize,
    /// Rows of the events.
    pub n_events: usize,
}

impl MediaWorld {
    /// Writes five CSV files and a job `bespoke.toml` that reads three of them into a folder, which is made when
    /// absent; files of these names are overwritten. `on_reader` is called after each reader.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_to(&self, dir: &Path, on_reader: impl FnMut()) -> io::Result<Written> {
        let mut folder = CsvFolder::create(dir)?;
        let written = self.write_tables(&mut folder, on_reader)?;
        std::fs::write(dir.join("bespoke.toml"), self.job(&folder))?;
        Ok(written)
    }

    /// The job that reads this world's tables from a folder of that kind.
    #[must_use]
    pub fn job(&self, folder: &dyn TableFolder) -> String {
        job::text(self, folder)
    }

    /// Writes the tables `items`, `customers`, `events` (by visitor and time), and `truth` and `truth_items`, which
    /// the engine never reads. `on_reader` is called after each reader.
    ///
    /// # Errors
    /// What the folder says.
    pub fn write_tables(
        &self,
        folder: &mut dyn TableFolder,
        mut on_reader: impl FnMut(),
    ) -> io::Result<Written> {
        self.write_items(folder)?;
        let mut customers = folder.table("customers", CUSTOMERS)?;
        let mut events = folder.table("events", EVENTS)?;
        let mut truth = folder.table("truth", TRUTH)?;
        let mut written = Written { n_items: self.articles().len(), ..Written::default() };
        for (number, reader) in self.readers().enumerate() {
            for visitor in &reader.visitors {
                self.write_truth(number, &reader, visitor, &mut *truth)?;
                for event in &visitor.events {
                    self.write_event(&visitor.id, event, &mut *events)?;
                }
                written.n_events += visitor.events.len();
            }
            if !reader.is_anonymous {
                write_customer(&reader, &mut *customers)?;
                written.n_customers += 1;
            }
            written.n_visitors += reader.visitors.len();
            on_reader();
        }
        for table in [&mut customers, &mut events, &mut truth] {
            table.finish()?;
        }
        Ok(written)
    }

    fn write_items(&self, folder: &mut dyn TableFolder) -> io::Result<()> {
        let mut items = folder.table("items", ITEMS)?;
        let mut truth = folder.table("truth_items", TRUTH_ITEMS)?;
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
        items.finish()?;
        truth.finish()
    }

    fn write_truth(
        &self,
        number: usize,
        reader: &Reader,
        visitor: &Visitor,
        table: &mut dyn TableSink,
    ) -> io::Result<()> {
        let truth = &reader.truth;
        let mut row: Vec<Cell<'_>> = vec![
            visitor.id.as_str().into(),
            Cell::Whole(number as i64),
            self.personas()[truth.persona].name.into(),
            truth.active_until.into(),
            truth.sessions_per_week.into(),
        ];
        row.extend(truth.tastes.iter().chain(&truth.p_click_fresh).map(|&number| Cell::Number(number)));
        table.row(&row)
    }

    fn write_event(&self, visitor: &str, event: &Event, table: &mut dyn TableSink) -> io::Result<()> {
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
fn write_customer(reader: &Reader, table: &mut dyn TableSink) -> io::Result<()> {
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
        assert_eq!(TRUTH[5..].iter().map(|column| column.name).collect::<Vec<_>>(), expected);
    }
}
