//! A world is what it says: statistical checks, and determinism.

use super::*;
use crate::checks::{assert_sum, bernoulli, check_folder, check_job, check_seeds};

fn made(params: SubscriptionParams) -> SubscriptionWorld {
    SubscriptionWorld::new(params).expect("parameters are in range")
}

fn world(n_customers: usize, seed: u64) -> SubscriptionWorld {
    made(SubscriptionParams::new(n_customers, seed))
}

fn yes(is: bool) -> f64 {
    f64::from(u8::from(is))
}

#[test]
fn cancellations_follow_the_hazard_at_every_level_of_its_covariates() {
    let world = world(20_000, 1);
    let decisions: Vec<Decision> = world.customers().flat_map(|customer| customer.decisions).collect();
    let check = |what: &str, at_least: usize, wanted: &dyn Fn(&Decision) -> bool| {
        let chosen: Vec<&Decision> = decisions.iter().filter(|d| wanted(d)).collect();
        assert!(chosen.len() >= at_least, "{what}: {}", chosen.len());
        let parts: Vec<_> = chosen.iter().map(|d| bernoulli(d.p_leave)).collect();
        assert_sum(what, chosen.iter().map(|d| yes(d.has_left)).sum(), &parts);
    };
    check("all", 100_000, &|_| true);
    check("first months", 10_000, &|d| d.tenure <= 2);
    check("long tenure", 10_000, &|d| d.tenure > 12);
    check("steady", 10_000, &|d| d.engagement == Engagement::Steady);
    check("fading", 5_000, &|d| d.engagement == Engagement::Fading);
    check("dormant", 2_000, &|d| d.engagement == Engagement::Dormant);
    check("tickets", 5_000, &|d| d.n_tickets > 0);
    check("price rise", 2_000, &|d| d.rise > 0.0);
    check("yearly", 2_000, &|d| d.plan.is_yearly);
    check("basic", 10_000, &|d| d.plan.tier == 0);
}

#[test]
fn the_hazard_moves_with_every_covariate() {
    let decisions: Vec<Decision> = world(5_000, 2).customers().flat_map(|c| c.decisions).collect();
    let share = |wanted: &dyn Fn(&Decision) -> bool| {
        let chosen: Vec<f64> = decisions.iter().filter(|d| wanted(d)).map(|d| yes(d.has_left)).collect();
        chosen.iter().sum::<f64>() / chosen.len() as f64
    };
    assert!(
        share(&|d| d.engagement == Engagement::Dormant)
            > 2.0 * share(&|d| d.engagement == Engagement::Steady)
    );
    assert!(share(&|d| d.n_tickets > 0) > 1.2 * share(&|d| d.n_tickets == 0));
    assert!(share(&|d| d.rise > 0.0) > 1.4 * share(&|d| d.rise == 0.0));
    assert!(share(&|d| d.plan.tier == 0) > share(&|d| d.plan.tier == 3));
}

/// The same lives, seen for longer: nothing but the window differs.
fn longer(world: &SubscriptionWorld, days: u32) -> SubscriptionWorld {
    let params = world.params().clone();
    made(SubscriptionParams { days: Days(params.days.0 + days), ..params })
}

#[test]
fn a_longer_window_continues_the_same_lives() {
    let short = world(300, 3);
    for (now, later) in short.customers().zip(longer(&short, 200).customers()) {
        assert!(later.events.starts_with(&now.events) && later.decisions.starts_with(&now.decisions));
        assert_eq!((now.id, now.joined_at, now.age), (later.id, later.joined_at, later.age));
    }
}

/// Checks the outlook of a world against what happens in the days after it.
fn assert_outlook(short: &SubscriptionWorld) {
    let (end, after) = (short.end_at(), longer(short, VALUE_DAYS.0));
    let horizon_end = end.plus(short.params().horizon);
    let (mut left, mut next, mut value) = (0.0, 0.0, 0.0);
    let (mut left_parts, mut next_parts, mut value_parts) = (Vec::new(), Vec::new(), Vec::new());
    for (now, later) in short.customers().zip(after.customers()) {
        let Some(outlook) = now.truth.outlook else { continue };
        let leaves_at = later.contracts[now.contracts.len() - 1..].iter().find_map(|contract| {
            contract.ended.filter(|(_, reason)| *reason != EndReason::Changed).map(|(at, _)| at)
        });
        let revenue: f64 = (later.events.iter())
            .filter(|e| e.time >= end && leaves_at.is_none_or(|at| e.time < at))
            .filter_map(|e| e.price)
            .map(bespoke::types::Money::units)
            .sum();
        left += yes(leaves_at.is_some_and(|at| at < horizon_end));
        // Every contract that runs is due within a period.
        next += yes(leaves_at.is_some_and(|at| at < end.plus(PERIOD)));
        value += revenue;
        left_parts.push(bernoulli(outlook.p_leave_within));
        next_parts.push(bernoulli(outlook.p_leave_next));
        // The squared residual stands for the variance, which has no short form.
        value_parts.push((outlook.remaining_value, (revenue - outlook.remaining_value).powi(2)));
    }
    assert!(left_parts.len() > 3_000, "{}", left_parts.len());
    assert_sum("left within the horizon", left, &left_parts);
    assert_sum("left when next due", next, &next_parts);
    assert_sum("value", value, &value_parts);
}

#[test]
fn the_outlook_is_what_happens() {
    let params = SubscriptionParams::new(15_000, 4);
    // The second window ends before both price rises, the third in the middle of first contracts.
    assert_outlook(&made(params.clone()));
    assert_outlook(&made(SubscriptionParams { days: Days(290), joining_days: Days(250), ..params.clone() }));
    assert_outlook(&made(SubscriptionParams {
        days: Days(60),
        joining_days: Days(60),
        overlap: 0.9,
        ..params
    }));
}

#[test]
fn usage_follows_engagement() {
    let world = world(4_000, 5);
    let (mut used, mut parts) = ([0.0; 3], [const { Vec::new() }; 3]);
    for customer in world.customers() {
        for decision in &customer.decisions {
            let from = decision.at.minus(PERIOD);
            let is_use = |e: &&Event| e.what == Happening::Usage && e.time >= from && e.time < decision.at;
            let state = decision.engagement as usize;
            used[state] += customer.events.iter().filter(is_use).count() as f64;
            let p = customer.truth.p_use * decision.engagement.usage_share();
            parts[state].push((30.0 * p, 30.0 * p * (1.0 - p)));
        }
    }
    for state in Engagement::ALL {
        assert_sum(state.name(), used[state as usize], &parts[state as usize]);
    }
}

#[test]
fn tickets_failed_payments_and_add_ons_have_their_rates() {
    let world = world(8_000, 6);
    let (mut tickets, mut parts) = (0.0, Vec::new());
    let (mut failures, mut payments) = ([0.0; 5], [0.0; 5]);
    for customer in world.customers() {
        let persona = &world.personas()[customer.truth.persona];
        for decision in &customer.decisions {
            tickets += f64::from(decision.n_tickets);
            parts.push((persona.tickets, persona.tickets));
        }
        let count = |what| customer.events.iter().filter(|e| e.what == what).count() as f64;
        failures[customer.truth.persona] += count(Happening::PaymentFailed);
        // A first payment never fails.
        let joined = customer.contracts.iter().enumerate();
        let joined = joined.filter(|&(n, c)| {
            n == 0 || customer.contracts[n - 1].ended.is_none_or(|(at, _)| at < c.started_at)
        });
        payments[customer.truth.persona] += count(Happening::Payment) - joined.count() as f64;
    }
    assert_sum("tickets", tickets, &parts);
    for (k, persona) in world.personas().iter().enumerate() {
        // Attempts that fail per payment due: q (1 + 0.5 + 0.3); paid are 1 - 0.3 q of those due.
        let q = persona.p_payment_fails;
        let due = payments[k] / (1.0 - 0.3 * q);
        // The number of failures of a due payment has second moment q (0.5 + 0.2 4 + 0.3 9).
        assert_sum(persona.name, failures[k], &[(due * 1.8 * q, due * 4.0 * q)]);
    }
}

#[test]
fn involuntary_ends_and_win_backs_have_their_rates() {
    let world = made(SubscriptionParams { overlap: 1.0, ..SubscriptionParams::new(15_000, 7) });
    let persona = &world.personas()[0];
    let (mut failed, mut due, mut back, mut back_parts) = (0.0, 0.0, 0.0, Vec::new());
    for customer in world.customers() {
        for (n, contract) in customer.contracts.iter().enumerate() {
            let Some((at, reason)) = contract.ended.filter(|(_, r)| *r != EndReason::Changed) else {
                continue;
            };
            failed += yes(reason == EndReason::PaymentFailed);
            let first_return =
                Timestamp(at.0 - 12 * 3_600_000 * i64::from(reason == EndReason::PaymentFailed));
            if first_return.plus(PERIOD) < world.end_at() {
                let returned = customer.contracts.get(n + 1).map(|next| next.started_at);
                back += yes(returned == Some(first_return.plus(PERIOD)));
                back_parts.push(bernoulli(persona.p_return));
            }
        }
        due += customer.events.iter().filter(|e| e.what == Happening::Payment).count() as f64;
    }
    let joins: f64 = world.customers().map(|c| c.contracts.len() as f64).sum();
    assert!(joins > 15_000.0 && back_parts.len() > 2_000);
    assert_sum("win-backs", back, &back_parts);
    // Of the payments counted one per joining never fails; those that end a contract are not among them.
    let p = 0.3 * persona.p_payment_fails;
    assert_sum("failed", failed, &[(p * (due + failed - 15_000.0 - back), p * due)]);
}

#[test]
fn contracts_follow_one_another_and_payments_lie_within() {
    let world = world(2_000, 8);
    let mut reasons = [0; 3];
    for customer in world.customers() {
        assert!(customer.events.is_sorted_by_key(|e| e.time));
        assert!(customer.events.iter().all(|e| e.time >= customer.joined_at && e.time < world.end_at()));
        assert_eq!(customer.contracts[0].started_at, customer.joined_at);
        for pair in customer.contracts.windows(2) {
            let (ended_at, reason) = pair[0].ended.expect("another contract follows");
            assert_eq!(ended_at == pair[1].started_at, reason == EndReason::Changed);
            assert!(ended_at <= pair[1].started_at);
            reasons[reason as usize] += 1;
        }
        let runs = customer.contracts.last().is_some_and(|contract| contract.ended.is_none());
        assert_eq!(runs, customer.truth.outlook.is_some());
        for payment in customer.events.iter().filter(|e| e.what == Happening::Payment) {
            let contract = customer.contracts.iter().rev().find(|c| c.started_at <= payment.time);
            let contract = contract.expect("a contract is paid");
            assert_eq!(payment.item, contract.plan.item());
            assert!(contract.ended.is_none_or(|(at, _)| payment.time < at));
            assert!(payment.price >= Some(contract.price));
        }
    }
    assert!(reasons.iter().all(|&n| n > 10), "{reasons:?}");
}

#[test]
fn yearly_contracts_are_left_by_choice_only_after_whole_years() {
    let mut n_yearly = 0;
    for customer in world(4_000, 9).customers() {
        for decision in customer.decisions.iter().filter(|d| d.plan.is_yearly) {
            let contract = customer.contracts.iter().rev().find(|c| c.started_at < decision.at);
            let days = (decision.at.0 - contract.expect("it was running").started_at.0) / Timestamp::DAY_MS;
            assert!(days > 0 && days % 360 == 0, "{days}");
            n_yearly += 1;
        }
    }
    assert!(n_yearly > 500);
}

#[test]
fn demographics_are_missing_as_often_as_said() {
    let mut missing = [0.0; 3];
    for customer in world(10_000, 10).customers() {
        missing[0] += yes(customer.age.is_none());
        missing[1] += yes(customer.household_size.is_none());
        missing[2] += yes(customer.acquired_via.is_none());
        assert!(customer.age.is_none_or(|age| (18..=90).contains(&age)));
    }
    for (n, p) in missing.into_iter().zip([0.08, 0.12, 0.05]) {
        assert_sum(p, n, &[(10_000.0 * p, 10_000.0 * p * (1.0 - p))]);
    }
}

#[test]
fn the_dial_blurs_usage() {
    let spread = |overlap: f64| {
        let world = made(SubscriptionParams { overlap, ..SubscriptionParams::new(5_000, 11) });
        let (mut sums, mut counts) = ([0.0; 5], [0.0; 5]);
        for truth in world.customers().map(|customer| customer.truth) {
            sums[truth.persona] += truth.p_use;
            counts[truth.persona] += 1.0;
        }
        sums[4] / counts[4] - sums[3] / counts[3]
    };
    assert!(spread(0.0) > 0.35 && spread(1.0).abs() < 0.02, "{} {}", spread(0.0), spread(1.0));
}

#[test]
fn the_world_is_written_as_every_world() {
    check_seeds(world, &["items"]);
    check_job(&world(10, 15), &["joined_at"]);
    check_folder(&world(20, 16), &["contracts", "customers", "events", "items", "truth", "truth_hazard"]);
}

#[test]
fn every_bound_is_kept() {
    let good = SubscriptionParams::new(1, 1);
    let refused =
        |params: SubscriptionParams| SubscriptionWorld::new(params).expect_err("out of range").field;
    assert!(SubscriptionWorld::new(good.clone()).is_ok());
    assert_eq!(refused(SubscriptionParams { n_customers: 0, ..good.clone() }), "subscription.n_customers");
    assert_eq!(refused(SubscriptionParams { days: Days(59), ..good.clone() }), "subscription.days");
    assert_eq!(refused(SubscriptionParams { days: Days(3_651), ..good.clone() }), "subscription.days");
    for joining_days in [Days(0), Days(732)] {
        let params = SubscriptionParams { joining_days, ..good.clone() };
        assert_eq!(refused(params), "subscription.joining_days");
    }
    for horizon in [Days(0), Days(366)] {
        assert_eq!(refused(SubscriptionParams { horizon, ..good.clone() }), "subscription.horizon");
    }
    for start_at in [Timestamp(-1), Timestamp(4_102_444_800_001)] {
        assert_eq!(refused(SubscriptionParams { start_at, ..good.clone() }), "subscription.start_at");
    }
    for overlap in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
        assert_eq!(refused(SubscriptionParams { overlap, ..good.clone() }), "subscription.overlap");
    }
}
