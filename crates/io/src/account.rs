//! Where every row went.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

/// Why a row was rejected; ids are those of `rejected.csv`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowRule {
    /// A CSV record with another number of fields than the header.
    ColumnCount,
    /// Bytes that are not UTF-8.
    BadUtf8,
    /// A line that is not a JSON object.
    BadJson,
    /// No value in a required column.
    MissingRequired,
    /// Text that is not of the column's type.
    BadType,
    /// NaN or infinity.
    NonFinite,
    /// A number outside its range.
    OutOfRange,
    /// A time that is not in the declared format, impossible, or implausible.
    BadTimestamp,
    /// No customer, and the source does not accept guests.
    NoIdentity,
    /// Text that is not a currency code.
    BadCurrency,
    /// Another currency than the job's.
    FxMissing,
}

impl RowRule {
    /// The id in `rejected.csv`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::ColumnCount => "column_count",
            Self::BadUtf8 => "bad_utf8",
            Self::BadJson => "bad_json",
            Self::MissingRequired => "missing_required",
            Self::BadType => "bad_type",
            Self::NonFinite => "non_finite",
            Self::OutOfRange => "out_of_range",
            Self::BadTimestamp => "bad_timestamp",
            Self::NoIdentity => "no_identity",
            Self::BadCurrency => "bad_currency",
            Self::FxMissing => "fx_missing",
        }
    }

    /// What was expected, in a few words.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::ColumnCount => "a record has as many fields as the header",
            Self::BadUtf8 => "text is UTF-8",
            Self::BadJson => "a line is one JSON object",
            Self::MissingRequired => "this column needs a value",
            Self::BadType => "the cell is not of the type of its column",
            Self::NonFinite => "numbers are finite",
            Self::OutOfRange => "the number or length is outside its range",
            Self::BadTimestamp => "the time is not in the declared format or not plausible",
            Self::NoIdentity => "an event needs a customer id (or the source says guests = true)",
            Self::BadCurrency => "a currency is three upper-case letters",
            Self::FxMissing => "the row is not in the currency of the job and there is no rate",
        }
    }
}

/// One problem of a rejected row; a row may have several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Name of the source.
    pub source: Arc<str>,
    /// The file as named in the configuration.
    pub file: Arc<str>,
    /// CSV: physical line on which the record starts, the header being line 1; JSON: line; Parquet: row from 1.
    pub row: u64,
    /// Column of the file, `*` for the whole row.
    pub column: Arc<str>,
    /// The cell as it stands, cut at 200 bytes; `[redacted]` for `pii` columns.
    pub value: String,
    /// The broken rule.
    pub rule: RowRule,
    /// What probably happened.
    pub hint: Option<&'static str>,
}

/// Longest value kept in a [`Rejected`], in bytes.
pub const MAX_VALUE_BYTES: usize = 200;

/// Rows of one file by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileAccount {
    /// Name of the source.
    pub source: String,
    /// The file as named in the configuration.
    pub file: String,
    /// Rows in the file, the header not counted.
    pub rows_read: u64,
    /// Rows in the tables.
    pub accepted: u64,
    /// Accepted rows without a customer, contained in `accepted`.
    pub accepted_guests: u64,
    /// Rows that repeat an accepted one.
    pub merged: u64,
    /// Rows kept out by a named rule of the source; `unknown_event` are names without a kind.
    pub set_aside: BTreeMap<String, u64>,
    /// Rows rejected, by the first rule they break.
    pub rejected: BTreeMap<String, u64>,
    /// Oddities of rows that were kept.
    pub warnings: BTreeMap<String, u64>,
    /// Event names without a kind and their rows; at most [`FileAccount::MAX_UNKNOWN_EVENTS`] names.
    pub unknown_events: BTreeMap<String, u64>,
}

impl FileAccount {
    /// Most names in `unknown_events`.
    pub const MAX_UNKNOWN_EVENTS: usize = 1000;

    /// Rows whose event name has no kind are set aside under this name.
    pub const UNKNOWN_EVENT: &str = "unknown_event";

    /// Rows set aside by any rule.
    #[must_use]
    pub fn n_set_aside(&self) -> u64 {
        self.set_aside.values().sum()
    }

    /// Rows rejected for any reason.
    #[must_use]
    pub fn n_rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Rejected rows per row read; 0 for an empty file.
    #[must_use]
    pub fn rejected_share(&self) -> f64 {
        if self.rows_read == 0 { 0.0 } else { self.n_rejected() as f64 / self.rows_read as f64 }
    }

    /// Whether every row read is in exactly one place.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.rows_read == self.accepted + self.merged + self.n_set_aside() + self.n_rejected()
    }

    fn add(&mut self, other: &Self) {
        self.rows_read += other.rows_read;
        self.accepted += other.accepted;
        self.accepted_guests += other.accepted_guests;
        self.merged += other.merged;
        for (sums, parts) in [
            (&mut self.set_aside, &other.set_aside),
            (&mut self.rejected, &other.rejected),
            (&mut self.warnings, &other.warnings),
            (&mut self.unknown_events, &other.unknown_events),
        ] {
            for (name, n) in parts {
                *sums.entry(name.clone()).or_default() += n;
            }
        }
    }
}

/// Where every row of every file went, files in the order they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Accounting {
    /// One entry per file.
    pub files: Vec<FileAccount>,
}

impl Accounting {
    /// All files together; `source` and `file` are empty.
    #[must_use]
    pub fn total(&self) -> FileAccount {
        let mut total = FileAccount::default();
        for file in &self.files {
            total.add(file);
        }
        total
    }

    /// Whether every row of every file is in exactly one place.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.files.iter().all(FileAccount::adds_up)
    }

    /// The first file with a larger share of rejected rows than `max_rejected_share` (0 to 1).
    #[must_use]
    pub fn beyond(&self, max_rejected_share: f64) -> Option<&FileAccount> {
        self.files.iter().find(|file| file.rejected_share() > max_rejected_share)
    }
}

/// Writes `rejected.csv`: source, file, row, column, value, rule, message, hint.
///
/// # Errors
/// Of the file system; the file is synced before this returns.
pub fn write_rejected(path: &Path, rejected: &[Rejected]) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(io::BufWriter::new(File::create(path)?));
    writer.write_record(["source", "file", "row", "column", "value", "rule", "message", "hint"])?;
    for r in rejected {
        let row = r.row.to_string();
        writer.write_record([
            &*r.source,
            &*r.file,
            &row,
            &*r.column,
            &r.value,
            r.rule.id(),
            r.rule.message(),
            r.hint.unwrap_or_default(),
        ])?;
    }
    let buffer = writer.into_inner().map_err(|e| io::Error::new(e.error().kind(), e.to_string()))?;
    buffer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}
