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
        KernelLevel::Avx2 => unsafe { avx2::add_gram(c, n, panel) },
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

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::TILE;
    use std::arch::x86_64::{_mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_storeu_ps};

    /// Tiles of 4 x 16 need 6 loads for 8 multiply-adds, tiles of 8 x 8 need 9: the wide ones where they fit.
    ///
    /// # Safety
    /// Needs AVX2 and FMA; `c` holds n x n and `panel` a multiple of n cells, n a multiple of 8.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn add_gram(c: &mut [f32], n: usize, panel: &[f32]) {
        let n_rows = panel.len() / n;
        for i in (0..n).step_by(TILE) {
            let mut j = i;
            while j < n {
                let (at, left, right) = (i * n + j, &panel[i..], &panel[j..]);
                // SAFETY: the tile ends at row i + 7 and column j + 7 or j + 15, which are below n.
                unsafe {
                    let c = c.as_mut_ptr().add(at);
                    if j > i && n - j >= 2 * TILE {
                        tile::<4, 2>(c, n, left.as_ptr(), right.as_ptr(), n_rows);
                        tile::<4, 2>(c.add(4 * n), n, left.as_ptr().add(4), right.as_ptr(), n_rows);
                        j += 2 * TILE;
                    } else {
                        tile::<8, 1>(c, n, left.as_ptr(), right.as_ptr(), n_rows);
                        j += TILE;
                    }
                }
            }
        }
    }

    /// Adds the products of `R` columns from `left` and 8 x `V` from `right` to the tile at `c`.
    ///
    /// # Safety
    /// Needs AVX2 and FMA. With rows n cells apart, `c` has R rows of 8 x V cells; `left` and `right` have n_rows
    /// rows of R and 8 x V cells.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn tile<const R: usize, const V: usize>(
        c: *mut f32,
        n: usize,
        mut left: *const f32,
        mut right: *const f32,
        n_rows: usize,
    ) {
        // SAFETY: see above.
        unsafe {
            let load = |at: *const f32| std::array::from_fn(|v| _mm256_loadu_ps(at.add(v * TILE)));
            let mut acc: [[_; V]; R] = std::array::from_fn(|r| load(c.add(r * n)));
            for _ in 0..n_rows {
                let y: [_; V] = load(right);
                for r in 0..R {
                    let x = _mm256_broadcast_ss(&*left.add(r));
                    for v in 0..V {
                        acc[r][v] = _mm256_fmadd_ps(x, y[v], acc[r][v]);
                    }
                }
                // The last step may point past the end, which wrapping arithmetic allows.
                left = left.wrapping_add(n);
                right = right.wrapping_add(n);
            }
            for r in 0..R {
                for v in 0..V {
                    _mm256_storeu_ps(c.add(r * n + v * TILE), acc[r][v]);
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
            for (n, n_rows) in [(8, 0), (8, 1), (24, 5), (32, 3), (64, 130)] {
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
