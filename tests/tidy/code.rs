//! Rules about Rust files.

use super::{Source, assert_tidy, names_in};

/// The most lines of code, without tests, comments and blank lines, in one file.
const MOST_LINES: usize = 400;

/// Files that may be longer, each with its reason.
const LONGER: [(&str, &str); 0] = [];

/// Rooms in which `unsafe` may be allowed.
const UNSAFE_ROOMS: [&str; 2] = ["src/kernels/", "src/bundle/map.rs"];

#[test]
fn files_are_short() {
    assert_tidy(too_long);
    let long = format!("//! Doc.\n{}", "let x = 1;\n".repeat(MOST_LINES + 1));
    assert_eq!(too_long(&Source::new("src/a.rs", &long)).len(), 1);
    let tested = format!("//! Doc.\n#[cfg(test)]\nmod tests {{\n{}}}\n", "let x = 1;\n".repeat(500));
    assert!(too_long(&Source::new("src/a.rs", &tested)).is_empty());
}

fn too_long(source: &Source) -> Vec<String> {
    let is_test = source.path.starts_with("tests/") || source.path.contains("/tests/");
    let exempt = LONGER.iter().any(|(path, _)| *path == source.path);
    if !source.is_rust() || is_test || exempt || source.path.ends_with("/tests.rs") {
        return Vec::new();
    }
    let n_lines = without_tests(&source.text).filter(|line| is_code(line)).count();
    if n_lines <= MOST_LINES {
        return Vec::new();
    }
    vec![format!(
        "{}: {n_lines} lines of code, at most {MOST_LINES}: divide it by what changes together",
        source.path
    )]
}

/// The lines before the unit tests, which stand last.
fn without_tests(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| *line != "#[cfg(test)]")
}

fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

#[test]
fn files_say_what_they_are_for() {
    assert_tidy(undocumented);
    assert_eq!(undocumented(&Source::new("src/a.rs", "use std::fs;\n")).len(), 1);
    assert_eq!(undocumented(&Source::new("src/a.rs", "//! a.\n")).len(), 1, "a name is no sentence");
}

/// A file begins with a sentence in `//!`.
fn undocumented(source: &Source) -> Vec<String> {
    if !source.is_rust() {
        return Vec::new();
    }
    let first = source
        .text
        .lines()
        .find(|line| !line.starts_with("#![") || line.starts_with("#![doc"))
        .unwrap_or_default();
    let sentence = first.strip_prefix("//! ").unwrap_or_default();
    if sentence.split(' ').count() >= 2 || first.starts_with("#![doc") {
        return Vec::new();
    }
    vec![format!("{}: begins without a `//!` sentence that says what it is for", source.path)]
}

#[test]
fn unsafe_stays_in_its_rooms() {
    assert_tidy(unsafe_outside);
    let text = concat!("//! A file.\n#![allow(unsafe", "_code)]\n");
    assert_eq!(unsafe_outside(&Source::new("src/cltv/fit.rs", text)).len(), 1);
    assert!(unsafe_outside(&Source::new("src/kernels/dot.rs", text)).is_empty());
}

fn unsafe_outside(source: &Source) -> Vec<String> {
    let allows = source.text.contains(concat!("allow(unsafe", "_code"));
    let may = UNSAFE_ROOMS.iter().any(|room| source.path.starts_with(room));
    if !source.is_rust() || !allows || may {
        return Vec::new();
    }
    vec![format!("{}: unsafe code belongs to {UNSAFE_ROOMS:?}", source.path)]
}

#[test]
fn hash_maps_are_looked_up_and_never_walked() {
    assert_tidy(walked_maps);
    for walk in ["for x in &seen {", "seen.keys()", "seen.iter().map(f)", "self.seen.into_values()"] {
        let text = format!("//! A file.\nlet mut seen = HashMap::new();\n{walk}\n");
        assert_eq!(walked_maps(&Source::new("src/a.rs", &text)).len(), 1, "{walk}");
    }
    let text = "//! A file.\nseen: HashSet<u32>,\nseen.contains(&x); unseen.iter();\n";
    assert!(walked_maps(&Source::new("src/a.rs", text)).is_empty());
}

/// The order of a hash map changes from run to run; this knows maps by the name they are declared with.
fn walked_maps(source: &Source) -> Vec<String> {
    if !source.is_rust() || !source.path.starts_with("src/") {
        return Vec::new();
    }
    let lines: Vec<&str> = without_tests(&source.text).filter(|line| is_code(line)).collect();
    let names: Vec<&str> = lines.iter().filter_map(|line| declared_map(line)).collect();
    let walks = |line: &str| names.iter().any(|name| walks_over(line, name));
    let bad = lines.iter().filter(|line| walks(line));
    bad.map(|line| format!("{}: walks over a hash map, in no fixed order: {}", source.path, line.trim()))
        .collect()
}

/// The name a line declares as a hash map or set.
fn declared_map(line: &str) -> Option<&str> {
    let at = line.find("HashMap").or_else(|| line.find("HashSet"))?;
    let before = line[..at].trim_end_matches("std::collections::").trim_end_matches(['&', ' ']);
    let before = before.trim_end_matches("mut").trim_end_matches(['&', ' ', ':', '=']);
    let name = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    (!name.is_empty() && name != "use").then_some(name)
}

fn walks_over(line: &str, name: &str) -> bool {
    const WALKS: [&str; 9] = [
        ".iter()",
        ".iter_mut()",
        ".into_iter()",
        ".keys()",
        ".values()",
        ".values_mut()",
        ".into_keys()",
        ".into_values()",
        ".drain(",
    ];
    let looped = ["in &", "in &mut ", "in "].iter().any(|form| line.contains(&format!("{form}{name} {{")));
    looped || WALKS.iter().any(|walk| is_word_at(line, &format!("{name}{walk}")))
}

/// Whether a line contains `needle` and not as the end of a longer word.
fn is_word_at(line: &str, needle: &str) -> bool {
    let starts_word = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    line.match_indices(needle).any(|(at, _)| starts_word(at))
}

#[test]
fn the_index_lists_every_test_room() {
    let index = include_str!("../tests.rs");
    for room in names_in("tests", std::path::Path::is_dir) {
        let listed = index.contains(&format!("mod {room};")) || index.contains(&format!("mod {room} {{"));
        assert!(listed, "tests/tests.rs does not list {room}");
    }
}
