//! The job description beside a world's files.

use super::RetailWorld;

/// The text of `bespoke.toml` for the files of a world.
pub(super) fn text(world: &RetailWorld) -> String {
    let params = world.params();
    format!(
        r#"# A generated shop: {} customers, {} items, seed {}, overlap {}.
# truth.csv says what there is to find; nothing here reads it.

[job]
as_of = "latest"
seed = 1
time_zone = "UTC"
currency = "EUR"
horizon_days = 90

[source.customers]
path = "customers.csv"
table = "customers"

[source.customers.columns]
customer_id = "customer_id"

[source.customers.customer_attributes]
age = {{ column = "age", type = "number" }}
country = {{ column = "country", type = "category" }}
newsletter = {{ column = "newsletter", type = "yes_no", yes = ["yes"], no = ["no"] }}
household_size = {{ column = "household_size", type = "number" }}

[source.events]
path = "events.csv"
table = "events"
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
path = "items.csv"
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
bought = {{ policy = "forever" }}

# Shown at most three times a month, and at most thirty items a week in all.
[[decide.cap]]
id = "item-month"
key = "item"
window_days = 30
max = 3

[[decide.cap]]
id = "all-week"
key = "any"
window_days = 7
max = 30

[output]
dir = "out"
"#,
        params.n_customers, params.n_items, params.seed, params.overlap
    )
}
