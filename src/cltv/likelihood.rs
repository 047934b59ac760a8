//! What the maximum-likelihood fits of this room share: priors, judgement of convergence, standard errors, sums.

use rayon::prelude::*;

use super::optimise::{Evaluation, Optimum, condition, solve};
use super::report::{CltvWarning, Estimates};
use crate::error::DataError;

/// Below this many customers that carry information a weak prior is added.
pub(super) const PRIOR_BELOW: u64 = 200;
/// Standard deviation of the weak prior on the logarithm of every parameter.
const PRIOR_SD: f64 = 3.0;
/// Logarithms of scaled parameters beyond this are pushed back.
const LARGEST_LOG: f64 = 7.0;
/// A condition number above this counts as singular.
const SINGULAR: f64 = 1e8;
/// Rows per partial sum; part of the meaning of "same bytes".
const BLOCK: usize = 2048;
/// Rows that are enough to choose among starts.
const ROUGH_ROWS: usize = 500;

/// A fit without prior, or with one when there is little information or the likelihood is flat.
pub(super) fn with_prior_if_needed<const N: usize>(
    n_informative: u64,
    run: impl Fn(bool) -> Optimum<N>,
) -> (Optimum<N>, bool) {
    if n_informative >= PRIOR_BELOW {
        let best = run(false);
        if condition(&best.hessian).is_some_and(|c| c < SINGULAR) {
            return (best, false);
        }
    }
    (run(true), true)
}

/// Convergence is judged here, by gradient, and not by the line search; the rest becomes warnings.
pub(super) fn judge<const N: usize>(
    model: &'static str,
    names: &[&str; N],
    best: &Optimum<N>,
    warnings: &mut Vec<CltvWarning>,
) -> Result<(), DataError> {
    let gradient_max = best.gradient_max;
    // Positive test, so that NaN is refused.
    if !(gradient_max <= 1e-4 && best.minimum.is_finite()) {
        return Err(DataError::NotConverged {
            model: "cltv",
            detail: format!(
                "{model}: largest derivative {gradient_max:.1e} at the end, at most 1e-4 is accepted"
            ),
        });
    }
    let model = model.to_owned();
    if gradient_max > 1e-6 {
        warnings.push(CltvWarning::LooseConvergence { model: model.clone(), gradient_max });
    }
    for (name, u) in names.iter().zip(&best.point) {
        if u.abs() >= LARGEST_LOG {
            warnings.push(CltvWarning::AtBound { parameter: (*name).to_owned() });
        }
    }
    let condition = condition(&best.hessian);
    if condition.is_none_or(|c| c > 1e6) {
        warnings.push(CltvWarning::IllConditioned { model: model.clone(), condition });
    }
    if best.n_starts_at_best < 2 {
        warnings.push(CltvWarning::StartsDisagree { model, n_at_best: best.n_starts_at_best });
    }
    Ok(())
}

/// The figures of a fit; `theta` in natural units.
pub(super) fn estimates<const N: usize>(
    best: &Optimum<N>,
    theta: &[f64; N],
    n_customers: f64,
    ln_likelihood: f64,
) -> Estimates {
    let variance_of = |i: usize| {
        let mut unit = [0.0; N];
        unit[i] = 1.0;
        solve(&best.hessian, &unit).map(|column| column[i] / n_customers)
    };
    let standard_errors = (0..N)
        .map(|i| variance_of(i).map(|variance| theta[i] * variance.sqrt()))
        .collect::<Option<Vec<f64>>>();
    Estimates {
        n_customers: n_customers as u64,
        ln_likelihood,
        standard_errors,
        condition: condition(&best.hessian),
        gradient_max: best.gradient_max,
        n_starts: best.n_starts,
        n_starts_at_best: best.n_starts_at_best,
    }
}

/// Adds the weak prior, `per_customer` of it, and the wall beyond [`LARGEST_LOG`].
pub(super) fn restrained<const N: usize>(
    mut loss: Evaluation<N>,
    u: &[f64; N],
    per_customer: f64,
) -> Evaluation<N> {
    for i in 0..N {
        let beyond = (u[i].abs() - LARGEST_LOG).max(0.0);
        let pull = per_customer / (PRIOR_SD * PRIOR_SD);
        loss.at += 0.5 * pull * u[i] * u[i] + beyond * beyond;
        loss.gradient[i] += pull * u[i] + 2.0 * beyond * u[i].signum();
    }
    loss
}

/// Every k-th of the sorted rows, at most 500, for finding the neighbourhood of the optimum.
pub(super) fn thinned<T: Copy>(rows: &[T]) -> Vec<T> {
    rows.iter().step_by(rows.len().div_ceil(ROUGH_ROWS).max(1)).copied().collect()
}

/// Sums of `of` over the rows: in order inside blocks of fixed size, blocks in order.
pub(super) fn sum_in_blocks<T: Sync, const N: usize>(
    rows: &[T],
    of: impl Fn(&T) -> [f64; N] + Sync,
) -> [f64; N] {
    let add = |mut sum: [f64; N], more: [f64; N]| {
        for i in 0..N {
            sum[i] += more[i];
        }
        sum
    };
    let block = |block: &[T]| block.iter().map(&of).fold([0.0; N], add);
    let parts: Vec<[f64; N]> = rows.par_chunks(BLOCK).map(block).collect();
    parts.into_iter().fold([0.0; N], add)
}
