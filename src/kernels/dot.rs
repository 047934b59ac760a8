//! The one dot kernel behind every score.
//!
//! Items lie in panels of [`LANES`], `panel[j][0..16]`, so that a score is one chain of d fused multiply-adds over
//! j = 0..d in a lane of its own. The bits of a score therefore do not depend on the tile, the batch or the width
//! of the vector: batch equals single, and every kernel level equals every other.
#![allow(unsafe_code)]

use super::KernelLevel;

/// Items in a panel.
pub const LANES: usize = 16;
/// Panels in a block; a block has as many items as a word of a bit set has bits.
pub const PANELS: usize = 4;
/// Items in a block.
pub const BLOCK: usize = LANES * PANELS;

/// Scores of some rows against one block of items: `out[r][i]` = sum over j of `rows[r][j] * panel_i[j]`.
///
/// `block` is [`PANELS`] panels of d x [`LANES`]; `rows` is n_rows x d and `out` n_rows x [`BLOCK`], row-major.
///
/// # Panics
/// When shapes do not fit or the processor lacks the level: programmer errors.
pub fn scores_of_block(level: KernelLevel, block: &[f32], d: usize, rows: &[f32], out: &mut [f32]) {
    assert!(d > 0 && block.len() == d * BLOCK && rows.len().is_multiple_of(d), "shapes of block and rows");
    assert!(out.len() == rows.len() / d * BLOCK, "a score per row and item");
    assert!(level.available(), "kernel level {level:?} needs another processor");
    match level {
        KernelLevel::Portable => scores_portable(block, d, rows, out),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level was checked above; shapes were checked above.
        KernelLevel::Avx2 => unsafe { avx2::scores(block, d, rows, out) },
        #[cfg(not(target_arch = "x86_64"))]
        KernelLevel::Avx2 => unreachable!("checked above"),
    }
}

/// Which scores of a block are not below `threshold`, as bits; what cannot be compared is not below.
///
/// # Panics
/// When the processor lacks the level: a programmer error.
#[must_use]
pub fn not_below(level: KernelLevel, scores: &[f32; BLOCK], threshold: f32) -> u64 {
    assert!(level.available(), "kernel level {level:?} needs another processor");
    match level {
        KernelLevel::Portable => {
            let below = |score: f32| score.partial_cmp(&threshold) == Some(std::cmp::Ordering::Less);
            scores.iter().enumerate().map(|(i, &score)| u64::from(!below(score)) << i).sum()
        }
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level was checked above.
        KernelLevel::Avx2 => unsafe { avx2::not_below(scores, threshold) },
        #[cfg(not(target_arch = "x86_64"))]
        KernelLevel::Avx2 => unreachable!("checked above"),
    }
}

fn scores_portable(block: &[f32], d: usize, rows: &[f32], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(d).zip(out.chunks_exact_mut(BLOCK)) {
        for (panel, out) in block.chunks_exact(d * LANES).zip(out.chunks_exact_mut(LANES)) {
            let mut acc = [0.0f32; LANES];
            for (&x, lane) in row.iter().zip(panel.chunks_exact(LANES)) {
                for l in 0..LANES {
                    // Fused, because the other levels are: the same bits everywhere.
                    acc[l] = x.mul_add(lane[l], acc[l]);
                }
            }
            out.copy_from_slice(&acc);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCK, LANES, PANELS};
    use std::arch::x86_64::*;

    /// Rows that share one pass over a panel: 12 accumulators, 2 loads and a broadcast fill the 16 registers.
    const ROWS: usize = 6;

    /// # Safety
    /// Needs AVX2 and FMA; shapes as in [`super::scores_of_block`].
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn scores(block: &[f32], d: usize, rows: &[f32], out: &mut [f32]) {
        let n_rows = rows.len() / d;
        let grouped = n_rows / ROWS * ROWS;
        for first in (0..grouped).step_by(ROWS) {
            for p in 0..PANELS {
                // SAFETY: rows first..first + 6 exist, and panel p is inside the block.
                unsafe {
                    let out = out.as_mut_ptr().add(first * BLOCK + p * LANES);
                    tile::<ROWS, 1>(block.as_ptr().add(p * d * LANES), d, rows.as_ptr().add(first * d), out);
                }
            }
        }
        for row in grouped..n_rows {
            // SAFETY: the row exists, and a block has 4 panels.
            unsafe {
                let out = out.as_mut_ptr().add(row * BLOCK);
                tile::<1, PANELS>(block.as_ptr(), d, rows.as_ptr().add(row * d), out);
            }
        }
    }

    /// See [`super::not_below`].
    #[target_feature(enable = "avx2,fma")]
    pub fn not_below(scores: &[f32; BLOCK], threshold: f32) -> u64 {
        let threshold = _mm256_set1_ps(threshold);
        let mut word = 0;
        for (at, lanes) in scores.chunks_exact(8).enumerate() {
            // SAFETY: a chunk has 8 cells.
            let lanes = unsafe { _mm256_loadu_ps(lanes.as_ptr()) };
            let passed = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NLT_UQ>(lanes, threshold));
            word |= (passed as u64) << (at * 8);
        }
        word
    }

    /// `R` rows against `P` panels side by side.
    ///
    /// # Safety
    /// `panels` holds P x d x 16 cells, `rows` R x d, `out` R rows of 64 with P x 16 writable from its address.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn tile<const R: usize, const P: usize>(
        panels: *const f32,
        d: usize,
        rows: *const f32,
        out: *mut f32,
    ) {
        let mut acc = [[[_mm256_setzero_ps(); 2]; P]; R];
        // SAFETY: j is below d, p below P, r below R.
        unsafe {
            for j in 0..d {
                for p in 0..P {
                    let at = panels.add((p * d + j) * LANES);
                    let (low, high) = (_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8)));
                    for r in 0..R {
                        let x = _mm256_broadcast_ss(&*rows.add(r * d + j));
                        acc[r][p][0] = _mm256_fmadd_ps(x, low, acc[r][p][0]);
                        acc[r][p][1] = _mm256_fmadd_ps(x, high, acc[r][p][1]);
                    }
                }
            }
            for r in 0..R {
                for p in 0..P {
                    _mm256_storeu_ps(out.add(r * BLOCK + p * LANES), acc[r][p][0]);
                    _mm256_storeu_ps(out.add(r * BLOCK + p * LANES + 8), acc[r][p][1]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn every_level_and_every_number_of_rows_gives_the_same_bits() {
        for d in [1, 8, 24, 64] {
            let random = Random::new(d as u64);
            let block: Vec<f32> = (0..d * BLOCK).map(|i| random.normal(i as u64) as f32).collect();
            let rows: Vec<f32> = (0..d * 14).map(|i| random.normal(1 << 40 | i as u64) as f32).collect();
            let scores = |level, rows: &[f32]| {
                let mut out = vec![0.0; rows.len() / d * BLOCK];
                scores_of_block(level, &block, d, rows, &mut out);
                out.iter().map(|s| s.to_bits()).collect::<Vec<_>>()
            };
            let together = scores(KernelLevel::detect(), &rows);
            assert_eq!(together, scores(KernelLevel::Portable, &rows));
            let one_by_one: Vec<u32> =
                rows.chunks(d).flat_map(|row| scores(KernelLevel::detect(), row)).collect();
            assert_eq!(together, one_by_one);
        }
    }

    #[test]
    fn every_level_finds_the_same_scores_not_below() {
        let mut scores: [f32; BLOCK] = std::array::from_fn(|i| (i * 37 % 64) as f32);
        scores[9] = f32::NAN;
        for level in [KernelLevel::Portable, KernelLevel::detect()] {
            for threshold in [-1.0, 0.0, 31.0, 63.0, 99.0] {
                let word = not_below(level, &scores, threshold);
                for (i, &score) in scores.iter().enumerate() {
                    assert_eq!(word >> i & 1 == 1, score >= threshold || score.is_nan(), "{level:?} {i}");
                }
            }
        }
    }

    #[test]
    fn a_score_is_the_product_of_row_and_lane() {
        let mut block = vec![0.0; 2 * BLOCK];
        // Item 17 is lane 1 of panel 1, with factors 3 and 5.
        (block[2 * LANES + 1], block[3 * LANES + 1]) = (3.0, 5.0);
        let mut out = vec![9.0; BLOCK];
        scores_of_block(KernelLevel::Portable, &block, 2, &[2.0, -1.0], &mut out);
        assert_eq!(out[17], 1.0);
        assert_eq!(out.iter().filter(|&&s| s != 0.0).count(), 1);
    }
}
