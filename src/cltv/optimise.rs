//! Smooth minimisation in a few variables: BFGS from several starts, then Newton to the last digits.

use rayon::prelude::*;

/// A function's value and gradient at a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evaluation<const N: usize> {
    pub(super) at: f64,
    pub(super) gradient: [f64; N],
}

/// The best point found.
#[derive(Clone, Debug)]
pub(super) struct Optimum<const N: usize> {
    pub(super) point: [f64; N],
    pub(super) minimum: f64,
    /// Largest partial derivative in size.
    pub(super) gradient_max: f64,
    /// Second derivatives, symmetric.
    pub(super) hessian: [[f64; N]; N],
    pub(super) n_starts: usize,
    /// Starts that ended at the minimum.
    pub(super) n_starts_at_best: usize,
}

/// Longest step in one variable (variables are logarithms).
const LONGEST_STEP: f64 = 2.0;
/// BFGS hands over to Newton here.
const BFGS_GRADIENT: f64 = 1e-5;
/// Newton stops here.
const NEWTON_GRADIENT: f64 = 1e-10;
/// Where convergence is slow this is enough.
const ACCEPTED_GRADIENT: f64 = 1e-6;
/// Distance of the central differences of the gradient.
const DIFFERENCE: f64 = 1e-4;

/// Minimises `f`: from every start on `rough`, a cheaper function of nearly the same shape (or `f` itself), then from the
/// best end on `f` to the last digits. Starts run side by side, and the answer does not depend on how many do. Values
/// that are not finite are walls.
pub(super) fn minimise<const N: usize>(
    f: &(impl Fn(&[f64; N]) -> Evaluation<N> + Sync),
    rough: &(impl Fn(&[f64; N]) -> Evaluation<N> + Sync),
    starts: &[[f64; N]],
) -> Optimum<N> {
    let ends: Vec<([f64; N], f64)> = starts.par_iter().map(|start| bfgs(rough, *start)).collect();
    let mut best = 0;
    for (i, end) in ends.iter().enumerate() {
        if end.1 < ends[best].1 || !ends[best].1.is_finite() {
            best = i;
        }
    }
    let lowest = ends[best].1;
    let (mut point, mut hessian) = newton(f, ends[best].0);
    let mut last = f(&point);
    let far = largest(&last.gradient);
    if far.is_nan() || far >= BFGS_GRADIENT {
        // The rough end was too far away for Newton.
        (point, hessian) = newton(f, bfgs(f, point).0);
        last = f(&point);
    }
    Optimum {
        point,
        minimum: last.at,
        gradient_max: largest(&last.gradient),
        hessian,
        n_starts: starts.len(),
        n_starts_at_best: ends.iter().filter(|end| end.1 <= lowest + 1e-7 * (1.0 + lowest.abs())).count(),
    }
}

fn bfgs<const N: usize>(f: &impl Fn(&[f64; N]) -> Evaluation<N>, start: [f64; N]) -> ([f64; N], f64) {
    let mut point = start;
    let mut here = f(&point);
    let mut inverse = identity::<N>();
    let mut fresh = true;
    for _ in 0..200 {
        if !here.at.is_finite() || largest(&here.gradient) < BFGS_GRADIENT {
            break;
        }
        let mut step = negative(&times(&inverse, &here.gradient));
        if dot(&step, &here.gradient) >= 0.0 {
            inverse = identity();
            step = negative(&here.gradient);
            fresh = true;
        }
        let Some((next, there)) = line_search(f, &point, &here, shorten(step)) else {
            // No progress along a fresh gradient means the last digits are reached.
            if fresh {
                break;
            }
            inverse = identity();
            fresh = true;
            continue;
        };
        update(&mut inverse, &minus(&next, &point), &minus(&there.gradient, &here.gradient), fresh);
        fresh = false;
        point = next;
        here = there;
    }
    (point, here.at)
}

/// Halves the step until the value falls enough (Armijo); `None` when it does not.
fn line_search<const N: usize>(
    f: &impl Fn(&[f64; N]) -> Evaluation<N>,
    point: &[f64; N],
    here: &Evaluation<N>,
    step: [f64; N],
) -> Option<([f64; N], Evaluation<N>)> {
    let slope = dot(&step, &here.gradient);
    let mut share = 1.0;
    for _ in 0..40 {
        let next: [f64; N] = std::array::from_fn(|i| point[i] + share * step[i]);
        let there = f(&next);
        if there.at.is_finite() && there.at <= here.at + 1e-4 * share * slope {
            return Some((next, there));
        }
        share *= 0.5;
    }
    None
}

/// The BFGS update of the inverse Hessian (Nocedal, Wright 2006, eq. 6.17), scaled at the first (eq. 6.20).
fn update<const N: usize>(inverse: &mut [[f64; N]; N], s: &[f64; N], y: &[f64; N], first: bool) {
    let curvature = dot(s, y);
    if curvature.is_nan() || curvature <= 1e-14 * (dot(s, s) * dot(y, y)).sqrt() {
        return;
    }
    if first {
        let scale = curvature / dot(y, y);
        for i in 0..N {
            inverse[i][i] = scale;
        }
    }
    let hy = times(inverse, y);
    let factor = (1.0 + dot(y, &hy) / curvature) / curvature;
    for i in 0..N {
        for j in 0..N {
            inverse[i][j] += factor * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / curvature;
        }
    }
}

/// Newton steps while they shrink the gradient; returns the point and the Hessian there. A Hessian costs 2 N evaluations,
/// so it is used again as long as steps by it shrink the gradient well.
fn newton<const N: usize>(
    f: &impl Fn(&[f64; N]) -> Evaluation<N>,
    start: [f64; N],
) -> ([f64; N], [[f64; N]; N]) {
    let mut point = start;
    let mut here = f(&point);
    let mut hessian = second_derivatives(f, &point);
    let mut is_fresh = true;
    for _ in 0..40 {
        let before = largest(&here.gradient);
        if before < NEWTON_GRADIENT {
            break;
        }
        let Some(step) = solve(&hessian, &negative(&here.gradient)).map(shorten) else { break };
        let next: [f64; N] = std::array::from_fn(|i| point[i] + step[i]);
        let there = f(&next);
        let after = largest(&there.gradient);
        let falls = there.at <= here.at + 1e-12 * (1.0 + here.at.abs()) && after < before;
        let was_fresh = is_fresh;
        if falls {
            (point, here, is_fresh) = (next, there, false);
            if after <= 0.1 * before {
                continue;
            }
        }
        // At a kink (a wall) convergence is no longer quadratic, and more digits are not worth their price.
        if was_fresh && (!falls || after < ACCEPTED_GRADIENT) {
            break;
        }
        hessian = second_derivatives(f, &point);
        is_fresh = true;
    }
    if !is_fresh {
        hessian = second_derivatives(f, &point);
    }
    (point, hessian)
}

/// Central differences of the gradient, symmetrised.
fn second_derivatives<const N: usize>(
    f: &impl Fn(&[f64; N]) -> Evaluation<N>,
    point: &[f64; N],
) -> [[f64; N]; N] {
    let mut hessian = [[0.0; N]; N];
    for i in 0..N {
        let moved = |by: f64| {
            let mut to = *point;
            to[i] += by;
            f(&to).gradient
        };
        let (up, down) = (moved(DIFFERENCE), moved(-DIFFERENCE));
        for j in 0..N {
            let slope = (up[j] - down[j]) / (2.0 * DIFFERENCE);
            hessian[i][j] += 0.5 * slope;
            hessian[j][i] += 0.5 * slope;
        }
    }
    hessian
}

/// Solves a positive definite system; `None` when it is not.
pub(super) fn solve<const N: usize>(matrix: &[[f64; N]; N], right: &[f64; N]) -> Option<[f64; N]> {
    let factor = crate::kernels::cholesky64::Cholesky64::new(matrix.as_flattened(), N)?;
    let mut x = *right;
    factor.solve(&mut x);
    Some(x)
}

/// Ratio of the largest to the smallest eigenvalue by Jacobi rotations; `None` when one is not positive.
pub(super) fn condition<const N: usize>(matrix: &[[f64; N]; N]) -> Option<f64> {
    if matrix.as_flattened().iter().any(|cell| !cell.is_finite()) {
        return None;
    }
    let mut a = *matrix;
    for _ in 0..60 {
        for p in 0..N {
            for q in p + 1..N {
                rotate(&mut a, p, q);
            }
        }
    }
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    for i in 0..N {
        low = low.min(a[i][i]);
        high = high.max(a[i][i]);
    }
    (low > 0.0 && high.is_finite()).then(|| high / low)
}

/// One Jacobi rotation that makes cell (p, q) zero (Golub, Van Loan 2013, section 8.5).
fn rotate<const N: usize>(a: &mut [[f64; N]; N], p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let t = theta.signum() / (theta.abs() + (1.0 + theta * theta).sqrt());
    let c = 1.0 / (1.0 + t * t).sqrt();
    let s = t * c;
    for k in 0..N {
        let (x, y) = (a[k][p], a[k][q]);
        a[k][p] = c * x - s * y;
        a[k][q] = s * x + c * y;
    }
    for k in 0..N {
        let (x, y) = (a[p][k], a[q][k]);
        a[p][k] = c * x - s * y;
        a[q][k] = s * x + c * y;
    }
}

fn identity<const N: usize>() -> [[f64; N]; N] {
    std::array::from_fn(|i| std::array::from_fn(|j| if i == j { 1.0 } else { 0.0 }))
}

fn times<const N: usize>(matrix: &[[f64; N]; N], x: &[f64; N]) -> [f64; N] {
    std::array::from_fn(|i| dot(&matrix[i], x))
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    (0..N).map(|i| a[i] * b[i]).sum()
}

fn minus<const N: usize>(a: &[f64; N], b: &[f64; N]) -> [f64; N] {
    std::array::from_fn(|i| a[i] - b[i])
}

fn negative<const N: usize>(a: &[f64; N]) -> [f64; N] {
    a.map(|x| -x)
}

fn largest<const N: usize>(a: &[f64; N]) -> f64 {
    // Not f64::max, which would forget a NaN.
    a.iter().fold(0.0, |m: f64, x| if m.is_nan() || x.abs() <= m { m } else { x.abs() })
}

fn shorten<const N: usize>(step: [f64; N]) -> [f64; N] {
    let share = (LONGEST_STEP / largest(&step)).min(1.0);
    step.map(|x| share * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rosenbrock(x: &[f64; 2]) -> Evaluation<2> {
        let (u, v) = (1.0 - x[0], x[1] - x[0] * x[0]);
        Evaluation { at: u * u + 100.0 * v * v, gradient: [-2.0 * u - 400.0 * x[0] * v, 200.0 * v] }
    }

    #[test]
    fn the_banana_is_solved_to_the_last_digits() {
        let best = minimise(&rosenbrock, &rosenbrock, &[[-1.2, 1.0], [3.0, 3.0], [0.0, 0.0]]);
        assert!((best.point[0] - 1.0).abs() < 1e-9 && (best.point[1] - 1.0).abs() < 1e-9, "{best:?}");
        assert!(best.gradient_max < 1e-9 && best.n_starts_at_best == 3);
        // Hessian at the optimum by hand: [802 -400; -400 200].
        for (got, want) in best.hessian.as_flattened().iter().zip([802.0, -400.0, -400.0, 200.0]) {
            assert!((got - want).abs() < 1e-4, "{got} {want}");
        }
    }

    #[test]
    fn condition_by_hand() {
        // Eigenvalues of [2 1; 1 2] are 3 and 1.
        assert!((condition(&[[2.0, 1.0], [1.0, 2.0]]).unwrap() - 3.0).abs() < 1e-12);
        assert_eq!(condition(&[[1.0, 2.0], [2.0, 1.0]]), None);
        assert_eq!(condition(&[[f64::NAN, 0.0], [0.0, 1.0]]), None);
    }

    #[test]
    fn walls_are_walked_around() {
        let f = |x: &[f64; 1]| {
            let at = if x[0] > 0.5 { f64::NAN } else { (x[0] - 0.4).powi(2) };
            Evaluation { at, gradient: [2.0 * (x[0] - 0.4)] }
        };
        assert!((minimise(&f, &f, &[[-3.0]]).point[0] - 0.4).abs() < 1e-9);
    }
}
