//! What the future of a running contract holds, exactly: sums over everything that can happen.

use bespoke::types::{Days, Timestamp};

use super::SubscriptionWorld;
use super::customer::moves;
use super::hazard::{Decider, Engagement, MOST_TICKETS, hazard};
use super::plans::{
    ADD_ONS_PER_CATEGORY, FIRST_ADD_ON, N_ADD_ON_CATEGORIES, PERIOD, Plan, TIERS, YEAR_PERIODS,
};

/// Days over which the remaining value counts.
pub const VALUE_DAYS: Days = Days(360);

const PERIOD_MS: i64 = PERIOD.0 as i64 * Timestamp::DAY_MS;

/// The truth about a contract that runs at the end of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// Probability of leaving, by choice or not, when the next payment is due.
    pub p_leave_next: f64,
    /// Probability of leaving within the horizon.
    pub p_leave_within: f64,
    /// Expected payments and add-ons of the next [`VALUE_DAYS`], in units of money, until the customer leaves.
    pub remaining_value: f64,
}

/// A contract as it runs at the end of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Present {
    pub(super) plan: Plan,
    /// Whole periods so far.
    pub(super) tenure: u32,
    pub(super) engagement: Engagement,
    /// Tickets of the running period so far.
    pub(super) n_tickets: u32,
    /// When the running term began.
    pub(super) term_at: Timestamp,
    /// When the next payment is due.
    pub(super) due_at: Timestamp,
}

/// Terms a contract can be in: 0 monthly, `1 + n` yearly with `n` periods after the running one.
const N_TERMS: usize = 1 + YEAR_PERIODS as usize;

/// Probability of each engagement, tier and term.
type States = [[[f64; N_TERMS]; TIERS.len()]; Engagement::ALL.len()];

/// What happens when one payment is due, in expectation.
#[derive(Default)]
struct Due {
    p_left: f64,
    revenue: f64,
    p_stayed: f64,
}

impl Outlook {
    /// The outlook at the end of the window.
    pub(super) fn new(world: &SubscriptionWorld, decider: Decider<'_>, present: Present) -> Self {
        let end = world.end_at();
        let (leave_end, value_end) = (end.plus(world.params.horizon), end.plus(VALUE_DAYS));
        let add_on_revenue = |from: Timestamp, to: Timestamp| {
            let periods = (to.min(value_end).0 - from.0).max(0) as f64 / PERIOD_MS as f64;
            periods * add_on_revenue_per_period(world, decider)
        };
        let mut states = start(present);
        let mut due_at = present.due_at;
        let mut tenure = present.tenure + 1;
        let rest = (due_at.0 - end.0) as f64 / PERIOD_MS as f64;
        let mut tickets = ticket_shares(decider.persona.tickets * rest, present.n_tickets);
        let mut outlook =
            Self { p_leave_next: 0.0, p_leave_within: 0.0, remaining_value: add_on_revenue(end, due_at) };
        while due_at < leave_end.max(value_end) {
            let due = fall_due(world, decider, &mut states, due_at, tenure, &tickets);
            if due_at == present.due_at {
                outlook.p_leave_next = due.p_left;
            }
            if due_at < leave_end {
                outlook.p_leave_within += due.p_left;
            }
            if due_at < value_end {
                outlook.remaining_value += due.revenue;
                outlook.remaining_value += due.p_stayed * add_on_revenue(due_at, due_at.plus(PERIOD));
            }
            tickets = ticket_shares(decider.persona.tickets, 0);
            due_at = due_at.plus(PERIOD);
            tenure += 1;
        }
        outlook
    }
}

fn start(present: Present) -> States {
    let mut states = States::default();
    let term_index = if present.plan.is_yearly {
        let n_begun = (present.due_at.0 - present.term_at.0) / PERIOD_MS;
        1 + YEAR_PERIODS as usize - n_begun as usize
    } else {
        0
    };
    states[present.engagement as usize][present.plan.tier][term_index] = 1.0;
    states
}

/// Moves all states over one due date.
fn fall_due(
    world: &SubscriptionWorld,
    decider: Decider<'_>,
    states: &mut States,
    due_at: Timestamp,
    tenure: u32,
    tickets: &[f64; MOST_TICKETS as usize + 1],
) -> Due {
    let mut due = Due::default();
    let p_paid = 1.0 - decider.p_payment_ends();
    let mut next = States::default();
    for engagement in Engagement::ALL {
        let moves_of_engagement = engagement.next(decider.persona.p_fade);
        let mut stay = |due: &mut Due, plan: Plan, term: usize, p: f64| {
            due.p_left += p * (1.0 - p_paid);
            due.p_stayed += p * p_paid;
            let level = world.price_level(term_began(term, due_at.plus(PERIOD)));
            due.revenue += p * p_paid * plan.price(level).units();
            for (to, p_move) in moves_of_engagement.iter().enumerate() {
                next[to][plan.tier][term] += p * p_paid * p_move;
            }
        };
        for (tier, term) in (0..TIERS.len()).flat_map(|tier| (0..N_TERMS).map(move |term| (tier, term))) {
            let p = states[engagement as usize][tier][term];
            let plan = Plan { tier, is_yearly: term > 0 };
            if p == 0.0 {
                continue;
            }
            if term > 1 {
                stay(&mut due, plan, term - 1, p);
                continue;
            }
            let rise = world.price_level(due_at) / world.price_level(term_began(term, due_at)) - 1.0;
            let odds = decider.odds(plan, tenure, engagement, rise);
            let p_leave: f64 = (0..).zip(tickets).map(|(n, share)| share * hazard(odds, n)).sum();
            due.p_left += p * p_leave;
            for (plan, p_move) in moves(plan, decider.persona) {
                let term = if plan.is_yearly { YEAR_PERIODS as usize } else { 0 };
                stay(&mut due, plan, term, p * (1.0 - p_leave) * p_move);
            }
        }
    }
    *states = next;
    due
}

/// When the term began of a contract whose running period ends at `due_at`.
fn term_began(term: usize, due_at: Timestamp) -> Timestamp {
    let n_periods = if term == 0 { 1 } else { YEAR_PERIODS + 1 - term as u32 };
    due_at.minus(Days(n_periods * PERIOD.0))
}

/// Probabilities of 0, 1, ... and at least [`MOST_TICKETS`] tickets in a period with `n_seen` so far.
fn ticket_shares(mean: f64, n_seen: u32) -> [f64; MOST_TICKETS as usize + 1] {
    let most = MOST_TICKETS as usize;
    let mut shares = [0.0; MOST_TICKETS as usize + 1];
    let (mut p, mut rest) = (libm::exp(-mean), 1.0);
    for n in (n_seen.min(MOST_TICKETS) as usize)..most {
        shares[n] = p;
        rest -= p;
        p *= mean / f64::from(n as u32 - n_seen + 1);
    }
    shares[most] = rest;
    shares
}

fn add_on_revenue_per_period(world: &SubscriptionWorld, decider: Decider<'_>) -> f64 {
    let mean_price = |category: usize| {
        let first = FIRST_ADD_ON + ADD_ONS_PER_CATEGORY * category;
        let items = &world.items[first..first + ADD_ONS_PER_CATEGORY];
        items.iter().map(|item| item.price.units()).sum::<f64>() / ADD_ONS_PER_CATEGORY as f64
    };
    let persona = decider.persona;
    let mean: f64 = (0..N_ADD_ON_CATEGORIES).map(|c| persona.add_on_shares[c] * mean_price(c)).sum();
    persona.add_ons * mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_poisson_and_those_seen_count() {
        let shares = ticket_shares(0.5, 0);
        let floor = (-0.5f64).exp();
        let expected = [floor, 0.5 * floor, 0.125 * floor, 1.0 - 1.625 * floor];
        assert!(shares.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{shares:?}");
        let shares = ticket_shares(0.5, 2);
        assert!((shares[2] - floor).abs() < 1e-12 && shares[0] == 0.0 && shares[1] == 0.0);
        assert_eq!(ticket_shares(0.5, 7), [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_term_began_as_many_periods_ago_as_it_has_run() {
        let due_at = Timestamp(400 * Timestamp::DAY_MS);
        assert_eq!(term_began(0, due_at), due_at.minus(Days(30)));
        assert_eq!(term_began(1, due_at), due_at.minus(Days(360)));
        assert_eq!(term_began(12, due_at), due_at.minus(Days(30)));
    }
}
