//! Refusals of whole files or sources: nothing can be read, so nothing may be published.

use std::io;

use thiserror::Error;

/// Why a source cannot be read at all. Bad rows are not errors: see [`Accounting`](crate::Accounting).
#[non_exhaustive]
#[derive(Debug, Error)]
pub enum ReadError {
    /// The configuration of a source breaks a rule.
    #[error("source.{source_name}.{key} is {value}, but it must be {rule}")]
    Config {
        /// Name of the source.
        source_name: String,
        /// Dotted key below the source.
        key: String,
        /// The refused value.
        value: String,
        /// What it must be.
        rule: String,
    },
    /// The currency of the job is not a code.
    #[error("currency is \"{0}\", but it must be three upper-case letters (ISO 4217)")]
    Currency(String),
    /// A required canonical column is not mapped.
    #[error(
        "source.{source_name}.columns.{column} is missing: name the column of the file that holds it{hint}"
    )]
    Unmapped {
        /// Name of the source.
        source_name: String,
        /// The canonical column.
        column: &'static str,
        /// Another way out, if there is one.
        hint: &'static str,
    },
    /// A path leads nowhere.
    #[error("{file}: no such file (source.{source_name}.path is relative to the configuration file)")]
    MissingFile {
        /// Name of the source.
        source_name: String,
        /// The file as named in the configuration.
        file: String,
    },
    /// A glob matches nothing, or the list is empty.
    #[error("source.{source_name}.path: no file matches \"{pattern}\"")]
    NoMatch {
        /// Name of the source.
        source_name: String,
        /// The pattern.
        pattern: String,
    },
    /// A mapped column is not in the header.
    #[error(
        "{file}: no column \"{column}\" (mapped in source.{source_name}); the file has: {header}. \
         {}check the mapping and the delimiter ('{delimiter}')",
        nearest_hint(nearest)
    )]
    MissingColumn {
        /// Name of the source.
        source_name: String,
        /// The file.
        file: String,
        /// The column that was looked for.
        column: Box<str>,
        /// The columns the file has.
        header: Box<str>,
        /// The most similar of them.
        nearest: Option<Box<str>>,
        /// The delimiter the header was split by.
        delimiter: char,
    },
    /// A mapped column is twice in the header.
    #[error("{file}: column \"{column}\" is in the header more than once; rename one of them")]
    AmbiguousColumn {
        /// The file.
        file: String,
        /// The column.
        column: String,
    },
    /// The compressed stream ends early.
    #[error("{file}: the compressed file ends too early (an interrupted copy?); fetch it again")]
    Truncated {
        /// The file.
        file: String,
    },
    /// A quoted field runs on to the end of the file or beyond any sensible length.
    #[error("{file} row {row}: a record that starts here does not end (a quote that is never closed?)")]
    EndlessRecord {
        /// The file.
        file: String,
        /// Physical line on which the record starts.
        row: u64,
    },
    /// Text in UTF-16.
    #[error("{file}: the file is UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)")]
    Utf16 {
        /// The file.
        file: String,
    },
    /// A Parquet column of a type that has no reading.
    #[error(
        "{file}: column \"{column}\" has type {data_type}, which cannot be read; cast it to text or a number"
    )]
    UnsupportedType {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Its Arrow type.
        data_type: String,
    },
    /// The Parquet reader refuses the file.
    #[error("{file}: not readable as Parquet (incomplete or damaged?)")]
    Parquet {
        /// The file.
        file: String,
        /// The reader's cause.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// The operating system or the decompressor refuses the file.
    #[error("{file}: cannot be read")]
    Io {
        /// The file.
        file: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// More than 2^32 - 2 events, which is beyond the tables.
    #[error("{file} row {row}: more events than the tables can number (4,294,967,294)")]
    TooManyEvents {
        /// The file.
        file: String,
        /// The first row without a place.
        row: u64,
    },
}

fn nearest_hint(nearest: &Option<Box<str>>) -> String {
    nearest.as_ref().map_or_else(String::new, |name| format!("Did you mean \"{name}\"? If not, "))
}

impl ReadError {
    /// An error of the stream of `file`.
    pub(crate) fn io(file: &str, source: io::Error) -> Self {
        let file = file.to_owned();
        match source.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated { file },
            _ => Self::Io { file, source },
        }
    }
}

/// A key of a source that breaks a rule.
pub(crate) fn refusal(source: &str, key: &str, value: &str, rule: &str) -> ReadError {
    ReadError::Config {
        source_name: source.to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
        rule: rule.to_owned(),
    }
}
