//! Solving small symmetric positive definite systems in place.
#![allow(unsafe_code)]

use super::KernelLevel;
use super::lanes::dot_in_lanes;
use super::syrk::TILE;

/// Solves A x = b in place: `b` becomes x, `a` becomes the factor U of A = U'U.
///
/// `a` is n x n row-major and read in its upper half; `n` is a multiple of [`TILE`]. `floor` is a number known to
/// be below every pivot, such as lambda for lambda * Id plus a positive semidefinite matrix: a pivot that comes
/// out lower is rounding and is raised to it, so the solve cannot fail on finite input. `inverse_diagonal` is
/// scratch of length n. The bytes depend on the kernel level alone.
///
/// # Panics
/// When shapes do not fit or the processor lacks the level: programmer errors.
pub fn solve(
    level: KernelLevel,
    a: &mut [f32],
    n: usize,
    floor: f32,
    b: &mut [f32],
    inverse_diagonal: &mut [f32],
) {
    assert!(n.is_multiple_of(TILE) && a.len() == n * n, "a is n x n in tiles of {TILE}");
    assert!(b.len() == n && inverse_diagonal.len() == n, "vectors have n cells");
    assert!(level.available(), "kernel level {level:?} needs another processor");
    match level {
        KernelLevel::Portable => solve_portable(a, n, floor, b, inverse_diagonal),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level was checked above; shapes were checked above.
        KernelLevel::Avx2 => unsafe {
            avx2::factor(a, n, floor, b, inverse_diagonal);
            avx2::solve_back(a, n, b, inverse_diagonal);
        },
        #[cfg(not(target_arch = "x86_64"))]
        KernelLevel::Avx2 => unreachable!("checked above"),
    }
}

/// Solves A x = b in place for a further b, given what [`solve`] has left in `u` and `inverse_diagonal`.
///
/// # Panics
/// When shapes do not fit: a programmer error.
pub fn solve_again(u: &[f32], n: usize, b: &mut [f32], inverse_diagonal: &[f32]) {
    assert!(
        u.len() == n * n && b.len() == n && inverse_diagonal.len() == n,
        "u is n x n, vectors have n cells"
    );
    for r in 0..n {
        b[r] *= inverse_diagonal[r];
        let known = b[r];
        for (cell, &factor) in b[r + 1..].iter_mut().zip(&u[r * n + r + 1..(r + 1) * n]) {
            *cell -= factor * known;
        }
    }
    back_portable(u, n, b, inverse_diagonal);
}

fn back_portable(u: &[f32], n: usize, b: &mut [f32], inverse_diagonal: &[f32]) {
    for r in (0..n).rev() {
        let known = dot_in_lanes(&u[r * n + r + 1..(r + 1) * n], &b[r + 1..]);
        b[r] = (b[r] - known) * inverse_diagonal[r];
    }
}

fn solve_portable(a: &mut [f32], n: usize, floor: f32, b: &mut [f32], inverse_diagonal: &mut [f32]) {
    for r in 0..n {
        let (above, below) = a.split_at_mut((r + 1) * n);
        let row = &mut above[r * n..];
        let inverse = 1.0 / row[r].max(floor).sqrt();
        inverse_diagonal[r] = inverse;
        for cell in &mut row[r..] {
            *cell *= inverse;
        }
        b[r] *= inverse;
        for s in r + 1..n {
            let factor = row[s];
            b[s] -= factor * b[r];
            let target = &mut below[(s - r - 1) * n..(s - r) * n];
            for (cell, &x) in target[s..].iter_mut().zip(&row[s..]) {
                *cell -= factor * x;
            }
        }
    }
    back_portable(a, n, b, inverse_diagonal);
}

/// Left-looking by rows of 8 x 8 tiles: a tile meets all earlier rows in registers and is stored once.
#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::TILE;
    use crate::kernels::lanes::avx2::sums;
    use std::arch::x86_64::*;

    /// The factor and the forward substitution U'y = b.
    ///
    /// # Safety
    /// Needs AVX2 and FMA; `a` holds n x n, the vectors n cells, n a multiple of 8.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn factor(a: &mut [f32], n: usize, floor: f32, b: &mut [f32], inverse_diagonal: &mut [f32]) {
        let a = a.as_mut_ptr();
        for i in (0..n).step_by(TILE) {
            // SAFETY: i + 7 and j + 7 are below n, so every address is inside `a` or a vector of n cells.
            unsafe {
                let diagonal = updated(a, n, i, i);
                let (rows, inverse) = factor_tile(diagonal, floor);
                store(a, n, i, i, &rows);
                _mm256_storeu_ps(inverse_diagonal.as_mut_ptr().add(i), inverse);
                for r in 0..TILE {
                    let mut y = b[i + r];
                    for q in 0..r {
                        y = (-*a.add((i + q) * n + i + r)).mul_add(b[i + q], y);
                    }
                    b[i + r] = y * inverse_diagonal[i + r];
                }
                for j in (i + TILE..n).step_by(TILE) {
                    let mut x = updated(a, n, i, j);
                    let mut rest = _mm256_loadu_ps(b.as_ptr().add(j));
                    for r in 0..TILE {
                        x[r] = _mm256_mul_ps(x[r], _mm256_set1_ps(inverse_diagonal[i + r]));
                        for s in r + 1..TILE {
                            let u = _mm256_broadcast_ss(&*a.add((i + r) * n + i + s));
                            x[s] = _mm256_fnmadd_ps(u, x[r], x[s]);
                        }
                        rest = _mm256_fnmadd_ps(x[r], _mm256_set1_ps(b[i + r]), rest);
                    }
                    store(a, n, i, j, &x);
                    _mm256_storeu_ps(b.as_mut_ptr().add(j), rest);
                }
            }
        }
    }

    /// Tile (i, j) less the products of all rows above it.
    ///
    /// # Safety
    /// As [`factor`], with i + 7 and j + 7 below n.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn updated(a: *const f32, n: usize, i: usize, j: usize) -> [__m256; TILE] {
        // SAFETY: row k is above i, so its cells i..i + 8 and j..j + 8 are inside the matrix.
        unsafe {
            let mut acc = [_mm256_setzero_ps(); TILE];
            for r in 0..TILE {
                acc[r] = _mm256_loadu_ps(a.add((i + r) * n + j));
            }
            for k in 0..i {
                let row = a.add(k * n);
                let y = _mm256_loadu_ps(row.add(j));
                for r in 0..TILE {
                    acc[r] = _mm256_fnmadd_ps(_mm256_broadcast_ss(&*row.add(i + r)), y, acc[r]);
                }
            }
            acc
        }
    }

    /// Factor of a diagonal tile and the inverses of its diagonal.
    ///
    /// Eliminates without square roots and scales at the end: the chain from pivot to pivot is the cost of a small
    /// factorisation, and a square root in it makes it a third longer.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn factor_tile(mut rows: [__m256; TILE], floor: f32) -> ([__m256; TILE], __m256) {
        let floor = _mm256_set1_ps(floor);
        let one = _mm256_set1_ps(1.0);
        let mut pivots = one;
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        for r in 0..TILE {
            let lane = _mm256_set1_epi32(r as i32);
            let pivot = _mm256_max_ps(_mm256_permutevar8x32_ps(rows[r], lane), floor);
            let here = _mm256_castsi256_ps(_mm256_cmpeq_epi32(lanes, lane));
            pivots = _mm256_blendv_ps(pivots, pivot, here);
            let scaled = _mm256_mul_ps(rows[r], _mm256_div_ps(one, pivot));
            for s in r + 1..TILE {
                let factor = _mm256_permutevar8x32_ps(scaled, _mm256_set1_epi32(s as i32));
                rows[s] = _mm256_fnmadd_ps(factor, rows[r], rows[s]);
            }
        }
        let inverse = _mm256_div_ps(one, _mm256_sqrt_ps(pivots));
        for r in 0..TILE {
            let lane = _mm256_set1_epi32(r as i32);
            rows[r] = _mm256_mul_ps(rows[r], _mm256_permutevar8x32_ps(inverse, lane));
        }
        (rows, inverse)
    }

    /// # Safety
    /// As [`factor`], with i + 7 and j + 7 below n.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn store(a: *mut f32, n: usize, i: usize, j: usize, tile: &[__m256; TILE]) {
        for r in 0..TILE {
            // SAFETY: the row i + r and its cells j..j + 8 are inside the matrix.
            unsafe { _mm256_storeu_ps(a.add((i + r) * n + j), tile[r]) };
        }
    }

    /// The back substitution U x = y.
    ///
    /// # Safety
    /// As [`factor`].
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn solve_back(a: &[f32], n: usize, b: &mut [f32], inverse_diagonal: &[f32]) {
        for i in (0..n).step_by(TILE).rev() {
            let mut acc = [_mm256_setzero_ps(); TILE];
            for j in (i + TILE..n).step_by(TILE) {
                // SAFETY: i + 7 and j + 7 are below n.
                unsafe {
                    let x = _mm256_loadu_ps(b.as_ptr().add(j));
                    for r in 0..TILE {
                        let u = _mm256_loadu_ps(a.as_ptr().add((i + r) * n + j));
                        acc[r] = _mm256_fmadd_ps(u, x, acc[r]);
                    }
                }
            }
            let known = sums(&acc);
            for r in (0..TILE).rev() {
                let mut x = b[i + r] - known[r];
                for s in r + 1..TILE {
                    x = (-a[(i + r) * n + i + s]).mul_add(b[i + s], x);
                }
                b[i + r] = x * inverse_diagonal[i + r];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::syrk::add_gram;
    use crate::random::Random;

    fn levels() -> [KernelLevel; 2] {
        [KernelLevel::Portable, KernelLevel::detect()]
    }

    #[test]
    fn a_diagonal_system_by_hand() {
        for level in levels() {
            let mut a = vec![0.0; 64];
            let mut b: Vec<f32> = (0..8).map(|i| i as f32).collect();
            for i in 0..8 {
                a[i * 9] = 4.0;
            }
            a[1] = 2.0;
            // 4x + 2y = 0, 2x + 4y = 1.
            solve(level, &mut a, 8, 1.0, &mut b, &mut [0.0; 8]);
            assert!((b[0] + 1.0 / 6.0).abs() < 1e-6 && (b[1] - 1.0 / 3.0).abs() < 1e-6, "{b:?}");
            assert!((b[7] - 1.75).abs() < 1e-6);
        }
    }

    #[test]
    fn the_residual_is_small_at_every_size() {
        for level in levels() {
            for n in (8..=128).step_by(8) {
                let random = Random::new(n as u64);
                let panel: Vec<f32> = (0..n * n / 2).map(|i| random.normal(i as u64) as f32).collect();
                let mut a = vec![0.0; n * n];
                for i in 0..n {
                    a[i * (n + 1)] = 1.0;
                }
                add_gram(level, &mut a, n, &panel);
                let whole = a.clone();
                let cell = |i: usize, j: usize| f64::from(whole[i.min(j) * n + i.max(j)]);
                let b: Vec<f32> = (0..n).map(|i| random.normal(1 << 40 | i as u64) as f32).collect();
                let mut x = b.clone();
                solve(level, &mut a, n, 1.0, &mut x, &mut vec![0.0; n]);
                for i in 0..n {
                    let got: f64 = (0..n).map(|j| cell(i, j) * f64::from(x[j])).sum();
                    assert!((got - f64::from(b[i])).abs() < 2e-3, "{level:?} {n} row {i}: {got} {}", b[i]);
                }
            }
        }
    }

    #[test]
    fn a_lost_pivot_is_raised_to_the_floor() {
        for level in levels() {
            let mut a = vec![0.0; 64];
            for i in 0..8 {
                a[i * 9] = 1e-3;
            }
            // Rounding made the second pivot negative.
            (a[0], a[1], a[9]) = (1e4, 1e4, 0.9999e4);
            let mut b = vec![1.0; 8];
            solve(level, &mut a, 8, 1e-3, &mut b, &mut [0.0; 8]);
            assert!(b.iter().all(|x| x.is_finite()), "{level:?} {b:?}");
        }
    }
}
