//! CSV records with the physical line they start on.
//!
//! Own code rather than the csv crate (which is the oracle of the tests) for three things it does not do: line
//! numbers that are right behind CR LF and blank lines, a refusal of quotes that never close instead of one field
//! with the rest of the file in it, and fields without a copy.

use crate::account::RowRule;
use crate::cell::{Cell, Problem, Record, cut};
use crate::error::ReadError;
use crate::files::InputFile;
use crate::plan::nearest;
use crate::rows::Rows;
use crate::stream::Blocks;

/// No sensible record is longer; a quote that is never closed is.
const MAX_RECORD_BYTES: usize = 8 << 20;

/// Reads a whole CSV file into the tables.
pub(crate) fn read_csv(blocks: Blocks<'_>, file: &InputFile, rows: &mut Rows<'_>) -> Result<(), ReadError> {
    let mut reader = CsvReader::new(blocks, &file.shown, file.delimiter)?;
    let header = match reader.next()? {
        Some(_) => reader.n_fields(),
        None => 0,
    };
    let columns = locate(&reader, header, file, rows)?;
    while let Some(line) = reader.next()? {
        if reader.n_fields() == header {
            let record = CsvRecord { reader: &reader, columns: &columns };
            rows.row(line, &record)?;
        } else {
            let hint = if reader.n_fields() < header { "too few fields" } else { "too many fields" };
            rows.bad_row(line, cut(reader.raw()), Problem::hint(RowRule::ColumnCount, hint));
        }
    }
    Ok(())
}

/// Field numbers of the columns of the plan.
fn locate(
    reader: &CsvReader<'_>,
    n_fields: usize,
    file: &InputFile,
    rows: &Rows<'_>,
) -> Result<Vec<usize>, ReadError> {
    let header: Vec<String> =
        (0..n_fields).map(|f| String::from_utf8_lossy(reader.field(f)).into_owned()).collect();
    rows.columns()
        .map(|column| {
            let mut places = header.iter().enumerate().filter(|(_, name)| *name == column);
            let place = places.next().ok_or_else(|| ReadError::MissingColumn {
                source_name: rows.source().to_owned(),
                file: file.shown.clone(),
                column: column.into(),
                header: header.join(", ").into(),
                nearest: nearest(column, &header),
                delimiter: file.delimiter as char,
            })?;
            if places.next().is_some() {
                return Err(ReadError::AmbiguousColumn {
                    file: file.shown.clone(),
                    column: column.to_owned(),
                });
            }
            Ok(place.0)
        })
        .collect()
}

struct CsvRecord<'a> {
    reader: &'a CsvReader<'a>,
    columns: &'a [usize],
}

impl Record for CsvRecord<'_> {
    #[inline]
    fn cell(&self, slot: usize) -> Cell<'_> {
        Cell::Text(self.reader.field(self.columns[slot]))
    }
}

/// A field inside the buffer.
#[derive(Clone, Copy, Debug)]
struct Field {
    start: usize,
    end: usize,
    /// Still with its quotes: they are doubled inside, or text follows the closing one.
    quoted: bool,
}

struct CsvReader<'b> {
    blocks: Blocks<'b>,
    file: &'b str,
    /// Bytes that end a field outside quotes.
    ends_field: [bool; 256],
    delimiter: u8,
    buffer: Vec<u8>,
    /// The record at hand.
    start: usize,
    end: usize,
    fields: Vec<Field>,
    /// Physical line of `end`, from 1.
    line: u64,
    at_end: bool,
}

enum Scan {
    /// The record ends before this position, after so many line ends.
    Complete(usize, u64),
    NeedMore,
}

impl<'b> CsvReader<'b> {
    fn new(blocks: Blocks<'b>, file: &'b str, delimiter: u8) -> Result<Self, ReadError> {
        let mut ends_field = [false; 256];
        for byte in [delimiter, b'\n', b'\r'] {
            ends_field[byte as usize] = true;
        }
        let (buffer, fields) = (Vec::new(), Vec::new());
        let mut reader = Self {
            blocks,
            file,
            ends_field,
            delimiter,
            buffer,
            start: 0,
            end: 0,
            fields,
            line: 1,
            at_end: false,
        };
        while reader.buffer.len() < 3 && reader.refill()? {}
        if reader.buffer.starts_with(b"\xef\xbb\xbf") {
            reader.end = 3;
        }
        if reader.buffer.starts_with(b"\xff\xfe") || reader.buffer.starts_with(b"\xfe\xff") {
            return Err(ReadError::Utf16 { file: file.to_owned() });
        }
        Ok(reader)
    }

    /// Moves to the next record and returns the line it starts on; blank lines are skipped.
    fn next(&mut self) -> Result<Option<u64>, ReadError> {
        if !self.skip_blank_lines()? {
            return Ok(None);
        }
        self.start = self.end;
        loop {
            match self.scan() {
                Scan::Complete(end, line_ends) => {
                    let line = self.line;
                    self.line += line_ends;
                    self.end = end;
                    self.unquote();
                    return Ok(Some(line));
                }
                Scan::NeedMore => {
                    let endless = self.buffer.len() - self.start > MAX_RECORD_BYTES;
                    if self.at_end || endless {
                        return Err(ReadError::EndlessRecord { file: self.file.to_owned(), row: self.line });
                    }
                    self.refill()?;
                }
            }
        }
    }

    fn n_fields(&self) -> usize {
        self.fields.len()
    }

    #[inline]
    fn field(&self, number: usize) -> &[u8] {
        let field = self.fields[number];
        &self.buffer[field.start..field.end]
    }

    /// The bytes of the record, quotes possibly resolved.
    fn raw(&self) -> &[u8] {
        self.buffer[self.start..self.end].trim_ascii_end()
    }

    /// Drops what is parsed and appends the next block; `false` at the end of the file.
    fn refill(&mut self) -> Result<bool, ReadError> {
        let keep = self.start.min(self.end);
        self.buffer.drain(..keep);
        self.start -= keep;
        self.end -= keep;
        let more = self.blocks.append(&mut self.buffer)?;
        self.at_end |= !more;
        Ok(more)
    }

    fn skip_blank_lines(&mut self) -> Result<bool, ReadError> {
        loop {
            match self.buffer.get(self.end) {
                Some(b'\n') => {
                    self.end += 1;
                    self.line += 1;
                }
                Some(b'\r') => {
                    // A CR LF counts at its LF; needs the byte behind the CR.
                    if self.end + 1 == self.buffer.len() && !self.at_end {
                        self.start = self.end;
                        self.refill()?;
                        continue;
                    }
                    let lone = self.buffer.get(self.end + 1) != Some(&b'\n');
                    self.end += 1;
                    self.line += u64::from(lone);
                }
                Some(_) => return Ok(true),
                None if self.at_end => return Ok(false),
                None => {
                    self.start = self.end;
                    self.refill()?;
                }
            }
        }
    }

    /// Finds the fields of the record at `start`.
    fn scan(&mut self) -> Scan {
        self.fields.clear();
        let (bytes, mut at, mut line_ends) = (&self.buffer[..], self.start, 0);
        loop {
            let start = at;
            let mut field = Field { start, end: start, quoted: false };
            if bytes.get(at) == Some(&b'"') {
                let Some((close, doubled, inside)) = closing_quote(bytes, at + 1, self.at_end) else {
                    return Scan::NeedMore;
                };
                line_ends += inside;
                at = self.skip(bytes, close + 1);
                field = if doubled || at > close + 1 {
                    Field { start, end: at, quoted: true }
                } else {
                    Field { start: start + 1, end: close, quoted: false }
                };
            } else {
                at = self.skip(bytes, at);
                field.end = at;
            }
            match bytes.get(at) {
                None if !self.at_end => return Scan::NeedMore,
                Some(byte) if *byte == self.delimiter => {
                    self.fields.push(field);
                    at += 1;
                    continue;
                }
                Some(b'\r') if at + 1 == bytes.len() && !self.at_end => return Scan::NeedMore,
                _ => self.fields.push(field),
            }
            return match &bytes[at..] {
                [b'\r', b'\n', ..] => Scan::Complete(at + 2, line_ends + 1),
                [] => Scan::Complete(at, line_ends),
                _ => Scan::Complete(at + 1, line_ends + 1),
            };
        }
    }

    #[inline]
    fn skip(&self, bytes: &[u8], from: usize) -> usize {
        let mut at = from;
        while at < bytes.len() && !self.ends_field[bytes[at] as usize] {
            at += 1;
        }
        at
    }

    /// Resolves doubled quotes in place.
    fn unquote(&mut self) {
        for field in &mut self.fields {
            if !field.quoted {
                continue;
            }
            let bytes = &mut self.buffer[field.start..field.end];
            let (mut to, mut from, mut inside) = (0, 1, true);
            while from < bytes.len() {
                if inside && bytes[from] == b'"' {
                    if bytes.get(from + 1) == Some(&b'"') {
                        from += 1;
                    } else {
                        inside = false;
                        from += 1;
                        continue;
                    }
                }
                bytes[to] = bytes[from];
                to += 1;
                from += 1;
            }
            *field = Field { start: field.start, end: field.start + to, quoted: false };
        }
    }
}

/// Position of the closing quote, whether quotes are doubled before it, and the line ends before it; `None` when
/// it is not in `bytes` (or may be the first half of a doubled one).
fn closing_quote(bytes: &[u8], from: usize, at_end: bool) -> Option<(usize, bool, u64)> {
    let (mut at, mut doubled, mut line_ends) = (from, false, 0);
    loop {
        match bytes.get(at)? {
            b'"' => match bytes.get(at + 1) {
                Some(b'"') => {
                    doubled = true;
                    at += 1;
                }
                None if !at_end => return None,
                _ => return Some((at, doubled, line_ends)),
            },
            b'\n' => line_ends += 1,
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Records = Vec<(u64, Vec<Vec<u8>>)>;

    /// All records with their lines, read in blocks of `size` bytes.
    fn records(bytes: &[u8], size: usize) -> Result<Records, ReadError> {
        let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
        let mut reader = CsvReader::new(Blocks::of_chunks(&chunks), "test", b',')?;
        let mut records = Vec::new();
        while let Some(line) = reader.next()? {
            records.push((line, (0..reader.n_fields()).map(|f| reader.field(f).to_vec()).collect()));
        }
        Ok(records)
    }

    fn lines(text: &str) -> Vec<u64> {
        records(text.as_bytes(), 7).unwrap().into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn lines_are_physical() {
        assert_eq!(lines("a,b\n1,2\n\n\n3,4\n"), [1, 2, 5]);
        assert_eq!(lines("a,b\r\n1,2\r\n\r\n3,4"), [1, 2, 4]);
        assert_eq!(lines("a,b\r1,2\r\r3,4\r"), [1, 2, 4]);
        assert_eq!(lines("a\n\"x\n\ny\"\nb\n"), [1, 2, 5]);
        assert_eq!(lines("\u{feff}a\n\"x\r\ny\"\r\nb"), [1, 2, 4]);
        assert!(lines("").is_empty() && lines("\n\r\n").is_empty());
    }

    #[test]
    fn quotes_are_resolved() {
        let read = records(b"\"a\"\"b\",\"c,d\",\"\",\"x\"y,z\"z,\"\"\"\"\n", 3).unwrap();
        let fields: Vec<&str> = read[0].1.iter().map(|f| std::str::from_utf8(f).unwrap()).collect();
        assert_eq!(fields, ["a\"b", "c,d", "", "xy", "z\"z", "\""]);
    }

    #[test]
    fn a_quote_that_never_closes_is_refused_with_its_line() {
        for text in ["a\n\"b\nc\n", "a\n\"b\"\"", "a\n\""] {
            assert!(matches!(records(text.as_bytes(), 4), Err(ReadError::EndlessRecord { row: 2, .. })));
        }
        let long = format!("a\nx\n\"{}", "line\n".repeat(2 << 20));
        assert!(matches!(records(long.as_bytes(), 1 << 20), Err(ReadError::EndlessRecord { row: 3, .. })));
    }

    proptest! {
        #[test]
        fn fields_are_those_of_the_csv_crate(text in "[ab,\"\n\ré]{0,60}", size in 1usize..20) {
            let Ok(read) = records(text.as_bytes(), size) else {
                // Refused as endless: the csv crate takes the rest of the text for one field.
                prop_assert!(text.matches('"').count() > 0);
                return Ok(());
            };
            let mut oracle = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(text.as_bytes());
            let expected: Vec<Vec<Vec<u8>>> = oracle
                .byte_records()
                .map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect())
                .collect();
            let fields: Vec<Vec<Vec<u8>>> = read.into_iter().map(|(_, fields)| fields).collect();
            prop_assert_eq!(fields, expected);
        }
    }
}
