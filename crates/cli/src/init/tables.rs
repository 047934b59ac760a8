//! Which table a file is: events, customers or items.

use anyhow::{Result, bail};
use bespoke_io::TableName;

use super::facts::Facts;
use super::people;
use super::roles::{Cast, Confidence, Role};
use crate::outputs::count;

/// A table and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognised {
    pub table: TableName,
    pub confidence: Confidence,
    pub evidence: String,
    /// Of items: the column of their ids, when no name told it.
    pub id: Option<usize>,
}

impl Recognised {
    fn new(table: TableName, confidence: Confidence, evidence: impl Into<String>) -> Self {
        Self { table, confidence, evidence: evidence.into(), id: None }
    }
}

/// Share of rows of a table of customers that may repeat one.
const FEW_REPEATS: f64 = 0.05;

/// Decides by roles and by how often ids repeat.
///
/// # Errors
/// When rows look like events and no column holds times that can be read.
pub fn recognise(file: &str, all: &[Facts<'_>], cast: &[Cast], export: Option<&str>) -> Result<Recognised> {
    let found = |table, confidence, evidence: String| Ok(Recognised::new(table, confidence, evidence));
    let place = |role| cast.iter().find(|cast| cast.role == role).map(|cast| cast.place);
    let of = |role| place(role).map(|place| &all[place]);
    if let Some(export) = export {
        if of(Role::Time).is_none() {
            bail!("{file} is a {export} export, but {}", no_time(all));
        }
        return found(
            TableName::Events,
            Confidence::High,
            format!("the header is that of a {export} export"),
        );
    }
    let trade = [Role::Order, Role::Quantity, Role::Price, Role::Revenue, Role::Event];
    let trades = trade.iter().filter(|role| place(**role).is_some()).count();
    let (customer, item, time) = (of(Role::Customer), of(Role::Item), of(Role::Time));
    let repeats = |facts: &Facts<'_>| facts.n_present > 0 && !facts.is_unique();
    match (customer, item, time) {
        (Some(customer), _, Some(_)) if repeats(customer) && (item.is_some() || trades > 0) => {
            let each = customer.n_present as f64 / customer.n_distinct.max(1) as f64;
            found(
                TableName::Events,
                Confidence::High,
                format!("times, and customers who come back ({each:.1} rows each)"),
            )
        }
        (None, Some(item), _) if item.is_unique() => found(
            TableName::Items,
            Confidence::High,
            "every row is another item, and there is no customer".to_owned(),
        ),
        (Some(customer), None, _) if customer.is_unique() && trades < 2 => {
            found(TableName::Customers, Confidence::High, "every row is another customer".to_owned())
        }
        (Some(_), _, Some(_)) => {
            let evidence =
                "customers and times, though hardly anybody comes back in the rows looked at".to_owned();
            found(TableName::Events, Confidence::Medium, evidence)
        }
        (None, Some(_), Some(_)) => found(
            TableName::Events,
            Confidence::Low,
            "items and times, but no customer: all are guests".to_owned(),
        ),
        (Some(customer), None, None) if repeats(customer) && has_few_repeats(customer) => {
            let evidence = format!(
                "hardly any customer is there twice ({} different in {} rows); what comes later in the file counts",
                count(customer.n_distinct as u64),
                count(customer.n_present as u64)
            );
            found(TableName::Customers, Confidence::Medium, evidence)
        }
        (Some(customer), _, None) if repeats(customer) => bail!(
            "{file}: customers come back ({} different in {} rows of \"{}\"), so these are events, but {}",
            count(customer.n_distinct as u64),
            count(customer.n_rows as u64),
            customer.name(),
            no_time(all)
        ),
        (_, Some(item), None) => {
            bail!("{file}: items come back (\"{}\"), so these are events, but {}", item.name(), no_time(all))
        }
        (Some(_), None, _) => found(
            TableName::Customers,
            Confidence::Medium,
            "customers, and nothing that happened to them".to_owned(),
        ),
        (None, None, _) => without_ids(file, all, place),
    }
}

/// How few rows repeat a customer.
fn has_few_repeats(customer: &Facts<'_>) -> bool {
    let n_repeats = customer.n_present - customer.n_distinct;
    customer.n_present >= 20 && (n_repeats as f64) <= FEW_REPEATS * customer.n_present as f64
}

/// Why there are no times, with the column that promises them most and how it writes them.
fn no_time(all: &[Facts<'_>]) -> String {
    let promised = all.iter().find(|facts| facts.n_present > 0 && Role::Time.may_be_named(facts));
    match promised {
        Some(facts) => {
            let cell = facts.levels().next().unwrap_or_default();
            format!(
                "no column holds times that can be read: \"{}\" has cells like \"{}\", which is no format known here",
                super::words(facts.name()),
                super::words(cell)
            )
        }
        None => format!("no column holds times; the columns are {}", header(all)),
    }
}

fn without_ids(file: &str, all: &[Facts<'_>], place: impl Fn(Role) -> Option<usize>) -> Result<Recognised> {
    let id = all.iter().position(|facts| facts.key == "id" && facts.is_unique());
    if let Some(at) = id {
        let id = &all[at];
        let about_people =
            all.iter().any(|facts| people::is_of_customers(facts) || people::is_personal(facts));
        let sold = place(Role::Price)
            .or(place(Role::Category))
            .or(place(Role::Title).filter(|&at| all[at].key != "name"));
        if let (Some(sold), false) = (sold, about_people) {
            let evidence = format!(
                "every row has another \"{}\", and \"{}\" is said of things",
                id.name(),
                all[sold].name()
            );
            let recognised = Recognised::new(TableName::Items, Confidence::Medium, evidence);
            return Ok(Recognised { id: Some(at), ..recognised });
        }
        let evidence = format!("every row has another \"{}\", and nothing was bought", id.name());
        return Ok(Recognised::new(TableName::Customers, Confidence::Medium, evidence));
    }
    let useful = all.iter().filter(|facts| facts.n_distinct > 1 && !facts.is_unique()).count();
    if useful < 2 {
        bail!("{file}: no column looks like a customer or an item; the columns are {}", header(all));
    }
    let evidence = "neither customers nor items have an id: every row is taken for a customer";
    Ok(Recognised::new(TableName::Customers, Confidence::Low, evidence))
}

/// Names of columns in a message.
const MOST_NAMES: usize = 20;

fn header(all: &[Facts<'_>]) -> String {
    let names: Vec<&str> = all.iter().take(MOST_NAMES).map(|facts| facts.name().trim()).collect();
    let more = all.len().saturating_sub(MOST_NAMES);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    names.join(", ") + &rest
}

#[cfg(test)]
mod tests {
    use bespoke_io::{CellShape, SampledColumn};

    use super::super::roles::cast;
    use super::*;

    fn table_of(all: &[(&str, &[&str])]) -> Result<(TableName, Confidence)> {
        let column = |(name, cells): &(&str, &[&str])| SampledColumn {
            name: (*name).to_owned(),
            shape: CellShape::Text,
            cells: cells.iter().map(|cell| Some((*cell).to_owned())).collect(),
        };
        let columns: Vec<SampledColumn> = all.iter().map(column).collect();
        let facts: Vec<Facts<'_>> = columns.iter().map(Facts::of).collect();
        let found = recognise("a.csv", &facts, &cast(&facts, None, &[]), None)?;
        Ok((found.table, found.confidence))
    }

    const DAYS: [&str; 3] = ["2024-01-01", "2024-01-02", "2024-01-05"];

    #[test]
    fn each_table_by_hand() {
        let orders =
            table_of(&[("customer", &["a", "b", "a"]), ("date", &DAYS), ("amount", &["1.5", "2.5", "3.5"])]);
        assert_eq!(orders.unwrap(), (TableName::Events, Confidence::High));
        let customers =
            table_of(&[("customer", &["a", "b", "c"]), ("signup_date", &DAYS), ("age", &["1", "2", "3"])]);
        assert_eq!(customers.unwrap(), (TableName::Customers, Confidence::High));
        let items = table_of(&[
            ("sku", &["a", "b", "c"]),
            ("title", &["x", "y", "z"]),
            ("price", &["1.5", "2", "3"]),
        ]);
        assert_eq!(items.unwrap(), (TableName::Items, Confidence::High));
        let numbered = table_of(&[("ID", &["1", "2", "3"]), ("age", &["30", "40", "30"])]);
        assert_eq!(numbered.unwrap(), (TableName::Customers, Confidence::Medium));
        let things = table_of(&[
            ("id", &["1", "2", "3"]),
            ("name", &["Mug", "Pan", "Cup"]),
            ("price", &["1.5", "2", "3"]),
            ("category", &["a", "b", "a"]),
        ]);
        assert_eq!(things.unwrap(), (TableName::Items, Confidence::Medium));
        let nameless = table_of(&[("age", &["30", "40", "30"]), ("job", &["a", "b", "b"])]);
        assert_eq!(nameless.unwrap(), (TableName::Customers, Confidence::Low));
    }

    #[test]
    fn a_customer_who_is_there_twice_makes_no_events() {
        let ids: Vec<String> = (0..40).map(|n| format!("c{n}")).chain(["c7".to_owned()]).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let ages = ["30"; 41];
        let table = table_of(&[("customer_id", &ids), ("age", &ages)]).unwrap();
        assert_eq!(table, (TableName::Customers, Confidence::Medium));
    }

    #[test]
    fn events_without_times_are_an_error_that_says_why() {
        let error =
            table_of(&[("user", &["a", "a", "b"]), ("item", &["x", "y", "x"])]).unwrap_err().to_string();
        assert!(error.contains("no column holds times") && error.contains("user, item"), "{error}");
        let error = table_of(&[
            ("user", &["a", "a", "b"]),
            ("item", &["x", "y", "x"]),
            ("when_date", &["Q1", "Q2", "Q3"]),
        ]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("\"when_date\" has cells like \"Q1\""), "{error}");
        let error = table_of(&[("note", &["a", "b", "c"])]).unwrap_err().to_string();
        assert!(error.contains("no column looks like a customer or an item"), "{error}");
    }
}
