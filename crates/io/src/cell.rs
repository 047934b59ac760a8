//! One cell of a row, whatever the format, and its reading as a number.

use bespoke::types::{Money, Timestamp};

use crate::account::{MAX_VALUE_BYTES, RowRule};

/// A cell before it has a meaning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// No value.
    Missing,
    /// Text; its numbers use the declared decimal sign.
    Text(&'a [u8]),
    /// A number of a typed format, printed with a decimal point.
    Number(&'a [u8]),
    /// An instant of a typed format, milliseconds UTC.
    Instant(i64),
    /// A local time of a typed format, milliseconds since 1970-01-01T00:00 on the wall clock.
    Local(i64),
    /// A number whose digits are lost.
    Inexact,
    /// A list or object.
    Composite,
}

impl<'a> Cell<'a> {
    /// The text of the cell; `None` for typed instants and composites.
    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Text(bytes) | Self::Number(bytes) => Some(bytes),
            Self::Missing => Some(b""),
            Self::Instant(_) | Self::Local(_) | Self::Inexact | Self::Composite => None,
        }
    }

    /// For messages: the cell as it stands, cut at [`MAX_VALUE_BYTES`].
    pub(crate) fn show(self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Text(bytes) | Self::Number(bytes) => cut(bytes),
            Self::Instant(ms) => Timestamp(ms).to_string(),
            Self::Local(ms) => Timestamp(ms).to_string().trim_end_matches('Z').to_owned(),
            Self::Inexact => "(number of more than 15 digits)".to_owned(),
            Self::Composite => "(list or object)".to_owned(),
        }
    }
}

/// At most [`MAX_VALUE_BYTES`] of text, invalid bytes replaced, whole characters.
pub(crate) fn cut(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_VALUE_BYTES + 4)]).into_owned();
    let mut end = text.len().min(MAX_VALUE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// A broken rule and what probably happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) rule: RowRule,
    pub(crate) hint: Option<&'static str>,
}

impl Problem {
    pub(crate) fn new(rule: RowRule) -> Self {
        Self { rule, hint: None }
    }

    pub(crate) fn hint(rule: RowRule, hint: &'static str) -> Self {
        Self { rule, hint: Some(hint) }
    }
}

const INEXACT: Problem = Problem {
    rule: RowRule::BadType,
    hint: Some("a number of more than 15 digits loses some: write it as text"),
};

/// A record of any format: cells by slot, see [`Plan`](crate::plan::Plan).
pub(crate) trait Record {
    fn cell(&self, slot: usize) -> Cell<'_>;
}

/// UTF-8 text of a cell.
pub(crate) fn text(cell: Cell<'_>) -> Result<&str, Problem> {
    if cell == Cell::Inexact {
        return Err(INEXACT);
    }
    let bytes = cell.bytes().ok_or(Problem::hint(RowRule::BadType, "the column holds no plain text"))?;
    std::str::from_utf8(bytes)
        .map_err(|_| Problem::hint(RowRule::BadUtf8, "another encoding? convert to UTF-8"))
}

/// An amount to 1/10,000, rounded half to even; never through binary floating point.
pub(crate) fn money(cell: Cell<'_>, decimal: u8) -> Result<Money, Problem> {
    let (bytes, decimal) = number_text(cell, decimal)?;
    match scaled(bytes, decimal) {
        Some(Scaled::Fits(amount)) => Ok(Money(amount)),
        Some(Scaled::TooLarge) => Err(Problem::new(RowRule::OutOfRange)),
        None => Err(not_plain(bytes, decimal)),
    }
    .or_else(|problem| match exponent(bytes, decimal) {
        Some(plain) => match scaled(plain.as_bytes(), b'.') {
            Some(Scaled::Fits(amount)) => Ok(Money(amount)),
            _ => Err(Problem::new(RowRule::OutOfRange)),
        },
        None => Err(problem),
    })
}

/// A whole number; `6.0` is one.
pub(crate) fn whole(cell: Cell<'_>, decimal: u8) -> Result<i64, Problem> {
    let (bytes, _) = number_text(cell, decimal)?;
    if let Some(number) = digits(bytes) {
        return Ok(number);
    }
    let amount = money(cell, decimal)?.0;
    if amount % Money::SCALE == 0 {
        Ok(amount / Money::SCALE)
    } else {
        Err(Problem::hint(RowRule::BadType, "a whole number is expected"))
    }
}

/// A finite number.
pub(crate) fn float(cell: Cell<'_>, decimal: u8) -> Result<f64, Problem> {
    let (bytes, decimal) = number_text(cell, decimal)?;
    let parsed = std::str::from_utf8(bytes).ok().and_then(|text| match decimal {
        b'.' => text.parse().ok(),
        _ if text.contains('.') => None,
        sign => text.replace(sign as char, ".").parse().ok(),
    });
    match parsed {
        Some(number) if f64::is_finite(number) => Ok(number),
        _ => Err(not_plain(bytes, decimal)),
    }
}

fn number_text(cell: Cell<'_>, decimal: u8) -> Result<(&[u8], u8), Problem> {
    match cell {
        Cell::Text(bytes) => Ok((bytes.trim_ascii(), decimal)),
        Cell::Number(bytes) => Ok((bytes, b'.')),
        Cell::Inexact => Err(INEXACT),
        _ => Err(Problem::hint(RowRule::BadType, "the column holds no numbers")),
    }
}

/// Short plain digits with an optional minus sign.
fn digits(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0i64, |n, d| n * 10 + i64::from(d - b'0'));
    Some(if negative { -number } else { number })
}

enum Scaled {
    Fits(i64),
    TooLarge,
}

/// `[+-]digits[.digits]` times 10,000, half to even; `None` when the text is anything else.
fn scaled(bytes: &[u8], decimal: u8) -> Option<Scaled> {
    let (negative, rest) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (mut amount, mut n_digits, mut n_decimals) = (0i128, 0usize, 0usize);
    let (mut half, mut beyond, mut in_fraction) = (0u8, false, false);
    for &byte in rest {
        if byte == decimal && !in_fraction {
            in_fraction = true;
            continue;
        }
        if !byte.is_ascii_digit() {
            return None;
        }
        n_digits += 1;
        let digit = byte - b'0';
        if !in_fraction || n_decimals < 4 {
            // Saturates far above i64, so that endless digits stay "too large".
            amount = (amount * 10 + i128::from(digit)).min(i128::from(u64::MAX) * 100_000);
        } else if n_decimals == 4 {
            half = digit;
        } else {
            beyond |= digit != 0;
        }
        n_decimals += usize::from(in_fraction);
    }
    if n_digits == 0 {
        return None;
    }
    for _ in n_decimals.min(4)..4 {
        amount *= 10;
    }
    if half > 5 || (half == 5 && (beyond || amount % 2 == 1)) {
        amount += 1;
    }
    let signed = if negative { -amount } else { amount };
    Some(i64::try_from(signed).map_or(Scaled::TooLarge, Scaled::Fits))
}

/// The plain digits of a number with an exponent, as spreadsheets and JSON write them.
fn exponent(bytes: &[u8], decimal: u8) -> Option<String> {
    if decimal != b'.' || !bytes.iter().any(|b| matches!(b, b'e' | b'E')) {
        return None;
    }
    let number: f64 = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    number.is_finite().then(|| number.to_string())
}

/// Why a text is no number, with the usual suspects.
fn not_plain(bytes: &[u8], decimal: u8) -> Problem {
    let text = String::from_utf8_lossy(bytes);
    if text.parse::<f64>().is_ok_and(|number| !number.is_finite()) {
        return Problem::new(RowRule::NonFinite);
    }
    let has = |sign: u8| bytes.contains(&sign);
    let hint = if std::str::from_utf8(bytes).is_err() {
        return Problem::new(RowRule::BadUtf8);
    } else if has(b'.') && has(b',') {
        "thousands separators are not accepted"
    } else if decimal == b'.' && has(b',') {
        "decimal comma? set decimal = \",\""
    } else if decimal == b',' && has(b'.') {
        "decimal point? set decimal = \".\""
    } else if bytes.iter().any(u8::is_ascii_digit) {
        "a number with a unit or other text?"
    } else {
        "not a number; a text that means \"no value\" belongs into null"
    };
    Problem::hint(RowRule::BadType, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<i64, RowRule> {
        money(Cell::Text(text.as_bytes()), b'.').map(|m| m.0).map_err(|p| p.rule)
    }

    #[test]
    fn money_is_exact_and_rounds_half_to_even() {
        for (text, amount) in [
            ("2.55", 25_500),
            ("-0.0001", -1),
            ("+7", 70_000),
            (" 3. ", 30_000),
            (".5", 5_000),
            ("0.00005", 0),
            ("0.00015", 2),
            ("0.000050000001", 1),
            ("-0.00015", -2),
            ("1.5e2", 1_500_000),
            ("922337203685477.5807", i64::MAX),
        ] {
            assert_eq!(of(text), Ok(amount), "{text}");
        }
    }

    #[test]
    fn every_bad_amount_has_its_rule() {
        for (text, rule) in [
            ("922337203685477.5808", RowRule::OutOfRange),
            ("1e300", RowRule::OutOfRange),
            (&"9".repeat(400), RowRule::OutOfRange),
            ("NaN", RowRule::NonFinite),
            ("-inf", RowRule::NonFinite),
            ("12,50", RowRule::BadType),
            ("1,234.50", RowRule::BadType),
            ("£5", RowRule::BadType),
            ("5 EUR", RowRule::BadType),
            ("-", RowRule::BadType),
            ("1.2.3", RowRule::BadType),
            ("0x10", RowRule::BadType),
        ] {
            assert_eq!(of(text), Err(rule), "{text}");
        }
        let comma = money(Cell::Text(b"12,50"), b'.').unwrap_err();
        assert_eq!(comma.hint, Some("decimal comma? set decimal = \",\""));
    }

    #[test]
    fn declared_decimal_comma_is_for_text_only() {
        assert_eq!(money(Cell::Text(b"12,5"), b','), Ok(Money(125_000)));
        assert_eq!(float(Cell::Text(b"12,5"), b','), Ok(12.5));
        assert_eq!(float(Cell::Number(b"12.5"), b','), Ok(12.5));
        assert!(float(Cell::Text(b"12.5"), b',').is_err());
    }

    #[test]
    fn whole_numbers_may_have_empty_decimals() {
        assert_eq!(whole(Cell::Text(b"6.0"), b'.'), Ok(6));
        assert_eq!(whole(Cell::Text(b"-12"), b'.'), Ok(-12));
        assert_eq!(whole(Cell::Text(b"6.5"), b'.').unwrap_err().rule, RowRule::BadType);
        assert_eq!(whole(Cell::Text(b"inf"), b'.').unwrap_err().rule, RowRule::NonFinite);
    }

    #[test]
    fn shown_values_are_cut_at_whole_characters() {
        let long = "é".repeat(300);
        assert_eq!(Cell::Text(long.as_bytes()).show(), "é".repeat(100));
        assert_eq!(Cell::Text(b"a\xff").show(), "a\u{fffd}");
    }
}
