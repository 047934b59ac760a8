//! A shop without contracts: latent personas buy, browse, return, ignore mails and leave without a word.
//!
//! # Equations
//! Every customer belongs to one persona `k`, drawn by share. Its parameters are those of [`PERSONAS`], drawn
//! towards the mean of all by the dial `overlap` in 0..=1:
//! `theta_k(o) = theta_k + o (theta_mean - theta_k)`. At 1 the personas can't be told apart.
//!
//! **Orders** come at `lambda ~ Gamma(r_k, alpha_k)` per week while the customer is alive, by one of three clocks
//! ([`Clock`]); `z` is the customer's satisfaction and `e` its effect.
//!
//! - `Mbg`, MBG/NBD (Batislam, Denizel, Filiztekin 2007): exponential gaps; after every order, the first included, the
//!   customer leaves with probability `p`, where `p / (1-p) = exp(-e z) b / (1-b)` and `b ~ Beta(a_k, b_k)`. With `T`
//!   weeks from the first order to the end, `E[repeat orders] = (1-p)/p (1 - exp(-lambda p T))` and
//!   `P(alive at the end) = (1-p) exp(-lambda p T)`.
//! - `Pareto`, Pareto/NBD (Schmittlein, Morrison, Colombo 1987): exponential gaps; the lifetime is exponential with
//!   rate `mu = exp(-e z) Gamma(2, 2 / m_k)` per week, `m_k = r_k / alpha_k * a_k / (a_k + b_k)`, so that about as
//!   many leave as under MBG/NBD. `P(alive at the end) = exp(-mu T)`, `E[repeat orders] = lambda / mu (1 - exp(-mu
//!   T))`.
//! - `Regular`: the same lifetime; gaps are Erlang, the sum of `s` exponential stages of rate `s lambda` each.
//!
//! Gaps run in activity time: the week has the persona's rhythm `m_d h_j` over weekdays and hours, with mean 1. `m_d`
//! is `(1 - w_k) / 5` from Monday to Friday and `w_k / 2` else; `h_j = 0.02 + exp(-(x / 3.5)^2 / 2)`, `x` the hours
//! around the clock between the middle of hour `j` and the persona's peak. First orders come uniformly over `joining`
//! days, or the first three quarters of the window; a share of [`P_PROSPECT`] only looks and never buys.
//!
//! **Ahead**: the truth says what is expected in the `H` weeks after the window of a customer alive at its end (of
//! others nothing). `Mbg`: `P(order) = 1 - exp(-lambda H)`, `E[orders] = (1 - exp(-lambda p H)) / p`. Otherwise, with
//! `j` stages of the open gap over, the `n`-th stage from now ends in time and in the lifetime with probability `P_n =
//! (s lambda / (s lambda + mu))^n P(Poisson((s lambda + mu) H) >= n)`; `P(order) = P_(s-j)` and `E[orders] = sum over
//! m >= 1 of P_(m s - j)`. The expected value is the mean revenue of 32 futures, drawn as the window was: orders by
//! the clock, among the items on sale then, with what was bought before. That is unbiased, with the standard error
//! written beside it (a mean of two orders leaves about 16 %). Offers do not count, and returns are not taken off.
//!
//! **Lines**: `1 + Poisson(l_k)` different items, fewer only when nothing on sale is wanted. An item `i` of category
//! `c` that is on sale and not refused is chosen with probability proportional to
//!
//! ```text
//! s_kc exp(0.6 z_c) * pi_i * (1 + g_k (2 q_i - 1)) / (1 + |g_k|) * exp(t (u.v_i - 1))
//! ```
//!
//! `z_c` standard normal per customer; `pi_i` the popularity, which falls as `1 / rank^0.9` and has sum 1 in each
//! category; `q_i` in 0..=1 the price rank in the category; `u` and `v_i` the directions of taste of customer and
//! item, uniform on the sphere of `n_factors` dimensions (without factors the last term is 1), and `t` the strength of
//! tastes. List prices are log-normal around the category's median (log standard deviation 0.5), of 50 cents at least;
//! a line is reduced by 10, 20 or 30 %, each as likely, with probability `d_k`. Units: 1 + geometric, going on with
//! `p_more_units`. Lines are returned with probability `f_k`, 2 to 21 days later: any number of their units, each as
//! likely.
//!
//! **Variants**: with probability `p_variants` a durable item has two to four, which share parent, name, price and
//! direction of taste. Durable items are not bought twice, in no variant. **Consumables**: item `i` is used up after
//! `R_i` days, log-normal around the median (log standard deviation 0.3). For each line a category is drawn first, in
//! the proportions `s_kc exp(0.6 z_c)`: when the item last bought in it is a consumable on sale and not in the basket,
//! it is bought again with probability `p_repurchase (1 - exp(-(t / R_i)^4))`, `t` days after. Else the line is a
//! choice among everything, as above, of items that are not in the basket.
//!
//! **Views and cart steps** come before the lines of web and app orders (`Poisson(0.6)` looks on other days per line,
//! and one in the session of the order), and in `Poisson(v_k weeks)` sessions that lead to nothing. Prospects have
//! `1+Poisson(1.5)` of those in their first four weeks. Each view belongs to a session on one of up to three devices:
//! of who has a second one on the web, 0.3 of the web sessions. With probability `p_anonymous` a session begins
//! without a login: events before the login bear no customer, and are linked by the next login on the device, if there
//! is one in the window. Sessions that follow a mail or an offer are logged in from the start. A session of which
//! nothing falls into the window left no trace.
//!
//! **Mails** show `n_items` different items, chosen as for a line, every so many days to those who consent. An item is
//! clicked with probability `c f^n` after `n` earlier showings while alive, `c ~ Beta` with mean `p_click` and
//! concentration 25 per customer, `f` the fatigue, whatever the item; else dismissed with `p_dismiss (1 + n)`. A
//! dismissed item is not shown again. Those who left get mails and click no more. Those who take the newsletter
//! withdraw their consent with probability `p_withdraw`, at a uniform instant between the first contact and the end,
//! and three in ten of them give it again 30 to 180 days later, unless that is after the end.
//!
//! **Offers**: when an offer on item `i` with a reduction of `x` begins, it is shown to each customer with consent by
//! lot, with the known propensity, and the customer decides whether to buy one unit beside all orders: with
//! probability `p_0 = p_buy exp(0.8 u.v_i)`, cut at 0.9, unasked, and with `p_1 = p_0 + w (d_k x (1 + u.v_i) / 2 -
//! 0.02 (1 - d_k))`, cut at 0..=0.95, when shown: `w` is the dial `uplift`, and those who care little for reductions
//! are put off. Both are 0 for prospects, for those who have left and for those who have such a durable item. Who
//! decides to buy does so at a uniform instant of the last nine tenths of the offer's time, unless the customer has
//! left or the window is over by then, and in the meantime does not buy a durable item otherwise. `truth_uplift` has
//! `p_0` and `p_1` times the probability that this instant is in time: conditional on when the customer leaves and on
//! what had been bought when the offer began, and on nothing after it. These purchases are never returned.
//!
//! **Satisfaction** `z` is standard normal. A ticket follows an order after one to five days with probability
//! `p_ticket exp(-z / 2)`, cut at 0.9. Answers to surveys are rounded from `o = 0.8 z + 0.6 noise`: CSAT `3.6 + 1.1 o`
//! in 1..=5 after a solved ticket, NPS `7 + 2 o` in 0..=10 every 180 days from the first contact while alive; each is
//! answered with probability `p_answer`.
//!
//! **Demographics**: age normal, cut at 18..=90; people in the household `1 + Poisson(h_k)`; country, newsletter by
//! share; irrelevant columns are standard normal or one of five levels. Cells of age, household and irrelevant columns
//! are missing with probability `p_missing`; ages and households are nonsense with probability `p_outlier` (years for
//! ages; 50 to 499 people), all independent of everything.
//!
//! # Truth tables
//! Instants are UTC, rates per week of activity time, money in units of the currency.
//!
//! - `truth`, by customer: `persona`; `is_prospect` (then all about orders is missing); `first_order_at`;
//!   `alive_until`, missing when alive at the end; `orders_per_week` (`lambda`); `p_leaving_after_order` (`p`) or
//!   `leaving_per_week` (`mu`), by the clock; `satisfaction` (`z`); `p_click` (`c`); `horizon_days` and, given the
//!   whole hidden state at the end, `p_purchase`, `expected_orders`, `expected_value` and `expected_value_error` (its
//!   standard error).
//! - `truth_uplift`, by customer and offer with consent: `p_without`, `p_with`, `uplift`, their difference.
//! - `truth_sessions`: whose the sessions are that no login links.
//! - `truth_tastes`, by customer: `taste_<category>`, `s_kc exp(0.6 z_c)` as shares of sum 1; `direction_<n>` (`u`).
//! - `truth_items`: `popularity` (`pi`), `price_rank` (`q`), `repurchase_days` (`R`), `direction_<n>` (`v`).

mod browsing;
mod care;
mod catalogue;
mod clock;
mod columns;
mod customer;
mod demographics;
mod devices;
mod files;
mod future;
mod job;
mod lifetime;
mod mails;
mod offers;
mod orders;
mod params;
mod personas;
mod tastes;
#[cfg(test)]
mod tests;

use bespoke::error::ParamError;
use bespoke::params::Params;
use bespoke::random::Random;
use bespoke::types::Timestamp;

pub use care::{Question, Survey, Ticket};
pub use catalogue::Item;
pub use customer::{Channel, Customer, Event, Line, P_PROSPECT, Truth};
pub use demographics::{Irrelevant, Person};
pub use devices::Session;
pub use lifetime::Leaving;
pub use mails::Consent;
pub use offers::{Assignment, Offer};
pub use params::{
    Assortment, Care, Clock, Demographics, Devices, MAX_FACTORS, MAX_IRRELEVANT, Mails, Offers, RetailParams,
    RetailValid, Tastes,
};
pub use personas::{CATEGORIES, COUNTRIES, FIRST_CONSUMABLE, PERSONAS, Persona};

use catalogue::Catalogue;
use clock::WeekClock;

/// Streams of the seed, one per purpose, so that one can change without moving the others.
const ITEM_STREAM: u64 = 1;
const CUSTOMER_STREAM: u64 = 2;

/// A shop with its customers, generated one by one.
///
/// Customer `i` depends on the seed and `i`, the catalogue and the window, never on the number of customers. Draws of
/// one purpose have a stream of their own: dials of the demographic columns, devices and care leave orders and offers
/// alone, bit by bit, and those of tastes, mails and offers leave rates and instants of orders.
#[derive(Clone, Debug)]
pub struct RetailWorld {
    params: RetailParams,
    personas: Vec<Persona>,
    clocks: Vec<WeekClock>,
    catalogue: Catalogue,
    offers: Vec<Offer>,
    random: Random,
}

impl RetailWorld {
    /// The world of the parameters.
    ///
    /// # Errors
    /// The first parameter that breaks its rule.
    pub fn new(params: RetailParams) -> Result<Self, ParamError> {
        let RetailValid(params) = params.check()?;
        let random = Random::new(params.seed).stream(crate::RETAIL_STREAM);
        let personas = personas::at_overlap(params.overlap);
        let clocks = personas.iter().map(|p| WeekClock::new(p.peak_hour, p.weekend_share)).collect();
        let catalogue = Catalogue::new(&params, random.stream(ITEM_STREAM));
        let offers = offers::offers(&params, &catalogue);
        Ok(Self { params, personas, clocks, catalogue, offers, random: random.stream(CUSTOMER_STREAM) })
    }

    /// The parameters it was made from.
    #[must_use]
    pub fn params(&self) -> &RetailParams {
        &self.params
    }

    /// The personas at this world's overlap; [`Truth::persona`] counts along them.
    #[must_use]
    pub fn personas(&self) -> &[Persona] {
        &self.personas
    }

    /// The catalogue; [`Event::item`] counts along it.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.catalogue.items
    }

    /// The offers in order of time; [`Assignment::offer`] counts along them.
    #[must_use]
    pub fn offers(&self) -> &[Offer] {
        &self.offers
    }

    /// Direction of taste of an item, of length 1; empty without factors.
    #[must_use]
    pub fn direction(&self, item: u32) -> &[f64] {
        self.catalogue.direction(item)
    }

    /// Share of an item in the demand for its category, before price and taste have their say; of sum 1 in each
    /// category.
    #[must_use]
    pub fn popularity(&self, item: u32) -> f64 {
        self.catalogue.popularity(item)
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
