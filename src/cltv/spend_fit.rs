//! Maximum likelihood for the Gamma-Gamma model.

use super::gamma_gamma::{GammaGamma, Spend};
use super::likelihood::{estimates, judge, restrained, sum_in_blocks, thinned, with_prior_if_needed};
use super::model::SpendModel;
use super::optimise::{Evaluation, minimise};
use super::report::{CltvWarning, Estimates};
use super::special::digamma;
use super::tally::spends;
use crate::features::PurchaseSummary;

/// Fewer spenders than this get the mean of all.
const MIN_SPENDERS: u64 = 10;
/// Starts as logarithms in units of the mean.
const STARTS: [[f64; 3]; 4] = [[0.0, 0.0, 0.0], [1.8, 1.3, -0.8], [0.7, 1.0, 0.0], [2.5, 0.5, 1.0]];

/// The spend model that the data can carry; what stands in for Gamma-Gamma is named in `warnings`.
pub(super) fn fit_spend(
    summary: &PurchaseSummary,
    warnings: &mut Vec<CltvWarning>,
) -> (SpendModel, Option<Estimates>) {
    let rows = spends(summary);
    let [n_spenders, n_amounts, total] =
        sum_in_blocks(&rows, |(s, count)| [*count, count * f64::from(s.n), count * f64::from(s.n) * s.mean]);
    if n_spenders == 0.0 {
        warnings.push(CltvWarning::NoSpend);
        return (SpendModel::Unknown, None);
    }
    if n_spenders as u64 >= MIN_SPENDERS
        && let Some((model, estimates)) = fit_gamma_gamma(&rows, n_spenders, warnings)
    {
        return (SpendModel::GammaGamma(model), Some(estimates));
    }
    warnings.push(CltvWarning::ConstantSpend { n_spenders: n_spenders as u64 });
    (SpendModel::Constant { mean: total / n_amounts }, None)
}

fn fit_gamma_gamma(
    rows: &[(Spend, f64)],
    n_spenders: f64,
    warnings: &mut Vec<CltvWarning>,
) -> Option<(GammaGamma, Estimates)> {
    let unit = sum_in_blocks(rows, |(s, count)| [count * s.mean])[0] / n_spenders;
    let scaled: Vec<Scaled> = rows.iter().map(|(s, count)| Scaled::new(s, unit, *count)).collect();
    let thin = thinned(&scaled);
    let n_thin: f64 = thin.iter().map(|row| row.count).sum();
    let run = |prior: bool| {
        let per_customer = if prior { 1.0 / n_spenders } else { 0.0 };
        let loss = |rows: &[_], n: f64, u: &[f64; 3]| restrained(mean_loss(rows, n, u), u, per_customer);
        minimise(&|u| loss(&scaled, n_spenders, u), &|u| loss(&thin, n_thin, u), &STARTS)
    };
    let (best, prior) = with_prior_if_needed(n_spenders as u64, run);
    // A spend model that fails is replaced, not fatal.
    judge("spend", &["p", "q", "gamma"], &best, warnings).ok()?;
    if prior {
        let n_repeat_buyers = n_spenders as u64;
        warnings.push(CltvWarning::WeakPrior { model: "spend".to_owned(), n_repeat_buyers });
    }
    let [p, q, gamma] = best.point.map(libm::exp);
    let model = GammaGamma { p, q, gamma: gamma * unit };
    if q <= 2.0 {
        warnings.push(CltvWarning::HeavySpendTail { q });
    }
    let correlation = correlation(rows);
    if correlation.abs() > 0.3 {
        warnings.push(CltvWarning::SpendGoesWithFrequency { correlation });
    }
    let ln_likelihood = sum_in_blocks(rows, |row| [row.1 * model.ln_likelihood(&row.0)])[0];
    Some((model, estimates(&best, &[p, q, gamma * unit], n_spenders, ln_likelihood)))
}

/// A customer's amounts in units of the mean of all, with the logarithms that no parameter touches.
#[derive(Clone, Copy)]
struct Scaled {
    n: u32,
    count: f64,
    total: f64,
    ln_mean: f64,
    ln_total: f64,
}

impl Scaled {
    fn new(spend: &Spend, unit: f64, count: f64) -> Self {
        let mean = spend.mean / unit;
        let total = mean * f64::from(spend.n);
        Self { n: spend.n, count, total, ln_mean: libm::log(mean), ln_total: libm::log(total) }
    }
}

/// Mean negative log-likelihood and its gradient in the logarithms of (p, q, gamma).
fn mean_loss(rows: &[Scaled], n_spenders: f64, u: &[f64; 3]) -> Evaluation<3> {
    let theta = u.map(libm::exp);
    let [p, q, gamma] = theta;
    let (ln_gamma_q, digamma_q, ln_gamma) = (libm::lgamma(q), digamma(q), u[2]);
    // What depends on the number of amounts alone, for the small numbers that most customers have.
    let terms = |n: u32| {
        let shape = p * f64::from(n);
        let base = libm::lgamma(shape + q) - libm::lgamma(shape) - ln_gamma_q;
        (base, digamma(shape + q), digamma(shape))
    };
    let largest = rows.last().map_or(0, |row| row.n);
    let table: Vec<_> = (1..=largest.min(64)).map(terms).collect();
    let sums = sum_in_blocks(rows, |row| {
        let (base, at_all, at_own) = table.get(row.n as usize - 1).copied().unwrap_or_else(|| terms(row.n));
        let (n, count) = (f64::from(row.n), row.count);
        let ln_all = libm::log(gamma + row.total);
        let shape = p * n;
        [
            count * (base + q * ln_gamma - row.ln_mean + shape * row.ln_total - (shape + q) * ln_all),
            count * n * (at_all - at_own + row.ln_total - ln_all),
            count * (at_all - digamma_q + ln_gamma - ln_all),
            count * (q / gamma - (shape + q) / (gamma + row.total)),
        ]
    });
    let gradient = std::array::from_fn(|i| -theta[i] * sums[i + 1] / n_spenders);
    Evaluation { at: -sums[0] / n_spenders, gradient }
}

/// Pearson correlation of the number of amounts and their mean over customers; 0 when one of them is constant.
fn correlation(rows: &[(Spend, f64)]) -> f64 {
    let [count, n, mean] = sum_in_blocks(rows, |(s, k)| [*k, k * f64::from(s.n), k * s.mean]);
    let (n, mean) = (n / count, mean / count);
    let [both, n_square, mean_square] = sum_in_blocks(rows, |(s, k)| {
        let (x, y) = (f64::from(s.n) - n, s.mean - mean);
        [k * x * y, k * x * x, k * y * y]
    });
    if n_square > 0.0 && mean_square > 0.0 { both / (n_square * mean_square).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn gradient_meets_central_differences_and_loss_the_model() {
        let rows: Vec<(Spend, f64)> =
            [(1, 0.4, 3.0), (1, 2.0, 1.0), (2, 1.1, 4.0), (9, 0.7, 2.0), (80, 1.3, 1.0)]
                .into_iter()
                .map(|(n, mean, count)| (Spend { n, mean }, count))
                .collect();
        let random = Random::new(5);
        for k in 0..40 {
            let u: [f64; 3] = std::array::from_fn(|i| 1.2 * random.stream(k).normal(i as u64));
            let scaled: Vec<Scaled> = rows.iter().map(|(s, n)| Scaled::new(s, 1.0, *n)).collect();
            let here = mean_loss(&scaled, 11.0, &u);
            let [p, q, gamma] = u.map(libm::exp);
            let model = GammaGamma { p, q, gamma };
            let slow: f64 = rows.iter().map(|(s, n)| n * model.ln_likelihood(s)).sum();
            assert!((here.at + slow / 11.0).abs() < 1e-11 * (1.0 + here.at.abs()));
            for i in 0..3 {
                let moved = |by: f64| {
                    let mut to = u;
                    to[i] += by;
                    mean_loss(&scaled, 11.0, &to).at
                };
                let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((here.gradient[i] - slope).abs() < 2e-7 * (1.0 + slope.abs()), "{u:?} {i}");
            }
        }
    }

    #[test]
    fn correlation_by_hand() {
        let rows = [(Spend { n: 1, mean: 2.0 }, 1.0), (Spend { n: 2, mean: 4.0 }, 2.0)];
        assert!((correlation(&rows) - 1.0).abs() < 1e-15);
        assert_eq!(correlation(&rows[..1]), 0.0);
    }
}
