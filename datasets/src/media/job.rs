//! The job description beside a world's tables.

use super::MediaWorld;
use crate::sink::TableFolder;

/// The text of `bespoke.toml` for the tables of a world.
pub(super) fn text(world: &MediaWorld, folder: &dyn TableFolder) -> String {
    let params = world.params();
    let [customers, events, items, truth] =
        ["customers", "events", "items", "truth"].map(|table| folder.file_name(table));
    format!(
        r#"# A generated news site: {n_readers} readers, {per_day} articles per day, seed {seed}, overlap {overlap}.
# {truth} says what there is to find; nothing here reads it. Readers without an account are in the events only.

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

[source.events]
path = "{events}"
table = "events"
time = {{ format = "rfc3339" }}

[source.events.columns]
customer_id = "customer_id"
item_id = "item_id"
time = "time"
event = "event"
revenue = "revenue"

# Nothing is sold here: an article that is read is what a purchase is in a shop, and earns its advertising money.
[[source.events.rule]]
name = "read"
when = {{ column = "event", equals = "view" }}
then = "purchase"

[source.items]
path = "{items}"
table = "items"
time = {{ format = "rfc3339" }}

[source.items.columns]
item_id = "item_id"
title = "title"
category = "category"
available_from = "available_from"
available_to = "available_to"

[personas]
k = [2, 8]

[recommend]
popularity_half_life_days = 1.0
backtest_days = 3

[cltv]
horizon_days = 28

[churn]
horizon_days = {horizon}
active_within_days = 28

[decide]
slots = 5
max_per_category = 2
bought = {{ policy = "forever" }}

# Shown at most three times a week.
[[decide.cap]]
id = "item-week"
key = "item"
window_days = 7
max = 3

[output]
dir = "out"
"#,
        n_readers = params.n_readers,
        per_day = params.items_per_day,
        seed = params.seed,
        overlap = params.overlap,
        horizon = params.horizon.0,
    )
}
