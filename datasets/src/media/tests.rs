//! A world is what it says: statistical checks, and determinism.

use std::collections::{BTreeMap, BTreeSet};

use bespoke::types::EventKind;

use super::*;
use crate::calendar::HOUR_MS;
use crate::calendar::{WEEK_MS, monday};
use crate::checks::{
    assert_moments, assert_shares, assert_sum, bernoulli, check_folder, check_job, check_seeds, texts,
};

fn made(params: MediaParams) -> MediaWorld {
    MediaWorld::new(params).expect("parameters are in range")
}

fn world(n_readers: usize, seed: u64) -> MediaWorld {
    made(MediaParams::new(n_readers, seed))
}

fn yes(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn events(reader: &Reader) -> impl Iterator<Item = &Event> {
    reader.visitors.iter().flat_map(|visitor| &visitor.events)
}

/// Exposures with the age of their article in days, and whether they were clicked: a click belongs to the last showing
/// of its article that has none.
fn shown(world: &MediaWorld, reader: &Reader) -> Vec<(Event, f64, bool)> {
    let mut found: Vec<(Event, f64, bool)> = Vec::new();
    for event in events(reader) {
        match event.kind {
            EventKind::Exposure => {
                let age_ms = event.time.0 - world.articles()[event.item as usize].published_at.0;
                found.push((*event, age_ms as f64 / Timestamp::DAY_MS as f64, false));
            }
            EventKind::Click => {
                let is_open = |(shown, _, is_clicked): &&mut (Event, f64, bool)| {
                    shown.item == event.item && !*is_clicked
                };
                let exposure = found.iter_mut().rev().find(is_open);
                exposure.expect("what is clicked was shown, once for every click").2 = true;
            }
            _ => {}
        }
    }
    found
}

/// Readers who stay to the end, so that no click is cut off by leaving or by the next cookie's beginning.
fn staying(world: &MediaWorld) -> impl Iterator<Item = Reader> + '_ {
    world.readers().filter(|reader| reader.truth.active_until.is_none())
}

#[test]
fn clicks_follow_their_probability_by_topic_and_age() {
    let world = world(1_500, 1);
    let mut clicks = BTreeMap::new();
    for reader in staying(&world) {
        for (exposure, age, is_clicked) in shown(&world, &reader) {
            let topic = world.articles()[exposure.item as usize].topic;
            let cell: &mut (f64, Vec<_>) = clicks.entry((topic, age > 1.0)).or_default();
            cell.0 += f64::from(u8::from(is_clicked));
            cell.1.push(bernoulli(exposure.p_click.expect("exposures have one")));
        }
    }
    assert_eq!(clicks.len(), 2 * TOPICS.len());
    for ((topic, is_old), (got, parts)) in clicks {
        assert!(parts.len() > 400, "{}", parts.len());
        assert_sum(format!("{} {is_old}", TOPICS[topic].name), got, &parts);
    }
}

#[test]
fn the_true_probability_is_the_equation() {
    let world = world(300, 2);
    let mut n_checked = 0;
    for reader in world.readers() {
        for event in events(&reader) {
            // 0 is for what was read before.
            let Some(p_click) = event.p_click.filter(|&p| p > 0.0) else { continue };
            let article = &world.articles()[event.item as usize];
            let topic = TOPICS[article.topic];
            let age_days = (event.time.0 - article.published_at.0) as f64 / 86_400_000.0;
            let persona = &world.personas()[reader.truth.persona];
            let logit = persona.click_logit + reader.truth.tastes[article.topic] + article.quality;
            let expected = 0.5f64.powf(age_days / topic.half_life_days) / (1.0 + (-logit).exp());
            assert!((p_click - expected).abs() < 1e-9, "{p_click} {expected}");
            let fresh = 1.0 / (1.0 + (article.quality - logit).exp());
            assert!((reader.truth.p_click_fresh[article.topic] - fresh).abs() < 1e-9);
            n_checked += 1;
        }
    }
    assert!(n_checked > 10_000);
}

#[test]
fn what_is_shown_loses_half_with_every_half_life() {
    let world = world(1_500, 3);
    for (topic, half_life) in TOPICS.iter().enumerate().map(|(n, topic)| (n, topic.half_life_days)) {
        let (mut first, mut second) = (0.0, 0.0);
        for reader in world.readers() {
            for (exposure, age, _) in shown(&world, &reader) {
                if world.articles()[exposure.item as usize].topic == topic {
                    first += f64::from(u8::from(age < half_life));
                    second += f64::from(u8::from((half_life..2.0 * half_life).contains(&age)));
                }
            }
        }
        // Long-lived topics leave the shelf before their second half-life is over.
        if 2.0 * half_life > f64::from(SHELF.0) {
            continue;
        }
        // Pages of different articles bend the exact 1/2 a little, as fresh articles are few.
        let ratio = second / first;
        assert!((0.42..0.62).contains(&ratio), "{}: {ratio} of {first}", TOPICS[topic].name);
    }
}

#[test]
fn sessions_come_at_their_hours_and_as_often_as_said() {
    let world = made(MediaParams { overlap: 0.0, ..MediaParams::new(3_000, 4) });
    // Eight stretches of three hours of working days, then of weekends.
    let stretch = |hour_of_week: usize| hour_of_week % 24 / 3 + 8 * usize::from(hour_of_week >= 120);
    let mut sessions = [[0.0; 16]; 5];
    let mut parts = vec![vec![Vec::new(); 16]; 5];
    for reader in world.readers() {
        let k = reader.truth.persona;
        let exposures = events(&reader).filter(|e| e.kind == EventKind::Exposure);
        let times: BTreeSet<Timestamp> = exposures.map(|e| e.time).collect();
        for &time in &times {
            sessions[k][stretch(hour_of_week(time))] += 1.0;
        }
        let mut expected = [0.0; 16];
        for (hour, n) in expected_sessions(&world, &reader.truth) {
            expected[stretch(hour)] += n;
        }
        for (parts, n) in parts[k].iter_mut().zip(expected) {
            parts.push((n, n));
        }
    }
    for (k, persona) in world.personas().iter().enumerate() {
        for n in 0..16 {
            assert_sum(format!("{} {n}", persona.name), sessions[k][n], &parts[k][n]);
        }
    }
    let weekend = |k: usize| sessions[k][8..].iter().sum::<f64>() / sessions[k].iter().sum::<f64>();
    assert!(weekend(2) > 0.45 && weekend(0) < 0.2, "{} {}", weekend(2), weekend(0));
}

fn hour_of_week(time: Timestamp) -> usize {
    ((time.0 - monday(time).0) / 3_600_000) as usize
}

/// Mean number of sessions of every hour between joining and leaving, with its hour of the week; Poisson.
fn expected_sessions(world: &MediaWorld, truth: &Truth) -> Vec<(usize, f64)> {
    let until = truth.active_until.unwrap_or(world.end_at());
    let hour = 3_600_000;
    let mut expected = Vec::new();
    let mut at = truth.joined_at.0;
    while at < until.0 {
        let next = ((at / hour + 1) * hour).min(until.0);
        let of_week = hour_of_week(Timestamp(at));
        let share = world.rhythms[truth.persona].share(of_week) * (next - at) as f64 / hour as f64;
        expected.push((of_week, truth.sessions_per_week * share));
        at = next;
    }
    expected
}

#[test]
fn sessions_are_short_and_reading_goes_on_as_often_as_said() {
    let world = made(MediaParams { overlap: 1.0, ..MediaParams::new(1_500, 5) });
    let (mut views, mut clicks) = (0.0, 0.0);
    for reader in staying(&world) {
        views += events(&reader).filter(|e| e.kind == EventKind::View).count() as f64;
        clicks += events(&reader).filter(|e| e.kind == EventKind::Click).count() as f64;
    }
    let g = world.personas()[0].p_read_on;
    // A chain of reads is geometric with mean 1 / (1 - g) and variance g / (1 - g)^2.
    assert!(clicks > 5_000.0);
    let variance = clicks * g / ((1.0 - g) * (1.0 - g));
    assert_sum("views", views, &[(clicks / (1.0 - g), 2.0 * variance)]);
}

#[test]
fn a_true_probability_holds_given_what_was_read_before_the_page() {
    let world = world(800, 21);
    let mut n_read_before = 0;
    for reader in world.readers() {
        let all: Vec<&Event> = events(&reader).collect();
        let mut read_at: BTreeMap<u32, Timestamp> = BTreeMap::new();
        for event in all.iter().filter(|e| e.kind == EventKind::View) {
            read_at.entry(event.item).or_insert(event.time);
        }
        for exposure in all.iter().filter(|e| e.kind == EventKind::Exposure) {
            let before = read_at.get(&exposure.item).is_some_and(|&at| at < exposure.time);
            assert_eq!(exposure.p_click == Some(0.0), before, "{exposure:?}");
            n_read_before += usize::from(before);
        }
    }
    assert!(n_read_before > 100);
}

#[test]
fn rates_and_tastes_vary_as_said() {
    let world = made(MediaParams { overlap: 1.0, ..MediaParams::new(6_000, 22) });
    let persona = &world.personas()[0];
    let truths: Vec<Truth> = world.readers().map(|reader| reader.truth).collect();
    let mean = persona.sessions_per_week;
    let rates: Vec<f64> = truths.iter().map(|truth| truth.sessions_per_week).collect();
    assert_moments("sessions", &rates, mean, mean * mean / 3.0);
    for (topic, mean) in persona.tastes.iter().enumerate() {
        let tastes: Vec<f64> = truths.iter().map(|truth| truth.tastes[topic]).collect();
        assert_moments(TOPICS[topic].name, &tastes, *mean, 0.25);
    }
}

#[test]
fn demographics_and_money_follow_their_laws() {
    let world = made(MediaParams { overlap: 0.0, ..MediaParams::new(4_000, 23) });
    let (mut ages, mut countries) = (vec![Vec::new(); 5], [[0.0; 4]; 5]);
    let mut cents = Vec::new();
    for reader in world.readers() {
        let k = reader.truth.persona;
        ages[k].extend(reader.age.map(f64::from));
        if let Some(country) = reader.country {
            countries[k][COUNTRIES.iter().position(|&name| name == country).expect("known")] += 1.0;
        }
        if cents.len() < 20_000 {
            let revenue = events(&reader).filter_map(|event| event.revenue);
            cents.extend(revenue.map(|money| (money.units() * 100.0).round() - 1.0));
        }
    }
    assert_moments("cents", &cents, 1.0, 2.0);
    for (k, persona) in world.personas().iter().enumerate() {
        assert_shares(persona.name, &countries[k], &persona.country_shares);
        // Cut at 16 where they are young: the oldest are far from 90.
        if persona.age_mean > 40.0 {
            assert_moments(persona.name, &ages[k], persona.age_mean, persona.age_sd.powi(2) + 1.0 / 12.0);
        } else {
            let mean = ages[k].iter().sum::<f64>() / ages[k].len() as f64;
            assert!((mean - persona.age_mean).abs() < 1.5, "{}: {mean}", persona.name);
        }
    }
}

#[test]
fn cookies_last_three_weeks_in_the_mean() {
    let world = made(MediaParams { overlap: 1.0, ..MediaParams::new(4_000, 24) });
    let (mut kept, mut parts, mut n_over) = (0.0, Vec::new(), 0);
    for reader in world.readers().filter(|reader| reader.is_anonymous) {
        let all = reader.visitors.iter().enumerate();
        let all: Vec<(usize, Timestamp)> =
            all.flat_map(|(n, visitor)| visitor.events.iter().map(move |e| (n, e.time))).collect();
        // Memoryless: whatever its age, a cookie outlives a gap with probability exp(-gap / 21 days).
        for pair in all.windows(2) {
            let gap_days = (pair[1].1.0 - pair[0].1.0) as f64 / Timestamp::DAY_MS as f64;
            if gap_days > 0.01 {
                kept += yes(pair[0].0 == pair[1].0);
                parts.push(bernoulli((-gap_days / 21.0).exp()));
            }
        }
        for (visitor, next) in
            reader.visitors.iter().zip(reader.visitors.iter().skip(1).map(Some).chain([None]))
        {
            assert!(visitor.until.is_none_or(|until| visitor.events.iter().all(|e| e.time < until)));
            let until = reader.truth.active_until;
            match next {
                Some(next) => assert!(visitor.until.is_some_and(|until| until <= next.events[0].time)),
                None => assert!(until.is_none() || visitor.until.is_some_and(|at| Some(at) <= until)),
            }
            n_over += usize::from(visitor.until.is_some() && until.is_none());
        }
    }
    assert!(n_over > 300, "{n_over}");
    assert_sum("kept", kept, &parts);
}

#[test]
fn the_truth_about_the_future_is_what_happens() {
    // What would have been said so many days before the end, on a Wednesday at six, against what came then.
    let world = made(MediaParams { overlap: 0.3, ..MediaParams::new(5_000, 25) });
    for days in [3, 17] {
        let at = Timestamp(world.end_at().minus(Days(days)).0 + 6 * HOUR_MS - 1_800_000);
        let horizon = Days(days - 1);
        let (mut sessions, mut session_parts, mut active, mut active_parts) =
            (0.0, Vec::new(), 0.0, Vec::new());
        for reader in world.readers() {
            let truth = &reader.truth;
            if truth.joined_at >= at || truth.active_until.is_some_and(|until| until < at) {
                continue;
            }
            let k = truth.persona;
            let ahead = Ahead::new(&world.personas()[k], &world.rhythms[k], at, horizon);
            let is_ahead = |e: &&Event| e.time >= at && e.time < at.plus(horizon);
            let times: BTreeSet<Timestamp> = events(&reader)
                .filter(|e| e.kind == EventKind::Exposure)
                .filter(is_ahead)
                .map(|e| e.time)
                .collect();
            sessions += times.len() as f64;
            let mean = truth.sessions_per_week * ahead.sessions;
            session_parts.push((mean, (times.len() as f64 - mean).powi(2)));
            active += yes(truth.active_until.is_none_or(|until| until >= at.plus(horizon)));
            active_parts.push(bernoulli(ahead.p_active));
        }
        assert_sum(format!("sessions in {horizon:?}"), sessions, &session_parts);
        assert_sum(format!("active after {horizon:?}"), active, &active_parts);
    }
    for truth in world.readers().map(|reader| reader.truth) {
        let rate = world.personas()[truth.persona].leave_per_week;
        let p = if truth.active_until.is_none() { (-2.0 * rate).exp() } else { 0.0 };
        assert!((truth.p_active - p).abs() < 1e-12);
        // Two whole weeks: the rhythm moves sessions within them only.
        let flat = truth.sessions_per_week * (1.0 - (-2.0 * rate).exp()) / rate;
        let expected = if p > 0.0 { flat } else { 0.0 };
        assert!((truth.expected_sessions - expected).abs() < 0.02 * flat, "{truth:?} {expected}");
    }
}

#[test]
fn the_truth_of_an_id_is_written_beside_that_of_its_reader() {
    let world = world(300, 26);
    let texts = texts(&world, 1);
    let text = std::str::from_utf8(&texts["truth"]).expect("text");
    let mut rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let cell = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.to_string());
    for reader in world.readers() {
        for visitor in &reader.visitors {
            let cells = rows.next().expect("a row per id");
            assert_eq!(cells[0], visitor.id);
            assert_eq!((cells[3], cells[4]), (&*cell(reader.truth.active_until), &*cell(visitor.until)));
        }
    }
}

#[test]
fn nothing_is_shown_before_publication_or_read_twice_by_click() {
    let world = world(600, 6);
    for reader in world.readers() {
        let all: Vec<&Event> = events(&reader).collect();
        assert!(all.is_sorted_by_key(|e| e.time));
        for event in &all {
            let article = &world.articles()[event.item as usize];
            assert!(event.time >= article.published_at && event.time < world.end_at());
            assert!(event.kind != EventKind::Exposure || event.time < article.published_at.plus(SHELF));
            assert_eq!(event.revenue.is_some(), event.kind == EventKind::View);
        }
        assert!(all.iter().all(|e| e.time >= reader.truth.joined_at));
        assert!(reader.truth.active_until.is_none_or(|until| all.iter().all(|e| e.time < until)));
    }
}

#[test]
fn anonymous_readers_have_cookies_and_no_demographics() {
    let world = made(MediaParams { overlap: 1.0, ..MediaParams::new(4_000, 7) });
    let (mut anonymous, mut several, mut missing, mut known) = (0.0, 0, 0.0, 0.0);
    let mut ids = BTreeSet::new();
    for reader in world.readers() {
        anonymous += f64::from(u8::from(reader.is_anonymous));
        several += usize::from(reader.visitors.len() > 1);
        assert!(reader.is_anonymous || reader.visitors.len() == 1);
        assert!(!reader.is_anonymous || (reader.age.is_none() && reader.country.is_none()));
        assert!(!reader.is_anonymous || reader.visitors.iter().all(|visitor| !visitor.events.is_empty()));
        if !reader.is_anonymous {
            known += 1.0;
            missing += f64::from(u8::from(reader.age.is_none()));
        }
        for visitor in &reader.visitors {
            assert!(ids.insert(visitor.id.clone()), "{} twice", visitor.id);
        }
    }
    let (p, n) = bernoulli(world.personas()[0].p_anonymous);
    assert_sum("anonymous", anonymous, &[(4_000.0 * p, 4_000.0 * n)]);
    assert_sum("age", missing, &[(0.15 * known, 0.1275 * known)]);
    assert!(several > 200, "{several}");
}

#[test]
fn readers_leave_at_their_rate() {
    let world = made(MediaParams { overlap: 1.0, ..MediaParams::new(8_000, 8) });
    let rate = world.personas()[0].leave_per_week;
    let (mut left, mut parts) = (0.0, Vec::new());
    for truth in world.readers().map(|reader| reader.truth) {
        let weeks = (world.end_at().0 - truth.joined_at.0) as f64 / WEEK_MS as f64;
        parts.push(bernoulli(-libm::expm1(-rate * weeks)));
        left += f64::from(u8::from(truth.active_until.is_some()));
    }
    assert_sum("left", left, &parts);
}

#[test]
fn the_dial_blurs_tastes() {
    let spread = |overlap: f64| {
        let world = made(MediaParams { overlap, ..MediaParams::new(2_000, 9) });
        let (mut sums, mut counts) = ([0.0; 5], [0.0; 5]);
        for truth in world.readers().map(|reader| reader.truth) {
            sums[truth.persona] += truth.tastes[2];
            counts[truth.persona] += 1.0;
        }
        sums[1] / counts[1] - sums[2] / counts[2]
    };
    assert!((spread(0.0) - 2.5).abs() < 0.2 && spread(1.0).abs() < 0.2);
}

#[test]
fn the_world_is_written_as_every_world() {
    check_seeds(world, &[]);
    check_job(&world(10, 13), &["joined_at"]);
    check_folder(&world(20, 14), &["customers", "events", "items", "truth", "truth_items"]);
}

#[test]
fn every_bound_is_kept() {
    let good = MediaParams::new(1, 1);
    let refused = |params: MediaParams| MediaWorld::new(params).expect_err("out of range").field;
    assert!(MediaWorld::new(good.clone()).is_ok());
    assert_eq!(refused(MediaParams { n_readers: 0, ..good.clone() }), "media.n_readers");
    for items_per_day in [4, 2_001] {
        assert_eq!(refused(MediaParams { items_per_day, ..good.clone() }), "media.items_per_day");
    }
    for days in [Days(13), Days(731)] {
        assert_eq!(refused(MediaParams { days, ..good.clone() }), "media.days");
    }
    for horizon in [Days(0), Days(366)] {
        assert_eq!(refused(MediaParams { horizon, ..good.clone() }), "media.horizon");
    }
    for start_at in [Timestamp(7 * Timestamp::DAY_MS - 1), Timestamp(4_102_444_800_001)] {
        assert_eq!(refused(MediaParams { start_at, ..good.clone() }), "media.start_at");
    }
    for overlap in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
        assert_eq!(refused(MediaParams { overlap, ..good.clone() }), "media.overlap");
    }
}
