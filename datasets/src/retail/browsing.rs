//! Sessions that lead to no order.

use bespoke::types::EventKind;

use super::customer::{Channel, Event, Life};
use super::devices::Login;
use crate::calendar::later;
use crate::draws::Draws;

/// The few sessions of someone who never buys, within four weeks.
pub(super) fn look_around(life: &mut Life<'_>, draws: &mut Draws) {
    let n_sessions = 1 + draws.poisson(1.5);
    for _ in 0..n_sessions {
        let activity = life.joined + draws.between(0.0, 4.0);
        session(life, activity, draws);
    }
}

/// Sessions between the first order and the end, or the moment of leaving.
pub(super) fn browse(life: &mut Life<'_>, left: Option<f64>, draws: &mut Draws) {
    let to = left.unwrap_or(life.end);
    // The span is cut up: the Poisson draw is made for small means.
    let mut begin = life.joined;
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

/// A few views, a minute apart; one in seven goes into the cart and no further.
fn session(life: &mut Life<'_>, activity: f64, draws: &mut Draws) {
    let mut time = life.instant(activity);
    let [web, app, _] = life.persona.channel_shares;
    let channel = if draws.pick(&[web, app]) == 0 { Channel::Web } else { Channel::App };
    let session = Some(life.begin_session(channel, time, Login::AtStart));
    let n_views = 1 + draws.poisson(1.2);
    for _ in 0..n_views {
        let Some(item) = life.choose(time, draws, |_| false) else { return };
        life.push(Event { session, ..Event::new(time, EventKind::View, item, channel) });
        time = later(time, draws.between(10_000.0, 90_000.0));
        if draws.chance(0.15) {
            life.push(Event { session, ..Event::new(time, EventKind::CartAdd, item, channel) });
            time = later(time, 5_000.0);
        }
    }
}
