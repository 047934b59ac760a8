//! CSV records with the physical line they start on.
//!
//! Own code rather than the csv crate (which is the oracle of the tests) for three things it does not do: line
//! numbers that are right behind CR LF and blank lines, a refusal of quotes that never close instead of one field
//! with the rest of the file in it, and fields without a copy.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use crate::account::RowRule;
use crate::cell::{Cell, Problem, Record, cut};
use crate::error::ReadError;
use crate::files::{Delimiter, InputFile};
use crate::nearest::nearest;
use crate::rows::Rows;
use crate::stream::Blocks;

/// No sensible record is longer; a quote that is never closed is.
const MAX_RECORD_BYTES: usize = 8 << 20;

/// Batches of records that wait for the checks.
const BATCHES_AHEAD: usize = 2;

/// Reads a whole CSV file into the tables: a thread of its own finds the fields while this one checks them.
///
/// # Panics
/// When that thread does, which would be a bug.
pub(crate) fn read_csv(blocks: Blocks<'_>, file: &InputFile, rows: &mut Rows<'_>) -> Result<(), ReadError> {
    let (full_sender, full) = sync_channel(BATCHES_AHEAD);
    let (empty, empty_receiver) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || split(blocks, file, &full_sender, &empty_receiver));
        let mut columns = None;
        for batch in full {
            let batch = batch?;
            let columns = match &columns {
                Some(columns) => columns,
                None => columns.insert(Header::locate(&batch, file, rows)?),
            };
            take_batch(&batch, columns, rows)?;
            // The splitter may be done already.
            let _ = empty.send(batch);
        }
        match columns {
            Some(_) => Ok(()),
            None => Header::locate(&Batch::default(), file, rows).map(drop),
        }
    })
}

/// Sends batches until the end, an error, or the receiver's end.
fn split(
    blocks: Blocks<'_>,
    file: &InputFile,
    full: &SyncSender<Result<Batch, ReadError>>,
    empty: &Receiver<Batch>,
) {
    let mut splitter = match Splitter::new(blocks, &file.shown, file.delimiter) {
        Ok(splitter) => splitter,
        Err(error) => return drop(full.send(Err(error))),
    };
    loop {
        match splitter.next_batch(empty.try_recv().unwrap_or_default()) {
            Ok(Some(batch)) => {
                if full.send(Ok(batch)).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => return drop(full.send(Err(error))),
        }
    }
}

fn take_batch(batch: &Batch, header: &Header, rows: &mut Rows<'_>) -> Result<(), ReadError> {
    for (number, record) in batch.records.iter().enumerate() {
        let fields = batch.fields_of(number);
        if record.line == header.line {
            continue;
        }
        if fields.len() == header.n_fields {
            let record_cells = CsvRecord { bytes: &batch.bytes, fields, columns: &header.columns };
            rows.row(record.line, &record_cells)?;
        } else {
            let hint = if fields.len() < header.n_fields { "too few fields" } else { "too many fields" };
            let texts: Vec<&[u8]> = fields.iter().map(|field| field.of(&batch.bytes)).collect();
            rows.bad_row(
                record.line,
                cut(&texts.join(&header.delimiter.byte)),
                Problem::hint(RowRule::ColumnCount, hint),
            );
        }
    }
    Ok(())
}

/// The header line and the field numbers of the columns of the plan.
struct Header {
    line: u64,
    delimiter: Delimiter,
    n_fields: usize,
    columns: Vec<usize>,
}

impl Header {
    /// From the first record of the first batch.
    fn locate(batch: &Batch, file: &InputFile, rows: &Rows<'_>) -> Result<Self, ReadError> {
        let fields = if batch.records.is_empty() { &[][..] } else { batch.fields_of(0) };
        let names: Vec<String> =
            fields.iter().map(|f| String::from_utf8_lossy(f.of(&batch.bytes)).into_owned()).collect();
        let columns = locate(&names, file, rows)?;
        let line = batch.records.first().map_or(0, |record| record.line);
        Ok(Self { line, delimiter: file.delimiter, n_fields: fields.len(), columns })
    }
}

/// Field numbers of the columns of the plan.
fn locate(header: &[String], file: &InputFile, rows: &Rows<'_>) -> Result<Vec<usize>, ReadError> {
    rows.columns()
        .map(|column| {
            let mut places = header.iter().enumerate().filter(|(_, name)| *name == column);
            let place = places.next().ok_or_else(|| ReadError::MissingColumn {
                source_name: rows.source().to_owned(),
                file: file.shown.clone(),
                column: column.into(),
                header: header.join(", ").into(),
                nearest: nearest(column, header),
                delimiter: file.delimiter.byte as char,
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
    bytes: &'a [u8],
    fields: &'a [Field],
    columns: &'a [usize],
}

impl Record for CsvRecord<'_> {
    #[inline]
    fn cell(&self, slot: usize) -> Cell<'_> {
        Cell::Text(self.fields[self.columns[slot]].of(self.bytes))
    }
}

/// A field inside the bytes of a batch.
#[derive(Clone, Copy, Debug)]
struct Field {
    start: u32,
    end: u32,
}

impl Field {
    #[inline]
    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }
}

/// A record inside a batch.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// Physical line on which it starts.
    line: u64,
    /// Behind its last field.
    fields_end: u32,
}

/// Whole records with their fields, quotes resolved.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    fields: Vec<Field>,
    records: Vec<Span>,
}

impl Batch {
    /// The fields of every record, in order.
    pub(crate) fn texts(&self) -> impl Iterator<Item = Vec<&[u8]>> {
        (0..self.records.len())
            .map(|record| self.fields_of(record).iter().map(|field| field.of(&self.bytes)).collect())
    }

    fn fields_of(&self, record: usize) -> &[Field] {
        let start = if record == 0 { 0 } else { self.records[record - 1].fields_end };
        &self.fields[start as usize..self.records[record].fields_end as usize]
    }
}

pub(crate) struct Splitter<'b> {
    blocks: Blocks<'b>,
    file: &'b str,
    delimiter: Delimiter,
    /// The bytes that end a field outside quotes, each eight times.
    ends_field: [u64; 3],
    buffer: Vec<u8>,
    /// What is split so far.
    end: usize,
    /// Physical line of `end`, from 1.
    line: u64,
    at_end: bool,
}

enum Scan {
    /// The record ends before this position, after so many line ends.
    Complete(usize, u64),
    NeedMore,
}

impl<'b> Splitter<'b> {
    pub(crate) fn new(blocks: Blocks<'b>, file: &'b str, delimiter: Delimiter) -> Result<Self, ReadError> {
        let ends_field = [delimiter.byte, b'\n', b'\r'].map(|byte| u64::from_le_bytes([byte; 8]));
        let buffer = Vec::new();
        let mut splitter =
            Self { blocks, file, delimiter, ends_field, buffer, end: 0, line: 1, at_end: false };
        while splitter.buffer.len() < 3 && splitter.refill()? {}
        if splitter.buffer.starts_with(b"\xef\xbb\xbf") {
            splitter.end = 3;
        }
        if splitter.buffer.starts_with(b"\xff\xfe") || splitter.buffer.starts_with(b"\xfe\xff") {
            return Err(ReadError::Utf16 { file: file.to_owned() });
        }
        Ok(splitter)
    }

    /// The next whole records, at least one; `spent` lends its memory.
    pub(crate) fn next_batch(&mut self, spent: Batch) -> Result<Option<Batch>, ReadError> {
        let Batch { bytes: mut next_buffer, mut fields, mut records } = spent;
        next_buffer.clear();
        fields.clear();
        records.clear();
        loop {
            while let Some(record) = self.next_record(&mut fields)? {
                records.push(record);
            }
            if !records.is_empty() {
                next_buffer.extend_from_slice(&self.buffer[self.end..]);
                let bytes = std::mem::replace(&mut self.buffer, next_buffer);
                self.end = 0;
                return Ok(Some(Batch { bytes, fields, records }));
            }
            if self.at_end {
                return Ok(None);
            }
            self.buffer.drain(..self.end);
            self.end = 0;
            self.refill()?;
        }
    }

    /// The next record if the buffer holds all of it; blank lines are skipped.
    fn next_record(&mut self, fields: &mut Vec<Field>) -> Result<Option<Span>, ReadError> {
        self.skip_blank_lines();
        if self.end == self.buffer.len() || (!self.at_end && self.buffer[self.end..] == *b"\r") {
            return Ok(None);
        }
        let (start, n_fields) = (self.end, fields.len());
        match self.scan(fields) {
            Scan::Complete(end, line_ends) => {
                let line = self.line;
                self.line += line_ends;
                self.end = end;
                let fields_end = fields.len() as u32;
                Ok(Some(Span { line, fields_end }))
            }
            Scan::NeedMore if self.at_end || self.buffer.len() - start > MAX_RECORD_BYTES => {
                Err(ReadError::EndlessRecord { file: self.file.to_owned(), row: self.line })
            }
            Scan::NeedMore => {
                fields.truncate(n_fields);
                Ok(None)
            }
        }
    }

    /// Appends the next block; `false` at the end of the file.
    fn refill(&mut self) -> Result<bool, ReadError> {
        let more = self.blocks.append(&mut self.buffer)?;
        self.at_end |= !more;
        Ok(more)
    }

    /// A CR LF counts at its LF, so a CR with nothing behind it yet stays.
    fn skip_blank_lines(&mut self) {
        loop {
            match self.buffer[self.end..] {
                [b'\n', ..] | [b'\r', b'\n', ..] => self.line += u64::from(self.buffer[self.end] == b'\n'),
                [b'\r', _, ..] => self.line += 1,
                [b'\r'] if self.at_end => self.line += 1,
                _ => return,
            }
            self.end += 1;
        }
    }

    /// Finds the fields of the record at `end` and resolves their quotes; the bytes stay as they are unless the
    /// record is complete.
    fn scan(&mut self, fields: &mut Vec<Field>) -> Scan {
        let (first, mut at, mut line_ends, mut any_quoted) = (fields.len(), self.end, 0, false);
        let bytes = &self.buffer[..];
        let (end, line_ends) = loop {
            if self.delimiter.runs {
                at = skip_spaces(bytes, at);
                let at_line_end = matches!(bytes.get(at), Some(b'\n' | b'\r'));
                if fields.len() > first && (at_line_end || (self.at_end && at == bytes.len())) {
                    match line_end(bytes, at, self.at_end) {
                        Some((end, more)) => break (end, line_ends + more),
                        None => return Scan::NeedMore,
                    }
                }
            }
            let start = at;
            if bytes.get(at) == Some(&b'"') {
                let Some((close, inside)) = closing_quote(bytes, at + 1, self.at_end) else {
                    return Scan::NeedMore;
                };
                line_ends += inside;
                any_quoted = true;
                at = self.skip(bytes, close + 1);
            } else {
                at = self.skip(bytes, at);
            }
            fields.push(Field { start: start as u32, end: at as u32 });
            match bytes[at..] {
                [] if !self.at_end => return Scan::NeedMore,
                [b'\r'] if !self.at_end => return Scan::NeedMore,
                [] => break (at, line_ends),
                [byte, ..] if byte == self.delimiter.byte => at += 1,
                [b'\r', b'\n', ..] => break (at + 2, line_ends + 1),
                _ => break (at + 1, line_ends + 1),
            }
        };
        if any_quoted {
            for field in &mut fields[first..] {
                unquote(&mut self.buffer, field);
            }
        }
        Scan::Complete(end, line_ends)
    }

    /// The first position from `from` on that ends an unquoted field, or the end; eight bytes at a time.
    #[inline]
    fn skip(&self, bytes: &[u8], from: usize) -> usize {
        let mut at = from;
        while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
            let word = u64::from_le_bytes(*eight);
            let [delimiter, line_feed, carriage_return] = self.ends_field;
            let hits = zero_bytes(word ^ delimiter)
                | zero_bytes(word ^ line_feed)
                | zero_bytes(word ^ carriage_return);
            if hits != 0 {
                return at + hits.trailing_zeros() as usize / 8;
            }
            at += 8;
        }
        let ends = |byte: &u8| [self.delimiter.byte, b'\n', b'\r'].contains(byte);
        bytes[at..].iter().position(ends).map_or(bytes.len(), |place| at + place)
    }
}

/// The first position from `at` on that holds no space.
fn skip_spaces(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|&byte| byte != b' ').map_or(bytes.len(), |place| at + place)
}

/// Behind the line end at `at` and how many that is; `None` when a CR may be the first half of one.
fn line_end(bytes: &[u8], at: usize, at_end: bool) -> Option<(usize, u64)> {
    match bytes[at..] {
        [b'\r'] if !at_end => None,
        [] => Some((at, 0)),
        [b'\r', b'\n', ..] => Some((at + 2, 1)),
        _ => Some((at + 1, 1)),
    }
}

/// Cuts the quotes of a quoted field and resolves doubled ones in place.
fn unquote(buffer: &mut [u8], field: &mut Field) {
    let bytes = &mut buffer[field.start as usize..field.end as usize];
    if bytes.first() != Some(&b'"') {
        return;
    }
    let (mut to, mut from, mut inside) = (0, 1, true);
    while from < bytes.len() {
        if inside && bytes[from] == b'"' {
            from += 1;
            if bytes.get(from) != Some(&b'"') {
                inside = false;
                continue;
            }
        }
        bytes[to] = bytes[from];
        to += 1;
        from += 1;
    }
    field.end = field.start + to as u32;
}

/// The upper bit of zero bytes; the lowest one set is right, those above it may be wrong.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080
}

/// Position of the closing quote and the line ends before it; `None` when it is not in `bytes` (or may be the
/// first half of a doubled one).
fn closing_quote(bytes: &[u8], from: usize, at_end: bool) -> Option<(usize, u64)> {
    let (mut at, mut line_ends) = (from, 0);
    loop {
        match bytes.get(at)? {
            b'"' => match bytes.get(at + 1) {
                Some(b'"') => at += 1,
                None if !at_end => return None,
                _ => return Some((at, line_ends)),
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
        let mut splitter =
            Splitter::new(Blocks::of_chunks(&chunks), "test", Delimiter { byte: b',', runs: false })?;
        let (mut records, mut spent) = (Vec::new(), Batch::default());
        while let Some(batch) = splitter.next_batch(spent)? {
            for (number, record) in batch.records.iter().enumerate() {
                let fields = batch.fields_of(number).iter().map(|f| f.of(&batch.bytes).to_vec());
                records.push((record.line, fields.collect()));
            }
            spent = batch;
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
