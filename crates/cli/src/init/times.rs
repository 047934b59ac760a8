//! How times are written: every format a job file knows is tried on the cells, and what reads all of them stays.

use bespoke_io::{CellShape, TimeConfig, Times};

/// Patterns without an offset, from the plain to the odd; day-first before month-first.
const LOCAL: [&str; 26] = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d-%m-%Y %H:%M",
    "%m-%d-%Y %H:%M",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%m/%d/%Y %I:%M:%S %p",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
];
/// Digits only: believed where the name says that it is a time.
const DIGITS: [&str; 2] = ["%Y%m%d", "%Y%m%d%H%M%S"];
/// With an offset.
const WITH_OFFSET: [&str; 4] =
    ["rfc3339", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S%z", "%d/%b/%Y:%H:%M:%S %z"];
/// Numbers since 1970. Plausible instants lie from 1990 to 2100.
const EPOCHS: [(&str, f64, &str); 3] =
    [("epoch_s", 1.0, "seconds"), ("epoch_ms", 1e3, "milliseconds"), ("epoch_us", 1e6, "microseconds")];
const EPOCH_YEARS: std::ops::Range<f64> = 631_152_000.0..4_102_444_800.0;

/// Share of cells that a format must read.
const SHARE: f64 = 0.99;
/// Cells that sort out formats before all cells are tried.
const FIRST: usize = 200;

/// How the times of a column are written.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeGuess {
    /// As in `time.format`.
    pub format: String,
    /// Times carry no offset, so `time.zone` must say where they are meant.
    pub needs_zone: bool,
    /// Cells the format does not read.
    pub n_bad: usize,
    /// Digits alone: an id or an amount may look like it.
    pub only_digits: bool,
    /// Why this format, for people.
    pub evidence: String,
    /// Another format that reads the cells too, when which is meant is not certain.
    pub instead: Option<String>,
}

impl TimeGuess {
    /// Whether the times are days without a time of day.
    pub fn is_day(&self) -> bool {
        self.format.starts_with('%') && !self.format.contains("%H") && !self.format.contains("%I")
    }
}

/// The format of a column's cells; `None` when they are no times.
pub fn guess(cells: &[&str], shape: CellShape) -> Option<TimeGuess> {
    let typed = |needs_zone, evidence: &str| TimeGuess {
        format: "rfc3339".to_owned(),
        needs_zone,
        n_bad: 0,
        only_digits: false,
        evidence: evidence.to_owned(),
        instead: None,
    };
    match shape {
        CellShape::Instant => return Some(typed(false, "the file types it as an instant")),
        CellShape::Local => return Some(typed(true, "the file types it as a local time")),
        CellShape::Composite => return None,
        CellShape::Text | CellShape::Number => {}
    }
    let example = cells.first()?;
    let first = &cells[..cells.len().min(FIRST)];
    let with_digits = first.iter().filter(|cell| cell.bytes().any(|byte| byte.is_ascii_digit())).count();
    if (with_digits as f64) < SHARE * first.len() as f64 {
        return None;
    }
    epoch(cells).or_else(|| pattern(cells, example))
}

fn epoch(cells: &[&str]) -> Option<TimeGuess> {
    let numbers: Vec<Option<f64>> = cells.iter().map(|cell| cell.trim().parse().ok()).collect();
    let (format, _, unit) = EPOCHS.into_iter().find(|(_, per_second, _)| {
        let inside = numbers.iter().flatten().filter(|&&n| EPOCH_YEARS.contains(&(n / per_second)));
        inside.count() as f64 >= SHARE * cells.len() as f64
    })?;
    let n_bad = cells.len() - count_read(cells, format);
    Some(TimeGuess {
        format: format.to_owned(),
        needs_zone: false,
        n_bad,
        only_digits: true,
        evidence: format!("as {unit} since 1970 the numbers lie between 1990 and 2100, {}", cells.first()?),
        instead: None,
    })
}

fn pattern(cells: &[&str], example: &str) -> Option<TimeGuess> {
    let first: Vec<&str> = cells.iter().copied().take(FIRST).collect();
    let all = WITH_OFFSET.iter().map(|format| (*format, false));
    let all = all.chain(LOCAL.iter().chain(&DIGITS).map(|format| (*format, true)));
    let reads = |(format, local): &(&str, bool)| {
        // RFC 3339 reads times without an offset too; their own patterns are tried for those.
        let enough = |cells: &[&str]| read_share(cells, format, *local) >= SHARE;
        enough(&first) && enough(cells)
    };
    let fitting: Vec<(&str, bool)> = all.filter(reads).collect();
    let &(format, needs_zone) = fitting.first()?;
    let rival =
        fitting.iter().map(|(format, _)| *format).find(|other| swapped(format).as_deref() == Some(*other));
    let guess = |format: &str, evidence: String, instead: Option<&str>| TimeGuess {
        format: format.to_owned(),
        needs_zone,
        n_bad: cells.len() - count_read(cells, format),
        only_digits: DIGITS.contains(&format),
        evidence,
        instead: instead.map(str::to_owned),
    };
    let seen = format!("all look like {}", super::words(example));
    match (rival, swapped(format)) {
        (Some(rival), _) => {
            let (format, other, evidence) = by_order(cells, format, rival);
            Some(guess(format, format!("{seen}; {evidence}"), Some(other)))
        }
        (None, Some(_)) => {
            let side = if format.starts_with("%d") { "first" } else { "second" };
            Some(guess(format, format!("{seen}; the {side} number goes above 12, so it is the day"), None))
        }
        (None, None) => Some(guess(format, seen, None)),
    }
}

/// The same pattern with day and month changed.
fn swapped(format: &str) -> Option<String> {
    let starts = |start: &str| format.starts_with(start);
    (starts("%d/%m") || starts("%m/%d") || starts("%d-%m") || starts("%m-%d")).then(|| {
        let (sign, rest) = format[2..].split_at(1);
        let (a, b) = (&format[..2], &rest[..2]);
        format!("{b}{sign}{a}{}", &rest[2..])
    })
}

/// Between two readings of the same cells: exports are mostly in order of time, and the right reading jumps back less.
fn by_order<'f>(cells: &[&str], format: &'f str, rival: &'f str) -> (&'f str, &'f str, String) {
    let steps_back = |format: &str| {
        let Some(mut times) = reader(format, true) else { return usize::MAX };
        let read: Vec<_> = cells.iter().filter_map(|cell| times.read(cell)).collect();
        let back = |up: bool| {
            read.windows(2).filter(|pair| if up { pair[0] > pair[1] } else { pair[0] < pair[1] }).count()
        };
        back(true).min(back(false))
    };
    let (mine, other) = (steps_back(format), steps_back(rival));
    let words = "no number goes above 12, so day and month could be the other way round";
    let order = |fewer, more| {
        format!("{words}; read like this, rows jump back in time {fewer} times instead of {more}")
    };
    match mine.cmp(&other) {
        std::cmp::Ordering::Less => (format, rival, order(mine, other)),
        std::cmp::Ordering::Greater => (rival, format, order(other, mine)),
        std::cmp::Ordering::Equal => (format, rival, format!("{words}; nothing in the rows decides it")),
    }
}

/// A reader of the format; of formats without an offset in UTC, which changes nothing in what can be read.
fn reader(format: &str, local: bool) -> Option<Times> {
    let zone = local.then(|| "UTC".to_owned());
    Times::new(&TimeConfig { format: format.to_owned(), zone })
}

fn read_share(cells: &[&str], format: &str, local: bool) -> f64 {
    let Some(mut times) = reader(format, local) else { return 0.0 };
    cells.iter().filter(|cell| times.read(cell).is_some()).count() as f64 / cells.len().max(1) as f64
}

fn count_read(cells: &[&str], format: &str) -> usize {
    let Some(mut times) = reader(format, true) else { return 0 };
    cells.iter().filter(|cell| times.read(cell).is_some()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(cells: &[&str]) -> TimeGuess {
        guess(cells, CellShape::Text).unwrap_or_else(|| panic!("{cells:?}"))
    }

    #[test]
    fn plain_formats_by_hand() {
        for (cell, format, needs_zone) in [
            ("2011-12-09 12:50:00", "%Y-%m-%d %H:%M:%S", true),
            ("2011-12-09", "%Y-%m-%d", true),
            ("2011-12-09T12:50:00Z", "rfc3339", false),
            ("2011-12-09T12:50:00+01:00", "rfc3339", false),
            ("2011-12-09 12:50:00 +0100", "%Y-%m-%d %H:%M:%S %z", false),
            ("09.12.2011 12:50", "%d.%m.%Y %H:%M", true),
            ("19970118", "%Y%m%d", true),
            ("1323435000", "epoch_s", false),
            ("1323435000123", "epoch_ms", false),
            ("1323435000123456", "epoch_us", false),
            ("9-Dec-2011", "%d-%b-%Y", true),
        ] {
            let guess = found(&[cell]);
            assert_eq!((guess.format.as_str(), guess.needs_zone), (format, needs_zone), "{cell}");
        }
        assert!(found(&["19970118"]).is_day() && !found(&["2011-12-09 12:50"]).is_day());
    }

    #[test]
    fn a_number_above_twelve_decides_day_or_month() {
        let (day_first, month_first) = (found(&["1/2/2011", "25/2/2011"]), found(&["1/2/2011", "2/25/2011"]));
        assert_eq!((day_first.format.as_str(), &day_first.instead), ("%d/%m/%Y", &None));
        assert_eq!((month_first.format.as_str(), &month_first.instead), ("%m/%d/%Y", &None));
        assert!(month_first.evidence.contains("second number goes above 12"), "{}", month_first.evidence);
    }

    #[test]
    fn the_order_of_rows_decides_next_and_doubt_is_said() {
        let rows = ["1/12/2010 8:26", "2/1/2011 8:26", "3/1/2011 9:00", "1/2/2011 9:00"];
        let guess = found(&rows);
        assert_eq!(guess.format, "%d/%m/%Y %H:%M");
        assert_eq!(guess.instead.as_deref(), Some("%m/%d/%Y %H:%M"));
        assert!(guess.evidence.contains("jump back in time 0 times instead of"), "{}", guess.evidence);
        let month_first = found(&["12/1/2010", "1/2/2011", "1/3/2011", "2/1/2011"]);
        assert_eq!(month_first.format, "%m/%d/%Y");
        assert!(found(&["1/2/2011"]).evidence.contains("nothing in the rows decides"));
    }

    #[test]
    fn numbers_and_words_are_no_times() {
        for cells in [&["17850", "536365"][..], &["2.55"], &["WHITE"], &["536365", "C536379"], &["99999999"]]
        {
            assert_eq!(guess(cells, CellShape::Text), None, "{cells:?}");
        }
        assert_eq!(guess(&[], CellShape::Text), None);
        assert_eq!(guess(&["x"], CellShape::Composite), None);
    }

    #[test]
    fn one_bad_cell_in_many_is_counted_and_many_are_too_many() {
        let mut cells = vec!["2011-12-09"; 200];
        cells[150] = "unknown";
        cells[199] = "2011-02-30";
        assert_eq!(found(&cells).n_bad, 2);
        cells[0..20].fill("never 1");
        assert_eq!(guess(&cells, CellShape::Text), None);
    }
}
