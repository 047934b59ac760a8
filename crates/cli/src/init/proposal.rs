//! What is proposed for one file: values of the job file, each with its confidence and evidence.

use bespoke_io::TableName;
use toml::{Table, Value};

use super::roles::Confidence;

/// One line of a source in the job file.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Table below `[source.NAME]`, empty for the source itself.
    pub section: &'static str,
    pub key: String,
    pub value: Value,
    pub confidence: Confidence,
    pub evidence: String,
    /// Lines that could stand instead, written as comments.
    pub instead: Vec<String>,
}

/// A row rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub name: &'static str,
    pub when: Table,
    pub then: &'static str,
    pub confidence: Confidence,
    pub evidence: String,
}

/// Something about the whole job that a file tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    pub value: String,
    pub confidence: Confidence,
    pub evidence: String,
}

/// What is proposed for one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    pub table: TableName,
    pub choices: Vec<Choice>,
    pub rules: Vec<Rule>,
    /// Columns without a use and why.
    pub unused: Vec<(String, String)>,
    /// What will annoy later and cannot be settled here.
    pub warnings: Vec<String>,
    pub currency: Option<Hint>,
    pub zone: Option<Hint>,
    /// Times carry no offset: they are taken for those of the job's zone.
    pub zone_of_job: bool,
    /// Texts among the customers that name nobody, with their rows, until they become nulls.
    pub nobody: Vec<(String, usize)>,
}

impl Proposal {
    pub fn new(table: TableName) -> Self {
        let (choices, rules) = (Vec::new(), Vec::new());
        let (unused, warnings) = (Vec::new(), Vec::new());
        Self {
            table,
            choices,
            rules,
            unused,
            warnings,
            currency: None,
            zone: None,
            zone_of_job: false,
            nobody: Vec::new(),
        }
    }

    /// Adds a line.
    pub fn choose(
        &mut self,
        section: &'static str,
        key: &str,
        value: impl Into<Value>,
        confidence: Confidence,
        evidence: impl Into<String>,
    ) -> &mut Choice {
        self.choices.push(Choice {
            section,
            key: key.to_owned(),
            value: value.into(),
            confidence,
            evidence: evidence.into(),
            instead: Vec::new(),
        });
        let last = self.choices.len() - 1;
        &mut self.choices[last]
    }
}

/// The table as the job file names it.
pub fn table_name(table: TableName) -> &'static str {
    match table {
        TableName::Events => "events",
        TableName::Customers => "customers",
        TableName::Items => "items",
    }
}

/// `key = value` as TOML writes it.
pub fn line(key: &str, value: &Value) -> String {
    format!("{} = {value}", bare_or_quoted(key))
}

/// A key that needs no quotes has none.
pub fn bare_or_quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if bare { key.to_owned() } else { Value::String(key.to_owned()).to_string() }
}
