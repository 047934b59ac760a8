//! The MBG/NBD purchase model (Batislam, Denizel, Filiztekin 2007; Hoppe, Wagner 2007).
//!
//! While active a customer buys by a Poisson process whose rate is Gamma(r, alpha); after every purchase, the
//! first included, he leaves with a probability that is Beta(a, b). The forms used here are free of overflow and
//! cancellation at any number of purchases: ratios are taken before logarithms, and the expectation avoids the
//! hypergeometric function's pole at a = 1.

use serde::{Deserialize, Serialize};

use super::quadrature::NODES;
use super::special::{ln_beta_ratio, ln_rising, sigmoid, softplus};

/// What the model needs of one customer, in the time unit of the parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct History {
    /// Repeat purchases, x.
    pub repeat_orders: u32,
    /// Time from the first to the last purchase, t_x.
    pub age_at_last_order: f64,
    /// Time from the first purchase to the end of observation, T.
    pub age: f64,
}

/// Parameters of the MBG/NBD; all positive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MbgNbd {
    /// Shape of the purchase rate.
    pub r: f64,
    /// Rate of the purchase rate, in the time unit of the histories.
    pub alpha: f64,
    /// First shape of the probability of leaving.
    pub a: f64,
    /// Second shape of the probability of leaving.
    pub b: f64,
}

/// More future purchases than this are lumped into the last one.
const MAX_COUNT: usize = 200_000;

impl MbgNbd {
    /// Logarithm of the likelihood of one history.
    #[must_use]
    pub fn ln_likelihood(&self, history: &History) -> f64 {
        let x = history.repeat_orders;
        ln_beta_ratio(self.a, self.b, x + 1) + ln_rising(self.r, x)
            - self.r * libm::log1p(history.age / self.alpha)
            - f64::from(x) * libm::log(self.alpha + history.age)
            + softplus(self.ln_odds_left(history))
    }

    /// Logarithm of P(active at the end of observation | history); finite where the probability underflows.
    #[must_use]
    pub fn ln_p_alive(&self, history: &History) -> f64 {
        -softplus(self.ln_odds_left(history))
    }

    /// P(active at the end of observation | history).
    #[must_use]
    pub fn p_alive(&self, history: &History) -> f64 {
        sigmoid(-self.ln_odds_left(history))
    }

    /// P(no purchase in the next `horizon` | history); not the complement of [`MbgNbd::p_alive`], since an active
    /// customer may just not buy.
    #[must_use]
    pub fn p_no_purchase_within(&self, history: &History, horizon: f64) -> f64 {
        let shape = self.r + f64::from(history.repeat_orders);
        let none = -shape * libm::log1p(horizon / (self.alpha + history.age));
        (1.0 + self.p_alive(history) * libm::expm1(none)).clamp(0.0, 1.0)
    }

    /// Expected purchases in the next `horizon` given the history; for a customer acquired this instant take a
    /// history of zeros.
    #[must_use]
    pub fn expected_purchases(&self, history: &History, horizon: f64) -> f64 {
        self.expected_if_alive(history, horizon) * self.p_alive(history)
    }

    /// Expected purchases in the next `horizon`, each discounted at the continuous `rate` per time unit from its
    /// own moment; with rate 0 the same as [`MbgNbd::expected_purchases`].
    ///
    /// Integration by parts of e^(-rate u) over the expectation, in the variable ln(1 + u / (alpha + T)).
    #[must_use]
    pub fn discounted_purchases(&self, history: &History, horizon: f64, rate: f64) -> f64 {
        if rate == 0.0 || horizon == 0.0 {
            return self.expected_purchases(history, horizon);
        }
        let scale = self.alpha + history.age;
        let end = libm::log1p(horizon.min(45.0 / rate) / scale);
        let n_panels = (2.0 * end).ceil().max(2.0) as usize;
        let width = end / n_panels as f64;
        let mut integral = 0.0;
        for panel in 0..n_panels {
            for &(node, share) in &NODES {
                for sign in [-1.0, 1.0] {
                    let v = width * (panel as f64 + 0.5 * (1.0 + sign * node));
                    let u = scale * libm::expm1(v);
                    let du = scale * libm::exp(v);
                    integral +=
                        0.5 * width * share * libm::exp(-rate * u) * du * self.expected_if_alive(history, u);
                }
            }
        }
        // Beyond e^-45 nothing of the horizon is left to count.
        let at_end = if rate * horizon > 45.0 {
            0.0
        } else {
            libm::exp(-rate * horizon) * self.expected_if_alive(history, horizon)
        };
        self.p_alive(history) * (at_end + rate * integral)
    }

    /// P(N = 0), P(N = 1), ... of the number N of purchases in the next `horizon` given the history, until less
    /// than 1e-13 is left, which the last cell takes.
    #[must_use]
    pub fn count_distribution(&self, history: &History, horizon: f64) -> Vec<f64> {
        let p_alive = self.p_alive(history);
        let mut p_count = Vec::new();
        let mut at_least = 1.0;
        for next in self.p_at_least(history, horizon) {
            let next = p_alive * next;
            if p_count.len() >= MAX_COUNT || next < 1e-13 {
                break;
            }
            p_count.push(at_least - next);
            at_least = next;
        }
        p_count.push(at_least);
        p_count
    }

    /// ln [P(left | history) / P(active | history)].
    fn ln_odds_left(&self, history: &History) -> f64 {
        let x = f64::from(history.repeat_orders);
        let silence = (history.age - history.age_at_last_order) / (self.alpha + history.age_at_last_order);
        libm::log(self.a / (self.b + x)) + (self.r + x) * libm::log1p(silence)
    }

    /// E[purchases in `horizon` | history, active].
    fn expected_if_alive(&self, history: &History, horizon: f64) -> f64 {
        if horizon == 0.0 {
            return 0.0;
        }
        self.series(history, horizon)
            .unwrap_or_else(|| self.p_at_least(history, horizon).take(1_000_000).sum())
    }

    /// The expectation as a power series; `None` where the terms cancel (a rate without heterogeneity).
    fn series(&self, history: &History, horizon: f64) -> Option<f64> {
        let (a, x) = (self.a, f64::from(history.repeat_orders));
        let c = a + self.b + x;
        let first = a + self.b - self.r;
        let epsilon = a - 1.0;
        let z = horizon / (self.alpha + history.age + horizon);
        let lambda = -libm::log1p(horizon / (self.alpha + history.age));
        let phi = if epsilon == 0.0 { -lambda } else { -libm::expm1(epsilon * lambda) / epsilon };
        let mut term = first * z;
        let (mut sum, mut size) = (term, term.abs());
        let mut n = 1.0;
        while term.abs() > 1e-17 * sum.abs() {
            term *= (first + n) * (a + n - 1.0) / ((c + n) * (n + 1.0)) * z;
            sum += term;
            size += term.abs();
            n += 1.0;
            if n > 20_000.0 {
                return None;
            }
        }
        let shrink = libm::exp(epsilon * lambda);
        let core = c * phi - shrink * sum;
        // What cancels costs digits: beyond three of them the positive sum is better.
        (core > 0.0 && core.is_finite() && (c * phi).abs().max(shrink * size) < 1e3 * core).then_some(core)
    }

    /// P(N >= 1), P(N >= 2), ... given that the customer is active: the n-th purchase comes if n - 1 earlier ones
    /// were survived and the Poisson process reaches n. Ends when the process can reach no more.
    fn p_at_least(&self, history: &History, horizon: f64) -> impl Iterator<Item = f64> {
        let (a, shape) = (self.a, self.r + f64::from(history.repeat_orders));
        let b = self.b + f64::from(history.repeat_orders) + 1.0;
        let z = horizon / (self.alpha + history.age + horizon);
        let mut mass = Mass::new(-shape * libm::log1p(horizon / (self.alpha + history.age)));
        let (mut tail, mut survived, mut n) = (1.0 - mass.get(), 1.0, 0.0);
        std::iter::from_fn(move || {
            if tail < 1e-15 {
                return None;
            }
            let p = survived * tail;
            let ratio = (shape + n) / (n + 1.0) * z;
            mass.times(ratio);
            let (next, bound) = (mass.get(), ratio.max(z));
            // Rounding may keep the difference above zero for ever; a geometric bound on what follows ends it.
            tail = if bound < 1.0 && next < 1e-15 * (1.0 - bound) { 0.0 } else { tail - next };
            survived *= (b + n) / (a + b + n);
            n += 1.0;
            Some(p)
        })
    }
}

/// A probability built up by factors from one that may be too small for a number.
struct Mass {
    factor: f64,
    ln_scale: f64,
}

impl Mass {
    fn new(ln_mass: f64) -> Self {
        if ln_mass > -600.0 {
            Self { factor: libm::exp(ln_mass), ln_scale: 0.0 }
        } else {
            Self { factor: 1.0, ln_scale: ln_mass }
        }
    }

    fn times(&mut self, ratio: f64) {
        self.factor *= ratio;
        if self.ln_scale < 0.0 && self.factor > 1e200 {
            self.ln_scale += libm::log(self.factor);
            self.factor = 1.0;
        }
    }

    fn get(&self) -> f64 {
        if self.ln_scale == 0.0 { self.factor } else { self.factor * libm::exp(self.ln_scale) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: MbgNbd = MbgNbd { r: 0.525, alpha: 6.183, a: 0.891, b: 1.614 };

    fn history(repeat_orders: u32, age_at_last_order: f64, age: f64) -> History {
        History { repeat_orders, age_at_last_order, age }
    }

    fn close(got: f64, want: f64, relative: f64) {
        assert!((got - want).abs() <= relative * want.abs(), "{got:.15e}, expected {want:.15e}");
    }

    #[test]
    fn published_points_of_cdnow() {
        // (x, t_x, T), LL, P(alive), CET(39), discounted to infinity at .0027 per week.
        let rows = [
            (0, 0.0, 39.0, -0.540472121223, 0.389347648664, 0.1534394484, 0.7207676570),
            (1, 1.71, 38.86, -4.46036061258, 0.17083648431, 0.1888365414, 0.7820623403),
            (2, 30.43, 38.86, -9.48555131453, 0.706202265118, 1.262960623, 4.913027319),
            (26, 30.86, 31.0, -38.3221269478, 0.965566144144, 19.45072265, 61.41571756),
            (7, 35.0, 77.86, -23.800678482, 0.0431565493225, 0.1302151012, 0.5599034582),
            (200, 38.0, 40.0, 91.7655593606, 0.0305960686928, 3.892718384, 12.88927156),
        ];
        for (x, t_x, t, ll, alive, cet, dert) in rows {
            let h = history(x, t_x, t);
            close(PRINTED.ln_likelihood(&h), ll, 1e-9);
            close(PRINTED.p_alive(&h), alive, 1e-9);
            close(PRINTED.expected_purchases(&h, 39.0), cet, 1e-9);
            close(PRINTED.discounted_purchases(&h, 1e9, 0.0027), dert, 1e-9);
        }
        close(PRINTED.discounted_purchases(&history(2, 30.43, 38.86), 260.0, 0.0027), 3.721929674, 1e-9);
    }

    #[test]
    fn published_expectations_and_distribution() {
        for (t, want) in [(1.0, 0.05308479526), (39.0, 1.182953666), (52.0, 1.419723758), (78.0, 1.804757578)]
        {
            close(PRINTED.expected_purchases(&history(0, 0.0, 0.0), t), want, 1e-9);
        }
        let h = history(2, 30.43, 38.86);
        for (t, want) in [(4.0, 0.8634778524), (13.0, 0.6660777175), (39.0, 0.4400059092)] {
            close(PRINTED.p_no_purchase_within(&h, t), want, 1e-9);
        }
        let want = [0.4400059092, 0.2342240563, 0.1459735413, 0.0838639478, 0.0459242119, 0.0243760675];
        for (got, want) in PRINTED.count_distribution(&h, 39.0).into_iter().zip(want) {
            close(got, want, 1e-8);
        }
    }

    #[test]
    fn stress_points_stay_exact() {
        let a_is_one = MbgNbd { r: 0.3, alpha: 4.0, a: 1.0, b: 2.5 };
        close(a_is_one.ln_likelihood(&history(3, 20.0, 39.0)), -12.2513005888931, 1e-12);
        close(a_is_one.p_alive(&history(3, 20.0, 39.0)), 0.445311008016, 1e-11);
        close(a_is_one.expected_purchases(&history(3, 20.0, 39.0), 39.0), 1.077392748742, 1e-11);
        let small_b = MbgNbd { r: 0.3, alpha: 4.0, a: 0.8, b: 0.1 };
        close(small_b.ln_likelihood(&history(1, 0.5, 39.0)), -5.73504722022893, 1e-12);
        close(small_b.p_alive(&history(1, 0.5, 39.0)), 0.0681280872314, 1e-11);
        close(small_b.expected_purchases(&history(1, 0.5, 39.0), 39.0), 0.0641549905456, 1e-11);
        let busy = MbgNbd { r: 0.3, alpha: 4.0, a: 0.8, b: 2.5 };
        let h = history(5000, 990.0, 1000.0);
        close(busy.ln_likelihood(&h), 3058.89226923206, 1e-12);
        close(busy.p_alive(&h), 1.14327538561e-18, 1e-9);
        close(busy.expected_purchases(&h, 39.0), 2.186936965625e-16, 1e-9);
        let pymc = MbgNbd { r: 0.25, alpha: 4.0, a: 0.8, b: 2.5 };
        close(pymc.ln_likelihood(&history(0, 0.0, 40.0)), -0.41792826, 1e-7);
        close(pymc.ln_likelihood(&history(200, 38.0, 40.0)), 100.786910, 1e-7);
        assert!(busy.ln_likelihood(&history(0, 0.0, 0.0)).abs() < 1e-15);
        assert_eq!(busy.expected_purchases(&history(3, 1.0, 9.0), 0.0), 0.0);
    }

    #[test]
    fn extreme_parameters_stay_finite_and_distribution_agrees() {
        let h = history(3, 20.0, 39.0);
        for r in [1e-4, 1.0, 1e4] {
            for alpha in [1e-4, 1.0, 1e4] {
                for (a, b) in [(1e-4, 1.0), (1.0, 1e-4), (1e4, 1e4), (1.0 + 1e-9, 3.0)] {
                    let model = MbgNbd { r, alpha, a, b };
                    for horizon in [0.1, 39.0, 5000.0] {
                        let cet = model.expected_purchases(&h, horizon);
                        assert!(cet.is_finite() && cet >= 0.0, "{model:?} {horizon} {cet}");
                        assert!(model.ln_likelihood(&h).is_finite());
                        let quiet = model.p_no_purchase_within(&h, horizon);
                        assert!((0.0..=1.0).contains(&quiet));
                    }
                }
            }
        }
    }

    #[test]
    fn series_meets_the_positive_sum() {
        // r = 60 without much heterogeneity makes the series cancel; both ways must agree around the switch.
        for r in [0.5, 3.0, 10.0, 20.0] {
            let model = MbgNbd { r, alpha: 40.0, a: 0.9, b: 1.6 };
            for (x, t_x, t) in [(0, 0.0, 10.0), (5, 30.0, 40.0), (40, 100.0, 110.0)] {
                let h = history(x, t_x, t);
                for horizon in [1.0, 20.0, 200.0] {
                    let slow: f64 = model.p_at_least(&h, horizon).sum();
                    close(model.expected_if_alive(&h, horizon), slow, 1e-11);
                }
            }
        }
    }
}
