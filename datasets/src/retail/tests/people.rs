//! Demographics, satisfaction, devices and the dial of overlap.

use super::*;

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
}

#[test]
fn demographics_follow_the_persona() {
    let world = changed(8_000, 45, |params| {
        params.overlap = 0.0;
        params.demographics = Demographics { p_missing: 0.0, p_outlier: 0.0, n_irrelevant: 0 };
    });
    let (mut ages, mut housemates) = (vec![Vec::new(); 5], vec![Vec::new(); 5]);
    let (mut countries, mut letters) = ([[0.0; 6]; 5], [[0.0; 2]; 5]);
    for customer in world.customers() {
        let (k, person) = (customer.truth.persona, customer.person);
        ages[k].push(f64::from(person.age.expect("nothing is missing")));
        housemates[k].push(f64::from(person.household_size.expect("nothing is missing")) - 1.0);
        countries[k][COUNTRIES.iter().position(|&country| country == person.country).expect("known")] += 1.0;
        letters[k][usize::from(person.newsletter)] += 1.0;
    }
    for (k, persona) in world.personas().iter().enumerate() {
        let h = persona.housemates_mean;
        assert_moments(format!("household of {}", persona.name), &housemates[k], h, h);
        // Whole years; the one persona that 18 cuts off at two standard deviations apart.
        if persona.age_mean - 2.5 * persona.age_sd > 18.0 {
            let variance = persona.age_sd * persona.age_sd + 1.0 / 12.0;
            assert_moments(format!("age of {}", persona.name), &ages[k], persona.age_mean, variance);
        }
        assert_shares(persona.name, &countries[k], &persona.country_shares);
        assert_shares(persona.name, &letters[k], &[1.0 - persona.p_newsletter, persona.p_newsletter]);
    }
}

/// `ln P(what the customers table says | persona)` by the equations.
fn log_likelihood(person: &Person, persona: &Persona) -> f64 {
    let country = COUNTRIES.iter().position(|&country| country == person.country).expect("a country");
    let newsletter = if person.newsletter { persona.p_newsletter } else { 1.0 - persona.p_newsletter };
    let mut sum = persona.country_shares[country].ln() + newsletter.ln();
    if let Some(age) = person.age {
        let off = (f64::from(age) - persona.age_mean) / persona.age_sd;
        sum -= 0.5 * off * off + persona.age_sd.ln();
    }
    if let Some(size) = person.household_size {
        sum += f64::from(size - 1) * persona.housemates_mean.ln() - persona.housemates_mean;
    }
    sum
}

#[test]
fn the_dial_goes_from_personas_that_demographics_tell_apart_to_none() {
    let found = |overlap: f64| {
        let world = changed(6_000, 43, |params| params.overlap = overlap);
        let (mut hits, mut parts) = (0.0, Vec::new());
        for customer in world.customers() {
            let weight = |persona: &Persona| persona.share * log_likelihood(&customer.person, persona).exp();
            let weights: Vec<f64> = world.personas().iter().map(weight).collect();
            let best = (0..5).max_by(|&a, &b| weights[a].total_cmp(&weights[b])).expect("five");
            hits += yes(best == customer.truth.persona);
            parts.push(bernoulli(weights[best] / weights.iter().sum::<f64>()));
        }
        // As often right as Bayes' rule says: so the columns follow their distributions.
        assert_sum(format!("hits at overlap {overlap}"), hits, &parts);
        hits / 6_000.0
    };
    let [apart, blurred, together] = [0.0, 0.5, 1.0].map(found);
    assert!(apart > 0.55 && (0.38..0.42).contains(&blurred), "{apart} {blurred}");
    assert!((together - 0.26).abs() < 0.03, "{together}");
}

#[test]
fn tickets_and_surveys_have_their_rates_and_middles() {
    let world = changed(8_000, 44, |params| {
        params.care = Care { effect: 0.0, p_ticket: 0.05, p_answer: 1.0 };
    });
    let early = world.end_at().minus(Days(6));
    let (mut tickets, mut parts) = ([0.0; 2], [const { Vec::new() }; 2]);
    let (mut csat, mut nps, mut gaps) = (Vec::new(), Vec::new(), BTreeSet::new());
    for customer in world.customers().filter(|customer| !customer.truth.is_prospect) {
        let z = customer.truth.satisfaction;
        let (half, p) = (usize::from(z > 0.0), (0.05 * (-z / 2.0).exp()).min(0.9));
        let orders: BTreeMap<u32, Timestamp> =
            ordinary(&customer).map(|(event, line)| (line.order, event.time)).collect();
        let is_early = |order: &u32| orders.get(order).is_some_and(|&at| at < early);
        parts[half].extend(orders.keys().filter(|order| is_early(order)).map(|_| bernoulli(p)));
        for ticket in customer.tickets.iter().filter(|ticket| is_early(&ticket.order)) {
            tickets[half] += 1.0;
            let hours = (ticket.created_at.0 - orders[&ticket.order].0) as f64 / HOUR_MS as f64;
            assert!((23.9..120.1).contains(&hours));
        }
        let mut before = customer.truth.first_order_at.expect("a buyer");
        for survey in &customer.surveys {
            let answer = f64::from(survey.answer.expect("everybody answers"));
            if survey.question == Question::Nps {
                nps.push(answer - 7.0);
                gaps.insert(survey.sent_at.0 - before.0);
                before = survey.sent_at;
            } else {
                csat.push(yes(answer >= 4.0));
            }
        }
    }
    for half in 0..2 {
        assert_sum(format!("tickets {half}"), tickets[half], &parts[half]);
    }
    assert_eq!(gaps.into_iter().collect::<Vec<_>>(), [180 * Timestamp::DAY_MS]);
    // Cut at 10, an answer 7 + 2 o has mean 7 - E[(2 o - 3.5)+] or so: 0.06 below.
    let mean = nps.iter().sum::<f64>() / nps.len() as f64;
    assert!((mean + 0.06).abs() < 0.06, "{mean}");
    // Those with tickets have z around -1/2: 3.6 + 1.1 o has mean 3.16 there, sd 1.1, and is rounded up from 3.5.
    let high = csat.iter().sum::<f64>() / csat.len() as f64;
    assert!((high - 0.379).abs() < 0.04, "{high} of {}", csat.len());
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
