//! Mails, fatigue, consent and offers.

use super::*;

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

#[test]
fn the_truth_of_an_offer_by_hand() {
    let world = changed(6_000, 32, |params| {
        params.offers = Offers { n: 5, uplift: 2.0, p_buy: 0.05, valid: Days(200), ..params.offers };
    });
    let (mut n_whole, mut n_part, mut n_had) = (0, 0, 0);
    let (mut n_in_time, mut wanted) = (0.0, Vec::new());
    for customer in world.customers().filter(|customer| !customer.truth.is_prospect) {
        for assignment in &customer.assignments {
            let offer = &world.offers()[assignment.offer as usize];
            let item = &world.items()[offer.item as usize];
            let is_same = |event: &&Event| world.items()[event.item as usize].family == item.family;
            let had = purchases(&customer).filter(is_same).any(|event| event.time < offer.starts_at);
            let until = customer.truth.alive_until.unwrap_or(world.end_at()).min(world.end_at());
            let (after, length) =
                ((until.0 - offer.starts_at.0) as f64, (offer.ends_at.0 - offer.starts_at.0) as f64);
            // Nobody buys in the first tenth.
            let part = ((after / length - 0.1) / 0.9).clamp(0.0, 1.0);
            let cosine: f64 =
                customer.taste.iter().zip(world.direction(offer.item)).map(|(u, v)| u * v).sum();
            let keen = world.personas()[customer.truth.persona].p_discount;
            let without = 0.05 * (0.8 * cosine).exp();
            let reduction = f64::from(offer.percent) / 100.0;
            let lift = 2.0 * (keen * reduction * (1.0 + cosine) / 2.0 - 0.02 * (1.0 - keen));
            let expected = if had && !item.is_consumable() {
                n_had += 1;
                (0.0, 0.0)
            } else {
                n_whole += usize::from(part == 1.0);
                n_part += usize::from(part > 0.0 && part < 1.0);
                (part * without, part * (without + lift).clamp(0.0, 0.95))
            };
            let got = (assignment.p_without, assignment.p_with);
            assert!(
                (got.0 - expected.0).abs() < 1e-9 && (got.1 - expected.1).abs() < 1e-9,
                "{got:?} {expected:?}"
            );
            n_in_time += yes(assignment.is_bought);
            wanted.push(bernoulli(if assignment.is_shown { expected.1 } else { expected.0 }));
        }
    }
    assert!(n_whole > 500 && n_part > 500 && n_had > 500, "{n_whole} {n_part} {n_had}");
    assert_sum("bought", n_in_time, &wanted);
}

#[test]
fn what_is_bought_of_an_offer_is_marked_in_both_arms() {
    let world = changed(4_000, 33, |params| params.offers.p_buy = 0.3);
    let mut n_bought = [0; 2];
    for customer in world.customers() {
        for assignment in &customer.assignments {
            let offer = &world.offers()[assignment.offer as usize];
            let mut lines = purchases(&customer)
                .filter_map(|event| Some((event, event.line?)))
                .filter(|(_, line)| line.answers == Some(assignment.offer));
            assert_eq!(lines.next().is_some(), assignment.is_bought);
            assert!(lines.next().is_none());
            for (event, line) in purchases(&customer).filter_map(|event| Some((event, event.line?))) {
                if line.answers == Some(assignment.offer) {
                    n_bought[usize::from(assignment.is_shown)] += 1;
                    let list = world.items()[offer.item as usize].price;
                    assert_eq!(line.price, if assignment.is_shown { offer.price } else { list });
                    assert_eq!(event.offer, assignment.is_shown.then_some(assignment.offer));
                    let tenth = (offer.ends_at.0 - offer.starts_at.0) / 10;
                    assert!(event.time.0 + 1_000 >= offer.starts_at.0 + tenth && event.time < offer.ends_at);
                }
            }
        }
    }
    assert!(n_bought.iter().all(|&n| n > 300), "{n_bought:?}");
}

#[test]
fn a_mail_shows_as_many_items_as_said_and_dismissals_grow_with_every_showing() {
    let world = changed(2_500, 34, |params| {
        params.n_items = 30;
        params.mails = Mails { every: Days(7), n_items: 3, p_click: 0.05, p_dismiss: 0.04, ..params.mails };
        params.offers.n = 0;
    });
    let (mut shown, mut dismissed) = ([0.0_f64; 4], [0.0_f64; 4]);
    for customer in world.customers() {
        let mut mails: BTreeMap<Timestamp, BTreeSet<u32>> = BTreeMap::new();
        let mut n_shown: BTreeMap<u32, usize> = BTreeMap::new();
        let mut clicked = BTreeSet::new();
        for event in &customer.events {
            match event.kind {
                EventKind::Exposure => {
                    mails.entry(event.time).or_default().insert(event.item);
                    let n = n_shown.entry(event.item).or_default();
                    if *n < 4 {
                        shown[*n] += 1.0;
                    }
                    *n += 1;
                }
                EventKind::Click => {
                    clicked.insert((event.item, n_shown[&event.item]));
                    let n = n_shown[&event.item];
                    // Who clicks does not dismiss.
                    if n <= 4 {
                        shown[n - 1] -= 1.0;
                    }
                }
                EventKind::Dismissal if n_shown[&event.item] <= 4 => {
                    dismissed[n_shown[&event.item] - 1] += 1.0
                }
                _ => {}
            }
        }
        // Later on somebody may have dismissed all but two.
        assert!(mails.values().take(20).all(|items| items.len() == 3), "{mails:?}");
    }
    for n in 0..4 {
        let (p, v) = bernoulli(0.04 * (n as f64 + 1.0));
        assert_sum(format!("dismissed after {n}"), dismissed[n], &[(shown[n] * p, shown[n] * v)]);
    }
}

#[test]
fn consent_is_given_again_by_three_in_ten() {
    // Withdrawn early enough for all 30 to 180 days of waiting.
    let world = changed(6_000, 35, |params| params.mails.p_withdraw = 1.0);
    let early = world.end_at().minus(Days(181));
    let (mut again, mut n, mut days) = (0.0, 0.0, Vec::new());
    for customer in world.customers().filter(|customer| customer.consents.len() > 1) {
        let [_, withdrawn, back @ ..] = &customer.consents[..] else { panic!("two at least") };
        if withdrawn.at < early {
            n += 1.0;
            again += yes(!back.is_empty());
            days.extend(back.iter().map(|c| (c.at.0 - withdrawn.at.0) as f64 / Timestamp::DAY_MS as f64));
        }
    }
    assert_sum("again", again, &[(0.3 * n, 0.21 * n)]);
    assert_moments("days", &days, 105.0, 150.0 * 150.0 / 12.0);
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
