//! Conjugate gradients on normal equations whose rows lie in a matrix that is held still.
#![allow(unsafe_code)]

use super::KernelLevel;
use super::lanes::dot_in_lanes;
use super::rows::are_rows;
use super::syrk::TILE;

/// (D + H'H) w = t H'1: D a positive diagonal, H the rows `ids` of `matrix`, t the target.
#[derive(Clone, Copy, Debug)]
pub struct Normal<'a> {
    /// n x d row-major, d a multiple of [`TILE`].
    pub matrix: &'a [f32],
    /// Rows of the matrix.
    pub ids: &'a [u32],
    /// D: d cells, all greater than 0.
    pub diagonal: &'a [f32],
    /// t.
    pub target: f32,
}

/// Working memory of [`refine`], reused from system to system.
#[derive(Clone, Debug)]
pub struct Work {
    inverse: Vec<f32>,
    residual: Vec<f32>,
    direction: Vec<f32>,
    image: Vec<f32>,
}

impl Work {
    /// Memory for systems with `d` unknowns.
    #[must_use]
    pub fn new(d: usize) -> Self {
        let zeros = || vec![0.0; d];
        Self { inverse: zeros(), residual: zeros(), direction: zeros(), image: zeros() }
    }
}

/// Moves `w` towards the solution by conjugate gradients preconditioned with D, and says whether it has arrived.
///
/// It has arrived when r'D^-1 r <= `tolerance` for the residual r of `w`. Since D + H'H is at least D, this bounds
/// r'A^-1 r, by which ||t - Hw||^2 + w'Dw lies above its least value. After `max_steps` steps, or when rounding ends the
/// progress, the answer is false and `w` is as good as it got. Hestenes and Stiefel (1952), with the preconditioner of
/// Saad, Iterative Methods for Sparse Linear Systems, algorithm 9.1. The bytes depend on the kernel level alone.
///
/// # Panics
/// When shapes do not fit, an id is not a row, or the processor lacks the level: programmer errors.
pub fn refine(
    level: KernelLevel,
    normal: &Normal<'_>,
    tolerance: f32,
    max_steps: usize,
    w: &mut [f32],
    work: &mut Work,
) -> bool {
    let d = normal.diagonal.len();
    assert!(d.is_multiple_of(TILE) && w.len() == d && work.inverse.len() == d, "vectors have d cells");
    assert!(are_rows(normal.ids, normal.matrix.len(), d), "ids are rows of the matrix");
    assert!(level.available(), "kernel level {level:?} needs another processor");
    match level {
        KernelLevel::Portable => {
            let pull = |w: &[f32], target: f32, out: &mut [f32]| pull_portable(normal, w, target, out);
            steps(normal, tolerance, max_steps, w, work, pull)
        }
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level, the shapes and the ids were checked above.
        KernelLevel::Avx2 => unsafe { avx2::refine(normal, tolerance, max_steps, w, work) },
        #[cfg(not(target_arch = "x86_64"))]
        KernelLevel::Avx2 => unreachable!("checked above"),
    }
}

/// The steps; `pull(w, t, out)` adds H'(t - Hw) to `out`. Inlined, so that it is compiled for every level.
#[inline(always)]
fn steps(
    normal: &Normal<'_>,
    tolerance: f32,
    max_steps: usize,
    w: &mut [f32],
    work: &mut Work,
    pull: impl Fn(&[f32], f32, &mut [f32]),
) -> bool {
    let Work { inverse, residual, direction, image } = work;
    for (inverse, &diagonal) in inverse.iter_mut().zip(normal.diagonal) {
        *inverse = 1.0 / diagonal;
    }
    negated(normal.diagonal, w, residual);
    pull(w, normal.target, residual);
    direction.fill(0.0);
    let mut excess = weighted_square(residual, inverse);
    let mut follow = 0.0;
    for _ in 0..max_steps {
        if excess <= tolerance {
            return true;
        }
        for ((p, &r), &inverse) in direction.iter_mut().zip(&*residual).zip(&*inverse) {
            *p = r * inverse + follow * *p;
        }
        negated(normal.diagonal, direction, image);
        pull(direction, 0.0, image);
        let curvature = -dot_in_lanes(direction, image);
        // NaN is no progress either.
        if !(curvature > 0.0 && curvature.is_finite()) {
            return false;
        }
        let length = excess / curvature;
        for ((w, &p), (r, &q)) in w.iter_mut().zip(&*direction).zip(residual.iter_mut().zip(&*image)) {
            *w += length * p;
            *r += length * q;
        }
        let before = std::mem::replace(&mut excess, weighted_square(residual, inverse));
        follow = excess / before;
    }
    excess <= tolerance
}

/// `out` = -D w.
#[inline(always)]
fn negated(diagonal: &[f32], w: &[f32], out: &mut [f32]) {
    for ((out, &diagonal), &w) in out.iter_mut().zip(diagonal).zip(w) {
        *out = -(diagonal * w);
    }
}

#[inline(always)]
fn weighted_square(r: &[f32], weights: &[f32]) -> f32 {
    let mut lanes = [0.0f32; TILE];
    for (r, weights) in r.chunks_exact(TILE).zip(weights.chunks_exact(TILE)) {
        for lane in 0..TILE {
            lanes[lane] += r[lane] * r[lane] * weights[lane];
        }
    }
    lanes.iter().sum()
}

fn pull_portable(normal: &Normal<'_>, w: &[f32], target: f32, out: &mut [f32]) {
    let d = w.len();
    for &id in normal.ids {
        let row = &normal.matrix[id as usize * d..][..d];
        let miss = target - dot_in_lanes(row, w);
        for (out, &x) in out.iter_mut().zip(row) {
            *out += miss * x;
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{Normal, TILE, Work, steps};
    use crate::kernels::lanes::avx2::sums;
    use std::arch::x86_64::*;

    /// # Safety
    /// Needs AVX2 and FMA; shapes and ids as in [`super::refine`].
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn refine(
        normal: &Normal<'_>,
        tolerance: f32,
        max_steps: usize,
        w: &mut [f32],
        work: &mut Work,
    ) -> bool {
        // SAFETY: `w`, `out` and the rows of the ids have d cells.
        steps(normal, tolerance, max_steps, w, work, |w, target, out| unsafe { pull(normal, w, target, out) })
    }

    /// # Safety
    /// As [`refine`]; `w` and `out` have d cells.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn pull(normal: &Normal<'_>, w: &[f32], target: f32, out: &mut [f32]) {
        let mut ids = normal.ids;
        while !ids.is_empty() {
            let (here, later) = ids.split_at(ids.len().min(TILE));
            // SAFETY: as above.
            unsafe {
                if here.len() > TILE / 2 {
                    pull_rows::<TILE>(normal.matrix, here, w, target, out);
                } else {
                    pull_rows::<{ TILE / 2 }>(normal.matrix, here, w, target, out);
                }
            }
            ids = later;
        }
    }

    /// At most `R` rows, at least one. What is missing to R is the first row again with a miss of 0, which adds
    /// nothing: one form serves every number of rows.
    ///
    /// # Safety
    /// As [`pull`].
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn pull_rows<const R: usize>(
        matrix: &[f32],
        ids: &[u32],
        w: &[f32],
        target: f32,
        out: &mut [f32],
    ) {
        let d = w.len();
        // SAFETY: every id is a row of d cells; j + 7 is below d.
        unsafe {
            let row = |r: usize| matrix.as_ptr().add(ids[if r < ids.len() { r } else { 0 }] as usize * d);
            let rows: [_; R] = std::array::from_fn(row);
            let mut products = [_mm256_setzero_ps(); TILE];
            for j in (0..d).step_by(TILE) {
                let w = _mm256_loadu_ps(w.as_ptr().add(j));
                for r in 0..R {
                    products[r] = _mm256_fmadd_ps(_mm256_loadu_ps(rows[r].add(j)), w, products[r]);
                }
            }
            let products = sums(&products);
            let miss = |r: usize| _mm256_set1_ps(if r < ids.len() { target - products[r] } else { 0.0 });
            let misses: [_; R] = std::array::from_fn(miss);
            for j in (0..d).step_by(TILE) {
                let mut sum = _mm256_loadu_ps(out.as_ptr().add(j));
                for r in 0..R {
                    sum = _mm256_fmadd_ps(misses[r], _mm256_loadu_ps(rows[r].add(j)), sum);
                }
                _mm256_storeu_ps(out.as_mut_ptr().add(j), sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn levels() -> [KernelLevel; 2] {
        [KernelLevel::Portable, KernelLevel::detect()]
    }

    /// A matrix, a diagonal and a start of d columns.
    fn case(d: usize) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let random = Random::new(d as u64);
        let cell = |i: usize| random.normal(i as u64) as f32;
        let matrix = (0..200 * d).map(|i| 0.3 * cell(i)).collect();
        let diagonal = (0..d).map(|j| 3.0 + j as f32).collect();
        (matrix, diagonal, (0..d).map(|j| cell(1 << 30 | j)).collect())
    }

    /// ||t - Hw||^2 + w'Dw in f64.
    fn loss(normal: &Normal<'_>, w: &[f32]) -> f64 {
        let of = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        let d = w.len();
        let misses = normal
            .ids
            .iter()
            .map(|&id| (f64::from(normal.target) - of(&normal.matrix[id as usize * d..][..d], w)).powi(2));
        let ridge: Vec<f32> = w.iter().map(|w| w * w).collect();
        misses.sum::<f64>() + of(normal.diagonal, &ridge)
    }

    #[test]
    fn one_unknown_that_matters_by_hand() {
        for level in levels() {
            let mut matrix = vec![0.0; 16];
            (matrix[0], matrix[8]) = (1.0, 2.0);
            let normal = Normal { matrix: &matrix, ids: &[0, 1], diagonal: &[5.0; 8], target: 1.0 };
            let mut w = vec![0.0; 8];
            // (5 + 1 + 4) w = 1 + 2.
            assert!(refine(level, &normal, 1e-10, 5, &mut w, &mut Work::new(8)));
            assert!((w[0] - 0.3).abs() < 1e-6 && w[1..] == [0.0; 7], "{level:?} {w:?}");
        }
    }

    #[test]
    fn the_tolerance_bounds_what_is_left_of_the_loss() {
        for (level, d) in levels().into_iter().flat_map(|l| [(l, 8), (l, 64), (l, 120)]) {
            let (matrix, diagonal, start) = case(d);
            for n in [1, 3, 4, 5, 8, 13, 200] {
                let ids: Vec<u32> = (0..n).map(|i| 199 - i * 199 / 200).collect();
                let normal = Normal { matrix: &matrix, ids: &ids, diagonal: &diagonal, target: 1.0 };
                let mut work = Work::new(d);
                let mut least = start.clone();
                refine(level, &normal, 1e-12, 4 * d, &mut least, &mut work);
                let least = loss(&normal, &least);
                for tolerance in [1.0, 1e-2, 1e-4] {
                    let mut w = start.clone();
                    assert!(refine(level, &normal, tolerance, 2 * d, &mut w, &mut work), "{level:?} {d} {n}");
                    let above = loss(&normal, &w) - least;
                    assert!(above <= f64::from(tolerance) * 1.01, "{level:?} {d} {n}: {above}");
                }
            }
        }
    }

    #[test]
    fn too_few_steps_are_said_and_still_bring_it_nearer() {
        for level in levels() {
            let (matrix, diagonal, start) = case(64);
            let ids: Vec<u32> = (0..200).collect();
            let normal = Normal { matrix: &matrix, ids: &ids, diagonal: &diagonal, target: 1.0 };
            let mut w = start.clone();
            let mut work = Work::new(64);
            assert!(!refine(level, &normal, 1e-9, 1, &mut w, &mut work));
            assert!(loss(&normal, &w) < loss(&normal, &start));
        }
    }

    #[test]
    fn what_is_not_finite_does_not_arrive() {
        for level in levels() {
            let normal = Normal { matrix: &[1e30; 8], ids: &[0], diagonal: &[1.0; 8], target: 1.0 };
            assert!(!refine(level, &normal, 1e-9, 5, &mut [1e30; 8], &mut Work::new(8)), "{level:?}");
        }
    }
}
