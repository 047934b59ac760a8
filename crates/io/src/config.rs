//! What a `[source.NAME]` table of `bespoke.toml` may say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bespoke::types::EventKind;
use serde::{Deserialize, Serialize};

/// One source: where its files are and how their columns become events, customers or items.
///
/// Nothing is sniffed: what is not declared has the default stated here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// A file, a list of files, or globs (`orders-*.csv.gz`); relative to the configuration file. All files are
    /// read in the order of their sorted names.
    pub path: Paths,
    /// What a row is. Default `events`.
    #[serde(default)]
    pub table: TableName,
    /// File format. Default by extension: `.csv .tsv .txt`, `.jsonl .ndjson`, `.parquet`, each also with `.gz`
    /// or `.zst` (Parquet compresses by itself).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FileFormat>,
    /// CSV: one ASCII character between fields, or `spaces` for tables set with any number of them. Default `,` (tab
    /// for `.tsv`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// Decimal sign of numbers in text: `.` or `,`. Default `.`; there are no thousands separators.
    #[serde(default = "point")]
    pub decimal: char,
    /// Texts that mean "no value". Default: the empty text only.
    #[serde(default = "empty_text")]
    pub null: Vec<String>,
    /// What every event of this source is, for example `purchase`. Either this or `columns.event`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EventKind>,
    /// Event names of this source to kinds, for example `{ "page" = "view" }`. Goes before the names that are known
    /// anyway: those of [`EventKind`], Segment, GA4 and Amazon Personalize. Rows with any other name are set aside as
    /// `unknown_event`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kind_map: BTreeMap<String, EventKind>,
    /// What repeated events are. Default `merge`.
    #[serde(default)]
    pub duplicates: Duplicates,
    /// Accepts events without a customer id as guests: they count for popularity, for no customer. Default
    /// `false`: such rows are rejected.
    #[serde(default)]
    pub guests: bool,
    /// Customers: every row is a customer of its own, and its number in the file (as in messages) is the id. For a
    /// single file without a key. Default `false`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rows_are_customers: bool,
    /// How times are written.
    #[serde(default)]
    pub time: TimeConfig,
    /// Canonical column = column of the file.
    #[serde(default)]
    pub columns: Columns,
    /// Repairs of ids, for example `{ customer_id = "integer" }`. Without it ids are left untouched: `007` and
    /// `7` are two.
    #[serde(default)]
    pub id_style: IdStyles,
    /// Demographic columns, name = column and type; for `events` and `customers`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub customer_attributes: BTreeMap<String, AttributeConfig>,
    /// Row rules, tried before any check of the row. The first matching `set_aside` rule keeps the row out;
    /// else the first matching rule that names a kind decides what the event is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rule: Vec<RuleConfig>,
    /// Columns of the file whose values never appear in messages and `rejected.csv`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pii: Vec<String>,
    /// The directory relative paths start from; see [`SourceConfig::resolve`].
    #[serde(skip)]
    pub base: PathBuf,
}

impl SourceConfig {
    /// The same source with relative paths taken from the directory `base`; names in reports stay as written.
    #[must_use]
    pub fn resolve(mut self, base: &Path) -> Self {
        self.base = base.to_owned();
        self
    }
}

fn point() -> char {
    '.'
}

fn empty_text() -> Vec<String> {
    vec![String::new()]
}

/// One path or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Paths {
    /// One file or glob.
    One(String),
    /// Several files or globs.
    Many(Vec<String>),
}

impl Paths {
    /// The paths as written.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Many(paths) => paths,
        }
    }
}

/// The table a source fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableName {
    /// One row per event.
    #[default]
    Events,
    /// One row per customer and statement.
    Customers,
    /// One row per item and statement.
    Items,
}

/// Formats that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// RFC 4180 with a header line.
    Csv,
    /// One JSON object per line; nested fields are named with dots (`properties.price`).
    Jsonl,
    /// Parquet; only the mapped columns are read.
    Parquet,
}

/// What repeated events are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// Rows of this source with the same `event_id`, or without that column rows that repeat an earlier one in
    /// every mapped column, are one event; the first stays.
    #[default]
    Merge,
    /// Every row is an event.
    Keep,
}

/// How times are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeConfig {
    /// `rfc3339` (default), `epoch_s`, `epoch_ms`, `epoch_us`, or a strftime pattern such as
    /// `%Y-%m-%d %H:%M:%S`.
    #[serde(default = "rfc3339")]
    pub format: String,
    /// IANA zone of times without an offset, for example `Europe/London`. Required for patterns without `%z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl Default for TimeConfig {
    fn default() -> Self {
        Self { format: rfc3339(), zone: None }
    }
}

fn rfc3339() -> String {
    "rfc3339".to_owned()
}

/// Canonical columns and the columns of the file that hold them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Columns {
    /// Customer; required for events (unless `guests`) and customers (unless `rows_are_customers`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// Item; required for items. An events source that maps it has it in every row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    /// When it happened (events, required) or was stated (customers, items; without it the statement counts as
    /// older than any dated one).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Name of the event; see `kind_map`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Unique id of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Units; without it 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    /// Events: price of one unit after discount. Items: list price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// Net revenue of the line; goes before price times quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revenue: Option<String>,
    /// Currency of the row; must be the currency of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Order the line belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// Sales or contact channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Name of the item for people; blanks at either end are cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Category of the item; blanks at either end are cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Items: first instant at which it may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_from: Option<String>,
    /// Items: first instant at which it may no longer be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_to: Option<String>,
    /// Items: units in stock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stock: Option<String>,
}

/// Declared repairs of ids by canonical column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdStyles {
    /// Of `customer_id`.
    pub customer_id: IdStyle,
    /// Of `item_id`.
    pub item_id: IdStyle,
    /// Of `order_id`.
    pub order_id: IdStyle,
}

/// How an id is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdStyle {
    /// As it stands, 1 to 255 bytes.
    #[default]
    Text,
    /// Digits; a decimal point with zeros behind them (`17850.0`) is cut, anything else is rejected.
    Integer,
}

/// A demographic column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeConfig {
    /// Column of the file.
    pub column: String,
    /// Type of its cells.
    #[serde(rename = "type")]
    pub kind: AttributeType,
    /// `yes_no`: texts that mean yes besides `true`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub yes: Vec<String>,
    /// `yes_no`: texts that mean no besides `false`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no: Vec<String>,
    /// `date`: strftime pattern. Default `%Y-%m-%d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// Types of demographic columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    /// Finite number.
    Number,
    /// Yes or no.
    YesNo,
    /// Text level; blanks at either end are cut.
    Category,
    /// Calendar day.
    Date,
}

/// A named row rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Name under which rows are counted.
    pub name: String,
    /// Which rows.
    pub when: RuleTest,
    /// What becomes of them.
    pub then: RuleAction,
}

/// A test of one column; it holds when any of the given conditions holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleTest {
    /// Column of the file.
    pub column: String,
    /// The cell is this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    /// The cell is one of these texts.
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<String>,
    /// The cell begins with this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_with: Option<String>,
    /// The cell matches this regular expression (anywhere: anchor with `^` and `$`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// The cell is a number of at most this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// The cell is a number of at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// The cell holds no value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
}

/// What becomes of a row under a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// Kept out of the tables and counted under the rule's name.
    SetAside,
    /// The event is a purchase.
    Purchase,
    /// The event is a refund: quantity and amounts count without their sign.
    Refund,
    /// The event is a view.
    View,
    /// The event is an addition to the cart.
    CartAdd,
    /// The event is a removal from the cart.
    CartRemove,
    /// The event is an exposure.
    Exposure,
    /// The event is a click.
    Click,
    /// The event is a dismissal.
    Dismissal,
}

impl RuleAction {
    /// The kind it names; `None` for [`RuleAction::SetAside`].
    #[must_use]
    pub fn kind(self) -> Option<EventKind> {
        Some(match self {
            Self::SetAside => return None,
            Self::Purchase => EventKind::Purchase,
            Self::Refund => EventKind::Refund,
            Self::View => EventKind::View,
            Self::CartAdd => EventKind::CartAdd,
            Self::CartRemove => EventKind::CartRemove,
            Self::Exposure => EventKind::Exposure,
            Self::Click => EventKind::Click,
            Self::Dismissal => EventKind::Dismissal,
        })
    }
}
