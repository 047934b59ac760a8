//! What is expected of a customer after the window.

use super::customer::Life;
use super::lifetime::{self, Orders};
use super::orders::{Cupboard, basket};
use crate::draws::Draws;

/// Orders drawn at the end of the window to see what one is worth to this customer.
const N_BASKETS: u32 = 16;

/// Fills in what the truth says about the horizon; nothing is expected of those who have left.
pub(super) fn look_ahead(life: &mut Life<'_>, orders: &Orders, cupboard: &Cupboard, draws: &mut Draws) {
    if orders.left.is_some() {
        return;
    }
    let params = &life.world.params;
    let horizon_at = life.world.end_at().plus(params.horizon);
    let clock = &life.world.clocks[life.truth.persona];
    let weeks = clock.activity(life.world.origin(), horizon_at) - life.end;
    let (rate, leaving) = (life.truth.orders_per_week, life.truth.leaving);
    let ahead = lifetime::ahead(params.clock, rate, leaving, orders.stages_over, weeks);
    let spend: f64 = (0..N_BASKETS).map(|_| spend(life, cupboard, draws)).sum();
    life.truth.p_purchase = ahead.p_order;
    life.truth.expected_orders = ahead.orders;
    life.truth.expected_value = ahead.orders * spend / f64::from(N_BASKETS);
}

/// Revenue of one order placed at the end of the window.
fn spend(life: &Life<'_>, cupboard: &Cupboard, draws: &mut Draws) -> f64 {
    let lines = basket(life, life.world.end_at(), cupboard, draws);
    lines.iter().map(|line| f64::from(line.quantity) * line.price.units()).sum()
}
