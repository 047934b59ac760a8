//! One customer: who they are, what they do, and the truth behind it.

use bespoke::types::{EventKind, Money, Timestamp};

use super::care::{Survey, Ticket};
use super::demographics::Person;
use super::devices::Session;
use super::lifetime::{LEAVING_SHAPE, Leaving};
use super::mails::Consent;
use super::offers::Assignment;
use super::params::Clock;
use super::personas::{CATEGORIES, Persona};
use super::{RetailWorld, browsing, care, future, mails, offers, orders, tastes};
use crate::draws::Draws;

/// Share of the customers who look and never buy.
pub const P_PROSPECT: f64 = 0.04;

/// Streams of a customer, one per purpose.
const PERSON_STREAM: u64 = 0;
const ORDER_STREAM: u64 = 1;
const BROWSE_STREAM: u64 = 2;
const MAIL_STREAM: u64 = 3;
const OFFER_STREAM: u64 = 4;
const CARE_STREAM: u64 = 5;
const FUTURE_STREAM: u64 = 6;
const CONSENT_STREAM: u64 = 7;

/// Counter of the draw that names the devices.
const DEVICE_COUNTER: u64 = 0;

/// Tries to find an item to somebody's liking before the best-seller has to do.
const MOST_TRIES: usize = 40;

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
    /// Position among the customer's sessions; set for what happens on the web and in the app.
    pub session: Option<u32>,
    /// Position of the offer that was shown or taken.
    pub offer: Option<u32>,
}

impl Event {
    pub(super) fn new(time: Timestamp, kind: EventKind, item: u32, channel: Channel) -> Self {
        Self { time, kind, item, channel, line: None, session: None, offer: None }
    }

    pub(super) fn with_line(self, line: Option<Line>) -> Self {
        Self { line, ..self }
    }
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
    /// Instant of leaving; `None` when alive at the end. Under [`Clock::Mbg`] it is that of the last order.
    pub alive_until: Option<Timestamp>,
    /// Orders per week while alive (lambda).
    pub orders_per_week: f64,
    /// How the customer leaves.
    pub leaving: Leaving,
    /// Satisfaction, standard normal.
    pub satisfaction: f64,
    /// Probability that an item in a mail is clicked when seen for the first time.
    pub p_click: f64,
    /// Probability of an order within the horizon after the window.
    pub p_purchase: f64,
    /// Expected orders within it.
    pub expected_orders: f64,
    /// Expected revenue of those orders, in units of the currency, returns not taken off.
    pub expected_value: f64,
}

/// A customer with everything that happened, in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Customer {
    /// Outside id.
    pub id: String,
    /// Demographics.
    pub person: Person,
    /// The hidden truth.
    pub truth: Truth,
    /// Direction of taste; its cosine with that of an item is the affinity.
    pub taste: Vec<f64>,
    /// Events, non-decreasing in time; no two alike.
    pub events: Vec<Event>,
    /// Key of the ids of the customer's devices.
    pub devices: u64,
    /// Sessions, in no order.
    pub sessions: Vec<Session>,
    /// Statements about mails, in order of time.
    pub consents: Vec<Consent>,
    /// Support tickets, by order.
    pub tickets: Vec<Ticket>,
    /// Surveys that were sent.
    pub surveys: Vec<Survey>,
    /// Offers the customer was eligible for.
    pub assignments: Vec<Assignment>,
}

impl Customer {
    /// Whether an event was logged without knowing whose it is.
    #[must_use]
    pub fn is_anonymous(&self, event: &Event) -> bool {
        let Some(session) = event.session else { return false };
        let login = self.sessions[session as usize].logged_in_at;
        event.line.is_none() && login.is_none_or(|login| event.time < login)
    }
}

/// What the parts of a customer's life share while it is generated.
pub(super) struct Life<'a> {
    pub(super) world: &'a RetailWorld,
    pub(super) persona: &'a Persona,
    /// Category tastes of this customer; they need not add up to 1.
    pub(super) tastes: [f64; CATEGORIES.len()],
    /// Direction of taste.
    pub(super) taste: Vec<f64>,
    pub(super) newsletter: bool,
    pub(super) has_second_device: bool,
    /// Activity weeks at which the shop first saw the customer.
    pub(super) joined: f64,
    /// Activity weeks at the end of the window.
    pub(super) end: f64,
    pub(super) truth: Truth,
    pub(super) events: Vec<Event>,
    pub(super) sessions: Vec<Session>,
}

impl Life<'_> {
    /// The instant of an activity time.
    pub(super) fn instant(&self, activity: f64) -> Timestamp {
        self.world.clocks[self.truth.persona].instant(self.world.origin(), activity)
    }

    pub(super) fn is_alive(&self, at: Timestamp) -> bool {
        self.truth.alive_until.is_none_or(|until| at < until)
    }

    /// Adds an event unless it falls outside the window.
    pub(super) fn push(&mut self, event: Event) {
        if event.time >= self.world.params.start_at && event.time < self.world.end_at() {
            self.events.push(event);
        }
    }

    pub(super) fn affinity(&self, item: u32) -> f64 {
        tastes::affinity(&self.taste, self.world.catalogue.direction(item))
    }

    /// An item on sale at an instant, by category, popularity, price and taste; `refuse` turns candidates down.
    ///
    /// After many refusals the best-seller of the last category is the answer, whatever `refuse` says.
    pub(super) fn choose(&self, at: Timestamp, draws: &mut Draws, refuse: impl Fn(u32) -> bool) -> u32 {
        let catalogue = &self.world.catalogue;
        let g = self.persona.price_taste;
        let mut category = 0;
        for _ in 0..MOST_TRIES {
            category = draws.pick(&self.tastes);
            let number = catalogue.draw(category, draws);
            let item = &catalogue.items[number as usize];
            let p_price = (1.0 + g * (2.0 * item.price_rank - 1.0)) / (1.0 + g.abs());
            let p_taken = p_price * self.world.params.tastes.p_taken(self.affinity(number));
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
        let stream = |purpose: u64| Draws::new(random.stream(purpose));
        let mut draws = stream(PERSON_STREAM);
        let shares: [f64; 5] = std::array::from_fn(|k| self.personas[k].share);
        let index = draws.pick(&shares);
        let person = Person::draw(&self.personas[index], self.params.demographics, &mut draws);
        let mut life = self.new_life(index, person.newsletter, &mut draws);
        let is_prospect = draws.chance(P_PROSPECT);
        let mut order_times = Vec::new();
        if is_prospect {
            browsing::look_around(&mut life, &mut stream(BROWSE_STREAM));
        } else {
            let (orders, cupboard) = orders::buy(&mut life, &mut stream(ORDER_STREAM));
            browsing::browse(&mut life, orders.left, &mut stream(BROWSE_STREAM));
            future::look_ahead(&mut life, &orders, &cupboard, &mut stream(FUTURE_STREAM));
            order_times = orders.times.iter().map(|&activity| life.instant(activity)).collect();
        }
        let consents = mails::consents(&life, &mut stream(CONSENT_STREAM));
        mails::read_mails(&mut life, &consents, &mut stream(MAIL_STREAM));
        let next_order = order_times.len() as u32 + 1;
        let assignments = offers::respond(&mut life, &consents, next_order, &mut stream(OFFER_STREAM));
        let mut care_draws = stream(CARE_STREAM);
        let tickets = care::open_tickets(&life, &order_times, &mut care_draws);
        let surveys = care::ask(&life, &tickets, &mut care_draws);
        Customer {
            id: format!("C{number:07}"),
            person,
            truth: life.truth,
            taste: life.taste,
            events: in_order(life.events),
            devices: random.bits(DEVICE_COUNTER),
            sessions: life.sessions,
            consents,
            tickets,
            surveys,
            assignments,
        }
    }

    fn new_life<'a>(&'a self, index: usize, newsletter: bool, draws: &mut Draws) -> Life<'a> {
        let persona = &self.personas[index];
        let clock = &self.clocks[index];
        let start = clock.activity(self.origin(), self.params.start_at);
        let end = clock.activity(self.origin(), self.end_at());
        let mails = self.params.mails;
        Life {
            world: self,
            persona,
            tastes: persona.category_shares.map(|share| share * libm::exp(0.6 * draws.normal())),
            taste: tastes::direction(self.params.tastes.n_factors, draws),
            newsletter,
            has_second_device: draws.chance(self.params.devices.p_second),
            joined: draws.between(start, start + 0.75 * (end - start)),
            end,
            truth: self.new_truth(index, draws, mails.p_click),
            events: Vec::new(),
            sessions: Vec::new(),
        }
    }

    fn new_truth(&self, index: usize, draws: &mut Draws, p_click: f64) -> Truth {
        let persona = &self.personas[index];
        let satisfaction = draws.normal();
        Truth {
            persona: index,
            first_order_at: None,
            alive_until: None,
            orders_per_week: draws.gamma(persona.rate_shape) / persona.rate_weeks,
            leaving: self.leaving(persona, satisfaction, draws),
            satisfaction,
            p_click: draws.beta(CLICK_CUSTOMERS * p_click, CLICK_CUSTOMERS * (1.0 - p_click)),
            p_purchase: 0.0,
            expected_orders: 0.0,
            expected_value: 0.0,
        }
    }

    /// The dissatisfied leave sooner: the odds, or the rate, of leaving are multiplied by `exp(-effect satisfaction)`.
    fn leaving(&self, persona: &Persona, satisfaction: f64, draws: &mut Draws) -> Leaving {
        let factor = libm::exp(-self.params.care.effect * satisfaction);
        if self.params.clock == Clock::Mbg {
            let p = draws.beta(persona.leave_a, persona.leave_b);
            return Leaving::AfterOrder(factor * p / (1.0 - p + factor * p));
        }
        Leaving::PerWeek(factor * draws.gamma(LEAVING_SHAPE) * persona.leaving_per_week() / LEAVING_SHAPE)
    }

    /// The Monday from which activity time is counted.
    pub(super) fn origin(&self) -> Timestamp {
        super::clock::monday(self.params.start_at)
    }
}

/// The click probabilities of customers are spread like the share of clicks among so many showings.
const CLICK_CUSTOMERS: f64 = 25.0;

/// By time, ties in order of making; of events alike in everything but the session one stays, as a shop would log it
/// once.
fn in_order(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| event.time);
    let mut kept: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        let same = |k: &Event| Event { session: event.session, ..*k } == event;
        let alike = kept.iter().rev().take_while(|k| k.time == event.time).any(same);
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
        let event = |time, item| Event::new(Timestamp(time), EventKind::View, item, Channel::Web);
        let again = Event { session: Some(1), ..event(2, 7) };
        let events = vec![event(2, 1), event(1, 1), event(2, 7), event(2, 1), again];
        assert_eq!(in_order(events), [event(1, 1), event(2, 1), event(2, 7)]);
    }
}
