//! Devices and sessions: who is logged in when.

use bespoke::types::Timestamp;

use super::customer::{Channel, Life};
use crate::draws::Draws;

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

impl Life<'_> {
    /// Begins a session; returns its number.
    pub(super) fn begin_session(
        &mut self,
        channel: Channel,
        started_at: Timestamp,
        login: Login,
        draws: &mut Draws,
    ) -> u32 {
        let devices = self.world.params.devices;
        let is_second = self.has_second_device && draws.chance(0.3);
        let device = if channel == Channel::App { APP_DEVICE } else { u32::from(is_second) };
        let is_anonymous = draws.chance(devices.p_anonymous);
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
