//! Counter-based random numbers: a draw is a pure function of (seed, stream, counter).
//!
//! No generator is carried from place to place, so the order in which threads ask cannot matter.

/// A keyed family of draws.
#[derive(Clone, Copy, Debug)]
pub struct Random {
    key: u64,
}

impl Random {
    /// The family of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { key: mix(seed ^ 0x9E37_79B9_7F4A_7C15) }
    }

    /// A sub-family, for example one per run or per customer; different streams are independent.
    #[must_use]
    pub fn stream(self, stream: u64) -> Self {
        Self { key: mix(self.key ^ mix(stream.wrapping_add(0xD1B5_4A32_D192_ED03))) }
    }

    /// 64 random bits for `counter`.
    #[must_use]
    pub fn bits(self, counter: u64) -> u64 {
        mix(self.key.wrapping_add(mix(counter.wrapping_add(0x8CB9_2BA7_2F3D_8DD7))))
    }

    /// Uniform in `[0, 1)` with 53 bits.
    #[must_use]
    pub fn uniform(self, counter: u64) -> f64 {
        (self.bits(counter) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Standard normal (Box-Muller on two draws of `counter`).
    #[must_use]
    pub fn normal(self, counter: u64) -> f64 {
        // 1 - u is in (0, 1], so the logarithm is finite.
        let u = 1.0 - self.uniform(counter.wrapping_mul(2));
        let v = self.uniform(counter.wrapping_mul(2).wrapping_add(1));
        libm::sqrt(-2.0 * libm::log(u)) * libm::cos(std::f64::consts::TAU * v)
    }

    /// Uniform in `0..n` (multiply-shift; the bias is below 2^-32 for n below 2^32).
    ///
    /// # Panics
    /// When `n` is 0: a programmer error.
    #[must_use]
    pub fn below(self, counter: u64, n: usize) -> usize {
        assert!(n > 0, "below(0)");
        ((u128::from(self.bits(counter)) * n as u128) >> 64) as usize
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection with full avalanche.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_right_and_draws_repeat() {
        let random = Random::new(7).stream(3);
        let n = 200_000;
        let mean = (0..n).map(|i| random.normal(i)).sum::<f64>() / n as f64;
        let square = (0..n).map(|i| random.normal(i).powi(2)).sum::<f64>() / n as f64;
        let uniform = (0..n).map(|i| random.uniform(i)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.01 && (square - 1.0).abs() < 0.02 && (uniform - 0.5).abs() < 0.005);
        assert_eq!(random.bits(5), Random::new(7).stream(3).bits(5));
        assert_ne!(random.bits(5), Random::new(7).stream(4).bits(5));
    }
}
