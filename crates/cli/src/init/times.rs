//! How times are written: every format a job file knows is tried on the cells, and what reads all of them stays.

use bespoke_io::{CellShape, Days, TimeConfig, Times};

use super::facts::Facts;

/// Patterns without an offset, from the plain to the odd; each with a day first has its twin with the month first.
const LOCAL: &[&str] = &[
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
    "%d.%m.%y %H:%M",
    "%d.%m.%y",
    "%Y.%m.%d %H:%M",
    "%Y.%m.%d",
    "%d-%m-%Y %H:%M:%S",
    "%m-%d-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%m-%d-%Y %H:%M",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d/%m/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%d/%m/%Y %I:%M %p",
    "%m/%d/%Y %I:%M %p",
    "%d/%m/%y %H:%M",
    "%m/%d/%y %H:%M",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %Y",
    "%b %d, %Y",
    "%B %d, %Y",
];
/// Digits only: believed where the name says that it is a time.
const DIGITS: [&str; 2] = ["%Y%m%d", "%Y%m%d%H%M%S"];
/// As the reader takes it with a zone: fractions of seconds, no seconds, some with an offset and some without.
const RFC_3339: [&str; 1] = ["rfc3339"];
/// With an offset.
const WITH_OFFSET: [&str; 6] = [
    "rfc3339",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S%.f %z UTC",
    "%d/%b/%Y:%H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S %z",
];
/// With the word for the zone.
const IN_UTC: [&str; 2] = ["%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S%.f UTC"];
/// Numbers since 1970. Plausible instants lie from 1990 to 2100.
const EPOCHS: [(&str, f64, &str); 3] =
    [("epoch_s", 1.0, "seconds"), ("epoch_ms", 1e3, "milliseconds"), ("epoch_us", 1e6, "microseconds")];
const EPOCH_YEARS: std::ops::Range<f64> = 631_152_000.0..4_102_444_800.0;

/// Share of cells that a format must read.
const SHARE: f64 = 0.99;
/// Cells that sort out formats before all cells are tried.
const FIRST: usize = 200;

/// How sure the order of day and month is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It cannot be another.
    Settled,
    /// The rows, or another column, speak for it.
    Likely,
    /// Nothing tells.
    Open,
}

/// How the times of a column are written.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeGuess {
    /// As in `time.format`.
    pub format: String,
    /// Times carry no offset, so `time.zone` must say where they are meant.
    pub needs_zone: bool,
    /// The cells name their zone in words.
    pub zone: Option<&'static str>,
    /// Of day and month.
    pub order: Order,
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
        zone: None,
        order: Order::Settled,
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
        zone: None,
        order: Order::Settled,
        n_bad,
        only_digits: true,
        evidence: format!("as {unit} since 1970 the numbers lie between 1990 and 2100, {}", cells.first()?),
        instead: None,
    })
}

fn pattern(cells: &[&str], example: &str) -> Option<TimeGuess> {
    let all = WITH_OFFSET.iter().map(|format| (*format, false));
    let all =
        all.chain(IN_UTC.iter().chain(LOCAL).chain(&DIGITS).chain(&RFC_3339).map(|format| (*format, true)));
    let reads = |(format, local): &(&str, bool)| {
        // RFC 3339 reads times without an offset too; their own patterns are tried for those.
        let enough = |cells: &[&str]| read_share(cells, format, *local) >= SHARE;
        enough(&cells[..cells.len().min(FIRST)]) && enough(cells)
    };
    let fitting: Vec<(&str, bool)> = all.filter(reads).collect();
    let &(format, needs_zone) = fitting.first()?;
    let seen = format!("all look like {}", super::words(example));
    let guess = TimeGuess {
        format: format.to_owned(),
        needs_zone,
        zone: IN_UTC.contains(&format).then_some("UTC"),
        order: Order::Settled,
        n_bad: cells.len() - count_read(cells, format),
        only_digits: DIGITS.contains(&format),
        evidence: seen,
        instead: None,
    };
    let rival =
        fitting.iter().map(|(format, _)| *format).find(|other| swapped(format).as_deref() == Some(*other));
    Some(match swapped(format) {
        Some(_) => ordered(guess, cells, rival),
        None => guess,
    })
}

/// Calendar days of a column that holds no times an event could have: births go back further.
pub fn guess_days(cells: &[&str]) -> Option<TimeGuess> {
    let example = cells.first()?;
    let reads = |format: &&&str| {
        let Some(days) = Days::new(format) else { return false };
        cells.iter().all(|cell| days.read(cell).is_some())
    };
    let is_day = |format: &&&str| !format.contains("%H") && !format.contains("%I");
    let fitting: Vec<&&str> = LOCAL.iter().filter(is_day).filter(reads).collect();
    let format = **fitting.first()?;
    let guess = TimeGuess {
        format: format.to_owned(),
        needs_zone: false,
        zone: None,
        order: Order::Settled,
        n_bad: 0,
        only_digits: false,
        evidence: format!("all look like {}", super::words(example)),
        instead: None,
    };
    let Some(twin) = swapped(format) else { return Some(guess) };
    let rival = fitting.iter().find(|other| ***other == twin).map(|other| **other);
    Some(ordered(guess, cells, rival))
}

/// Which of day and month comes first: by a number above 12, else by the order of the rows.
fn ordered(guess: TimeGuess, cells: &[&str], rival: Option<&str>) -> TimeGuess {
    let above = |place: usize| cells.iter().find(|cell| number(cell, place).is_some_and(|n| n > 12));
    let (first, second) = (above(0), above(1));
    let format = guess.format.clone();
    let twin = swapped(&format).unwrap_or_default();
    let seen = &guess.evidence;
    let (day_first, cell) = match (first, second) {
        (Some(cell), None) => (true, cell),
        (None, Some(cell)) => (false, cell),
        _ => {
            let (format, other, order, evidence) = by_order(cells, &format, rival.unwrap_or(&twin));
            let evidence = format!("{seen}; {evidence}");
            let (format, instead) = (format.to_owned(), Some(other.to_owned()));
            return TimeGuess { format, instead, order, evidence, ..guess };
        }
    };
    let side = if day_first { "first" } else { "second" };
    let evidence =
        format!("{seen}; the {side} number goes above 12 ({}), so it is the day", super::words(cell));
    let format = if format.starts_with("%d") == day_first { format } else { twin };
    let n_bad = cells.len() - count_read(cells, &format);
    TimeGuess { format, n_bad, evidence, ..guess }
}

/// The first or second number of a cell.
fn number(cell: &str, place: usize) -> Option<u32> {
    cell.trim().split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).nth(place)?.parse().ok()
}

/// Columns of one file are mostly written alike: where day and month are certain in one, they are in its siblings.
pub fn settle_by_siblings(all: &mut [Facts<'_>]) {
    let sure = |facts: &Facts<'_>| {
        let guess = facts.time.as_ref().or(facts.day.as_ref())?;
        let decided = guess.order == Order::Settled && swapped(&guess.format).is_some();
        decided.then(|| (facts.name().to_owned(), guess.format.clone()))
    };
    let decided: Vec<(String, String)> = all.iter().filter_map(sure).collect();
    let of = |format: &str| format.get(..4).map(str::to_owned);
    for facts in all {
        for guess in [&mut facts.time, &mut facts.day].into_iter().flatten() {
            let twin = guess.instead.clone().unwrap_or_default();
            let like = |wanted: &str| decided.iter().find(|(_, format)| of(format) == of(wanted));
            if guess.order == Order::Settled {
                continue;
            }
            let (here, there) = (like(&guess.format), like(&twin));
            if let (Some((name, _)), None) | (None, Some((name, _))) = (here, there) {
                guess.evidence = format!(
                    "{}; day and month as in \"{}\", where they are certain",
                    guess.evidence.split(';').next().unwrap_or_default(),
                    super::words(name)
                );
                guess.order = Order::Likely;
                if there.is_some() {
                    guess.instead = Some(std::mem::replace(&mut guess.format, twin));
                }
            }
        }
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
fn by_order<'f>(cells: &[&str], format: &'f str, rival: &'f str) -> (&'f str, &'f str, Order, String) {
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
        std::cmp::Ordering::Less => (format, rival, Order::Likely, order(mine, other)),
        std::cmp::Ordering::Greater => (rival, format, Order::Likely, order(other, mine)),
        std::cmp::Ordering::Equal => {
            (format, rival, Order::Open, format!("{words}; nothing in the rows decides it"))
        }
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
            ("05-Jan-24", "%d-%b-%y", true),
            ("05.01.24", "%d.%m.%y", true),
            ("05.01.24 10:00", "%d.%m.%y %H:%M", true),
            ("2024.01.05", "%Y.%m.%d", true),
            ("January 5, 2024", "%B %d, %Y", true),
            ("2024-01-05 10:00:00.123", "rfc3339", true),
            ("2024-01-05T10:00:00.123", "rfc3339", true),
            ("2024-01-05T10:00", "rfc3339", true),
            ("2024-01-05 10:00:00 UTC", "%Y-%m-%d %H:%M:%S UTC", true),
            ("2024-01-05 10:00:00.5 UTC", "%Y-%m-%d %H:%M:%S%.f UTC", true),
            ("2024-01-05 10:00:00 +0000 UTC", "%Y-%m-%d %H:%M:%S%.f %z UTC", false),
            ("Fri, 05 Jan 2024 10:00:00 +0100", "%a, %d %b %Y %H:%M:%S %z", false),
            ("13/1/2024 10:00 PM", "%d/%m/%Y %I:%M %p", true),
            ("1/13/2024 10:00:00 AM", "%m/%d/%Y %I:%M:%S %p", true),
            ("1/13/24 13:05", "%m/%d/%y %H:%M", true),
            ("13-01-2024 10:00:00", "%d-%m-%Y %H:%M:%S", true),
        ] {
            let guess = found(&[cell]);
            assert_eq!((guess.format.as_str(), guess.needs_zone), (format, needs_zone), "{cell}");
        }
        assert_eq!(found(&["2024-01-05T10:00:00Z", "2024-01-05T10:00:00"]).format, "rfc3339");
        assert_eq!(found(&["2024-01-05 10:00:00 UTC"]).zone, Some("UTC"));
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
    fn above_twelve_is_said_only_of_a_cell_that_is() {
        for cell in ["01/01/2024 10:00:00 AM", "05/01/24 13:05", "1/5/2024 10:00 PM", "05-01-2024 10:00:00"] {
            let guess = found(&[cell]);
            assert_eq!(guess.order, Order::Open, "{cell}");
            assert!(guess.instead.is_some() && !guess.evidence.contains("goes above 12 ("), "{guess:?}");
        }
        let mut cells = vec!["1/2/2011"; 300];
        cells[299] = "2/25/2011";
        assert_eq!(found(&cells).format, "%m/%d/%Y", "one cell is enough, though 99 % can be read both ways");
    }

    #[test]
    fn a_sibling_settles_day_and_month() {
        let column = |name: &str, cell: &str| bespoke_io::SampledColumn {
            name: name.to_owned(),
            shape: CellShape::Text,
            cells: vec![Some(cell.to_owned())],
        };
        let columns = [column("Order Date", "1/5/2024"), column("Ship Date", "1/28/2024")];
        let mut facts: Vec<Facts<'_>> = columns.iter().map(Facts::of).collect();
        settle_by_siblings(&mut facts);
        let guess = facts[0].time.as_ref().unwrap();
        assert_eq!((guess.format.as_str(), guess.instead.as_deref()), ("%m/%d/%Y", Some("%d/%m/%Y")));
        assert_eq!(guess.order, Order::Likely);
        assert!(guess.evidence.contains("as in \"Ship Date\""), "{}", guess.evidence);
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
