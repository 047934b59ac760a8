//! A world is what it says: statistical checks, and determinism.

mod baskets;
mod laws;
mod letters;
mod orders;
mod people;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};

use bespoke::types::{Days, EventKind};

use super::*;
use crate::calendar::HOUR_MS;
use crate::checks::{
    assert_moments, assert_shares, assert_sum, bernoulli, check_folder, check_job, check_seeds, texts,
};

fn world(n_customers: usize, seed: u64) -> RetailWorld {
    RetailWorld::new(RetailParams::new(n_customers, 300, seed)).expect("parameters are in range")
}

fn changed(n_customers: usize, seed: u64, change: impl Fn(&mut RetailParams)) -> RetailWorld {
    let mut params = RetailParams::new(n_customers, 300, seed);
    change(&mut params);
    RetailWorld::new(params).expect("parameters are in range")
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
    ordinary(customer).map(|(_, line)| line.order).collect::<BTreeSet<u32>>().len()
}

/// Lines of the clock's orders; what is bought of offers comes on top of them.
fn ordinary(customer: &Customer) -> impl Iterator<Item = (&Event, Line)> {
    let lines = purchases(customer).filter_map(|event| Some((event, event.line?)));
    lines.filter(|(_, line)| line.answers.is_none())
}

/// Instants of the clock's orders.
fn order_times(customer: &Customer) -> BTreeSet<Timestamp> {
    ordinary(customer).map(|(event, _)| event.time).collect()
}

/// The same lives among the same items and offers, seen for longer: nothing but the window differs. Consents are
/// withdrawn at a part of the window, so nobody may withdraw theirs; first orders need days of their own.
fn longer(world: &RetailWorld, days: Days) -> RetailWorld {
    let mut params = world.params().clone();
    assert!(params.joining.is_some() && params.mails.p_withdraw == 0.0);
    params.days = Days(params.days.0 + days.0);
    let made = RetailWorld::new(params).expect("parameters are in range");
    RetailWorld { catalogue: world.catalogue.clone(), offers: world.offers.clone(), ..made }
}

fn yes(is: bool) -> f64 {
    f64::from(u8::from(is))
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
fn the_world_is_written_as_every_world() {
    check_seeds(world, &[]);
    let irrelevant = changed(10, 16, |params| params.demographics.n_irrelevant = 3);
    // For those who link sessions and measure offers; the engine reads none of them.
    check_job(&irrelevant, &["parent_id", "variant", "session_id", "offer_id"]);
    let of_customers = ["assignments", "consents", "customers", "events", "items", "offers", "sessions"];
    let truths = ["truth", "truth_items", "truth_sessions", "truth_tastes", "truth_uplift"];
    let others = [&["surveys", "tickets"][..], &truths].concat();
    check_folder(&world(200, 17), &[&of_customers[..], &others].concat());
    let texts = texts(&world(200, 15), 1);
    let n_rows = |name: &str| texts[name].iter().filter(|&&byte| byte == b'\n').count() - 1;
    assert_eq!(["customers", "truth", "items"].map(n_rows), [200, 200, 300]);
}
