//! Paths of the configuration to files, in the order they are read.

use std::path::{Path, PathBuf};

use crate::config::{FileFormat, SourceConfig};
use crate::error::ReadError;

/// How a file is packed, by its last extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// What stands between the fields of a CSV record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delimiter {
    pub(crate) byte: u8,
    /// Any number of it is one, and none counts at either end of a line: tables set with spaces.
    pub(crate) runs: bool,
}

/// Name of the delimiter of tables set with spaces.
const SPACES: &str = "spaces";

impl Delimiter {
    fn named(name: &str) -> Option<Self> {
        match name.as_bytes() {
            _ if name == SPACES => Some(Self { byte: b' ', runs: true }),
            &[byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => {
                Some(Self { byte, runs: false })
            }
            _ => None,
        }
    }
}

/// One file to read.
#[derive(Clone, Debug)]
pub(crate) struct InputFile {
    pub(crate) path: PathBuf,
    /// As named in the configuration.
    pub(crate) shown: String,
    pub(crate) format: FileFormat,
    pub(crate) compression: Compression,
    pub(crate) delimiter: Delimiter,
}

/// The files of a source, sorted by name, each once.
pub(crate) fn expand(source: &str, config: &SourceConfig) -> Result<Vec<InputFile>, ReadError> {
    let mut paths = Vec::new();
    for pattern in config.path.as_slice() {
        let direct = config.base.join(pattern);
        if direct.exists() {
            paths.push((pattern.clone(), direct));
        } else if pattern.contains(['*', '?', '[']) {
            matches(source, pattern, config, &mut paths)?;
        } else {
            return Err(ReadError::MissingFile { source_name: source.to_owned(), file: pattern.clone() });
        }
    }
    if paths.is_empty() {
        return Err(ReadError::NoMatch { source_name: source.to_owned(), pattern: String::new() });
    }
    // A file that is named twice is read once.
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    paths.sort_by_cached_key(|(shown, path)| (whole(path), shown.clone()));
    paths.dedup_by_key(|(_, path)| whole(path));
    paths.sort();
    paths.into_iter().map(|(shown, path)| describe(source, config, shown, path)).collect()
}

fn matches(
    source: &str,
    pattern: &str,
    config: &SourceConfig,
    paths: &mut Vec<(String, PathBuf)>,
) -> Result<(), ReadError> {
    let no_match = || ReadError::NoMatch { source_name: source.to_owned(), pattern: pattern.to_owned() };
    let base = glob::Pattern::escape(&config.base.to_string_lossy());
    let full = Path::new(&base).join(pattern);
    let found = glob::glob(&full.to_string_lossy()).map_err(|_| no_match())?;
    let before = paths.len();
    for path in found {
        let path = path.map_err(|e| {
            let file = e.path().display().to_string();
            ReadError::io(&file, e.into())
        })?;
        if path.is_file() {
            let shown = path.strip_prefix(&config.base).unwrap_or(&path).to_string_lossy().into_owned();
            paths.push((shown, path));
        }
    }
    if paths.len() == before { Err(no_match()) } else { Ok(()) }
}

fn describe(
    source: &str,
    config: &SourceConfig,
    shown: String,
    path: PathBuf,
) -> Result<InputFile, ReadError> {
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().to_lowercase());
    let (stem, compression) = match name.rsplit_once('.') {
        Some((stem, "gz")) => (stem, Compression::Gzip),
        Some((stem, "zst")) => (stem, Compression::Zstd),
        _ => (name.as_str(), Compression::None),
    };
    let extension = stem.rsplit_once('.').map_or("", |(_, extension)| extension);
    let by_name = match extension {
        "csv" | "tsv" | "txt" => Some(FileFormat::Csv),
        "jsonl" | "ndjson" => Some(FileFormat::Jsonl),
        "parquet" => Some(FileFormat::Parquet),
        _ => None,
    };
    let refuse = |key: &str, value: &str, rule: &str| ReadError::Config {
        source_name: source.to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
        rule: rule.to_owned(),
    };
    let format = config.format.or(by_name).ok_or_else(|| {
        refuse("format", "not given", &format!("csv, jsonl or parquet, as the name of {shown} does not tell"))
    })?;
    if format == FileFormat::Parquet && compression != Compression::None {
        return Err(refuse("path", &shown, "an unpacked .parquet file (Parquet compresses by itself)"));
    }
    let by_name = if extension == "tsv" { "\t" } else { "," };
    let delimiter = config.delimiter.as_deref().unwrap_or(by_name);
    match Delimiter::named(delimiter) {
        Some(delimiter) => Ok(InputFile { path, shown, format, compression, delimiter }),
        None => {
            let rule = "one ASCII character, no quote or line end, or \"spaces\"";
            Err(refuse("delimiter", &format!("{delimiter:?}"), rule))
        }
    }
}
