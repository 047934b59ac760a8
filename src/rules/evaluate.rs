//! Rules on rows, with three values: holds, does not hold, not known.

use super::check::{Node, Rule, Term};
use super::expression::{Comparison, Expression};

/// One cell of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// A number; one that is not finite counts as missing.
    Number(f64),
    /// A text.
    Text(&'a str),
    /// Yes or no.
    YesNo(bool),
    /// Nothing is known.
    Missing,
}

impl Cell<'_> {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Number(x) => !x.is_finite(),
            Self::Text(_) | Self::YesNo(_) => false,
        }
    }
}

/// One comparison of a rule on one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// The comparison as text.
    pub text: String,
    /// Places in [`Rule::fields`] of the fields it names.
    pub fields: Vec<usize>,
    /// Place in [`Rule::percentiles`] of the percentile it names.
    pub percentile: Option<usize>,
    /// Whether it holds; `None` when that is not known.
    pub holds: Option<bool>,
}

/// A rule whose percentiles are numbers.
#[derive(Clone, Debug)]
pub struct BoundRule<'a> {
    rule: &'a Rule,
    thresholds: Vec<Option<f64>>,
}

impl Rule {
    /// Binds the rule to the rows it is asked of: `thresholds` are the values of [`Rule::percentiles`], in that order;
    /// `None` where no row has the field, and then no comparison with it is known.
    ///
    /// # Panics
    /// When there is not one threshold per percentile: a programmer error.
    #[must_use]
    pub fn bind(&self, thresholds: Vec<Option<f64>>) -> BoundRule<'_> {
        assert_eq!(thresholds.len(), self.percentiles().len(), "one threshold per percentile");
        BoundRule { rule: self, thresholds }
    }
}

impl BoundRule<'_> {
    /// The values of the percentiles, in the order of [`Rule::percentiles`].
    #[must_use]
    pub fn thresholds(&self) -> &[Option<f64>] {
        &self.thresholds
    }

    /// Whether the rule holds for a row; `None` when a missing cell leaves that open. `cell` gives the row's cell of
    /// a field, by place in [`Rule::fields`].
    pub fn holds<'c>(&self, cell: impl Fn(usize) -> Cell<'c>) -> Option<bool> {
        self.node(&self.rule.root, &cell)
    }

    /// Every comparison of the rule on a row, in the order of the text.
    pub fn clauses<'c>(&self, cell: impl Fn(usize) -> Cell<'c>) -> Vec<Clause> {
        let mut clauses = Vec::new();
        self.collect(&self.rule.expression, &self.rule.root, &cell, &mut clauses);
        clauses
    }

    fn node<'c>(&self, node: &Node, cell: &impl Fn(usize) -> Cell<'c>) -> Option<bool> {
        match node {
            Node::All(parts) => self.first(parts, cell, false),
            Node::Any(parts) => self.first(parts, cell, true),
            Node::Not(part) => self.node(part, cell).map(|holds| !holds),
            Node::Missing(field, is) => Some(cell(*field).is_missing() == *is),
            Node::Field(field) => match cell(*field) {
                Cell::YesNo(yes) => Some(yes),
                _ => None,
            },
            Node::Compare(left, comparison, right) => {
                compare(self.term(left, cell), *comparison, self.term(right, cell))
            }
        }
    }

    /// The value that decides if some part has it, else the opposite if every part is known.
    fn first<'c>(&self, parts: &[Node], cell: &impl Fn(usize) -> Cell<'c>, decides: bool) -> Option<bool> {
        let mut known = true;
        for part in parts {
            match self.node(part, cell) {
                Some(holds) if holds == decides => return Some(decides),
                Some(_) => {}
                None => known = false,
            }
        }
        known.then_some(!decides)
    }

    fn term<'t, 'c: 't>(&'t self, term: &'t Term, cell: &impl Fn(usize) -> Cell<'c>) -> Cell<'t> {
        match term {
            Term::Field(field) => cell(*field),
            Term::Number(x) => Cell::Number(*x),
            Term::Text(text) => Cell::Text(text),
            Term::YesNo(yes) => Cell::YesNo(*yes),
            Term::Percentile(at) => self.thresholds[*at].map_or(Cell::Missing, Cell::Number),
        }
    }

    fn collect<'c>(
        &self,
        expression: &Expression,
        node: &Node,
        cell: &impl Fn(usize) -> Cell<'c>,
        out: &mut Vec<Clause>,
    ) {
        let mut clause = |fields: Vec<usize>, percentile| {
            out.push(Clause {
                text: expression.to_string(),
                fields,
                percentile,
                holds: self.node(node, cell),
            });
        };
        match (expression, node) {
            (Expression::All(parts), Node::All(nodes)) | (Expression::Any(parts), Node::Any(nodes)) => {
                parts.iter().zip(nodes).for_each(|(part, node)| self.collect(part, node, cell, out));
            }
            (Expression::Not(part), Node::Not(node)) => self.collect(part, node, cell, out),
            (_, Node::Missing(field, _) | Node::Field(field)) => clause(vec![*field], None),
            (_, Node::Compare(left, _, right)) => {
                let field = |term: &Term| if let Term::Field(at) = term { Some(*at) } else { None };
                let percentile = |term: &Term| if let Term::Percentile(at) = term { Some(*at) } else { None };
                let fields = [left, right].into_iter().filter_map(field).collect();
                clause(fields, percentile(left).or_else(|| percentile(right)));
            }
            // A rule is checked part by part, so both trees have one shape.
            _ => {}
        }
    }
}

fn compare(left: Cell<'_>, comparison: Comparison, right: Cell<'_>) -> Option<bool> {
    if left.is_missing() || right.is_missing() {
        return None;
    }
    let equal = match (left, right) {
        (Cell::Number(a), Cell::Number(b)) => {
            return Some(match comparison {
                Comparison::Equal => a == b,
                Comparison::NotEqual => a != b,
                Comparison::Less => a < b,
                Comparison::AtMost => a <= b,
                Comparison::Greater => a > b,
                Comparison::AtLeast => a >= b,
            });
        }
        (Cell::Text(a), Cell::Text(b)) => a == b,
        (Cell::YesNo(a), Cell::YesNo(b)) => a == b,
        _ => return None,
    };
    Some(equal == (comparison == Comparison::Equal))
}

/// The `p`-th percentile of sorted numbers with linear interpolation between them (type 7 of Hyndman, Fan 1996);
/// `None` without any.
#[must_use]
pub fn percentile(sorted: &[f64], p: f64) -> Option<f64> {
    let at = p / 100.0 * sorted.len().checked_sub(1)? as f64;
    let low = sorted[at as usize];
    let high = sorted.get(at as usize + 1).copied().unwrap_or(low);
    Some(low + (high - low) * at.fract())
}
