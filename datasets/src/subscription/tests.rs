//! A world is what it says: statistical checks, and determinism.

use super::*;
use crate::calendar::HOUR_MS;
use crate::checks::{
    assert_moments, assert_shares, assert_sum, bernoulli, check_folder, check_job, check_seeds, texts,
};

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
fn the_true_hazard_is_the_equation() {
    let world = world(4_000, 21);
    let mut n_checked = 0;
    for customer in world.customers() {
        let persona = &world.personas()[customer.truth.persona];
        for decision in &customer.decisions {
            let tier = [0.25, 0.0, -0.15, -0.35][decision.plan.tier];
            let logit = persona.leave_logit + customer.truth.frailty
                - 0.25 * (1.0 + f64::from(decision.tenure)).ln()
                + [0.0, 0.9, 1.7][decision.engagement as usize]
                + 0.5 * f64::from(decision.n_tickets.min(3))
                + persona.rise_effect * decision.rise
                + tier
                - if decision.plan.is_yearly { 0.3 } else { 0.0 };
            let expected = 1.0 / (1.0 + (-logit).exp());
            assert!((decision.p_leave - expected).abs() < 1e-9, "{decision:?} {expected}");
            let from = decision.at.minus(PERIOD);
            let is_ticket =
                |e: &&Event| e.what == Happening::Ticket && e.time >= from && e.time < decision.at;
            assert_eq!(customer.events.iter().filter(is_ticket).count() as u32, decision.n_tickets);
            // Relative rise since a month ago, or a year of 360 days.
            let days = |at: Timestamp| (at.0 - world.params().start_at.0) / Timestamp::DAY_MS;
            let level = |day: i64| {
                if day >= 600 {
                    1.166
                } else if day >= 300 {
                    1.06
                } else {
                    1.0
                }
            };
            let term = if decision.plan.is_yearly { 360 } else { 30 };
            let rise = level(days(decision.at)) / level(days(decision.at) - term) - 1.0;
            assert!((decision.rise - rise).abs() < 1e-9, "{decision:?} {rise}");
            n_checked += 1;
        }
    }
    assert!(n_checked > 20_000);
}

#[test]
fn frailty_and_usage_vary_as_said() {
    let world = made(SubscriptionParams { overlap: 1.0, ..SubscriptionParams::new(6_000, 22) });
    let truths: Vec<Truth> = world.customers().map(|customer| customer.truth).collect();
    let frailty: Vec<f64> = truths.iter().map(|truth| truth.frailty).collect();
    assert_moments("frailty", &frailty, 0.0, 0.35 * 0.35);
    let logit = |p: f64| (p / (1.0 - p)).ln();
    let use_logits: Vec<f64> = truths.iter().map(|truth| logit(truth.p_use)).collect();
    assert_moments("usage", &use_logits, logit(world.personas()[0].p_use), 0.25);
}

/// Pairs of decisions of one stay that are a period apart, and whether the plan changed between them.
fn pairs(customer: &Customer) -> impl Iterator<Item = (&Decision, &Decision)> {
    let all = customer.decisions.windows(2).map(|pair| (&pair[0], &pair[1]));
    all.filter(|(now, next)| now.at.plus(PERIOD) == next.at && now.tenure + 1 == next.tenure)
}

#[test]
fn engagement_moves_by_its_chain() {
    let world = made(SubscriptionParams { overlap: 1.0, ..SubscriptionParams::new(8_000, 23) });
    let mut moves = [[0.0; 3]; 3];
    for customer in world.customers() {
        for (now, next) in pairs(&customer) {
            moves[now.engagement as usize][next.engagement as usize] += 1.0;
        }
        let first = customer.decisions.first().filter(|decision| decision.tenure == 1);
        assert!(first.is_none_or(|decision| decision.engagement == Engagement::Steady));
    }
    let fade = world.personas()[0].p_fade;
    let chain = [[1.0 - fade, fade, 0.0], [0.25, 0.45, 0.30], [0.0, 0.15, 0.85]];
    for state in Engagement::ALL {
        assert_shares(state.name(), &moves[state as usize], &chain[state as usize]);
    }
}

#[test]
fn those_who_stay_change_plans_as_often_as_said() {
    let world = made(SubscriptionParams { overlap: 1.0, ..SubscriptionParams::new(10_000, 24) });
    let persona = &world.personas()[0];
    // Up, down, other term, as before; by term, for the tiers in the middle.
    let mut moves = [[0.0; 4]; 2];
    for customer in world.customers() {
        for decision in customer.decisions.iter().filter(|d| !d.has_left && (1..=2).contains(&d.plan.tier)) {
            let next = customer.contracts.iter().find(|contract| contract.started_at == decision.at);
            let next = next.map_or(decision.plan, |contract| contract.plan);
            let which = match next.tier as i32 - decision.plan.tier as i32 {
                1 => 0,
                -1 => 1,
                _ => 3 - usize::from(next.is_yearly != decision.plan.is_yearly),
            };
            moves[usize::from(decision.plan.is_yearly)][which] += 1.0;
        }
    }
    for (moves, p_other) in moves.iter().zip([persona.p_commit, 0.05]) {
        let stay = 1.0 - persona.p_up - persona.p_down - p_other;
        assert_shares(p_other, moves, &[persona.p_up, persona.p_down, p_other, stay]);
    }
}

#[test]
fn those_who_left_return_less_and_less() {
    let params =
        SubscriptionParams { overlap: 1.0, joining_days: Days(100), ..SubscriptionParams::new(15_000, 25) };
    let world = made(params);
    let p_return = world.personas()[0].p_return;
    let (mut back, mut parts) = ([0.0; 14], [const { Vec::new() }; 14]);
    for customer in world.customers() {
        for (n, contract) in customer.contracts.iter().enumerate() {
            let Some((at, reason)) = contract.ended.filter(|(_, r)| *r != EndReason::Changed) else {
                continue;
            };
            // A failed payment was due twelve hours before the last attempt.
            let due_at = Timestamp(at.0 - 12 * HOUR_MS * i64::from(reason == EndReason::PaymentFailed));
            let next = customer.contracts.get(n + 1);
            for j in 1..=14_u32 {
                let back_at = due_at.plus(Days(30 * j));
                if back_at >= world.end_at() || next.is_some_and(|next| next.started_at < back_at) {
                    break;
                }
                let is_back = next.is_some_and(|next| next.started_at == back_at);
                back[j as usize - 1] += yes(is_back);
                let p = if j <= 12 { p_return * 0.8f64.powi(j as i32 - 1) } else { 0.0 };
                parts[j as usize - 1].push(bernoulli(p));
                if is_back {
                    let next = next.expect("they are back");
                    assert_eq!((next.plan.tier, next.plan.is_yearly), (contract.plan.tier, false));
                }
            }
        }
    }
    for (j, (back, parts)) in back.iter().zip(&parts).enumerate().take(12) {
        assert!(parts.len() > 1_000);
        assert_sum(format!("after {} periods", j + 1), *back, parts);
    }
    assert!(back[9] > 0.0 && back[12..] == [0.0; 2], "{back:?}");
}

#[test]
fn the_service_is_used_around_the_hour_of_the_persona() {
    let world = made(SubscriptionParams { overlap: 0.0, ..SubscriptionParams::new(300, 26) });
    let mut off = vec![Vec::new(); 5];
    for customer in world.customers() {
        let peak = world.personas()[customer.truth.persona].peak_hour;
        for event in customer.events.iter().filter(|e| e.what == Happening::Usage) {
            let hour = event.time.0.rem_euclid(Timestamp::DAY_MS) as f64 / HOUR_MS as f64;
            off[customer.truth.persona].push((hour - peak + 12.0).rem_euclid(24.0) - 12.0);
        }
    }
    for (k, persona) in world.personas().iter().enumerate() {
        // Cut to whole seconds.
        assert_moments(persona.name, &off[k], 0.0, 9.0);
    }
}

#[test]
fn the_truth_of_the_hazard_is_written_as_it_was() {
    let world = world(200, 27);
    let texts = texts(&world, 1);
    let text = std::str::from_utf8(&texts["truth_hazard"]).expect("text");
    let mut rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    for customer in world.customers() {
        for decision in &customer.decisions {
            let cells = rows.next().expect("a row per decision");
            assert_eq!((cells[0], cells[1]), (customer.id.as_str(), decision.at.to_string().as_str()));
            assert_eq!(cells[2], world.items()[decision.plan.item() as usize].id);
            assert_eq!(
                cells[3..6],
                [
                    decision.tenure.to_string(),
                    decision.engagement.name().to_owned(),
                    decision.n_tickets.to_string(),
                ]
            );
            let p: f64 = cells[7].parse().expect("a number");
            assert!((p - decision.p_leave).abs() < 1e-6);
            assert_eq!(cells[8], if decision.has_left { "yes" } else { "no" });
        }
        let until = customer.contracts.last().and_then(|contract| contract.ended).map(|(at, _)| at);
        assert_eq!(customer.truth.contract_until, until);
    }
    assert_eq!(rows.next(), None);
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
            let p = customer.truth.p_use * [1.0, 0.45, 0.08][state];
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
    let (mut add_ons, mut add_on_parts) = ([0.0; 5], vec![Vec::new(); 5]);
    let mut categories = [[0.0; 4]; 5];
    for customer in world.customers() {
        let persona = &world.personas()[customer.truth.persona];
        for decision in &customer.decisions {
            tickets += f64::from(decision.n_tickets);
            parts.push((persona.tickets, persona.tickets));
            let from = decision.at.minus(PERIOD);
            let is_bought = |e: &&Event| e.what == Happening::AddOn && e.time >= from && e.time < decision.at;
            for event in customer.events.iter().filter(is_bought) {
                add_ons[customer.truth.persona] += 1.0;
                categories[customer.truth.persona][(event.item as usize - 8) / 3] += 1.0;
                assert_eq!(event.price, Some(world.items()[event.item as usize].price));
            }
            add_on_parts[customer.truth.persona].push((persona.add_ons, persona.add_ons));
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
        assert_sum(format!("add-ons of {}", persona.name), add_ons[k], &add_on_parts[k]);
        assert_shares(persona.name, &categories[k], &persona.add_on_shares);
        // Attempts that fail per payment due: q (1 + 0.5 + 0.3); paid are 1 - 0.3 q of those due.
        let q = persona.p_payment_fails;
        let due = payments[k] / (1.0 - 0.3 * q);
        // The number of failures of a due payment has second moment q (0.5 + 0.2 4 + 0.3 9).
        assert_sum(persona.name, failures[k], &[(due * 1.8 * q, due * 4.0 * q)]);
    }
}

#[test]
fn involuntary_ends_have_their_rate() {
    let world = made(SubscriptionParams { overlap: 1.0, ..SubscriptionParams::new(15_000, 7) });
    let (mut failed, mut paid) = (0.0, 0.0);
    for customer in world.customers() {
        let is_failed = |c: &&Contract| c.ended.is_some_and(|(_, reason)| reason == EndReason::PaymentFailed);
        failed += customer.contracts.iter().filter(is_failed).count() as f64;
        paid += customer.events.iter().filter(|e| e.what == Happening::Payment).count() as f64;
        // A first payment never fails: one for every contract that does not follow another at once.
        let joins = customer.contracts.iter().enumerate();
        let joins = joins.filter(|&(n, _)| {
            let before = n.checked_sub(1).and_then(|n| customer.contracts[n].ended);
            before.is_none_or(|(_, reason)| reason != EndReason::Changed)
        });
        paid -= joins.count() as f64;
    }
    // Those that end a contract are due, and not among the paid.
    let (p, v) = bernoulli(0.3 * world.personas()[0].p_payment_fails);
    assert_sum("failed", failed, &[(p * (paid + failed), v * (paid + failed))]);
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
