//! Random variates in sequence from one counter-based stream.

use bespoke::random::Random;

/// A cursor over one stream: every draw takes the next counters.
pub(crate) struct Draws {
    random: Random,
    counter: u64,
}

impl Draws {
    pub(crate) fn new(random: Random) -> Self {
        Self { random, counter: 0 }
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.counter += 1;
        self.random.uniform(self.counter)
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.counter += 1;
        self.random.bits(self.counter)
    }

    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.counter += 1;
        self.random.below(self.counter, n)
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    pub(crate) fn normal(&mut self) -> f64 {
        // 1 - u is in (0, 1], so the logarithm is finite.
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// Exponential with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.uniform())
    }

    /// Gamma(shape, rate 1) by squeeze and rejection (Marsaglia and Tsang 2000); shapes below 1 are boosted
    /// by `u^(1/shape)` (their section 6).
    pub(crate) fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = libm::pow(1.0 - self.uniform(), 1.0 / shape);
            return boost * self.gamma(shape + 1.0);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        loop {
            let x = self.normal();
            let v = 1.0 + c * x;
            if v > 0.0 {
                let v = v * v * v;
                let bound = 0.5 * x * x + d - d * v + d * libm::log(v);
                if libm::log(1.0 - self.uniform()) < bound {
                    return d * v;
                }
            }
        }
    }

    /// Beta(a, b) as the ratio of two gammas.
    pub(crate) fn beta(&mut self, a: f64, b: f64) -> f64 {
        let left = self.gamma(a);
        left / (left + self.gamma(b))
    }

    /// Poisson by products of uniforms (Knuth); means here are small.
    pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
        let floor = libm::exp(-mean);
        let mut product = 1.0 - self.uniform();
        let mut n = 0;
        while product > floor {
            product *= 1.0 - self.uniform();
            n += 1;
        }
        n
    }

    /// Failures before the first success when going on has probability `p_more`, cut at 20.
    pub(crate) fn geometric(&mut self, p_more: f64) -> u32 {
        let mut n = 0;
        while n < 20 && self.chance(p_more) {
            n += 1;
        }
        n
    }

    /// An index with probability proportional to its share; shares need not add up to 1, but one must be above 0.
    pub(crate) fn pick(&mut self, shares: &[f64]) -> usize {
        let mut rest = self.uniform() * shares.iter().sum::<f64>();
        for (index, share) in shares.iter().enumerate() {
            rest -= share;
            if rest < 0.0 {
                return index;
            }
        }
        // Rounding has eaten the rest: it was the last one that has a share.
        shares.iter().rposition(|&share| share > 0.0).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 100_000;

    /// Mean and variance of `N` draws.
    fn moments(mut draw: impl FnMut(&mut Draws) -> f64) -> (f64, f64) {
        let mut draws = Draws::new(Random::new(11));
        let values: Vec<f64> = (0..N).map(|_| draw(&mut draws)).collect();
        let mean = values.iter().sum::<f64>() / N as f64;
        (mean, values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / N as f64)
    }

    /// Means within five standard errors, variances within 5 %.
    fn assert_moments(name: &str, got: (f64, f64), mean: f64, variance: f64) {
        let tolerance = 5.0 * libm::sqrt(variance / N as f64);
        assert!((got.0 - mean).abs() < tolerance, "{name}: mean {} is not {mean}", got.0);
        assert!((got.1 / variance - 1.0).abs() < 0.05, "{name}: variance {} is not {variance}", got.1);
    }

    #[test]
    fn variates_have_their_mean_and_variance() {
        assert_moments("exponential", moments(Draws::exponential), 1.0, 1.0);
        assert_moments("normal", moments(Draws::normal), 0.0, 1.0);
        assert_moments("gamma(0.4)", moments(|d| d.gamma(0.4)), 0.4, 0.4);
        assert_moments("gamma(6)", moments(|d| d.gamma(6.0)), 6.0, 6.0);
        let (a, b) = (1.5, 8.0);
        let variance = a * b / ((a + b) * (a + b) * (a + b + 1.0));
        assert_moments("beta", moments(|d| d.beta(a, b)), a / (a + b), variance);
        assert_moments("poisson", moments(|d| f64::from(d.poisson(2.5))), 2.5, 2.5);
        assert_moments("geometric", moments(|d| f64::from(d.geometric(0.25))), 1.0 / 3.0, 4.0 / 9.0);
    }

    #[test]
    fn picks_follow_the_shares() {
        let (mean, _) = moments(|d| d.pick(&[1.0, 0.0, 3.0]) as f64);
        assert!((mean - 1.5).abs() < 0.02);
    }
}
