//! Rows to a Parquet file one by one, in constant memory.

use std::path::Path;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use bespoke::types::Timestamp;

use crate::out::{CHUNK_ROWS, OutError, ParquetFile};

/// What the cells of a column are; every cell may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// Text.
    Text,
    /// Whole numbers.
    I64,
    /// Finite numbers.
    F64,
    /// Yes or no.
    Bool,
    /// Instants, UTC.
    TimestampMs,
}

/// A cell of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RowCell<'a> {
    /// No value.
    Missing,
    /// See [`RowKind::Text`].
    Text(&'a str),
    /// See [`RowKind::I64`].
    I64(i64),
    /// See [`RowKind::F64`].
    F64(f64),
    /// See [`RowKind::Bool`].
    Bool(bool),
    /// See [`RowKind::TimestampMs`].
    TimestampMs(Timestamp),
}

/// A Parquet file (Snappy) that takes rows; same rows, same bytes. Holds at most one row group, packed, and 65,536
/// rows. Without [`ParquetRows::finish`] the file is not whole.
pub struct ParquetRows {
    file: ParquetFile,
    columns: Vec<Column>,
    n_waiting: usize,
    n_rows: u64,
}

struct Column {
    name: String,
    cells: Cells,
}

/// The cells of a column that wait to be written.
enum Cells {
    Text(StringBuilder),
    I64(Int64Builder),
    F64(Float64Builder),
    Bool(BooleanBuilder),
    TimestampMs(TimestampMillisecondBuilder),
}

impl ParquetRows {
    /// Begins a file with these columns, replacing one of that name.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(path: &Path, columns: &[(&str, RowKind)]) -> Result<Self, OutError> {
        let field = |&(name, kind): &(&str, RowKind)| Field::new(name, data_type(kind), true);
        let file = ParquetFile::create(path, Schema::new(columns.iter().map(field).collect::<Vec<_>>()))?;
        let column =
            |&(name, kind): &(&str, RowKind)| Column { name: name.to_owned(), cells: Cells::new(kind) };
        Ok(Self { file, columns: columns.iter().map(column).collect(), n_waiting: 0, n_rows: 0 })
    }

    /// Takes the next row, a cell per column. After an error the file cannot be finished into anything useful.
    ///
    /// # Errors
    /// [`OutError`]: a row of another length, a cell of another kind than its column, a number that is not finite, the
    /// file system.
    pub fn row<'a>(&mut self, cells: impl ExactSizeIterator<Item = RowCell<'a>>) -> Result<(), OutError> {
        let (row, expected) = (self.n_rows, self.columns.len());
        if cells.len() != expected {
            return Err(OutError::Cells { row, got: cells.len(), expected });
        }
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell, row)?;
        }
        self.n_rows += 1;
        self.n_waiting += 1;
        if self.n_waiting == CHUNK_ROWS { self.flush() } else { Ok(()) }
    }

    /// Ends the file and syncs it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn finish(mut self) -> Result<(), OutError> {
        self.flush()?;
        self.file.finish()
    }

    fn flush(&mut self) -> Result<(), OutError> {
        self.n_waiting = 0;
        self.file.write(self.columns.iter_mut().map(|column| column.cells.take()).collect())
    }
}

impl Column {
    fn push(&mut self, cell: RowCell<'_>, row: u64) -> Result<(), OutError> {
        match (&mut self.cells, cell) {
            (_, RowCell::F64(number)) if !number.is_finite() => {
                return Err(OutError::NonFinite { column: self.name.clone(), row: row as usize, number });
            }
            (cells, RowCell::Missing) => cells.push_missing(),
            (Cells::Text(cells), RowCell::Text(text)) => cells.append_value(text),
            (Cells::I64(cells), RowCell::I64(number)) => cells.append_value(number),
            (Cells::F64(cells), RowCell::F64(number)) => cells.append_value(number),
            (Cells::Bool(cells), RowCell::Bool(yes)) => cells.append_value(yes),
            (Cells::TimestampMs(cells), RowCell::TimestampMs(at)) => cells.append_value(at.0),
            (cells, cell) => {
                let (got, expected) = (cell.kind_name(), cells.kind_name());
                return Err(OutError::Kind { column: self.name.clone(), row, got, expected });
            }
        }
        Ok(())
    }
}

impl Cells {
    fn new(kind: RowKind) -> Self {
        match kind {
            RowKind::Text => Self::Text(StringBuilder::new()),
            RowKind::I64 => Self::I64(Int64Builder::new()),
            RowKind::F64 => Self::F64(Float64Builder::new()),
            RowKind::Bool => Self::Bool(BooleanBuilder::new()),
            RowKind::TimestampMs => {
                Self::TimestampMs(TimestampMillisecondBuilder::new().with_timezone("UTC"))
            }
        }
    }

    fn push_missing(&mut self) {
        match self {
            Self::Text(cells) => cells.append_null(),
            Self::I64(cells) => cells.append_null(),
            Self::F64(cells) => cells.append_null(),
            Self::Bool(cells) => cells.append_null(),
            Self::TimestampMs(cells) => cells.append_null(),
        }
    }

    /// The cells as an array; none wait afterwards.
    fn take(&mut self) -> ArrayRef {
        match self {
            Self::Text(cells) => Arc::new(cells.finish()),
            Self::I64(cells) => Arc::new(cells.finish()),
            Self::F64(cells) => Arc::new(cells.finish()),
            Self::Bool(cells) => Arc::new(cells.finish()),
            Self::TimestampMs(cells) => Arc::new(cells.finish()),
        }
    }

    fn kind_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::I64(_) => "whole numbers",
            Self::F64(_) => "numbers",
            Self::Bool(_) => "yes or no",
            Self::TimestampMs(_) => "instants",
        }
    }
}

impl RowCell<'_> {
    fn kind_name(self) -> &'static str {
        match self {
            Self::Missing => "nothing",
            Self::Text(_) => "text",
            Self::I64(_) => "a whole number",
            Self::F64(_) => "a number",
            Self::Bool(_) => "yes or no",
            Self::TimestampMs(_) => "an instant",
        }
    }
}

fn data_type(kind: RowKind) -> DataType {
    match kind {
        RowKind::Text => DataType::Utf8,
        RowKind::I64 => DataType::Int64,
        RowKind::F64 => DataType::Float64,
        RowKind::Bool => DataType::Boolean,
        RowKind::TimestampMs => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OutColumn, OutValues, ReadBack, read_columns, write_parquet};

    const COLUMNS: [(&str, RowKind); 5] = [
        ("id", RowKind::Text),
        ("n", RowKind::I64),
        ("x", RowKind::F64),
        ("yes", RowKind::Bool),
        ("at", RowKind::TimestampMs),
    ];

    fn row(n: i64) -> [RowCell<'static>; 5] {
        let known = n % 3 != 0;
        [
            RowCell::Text(["a", "b"][(n % 2) as usize]),
            if known { RowCell::I64(n) } else { RowCell::Missing },
            if known { RowCell::F64(n as f64 / 4.0) } else { RowCell::Missing },
            RowCell::Bool(n % 2 == 0),
            if known { RowCell::TimestampMs(Timestamp(n)) } else { RowCell::Missing },
        ]
    }

    #[test]
    fn more_rows_than_wait_at_a_time_give_the_file_that_columns_give() {
        let dir = tempfile::tempdir().unwrap();
        let n = CHUNK_ROWS as i64 + 5;
        let path = dir.path().join("rows");
        let mut rows = ParquetRows::create(&path, &COLUMNS).unwrap();
        (0..n).for_each(|i| rows.row(row(i).into_iter()).unwrap());
        rows.finish().unwrap();
        let known = |i: &i64| i % 3 != 0;
        let columns = [
            OutColumn::new(
                "id",
                OutValues::Text((0..n).map(|i| Some(["a", "b"][(i % 2) as usize].into())).collect()),
            ),
            OutColumn::new("n", OutValues::I64((0..n).map(|i| Some(i).filter(known)).collect())),
            OutColumn::new(
                "x",
                OutValues::F64((0..n).map(|i| Some(i).filter(known).map(|i| i as f64 / 4.0)).collect()),
            ),
            OutColumn::new("yes", OutValues::Bool((0..n).map(|i| Some(i % 2 == 0)).collect())),
            OutColumn::new(
                "at",
                OutValues::TimestampMs((0..n).map(|i| Some(i).filter(known).map(Timestamp)).collect()),
            ),
        ];
        let whole = dir.path().join("columns");
        write_parquet(&whole, &columns).unwrap();
        assert!(std::fs::read(&path).unwrap() == std::fs::read(whole).unwrap());
        let back = read_columns(&path, &["n"]).unwrap();
        let ReadBack::Number(numbers) = &back[0] else { panic!("not numbers") };
        assert_eq!((numbers.len(), numbers[0], numbers[65_540]), (n as usize, None, Some(65_540.0)));
    }

    #[test]
    fn odd_rows_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows");
        let mut rows = ParquetRows::create(&path, &COLUMNS[..2]).unwrap();
        rows.row(row(1).into_iter().take(2)).unwrap();
        let short = rows.row(row(1).into_iter().take(1)).unwrap_err().to_string();
        assert_eq!(short, "output row 1 has 1 cells, but the table has 2 columns");
        let odd = rows.row([RowCell::Text("a"), RowCell::Text("b")].into_iter()).unwrap_err().to_string();
        assert_eq!(odd, "output column \"n\" row 1 holds text, but the column holds whole numbers");
        let mut rows = ParquetRows::create(&path, &COLUMNS[2..3]).unwrap();
        let nan = rows.row([RowCell::F64(f64::NAN)].into_iter()).unwrap_err();
        assert!(matches!(nan, OutError::NonFinite { row: 0, .. }));
    }
}
