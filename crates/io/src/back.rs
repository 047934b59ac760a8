//! Columns of our own output files, read back.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use thiserror::Error;

use crate::parquet_decoder;

/// A column that was read back.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadBack {
    /// Texts.
    Text(Vec<Option<String>>),
    /// Numbers of any kind.
    Number(Vec<Option<f64>>),
}

/// Why a file cannot be read back.
#[non_exhaustive]
#[derive(Debug, Error)]
pub enum ReadBackError {
    /// The file system refuses.
    #[error("the file cannot be opened")]
    Io(#[from] std::io::Error),
    /// It is not Parquet, or damaged.
    #[error("the file is not whole Parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// A column cannot be read as text or number.
    #[error("a column has a type that is not expected")]
    Arrow(#[from] arrow_schema::ArrowError),
    /// A column is absent.
    #[error("column \"{0}\" is not there")]
    Absent(String),
}

/// Reads columns of a Parquet file, in the order of `names`.
///
/// # Errors
/// [`ReadBackError`] when the file is not readable, not whole or lacks a column.
pub fn read_columns(path: &Path, names: &[&str]) -> Result<Vec<ReadBack>, ReadBackError> {
    let builder = parquet_decoder::open(File::open(path)?)?;
    let schema = builder.schema();
    let place = |name: &str| schema.index_of(name).map_err(|_| ReadBackError::Absent(name.to_owned()));
    let places = names.iter().map(|name| place(name)).collect::<Result<Vec<_>, _>>()?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), places);
    let reader = builder.with_projection(mask).build()?;
    let mut columns: Vec<Option<ReadBack>> = vec![None; names.len()];
    for batch in parquet_decoder::batches(reader) {
        let batch = batch?;
        for (name, column) in names.iter().zip(&mut columns) {
            let array =
                batch.column_by_name(name).ok_or_else(|| ReadBackError::Absent((*name).to_owned()))?;
            append(column, array)?;
        }
    }
    Ok(columns.into_iter().map(|column| column.unwrap_or(ReadBack::Text(Vec::new()))).collect())
}

fn append(column: &mut Option<ReadBack>, array: &ArrayRef) -> Result<(), ReadBackError> {
    let text = match array.data_type() {
        DataType::Utf8 => true,
        DataType::Dictionary(_, of) => **of == DataType::Utf8,
        _ => false,
    };
    let empty = || if text { ReadBack::Text(Vec::new()) } else { ReadBack::Number(Vec::new()) };
    match column.get_or_insert_with(empty) {
        ReadBack::Text(cells) => {
            let array = cast(array, &DataType::Utf8)?;
            cells.extend(array.as_string::<i32>().iter().map(|cell| cell.map(str::to_owned)));
        }
        ReadBack::Number(cells) => {
            let array = cast(array, &DataType::Float64)?;
            cells.extend(array.as_primitive::<Float64Type>().iter());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::{OutColumn, OutValues, write_parquet};

    #[test]
    fn what_is_written_is_read_back() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = OutValues::Text(vec![Some(Cow::Borrowed("a\n\"é")), None]);
        let number = OutValues::U32(vec![None, Some(7)]);
        write_parquet(file.path(), &[OutColumn::new("t", text), OutColumn::new("n", number)]).unwrap();
        let read = read_columns(file.path(), &["n", "t"]).unwrap();
        assert_eq!(read[0], ReadBack::Number(vec![None, Some(7.0)]));
        assert_eq!(read[1], ReadBack::Text(vec![Some("a\n\"é".into()), None]));
        assert!(matches!(read_columns(file.path(), &["x"]), Err(ReadBackError::Absent(_))));
        std::fs::write(file.path(), b"PAR1").unwrap();
        assert!(read_columns(file.path(), &["n"]).is_err());
    }
}
