//! One subscriber: contracts, usage, tickets and payments, period by period, with the truth behind them.

use bespoke::types::{Days, Money, Timestamp};

use super::SubscriptionWorld;
use super::hazard::{Decider, Engagement, FRAILTY_SD, P_RETRY_FAILS, hazard};
use super::outlook::{Outlook, Present};
use super::personas::{COUNTRIES, Persona, WAYS};
use super::plans::{ADD_ONS_PER_CATEGORY, FIRST_ADD_ON, PERIOD, Plan, TIERS, YEAR_PERIODS, price_level};
use crate::calendar::HOUR_MS;
use crate::draws::Draws;

const P_AGE_MISSING: f64 = 0.08;
const P_HOUSEHOLD_MISSING: f64 = 0.12;
const P_WAY_MISSING: f64 = 0.05;

/// Standard deviation of the logit of the share of days with usage.
const USE_SD: f64 = 0.5;
/// Probability of going from yearly to monthly at the end of a term.
pub(super) const P_UNCOMMIT: f64 = 0.05;
/// Periods after leaving in which a customer may return, and how fast the probability falls.
const RETURN_PERIODS: u32 = 12;
const RETURN_DECAY: f64 = 0.8;

/// When a failed payment is tried again.
const RETRY_MS: [i64; 2] = [4 * HOUR_MS, 12 * HOUR_MS];

/// Streams of a customer, one per purpose.
const PERSON_STREAM: u64 = 0;
const CONTRACT_STREAM: u64 = 1;
const USAGE_STREAM: u64 = 2;

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happening {
    /// A period of a plan is paid.
    Payment,
    /// An attempt to pay fails.
    PaymentFailed,
    /// An add-on is bought.
    AddOn,
    /// The service is used on a day.
    Usage,
    /// A support conversation begins.
    Ticket,
}

impl Happening {
    /// The name in files: Segment's, where it has one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Payment | Self::AddOn => "Order Completed",
            Self::PaymentFailed => "Transaction Failed",
            Self::Usage => "Product Viewed",
            Self::Ticket => "Live Chat Conversation Started",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in whole seconds.
    pub time: Timestamp,
    /// What.
    pub what: Happening,
    /// Position among the items: the plan, or the add-on.
    pub item: u32,
    /// What was paid; set for payments and add-ons only.
    pub price: Option<Money>,
}

/// Why a contract ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The customer left by choice.
    Cancelled,
    /// Three attempts to pay failed.
    PaymentFailed,
    /// Another plan took its place.
    Changed,
}

impl EndReason {
    /// The name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::PaymentFailed => "payment_failed",
            Self::Changed => "changed",
        }
    }
}

/// A contract about one plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contract {
    /// What it is about.
    pub plan: Plan,
    /// First instant.
    pub started_at: Timestamp,
    /// First instant after it, and why; `None` when it runs at the end of the window.
    pub ended: Option<(Timestamp, EndReason)>,
    /// Price per period at its start.
    pub price: Money,
}

/// The end of a term, at which the customer could leave by choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// The plan so far.
    pub plan: Plan,
    /// Periods since the customer last joined (`n`), with any plans.
    pub tenure: u32,
    /// Engagement in the last period.
    pub engagement: Engagement,
    /// Tickets in the last period.
    pub n_tickets: u32,
    /// Relative rise of list prices since the term began.
    pub rise: f64,
    /// The true hazard.
    pub p_leave: f64,
    /// What was decided.
    pub has_left: bool,
}

/// What the engine is meant to find out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// Position in [`SubscriptionWorld::personas`].
    pub persona: usize,
    /// Probability of using the service on a day while steady (`u`).
    pub p_use: f64,
    /// The customer's own effect on the logit of leaving (`b`).
    pub frailty: f64,
    /// When the last contract ended; `None` when it runs at the end of the window.
    pub contract_until: Option<Timestamp>,
    /// Engagement at the end of the window; `None` without a contract then.
    pub engagement: Option<Engagement>,
    /// What is to be expected; `None` without a contract at the end.
    pub outlook: Option<Outlook>,
}

/// A customer with everything that happened, in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Customer {
    /// Outside id.
    pub id: String,
    /// First contract.
    pub joined_at: Timestamp,
    /// Age in years.
    pub age: Option<u32>,
    /// Country, one of [`COUNTRIES`].
    pub country: &'static str,
    /// People in the household, the customer included.
    pub household_size: Option<u32>,
    /// Way of acquisition, one of [`WAYS`].
    pub acquired_via: Option<&'static str>,
    /// The hidden truth.
    pub truth: Truth,
    /// Contracts, one after the other.
    pub contracts: Vec<Contract>,
    /// Ends of terms, in order; hidden too.
    pub decisions: Vec<Decision>,
    /// Events, non-decreasing in time.
    pub events: Vec<Event>,
}

/// What the parts of a customer's life share while it is generated.
struct Life<'a> {
    world: &'a SubscriptionWorld,
    decider: Decider<'a>,
    p_use: f64,
    draws: Draws,
    usage_draws: Draws,
    contracts: Vec<Contract>,
    decisions: Vec<Decision>,
    events: Vec<Event>,
}

impl SubscriptionWorld {
    /// Customer `number`, which may lie beyond the number of customers of this world.
    #[must_use]
    pub fn customer(&self, number: usize) -> Customer {
        let random = self.random.stream(number as u64);
        let mut draws = Draws::new(random.stream(PERSON_STREAM));
        let shares: Vec<f64> = self.personas.iter().map(|persona| persona.share).collect();
        let index = draws.pick(&shares);
        let persona = &self.personas[index];
        let age = libm::round(persona.age_mean + persona.age_sd * draws.normal()).clamp(18.0, 90.0) as u32;
        let household = 1 + draws.poisson(persona.housemates_mean);
        let country = COUNTRIES[draws.pick(&persona.country_shares)];
        let way = WAYS[draws.pick(&persona.way_shares)];
        let missing = [P_AGE_MISSING, P_HOUSEHOLD_MISSING, P_WAY_MISSING].map(|p| draws.chance(p));
        let logit = libm::log(persona.p_use / (1.0 - persona.p_use)) + USE_SD * draws.normal();
        let mut life = Life {
            world: self,
            decider: Decider { persona, frailty: FRAILTY_SD * draws.normal() },
            p_use: 1.0 / (1.0 + libm::exp(-logit)),
            draws: Draws::new(random.stream(CONTRACT_STREAM)),
            usage_draws: Draws::new(random.stream(USAGE_STREAM)),
            contracts: Vec::new(),
            decisions: Vec::new(),
            events: Vec::new(),
        };
        let joined_at = self.first_contract_at(&mut draws);
        let plan = Plan { tier: draws.pick(&persona.tier_shares), is_yearly: draws.chance(persona.p_yearly) };
        let present = life.live(joined_at, plan);
        life.events.retain(|event| event.time < self.end_at());
        life.events.sort_by_key(|event| event.time);
        Customer {
            id: format!("C{number:07}"),
            joined_at,
            age: (!missing[0]).then_some(age),
            country,
            household_size: (!missing[1]).then_some(household),
            acquired_via: (!missing[2]).then_some(way),
            truth: Truth {
                persona: index,
                p_use: life.p_use,
                frailty: life.decider.frailty,
                contract_until: life.contracts.last().and_then(|contract| contract.ended).map(|(at, _)| at),
                engagement: present.map(|present| present.engagement),
                outlook: present.map(|present| Outlook::new(self, life.decider, present)),
            },
            contracts: life.contracts,
            decisions: life.decisions,
            events: life.events,
        }
    }

    /// A day of joining, between 7 and 11 o'clock: payments fall due at this time of day, so that all attempts to pay
    /// are over by midnight and the window never ends between them.
    fn first_contract_at(&self, draws: &mut Draws) -> Timestamp {
        let day = draws.below(self.params.joining_days.0 as usize) as u32;
        let second = draws.below(4 * 3_600) as i64;
        Timestamp(self.params.start_at.plus(Days(day)).0 + 7 * HOUR_MS + 1_000 * second)
    }

    pub(super) fn price_level(&self, at: Timestamp) -> f64 {
        price_level(self.params.start_at, at)
    }
}

impl Life<'_> {
    /// From the first contract to the end of the window; what runs then.
    fn live(&mut self, joined_at: Timestamp, plan: Plan) -> Option<Present> {
        let (mut at, mut plan) = (joined_at, plan);
        loop {
            let (left_at, tier) = match self.stay(at, plan) {
                Ok(present) => return Some(present),
                Err(left) => left,
            };
            at = self.return_after(left_at)?;
            plan = Plan { tier, is_yearly: false };
        }
    }

    /// From joining to leaving: what runs at the end of the window, or when and from which tier the customer left.
    fn stay(&mut self, joined_at: Timestamp, plan: Plan) -> Result<Present, (Timestamp, usize)> {
        let (mut at, mut plan, mut term_at) = (joined_at, plan, joined_at);
        let (mut tenure, mut engagement) = (0, Engagement::Steady);
        self.open(plan, at);
        self.pay(plan, at, at);
        loop {
            let n_tickets = self.pass(at, plan, engagement);
            let due_at = at.plus(PERIOD);
            if due_at >= self.world.end_at() {
                let n_tickets = self.n_tickets_since(at);
                return Ok(Present { plan, tenure, engagement, n_tickets, term_at, due_at });
            }
            tenure += 1;
            if is_term_end(plan, term_at, due_at) {
                if self.decide(due_at, plan, tenure, engagement, n_tickets, term_at) {
                    self.close(due_at, EndReason::Cancelled);
                    return Err((due_at, plan.tier));
                }
                plan = self.change(plan, due_at);
                term_at = due_at;
            }
            if !self.renew(plan, due_at, term_at) {
                return Err((due_at, plan.tier));
            }
            let next = engagement.next(self.decider.persona.p_fade);
            engagement = Engagement::ALL[self.draws.pick(&next)];
            at = due_at;
        }
    }

    /// Whether the customer leaves by choice.
    fn decide(
        &mut self,
        at: Timestamp,
        plan: Plan,
        tenure: u32,
        engagement: Engagement,
        n_tickets: u32,
        term_at: Timestamp,
    ) -> bool {
        let rise = self.world.price_level(at) / self.world.price_level(term_at) - 1.0;
        let p_leave = hazard(self.decider.odds(plan, tenure, engagement, rise), n_tickets);
        let has_left = self.draws.chance(p_leave);
        self.decisions.push(Decision { at, plan, tenure, engagement, n_tickets, rise, p_leave, has_left });
        has_left
    }

    /// The plan of the next term.
    fn change(&mut self, plan: Plan, at: Timestamp) -> Plan {
        let moves = moves(plan, self.decider.persona);
        let shares = moves.map(|(_, p)| p);
        let next = moves[self.draws.pick(&shares)].0;
        if next != plan {
            self.close(at, EndReason::Changed);
            self.open(next, at);
        }
        next
    }

    /// Pays the next period, by the third attempt at the latest; `false` when none succeeds.
    fn renew(&mut self, plan: Plan, due_at: Timestamp, term_at: Timestamp) -> bool {
        let p_fails = [self.decider.persona.p_payment_fails, P_RETRY_FAILS[0], P_RETRY_FAILS[1]];
        for (p, after_ms) in p_fails.into_iter().zip([0, RETRY_MS[0], RETRY_MS[1]]) {
            let time = Timestamp(due_at.0 + after_ms);
            if !self.draws.chance(p) {
                self.pay(plan, time, term_at);
                return true;
            }
            self.push(Event { time, what: Happening::PaymentFailed, item: plan.item(), price: None });
        }
        self.close(Timestamp(due_at.0 + RETRY_MS[1]), EndReason::PaymentFailed);
        false
    }

    /// Tickets, add-ons and usage of one period; the number of tickets.
    fn pass(&mut self, at: Timestamp, plan: Plan, engagement: Engagement) -> u32 {
        let persona = self.decider.persona;
        let n_tickets = self.draws.poisson(persona.tickets);
        for _ in 0..n_tickets {
            let time = self.within_period(at);
            self.push(Event { time, what: Happening::Ticket, item: plan.item(), price: None });
        }
        for _ in 0..self.draws.poisson(persona.add_ons) {
            let time = self.within_period(at);
            let category = self.draws.pick(&persona.add_on_shares);
            let number = ADD_ONS_PER_CATEGORY * category + self.draws.below(ADD_ONS_PER_CATEGORY);
            let item = FIRST_ADD_ON + number;
            let price = Some(self.world.items[item].price);
            self.push(Event { time, what: Happening::AddOn, item: item as u32, price });
        }
        self.use_service(at, plan, self.p_use * engagement.usage_share());
        n_tickets
    }

    /// At most one use in each of the period's days, around the persona's hour.
    fn use_service(&mut self, at: Timestamp, plan: Plan, p_use: f64) {
        let second_of_day = at.0.rem_euclid(Timestamp::DAY_MS) / 1_000;
        for day in 0..PERIOD.0 {
            if self.usage_draws.chance(p_use) {
                let hour = self.decider.persona.peak_hour + 3.0 * self.usage_draws.normal();
                // Days of the contract begin at its time of day.
                let after = ((hour * 3_600.0) as i64 - second_of_day).rem_euclid(86_400);
                let time = Timestamp(at.plus(Days(day)).0 + 1_000 * after);
                self.push(Event { time, what: Happening::Usage, item: plan.item(), price: None });
            }
        }
    }

    /// When the customer returns, if before the end of the window.
    fn return_after(&mut self, left_at: Timestamp) -> Option<Timestamp> {
        let mut p = self.decider.persona.p_return;
        for n in 1..=RETURN_PERIODS {
            let at = left_at.plus(Days(n * PERIOD.0));
            if at >= self.world.end_at() {
                return None;
            }
            if self.draws.chance(p) {
                return Some(at);
            }
            p *= RETURN_DECAY;
        }
        None
    }

    fn within_period(&mut self, at: Timestamp) -> Timestamp {
        Timestamp(at.0 + 1_000 * self.draws.below(PERIOD.0 as usize * 86_400) as i64)
    }

    fn n_tickets_since(&self, at: Timestamp) -> u32 {
        let end = self.world.end_at();
        let is_ticket = |e: &&Event| e.what == Happening::Ticket && e.time >= at && e.time < end;
        self.events.iter().filter(is_ticket).count() as u32
    }

    fn pay(&mut self, plan: Plan, time: Timestamp, term_at: Timestamp) {
        let price = Some(plan.price(self.world.price_level(term_at)));
        self.push(Event { time, what: Happening::Payment, item: plan.item(), price });
    }

    fn open(&mut self, plan: Plan, at: Timestamp) {
        let price = plan.price(self.world.price_level(at));
        self.contracts.push(Contract { plan, started_at: at, ended: None, price });
    }

    fn close(&mut self, at: Timestamp, reason: EndReason) {
        if let Some(contract) = self.contracts.last_mut() {
            contract.ended = Some((at, reason));
        }
    }

    fn push(&mut self, event: Event) {
        self.events.push(event);
    }
}

/// Whether the period that ends at `due_at` is the last of its term.
pub(super) fn is_term_end(plan: Plan, term_at: Timestamp, due_at: Timestamp) -> bool {
    let n_periods = if plan.is_yearly { YEAR_PERIODS } else { 1 };
    term_at.plus(Days(n_periods * PERIOD.0)) <= due_at
}

/// The plans that may follow a term, with their probabilities; they add up to 1.
pub(super) fn moves(plan: Plan, persona: &Persona) -> [(Plan, f64); 4] {
    let up = Plan { tier: (plan.tier + 1).min(TIERS.len() - 1), ..plan };
    let down = Plan { tier: plan.tier.saturating_sub(1), ..plan };
    let other = Plan { is_yearly: !plan.is_yearly, ..plan };
    let p_other = if plan.is_yearly { P_UNCOMMIT } else { persona.p_commit };
    let p_stay = 1.0 - persona.p_up - persona.p_down - p_other;
    [(up, persona.p_up), (down, persona.p_down), (other, p_other), (plan, p_stay)]
}
