//! Lines, refunds, variants, consumables and tastes.

use super::*;

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
fn durables_are_never_bought_twice_and_consumables_often() {
    // Few items, strong tastes, and offers on the best-sellers all the time: the hardest case.
    let hard = changed(1_500, 6, |params| {
        params.n_items = 30;
        params.tastes.strength = 4.0;
        params.offers = Offers { n: 30, p_buy: 0.3, ..params.offers };
    });
    for world in [world(2_000, 6), hard] {
        let (mut repeated, mut bought, mut n_answers) = (0.0, 0.0, 0);
        for customer in world.customers() {
            let (mut families, mut seen) = (BTreeSet::new(), BTreeSet::new());
            for event in purchases(&customer) {
                let item = &world.items()[event.item as usize];
                n_answers += usize::from(event.line.is_some_and(|line| line.answers.is_some()));
                if item.is_consumable() {
                    bought += 1.0;
                    repeated += yes(!seen.insert(event.item));
                } else {
                    assert!(families.insert(item.family), "{} has {} twice", customer.id, item.title);
                }
            }
        }
        assert!(repeated / bought > 0.2, "{repeated} of {bought}");
        assert!(n_answers > 50, "{n_answers}");
    }
}

#[test]
fn an_order_has_as_many_lines_and_units_as_said() {
    let world = changed(6_000, 41, |params| params.overlap = 0.0);
    let (mut more, mut units) = (vec![Vec::new(); 5], vec![Vec::new(); 5]);
    let mut reduced = [[0.0; 4]; 5];
    for customer in world.customers() {
        let k = customer.truth.persona;
        let mut lines: BTreeMap<u32, f64> = BTreeMap::new();
        for (event, line) in ordinary(&customer) {
            *lines.entry(line.order).or_default() += 1.0;
            units[k].push(f64::from(line.quantity - 1));
            let list = world.items()[event.item as usize].price;
            let percent = 100.0 - 100.0 * line.price.units() / list.units();
            reduced[k][(percent / 10.0).round() as usize] += 1.0;
        }
        more[k].extend(lines.values().map(|n| n - 1.0));
    }
    for (k, persona) in world.personas().iter().enumerate() {
        let (l, p, d) = (persona.more_lines_mean, persona.p_more_units, persona.p_discount);
        assert_moments(format!("{} lines", persona.name), &more[k], l, l);
        let q = 1.0 - p;
        assert_moments(format!("{} units", persona.name), &units[k], p / q, p / (q * q));
        assert_shares(persona.name, &reduced[k], &[1.0 - d, d / 3.0, d / 3.0, d / 3.0]);
    }
}

#[test]
fn refunds_come_back_in_their_time() {
    let world = changed(6_000, 42, |params| params.overlap = 0.0);
    let early = world.end_at().minus(Days(22));
    let (mut refunds, mut lines, mut days) = ([0.0; 5], [0.0; 5], Vec::new());
    for customer in world.customers() {
        let k = customer.truth.persona;
        let back: Vec<&Event> = customer.events.iter().filter(|e| e.kind == EventKind::Refund).collect();
        for (event, line) in ordinary(&customer).filter(|(event, _)| event.time < early) {
            lines[k] += 1.0;
            let is_same = |e: &&&Event| e.item == event.item && e.line.is_some_and(|l| l.order == line.order);
            if let Some(refund) = back.iter().find(is_same) {
                refunds[k] += 1.0;
                days.push((refund.time.0 - event.time.0) as f64 / Timestamp::DAY_MS as f64);
            }
        }
    }
    for (k, persona) in world.personas().iter().enumerate() {
        let (p, v) = bernoulli(persona.p_refund);
        assert_sum(persona.name, refunds[k], &[(lines[k] * p, lines[k] * v)]);
    }
    assert!(days.iter().all(|days| (1.99..=21.01).contains(days)));
    assert_moments("days", &days, 11.5, 19.0 * 19.0 / 12.0);
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

/// Share of the purchases in a consumable category that repeat the one before in it, by the time between them: below
/// 0.4 intervals, up to 1.5, beyond.
fn repeats_by_age(p_repurchase: f64) -> [f64; 3] {
    let world = changed(2_500, 27, |params| params.assortment.p_repurchase = p_repurchase);
    let (mut same, mut pairs) = ([0.0; 3], [0.0; 3]);
    for customer in world.customers() {
        let mut latest: BTreeMap<usize, &Event> = BTreeMap::new();
        for event in ordinary(&customer).map(|(event, _)| event) {
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
        for event in ordinary(&customer).map(|(event, _)| event) {
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
    // The law is held by the choices of one customer; this is that orders keep it. With weights exp(t x) on a sphere of
    // four dimensions the mean cosine is I_2(t) / I_1(t), 0.433 at t = 2; items are few, best-sellers count most, and
    // durables are bought once.
    assert!(mean_affinity(0.0).abs() < 0.03);
    let strong = mean_affinity(2.0);
    assert!((0.32..0.40).contains(&strong), "{strong}");
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
