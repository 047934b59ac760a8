//! Tables of generated worlds as Parquet files.

use std::io;
use std::path::{Path, PathBuf};

use bespoke_datasets::sink::{Cell, Column, ColumnKind, TableFolder, TableSink};
use bespoke_io::{OutError, ParquetRows, RowCell, RowKind};

/// A folder with one Parquet file per table; amounts are numbers in units of the currency.
pub struct ParquetFolder {
    dir: PathBuf,
}

impl ParquetFolder {
    /// Tables in `dir`, which is made when absent.
    pub fn create(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }
}

impl TableFolder for ParquetFolder {
    fn table(&mut self, name: &str, columns: &'static [Column]) -> io::Result<Box<dyn TableSink>> {
        let kinds: Vec<(&str, RowKind)> = columns.iter().map(|c| (c.name, row_kind(c.kind))).collect();
        let rows = ParquetRows::create(&self.dir.join(self.file_name(name)), &kinds).map_err(io_error)?;
        Ok(Box::new(ParquetTable { rows: Some(rows) }))
    }

    fn file_name(&self, table: &str) -> String {
        format!("{table}.parquet")
    }
}

/// A table; `None` once it is finished.
struct ParquetTable {
    rows: Option<ParquetRows>,
}

impl TableSink for ParquetTable {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let rows = self.rows.as_mut().ok_or_else(|| io::Error::other("a row after the end of the table"))?;
        rows.row(cells.iter().map(row_cell)).map_err(io_error)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.rows.take().map_or(Ok(()), |rows| rows.finish().map_err(io_error))
    }
}

fn row_kind(kind: ColumnKind) -> RowKind {
    match kind {
        ColumnKind::Text => RowKind::Text,
        ColumnKind::Whole => RowKind::I64,
        ColumnKind::Number | ColumnKind::Amount => RowKind::F64,
        ColumnKind::YesNo => RowKind::Bool,
        ColumnKind::Instant => RowKind::TimestampMs,
    }
}

fn row_cell<'a>(cell: &Cell<'a>) -> RowCell<'a> {
    match *cell {
        Cell::Missing => RowCell::Missing,
        Cell::Text(text) => RowCell::Text(text),
        Cell::Whole(number) => RowCell::I64(number),
        Cell::Number(number) => RowCell::F64(number),
        Cell::YesNo(yes) => RowCell::Bool(yes),
        Cell::Instant(at) => RowCell::TimestampMs(at),
        Cell::Amount(amount) => RowCell::F64(amount.units()),
    }
}

fn io_error(error: OutError) -> io::Error {
    match error {
        OutError::Io(error) => error,
        other => io::Error::other(other),
    }
}
