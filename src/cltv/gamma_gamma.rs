//! The Gamma-Gamma model of spend per order (Fader, Hardie, Lee 2005; Fader, Hardie, note 025).
//!
//! The amounts of one customer are Gamma(p, ν), and ν is Gamma(q, gamma) over customers, independent of how often
//! he buys. It says how much of a customer's own mean to believe.

use serde::{Deserialize, Serialize};

/// What the model needs of one customer: the mean of `n` positive amounts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spend {
    /// How many amounts.
    pub n: u32,
    /// Their mean in the unit of money of the parameters; of no meaning when there is none.
    pub mean: f64,
}

/// Parameters of the Gamma-Gamma model; all positive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GammaGamma {
    /// Shape of one customer's amounts.
    pub p: f64,
    /// Shape of the rate over customers.
    pub q: f64,
    /// Rate of the rate over customers, in the unit of money.
    pub gamma: f64,
}

impl GammaGamma {
    /// Logarithm of the likelihood of one customer's mean; needs n > 0 and a positive mean.
    #[must_use]
    pub fn ln_likelihood(&self, spend: &Spend) -> f64 {
        let n = f64::from(spend.n);
        let shape = self.p * n;
        libm::lgamma(shape + self.q) - libm::lgamma(shape) - libm::lgamma(self.q)
            + self.q * libm::log(self.gamma)
            + (shape - 1.0) * libm::log(spend.mean)
            + shape * libm::log(n)
            - (shape + self.q) * libm::log(self.gamma + spend.mean * n)
    }

    /// Shape and rate of the customer's own rate given his amounts; those of the population without any.
    #[must_use]
    pub fn posterior(&self, spend: &Spend) -> (f64, f64) {
        if spend.n == 0 {
            return (self.q, self.gamma);
        }
        let n = f64::from(spend.n);
        (self.q + self.p * n, self.gamma + spend.mean * n)
    }

    /// Expected spend of the next order; `None` when the mean does not exist (shape of the rate at most 1).
    #[must_use]
    pub fn expected_spend(&self, spend: &Spend) -> Option<f64> {
        let (shape, rate) = self.posterior(spend);
        (shape > 1.0).then(|| rate * self.p / (shape - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectation_by_hand() {
        let model = GammaGamma { p: 6.25, q: 3.74, gamma: 15.44 };
        let none = model.expected_spend(&Spend { n: 0, mean: f64::NAN }).unwrap();
        assert!((none - 35.21897810).abs() < 1e-8, "{none}");
        let two = model.expected_spend(&Spend { n: 2, mean: 22.35 }).unwrap();
        assert!((two - 24.66371391).abs() < 1e-8, "{two}");
        // The same as a mean of both with shares q - 1 and p n.
        let mix = (2.74 * none + 12.5 * 22.35) / (2.74 + 12.5);
        assert!((two - mix).abs() < 1e-12);
    }

    #[test]
    fn no_mean_is_said_not_negative() {
        let heavy = GammaGamma { p: 0.2, q: 0.7, gamma: 1.0 };
        assert_eq!(heavy.expected_spend(&Spend { n: 0, mean: 0.0 }), None);
        assert_eq!(heavy.expected_spend(&Spend { n: 1, mean: 5.0 }), None);
        assert!(heavy.expected_spend(&Spend { n: 2, mean: 5.0 }).unwrap() > 0.0);
    }

    #[test]
    fn density_of_one_amount_integrates_to_one() {
        let model = GammaGamma { p: 2.0, q: 4.0, gamma: 10.0 };
        let step = 0.01;
        let total: f64 = (1..200_000)
            .map(|i| step * libm::exp(model.ln_likelihood(&Spend { n: 1, mean: f64::from(i) * step })))
            .sum();
        assert!((total - 1.0).abs() < 1e-4, "{total}");
    }
}
