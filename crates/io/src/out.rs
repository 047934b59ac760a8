//! Columns to Parquet and CSV files.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
    UInt32Array,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bespoke::tables::IdList;
use bespoke::types::Timestamp;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use thiserror::Error;

/// Rows handed to the encoder at a time.
pub(crate) const CHUNK_ROWS: usize = 1 << 16;
/// Most rows of a row group.
const GROUP_ROWS: usize = 1 << 20;
/// Bytes of a row group, packed: what the encoder of an open file holds. A world has fifteen files open.
const GROUP_BYTES: usize = 4 << 20;

/// A named column of an output file.
#[derive(Clone, Debug)]
pub struct OutColumn<'a> {
    /// Name in the file.
    pub name: &'a str,
    /// Cells, one per row.
    pub values: OutValues<'a>,
}

impl<'a> OutColumn<'a> {
    /// A column of that name.
    #[must_use]
    pub fn new(name: &'a str, values: OutValues<'a>) -> Self {
        Self { name, values }
    }
}

/// Cells of an [`OutColumn`]; `None` is an empty cell.
#[derive(Clone, Debug)]
pub enum OutValues<'a> {
    /// Row `i` is id `i` of the list.
    Ids(&'a IdList),
    /// Row `i` is id `codes[i]` of the list.
    IdCodes {
        /// The ids.
        ids: &'a IdList,
        /// Which id each row has.
        codes: Vec<u32>,
    },
    /// Row `i` is `names[codes[i]]`: few distinct texts, many rows.
    Coded {
        /// The distinct texts.
        names: Vec<Cow<'a, str>>,
        /// Which text each row has.
        codes: Vec<Option<u32>>,
    },
    /// Texts.
    Text(Vec<Option<Cow<'a, str>>>),
    /// Finite numbers.
    F64(Vec<Option<f64>>),
    /// Whole numbers.
    I64(Vec<Option<i64>>),
    /// Counts.
    U32(Vec<Option<u32>>),
    /// Yes or no.
    Bool(Vec<Option<bool>>),
    /// Instants; UTC in Parquet, RFC 3339 in CSV.
    TimestampMs(Vec<Option<Timestamp>>),
}

/// Why an output file cannot be written.
#[non_exhaustive]
#[derive(Debug, Error)]
pub enum OutError {
    /// Columns of different length.
    #[error("output column \"{column}\" has {got} rows, the first column has {expected}")]
    Rows {
        /// The odd column.
        column: String,
        /// Its rows.
        got: usize,
        /// Rows of the first column.
        expected: usize,
    },
    /// A number that is NaN or infinite.
    #[error("output column \"{column}\" row {row} is {number}, but it must be finite or empty")]
    NonFinite {
        /// The column.
        column: String,
        /// Row from 0.
        row: usize,
        /// The number.
        number: f64,
    },
    /// A row with too many or too few cells.
    #[error("output row {row} has {got} cells, but the table has {expected} columns")]
    Cells {
        /// Row from 0.
        row: u64,
        /// Its cells.
        got: usize,
        /// Columns of the table.
        expected: usize,
    },
    /// A cell of another kind than its column.
    #[error("output column \"{column}\" row {row} holds {got}, but the column holds {expected}")]
    Kind {
        /// The column.
        column: String,
        /// Row from 0.
        row: u64,
        /// What the cell is.
        got: &'static str,
        /// What the column is.
        expected: &'static str,
    },
    /// The file system refuses.
    #[error("the output file cannot be written")]
    Io(#[from] io::Error),
    /// The Parquet encoder refuses.
    #[error("the output file cannot be encoded as Parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
}

impl OutValues<'_> {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Ids(ids) => ids.len(),
            Self::IdCodes { codes, .. } => codes.len(),
            Self::Coded { codes, .. } => codes.len(),
            Self::Text(cells) => cells.len(),
            Self::F64(cells) => cells.len(),
            Self::I64(cells) => cells.len(),
            Self::U32(cells) => cells.len(),
            Self::Bool(cells) => cells.len(),
            Self::TimestampMs(cells) => cells.len(),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn text(&self, row: usize) -> Option<&str> {
        match self {
            Self::Ids(ids) => Some(ids.get(row)),
            Self::IdCodes { ids, codes } => Some(ids.get(codes[row] as usize)),
            Self::Coded { names, codes } => codes[row].map(|code| &*names[code as usize]),
            Self::Text(cells) => cells[row].as_deref(),
            _ => None,
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Ids(_) | Self::IdCodes { .. } | Self::Coded { .. } | Self::Text(_) => DataType::Utf8,
            Self::F64(_) => DataType::Float64,
            Self::I64(_) => DataType::Int64,
            Self::U32(_) => DataType::UInt32,
            Self::Bool(_) => DataType::Boolean,
            Self::TimestampMs(_) => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        }
    }

    fn array(&self, rows: Range<usize>) -> ArrayRef {
        match self {
            Self::F64(cells) => Arc::new(cells[rows].iter().copied().collect::<Float64Array>()),
            Self::I64(cells) => Arc::new(cells[rows].iter().copied().collect::<Int64Array>()),
            Self::U32(cells) => Arc::new(cells[rows].iter().copied().collect::<UInt32Array>()),
            Self::Bool(cells) => Arc::new(cells[rows].iter().copied().collect::<BooleanArray>()),
            Self::TimestampMs(cells) => {
                let ms = cells[rows].iter().map(|cell| cell.map(|t| t.0));
                Arc::new(ms.collect::<TimestampMillisecondArray>().with_timezone("UTC"))
            }
            _ => Arc::new(rows.map(|row| self.text(row)).collect::<StringArray>()),
        }
    }

    /// The cell as CSV text, appended.
    fn print(&self, row: usize, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::F64(cells) => cells[row].map_or(Ok(()), |cell| write!(out, "{cell}")),
            Self::I64(cells) => cells[row].map_or(Ok(()), |cell| write!(out, "{cell}")),
            Self::U32(cells) => cells[row].map_or(Ok(()), |cell| write!(out, "{cell}")),
            Self::Bool(cells) => cells[row].map_or(Ok(()), |cell| write!(out, "{cell}")),
            Self::TimestampMs(cells) => cells[row].map_or(Ok(()), |cell| write!(out, "{cell}")),
            _ => out.write_all(self.text(row).unwrap_or_default().as_bytes()),
        }
    }
}

/// Number of rows, after a check of every column.
fn checked(columns: &[OutColumn<'_>]) -> Result<usize, OutError> {
    let n_rows = columns.first().map_or(0, |column| column.values.len());
    for OutColumn { name, values } in columns {
        if values.len() != n_rows {
            let (column, got) = ((*name).to_owned(), values.len());
            return Err(OutError::Rows { column, got, expected: n_rows });
        }
        if let OutValues::F64(cells) = values
            && let Some((row, number)) =
                cells.iter().enumerate().find_map(|(row, c)| c.filter(|n| !n.is_finite()).map(|n| (row, n)))
        {
            return Err(OutError::NonFinite { column: (*name).to_owned(), row, number });
        }
    }
    Ok(n_rows)
}

/// Writes columns as a Parquet file (Snappy) and syncs it; same columns, same bytes.
///
/// # Errors
/// [`OutError`]: columns of different length, numbers that are not finite, the file system.
pub fn write_parquet(path: &Path, columns: &[OutColumn<'_>]) -> Result<(), OutError> {
    let n_rows = checked(columns)?;
    let fields: Vec<Field> =
        columns.iter().map(|c| Field::new(c.name, c.values.data_type(), may_be_empty(&c.values))).collect();
    let mut file = ParquetFile::create(path, Schema::new(fields))?;
    for start in (0..n_rows).step_by(CHUNK_ROWS) {
        let rows = start..(start + CHUNK_ROWS).min(n_rows);
        file.write(columns.iter().map(|c| c.values.array(rows.clone())).collect())?;
    }
    file.finish()
}

/// A Parquet file that is being written: same arrays in the same pieces, same bytes.
pub(crate) struct ParquetFile {
    writer: ArrowWriter<BufWriter<File>>,
    schema: SchemaRef,
}

impl ParquetFile {
    /// Begins a file, replacing one of that name.
    pub(crate) fn create(path: &Path, schema: Schema) -> Result<Self, OutError> {
        let schema = Arc::new(schema);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by("bespoke".to_owned())
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .build();
        let options = ArrowWriterOptions::new().with_properties(properties);
        let file = BufWriter::new(File::create(path)?);
        let writer = ArrowWriter::try_new_with_options(file, Arc::clone(&schema), options)?;
        Ok(Self { writer, schema })
    }

    /// Takes the next rows, an array per column.
    pub(crate) fn write(&mut self, arrays: Vec<ArrayRef>) -> Result<(), OutError> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(parquet::errors::ParquetError::from)?;
        Ok(self.writer.write(&batch)?)
    }

    /// Ends the file and syncs it.
    pub(crate) fn finish(self) -> Result<(), OutError> {
        let file = self.writer.into_inner()?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(())
    }
}

fn may_be_empty(values: &OutValues<'_>) -> bool {
    !matches!(values, OutValues::Ids(_) | OutValues::IdCodes { .. })
}

/// Writes columns as a CSV file with a header (UTF-8, LF, quotes where needed, empty = no value) and syncs it.
///
/// # Errors
/// As [`write_parquet`].
pub fn write_csv(path: &Path, columns: &[OutColumn<'_>]) -> Result<(), OutError> {
    let n_rows = checked(columns)?;
    let mut writer = csv::Writer::from_writer(File::create(path)?);
    writer.write_record(columns.iter().map(|column| column.name)).map_err(io::Error::from)?;
    let mut cell = Vec::new();
    for row in 0..n_rows {
        for column in columns {
            cell.clear();
            column.values.print(row, &mut cell)?;
            writer.write_field(&cell).map_err(io::Error::from)?;
        }
        writer.write_record(None::<&[u8]>).map_err(io::Error::from)?;
    }
    let file = writer.into_inner().map_err(|e| io::Error::new(e.error().kind(), e.to_string()))?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(ids: &IdList) -> Vec<OutColumn<'_>> {
        vec![
            OutColumn::new("customer_id", OutValues::Ids(ids)),
            OutColumn::new("other", OutValues::IdCodes { ids, codes: vec![2, 0, 0] }),
            OutColumn::new(
                "persona",
                OutValues::Coded {
                    names: vec!["low".into(), "high".into()],
                    codes: vec![Some(1), None, Some(0)],
                },
            ),
            OutColumn::new("note", OutValues::Text(vec![None, Some("a,b".into()), Some("q\"\n".into())])),
            OutColumn::new("p", OutValues::F64(vec![Some(0.1), None, Some(1e-7)])),
            OutColumn::new("n", OutValues::U32(vec![Some(1), Some(2), None])),
            OutColumn::new("i", OutValues::I64(vec![Some(-1), None, Some(2)])),
            OutColumn::new("yes", OutValues::Bool(vec![Some(true), None, Some(false)])),
            OutColumn::new("at", OutValues::TimestampMs(vec![Some(Timestamp(0)), None, None])),
        ]
    }

    #[test]
    fn csv_is_as_written_by_hand() {
        let dir = tempfile::tempdir().unwrap();
        let ids: IdList = ["a", "b", "ü"].into_iter().collect();
        let path = dir.path().join("t.csv");
        write_csv(&path, &columns(&ids)).unwrap();
        let expected = "customer_id,other,persona,note,p,n,i,yes,at\n\
            a,ü,high,,0.1,1,-1,true,1970-01-01T00:00:00Z\n\
            b,a,,\"a,b\",,2,,,\n\
            ü,a,low,\"q\"\"\n\",0.0000001,,2,false,\n";
        assert_eq!(std::fs::read_to_string(path).unwrap(), expected);
    }

    #[test]
    fn parquet_reads_back_and_has_the_same_bytes_twice() {
        use arrow_array::cast::AsArray;
        let dir = tempfile::tempdir().unwrap();
        let ids: IdList = ["a", "b", "ü"].into_iter().collect();
        let paths = ["1", "2"].map(|name| dir.path().join(name));
        for path in &paths {
            write_parquet(path, &columns(&ids)).unwrap();
        }
        let bytes = paths.clone().map(|path| std::fs::read(path).unwrap());
        assert_eq!(bytes[0], bytes[1]);
        let file = File::open(&paths[0]).unwrap();
        let builder = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let batch = builder.build().unwrap().next().unwrap().unwrap();
        let texts = |n: usize| batch.column(n).as_string::<i32>().iter().collect::<Vec<_>>();
        assert_eq!(texts(0), [Some("a"), Some("b"), Some("ü")]);
        assert_eq!(texts(1), [Some("ü"), Some("a"), Some("a")]);
        assert_eq!(texts(2), [Some("high"), None, Some("low")]);
        let p = batch.column(4).as_primitive::<arrow_array::types::Float64Type>();
        assert_eq!(p.iter().collect::<Vec<_>>(), [Some(0.1), None, Some(1e-7)]);
        assert_eq!(batch.num_rows(), 3);
    }

    #[test]
    fn odd_columns_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t");
        let short = [
            OutColumn::new("a", OutValues::U32(vec![None, None])),
            OutColumn::new("b", OutValues::U32(vec![None])),
        ];
        assert!(matches!(write_csv(&path, &short), Err(OutError::Rows { got: 1, expected: 2, .. })));
        let nan = [OutColumn::new("a", OutValues::F64(vec![Some(0.0), Some(f64::NAN)]))];
        assert!(matches!(write_parquet(&path, &nan), Err(OutError::NonFinite { row: 1, .. })));
        assert!(matches!(
            write_csv(&dir.path().join("no/dir"), &nan[..0]),
            Err(OutError::Io(e)) if e.kind() == io::ErrorKind::NotFound
        ));
    }

    #[test]
    fn no_rows_give_a_file_with_its_columns() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.parquet");
        write_parquet(&path, &[OutColumn::new("a", OutValues::U32(Vec::new()))]).unwrap();
        assert!(std::fs::metadata(path).unwrap().len() > 0);
    }
}
