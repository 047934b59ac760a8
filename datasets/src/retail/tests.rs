//! A world is what it says: statistical checks, and determinism.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::num::NonZeroUsize;

use bespoke::types::{Days, EventKind};

use super::*;
use crate::sink::MemoryFolder;

fn world(n_customers: usize, seed: u64) -> RetailWorld {
    RetailWorld::new(RetailParams::new(n_customers, 300, seed)).expect("parameters are in range")
}

fn changed(n_customers: usize, seed: u64, change: impl Fn(&mut RetailParams)) -> RetailWorld {
    let mut params = RetailParams::new(n_customers, 300, seed);
    change(&mut params);
    RetailWorld::new(params).expect("parameters are in range")
}

/// Text of every table by name.
fn texts(world: &RetailWorld, threads: usize) -> BTreeMap<String, Vec<u8>> {
    let mut folder = MemoryFolder::default();
    let threads = NonZeroUsize::new(threads).expect("some");
    world.write_tables(&mut folder, threads, || ()).expect("memory does not fail");
    folder.into_texts()
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
        for consent in customer.consents.windows(2) {
            assert!(consent[0].at <= consent[1].at && consent[0].is_granted != consent[1].is_granted);
        }
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
fn demographics_are_as_dirty_as_said() {
    let world = changed(10_000, 8, |params| {
        params.demographics = Demographics { p_missing: 0.3, p_outlier: 0.05, n_irrelevant: 3 };
    });
    let n = 10_000.0;
    let (mut missing, mut odd) = ([0.0; 5], [0.0; 2]);
    let (mut number_sum, mut levels) = (0.0, BTreeMap::new());
    for customer in world.customers() {
        let person = customer.person;
        assert_eq!(person.irrelevant.len(), 3);
        let cells = [person.age.is_none(), person.household_size.is_none()].into_iter();
        for (count, is_missing) in
            missing.iter_mut().zip(cells.chain(person.irrelevant.iter().map(Option::is_none)))
        {
            *count += f64::from(u8::from(is_missing));
        }
        odd[0] += f64::from(u8::from(person.age.is_some_and(|age| age > 90)));
        odd[1] += f64::from(u8::from(person.household_size.is_some_and(|size| size >= 50)));
        assert!(person.age.is_none_or(|age| (18..=90).contains(&age) || (1_900..2_010).contains(&age)));
        match person.irrelevant[..] {
            [number, level, _] => {
                if let Some(Irrelevant::Number(x)) = number {
                    number_sum += x;
                }
                if let Some(Irrelevant::Level(level)) = level {
                    *levels.entry((customer.truth.persona, level)).or_insert(0.0) += 1.0;
                }
            }
            _ => panic!("three columns"),
        }
    }
    for count in missing {
        assert_sum("missing cells", count, &[(0.3 * n, 0.21 * n)]);
    }
    for count in odd {
        let p = 0.7 * 0.05;
        assert_sum("nonsense", count, &[(p * n, p * (1.0 - p) * n)]);
    }
    assert_sum("irrelevant numbers", number_sum, &[(0.0, 0.7 * n)]);
    // Every persona has every level alike.
    for (k, persona) in world.personas().iter().enumerate() {
        let p = 0.7 * persona.share / 5.0;
        assert_sum(persona.name, levels[&(k, "c")], &[(p * n, p * (1.0 - p) * n)]);
    }
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

#[test]
fn satisfaction_keeps_people_and_shows_in_answers() {
    let world = changed(12_000, 24, |params| {
        params.care = Care { effect: 1.0, p_ticket: 0.1, p_answer: 0.5 };
    });
    let (mut log_odds, mut n) = ([0.0; 2], [0.0; 2]);
    let (mut tickets, mut orders) = ([0.0; 2], [0.0; 2]);
    let (mut csat, mut nps) = (Vec::new(), Vec::new());
    let mut answered = Vec::new();
    for customer in world.customers() {
        let z = customer.truth.satisfaction;
        let half = usize::from(z > 0.0);
        let p = p_dropout(&customer.truth);
        log_odds[half] += libm::log(p / (1.0 - p));
        n[half] += 1.0;
        tickets[half] += customer.tickets.len() as f64;
        orders[half] += n_orders(&customer) as f64;
        for survey in &customer.surveys {
            answered.push(f64::from(u8::from(survey.answer.is_some())));
            let Some(answer) = survey.answer else { continue };
            match survey.question {
                Question::Csat => csat.push((z, f64::from(answer))),
                Question::Nps => nps.push((z, f64::from(answer))),
            }
        }
    }
    // E[z | z > 0] - E[z | z < 0] = 2 sqrt(2 / pi).
    let apart = log_odds[1] / n[1] - log_odds[0] / n[0];
    assert!((apart + 2.0 * libm::sqrt(2.0 / std::f64::consts::PI)).abs() < 0.1, "{apart}");
    assert!(tickets[0] / orders[0] > 1.5 * tickets[1] / orders[1], "{tickets:?} of {orders:?}");
    for (answers, expected) in [(&csat, 0.75), (&nps, 0.78)] {
        assert!(
            answers.len() > 500 && (correlation(answers) - expected).abs() < 0.05,
            "{}",
            correlation(answers)
        );
    }
    assert!(nps.iter().all(|(_, answer)| *answer <= 10.0));
    assert!(csat.iter().all(|(_, answer)| (1.0..=5.0).contains(answer)));
    let n = answered.len() as f64;
    assert_sum("answers", answered.iter().sum(), &[(0.5 * n, 0.25 * n)]);
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
fn the_fatigue_curve_is_geometric() {
    let world = changed(4_000, 25, |params| {
        // Few items, often: many see the same one again.
        params.n_items = 30;
        params.mails = Mails { every: Days(7), n_items: 3, p_click: 0.3, fatigue: 0.6, ..params.mails };
        params.mails.p_dismiss = 0.0;
    });
    let (mut shown, mut clicked) = ([0.0_f64; 5], [0.0_f64; 5]);
    for customer in world.customers() {
        let mut n_shown: BTreeMap<u32, usize> = BTreeMap::new();
        for event in customer.events.iter().filter(|e| e.offer.is_none()) {
            let is_alive = customer.truth.alive_until.is_none_or(|until| event.time < until);
            let n = n_shown.entry(event.item).or_default();
            match event.kind {
                EventKind::Exposure => {
                    if is_alive && *n < 5 {
                        shown[*n] += 1.0;
                    }
                    *n += 1;
                }
                EventKind::Click if *n <= 5 => clicked[*n - 1] += 1.0,
                _ => {}
            }
        }
    }
    for n in 0..5 {
        let p = 0.3 * libm::pow(0.6, n as f64);
        assert!(shown[n] > 3_000.0);
        // Click probabilities differ between customers, whose showings are many: about twice the plain error.
        assert!((clicked[n] / shown[n] - p).abs() < 0.012, "{n}: {} of {}", clicked[n], shown[n]);
    }
}

#[test]
fn offers_are_drawn_with_the_propensity_and_uplift_is_what_a_trial_finds() {
    let world = changed(20_000, 26, |params| {
        params.offers = Offers { n: 6, propensity: 0.3, uplift: 4.0, p_buy: 0.05, ..params.offers };
    });
    let mut found_negative = false;
    let (mut bought, mut n, mut uplift) = ([[0.0; 2]; 6], [[0.0; 2]; 6], [0.0; 6]);
    for customer in world.customers() {
        for assignment in &customer.assignments {
            let (offer, arm) = (assignment.offer as usize, usize::from(assignment.is_shown));
            n[offer][arm] += 1.0;
            bought[offer][arm] += f64::from(u8::from(assignment.is_bought));
            uplift[offer] += assignment.uplift();
            found_negative |= assignment.uplift() < 0.0;
            let mut exposures = customer.events.iter().filter(|e| e.kind == EventKind::Exposure);
            assert_eq!(exposures.any(|e| e.offer == Some(assignment.offer)), assignment.is_shown);
        }
    }
    let mut total = (0.0, 0.0, 0.0);
    for offer in 0..6 {
        let all = n[offer][0] + n[offer][1];
        assert_sum("shown", n[offer][1], &[(0.3 * all, 0.21 * all)]);
        let p: [f64; 2] = std::array::from_fn(|arm| bought[offer][arm] / n[offer][arm]);
        let error = libm::sqrt((0..2).map(|arm| p[arm] * (1.0 - p[arm]) / n[offer][arm]).sum());
        let truth = uplift[offer] / all;
        assert!((p[1] - p[0] - truth).abs() < 4.0 * error, "{offer}: {p:?} against {truth} +- {error}");
        total = (total.0 + p[1] - p[0], total.1 + truth, total.2 + error * error);
    }
    let error = libm::sqrt(total.2);
    assert!(total.1 > 6.0 * error, "the uplift is too small to be found: {total:?}");
    assert!((total.0 - total.1).abs() < 3.5 * error, "{total:?}");
    assert!(found_negative, "nobody is put off");
}

/// Share of the purchases in a consumable category that repeat the one before in it, by the time between them: below 0.4
/// intervals, up to 1.5, beyond.
fn repeats_by_age(p_repurchase: f64) -> [f64; 3] {
    let world = changed(2_500, 27, |params| params.assortment.p_repurchase = p_repurchase);
    let (mut same, mut pairs) = ([0.0; 3], [0.0; 3]);
    for customer in world.customers() {
        let mut latest: BTreeMap<usize, &Event> = BTreeMap::new();
        for event in purchases(&customer).filter(|e| e.offer.is_none()) {
            let item = &world.items()[event.item as usize];
            if !item.is_consumable() {
                continue;
            }
            if let Some(before) = latest.insert(item.category, event) {
                let known = &world.items()[before.item as usize];
                let days = (event.time.0 - before.time.0) as f64 / Timestamp::DAY_MS as f64;
                let used_up = known.repurchase_days.expect("a consumable");
                let band = if days < 0.4 * used_up { 0 } else { usize::from(days > 1.5 * used_up) + 1 };
                if known.is_available(event.time) {
                    pairs[band] += 1.0;
                    same[band] += f64::from(u8::from(event.item == before.item));
                }
            }
        }
    }
    assert!(pairs.iter().all(|&n| n > 300.0), "{pairs:?}");
    std::array::from_fn(|band| same[band] / pairs[band])
}

#[test]
fn consumables_come_back_when_they_are_used_up() {
    // A purchase of the category may also come up as something new, so the shares stay below `p_repurchase`.
    let (never, often) = (repeats_by_age(0.0), repeats_by_age(0.9));
    assert!(often[0] < 0.12 && often[1] > 0.25 && often[2] > often[1] + 0.1 && often[2] < 0.9, "{often:?}");
    assert!(never.iter().all(|&share| share < 0.2) && often[2] > never[2] + 0.35, "{never:?} {often:?}");
}

#[test]
fn variants_share_a_parent_and_nobody_needs_two() {
    let world = changed(3_000, 28, |params| params.assortment.p_variants = 0.6);
    let mut families: BTreeMap<u32, Vec<&Item>> = BTreeMap::new();
    for item in world.items() {
        families.entry(item.family).or_default().push(item);
    }
    let several: Vec<_> = families.values().filter(|family| family.len() > 1).collect();
    assert!(several.len() > 20 && several.iter().all(|family| family.len() <= 4));
    for family in several {
        let names: BTreeSet<_> = family.iter().map(|item| item.variant.expect("has a name")).collect();
        assert_eq!(names.len(), family.len());
        assert!(
            family.iter().all(|item| (item.price, item.category) == (family[0].price, family[0].category))
        );
        assert!(family.iter().all(|item| !item.is_consumable()));
    }
    let (mut twice, mut n) = (0.0, 0.0);
    for customer in world.customers() {
        let mut seen = BTreeSet::new();
        for event in purchases(&customer).filter(|e| e.offer.is_none()) {
            let item = &world.items()[event.item as usize];
            if !item.is_consumable() {
                n += 1.0;
                twice += f64::from(u8::from(!seen.insert(item.family)));
            }
        }
    }
    assert!(twice / n < 0.02, "{twice} of {n}");
}

#[test]
fn people_buy_what_lies_in_the_direction_of_their_taste() {
    let mean_affinity = |strength: f64| {
        let world = changed(1_500, 29, |params| params.tastes = Tastes { n_factors: 4, strength });
        let (mut sum, mut n) = (0.0, 0.0);
        for customer in world.customers() {
            for event in purchases(&customer).filter(|e| !world.items()[e.item as usize].is_consumable()) {
                sum += tastes::affinity(&customer.taste, world.direction(event.item));
                n += 1.0;
            }
        }
        sum / n
    };
    // With weights exp(t x) on a sphere of four dimensions the mean cosine is I_2(t) / I_1(t), 0.435 at t = 2; items are
    // few and the best-sellers count most, so that it comes near only.
    assert!(mean_affinity(0.0).abs() < 0.03);
    let strong = mean_affinity(2.0);
    assert!((0.3..0.5).contains(&strong), "{strong}");
}

#[test]
fn sessions_are_anonymous_as_often_as_said_and_bear_no_customer_then() {
    let world = changed(1_500, 30, |params| params.devices = Devices { p_second: 0.5, p_anonymous: 0.4 });
    let (mut anonymous, mut n) = (0.0, 0.0);
    let (mut second, mut with_web) = (0.0, 0.0);
    for customer in world.customers() {
        let from_mail: BTreeSet<u32> = customer
            .events
            .windows(2)
            .filter(|pair| pair[0].kind == EventKind::Click)
            .filter_map(|pair| pair[1].session)
            .collect();
        for (number, session) in (0..).zip(&customer.sessions) {
            if !from_mail.contains(&number) {
                n += 1.0;
                anonymous += f64::from(u8::from(session.logged_in_at != Some(session.started_at)));
            }
            assert!(session.channel == Channel::App || session.device < 2);
        }
        for event in &customer.events {
            let is_line = event.line.is_some() || event.channel == Channel::Email;
            assert!(!is_line || !customer.is_anonymous(event), "{event:?}");
            if event.kind == EventKind::Refund {
                continue;
            }
            assert_eq!(
                event.session.is_some(),
                event.channel == Channel::Web || event.channel == Channel::App,
                "{event:?}"
            );
        }
        if customer.sessions.iter().filter(|s| s.channel == Channel::Web).count() > 8 {
            with_web += 1.0;
            second += f64::from(u8::from(customer.sessions.iter().any(|s| s.device == 1)));
        }
    }
    assert!((anonymous / n - 0.4).abs() < 0.01, "{}", anonymous / n);
    assert!((second / with_web - 0.5).abs() < 0.06, "{}", second / with_web);
    let texts = texts(&world, 1);
    let lines = |name: &str| {
        let text = std::str::from_utf8(&texts[name]).expect("text");
        text.lines()
            .skip(1)
            .map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let known: BTreeSet<String> = lines("sessions").iter().map(|cells| cells[0].clone()).collect();
    let (events, unlinked) = (lines("events"), lines("truth_sessions"));
    assert!(events.iter().all(|cells| cells[8].is_empty() || known.contains(&cells[8])));
    assert!(events.iter().any(|cells| cells[0].is_empty()) && !unlinked.is_empty());
    let owners = lines("sessions").iter().filter(|cells| cells[6].is_empty()).count();
    assert_eq!(owners, unlinked.len());
}

#[test]
fn mails_stop_when_the_consent_is_withdrawn() {
    let world = changed(4_000, 31, |params| params.mails.p_withdraw = 0.5);
    let (mut withdrawn, mut takers, mut after) = (0.0, 0.0, 0);
    for customer in world.customers() {
        takers += f64::from(u8::from(customer.person.newsletter));
        withdrawn += f64::from(u8::from(customer.consents.len() > 1));
        for event in customer.events.iter().filter(|e| e.kind == EventKind::Exposure) {
            // A mail is opened up to a day after it was sent.
            let sent = event.time.minus(Days(1));
            let may = |at| mails::may_mail(&customer.consents, at);
            after += usize::from(!may(event.time) && !may(sent));
        }
    }
    assert_sum("withdrawals", withdrawn, &[(0.5 * takers, 0.25 * takers)]);
    assert_eq!(after, 0);
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
fn those_who_left_click_no_more() {
    let world = world(10_000, 10);
    // First showing and later ones, to those who are still customers.
    let (mut shown, mut clicked) = ([0.0_f64; 2], [0.0_f64; 2]);
    for customer in world.customers() {
        let mut n_shown: BTreeMap<u32, usize> = BTreeMap::new();
        for event in customer.events.iter().filter(|e| e.offer.is_none()) {
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
            if let Some(age) = customer.person.age {
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
    let many = world(700, 12);
    for threads in [2, 7] {
        assert!(texts(&many, 1) == texts(&many, threads), "{threads} threads write something else");
    }
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

/// Columns for those who link sessions and measure offers; the engine reads none of them.
const UNMAPPED: [&str; 4] = ["parent_id", "variant", "session_id", "offer_id"];

#[test]
fn the_job_maps_columns_that_are_there_and_never_the_truth() {
    let world = changed(10, 16, |params| params.demographics.n_irrelevant = 3);
    let job = world.job(&MemoryFolder::default());
    let job: toml::Table = job.parse().expect("the job is TOML");
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
        header.retain(|column| !UNMAPPED.contains(column));
        mapped.sort_unstable();
        header.sort_unstable();
        assert_eq!(mapped, header, "{name}");
    }
}

#[test]
fn a_folder_gets_every_table_and_the_job() {
    let dir = std::env::temp_dir().join(format!("bespoke-world-{}", std::process::id()));
    let world = world(20, 17);
    let mut n_calls = 0;
    let written = world.write_to(&dir, NonZeroUsize::MIN, || n_calls += 1);
    let written = written.expect("the folder for temporary files is writable");
    assert_eq!((written.n_customers, written.n_items, n_calls), (20, 300, 20));
    let texts = texts(&world, 1);
    assert_eq!(texts.len(), 12);
    let n_lines = |text: &[u8]| text.iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!(written.n_rows, texts.values().map(|text| n_lines(text) - 1).sum::<usize>());
    for (name, text) in texts {
        let file = std::fs::read(dir.join(name).with_extension("csv"));
        assert_eq!(file.expect("it was written"), text);
    }
    assert!(dir.join("bespoke.toml").is_file());
    std::fs::remove_dir_all(&dir).expect("what was made can be removed");
}
