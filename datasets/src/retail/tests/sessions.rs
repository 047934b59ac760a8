//! Sessions, logins and what links them, as the files tell it.

use super::*;

/// Rows of a table as cells.
fn rows(texts: &BTreeMap<String, Vec<u8>>, name: &str) -> Vec<Vec<String>> {
    let text = std::str::from_utf8(&texts[name]).expect("text");
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn a_session_is_linked_by_the_logins_that_the_files_show() {
    // A short window: many sessions of an order lie before it, and browsing goes on after it.
    let world = changed(3_000, 71, |params| {
        params.days = Days(28);
        params.devices = Devices { p_second: 0.5, p_anonymous: 0.5 };
    });
    let texts = texts(&world, 1);
    let (sessions, events) = (rows(&texts, "sessions"), rows(&texts, "events"));
    let end = world.end_at().to_string();
    let mut logins: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for cells in &sessions {
        if !cells[4].is_empty() {
            assert!(cells[4] >= cells[3] && cells[4] < end, "{cells:?}");
            logins.entry(&cells[1]).or_default().push(&cells[4]);
        }
    }
    let mut kinds = [0; 3];
    for cells in &sessions {
        let (device, started_at, own, linked) = (&cells[1], &cells[3], &cells[4], &cells[5]);
        let on_device = logins.get(device.as_str()).into_iter().flatten().copied();
        let next = on_device.filter(|login| login >= &started_at.as_str()).min().unwrap_or("");
        let expected = if own.is_empty() { next } else { own };
        assert_eq!(linked, expected, "{cells:?}");
        assert_eq!(linked.is_empty(), cells[6].is_empty());
        kinds[if linked.is_empty() { 0 } else { 1 + usize::from(own.is_empty()) }] += 1;
    }
    assert!(kinds.iter().all(|&n| n > 50), "{kinds:?}");
    // Every session has left a trace, and who is not linked has an owner in the truth.
    let seen: BTreeSet<&str> =
        events.iter().map(|cells| cells[8].as_str()).filter(|id| !id.is_empty()).collect();
    assert!(sessions.iter().map(|cells| cells[0].as_str()).collect::<BTreeSet<_>>() == seen);
    let unlinked = sessions.iter().filter(|cells| cells[6].is_empty()).map(|cells| &cells[0]);
    let truth = rows(&texts, "truth_sessions");
    assert!(unlinked.eq(truth.iter().map(|cells| &cells[0])));
    let customers: BTreeSet<String> =
        rows(&texts, "customers").into_iter().map(|mut row| row.remove(0)).collect();
    assert!(truth.iter().all(|cells| customers.contains(&cells[1])));
}

#[test]
fn three_in_ten_visits_of_who_has_two_devices_are_on_the_second() {
    let world = changed(1_500, 72, |params| params.devices.p_second = 1.0);
    let web = |session: &Session| (session.channel == Channel::Web).then_some(session.device == 1);
    let (mut second, mut n) = (0.0, 0.0);
    for is_second in world.customers().flat_map(|customer| customer.sessions).filter_map(|s| web(&s)) {
        second += yes(is_second);
        n += 1.0;
    }
    assert_sum("second device", second, &[(0.3 * n, 0.21 * n)]);
}

#[test]
fn the_ids_of_the_devices_of_a_customer_do_not_tell_that_they_belong_together() {
    let world = changed(400, 73, |params| params.devices.p_second = 1.0);
    let texts = texts(&world, 1);
    let mut devices: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for cells in rows(&texts, "sessions").iter().filter(|cells| !cells[6].is_empty()) {
        let id = u64::from_str_radix(&cells[1][1..], 16).expect("hexadecimal");
        devices.entry(cells[6].clone()).or_default().insert(id);
    }
    let apart = devices.values().filter(|ids| ids.len() > 1).map(|ids| {
        let ids: Vec<u64> = ids.iter().copied().collect();
        ids[1].wrapping_sub(ids[0])
    });
    let apart: Vec<u64> = apart.collect();
    assert!(apart.len() > 100 && apart.iter().collect::<BTreeSet<_>>().len() == apart.len());
}
