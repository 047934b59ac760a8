//! Maximum likelihood for the MBG/NBD.

use super::likelihood::{estimates, judge, restrained, sum_in_blocks, thinned, with_prior_if_needed};
use super::mbg::{History, MbgNbd};
use super::model::{CltvModel, check_summary};
use super::optimise::{Evaluation, minimise};
use super::params::CltvValid;
use super::report::{CltvReport, CltvWarning, Estimates};
use super::special::{digamma_rising, ln_beta_ratio, ln_rising, ln_stays, sigmoid_and_softplus};
use super::spend_fit::fit_spend;
use super::tally::histories;
use crate::error::DataError;
use crate::features::PurchaseSummary;
use crate::random::Random;

/// Fewer repeat buyers than this settle nothing, with or without a prior.
const MIN_REPEAT_BUYERS: u64 = 10;
/// Seed of the jittered starts: part of the method, not a choice.
const START_SEED: u64 = 0x4D42_474E_4244;

impl CltvValid {
    /// Fits both models on every customer of the summary. Same bytes for the same customers in any order and at
    /// any number of threads. O(distinct histories) per step.
    ///
    /// # Errors
    /// [`DataError::TooFew`] below 10 customers with a repeat order, [`DataError::BadCell`] for a history that
    /// cannot be, [`DataError::NotConverged`] when no acceptable optimum is reached.
    pub fn fit(&self, summary: &PurchaseSummary) -> Result<CltvModel, DataError> {
        check_summary(summary)?;
        let rows = histories(summary);
        let n_repeat_buyers = rows.iter().filter(|r| r.0.repeat_orders > 0).map(|r| r.1).sum::<f64>() as u64;
        if n_repeat_buyers < MIN_REPEAT_BUYERS {
            return Err(DataError::TooFew {
                model: "cltv",
                what: "customers with a repeat order",
                got: n_repeat_buyers as usize,
                need: MIN_REPEAT_BUYERS as usize,
            });
        }
        let mut warnings = Vec::new();
        if n_repeat_buyers < 100 {
            warnings.push(CltvWarning::FewRepeatBuyers { n: n_repeat_buyers });
        }
        let (purchases, estimates) = fit_purchases(&rows, n_repeat_buyers, &mut warnings)?;
        let nbd_ln_likelihood = nbd_ln_likelihood(&rows);
        let gain = estimates.ln_likelihood - nbd_ln_likelihood;
        if gain < 2.0 {
            warnings.push(CltvWarning::DropoutNotVisible { gain });
        }
        let (spend, spend_estimates) = fit_spend(summary, &mut warnings);
        let report = CltvReport {
            purchases: estimates,
            n_repeat_buyers,
            nbd_ln_likelihood,
            spend: spend_estimates,
            warnings,
        };
        Ok(CltvModel::new(self.clone(), purchases, spend, report))
    }
}

fn fit_purchases(
    rows: &[(History, f64)],
    n_repeat_buyers: u64,
    warnings: &mut Vec<CltvWarning>,
) -> Result<(MbgNbd, Estimates), DataError> {
    let unit = rows.iter().fold(0.0_f64, |unit, row| unit.max(row.0.age));
    let scaled = in_units_of(rows, unit);
    let n_customers: f64 = rows.iter().map(|row| row.1).sum();
    let (thin, starts) = (thinned(&scaled), starts());
    let n_thin: f64 = thin.iter().map(|row| row.1).sum();
    let run = |prior: bool| {
        let per_customer = if prior { 1.0 / n_customers } else { 0.0 };
        let loss = |rows: &[_], n: f64, u: &[f64; 4]| restrained(mean_loss(rows, n, u), u, per_customer);
        minimise(&|u| loss(&scaled, n_customers, u), &|u| loss(&thin, n_thin, u), &starts)
    };
    let (best, prior) = with_prior_if_needed(n_repeat_buyers, run);
    if prior {
        warnings.push(CltvWarning::WeakPrior { model: "purchases".to_owned(), n_repeat_buyers });
    }
    judge("purchases", &["r", "alpha", "a", "b"], &best, warnings)?;
    let [r, alpha, a, b] = best.point.map(libm::exp);
    let model = MbgNbd { r, alpha: alpha * unit, a, b };
    if r > 100.0 {
        warnings.push(CltvWarning::SameRateForAll);
    }
    if a + b > 200.0 {
        warnings.push(CltvWarning::SameDropoutForAll);
    }
    let ln_likelihood = sum_in_blocks(rows, |row| [row.1 * model.ln_likelihood(&row.0)])[0];
    Ok((model, estimates(&best, &[r, alpha * unit, a, b], n_customers, ln_likelihood)))
}

/// Two fixed starts and three jittered ones, as logarithms in scaled time.
fn starts() -> Vec<[f64; 4]> {
    let random = Random::new(START_SEED);
    let mut starts = vec![[0.0; 4], [0.5_f64, 0.3, 0.7, 0.5].map(libm::log)];
    for k in 0..3 {
        starts.push(std::array::from_fn(|i| random.stream(k).normal(i as u64)));
    }
    starts
}

fn in_units_of(rows: &[(History, f64)], unit: f64) -> Vec<(History, f64)> {
    let scale =
        |h: &History| History { age_at_last_order: h.age_at_last_order / unit, age: h.age / unit, ..*h };
    rows.iter().map(|(history, count)| (scale(history), *count)).collect()
}

/// What depends on x alone.
#[derive(Clone, Copy)]
struct Terms {
    base: f64,
    ln_odds: f64,
    d_r: f64,
    d_a: f64,
    d_b: f64,
}

impl Terms {
    fn new([r, _, a, b]: &[f64; 4], x: u32) -> Self {
        let y = x + 1;
        let d_ab = -digamma_rising(a + b, y);
        Self {
            base: ln_beta_ratio(*a, *b, y) + ln_rising(*r, x),
            ln_odds: ln_odds(*a, *b, x),
            d_r: digamma_rising(*r, x),
            d_a: d_ab,
            d_b: digamma_rising(*b, y) + d_ab,
        }
    }

    /// The terms of 0..=largest, each from the one before.
    fn table(theta: &[f64; 4], largest: u32) -> Vec<Self> {
        let [r, _, a, b] = *theta;
        let mut terms = Self::new(theta, 0);
        let mut table = Vec::with_capacity(largest as usize + 1);
        for x in 0..=largest {
            table.push(terms);
            let (rate, stays) = (r + f64::from(x), b + f64::from(x + 1));
            terms.base += libm::log(rate) + ln_stays(a, stays);
            terms.ln_odds = ln_odds(a, b, x + 1);
            terms.d_r += 1.0 / rate;
            terms.d_a -= 1.0 / (a + stays);
            terms.d_b += 1.0 / stays - 1.0 / (a + stays);
        }
        table
    }
}

fn ln_odds(a: f64, b: f64, x: u32) -> f64 {
    libm::log(a / (b + f64::from(x)))
}

/// Orders up to which the terms of a likelihood are tabulated.
const TABULATED: u32 = 64;

/// Mean negative log-likelihood and its gradient in the logarithms of (r, alpha, a, b).
fn mean_loss(rows: &[(History, f64)], n_customers: f64, u: &[f64; 4]) -> Evaluation<4> {
    let theta = u.map(libm::exp);
    let ([r, alpha, a, b], ln_alpha) = (theta, u[1]);
    let largest = rows.last().map_or(0, |row| row.0.repeat_orders);
    let table = Terms::table(&theta, largest.min(TABULATED));
    let sums = sum_in_blocks(rows, |(history, count)| {
        let x = history.repeat_orders;
        let terms = table.get(x as usize).copied().unwrap_or_else(|| Terms::new(&theta, x));
        let x = f64::from(x);
        let (to_last, to_end) = (alpha + history.age_at_last_order, alpha + history.age);
        // Differences of logarithms: sums need no more than absolute precision.
        let ln_end = libm::log(to_end);
        let silence = ln_end - if x > 0.0 { libm::log(to_last) } else { ln_alpha };
        let ln_growth = ln_end - ln_alpha;
        let (left, ln_odds_plus) = sigmoid_and_softplus(terms.ln_odds + (r + x) * silence);
        let ln_likelihood = terms.base - r * ln_growth - x * ln_end + ln_odds_plus;
        [
            count * ln_likelihood,
            count * (terms.d_r - ln_growth + left * silence),
            count * (r / alpha - (r + x) * ((1.0 - left) / to_end + left / to_last)),
            count * (terms.d_a + left / a),
            count * (terms.d_b - left / (b + x)),
        ]
    });
    let gradient = std::array::from_fn(|i| -theta[i] * sums[i + 1] / n_customers);
    Evaluation { at: -sums[0] / n_customers, gradient }
}

/// Log-likelihood of the NBD at its maximum: purchases without dropout.
fn nbd_ln_likelihood(rows: &[(History, f64)]) -> f64 {
    let unit = rows.iter().fold(0.0_f64, |unit, row| unit.max(row.0.age));
    let largest = rows.last().map_or(0, |row| row.0.repeat_orders);
    let loss = |rows: &[(History, f64)], u: &[f64; 2]| {
        let n_customers: f64 = rows.iter().map(|row| row.1).sum();
        let [r, alpha] = [libm::exp(u[0]), unit * libm::exp(u[1])];
        let terms = |x: u32| (ln_rising(r, x), digamma_rising(r, x));
        let table: Vec<_> = (0..=largest.min(TABULATED)).map(terms).collect();
        let ln_alpha = libm::log(alpha);
        let sums = sum_in_blocks(rows, |(history, count)| {
            let x = history.repeat_orders;
            let (ln_rising, d_r) = table.get(x as usize).copied().unwrap_or_else(|| terms(x));
            let ln_end = libm::log(alpha + history.age);
            [
                count * (ln_rising - r * (ln_end - ln_alpha) - f64::from(x) * ln_end),
                count * (d_r - (ln_end - ln_alpha)),
                count * (r / alpha - (r + f64::from(x)) / (alpha + history.age)),
            ]
        });
        let gradient = [-r * sums[1] / n_customers, -alpha * sums[2] / n_customers];
        restrained(Evaluation { at: -sums[0] / n_customers, gradient }, u, 0.0)
    };
    let thin = thinned(rows);
    let best = minimise(&|u| loss(rows, u), &|u| loss(&thin, u), &[[0.0; 2]]);
    -best.minimum * rows.iter().map(|row| row.1).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_rows() -> Vec<(History, f64)> {
        let row = |repeat_orders, age_at_last_order, age, count| {
            (History { repeat_orders, age_at_last_order, age }, count)
        };
        vec![
            row(0, 0.0, 0.0, 2.0),
            row(0, 0.0, 0.9, 30.0),
            row(1, 0.2, 0.7, 9.0),
            row(3, 0.6, 0.6, 4.0),
            row(7, 0.8, 1.0, 2.0),
            row(90, 0.9, 1.0, 1.0),
        ]
    }

    #[test]
    fn gradient_meets_central_differences() {
        let rows = some_rows();
        let random = Random::new(11);
        for k in 0..40 {
            let u: [f64; 4] = std::array::from_fn(|i| 1.5 * random.stream(k).normal(i as u64));
            let exact = mean_loss(&rows, 48.0, &u).gradient;
            for i in 0..4 {
                let moved = |by: f64| {
                    let mut to = u;
                    to[i] += by;
                    mean_loss(&rows, 48.0, &to).at
                };
                let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!(
                    (exact[i] - slope).abs() < 1e-7 * (1.0 + slope.abs()),
                    "{u:?} {i} {slope} {}",
                    exact[i]
                );
            }
        }
    }

    #[test]
    fn loss_is_the_model_s_likelihood() {
        let rows = some_rows();
        let model = MbgNbd { r: 0.7, alpha: 0.4, a: 1.3, b: 2.2 };
        let u = [model.r, model.alpha, model.a, model.b].map(libm::log);
        let slow: f64 = rows.iter().map(|(h, n)| n * model.ln_likelihood(h)).sum();
        assert!((mean_loss(&rows, 48.0, &u).at + slow / 48.0).abs() < 1e-12);
    }

    #[test]
    fn tabulated_terms_are_those_by_themselves() {
        for theta in [[0.7, 1.0, 1.3, 2.2], [1e-3, 1.0, 1e3, 1e-3], [90.0, 1.0, 1e-3, 40.0]] {
            for (x, tabulated) in (0..).zip(Terms::table(&theta, TABULATED)) {
                let alone = Terms::new(&theta, x);
                let close = |a: f64, b: f64| (a - b).abs() < 1e-12 * (1.0 + a.abs());
                assert!(
                    close(tabulated.base, alone.base) && close(tabulated.d_r, alone.d_r),
                    "{theta:?} {x}"
                );
                assert!(close(tabulated.d_a, alone.d_a) && close(tabulated.d_b, alone.d_b), "{theta:?} {x}");
                assert_eq!(tabulated.ln_odds, alone.ln_odds);
            }
        }
    }

    #[test]
    fn counted_rows_equal_exploded_rows() {
        let rows = some_rows();
        let exploded: Vec<(History, f64)> =
            rows.iter().flat_map(|(h, n)| std::iter::repeat_n((*h, 1.0), *n as usize)).collect();
        let u = [0.1, -0.5, 0.3, 0.8];
        let (a, b) = (mean_loss(&rows, 48.0, &u), mean_loss(&exploded, 48.0, &u));
        assert!((a.at - b.at).abs() < 1e-12 * a.at.abs());
    }
}
