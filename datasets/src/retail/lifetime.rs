//! When orders come, when customers leave, and what that says about the time after the window.

use super::params::Clock;
use crate::draws::Draws;

/// Shape of the gamma distribution of the rate of leaving under [`Clock::Pareto`] and [`Clock::Regular`].
pub(super) const LEAVING_SHAPE: f64 = 2.0;

/// How a customer leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leaving {
    /// With this probability after every order.
    AfterOrder(f64),
    /// At this rate per week, whatever the orders.
    PerWeek(f64),
}

impl Clock {
    /// Stages of a gap.
    pub(super) fn stages(self) -> u32 {
        match self {
            Self::Mbg | Self::Pareto => 1,
            Self::Regular { stages } => stages,
        }
    }
}

/// Orders of one customer, in activity weeks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Orders {
    /// Times, ascending; at least the first.
    pub(super) times: Vec<f64>,
    /// When the customer left, if before the end.
    pub(super) left: Option<f64>,
    /// Stages of the open gap that are over at the end.
    pub(super) stages_over: u32,
}

/// Orders from the first one at `joined` to `end` (exclusive).
pub(super) fn orders(
    clock: Clock,
    rate: f64,
    leaving: Leaving,
    (joined, end): (f64, f64),
    draws: &mut Draws,
) -> Orders {
    let first = vec![joined];
    if let Leaving::AfterOrder(p) = leaving
        && draws.chance(p)
    {
        return Orders { times: first, left: Some(joined), stages_over: 0 };
    }
    let rest = go_on(clock, rate, leaving, 0, (joined, end), draws);
    Orders { times: [first, rest.times].concat(), ..rest }
}

/// Orders after `from`, at which the customer is alive and `stages_over` stages of the open gap are over, to `end`
/// (exclusive).
pub(super) fn go_on(
    clock: Clock,
    rate: f64,
    leaving: Leaving,
    stages_over: u32,
    (from, end): (f64, f64),
    draws: &mut Draws,
) -> Orders {
    let stages = clock.stages();
    let lifetime = match leaving {
        Leaving::AfterOrder(_) => f64::INFINITY,
        Leaving::PerWeek(rate) => from + draws.exponential() / rate,
    };
    let stop = lifetime.min(end);
    let left = (lifetime < end).then_some(lifetime);
    let mut all = Orders { times: Vec::new(), left, stages_over };
    let mut at = from;
    loop {
        at += draws.exponential() / (f64::from(stages) * rate);
        if at >= stop {
            return all;
        }
        all.stages_over += 1;
        if all.stages_over < stages {
            continue;
        }
        all.stages_over = 0;
        all.times.push(at);
        if let Leaving::AfterOrder(p) = leaving
            && draws.chance(p)
        {
            all.left = Some(at);
            return all;
        }
    }
}

/// What is expected of a customer who is alive at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Ahead {
    /// Probability of any order.
    pub(super) p_order: f64,
    /// Expected number of orders.
    pub(super) orders: f64,
}

/// The next `weeks` of a customer who is alive after `stages_over` stages of the open gap. See the equations of the
/// [module](super).
pub(super) fn ahead(clock: Clock, rate: f64, leaving: Leaving, stages_over: u32, weeks: f64) -> Ahead {
    match leaving {
        Leaving::AfterOrder(p) => {
            Ahead { p_order: -libm::expm1(-rate * weeks), orders: -libm::expm1(-rate * p * weeks) / p }
        }
        Leaving::PerWeek(leaves) => ahead_in_stages(clock.stages(), rate, leaves, stages_over, weeks),
    }
}

/// Sums the chances that the `n`-th stage from now ends in time and before the customer leaves, over those that are
/// orders; from the upper tail down, where nothing is lost to rounding.
fn ahead_in_stages(stages: u32, rate: f64, leaves: f64, stages_over: u32, weeks: f64) -> Ahead {
    let stage_rate = f64::from(stages) * rate;
    let log_kept = -libm::log1p(leaves / stage_rate);
    let mean = (stage_rate + leaves) * weeks;
    // Beyond lies less than 1e-20; 50 is the most stages of a gap.
    let most = (mean + 10.0 * libm::sqrt(mean)) as u32 + 50;
    let mut sum = Ahead::default();
    // P(Poisson(mean) >= n)
    let mut tail = 0.0;
    for n in (1..=most).rev() {
        let count = f64::from(n);
        tail += libm::exp(count * libm::log(mean) - mean - libm::lgamma(count + 1.0));
        if (n + stages_over).is_multiple_of(stages) {
            let p = libm::exp(count * log_kept) * tail;
            sum.orders += p;
            if n + stages_over == stages {
                sum.p_order = p.min(1.0);
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use bespoke::random::Random;

    use super::*;

    const N: u64 = 40_000;

    /// Mean orders, share with an order, over simulated futures of someone alive at 0.
    fn simulated(clock: Clock, rate: f64, leaving: Leaving, weeks: f64) -> (f64, f64) {
        let (mut orders_sum, mut any) = (0.0, 0.0);
        for i in 0..N {
            let mut draws = Draws::new(Random::new(3).stream(i));
            // The order that begins the life is not one of the future; under MBG nobody may leave at it.
            let mut all = orders(clock, rate, leaving, (0.0, weeks), &mut draws);
            while all.left == Some(0.0) {
                all = orders(clock, rate, leaving, (0.0, weeks), &mut draws);
            }
            orders_sum += all.times.len() as f64 - 1.0;
            any += f64::from(u8::from(all.times.len() > 1));
        }
        (orders_sum / N as f64, any / N as f64)
    }

    #[test]
    fn what_is_ahead_agrees_with_simulated_lives() {
        let cases = [
            (Clock::Mbg, Leaving::AfterOrder(0.2)),
            (Clock::Pareto, Leaving::PerWeek(0.1)),
            (Clock::Regular { stages: 4 }, Leaving::PerWeek(0.05)),
        ];
        for (clock, leaving) in cases {
            let expected = ahead(clock, 0.4, leaving, 0, 12.0);
            let (orders, any) = simulated(clock, 0.4, leaving, 12.0);
            assert!((orders - expected.orders).abs() < 0.05, "{clock:?} {orders} {expected:?}");
            assert!((any - expected.p_order).abs() < 0.01, "{clock:?} {any} {expected:?}");
        }
    }

    #[test]
    fn one_stage_is_pareto_in_closed_form() {
        let (rate, leaves, weeks) = (0.7, 0.03, 40.0);
        let got = ahead(Clock::Pareto, rate, Leaving::PerWeek(leaves), 0, weeks);
        let p_order = rate / (rate + leaves) * -libm::expm1(-(rate + leaves) * weeks);
        let orders = rate / leaves * -libm::expm1(-leaves * weeks);
        assert!((got.p_order - p_order).abs() < 1e-10 && (got.orders - orders).abs() < 1e-9, "{got:?}");
    }

    #[test]
    fn long_horizons_of_many_stages_come_to_an_end() {
        for (rate, years) in [(0.2, 1.0), (0.7, 5.0), (2.0, 10.0)] {
            let weeks = 365.0 / 7.0 * years;
            for over in [0, 49] {
                let clock = Clock::Regular { stages: 50 };
                let far = ahead(clock, rate, Leaving::PerWeek(1e-9), over, weeks);
                // Renewals of little spread: rate H, from the part of the gap that is over, less half a gap.
                let expected = rate * weeks + (f64::from(over) + 0.5) / 50.0 - 0.5;
                assert!((far.orders - expected).abs() < 0.02, "{rate} {weeks} {over}: {far:?} {expected}");
                assert!(far.p_order > 0.99 && far.p_order <= 1.0, "{far:?}");
            }
            let leaves = 0.1;
            let one = ahead(Clock::Regular { stages: 2 }, rate, Leaving::PerWeek(leaves), 1, weeks);
            let kept = 2.0 * rate / (2.0 * rate + leaves);
            // In the long run: sum over m of kept^(2m - 1).
            let expected = kept / (1.0 - kept * kept);
            assert!(years < 5.0 || (one.orders / expected - 1.0).abs() < 1e-6, "{one:?} {expected}");
        }
    }

    #[test]
    fn a_gap_that_is_nearly_over_brings_the_order_sooner() {
        let clock = Clock::Regular { stages: 10 };
        let at = |over| ahead(clock, 0.2, Leaving::PerWeek(0.01), over, 2.0).p_order;
        assert!(at(0) < 0.02 && at(9) > 0.9, "{} {}", at(0), at(9));
        let long = ahead(clock, 1.0, Leaving::PerWeek(0.0001), 0, 520.0);
        assert!((long.orders - 520.0 * 0.9743).abs() < 1.0 && long.p_order > 0.999, "{long:?}");
    }

    #[test]
    fn regular_gaps_vary_less() {
        let spread = |clock| {
            let mut gaps = Vec::new();
            for i in 0..400 {
                let mut draws = Draws::new(Random::new(5).stream(i));
                let all = orders(clock, 1.0, Leaving::PerWeek(1e-6), (0.0, 50.0), &mut draws);
                gaps.extend(all.times.windows(2).map(|pair| pair[1] - pair[0]));
            }
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let variance = gaps.iter().map(|g| (g - mean) * (g - mean)).sum::<f64>() / gaps.len() as f64;
            libm::sqrt(variance) / mean
        };
        assert!((spread(Clock::Pareto) - 1.0).abs() < 0.04);
        assert!((spread(Clock::Regular { stages: 9 }) - 1.0 / 3.0).abs() < 0.02);
    }
}
