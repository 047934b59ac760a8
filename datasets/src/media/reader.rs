//! One reader: sessions, what they show, what is clicked and read.

use bespoke::types::{Days, EventKind, Money, Timestamp};

use super::MediaWorld;
use super::articles::{Article, TOPICS, on_shelf};
use super::personas::{COUNTRIES, Persona};
use super::rhythm::Rhythm;
use crate::calendar::{HOUR_MS, HOURS, WEEK_MS, later, monday};
use crate::draws::Draws;

/// Articles shown in a session.
pub const PAGE: usize = 5;

const P_AGE_MISSING: f64 = 0.15;
const P_COUNTRY_MISSING: f64 = 0.05;
const RATE_SHAPE: f64 = 3.0;
const TASTE_SD: f64 = 0.5;
const COOKIE_DAYS: f64 = 21.0;
/// Candidates looked at before a page stays short: on thin shelves everything may be old.
const MOST_CANDIDATES: usize = 300;

/// Streams of a reader, one per purpose.
const PERSON_STREAM: u64 = 0;
const SESSION_STREAM: u64 = 1;
const COOKIE_STREAM: u64 = 2;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// When, in whole seconds.
    pub time: Timestamp,
    /// An exposure, a click or a view, which is a read.
    pub kind: EventKind,
    /// Position among the articles.
    pub item: u32,
    /// Advertising money; set for reads only.
    pub revenue: Option<Money>,
    /// The true probability of a click, given what had been read when the page was shown; set for exposures only,
    /// hidden.
    pub p_click: Option<f64>,
}

/// What the engine is meant to find out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// Position in [`MediaWorld::personas`].
    pub persona: usize,
    /// Taste for each of [`TOPICS`].
    pub tastes: [f64; TOPICS.len()],
    /// Probability of a click on a fresh article of mean quality of each topic, not read before.
    pub p_click_fresh: [f64; TOPICS.len()],
    /// Sessions per week while active (`lambda`).
    pub sessions_per_week: f64,
    /// Instant of joining.
    pub joined_at: Timestamp,
    /// Instant of leaving; `None` when a reader at the end.
    pub active_until: Option<Timestamp>,
    /// Probability of still being a reader at the end of the horizon; 0 of those who have left.
    pub p_active: f64,
    /// Expected sessions within the horizon; 0 of those who have left.
    pub expected_sessions: f64,
}

/// Somebody the site can tell from others: an account, or a cookie.
#[derive(Clone, Debug, PartialEq)]
pub struct Visitor {
    /// Outside id.
    pub id: String,
    /// First instant at which nothing more can come of this id, because the reader has left or has another cookie;
    /// `None` when that is not before the end.
    pub until: Option<Timestamp>,
    /// Events, non-decreasing in time.
    pub events: Vec<Event>,
}

/// A reader with everything that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Reader {
    /// Whether there is no account.
    pub is_anonymous: bool,
    /// Age in years; always missing without an account.
    pub age: Option<u32>,
    /// Country, one of [`COUNTRIES`]; always missing without an account.
    pub country: Option<&'static str>,
    /// The hidden truth.
    pub truth: Truth,
    /// The account, which may have no events, or the cookies that have some, in order of time.
    pub visitors: Vec<Visitor>,
}

struct Life<'a> {
    world: &'a MediaWorld,
    persona: &'a Persona,
    truth: Truth,
    /// What was read so far, and when: visits may overlap, as in two windows.
    read: Vec<(u32, Timestamp)>,
    events: Vec<Event>,
    draws: Draws,
}

impl MediaWorld {
    /// Reader `number`, who may lie beyond the number of readers of this world.
    #[must_use]
    pub fn reader(&self, number: usize) -> Reader {
        let random = self.random.stream(number as u64);
        let mut draws = Draws::new(random.stream(PERSON_STREAM));
        let shares: Vec<f64> = self.personas.iter().map(|persona| persona.share).collect();
        let index = draws.pick(&shares);
        let persona = &self.personas[index];
        let is_anonymous = draws.chance(persona.p_anonymous);
        let age = libm::round(persona.age_mean + persona.age_sd * draws.normal()).clamp(16.0, 90.0) as u32;
        let country = COUNTRIES[draws.pick(&persona.country_shares)];
        let (no_age, no_country) = (draws.chance(P_AGE_MISSING), draws.chance(P_COUNTRY_MISSING));
        let truth = self.truth(index, &mut draws);
        let draws = Draws::new(random.stream(SESSION_STREAM));
        let mut life = Life { world: self, persona, truth, read: Vec::new(), events: Vec::new(), draws };
        life.live();
        let visitors = if is_anonymous {
            self.cookies(number, life.events, &truth, &mut Draws::new(random.stream(COOKIE_STREAM)))
        } else {
            vec![Visitor { id: format!("R{number:07}"), until: truth.active_until, events: life.events }]
        };
        Reader {
            is_anonymous,
            age: (!is_anonymous && !no_age).then_some(age),
            country: (!is_anonymous && !no_country).then_some(country),
            truth,
            visitors,
        }
    }

    fn truth(&self, index: usize, draws: &mut Draws) -> Truth {
        let persona = &self.personas[index];
        let tastes = persona.tastes.map(|mean| mean + TASTE_SD * draws.normal());
        let window_ms = f64::from(self.params.days.0) * Timestamp::DAY_MS as f64;
        let joined_at = later(self.params.start_at, draws.between(0.0, 0.8 * window_ms));
        let weeks = draws.exponential() / persona.leave_per_week;
        let active_until = later(joined_at, weeks * WEEK_MS as f64);
        let active_until = (active_until < self.end_at()).then_some(active_until);
        let sessions_per_week = draws.gamma(RATE_SHAPE) * persona.sessions_per_week / RATE_SHAPE;
        let ahead = if active_until.is_none() { self.ahead[index] } else { Ahead::default() };
        Truth {
            persona: index,
            tastes,
            p_click_fresh: tastes.map(|taste| logistic(persona.click_logit + taste)),
            sessions_per_week,
            joined_at,
            active_until,
            p_active: ahead.p_active,
            expected_sessions: sessions_per_week * ahead.sessions,
        }
    }
}

impl MediaWorld {
    /// One visitor per cookie with events; a cookie begins with joining or when the last one is over.
    fn cookies(&self, number: usize, events: Vec<Event>, truth: &Truth, draws: &mut Draws) -> Vec<Visitor> {
        let mut visitors: Vec<Visitor> = Vec::new();
        let until = truth.active_until.unwrap_or(self.end_at());
        let mut next_at = truth.joined_at;
        for event in events {
            let is_over = event.time >= next_at;
            while event.time >= next_at {
                next_at =
                    later(next_at, draws.exponential() * COOKIE_DAYS * Timestamp::DAY_MS as f64 + 1_000.0);
            }
            if is_over {
                let id = format!("V{number:07}-{}", visitors.len() + 1);
                let until = Some(next_at.min(until)).filter(|&until| until < self.end_at());
                visitors.push(Visitor { id, until, events: Vec::new() });
            }
            if let Some(visitor) = visitors.last_mut() {
                visitor.events.push(event);
            }
        }
        visitors
    }
}

/// What lies ahead of a reader of one session per week who is active at the end of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Ahead {
    pub(super) p_active: f64,
    pub(super) sessions: f64,
}

impl Ahead {
    /// `exp(-l H)`, and the sum of `r_h exp(-l t)` over the hours of the horizon, `r_h` their shares of a week.
    pub(super) fn new(persona: &Persona, rhythm: &Rhythm, end: Timestamp, horizon: Days) -> Self {
        let per_hour = persona.leave_per_week / HOURS as f64;
        let n_hours = 24 * horizon.0 as usize;
        let first = (end.0 - monday(end).0) as f64 / HOUR_MS as f64;
        // The window may end within an hour of the week: its edges, as hours from the end.
        let edge = |n: usize| (libm::floor(first) + n as f64 - first).clamp(0.0, n_hours as f64);
        let sessions = (0..=n_hours)
            .map(|n| {
                let hour_of_week = (libm::floor(first) as usize + n) % HOURS;
                let active_hours =
                    (libm::exp(-per_hour * edge(n)) - libm::exp(-per_hour * edge(n + 1))) / per_hour;
                rhythm.share(hour_of_week) * active_hours
            })
            .sum();
        Self { p_active: libm::exp(-per_hour * n_hours as f64), sessions }
    }
}

impl Life<'_> {
    /// Week by week: a Poisson number of sessions, of which those before joining and after leaving do not happen.
    fn live(&mut self) {
        let until = self.truth.active_until.unwrap_or(self.world.end_at());
        let mut week = monday(self.truth.joined_at);
        while week < until {
            let n_sessions = self.draws.poisson(self.truth.sessions_per_week);
            let rhythm = &self.world.rhythms[self.truth.persona];
            let mut times: Vec<Timestamp> =
                (0..n_sessions).map(|_| rhythm.instant(week, &mut self.draws)).collect();
            times.sort_unstable();
            for at in times {
                if at >= self.truth.joined_at && at < until {
                    self.session(at);
                }
            }
            week = Timestamp(week.0 + WEEK_MS);
        }
        // A session that has begun is over before the end counts: what would come later did not happen.
        self.events.retain(|event| event.time < until);
        self.events.sort_by_key(|event| event.time);
    }

    /// A page, and what is made of it.
    fn session(&mut self, at: Timestamp) {
        let page = self.choose_page(at);
        // Nothing on the page is come to by reading on, so that these hold for the whole session.
        let p_clicks: Vec<f64> = page.iter().map(|&item| self.p_click(item, at)).collect();
        let mut time = at;
        for (&item, p_click) in page.iter().zip(p_clicks) {
            let exposure =
                Event { time: at, kind: EventKind::Exposure, item, revenue: None, p_click: Some(p_click) };
            self.events.push(exposure);
            if self.draws.chance(p_click) {
                time = later(time, self.draws.between(3_000.0, 40_000.0));
                self.events.push(Event { time, kind: EventKind::Click, p_click: None, ..exposure });
                time = later(time, 1_000.0);
                time = self.read_and_go_on(item, time, &page);
            }
        }
    }

    /// Reads an article and perhaps others of its topic that are not on the page; when that is over.
    fn read_and_go_on(&mut self, first: u32, from: Timestamp, page: &[u32]) -> Timestamp {
        let (mut item, mut time) = (first, from);
        loop {
            self.read.push((item, time));
            let cents = 1 + self.draws.geometric(0.5);
            let revenue = Some(Money(i64::from(cents) * (Money::SCALE / 100)));
            self.events.push(Event { time, kind: EventKind::View, item, revenue, p_click: None });
            time = later(time, self.draws.between(20_000.0, 180_000.0));
            if !self.draws.chance(self.persona.p_read_on) {
                return time;
            }
            let topic = self.world.articles[item as usize].topic;
            let is_new = |life: &Self, n: u32| life.read.iter().all(|read| read.0 != n) && !page.contains(&n);
            let is_next = |life: &Self, n: u32, a: &Article| a.topic == topic && is_new(life, n);
            match self.candidate(time, is_next) {
                Some(next) => item = next,
                None => return time,
            }
        }
    }

    /// Different articles, the same choice for everyone.
    fn choose_page(&mut self, at: Timestamp) -> Vec<u32> {
        let mut page: Vec<u32> = Vec::with_capacity(PAGE);
        for _ in 0..PAGE {
            if let Some(item) = self.candidate(at, |_, n, _| !page.contains(&n)) {
                page.push(item);
            }
        }
        page
    }

    /// An article of the shelf, fresh ones more often.
    fn candidate(&mut self, at: Timestamp, is_wanted: impl Fn(&Self, u32, &Article) -> bool) -> Option<u32> {
        let world = self.world;
        let shelf = on_shelf(&world.articles, at);
        for _ in 0..MOST_CANDIDATES {
            let item = shelf.start + self.draws.below(shelf.len().max(1));
            let article = world.articles.get(item)?;
            if self.draws.chance(article.interest(at)) && is_wanted(self, item as u32, article) {
                return Some(item as u32);
            }
        }
        None
    }

    /// The true probability of a click.
    fn p_click(&self, item: u32, at: Timestamp) -> f64 {
        if self.read.iter().any(|&(read, read_at)| read == item && read_at < at) {
            return 0.0;
        }
        let article = &self.world.articles[item as usize];
        let logit = self.persona.click_logit + self.truth.tastes[article.topic] + article.quality;
        article.interest(at) * logistic(logit)
    }
}

fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-logit))
}
