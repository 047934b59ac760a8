//! Sessions that lead to no order, and the mails that are shown, clicked, dismissed or ignored.

use bespoke::types::{Days, EventKind, Timestamp};

use super::customer::{Channel, Event, Life};
use super::draws::Draws;
use super::orders::earlier;

/// A mail goes out every so many days.
const MAIL_EVERY: Days = Days(28);
const ITEMS_PER_MAIL: usize = 2;

/// The few sessions of someone who never buys, within four weeks.
pub(super) fn look_around(life: &mut Life<'_>, draws: &mut Draws) {
    let n_sessions = 1 + draws.poisson(1.5);
    for _ in 0..n_sessions {
        let activity = life.joined + draws.between(0.0, 4.0);
        session(life, activity, draws);
    }
}

/// Sessions between the orders, and after the last one while alive.
pub(super) fn browse(life: &mut Life<'_>, order_times: &[f64], draws: &mut Draws) {
    for (n, &from) in order_times.iter().enumerate() {
        let is_gone = n + 1 == order_times.len() && life.truth.alive_until.is_some();
        let to = order_times.get(n + 1).copied().unwrap_or(if is_gone { from } else { life.end });
        // Long waits are cut up: the Poisson draw is made for small means.
        let mut begin = from;
        while begin < to {
            let stop = to.min(begin + 13.0);
            let n_sessions = draws.poisson(life.persona.sessions_per_week * (stop - begin));
            for _ in 0..n_sessions {
                let activity = draws.between(begin, stop);
                session(life, activity, draws);
            }
            begin = stop;
        }
    }
}

/// A few views, a minute apart; one in seven goes into the cart and no further.
fn session(life: &mut Life<'_>, activity: f64, draws: &mut Draws) {
    let mut time = life.instant(activity);
    let [web, app, _] = life.persona.channel_shares;
    let channel = if draws.pick(&[web, app]) == 0 { Channel::Web } else { Channel::App };
    let n_views = 1 + draws.poisson(1.2);
    for _ in 0..n_views {
        let item = life.choose(time, draws, |_| false);
        life.push(Event { time, kind: EventKind::View, item, channel, line: None });
        time = earlier(time, -draws.between(10_000.0, 90_000.0));
        if draws.chance(0.15) {
            life.push(Event { time, kind: EventKind::CartAdd, item, channel, line: None });
            time = earlier(time, -5_000.0);
        }
    }
}

/// How a customer came to see an item in mails.
struct Shown {
    item: u32,
    n_times: i32,
    is_dismissed: bool,
}

/// Mails from the first contact to the end of the window.
pub(super) fn read_mails(life: &mut Life<'_>, draws: &mut Draws) {
    if !life.newsletter {
        return;
    }
    let joined_at = life.instant(life.joined);
    let mut seen: Vec<Shown> = Vec::new();
    let mut mail_at = life.world.params.start_at;
    while mail_at < life.world.end_at() {
        if mail_at >= joined_at {
            // Opened within a day.
            let opened = earlier(mail_at, -draws.between(6.0, 24.0) * 3_600_000.0);
            read_mail(life, opened, &mut seen, draws);
        }
        mail_at = mail_at.plus(MAIL_EVERY);
    }
}

fn read_mail(life: &mut Life<'_>, opened: Timestamp, seen: &mut Vec<Shown>, draws: &mut Draws) {
    let is_alive = life.truth.alive_until.is_none_or(|until| opened < until);
    let mut in_mail: Vec<u32> = Vec::new();
    for _ in 0..ITEMS_PER_MAIL {
        let dismissed = |item: u32| seen.iter().any(|s| s.item == item && s.is_dismissed);
        let item = life.choose(opened, draws, dismissed);
        if in_mail.contains(&item) || dismissed(item) {
            continue;
        }
        in_mail.push(item);
        let index = seen.iter().position(|s| s.item == item).unwrap_or_else(|| {
            seen.push(Shown { item, n_times: 0, is_dismissed: false });
            seen.len() - 1
        });
        let shown = &mut seen[index];
        let event = |kind, time, channel| Event { time, kind, item, channel, line: None };
        life.push(event(EventKind::Exposure, opened, Channel::Email));
        let p_click = if is_alive { 0.12 * libm::pow(0.7, f64::from(shown.n_times)) } else { 0.0 };
        if draws.chance(p_click) {
            let clicked = earlier(opened, -draws.between(3_000.0, 60_000.0));
            life.push(event(EventKind::Click, clicked, Channel::Email));
            life.push(event(EventKind::View, earlier(clicked, -2_000.0), Channel::Web));
        } else if draws.chance(0.02 * f64::from(1 + shown.n_times)) {
            shown.is_dismissed = true;
            life.push(event(EventKind::Dismissal, earlier(opened, -20_000.0), Channel::Email));
        }
        shown.n_times += 1;
    }
}
