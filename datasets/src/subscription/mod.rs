//! A service with contracts: customers subscribe, use, complain, change plans, stop paying, leave and come back.
//!
//! # Equations
//! Every customer belongs to one persona `k`, drawn by share, whose parameters are those of [`PERSONAS`] drawn
//! towards the mean of all by the dial `overlap`: `theta_k(o) = theta_k + o (theta_mean - theta_k)`.
//!
//! **Contracts** run in periods of [`PERIOD`] and are paid at the start of each. A monthly contract can be left at
//! the end of every period, a yearly one, which is cheaper, at the end of every twelfth. A contract's price holds
//! until the end of its term; list prices rise on the days of [`PRICE_RISES`].
//!
//! **Engagement** is a Markov chain over steady, fading and dormant, with one move per period: steady to fading
//! with probability `f_k`; fading to steady 0.25, to dormant 0.30; dormant to fading 0.15. On any day the service is
//! used with probability `u_i m_s`: `logit u_i ~ N(logit u_k, 0.5^2)` and `m` = 1, 0.45, 0.08 by state. So the trend
//! of usage shows the state. Tickets are a Poisson process of `t_k` per period, add-ons one of `a_k`.
//!
//! **Leaving by choice** at the end of a term, `n` periods after the customer last joined, whatever the plans since,
//! is a discrete-time hazard:
//!
//! ```text
//! logit h = c_k + b_i - 0.25 ln(1 + n) + e_s + 0.5 min(tickets, 3) + r_k rise + g_tier - 0.3 [yearly]
//! ```
//!
//! with `b_i ~ N(0, 0.35^2)`, `e` = 0, 0.9, 1.7 by engagement, tickets those of the last period, `rise` the relative
//! rise of list prices since the term began, and `g` of [`TIERS`].
//! Those who stay go one tier up with probability `p_up`, one down with `p_down`, or to the other term (monthly to
//! yearly with `p_commit`, yearly to monthly with 0.05); from the highest and the lowest tier there is no further way.
//!
//! **Leaving without choice**: a payment fails with probability `q_k` and is tried again after 4 and 12 hours; these
//! fail with probabilities 0.5 and 0.6. The first payment after joining or returning never fails. So `d_k = 0.3 q_k`
//! of the payments due end the contract, also within a term.
//!
//! **Win-backs**: `j` periods after leaving, for `j` = 1..=12, the customer returns with probability
//! `w_k 0.8^(j-1)`, to a monthly contract of the same tier, steady, with `n = 0`.
//!
//! **Truth at the end** of the window, for those with a contract, is exact, by summing over the chain of engagement,
//! plans, terms and tickets ([`Outlook`]): the probability of leaving at the next payment due and within the
//! horizon, and the expected revenue of the [`VALUE_DAYS`] after the end, win-backs left out.
//!
//! **Usage** within a day is normal around the persona's hour with a standard deviation of three hours, around the
//! clock.
//!
//! **Demographics**: age normal, cut at 18..=90; household `1 + Poisson`; country and way of acquisition by share. Ages
//! are missing with probability 0.08, household sizes with 0.12, ways of acquisition with 0.05.
//!
//! # Truth tables
//! - `truth`, by customer: `persona`; `p_use` (`u_i`); `frailty` (`b_i`); `has_contract` at the end; `contract_until`,
//!   the end of the last contract, missing when one runs; and of those with a contract `engagement` at the end,
//!   `p_leave_next` (leaving by choice or not when the next payment is due), `p_leave_within_horizon` for
//!   `horizon_days`, and `remaining_value_360_days` in units of the currency: all given the hidden state at the end.
//! - `truth_hazard`, by customer and end of a term: `time`; `item_id`, the plan so far; `tenure_periods` (`n`);
//!   `engagement` and `tickets` of the last period; `price_rise` (`rise`); `p_leave`, the hazard `h` of leaving by
//!   choice given all of these and the frailty; `left`, what was decided.

mod customer;
mod files;
mod hazard;
mod job;
mod outlook;
mod personas;
mod plans;
#[cfg(test)]
mod tests;

use bespoke::error::ParamError;
use bespoke::params::{Params, count_in};
use bespoke::random::Random;
use bespoke::types::{Days, Timestamp};

pub use customer::{Contract, Customer, Decision, EndReason, Event, Happening, Truth};
pub use hazard::Engagement;
pub use outlook::{Outlook, VALUE_DAYS};
pub use personas::{COUNTRIES, PERSONAS, Persona, WAYS};
pub use plans::{ADD_ONS, Item, PERIOD, PRICE_RISES, Plan, TIERS};

const CUSTOMER_STREAM: u64 = 1;

/// What a subscription world is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionParams {
    /// Number of customers, at least 1.
    pub n_customers: usize,
    /// Seed of everything drawn.
    pub seed: u64,
    /// How much the personas overlap, from 0 (as tabulated) to 1 (all the same).
    pub overlap: f64,
    /// First instant of the window.
    pub start_at: Timestamp,
    /// Length of the window in days, 60 to 3,650.
    pub days: Days,
    /// First contracts begin uniformly over so many days from the start; 1 to `days`.
    pub joining_days: Days,
    /// Horizon of the true probability of leaving, 1 to 365 days.
    pub horizon: Days,
}

impl SubscriptionParams {
    /// A world over the two years from 2024-01-01, personas a little blurred (overlap 0.2), a horizon of 90 days.
    #[must_use]
    pub fn new(n_customers: usize, seed: u64) -> Self {
        Self {
            n_customers,
            seed,
            overlap: 0.2,
            start_at: Timestamp(1_704_067_200_000),
            days: Days(731),
            joining_days: Days(548),
            horizon: Days(90),
        }
    }
}

/// Checked [`SubscriptionParams`].
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionValid(SubscriptionParams);

impl Params for SubscriptionParams {
    type Checked = SubscriptionValid;

    fn check(self) -> Result<SubscriptionValid, ParamError> {
        let days = self.days.0 as usize;
        count_in("subscription.n_customers", self.n_customers, 1, 100_000_000, "from 1 to 100,000,000")?;
        count_in("subscription.days", days, 60, 3_650, "from 60 to 3,650")?;
        let joining = self.joining_days.0 as usize;
        count_in("subscription.joining_days", joining, 1, days, "from 1 to subscription.days")?;
        count_in("subscription.horizon", self.horizon.0 as usize, 1, 365, "from 1 to 365")?;
        if !(0.0..=1.0).contains(&self.overlap) {
            return Err(ParamError::new("subscription.overlap", self.overlap, "from 0 to 1"));
        }
        // Within the years 1970 to 2100 no sum of instants below can overflow or leave four-digit years.
        if !(0..=4_102_444_800_000).contains(&self.start_at.0) {
            return Err(ParamError::new("subscription.start_at", self.start_at, "from 1970 to 2100"));
        }
        Ok(SubscriptionValid(self))
    }
}

/// A service with its customers, generated one by one.
///
/// Customer `i` depends on the seed, `i` and the window, never on the number of customers; a longer window with the
/// same `joining_days` continues the same lives.
#[derive(Clone, Debug)]
pub struct SubscriptionWorld {
    params: SubscriptionParams,
    personas: Vec<Persona>,
    items: Vec<Item>,
    random: Random,
}

impl SubscriptionWorld {
    /// The world of the parameters.
    ///
    /// # Errors
    /// The first parameter that breaks its rule.
    pub fn new(params: SubscriptionParams) -> Result<Self, ParamError> {
        let SubscriptionValid(params) = params.check()?;
        let random = Random::new(params.seed).stream(crate::SUBSCRIPTION_STREAM).stream(CUSTOMER_STREAM);
        let personas = personas::at_overlap(params.overlap);
        Ok(Self { params, personas, items: plans::items(), random })
    }

    /// The parameters it was made from.
    #[must_use]
    pub fn params(&self) -> &SubscriptionParams {
        &self.params
    }

    /// The personas at this world's overlap; [`Truth::persona`] counts along them.
    #[must_use]
    pub fn personas(&self) -> &[Persona] {
        &self.personas
    }

    /// Plans, then add-ons; [`Event::item`] counts along them.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The first instant after the window: nothing happens at it or later.
    #[must_use]
    pub fn end_at(&self) -> Timestamp {
        self.params.start_at.plus(self.params.days)
    }

    /// Every customer in order, generated on the way.
    pub fn customers(&self) -> impl Iterator<Item = Customer> + '_ {
        (0..self.params.n_customers).map(|number| self.customer(number))
    }
}
