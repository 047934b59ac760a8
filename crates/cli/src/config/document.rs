//! The job file as a tree of values: overrides go in, paths are resolved where they were written.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::hint;

/// One key that the command line sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// As it was typed, for messages.
    typed: String,
    path: Vec<String>,
    value: Value,
}

impl Override {
    /// Sets the dotted key to a text; `option` is what the person typed.
    pub fn text(option: String, key: &str, text: &str) -> Self {
        let path = key.split('.').map(ToOwned::to_owned).collect();
        Self { typed: option, path, value: Value::String(text.to_owned()) }
    }

    /// Reads `KEY=VALUE`.
    fn parse(set: &str) -> Result<Self> {
        let (key, value) = set.split_once('=').context("expected KEY=VALUE")?;
        let path = key_path(key.trim())?;
        let value = if is_path(&path) { path_value(value) } else { any_value(value) };
        Ok(Self { typed: format!("--set {set}"), path, value })
    }

    fn concerns(&self, key: &str) -> bool {
        let path = self.path.join(".");
        let inside = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        inside(&path, key) || inside(key, &path)
    }
}

/// Reads every `KEY=VALUE`: a dotted TOML key, a TOML value or else a text.
///
/// # Errors
/// Names the one that is no `KEY=VALUE`.
pub fn parse_overrides(sets: &[String]) -> Result<Vec<Override>> {
    sets.iter().map(|set| Override::parse(set).with_context(|| format!("--set {set}"))).collect()
}

/// The parts of a dotted key, quotes as in TOML.
fn key_path(key: &str) -> Result<Vec<String>> {
    let parsed = key.lines().count() == 1 && !key.contains(['=', '#']);
    let table = parsed.then(|| toml::from_str::<Table>(&format!("{key} = 0")).ok()).flatten();
    let mut value = Value::Table(table.with_context(|| format!("\"{key}\" is not a dotted key"))?);
    let mut path = Vec::new();
    while let Value::Table(table) = value {
        let (part, inner) = table.into_iter().next().context("empty key")?;
        path.push(part);
        value = inner;
    }
    Ok(path)
}

fn any_value(text: &str) -> Value {
    toml_value(text).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// A path is TOML only where it is quoted or a list, so that `2011` stays a file name.
fn path_value(text: &str) -> Value {
    let quoted = text.trim_start().starts_with(['"', '\'', '[']);
    quoted.then(|| toml_value(text)).flatten().unwrap_or_else(|| Value::String(text.to_owned()))
}

fn toml_value(text: &str) -> Option<Value> {
    let mut table = toml::from_str::<Table>(&format!("value = {text}")).ok()?;
    (table.len() == 1).then(|| table.remove("value")).flatten()
}

/// Whether the key holds a path: `source.NAME.path` and `output.dir`.
fn is_path(path: &[String]) -> bool {
    match path {
        [section, _, key] => section == "source" && key == "path",
        [section, key] => section == "output" && key == "dir",
        _ => false,
    }
}

/// A job file with overrides applied, not yet typed.
pub struct Document {
    file: PathBuf,
    root: Table,
    overrides: Vec<Override>,
}

impl Document {
    pub fn parse(text: &str, file: &Path, overrides: &[Override]) -> Result<Self> {
        let root = toml::from_str(text).map_err(|error| anyhow!("{}: {error}", file.display()))?;
        let mut document = Self { file: file.to_owned(), root, overrides: overrides.to_vec() };
        document.fill_in_what_depends();
        resolve_paths(&mut document.root, &folder_of(file));
        for one in overrides {
            set(&mut document.root, &one.path, one.value.clone()).with_context(|| one.typed.clone())?;
        }
        document.inherit_horizon();
        Ok(document)
    }

    /// Sections that must be there for a good message, and paths whose default depends on the file's folder.
    fn fill_in_what_depends(&mut self) {
        section(&mut self.root, "job");
        if let Some(output) = section(&mut self.root, "output") {
            output.entry("dir").or_insert_with(|| Value::String("out".to_owned()));
        }
    }

    /// `churn.horizon_days` is that of the job unless it is given.
    fn inherit_horizon(&mut self) {
        let horizon = section(&mut self.root, "job").and_then(|job| job.get("horizon_days").cloned());
        if let (Some(horizon), Some(churn)) = (horizon, section(&mut self.root, "churn")) {
            churn.entry("horizon_days").or_insert(horizon);
        }
    }

    /// The typed form; an error names the place, the dotted key and the nearest known one.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(Value::Table(self.root.clone())).map_err(|error| {
            let problem = hint::explain(&error);
            self.refusal(&problem.key, &problem.message)
        })
    }

    /// An error about a key, with the place it was written at.
    pub fn refusal(&self, key: &str, message: &str) -> anyhow::Error {
        anyhow!("{}: {message}", self.place_of(key))
    }

    fn place_of(&self, key: &str) -> String {
        let by_override = self.overrides.iter().rev().find(|one| one.concerns(key));
        by_override.map_or_else(|| self.file.display().to_string(), |one| one.typed.clone())
    }
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).to_owned()
}

fn section<'a>(root: &'a mut Table, name: &str) -> Option<&'a mut Table> {
    root.entry(name).or_insert_with(|| Value::Table(Table::new())).as_table_mut()
}

/// Joins every relative path of a job, `source.NAME.path` and `output.dir`, to the folder.
pub fn resolve_paths(root: &mut Table, folder: &Path) {
    if let Some(dir) = root.get_mut("output").and_then(|output| output.get_mut("dir")) {
        each_path(dir, &|path| folder.join(path));
    }
    let Some(Value::Table(sources)) = root.get_mut("source") else { return };
    for (_, source) in sources.iter_mut() {
        if let Some(path) = source.get_mut("path") {
            each_path(path, &|path| resolve_pattern(path, folder));
        }
    }
}

/// An address such as `s3://…` stays as it is.
fn each_path(value: &mut Value, resolved: &impl Fn(&str) -> PathBuf) {
    match value {
        Value::String(path) if !path.contains("://") => *path = resolved(path).display().to_string(),
        Value::Array(paths) => paths.iter_mut().for_each(|path| each_path(path, resolved)),
        _ => {}
    }
}

/// The paths of a source may be patterns; signs of one in the name of the job's own folder are none.
fn resolve_pattern(path: &str, folder: &Path) -> PathBuf {
    let direct = folder.join(path);
    if path.contains(['*', '?', '[']) && !direct.exists() && !Path::new(path).is_absolute() {
        return PathBuf::from(glob::Pattern::escape(&folder.to_string_lossy())).join(path);
    }
    direct
}

fn set(table: &mut Table, path: &[String], value: Value) -> Result<()> {
    let [key, rest @ ..] = path else { bail!("empty key") };
    if rest.is_empty() {
        table.insert(key.clone(), value);
        return Ok(());
    }
    let inner = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
    ensure!(inner.is_table(), "\"{key}\" is not a table, so it has no key \"{}\"", rest.join("."));
    inner.as_table_mut().map_or(Ok(()), |inner| set(inner, rest, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(set: &str) -> Override {
        Override::parse(set).unwrap()
    }

    fn root(text: &str, sets: &[&str]) -> Table {
        let overrides: Vec<Override> = sets.iter().map(|set| parse(set)).collect();
        Document::parse(text, Path::new("shop/bespoke.toml"), &overrides).unwrap().root
    }

    #[test]
    fn a_value_is_toml_or_else_text() {
        assert_eq!(parse("personas.k=[2, 5]").value, Value::Array(vec![2.into(), 5.into()]));
        assert_eq!(parse("output.csv=true").value, Value::Boolean(true));
        assert_eq!(parse("job.currency=EUR").value, Value::String("EUR".into()));
        assert_eq!(parse("job.currency=").value, Value::String(String::new()));
    }

    #[test]
    fn a_value_cannot_smuggle_in_another_key() {
        assert_eq!(parse("job.currency=1\nseed = 2").value, Value::String("1\nseed = 2".into()));
        assert!(Override::parse("a\nb=1").is_err());
    }

    #[test]
    fn keys_may_be_quoted() {
        assert_eq!(parse("source.\"web shop\".path=x.csv").path, ["source", "web shop", "path"]);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for set in ["job.seed", "=3", "job..seed=3", "job.seed#=3"] {
            assert!(Override::parse(set).is_err(), "{set}");
        }
    }

    #[test]
    fn a_path_stays_text() {
        assert_eq!(parse("source.orders.path=2011").value, Value::String("2011".into()));
        assert_eq!(parse("source.orders.path=['a', 'b']").value, Value::Array(vec!["a".into(), "b".into()]));
    }

    #[test]
    fn paths_belong_to_where_they_were_written() {
        let text = "[source.a]\npath = [\"a.csv\", \"/b.csv\", \"s3://c\"]\n[source.b]\npath = \"b.csv\"\n";
        let root = root(text, &["source.b.path=here.csv"]);
        let expected = ["shop/a.csv", "/b.csv", "s3://c"].map(|path| Value::String(path.into()));
        assert_eq!(root["source"]["a"]["path"], Value::Array(expected.into()));
        assert_eq!(root["source"]["b"]["path"].as_str(), Some("here.csv"));
        assert_eq!(root["output"]["dir"].as_str(), Some("shop/out"));
    }

    #[test]
    fn a_key_below_a_value_is_refused() {
        let one = [parse("job.seed.deep=1")];
        let error = Document::parse("[job]\nseed = 1\n", Path::new("x.toml"), &one).err().unwrap();
        assert!(format!("{error:#}").contains("--set job.seed.deep=1: \"seed\" is not a table"));
    }

    #[test]
    fn the_last_override_counts() {
        assert_eq!(root("", &["job.seed=1", "job.seed=2"])["job"]["seed"], 2.into());
    }
}
