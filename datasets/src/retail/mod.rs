//! A shop without contracts: latent personas buy, browse, return, ignore mails and leave without a word.
//!
//! # Equations
//! Every customer belongs to one persona `k`, drawn by share. Its parameters are those of [`PERSONAS`], drawn
//! towards the mean of all by the dial `overlap` in 0..=1:
//! `theta_k(o) = theta_k + o (theta_mean - theta_k)`. At 1 the personas can't be told apart.
//!
//! **Orders** follow the process of MBG/NBD (Batislam, Denizel, Filiztekin 2007): orders per week
//! `lambda ~ Gamma(r_k, alpha_k)`; after every order, the first included, the customer leaves with probability
//! `p ~ Beta(a_k, b_k)`; while alive the gaps between orders are exponential with rate `lambda`. So with `T` weeks
//! from the first order to the end, `E[repeat orders | lambda, p, T] = (1-p)/p (1 - exp(-lambda p T))` and
//! `P(alive at the end | lambda, p, T) = (1-p) exp(-lambda p T)`. Gaps run in activity time: the week has the
//! persona's rhythm `m_d h_j` over weekdays and hours, with mean 1. First orders come uniformly over the first
//! three quarters of the window; a share of [`P_PROSPECT`] only looks and never buys.
//!
//! **Lines**: `1 + Poisson(l_k)` different items. Category `c` with probability proportional to
//! `s_kc exp(0.6 z_c)`, `z_c` standard normal per customer; within it popularity falls as `1 / rank^0.9`, and a
//! candidate of price rank `q` in 0..=1 is taken with probability `(1 + g_k (2q - 1)) / (1 + |g_k|)`. Durable items
//! are not bought twice; in a consumable category the last item is bought again with probability 1/2. List
//! prices are log-normal around the category's median (log standard deviation 0.5); a line is reduced by 10, 20
//! or 30 % with probability `d_k`. Units: 1 + geometric. Lines are returned with probability `f_k`, 2 to 21 days
//! later.
//!
//! **Views and cart steps** come before the lines of web and app orders, and in `Poisson(v_k weeks)` sessions
//! that lead to nothing. **Mails** show two items every 28 days to those who take the newsletter: clicked with
//! probability `0.12 * 0.7^n` after `n` earlier showings while alive, else dismissed with `0.02 (1 + n)`; a
//! dismissed item is not shown again. Those who left get mails and click no more.
//!
//! **Demographics**: age normal, cut at 18..=90; people in the household `1 + Poisson(h_k)`; country, newsletter
//! by share. Ages are missing with probability 0.08, household sizes with 0.12, independent of everything.

mod browsing;
mod catalogue;
mod clock;
mod customer;
mod files;
mod job;
mod orders;
mod personas;
mod tables;
#[cfg(test)]
mod tests;

use bespoke::error::ParamError;
use bespoke::params::{Params, count_in};
use bespoke::random::Random;
use bespoke::types::{Days, Timestamp};

pub use catalogue::Item;
pub use customer::{Channel, Customer, Event, P_PROSPECT, Truth};
pub use files::Written;
pub use personas::{CATEGORIES, COUNTRIES, FIRST_CONSUMABLE, PERSONAS, Persona};

use crate::draws;
use catalogue::Catalogue;
use clock::WeekClock;

/// Streams of the seed, one per purpose, so that one can change without moving the others.
const ITEM_STREAM: u64 = 1;
const CUSTOMER_STREAM: u64 = 2;

/// What a retail world is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct RetailParams {
    /// Number of customers, at least 1.
    pub n_customers: usize,
    /// Number of items, 30 to 90,000.
    pub n_items: usize,
    /// Seed of everything drawn.
    pub seed: u64,
    /// How much the personas overlap, from 0 (as tabulated) to 1 (all the same).
    pub overlap: f64,
    /// First instant of the window.
    pub start_at: Timestamp,
    /// Length of the window in days, 28 to 3,650.
    pub days: Days,
}

impl RetailParams {
    /// A world over the two years from 2024-01-01, personas a little blurred (overlap 0.2).
    #[must_use]
    pub fn new(n_customers: usize, n_items: usize, seed: u64) -> Self {
        let start_at = Timestamp(1_704_067_200_000);
        Self { n_customers, n_items, seed, overlap: 0.2, start_at, days: Days(731) }
    }
}

/// Checked [`RetailParams`].
#[derive(Clone, Debug, PartialEq)]
pub struct RetailValid(RetailParams);

impl Params for RetailParams {
    type Checked = RetailValid;

    fn check(self) -> Result<RetailValid, ParamError> {
        count_in("retail.n_customers", self.n_customers, 1, 100_000_000, "from 1 to 100,000,000")?;
        count_in("retail.n_items", self.n_items, 30, 90_000, "from 30 to 90,000")?;
        count_in("retail.days", self.days.0 as usize, 28, 3_650, "from 28 to 3,650")?;
        if !(0.0..=1.0).contains(&self.overlap) {
            return Err(ParamError::new("retail.overlap", self.overlap, "from 0 to 1"));
        }
        // Within the years 1970 to 2100 no sum of instants below can overflow or leave four-digit years.
        if !(0..=4_102_444_800_000).contains(&self.start_at.0) {
            return Err(ParamError::new("retail.start_at", self.start_at, "from 1970 to 2100"));
        }
        Ok(RetailValid(self))
    }
}

/// A shop with its customers, generated one by one.
///
/// Customer `i` depends on the seed and `i`, the catalogue and the window, never on the number of customers.
#[derive(Clone, Debug)]
pub struct RetailWorld {
    params: RetailParams,
    personas: Vec<Persona>,
    clocks: Vec<WeekClock>,
    catalogue: Catalogue,
    random: Random,
}

impl RetailWorld {
    /// The world of the parameters.
    ///
    /// # Errors
    /// The first parameter that breaks its rule.
    pub fn new(params: RetailParams) -> Result<Self, ParamError> {
        let RetailValid(params) = params.check()?;
        let random = Random::new(params.seed);
        let personas = personas::at_overlap(params.overlap);
        let clocks = personas.iter().map(|p| WeekClock::new(p.peak_hour, p.weekend_share)).collect();
        let end = params.start_at.plus(params.days);
        let catalogue = Catalogue::new(params.n_items, params.start_at, end, random.stream(ITEM_STREAM));
        Ok(Self { params, personas, clocks, catalogue, random: random.stream(CUSTOMER_STREAM) })
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
