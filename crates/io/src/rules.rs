//! Row rules, ready to be tried on cells.

use std::collections::HashMap;

use bespoke::types::EventKind;
use regex_lite::Regex;

use crate::cell::{Cell, float};
use crate::config::{RuleAction, RuleConfig};

/// Answers a rule remembers; more distinct cells than this are tested again.
const MEMORY: usize = 1 << 16;

/// A compiled rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) slot: usize,
    action: RuleAction,
    texts: Texts,
    starts_with: Option<String>,
    matches: Option<Regex>,
    at_most: Option<f64>,
    at_least: Option<f64>,
    missing: bool,
    decimal: u8,
    /// Answers of rules with a regular expression, by cell.
    known: HashMap<Box<[u8]>, bool>,
    last: Vec<u8>,
    last_answer: Option<bool>,
}

/// The texts of a rule; most cells differ from all of them in their first byte.
#[derive(Debug)]
struct Texts {
    texts: Vec<String>,
    first_bytes: [bool; 256],
}

impl Texts {
    fn new(texts: Vec<String>) -> Self {
        let mut first_bytes = [false; 256];
        texts
            .iter()
            .filter_map(|text| text.bytes().next())
            .for_each(|byte| first_bytes[byte as usize] = true);
        Self { texts, first_bytes }
    }

    fn contain(&self, bytes: &[u8]) -> bool {
        let possible = bytes.first().is_none_or(|&byte| self.first_bytes[byte as usize]);
        possible && self.texts.iter().any(|text| text.as_bytes() == bytes)
    }
}

/// What the rules say about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Set aside by the rule of this number.
    SetAside(usize),
    /// Goes on; a rule may have named the kind.
    Goes(Option<EventKind>),
}

impl Rule {
    /// Compiles a rule, or says which key breaks which rule.
    pub(crate) fn new(
        config: &RuleConfig,
        slot: usize,
        decimal: u8,
    ) -> Result<Self, (&'static str, String, &'static str)> {
        let when = &config.when;
        let mut texts = when.any_of.clone();
        texts.extend(when.equals.clone());
        let matches = match &when.matches {
            None => None,
            Some(pattern) => Some(
                Regex::new(pattern)
                    .map_err(|_| ("when.matches", pattern.clone(), "a valid regular expression"))?,
            ),
        };
        for (key, bound) in [("when.at_most", when.at_most), ("when.at_least", when.at_least)] {
            if let Some(bound) = bound
                && !bound.is_finite()
            {
                return Err((key, bound.to_string(), "finite"));
            }
        }
        let numeric = when.at_most.is_some() || when.at_least.is_some();
        if texts.is_empty() && when.starts_with.is_none() && matches.is_none() && !numeric && !when.missing {
            let rule = "given one of equals, in, starts_with, matches, at_most, at_least, missing";
            return Err(("when", "without a condition".to_owned(), rule));
        }
        Ok(Self {
            name: config.name.clone(),
            slot,
            action: config.then,
            texts: Texts::new(texts),
            starts_with: when.starts_with.clone(),
            matches,
            at_most: when.at_most,
            at_least: when.at_least,
            missing: when.missing,
            decimal,
            known: HashMap::new(),
            last: Vec::new(),
            last_answer: None,
        })
    }

    /// Whether the rule applies to a cell; exports repeat cells in runs, so the last answer is kept.
    pub(crate) fn applies(&mut self, cell: Cell<'_>) -> bool {
        let bytes = match cell {
            Cell::Text(bytes) | Cell::Number(bytes) => bytes,
            Cell::Missing => return self.missing,
            Cell::Instant(_) | Cell::Local(_) | Cell::Inexact | Cell::Composite => return false,
        };
        if let Some(answer) = self.last_answer
            && self.last == bytes
        {
            return answer;
        }
        let answer = self.remembered(cell, bytes);
        self.last.clear();
        self.last.extend_from_slice(bytes);
        self.last_answer = Some(answer);
        answer
    }

    fn remembered(&mut self, cell: Cell<'_>, bytes: &[u8]) -> bool {
        if self.matches.is_none() {
            return self.test(cell, bytes);
        }
        if let Some(&answer) = self.known.get(bytes) {
            return answer;
        }
        let answer = self.test(cell, bytes);
        if self.known.len() < MEMORY {
            self.known.insert(bytes.into(), answer);
        }
        answer
    }

    fn test(&self, cell: Cell<'_>, bytes: &[u8]) -> bool {
        if self.texts.contain(bytes)
            || self.starts_with.as_ref().is_some_and(|start| bytes.starts_with(start.as_bytes()))
        {
            return true;
        }
        if let Some(pattern) = &self.matches
            && std::str::from_utf8(bytes).is_ok_and(|text| pattern.is_match(text))
        {
            return true;
        }
        if self.at_most.is_none() && self.at_least.is_none() {
            return false;
        }
        float(cell, self.decimal).is_ok_and(|number| {
            self.at_most.is_some_and(|most| number <= most)
                || self.at_least.is_some_and(|least| number >= least)
        })
    }
}

/// Tries the rules in order: any that sets aside wins, else the first that names a kind.
pub(crate) fn judge<'r>(rules: &mut [Rule], cell: impl Fn(usize) -> Cell<'r>) -> Verdict {
    let mut kind = None;
    for (number, rule) in rules.iter_mut().enumerate() {
        let named = rule.action.kind();
        if (named.is_none() || kind.is_none()) && rule.applies(cell(rule.slot)) {
            match named {
                None => return Verdict::SetAside(number),
                named => kind = named,
            }
        }
    }
    Verdict::Goes(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(toml: &str) -> Rule {
        Rule::new(&toml::from_str(toml).unwrap(), 0, b'.').unwrap()
    }

    #[test]
    fn any_condition_suffices() {
        let mut fee = rule(
            "name = 'fee'\nthen = 'set_aside'\n[when]\ncolumn = 'c'\nin = ['POST']\nstarts_with = 'gift'\n\
             matches = '^[A-Z]$'\nequals = 'x'\nat_most = 0\nat_least = 9",
        );
        for (text, answer) in [
            ("POST", true),
            ("gift_1", true),
            ("M", true),
            ("x", true),
            ("-1", true),
            ("9.5", true),
            ("5", false),
            ("POSTER", false),
            ("post", false),
            ("", false),
        ] {
            assert_eq!(fee.applies(Cell::Text(text.as_bytes())), answer, "{text}");
            assert_eq!(fee.applies(Cell::Text(text.as_bytes())), answer, "{text} again");
        }
        assert!(!fee.applies(Cell::Missing));
        assert!(rule("name='n'\nthen='refund'\nwhen={column='c', missing=true}").applies(Cell::Missing));
    }

    #[test]
    fn setting_aside_wins_over_kinds_and_the_first_kind_over_later_ones() {
        let kind =
            |to, text| rule(&format!("name='k'\nthen='{to}'\nwhen={{column='c', starts_with='{text}'}}"));
        let mut rules = [kind("refund", "C"), kind("view", "CC"), kind("set_aside", "CCC")];
        let mut judged = |text: &'static str| judge(&mut rules, |_| Cell::Text(text.as_bytes()));
        assert_eq!(judged("x"), Verdict::Goes(None));
        assert_eq!(judged("CC"), Verdict::Goes(Some(EventKind::Refund)));
        assert_eq!(judged("CCC"), Verdict::SetAside(2));
    }

    #[test]
    fn rules_that_can_never_work_are_refused() {
        for (when, key) in [
            ("{column='c'}", "when"),
            ("{column='c', matches='('}", "when.matches"),
            ("{column='c', at_most=nan}", "when.at_most"),
        ] {
            let config = toml::from_str(&format!("name='n'\nthen='set_aside'\nwhen={when}")).unwrap();
            assert_eq!(Rule::new(&config, 0, b'.').unwrap_err().0, key);
        }
    }
}
