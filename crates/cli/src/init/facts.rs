//! What the cells of a column are, whatever its name says.

use std::collections::BTreeMap;

use bespoke_io::{CellShape, SampledColumn};

use super::times::{self, TimeGuess};

/// Frequent texts that are kept.
const N_TOP: usize = 40;
/// Texts that mean "no value" in columns of numbers or times.
const NULLS: [&str; 9] = ["NA", "N/A", "n/a", "null", "NULL", "None", "NaN", "nan", "#N/A"];
/// Texts that mean "no value" anywhere.
const NULLS_ANYWHERE: [&str; 4] = ["\\N", "NULL", "null", "NaN"];
/// Share of cells that must be numbers for a column of numbers.
const SHARE: f64 = 0.99;

/// A column and what is known of its cells.
#[derive(Clone, Debug)]
pub struct Facts<'s> {
    pub column: &'s SampledColumn,
    /// The name in lower-case letters and digits only, for comparison with known names.
    pub key: String,
    pub n_rows: usize,
    /// Cells with a value.
    pub n_present: usize,
    pub n_distinct: usize,
    /// The most frequent texts with their counts, ties by text.
    pub top: Vec<(String, usize)>,
    /// Texts that were taken as no value.
    pub nulls: Vec<String>,
    pub numbers: Option<Numbers>,
    /// Most cells are numbers, too few for a column of them: how many are none, and one of those.
    pub nearly_numbers: Option<(usize, String)>,
    pub time: Option<TimeGuess>,
    /// Calendar days, also those long ago: births.
    pub day: Option<TimeGuess>,
}

/// A column of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// The sign before decimals, when any cell has them.
    pub decimal: Option<char>,
    /// A cell with thousands signs or a currency sign, which the reader refuses.
    pub dressed: Option<String>,
    pub n_dressed: usize,
    /// Cells with something behind the decimal sign that is not zero, and one of them.
    pub n_fractions: usize,
    pub fraction: Option<String>,
    /// Some begin with a zero before other digits, which an amount never does.
    pub leading_zero: bool,
    /// Cells that are no numbers.
    pub n_bad: usize,
    /// A cell that is none.
    pub bad: Option<String>,
    pub whole: bool,
    /// Every cell is written like `17850.0`.
    pub point_zero: bool,
    pub n_negative: usize,
    pub n_zero: usize,
    pub min: f64,
    pub max: f64,
}

impl<'s> Facts<'s> {
    /// Looks at every cell of the sample.
    pub fn of(column: &'s SampledColumn) -> Self {
        let texts: Vec<&str> = column.cells.iter().flatten().map(String::as_str).collect();
        let is_null = |text: &str, nulls: &[&str]| text.trim().is_empty() || nulls.contains(&text.trim());
        let without = |nulls: &[&str]| -> Vec<&str> {
            texts.iter().copied().filter(|text| !is_null(text, nulls)).collect()
        };
        let figures = without(&NULLS);
        let (numbers, nearly_numbers) = numbers(&figures);
        let time = if figures.is_empty() { None } else { times::guess(&figures, column.shape) };
        let day = time.clone().filter(TimeGuess::is_day).or_else(|| times::guess_days(&figures));
        let typed = numbers.is_some() || time.is_some() || day.is_some();
        let present = if typed { figures } else { without(&NULLS_ANYWHERE) };
        let mut nulls: Vec<String> = texts
            .iter()
            .filter(|text| is_null(text, if typed { &NULLS } else { &NULLS_ANYWHERE }))
            .map(|&text| text.to_owned())
            .collect();
        nulls.sort();
        nulls.dedup();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        present.iter().for_each(|text| *counts.entry(text).or_default() += 1);
        let (n_present, n_distinct) = (present.len(), counts.len());
        let mut top: Vec<(String, usize)> =
            counts.into_iter().map(|(text, n)| (text.to_owned(), n)).collect();
        top.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        top.truncate(N_TOP);
        let n_rows = column.cells.len();
        let key = key(&column.name);
        Self { column, key, n_rows, n_present, n_distinct, top, nulls, numbers, nearly_numbers, time, day }
    }

    pub fn name(&self) -> &str {
        &self.column.name
    }

    /// Cells without a value.
    pub fn n_missing(&self) -> usize {
        self.n_rows - self.n_present
    }

    /// Every present cell differs, and there are enough to say so.
    pub fn is_unique(&self) -> bool {
        self.n_present > 1 && self.n_distinct == self.n_present
    }

    /// Numbers whose digits mean an amount, not a name.
    pub fn is_amount(&self) -> bool {
        self.numbers.as_ref().is_some_and(|n| !n.whole || n.n_negative > 0 || n.decimal.is_some())
            && !self.is_point_zero()
    }

    /// Ids that were numbers once: `17850.0`.
    pub fn is_point_zero(&self) -> bool {
        self.numbers.as_ref().is_some_and(|numbers| numbers.point_zero)
    }

    /// May hold ids.
    pub fn may_be_id(&self) -> bool {
        self.column.shape != CellShape::Composite
            && self.n_present > 0
            && !self.is_amount()
            && self.time.as_ref().or(self.day.as_ref()).is_none_or(|time| time.only_digits)
    }

    /// Texts of which hardly any comes twice: names, comments, addresses.
    pub fn is_free_text(&self) -> bool {
        self.n_present >= 20 && 2 * self.n_distinct > self.n_present
    }

    /// Cells that hold a value, with their rows.
    pub fn cells(&self) -> impl Iterator<Item = (usize, &str)> {
        let cells = self.column.cells.iter().enumerate();
        cells.filter_map(|(row, cell)| Some((row, cell.as_deref()?)))
    }

    /// Cells that hold text, the most frequent first.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.top.iter().map(|(text, _)| text.as_str())
    }
}

/// A name as it is compared: lower-case letters and digits only.
pub fn key(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The numbers of a column, or how far it is from being one of numbers.
fn numbers(cells: &[&str]) -> (Option<Numbers>, Option<(usize, String)>) {
    let read: Vec<(&str, Option<Figure>)> = cells.iter().map(|cell| (*cell, figure(cell))).collect();
    let good: Vec<&Figure> = read.iter().filter_map(|(_, figure)| figure.as_ref()).collect();
    let n_bad = cells.len() - good.len();
    let bad = read.iter().find(|(_, figure)| figure.is_none()).map(|(cell, _)| (*cell).to_owned());
    if good.is_empty() {
        return (None, None);
    }
    if (good.len() as f64) < SHARE * cells.len() as f64 {
        return (None, bad.filter(|_| 2 * good.len() > cells.len()).map(|bad| (n_bad, bad)));
    }
    let decimal = decimal(&good);
    let sign = decimal.unwrap_or('.');
    let values: Vec<f64> = good.iter().map(|figure| figure.value(sign)).collect();
    let written = |test: &dyn Fn(&Figure) -> bool| {
        let mut all = read.iter().filter(|(_, figure)| figure.as_ref().is_some_and(test));
        let first = all.next().map(|(cell, _)| (*cell).to_owned());
        (usize::from(first.is_some()) + all.count(), first)
    };
    let (n_dressed, dressed) = written(&|figure| figure.is_dressed(decimal));
    let (n_fractions, fraction) = written(&|figure| figure.value(sign).fract() != 0.0);
    let dot_zero =
        |figure: &&Figure| figure.fraction_of('.').is_some_and(|digits| digits.bytes().all(|b| b == b'0'));
    let numbers = Numbers {
        decimal,
        dressed,
        n_dressed,
        n_fractions,
        fraction,
        leading_zero: good.iter().any(|figure| figure.has_leading_zero()),
        n_bad,
        bad,
        whole: values.iter().all(|value| value.fract() == 0.0),
        point_zero: n_bad == 0 && good.iter().all(dot_zero),
        n_negative: values.iter().filter(|&&value| value < 0.0).count(),
        n_zero: values.iter().filter(|&&value| value == 0.0).count(),
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    };
    (Some(numbers), None)
}

/// A number as written.
struct Figure {
    /// Digits and signs, without minus and currency sign.
    digits: String,
    negative: bool,
    currency_sign: bool,
}

const CURRENCY_SIGNS: [char; 4] = ['$', '€', '£', '¥'];

fn figure(cell: &str) -> Option<Figure> {
    let bare = cell.trim().trim_matches(CURRENCY_SIGNS).trim();
    let (negative, digits) = match bare.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, bare.strip_prefix('+').unwrap_or(bare)),
    };
    let digits = digits.trim_matches(CURRENCY_SIGNS).trim();
    is_number(digits).then(|| Figure {
        digits: digits.to_owned(),
        negative,
        currency_sign: cell.contains(CURRENCY_SIGNS),
    })
}

/// Digits with at most one sign among them, or groups of three with a decimal sign behind them. Dates, addresses and
/// versions (`05.01.2024`, `10.0.0.1`) are neither.
fn is_number(text: &str) -> bool {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let signs: Vec<char> = text.chars().filter(|c| !c.is_ascii_digit()).collect();
    match signs[..] {
        [] => !text.is_empty(),
        ['.' | ','] => text.len() > 1,
        [first @ ('.' | ','), .., last] => {
            let (whole, fraction) = match text.rsplit_once(last) {
                Some((whole, fraction)) if last != first => (whole, fraction),
                _ => (text, ""),
            };
            let groups: Vec<&str> = whole.split(first).collect();
            is_digits(fraction)
                && groups.iter().all(|group| is_digits(group))
                && (1..=3).contains(&groups[0].len())
                && groups[1..].iter().all(|group| group.len() == 3)
        }
        _ => false,
    }
}

impl Figure {
    fn has_leading_zero(&self) -> bool {
        let mut bytes = self.digits.bytes();
        bytes.next() == Some(b'0') && bytes.next().is_some_and(|byte| byte.is_ascii_digit())
    }

    /// What stands behind the only such sign.
    fn fraction_of(&self, sign: char) -> Option<&str> {
        let (_, fraction) = self.digits.split_once(sign)?;
        (!fraction.contains(['.', ','])).then_some(fraction)
    }

    /// Groups of three behind the first: `1,234` or `1,234,567`.
    fn is_grouped_by(&self, sign: char) -> bool {
        let whole = self.digits.split(if sign == ',' { '.' } else { ',' }).next().unwrap_or_default();
        let mut groups = whole.split(sign);
        let first = groups.next().unwrap_or_default();
        let rest: Vec<&str> = groups.collect();
        !rest.is_empty()
            && (1..=3).contains(&first.len())
            && first != "0"
            && rest.iter().all(|group| group.len() == 3)
    }

    fn is_dressed(&self, decimal: Option<char>) -> bool {
        let grouping = if decimal == Some(',') { '.' } else { ',' };
        self.currency_sign || self.digits.contains(grouping)
    }

    fn value(&self, decimal: char) -> f64 {
        let grouping = if decimal == ',' { '.' } else { ',' };
        let plain = self.digits.replace(grouping, "").replace(decimal, ".");
        let size: f64 = plain.parse().unwrap_or(f64::NAN);
        if self.negative { -size } else { size }
    }
}

/// The decimal sign. Where a cell has both signs the later one is it; a comma that always has three digits behind it
/// groups thousands.
fn decimal(figures: &[&Figure]) -> Option<char> {
    let has = |figure: &Figure, sign: char| figure.digits.contains(sign);
    if let Some(both) = figures.iter().find(|figure| has(figure, '.') && has(figure, ',')) {
        return if both.digits.rfind('.') > both.digits.rfind(',') { Some('.') } else { Some(',') };
    }
    let commas: Vec<&&Figure> = figures.iter().filter(|figure| has(figure, ',')).collect();
    let points = figures.iter().any(|figure| has(figure, '.'));
    match (commas.is_empty(), points) {
        (true, false) => None,
        (true, true) => Some('.'),
        (false, true) => Some('.'),
        (false, false) if commas.iter().all(|figure| figure.is_grouped_by(',')) => None,
        (false, false) => Some(','),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(cells: &[&str]) -> SampledColumn {
        let cells = cells.iter().map(|cell| (!cell.is_empty()).then(|| (*cell).to_owned())).collect();
        SampledColumn { name: " Unit-Price (£) ".to_owned(), shape: CellShape::Text, cells }
    }

    fn numbers_of(cells: &[&str]) -> Numbers {
        Facts::of(&column(cells)).numbers.clone().unwrap_or_else(|| panic!("{cells:?}"))
    }

    #[test]
    fn a_key_is_letters_and_digits() {
        assert_eq!(key(" Unit-Price (£) "), "unitprice");
        assert_eq!(key("Größe_CM2"), "größecm2");
        assert_eq!(key("顧客 ID"), "顧客id");
    }

    #[test]
    fn decimal_signs_and_thousands() {
        assert_eq!(numbers_of(&["1.5", "2"]).decimal, Some('.'));
        assert_eq!(numbers_of(&["1,5", "2"]).decimal, Some(','));
        assert_eq!(numbers_of(&["1", "2"]).decimal, None);
        let english = numbers_of(&["1,234.50", "2"]);
        assert_eq!(
            (english.decimal, english.dressed.as_deref(), english.max),
            (Some('.'), Some("1,234.50"), 1234.5)
        );
        let german = numbers_of(&["1.234,50", "2,5"]);
        assert_eq!(
            (german.decimal, german.dressed.as_deref(), german.min),
            (Some(','), Some("1.234,50"), 2.5)
        );
        let grouped = numbers_of(&["1,234", "12,345,678"]);
        assert_eq!((grouped.decimal, grouped.max, grouped.whole), (None, 12_345_678.0, true));
        assert_eq!(numbers_of(&["0,125", "0,250"]).decimal, Some(','));
        assert_eq!(numbers_of(&["$12.50", "-3"]).dressed.as_deref(), Some("$12.50"));
    }

    #[test]
    fn ids_that_were_numbers_are_no_amounts() {
        let ids = column(&["17850.0", "13047.0", ""]);
        let facts = Facts::of(&ids);
        assert!(facts.is_point_zero() && facts.may_be_id() && !facts.is_amount());
        assert_eq!((facts.n_missing(), facts.is_unique()), (1, true));
        let prices = column(&["17850.5", "13047.0"]);
        assert!(!Facts::of(&prices).may_be_id());
    }

    #[test]
    fn blanks_and_null_words_are_no_values() {
        let mut cells = vec!["1.5"; 300];
        cells[7] = " ";
        cells[8] = "NA";
        let facts_of = column(&cells);
        let facts = Facts::of(&facts_of);
        assert_eq!(facts.nulls, [" ", "NA"]);
        assert_eq!((facts.n_present, facts.numbers.as_ref().unwrap().n_bad), (298, 0));
        let words = column(&["None", "primary", "NULL"]);
        assert_eq!(Facts::of(&words).nulls, ["NULL"], "a level may be called None");
    }

    #[test]
    fn an_empty_column_is_nothing() {
        let empty = column(&["", "", ""]);
        let facts = Facts::of(&empty);
        assert!(facts.numbers.is_none() && facts.time.is_none() && !facts.may_be_id() && !facts.is_unique());
    }

    #[test]
    fn dates_addresses_and_versions_are_no_numbers() {
        for cells in [&["05.01.2024", "17.01.2024"][..], &["10.0.0.1", "192.168.0.12"], &["1.2.3", "1.10.0"]]
        {
            assert_eq!(Facts::of(&column(cells)).numbers, None, "{cells:?}");
        }
        assert_eq!(numbers_of(&["1.234.567,5", "2"]).max, 1_234_567.5);
        let births = column(&["12.05.1956", "01.11.1988"]);
        let facts = Facts::of(&births);
        assert_eq!(facts.time, None, "no event happened in 1956");
        assert_eq!(facts.day.as_ref().unwrap().format, "%d.%m.%Y");
        assert!(!facts.may_be_id());
    }

    #[test]
    fn words_among_numbers_are_counted() {
        let mut cells = vec!["1.5"; 30];
        cells[3] = "on request";
        let prices = column(&cells);
        let facts = Facts::of(&prices);
        assert_eq!((&facts.numbers, &facts.nearly_numbers), (&None, &Some((1, "on request".to_owned()))));
        assert!(numbers_of(&["01007", "10115"]).leading_zero && !numbers_of(&["0.5", "0"]).leading_zero);
        assert_eq!(numbers_of(&["1.5", "2.0", "3"]).n_fractions, 1);
    }

    #[test]
    fn ids_that_look_like_dates_stay_possible_ids() {
        let ids = column(&["20111209", "20111210"]);
        let facts = Facts::of(&ids);
        assert!(facts.may_be_id() && facts.time.as_ref().unwrap().only_digits);
        let days = column(&["2011-12-09", "2011-12-10"]);
        assert!(!Facts::of(&days).may_be_id());
    }
}
