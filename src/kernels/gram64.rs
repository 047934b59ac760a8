#![allow(unsafe_code)]
//! Sums of weighted outer products of rows, in f64: the Hessian of a linear model.

/// Adds s_k x_k x_k' for four rows to the lower triangle of `matrix`, n x n row by row.
///
/// `rows` is 4 x n row by row, `scales` the four s_k. Every cell takes the same operations in the same order at every
/// kernel level, so the bytes are the same everywhere. O(2 n^2).
///
/// # Panics
/// When lengths do not belong together: a programmer error.
pub fn add_four(matrix: &mut [f64], n: usize, rows: &[f64], scales: [f64; 4]) {
    assert!(matrix.len() == n * n && rows.len() == 4 * n, "shapes");
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2; the function is safe Rust apart from that.
        unsafe { add_four_avx2(matrix, n, rows, scales) };
        return;
    }
    add_four_portable(matrix, n, rows, scales);
}

/// The portable form compiled for wider registers; without fused multiplication, which would round differently.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn add_four_avx2(matrix: &mut [f64], n: usize, rows: &[f64], scales: [f64; 4]) {
    add_four_portable(matrix, n, rows, scales);
}

#[inline(always)]
fn add_four_portable(matrix: &mut [f64], n: usize, rows: &[f64], scales: [f64; 4]) {
    let (first, second) = rows.split_at(2 * n);
    let ((a, b), (c, d)) = (first.split_at(n), second.split_at(n));
    let [s, t, u, v] = scales;
    for i in 0..n {
        let (s, t, u, v) = (s * a[i], t * b[i], u * c[i], v * d[i]);
        let end = i + 1;
        let row = &mut matrix[i * n..i * n + end];
        let (a, b, c, d) = (&a[..end], &b[..end], &c[..end], &d[..end]);
        for j in 0..end {
            row[j] += (s * a[j] + t * b[j]) + (u * c[j] + v * d[j]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn sums_by_definition_and_levels_agree_to_the_bit() {
        let random = Random::new(2);
        for n in [1usize, 5, 16, 33] {
            let rows: Vec<f64> = (0..4 * n).map(|i| random.normal(i as u64)).collect();
            let scales = [0.5, 0.0, 2.0, 1.5];
            let (mut fast, mut slow) = (vec![1.0; n * n], vec![1.0; n * n]);
            add_four(&mut fast, n, &rows, scales);
            add_four_portable(&mut slow, n, &rows, scales);
            assert_eq!(fast, slow);
            for i in 0..n {
                for j in 0..n {
                    let sum: f64 = (0..4).map(|k| scales[k] * rows[k * n + i] * rows[k * n + j]).sum();
                    let want = if j <= i { 1.0 + sum } else { 1.0 };
                    assert!((fast[i * n + j] - want).abs() < 1e-13, "{n} {i} {j}");
                }
            }
        }
    }
}
