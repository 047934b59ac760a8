//! Weighted sums of chosen rows of a matrix.
#![allow(unsafe_code)]

use super::KernelLevel;

/// Columns of a panel, whose sums stay in registers.
pub const PANEL: usize = 32;

/// The sum of the rows `ids` of a panel, each times its weight (1 where there are none), in the order of `ids`.
///
/// `panel` is n x [`PANEL`] row-major. Products and sums are rounded one by one, so the parts of a sum can be told
/// exactly, and the bits are the same at every level and those of [`add_row`].
///
/// # Panics
/// When an id is not a row, weights are fewer than ids, or the processor lacks the level: programmer errors.
#[must_use]
pub fn sum_of_rows(level: KernelLevel, panel: &[f32], ids: &[u32], weights: Option<&[f32]>) -> [f32; PANEL] {
    assert!(level.available(), "kernel level {level:?} needs another processor");
    match level {
        KernelLevel::Portable => sum_portable(panel, ids, weights),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level was checked above; the function is safe Rust apart from that.
        KernelLevel::Avx2 => unsafe { sum_avx2(panel, ids, weights) },
        #[cfg(not(target_arch = "x86_64"))]
        KernelLevel::Avx2 => unreachable!("checked above"),
    }
}

/// The portable form compiled for wider registers; without fused multiplication, which would round differently.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sum_avx2(panel: &[f32], ids: &[u32], weights: Option<&[f32]>) -> [f32; PANEL] {
    sum_portable(panel, ids, weights)
}

#[inline(always)]
fn sum_portable(panel: &[f32], ids: &[u32], weights: Option<&[f32]>) -> [f32; PANEL] {
    let (rows, _) = panel.as_chunks::<PANEL>();
    let mut sum = [0.0; PANEL];
    match weights {
        None => {
            for &id in ids {
                let row = &rows[id as usize];
                for c in 0..PANEL {
                    sum[c] += row[c];
                }
            }
        }
        Some(weights) => {
            for (&id, &weight) in ids.iter().zip(&weights[..ids.len()]) {
                let row = &rows[id as usize];
                for c in 0..PANEL {
                    sum[c] += weight * row[c];
                }
            }
        }
    }
    sum
}

/// Adds a row times its weight to `sum`, rounding product and sum.
///
/// # Panics
/// When lengths differ: a programmer error.
pub fn add_row(sum: &mut [f32], row: &[f32], weight: f32) {
    assert_eq!(sum.len(), row.len(), "one width");
    for (sum, &cell) in sum.iter_mut().zip(row) {
        *sum += weight * cell;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn sums_by_hand() {
        let panel: Vec<f32> = (0..3 * PANEL).map(|i| i as f32).collect();
        let sum = sum_of_rows(KernelLevel::Portable, &panel, &[0, 2], None);
        assert_eq!((sum[0], sum[31]), (64.0, 126.0));
        let sum = sum_of_rows(KernelLevel::Portable, &panel, &[0, 2], Some(&[5.0, 0.5]));
        assert_eq!((sum[0], sum[1], sum[31]), (32.0, 37.5, 202.5));
        assert_eq!(sum_of_rows(KernelLevel::Portable, &panel, &[], None), [0.0; PANEL]);
    }

    #[test]
    fn every_level_gives_the_bits_of_row_after_row() {
        let random = Random::new(3);
        let panel: Vec<f32> = (0..50 * PANEL).map(|i| random.normal(i as u64) as f32).collect();
        let ids: Vec<u32> = (0..40).map(|k| (k * 7 % 50) as u32).collect();
        let weights: Vec<f32> = (0..40).map(|k| random.stream(1).uniform(k) as f32).collect();
        for weights in [None, Some(&weights[..])] {
            let mut expected = [0.0; PANEL];
            for (k, &id) in ids.iter().enumerate() {
                let weight = weights.map_or(1.0, |weights| weights[k]);
                add_row(&mut expected, &panel[id as usize * PANEL..][..PANEL], weight);
            }
            for level in [KernelLevel::Portable, KernelLevel::detect()] {
                let sum = sum_of_rows(level, &panel, &ids, weights);
                assert_eq!(sum.map(f32::to_bits), expected.map(f32::to_bits), "{level:?}");
            }
        }
    }
}
