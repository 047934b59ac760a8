//! A world as the files a shop would export, written customer by customer in constant memory.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use bespoke::types::{Money, Timestamp};

use super::customer::{Customer, Event};
use super::personas::CATEGORIES;
use super::{RetailWorld, job};

/// The sinks of a world's files; CSV with a header, times as RFC 3339 in UTC, empty cells for unknown.
pub struct RetailFiles<W> {
    /// `items.csv`.
    pub items: W,
    /// `customers.csv`.
    pub customers: W,
    /// `events.csv`, by customer and time.
    pub events: W,
    /// `truth.csv`, never read by the engine.
    pub truth: W,
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows of `items.csv`.
    pub n_items: usize,
    /// Rows of `customers.csv` and `truth.csv`.
    pub n_customers: usize,
    /// Rows of `events.csv`.
    pub n_events: usize,
}

impl RetailWorld {
    /// Writes the four files and a job `bespoke.toml` that reads three of them into a folder, which is made when
    /// absent; files of these names are overwritten. `on_customer` is called after each customer.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_to(&self, dir: &Path, on_customer: impl FnMut()) -> io::Result<Written> {
        std::fs::create_dir_all(dir)?;
        let create =
            |name: &str| File::create(dir.join(name)).map(|file| BufWriter::with_capacity(1 << 18, file));
        let mut files = RetailFiles {
            items: create("items.csv")?,
            customers: create("customers.csv")?,
            events: create("events.csv")?,
            truth: create("truth.csv")?,
        };
        let written = files.write(self, on_customer)?;
        std::fs::write(dir.join("bespoke.toml"), job::text(self))?;
        Ok(written)
    }
}

impl<W: Write> RetailFiles<W> {
    /// Writes a whole world and flushes; `on_customer` is called after each customer.
    ///
    /// # Errors
    /// What the sinks say.
    pub fn write(&mut self, world: &RetailWorld, mut on_customer: impl FnMut()) -> io::Result<Written> {
        self.write_items(world)?;
        writeln!(self.customers, "customer_id,age,country,newsletter,household_size")?;
        writeln!(self.events, "customer_id,item_id,time,event,quantity,price,order_id,channel")?;
        writeln!(self.truth, "customer_id,persona,first_order_at,alive_until,orders_per_week,p_dropout")?;
        let mut written = Written { n_items: world.items().len(), ..Written::default() };
        let mut row = Vec::new();
        for customer in world.customers() {
            self.write_customer(world, &customer)?;
            for event in &customer.events {
                row.clear();
                event_row(&mut row, world, &customer.id, event)?;
                self.events.write_all(&row)?;
            }
            written.n_customers += 1;
            written.n_events += customer.events.len();
            on_customer();
        }
        for sink in [&mut self.items, &mut self.customers, &mut self.events, &mut self.truth] {
            sink.flush()?;
        }
        Ok(written)
    }

    fn write_items(&mut self, world: &RetailWorld) -> io::Result<()> {
        writeln!(self.items, "item_id,title,category,price,available_from,available_to,stock")?;
        for item in world.items() {
            writeln!(
                self.items,
                "{},{},{},{},{},{},{}",
                item.id,
                item.title,
                CATEGORIES[item.category],
                cents(item.price),
                cell(item.available_from),
                cell(item.available_to),
                cell(item.stock)
            )?;
        }
        Ok(())
    }

    fn write_customer(&mut self, world: &RetailWorld, customer: &Customer) -> io::Result<()> {
        let Customer { id, age, country, newsletter, household_size, truth, .. } = customer;
        let newsletter = if *newsletter { "yes" } else { "no" };
        writeln!(self.customers, "{id},{},{country},{newsletter},{}", cell(*age), cell(*household_size))?;
        writeln!(
            self.truth,
            "{id},{},{},{},{},{}",
            world.personas()[truth.persona].name,
            cell(truth.first_order_at),
            cell(truth.alive_until),
            truth.orders_per_week,
            truth.p_dropout
        )
    }
}

/// One row of `events.csv`; written by hand, as this is where the time goes.
fn event_row(row: &mut Vec<u8>, world: &RetailWorld, customer: &str, event: &Event) -> io::Result<()> {
    row.extend_from_slice(customer.as_bytes());
    row.push(b',');
    row.extend_from_slice(world.items()[event.item as usize].id.as_bytes());
    row.push(b',');
    push_instant(row, event.time);
    row.push(b',');
    row.extend_from_slice(event.kind.name().as_bytes());
    match event.line {
        Some(line) => {
            write!(row, ",{},{},O{}-{},", line.quantity, cents(line.price), &customer[1..], line.order)?;
        }
        None => row.extend_from_slice(b",,,,"),
    }
    row.extend_from_slice(event.channel.name().as_bytes());
    row.push(b'\n');
    Ok(())
}

/// A value, or nothing.
fn cell<T: ToString>(value: Option<T>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

/// An amount in units with two decimals.
fn cents(amount: Money) -> String {
    let cents = amount.0 / (Money::SCALE / 100);
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// `2024-01-01T00:00:00Z`; years have four digits, see the rule of `start_at`.
fn push_instant(row: &mut Vec<u8>, instant: Timestamp) {
    let seconds = instant.0.div_euclid(1000);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let second_of_day = seconds.rem_euclid(86_400) as u32;
    push_two_digits(row, year / 100);
    push_two_digits(row, year % 100);
    let parts = [
        (b'-', month),
        (b'-', day),
        (b'T', second_of_day / 3600),
        (b':', second_of_day / 60 % 60),
        (b':', second_of_day % 60),
    ];
    for (mark, number) in parts {
        row.push(mark);
        push_two_digits(row, number);
    }
    row.push(b'Z');
}

fn push_two_digits(row: &mut Vec<u8>, number: u32) {
    row.extend_from_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
}

/// Year, month and day of a day since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (u32, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as u32, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_the_library_shows_them() {
        for day in 0..50_000 {
            let instant = Timestamp(day * Timestamp::DAY_MS + (day * 7_919) % 86_400 * 1_000);
            let mut row = Vec::new();
            push_instant(&mut row, instant);
            assert_eq!(String::from_utf8_lossy(&row), instant.to_string());
        }
    }

    #[test]
    fn amounts_have_two_decimals() {
        assert_eq!(cents(Money(123_400)), "12.34");
        assert_eq!(cents(Money(500)), "0.05");
        assert_eq!(cell(None::<u32>), "");
    }
}
