//! Parquet, only the mapped columns.

use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, BinaryArray, Int64Array, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::cell::{Cell, Record};
use crate::error::ReadError;
use crate::files::InputFile;
use crate::nearest::nearest;
use crate::options::Progress;
use crate::parquet_decoder;
use crate::rows::Rows;
use crate::stream::{Fingerprint, fingerprint};

/// Rows decoded at a time.
const BATCH_ROWS: usize = 8192;

/// Reads a whole Parquet file into the tables.
pub(crate) fn read_parquet(
    file: &InputFile,
    progress: &dyn Progress,
    rows: &mut Rows<'_>,
) -> Result<Fingerprint, ReadError> {
    let print = fingerprint(&file.path, &file.shown)?;
    let opened = File::open(&file.path).map_err(|e| ReadError::io(&file.shown, e))?;
    let bad = |source| ReadError::Parquet { file: file.shown.clone(), source };
    let builder = parquet_decoder::open(opened).map_err(bad)?;
    let places = locate(&builder, file, rows)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), places.iter().copied());
    let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(bad)?;
    let names: Vec<String> = rows.columns().map(str::to_owned).collect();
    let mut row = 0;
    for batch in parquet_decoder::batches(reader) {
        let batch = batch.map_err(bad)?;
        let columns =
            names.iter().map(|name| Column::of(&batch, name, file)).collect::<Result<Vec<_>, _>>()?;
        for inside in 0..batch.num_rows() {
            row += 1;
            rows.row(row, &ParquetRecord { columns: &columns, row: inside })?;
        }
    }
    progress.advance(print.bytes);
    Ok(print)
}

/// Root columns of the plan's names.
fn locate(
    builder: &ParquetRecordBatchReaderBuilder<File>,
    file: &InputFile,
    rows: &Rows<'_>,
) -> Result<Vec<usize>, ReadError> {
    let header: Vec<String> = builder.schema().fields().iter().map(|f| f.name().clone()).collect();
    rows.columns()
        .map(|column| {
            let mut places = (0..header.len()).filter(|&place| header[place] == column);
            let place = places.next().ok_or_else(|| ReadError::MissingColumn {
                source_name: rows.source().to_owned(),
                file: file.shown.clone(),
                column: column.into(),
                header: header.join(", ").into(),
                nearest: nearest(column, &header),
                delimiter: ',',
            })?;
            match places.next() {
                None => Ok(place),
                Some(_) => {
                    Err(ReadError::AmbiguousColumn { file: file.shown.clone(), column: column.to_owned() })
                }
            }
        })
        .collect()
}

/// A column of a batch in one of the shapes a cell can have.
pub(crate) enum Column {
    Text(StringArray),
    Number(StringArray),
    Bytes(BinaryArray),
    Instant(Int64Array),
    Local(Int64Array),
}

impl Column {
    pub(crate) fn of(batch: &RecordBatch, name: &str, file: &InputFile) -> Result<Self, ReadError> {
        let unsupported = |data_type: &DataType| ReadError::UnsupportedType {
            file: file.shown.clone(),
            column: name.to_owned(),
            data_type: data_type.to_string(),
        };
        let column = batch.column_by_name(name).ok_or_else(|| unsupported(&DataType::Null))?;
        let data_type = column.data_type();
        let to = |target: &DataType| cast(column, target).map_err(|_| unsupported(data_type));
        let plain = match data_type {
            DataType::Dictionary(_, inner) => inner.as_ref(),
            other => other,
        };
        Ok(match plain {
            DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Boolean
            | DataType::Null
            | DataType::Date32 => Self::Text(to(&DataType::Utf8)?.as_string().clone()),
            DataType::Date64 => {
                let days = to(&DataType::Date32)?;
                let text = cast(&days, &DataType::Utf8).map_err(|_| unsupported(data_type))?;
                Self::Text(text.as_string().clone())
            }
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::Bytes(to(&DataType::Binary)?.as_binary().clone()),
            DataType::Timestamp(_, zone) => {
                let ms = to(&DataType::Timestamp(TimeUnit::Millisecond, zone.clone()))?;
                let ms = ms.as_primitive::<TimestampMillisecondType>().reinterpret_cast::<Int64Type>();
                if zone.is_some() { Self::Instant(ms) } else { Self::Local(ms) }
            }
            number if number.is_numeric() => Self::Number(to(&DataType::Utf8)?.as_string().clone()),
            other => return Err(unsupported(other)),
        })
    }

    pub(crate) fn cell(&self, row: usize) -> Cell<'_> {
        let nulls: &dyn Array = match self {
            Self::Text(a) | Self::Number(a) => a,
            Self::Bytes(a) => a,
            Self::Instant(a) | Self::Local(a) => a,
        };
        if nulls.is_null(row) {
            return Cell::Missing;
        }
        match self {
            Self::Text(a) => Cell::Text(a.value(row).as_bytes()),
            Self::Number(a) => Cell::Number(a.value(row).as_bytes()),
            Self::Bytes(a) => Cell::Text(a.value(row)),
            Self::Instant(a) => Cell::Instant(a.value(row)),
            Self::Local(a) => Cell::Local(a.value(row)),
        }
    }
}

struct ParquetRecord<'a> {
    columns: &'a [Column],
    row: usize,
}

impl Record for ParquetRecord<'_> {
    fn cell(&self, slot: usize) -> Cell<'_> {
        self.columns[slot].cell(self.row)
    }
}
