//! One customer: who they are, and the truth behind what they do.

use bespoke::types::{EventKind, Money, Timestamp};

use super::draws::Draws;
use super::personas::{CATEGORIES, COUNTRIES, Persona};
use super::{RetailWorld, browsing, orders};

/// Share of the customers who look and never buy.
pub const P_PROSPECT: f64 = 0.04;

const P_AGE_MISSING: f64 = 0.08;
const P_HOUSEHOLD_MISSING: f64 = 0.12;

/// Streams of a customer, one per purpose.
const PERSON_STREAM: u64 = 0;
const ORDER_STREAM: u64 = 1;
const BROWSE_STREAM: u64 = 2;
const MAIL_STREAM: u64 = 3;

/// Where an event took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The web shop.
    Web,
    /// The app.
    App,
    /// A store with a till.
    Store,
    /// A mail.
    Email,
}

impl Channel {
    pub(super) const SHOPS: [Self; 3] = [Self::Web, Self::App, Self::Store];

    /// The name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::App => "app",
            Self::Store => "store",
            Self::Email => "email",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in whole seconds.
    pub time: Timestamp,
    /// What.
    pub kind: EventKind,
    /// Position in the catalogue.
    pub item: u32,
    /// Where.
    pub channel: Channel,
    /// Set for purchases and refunds only.
    pub line: Option<Line>,
}

/// The line of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Number of the order among the customer's, from 1.
    pub order: u32,
    /// Units, at least 1.
    pub quantity: u32,
    /// Price paid per unit.
    pub price: Money,
}

/// What the engine is meant to find out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// Position in [`RetailWorld::personas`].
    pub persona: usize,
    /// Instant of the first order; `None` for a prospect.
    pub first_order_at: Option<Timestamp>,
    /// Instant of leaving, which is that of the last order; `None` when alive at the end.
    pub alive_until: Option<Timestamp>,
    /// Orders per week while alive (lambda).
    pub orders_per_week: f64,
    /// Probability of leaving after an order (p).
    pub p_dropout: f64,
}

/// A customer with everything that happened, in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Customer {
    /// Outside id.
    pub id: String,
    /// Age in years.
    pub age: Option<u32>,
    /// Country, one of [`COUNTRIES`].
    pub country: &'static str,
    /// Whether the newsletter is taken.
    pub newsletter: bool,
    /// People in the household, the customer included.
    pub household_size: Option<u32>,
    /// The hidden truth.
    pub truth: Truth,
    /// Events, non-decreasing in time; no two alike.
    pub events: Vec<Event>,
}

/// What the parts of a customer's life share while it is generated.
pub(super) struct Life<'a> {
    pub(super) world: &'a RetailWorld,
    pub(super) persona: &'a Persona,
    /// Category tastes of this customer; they need not add up to 1.
    pub(super) tastes: [f64; CATEGORIES.len()],
    pub(super) newsletter: bool,
    /// Activity weeks at which the shop first saw the customer.
    pub(super) joined: f64,
    /// Activity weeks at the end of the window.
    pub(super) end: f64,
    pub(super) truth: Truth,
    pub(super) events: Vec<Event>,
}

impl Life<'_> {
    /// The instant of an activity time.
    pub(super) fn instant(&self, activity: f64) -> Timestamp {
        self.world.clocks[self.truth.persona].instant(self.world.origin(), activity)
    }

    /// Adds an event unless it falls outside the window.
    pub(super) fn push(&mut self, event: Event) {
        if event.time >= self.world.params.start_at && event.time < self.world.end_at() {
            self.events.push(event);
        }
    }

    /// An item on sale at an instant, by taste, popularity and price; `refuse` turns candidates down.
    ///
    /// After a few refusals the best-seller of the last category is the answer, whatever `refuse` says.
    pub(super) fn choose(&self, at: Timestamp, draws: &mut Draws, refuse: impl Fn(u32) -> bool) -> u32 {
        let catalogue = &self.world.catalogue;
        let g = self.persona.price_taste;
        let mut category = 0;
        for _ in 0..12 {
            category = draws.pick(&self.tastes);
            let number = catalogue.draw(category, draws);
            let item = &catalogue.items[number as usize];
            let p_taken = (1.0 + g * (2.0 * item.price_rank - 1.0)) / (1.0 + g.abs());
            if draws.chance(p_taken) && item.is_available(at) && !refuse(number) {
                return number;
            }
        }
        catalogue.best(category)
    }
}

impl RetailWorld {
    /// Customer `number`, which may lie beyond the number of customers of this world.
    #[must_use]
    pub fn customer(&self, number: usize) -> Customer {
        let random = self.random.stream(number as u64);
        let mut draws = Draws::new(random.stream(PERSON_STREAM));
        let shares: [f64; 5] = std::array::from_fn(|k| self.personas[k].share);
        let index = draws.pick(&shares);
        let persona = &self.personas[index];
        let age = libm::round(persona.age_mean + persona.age_sd * draws.normal()).clamp(18.0, 90.0) as u32;
        let household = 1 + draws.poisson(persona.housemates_mean);
        let country = COUNTRIES[draws.pick(&persona.country_shares)];
        let newsletter = draws.chance(persona.p_newsletter);
        let (age_missing, household_missing) =
            (draws.chance(P_AGE_MISSING), draws.chance(P_HOUSEHOLD_MISSING));
        let mut life = self.new_life(index, newsletter, &mut draws);
        let is_prospect = draws.chance(P_PROSPECT);
        if is_prospect {
            browsing::look_around(&mut life, &mut Draws::new(random.stream(BROWSE_STREAM)));
        } else {
            let order_times = orders::buy(&mut life, &mut Draws::new(random.stream(ORDER_STREAM)));
            browsing::browse(&mut life, &order_times, &mut Draws::new(random.stream(BROWSE_STREAM)));
        }
        browsing::read_mails(&mut life, &mut Draws::new(random.stream(MAIL_STREAM)));
        Customer {
            id: format!("C{number:07}"),
            age: (!age_missing).then_some(age),
            country,
            newsletter,
            household_size: (!household_missing).then_some(household),
            truth: life.truth,
            events: in_order(life.events),
        }
    }

    fn new_life<'a>(&'a self, index: usize, newsletter: bool, draws: &mut Draws) -> Life<'a> {
        let persona = &self.personas[index];
        let clock = &self.clocks[index];
        let start = clock.activity(self.origin(), self.params.start_at);
        let end = clock.activity(self.origin(), self.end_at());
        Life {
            world: self,
            persona,
            tastes: persona.category_shares.map(|share| share * libm::exp(0.6 * draws.normal())),
            newsletter,
            joined: draws.between(start, start + 0.75 * (end - start)),
            end,
            truth: Truth {
                persona: index,
                first_order_at: None,
                alive_until: None,
                orders_per_week: draws.gamma(persona.rate_shape) / persona.rate_weeks,
                p_dropout: draws.beta(persona.leave_a, persona.leave_b),
            },
            events: Vec::new(),
        }
    }

    /// The Monday from which activity time is counted.
    pub(super) fn origin(&self) -> Timestamp {
        super::clock::monday(self.params.start_at)
    }
}

/// By time, ties in order of making; of events alike in everything one stays, as a shop would log it once.
fn in_order(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| event.time);
    let mut kept: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        let alike = kept.iter().rev().take_while(|k| k.time == event.time).any(|k| *k == event);
        if !alike {
            kept.push(event);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_order_and_once() {
        let event = |time, item| Event {
            time: Timestamp(time),
            kind: EventKind::View,
            item,
            channel: Channel::Web,
            line: None,
        };
        let events = vec![event(2, 1), event(1, 1), event(2, 7), event(2, 1)];
        assert_eq!(in_order(events), [event(1, 1), event(2, 1), event(2, 7)]);
    }
}
