//! What a rule says, as a tree that prints as the text it can be read from again.

use std::fmt;

/// Where something stands in the text of a rule, in characters from 1.
///
/// Equal to every other place: it is for messages, and says nothing of what a rule means.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place(pub usize);

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}

/// A field by name, not yet looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldName {
    /// As in the row.
    pub name: String,
    /// Where the rule names it.
    pub place: Place,
}

/// How two operands are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// The sign in a rule.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Whether it asks for an order, which only numbers have.
    #[must_use]
    pub fn orders(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Finite.
    Number(f64),
    /// A text, without its quotes.
    Text(String),
    /// `yes` or `no`.
    YesNo(bool),
    /// `pNN`, 0 to 100.
    Percentile(f64),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A field of the row.
    Field(FieldName),
    /// A constant and where it stands.
    Literal(Literal, Place),
}

impl Operand {
    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::Field(field) => field.place,
            Self::Literal(_, place) => *place,
        }
    }
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// Every part holds; at least two.
    All(Vec<Expression>),
    /// Some part holds; at least two.
    Any(Vec<Expression>),
    /// The part does not hold.
    Not(Box<Expression>),
    /// Two operands compared.
    Compare(Operand, Comparison, Operand),
    /// Whether a cell is missing: `is missing`, or with `false` `is not missing`.
    Missing(FieldName, bool),
    /// A field that is yes or no.
    Field(FieldName),
}

/// Words that are no names of fields unless they stand in back quotes.
pub(super) const WORDS: [&str; 8] = ["and", "or", "not", "is", "yes", "no", "true", "false"];

/// Whether a word reads as `pNN`.
pub(super) fn is_percentile(word: &str) -> bool {
    let digits = word.strip_prefix(['p', 'P']).unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a name needs no back quotes.
pub(super) fn is_plain(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let goes_on = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_word = WORDS.iter().any(|word| word.eq_ignore_ascii_case(name));
    starts && goes_on && !is_word && !is_percentile(name)
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_plain(&self.name) { f.write_str(&self.name) } else { quoted(f, &self.name, '`') }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(x) => write!(f, "{x}"),
            Self::Text(text) => quoted(f, text, '\''),
            Self::YesNo(yes) => f.write_str(if *yes { "yes" } else { "no" }),
            Self::Percentile(p) => write!(f, "p{p}"),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Literal(literal, _) => literal.fmt(f),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => joined(f, parts, " and ", |part| matches!(part, Self::All(_) | Self::Any(_))),
            Self::Any(parts) => joined(f, parts, " or ", |part| matches!(part, Self::Any(_))),
            Self::Not(part) => {
                f.write_str("not ")?;
                enclosed(f, part, matches!(**part, Self::All(_) | Self::Any(_)))
            }
            Self::Compare(left, comparison, right) => write!(f, "{left} {} {right}", comparison.sign()),
            Self::Missing(field, true) => write!(f, "{field} is missing"),
            Self::Missing(field, false) => write!(f, "{field} is not missing"),
            Self::Field(field) => field.fmt(f),
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str, quote: char) -> fmt::Result {
    write!(f, "{quote}{}{quote}", text.replace(quote, &format!("{quote}{quote}")))
}

fn enclosed(f: &mut fmt::Formatter<'_>, part: &Expression, brackets: bool) -> fmt::Result {
    if brackets { write!(f, "({part})") } else { write!(f, "{part}") }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    parts: &[Expression],
    by: &str,
    brackets: fn(&Expression) -> bool,
) -> fmt::Result {
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            f.write_str(by)?;
        }
        enclosed(f, part, brackets(part))?;
    }
    Ok(())
}
