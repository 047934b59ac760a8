//! A world small enough to compute every feature on paper.

use bespoke::features::{
    BusinessCalendar, Column, FeatureKind, FeatureOptions, FeatureTable, GuestPurchase, Snapshot,
    interactions, items_bought_between, orders_and_revenue_between, purchase_summary, purchased_between,
};
use bespoke::tables::{AttributeKind, AttributeValue, ItemFacts, NewEvent, Tables, TablesBuilder};
use bespoke::types::EventKind::{CartAdd, Purchase, Refund, View};
use bespoke::types::{EventKind, Money, Timestamp};

const AS_OF: &str = "2011-12-01T00:00:00Z";
const NAN: f64 = f64::NAN;

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn london() -> BusinessCalendar {
    BusinessCalendar::new("Europe/London", at("2009-01-01T00:00:00Z"), at("2013-01-01T00:00:00Z")).unwrap()
}

/// One customer is enough for a category, channel or level to be named.
const OPTIONS: FeatureOptions = FeatureOptions { n_categories: 8, n_channels: 8, min_customers: 1 };

#[derive(Default)]
struct World(TablesBuilder);

impl World {
    /// One event; an empty text means none. `cents` is the revenue.
    fn add(
        &mut self,
        kind: EventKind,
        who: &str,
        when: &str,
        order: &str,
        channel: &str,
        item: &str,
        cents: i64,
    ) {
        self.add_units(kind, who, when, order, channel, item, cents, 1);
    }

    fn add_units(
        &mut self,
        kind: EventKind,
        who: &str,
        when: &str,
        order: &str,
        channel: &str,
        item: &str,
        cents: i64,
        quantity: u32,
    ) {
        let some = |text: &str| !text.is_empty();
        let event = NewEvent {
            customer: some(who).then(|| self.0.customer(who)),
            item: some(item).then(|| self.0.item(item)),
            order: some(order).then(|| self.0.order(order)),
            channel: some(channel).then(|| self.0.channel(channel)),
            time: at(when),
            kind,
            quantity,
            revenue: Money(cents * 100),
        };
        self.0.event(event);
    }

    fn facts(&mut self) {
        for (item, category) in [("mug", "kitchen"), ("pan", "kitchen"), ("pen", "office & school")] {
            let item = self.0.item(item);
            self.0.item_facts(
                item,
                at(AS_OF),
                &ItemFacts { category: Some(category), ..ItemFacts::default() },
            );
        }
        let ann = self.0.customer("ann");
        for (name, kind, cell) in [
            ("Age", AttributeKind::Number, AttributeValue::Number(41.5)),
            ("newsletter", AttributeKind::YesNo, AttributeValue::YesNo(true)),
            ("Country", AttributeKind::Category, AttributeValue::Category("FR")),
            ("joined", AttributeKind::Date, AttributeValue::Date(14_488)),
            ("orders", AttributeKind::Number, AttributeValue::Number(-1.0)),
        ] {
            let attribute = self.0.attribute(name, kind).unwrap();
            self.0.customer_attribute(ann, attribute, at(AS_OF), cell);
        }
        let one = self.0.customer("one");
        self.0.customer_attribute(one, 2, at(AS_OF), AttributeValue::Category("DE"));
    }
}

fn tables() -> Tables {
    let mut w = World::default();
    w.facts();
    w.add_units(Purchase, "ann", "2009-10-01T10:00:00Z", "o1", "web", "mug", 1000, 2);
    w.add(Purchase, "ann", "2009-10-01T10:00:00Z", "o1", "web", "pen", 500);
    // Half past midnight of 1 July in London.
    w.add(Purchase, "ann", "2011-06-30T23:30:00Z", "o2", "shop", "pan", 2000);
    w.add(Purchase, "ann", "2011-07-01T12:00:00Z", "o3", "web", "mug", 400);
    w.add(Purchase, "ann", "2011-10-15T19:00:00Z", "o4", "", "card", 600);
    w.add(Refund, "ann", "2011-10-20T09:00:00Z", "o4", "", "card", 900);
    // Two lines of one day without an order are one order.
    w.add(Purchase, "ann", "2011-11-20T08:00:00Z", "", "web", "pen", 750);
    w.add(Purchase, "ann", "2011-11-20T19:00:00Z", "", "shop", "mug", 250);
    for when in
        ["2011-09-10T10:00:00Z", "2011-11-19T10:00:00Z", "2011-11-19T11:00:00Z", "2011-11-29T10:00:00Z"]
    {
        w.add(View, "ann", when, "", "", "mug", 0);
    }
    for when in ["2011-09-10T10:00:00Z", "2011-09-10T10:01:00Z", "2011-11-19T10:00:00Z"] {
        w.add(CartAdd, "ann", when, "", "", "mug", 0);
    }
    w.add(Purchase, "one", "2011-11-30T23:59:59.999Z", "o5", "", "", 0);
    w.add(View, "viewer", "2011-11-01T00:00:00Z", "", "", "mug", 0);
    w.add(Refund, "refunder", "2011-11-30T12:00:00Z", "", "", "mug", 300);
    // From `as_of` on.
    w.add(Purchase, "ann", AS_OF, "o6", "fax", "gift", 100_000);
    w.add(View, "ann", "2011-12-01T00:00:00.001Z", "", "", "mug", 0);
    w.add(Purchase, "late", "2011-12-24T12:00:00Z", "o7", "web", "mug", 1);
    w.0.finish("GBP".to_owned())
}

fn row(table: &FeatureTable, customer: usize) -> Vec<(String, f64)> {
    let cell = |column: &Column| match column {
        Column::Number(cells) => cells[customer],
        Column::Category(cells) => cells[customer].map_or(NAN, f64::from),
    };
    let names = table.spec().features.iter().map(|def| def.name.clone());
    names.zip(table.columns().iter().map(cell)).collect()
}

#[track_caller]
fn assert_row(tables: &Tables, table: &FeatureTable, customer: &str, expected: &[(impl AsRef<str>, f64)]) {
    let got = row(table, tables.customers.find(customer).unwrap());
    for ((name, cell), (expected_name, expected_cell)) in got.iter().zip(expected) {
        assert_eq!(name, expected_name.as_ref());
        let same = cell.is_nan() && expected_cell.is_nan() || (cell - expected_cell).abs() < 1e-12;
        assert!(same, "{customer}: {name} is {cell}, expected {expected_cell}");
    }
    assert_eq!(got.len(), expected.len());
}

#[test]
fn every_feature_of_a_small_world() {
    let (tables, calendar) = (tables(), london());
    let table = Snapshot::new(&tables, at(AS_OF), &calendar).features(&OPTIONS);
    // Order days 2009-10-01, 2011-07-01, 2011-10-15, 2011-11-20: gaps of 638, 106 and 36 days.
    let spread = ((378f64.powi(2) + 154f64.powi(2) + 224f64.powi(2)) / 2.0).sqrt();
    assert_row(
        &tables,
        &table,
        "ann",
        &[
            ("orders", 5.0),
            ("revenue", 55.0),
            ("average_order_value", 11.0),
            ("tenure_days", 790.0),
            ("days_since_last_order", 10.0),
            ("order_gap_mean_days", 260.0),
            ("order_gap_spread_days", spread),
            ("distinct_items", 4.0),
            ("distinct_categories", 2.0),
            ("category_share_kitchen", 4.0 / 6.0),
            ("category_share_office_school", 2.0 / 6.0),
            ("orders_30_days", 1.0),
            ("revenue_30_days", 10.0),
            ("orders_90_days", 2.0),
            ("revenue_90_days", 16.0),
            ("orders_365_days", 4.0),
            ("revenue_365_days", 40.0),
            ("orders_trend_30_days", 0.0),
            ("revenue_trend_30_days", 0.25),
            ("orders_trend_90_days", 0.0),
            ("revenue_trend_90_days", -0.2),
            ("orders_trend_365_days", 1.0),
            ("revenue_trend_365_days", 1.0),
            ("channel_share_shop", 0.25),
            ("channel_share_web", 0.75),
            ("night_share", 0.2),
            ("morning_share", 0.4),
            ("afternoon_share", 0.2),
            ("evening_share", 0.2),
            ("weekend_share", 0.4),
            ("refunded", 9.0),
            ("refund_share", 9.0 / 55.0),
            ("views_30_days", 3.0),
            ("views_90_days", 4.0),
            ("days_since_last_view", 1.0),
            ("views_per_order", 0.8),
            ("cart_adds_30_days", 1.0),
            ("cart_adds_90_days", 3.0),
            ("cart_abandonment_share", 0.5),
            ("age", 41.5),
            ("newsletter", 1.0),
            ("country", 1.0),
            ("days_since_joined", 820.0),
            ("orders_2", -1.0),
        ],
    );
}

/// The cells of somebody without history, with some of them replaced.
fn blank_but(replaced: &[(&str, f64)]) -> Vec<(String, f64)> {
    let zero = ["orders", "revenue", "distinct_items", "distinct_categories"];
    let windows =
        ["orders_30_days", "revenue_30_days", "orders_90_days", "revenue_90_days", "orders_365_days"];
    let trends =
        ["orders_trend_30_days", "revenue_trend_30_days", "orders_trend_90_days", "revenue_trend_90_days"];
    let others = ["revenue_365_days", "orders_trend_365_days", "revenue_trend_365_days", "refunded"];
    let browsing = ["views_30_days", "views_90_days", "cart_adds_30_days", "cart_adds_90_days"];
    let zeros = [&zero[..], &windows, &trends, &others, &browsing].concat();
    let calendar = london();
    let spec = Snapshot::new(&tables(), at(AS_OF), &calendar).plan(&OPTIONS).spec();
    let cell = |name: &str| {
        let blank = if zeros.contains(&name) { 0.0 } else { NAN };
        replaced.iter().find(|(other, _)| *other == name).map_or(blank, |r| r.1)
    };
    spec.features.into_iter().map(|def| (def.name.clone(), cell(&def.name))).collect()
}

#[test]
fn customers_with_hardly_any_history() {
    let (tables, calendar) = (tables(), london());
    let table = Snapshot::new(&tables, at(AS_OF), &calendar).features(&OPTIONS);
    let one = [
        ("orders", 1.0),
        ("average_order_value", 0.0),
        ("tenure_days", 0.0),
        ("days_since_last_order", 0.0),
        ("orders_30_days", 1.0),
        ("orders_90_days", 1.0),
        ("orders_365_days", 1.0),
        ("orders_trend_30_days", 1.0),
        ("orders_trend_90_days", 1.0),
        ("orders_trend_365_days", 1.0),
        ("night_share", 0.0),
        ("morning_share", 0.0),
        ("afternoon_share", 0.0),
        ("evening_share", 1.0),
        ("weekend_share", 0.0),
        ("refund_share", 0.0),
        ("views_per_order", 0.0),
        ("country", 0.0),
    ];
    assert_row(&tables, &table, "one", &blank_but(&one));
    // 00:00 UTC on 1 November is still the 29th day before 30 November, and the first day of the window.
    let viewer = [("views_30_days", 1.0), ("views_90_days", 1.0), ("days_since_last_view", 29.0)];
    assert_row(&tables, &table, "viewer", &blank_but(&viewer));
    assert_row(&tables, &table, "refunder", &blank_but(&[("refunded", 3.0), ("refund_share", 1.0)]));
    assert_row(&tables, &table, "late", &blank_but(&[]));
}

#[test]
fn columns_say_what_they_are() {
    let (tables, calendar) = (tables(), london());
    let spec = Snapshot::new(&tables, at(AS_OF), &calendar).plan(&OPTIONS).spec();
    let def = |name: &str| &spec.features[spec.position(name).unwrap()];
    assert_eq!((def("revenue").unit.as_str(), &def("revenue").kind), ("GBP", &FeatureKind::Money));
    assert_eq!(def("days_since_last_order").kind, FeatureKind::Duration);
    assert_eq!(def("category_share_office_school").label, "share of purchases in office & school");
    assert_eq!(def("orders_2").label, "orders");
    assert_eq!(def("country").kind, FeatureKind::Category { levels: vec!["DE".to_owned(), "FR".to_owned()] });
    let mut names: Vec<&str> = spec.features.iter().map(|def| def.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), spec.features.len());
}

#[test]
fn what_is_not_in_the_log_has_no_columns() {
    let (tables, calendar) = (tables(), london());
    let names = |as_of: &str, options: &FeatureOptions| -> Vec<String> {
        let table = Snapshot::new(&tables, at(as_of), &calendar).features(options);
        table.spec().features.iter().map(|def| def.name.clone()).collect()
    };
    let demographic = ["age", "newsletter", "country", "days_since_joined", "orders"];
    assert_eq!(names("2009-10-01T10:00:00Z", &OPTIONS), demographic);
    let first_order = names("2009-11-30T00:00:00Z", &OPTIONS);
    for absent in
        ["views_30_days", "cart_adds_30_days", "refunded", "channel_share_shop", "orders_trend_90_days"]
    {
        assert!(!first_order.iter().any(|name| name == absent), "{absent}");
    }
    // The log is 60 days long at the end of 29 November 2009, twice the window, and not a day before.
    let has_trend = |as_of: &str| names(as_of, &OPTIONS).iter().any(|name| name == "orders_trend_30_days");
    assert!(has_trend("2009-11-30T00:00:00Z") && !has_trend("2009-11-29T00:00:00Z"));
    // Names of a single customer stay out of the specification.
    let discreet =
        Snapshot::new(&tables, at(AS_OF), &calendar).plan(&FeatureOptions { min_customers: 2, ..OPTIONS });
    let text = serde_json::to_string(&(discreet.spec(), &discreet)).unwrap();
    for name in ["kitchen", "office", "web", "FR", "DE"] {
        assert!(!text.contains(name), "{name}");
    }
    assert!(text.contains("(other)"));
}

#[test]
fn windows_hold_whole_days_of_the_zone() {
    let mut w = World::default();
    // 0, 29, 30, 59 and 60 days before the last day, at the edges of days; London's October days begin at 23:00 UTC.
    let edges = ["2011-11-30T23:59:59Z", "2011-11-01T00:00:00Z", "2011-10-31T23:59:59.999Z"];
    for (n, when) in
        [&edges[..], &["2011-10-01T23:00:00Z", "2011-10-01T22:59:59.999Z"]].concat().iter().enumerate()
    {
        w.add(Purchase, "a", when, "", "", "", 100 << n);
    }
    let tables = w.0.finish("EUR".to_owned());
    let calendar = london();
    let table = Snapshot::new(&tables, at(AS_OF), &calendar).features(&OPTIONS);
    let cell = |name: &str| table.number(name).unwrap()[0];
    assert_eq!((cell("orders_30_days"), cell("revenue_30_days")), (2.0, 3.0));
    assert_eq!((cell("orders_90_days"), cell("revenue_90_days")), (5.0, 31.0));
    assert_eq!((cell("orders_trend_30_days"), cell("revenue_trend_30_days")), (0.0, (3.0 - 12.0) / 15.0));
    assert_eq!(cell("tenure_days"), 60.0);
}

#[test]
fn parts_of_the_day_need_times_of_day() {
    let mut w = World::default();
    w.add(Purchase, "a", "2011-01-01T00:00:00Z", "", "", "", 100);
    w.add(Purchase, "a", "2011-01-02T00:00:00Z", "", "", "", 100);
    let tables = w.0.finish("EUR".to_owned());
    let calendar = london();
    let plan = Snapshot::new(&tables, at(AS_OF), &calendar).plan(&OPTIONS);
    assert_eq!(plan.spec().position("night_share"), None);
    assert!(plan.spec().position("weekend_share").is_some());
}

#[test]
fn a_plan_serves_later_snapshots() {
    let (mut before, calendar) = (tables(), london());
    let plan = Snapshot::new(&before, at(AS_OF), &calendar).plan(&OPTIONS);
    let text = serde_json::to_string(&plan).unwrap();
    let plan: bespoke::features::FeaturePlan = serde_json::from_str(&text).unwrap();
    let later = Snapshot::new(&before, at("2012-01-01T00:00:00Z"), &calendar).features_by(&plan).unwrap();
    assert_eq!(**later.spec(), plan.spec());
    let ann = before.customers.find("ann").unwrap();
    // The fax is a known channel of an order, but none of the plan's.
    assert_eq!(later.number("channel_share_web").unwrap()[ann], 3.0 / 5.0);
    assert_eq!(later.number("orders").unwrap()[ann], 6.0);

    before.currency = "USD".to_owned();
    let snapshot = Snapshot::new(&before, at(AS_OF), &calendar);
    assert_eq!(snapshot.features_by(&plan).unwrap_err().column, "currency");
    before.currency = "GBP".to_owned();
    let text = text.replacen("\"version\":1", "\"version\":0", 1);
    let old: bespoke::features::FeaturePlan = serde_json::from_str(&text).unwrap();
    let snapshot = Snapshot::new(&before, at(AS_OF), &calendar);
    assert_eq!(snapshot.features_by(&old).unwrap_err().column, "version");
    before.customers.attributes[0].values = before.customers.attributes[1].values.clone();
    let error = Snapshot::new(&before, at(AS_OF), &calendar).features_by(&plan).unwrap_err();
    assert_eq!((error.column.as_str(), error.table.as_str()), ("Age", "yes/no"));
    before.customers.attributes.remove(0);
    let error = Snapshot::new(&before, at(AS_OF), &calendar).features_by(&plan).unwrap_err();
    assert_eq!((error.column.as_str(), error.table.as_str()), ("Age", "no such attribute"));
}

#[test]
fn unknown_levels_are_pooled_or_missing() {
    let build = |levels: &[&str]| {
        let mut builder = TablesBuilder::default();
        let country = builder.attribute("country", AttributeKind::Category).unwrap();
        for (n, level) in levels.iter().enumerate() {
            let customer = builder.customer(&format!("c{n}"));
            builder.customer_attribute(customer, country, at(AS_OF), AttributeValue::Category(level));
        }
        builder.finish("EUR".to_owned())
    };
    let calendar = london();
    let cells = |planned: &[&str], used: &[&str]| -> Vec<Option<String>> {
        let options = FeatureOptions { min_customers: 2, ..OPTIONS };
        let plan = Snapshot::new(&build(planned), at(AS_OF), &calendar).plan(&options);
        let tables = build(used);
        let table = Snapshot::new(&tables, at(AS_OF), &calendar).features_by(&plan).unwrap();
        let FeatureKind::Category { levels } = &table.spec().features[0].kind else { panic!() };
        let Column::Category(codes) = &table.columns()[0] else { panic!() };
        let level = |n: usize| codes[tables.customers.find(&format!("c{n}")).unwrap()];
        (0..used.len()).map(|n| level(n).map(|code| levels[code as usize].clone())).collect()
    };
    let (fr, de, other) = (Some("FR".to_owned()), Some("DE".to_owned()), Some("(other)".to_owned()));
    assert_eq!(cells(&["FR", "FR", "DE", "DE"], &["DE", "PE", "FR"]), [de, None, fr.clone()]);
    assert_eq!(cells(&["FR", "FR", "DE"], &["DE", "PE", "FR"]), [other.clone(), other, fr]);
}

#[test]
fn purchases_reduce_to_days() {
    let (tables, calendar) = (tables(), london());
    let summary = purchase_summary(&tables, at(AS_OF), &calendar);
    let of = |id: &str| {
        let customer = tables.customers.find(id).unwrap() as u32;
        let row = summary.customers.iter().position(|&c| c == customer)?;
        Some((
            summary.repeat_orders[row],
            summary.age_at_last_order_days[row],
            summary.age_days[row],
            summary.mean_repeat_spend[row],
            summary.n_spend_days[row],
        ))
    };
    // Repeat days: 24.00 on 1 July, 6.00 on 15 October, 10.00 on 20 November; the refund changes nothing.
    assert_eq!(of("ann"), Some((3, 780.0, 790.0, Some(40.0 / 3.0), 3)));
    assert_eq!(of("one"), Some((0, 0.0, 0.0, None, 0)));
    assert_eq!((of("viewer"), of("refunder"), of("late")), (None, None, None));
}

#[test]
fn pairs_are_what_was_kept() {
    let mut w = World::default();
    let day = |n: u32| format!("2011-01-{n:02}T12:00:00Z");
    w.add_units(Purchase, "a", &day(1), "o1", "", "kept", 100, 3);
    w.add_units(Refund, "a", &day(2), "o1", "", "kept", 60, 2);
    w.add_units(Purchase, "a", &day(1), "o1", "", "returned", 100, 3);
    w.add_units(Refund, "a", &day(3), "o1", "", "returned", 100, 3);
    w.add_units(Purchase, "a", &day(4), "o2", "", "again", 100, 1);
    w.add_units(Refund, "a", &day(5), "o2", "", "again", 100, 1);
    w.add_units(Purchase, "a", &day(6), "o3", "", "again", 100, 1);
    w.add(Refund, "a", &day(6), "o3", "", "", 100);
    w.add(View, "a", &day(6), "", "", "seen", 0);
    w.add(Purchase, "a", &day(20), "o4", "", "later", 100);
    for (order, item, n) in [("g1", "kept", 2), ("g1", "kept", 1), ("g1", "seen", 3), ("g2", "kept", 4)] {
        w.add(Purchase, "", &day(n), order, "", item, 100);
    }
    w.add(Purchase, "", &day(5), "", "", "kept", 100);
    w.add(Purchase, "", &day(6), "", "", "kept", 100);
    w.add(Purchase, "", &day(20), "", "", "kept", 100);
    w.add(View, "", &day(6), "", "", "kept", 0);
    let tables = w.0.finish("EUR".to_owned());
    let got = interactions(&tables, at(&day(20)));
    let item = |name: &str| tables.items.find(name).unwrap() as u32;
    assert_eq!((got.n_customers(), got.n_items), (1, 5));
    assert_eq!(got.items_of(0), [item("again"), item("kept")]);
    assert_eq!(got.last_at, [at(&day(6)), at(&day(1))]);
    let guest = |name: &str, n: u32| GuestPurchase { item: item(name), at: at(&day(n)) };
    let guests = [guest("kept", 1), guest("seen", 3), guest("kept", 4), guest("kept", 5), guest("kept", 6)];
    assert_eq!(got.guests, guests);
    // Before the refund of day 3 the item was a taste.
    assert_eq!(interactions(&tables, at(&day(3))).items_of(0), [item("kept"), item("returned")]);

    let bought = items_bought_between(&tables, at(&day(2)), at(&day(20)));
    assert_eq!((bought.items_of(0), bought.starts.len()), (&[item("again")][..], 2));
    let bought = items_bought_between(&tables, at(&day(5)), at(&day(21)));
    assert_eq!(bought.items_of(0), [item("later")]);
}

#[test]
fn outcomes_count_from_the_first_instant_to_before_the_last() {
    let (tables, calendar) = (tables(), london());
    let row = |id: &str| tables.customers.find(id).unwrap();
    let (from, to) = (at("2011-06-30T23:30:00Z"), at(AS_OF));
    let bought = purchased_between(&tables, from, to);
    assert!(bought[row("ann")] && bought[row("one")]);
    assert!(!bought[row("late")] && !bought[row("viewer")] && !bought[row("refunder")]);
    assert!(!purchased_between(&tables, at("2009-10-01T10:00:00.001Z"), from)[row("ann")]);
    assert!(purchased_between(&tables, to, Timestamp(to.0 + 1))[row("ann")]);
    assert!(!purchased_between(&tables, to, from).contains(&true));

    let outcomes = orders_and_revenue_between(&tables, from, to, &calendar);
    let ann = row("ann");
    assert_eq!((outcomes.orders[ann], outcomes.purchase_days[ann], outcomes.revenue[ann]), (4, 3, 40.0));
    let viewer = row("viewer");
    assert_eq!(
        (outcomes.orders[viewer], outcomes.purchase_days[viewer], outcomes.revenue[viewer]),
        (0, 0, 0.0)
    );
}

#[test]
fn no_customers_at_all() {
    let tables = TablesBuilder::default().finish("EUR".to_owned());
    let calendar = london();
    let table = Snapshot::new(&tables, at(AS_OF), &calendar).features(&FeatureOptions::default());
    assert_eq!((table.n_rows(), table.columns().len()), (0, 0));
    assert!(purchase_summary(&tables, at(AS_OF), &calendar).is_empty());
    assert_eq!(interactions(&tables, at(AS_OF)).starts, [0]);
    assert_eq!(items_bought_between(&tables, at(AS_OF), at(AS_OF)).starts, [0]);
    assert!(orders_and_revenue_between(&tables, at(AS_OF), at(AS_OF), &calendar).orders.is_empty());
}
