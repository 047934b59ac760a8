//! From tokens to the tree of an expression, by recursive descent.

use super::RuleError;
use super::expression::{Expression, FieldName, Literal, Operand, Place};
use super::tokens::{Token, tokens};

/// Brackets and `not`s inside each other; deeper ones would use up the stack.
const MAX_DEPTH: usize = 64;

/// Said of a sign behind a whole comparison or a bracket.
const CHAINED: &str =
    "a comparison has one field or constant on either side and does not go on; write a < b and b < c";

/// Reads the text of a rule; names are not looked up.
pub(super) fn parse(text: &str) -> Result<Expression, RuleError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    if *parser.peek() == Token::End {
        return Err(RuleError::new(1, "an empty rule; expected a comparison such as cltv > p80"));
    }
    let expression = parser.any()?;
    match parser.peek() {
        Token::End => Ok(expression),
        Token::Close => Err(parser.problem("this \")\" closes no \"(\"")),
        Token::Compare(_) => Err(parser.problem(CHAINED)),
        other => {
            Err(parser.problem(&format!("{} stands alone; expected and, or, or the end", other.shown())))
        }
    }
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn place(&self) -> Place {
        Place(self.tokens[self.at].1)
    }

    /// The end is never passed.
    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn problem(&self, problem: &str) -> RuleError {
        RuleError::new(self.place().0, problem)
    }

    fn any(&mut self) -> Result<Expression, RuleError> {
        self.list(&Token::Or, Self::all, Expression::Any)
    }

    fn all(&mut self) -> Result<Expression, RuleError> {
        self.list(&Token::And, Self::not, Expression::All)
    }

    fn list(
        &mut self,
        by: &Token,
        part: fn(&mut Self) -> Result<Expression, RuleError>,
        whole: fn(Vec<Expression>) -> Expression,
    ) -> Result<Expression, RuleError> {
        let first = part(self)?;
        if self.peek() != by {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.peek() == by {
            self.next();
            parts.push(part(self)?);
        }
        Ok(whole(parts))
    }

    fn not(&mut self) -> Result<Expression, RuleError> {
        if !matches!(self.peek(), Token::Not | Token::Open) {
            return self.comparison();
        }
        if self.depth == MAX_DEPTH {
            return Err(self.problem(&format!("more than {MAX_DEPTH} brackets and nots inside each other")));
        }
        self.depth += 1;
        let (opened, place) = (self.next(), self.place());
        let part = match opened {
            Token::Not => Expression::Not(Box::new(self.not()?)),
            _ => self.bracket(place)?,
        };
        self.depth -= 1;
        Ok(part)
    }

    fn bracket(&mut self, inside: Place) -> Result<Expression, RuleError> {
        let part = self.any()?;
        match self.peek() {
            Token::Close => {
                self.next();
                Ok(part)
            }
            Token::Compare(_) => Err(self.problem(CHAINED)),
            other => {
                let found = other.shown();
                let opened = inside.0.saturating_sub(1).max(1);
                Err(self.problem(&format!("{found} where the \"(\" of column {opened} should be closed")))
            }
        }
    }

    fn comparison(&mut self) -> Result<Expression, RuleError> {
        let left = self.operand()?;
        match self.peek().clone() {
            Token::Compare(comparison) => {
                self.next();
                Ok(Expression::Compare(left, comparison, self.operand()?))
            }
            Token::Is => self.missing(left),
            _ => match left {
                Operand::Field(field) => Ok(Expression::Field(field)),
                Operand::Literal(literal, place) => {
                    let problem =
                        format!("{literal} alone says nothing; expected a comparison such as cltv > p80");
                    Err(RuleError::new(place.0, problem))
                }
            },
        }
    }

    fn missing(&mut self, of: Operand) -> Result<Expression, RuleError> {
        let is = self.place();
        self.next();
        let negated = *self.peek() == Token::Not;
        if negated {
            self.next();
        }
        match (self.peek(), of) {
            (Token::Word(word), Operand::Field(field)) if word.eq_ignore_ascii_case("missing") => {
                self.next();
                Ok(Expression::Missing(field, !negated))
            }
            (Token::Word(word), Operand::Literal(literal, place)) if word.eq_ignore_ascii_case("missing") => {
                Err(RuleError::new(place.0, format!("{literal} is a constant; only a field can be missing")))
            }
            _ => Err(RuleError::new(is.0, "\"is\" asks for missing or not missing; write = to compare")),
        }
    }

    fn operand(&mut self) -> Result<Operand, RuleError> {
        let place = self.place();
        let literal = match self.peek().clone() {
            Token::Word(name) | Token::Name(name) => {
                self.next();
                return Ok(Operand::Field(FieldName { name, place }));
            }
            Token::Number(x) => Literal::Number(x),
            Token::Text(text) => Literal::Text(text),
            Token::YesNo(yes) => Literal::YesNo(yes),
            Token::Percentile(p) => Literal::Percentile(p),
            other => {
                return Err(
                    self.problem(&format!("{} where a field or a constant is expected", other.shown()))
                );
            }
        };
        self.next();
        Ok(Operand::Literal(literal, place))
    }
}
