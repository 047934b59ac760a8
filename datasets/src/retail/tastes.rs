//! Liking of single items: latent factors of customers and items.

use super::params::Tastes;
use crate::draws::Draws;

/// A direction of `n` factors, uniform on the sphere; nothing when `n` is 0.
pub(super) fn direction(n: usize, draws: &mut Draws) -> Vec<f64> {
    let mut vector: Vec<f64> = (0..n).map(|_| draws.normal()).collect();
    let length = libm::sqrt(vector.iter().map(|x| x * x).sum::<f64>());
    vector.iter_mut().for_each(|x| *x /= length);
    vector
}

/// Cosine of two directions, -1 to 1; 0 without factors.
pub(super) fn affinity(customer: &[f64], item: &[f64]) -> f64 {
    customer.iter().zip(item).map(|(u, v)| u * v).sum()
}

impl Tastes {
    /// Probability that a candidate of this affinity is not passed over: `exp(strength (affinity - 1))`.
    pub(super) fn p_taken(self, affinity: f64) -> f64 {
        if self.n_factors == 0 { 1.0 } else { libm::exp(self.strength * (affinity.min(1.0) - 1.0)) }
    }
}

#[cfg(test)]
mod tests {
    use bespoke::random::Random;

    use super::*;

    #[test]
    fn directions_have_length_one_and_point_everywhere() {
        let n = 20_000;
        let (mut sum, mut square) = (0.0, 0.0);
        for i in 0..n {
            let mut draws = Draws::new(Random::new(1).stream(i));
            let (u, v) = (direction(8, &mut draws), direction(8, &mut draws));
            assert!((affinity(&u, &u) - 1.0).abs() < 1e-12);
            sum += affinity(&u, &v);
            square += affinity(&u, &v) * affinity(&u, &v);
        }
        // The cosine of two directions in F dimensions has mean 0 and variance 1 / F.
        assert!((sum / n as f64).abs() < 0.01 && (square / n as f64 - 0.125).abs() < 0.005);
        assert!(direction(0, &mut Draws::new(Random::new(1))).is_empty());
    }

    #[test]
    fn without_factors_everything_is_taken() {
        assert_eq!(Tastes { n_factors: 0, strength: 3.0 }.p_taken(0.0), 1.0);
        let tastes = Tastes { n_factors: 2, strength: 1.0 };
        assert_eq!((tastes.p_taken(1.0), tastes.p_taken(-1.0)), (1.0, libm::exp(-2.0)));
    }
}
