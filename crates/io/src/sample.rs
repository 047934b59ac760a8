//! How a file begins: its first bytes, and its first rows as texts. For those who propose a configuration; reading
//! itself never looks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use bespoke::types::{EventKind, Timestamp};
use serde_json::Value;

use crate::cell::Cell;
use crate::config::{FileFormat, SourceConfig, TimeConfig};
use crate::csv_rows::{Batch, Splitter};
use crate::error::ReadError;
use crate::files::{InputFile, expand};
use crate::kinds;
use crate::parquet_decoder;
use crate::parquet_rows::Column;
use crate::stream::{Blocks, with_blocks};
use crate::time::{DateParser, TimeParser};

/// The first rows of a file, by column.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Columns in the order of the file.
    pub columns: Vec<SampledColumn>,
    /// Rows that were looked at; every column has a cell for each.
    pub n_rows: usize,
    /// Rows left out because they have another number of fields than the header, or are no JSON object.
    pub n_ragged: usize,
    /// Whether these are all rows of the file.
    pub whole: bool,
    /// Fields of JSON beyond [`MAX_COLUMNS`], which were not looked at.
    pub n_fields_left: usize,
}

/// Most columns of JSON lines that are looked at.
pub const MAX_COLUMNS: usize = 1_000;

/// Most cells of a sample: wide files are looked at in fewer rows.
const MAX_CELLS: usize = 4_000_000;

/// A column of a [`Sample`].
#[derive(Clone, Debug, PartialEq)]
pub struct SampledColumn {
    /// As in the header; nested JSON fields are joined by dots.
    pub name: String,
    /// What the format says of its cells.
    pub shape: CellShape,
    /// Texts of the cells; `None` where there is no value or an empty text.
    pub cells: Vec<Option<String>>,
}

/// What a format says of the cells of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CellShape {
    /// Text, which may be anything.
    #[default]
    Text,
    /// Typed numbers.
    Number,
    /// Typed instants.
    Instant,
    /// Typed local times.
    Local,
    /// Lists, objects and types without a reading.
    Composite,
}

/// The first unpacked bytes of a file, at most 256 KiB.
///
/// # Errors
/// When there is no such file or it cannot be unpacked.
pub fn head(source: &str, config: &SourceConfig) -> Result<Vec<u8>, ReadError> {
    let file = first_file(source, config)?;
    let mut bytes = Vec::new();
    with_blocks(&file.path, &file.shown, file.compression, &(), |mut blocks| {
        blocks.append(&mut bytes).map(drop)
    })?;
    Ok(bytes)
}

/// At most `max_rows` rows from the beginning of the first file of a source; no more of it is unpacked than they need.
///
/// # Errors
/// [`ReadError`] when the file cannot be read so far.
pub fn sample(source: &str, config: &SourceConfig, max_rows: usize) -> Result<Sample, ReadError> {
    let file = first_file(source, config)?;
    let stream = |sampled: &mut dyn FnMut(Blocks<'_>) -> Result<Sample, ReadError>| {
        Ok(with_blocks(&file.path, &file.shown, file.compression, &(), sampled)?.0)
    };
    match file.format {
        FileFormat::Parquet => of_parquet(&file, max_rows),
        FileFormat::Csv => stream(&mut |blocks| of_csv(blocks, &file, max_rows)),
        FileFormat::Jsonl => stream(&mut |blocks| of_jsonl(blocks, max_rows)),
    }
}

fn first_file(source: &str, config: &SourceConfig) -> Result<InputFile, ReadError> {
    let files = expand(source, config)?;
    files.into_iter().next().ok_or_else(|| ReadError::NoMatch {
        source_name: source.to_owned(),
        pattern: config.path.as_slice().join(", "),
    })
}

fn of_csv(blocks: Blocks<'_>, file: &InputFile, max_rows: usize) -> Result<Sample, ReadError> {
    let mut splitter = Splitter::new(blocks, &file.shown, file.delimiter)?;
    let (mut columns, mut n_ragged, mut spent): (Option<Vec<SampledColumn>>, _, _) =
        (None, 0, Batch::default());
    let (mut n_rows, mut whole) = (0, true);
    'file: while let Some(batch) = splitter.next_batch(spent)? {
        for fields in batch.texts() {
            let texts = fields.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            let Some(columns) = &mut columns else {
                let column = |name| SampledColumn { name, shape: CellShape::Text, cells: Vec::new() };
                columns = Some(texts.map(column).collect());
                continue;
            };
            if n_rows == max_rows.min(MAX_CELLS / columns.len().max(1)) {
                whole = false;
                break 'file;
            }
            if fields.len() != columns.len() {
                n_ragged += 1;
                continue;
            }
            n_rows += 1;
            for (column, text) in columns.iter_mut().zip(texts) {
                column.cells.push((!text.is_empty()).then_some(text));
            }
        }
        spent = batch;
    }
    Ok(Sample { columns: columns.unwrap_or_default(), n_rows, n_ragged, whole, n_fields_left: 0 })
}

/// Longest line of JSON that is looked at.
const MAX_LINE_BYTES: usize = 8 << 20;

fn of_jsonl(mut blocks: Blocks<'_>, max_rows: usize) -> Result<Sample, ReadError> {
    let mut fields = Fields::default();
    let mut buffer = Vec::new();
    loop {
        let more = blocks.append(&mut buffer)?;
        let cut = if more { buffer.iter().rposition(|&byte| byte == b'\n').map(|at| at + 1) } else { None };
        let end = cut.unwrap_or(if more { 0 } else { buffer.len() });
        for line in buffer[..end].split(|&byte| byte == b'\n') {
            let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
            if line.is_empty() {
                continue;
            }
            if fields.n_rows == max_rows.min(MAX_CELLS / fields.columns.len().max(1)) {
                return Ok(fields.sample(false));
            }
            match serde_json::from_slice(line) {
                Ok(Value::Object(object)) => {
                    fields.take("", &Value::Object(object));
                    fields.n_rows += 1;
                }
                _ => fields.n_ragged += 1,
            }
        }
        buffer.drain(..end);
        if !more {
            return Ok(fields.sample(true));
        }
        if buffer.len() > MAX_LINE_BYTES {
            fields.n_ragged += 1;
            return Ok(fields.sample(false));
        }
    }
}

/// Fields of JSON objects on their way to columns. A column reaches to its last cell only: objects with ever new keys
/// would fill memory with nothing otherwise.
#[derive(Default)]
struct Fields {
    columns: Vec<SampledColumn>,
    /// Where the column of a name is.
    places: BTreeMap<String, usize>,
    left: BTreeSet<String>,
    n_rows: usize,
    n_ragged: usize,
}

impl Fields {
    /// The fields of the object that becomes row `n_rows`.
    fn take(&mut self, prefix: &str, value: &Value) {
        let Value::Object(fields) = value else { return };
        for (name, value) in fields {
            let full = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            match value {
                Value::Object(_) => self.take(&full, value),
                Value::Null => self.cell(full, CellShape::Text, None),
                Value::String(text) => {
                    self.cell(full, CellShape::Text, (!text.is_empty()).then(|| text.clone()));
                }
                Value::Bool(yes) => self.cell(full, CellShape::Text, Some(yes.to_string())),
                Value::Number(number) => self.cell(full, CellShape::Number, Some(number.to_string())),
                Value::Array(_) => self.cell(full, CellShape::Composite, None),
            }
        }
    }

    fn cell(&mut self, name: String, shape: CellShape, cell: Option<String>) {
        let place = match self.places.get(&name) {
            Some(&place) => place,
            None if self.columns.len() < MAX_COLUMNS => {
                self.places.insert(name.clone(), self.columns.len());
                self.columns.push(SampledColumn { name, shape, cells: Vec::new() });
                self.columns.len() - 1
            }
            None => {
                if self.left.len() < MAX_COLUMNS {
                    self.left.insert(name);
                }
                return;
            }
        };
        let column = &mut self.columns[place];
        if cell.is_some() && column.shape != shape {
            let untold = column.cells.iter().all(Option::is_none);
            column.shape = if untold { shape } else { CellShape::Text };
        }
        column.cells.resize(self.n_rows, None);
        column.cells.push(cell);
    }

    /// Every column filled up, those with too many rows for the cells that are kept cut.
    fn sample(mut self, whole: bool) -> Sample {
        let n_rows = self.n_rows.min(MAX_CELLS / self.columns.len().max(1));
        self.columns.iter_mut().for_each(|column| column.cells.resize(n_rows, None));
        Sample {
            columns: self.columns,
            n_rows,
            n_ragged: self.n_ragged,
            whole: whole && n_rows == self.n_rows,
            n_fields_left: self.left.len(),
        }
    }
}

fn of_parquet(file: &InputFile, max_rows: usize) -> Result<Sample, ReadError> {
    let opened = File::open(&file.path).map_err(|e| ReadError::io(&file.shown, e))?;
    let bad = |source| ReadError::Parquet { file: file.shown.clone(), source };
    let builder = parquet_decoder::open(opened).map_err(bad)?;
    let total = builder.metadata().file_metadata().num_rows();
    let names: Vec<String> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let column =
        |name: &String| SampledColumn { name: name.clone(), shape: CellShape::Composite, cells: Vec::new() };
    let mut columns: Vec<SampledColumn> = names.iter().map(column).collect();
    let max_rows = max_rows.min(MAX_CELLS / names.len().max(1));
    let reader = builder.with_limit(max_rows).build().map_err(bad)?;
    let mut n_rows = 0;
    for batch in parquet_decoder::batches(reader) {
        let batch = batch.map_err(bad)?;
        n_rows += batch.num_rows();
        for column in &mut columns {
            // A type without a reading is a column without cells; only mapping it would be an error.
            let Ok(typed) = Column::of(&batch, &column.name, file) else { continue };
            column.shape = match &typed {
                Column::Text(_) | Column::Bytes(_) => CellShape::Text,
                Column::Number(_) => CellShape::Number,
                Column::Instant(_) => CellShape::Instant,
                Column::Local(_) => CellShape::Local,
            };
            column.cells.extend((0..batch.num_rows()).map(|row| shown(typed.cell(row))));
        }
    }
    columns.iter_mut().for_each(|column| column.cells.resize(n_rows, None));
    Ok(Sample { columns, n_rows, n_ragged: 0, whole: n_rows as i64 == total, n_fields_left: 0 })
}

fn shown(cell: Cell<'_>) -> Option<String> {
    match cell {
        Cell::Missing => None,
        cell => Some(cell.show()).filter(|text| !text.is_empty()),
    }
}

/// Reads times as a source of such a configuration would.
#[derive(Debug)]
pub struct Times(TimeParser);

impl Times {
    /// `None` when the configuration is refused.
    #[must_use]
    pub fn new(config: &TimeConfig) -> Option<Self> {
        TimeParser::new(config, None).ok().map(Self)
    }

    /// The instant of a text cell, `None` when a row with it would be rejected.
    pub fn read(&mut self, text: &str) -> Option<Timestamp> {
        self.0.parse(Cell::Text(text.as_bytes())).ok().map(|instant| instant.at)
    }
}

/// Reads calendar days as an attribute of such a format would.
#[derive(Debug)]
pub struct Days(DateParser);

impl Days {
    /// `None` when the pattern is refused.
    #[must_use]
    pub fn new(pattern: &str) -> Option<Self> {
        DateParser::new(pattern).ok().map(Self)
    }

    /// Days since 1970-01-01, `None` when a row with it would be rejected.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<i32> {
        self.0.parse(Cell::Text(text.as_bytes())).ok()
    }
}

/// The kind of an event name that needs no `kind_map`.
#[must_use]
pub fn known_event(name: &str) -> Option<EventKind> {
    kinds::known(name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn sampled(name: &str, bytes: &[u8], more: &str, max_rows: usize) -> Result<Sample, ReadError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), bytes).unwrap();
        let config: SourceConfig = toml::from_str(&format!("path = \"{name}\"\n{more}")).unwrap();
        sample("s", &config.resolve(dir.path()), max_rows)
    }

    fn cells<'s>(sample: &'s Sample, name: &str) -> Vec<Option<&'s str>> {
        let column = sample.columns.iter().find(|column| column.name == name).unwrap();
        column.cells.iter().map(Option::as_deref).collect()
    }

    #[test]
    fn csv_by_column_without_ragged_rows() {
        let found = sampled("a.csv", b"\xef\xbb\xbfid,\"a,b\"\n1,x\n2\n3,\n4,y\n", "", 3).unwrap();
        assert_eq!(cells(&found, "id"), [Some("1"), Some("3"), Some("4")]);
        assert_eq!(cells(&found, "a,b"), [Some("x"), None, Some("y")]);
        assert_eq!((found.n_rows, found.n_ragged, found.whole), (3, 1, true));
        assert!(!sampled("a.csv", b"id\n1\n2\n3\n", "", 2).unwrap().whole);
    }

    #[test]
    fn runs_of_spaces_are_one_delimiter() {
        let text = b" id  day n  \r\n 0001 19970101  1   \r\n 0002 19970102 2\r\n  3 4 5 6";
        let found = sampled("a.txt", text, "delimiter = \"spaces\"", 9).unwrap();
        assert_eq!(found.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["id", "day", "n"]);
        assert_eq!(cells(&found, "id"), [Some("0001"), Some("0002")]);
        assert_eq!(cells(&found, "n"), [Some("1"), Some("2")]);
        assert_eq!(found.n_ragged, 1);
    }

    #[test]
    fn json_lines_are_flattened_and_filled_up() {
        let text =
            b"{\"u\":\"a\",\"p\":{\"price\":1.5,\"tags\":[1]}}\nnonsense\n{\"u\":\"b\",\"new\":true}\n";
        let found = sampled("a.jsonl", text, "", 9).unwrap();
        assert_eq!(cells(&found, "p.price"), [Some("1.5"), None]);
        assert_eq!(cells(&found, "new"), [None, Some("true")]);
        assert_eq!(cells(&found, "u"), [Some("a"), Some("b")]);
        let tags = found.columns.iter().find(|column| column.name == "p.tags").unwrap();
        assert_eq!((tags.shape, found.n_ragged, found.whole), (CellShape::Composite, 1, true));
    }

    #[test]
    fn json_with_ever_new_keys_stays_small() {
        let line = |n: usize| format!("{{\"u\":\"c{n}\",\"flags\":{{\"k{n}\":1}}}}\n");
        let text: String = (0..5_000).map(line).collect();
        let found = sampled("a.jsonl", text.as_bytes(), "", 20_000).unwrap();
        assert_eq!((found.columns.len(), found.n_fields_left), (MAX_COLUMNS, MAX_COLUMNS));
        let n_cells: usize = found.columns.iter().map(|column| column.cells.len()).sum();
        assert!(n_cells <= MAX_CELLS && !found.whole, "{n_cells}");
        assert_eq!(cells(&found, "flags.k7").iter().flatten().count(), 1);
    }

    #[test]
    fn parquet_keeps_its_types() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        let numbers = crate::OutValues::F64(vec![Some(1.5), None, Some(2.0)]);
        crate::write_parquet(&path, &[crate::OutColumn::new("n", numbers)]).unwrap();
        let config: SourceConfig = toml::from_str("path = \"a.parquet\"").unwrap();
        let found = sample("s", &config.resolve(dir.path()), 2).unwrap();
        assert_eq!((found.columns[0].shape, found.n_rows, found.whole), (CellShape::Number, 2, false));
        assert_eq!(cells(&found, "n")[1], None);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let config: SourceConfig = toml::from_str("path = \"no.csv\"").unwrap();
        let error = head("s", &config.resolve(Path::new("/tmp"))).unwrap_err();
        assert!(error.to_string().contains("no.csv"), "{error}");
    }
}
