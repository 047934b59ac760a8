//! A world is what it says: statistical checks, and determinism.

mod baskets;
mod letters;
mod orders;
mod people;

use std::collections::{BTreeMap, BTreeSet};

use bespoke::types::{Days, EventKind};

use super::*;
use crate::checks::{assert_sum, check_folder, check_job, check_seeds, texts};

fn world(n_customers: usize, seed: u64) -> RetailWorld {
    RetailWorld::new(RetailParams::new(n_customers, 300, seed)).expect("parameters are in range")
}

fn changed(n_customers: usize, seed: u64, change: impl Fn(&mut RetailParams)) -> RetailWorld {
    let mut params = RetailParams::new(n_customers, 300, seed);
    change(&mut params);
    RetailWorld::new(params).expect("parameters are in range")
}

fn bytes(world: &RetailWorld) -> [Vec<u8>; 4] {
    let mut texts = texts(world, 1);
    ["items", "customers", "events", "truth"].map(|name| texts.remove(name).expect("a table of that name"))
}

/// Probability of leaving after an order.
fn p_dropout(truth: &Truth) -> f64 {
    let Leaving::AfterOrder(p) = truth.leaving else { panic!("another clock") };
    p
}

/// Weeks from the first order to the end of the window, by the persona's own clock.
fn weeks_observed(world: &RetailWorld, truth: &Truth) -> Option<f64> {
    let clock = &world.clocks[truth.persona];
    let activity = |at| clock.activity(world.origin(), at);
    truth.first_order_at.map(|first| activity(world.end_at()) - activity(first))
}

fn n_orders(customer: &Customer) -> usize {
    // What is bought of offers comes on top of the clock's orders and has the numbers after them.
    let n_offers = customer.assignments.iter().filter(|assignment| assignment.is_bought).count();
    let orders: BTreeSet<u32> = purchases(customer).filter_map(|e| e.line).map(|line| line.order).collect();
    orders.len() - n_offers
}

fn purchases(customer: &Customer) -> impl Iterator<Item = &Event> {
    customer.events.iter().filter(|e| e.kind == EventKind::Purchase)
}

fn share_of(world: &RetailWorld, kind: EventKind) -> (f64, f64) {
    let (mut of_kind, mut purchases) = (0.0, 0.0);
    for customer in world.customers() {
        of_kind += customer.events.iter().filter(|e| e.kind == kind).count() as f64;
        purchases += self::purchases(&customer).count() as f64;
    }
    (of_kind, purchases)
}

fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let sum = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
    let (xx, yy) = (sum(&|p| (p.0 - x) * (p.0 - x)), sum(&|p| (p.1 - y) * (p.1 - y)));
    sum(&|p| (p.0 - x) * (p.1 - y)) / libm::sqrt(xx * yy)
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
fn the_world_is_written_as_every_world() {
    check_seeds(world, &[]);
    let irrelevant = changed(10, 16, |params| params.demographics.n_irrelevant = 3);
    // For those who link sessions and measure offers; the engine reads none of them.
    check_job(&irrelevant, &["parent_id", "variant", "session_id", "offer_id"]);
    let of_customers = ["assignments", "consents", "customers", "events", "items", "offers", "sessions"];
    let truths = ["truth", "truth_items", "truth_sessions", "truth_tastes", "truth_uplift"];
    let others = [&["surveys", "tickets"][..], &truths].concat();
    check_folder(&world(200, 17), &[&of_customers[..], &others].concat());
}
