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
