//! Bounds of distances in 16-bit quanta: which rows they leave undecided, and those that follow from scores.
#![allow(unsafe_code)]

use super::KernelLevel;

/// What distances are counted in, and how far bounds keep from each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quanta {
    /// Quanta per unit of distance.
    pub per_unit: f32,
    /// Largest error of a squared distance.
    pub error: f32,
    /// An upper bound must be this much below a lower one to decide.
    pub margin: u16,
    /// Lower bounds up to this decide nothing.
    pub floor: u16,
}

/// The largest upper bound that a lower one can exceed.
pub(super) const MOST: f32 = 65_533.0;

impl Quanta {
    /// Whether a row with these bounds keeps its centroid.
    #[must_use]
    pub fn decides(self, upper: u16, lower: u16) -> bool {
        upper.saturating_add(self.margin).max(self.floor) < lower
    }

    /// An upper bound of the distance that belongs to a square.
    #[must_use]
    pub fn at_most(self, square: f32) -> u16 {
        // Conversion rounds down; two more also cover the roundings before it.
        (((square + self.error).max(0.0).sqrt() * self.per_unit).min(MOST)) as u16 + 2
    }

    /// A lower bound of the distance that belongs to a square.
    #[must_use]
    pub fn at_least(self, square: f32) -> u16 {
        ((((square - self.error).max(0.0).sqrt() * self.per_unit).min(MOST)) as u16).saturating_sub(1)
    }

    /// Appends the positions of the rows that their bounds leave undecided, in ascending order.
    ///
    /// # Panics
    /// When lengths differ, are beyond 2^16, or this processor cannot run `level`: programmer errors.
    pub fn undecided(self, level: KernelLevel, upper: &[u16], lower: &[u16], out: &mut Vec<u16>) {
        assert!(upper.len() == lower.len() && upper.len() <= 1 << 16, "bounds of the same rows");
        assert!(level.available(), "{level:?} is not available on this processor");
        let mut done = 0;
        #[cfg(target_arch = "x86_64")]
        if level == KernelLevel::Avx2 {
            done = upper.len() / avx2::WIDTH * avx2::WIDTH;
            // SAFETY: the level and the lengths were checked above.
            unsafe { avx2::undecided(self, &upper[..done], &lower[..done], out) };
        }
        for i in done..upper.len() {
            if !self.decides(upper[i], lower[i]) {
                out.push(i as u16);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        _mm256_adds_epu16, _mm256_cmpeq_epi16, _mm256_loadu_si256, _mm256_max_epu16, _mm256_movemask_epi8,
        _mm256_set1_epi16,
    };

    use super::Quanta;

    /// Rows at once.
    pub(super) const WIDTH: usize = 16;

    /// # Safety
    /// Needs AVX2; both slices have the same length, a multiple of [`WIDTH`].
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn undecided(quanta: Quanta, upper: &[u16], lower: &[u16], out: &mut Vec<u16>) {
        let margin = _mm256_set1_epi16(quanta.margin.cast_signed());
        let floor = _mm256_set1_epi16(quanta.floor.cast_signed());
        for at in (0..upper.len()).step_by(WIDTH) {
            // SAFETY: sixteen cells from `at` on lie in both.
            let (u, l) = unsafe {
                (
                    _mm256_loadu_si256(upper.as_ptr().add(at).cast()),
                    _mm256_loadu_si256(lower.as_ptr().add(at).cast()),
                )
            };
            let reach = _mm256_max_epu16(_mm256_adds_epu16(u, margin), floor);
            // Undecided where reach >= lower; two bits for each row, of which the lower one is kept.
            let open = _mm256_cmpeq_epi16(_mm256_max_epu16(reach, l), reach);
            let mut mask = _mm256_movemask_epi8(open).cast_unsigned() & 0x5555_5555;
            out.reserve(WIDTH);
            while mask != 0 {
                out.push((at + mask.trailing_zeros() as usize / 2) as u16);
                mask &= mask - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn levels_agree_on_what_is_undecided() {
        let random = Random::new(5);
        let quanta = Quanta { per_unit: 1000.0, error: 1e-5, margin: 3, floor: 40 };
        for n in [0, 1, 15, 16, 77, 1000] {
            let draw = |stream: u64| -> Vec<u16> {
                let cell = |i: usize| match random.stream(stream).below(i as u64, 8) {
                    0 => 0,
                    1 => u16::MAX,
                    2 => u16::MAX - 2,
                    _ => random.stream(stream + 9).below(i as u64, 60) as u16,
                };
                (0..n).map(cell).collect()
            };
            let (upper, lower) = (draw(1), draw(2));
            let plain: Vec<u16> =
                (0..n).filter(|&i| !quanta.decides(upper[i], lower[i])).map(|i| i as u16).collect();
            for level in [KernelLevel::Portable, KernelLevel::detect()] {
                let mut out = Vec::new();
                quanta.undecided(level, &upper, &lower, &mut out);
                assert_eq!(out, plain, "{level:?} {n}");
            }
        }
    }

    #[test]
    fn bounds_err_outwards_and_end_at_the_largest() {
        let quanta = Quanta { per_unit: 1000.0, error: 1e-3, margin: 0, floor: 0 };
        for distance in [0.0f32, 0.01, 0.5, 3.0, 60.0] {
            let true_quanta = f64::from(distance) * 1000.0;
            let (low, high) = (quanta.at_least(distance * distance), quanta.at_most(distance * distance));
            assert!(f64::from(low) <= true_quanta && true_quanta < f64::from(high), "{distance}");
        }
        assert_eq!((quanta.at_most(f32::INFINITY), quanta.at_least(f32::INFINITY)), (u16::MAX, 65_532));
        // What lies beyond the largest is never decided.
        assert!(!quanta.decides(quanta.at_most(1e9), u16::MAX));
    }
}
