//! The job description beside a world's files.

use std::fmt::Write;

use bespoke::types::Days;

use super::columns::IRRELEVANT;
use super::personas::{CATEGORIES, FIRST_CONSUMABLE};
use super::{RetailParams, RetailWorld};
use crate::sink::{ColumnKind, TableFolder};

/// The text of `bespoke.toml` for the files of a world.
pub(super) fn text(world: &RetailWorld, folder: &dyn TableFolder) -> String {
    let RetailParams { n_customers, n_items, seed, overlap, horizon: Days(horizon), .. } = world.params();
    let irrelevant = irrelevant(world.params().demographics.n_irrelevant);
    let consumables = consumables(world.params().assortment.repurchase_days);
    let [customers, events, items, truth] =
        ["customers", "events", "items", "truth"].map(|table| folder.file_name(table));
    format!(
        r#"# A generated shop: {n_customers} customers, {n_items} items, seed {seed}, overlap {overlap}.
# {truth} says what there is to find; nothing here reads it.

[job]
as_of = "latest"
seed = 1
time_zone = "UTC"
currency = "EUR"
horizon_days = {horizon}

[source.customers]
path = "{customers}"
table = "customers"

[source.customers.columns]
customer_id = "customer_id"

[source.customers.customer_attributes]
age = {{ column = "age", type = "number" }}
country = {{ column = "country", type = "category" }}
newsletter = {{ column = "newsletter", type = "yes_no", yes = ["yes"], no = ["no"] }}
household_size = {{ column = "household_size", type = "number" }}
{irrelevant}
[source.events]
path = "{events}"
table = "events"
guests = true
time = {{ format = "rfc3339" }}

[source.events.columns]
customer_id = "customer_id"
item_id = "item_id"
time = "time"
event = "event"
quantity = "quantity"
price = "price"
order_id = "order_id"
channel = "channel"

[source.items]
path = "{items}"
table = "items"
time = {{ format = "rfc3339" }}

[source.items.columns]
item_id = "item_id"
title = "title"
category = "category"
price = "price"
available_from = "available_from"
available_to = "available_to"
stock = "stock"

[personas]
k = [2, 10]

# A small catalogue with few orders each wants more regularisation than a large one.
[recommend]
lambda = 0.03

[decide]
slots = 5
max_per_category = 2
relevance_floor = 0.0

# A durable that somebody has does not come back, a consumable does when it is used up.
[decide.bought]
policy = "forever"
{consumables}
# Shown at most twice in two months, and at most thirty items a week in all.
[[decide.cap]]
id = "item-two-months"
key = "item"
window_days = 60
max = 2

[[decide.cap]]
id = "all-week"
key = "any"
window_days = 7
max = 30

[output]
dir = "out"
"#
    )
}

/// A policy for every category that is bought again and again.
fn consumables(repurchase_days: f64) -> String {
    let mut tables = String::new();
    for category in &CATEGORIES[FIRST_CONSUMABLE..] {
        let days = libm::round(repurchase_days);
        // Writing to a string does not fail.
        let _ = writeln!(tables, "\n[decide.bought.category.\"{category}\"]\npolicy = {{ days = {days} }}");
    }
    tables
}

/// A line for every column that says nothing; the job does not know that.
fn irrelevant(n: usize) -> String {
    let mut lines = String::new();
    for column in &IRRELEVANT[..n] {
        let kind = if column.kind == ColumnKind::Number { "number" } else { "category" };
        // Writing to a string does not fail.
        let _ = writeln!(lines, "{0} = {{ column = \"{0}\", type = \"{kind}\" }}", column.name);
    }
    lines
}
