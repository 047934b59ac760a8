//! Columns about customers: what each is, and which to leave out.

use bespoke_io::CellShape;
use toml::{Table, Value};

use super::facts::Facts;
use super::proposal::{Proposal, line};
use super::roles::Confidence::{self, High, Low, Medium};
use crate::outputs::count;

const SECTION: &str = "customer_attributes";

/// Most levels of a category; more make no groups.
const MOST_LEVELS: usize = 60;

/// Fewer different values than this say nothing of who somebody is.
const FEW_LEVELS: usize = 4;

/// Pairs of words for yes and no.
const YES_NO: [(&str, &str); 9] = [
    ("yes", "no"),
    ("y", "n"),
    ("true", "false"),
    ("t", "f"),
    ("1", "0"),
    ("ja", "nein"),
    ("oui", "non"),
    ("si", "no"),
    ("sí", "no"),
];

/// Words in names of what is to be foretold rather than known.
const OUTCOME_WORDS: [&str; 15] = [
    "churn",
    "churned",
    "churner",
    "exited",
    "attrition",
    "target",
    "label",
    "outcome",
    "converted",
    "conversion",
    "response",
    "responded",
    "cancelled",
    "canceled",
    "gekündigt",
];

/// Names of such.
const OUTCOMES: [&str; 19] = [
    "churn",
    "churned",
    "churnlabel",
    "churnvalue",
    "exited",
    "attrition",
    "attritionflag",
    "target",
    "label",
    "subscribe",
    "subscribed",
    "response",
    "outcome",
    "converted",
    "conversion",
    "y",
    "class",
    "ischurn",
    "left",
];

/// What a mailing leaves behind: with all of these, the segment is the mail that was sent, known only afterwards.
pub const MAILING: [&str; 3] = ["visit", "conversion", "spend"];

/// Parts of names of columns that say who somebody is.
const PERSONAL: [&str; 31] = [
    "vorname",
    "mobil",
    "username",
    "customername",
    "clientname",
    "membername",
    "contactname",
    "kundenname",
    "kommentar",
    "comment",
    "bemerkung",
    "notiz",
    "notes",
    "remark",
    "strasse",
    "email",
    "phone",
    "mobile",
    "firstname",
    "lastname",
    "surname",
    "fullname",
    "street",
    "address",
    "iban",
    "passport",
    "ssn",
    "ipaddress",
    "creditcard",
    "telefon",
    "nachname",
];

/// Columns of events that say something about the customer, not the event.
const OF_CUSTOMERS: [&str; 22] = [
    "gender",
    "sex",
    "age",
    "agegroup",
    "country",
    "countrycode",
    "region",
    "state",
    "city",
    "language",
    "segment",
    "customersegment",
    "customertype",
    "loyaltytier",
    "membership",
    "membershiptype",
    "maritalstatus",
    "education",
    "occupation",
    "geschlecht",
    "land",
    "citycategory",
];

/// Names of areas: codes, whatever digits they have.
const AREAS: [&str; 7] = ["zip", "zipcode", "plz", "postleitzahl", "postcode", "postalcode", "areacode"];

/// Whether a column of an events file says something about the customer.
pub fn is_of_customers(facts: &Facts<'_>) -> bool {
    OF_CUSTOMERS.contains(&facts.key.as_str())
}

/// Whether a column says who somebody is: by its name, or because its cells are addresses. Flags such as "has a phone"
/// say nothing of who it is.
pub fn is_personal(facts: &Facts<'_>) -> bool {
    let named = PERSONAL.iter().any(|part| facts.key.contains(part));
    let mails = facts.levels().filter(|cell| cell.contains('@') && cell.contains('.')).count();
    (named && facts.n_distinct > FEW_LEVELS) || (mails > 0 && 2 * mails > facts.top.len())
}

/// The word that makes a column an outcome.
fn outcome(facts: &Facts<'_>) -> Option<String> {
    let exact = OUTCOMES.contains(&facts.key.as_str()).then(|| facts.key.clone());
    exact.or_else(|| {
        let words = super::kinds::name_words(facts.name());
        words.into_iter().find(|word| OUTCOME_WORDS.contains(&word.as_str()))
    })
}

/// Proposes a column as a demographic attribute, or says why not; `whole` when the sample is the whole file.
pub fn attribute(facts: &Facts<'_>, whole: bool, proposal: &mut Proposal) {
    if let Some(reason) = useless(facts, whole) {
        proposal.unused.push((facts.name().to_owned(), reason));
        return;
    }
    let Some((kind, mut value, mut confidence, mut evidence)) = typed(facts) else {
        let reason = format!("text with {} different values", count(facts.n_distinct as u64));
        proposal.unused.push((facts.name().to_owned(), reason));
        return;
    };
    value.insert("column".to_owned(), facts.name().into());
    value.insert("type".to_owned(), kind.into());
    let name = unique_name(facts.name(), proposal);
    if let Some(word) = outcome(facts) {
        let reason = format!(
            "\"{word}\" is an outcome: known only afterwards, it would give personas away; to use it: {SECTION}.{}",
            line(&name, &Value::Table(value))
        );
        proposal.unused.push((facts.name().to_owned(), reason));
        return;
    }
    if facts.n_distinct == 1 {
        confidence = Low;
        evidence = format!(
            "always {} in the first {} rows; the type is a guess from that",
            super::words(&facts.top[0].0),
            count(facts.n_rows as u64)
        );
    }
    proposal.choose(SECTION, &name, value, confidence, evidence);
}

fn useless(facts: &Facts<'_>, whole: bool) -> Option<String> {
    if facts.column.shape == CellShape::Composite {
        return Some("a list or object".to_owned());
    }
    if facts.n_present == 0 {
        return Some("empty in every row looked at".to_owned());
    }
    if facts.n_distinct == 1 && whole {
        return Some("the same in every row".to_owned());
    }
    let is_name = facts.key == "name" && facts.n_distinct > FEW_LEVELS;
    if is_personal(facts) || is_name {
        return Some("says who somebody is, which no persona needs".to_owned());
    }
    let dressed = facts.numbers.as_ref().and_then(|numbers| numbers.dressed.as_ref());
    dressed.map(|cell| {
        format!("numbers with thousands or currency signs ({}) cannot be read", super::words(cell))
    })
}

/// Type, further keys, confidence and evidence.
fn typed(facts: &Facts<'_>) -> Option<(&'static str, Table, Confidence, String)> {
    if let Some((yes, no)) = yes_no(facts) {
        let mut more = Table::new();
        more.insert("yes".to_owned(), Value::Array(yes.iter().map(|word| word.as_str().into()).collect()));
        more.insert("no".to_owned(), Value::Array(no.iter().map(|word| word.as_str().into()).collect()));
        let shares: Vec<String> =
            facts.top.iter().map(|(word, n)| format!("{word}: {}", count(*n as u64))).collect();
        return Some(("yes_no", more, High, shares.join(", ")));
    }
    if let Some(time) = facts.day.as_ref().filter(|day| !day.only_digits && day.n_bad == 0) {
        let format = Table::from_iter([("format".to_owned(), time.format.as_str().into())]);
        let confidence = if time.instead.is_some() { Low } else { High };
        return Some(("date", format, confidence, time.evidence.clone()));
    }
    let is_area = AREAS.contains(&facts.key.as_str());
    let is_code = |numbers: &&super::facts::Numbers| is_area || numbers.leading_zero;
    if facts.numbers.as_ref().filter(is_code).is_some() && facts.is_free_text() {
        return None;
    }
    let plain = |numbers: &&super::facts::Numbers| numbers.n_bad == 0 && !is_code(numbers);
    if let Some(numbers) = facts.numbers.as_ref().filter(plain) {
        if facts.is_unique() && numbers.whole && numbers.min >= 0.0 && facts.n_rows > 100 {
            return None;
        }
        let missing = if facts.n_missing() > 0 {
            format!(", {} empty", count(facts.n_missing() as u64))
        } else {
            String::new()
        };
        let code = code_for_nothing(facts).unwrap_or_default();
        let confidence = if code.is_empty() { High } else { Medium };
        return Some((
            "number",
            Table::new(),
            confidence,
            format!("{} to {}{missing}{code}", numbers.min, numbers.max),
        ));
    }
    if facts.n_distinct <= MOST_LEVELS && !facts.is_free_text() {
        let levels: Vec<String> = facts.levels().take(4).map(super::words).collect();
        let more = if facts.n_distinct > 4 { " …" } else { "" };
        let evidence = format!("{} levels: {}{more}", facts.n_distinct, levels.join(", "));
        return Some(("category", Table::new(), High, evidence));
    }
    None
}

/// The words for yes and for no as they are written, when there are no others.
fn yes_no(facts: &Facts<'_>) -> Option<(Vec<String>, Vec<String>)> {
    if facts.n_distinct > 4 || facts.n_distinct < 2 {
        return None;
    }
    let lower: Vec<String> = facts.levels().map(|word| word.trim().to_lowercase()).collect();
    let (yes, no) = YES_NO.iter().find(|(yes, no)| {
        lower.iter().all(|word| word == yes || word == no)
            && lower.iter().any(|word| word == yes)
            && lower.iter().any(|word| word == no)
    })?;
    let written = |wanted: &str| {
        let mut words: Vec<String> =
            facts.levels().filter(|word| word.trim().to_lowercase() == wanted).map(str::to_owned).collect();
        words.sort();
        words
    };
    Some((written(yes), written(no)))
}

/// A lone negative number in many rows, where everything else is not negative.
fn code_for_nothing(facts: &Facts<'_>) -> Option<String> {
    let numbers = facts.numbers.as_ref()?;
    let (text, n) = facts.top.first()?;
    let lone = numbers.n_negative == *n && text.trim().parse::<f64>().is_ok_and(|value| value < 0.0);
    (lone && n * 5 > facts.n_present).then(|| {
        format!(
            "; {text} in {} rows looks like a code for \"none\", and counts as a number",
            count(*n as u64)
        )
    })
}

/// The column's name in snake_case, with a number when another column has it.
fn unique_name(column: &str, proposal: &Proposal) -> String {
    let name = snake_case(column);
    let taken =
        |name: &str| proposal.choices.iter().any(|choice| choice.section == SECTION && choice.key == name);
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(name)
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for c in name.trim().chars() {
        let starts_word = c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit());
        if (starts_word || !c.is_alphanumeric()) && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        }
        before = c;
    }
    let out = out.trim_end_matches('_').to_owned();
    if out.is_empty() { "column".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use bespoke_io::{SampledColumn, TableName};

    use super::*;

    fn proposed(name: &str, cells: &[&str]) -> Proposal {
        let cells = cells.iter().map(|cell| (!cell.is_empty()).then(|| (*cell).to_owned())).collect();
        let column = SampledColumn { name: name.to_owned(), shape: CellShape::Text, cells };
        let mut proposal = Proposal::new(TableName::Customers);
        attribute(&Facts::of(&column), true, &mut proposal);
        proposal
    }

    fn kind(name: &str, cells: &[&str]) -> Option<String> {
        let proposal = proposed(name, cells);
        proposal.choices.first().map(|choice| choice.value["type"].as_str().unwrap().to_owned())
    }

    #[test]
    fn each_type_by_hand() {
        assert_eq!(kind("Partner", &["Yes", "No", "yes"]).as_deref(), Some("yes_no"));
        assert_eq!(kind("SeniorCitizen", &["0", "1", "0"]).as_deref(), Some("yes_no"));
        assert_eq!(kind("Contract", &["One year", "Two year", "One year"]).as_deref(), Some("category"));
        assert_eq!(kind("MonthlyCharges", &["18.25", "70.5", ""]).as_deref(), Some("number"));
        assert_eq!(kind("joined", &["2020-01-05", "2021-02-03"]).as_deref(), Some("date"));
        assert_eq!(kind("MultipleLines", &["Yes", "No", "No phone service"]).as_deref(), Some("category"));
    }

    #[test]
    fn words_for_yes_and_no_are_kept_as_written() {
        let proposal = proposed("Partner", &["Yes", "no", "YES"]);
        let value = &proposal.choices[0].value;
        assert_eq!(value["yes"], Value::Array(vec!["YES".into(), "Yes".into()]));
        assert_eq!(value["no"], Value::Array(vec!["no".into()]));
    }

    #[test]
    fn outcomes_names_and_constants_are_left_out_with_a_reason() {
        for (name, cells, reason) in [
            ("Churn", &["Yes", "No"][..], "is an outcome"),
            ("E-Mail", &["a@b", "c@d", "e@f", "g@h", "i@j"], "says who somebody is"),
            ("source", &["web", "web"], "the same in every row"),
            ("fax", &["", ""], "empty in every row"),
            ("income", &["1,234.50", "2,000.00"], "1,234.50"),
        ] {
            let proposal = proposed(name, cells);
            assert!(proposal.choices.is_empty() && proposal.unused[0].1.contains(reason), "{proposal:?}");
        }
    }

    #[test]
    fn outcomes_and_people_are_known_by_words() {
        for name in [
            "churn_flag",
            "Has Churned",
            "ChurnScore",
            "Customer Name",
            "user_name",
            "Vorname",
            "Mobilnummer",
        ] {
            let cells = ["a", "b", "c", "d", "e", "f"];
            assert_eq!(kind(name, &cells), None, "{name}");
        }
        let texts: Vec<String> = (0..50).map(|n| format!("text {n}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(kind("motto", &texts), None, "text that nobody shares makes no groups");
        assert_eq!(kind("plz", &["01007", "10115", "01007"]).as_deref(), Some("category"));
        assert_eq!(kind("zip", &["21007", "10115", "21007"]).as_deref(), Some("category"));
        assert_eq!(kind("geburtsdatum", &["12.05.1956", "01.11.1988"]).as_deref(), Some("date"));
        assert_eq!(kind("ip", &["10.0.0.1", "192.168.0.1"]).as_deref(), Some("category"));
    }

    #[test]
    fn a_flag_about_a_phone_is_no_phone_number() {
        assert_eq!(kind("PhoneService", &["Yes", "No"]).as_deref(), Some("yes_no"));
    }

    #[test]
    fn what_is_constant_so_far_may_change_later_in_the_file() {
        let cells = vec![Some("-1".to_owned()); 3];
        let column = SampledColumn { name: "pdays".to_owned(), shape: CellShape::Text, cells };
        let mut proposal = Proposal::new(TableName::Customers);
        attribute(&Facts::of(&column), false, &mut proposal);
        assert_eq!(
            (proposal.choices[0].confidence, proposal.choices[0].value["type"].as_str()),
            (Low, Some("number"))
        );
    }

    #[test]
    fn a_code_for_nothing_is_said() {
        let proposal = proposed("pdays", &["-1", "-1", "120", "30"]);
        assert!(proposal.choices[0].evidence.contains("-1 in 2 rows looks like a code"), "{proposal:?}");
        let balance = proposed("balance", &["-1", "-20", "120", "30"]);
        assert!(!balance.choices[0].evidence.contains("code"));
    }

    #[test]
    fn names_become_snake_case_and_stay_apart() {
        assert_eq!(snake_case("SeniorCitizen"), "senior_citizen");
        assert_eq!(snake_case(" Größe (cm) "), "größe_cm");
        assert_eq!(snake_case("customerID"), "customer_id");
        assert_eq!(snake_case("顧客"), "顧客");
        assert_eq!(snake_case("%"), "column");
        let cells = ["a", "b", "a"].map(|cell| Some(cell.to_owned())).to_vec();
        let columns = ["Plan", "plan"].map(|name| SampledColumn {
            name: name.into(),
            shape: CellShape::Text,
            cells: cells.clone(),
        });
        let mut proposal = Proposal::new(TableName::Customers);
        columns.iter().for_each(|column| attribute(&Facts::of(column), true, &mut proposal));
        assert_eq!(proposal.choices[1].key, "plan_2");
    }
}
