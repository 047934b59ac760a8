//! Which table a file is: events, customers or items.

use anyhow::{Result, bail};
use bespoke_io::TableName;

use super::facts::Facts;
use super::roles::{Cast, Confidence, Role};
use crate::outputs::count;

/// A table and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognised {
    pub table: TableName,
    pub confidence: Confidence,
    pub evidence: String,
}

/// Decides by roles and by how often ids repeat.
///
/// # Errors
/// When rows look like events and no column holds times.
pub fn recognise(file: &str, all: &[Facts<'_>], cast: &[Cast], export: Option<&str>) -> Result<Recognised> {
    let found = |table, confidence, evidence: String| Ok(Recognised { table, confidence, evidence });
    let place = |role| cast.iter().find(|cast| cast.role == role).map(|cast| cast.place);
    let of = |role| place(role).map(|place| &all[place]);
    if let Some(export) = export {
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
        (Some(customer), _, None) if repeats(customer) => bail!(
            "{file}: customers come back ({} different in {} rows of \"{}\"), so these are events, but no column holds \
             times; the columns are {}",
            count(customer.n_distinct as u64),
            count(customer.n_rows as u64),
            customer.name(),
            header(all)
        ),
        (_, Some(item), None) => bail!(
            "{file}: items come back (\"{}\"), so these are events, but no column holds times; the columns are {}",
            item.name(),
            header(all)
        ),
        (Some(_), None, _) => found(
            TableName::Customers,
            Confidence::Medium,
            "customers, and nothing that happened to them".to_owned(),
        ),
        (None, None, _) => without_ids(file, all),
    }
}

fn without_ids(file: &str, all: &[Facts<'_>]) -> Result<Recognised> {
    if let Some(id) = all.iter().find(|facts| facts.key == "id" && facts.is_unique()) {
        let evidence = format!("every row has another \"{}\", and nothing was bought", id.name());
        return Ok(Recognised { table: TableName::Customers, confidence: Confidence::Medium, evidence });
    }
    let useful = all.iter().filter(|facts| facts.n_distinct > 1 && !facts.is_unique()).count();
    if useful < 2 {
        bail!("{file}: no column looks like a customer or an item; the columns are {}", header(all));
    }
    Ok(Recognised {
        table: TableName::Customers,
        confidence: Confidence::Low,
        evidence: "neither customers nor items have an id: every row is taken for a customer".to_owned(),
    })
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
        let found = recognise("a.csv", &facts, &cast(&facts, &[]), None)?;
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
        let nameless = table_of(&[("age", &["30", "40", "30"]), ("job", &["a", "b", "b"])]);
        assert_eq!(nameless.unwrap(), (TableName::Customers, Confidence::Low));
    }

    #[test]
    fn events_without_times_are_an_error_that_says_why() {
        let error =
            table_of(&[("user", &["a", "a", "b"]), ("item", &["x", "y", "x"])]).unwrap_err().to_string();
        assert!(error.contains("no column holds times") && error.contains("user, item"), "{error}");
        let error = table_of(&[("note", &["a", "b", "c"])]).unwrap_err().to_string();
        assert!(error.contains("no column looks like a customer or an item"), "{error}");
    }
}
