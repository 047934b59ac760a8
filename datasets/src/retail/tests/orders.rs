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
        let n = members.len() as f64;
        let (r, alpha, a, b) = (persona.rate_shape, persona.rate_weeks, persona.leave_a, persona.leave_b);
        let rates = members.iter().map(|t| t.orders_per_week).sum();
        assert_sum(persona.name, rates, &[(n * r / alpha, n * r / (alpha * alpha))]);
        let dropouts = members.iter().map(|t| p_dropout(t)).sum();
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
        let (n, mean) = (rates.len() as f64, persona.leaving_per_week());
        assert_sum(persona.name, rates.iter().sum(), &[(n * mean, n * mean * mean / 2.0)]);
    }
}

#[test]
fn the_truth_about_the_future_agrees_with_a_longer_window() {
    // The same customers in a window that goes on for the horizon: first orders come later in it, so that only the
    // truth of the catalogue, not of single customers, could be compared. Orders ahead are compared to the rate of
    // orders of those alive in the quarter before the end instead.
    let world = world(20_000, 23);
    let quarter = world.end_at().minus(Days(90));
    let (mut expected, mut any, mut spent) = (0.0, 0.0, 0.0);
    let (mut orders, mut with_orders, mut revenue, mut n) = (0.0, 0.0, 0.0, 0.0);
    for customer in world.customers() {
        let truth = &customer.truth;
        let Some(first) = truth.first_order_at else {
            assert_eq!((truth.p_purchase, truth.expected_value), (0.0, 0.0));
            continue;
        };
        if truth.alive_until.is_some() {
            assert_eq!((truth.p_purchase, truth.expected_orders, truth.expected_value), (0.0, 0.0, 0.0));
        }
        if first >= quarter || truth.alive_until.is_some_and(|until| until < quarter) {
            continue;
        }
        n += 1.0;
        // What the truth would have said at the start of the quarter.
        let weeks = 90.0 / 7.0;
        let ahead = lifetime::ahead(world.params().clock, truth.orders_per_week, truth.leaving, 0, weeks);
        expected += ahead.orders;
        any += ahead.p_order;
        let recent = |e: &&Event| e.time >= quarter && e.offer.is_none();
        let n_recent: BTreeSet<u32> =
            purchases(&customer).filter(recent).filter_map(|e| e.line).map(|l| l.order).collect();
        orders += n_recent.len() as f64;
        with_orders += f64::from(u8::from(!n_recent.is_empty()));
        if truth.alive_until.is_none() && truth.expected_orders > 0.0 {
            spent += truth.expected_value / truth.expected_orders * n_recent.len() as f64;
            let lines = purchases(&customer).filter(recent).filter_map(|e| e.line);
            revenue += lines.map(|l| f64::from(l.quantity) * l.price.units()).sum::<f64>();
        }
    }
    assert!(n > 5_000.0);
    assert!((orders / expected - 1.0).abs() < 0.03, "{orders} orders, {expected} expected");
    assert!((with_orders / any - 1.0).abs() < 0.03, "{with_orders} buyers, {any} expected");
    assert!((revenue / spent - 1.0).abs() < 0.04, "{revenue} spent, {spent} expected");
}
