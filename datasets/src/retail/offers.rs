//! Offers: a price for a time, shown to some by lot, and what showing it changes.

use bespoke::random::Random;
use bespoke::types::{EventKind, Money, Timestamp};

use super::catalogue::Catalogue;
use super::customer::{Channel, Event, Life, Line};
use super::devices::Login;
use super::mails::{Consent, may_mail};
use super::orders::{Cupboard, percent_of};
use super::params::{Offers, RetailParams};
use super::personas::CATEGORIES;
use crate::calendar::later;
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
///
/// The probabilities are conditional on what had been bought when the offer began and on when the customer leaves, and
/// not on the moment at which the item would be bought.
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

/// Nobody buys in the first tenth of an offer's time.
const FIRST_PART: f64 = 0.1;

/// The answers of a customer to the offers, in order of time.
pub(super) struct Answers<'a> {
    consents: &'a [Consent],
    random: Random,
    /// Position of the next offer that begins.
    next: usize,
    /// Number of the next order that comes of an offer.
    next_order: u32,
    pub(super) all: Vec<Assignment>,
}

impl<'a> Answers<'a> {
    pub(super) fn new(consents: &'a [Consent], random: Random) -> Self {
        Self { consents, random, next: 0, next_order: 1, all: Vec::new() }
    }

    /// Orders that come of offers have numbers from this one on.
    pub(super) fn number_from(&mut self, next_order: u32) {
        self.next_order = next_order;
    }

    /// Decides about all offers that begin before an instant and were not decided about.
    pub(super) fn decide_until(&mut self, life: &mut Life<'_>, at: Timestamp, cupboard: &mut Cupboard) {
        let world = life.world;
        while let Some(offer) = world.offers.get(self.next).filter(|offer| offer.starts_at < at) {
            if may_mail(self.consents, offer.starts_at) {
                self.decide(life, offer, cupboard);
            }
            self.next += 1;
        }
    }

    /// The lot, and the decision: who takes the item takes it later, and in the meantime no second one.
    fn decide(&mut self, life: &mut Life<'_>, offer: &Offer, cupboard: &mut Cupboard) {
        let world = life.world;
        let number = self.next as u32;
        let mut draws = Draws::new(self.random.stream(u64::from(number)));
        let is_shown = draws.chance(world.params.offers.propensity);
        let (p_without, p_with) = chances(life, offer, cupboard);
        let wants = draws.chance(if is_shown { p_with } else { p_without });
        let length = (offer.ends_at.0 - offer.starts_at.0) as f64;
        let at = later(offer.starts_at, draws.between(FIRST_PART, 1.0) * length);
        let until = life.truth.alive_until.map_or(world.end_at(), |until| until.min(world.end_at()));
        let is_bought = wants && at < until;
        if is_shown {
            let exposure = Event::new(offer.starts_at, EventKind::Exposure, offer.item, Channel::Email);
            life.push(Event { offer: Some(number), ..exposure });
        }
        if is_bought {
            let item = &world.catalogue.items[offer.item as usize];
            let price = if is_shown { offer.price } else { item.price };
            let line = Line { order: self.next_order, quantity: 1, price, answers: Some(number) };
            let session = Some(life.begin_session(Channel::Web, at, Login::Sure));
            let bought = Event::new(at, EventKind::Purchase, offer.item, Channel::Web).with_line(Some(line));
            life.push(Event { offer: is_shown.then_some(number), session, ..bought });
            cupboard.put(offer.item, item, at);
            self.next_order += 1;
        }
        let part = ((until.0 - offer.starts_at.0) as f64 / length - FIRST_PART) / (1.0 - FIRST_PART);
        let p_in_time = part.clamp(0.0, 1.0);
        self.all.push(Assignment {
            offer: number,
            is_shown,
            is_bought,
            p_without: p_in_time * p_without,
            p_with: p_in_time * p_with,
        });
    }
}

/// Probabilities of wanting the item without and with the offer; prospects, those who have left and those who have such
/// a durable item want none.
fn chances(life: &Life<'_>, offer: &Offer, cupboard: &Cupboard) -> (f64, f64) {
    let item = &life.world.catalogue.items[offer.item as usize];
    if life.truth.is_prospect || !life.is_alive(offer.starts_at) || cupboard.has_enough(item) {
        return (0.0, 0.0);
    }
    let (affinity, keen) = (life.affinity(offer.item), life.persona.p_discount);
    response(life.world.params.offers, affinity, keen, offer.percent)
}

/// Probabilities of wanting an item of an affinity without and with a reduction in percent, for someone so keen on
/// reductions.
fn response(offers: Offers, affinity: f64, keen: f64, percent: u32) -> (f64, f64) {
    let p_without = (offers.p_buy * libm::exp(0.8 * affinity)).min(0.9);
    let pull = 0.5 * keen * f64::from(percent) / 100.0 * (1.0 + affinity);
    let p_with = (p_without + offers.uplift * (pull - 0.02 * (1.0 - keen))).clamp(0.0, 0.95);
    (p_without, p_with)
}

#[cfg(test)]
mod tests {
    use bespoke::types::Days;

    use super::*;

    #[test]
    fn the_response_by_hand() {
        let offers = Offers { n: 1, valid: Days(1), propensity: 0.5, p_buy: 0.05, uplift: 2.0 };
        // 0.05 e^0.4; 2 (0.5 0.6 0.3 1.5 - 0.02 0.4)
        let (without, with) = response(offers, 0.5, 0.6, 30);
        assert!((without - 0.074_591_234_9).abs() < 1e-9, "{without}");
        assert!((with - without - 0.254).abs() < 1e-12, "{with}");
        // Put off, and never below nothing.
        assert_eq!(response(offers, -1.0, 0.0, 40).1, 0.0);
        let (without, with) = response(Offers { p_buy: 0.3, ..offers }, 0.0, 0.0, 40);
        assert!((without - 0.3).abs() < 1e-12 && (with - 0.26).abs() < 1e-12, "{without} {with}");
        assert_eq!(response(Offers { p_buy: 0.5, uplift: 9.0, ..offers }, 1.0, 1.0, 40), (0.9, 0.95));
    }
}
