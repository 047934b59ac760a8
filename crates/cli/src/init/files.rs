//! Which files are looked at, which of them are one source, and how the job file names them.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bespoke_io::Sample;

use super::others;
use super::proposal::Proposal;
use super::sample::{self, look};
use super::sources::{self, Use};

/// Files of one source and what is proposed for them. The rows that were looked at are gone.
pub struct Seen {
    pub paths: Vec<PathBuf>,
    pub proposal: Proposal,
    /// Names of the columns.
    header: Vec<String>,
}

/// All files.
pub struct Looked {
    pub seen: Vec<Seen>,
    /// Those that are no source and why.
    pub left_out: Vec<String>,
}

/// Looks at the files, or at those of the folder when none is named.
///
/// # Errors
/// When a named file is no table.
pub fn look_at_all(named: &[PathBuf]) -> Result<Looked> {
    let mut left_out = Vec::new();
    let mut files =
        if named.is_empty() { data_files(Path::new("."), &mut left_out)? } else { named.to_vec() };
    let mut known: Vec<PathBuf> = Vec::new();
    files.retain(|file| {
        let whole = plain(file);
        !known.contains(&whole) && {
            known.push(whole);
            true
        }
    });
    let mut seen = Vec::new();
    for file in &files {
        if let Some(reason) = others::closed(file) {
            left_out.push(format!("{}: {reason}", file.display()));
            continue;
        }
        match look_at(file) {
            Ok((Use::Source(proposal), header)) => {
                seen.push(Seen { paths: vec![file.clone()], proposal: *proposal, header });
            }
            Ok((Use::LeftOut(reason), _)) => left_out.push(reason),
            Err(error) if named.is_empty() => left_out.push(format!("{error:#}")),
            Err(error) => return Err(error),
        }
    }
    Ok(Looked { seen: joined(seen), left_out })
}

fn look_at(file: &Path) -> Result<(Use, Vec<String>)> {
    let mut looked = look(file, sample::MAX_ROWS)?;
    let header = looked.sample.columns.iter().map(|column| column.name.clone()).collect();
    Ok((sources::propose(&mut looked)?, header))
}

/// Files of one table, header and currency are looked at again as one, so that what only one of them shows (a refund,
/// a word for nothing, a day above 12) holds for all. They stay apart when no proposal fits all.
fn joined(seen: Vec<Seen>) -> Vec<Seen> {
    let mut groups: Vec<Vec<Seen>> = Vec::new();
    for one in seen {
        match groups.iter_mut().find(|group| are_alike(&group[0], &one)) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups.into_iter().flat_map(as_one).collect()
}

fn are_alike(a: &Seen, b: &Seen) -> bool {
    let opened = |seen: &Seen| -> Vec<String> {
        let keys = ["format", "delimiter", "decimal", "rows_are_customers"];
        let choices = seen.proposal.choices.iter().filter(|choice| keys.contains(&choice.key.as_str()));
        let choices = choices.filter(|choice| choice.section.is_empty());
        choices.map(|choice| format!("{} {}", choice.key, choice.value)).collect()
    };
    let currency = |seen: &Seen| seen.proposal.currency.as_ref().map(|hint| hint.value.clone());
    let alone = |seen: &Seen| seen.proposal.choices.iter().any(|choice| choice.key == "rows_are_customers");
    a.header == b.header
        && a.proposal.table == b.proposal.table
        && opened(a) == opened(b)
        && currency(a) == currency(b)
        && !alone(a)
}

fn as_one(group: Vec<Seen>) -> Vec<Seen> {
    let paths: Vec<PathBuf> = group.iter().flat_map(|seen| seen.paths.clone()).collect();
    let (Some(first), 2..) = (group.first(), paths.len()) else { return group };
    let together = together(&paths).filter(|proposal| proposal.table == first.proposal.table);
    match together {
        Some(proposal) => {
            let header = first.header.clone();
            vec![Seen { paths, proposal, header }]
        }
        None => group,
    }
}

/// A proposal for the first rows of all files.
fn together(paths: &[PathBuf]) -> Option<Proposal> {
    const FEWEST: usize = 500;
    let each = (sample::MAX_ROWS / paths.len()).max(FEWEST);
    let mut paths = paths.iter();
    let mut all = look(paths.next()?, each).ok()?;
    for path in paths {
        append(&mut all.sample, look(path, each).ok()?.sample);
    }
    match sources::propose(&mut all) {
        Ok(Use::Source(proposal)) => Some(*proposal),
        Ok(Use::LeftOut(_)) | Err(_) => None,
    }
}

/// Rows of another file of the same header.
fn append(sample: &mut Sample, more: Sample) {
    for (column, other) in sample.columns.iter_mut().zip(more.columns) {
        column.cells.extend(other.cells);
    }
    sample.n_rows += more.n_rows;
    sample.n_ragged += more.n_ragged;
    sample.whole &= more.whole;
}

/// Files of the folder whose names promise a table, by name; those that hold one in a way nobody reads are named.
fn data_files(folder: &Path, left_out: &mut Vec<String>) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).context("the current folder cannot be read")?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(PathBuf::from(entry.ok()?.file_name())))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    for path in &files {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        let what = match extension.as_deref() {
            Some("xlsx" | "xls" | "ods") => "a spreadsheet: save the sheet as CSV (UTF-8)",
            Some("json") => "JSON: write one object per line and name the file .jsonl",
            Some("zip") => "an archive: unpack it",
            _ => continue,
        };
        left_out.push(format!("{} is {what}", path.display()));
    }
    files.retain(|path| sample::format_by_name(path).is_some());
    ensure!(
        !files.is_empty(),
        "no data file in this folder (.csv, .tsv, .txt, .jsonl, .ndjson, .parquet, the first five also .gz or .zst); \
         name the files: bespoke init FILES{}",
        left_out.iter().map(|line| format!("\n  {line}")).collect::<String>()
    );
    Ok(files)
}

/// The path without `.`, and without `..` where a name stands before it.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

/// The path as the job file must hold it, which lies in `folder`.
pub fn path_from(folder: &Path, path: &Path) -> Result<String> {
    let text = |path: &Path| path.to_str().map(str::to_owned).context("the name of a file is not UTF-8");
    let (folder, path) = (plain(folder), plain(path));
    if folder.as_os_str().is_empty() || path.is_absolute() {
        return text(&path);
    }
    let up = |path: &Path| path.components().any(|part| part == Component::ParentDir);
    if folder.is_absolute() || up(&folder) || up(&path) {
        return text(&std::path::absolute(&path)?);
    }
    let same = folder.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let above = folder.components().skip(same).map(|_| Component::ParentDir);
    text(&above.chain(path.components().skip(same)).collect::<PathBuf>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_from_the_folder_of_the_job() {
        for (folder, path, expected) in [
            ("", "a.csv", "a.csv"),
            ("", "./a.csv", "a.csv"),
            (".", "in/a.csv", "in/a.csv"),
            ("jobs", "in/a.csv", "../in/a.csv"),
            ("in", "in/a.csv", "a.csv"),
            ("in/deep", "./in/a.csv", "../a.csv"),
            ("jobs", "/data/a.csv", "/data/a.csv"),
        ] {
            assert_eq!(path_from(Path::new(folder), Path::new(path)).unwrap(), expected, "{folder} {path}");
        }
    }
}
