//! Eight vectors of eight as columns.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256, _mm256_permute2f128_ps, _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_unpackhi_ps,
    _mm256_unpacklo_ps,
};

/// Cell `i` of vector `j` of the result is cell `j` of `r[i]`.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn transposed(r: &[__m256; 8]) -> [__m256; 8] {
    let pair = |a: __m256, b: __m256| (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    let ((a, b), (c, d)) = (pair(r[0], r[1]), pair(r[2], r[3]));
    let ((e, f), (g, h)) = (pair(r[4], r[5]), pair(r[6], r[7]));
    let quads = [
        (_mm256_shuffle_ps::<0x44>(a, c), _mm256_shuffle_ps::<0x44>(e, g)),
        (_mm256_shuffle_ps::<0xEE>(a, c), _mm256_shuffle_ps::<0xEE>(e, g)),
        (_mm256_shuffle_ps::<0x44>(b, d), _mm256_shuffle_ps::<0x44>(f, h)),
        (_mm256_shuffle_ps::<0xEE>(b, d), _mm256_shuffle_ps::<0xEE>(f, h)),
    ];
    let mut columns = [_mm256_setzero_ps(); 8];
    for (q, (top, bottom)) in quads.into_iter().enumerate() {
        columns[q] = _mm256_permute2f128_ps::<0x20>(top, bottom);
        columns[q + 4] = _mm256_permute2f128_ps::<0x31>(top, bottom);
    }
    columns
}
