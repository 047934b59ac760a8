//! Rules in words: typed expressions over the fields of a row, such as `cltv > p80 and not newsletter`.
//!
//! What may be touched here: text and cells. Where fields come from, and what follows when a rule holds, is the
//! caller's business; nothing here knows of customers, times or files.
//!
//! text -> [`Rule::parse`] against [`Fields`] -> [`Rule::bind`] to percentiles -> [`BoundRule::holds`] for every row.
//!
//! ```text
//! rule       = and { "or" and }
//! and        = not { "and" not }
//! not        = "not" not | "(" rule ")" | comparison
//! comparison = operand ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) operand
//!            | field "is" [ "not" ] "missing"
//!            | field                                a field that is yes or no
//! operand    = field | number | 'text' | "text" | yes | no | pNN
//! field      = letters, digits and _ | `any name`
//! ```
//!
//! `pNN` is the NN-th percentile of the field on the other side, over the rows the rule is bound to. A quote inside a
//! quoted text is doubled. Words of the language may be written in capitals.
//!
//! Logic has three values (Kleene 1938): a comparison with a missing cell is neither true nor false, `not` leaves it
//! so, `and` is false where one side is false, `or` is true where one side is true. `is missing` is always known.

mod check;
mod evaluate;
mod expression;
mod nearest;
mod parse;
mod tokens;

use thiserror::Error;

pub use check::{FieldType, Fields, Percentile, Rule};
pub use evaluate::{BoundRule, Cell, Clause, percentile};
pub use expression::{Comparison, Expression, FieldName, Literal, Operand, Place};
pub use nearest::{edits, nearest};

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("column {column}: {problem}")]
pub struct RuleError {
    /// Where, in characters from 1; one behind the last character when something is missing at the end.
    pub column: usize,
    /// What was found and what was expected.
    pub problem: String,
}

impl RuleError {
    pub(crate) fn new(column: usize, problem: impl Into<String>) -> Self {
        Self { column, problem: problem.into() }
    }

    /// The text with a mark under the place; line feeds and tabs are shown as spaces.
    #[must_use]
    pub fn marked(&self, text: &str) -> String {
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("{line}\n{}^", " ".repeat(self.column.saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests;
