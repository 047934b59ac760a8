//! Files to tables, and columns to files.
//!
//! [`read`] takes the sources of a job (CSV, JSON lines, Parquet; packed or not) and returns checked
//! [`Tables`](bespoke::tables::Tables) together with an [`Accounting`] in which every row read is in exactly one
//! place: accepted, merged, set aside by a named rule, or rejected. Files are streamed: one thread reads and unpacks,
//! one finds the fields of CSV records, the caller's checks the rows, one recognises repeats. Which of them is faster
//! changes nothing in the result.
//!
//! What is deliberately absent: sniffing. Delimiters, decimal signs, time formats and zones are declared. [`head`] and
//! [`sample`] show how a file begins to those who propose a declaration.

mod account;
mod back;
mod cell;
mod config;
mod csv_rows;
mod error;
mod files;
mod json_rows;
mod kinds;
mod nearest;
mod options;
mod out;
mod out_rows;
mod parquet_decoder;
mod parquet_rows;
mod plan;
mod read;
mod required;
mod rows;
mod rules;
mod sample;
mod seen;
mod stream;
mod time;

pub use account::{Accounting, FileAccount, MAX_VALUE_BYTES, Rejected, RowRule, write_rejected};
pub use back::{ReadBack, ReadBackError, read_columns};
pub use config::{
    AttributeConfig, AttributeType, Columns, Duplicates, FileFormat, IdStyle, IdStyles, Paths, RuleAction,
    RuleConfig, RuleTest, SourceConfig, TableName, TimeConfig,
};
pub use error::ReadError;
pub use options::{MAX_REJECTED, Progress, ReadOptions};
pub use out::{OutColumn, OutError, OutValues, write_csv, write_parquet};
pub use out_rows::{ParquetRows, RowCell, RowKind};
pub use read::{ReadOutcome, check, read};
pub use sample::{CellShape, Days, MAX_COLUMNS, Sample, SampledColumn, Times, head, known_event, sample};
pub use stream::Fingerprint;
