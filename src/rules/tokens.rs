//! The text of a rule as words, numbers, texts and signs.

use super::RuleError;
use super::expression::{Comparison, is_percentile};

/// Characters of a rule; a longer one is no rule that anybody reads.
const MAX_CHARACTERS: usize = 10_000;

/// A piece of a rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    And,
    Or,
    Not,
    Is,
    YesNo(bool),
    /// A bare word that is no word of the language.
    Word(String),
    /// A name in back quotes.
    Name(String),
    Number(f64),
    Text(String),
    Percentile(f64),
    Compare(Comparison),
    Open,
    Close,
    End,
}

impl Token {
    /// For messages: what was found.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::And => "\"and\"".to_owned(),
            Self::Or => "\"or\"".to_owned(),
            Self::Not => "\"not\"".to_owned(),
            Self::Is => "\"is\"".to_owned(),
            Self::YesNo(yes) => if *yes { "\"yes\"" } else { "\"no\"" }.to_owned(),
            Self::Word(word) | Self::Name(word) => format!("\"{word}\""),
            Self::Number(x) => format!("the number {x}"),
            Self::Text(text) => format!("the text '{text}'"),
            Self::Percentile(p) => format!("the percentile p{p}"),
            Self::Compare(comparison) => format!("\"{}\"", comparison.sign()),
            Self::Open => "\"(\"".to_owned(),
            Self::Close => "\")\"".to_owned(),
            Self::End => "the end".to_owned(),
        }
    }
}

/// All tokens with their columns, closed by [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, RuleError> {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() > MAX_CHARACTERS {
        let problem = format!("{} characters, at most {MAX_CHARACTERS} are read", characters.len());
        return Err(RuleError::new(MAX_CHARACTERS + 1, problem));
    }
    let mut reader = Reader { characters: &characters, at: 0 };
    let mut found = Vec::new();
    loop {
        reader.take_while(char::is_whitespace);
        let column = reader.at + 1;
        let token = reader.token()?;
        let ends = token == Token::End;
        found.push((token, column));
        if ends {
            return Ok(found);
        }
    }
}

struct Reader<'a> {
    characters: &'a [char],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let rest = &self.characters[self.at..];
        let taken: String = rest.iter().copied().take_while(|&c| wanted(c)).collect();
        self.at += rest.iter().take_while(|&&c| wanted(c)).count();
        taken
    }

    fn token(&mut self) -> Result<Token, RuleError> {
        let Some(first) = self.peek(0) else { return Ok(Token::End) };
        match first {
            '(' | ')' => {
                self.at += 1;
                Ok(if first == '(' { Token::Open } else { Token::Close })
            }
            '\'' | '"' => self.quoted(first).map(Token::Text),
            '`' => self.quoted(first).map(Token::Name),
            c if c.is_ascii_digit() => self.number(),
            '-' if self.peek(1).is_some_and(|c| c.is_ascii_digit()) => self.number(),
            c if c.is_ascii_alphabetic() || c == '_' => self.word(),
            _ => self.sign(first),
        }
    }

    /// A text up to its closing quote; a doubled quote is one of the text.
    fn quoted(&mut self, quote: char) -> Result<String, RuleError> {
        let start = self.at + 1;
        let mut text = String::new();
        self.at += 1;
        while let Some(c) = self.peek(0) {
            self.at += 1;
            if c != quote {
                text.push(c);
            } else if self.peek(0) == Some(quote) {
                self.at += 1;
                text.push(quote);
            } else {
                return Ok(text);
            }
        }
        Err(RuleError::new(start, format!("the quote {quote} is not closed")))
    }

    fn number(&mut self) -> Result<Token, RuleError> {
        let start = self.at;
        self.at += usize::from(self.peek(0) == Some('-'));
        self.digits();
        if self.peek(0) == Some('.') && self.peek(1).is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
            self.digits();
        }
        let signed = usize::from(matches!(self.peek(1), Some('+' | '-')));
        if matches!(self.peek(0), Some('e' | 'E'))
            && self.peek(1 + signed).is_some_and(|c| c.is_ascii_digit())
        {
            self.at += 1 + signed;
            self.digits();
        }
        let written: String = self.characters[start..self.at].iter().collect();
        let column = start + 1;
        let refused = |why: &str| Err(RuleError::new(column, format!("\"{written}\" {why}")));
        match self.peek(0) {
            Some('%') => return refused("with a sign of per cent is no number; write 0.6 for 60 %"),
            Some(',') => return refused("is followed by a comma; a decimal point is a point: 0.6"),
            Some(c) if c == '_' || c == '.' || c.is_alphanumeric() => {
                return refused(&format!("is followed by \"{c}\"; a number is digits such as 1000 or 0.6"));
            }
            _ => {}
        }
        match written.parse::<f64>() {
            Ok(x) if x.is_finite() => Ok(Token::Number(x)),
            _ => refused("is too large for a number"),
        }
    }

    fn digits(&mut self) {
        self.take_while(|c| c.is_ascii_digit());
    }

    fn word(&mut self) -> Result<Token, RuleError> {
        let column = self.at + 1;
        let word = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        if is_percentile(&word) {
            return self.percentile(&word, column);
        }
        if let Some(c) = self.peek(0).filter(|c| c.is_alphanumeric()) {
            let problem =
                format!("\"{c}\" is no ASCII letter; such a name stands in back quotes: `{word}{c}…`");
            return Err(RuleError::new(self.at + 1, problem));
        }
        Ok(match word.to_ascii_lowercase().as_str() {
            "and" => Token::And,
            "or" => Token::Or,
            "not" => Token::Not,
            "is" => Token::Is,
            "yes" | "true" => Token::YesNo(true),
            "no" | "false" => Token::YesNo(false),
            _ => Token::Word(word),
        })
    }

    fn percentile(&mut self, word: &str, column: usize) -> Result<Token, RuleError> {
        let mut digits = word[1..].to_owned();
        if self.peek(0) == Some('.') && self.peek(1).is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
            digits.push('.');
            digits.push_str(&self.take_while(|c| c.is_ascii_digit()));
        }
        match digits.parse::<f64>() {
            Ok(p) if (0.0..=100.0).contains(&p) => Ok(Token::Percentile(p)),
            _ => Err(RuleError::new(
                column,
                format!("\"p{digits}\" is no percentile: they go from p0 to p100"),
            )),
        }
    }

    fn sign(&mut self, first: char) -> Result<Token, RuleError> {
        let (token, length) = match (first, self.peek(1)) {
            ('=', Some('=')) => (Comparison::Equal, 2),
            ('!', Some('=')) => (Comparison::NotEqual, 2),
            ('<', Some('=')) => (Comparison::AtMost, 2),
            ('>', Some('=')) => (Comparison::AtLeast, 2),
            ('<', Some('>')) => return self.refused("<>", "write != for \"is not\""),
            ('=', Some('>')) => return self.refused("=>", "write >= for \"at least\""),
            ('=', Some('<')) => return self.refused("=<", "write <= for \"at most\""),
            ('=', _) => (Comparison::Equal, 1),
            ('<', _) => (Comparison::Less, 1),
            ('>', _) => (Comparison::Greater, 1),
            ('!', _) => return self.refused("!", "write not"),
            ('&', _) => return self.refused("&", "write and"),
            ('|', _) => return self.refused("|", "write or"),
            ('≥', _) => return self.refused("≥", "write >="),
            ('≤', _) => return self.refused("≤", "write <="),
            ('≠', _) => return self.refused("≠", "write !="),
            ('+' | '-' | '*' | '/', _) => {
                return self.refused(&first.to_string(), "rules compare fields and do not calculate");
            }
            (c, _) if c.is_alphabetic() => {
                return self.refused(&c.to_string(), "a name with such a letter stands in back quotes: `…`");
            }
            _ => return self.refused(&first.to_string(), "it has no meaning in a rule"),
        };
        self.at += length;
        Ok(Token::Compare(token))
    }

    fn refused(&self, found: &str, instead: &str) -> Result<Token, RuleError> {
        Err(RuleError::new(self.at + 1, format!("\"{found}\" is no sign of a rule: {instead}")))
    }
}
