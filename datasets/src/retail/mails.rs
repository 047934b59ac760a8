//! Mails that are shown, clicked, dismissed or ignored, and the consent to them.

use bespoke::types::{EventKind, Timestamp};

use super::customer::{Channel, Event, Life};
use super::devices::Login;
use crate::calendar::{HOUR_MS, later};
use crate::draws::Draws;

/// Share of those who withdraw their consent and give it again.
const P_AGAIN: f64 = 0.3;
const DAY_MS: f64 = Timestamp::DAY_MS as f64;

/// A statement about mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    /// From when it holds.
    pub at: Timestamp,
    /// Whether mails may be sent.
    pub is_granted: bool,
}

/// The statements of a customer, in order of time; the first one at the first contact.
pub(super) fn consents(life: &Life<'_>, draws: &mut Draws) -> Vec<Consent> {
    let joined_at = life.instant(life.joined);
    let mut all = vec![Consent { at: joined_at, is_granted: life.newsletter }];
    let p_withdraw = life.world.params.mails.p_withdraw;
    let (withdraws, again) = (draws.chance(p_withdraw), draws.chance(P_AGAIN));
    let (part, days) = (draws.uniform(), draws.between(30.0, 180.0));
    if !life.newsletter || !withdraws {
        return all;
    }
    let end = life.world.end_at();
    let at = later(joined_at, part * (end.0 - joined_at.0) as f64);
    all.push(Consent { at, is_granted: false });
    let back = later(at, days * DAY_MS);
    if again && back < end {
        all.push(Consent { at: back, is_granted: true });
    }
    all
}

/// Whether mails may be sent at an instant.
pub(super) fn may_mail(consents: &[Consent], at: Timestamp) -> bool {
    consents.iter().rev().find(|consent| consent.at <= at).is_some_and(|consent| consent.is_granted)
}

/// How a customer came to see an item in mails.
struct Shown {
    item: u32,
    n_times: i32,
    is_dismissed: bool,
}

/// Mails from the first contact to the end of the window, while there is consent.
pub(super) fn read_mails(life: &mut Life<'_>, consents: &[Consent], draws: &mut Draws) {
    let mut seen: Vec<Shown> = Vec::new();
    let mut mail_at = life.world.params.start_at;
    while mail_at < life.world.end_at() {
        if may_mail(consents, mail_at) {
            // Opened within a day.
            let opened = later(mail_at, draws.between(6.0, 24.0) * HOUR_MS as f64);
            read_mail(life, opened, &mut seen, draws);
        }
        mail_at = mail_at.plus(life.world.params.mails.every);
    }
}

fn read_mail(life: &mut Life<'_>, opened: Timestamp, seen: &mut Vec<Shown>, draws: &mut Draws) {
    let mails = life.world.params.mails;
    let is_alive = life.is_alive(opened);
    let mut in_mail: Vec<u32> = Vec::new();
    for _ in 0..mails.n_items {
        let is_dismissed = |item: u32| seen.iter().any(|s| s.item == item && s.is_dismissed);
        let is_refused = |item: u32| in_mail.contains(&item) || is_dismissed(item);
        let Some(item) = life.choose(opened, draws, is_refused) else { return };
        in_mail.push(item);
        let index = seen.iter().position(|s| s.item == item).unwrap_or_else(|| {
            seen.push(Shown { item, n_times: 0, is_dismissed: false });
            seen.len() - 1
        });
        let shown = &mut seen[index];
        life.push(Event::new(opened, EventKind::Exposure, item, Channel::Email));
        let p_first = if is_alive { life.truth.p_click } else { 0.0 };
        if draws.chance(p_first * libm::pow(mails.fatigue, f64::from(shown.n_times))) {
            let clicked = later(opened, draws.between(3_000.0, 60_000.0));
            life.push(Event::new(clicked, EventKind::Click, item, Channel::Email));
            let viewed = later(clicked, 2_000.0);
            let session = Some(life.begin_session(Channel::Web, viewed, Login::Sure));
            life.push(Event { session, ..Event::new(viewed, EventKind::View, item, Channel::Web) });
        } else if draws.chance(mails.p_dismiss * f64::from(1 + shown.n_times)) {
            shown.is_dismissed = true;
            let dismissed_at = later(opened, 20_000.0);
            life.push(Event::new(dismissed_at, EventKind::Dismissal, item, Channel::Email));
        }
        shown.n_times += 1;
    }
}
