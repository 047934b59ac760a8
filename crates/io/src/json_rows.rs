//! JSON lines.

use serde_json::Value;

use crate::account::RowRule;
use crate::cell::{Cell, Problem, Record, cut};
use crate::error::ReadError;
use crate::files::InputFile;
use crate::rows::Rows;
use crate::stream::Blocks;

/// No sensible line is longer.
const MAX_LINE_BYTES: usize = 8 << 20;

/// Reads a whole file of JSON lines into the tables; blank lines are skipped.
pub(crate) fn read_jsonl(
    mut blocks: Blocks<'_>,
    file: &InputFile,
    rows: &mut Rows<'_>,
) -> Result<(), ReadError> {
    let columns: Vec<Vec<String>> =
        rows.columns().map(|column| column.split('.').map(str::to_owned).collect()).collect();
    let mut cells = vec![JsonCell::default(); columns.len()];
    let (mut buffer, mut row, mut start) = (Vec::new(), 0, 0);
    loop {
        let more = blocks.append(&mut buffer)?;
        if row == 0 && buffer.starts_with(b"\xef\xbb\xbf") {
            start = 3;
        }
        while let Some(length) = line_length(&buffer[start..], !more) {
            row += 1;
            let line = buffer[start..start + length].trim_ascii();
            start += length;
            if !line.is_empty() {
                take_line(line, row, &columns, &mut cells, rows)?;
            }
        }
        if !more {
            return Ok(());
        }
        buffer.drain(..start);
        start = 0;
        if buffer.len() > MAX_LINE_BYTES {
            return Err(ReadError::EndlessRecord { file: file.shown.clone(), row: row + 1 });
        }
    }
}

/// Bytes of the first line with its end; the last line needs none.
fn line_length(bytes: &[u8], at_end: bool) -> Option<usize> {
    let end = bytes.iter().position(|&b| b == b'\n').map(|place| place + 1);
    end.or((at_end && !bytes.is_empty()).then_some(bytes.len()))
}

fn take_line(
    line: &[u8],
    row: u64,
    columns: &[Vec<String>],
    cells: &mut [JsonCell],
    rows: &mut Rows<'_>,
) -> Result<(), ReadError> {
    match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => {
            let object = Value::Object(object);
            for (cell, column) in cells.iter_mut().zip(columns) {
                cell.set(look_up(&object, column));
            }
            rows.row(row, &JsonRecord(cells))
        }
        _ if std::str::from_utf8(line).is_err() => {
            rows.bad_row(row, cut(line), Problem::new(RowRule::BadUtf8));
            Ok(())
        }
        _ => {
            rows.bad_row(row, cut(line), Problem::new(RowRule::BadJson));
            Ok(())
        }
    }
}

/// A field by its full name, else by its path.
fn look_up<'v>(object: &'v Value, column: &[String]) -> Option<&'v Value> {
    match column {
        [name] => object.get(name),
        path => {
            object.get(path.join(".")).or_else(|| path.iter().try_fold(object, |inner, name| inner.get(name)))
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
enum JsonKind {
    #[default]
    Missing,
    Text,
    Number,
    /// More digits than a number of this format keeps: ids would meet, amounts would be off.
    Inexact,
    Composite,
}

/// Whole numbers from here on are not all different as binary fractions.
const EXACT: f64 = (1u64 << 53) as f64;

/// A cell with its text; the buffer is used again for every row.
#[derive(Clone, Debug, Default)]
struct JsonCell {
    kind: JsonKind,
    text: String,
}

impl JsonCell {
    fn set(&mut self, found: Option<&Value>) {
        use std::fmt::Write;
        self.text.clear();
        self.kind = match found {
            None | Some(Value::Null) => JsonKind::Missing,
            Some(Value::String(text)) => {
                self.text.push_str(text);
                JsonKind::Text
            }
            Some(Value::Bool(yes)) => {
                self.text.push_str(if *yes { "true" } else { "false" });
                JsonKind::Text
            }
            Some(Value::Number(number))
                if number.as_f64().is_none_or(|float| number.is_f64() && float.abs() >= EXACT) =>
            {
                JsonKind::Inexact
            }
            Some(Value::Number(number)) => {
                // Whole numbers as they are, others without exponent.
                let written = match number.as_f64() {
                    Some(float) if number.is_f64() => write!(self.text, "{float}"),
                    _ => write!(self.text, "{number}"),
                };
                debug_assert!(written.is_ok());
                JsonKind::Number
            }
            Some(Value::Array(_) | Value::Object(_)) => JsonKind::Composite,
        };
    }
}

struct JsonRecord<'a>(&'a [JsonCell]);

impl Record for JsonRecord<'_> {
    fn cell(&self, slot: usize) -> Cell<'_> {
        let cell = &self.0[slot];
        match cell.kind {
            JsonKind::Missing => Cell::Missing,
            JsonKind::Text => Cell::Text(cell.text.as_bytes()),
            JsonKind::Number => Cell::Number(cell.text.as_bytes()),
            JsonKind::Inexact => Cell::Inexact,
            JsonKind::Composite => Cell::Composite,
        }
    }
}
