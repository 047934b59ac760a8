//! Where the tables of a world go, row by row: CSV here, any other format behind the same two traits.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use bespoke::types::{Money, Timestamp};

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text.
    Text,
    /// A whole number.
    Whole,
    /// A finite number.
    Number,
    /// Yes or no.
    YesNo,
    /// An instant.
    Instant,
    /// An amount of money.
    Amount,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in the header.
    pub name: &'static str,
    /// Kind of every cell that is not [`Cell::Missing`].
    pub kind: ColumnKind,
}

impl Column {
    /// A column of that name and kind.
    #[must_use]
    pub const fn new(name: &'static str, kind: ColumnKind) -> Self {
        Self { name, kind }
    }
}

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Not known.
    Missing,
    /// See [`ColumnKind::Text`].
    Text(&'a str),
    /// See [`ColumnKind::Whole`].
    Whole(i64),
    /// See [`ColumnKind::Number`].
    Number(f64),
    /// See [`ColumnKind::YesNo`].
    YesNo(bool),
    /// See [`ColumnKind::Instant`].
    Instant(Timestamp),
    /// See [`ColumnKind::Amount`].
    Amount(Money),
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Missing, Into::into)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Cell::Text(text)
    }
}

impl From<u32> for Cell<'_> {
    fn from(number: u32) -> Self {
        Cell::Whole(i64::from(number))
    }
}

impl From<f64> for Cell<'_> {
    fn from(number: f64) -> Self {
        Cell::Number(number)
    }
}

impl From<bool> for Cell<'_> {
    fn from(yes: bool) -> Self {
        Cell::YesNo(yes)
    }
}

impl From<Timestamp> for Cell<'_> {
    fn from(instant: Timestamp) -> Self {
        Cell::Instant(instant)
    }
}

impl From<Money> for Cell<'_> {
    fn from(amount: Money) -> Self {
        Cell::Amount(amount)
    }
}

/// A table that is being written.
pub trait TableSink {
    /// Takes the next row: a cell per column, in their order.
    ///
    /// # Errors
    /// What the file system says.
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()>;

    /// Ends the table; without it the file is not whole.
    ///
    /// # Errors
    /// What the file system says.
    fn finish(&mut self) -> io::Result<()>;
}

/// A place for tables.
pub trait TableFolder {
    /// Begins the table `name`, replacing one of that name.
    ///
    /// # Errors
    /// What the file system says.
    fn table(&mut self, name: &str, columns: &'static [Column]) -> io::Result<Box<dyn TableSink>>;

    /// Name of the file a table goes to, for the job that reads it.
    fn file_name(&self, table: &str) -> String;
}

/// Tables as CSV files: a header, UTF-8, line feeds, quotes where needed, `yes` and `no`, instants as RFC 3339 in UTC,
/// amounts with two decimals, nothing for what is not known.
#[derive(Clone, Debug)]
pub struct CsvFolder {
    dir: PathBuf,
}

impl CsvFolder {
    /// Tables in `dir`, which is made when absent.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }
}

impl TableFolder for CsvFolder {
    fn table(&mut self, name: &str, columns: &'static [Column]) -> io::Result<Box<dyn TableSink>> {
        let file = File::create(self.dir.join(self.file_name(name)))?;
        Ok(Box::new(CsvTable::new(BufWriter::with_capacity(1 << 18, file), columns)?))
    }

    fn file_name(&self, table: &str) -> String {
        format!("{table}.csv")
    }
}

/// A table as CSV text.
pub struct CsvTable<W> {
    out: W,
    n_columns: usize,
    line: Vec<u8>,
}

impl<W: Write> CsvTable<W> {
    /// A table with its header.
    ///
    /// # Errors
    /// What the sink says.
    pub fn new(mut out: W, columns: &[Column]) -> io::Result<Self> {
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        writeln!(out, "{}", names.join(","))?;
        Ok(Self { out, n_columns: columns.len(), line: Vec::new() })
    }
}

impl<W: Write> TableSink for CsvTable<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        assert_eq!(cells.len(), self.n_columns, "a cell per column");
        self.line.clear();
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.line.push(b',');
            }
            push_cell(&mut self.line, cell)?;
        }
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn push_cell(line: &mut Vec<u8>, cell: &Cell<'_>) -> io::Result<()> {
    match *cell {
        Cell::Missing => {}
        Cell::Text(text) => push_text(line, text),
        Cell::Whole(number) => write!(line, "{number}")?,
        Cell::Number(number) => write!(line, "{number}")?,
        Cell::YesNo(yes) => line.extend_from_slice(if yes { b"yes" } else { b"no" }),
        Cell::Instant(instant) => push_instant(line, instant),
        Cell::Amount(amount) => push_amount(line, amount)?,
    }
    Ok(())
}

fn push_text(line: &mut Vec<u8>, text: &str) {
    if text.contains(['"', ',', '\n', '\r']) {
        line.push(b'"');
        line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        line.push(b'"');
    } else {
        line.extend_from_slice(text.as_bytes());
    }
}

/// In units with two decimals, rounded down to the cent.
fn push_amount(line: &mut Vec<u8>, amount: Money) -> io::Result<()> {
    let cents = amount.0.unsigned_abs() / (Money::SCALE / 100).unsigned_abs();
    let sign = if amount.0 < 0 { "-" } else { "" };
    write!(line, "{sign}{}.{:02}", cents / 100, cents % 100)
}

/// `2024-01-01T00:00:00Z`, by hand, as this is where the time of writing goes; years outside 0..=9999 do not occur.
fn push_instant(line: &mut Vec<u8>, instant: Timestamp) {
    let seconds = instant.0.div_euclid(1000);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let second_of_day = seconds.rem_euclid(86_400) as u32;
    push_two_digits(line, year / 100);
    push_two_digits(line, year % 100);
    let parts = [
        (b'-', month),
        (b'-', day),
        (b'T', second_of_day / 3600),
        (b':', second_of_day / 60 % 60),
        (b':', second_of_day % 60),
    ];
    for (mark, number) in parts {
        line.push(mark);
        push_two_digits(line, number);
    }
    line.push(b'Z');
}

fn push_two_digits(line: &mut Vec<u8>, number: u32) {
    line.extend_from_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
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

/// Tables as CSV text in memory, for the tests of worlds.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct MemoryFolder {
    tables: std::collections::BTreeMap<String, std::rc::Rc<std::cell::RefCell<Vec<u8>>>>,
}

#[cfg(test)]
struct MemoryFile(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

#[cfg(test)]
impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
impl TableFolder for MemoryFolder {
    fn table(&mut self, name: &str, columns: &'static [Column]) -> io::Result<Box<dyn TableSink>> {
        let file = self.tables.entry(name.to_owned()).or_default();
        Ok(Box::new(CsvTable::new(MemoryFile(std::rc::Rc::clone(file)), columns)?))
    }

    fn file_name(&self, table: &str) -> String {
        format!("{table}.csv")
    }
}

#[cfg(test)]
impl MemoryFolder {
    /// The text of every table by name.
    pub(crate) fn into_texts(self) -> std::collections::BTreeMap<String, Vec<u8>> {
        self.tables.into_iter().map(|(name, text)| (name, text.take())).collect()
    }
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
    fn every_kind_of_cell_by_hand() {
        let kinds = [
            Column::new("a", ColumnKind::Text),
            Column::new("b", ColumnKind::Whole),
            Column::new("c", ColumnKind::Number),
            Column::new("d", ColumnKind::YesNo),
            Column::new("e", ColumnKind::Amount),
            Column::new("f", ColumnKind::Instant),
        ];
        let mut text = Vec::new();
        let mut table = CsvTable::new(&mut text, &kinds).unwrap();
        let at = Timestamp(Timestamp::DAY_MS);
        table
            .row(&["x,\"y\"".into(), 7u32.into(), 0.5.into(), true.into(), Money(-500).into(), at.into()])
            .unwrap();
        table
            .row(&[
                Cell::Missing,
                0.into(),
                1.0.into(),
                false.into(),
                Money(123_400).into(),
                None::<u32>.into(),
            ])
            .unwrap();
        table.finish().unwrap();
        let expected = "a,b,c,d,e,f\n\"x,\"\"y\"\"\",7,0.5,yes,-0.05,1970-01-02T00:00:00Z\n,0,1,no,12.34,\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
