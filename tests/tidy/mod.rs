//! Rules about the repository itself, as ordinary tests. Each rule is a function from text to complaints, with
//! a bad example that it must complain about.

mod code;
mod docs;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the repository.
struct Source {
    /// Path from the root, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Folders that are not part of the repository.
const OUTSIDE: [&str; 4] = [".git", "target", "out", "node_modules"];

/// Every file of the repository, by path.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("folders of the repository can be listed") {
            let path = entry.expect("folders of the repository can be listed").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !OUTSIDE.contains(&name.as_str()) {
                open.push(path);
            } else if path.is_file() && name != ".git" {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every file that is text.
fn sources() -> Vec<Source> {
    let text_of = |path: &PathBuf| fs::read_to_string(path).ok();
    files().iter().filter_map(|path| Some(Source::new(&relative(path), &text_of(path)?))).collect()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Names of the folders (or of the files, without them) directly under a folder.
fn names_in(dir: &str, wanted: impl Fn(&Path) -> bool) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root().join(dir)) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("folders of the repository can be listed").path());
    let mut names: Vec<String> = paths
        .filter(|path| wanted(path))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

/// Applies a rule to every source and fails with all complaints at once.
fn assert_tidy(rule: impl Fn(&Source) -> Vec<String>) {
    let sources = sources();
    assert!(sources.len() > 20, "the repository was not found: {} files", sources.len());
    let complaints: Vec<String> = sources.iter().flat_map(rule).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
