//! Symmetric rank-k update: C += P'P.
#![allow(unsafe_code)]

use super::KernelLevel;

/// Rows and columns of a register tile; sizes of matrices here are multiples of it.
pub const TILE: usize = 8;

/// Adds P'P to the upper half of `c`.
///
/// `c` is n x n, `panel` is n_rows x n, both row-major; `n` is a multiple of [`TILE`]. Each cell is one chain over
/// the panel's rows in order, so the bytes depend on the kernel level alone. Cells below the diagonal hold no
/// meaning afterwards.
///
/// # Panics
/// When shapes do not fit or the processor lacks the level: programmer errors.
pub fn add_gram(level: KernelLevel, c: &mut [f32], n: usize, panel: &[f32]) {
    assert!(n.is_multiple_of(TILE) && c.len() == n * n, "c is n x n in tiles of {TILE}");
    assert!(n > 0 && panel.len().is_multiple_of(n), "panel is n_rows x n");
    assert!(level.available(), "kernel level {level:?} needs another processor");
    match level {
        KernelLevel::Portable => add_gram_portable(c, n, panel),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level was checked above; shapes were checked above.
        KernelLevel::Avx2 => unsafe { add_gram_avx2(c, n, panel) },
        #[cfg(not(target_arch = "x86_64"))]
        KernelLevel::Avx2 => unreachable!("checked above"),
    }
}

fn add_gram_portable(c: &mut [f32], n: usize, panel: &[f32]) {
    for row in panel.chunks_exact(n) {
        for (i, &x) in row.iter().enumerate() {
            for (cell, &y) in c[i * n + i..(i + 1) * n].iter_mut().zip(&row[i..]) {
                *cell += x * y;
            }
        }
    }
}

/// # Safety
/// Needs AVX2 and FMA; `c` holds n x n and `panel` a multiple of n cells, n a multiple of 8.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn add_gram_avx2(c: &mut [f32], n: usize, panel: &[f32]) {
    use std::arch::x86_64::{_mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_storeu_ps};
    let n_rows = panel.len() / n;
    for i in (0..n).step_by(TILE) {
        for j in (i..n).step_by(TILE) {
            // SAFETY: i + 7 and j + 7 are below n, so every address is inside `c` or `panel`.
            unsafe {
                let at = c.as_mut_ptr().add(i * n + j);
                let mut acc = [_mm256_loadu_ps(at); TILE];
                for r in 1..TILE {
                    acc[r] = _mm256_loadu_ps(at.add(r * n));
                }
                let mut left = panel.as_ptr().add(i);
                let mut right = panel.as_ptr().add(j);
                for _ in 0..n_rows {
                    let y = _mm256_loadu_ps(right);
                    for r in 0..TILE {
                        acc[r] = _mm256_fmadd_ps(_mm256_broadcast_ss(&*left.add(r)), y, acc[r]);
                    }
                    // The last step may point past the end, which wrapping arithmetic allows.
                    left = left.wrapping_add(n);
                    right = right.wrapping_add(n);
                }
                for r in 0..TILE {
                    _mm256_storeu_ps(at.add(r * n), acc[r]);
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
    fn the_smallest_case_by_hand() {
        let mut c = vec![0.0; 64];
        let mut panel = vec![0.0; 16];
        panel[0] = 2.0;
        panel[1] = 3.0;
        panel[8] = 5.0;
        add_gram(KernelLevel::Portable, &mut c, 8, &panel);
        assert_eq!((c[0], c[1], c[9]), (29.0, 6.0, 9.0));
    }

    #[test]
    fn every_level_equals_f64() {
        for level in [KernelLevel::Portable, KernelLevel::detect()] {
            for (n, n_rows) in [(8, 0), (8, 1), (24, 5), (64, 130)] {
                let random = Random::new(n as u64);
                let panel: Vec<f32> = (0..n * n_rows).map(|i| random.normal(i as u64) as f32).collect();
                let mut c = vec![1.0; n * n];
                add_gram(level, &mut c, n, &panel);
                for i in 0..n {
                    for j in i..n {
                        let exact: f64 = 1.0
                            + (0..n_rows)
                                .map(|r| f64::from(panel[r * n + i]) * f64::from(panel[r * n + j]))
                                .sum::<f64>();
                        assert!((f64::from(c[i * n + j]) - exact).abs() < 1e-4, "{level:?} {n} {i} {j}");
                    }
                }
            }
        }
    }
}
