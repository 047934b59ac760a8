//! What a source must say and must not say, before anything is opened.

use crate::account::FileAccount;
use crate::config::{Columns, SourceConfig, TableName};
use crate::error::{ReadError, refusal};

/// Refuses sources that lack something or say something that would be ignored.
pub(crate) fn require(source: &str, config: &SourceConfig) -> Result<(), ReadError> {
    let columns = &config.columns;
    let unmapped = |column, hint| ReadError::Unmapped { source_name: source.to_owned(), column, hint };
    match config.table {
        TableName::Events => {
            if columns.time.is_none() {
                return Err(unmapped("time", ""));
            }
            if columns.customer_id.is_none() && !config.guests {
                return Err(unmapped("customer_id", ", or set guests = true"));
            }
            match (config.kind, &columns.event) {
                (None, None) => return Err(unmapped("event", ", or set kind = \"purchase\"")),
                (Some(kind), Some(_)) => {
                    let rule = "left out when columns.event is mapped";
                    return Err(refusal(source, "kind", kind.name(), rule));
                }
                _ => {}
            }
        }
        TableName::Customers if columns.customer_id.is_none() && !config.rows_are_customers => {
            return Err(unmapped("customer_id", ", or set rows_are_customers = true"));
        }
        TableName::Items if columns.item_id.is_none() => return Err(unmapped("item_id", "")),
        TableName::Customers | TableName::Items => {}
    }
    refuse_ignored(source, config)
}

/// Refuses numbers of rows as ids where they could not be told from other ids.
pub(crate) fn require_one_file(source: &str, config: &SourceConfig, n_files: usize) -> Result<(), ReadError> {
    if config.rows_are_customers && n_files > 1 {
        let rule = "left out for several files, whose rows would share their numbers";
        return Err(refusal(source, "rows_are_customers", "true", rule));
    }
    Ok(())
}

fn refuse_ignored(source: &str, config: &SourceConfig) -> Result<(), ReadError> {
    let (table, used): (&str, &[&str]) = match config.table {
        TableName::Events => (
            "left out in an events source (it belongs to a source with table = \"items\")",
            &[
                "customer_id",
                "item_id",
                "time",
                "event",
                "event_id",
                "quantity",
                "price",
                "revenue",
                "currency",
                "order_id",
                "channel",
                "title",
                "category",
            ],
        ),
        TableName::Customers => ("left out in a customers source", &["customer_id", "time"]),
        TableName::Items => (
            "left out in an items source",
            &[
                "item_id",
                "time",
                "title",
                "category",
                "price",
                "currency",
                "available_from",
                "available_to",
                "stock",
            ],
        ),
    };
    for (name, column) in named(&config.columns) {
        if let Some(column) = column
            && !used.contains(&name)
        {
            return Err(refusal(source, &format!("columns.{name}"), &format!("\"{column}\""), table));
        }
    }
    if config.rows_are_customers
        && (config.table != TableName::Customers || config.columns.customer_id.is_some())
    {
        let rule = "left out unless table = \"customers\" without columns.customer_id";
        return Err(refusal(source, "rows_are_customers", "true", rule));
    }
    let events = config.table == TableName::Events;
    if config.table == TableName::Items && !config.customer_attributes.is_empty() {
        return Err(refusal(source, "customer_attributes", "given", "left out in an items source"));
    }
    if !events && (config.kind.is_some() || config.guests) {
        return Err(refusal(source, "kind or guests", "given", "left out unless table = \"events\""));
    }
    for rule in &config.rule {
        let key = format!("rule \"{}\"", rule.name);
        if rule.name == FileAccount::UNKNOWN_EVENT || rule.name.is_empty() {
            return Err(refusal(source, &key, "taken", "another name"));
        }
        if !events && rule.then.kind().is_some() {
            return Err(refusal(source, &key, "an event kind", "set_aside unless table = \"events\""));
        }
    }
    Ok(())
}

/// Canonical names and the columns they are mapped to.
fn named(columns: &Columns) -> [(&'static str, Option<&String>); 16] {
    [
        ("customer_id", columns.customer_id.as_ref()),
        ("item_id", columns.item_id.as_ref()),
        ("time", columns.time.as_ref()),
        ("event", columns.event.as_ref()),
        ("event_id", columns.event_id.as_ref()),
        ("quantity", columns.quantity.as_ref()),
        ("price", columns.price.as_ref()),
        ("revenue", columns.revenue.as_ref()),
        ("currency", columns.currency.as_ref()),
        ("order_id", columns.order_id.as_ref()),
        ("channel", columns.channel.as_ref()),
        ("title", columns.title.as_ref()),
        ("category", columns.category.as_ref()),
        ("available_from", columns.available_from.as_ref()),
        ("available_to", columns.available_to.as_ref()),
        ("stock", columns.stock.as_ref()),
    ]
}
