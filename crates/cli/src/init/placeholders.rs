//! Customers who are nobody: `guest`, `0`, `unknown`. Each would become one very big customer.

use toml::{Table, Value};

use super::facts::Facts;
use super::proposal::Rule;
use super::roles::Confidence::Low;
use crate::outputs::count;

/// Texts that stand for nobody, in lower case.
const NOBODY: [&str; 18] = [
    "guest",
    "gast",
    "anonymous",
    "anonym",
    "unknown",
    "unbekannt",
    "undefined",
    "none",
    "null",
    "nil",
    "na",
    "n/a",
    "not set",
    "(not set)",
    "test",
    "-1",
    "nan",
    "?",
];

/// Texts among the ids that stand for nobody, with the rows that have them.
pub fn find(customer: &Facts<'_>) -> Vec<(String, usize)> {
    let numbers = customer.numbers.as_ref();
    // Numbered from 0, the first customer is one.
    let counted_up = numbers.is_some_and(|n| n.min == 0.0 && n.max < 2.0 * customer.n_distinct as f64);
    let is_zero = |text: &str| !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0' | b'-'));
    let is_nobody = |text: &str| {
        let text = text.trim().to_lowercase();
        (is_zero(text.strip_suffix(".0").unwrap_or(&text)) && !counted_up) || NOBODY.contains(&text.as_str())
    };
    let mut found: Vec<(String, usize)> = Vec::new();
    for (_, text) in customer.cells().filter(|(_, text)| is_nobody(text)) {
        match found.iter_mut().find(|(known, _)| known == text) {
            Some((_, n)) => *n += 1,
            None => found.push((text.to_owned(), 1)),
        }
    }
    found
}

/// Keeps rows of nobody out where their text means something in other columns.
pub fn rule(customer: &Facts<'_>, found: &[(String, usize)]) -> Rule {
    let texts: Vec<Value> = found.iter().map(|(text, _)| Value::from(text.as_str())).collect();
    let when = Table::from_iter([
        ("column".to_owned(), customer.name().into()),
        ("in".to_owned(), Value::Array(texts)),
    ]);
    let evidence =
        format!("{}; the text means something in other columns, so it cannot be a null", told(found));
    Rule { name: "nobody", when, then: "set_aside", confidence: Low, evidence }
}

/// The texts and how often each is there.
pub fn told(found: &[(String, usize)]) -> String {
    let texts: Vec<String> = found
        .iter()
        .map(|(text, n)| format!("\"{}\" in {} rows", super::words(text), count(*n as u64)))
        .collect();
    format!("{} names nobody: one customer made of many people otherwise", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use bespoke_io::{CellShape, SampledColumn};

    use super::*;

    fn found(cells: &[&str]) -> Vec<(String, usize)> {
        let cells = cells.iter().map(|cell| Some((*cell).to_owned())).collect();
        let column = SampledColumn { name: "user".to_owned(), shape: CellShape::Text, cells };
        find(&Facts::of(&column))
    }

    #[test]
    fn nobody_is_found_in_any_writing() {
        assert_eq!(found(&["c1", "Guest", "c2", "Guest"]), [("Guest".to_owned(), 2)]);
        assert_eq!(found(&["17850", "0", "13047", "0"]), [("0".to_owned(), 2)]);
        assert_eq!(found(&["17850.0", "0.0", "13047.0"]), [("0.0".to_owned(), 1)]);
        assert_eq!(found(&["a", "00000000-0000-0000", "N/A"]).len(), 2);
        assert_eq!(found(&["0", "1", "2", "1"]), [], "numbered from 0");
        assert_eq!(found(&["anna", "guesty"]), []);
    }
}
