//! Orders by the MBG/NBD process, their lines, and what is returned.

use bespoke::types::{EventKind, Money, Timestamp};

use super::catalogue::Item;
use super::customer::{Channel, Event, Life, Line};
use super::draws::Draws;
use super::personas::{CATEGORIES, FIRST_CONSUMABLE};

const SECOND_MS: f64 = 1_000.0;
const DAY_MS: f64 = Timestamp::DAY_MS as f64;

/// What has been bought so far.
struct Cupboard {
    /// Durable items that need no second one.
    durables: Vec<u32>,
    /// The item last bought in each category.
    latest: [Option<u32>; CATEGORIES.len()],
}

/// Lives through all orders, with the views before and the returns after; returns the orders' activity times.
pub(super) fn buy(life: &mut Life<'_>, draws: &mut Draws) -> Vec<f64> {
    let mut cupboard = Cupboard { durables: Vec::new(), latest: [None; CATEGORIES.len()] };
    let mut times = Vec::new();
    let mut activity = life.joined;
    loop {
        let at = life.instant(activity);
        if at >= life.world.end_at() {
            return times;
        }
        times.push(activity);
        life.truth.first_order_at.get_or_insert(at);
        place_order(life, times.len() as u32, at, &mut cupboard, draws);
        if draws.chance(life.truth.p_dropout) {
            life.truth.alive_until = Some(at);
            return times;
        }
        activity += draws.exponential() / life.truth.orders_per_week;
    }
}

fn place_order(life: &mut Life<'_>, order: u32, at: Timestamp, cupboard: &mut Cupboard, draws: &mut Draws) {
    let channel = Channel::SHOPS[draws.pick(&life.persona.channel_shares)];
    let n_lines = 1 + draws.poisson(life.persona.more_lines_mean);
    let mut basket: Vec<u32> = Vec::new();
    for _ in 0..n_lines {
        let item = choose_item(life, at, &basket, cupboard, draws);
        if basket.contains(&item) {
            continue;
        }
        basket.push(item);
        if channel != Channel::Store {
            look_first(life, item, at, channel, draws);
        }
        let list = &life.world.catalogue.items[item as usize];
        let quantity = 1 + draws.geometric(life.persona.p_more_units);
        let price = paid_price(list, life.persona.p_discount, draws);
        cupboard.put(item, list);
        let line = Some(Line { order, quantity, price });
        let bought = Event { time: at, kind: EventKind::Purchase, item, channel, line };
        life.push(bought);
        if draws.chance(life.persona.p_refund) {
            send_back(life, bought, draws);
        }
    }
}

impl Cupboard {
    fn put(&mut self, number: u32, item: &Item) {
        self.latest[item.category] = Some(number);
        if !item.is_consumable() {
            self.durables.push(number);
        }
    }
}

/// Half of the time a consumable already known, else something new.
fn choose_item(
    life: &Life<'_>,
    at: Timestamp,
    basket: &[u32],
    cupboard: &Cupboard,
    draws: &mut Draws,
) -> u32 {
    let category = draws.pick(&life.tastes);
    if category >= FIRST_CONSUMABLE
        && let Some(known) = cupboard.latest[category]
        && life.world.catalogue.items[known as usize].is_available(at)
        && draws.chance(0.5)
    {
        return known;
    }
    life.choose(at, draws, |item| basket.contains(&item) || cupboard.durables.contains(&item))
}

/// List price, or 10, 20 or 30 % below it, in whole cents.
fn paid_price(item: &Item, p_discount: f64, draws: &mut Draws) -> Money {
    if !draws.chance(p_discount) {
        return item.price;
    }
    let cent = Money::SCALE / 100;
    let percent = 90 - 10 * draws.below(3) as i64;
    Money((item.price.0 / cent * percent + 50) / 100 * cent)
}

/// Views within three days before an order, the last of them just before the cart step.
fn look_first(life: &mut Life<'_>, item: u32, at: Timestamp, channel: Channel, draws: &mut Draws) {
    let early = draws.poisson(0.6);
    for _ in 0..early {
        let time = earlier(at, draws.between(0.0, 3.0 * DAY_MS));
        life.push(Event { time, kind: EventKind::View, item, channel, line: None });
    }
    let carted = earlier(at, draws.between(30.0 * SECOND_MS, 900.0 * SECOND_MS));
    let viewed = earlier(carted, draws.between(5.0 * SECOND_MS, 120.0 * SECOND_MS));
    life.push(Event { time: viewed, kind: EventKind::View, item, channel, line: None });
    life.push(Event { time: carted, kind: EventKind::CartAdd, item, channel, line: None });
}

/// Some or all units go back, 2 to 21 days later.
fn send_back(life: &mut Life<'_>, bought: Event, draws: &mut Draws) {
    let delay = draws.between(2.0 * DAY_MS, 21.0 * DAY_MS);
    let time = earlier(bought.time, -delay);
    let line =
        bought.line.map(|line| Line { quantity: 1 + draws.below(line.quantity as usize) as u32, ..line });
    life.push(Event { time, kind: EventKind::Refund, line, ..bought });
}

/// `ms` before an instant, in whole seconds.
pub(super) fn earlier(at: Timestamp, ms: f64) -> Timestamp {
    Timestamp((at.0 - ms as i64).div_euclid(1000) * 1000)
}
