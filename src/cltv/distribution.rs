//! The exact distribution of a customer's spend over the horizon, for intervals.
//!
//! With N purchases from the purchase model and amounts from Gamma-Gamma, P(V <= v) = P(N = 0) +
//! Σ P(N = n) I(v / (v + γ'); p n, q'), where (q', γ') is the customer's posterior.

use super::gamma_gamma::{GammaGamma, Spend};
use super::special::{BetaLogit, sigmoid, softplus};

/// Counts up to this one keep a term of their own.
const SINGLE: usize = 32;
/// Terms and tails below this probability do not move a quantile by more than 1e-8 of itself.
const NEGLIGIBLE: f64 = 1e-10;

/// Spend over the horizon: nothing with a certain probability, else a mixture over the number of orders.
pub(super) struct SpendDistribution {
    p_zero: f64,
    scale: f64,
    shape: f64,
    mean_shape: f64,
    atoms: Vec<Atom>,
}

struct Atom {
    n: f64,
    p: f64,
    beta: BetaLogit,
    /// Cube root of shape over own shape, and 1 / (9 own shape): of the approximation.
    root: f64,
    nearness: f64,
}

impl SpendDistribution {
    /// From P(N = 0), P(N = 1), ... and what the customer has spent so far.
    pub(super) fn new(p_count: &[f64], model: &GammaGamma, spend: &Spend) -> Self {
        let (shape, scale) = model.posterior(spend);
        let ln_gamma = libm::lgamma(shape);
        let atoms = atoms(p_count)
            .into_iter()
            .map(|(n, p)| {
                let own = model.p * n;
                let beta = BetaLogit::new(own, shape, ln_gamma);
                Atom { n, p, beta, root: libm::cbrt(shape / own), nearness: 1.0 / (9.0 * own) }
            })
            .collect();
        Self { p_zero: p_count[0], scale, shape, mean_shape: model.p, atoms }
    }

    /// The smallest amount v with P(V <= v) >= `level`; 0 when no order at all is that likely.
    pub(super) fn quantile(&self, level: f64) -> f64 {
        if self.p_zero >= level || self.atoms.is_empty() {
            return 0.0;
        }
        // In the logit of v / (v + scale). The start takes the quantile of the number of orders at the mean amount; a
        // cheap approximation brings it close; the exact distribution then needs one or two steps.
        let start = libm::log(self.mean_shape * self.count_quantile(level) / self.shape);
        let near = solve(start, 1e-2, |s| self.approximate(s, level));
        self.scale * libm::exp(solve(near, 3e-3, |s| self.exact(s, level)))
    }

    fn count_quantile(&self, level: f64) -> f64 {
        let mut cdf = self.p_zero;
        for atom in &self.atoms {
            cdf += atom.p;
            if cdf >= level {
                return atom.n;
            }
        }
        self.atoms.last().map_or(1.0, |atom| atom.n)
    }

    /// P(V <= v) - level and its first two derivatives in the logit s of v / (v + scale).
    fn exact(&self, s: f64, level: f64) -> [f64; 3] {
        let (u, ln_u, ln_1mu) = (sigmoid(s), -softplus(-s), -softplus(s));
        let mut sums = [self.p_zero - level, 0.0, 0.0];
        for atom in &self.atoms {
            let (part, slope) = atom.beta.at(u, ln_u, ln_1mu);
            sums[0] += atom.p * part;
            sums[1] += atom.p * slope;
            sums[2] += atom.p * slope * (self.mean_shape * atom.n * (1.0 - u) - self.shape * u);
            // More orders make an amount up to v less likely still.
            if part < NEGLIGIBLE {
                break;
            }
        }
        sums
    }

    /// The same to two or three digits: the cube root of an F variable is nearly normal (Paulson 1942). The second
    /// derivative is left out.
    fn approximate(&self, s: f64, level: f64) -> [f64; 3] {
        let root = libm::exp(s / 3.0);
        let other = 1.0 / (9.0 * self.shape);
        let mut sums = [self.p_zero - level, 0.0, 0.0];
        for atom in &self.atoms {
            let w = root * atom.root;
            let own = atom.nearness;
            let spread = w * w * other + own;
            let deviation = spread.sqrt();
            let z = ((1.0 - other) * w - (1.0 - own)) / deviation;
            if z < -5.0 {
                break;
            }
            let density = libm::exp(-0.5 * z * z) * 0.398_942_280_401_432_7;
            sums[0] += atom.p * (0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2));
            sums[1] += atom.p * density * w / 3.0 * ((1.0 - other) / deviation - z * w * other / spread);
        }
        sums
    }
}

/// The root of a rising function from its value and two derivatives: Halley's steps inside a bracket, ended by a step
/// below `short`, whose successor would be of the order of its cube (its square without a second derivative).
fn solve(start: f64, short: f64, f: impl Fn(f64) -> [f64; 3]) -> f64 {
    let (mut low, mut high) = (-60.0, 60.0);
    let mut s = start.clamp(low, high);
    for _ in 0..80 {
        let [value, slope, bend] = f(s);
        if value < 0.0 {
            low = s;
        } else {
            high = s;
        }
        let newton = value / slope;
        // Far from the root the correction may point anywhere; it is kept between half and double.
        let halley = newton / (1.0 - 0.5 * newton * bend / slope).clamp(0.5, 2.0);
        let next = s - halley;
        let next = if next > low && next < high { next } else { 0.5 * (low + high) };
        let step = (next - s).abs();
        s = next;
        if step < short {
            break;
        }
    }
    s
}

/// The counts above zero as (number of orders, probability), ascending: one by one up to [`SINGLE`], then blocks of
/// a sixteenth of their position, each as two atoms with the block's mean and variance. The incomplete beta
/// function is so smooth over such a block that probabilities move by less than 1e-6.
fn atoms(p_count: &[f64]) -> Vec<(f64, f64)> {
    let mut atoms = Vec::new();
    let (mut n, mut left) = (1, p_count[1..].iter().sum::<f64>());
    while n < p_count.len() && left > NEGLIGIBLE {
        let width = if n <= SINGLE { 1 } else { n / 16 };
        let block = &p_count[n..(n + width).min(p_count.len())];
        let mass: f64 = block.iter().sum();
        if mass > 0.0 && width == 1 {
            atoms.push((n as f64, mass));
        } else if mass > 0.0 {
            let mean = block.iter().enumerate().map(|(i, p)| i as f64 * p).sum::<f64>() / mass;
            let spread =
                block.iter().enumerate().map(|(i, p)| (i as f64 - mean).powi(2) * p).sum::<f64>() / mass;
            let (mean, sd) = (n as f64 + mean, spread.sqrt());
            atoms.push((mean - sd, 0.5 * mass));
            atoms.push((mean + sd, 0.5 * mass));
        }
        left -= mass;
        n += width;
    }
    atoms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cltv::mbg::{History, MbgNbd};

    /// BG/NBD counts (r .243, alpha 4.414, a .793, b 2.426) of (2, 30.43, 38.86) over 39 weeks: same as MBG's form
    /// with one leaving opportunity fewer.
    fn bg_counts() -> Vec<f64> {
        let (r, alpha, a, b) = (0.243 + 2.0, 4.414 + 38.86, 0.793_f64, 2.426 + 2.0);
        let z = 39.0 / (alpha + 39.0);
        let p_alive = 0.726578570081;
        let (mut nb, mut tail, mut survived) = ((1.0_f64 - z).powf(r), 1.0, 1.0);
        let mut counts = Vec::new();
        let mut before = 1.0;
        for n in 0..400 {
            tail -= nb;
            let next = p_alive * survived * tail;
            counts.push(before - next);
            before = next;
            let n = f64::from(n);
            survived *= (b + n) / (a + b + n);
            nb *= (r + n) / (n + 1.0) * z;
        }
        counts
    }

    #[test]
    fn published_quantiles_of_spend() {
        let model = GammaGamma { p: 6.25, q: 3.74, gamma: 15.44 };
        let counts = bg_counts();
        assert!((counts[0] - 0.4453728621).abs() < 1e-9);
        let spend = SpendDistribution::new(&counts, &model, &Spend { n: 2, mean: 22.35 });
        for (level, want) in [(0.5, 15.45620), (0.8, 55.15692), (0.9, 85.01347), (0.95, 115.33579)] {
            let got = spend.quantile(level);
            assert!((got - want).abs() < 1e-5, "{level}: {got}, expected {want}");
        }
        assert_eq!(spend.quantile(0.4), 0.0);
    }

    #[test]
    fn blocks_of_counts_move_nothing() {
        // A new customer with a wide distribution: hundreds of counts, compared with every count on its own.
        let purchases = MbgNbd { r: 0.5, alpha: 6.0, a: 0.3, b: 2.0 };
        let model = GammaGamma { p: 1.7, q: 3.1, gamma: 20.0 };
        let history = History { repeat_orders: 0, age_at_last_order: 0.0, age: 2.0 };
        let counts = purchases.count_distribution(&history, 365.0);
        assert!(counts.len() > 500, "{}", counts.len());
        let spend = SpendDistribution::new(&counts, &model, &Spend { n: 0, mean: 0.0 });
        assert!(spend.atoms.len() < 200, "{}", spend.atoms.len());
        let ln_gamma = libm::lgamma(model.q);
        for level in [0.5, 0.8, 0.9, 0.99] {
            let v = spend.quantile(level);
            let s = libm::log(v / model.gamma);
            let exact: f64 = counts[0]
                + counts[1..]
                    .iter()
                    .enumerate()
                    .map(|(i, p)| {
                        let beta = BetaLogit::new(model.p * (i + 1) as f64, model.q, ln_gamma);
                        p * beta.at(sigmoid(s), -softplus(-s), -softplus(s)).0
                    })
                    .sum::<f64>();
            assert!((exact - level).abs() < 1e-7, "{level} {exact}");
        }
    }
}
