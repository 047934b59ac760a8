//! Orders, lifetimes and what lies ahead follow the clocks.

use super::*;

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
    let world = changed(6_000, 2, |params| params.care.effect = 0.0);
    let truths: Vec<Truth> = world.customers().map(|c| c.truth).collect();
    for (k, persona) in world.personas().iter().enumerate() {
        let members: Vec<&Truth> = truths.iter().filter(|t| t.persona == k).collect();
        let (r, alpha, a, b) = (persona.rate_shape, persona.rate_weeks, persona.leave_a, persona.leave_b);
        let rates: Vec<f64> = members.iter().map(|t| t.orders_per_week).collect();
        assert_moments(persona.name, &rates, r / alpha, r / (alpha * alpha));
        let dropouts: Vec<f64> = members.iter().map(|t| p_dropout(t)).collect();
        let variance = a * b / ((a + b) * (a + b) * (a + b + 1.0));
        assert_moments(persona.name, &dropouts, a / (a + b), variance);
    }
}

#[test]
fn orders_and_leaving_follow_mbg_nbd() {
    let world = world(20_000, 3);
    let (mut repeats, mut alive) = (0.0, 0.0);
    let (mut repeat_parts, mut alive_parts) = (Vec::new(), Vec::new());
    for customer in world.customers() {
        let Some(weeks) = weeks_observed(&world, &customer.truth) else { continue };
        let (lambda, p) = (customer.truth.orders_per_week, p_dropout(&customer.truth));
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
fn orders_and_leaving_follow_pareto_nbd_and_erlang() {
    for clock in [Clock::Pareto, Clock::Regular { stages: 6 }] {
        let world = changed(12_000, 21, |params| params.clock = clock);
        let (mut alive, mut alive_parts) = (0.0, Vec::new());
        let (mut repeats, mut repeat_parts) = (0.0, Vec::new());
        let (mut after_leaving, mut n_left) = (0, 0);
        for customer in world.customers() {
            let Some(weeks) = weeks_observed(&world, &customer.truth) else { continue };
            let truth = &customer.truth;
            let Leaving::PerWeek(mu) = truth.leaving else { panic!("another clock") };
            let p_alive = libm::exp(-mu * weeks);
            alive_parts.push((p_alive, p_alive * (1.0 - p_alive)));
            alive += f64::from(u8::from(truth.alive_until.is_none()));
            let n_repeats = n_orders(&customer) as f64 - 1.0;
            // Gaps of more than one stage bring later orders: all starts are orders, so what is ahead of them is known.
            let mean = lifetime::ahead(clock, truth.orders_per_week, truth.leaving, 0, weeks).orders;
            repeat_parts.push((mean, (n_repeats - mean) * (n_repeats - mean)));
            repeats += n_repeats;
            if let Some(left) = truth.alive_until {
                n_left += 1;
                after_leaving += usize::from(purchases(&customer).any(|e| e.time > left));
            }
        }
        assert_sum("alive at the end", alive, &alive_parts);
        assert_sum("repeat orders", repeats, &repeat_parts);
        assert!(after_leaving == 0 && n_left > 3_000, "{after_leaving} of {n_left}");
    }
}

#[test]
fn the_rate_of_leaving_is_gamma_with_the_mean_of_the_persona() {
    let world = changed(8_000, 22, |params| {
        params.clock = Clock::Pareto;
        params.care.effect = 0.0;
    });
    for (k, persona) in world.personas().iter().enumerate() {
        let rates: Vec<f64> = world
            .customers()
            .filter(|customer| customer.truth.persona == k)
            .map(|customer| match customer.truth.leaving {
                Leaving::PerWeek(rate) => rate,
                Leaving::AfterOrder(_) => panic!("another clock"),
            })
            .collect();
        let mean = persona.leaving_per_week();
        assert_moments(persona.name, &rates, mean, mean * mean / 2.0);
    }
}

/// A world whose lives can be followed beyond its window.
fn followed(n_customers: usize, seed: u64, clock: Clock, horizon: Days) -> RetailWorld {
    changed(n_customers, seed, |params| {
        params.n_items = 90;
        params.clock = clock;
        params.horizon = horizon;
        params.joining = Some(Days(548));
        params.mails = Mails { p_withdraw: 0.0, n_items: 0, ..params.mails };
    })
}

#[test]
fn a_longer_window_continues_the_same_lives() {
    for clock in [Clock::Mbg, Clock::Pareto, Clock::Regular { stages: 4 }] {
        let short = followed(200, 51, clock, Days(30));
        let mut n_later = 0;
        for (now, later) in short.customers().zip(longer(&short, Days(200)).customers()) {
            let bought = |customer: &Customer| -> Vec<(Timestamp, u32)> {
                ordinary(customer)
                    .map(|(event, line)| (event.time, line.quantity + 100 * event.item))
                    .collect()
            };
            let (before, all) = (bought(&now), bought(&later));
            assert!(all.starts_with(&before) && all[before.len()..].iter().all(|b| b.0 >= short.end_at()));
            assert_eq!((now.person, now.truth.first_order_at), (later.person, later.truth.first_order_at));
            assert!(now.truth.alive_until.is_none() || all == before);
            n_later += all.len() - before.len();
        }
        assert!(n_later > 100, "{n_later}");
    }
}

/// Checks what the truth expects of those alive at the end against what they do in the days after it.
fn assert_future(n_customers: usize, clock: Clock, horizon: Days) {
    let short = followed(n_customers, 52, clock, horizon);
    let after = longer(&short, horizon);
    let (mut any, mut orders, mut value) = (0.0, 0.0, 0.0);
    let mut parts: [Vec<(f64, f64)>; 3] = Default::default();
    let mut errors = Vec::new();
    for (now, later) in short.customers().zip(after.customers()) {
        let truth = &now.truth;
        if truth.is_prospect || truth.alive_until.is_some() {
            let expected = [truth.p_purchase, truth.expected_orders, truth.expected_value];
            assert_eq!(expected, [0.0; 3]);
            continue;
        }
        let ahead = || ordinary(&later).filter(|(event, _)| event.time >= short.end_at());
        let n = ahead().map(|(_, line)| line.order).collect::<BTreeSet<u32>>().len() as f64;
        let spent: f64 = ahead().map(|(_, line)| f64::from(line.quantity) * line.price.units()).sum();
        any += yes(n > 0.0);
        orders += n;
        value += spent;
        parts[0].push(bernoulli(truth.p_purchase));
        // The squared residual stands for the variance, which has no short form.
        parts[1].push((truth.expected_orders, (n - truth.expected_orders).powi(2)));
        parts[2].push((truth.expected_value, (spent - truth.expected_value).powi(2)));
        if truth.expected_orders > 1.0 {
            errors.push(truth.expected_value_error / truth.expected_value);
        }
    }
    assert!(parts[0].len() > 800, "{}", parts[0].len());
    assert_sum(format!("{clock:?} {horizon:?}, any order"), any, &parts[0]);
    assert_sum(format!("{clock:?} {horizon:?}, orders"), orders, &parts[1]);
    assert_sum(format!("{clock:?} {horizon:?}, value"), value, &parts[2]);
    let error = errors.iter().sum::<f64>() / errors.len() as f64;
    // A compound Poisson of mean 2 has a variation of about 0.9, and a mean of 32 a sixth of that.
    assert!((0.05..0.25).contains(&error), "{error}");
}

#[test]
fn the_truth_about_the_future_is_what_happens() {
    assert_future(6_000, Clock::Mbg, Days(90));
    assert_future(2_500, Clock::Mbg, Days(365));
    assert_future(2_500, Clock::Pareto, Days(90));
    assert_future(4_000, Clock::Regular { stages: 8 }, Days(30));
    assert_future(2_500, Clock::Regular { stages: 2 }, Days(180));
}

#[test]
fn one_dial_leaves_what_has_nothing_to_do_with_it_alone() {
    let make = |change: &dyn Fn(&mut RetailParams)| changed(150, 53, change);
    let plain = make(&|_| {});
    let lines = |customer: &Customer| -> Vec<(Timestamp, u32, Option<Line>)> {
        purchases(customer).map(|event| (event.time, event.item, event.line)).collect()
    };
    type Change = fn(&mut RetailParams);
    let dirt: [Change; 4] = [
        |params| params.demographics.n_irrelevant = 5,
        |params| params.demographics = Demographics { p_missing: 0.6, p_outlier: 0.4, n_irrelevant: 1 },
        |params| params.devices = Devices { p_second: 0.9, p_anonymous: 0.7 },
        |params| params.care = Care { p_ticket: 0.4, p_answer: 0.9, ..params.care },
    ];
    for change in dirt {
        for (one, other) in plain.customers().zip(make(&change).customers()) {
            assert_eq!(one.truth, other.truth);
            assert_eq!((lines(&one), one.assignments), (lines(&other), other.assignments));
        }
    }
    let of_shop: [Change; 3] = [
        |params| params.tastes = Tastes { n_factors: 3, strength: 0.5 },
        |params| params.mails.n_items = 5,
        |params| params.offers.n = 9,
    ];
    for change in of_shop {
        for (one, other) in plain.customers().zip(make(&change).customers()) {
            let rates =
                |truth: &Truth| (truth.orders_per_week, truth.leaving, truth.p_purchase, truth.p_click);
            assert_eq!((rates(&one.truth), one.person.clone()), (rates(&other.truth), other.person.clone()));
            assert_eq!(order_times(&one), order_times(&other));
        }
    }
}
