//! A news site: many views in short sessions, articles that live for days, readers with and without an account.
//!
//! # Equations
//! Every reader belongs to one persona `k`, drawn by share, whose parameters are those of [`PERSONAS`] drawn towards
//! the mean of all by the dial `overlap`: `theta_k(o) = theta_k + o (theta_mean - theta_k)`.
//!
//! **Articles** are published around the clock, the `n`-th of the window at `start + (n + U) / items_per_day` days,
//! from [`SHELF`] before the window on. Each has a topic, drawn by [`TOPICS`], and a quality `q_j ~ N(0, 0.5^2)`.
//!
//! **Sessions** of a reader are a Poisson process from joining (uniform over the first four fifths of the window) to
//! leaving (exponential with `l_k` per week), with rate `lambda_i ~ Gamma(3, 3 / s_k)` per week times the rhythm of
//! the persona: over hours a floor of 0.03 and two bells of 1.5 hours, around the clock, around a morning and an
//! evening hour, of weights `morning_share` and the rest; over days a factor for Saturday and Sunday; the mean over a
//! week is 1.
//!
//! **A session** shows [`PAGE`] different articles of the last [`SHELF`], the same choice for everyone: candidates are
//! drawn at random and taken with probability `2^(-age / h_topic)`. An article is clicked with probability
//!
//! ```text
//! p_ij(age) = 2^(-age / h_topic) / (1 + exp(-(c_k + theta_i,topic + q_j)))
//! ```
//!
//! with `theta_i,topic ~ N(theta_k,topic, 0.5^2)` and the half-lives of [`TOPICS`], and never when it was read before
//! the page was shown. What is clicked is read, and after every article read the reader goes on with probability
//! `g_k`, to another of the same topic on the shelf that is new and not on the page. A session ends when the reader
//! leaves or the window does: what would have been clicked or read after that is not, though it was shown. Every read
//! earns advertising money: 1 cent and a geometric number of cents more, going on with 1/2.
//!
//! **Anonymous readers**, a share `a_k`, have no account: the site knows them by a cookie that lasts exponentially, 21
//! days in the mean, so that one reader may be several visitors.
//!
//! **Ahead**: the truth says what is expected in the `H` days after the window of a reader active at its end (of
//! others nothing): `P(active) = exp(-l_k H)`, and `E[sessions]` is the integral of the rate of sessions times the
//! probability of being active still.
//!
//! **Demographics**, of readers with an account: age normal, cut at 16..=90; country by share. Ages are missing with
//! probability 0.15, countries with 0.05.
//!
//! # Truth tables
//! - `truth`, by id, which is an account, or a cookie with events: `reader`, the number of whoever is behind it;
//!   `persona`; `active_until`, when the reader leaves, missing when that is after the end; `id_until`, when the id is
//!   of no more use, because its reader leaves or gets another cookie; `leave_per_week` (`l_k`); `sessions_per_week`
//!   (`lambda`); `horizon_days`, `p_active` and `expected_sessions`, of the reader, whatever the id; `taste_<topic>`
//!   (`theta`); and `p_click_<topic>`, the probability of a click on a fresh article of mean quality that was not
//!   read.
//! - `truth_items`: `quality` (`q`) and `half_life_days` (`h`).

mod articles;
mod files;
mod job;
mod personas;
mod reader;
mod rhythm;
#[cfg(test)]
mod tests;

use bespoke::error::ParamError;
use bespoke::params::{Params, count_in};
use bespoke::random::Random;
use bespoke::types::{Days, Timestamp};

pub use articles::{Article, SHELF, TOPICS, Topic};
pub use personas::{COUNTRIES, PERSONAS, Persona};
pub use reader::{Event, PAGE, Reader, Truth, Visitor};

use reader::Ahead;
use rhythm::Rhythm;

/// Streams of the seed, one per purpose, so that one can change without moving the others.
const ARTICLE_STREAM: u64 = 1;
const READER_STREAM: u64 = 2;

/// What a media world is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaParams {
    /// Number of readers, at least 1.
    pub n_readers: usize,
    /// Articles published per day, 5 to 2,000.
    pub items_per_day: u32,
    /// Seed of everything drawn.
    pub seed: u64,
    /// How much the personas overlap, from 0 (as tabulated) to 1 (all the same).
    pub overlap: f64,
    /// First instant of the window.
    pub start_at: Timestamp,
    /// Length of the window in days, 14 to 730.
    pub days: Days,
    /// Days after the window that the truth looks ahead, 1 to 365.
    pub horizon: Days,
}

impl MediaParams {
    /// A world over the 91 days from 2024-01-01, 20 articles per day, personas a little blurred (overlap 0.2), a
    /// truth that looks ahead 14 days.
    #[must_use]
    pub fn new(n_readers: usize, seed: u64) -> Self {
        let start_at = Timestamp(1_704_067_200_000);
        let (days, horizon) = (Days(91), Days(14));
        Self { n_readers, items_per_day: 20, seed, overlap: 0.2, start_at, days, horizon }
    }
}

/// Checked [`MediaParams`].
#[derive(Clone, Debug, PartialEq)]
pub struct MediaValid(MediaParams);

impl Params for MediaParams {
    type Checked = MediaValid;

    fn check(self) -> Result<MediaValid, ParamError> {
        count_in("media.n_readers", self.n_readers, 1, 100_000_000, "from 1 to 100,000,000")?;
        count_in("media.items_per_day", self.items_per_day as usize, 5, 2_000, "from 5 to 2,000")?;
        count_in("media.days", self.days.0 as usize, 14, 730, "from 14 to 730")?;
        count_in("media.horizon", self.horizon.0 as usize, 1, 365, "from 1 to 365")?;
        if !(0.0..=1.0).contains(&self.overlap) {
            return Err(ParamError::new("media.overlap", self.overlap, "from 0 to 1"));
        }
        // Within these years no sum of instants below can overflow or leave four-digit years.
        let is_within = self.start_at.minus(SHELF).0 >= 0 && self.start_at.0 <= 4_102_444_800_000;
        if !is_within {
            return Err(ParamError::new("media.start_at", self.start_at, "from 1970-01-08 to 2100"));
        }
        Ok(MediaValid(self))
    }
}

/// A site with its readers, generated one by one.
///
/// Reader `i` depends on the seed, `i`, the articles and the window, never on the number of readers.
#[derive(Clone, Debug)]
pub struct MediaWorld {
    params: MediaParams,
    personas: Vec<Persona>,
    rhythms: Vec<Rhythm>,
    /// What lies ahead of the readers of each persona.
    ahead: Vec<Ahead>,
    articles: Vec<Article>,
    random: Random,
}

impl MediaWorld {
    /// The world of the parameters.
    ///
    /// # Errors
    /// The first parameter that breaks its rule.
    pub fn new(params: MediaParams) -> Result<Self, ParamError> {
        let MediaValid(params) = params.check()?;
        let random = Random::new(params.seed).stream(crate::MEDIA_STREAM);
        let personas = personas::at_overlap(params.overlap);
        let rhythms: Vec<Rhythm> = personas.iter().map(Rhythm::new).collect();
        let end_at = params.start_at.plus(params.days);
        let of_persona = |(persona, rhythm)| Ahead::new(persona, rhythm, end_at, params.horizon);
        let ahead = personas.iter().zip(&rhythms).map(of_persona).collect();
        let articles = articles::publish(&params, random.stream(ARTICLE_STREAM));
        Ok(Self { params, personas, rhythms, ahead, articles, random: random.stream(READER_STREAM) })
    }

    /// The parameters it was made from.
    #[must_use]
    pub fn params(&self) -> &MediaParams {
        &self.params
    }

    /// The personas at this world's overlap; [`Truth::persona`] counts along them.
    #[must_use]
    pub fn personas(&self) -> &[Persona] {
        &self.personas
    }

    /// The articles in order of publication; [`Event::item`] counts along them.
    #[must_use]
    pub fn articles(&self) -> &[Article] {
        &self.articles
    }

    /// The first instant after the window: nothing happens at it or later.
    #[must_use]
    pub fn end_at(&self) -> Timestamp {
        self.params.start_at.plus(self.params.days)
    }

    /// Every reader in order, generated on the way.
    pub fn readers(&self) -> impl Iterator<Item = Reader> + '_ {
        (0..self.params.n_readers).map(|number| self.reader(number))
    }
}
