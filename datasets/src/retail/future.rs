//! What is expected of a customer after the window.

use super::customer::{FUTURE_STREAM, Life};
use super::lifetime::{self, Orders};
use super::orders::{Cupboard, basket};
use crate::draws::Draws;

/// Futures that are lived through to see what they are worth.
const N_FUTURES: u32 = 32;

/// Fills in what the truth says about the horizon; nothing is expected of those who have left.
pub(super) fn look_ahead(life: &mut Life<'_>, orders: &Orders, cupboard: &Cupboard) {
    if orders.left.is_some() {
        return;
    }
    let params = &life.world.params;
    let horizon_at = life.world.end_at().plus(params.horizon);
    let until = life.world.clocks[life.truth.persona].activity(life.world.origin(), horizon_at);
    let (rate, leaving) = (life.truth.orders_per_week, life.truth.leaving);
    let ahead = lifetime::ahead(params.clock, rate, leaving, orders.stages_over, until - life.end);
    let futures = life.random.stream(FUTURE_STREAM);
    let (mut sum, mut squares) = (0.0, 0.0);
    for n in 0..N_FUTURES {
        let mut draws = Draws::new(futures.stream(u64::from(n)));
        let spent = spend(life, orders.stages_over, until, cupboard.clone(), &mut draws);
        sum += spent;
        squares += spent * spent;
    }
    let n = f64::from(N_FUTURES);
    let mean = sum / n;
    life.truth.p_purchase = ahead.p_order;
    life.truth.expected_orders = ahead.orders;
    life.truth.expected_value = mean;
    // Rounding may leave a little less than nothing where all futures are alike.
    life.truth.expected_value_error = libm::sqrt((squares / n - mean * mean).max(0.0) / (n - 1.0));
}

/// Revenue of one future from the end of the window on, with the cupboard that fills on the way.
fn spend(life: &Life<'_>, stages_over: u32, until: f64, mut cupboard: Cupboard, draws: &mut Draws) -> f64 {
    let (rate, leaving) = (life.truth.orders_per_week, life.truth.leaving);
    let span = (life.end, until);
    let times = lifetime::go_on(life.world.params.clock, rate, leaving, stages_over, span, draws).times;
    let mut spent = 0.0;
    for activity in times {
        let at = life.instant(activity);
        for choice in basket(life, at, &cupboard, draws) {
            spent += f64::from(choice.quantity) * choice.price.units();
            cupboard.put(choice.item, &life.world.catalogue.items[choice.item as usize], at);
        }
    }
    spent
}
