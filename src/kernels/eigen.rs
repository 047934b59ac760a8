//! Eigenvectors of a small symmetric matrix.
//!
//! Householder reduction to tridiagonal form, then implicit QL (Golub and Van Loan, Matrix Computations, 8.3).
//! Plain Rust: the same bits at every kernel level.

/// Eigenvalues and eigenvectors of a symmetric matrix.
#[derive(Clone, Debug)]
pub struct Eigen {
    /// Eigenvalues, in no particular order.
    pub eigenvalues: Vec<f64>,
    /// n x n row-major; row i is the unit eigenvector of eigenvalue i.
    pub vectors: Vec<f64>,
}

/// Off-diagonal cells below this share of the largest cell count as zero: far below f32, in which results are used.
const TOLERANCE: f64 = 1e-13;

/// Steps per eigenvalue; two are usual, and only a matrix that is not finite needs the limit.
const MAX_STEPS: usize = 64;

/// The eigenvalues and eigenvectors of `a`, n x n row-major and symmetric.
///
/// # Panics
/// When `a` is not n x n: a programmer error.
#[must_use]
pub fn symmetric(mut a: Vec<f64>, n: usize) -> Eigen {
    assert_eq!(a.len(), n * n, "a is n x n");
    let reflections = tridiagonalise(&mut a, n);
    let mut diagonal: Vec<f64> = (0..n).map(|i| a[i * n + i]).collect();
    // beside[i] couples i and i + 1.
    let mut beside: Vec<f64> = (0..n).map(|i| if i + 1 < n { a[i * n + i + 1] } else { 0.0 }).collect();
    let mut vectors = accumulated(&reflections, n);
    let largest = diagonal.iter().chain(&beside).fold(0.0, |most: f64, x| most.max(x.abs()));
    for first in 0..n {
        for _ in 0..MAX_STEPS {
            let last = (first..n - 1).find(|&m| beside[m].abs() <= TOLERANCE * largest).unwrap_or(n - 1);
            if last == first {
                break;
            }
            ql_step(&mut diagonal, &mut beside, &mut vectors, n, first, last);
        }
    }
    Eigen { eigenvalues: diagonal, vectors }
}

/// A reflection Id - beta v v' on the coordinates from `from` on.
struct Reflection {
    from: usize,
    beta: f64,
    v: Vec<f64>,
}

/// Replaces `a` by Q' a Q with Q the product of the reflections, which is tridiagonal.
fn tridiagonalise(a: &mut [f64], n: usize) -> Vec<Reflection> {
    let mut reflections = Vec::with_capacity(n);
    let negligible = TOLERANCE * a.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    for k in 0..n.saturating_sub(2) {
        let from = k + 1;
        let mut v = a[k * n + from..(k + 1) * n].to_vec();
        let norm = libm::sqrt(dot(&v, &v));
        // Below the rank of the matrix the rest shrinks from step to step, down to numbers whose squares vanish.
        if norm <= negligible {
            a[k * n + from] = 0.0;
            continue;
        }
        let image = -norm.copysign(v[0]);
        v[0] -= image;
        let beta = 2.0 / dot(&v, &v);
        // The trailing block becomes B - v w' - w v' with w = p - (beta / 2)(p'v) v and p = beta B v.
        let mut w: Vec<f64> = (from..n).map(|r| beta * dot(&a[r * n + from..(r + 1) * n], &v)).collect();
        let shift = 0.5 * beta * dot(&w, &v);
        for (w, &v) in w.iter_mut().zip(&v) {
            *w -= shift * v;
        }
        for r in from..n {
            let (vr, wr) = (v[r - from], w[r - from]);
            for ((cell, &v), &w) in a[r * n + from..(r + 1) * n].iter_mut().zip(&v).zip(&w) {
                *cell -= vr * w + wr * v;
            }
        }
        a[k * n + from] = image;
        reflections.push(Reflection { from, beta, v });
    }
    reflections
}

/// Q' as n x n row-major.
fn accumulated(reflections: &[Reflection], n: usize) -> Vec<f64> {
    let mut q = vec![0.0; n * n];
    for i in 0..n {
        q[i * (n + 1)] = 1.0;
    }
    for Reflection { from, beta, v } in reflections.iter().rev() {
        for row in q.chunks_exact_mut(n).skip(*from) {
            let factor = beta * dot(&row[*from..], v);
            for (cell, &v) in row[*from..].iter_mut().zip(v) {
                *cell -= factor * v;
            }
        }
    }
    q
}

/// One QL step with Wilkinson's shift on the block `first..=last`; rows of `vectors` follow the rotations.
fn ql_step(
    diagonal: &mut [f64],
    beside: &mut [f64],
    vectors: &mut [f64],
    n: usize,
    first: usize,
    last: usize,
) {
    let half_gap = (diagonal[first + 1] - diagonal[first]) / (2.0 * beside[first]);
    let root = libm::sqrt(half_gap * half_gap + 1.0);
    let shift = diagonal[first] - beside[first] / (half_gap + root.copysign(half_gap));
    let mut bulge = diagonal[last] - shift;
    let (mut sine, mut cosine, mut carried) = (1.0, 1.0, 0.0);
    for i in (first..last).rev() {
        let far = sine * beside[i];
        let near = cosine * beside[i];
        let length = libm::sqrt(far * far + bulge * bulge);
        if i + 1 < last {
            beside[i + 1] = length;
        }
        if length == 0.0 {
            // The block falls apart here; the caller finds the parts.
            diagonal[i + 1] -= carried;
            return;
        }
        sine = far / length;
        cosine = bulge / length;
        let start = diagonal[i + 1] - carried;
        let turn = (diagonal[i] - start) * sine + 2.0 * cosine * near;
        carried = sine * turn;
        diagonal[i + 1] = start + carried;
        bulge = cosine * turn - near;
        rotate(vectors, n, i, sine, cosine);
    }
    diagonal[first] -= carried;
    beside[first] = bulge;
}

/// Rotates rows `i` and `i + 1`.
fn rotate(vectors: &mut [f64], n: usize, i: usize, sine: f64, cosine: f64) {
    let (upper, lower) = vectors[i * n..(i + 2) * n].split_at_mut(n);
    for (x, y) in upper.iter_mut().zip(lower) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}

/// The dot product in four interleaved chains, which the compiler may put side by side.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a4, b4) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a4.remainder().iter().zip(b4.remainder()).map(|(x, y)| x * y).sum();
    let mut sums = [0.0; 4];
    for (a, b) in a4.zip(b4) {
        for l in 0..4 {
            sums[l] += a[l] * b[l];
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn two_by_two_by_hand() {
        let eigen = symmetric(vec![2.0, 1.0, 1.0, 2.0], 2);
        let mut values = eigen.eigenvalues.clone();
        values.sort_by(f64::total_cmp);
        assert!((values[0] - 1.0).abs() < 1e-14 && (values[1] - 3.0).abs() < 1e-14, "{values:?}");
    }

    #[test]
    fn vectors_diagonalise_and_are_orthonormal() {
        for (n, rank) in [(1, 1), (3, 1), (8, 8), (64, 5), (64, 100), (128, 200)] {
            let random = Random::new(n as u64);
            let x: Vec<f64> = (0..n * rank).map(|i| random.normal(i as u64)).collect();
            let mut a = vec![0.0; n * n];
            for row in x.chunks(n) {
                for i in 0..n {
                    for j in 0..n {
                        a[i * n + j] += row[i] * row[j];
                    }
                }
            }
            let eigen = symmetric(a.clone(), n);
            let row = |i: usize| &eigen.vectors[i * n..(i + 1) * n];
            let scale = eigen.eigenvalues.iter().fold(1.0f64, |m, l| m.max(l.abs()));
            for i in 0..n {
                let image: Vec<f64> = a.chunks(n).map(|r| dot(r, row(i))).collect();
                for j in 0..n {
                    let off = (image[j] - eigen.eigenvalues[i] * row(i)[j]).abs();
                    assert!(off < 1e-11 * scale, "n {n}: {off}");
                    let unit = f64::from(u8::from(i == j));
                    assert!((dot(row(i), row(j)) - unit).abs() < 1e-12, "n {n}: {i} {j}");
                }
            }
        }
    }

    #[test]
    fn zero_diagonal_and_not_finite_matrices_come_to_an_end() {
        assert_eq!(symmetric(vec![0.0; 64], 8).eigenvalues, vec![0.0; 8]);
        let mut a = vec![0.0; 16];
        for i in 0..4 {
            a[i * 5] = i as f64;
        }
        assert_eq!(symmetric(a.clone(), 4).eigenvalues, vec![0.0, 1.0, 2.0, 3.0]);
        a[1] = f64::NAN;
        assert_eq!(symmetric(a, 4).eigenvalues.len(), 4);
    }

    #[test]
    fn a_matrix_of_low_rank_has_finite_vectors() {
        for rank in [0, 1, 2, 5] {
            let n = 64;
            let random = Random::new(4);
            let rows: Vec<f64> = (0..rank * n).map(|i| random.normal(i as u64)).collect();
            let cell = |i: usize, j: usize| (0..rank).map(|r| rows[r * n + i] * rows[r * n + j]).sum();
            let eigen = symmetric((0..n * n).map(|at| cell(at / n, at % n)).collect(), n);
            assert!(eigen.vectors.iter().chain(&eigen.eigenvalues).all(|x| x.is_finite()), "rank {rank}");
            let large = eigen.eigenvalues.iter().filter(|&&x| x > 1.0).count();
            assert_eq!(large, rank);
        }
    }
}
