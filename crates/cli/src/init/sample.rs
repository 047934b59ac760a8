//! Opening a file nobody has described yet: its format, its delimiter and its first rows.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use bespoke_io::{FileFormat, Sample, SourceConfig};

/// Rows that are looked at; more would hardly change a choice and take longer.
pub const MAX_ROWS: usize = 20_000;

/// A file and how it begins.
#[derive(Debug)]
pub struct Looked {
    pub path: PathBuf,
    pub format: FileFormat,
    /// The name of the file does not tell the format.
    pub format_must_be_said: bool,
    /// Of a CSV file, when it is not what its name promises.
    pub delimiter: Option<&'static str>,
    pub sample: Sample,
}

impl Looked {
    /// The file for messages.
    pub fn name(&self) -> String {
        self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }
}

/// Opens a file and reads its first rows.
///
/// # Errors
/// Names the file and what it is instead of a table.
pub fn look(path: &Path, max_rows: usize) -> Result<Looked> {
    let shown = path.display();
    let facts = std::fs::metadata(path).with_context(|| format!("{shown}: cannot be read"))?;
    ensure!(!facts.is_dir(), "{shown} is a folder: name its files, for example {shown}/*.csv");
    ensure!(facts.len() > 0, "{shown} is empty (0 bytes)");
    let by_name = format_by_name(path);
    let parquet = by_name == Some(FileFormat::Parquet);
    // As text, packed or not, whatever the name says; Parquet opens itself.
    let head =
        if parquet { Vec::new() } else { bespoke_io::head("init", &source(path, FileFormat::Csv, None)?)? };
    ensure!(parquet || !head.is_empty(), "{shown} is empty once it is unpacked");
    refuse_what_is_no_text(path, &head)?;
    refuse_other_encodings(path, &head)?;
    let format = by_name.unwrap_or_else(|| format_by_content(&head));
    let delimiter = match format {
        FileFormat::Csv => {
            let text = String::from_utf8_lossy(&head);
            refuse_lines_above_the_header(path, &text)?;
            delimiter_to_say(path, &text)
        }
        _ => None,
    };
    let sample = bespoke_io::sample("init", &source(path, format, delimiter)?, max_rows)?;
    let spread = format == FileFormat::Jsonl && sample.n_rows == 0 && sample.n_ragged > 0;
    ensure!(
        !spread,
        "{shown} is JSON over several lines, not one object per line: jq -c . {shown} > rows.jsonl"
    );
    ensure!(!sample.columns.is_empty(), "{shown} holds no columns");
    let names = || {
        let names: Vec<&str> = sample.columns.iter().map(|column| column.name.trim()).collect();
        super::words(&names.join(", "))
    };
    if sample.n_rows == 0 {
        let ragged = if sample.n_ragged > 0 { " of as many fields as it has names" } else { "" };
        bail!("{shown} has a header ({}) and no rows{ragged} below it", names());
    }
    ensure!(
        format != FileFormat::Csv || !looks_like_data(&sample),
        "{shown} has no header: its first line ({}) holds numbers or dates like the lines below it; put a line with the \
         names of the columns above it",
        names()
    );
    Ok(Looked { path: path.to_owned(), format, format_must_be_said: by_name.is_none(), delimiter, sample })
}

/// A source with nothing but what is needed to open the file.
fn source(path: &Path, format: FileFormat, delimiter: Option<&str>) -> Result<SourceConfig> {
    let text = path.to_str().with_context(|| format!("{}: the name is not UTF-8", path.display()))?;
    let mut table = toml::Table::new();
    table.insert("path".into(), text.into());
    table.insert("format".into(), format_name(format).into());
    if let Some(delimiter) = delimiter {
        table.insert("delimiter".into(), delimiter.into());
    }
    Ok(table.try_into()?)
}

/// The format as the job file names it.
pub fn format_name(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Csv => "csv",
        FileFormat::Jsonl => "jsonl",
        FileFormat::Parquet => "parquet",
    }
}

/// The format by the extension below `.gz` or `.zst`.
pub fn format_by_name(path: &Path) -> Option<FileFormat> {
    match extension(path)?.as_str() {
        "csv" | "tsv" | "txt" => Some(FileFormat::Csv),
        "jsonl" | "ndjson" => Some(FileFormat::Jsonl),
        "parquet" => Some(FileFormat::Parquet),
        _ => None,
    }
}

/// The extension below `.gz` or `.zst`, as the reader takes it.
fn extension(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let stem = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    Some(stem.rsplit_once('.')?.1.to_owned())
}

fn format_by_content(head: &[u8]) -> FileFormat {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if text.starts_with(b"{") { FileFormat::Jsonl } else { FileFormat::Csv }
}

/// First bytes of files that are often mistaken for tables, and what to do.
const NO_TEXT: [(&[u8], &str); 5] = [
    (b"PK\x03\x04", "is a spreadsheet or a zip archive: save the sheet as CSV (UTF-8), or unpack it"),
    (b"\xd0\xcf\x11\xe0", "is an old spreadsheet: save the sheet as CSV (UTF-8)"),
    (b"\x1f\x8b", "is packed with gzip: give it a name that ends in .gz"),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd: give it a name that ends in .zst"),
    (b"PAR1", "is a Parquet file: give it a name that ends in .parquet"),
];

fn refuse_what_is_no_text(path: &Path, head: &[u8]) -> Result<()> {
    let shown = path.display();
    if let Some((_, what)) = NO_TEXT.iter().find(|(magic, _)| head.starts_with(magic)) {
        bail!("{shown} {what}");
    }
    ensure!(
        !head.starts_with(b"\xff\xfe") && !head.starts_with(b"\xfe\xff"),
        "{shown} is UTF-16: convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)"
    );
    if let Some(name) = utf_16(head) {
        bail!("{shown} is UTF-16: convert it to UTF-8 (iconv -f {name} -t UTF-8)");
    }
    ensure!(!head.contains(&0), "{shown} is a binary file: bespoke reads CSV, JSON lines and Parquet");
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    ensure!(
        !text.starts_with(b"["),
        "{shown} is one JSON list: write one object per line (jq -c '.[]' {shown} > rows.jsonl)"
    );
    ensure!(!text.starts_with(b"<"), "{shown} is HTML or XML: bespoke reads CSV, JSON lines and Parquet");
    Ok(())
}

/// UTF-16 without a mark: every other byte of plain text is zero.
fn utf_16(head: &[u8]) -> Option<&'static str> {
    let pairs: Vec<(bool, bool)> =
        head.chunks_exact(2).take(100).map(|pair| (pair[0] == 0, pair[1] == 0)).collect();
    let most = |is: fn(&(bool, bool)) -> bool| {
        pairs.len() > 3 && pairs.iter().filter(|pair| is(pair)).count() * 10 > pairs.len() * 9
    };
    if most(|pair| *pair == (false, true)) {
        return Some("UTF-16LE");
    }
    most(|pair| *pair == (true, false)).then_some("UTF-16BE")
}

/// The first bytes must be UTF-8; a character may be cut at their end.
fn refuse_other_encodings(path: &Path, head: &[u8]) -> Result<()> {
    let Err(error) = std::str::from_utf8(head) else { return Ok(()) };
    if error.error_len().is_none() {
        return Ok(());
    }
    let line = head[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() + 1;
    bail!(
        "{} is not UTF-8 (line {line}): convert it, mostly with iconv -f WINDOWS-1252 -t UTF-8",
        path.display()
    )
}

/// `sep=;` and titles stand above the header of what spreadsheets export.
fn refuse_lines_above_the_header(path: &Path, head: &str) -> Result<()> {
    let (shown, text) = (path.display(), head.strip_prefix('\u{feff}').unwrap_or(head));
    let first = text.lines().next().unwrap_or_default();
    ensure!(
        !first.starts_with("sep="),
        "{shown} begins with the line \"{first}\", which is no header: delete it"
    );
    let all: Vec<(usize, Vec<usize>)> = DELIMITERS
        .iter()
        .map(|(byte, _)| counts_per_record(text, *byte))
        .filter_map(|counts| Some((most_frequent(counts.get(1..)?)?, counts)))
        .filter(|(usual, _)| *usual > 0)
        .collect();
    let Some((usual, counts)) = all.iter().max_by_key(|(usual, _)| *usual) else { return Ok(()) };
    let same = counts.iter().filter(|count| *count == usual).count();
    let header = counts.iter().position(|count| count == usual).unwrap_or_default();
    let is_title =
        (1..=20).contains(&header) && counts[..header].iter().all(|count| *count < usual.div_ceil(2));
    ensure!(
        !(is_title && same * 10 >= (counts.len() - header) * 8 && same > 2),
        "{shown} has {header} {} above its header (\"{}\"): delete {}",
        if header == 1 { "line" } else { "lines" },
        super::words(first),
        if header == 1 { "it" } else { "them" }
    );
    Ok(())
}

fn most_frequent(counts: &[usize]) -> Option<usize> {
    let often = |count: usize| counts.iter().filter(|&&other| other == count).count();
    counts.iter().copied().max_by_key(|&count| (often(count), count))
}

/// Characters between fields, by how often they are meant.
const DELIMITERS: [(u8, &str); 4] = [(b',', ","), (b';', ";"), (b'\t', "\t"), (b'|', "|")];

/// The delimiter unless the name of the file gives it.
fn delimiter_to_say(path: &Path, head: &str) -> Option<&'static str> {
    let by_name = if extension(path).as_deref() == Some("tsv") { "\t" } else { "," };
    delimiter(head).filter(|found| *found != by_name)
}

/// The delimiter that divides most records into as many fields as the header; `None` for one column.
fn delimiter(head: &str) -> Option<&'static str> {
    let counts = |byte| counts_per_record(head, byte);
    let agreeing = |counts: &[usize]| {
        let expected = counts.first().copied().unwrap_or(0);
        let same = counts.iter().filter(|&&count| count == expected).count();
        (expected > 0).then(|| same as f64 / counts.len() as f64).filter(|share| *share >= 0.8)
    };
    let scored = DELIMITERS.iter().filter_map(|(byte, name)| {
        let counts = counts(*byte);
        Some((agreeing(&counts)? + counts[0] as f64 / 1000.0, *name))
    });
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, name)| name);
    best.or_else(|| {
        let words: Vec<usize> = head
            .lines()
            .take(RECORDS)
            .map(|line| line.split(' ').filter(|word| !word.trim().is_empty()).count().saturating_sub(1))
            .collect();
        agreeing(&words).map(|_| "spaces")
    })
}

/// Records that are counted.
const RECORDS: usize = 200;

/// Delimiters outside quotes in each of the first records; the last one may be cut and does not count.
fn counts_per_record(head: &str, delimiter: u8) -> Vec<usize> {
    let (mut counts, mut count, mut quoted, mut blank) = (Vec::new(), 0, false, true);
    for byte in head.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => {
                if !blank {
                    counts.push(count);
                }
                (count, blank) = (0, true);
                if counts.len() == RECORDS {
                    return counts;
                }
                continue;
            }
            _ if byte == delimiter && !quoted => count += 1,
            _ => {}
        }
        blank &= byte == b'\r';
    }
    if counts.len() < 2 && !blank {
        counts.push(count);
    }
    counts
}

/// Whether the line taken for a header holds a number or a date above cells like it: one is proof enough, names of
/// columns begin with letters. A year may name a column of a wide table, unless most do.
fn looks_like_data(sample: &Sample) -> bool {
    let is_figure = |text: &str| {
        let text = text.trim();
        text.bytes().any(|b| b.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_digit() || b"-+.,:/ T".contains(&b))
    };
    let alike = |column: &&bespoke_io::SampledColumn| {
        is_figure(&column.name) && column.cells.iter().take(100).flatten().all(|cell| is_figure(cell))
    };
    let figures: Vec<&str> = sample.columns.iter().filter(alike).map(|column| column.name.trim()).collect();
    let is_year = |name: &&str| name.len() == 4 && (name.starts_with("19") || name.starts_with("20"));
    figures.iter().any(|name| !is_year(name)) || figures.len() * 2 > sample.columns.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str, bytes: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        format!("{:#}", look(&path, MAX_ROWS).unwrap_err())
    }

    #[test]
    fn delimiters_are_told_apart() {
        assert_eq!(delimiter("a,b,c\n1,2,3\n"), Some(","));
        assert_eq!(delimiter("a;b;c\n1,5;2,5;3\n1,5;2,5;3\n"), Some(";"));
        assert_eq!(delimiter("a\tb\n1,5\t2\n"), Some("\t"));
        assert_eq!(delimiter("a|b\n\"x|y\"|2\n"), Some("|"));
        assert_eq!(delimiter(" id  day\r\n 1  2\r\n"), Some("spaces"));
        assert_eq!(delimiter("only\n1\n2\n"), None);
        assert_eq!(delimiter("a;b\n\"x\ny;z\";2\n"), Some(";"));
        assert_eq!(delimiter("first name;last name\na b;c\n"), Some(";"));
    }

    #[test]
    fn the_last_extension_tells_the_delimiter() {
        assert_eq!(delimiter_to_say(Path::new("my.tsv.d/a.csv"), "a\tb\n1\t2\n"), Some("\t"));
        assert_eq!(delimiter_to_say(Path::new("a.tsv.csv"), "a,b\n1,2\n"), None);
        assert_eq!(delimiter_to_say(Path::new("a.tsv.gz"), "a\tb\n1\t2\n"), None);
    }

    #[test]
    fn what_is_no_table_is_refused_by_what_it_is() {
        assert!(refusal("a.csv", b"").contains("is empty"));
        assert!(refusal("a.csv", b"id,time\n").contains("has a header (id, time) and no rows below it"));
        assert!(refusal("a.csv", b"PK\x03\x04...").contains("save the sheet as CSV"));
        assert!(refusal("a.csv", b"\x1f\x8b...").contains("ends in .gz"));
        assert!(refusal("a.csv", b"a,b\n\x00\x01,2\n").contains("binary"));
        assert!(refusal("a.json", b"[{\"a\":1}]").contains("one object per line"));
        assert!(refusal("a.csv", b"\xff\xfea\x00").contains("UTF-16"));
        assert!(refusal("a.csv.gz", b"no gzip at all").contains("a.csv.gz"));
        assert!(refusal("a.csv", b"1,2011-01-01\n2,2011-01-02\n").contains("has no header"));
        assert!(
            refusal("a.csv", b"c1,2024-01-05,apple,9.50\nc2,2024-01-06,pear,1.20\n")
                .contains("has no header")
        );
        assert!(refusal("a.csv", b"a\x00,\x00b\x00\n\x00").contains("iconv -f UTF-16LE"));
        assert!(refusal("a.csv", b"id,name\n1,J\xfcrgen\n").contains("not UTF-8 (line 2)"));
        assert!(refusal("a.csv", b"sep=;\nid;name\n1;x\n").contains("begins with the line \"sep=;\""));
        let titled = b"Sales report\n\nid,day,amount\n1,2024-01-05,3\n2,2024-01-06,4\n";
        assert!(refusal("a.csv", titled).contains("has 1 line above its header (\"Sales report\")"));
        assert!(refusal("one.json", b"{\n  \"a\": 1\n}\n").contains("JSON over several lines"));
        assert!(refusal("a.parquet", b"PAR1 and nothing").contains("not readable as Parquet"));
        let dir = tempfile::tempdir().unwrap();
        assert!(format!("{:#}", look(dir.path(), MAX_ROWS).unwrap_err()).contains("is a folder"));
        assert!(
            format!("{:#}", look(&dir.path().join("no.csv"), MAX_ROWS).unwrap_err())
                .contains("no.csv: cannot be read")
        );
    }

    #[test]
    fn a_header_with_a_byte_order_mark_and_quotes_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.dat");
        std::fs::write(&path, "\u{feff}\"Kunden-Nr.\";\"Größe, cm\"\n1;2\n").unwrap();
        let looked = look(&path, MAX_ROWS).unwrap();
        assert!(looked.format_must_be_said && looked.delimiter == Some(";"));
        assert_eq!(looked.sample.columns[0].name, "Kunden-Nr.");
        assert_eq!(looked.sample.columns[1].name, "Größe, cm");
    }
}
