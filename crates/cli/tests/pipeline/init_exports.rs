//! Files as programs and shops write them, with their real headers: what `init` proposes for each, and that `check`
//! accepts it. Every case is a way in which a job could go wrong without a word.

use crate::fixture::Fixture;
use crate::init_case::{CASE, Case, check_all, file, rows};

const SHOPIFY: &str = "Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Shipping,Taxes,Total,\
    Discount Code,Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Cancelled at";
const WOO: &str = "Order Number,Order Status,Order Date,Email (Billing),Customer User ID,Cart Discount Amount,\
    Order Subtotal Amount,Order Shipping Amount,Order Total Amount,SKU,Item #,Item Name,Quantity (- Refund),Item Cost";

/// Two lines of an order; only the first has what belongs to the whole order.
fn shopify(n: usize) -> String {
    let (order, line) = (n / 2, n % 2);
    let (mail, day) = (format!("p{}@example.org", order % 9), order % 27 + 1);
    let head = match (line, order) {
        (0, 7) => "refunded,2024-01-05 10:00:00 +0100,fulfilled,EUR,25.00,5.00,0.00,30.00,,0.00",
        (0, _) => "paid,2024-01-05 10:00:00 +0100,fulfilled,EUR,25.00,5.00,0.00,30.00,,0.00",
        _ => ",,,,,,,,,",
    };
    let gone = if (line, order) == (0, 3) { "2024-02-01 10:00:00 +0100" } else { "" };
    let things = [("1", "Mug", "10.00", "M-1"), ("1", "Pan", "15.00", "P-2")];
    let (quantity, name, price, sku) = things[line];
    format!(
        "#{},{mail},{head},2024-01-{day:02} 10:00:00 +0100,{quantity},{name},{price},{sku},{gone}",
        1000 + order
    )
}

fn woo(n: usize) -> String {
    let status = if n == 3 { "Failed" } else { "Completed" };
    let (mail, user) = (format!("p{}@example.org", n % 9), if n.is_multiple_of(3) { n % 9 } else { 0 });
    let (order, day) = (1000 + n, n % 27 + 1);
    format!(
        "{order},{status},2024-01-{day:02} 10:00,{mail},{user},1.50,20.00,4.90,24.90,S-{},1,Mug,2,10.00",
        n % 4
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn money_and_people_of_shop_exports_are_where_they_belong() {
    check_all(vec![
        Case {
            name: "Shopify: a total is no revenue, the state stands in the first line only",
            files: file("orders.csv", rows(SHOPIFY, 60, shopify)),
            job: &["price = \"Lineitem price\"", "pii = [\"Email\"]", "currency = \"EUR\""],
            not_job: &["revenue = ", "not_sold"],
            says: &[
                "says refunded 1, but only in the first line of an order",
                "\"Cancelled at\" is filled in 1 rows, but only in the first line of an order",
            ],
            check: "9 customers, 2 items, 60 events",
        },
        Case {
            name: "WooCommerce: guests have the number 0, a discount is no revenue",
            files: file("orders.csv", rows(WOO, 40, woo)),
            job: &[
                "customer_id = \"Email (Billing)\"",
                "price = \"Item Cost\"",
                "low: orders that were not paid, or were paid back (Failed 1 rows)",
                "when = { column = \"Order Status\", in = [\"Failed\"] }",
            ],
            not_job: &["revenue = ", "customer_id = \"Customer User ID\""],
            says: &["rule not_sold"],
            check: "9 customers, 4 items, 39 events",
        },
        Case {
            name: "WooCommerce, older: Name instead of Item Name, no e-mail",
            files: file(
                "orders.csv",
                rows(
                    "Order Number,Order Status,Order Date,Customer User ID,Order Total Amount,SKU,Name,Quantity,Item Cost",
                    30,
                    |n| {
                        format!(
                            "{},Completed,2024-01-{:02} 10:00,{},30,S-{},Mug,1,10.00",
                            100 + n,
                            n % 27 + 1,
                            [0, 17, 23][n % 3],
                            n % 4
                        )
                    },
                ),
            ),
            job: &["customer_id = \"Customer User ID\"", "low: \"0\" in 10 rows names nobody"],
            not_job: &["revenue = "],
            says: &["names nobody"],
            check: "2 customers, 4 items, 30 events",
        },
        Case {
            name: "WooCommerce analytics: a name is no id",
            files: file(
                "orders.csv",
                rows(
                    "Date,Order #,N. Revenue (formatted),Status,Customer,Customer type,Product(s),Items sold,Coupon(s),N. Revenue",
                    12,
                    |n| {
                        format!(
                            "2024-01-{:02} 10:00:00,{},$20.00,completed,Ann {},new,2× Mug,2,,20.00",
                            n + 1,
                            100 + n,
                            n % 3
                        )
                    },
                ),
            ),
            job: &["low: a name, not an id", "revenue = \"N. Revenue\""],
            says: &["source.orders.columns.customer_id = \"Customer\": a name, not an id"],
            check: "3 customers, 0 items, 12 events",
            ..CASE
        },
        Case {
            name: "any shop: a total that repeats in an order",
            files: file(
                "orders.csv",
                rows("order_id,customer_id,date,sku,qty,unit_price,total", 40, |n| {
                    format!(
                        "{},c{},2024-01-{:02},s{},1,{}.50,{}.00",
                        n / 2,
                        n / 2 % 7,
                        n / 2 % 27 + 1,
                        n % 5,
                        n % 5 + 1,
                        n / 2 + 30
                    )
                }),
            ),
            job: &["price = \"unit_price\""],
            not_job: &["revenue = "],
            says: &["\"total\" is not used: the same in every line of an order"],
            check: "7 customers",
        },
        Case {
            name: "any shop: one row per order and a total, which may be gross",
            files: file(
                "orders.csv",
                rows("order_id,customer_id,date,total_amount", 20, |n| {
                    format!("{n},c{},2024-01-{:02},{}.50", n % 7, n + 1, n + 30)
                }),
            ),
            job: &["revenue = \"total_amount\""],
            says: &["a total may hold tax and shipping, which are no revenue"],
            check: "7 customers, 0 items, 20 events",
            ..CASE
        },
    ]);
}

const SEGMENT: &str =
    "messageId,userId,anonymousId,event,originalTimestamp,timestamp,receivedAt,properties.product_id";

fn segment(n: usize) -> String {
    let user = if n.is_multiple_of(5) { format!("u{}", n % 3) } else { String::new() };
    let name = if n.is_multiple_of(2) { "Product Viewed" } else { "Order Updated" };
    let time = format!("2024-01-05T10:{:02}:00Z", n % 60);
    format!("m{n},{user},d{},{name},2035-01-01T00:00:00Z,{time},{time},p{}", n % 4, n % 3)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn event_exports_use_the_corrected_clock_and_say_whom_they_count() {
    check_all(vec![
        Case {
            name: "Segment",
            files: file("track.csv", rows(SEGMENT, 40, segment)),
            job: &[
                "time = \"timestamp\"",
                "customer_id = \"anonymousId\" or: customer_id = \"userId\"",
                "low: where Segment track exports have it; \"userId\" goes before it, but is filled in 20 %",
            ],
            not_job: &["time = \"originalTimestamp\"", "\"Order Updated\" = "],
            says: &["will be set aside as unknown unless kind_map says what they are: \"Order Updated\""],
            check: "2 customers, 3 items, 20 events",
        },
        Case {
            name: "Snowplow",
            files: file(
                "events.csv",
                rows(
                    "event_id,collector_tstamp,dvce_created_tstamp,derived_tstamp,domain_userid,event_name",
                    6,
                    |n| {
                        format!(
                            "e{n},2024-01-05 10:00:0{n}.123,2035-01-05 10:00:00.1,2024-01-05 10:00:0{n}.100,d{},view_item",
                            n % 2
                        )
                    },
                ),
            ),
            job: &["time = \"derived_tstamp\"", "format = \"rfc3339\""],
            check: "2 customers, 0 items, 6 events",
            ..CASE
        },
        Case {
            name: "Gorse with the times of Go",
            files: file(
                "feedback.csv",
                rows("feedback_type,user_id,item_id,time_stamp", 6, |n| {
                    format!("read,u{},i{},2024-01-05 10:00:0{n} +0000 UTC", n % 2, n % 3)
                }),
            ),
            job: &["kind_map = { read = \"view\" }", "time = \"time_stamp\""],
            check: "2 customers, 3 items, 6 events",
            ..CASE
        },
        Case {
            name: "GA4: rows without an item are kept out by name",
            files: file(
                "ga4.csv",
                rows("event_timestamp,event_name,user_pseudo_id,item_id,price", 12, |n| match n % 6 {
                    0 => format!("{},page_view,d{},,", 1_704_448_800_000_000_u64 + n as u64, n % 4),
                    _ => format!(
                        "{},view_item,d{},i{},9.5",
                        1_704_448_800_000_000_u64 + n as u64,
                        n % 4,
                        n % 3
                    ),
                }),
            ),
            job: &["when = { column = \"item_id\", missing = true }", "then = \"set_aside\""],
            says: &["2 of 12 rows have no item", "page_view 2 of 2"],
            check: "4 customers, 3 items, 10 events",
            ..CASE
        },
        Case {
            name: "Braze Currents: its own id of a user is not the shop's",
            files: file(
                "events.csv",
                rows("id,user_id,external_user_id,app_id,time,name,properties.product_id", 6, |n| {
                    format!(
                        "x{n},b{n},u{},app,{},ecommerce.product_viewed,p{}",
                        n % 2,
                        1_704_448_800 + n,
                        n % 3
                    )
                }),
            ),
            job: &["customer_id = \"external_user_id\"", "event = \"name\""],
            check: "2 customers, 3 items, 6 events",
            ..CASE
        },
        Case {
            name: "any recommender is not Amazon Personalize",
            files: file(
                "a.csv",
                rows("user_id,item_id,timestamp", 6, |n| {
                    format!("u{},i{},{}", n % 2, n % 3, 1_704_448_800 + n)
                }),
            ),
            not_job: &["Amazon"],
            job: &["low: no column names the kind of event", "or: kind = \"purchase\""],
            check: "2 customers, 3 items, 6 events",
            ..CASE
        },
    ]);
}

const EVENT_NAMES: [&str; 8] = [
    "Order Updated",
    "Transaction Failed",
    "buyer_login",
    "return_visit",
    "cart_emptied",
    "view_cart",
    "Product Reviewed",
    "bought",
];

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn kinds_currencies_and_placeholders_are_not_guessed_in_silence() {
    check_all(vec![
        Case {
            name: "kinds by whole words, purchases only with a question",
            files: file(
                "events.csv",
                rows("user_id,item_id,time,event", 32, |n| {
                    format!("u{},i{},2024-01-05T10:00:{n:02}Z,{}", n % 4, n % 3, EVENT_NAMES[n % 8])
                }),
            ),
            job: &["kind_map = { bought = \"purchase\" } or: kind_map = {}", "low: guessed from the words"],
            says: &["source.events.kind_map = { bought = \"purchase\" }"],
            check: "1 customers, 3 items, 4 events",
            ..CASE
        },
        Case {
            name: "two currencies and a blank",
            files: file(
                "orders.csv",
                rows("customer_id,date,sku,qty,price,currency", 12, |n| {
                    format!(
                        "c{},2024-01-{:02},s{},1,9.50,{}",
                        n % 3,
                        n + 1,
                        n % 2,
                        ["EUR", "EUR", "", "USD"][n % 4]
                    )
                }),
            ),
            job: &["when = { column = \"currency\", in = [\"USD\"] }", "currency = \"EUR\""],
            says: &["has several currencies (EUR 6, USD 3)", "3 rows name no currency"],
            check: "9 events",
            ..CASE
        },
        Case {
            name: "guests by name are nobody",
            files: file(
                "orders.csv",
                rows("customer,date,sku,qty,price", 12, |n| {
                    format!("{},2024-01-{:02},s{},1,9.50", ["c1", "guest", "c2", "N/A"][n % 4], n + 1, n % 2)
                }),
            ),
            job: &["null = [\"\", \"N/A\", \"guest\"]", "guests = true"],
            says: &["\"guest\" in 3 rows", "names nobody"],
            check: "2 customers, 2 items, 12 events",
            ..CASE
        },
        Case {
            name: "a customer 0 where 0 means something elsewhere",
            files: file(
                "orders.csv",
                rows("customer_id,date,sku,qty,price", 20, |n| {
                    format!(
                        "{},2024-01-{:02},s{},1,{}",
                        [17850, 0, 13047, 12583][n % 4],
                        n + 1,
                        n % 2,
                        if n == 7 { "0" } else { "9.50" }
                    )
                }),
            ),
            job: &["name = \"nobody\"", "when = { column = \"customer_id\", in = [\"0\"] }"],
            not_job: &["null = "],
            check: "3 customers, 2 items, 14 events",
            ..CASE
        },
        Case {
            name: "am and pm, day and month open",
            files: file(
                "orders.csv",
                rows("customer,date,sku,qty,price", 4, |n| {
                    format!("c{},01/01/2024 10:00:0{n} AM,s1,1,9.50", n % 2)
                }),
            ),
            job: &[
                "format = \"%d/%m/%Y %I:%M:%S %p\" or: format = \"%m/%d/%Y %I:%M:%S %p\"",
                "low: all look like",
            ],
            says: &["could be the other way round"],
            check: "2 customers, 1 items, 4 events",
            ..CASE
        },
    ]);
}

#[test]
fn a_folder_of_a_generated_world_gives_the_tables_a_job_reads() {
    let fixture = Fixture::empty();
    let generate = ["datasets", "generate", "retail", "--customers", "300", "--seed", "1", "--out", "w"];
    fixture.run(&[&generate[..], &["--format", "parquet"]].concat()).ok();
    std::fs::remove_file(fixture.path("w/bespoke.toml")).unwrap();
    let answer = fixture.run_in(&fixture.path("w"), &["init"]).ok();
    let job = fixture.read("w/bespoke.toml");
    for name in ["tickets", "consents", "sessions", "surveys", "assignments", "offers", "truth"] {
        assert!(!job.contains(&format!("\"{name}.parquet\"")), "{name}\n{job}");
        assert!(answer.contains(&format!("left out: {name}.parquet")), "{name}\n{answer}");
    }
    for name in ["events", "customers", "items"] {
        assert!(job.contains(&format!("[source.{name}]")), "{job}");
    }
    assert!(!job.contains("kind = \"purchase\"") && !job.contains("truth"), "{job}");
    let check = fixture.run_in(&fixture.path("w"), &["check"]).ok();
    assert!(check.contains("300 customers"), "{check}");
}
