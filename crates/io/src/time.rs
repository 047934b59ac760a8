//! Cells to instants.

use bespoke::types::{Money, Timestamp};
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::account::RowRule::{BadTimestamp, BadType};
use crate::cell::{Cell, Problem, money, whole};
use crate::config::TimeConfig;

/// Earliest plausible instant: before it lies the default date of many programs.
const EARLIEST: i64 = Timestamp::DAY_MS;
/// Earliest plausible epoch number: seconds declared as milliseconds lie in January 1970.
const EARLIEST_EPOCH: i64 = 365 * Timestamp::DAY_MS;
/// Latest plausible instant when the caller gives none: the start of the year 2200.
const LATEST: i64 = 7_258_118_400_000;

/// Milliseconds in a unit of epoch numbers as a fraction: seconds, milliseconds, microseconds.
const EPOCH_MS: [(i64, i64); 3] = [(1000, 1), (1, 1), (1, 1000)];
/// What an implausible number would be in those units.
const LOOKS_LIKE: [&str; 3] = [
    "looks like seconds; see time.format",
    "looks like milliseconds; see time.format",
    "looks like microseconds; see time.format",
];

/// An instant, and whether the clock showed that local time twice or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instant {
    pub(crate) at: Timestamp,
    pub(crate) ambiguous: bool,
}

/// Reads times of one declared format; remembers the last cell, since exports repeat times in runs.
#[derive(Debug)]
pub(crate) struct TimeParser {
    format: Format,
    zone: Option<TimeZone>,
    latest: i64,
    last: Vec<u8>,
    last_answer: Option<Result<Instant, Problem>>,
}

#[derive(Debug)]
enum Format {
    Rfc3339,
    /// Number of a unit in [`EPOCH_MS`].
    Epoch {
        unit: usize,
    },
    /// Numeric fields only; read without the general parser.
    Digits(Vec<Step>),
    General(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Field (year, month, day, hour, minute, second) of at most so many digits.
    Field(usize, usize),
    Literal(u8),
}

impl TimeParser {
    /// A parser for a declared format, or the key (`format` or `zone`) and the rule it breaks.
    pub(crate) fn new(
        config: &TimeConfig,
        not_after: Option<Timestamp>,
    ) -> Result<Self, (&'static str, String)> {
        let zone = match config.zone.as_deref() {
            None => None,
            Some(name) => {
                Some(TimeZone::get(name).map_err(|_| ("zone", "a known IANA time zone".to_owned()))?)
            }
        };
        let format = match config.format.as_str() {
            "rfc3339" => Format::Rfc3339,
            "epoch_s" => Format::Epoch { unit: 0 },
            "epoch_ms" => Format::Epoch { unit: 1 },
            "epoch_us" => Format::Epoch { unit: 2 },
            pattern => pattern_format(pattern, zone.is_some())?,
        };
        let latest = not_after.map_or(LATEST, |t| t.0);
        Ok(Self { format, zone, latest, last: Vec::new(), last_answer: None })
    }

    /// The instant of a cell.
    pub(crate) fn parse(&mut self, cell: Cell<'_>) -> Result<Instant, Problem> {
        let bytes = match cell {
            Cell::Text(bytes) | Cell::Number(bytes) => bytes,
            Cell::Instant(ms) => return self.plausible(Instant { at: Timestamp(ms), ambiguous: false }),
            Cell::Local(ms) => return self.typed_local(ms).and_then(|instant| self.plausible(instant)),
            Cell::Missing | Cell::Inexact | Cell::Composite => return Err(Problem::new(BadType)),
        };
        if let Some(answer) = self.last_answer
            && self.last == bytes
        {
            return answer;
        }
        let answer = self.read(bytes.trim_ascii()).and_then(|instant| self.plausible(instant));
        self.last.clear();
        self.last.extend_from_slice(bytes);
        self.last_answer = Some(answer);
        answer
    }

    fn read(&self, bytes: &[u8]) -> Result<Instant, Problem> {
        match &self.format {
            Format::Digits(steps) => match digits(steps, bytes) {
                Some(civil) => self.local(civil),
                None => Err(Problem::hint(BadTimestamp, "not in the declared time.format, or no such date")),
            },
            Format::Rfc3339 => self.rfc3339(bytes),
            Format::General(pattern) => self.general(pattern, bytes),
            Format::Epoch { unit } => {
                let (numerator, denominator) = EPOCH_MS[*unit];
                let bad = Problem::hint(BadTimestamp, "not an epoch number; see time.format");
                let (number, parts) = match whole(Cell::Number(bytes), b'.') {
                    Ok(number) => (number, 1),
                    Err(_) => (money(Cell::Number(bytes), b'.').map_err(|_| bad)?.0, Money::SCALE),
                };
                let parts = i128::from(parts) * i128::from(denominator);
                let ms = (i128::from(number) * i128::from(numerator)).div_euclid(parts);
                let at = i64::try_from(ms).map_err(|_| Problem::new(BadTimestamp))?;
                Ok(Instant { at: Timestamp(at), ambiguous: false })
            }
        }
    }

    fn rfc3339(&self, bytes: &[u8]) -> Result<Instant, Problem> {
        let text = std::str::from_utf8(bytes).map_err(|_| Problem::new(BadTimestamp))?;
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Ok(Instant { at: Timestamp(instant.as_millisecond()), ambiguous: false });
        }
        match text.parse::<DateTime>() {
            Ok(civil) => self.local(civil),
            Err(_) => Err(Problem::hint(BadTimestamp, "not an RFC 3339 time; see time.format")),
        }
    }

    fn general(&self, pattern: &str, bytes: &[u8]) -> Result<Instant, Problem> {
        let bad = Problem::hint(BadTimestamp, "not in the declared time.format, or no such date");
        let broken = jiff::fmt::strtime::parse(pattern, bytes).map_err(|_| bad)?;
        if broken.offset().is_some() {
            let instant = broken.to_timestamp().map_err(|_| bad)?;
            return Ok(Instant { at: Timestamp(instant.as_millisecond()), ambiguous: false });
        }
        let civil =
            broken.to_datetime().or_else(|_| broken.to_date().map(DateTime::from)).map_err(|_| bad)?;
        self.local(civil)
    }

    fn typed_local(&self, ms: i64) -> Result<Instant, Problem> {
        let civil = jiff::Timestamp::from_millisecond(ms).map_err(|_| Problem::new(BadTimestamp))?;
        self.local(TimeZone::UTC.to_datetime(civil))
    }

    /// The first instant at which the zone's clocks show `civil`; behind the gap when they never do.
    fn local(&self, civil: DateTime) -> Result<Instant, Problem> {
        let zone =
            self.zone.as_ref().ok_or(Problem::hint(BadTimestamp, "a time without offset needs time.zone"))?;
        let candidates = zone.to_ambiguous_timestamp(civil);
        let ambiguous = !matches!(candidates.offset(), AmbiguousOffset::Unambiguous { .. });
        let instant = candidates.compatible().map_err(|_| Problem::new(BadTimestamp))?;
        Ok(Instant { at: Timestamp(instant.as_millisecond()), ambiguous })
    }

    fn plausible(&self, instant: Instant) -> Result<Instant, Problem> {
        let ms = instant.at.0;
        let is_epoch = matches!(self.format, Format::Epoch { .. });
        let earliest = if is_epoch { EARLIEST_EPOCH } else { EARLIEST };
        let within = |ms: i64| (earliest..=self.latest).contains(&ms);
        if within(ms) {
            return Ok(instant);
        }
        let hint = match &self.format {
            Format::Epoch { unit } => match (within(ms / 1000), within(ms / 1_000_000)) {
                (true, _) => LOOKS_LIKE.get(unit + 1),
                (_, true) => LOOKS_LIKE.get(unit + 2),
                _ if within(ms.saturating_mul(1000)) => unit.checked_sub(1).map(|unit| &LOOKS_LIKE[unit]),
                _ => None,
            },
            _ => None,
        };
        let hint = hint.copied().unwrap_or(if ms > self.latest { "in the future" } else { "too long ago" });
        Err(Problem::hint(BadTimestamp, hint))
    }
}

/// A strftime pattern, checked: the fast form when it has numeric fields only.
fn pattern_format(pattern: &str, has_zone: bool) -> Result<Format, (&'static str, String)> {
    let named = "rfc3339, epoch_s, epoch_ms, epoch_us or a strftime pattern such as %Y-%m-%d %H:%M:%S";
    if !pattern.contains('%') || jiff::fmt::strtime::format(pattern, &probe()).is_err() {
        return Err(("format", named.to_owned()));
    }
    let has_offset = ["%z", "%:z", "%Q", "%:Q", "%s"].iter().any(|d| pattern.contains(d));
    if !has_offset && !has_zone {
        return Err(("zone", "given, since times of this format have no offset".to_owned()));
    }
    Ok(steps(pattern).map_or_else(|| Format::General(pattern.to_owned()), Format::Digits))
}

fn probe() -> jiff::Zoned {
    jiff::Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC)
}

/// The steps of a pattern that consists of numeric fields and ASCII literals and has a whole date.
fn steps(pattern: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut bytes = pattern.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            if byte.is_ascii_whitespace() && byte != b' ' || !byte.is_ascii() {
                return None;
            }
            steps.push(Step::Literal(byte));
            continue;
        }
        match bytes.next()? {
            b'Y' => steps.push(Step::Field(0, 4)),
            b'm' => steps.push(Step::Field(1, 2)),
            b'd' => steps.push(Step::Field(2, 2)),
            b'H' => steps.push(Step::Field(3, 2)),
            b'M' => steps.push(Step::Field(4, 2)),
            b'S' => steps.push(Step::Field(5, 2)),
            b'F' => steps.extend(self::steps("%Y-%m-%d")?),
            b'T' => steps.extend(self::steps("%H:%M:%S")?),
            _ => return None,
        }
    }
    let has = |field| steps.iter().any(|step| matches!(step, Step::Field(f, _) if *f == field));
    (has(0) == has(2)).then_some(steps)
}

fn digits(steps: &[Step], bytes: &[u8]) -> Option<DateTime> {
    let mut fields = [0i16, 1, 1, 0, 0, 0];
    let mut at = 0;
    for step in steps {
        match *step {
            Step::Literal(byte) => {
                if *bytes.get(at)? != byte {
                    return None;
                }
                at += 1;
            }
            Step::Field(field, most) => {
                let start = at;
                let mut number = 0i16;
                while at < bytes.len() && at - start < most && bytes[at].is_ascii_digit() {
                    number = number * 10 + i16::from(bytes[at] - b'0');
                    at += 1;
                }
                if at == start {
                    return None;
                }
                fields[field] = number;
            }
        }
    }
    let [year, month, day, hour, minute, second] = fields;
    let small = |n: i16| i8::try_from(n).ok();
    (at == bytes.len()).then_some(())?;
    let (month, day) = (small(month)?, small(day)?);
    DateTime::new(year, month, day, small(hour)?, small(minute)?, small(second)?, 0).ok()
}

/// Reads calendar days of one strftime pattern.
#[derive(Debug)]
pub(crate) struct DateParser {
    pattern: String,
    steps: Option<Vec<Step>>,
}

impl DateParser {
    /// A parser, or the rule the pattern breaks.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        if !pattern.contains('%') || jiff::fmt::strtime::format(pattern, &probe()).is_err() {
            return Err("a strftime pattern such as %Y-%m-%d".to_owned());
        }
        Ok(Self { pattern: pattern.to_owned(), steps: steps(pattern) })
    }

    /// Days since 1970-01-01.
    pub(crate) fn parse(&self, cell: Cell<'_>) -> Result<i32, Problem> {
        let bad = Problem::hint(BadTimestamp, "not in the declared format, or no such date");
        let date = match (cell, &self.steps) {
            (Cell::Instant(ms) | Cell::Local(ms), _) => {
                return i32::try_from(ms.div_euclid(Timestamp::DAY_MS)).map_err(|_| bad);
            }
            (Cell::Text(bytes), Some(steps)) => digits(steps, bytes.trim_ascii()).map(DateTime::date),
            (Cell::Text(bytes), None) => {
                jiff::fmt::strtime::parse(&self.pattern, bytes.trim_ascii()).and_then(|b| b.to_date()).ok()
            }
            _ => None,
        }
        .ok_or(bad)?;
        Ok((date - Date::constant(1970, 1, 1)).get_days())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parser(format: &str, zone: Option<&str>) -> TimeParser {
        let config = TimeConfig { format: format.into(), zone: zone.map(Into::into) };
        TimeParser::new(&config, Some(Timestamp(1_800_000_000_000))).unwrap()
    }

    fn shown(parser: &mut TimeParser, text: &str) -> String {
        match parser.parse(Cell::Text(text.as_bytes())) {
            Ok(i) => format!("{}{}", i.at, if i.ambiguous { " ambiguous" } else { "" }),
            Err(p) => p.hint.unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn local_times_follow_the_zone() {
        let mut london = parser("%Y-%m-%d %H:%M:%S", Some("Europe/London"));
        for (text, expected) in [
            ("2010-12-01 08:26:00", "2010-12-01T08:26:00Z"),
            ("2011-06-01 08:26:00", "2011-06-01T07:26:00Z"),
            ("2011-10-30 01:30:00", "2011-10-30T00:30:00Z ambiguous"),
            ("2011-03-27 01:30:00", "2011-03-27T01:30:00Z ambiguous"),
            ("2011-02-30 00:00:00", "not in the declared time.format, or no such date"),
            ("2011-02-03", "not in the declared time.format, or no such date"),
            ("2011-02-03 00:00:00x", "not in the declared time.format, or no such date"),
            ("2031-02-03 00:00:00", "in the future"),
            ("1900-02-03 00:00:00", "too long ago"),
        ] {
            assert_eq!(shown(&mut london, text), expected, "{text}");
            assert_eq!(shown(&mut london, text), expected, "{text} again");
        }
    }

    #[test]
    fn digits_and_the_general_parser_agree() {
        for (pattern, text) in [
            ("%d/%m/%Y %H:%M", "1/12/2010 8:26"),
            ("%Y%m%d", "19970101"),
            ("%F %T", "2010-12-01 08:26:59"),
            ("%m/%d/%Y", "12/31/1999"),
        ] {
            let fast = digits(&steps(pattern).unwrap(), text.as_bytes()).unwrap();
            let broken = jiff::fmt::strtime::parse(pattern, text).unwrap();
            let slow = broken.to_datetime().or_else(|_| broken.to_date().map(DateTime::from)).unwrap();
            assert_eq!(fast, slow, "{pattern}");
        }
        assert_eq!(steps("%d %b %Y"), None);
        let mut general = parser("%d %b %Y %H:%M", Some("UTC"));
        assert_eq!(shown(&mut general, "01 Dec 2010 08:26"), "2010-12-01T08:26:00Z");
        let mut offset = parser("%Y-%m-%d %H:%M:%S %z", None);
        assert_eq!(shown(&mut offset, "2010-12-01 08:26:00 +0100"), "2010-12-01T07:26:00Z");
    }

    #[test]
    fn epochs_in_the_wrong_unit_are_noticed() {
        let mut seconds = parser("epoch_s", None);
        assert_eq!(shown(&mut seconds, "1700000000"), "2023-11-14T22:13:20Z");
        assert_eq!(shown(&mut seconds, "1700000000.0"), "2023-11-14T22:13:20Z");
        assert_eq!(shown(&mut seconds, "1700000000.2509"), "2023-11-14T22:13:20.25Z");
        assert_eq!(shown(&mut seconds, "1700000000000"), "looks like milliseconds; see time.format");
        assert_eq!(shown(&mut seconds, "1700000000000000"), "looks like microseconds; see time.format");
        assert_eq!(shown(&mut parser("epoch_ms", None), "1700000000"), "looks like seconds; see time.format");
        assert_eq!(shown(&mut parser("epoch_us", None), "1700000000000000"), "2023-11-14T22:13:20Z");
        assert_eq!(shown(&mut seconds, "soon"), "not an epoch number; see time.format");
    }

    #[test]
    fn rfc3339_without_offset_needs_a_zone() {
        assert_eq!(shown(&mut parser("rfc3339", None), "2011-06-01T08:00:00+02:00"), "2011-06-01T06:00:00Z");
        let zoned = &mut parser("rfc3339", Some("Europe/Berlin"));
        assert_eq!(shown(zoned, "2011-06-01T08:00:00"), "2011-06-01T06:00:00Z");
        let naive = shown(&mut parser("rfc3339", None), "2011-06-01T08:00:00");
        assert_eq!(naive, "a time without offset needs time.zone");
    }

    #[test]
    fn impossible_declarations_are_refused() {
        for (format, zone, key) in [
            ("%Y-%m-%d", None, "zone"),
            ("iso", Some("UTC"), "format"),
            ("%Y-%_!", Some("UTC"), "format"),
            ("rfc3339", Some("Europe/Londres"), "zone"),
        ] {
            let config = TimeConfig { format: format.into(), zone: zone.map(Into::into) };
            assert_eq!(TimeParser::new(&config, None).unwrap_err().0, key, "{format}");
        }
        assert!(DateParser::new("yyyy").is_err());
    }

    #[test]
    fn dates_are_days() {
        let dates = DateParser::new("%Y-%m-%d").unwrap();
        assert_eq!(dates.parse(Cell::Text(b"1970-01-11")), Ok(10));
        assert_eq!(dates.parse(Cell::Text(b"1969-12-31")), Ok(-1));
        assert_eq!(dates.parse(Cell::Instant(-1)), Ok(-1));
        assert!(dates.parse(Cell::Text(b"1970-13-01")).is_err());
    }
}
