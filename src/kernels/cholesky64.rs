//! Cholesky factorisation in f64 for the small dense systems of second-order fits.

/// The lower factor L of a symmetric positive definite matrix, A = L L'.
#[derive(Clone, Debug)]
pub struct Cholesky64 {
    n: usize,
    factor: Vec<f64>,
}

impl Cholesky64 {
    /// Factors `matrix`, n x n row by row, of which only the lower triangle is read. O(n^3 / 3).
    ///
    /// `None` when the matrix is not positive definite to working precision: a pivot at or below 1e-14 times its
    /// own diagonal cell, or not a number.
    ///
    /// # Panics
    /// When `matrix` does not have n * n cells: a programmer error.
    #[must_use]
    pub fn new(matrix: &[f64], n: usize) -> Option<Self> {
        assert_eq!(matrix.len(), n * n, "square matrix");
        let mut factor = matrix.to_vec();
        for i in 0..n {
            let (above, rest) = factor.split_at_mut(i * n);
            let row = &mut rest[..n];
            for j in 0..i {
                let other = &above[j * n..j * n + j + 1];
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            }
            let pivot = row[i] - dot(&row[..i], &row[..i]);
            // Positive test, so that NaN is refused.
            if !(pivot > 1e-14 * row[i] && pivot.is_finite()) {
                return None;
            }
            row[i] = pivot.sqrt();
        }
        Some(Self { n, factor })
    }

    /// Solves A x = b in place.
    ///
    /// # Panics
    /// When `b` does not have n cells: a programmer error.
    pub fn solve(&self, b: &mut [f64]) {
        self.whiten(b);
        for i in (0..self.n).rev() {
            let mut sum = b[i];
            for j in i + 1..self.n {
                sum -= self.factor[j * self.n + i] * b[j];
            }
            b[i] = sum / self.factor[i * self.n + i];
        }
    }

    /// The diagonal of the inverse of A, as for squared standard errors. O(n^3).
    #[must_use]
    pub fn inverse_diagonal(&self) -> Vec<f64> {
        let column = |k: usize| {
            let mut unit = vec![0.0; self.n];
            unit[k] = 1.0;
            // (A^-1)_kk is the squared length of L^-1 e_k.
            self.whiten(&mut unit);
            dot(&unit, &unit)
        };
        (0..self.n).map(column).collect()
    }

    /// The logarithm of the determinant of A.
    #[must_use]
    pub fn log_determinant(&self) -> f64 {
        (0..self.n).map(|i| 2.0 * libm::log(self.factor[i * self.n + i])).sum()
    }

    /// Solves L y = b in place: y has unit covariance where b has A.
    ///
    /// # Panics
    /// When `b` does not have n cells: a programmer error.
    pub fn whiten(&self, b: &mut [f64]) {
        assert_eq!(b.len(), self.n, "right side");
        for i in 0..self.n {
            let row = &self.factor[i * self.n..i * self.n + i + 1];
            b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
        }
    }
}

/// Four running sums in a fixed order: the same bytes everywhere, and vectorised.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (a4, b4) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a4.remainder().iter().zip(b4.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a4.zip(b4) {
        for k in 0..4 {
            sums[k] += x[k] * y[k];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn two_by_two_by_hand() {
        // A = [4 2; 2 5], inverse = [5 -2; -2 4] / 16.
        let factor = Cholesky64::new(&[4.0, f64::NAN, 2.0, 5.0], 2).unwrap();
        let mut x = [8.0, 12.0];
        factor.solve(&mut x);
        assert_eq!(x, [1.0, 2.0]);
        assert_eq!(factor.inverse_diagonal(), [5.0 / 16.0, 4.0 / 16.0]);
        assert!((factor.log_determinant() - libm::log(16.0)).abs() < 1e-15);
        let mut y = [2.0, 5.0];
        // L = [2 0; 1 2].
        factor.whiten(&mut y);
        assert_eq!(y, [1.0, 2.0]);
    }

    #[test]
    fn random_systems_are_solved() {
        let random = Random::new(1);
        for n in [1usize, 3, 4, 9, 40] {
            let root: Vec<f64> = (0..n * n).map(|i| random.normal(i as u64)).collect();
            let mut matrix = vec![0.0; n * n];
            for i in 0..n {
                for j in 0..n {
                    matrix[i * n + j] = (0..n).map(|k| root[i * n + k] * root[j * n + k]).sum::<f64>()
                        + if i == j { 0.5 } else { 0.0 };
                }
            }
            let truth: Vec<f64> = (0..n).map(|i| i as f64 - 2.5).collect();
            let mut x: Vec<f64> =
                (0..n).map(|i| (0..n).map(|j| matrix[i * n + j] * truth[j]).sum()).collect();
            Cholesky64::new(&matrix, n).unwrap().solve(&mut x);
            for (got, want) in x.iter().zip(&truth) {
                assert!((got - want).abs() < 1e-9, "{got} {want}");
            }
        }
    }

    #[test]
    fn singular_and_broken_matrices_are_refused() {
        assert!(Cholesky64::new(&[1.0, 1.0, 1.0, 1.0], 2).is_none());
        assert!(Cholesky64::new(&[-1.0], 1).is_none());
        assert!(Cholesky64::new(&[f64::NAN], 1).is_none());
    }
}
