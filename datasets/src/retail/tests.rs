//! A world is what it says: statistical checks, and determinism.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use bespoke::types::EventKind;

use super::*;
use crate::sink::MemoryFolder;

fn world(n_customers: usize, seed: u64) -> RetailWorld {
    RetailWorld::new(RetailParams::new(n_customers, 300, seed)).expect("parameters are in range")
}

fn bytes(world: &RetailWorld) -> [Vec<u8>; 4] {
    let mut folder = MemoryFolder::default();
    world.write_tables(&mut folder, || ()).expect("memory does not fail");
    let mut texts = folder.into_texts();
    ["items", "customers", "events", "truth"].map(|name| texts.remove(name).expect("a table of that name"))
}

/// Weeks from the first order to the end of the window, by the persona's own clock.
fn weeks_observed(world: &RetailWorld, truth: &Truth) -> Option<f64> {
    let clock = &world.clocks[truth.persona];
    let activity = |at| clock.activity(world.origin(), at);
    truth.first_order_at.map(|first| activity(world.end_at()) - activity(first))
}

fn n_orders(customer: &Customer) -> usize {
    let orders: BTreeSet<u32> = purchases(customer).filter_map(|e| e.line).map(|line| line.order).collect();
    orders.len()
}

fn purchases(customer: &Customer) -> impl Iterator<Item = &Event> {
    customer.events.iter().filter(|e| e.kind == EventKind::Purchase)
}

/// `got` within `n_errors` standard errors of the sum of independent `(expected, variance)`.
fn assert_sum(what: impl Display, got: f64, parts: &[(f64, f64)]) {
    let expected: f64 = parts.iter().map(|p| p.0).sum();
    let error = libm::sqrt(parts.iter().map(|p| p.1).sum());
    assert!((got - expected).abs() < 4.5 * error, "{what}: {got} is not {expected} +- {error}");
}

fn share_of(world: &RetailWorld, kind: EventKind) -> (f64, f64) {
    let (mut of_kind, mut purchases) = (0.0, 0.0);
    for customer in world.customers() {
        of_kind += customer.events.iter().filter(|e| e.kind == kind).count() as f64;
        purchases += self::purchases(&customer).count() as f64;
    }
    (of_kind, purchases)
}

#[test]
fn personas_have_their_shares() {
    let world = world(6_000, 1);
    let mut counts = [0.0; 5];
    for customer in world.customers() {
        counts[customer.truth.persona] += 1.0;
    }
    for (count, persona) in counts.iter().zip(world.personas()) {
        let p = persona.share;
        assert_sum(persona.name, *count, &[(6_000.0 * p, 6_000.0 * p * (1.0 - p))]);
    }
}

#[test]
fn rates_and_dropouts_are_gamma_and_beta() {
    let world = world(6_000, 2);
    let truths: Vec<Truth> = world.customers().map(|c| c.truth).collect();
    for (k, persona) in world.personas().iter().enumerate() {
        let members: Vec<&Truth> = truths.iter().filter(|t| t.persona == k).collect();
        let n = members.len() as f64;
        let (r, alpha, a, b) = (persona.rate_shape, persona.rate_weeks, persona.leave_a, persona.leave_b);
        let rates = members.iter().map(|t| t.orders_per_week).sum();
        assert_sum(persona.name, rates, &[(n * r / alpha, n * r / (alpha * alpha))]);
        let dropouts = members.iter().map(|t| t.p_dropout).sum();
        let variance = a * b / ((a + b) * (a + b) * (a + b + 1.0));
        assert_sum(persona.name, dropouts, &[(n * a / (a + b), n * variance)]);
    }
}

#[test]
fn orders_and_leaving_follow_mbg_nbd() {
    let world = world(20_000, 3);
    let (mut repeats, mut alive) = (0.0, 0.0);
    let (mut repeat_parts, mut alive_parts) = (Vec::new(), Vec::new());
    for customer in world.customers() {
        let Some(weeks) = weeks_observed(&world, &customer.truth) else { continue };
        let (lambda, p) = (customer.truth.orders_per_week, customer.truth.p_dropout);
        let gone = lambda * p * weeks;
        let mean = -libm::expm1(-gone) * (1.0 - p) / p;
        let n_repeats = n_orders(&customer) as f64 - 1.0;
        // The squared residual stands for the variance, which has no short form.
        repeat_parts.push((mean, (n_repeats - mean) * (n_repeats - mean)));
        repeats += n_repeats;
        let p_alive = (1.0 - p) * libm::exp(-gone);
        alive_parts.push((p_alive, p_alive * (1.0 - p_alive)));
        alive += f64::from(u8::from(customer.truth.alive_until.is_none()));
    }
    assert_sum("repeat orders", repeats, &repeat_parts);
    assert_sum("alive at the end", alive, &alive_parts);
    let n = repeat_parts.len() as f64;
    assert_sum("buyers", n, &[(20_000.0 * (1.0 - P_PROSPECT), 20_000.0 * P_PROSPECT)]);
    assert!(repeats / n > 2.0 && alive / n > 0.2 && alive / n < 0.8, "{} {}", repeats / n, alive / n);
}

#[test]
fn lines_are_sound_and_times_never_go_back() {
    let world = world(1_500, 4);
    let mut kinds = BTreeSet::new();
    for customer in world.customers() {
        assert!(customer.events.is_sorted_by_key(|e| e.time));
        for (n, event) in customer.events.iter().enumerate() {
            kinds.insert(event.kind);
            assert!(event.time >= world.params().start_at && event.time < world.end_at());
            assert!(!customer.events[..n].contains(event), "{} {event:?} twice", customer.id);
            let is_line = matches!(event.kind, EventKind::Purchase | EventKind::Refund);
            assert_eq!(event.line.is_some(), is_line);
            assert!(event.line.is_none_or(|line| line.price.0 > 0 && line.quantity > 0));
            let item = &world.items()[event.item as usize];
            assert!(event.kind != EventKind::Purchase || item.is_available(event.time));
        }
        let leaves = customer.truth.alive_until;
        assert!(leaves.is_none_or(|at| purchases(&customer).all(|e| e.time <= at)));
    }
    let all = EventKind::ALL.into_iter().filter(|&k| k != EventKind::CartRemove);
    assert_eq!(kinds, all.collect());
}

#[test]
fn refunds_belong_to_a_purchase_and_are_about_three_percent() {
    let world = world(4_000, 5);
    let (refunds, purchases) = share_of(&world, EventKind::Refund);
    let share = refunds / purchases;
    assert!((0.015..0.04).contains(&share), "{share}");
    for customer in world.customers() {
        for refund in customer.events.iter().filter(|e| e.kind == EventKind::Refund) {
            let line = refund.line.expect("refunds are lines");
            let bought = self::purchases(&customer)
                .find(|e| e.item == refund.item && e.line.is_some_and(|l| l.order == line.order));
            let bought = bought.expect("what comes back was bought");
            let original = bought.line.expect("purchases are lines");
            assert!(bought.time < refund.time && line.quantity <= original.quantity);
            assert_eq!(line.price, original.price);
        }
    }
}

#[test]
fn durables_are_seldom_bought_twice_and_consumables_often() {
    let world = world(4_000, 6);
    let mut repeated = [0.0; 2];
    let mut bought = [0.0; 2];
    for customer in world.customers() {
        let mut seen = BTreeSet::new();
        for event in purchases(&customer) {
            let consumable = usize::from(world.items()[event.item as usize].is_consumable());
            bought[consumable] += 1.0;
            repeated[consumable] += f64::from(u8::from(!seen.insert(event.item)));
        }
    }
    assert!(repeated[0] / bought[0] < 0.02, "{repeated:?} of {bought:?}");
    assert!(repeated[1] / bought[1] > 0.2, "{repeated:?} of {bought:?}");
}

#[test]
fn the_weekend_and_tastes_follow_the_persona() {
    let params = RetailParams { overlap: 0.0, ..RetailParams::new(6_000, 300, 7) };
    let world = RetailWorld::new(params).expect("parameters are in range");
    let mut weekend = [0.0; 5];
    let mut pet_food = [0.0; 5];
    let mut n = [0.0; 5];
    for customer in world.customers() {
        for event in purchases(&customer) {
            let day = (event.time.0 - world.origin().0) / Timestamp::DAY_MS % 7;
            weekend[customer.truth.persona] += f64::from(u8::from(day >= 5));
            let category = CATEGORIES[world.items()[event.item as usize].category];
            pet_food[customer.truth.persona] += f64::from(u8::from(category == "pet food"));
            n[customer.truth.persona] += 1.0;
        }
    }
    for (k, persona) in world.personas().iter().enumerate() {
        assert!((weekend[k] / n[k] - persona.weekend_share).abs() < 0.04, "{}", persona.name);
    }
    assert!(pet_food[4] / n[4] > 0.12 && pet_food[2] / n[2] < 0.02);
}

#[test]
fn demographics_are_missing_as_often_as_said() {
    let world = world(10_000, 8);
    let (mut age, mut household) = (0, 0);
    for customer in world.customers() {
        age += usize::from(customer.age.is_none());
        household += usize::from(customer.household_size.is_none());
        assert!(customer.age.is_none_or(|a| (18..=90).contains(&a)));
        assert!(customer.household_size.is_none_or(|size| size >= 1));
    }
    assert_sum("age", age as f64, &[(800.0, 736.0)]);
    assert_sum("household", household as f64, &[(1200.0, 1056.0)]);
}

#[test]
fn items_cover_what_guardrails_look_at() {
    let world = world(1, 9);
    let end = world.end_at();
    let count = |test: &dyn Fn(&Item) -> bool| world.items().iter().filter(|item| test(item)).count();
    assert!(count(&|i| i.stock == Some(0)) > 3);
    assert!(count(&|i| i.available_to.is_some_and(|to| to <= end)) > 10);
    assert!(count(&|i| i.available_from.is_some_and(|from| from >= end)) > 2);
    assert!(count(&|i| i.is_available(end)) > 200);
    assert_eq!(count(&|i| i.price.0 < 5_000), 0);
    let backwards = |i: &Item| i.available_from.zip(i.available_to).is_some_and(|(from, to)| from > to);
    assert_eq!(count(&backwards), 0);
}

#[test]
fn fatigue_and_leaving_silence_clicks() {
    let world = world(10_000, 10);
    // First showing and later ones, to those who are still customers.
    let (mut shown, mut clicked) = ([0.0_f64; 2], [0.0_f64; 2]);
    for customer in world.customers() {
        let mut n_shown: BTreeMap<u32, usize> = BTreeMap::new();
        for event in &customer.events {
            let until = customer.truth.alive_until;
            let times = n_shown.entry(event.item).or_default();
            if event.kind == EventKind::Exposure {
                *times += 1;
            }
            let is_alive = until.is_none_or(|until| event.time < until);
            match event.kind {
                EventKind::Exposure if is_alive => shown[usize::from(*times > 1)] += 1.0,
                EventKind::Click => {
                    // A mail opened just before leaving may be clicked a minute after.
                    assert!(until.is_none_or(|until| event.time.0 < until.0 + 60_000), "{}", customer.id);
                    clicked[usize::from(*times > 1)] += 1.0;
                }
                _ => {}
            }
        }
    }
    let (first, again) = (clicked[0] / shown[0], clicked[1] / shown[1]);
    assert!((first - 0.12).abs() < 0.006, "{first}");
    assert!((0.05..0.084).contains(&again), "{again}");
}

#[test]
fn the_dial_blurs_ages() {
    let spread = |overlap: f64| {
        let params = RetailParams { overlap, ..RetailParams::new(10_000, 300, 11) };
        let world = RetailWorld::new(params).expect("parameters are in range");
        let (mut sums, mut counts) = ([0.0; 5], [0.0; 5]);
        for customer in world.customers() {
            if let Some(age) = customer.age {
                sums[customer.truth.persona] += f64::from(age);
                counts[customer.truth.persona] += 1.0;
            }
        }
        let mean = |k: usize| sums[k] / counts[k];
        mean(0) - mean(3)
    };
    assert!((spread(0.0) - 25.0).abs() < 1.5);
    assert!((spread(0.6) - 10.0).abs() < 1.5);
    assert!(spread(1.0).abs() < 1.0);
}

#[test]
fn same_seed_same_bytes_and_another_seed_differs() {
    let first = bytes(&world(300, 12));
    assert_eq!(first, bytes(&world(300, 12)));
    let other = bytes(&world(300, 13));
    assert!(first.iter().zip(&other).all(|(a, b)| a != b));
}

#[test]
fn a_larger_world_begins_with_the_smaller_one() {
    let (small, large) = (bytes(&world(100, 14)), bytes(&world(150, 14)));
    assert_eq!(small[0], large[0]);
    for file in 1..4 {
        assert!(large[file].starts_with(&small[file]) && large[file].len() > small[file].len());
    }
}

#[test]
fn files_and_tables_tell_the_same() {
    let world = world(200, 15);
    let tables = world.tables();
    let [items, customers, events, truth] =
        bytes(&world).map(|file| String::from_utf8(file).expect("text").lines().count() - 1);
    assert_eq!((items, customers, truth), (tables.items.len(), tables.customers.len(), customers));
    assert_eq!(events, tables.events.len());
    assert_eq!(customers, 200);
}

#[test]
fn the_job_maps_columns_that_are_there_and_never_the_truth() {
    let world = world(10, 16);
    let job: toml::Table = job::text(&world).parse().expect("the job is TOML");
    let [items, customers, events, _] = bytes(&world).map(|file| String::from_utf8(file).expect("text"));
    let sources = job["source"].as_table().expect("a table");
    assert_eq!(sources.keys().collect::<Vec<_>>(), ["customers", "events", "items"]);
    for (name, file) in [("customers", customers), ("events", events), ("items", items)] {
        let source = &sources[name];
        assert_eq!(source["path"].as_str(), Some(format!("{name}.csv").as_str()));
        let attributes = source.get("customer_attributes").and_then(toml::Value::as_table);
        let attributes = attributes.into_iter().flatten().map(|(_, attribute)| &attribute["column"]);
        let mapped = source["columns"].as_table().expect("a table").iter().map(|(_, column)| column);
        let mut mapped: Vec<_> = mapped.chain(attributes).filter_map(toml::Value::as_str).collect();
        let mut header: Vec<_> = file.lines().next().expect("a header").split(',').collect();
        mapped.sort_unstable();
        header.sort_unstable();
        assert_eq!(mapped, header, "{name}");
    }
}

#[test]
fn a_folder_gets_five_files() {
    let dir = std::env::temp_dir().join(format!("bespoke-world-{}", std::process::id()));
    let world = world(20, 17);
    let mut n_calls = 0;
    let written = world.write_to(&dir, || n_calls += 1).expect("the folder for temporary files is writable");
    assert_eq!((written.n_customers, written.n_items, n_calls), (20, 300, 20));
    let names = ["items", "customers", "events", "truth"].map(|name| dir.join(name).with_extension("csv"));
    assert_eq!(names.map(|path| std::fs::read(path).expect("it was written")), bytes(&world));
    assert!(dir.join("bespoke.toml").is_file());
    std::fs::remove_dir_all(&dir).expect("what was made can be removed");
}

#[test]
fn every_bound_is_kept() {
    let good = RetailParams::new(1, 30, 1);
    let refused = |params: RetailParams| RetailWorld::new(params).expect_err("out of range").field;
    assert!(RetailWorld::new(good.clone()).is_ok());
    assert_eq!(refused(RetailParams { n_customers: 0, ..good.clone() }), "retail.n_customers");
    assert_eq!(refused(RetailParams { n_items: 29, ..good.clone() }), "retail.n_items");
    assert_eq!(refused(RetailParams { days: Days(27), ..good.clone() }), "retail.days");
    assert_eq!(refused(RetailParams { start_at: Timestamp(-1), ..good.clone() }), "retail.start_at");
    for overlap in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
        assert_eq!(refused(RetailParams { overlap, ..good.clone() }), "retail.overlap");
    }
}
