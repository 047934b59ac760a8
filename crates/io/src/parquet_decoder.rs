//! Decoding Parquet: damage is an error, also where the decoder panics.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

/// Opens a file with the types of Parquet's own schema: the Arrow schema that some writers embed says little more.
pub(crate) fn open(file: File) -> Result<ParquetRecordBatchReaderBuilder<File>, ParquetError> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    guarded(|| ParquetRecordBatchReaderBuilder::try_new_with_options(file, options))
}

/// The batches up to the first error.
pub(crate) fn batches(
    reader: ParquetRecordBatchReader,
) -> impl Iterator<Item = Result<RecordBatch, ParquetError>> {
    let mut reader = Some(reader);
    std::iter::from_fn(move || {
        let decoder = reader.as_mut()?;
        let batch = guarded(|| Ok(decoder.next().transpose()?)).transpose();
        if !matches!(batch, Some(Ok(_))) {
            reader = None;
        }
        batch
    })
}

/// Pages carry no checksum that is surely there, so damaged bytes reach the decoder, which asserts what it expects. It
/// is not used again afterwards.
fn guarded<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(ParquetError::General("the file is damaged".to_owned())))
}
