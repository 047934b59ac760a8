//! Rules about documents: they name what exists, and what they name exists.

use std::fs;
use std::path::Path;

use super::{Source, assert_tidy, names_in, root, sources};

fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_architecture_names_every_room() {
    let text = document("docs/ARCHITECTURE.md");
    let rooms = names_in("src", |path| path.is_dir() || path.extension().is_some_and(|e| e == "rs"));
    let crates = names_in("crates", Path::is_dir);
    assert!(rooms.len() > 10 && crates.len() > 2, "{rooms:?} {crates:?}");
    let wanted = rooms.iter().map(|room| format!("src/{room}"));
    for place in wanted.chain(crates.iter().map(|name| format!("crates/{name}"))) {
        assert!(text.contains(&format!("`{place}`")), "docs/ARCHITECTURE.md does not name `{place}`");
    }
}

#[test]
fn the_architecture_names_only_what_is_there() {
    let text = document("docs/ARCHITECTURE.md");
    for quoted in text.split('`').skip(1).step_by(2) {
        let is_path = ["src/", "crates/", "docs/", "models/", "datasets/", "tests/", "benches/"]
            .iter()
            .any(|top| quoted.starts_with(top))
            && !quoted.contains(['*', '<', ' ', '…']);
        assert!(!is_path || root().join(quoted).exists(), "docs/ARCHITECTURE.md: `{quoted}` is not there");
    }
}

#[test]
fn the_changelog_has_a_place_for_what_comes() {
    assert!(document("CHANGELOG.md").lines().any(|line| line == "## Unreleased"));
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest: toml::Table = document("Cargo.toml").parse().expect("Cargo.toml is TOML");
    let dependencies = manifest["workspace"]["dependencies"].as_table().expect("a table");
    let outside = dependencies.iter().filter(|(_, spec)| spec.get("path").is_none());
    let reasons: Vec<Source> =
        sources().into_iter().filter(|s| s.path.starts_with("docs/decisions/")).collect();
    let mut n_checked = 0;
    for (name, _) in outside {
        let line = format!("| `{name}` |");
        let explained =
            reasons.iter().any(|s| s.text.lines().any(|l| l.starts_with(&line) && l.len() > line.len() + 20));
        assert!(explained, "no line `{line}` in docs/decisions/ says what {name} saves us from writing");
        n_checked += 1;
    }
    assert!(n_checked > 20, "{n_checked} dependencies were found");
}

#[test]
fn there_is_one_ndarray() {
    let lock: toml::Table = document("Cargo.lock").parse().expect("Cargo.lock is TOML");
    let packages = lock["package"].as_array().expect("a list");
    let versions: Vec<_> =
        packages.iter().filter(|p| p["name"].as_str() == Some("ndarray")).map(|p| &p["version"]).collect();
    assert_eq!(versions.len(), 1, "linfa's ndarray must be the only one: {versions:?}");
}

#[test]
fn decisions_are_numbered_once() {
    let names = names_in("docs/decisions", Path::is_file);
    let numbers: Vec<&str> = names.iter().filter_map(|name| name.get(..4)).collect();
    for (n, number) in numbers.iter().enumerate() {
        assert_eq!(*number, format!("{:03}-", n + 1), "{names:?}");
    }
    assert!(!numbers.is_empty());
}

#[test]
fn links_lead_somewhere() {
    assert_tidy(dead_links);
    assert_eq!(dead_links(&Source::new("docs/a.md", "[x](no-such.md) [y](https://example.org)")).len(), 1);
    assert!(dead_links(&Source::new("docs/a.md", "[x](../Cargo.toml#top) [y](#here)")).is_empty());
}

/// Relative links of a document to files that do not exist.
fn dead_links(source: &Source) -> Vec<String> {
    if !source.path.ends_with(".md") {
        return Vec::new();
    }
    let here = root().join(&source.path);
    let dir = here.parent().unwrap_or(root());
    let targets = source.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.map(|target| target.split('#').next().unwrap_or_default());
    let local = files.filter(|file| !file.is_empty() && !file.contains(':'));
    local
        .filter(|file| !dir.join(file).exists())
        .map(|file| format!("{}: the link to {file} is dead", source.path))
        .collect()
}
