//! Devices and sessions: who is logged in when.

use bespoke::types::Timestamp;

use super::customer::{Channel, Event, Life};

/// A visit to the web shop or the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Hard to guess, and nothing but a name.
    pub key: u64,
    /// Device among the customer's own: 0 and 1 on the web, 2 in the app.
    pub device: u32,
    /// [`Channel::Web`] or [`Channel::App`].
    pub channel: Channel,
    /// When it began.
    pub started_at: Timestamp,
    /// Login; events before it bear no customer.
    pub logged_in_at: Option<Timestamp>,
}

/// When a session may become known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// At the start, or not at all.
    AtStart,
    /// At the start, or at this instant.
    AtStartOrAt(Timestamp),
    /// At the start, always: who follows the link in a mail is known.
    Sure,
}

/// Number of the app's device.
pub(super) const APP_DEVICE: u32 = 2;

/// Probability that a web session is on the second device of who has one.
const P_ON_SECOND: f64 = 0.3;

impl Life<'_> {
    /// Begins a session; returns its number. Draws from a stream of its own, so that devices and logins move nothing
    /// else.
    pub(super) fn begin_session(&mut self, channel: Channel, started_at: Timestamp, login: Login) -> u32 {
        let draws = &mut self.session_draws;
        let is_second = draws.chance(P_ON_SECOND) && self.has_second_device;
        let device = if channel == Channel::App { APP_DEVICE } else { u32::from(is_second) };
        let is_anonymous = draws.chance(self.world.params.devices.p_anonymous);
        let logged_in_at = match login {
            Login::AtStart => (!is_anonymous).then_some(started_at),
            Login::AtStartOrAt(later) => Some(if is_anonymous { later } else { started_at }),
            Login::Sure => Some(started_at),
        };
        let key = draws.bits();
        self.sessions.push(Session { key, device, channel, started_at, logged_in_at });
        (self.sessions.len() - 1) as u32
    }
}

/// The sessions of which something is in the events, which count along them from then on: others left no trace, and no
/// login that could link another session.
pub(super) fn keep_seen(sessions: Vec<Session>, events: &mut [Event]) -> Vec<Session> {
    let mut is_seen = vec![false; sessions.len()];
    events.iter().filter_map(|event| event.session).for_each(|n| is_seen[n as usize] = true);
    let mut n_kept = 0;
    let new_numbers: Vec<u32> = is_seen
        .iter()
        .map(|&is_seen| {
            n_kept += u32::from(is_seen);
            n_kept.saturating_sub(1)
        })
        .collect();
    for number in events.iter_mut().filter_map(|event| event.session.as_mut()) {
        *number = new_numbers[*number as usize];
    }
    sessions.into_iter().zip(is_seen).filter(|(_, is_seen)| *is_seen).map(|(session, _)| session).collect()
}

/// The login that tells whose a session is: its own, else the next on the same device.
pub(super) fn linked_at(sessions: &[Session], session: &Session) -> Option<Timestamp> {
    session.logged_in_at.or_else(|| {
        let same_device = sessions.iter().filter(|other| other.device == session.device);
        same_device.filter_map(|other| other.logged_in_at).filter(|&at| at >= session.started_at).min()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_without_events_leave_no_trace() {
        let session = |key| Session {
            key,
            device: 0,
            channel: Channel::Web,
            started_at: Timestamp(0),
            logged_in_at: Some(Timestamp(0)),
        };
        let event = |session| Event {
            session,
            ..Event::new(Timestamp(0), bespoke::types::EventKind::View, 0, Channel::Web)
        };
        let mut events = [event(Some(3)), event(None), event(Some(1)), event(Some(3))];
        let kept = keep_seen((0..5).map(session).collect(), &mut events);
        assert_eq!(kept, [session(1), session(3)]);
        assert_eq!(events.map(|event| event.session), [Some(1), None, Some(0), Some(1)]);
    }

    #[test]
    fn a_session_is_linked_by_the_next_login_on_its_device() {
        let session = |device, at, login: Option<i64>| Session {
            key: 0,
            device,
            channel: Channel::Web,
            started_at: Timestamp(at),
            logged_in_at: login.map(Timestamp),
        };
        let all = [
            session(0, 10, Some(10)),
            session(0, 20, None),
            session(1, 25, Some(25)),
            session(0, 30, Some(35)),
            session(0, 40, None),
        ];
        let linked: Vec<_> = all.iter().map(|s| linked_at(&all, s).map(|at| at.0)).collect();
        assert_eq!(linked, [Some(10), Some(35), Some(25), Some(35), None]);
    }
}
