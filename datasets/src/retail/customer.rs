//! One customer: who they are, what they do, and the truth behind it.

use bespoke::random::Random;
use bespoke::types::{EventKind, Money, Timestamp};

use super::care::{Survey, Ticket};
use super::demographics::Person;
use super::devices::Session;
use super::lifetime::{LEAVING_SHAPE, Leaving};
use super::mails::Consent;
use super::offers::{Answers, Assignment};
use super::orders::Cupboard;
use super::params::Clock;
use super::personas::{CATEGORIES, Persona};
use super::{RetailWorld, browsing, care, devices, future, mails, orders, tastes};
use crate::calendar::monday;
use crate::draws::Draws;

/// Share of the customers who look and never buy.
pub const P_PROSPECT: f64 = 0.04;

/// Streams of a customer, one per purpose: a dial that takes more or fewer draws of one leaves the others alone.
const PERSONA_STREAM: u64 = 0;
const PERSON_STREAM: u64 = 1;
const TASTE_STREAM: u64 = 2;
const DIRECTION_STREAM: u64 = 3;
const SATISFACTION_STREAM: u64 = 4;
const RATE_STREAM: u64 = 5;
const LEAVING_STREAM: u64 = 6;
const CLICK_STREAM: u64 = 7;
const JOINING_STREAM: u64 = 8;
const DEVICE_STREAM: u64 = 9;
const SESSION_STREAM: u64 = 10;
pub(super) const CLOCK_STREAM: u64 = 11;
/// One sub-stream per order.
pub(super) const BASKET_STREAM: u64 = 12;
/// One sub-stream per future.
pub(super) const FUTURE_STREAM: u64 = 13;
/// One sub-stream per offer.
const OFFER_STREAM: u64 = 14;
const BROWSE_STREAM: u64 = 15;
const CONSENT_STREAM: u64 = 16;
const MAIL_STREAM: u64 = 17;
const CARE_STREAM: u64 = 18;

/// Counter of the draw that names the devices.
const DEVICE_COUNTER: u64 = 0;

/// Candidates looked at before all items are weighed: the same choice, at another price.
const MOST_TRIES: usize = 100;

/// Standard deviation of a customer's own taste for a category, on the scale of logarithms.
const CATEGORY_SD: f64 = 0.6;

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
    /// Position of the offer in whose time it was bought beside the ordinary orders, shown or not; hidden.
    pub answers: Option<u32>,
}

/// What the engine is meant to find out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// Position in [`RetailWorld::personas`].
    pub persona: usize,
    /// Whether this is someone who looks and never buys. What is said of orders then is about nothing.
    pub is_prospect: bool,
    /// Instant of the first order; `None` for a prospect.
    pub first_order_at: Option<Timestamp>,
    /// Instant of leaving; `None` when alive at the end, and for a prospect. Under [`Clock::Mbg`] it is that of the
    /// last order.
    pub alive_until: Option<Timestamp>,
    /// Orders per week while alive (lambda); not meant for a prospect.
    pub orders_per_week: f64,
    /// How the customer leaves; not meant for a prospect.
    pub leaving: Leaving,
    /// Satisfaction, standard normal.
    pub satisfaction: f64,
    /// Probability that an item in a mail is clicked when seen for the first time.
    pub p_click: f64,
    /// Probability of an order within the horizon after the window.
    pub p_purchase: f64,
    /// Expected orders within it.
    pub expected_orders: f64,
    /// Expected revenue of those orders, in units of the currency, returns not taken off: the mean of simulated
    /// futures.
    pub expected_value: f64,
    /// Standard error of that mean; 0 when nothing was bought in any of the futures.
    pub expected_value_error: f64,
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
    /// Tastes for the categories, of sum 1: what each would be bought with if nothing but them mattered.
    pub category_tastes: [f64; CATEGORIES.len()],
    /// Direction of taste; its cosine with that of an item is the affinity.
    pub taste: Vec<f64>,
    /// Events, non-decreasing in time; no two alike.
    pub events: Vec<Event>,
    /// Key of the ids of the customer's devices.
    pub devices: u64,
    /// Sessions of which something was seen, in no order.
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
    pub(super) random: Random,
    pub(super) session_draws: Draws,
    /// Category tastes of this customer, of sum 1.
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

    /// An item on sale at an instant, with probability proportional to taste for its category, popularity within it,
    /// and liking of its price and direction; `refuse` turns candidates down. `None` when nothing is left.
    pub(super) fn choose(
        &self,
        at: Timestamp,
        draws: &mut Draws,
        refuse: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        self.choose_within(MOST_TRIES, at, draws, refuse)
    }

    /// By rejection in `n_tries`, else by weighing every item: the number of tries changes the work, not the choice.
    fn choose_within(
        &self,
        n_tries: usize,
        at: Timestamp,
        draws: &mut Draws,
        refuse: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let catalogue = &self.world.catalogue;
        let may_be = |number: u32| catalogue.items[number as usize].is_available(at) && !refuse(number);
        for _ in 0..n_tries {
            let number = catalogue.draw(draws.pick(&self.tastes), draws);
            // Nobody takes more by direction of taste than by price alone: most candidates need no look at it.
            let mark = draws.uniform();
            if mark < self.p_price(number) && may_be(number) && mark < self.p_taken(number) {
                return Some(number);
            }
        }
        let weight = |number: u32| if may_be(number) { self.weight(number) } else { 0.0 };
        let weights: Vec<f64> = (0..catalogue.items.len() as u32).map(weight).collect();
        weights.iter().any(|&weight| weight > 0.0).then(|| draws.pick(&weights) as u32)
    }

    /// Weight of an item among all, when it is on sale.
    fn weight(&self, number: u32) -> f64 {
        let catalogue = &self.world.catalogue;
        let category = catalogue.items[number as usize].category;
        self.tastes[category] * catalogue.popularity(number) * self.p_taken(number)
    }

    /// Probability that a candidate is not passed over.
    fn p_taken(&self, number: u32) -> f64 {
        self.p_price(number) * self.world.params.tastes.p_taken(self.affinity(number))
    }

    /// Probability that it is not for its price.
    fn p_price(&self, number: u32) -> f64 {
        let (g, rank) = (self.persona.price_taste, self.world.catalogue.items[number as usize].price_rank);
        (1.0 + g * (2.0 * rank - 1.0)) / (1.0 + g.abs())
    }
}

impl RetailWorld {
    /// Customer `number`, which may lie beyond the number of customers of this world.
    #[must_use]
    pub fn customer(&self, number: usize) -> Customer {
        let random = self.random.stream(number as u64);
        let stream = |purpose: u64| Draws::new(random.stream(purpose));
        let shares: [f64; 5] = std::array::from_fn(|k| self.personas[k].share);
        let index = stream(PERSONA_STREAM).pick(&shares);
        let dirt = self.params.demographics;
        let person = Person::draw(&self.personas[index], dirt, &mut stream(PERSON_STREAM));
        let mut life = self.new_life(index, person.newsletter, random);
        let consents = mails::consents(&life, &mut stream(CONSENT_STREAM));
        let mut answers = Answers::new(&consents, random.stream(OFFER_STREAM));
        let mut order_times = Vec::new();
        if life.truth.is_prospect {
            browsing::look_around(&mut life, &mut stream(BROWSE_STREAM));
            answers.decide_until(&mut life, self.end_at(), &mut Cupboard::default());
        } else {
            let (orders, cupboard) = orders::buy(&mut life, &mut answers);
            browsing::browse(&mut life, orders.left, &mut stream(BROWSE_STREAM));
            future::look_ahead(&mut life, &orders, &cupboard);
            order_times = orders.times.iter().map(|&activity| life.instant(activity)).collect();
        }
        let assignments = answers.all;
        mails::read_mails(&mut life, &consents, &mut stream(MAIL_STREAM));
        let mut care_draws = stream(CARE_STREAM);
        let tickets = care::open_tickets(&life, &order_times, &mut care_draws);
        let surveys = care::ask(&life, &tickets, &mut care_draws);
        let mut events = in_order(life.events);
        let sessions = devices::keep_seen(life.sessions, &mut events);
        Customer {
            id: format!("C{number:07}"),
            person,
            truth: life.truth,
            category_tastes: life.tastes,
            taste: life.taste,
            events,
            devices: random.bits(DEVICE_COUNTER),
            sessions,
            consents,
            tickets,
            surveys,
            assignments,
        }
    }

    fn new_life(&self, index: usize, newsletter: bool, random: Random) -> Life<'_> {
        let stream = |purpose: u64| Draws::new(random.stream(purpose));
        let persona = &self.personas[index];
        let clock = &self.clocks[index];
        let activity = |at| clock.activity(self.origin(), at);
        let (start, end) = (activity(self.params.start_at), activity(self.end_at()));
        let joined_to = match self.params.joining {
            Some(days) => activity(self.params.start_at.plus(days)),
            None => start + 0.75 * (end - start),
        };
        let mut own = stream(TASTE_STREAM);
        let tastes = persona.category_shares.map(|share| share * libm::exp(CATEGORY_SD * own.normal()));
        let total: f64 = tastes.iter().sum();
        Life {
            world: self,
            persona,
            random,
            session_draws: stream(SESSION_STREAM),
            tastes: tastes.map(|taste| taste / total),
            taste: tastes::direction(self.params.tastes.n_factors, &mut stream(DIRECTION_STREAM)),
            newsletter,
            has_second_device: stream(DEVICE_STREAM).chance(self.params.devices.p_second),
            joined: stream(JOINING_STREAM).between(start, joined_to),
            end,
            truth: self.new_truth(index, random),
            events: Vec::new(),
            sessions: Vec::new(),
        }
    }

    fn new_truth(&self, index: usize, random: Random) -> Truth {
        let stream = |purpose: u64| Draws::new(random.stream(purpose));
        let persona = &self.personas[index];
        let satisfaction = stream(SATISFACTION_STREAM).normal();
        let mut rate = stream(RATE_STREAM);
        let p_click = self.params.mails.p_click;
        Truth {
            persona: index,
            is_prospect: rate.chance(P_PROSPECT),
            first_order_at: None,
            alive_until: None,
            orders_per_week: rate.gamma(persona.rate_shape) / persona.rate_weeks,
            leaving: self.leaving(persona, satisfaction, &mut stream(LEAVING_STREAM)),
            satisfaction,
            p_click: stream(CLICK_STREAM).beta(CLICK_CUSTOMERS * p_click, CLICK_CUSTOMERS * (1.0 - p_click)),
            p_purchase: 0.0,
            expected_orders: 0.0,
            expected_value: 0.0,
            expected_value_error: 0.0,
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
        monday(self.params.start_at)
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

    /// Choices of one customer against the weights of the equations, in a world of such tastes.
    fn assert_choices(n_tries: usize, strength: f64) {
        let mut params = super::super::RetailParams::new(1, 120, 31);
        params.tastes = super::super::Tastes { n_factors: 4, strength };
        let world = RetailWorld::new(params).expect("parameters are in range");
        let customer = world.customer(3);
        let life = world.new_life(customer.truth.persona, true, world.random.stream(3));
        let at = world.params.start_at.plus(bespoke::types::Days(400));
        let refuse = |number: u32| number % 7 == 3;
        let g = world.personas[customer.truth.persona].price_taste;
        let weight = |(number, item): (u32, &super::super::Item)| {
            let cosine: f64 = customer.taste.iter().zip(world.direction(number)).map(|(u, v)| u * v).sum();
            let price = (1.0 + g * (2.0 * item.price_rank - 1.0)) / (1.0 + g.abs());
            let weight = customer.category_tastes[item.category] * world.popularity(number) * price;
            let may_be = item.is_available(at) && !refuse(number);
            if may_be { weight * (strength * (cosine - 1.0)).exp() } else { 0.0 }
        };
        let weights: Vec<f64> = (0..).zip(world.items()).map(weight).collect();
        let mut counts = vec![0.0; weights.len()];
        let mut draws = Draws::new(Random::new(n_tries as u64));
        for _ in 0..40_000 {
            let item = life.choose_within(n_tries, at, &mut draws, refuse).expect("something is on sale");
            counts[item as usize] += 1.0;
        }
        crate::checks::assert_shares(format!("{n_tries} tries"), &counts, &weights);
        let nothing = life.choose_within(n_tries.min(3), at, &mut draws, |_| true);
        assert_eq!(nothing, None);
    }

    #[test]
    fn items_are_chosen_by_their_weights_however_many_candidates_are_looked_at() {
        for n_tries in [0, 2, 100] {
            assert_choices(n_tries, 1.5);
        }
        assert_choices(100, 4.0);
    }

    #[test]
    fn events_come_in_order_and_once() {
        let event = |time, item| Event::new(Timestamp(time), EventKind::View, item, Channel::Web);
        let again = Event { session: Some(1), ..event(2, 7) };
        let events = vec![event(2, 1), event(1, 1), event(2, 7), event(2, 1), again];
        assert_eq!(in_order(events), [event(1, 1), event(2, 1), event(2, 7)]);
    }
}
