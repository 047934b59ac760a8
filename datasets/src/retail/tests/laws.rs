//! Distributions that are stated and nothing else looks at: hours, first orders, prices, tastes, browsing.

use super::*;

/// Activity of an hour of the day by the equations, not normalised.
fn activity(hour: usize, peak: f64) -> f64 {
    let distance = (hour as f64 + 0.5 - peak).abs();
    let distance = distance.min(24.0 - distance);
    0.02 + (-0.5 * (distance / 3.5) * (distance / 3.5)).exp()
}

#[test]
fn orders_come_at_the_hours_and_days_of_the_persona() {
    let world = changed(5_000, 61, |params| params.overlap = 0.0);
    let (mut hours, mut days) = ([[0.0; 24]; 5], [[0.0; 7]; 5]);
    for customer in world.customers() {
        for at in order_times(&customer) {
            let hour = (at.0.rem_euclid(Timestamp::DAY_MS) / HOUR_MS) as usize;
            hours[customer.truth.persona][hour] += 1.0;
            let day = (at.0 - world.origin().0) / Timestamp::DAY_MS % 7;
            days[customer.truth.persona][day as usize] += 1.0;
        }
    }
    for (k, persona) in world.personas().iter().enumerate() {
        let shares: Vec<f64> = (0..24).map(|hour| activity(hour, persona.peak_hour)).collect();
        assert_shares(format!("hours of {}", persona.name), &hours[k], &shares);
        let (work, free) = ((1.0 - persona.weekend_share) / 5.0, persona.weekend_share / 2.0);
        assert_shares(persona.name, &days[k], &[work, work, work, work, work, free, free]);
    }
}

#[test]
fn first_orders_are_uniform_over_their_days() {
    let first_days = |joining: Option<Days>| -> Vec<f64> {
        let world = changed(3_000, 62, |params| params.joining = joining);
        let start = world.params().start_at;
        let at = |customer: Customer| customer.truth.first_order_at;
        world
            .customers()
            .filter_map(at)
            .map(|at| (at.0 - start.0) as f64 / Timestamp::DAY_MS as f64)
            .collect()
    };
    // Weekly rhythms move an instant within its week, which adds its variance at most.
    for (joining, days) in [(None, 0.75 * 731.0), (Some(Days(280)), 280.0)] {
        assert_moments(format!("{joining:?}"), &first_days(joining), days / 2.0, days * days / 12.0);
    }
}

#[test]
fn items_have_their_prices_popularity_and_days_of_use() {
    let world = changed(1, 63, |params| {
        params.n_items = 9_000;
        params.assortment.p_variants = 0.0;
    });
    let medians = [18., 24., 29., 22., 26., 14., 6., 17., 7., 35., 9., 8., 15., 12., 5.];
    let (mut prices, mut days) = (Vec::new(), Vec::new());
    let mut shelves = vec![Vec::new(); CATEGORIES.len()];
    for (number, item) in (0..).zip(world.items()) {
        prices.push((item.price.units() / medians[item.category]).ln());
        days.extend(item.repurchase_days.map(|days| (days / 35.0).ln()));
        assert_eq!(item.repurchase_days.is_some(), item.is_consumable());
        shelves[item.category].push(world.popularity(number));
    }
    assert_moments("prices", &prices, 0.0, 0.25);
    assert_moments("days", &days, 0.0, 0.09);
    for mut shelf in shelves {
        shelf.sort_by(|a, b| b.total_cmp(a));
        assert!((shelf.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        for (rank, popularity) in (1..).zip(&shelf) {
            assert!((popularity / shelf[0] - f64::from(rank).powf(-0.9)).abs() < 1e-9);
        }
    }
}

#[test]
fn tastes_for_categories_vary_around_the_shares_of_the_persona() {
    let world = world(4_000, 64);
    let mut ratios = Vec::new();
    for customer in world.customers() {
        let shares = world.personas()[customer.truth.persona].category_shares;
        let tastes = customer.category_tastes;
        assert!((tastes.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let own = |c: usize| (tastes[c] / shares[c]).ln();
        ratios.extend([own(0) - own(1), own(13) - own(14)]);
    }
    assert_moments("differences", &ratios, 0.0, 2.0 * 0.36);
}

#[test]
fn browsing_comes_on_top_of_orders() {
    let world = changed(3_000, 65, |params| {
        params.overlap = 0.0;
        params.mails.n_items = 0;
        params.offers.n = 0;
    });
    let (mut sessions, mut parts) = ([0.0; 5], vec![Vec::new(); 5]);
    for customer in world.customers().filter(|customer| !customer.truth.is_prospect) {
        let k = customer.truth.persona;
        let until = customer.truth.alive_until.unwrap_or(world.end_at());
        let clock = &world.clocks[k];
        let weeks = clock.activity(world.origin(), until)
            - clock.activity(world.origin(), customer.truth.first_order_at.expect("a buyer"));
        let online = ordinary(&customer).filter(|(event, _)| event.channel != Channel::Store);
        let (mut orders, mut lines) = (BTreeSet::new(), 0.0);
        for (_, line) in online {
            orders.insert(line.order);
            lines += 1.0;
        }
        sessions[k] += customer.sessions.len() as f64 - orders.len() as f64;
        // Looks on other days before an order: 0.6 in the mean for every line.
        let mean = 0.6 * lines + world.personas()[k].sessions_per_week * weeks;
        parts[k].push((mean, mean));
    }
    for (k, persona) in world.personas().iter().enumerate() {
        assert_sum(persona.name, sessions[k], &parts[k]);
    }
}

#[test]
fn prospects_look_a_few_times_and_nothing_is_said_of_their_orders() {
    let world = changed(4_000, 66, |params| params.offers.n = 20);
    let mut sessions = Vec::new();
    for customer in world.customers().filter(|customer| customer.truth.is_prospect) {
        let is_visit = |session: &&Session| session.started_at < world.end_at();
        sessions.push(customer.sessions.iter().filter(is_visit).count() as f64);
        assert_eq!(purchases(&customer).count(), 0);
        assert!(customer.assignments.iter().all(|a| (a.p_without, a.p_with) == (0.0, 0.0)));
    }
    let n = sessions.len() as f64;
    // Clicks in mails make sessions too, so this is a least; 1 + Poisson(1.5) is never 0.
    assert!(sessions.iter().sum::<f64>() / n > 2.3 && sessions.iter().all(|&n| n >= 1.0));
    let texts = texts(&world, 1);
    let text = std::str::from_utf8(&texts["truth"]).expect("text");
    let mut n_prospects = 0;
    for cells in text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
        // From the first order to the rate of leaving.
        let said: Vec<bool> = cells[3..8].iter().map(|cell| !cell.is_empty()).collect();
        if cells[2] == "yes" {
            n_prospects += 1;
            assert_eq!(said, [false; 5]);
        } else {
            assert_eq!((said[0], said[2], said[3], said[4]), (true, true, true, false));
        }
    }
    assert_eq!(n_prospects, sessions.len());
}
