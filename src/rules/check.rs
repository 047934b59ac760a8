//! Names looked up and types compared: from an expression to a rule that can be tested.

use super::RuleError;
use super::expression::{Comparison, Expression, FieldName, Literal, Operand};
use super::nearest::nearest;
use super::parse::parse;

/// Names in a message when none is near.
const MAX_NAMED: usize = 8;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A finite number.
    Number,
    /// A text.
    Text,
    /// Yes or no.
    YesNo,
}

impl FieldType {
    /// For messages.
    fn name(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::YesNo => "a yes or no",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Number => "a number such as 0.6, or a percentile such as p80",
            Self::Text => "a text in quotes such as 'web'",
            Self::YesNo => "yes or no",
        }
    }
}

/// The fields that a rule may name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    named: Vec<(String, FieldType)>,
    /// Beginnings of names that only the data know.
    open: Vec<(String, FieldType)>,
}

impl Fields {
    /// Adds a field; of two with one name the first counts.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, holds: FieldType) -> Self {
        self.named.push((name.into(), holds));
        self
    }

    /// Adds every field whose name begins so and goes on.
    #[must_use]
    pub fn with_any(mut self, beginning: impl Into<String>, holds: FieldType) -> Self {
        self.open.push((beginning.into(), holds));
        self
    }

    /// What the field of that name holds.
    #[must_use]
    pub fn holds(&self, name: &str) -> Option<FieldType> {
        let named = self.named.iter().find(|(known, _)| known == name);
        let open = || self.open.iter().find(|(start, _)| name.len() > start.len() && name.starts_with(start));
        named.or_else(open).map(|&(_, holds)| holds)
    }

    fn unknown(&self, field: &FieldName, beside_text: bool) -> RuleError {
        let known: Vec<&str> = self.named.iter().map(|(name, _)| name.as_str()).collect();
        let name = &field.name;
        let longer: Vec<&str> =
            known.iter().copied().filter(|known| known.starts_with(name.as_str())).collect();
        let hint = match nearest(name, &known) {
            Some(near) => format!("; did you mean \"{near}\"?"),
            None if !longer.is_empty() && !name.is_empty() => {
                format!("; did you mean {}?", longer[..longer.len().min(MAX_NAMED)].join(", "))
            }
            None if beside_text => format!("; a text stands in quotes: '{name}'"),
            None if known.len() > MAX_NAMED => {
                format!("; known are {} and {} more", known[..MAX_NAMED].join(", "), known.len() - MAX_NAMED)
            }
            None => format!("; known are {}", known.join(", ")),
        };
        RuleError::new(field.place.0, format!("\"{name}\" is no field{hint}"))
    }
}

/// A percentile that a rule compares with.
#[derive(Clone, Debug, PartialEq)]
pub struct Percentile {
    /// The field whose cells it is taken over.
    pub field: String,
    /// 0 to 100.
    pub p: f64,
}

/// An operand whose field is looked up.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    /// Place in [`Rule::fields`].
    Field(usize),
    Number(f64),
    Text(String),
    YesNo(bool),
    /// Place in [`Rule::percentiles`].
    Percentile(usize),
}

/// An expression whose fields are looked up.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Compare(Term, Comparison, Term),
    Missing(usize, bool),
    Field(usize),
}

/// A rule whose names exist and whose types fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub(super) expression: Expression,
    pub(super) root: Node,
    fields: Vec<String>,
    percentiles: Vec<Percentile>,
}

impl Rule {
    /// Reads a rule over the given fields.
    ///
    /// # Errors
    /// [`RuleError`] with the column, what was found there and what was expected.
    pub fn parse(text: &str, fields: &Fields) -> Result<Self, RuleError> {
        let expression = parse(text)?;
        let mut checker = Checker { known: fields, fields: Vec::new(), percentiles: Vec::new() };
        let root = checker.node(&expression)?;
        Ok(Self { expression, root, fields: checker.fields, percentiles: checker.percentiles })
    }

    /// What the rule says; prints as a text that reads as the same rule.
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// The fields it names, each once, in the order of first mention. Cells are asked for by place in this list.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// The percentiles it compares with, each once, in the order of first mention.
    #[must_use]
    pub fn percentiles(&self) -> &[Percentile] {
        &self.percentiles
    }
}

struct Checker<'a> {
    known: &'a Fields,
    fields: Vec<String>,
    percentiles: Vec<Percentile>,
}

impl Checker<'_> {
    fn node(&mut self, expression: &Expression) -> Result<Node, RuleError> {
        let nodes = |checker: &mut Self, parts: &[Expression]| -> Result<Vec<Node>, RuleError> {
            parts.iter().map(|part| checker.node(part)).collect()
        };
        Ok(match expression {
            Expression::All(parts) => Node::All(nodes(self, parts)?),
            Expression::Any(parts) => Node::Any(nodes(self, parts)?),
            Expression::Not(part) => Node::Not(Box::new(self.node(part)?)),
            Expression::Compare(left, comparison, right) => self.compare(left, *comparison, right)?,
            Expression::Missing(field, is) => Node::Missing(self.field(field, false)?.0, *is),
            Expression::Field(field) => self.yes_no(field)?,
        })
    }

    /// Place and type of a field.
    fn field(&mut self, field: &FieldName, beside_text: bool) -> Result<(usize, FieldType), RuleError> {
        let holds = self.known.holds(&field.name).ok_or_else(|| self.known.unknown(field, beside_text))?;
        Ok((place_in(&mut self.fields, field.name.clone()), holds))
    }

    fn yes_no(&mut self, field: &FieldName) -> Result<Node, RuleError> {
        let (place, holds) = self.field(field, false)?;
        if holds == FieldType::YesNo {
            return Ok(Node::Field(place));
        }
        let (what, with) = (holds.name(), holds.example());
        let problem = format!("{field} is {what}, so it is compared with something: {with}");
        Err(RuleError::new(field.place.0, problem))
    }

    fn compare(
        &mut self,
        left: &Operand,
        comparison: Comparison,
        right: &Operand,
    ) -> Result<Node, RuleError> {
        let mixed = matches!((left, right), (Operand::Field(_), Operand::Field(_)));
        if let (Operand::Literal(a, place), Operand::Literal(b, _)) = (left, right) {
            let problem = format!("{a} and {b} are both constants; one side must be a field");
            return Err(RuleError::new(place.0, problem));
        }
        // An unknown name beside a text is often a text without its quotes.
        let of_text = |side: &Operand| match side {
            Operand::Field(field) => self.known.holds(&field.name) == Some(FieldType::Text),
            Operand::Literal(..) => false,
        };
        let (beside_left, beside_right) = (mixed && of_text(right), mixed && of_text(left));
        let a = self.term(left, right, beside_left)?;
        let b = self.term(right, left, beside_right)?;
        let (held, given) = if matches!(left, Operand::Field(_)) { (a.1, b.1) } else { (b.1, a.1) };
        if held != given {
            let (field, other) =
                if matches!(left, Operand::Field(_)) { (left, right) } else { (right, left) };
            let problem = format!(
                "{field} is {}, {other} is {}; expected {}",
                held.name(),
                given.name(),
                held.example()
            );
            return Err(RuleError::new(other.place().0, problem));
        }
        if comparison.orders() && held != FieldType::Number {
            let what = held.name();
            let problem = format!("{left} is {what}, which has no order; compare it by = or !=");
            return Err(RuleError::new(left.place().0, problem));
        }
        Ok(Node::Compare(a.0, comparison, b.0))
    }

    fn term(
        &mut self,
        operand: &Operand,
        other: &Operand,
        beside_text: bool,
    ) -> Result<(Term, FieldType), RuleError> {
        Ok(match operand {
            Operand::Field(field) => {
                let (place, holds) = self.field(field, beside_text)?;
                (Term::Field(place), holds)
            }
            Operand::Literal(Literal::Number(x), _) => (Term::Number(*x), FieldType::Number),
            Operand::Literal(Literal::Text(text), _) => (Term::Text(text.clone()), FieldType::Text),
            Operand::Literal(Literal::YesNo(yes), _) => (Term::YesNo(*yes), FieldType::YesNo),
            Operand::Literal(Literal::Percentile(p), place) => match other {
                Operand::Field(field) => {
                    let percentile = Percentile { field: field.name.clone(), p: *p };
                    (Term::Percentile(place_in(&mut self.percentiles, percentile)), FieldType::Number)
                }
                Operand::Literal(..) => {
                    return Err(RuleError::new(place.0, "a percentile stands beside its field"));
                }
            },
        })
    }
}

/// Where `one` stands in the list, at its end if it is new.
fn place_in<T: PartialEq>(list: &mut Vec<T>, one: T) -> usize {
    list.iter().position(|known| *known == one).unwrap_or_else(|| {
        list.push(one);
        list.len() - 1
    })
}
