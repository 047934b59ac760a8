//! Currency and time zone of a shop, as far as its files give them away.

use super::facts::Facts;
use super::proposal::Hint;
use super::roles::{Cast, Confidence, Role, is_currency};
use crate::outputs::count;

/// Names of a country, its currency and its zone (the largest city's where there are several).
const COUNTRIES: [(&[&str], &str, &str); 24] = [
    (&["united kingdom", "uk", "gb", "great britain"], "GBP", "Europe/London"),
    (&["germany", "deutschland", "de"], "EUR", "Europe/Berlin"),
    (&["france", "fr"], "EUR", "Europe/Paris"),
    (&["netherlands", "nl"], "EUR", "Europe/Amsterdam"),
    (&["belgium", "be"], "EUR", "Europe/Brussels"),
    (&["spain", "es", "españa"], "EUR", "Europe/Madrid"),
    (&["italy", "it", "italia"], "EUR", "Europe/Rome"),
    (&["portugal", "pt"], "EUR", "Europe/Lisbon"),
    (&["austria", "at", "österreich"], "EUR", "Europe/Vienna"),
    (&["ireland", "ie", "eire"], "EUR", "Europe/Dublin"),
    (&["switzerland", "ch", "schweiz"], "CHF", "Europe/Zurich"),
    (&["sweden", "se"], "SEK", "Europe/Stockholm"),
    (&["norway", "no"], "NOK", "Europe/Oslo"),
    (&["denmark", "dk"], "DKK", "Europe/Copenhagen"),
    (&["poland", "pl"], "PLN", "Europe/Warsaw"),
    (&["united states", "united states of america", "usa", "us"], "USD", "America/New_York"),
    (&["canada", "ca"], "CAD", "America/Toronto"),
    (&["brazil", "br", "brasil"], "BRL", "America/Sao_Paulo"),
    (&["mexico", "mx"], "MXN", "America/Mexico_City"),
    (&["japan", "jp"], "JPY", "Asia/Tokyo"),
    (&["india", "in"], "INR", "Asia/Kolkata"),
    (&["singapore", "sg"], "SGD", "Asia/Singapore"),
    (&["australia", "au"], "AUD", "Australia/Sydney"),
    (&["new zealand", "nz"], "NZD", "Pacific/Auckland"),
];

/// Words in headers and signs in cells that name a currency.
const WORDS: [(&str, &str); 7] = [
    ("dollar", "USD"),
    ("usd", "USD"),
    ("euro", "EUR"),
    ("eur", "EUR"),
    ("gbp", "GBP"),
    ("sterling", "GBP"),
    ("pound", "GBP"),
];
const SIGNS: [(&str, &str); 4] = [("$", "USD"), ("€", "EUR"), ("£", "GBP"), ("¥", "JPY")];

/// The currency of the amounts, if anything tells it.
pub fn currency(all: &[Facts<'_>], cast: &[Cast]) -> Option<Hint> {
    by_column(all, cast).or_else(|| by_words(all)).or_else(|| {
        let (country, n, n_rows) = main_country(all, cast)?;
        Some(Hint {
            value: country.1.to_owned(),
            confidence: Confidence::Medium,
            evidence: from_there(country.0, n, n_rows),
        })
    })
}

/// The zone of the shop, if anything tells it.
pub fn zone(all: &[Facts<'_>], cast: &[Cast]) -> Option<Hint> {
    let (country, n, n_rows) = main_country(all, cast)?;
    let one_zone = country.2.starts_with("Europe/") || country.2.starts_with("Asia/");
    let confidence = if one_zone { Confidence::Medium } else { Confidence::Low };
    Some(Hint { value: country.2.to_owned(), confidence, evidence: from_there(country.0, n, n_rows) })
}

fn by_column(all: &[Facts<'_>], cast: &[Cast]) -> Option<Hint> {
    let cast = cast.iter().find(|cast| cast.role == Role::Currency)?;
    let (code, n) = all[cast.place].top.first()?;
    let evidence =
        format!("{} rows of \"{}\" say so", count(*n as u64), super::words(all[cast.place].name()));
    let code = code.trim().to_uppercase();
    is_currency(&code).then_some(Hint { value: code, confidence: Confidence::High, evidence })
}

fn by_words(all: &[Facts<'_>]) -> Option<Hint> {
    let found = all.iter().filter(|facts| facts.numbers.is_some()).find_map(|facts| {
        let word = WORDS.iter().find(|(word, _)| facts.key.contains(word)).map(|(_, code)| *code);
        let sign = || {
            SIGNS.iter().find(|(sign, _)| {
                facts.name().contains(sign) || facts.levels().next().is_some_and(|cell| cell.contains(sign))
            })
        };
        Some((facts, word.or_else(|| sign().map(|(_, code)| *code))?))
    });
    let (facts, code) = found?;
    let evidence = format!("the column \"{}\" names it", super::words(facts.name()));
    Some(Hint { value: code.to_owned(), confidence: Confidence::Medium, evidence })
}

/// (its name in the file, its currency, its zone).
type Country<'f> = (&'f str, &'static str, &'static str);

/// The country of at least half of the rows.
fn main_country<'f>(all: &'f [Facts<'_>], cast: &[Cast]) -> Option<(Country<'f>, usize, usize)> {
    let cast = cast.iter().find(|cast| cast.role == Role::Country)?;
    let facts = &all[cast.place];
    let (name, n) = facts.top.first().filter(|(_, n)| 2 * n >= facts.n_rows)?;
    let known = COUNTRIES.iter().find(|(names, ..)| names.contains(&name.trim().to_lowercase().as_str()))?;
    Some(((name.as_str(), known.1, known.2), *n, facts.n_rows))
}

fn from_there(country: &str, n: usize, n_rows: usize) -> String {
    let share = 100.0 * n as f64 / n_rows as f64;
    format!("{share:.0} % of the rows are from {}", super::words(country))
}

#[cfg(test)]
mod tests {
    use bespoke_io::{CellShape, SampledColumn};

    use super::super::roles::cast;
    use super::*;

    fn hints(name: &str, cells: &[&str]) -> (Option<Hint>, Option<Hint>) {
        let cells = cells.iter().map(|cell| Some((*cell).to_owned())).collect();
        let columns = [SampledColumn { name: name.to_owned(), shape: CellShape::Text, cells }];
        let facts: Vec<Facts<'_>> = columns.iter().map(Facts::of).collect();
        let roles = cast(&facts, None, &[]);
        (currency(&facts, &roles), zone(&facts, &roles))
    }

    #[test]
    fn a_column_a_word_a_sign_or_the_country_tells() {
        let told = |name, cells: &[&str]| hints(name, cells).0.map(|hint| (hint.value, hint.confidence));
        assert_eq!(told("currency", &["SEK", "SEK", "EUR"]), Some(("SEK".into(), Confidence::High)));
        assert_eq!(told("dollar_value", &["1.5", "2"]), Some(("USD".into(), Confidence::Medium)));
        assert_eq!(told("Preis (€)", &["1,5", "2"]), Some(("EUR".into(), Confidence::Medium)));
        assert_eq!(
            told("Country", &["United Kingdom", "France", "United Kingdom"]),
            Some(("GBP".into(), Confidence::Medium))
        );
        assert_eq!(told("price", &["1.5", "2"]), None);
        assert_eq!(hints("Country", &["DE", "DE"]).1.unwrap().value, "Europe/Berlin");
        assert_eq!(hints("Country", &["FR", "DE", "IT"]).1, None);
    }
}
