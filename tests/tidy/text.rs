//! Rules about every text file.

use std::fs;

use super::{Source, assert_tidy, files, relative};

/// The largest file; data sets stay outside.
const MOST_BYTES: u64 = 256 * 1024;

#[test]
fn no_path_of_a_machine() {
    assert_tidy(machine_paths);
    let text = concat!("see /ho", "me/someone/notes");
    assert_eq!(machine_paths(&Source::new("README.md", text)).len(), 1);
    assert!(machine_paths(&Source::new("README.md", "see https://example.org/home/page")).is_empty());
}

fn machine_paths(source: &Source) -> Vec<String> {
    // In pieces, so that this file is clean.
    let folders = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/Us", "ers/"),
        concat!(":\\Us", "ers\\"),
    ];
    let begins = |line: &str, at: usize| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"._-/}".contains(c)) || line[at..].starts_with(':')
    };
    let names = |line: &str| folders.iter().any(|f| line.match_indices(f).any(|(at, _)| begins(line, at)));
    let bad = source.text.lines().enumerate().filter(|(_, line)| names(line));
    bad.map(|(n, line)| format!("{}:{}: path of a machine: {}", source.path, n + 1, line.trim())).collect()
}

#[test]
fn nothing_is_left_to_do_without_a_number() {
    assert_tidy(unnumbered);
    let marker = concat!("TO", "DO");
    assert_eq!(unnumbered(&Source::new("src/a.rs", &format!("// {marker}: later"))).len(), 1);
    assert!(unnumbered(&Source::new("src/a.rs", &format!("// {marker}(#12): later"))).is_empty());
}

fn unnumbered(source: &Source) -> Vec<String> {
    let markers = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    let is_bare = |line: &str| {
        let mut found = markers.iter().filter_map(|m| Some(&line[line.find(m)? + m.len()..]));
        found.any(|rest| !rest.starts_with("(#"))
    };
    let bad = source.text.lines().enumerate().filter(|(_, line)| is_bare(line));
    bad.map(|(n, line)| format!("{}:{}: {}", source.path, n + 1, line.trim())).collect()
}

#[test]
fn files_are_small() {
    for path in files() {
        let n_bytes = fs::metadata(&path).map_or(0, |meta| meta.len());
        assert!(n_bytes <= MOST_BYTES, "{}: {n_bytes} bytes, at most {MOST_BYTES}", relative(&path));
    }
}

#[test]
fn lines_end_plainly() {
    assert_tidy(untidy_ends);
    assert_eq!(untidy_ends(&Source::new("a.md", "one \n")).len(), 1);
    assert_eq!(untidy_ends(&Source::new("a.md", "one")).len(), 1);
    assert!(untidy_ends(&Source::new("a.md", "one\n\ntwo\n")).is_empty());
}

fn untidy_ends(source: &Source) -> Vec<String> {
    let golden = source.path.contains("/golden/");
    let spaced = source.text.lines().any(|line| line.ends_with([' ', '\t', '\r']));
    let unended = !source.text.is_empty() && !source.text.ends_with('\n');
    if golden || !(spaced || unended) {
        return Vec::new();
    }
    vec![format!("{}: blanks at the end of a line, or no line feed at the end", source.path)]
}
