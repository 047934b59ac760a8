//! Offers: a price for a time, shown to some by lot, and what showing it changes.

use bespoke::types::{EventKind, Money, Timestamp};

use super::catalogue::Catalogue;
use super::customer::{Channel, Event, Life, Line};
use super::devices::Login;
use super::mails::{Consent, may_mail};
use super::orders::{earlier, percent_of};
use super::params::RetailParams;
use super::personas::CATEGORIES;
use crate::draws::Draws;

/// One item at a reduced price for a while, for those it is shown to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Outside id.
    pub id: String,
    /// Position of the item in the catalogue.
    pub item: u32,
    /// Reduction in percent.
    pub percent: u32,
    /// Price of one unit.
    pub price: Money,
    /// First instant of validity; the draw and the mail are at this instant.
    pub starts_at: Timestamp,
    /// First instant after it.
    pub ends_at: Timestamp,
}

/// What became of an offer for a customer who was eligible: there was consent to mails when it began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assignment {
    /// Position in the offers of the world.
    pub offer: u32,
    /// Whether the lot fell on showing it.
    pub is_shown: bool,
    /// Whether the item was bought in that time, on top of the ordinary orders.
    pub is_bought: bool,
    /// Probability of that when the offer is not shown.
    pub p_without: f64,
    /// Probability of that when it is.
    pub p_with: f64,
}

impl Assignment {
    /// What showing the offer changes.
    #[must_use]
    pub fn uplift(&self) -> f64 {
        self.p_with - self.p_without
    }
}

/// The offers of a world: best-sellers of different categories, evenly over the window.
pub(super) fn offers(params: &RetailParams, catalogue: &Catalogue) -> Vec<Offer> {
    let n = params.offers.n;
    let offer = |number: usize| {
        // Seven and the number of categories have no common divisor, so that the categories take turns.
        let item = catalogue.best(number * 7 % CATEGORIES.len());
        let percent = 10 * (1 + number as u32 % 4);
        let after = i64::from(params.days.0) * Timestamp::DAY_MS / (n as i64 + 1) * (number as i64 + 1);
        let starts_at = Timestamp((params.start_at.0 + after).div_euclid(1000) * 1000);
        let list = catalogue.items[item as usize].price;
        Offer {
            id: format!("F{number:03}"),
            item,
            percent,
            price: percent_of(list, 100 - i64::from(percent)),
            starts_at,
            ends_at: starts_at.plus(params.offers.valid),
        }
    };
    (0..n).map(offer).collect()
}

/// Draws for every offer; orders that come of it have numbers from `next_order` on.
pub(super) fn respond(
    life: &mut Life<'_>,
    consents: &[Consent],
    mut next_order: u32,
    draws: &mut Draws,
) -> Vec<Assignment> {
    let world = life.world;
    let mut all = Vec::new();
    for (number, offer) in (0..).zip(&world.offers) {
        if !may_mail(consents, offer.starts_at) {
            continue;
        }
        let is_shown = draws.chance(world.params.offers.propensity);
        // The moment at which the customer would buy, if at all.
        let length = (offer.ends_at.0 - offer.starts_at.0) as f64;
        let at = earlier(offer.starts_at, -draws.between(0.1, 1.0) * length);
        let (p_without, p_with) = chances(life, offer, at);
        let is_bought = draws.chance(if is_shown { p_with } else { p_without });
        let event = |time, kind, channel| Event {
            offer: Some(number),
            ..Event::new(time, kind, offer.item, channel)
        };
        if is_shown {
            life.push(event(offer.starts_at, EventKind::Exposure, Channel::Email));
        }
        if is_bought {
            let list = world.catalogue.items[offer.item as usize].price;
            let price = if is_shown { offer.price } else { list };
            let line = Some(Line { order: next_order, quantity: 1, price });
            let session = Some(life.begin_session(Channel::Web, at, Login::Sure, draws));
            let offer = is_shown.then_some(number);
            let bought = event(at, EventKind::Purchase, Channel::Web).with_line(line);
            life.push(Event { offer, session, ..bought });
            next_order += 1;
        }
        all.push(Assignment { offer: number, is_shown, is_bought, p_without, p_with });
    }
    all
}

/// Probabilities of buying without and with the offer; those who have left buy nothing.
fn chances(life: &Life<'_>, offer: &Offer, at: Timestamp) -> (f64, f64) {
    let params = life.world.params.offers;
    if !life.is_alive(at)
        || at >= life.world.end_at()
        || life.truth.first_order_at.is_none_or(|first| at < first)
    {
        return (0.0, 0.0);
    }
    let affinity = life.affinity(offer.item);
    let p_without = (params.p_buy * libm::exp(0.8 * affinity)).min(0.9);
    let keen = life.persona.p_discount;
    let pull = 0.5 * keen * f64::from(offer.percent) / 100.0 * (1.0 + affinity);
    let p_with = (p_without + params.uplift * (pull - 0.02 * (1.0 - keen))).clamp(0.0, 0.95);
    (p_without, p_with)
}
