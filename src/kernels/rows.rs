//! Gathering rows of a factor matrix.
#![allow(unsafe_code)]

use super::KernelLevel;
use super::syrk::TILE;

/// Whether all ids are rows of a matrix; the largest decides, because that is found several ids at a time.
pub(super) fn are_rows(ids: &[u32], n_cells: usize, d: usize) -> bool {
    let largest = ids.iter().fold(0, |largest, &id| id.max(largest));
    ids.is_empty() || (largest as usize + 1) * d <= n_cells
}

/// Gathers rows as scaled columns: `out[j][i] = scale[j] * matrix[ids[i]][j]`, zero from `ids.len()` to `width`.
///
/// `matrix` is n x d row-major, d a multiple of [`TILE`]; `out` is d x width, width a multiple of [`TILE`]. The
/// same bits at every level.
///
/// # Panics
/// When shapes do not fit, an id is not below n, or the processor lacks the level: programmer errors.
pub fn gather_columns(
    level: KernelLevel,
    matrix: &[f32],
    scale: &[f32],
    ids: &[u32],
    width: usize,
    out: &mut [f32],
) {
    let d = scale.len();
    assert!(d.is_multiple_of(TILE) && width.is_multiple_of(TILE), "tiles of {TILE}");
    assert!(ids.len() <= width && out.len() == d * width, "out is d x width");
    assert!(are_rows(ids, matrix.len(), d), "ids are rows of the matrix");
    assert!(level.available(), "kernel level {level:?} needs another processor");
    match level {
        KernelLevel::Portable => gather_portable(matrix, scale, ids, width, out),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level, the shapes and the ids were checked above.
        KernelLevel::Avx2 => unsafe { avx2::gather(matrix, scale, ids, width, out) },
        #[cfg(not(target_arch = "x86_64"))]
        KernelLevel::Avx2 => unreachable!("checked above"),
    }
}

fn gather_portable(matrix: &[f32], scale: &[f32], ids: &[u32], width: usize, out: &mut [f32]) {
    let d = scale.len();
    out.fill(0.0);
    for (i, &id) in ids.iter().enumerate() {
        for (j, &x) in matrix[id as usize * d..][..d].iter().enumerate() {
            out[j * width + i] = x * scale[j];
        }
    }
}

/// Gathers rows into `out`, n_ids x d row-major, and adds each to `sum`, in the order of `ids`.
///
/// `matrix` is n x d row-major with d = `sum.len()`, a multiple of [`TILE`]; the same bits at every level.
///
/// # Panics
/// When shapes do not fit, an id is not below n, or the processor lacks the level: programmer errors.
pub fn gather_and_sum(level: KernelLevel, matrix: &[f32], ids: &[u32], out: &mut [f32], sum: &mut [f32]) {
    let d = sum.len();
    assert!(d.is_multiple_of(TILE) && out.len() == ids.len() * d, "out is n_ids x d");
    assert!(are_rows(ids, matrix.len(), d), "ids are rows of the matrix");
    assert!(level.available(), "kernel level {level:?} needs another processor");
    match level {
        KernelLevel::Portable => {
            for (row, &id) in out.chunks_exact_mut(d).zip(ids) {
                row.copy_from_slice(&matrix[id as usize * d..][..d]);
                for (sum, &x) in sum.iter_mut().zip(&*row) {
                    *sum += x;
                }
            }
        }
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level, the shapes and the ids were checked above.
        KernelLevel::Avx2 => unsafe { avx2::gather_and_sum(matrix, ids, out, sum) },
        #[cfg(not(target_arch = "x86_64"))]
        KernelLevel::Avx2 => unreachable!("checked above"),
    }
}

/// The combination of rows `out[j]` = sum over i of `coefficients[i] * matrix[ids[i]][j]`.
///
/// `matrix` is n x d row-major with d = `out.len()`, a multiple of [`TILE`]; sums run in the order of `ids`, and the
/// bytes depend on the kernel level alone.
///
/// # Panics
/// When shapes do not fit, an id is not below n, or the processor lacks the level: programmer errors.
pub fn combine(level: KernelLevel, matrix: &[f32], ids: &[u32], coefficients: &[f32], out: &mut [f32]) {
    let d = out.len();
    assert!(d.is_multiple_of(TILE) && ids.len() == coefficients.len(), "a coefficient per row");
    assert!(are_rows(ids, matrix.len(), d), "ids are rows of the matrix");
    assert!(level.available(), "kernel level {level:?} needs another processor");
    match level {
        KernelLevel::Portable => combine_portable(matrix, ids, coefficients, out),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level, the shapes and the ids were checked above.
        KernelLevel::Avx2 => unsafe { avx2::combine(matrix, ids, coefficients, out) },
        #[cfg(not(target_arch = "x86_64"))]
        KernelLevel::Avx2 => unreachable!("checked above"),
    }
}

fn combine_portable(matrix: &[f32], ids: &[u32], coefficients: &[f32], out: &mut [f32]) {
    let d = out.len();
    out.fill(0.0);
    for (&id, &c) in ids.iter().zip(coefficients) {
        for (sum, &x) in out.iter_mut().zip(&matrix[id as usize * d..][..d]) {
            *sum += c * x;
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::TILE;
    use crate::kernels::transpose::transposed;
    use std::arch::x86_64::*;

    /// # Safety
    /// Needs AVX2; shapes and ids as in [`super::gather_columns`].
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn gather(matrix: &[f32], scale: &[f32], ids: &[u32], width: usize, out: &mut [f32]) {
        let d = scale.len();
        for i in (0..width).step_by(TILE) {
            let part = |from: usize| &ids[from.min(ids.len())..ids.len().min(from + TILE)];
            let here = part(i);
            part(i + TILE).iter().for_each(|&id| prefetch(matrix, id as usize * d, d));
            for j in (0..d).step_by(TILE) {
                // SAFETY: ids are rows of the matrix, j + 7 is below d, i + 7 below width.
                unsafe {
                    let factor = _mm256_loadu_ps(scale.as_ptr().add(j));
                    let mut tile = [_mm256_setzero_ps(); TILE];
                    for (row, &id) in tile.iter_mut().zip(here) {
                        let x = _mm256_loadu_ps(matrix.as_ptr().add(id as usize * d + j));
                        *row = _mm256_mul_ps(x, factor);
                    }
                    for (t, column) in transposed(&tile).into_iter().enumerate() {
                        _mm256_storeu_ps(out.as_mut_ptr().add((j + t) * width + i), column);
                    }
                }
            }
        }
    }

    /// Rows that are asked for ahead of their use; a matrix of some thousand rows lies beyond the second-level cache.
    const AHEAD: usize = 6;

    /// Asks for the cells `at..at + d`.
    #[inline]
    fn prefetch(matrix: &[f32], at: usize, d: usize) {
        for cell in matrix[at..at + d].iter().step_by(16) {
            // SAFETY: a prefetch reads nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(cell).cast()) };
        }
    }

    /// # Safety
    /// Needs AVX2 and FMA; shapes and ids as in [`super::gather_and_sum`].
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn gather_and_sum(matrix: &[f32], ids: &[u32], out: &mut [f32], sum: &mut [f32]) {
        let d = sum.len();
        let mut j = 0;
        while j < d {
            // SAFETY: ids are rows of the matrix, and the columns j.. of the strip are below d.
            unsafe {
                if d - j >= 8 * TILE {
                    copy_strip::<8>(matrix, d, j, ids, out, sum);
                    j += 8 * TILE;
                } else {
                    copy_strip::<1>(matrix, d, j, ids, out, sum);
                    j += TILE;
                }
            }
        }
    }

    /// `V` vectors of columns from `j` on.
    ///
    /// # Safety
    /// As [`gather_and_sum`], with j + 8 x V at most d.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn copy_strip<const V: usize>(
        matrix: &[f32],
        d: usize,
        j: usize,
        ids: &[u32],
        out: &mut [f32],
        sum: &mut [f32],
    ) {
        // SAFETY: see above.
        unsafe {
            let mut acc: [_; V] = std::array::from_fn(|v| _mm256_loadu_ps(sum.as_ptr().add(j + v * TILE)));
            for (i, &id) in ids.iter().enumerate() {
                if let Some(&later) = ids.get(i + AHEAD) {
                    prefetch(matrix, later as usize * d + j, V * TILE);
                }
                let from = matrix.as_ptr().add(id as usize * d + j);
                let to = out.as_mut_ptr().add(i * d + j);
                for v in 0..V {
                    let x = _mm256_loadu_ps(from.add(v * TILE));
                    _mm256_storeu_ps(to.add(v * TILE), x);
                    acc[v] = _mm256_add_ps(acc[v], x);
                }
            }
            for v in 0..V {
                _mm256_storeu_ps(sum.as_mut_ptr().add(j + v * TILE), acc[v]);
            }
        }
    }

    /// # Safety
    /// Needs AVX2 and FMA; shapes and ids as in [`super::combine`].
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn combine(matrix: &[f32], ids: &[u32], coefficients: &[f32], out: &mut [f32]) {
        let d = out.len();
        let mut j = 0;
        while j < d {
            // SAFETY: ids are rows of the matrix, and the columns j.. of the strip are below d.
            unsafe {
                let to = out.as_mut_ptr().add(j);
                if d - j >= 8 * TILE {
                    strip::<8>(matrix.as_ptr().add(j), d, ids, coefficients, to);
                    j += 8 * TILE;
                } else {
                    strip::<1>(matrix.as_ptr().add(j), d, ids, coefficients, to);
                    j += TILE;
                }
            }
        }
    }

    /// `V` vectors of columns.
    ///
    /// # Safety
    /// Needs AVX2 and FMA; 8 x V columns are readable in every row of `ids` and writable at `out`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn strip<const V: usize>(
        matrix: *const f32,
        d: usize,
        ids: &[u32],
        coefficients: &[f32],
        out: *mut f32,
    ) {
        let mut acc = [_mm256_setzero_ps(); V];
        for (&id, &c) in ids.iter().zip(coefficients) {
            let c = _mm256_set1_ps(c);
            for v in 0..V {
                // SAFETY: see above.
                let x = unsafe { _mm256_loadu_ps(matrix.add(id as usize * d + v * TILE)) };
                acc[v] = _mm256_fmadd_ps(c, x, acc[v]);
            }
        }
        for v in 0..V {
            // SAFETY: see above.
            unsafe { _mm256_storeu_ps(out.add(v * TILE), acc[v]) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_scaled_and_padded_with_zeros() {
        for d in [8, 24] {
            let matrix: Vec<f32> = (0..5 * d).map(|i| i as f32).collect();
            let scale: Vec<f32> = (0..d).map(|j| 1.0 + j as f32).collect();
            for (ids, width) in [(&[4u32, 0, 2][..], 8), (&[1, 1, 1, 1, 1, 1, 1, 1, 3], 16), (&[], 0)] {
                for level in [KernelLevel::Portable, KernelLevel::detect()] {
                    let mut out = vec![7.0; d * width];
                    gather_columns(level, &matrix, &scale, ids, width, &mut out);
                    for j in 0..d {
                        for i in 0..width {
                            let expected =
                                ids.get(i).map_or(0.0, |&id| matrix[id as usize * d + j] * scale[j]);
                            assert_eq!(out[j * width + i], expected, "{level:?} {j} {i}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn rows_are_copied_and_summed() {
        for d in [8, 72] {
            let matrix: Vec<f32> = (0..9 * d).map(|i| i as f32).collect();
            for level in [KernelLevel::Portable, KernelLevel::detect()] {
                let (mut out, mut sum) = (vec![7.0; 8 * d], vec![1.0; d]);
                let ids = [8, 0, 2, 3, 4, 5, 6, 7];
                gather_and_sum(level, &matrix, &ids, &mut out, &mut sum);
                for (row, id) in out.chunks(d).zip(ids) {
                    assert_eq!(row, &matrix[id as usize * d..][..d], "{level:?}");
                }
                assert_eq!(sum[d - 1], 1.0 + (35 * d + 8 * (d - 1)) as f32);
            }
        }
    }

    #[test]
    fn combinations_by_hand() {
        for d in [8, 72] {
            let matrix: Vec<f32> = (0..3 * d).map(|i| i as f32).collect();
            for level in [KernelLevel::Portable, KernelLevel::detect()] {
                let mut out = vec![7.0; d];
                combine(level, &matrix, &[2, 0], &[0.5, -2.0], &mut out);
                for j in 0..d {
                    assert_eq!(out[j], 0.5 * (2 * d + j) as f32 - 2.0 * j as f32);
                }
            }
        }
    }
}
