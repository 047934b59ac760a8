//! Sums over the lanes of vectors.
#![allow(unsafe_code)]

use super::syrk::TILE;

/// The dot product in eight chains, which the compiler keeps in vector lanes; for sums whose last bits do not matter.
/// Inlined, so that a caller of a higher kernel level gets its own.
#[inline(always)]
pub fn dot_in_lanes(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; TILE];
    let (whole_a, whole_b) = (a.chunks_exact(TILE), b.chunks_exact(TILE));
    let rest: f32 = whole_a.remainder().iter().zip(whole_b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in whole_a.zip(whole_b) {
        for lane in 0..TILE {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2 {
    use super::TILE;
    use std::arch::x86_64::*;

    /// The sum of the lanes of each vector.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub fn sums(v: &[__m256; TILE]) -> [f32; TILE] {
        let low = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
        let high = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
        let crossed = _mm256_permute2f128_ps::<0x21>(low, high);
        let straight = _mm256_blend_ps::<0xF0>(low, high);
        let mut sums = [0.0; TILE];
        // SAFETY: `sums` holds 8 cells.
        unsafe { _mm256_storeu_ps(sums.as_mut_ptr(), _mm256_add_ps(straight, crossed)) };
        sums
    }
}
