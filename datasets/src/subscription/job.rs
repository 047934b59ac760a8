//! The job description beside a world's tables.

use super::SubscriptionWorld;
use super::outlook::VALUE_DAYS;
use crate::sink::TableFolder;

/// The text of `bespoke.toml` for the tables of a world.
pub(super) fn text(world: &SubscriptionWorld, folder: &dyn TableFolder) -> String {
    let params = world.params();
    let [customers, events, items, truth, contracts] =
        ["customers", "events", "items", "truth", "contracts"].map(|table| folder.file_name(table));
    format!(
        r#"# A generated service with contracts: {n_customers} customers, seed {seed}, overlap {overlap}.
# {truth} says what there is to find; nothing here reads it. {contracts} is for people who model contracts themselves.

[job]
as_of = "latest"
seed = 1
time_zone = "UTC"
currency = "EUR"
horizon_days = {horizon}

[source.customers]
path = "{customers}"
table = "customers"
time = {{ format = "rfc3339" }}

[source.customers.columns]
customer_id = "customer_id"

[source.customers.customer_attributes]
age = {{ column = "age", type = "number" }}
country = {{ column = "country", type = "category" }}
household_size = {{ column = "household_size", type = "number" }}
acquired_via = {{ column = "acquired_via", type = "category" }}

[source.events]
path = "{events}"
table = "events"
time = {{ format = "rfc3339" }}

[source.events.columns]
customer_id = "customer_id"
item_id = "item_id"
time = "time"
event = "event"
price = "price"
order_id = "order_id"

# Neither bought nor looked at: counted, and kept out of the histories.
[[source.events.rule]]
name = "ticket"
when = {{ column = "event", equals = "Live Chat Conversation Started" }}
then = "set_aside"

[[source.events.rule]]
name = "failed_payment"
when = {{ column = "event", equals = "Transaction Failed" }}
then = "set_aside"

[source.items]
path = "{items}"
table = "items"

[source.items.columns]
item_id = "item_id"
title = "title"
category = "category"
price = "price"

[personas]
k = [2, 8]

[recommend]
factors = 8
lambda = 0.03

[cltv]
horizon_days = {value_days}

# Every contract is paid every 30 days: who has not paid for 45 has left.
[churn]
active_within_days = 45

[decide]
slots = 3

# An add-on comes back after a month, a plan that somebody has or had does not.
[decide.bought]
policy = {{ days = 30 }}

[decide.bought.category.plan]
policy = "forever"

[output]
dir = "out"
"#,
        n_customers = params.n_customers,
        seed = params.seed,
        overlap = params.overlap,
        horizon = params.horizon.0,
        value_days = VALUE_DAYS.0,
    )
}
