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
    let stages = clock.stages();
    let mut all = Orders { times: Vec::new(), left: None, stages_over: 0 };
    let lifetime = match leaving {
        Leaving::AfterOrder(_) => f64::INFINITY,
        Leaving::PerWeek(rate) => joined + draws.exponential() / rate,
    };
    all.left = (lifetime < end).then_some(lifetime);
    let stop = lifetime.min(end);
    let mut at = joined;
    while at < stop {
        all.times.push(at);
        if let Leaving::AfterOrder(p) = leaving
            && draws.chance(p)
        {
            all.left = Some(at);
            break;
        }
        all.stages_over = 0;
        loop {
            at += draws.exponential() / (f64::from(stages) * rate);
            if at >= stop {
                break;
            }
            all.stages_over += 1;
            if all.stages_over == stages {
                break;
            }
        }
    }
    all
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
        Leaving::PerWeek(leaves) => {
            let stages = clock.stages();
            let stage_rate = f64::from(stages) * rate;
            let kept = stage_rate / (stage_rate + leaves);
            let mut sum = Ahead::default();
            let mut tail = PoissonTail::new((stage_rate + leaves) * weeks);
            let mut stage = 0;
            // Chance that `stage` more stages end, in time and before the customer leaves.
            let mut p_stage = 1.0;
            loop {
                stage += 1;
                p_stage *= kept;
                let p = p_stage * tail.at_least(stage);
                if (stage + stages_over).is_multiple_of(stages) {
                    sum.orders += p;
                    if stage + stages_over == stages {
                        sum.p_order = p;
                    }
                }
                if tail.is_over(stage) && stage + stages_over >= stages {
                    return sum;
                }
            }
        }
    }
}

/// `P(N >= n)` of a Poisson number, for n = 1, 2, 3 and so on.
struct PoissonTail {
    mean: f64,
    tail: f64,
}

impl PoissonTail {
    fn new(mean: f64) -> Self {
        Self { mean, tail: 1.0 }
    }

    /// `P(N >= n)`, to be asked in order.
    fn at_least(&mut self, n: u32) -> f64 {
        let below = f64::from(n - 1);
        let log_mass = below * libm::log(self.mean) - self.mean - libm::lgamma(below + 1.0);
        self.tail = (self.tail - libm::exp(log_mass)).max(0.0);
        self.tail
    }

    /// Whether what is left is no more than rounding.
    fn is_over(&self, n: u32) -> bool {
        f64::from(n) > self.mean && self.tail < 1e-12
    }
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
