//! What is in an order, what is looked at before it and what is returned after.

use bespoke::types::{EventKind, Money, Timestamp};

use super::catalogue::Item;
use super::customer::{BASKET_STREAM, CLOCK_STREAM, Channel, Event, Life, Line};
use super::devices::Login;
use super::lifetime::{self, Orders};
use super::offers::Answers;
use super::personas::CATEGORIES;
use crate::calendar::{earlier, later};
use crate::draws::Draws;

const SECOND_MS: f64 = 1_000.0;
const DAY_MS: f64 = Timestamp::DAY_MS as f64;
const MINUTE_MS: f64 = 60_000.0;

/// What has been bought so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Cupboard {
    /// Families of durable items, which need no second one.
    durables: Vec<u32>,
    /// The item last bought in each category, and when.
    latest: [Option<(u32, Timestamp)>; CATEGORIES.len()],
}

/// What is bought of one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) item: u32,
    pub(super) quantity: u32,
    pub(super) price: Money,
}

/// Lives through all orders, with the views before and the returns after, and through the offers between them.
pub(super) fn buy(life: &mut Life<'_>, answers: &mut Answers<'_>) -> (Orders, Cupboard) {
    let truth = life.truth;
    let clock = life.world.params.clock;
    let span = (life.joined, life.end);
    let mut draws = Draws::new(life.random.stream(CLOCK_STREAM));
    let orders = lifetime::orders(clock, truth.orders_per_week, truth.leaving, span, &mut draws);
    life.truth.first_order_at = Some(life.instant(life.joined));
    life.truth.alive_until = orders.left.map(|left| life.instant(left));
    let baskets = life.random.stream(BASKET_STREAM);
    let mut cupboard = Cupboard::default();
    answers.number_from(orders.times.len() as u32 + 1);
    for (order, &activity) in (1..).zip(&orders.times) {
        let at = life.instant(activity);
        answers.decide_until(life, at, &mut cupboard);
        place_order(life, order, at, &mut cupboard, &mut Draws::new(baskets.stream(u64::from(order))));
    }
    answers.decide_until(life, life.world.end_at(), &mut cupboard);
    (orders, cupboard)
}

fn place_order(life: &mut Life<'_>, order: u32, at: Timestamp, cupboard: &mut Cupboard, draws: &mut Draws) {
    let channel = Channel::SHOPS[draws.pick(&life.persona.channel_shares)];
    let session = (channel != Channel::Store).then(|| {
        let started_at = earlier(at, 20.0 * MINUTE_MS);
        life.begin_session(channel, started_at, Login::AtStartOrAt(at))
    });
    for choice in basket(life, at, cupboard, draws) {
        let item = choice.item;
        if let Some(session) = session {
            look_first(life, item, at, (channel, session), draws);
        }
        cupboard.put(item, &life.world.catalogue.items[item as usize], at);
        let line = Some(Line { order, quantity: choice.quantity, price: choice.price, answers: None });
        let bought = Event { session, ..Event::new(at, EventKind::Purchase, item, channel) }.with_line(line);
        life.push(bought);
        if draws.chance(life.persona.p_refund) {
            send_back(life, bought, draws);
        }
    }
}

/// The lines of an order: different items, and no two variants of one. A line is left out only when nothing on sale is
/// wanted.
pub(super) fn basket(life: &Life<'_>, at: Timestamp, cupboard: &Cupboard, draws: &mut Draws) -> Vec<Choice> {
    let items = &life.world.catalogue.items;
    let n_lines = 1 + draws.poisson(life.persona.more_lines_mean);
    let mut basket: Vec<Choice> = Vec::with_capacity(n_lines as usize);
    for _ in 0..n_lines {
        let Some(item) = choose_item(life, at, &basket, cupboard, draws) else { return basket };
        let quantity = 1 + draws.geometric(life.persona.p_more_units);
        let price = paid_price(&items[item as usize], life.persona.p_discount, draws);
        basket.push(Choice { item, quantity, price });
    }
    basket
}

impl Cupboard {
    /// Puts in what was bought at an instant, or will be.
    pub(super) fn put(&mut self, number: u32, item: &Item, at: Timestamp) {
        let latest = &mut self.latest[item.category];
        if latest.is_none_or(|(_, bought_at)| bought_at <= at) {
            *latest = Some((number, at));
        }
        if !item.is_consumable() {
            self.durables.push(item.family);
        }
    }

    /// Whether there is the item, or a variant of it, and no need of another.
    pub(super) fn has_enough(&self, item: &Item) -> bool {
        !item.is_consumable() && self.durables.contains(&item.family)
    }
}

/// The consumable bought last in its category when it is used up, else something new.
fn choose_item(
    life: &Life<'_>,
    at: Timestamp,
    basket: &[Choice],
    cupboard: &Cupboard,
    draws: &mut Draws,
) -> Option<u32> {
    let items = &life.world.catalogue.items;
    let is_in_basket =
        |item: &Item| basket.iter().any(|choice| items[choice.item as usize].family == item.family);
    if let Some((known, bought_at)) = cupboard.latest[draws.pick(&life.tastes)] {
        let item = &items[known as usize];
        let p_again = life.world.params.assortment.p_repurchase * item.p_used_up(bought_at, at);
        if item.is_available(at) && draws.chance(p_again) && !is_in_basket(item) {
            return Some(known);
        }
    }
    life.choose(at, draws, |number| {
        let item = &items[number as usize];
        is_in_basket(item) || cupboard.has_enough(item)
    })
}

/// List price, or 10, 20 or 30 % below it, in whole cents.
fn paid_price(item: &Item, p_discount: f64, draws: &mut Draws) -> Money {
    if !draws.chance(p_discount) {
        return item.price;
    }
    percent_of(item.price, 90 - 10 * draws.below(3) as i64)
}

/// A percentage of a price, in whole cents.
pub(super) fn percent_of(price: Money, percent: i64) -> Money {
    let cent = Money::SCALE / 100;
    Money((price.0 / cent * percent + 50) / 100 * cent)
}

/// Views within three days before an order, the last of them just before the cart step.
fn look_first(
    life: &mut Life<'_>,
    item: u32,
    at: Timestamp,
    (channel, session): (Channel, u32),
    draws: &mut Draws,
) {
    let early = draws.poisson(0.6);
    for _ in 0..early {
        let time = earlier(at, draws.between(0.0, 3.0 * DAY_MS));
        let visit = Some(life.begin_session(channel, time, Login::AtStart));
        life.push(Event { session: visit, ..Event::new(time, EventKind::View, item, channel) });
    }
    let carted = earlier(at, draws.between(30.0 * SECOND_MS, 900.0 * SECOND_MS));
    let viewed = earlier(carted, draws.between(5.0 * SECOND_MS, 120.0 * SECOND_MS));
    let session = Some(session);
    life.push(Event { session, ..Event::new(viewed, EventKind::View, item, channel) });
    life.push(Event { session, ..Event::new(carted, EventKind::CartAdd, item, channel) });
}

/// Some or all units go back, 2 to 21 days later.
fn send_back(life: &mut Life<'_>, bought: Event, draws: &mut Draws) {
    let delay = draws.between(2.0 * DAY_MS, 21.0 * DAY_MS);
    let time = later(bought.time, delay);
    let line =
        bought.line.map(|line| Line { quantity: 1 + draws.below(line.quantity as usize) as u32, ..line });
    life.push(Event { time, kind: EventKind::Refund, line, session: None, ..bought });
}
