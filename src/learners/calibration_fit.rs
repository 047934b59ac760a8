//! Fitting calibrators on out-of-fold margins, and deciding whether one is worth keeping.

use super::calibration::Calibration;
use crate::cltv::special::{sigmoid, softplus};

/// From this many rows of the positive class isotonic calibration is tried, below it Platt's.
const ISOTONIC_FROM: usize = 1000;

/// The calibrator to use after a model whose *out-of-fold* margins these are: Platt's below 1,000 positives, isotonic
/// from there; kept only if it lowers the log-loss, cross-validated over the same folds, by more than one standard
/// error of the difference, otherwise [`Calibration::Identity`].
#[must_use]
pub fn choose_calibration(margins: &[f64], labels: &[bool], folds: &[usize], n_folds: usize) -> Calibration {
    let n_positive = labels.iter().filter(|label| **label).count();
    let fit = |rows: &[(f64, bool)]| {
        if n_positive < ISOTONIC_FROM { platt(rows) } else { isotonic(rows) }
    };
    let mut gains = vec![0.0; margins.len()];
    for fold in 0..n_folds {
        let rows: Vec<(f64, bool)> =
            (0..margins.len()).filter(|&i| folds[i] != fold).map(|i| (margins[i], labels[i])).collect();
        let Some(calibration) = fit(&rows) else { return Calibration::Identity };
        for i in (0..margins.len()).filter(|&i| folds[i] == fold) {
            let before = softplus(if labels[i] { -margins[i] } else { margins[i] });
            let p = calibration.probability(margins[i]);
            let after = -libm::log(if labels[i] { p } else { 1.0 - p }.max(1e-15));
            gains[i] = before - after;
        }
    }
    let n = gains.len() as f64;
    let mean = gains.iter().sum::<f64>() / n;
    let variance = gains.iter().map(|g| (g - mean) * (g - mean)).sum::<f64>() / n;
    if mean > (variance / n).sqrt() {
        let rows: Vec<(f64, bool)> = margins.iter().copied().zip(labels.iter().copied()).collect();
        return fit(&rows).unwrap_or(Calibration::Identity);
    }
    Calibration::Identity
}

/// Platt's two parameters by Newton with his smoothed targets; `None` when a class is missing or the slope is not
/// positive (the model is useless or the wrong way round).
fn platt(rows: &[(f64, bool)]) -> Option<Calibration> {
    let n_positive = rows.iter().filter(|row| row.1).count() as f64;
    let n_negative = rows.len() as f64 - n_positive;
    if n_positive == 0.0 || n_negative == 0.0 {
        return None;
    }
    let target =
        |label: bool| if label { (n_positive + 1.0) / (n_positive + 2.0) } else { 1.0 / (n_negative + 2.0) };
    // Standardised margins and a start at the base rate: nothing saturates, however far apart the margins are.
    let n = rows.len() as f64;
    let mean = rows.iter().map(|row| row.0).sum::<f64>() / n;
    let sd = (rows.iter().map(|row| (row.0 - mean).powi(2)).sum::<f64>() / n).sqrt();
    if !(sd > 0.0 && sd.is_finite()) {
        return None;
    }
    let points: Vec<(f64, f64)> = rows.iter().map(|&(m, label)| ((m - mean) / sd, target(label))).collect();
    let (slope, intercept) = newton_in_two(&points, libm::log(n_positive / n_negative));
    let (slope, intercept) = (slope / sd, intercept - slope * mean / sd);
    (slope > 0.0 && slope.is_finite() && intercept.is_finite())
        .then_some(Calibration::Platt { slope, intercept })
}

/// Slope and intercept that minimise the log-loss of (x, target share) from (0, `start`): Newton with halving.
fn newton_in_two(points: &[(f64, f64)], start: f64) -> (f64, f64) {
    let loss = |a: f64, b: f64| -> f64 {
        points.iter().map(|&(x, target)| softplus(a * x + b) - target * (a * x + b)).sum()
    };
    let (mut a, mut b) = (0.0, start);
    let mut here = loss(a, b);
    for _ in 0..100 {
        let [mut ga, mut gb, mut haa, mut hab, mut hbb] = [0.0, 0.0, 1e-12, 0.0, 1e-12];
        for &(x, target) in points {
            let p = sigmoid(a * x + b);
            let (g, h) = (p - target, p * (1.0 - p));
            ga += g * x;
            gb += g;
            haa += h * x * x;
            hab += h * x;
            hbb += h;
        }
        let determinant = haa * hbb - hab * hab;
        let (da, db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
        let shares = std::iter::successors(Some(1.0), |share| Some(0.5 * share)).take(30);
        let lower =
            shares.map(|s| (a - s * da, b - s * db)).map(|(a, b)| (a, b, loss(a, b))).find(|l| l.2 < here);
        let Some(next) = lower else { break };
        let gain = here - next.2;
        (a, b, here) = next;
        if gain < 1e-13 * here.abs() {
            break;
        }
    }
    (a, b)
}

/// Pool-adjacent-violators on margins, equal margins pooled first so that the order of ties cannot matter; `None`
/// when a class is missing.
fn isotonic(rows: &[(f64, bool)]) -> Option<Calibration> {
    let blocks = pooled(rows);
    let n = rows.len() as f64;
    let base = rows.iter().filter(|row| row.1).count() as f64 / n;
    if !(base > 0.0 && base < 1.0) {
        return None;
    }
    let margins = blocks.iter().map(|block| 0.5 * (block.low + block.high)).collect();
    let mut rates: Vec<f64> = blocks.iter().map(|block| block.positives / block.n).collect();
    // Certainty would make the log-loss infinite; only the two end blocks can be certain, and order must hold.
    let last = rates.len() - 1;
    if rates[0] == 0.0 {
        let floor = base / (blocks[0].n + 1.0);
        rates[0] = if last > 0 { floor.min(rates[1]) } else { floor };
    }
    if rates[last] == 1.0 {
        let ceiling = 1.0 - (1.0 - base) / (blocks[last].n + 1.0);
        rates[last] = if last > 0 { ceiling.max(rates[last - 1]) } else { ceiling };
    }
    Some(Calibration::Isotonic { margins, rates })
}

/// Rows whose rate is one.
#[derive(Clone, Copy, Debug)]
struct Block {
    low: f64,
    high: f64,
    n: f64,
    positives: f64,
}

fn pooled(rows: &[(f64, bool)]) -> Vec<Block> {
    let mut sorted = rows.to_vec();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut points: Vec<Block> = Vec::new();
    for (margin, label) in sorted {
        let positives = f64::from(u8::from(label));
        match points.last_mut() {
            Some(last) if last.low == margin => {
                last.n += 1.0;
                last.positives += positives;
            }
            _ => points.push(Block { low: margin, high: margin, n: 1.0, positives }),
        }
    }
    let mut blocks: Vec<Block> = Vec::new();
    for mut block in points {
        // Rates are compared by cross-multiplication: exact for counts.
        while let Some(last) =
            blocks.last().filter(|last| last.positives * block.n >= block.positives * last.n)
        {
            block = Block {
                low: last.low,
                high: block.high,
                n: last.n + block.n,
                positives: last.positives + block.positives,
            };
            blocks.pop();
        }
        blocks.push(block);
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn isotonic_hand_case_with_ties_in_any_order() {
        let scores = [0.1, 0.2, 0.2, 0.3, 0.4, 0.4, 0.5];
        let labels = [false, true, false, false, true, true, false];
        let mut rows: Vec<(f64, bool)> = scores.into_iter().zip(labels).collect();
        for _ in 0..7 {
            rows.rotate_left(3);
            let blocks: Vec<(f64, f64, f64)> =
                pooled(&rows).iter().map(|b| (b.low, b.high, b.positives / b.n)).collect();
            assert_eq!(blocks, [(0.1, 0.1, 0.0), (0.2, 0.3, 1.0 / 3.0), (0.4, 0.5, 2.0 / 3.0)]);
        }
        // The first block of rate 0 becomes min(pi / (1 + 1), next).
        let Some(Calibration::Isotonic { rates, .. }) = isotonic(&rows) else { panic!() };
        assert!((rates[0] - 3.0 / 14.0).abs() < 1e-15 && rates.is_sorted());
        assert_eq!(isotonic(&[(0.0, true), (1.0, true)]), None);
    }

    #[test]
    fn certain_blocks_keep_order_and_finite_loss() {
        let rows: Vec<(f64, bool)> = (0..40).map(|i| (f64::from(i), i >= 20)).collect();
        let Some(Calibration::Isotonic { rates, .. }) = isotonic(&rows) else { panic!() };
        assert_eq!(rates.len(), 2);
        assert!(rates[0] > 0.0 && rates[1] < 1.0 && rates[0] < rates[1]);
    }

    fn distorted(n: usize, slope: f64, shift: f64) -> (Vec<f64>, Vec<bool>, Vec<usize>) {
        let random = Random::new(4);
        let truth: Vec<f64> = (0..n).map(|i| 1.5 * random.normal(i as u64)).collect();
        let labels = (0..n).map(|i| random.stream(1).uniform(i as u64) < sigmoid(truth[i])).collect();
        let margins = truth.iter().map(|m| (m - shift) / slope).collect();
        (margins, labels, (0..n).map(|i| i % 5).collect())
    }

    #[test]
    fn a_distorted_model_is_corrected_and_a_good_one_left_alone() {
        let (margins, labels, folds) = distorted(1500, 0.4, 1.0);
        match choose_calibration(&margins, &labels, &folds, 5) {
            Calibration::Platt { slope, intercept } => {
                assert!((slope - 0.4).abs() < 0.05 && (intercept - 1.0).abs() < 0.15, "{slope} {intercept}");
            }
            other => panic!("{other:?}"),
        }
        let (margins, labels, folds) = distorted(6000, 0.4, 1.0);
        let many = choose_calibration(&margins, &labels, &folds, 5);
        assert!(matches!(many, Calibration::Isotonic { .. }), "{many:?}");
        let by_order: Vec<f64> = (-300..300).map(|m| many.probability(f64::from(m) * 0.1)).collect();
        assert!(by_order.is_sorted() && by_order[0] > 0.0 && by_order[599] < 1.0);
        for n in [1500, 6000] {
            let (margins, labels, folds) = distorted(n, 1.0, 0.0);
            assert_eq!(choose_calibration(&margins, &labels, &folds, 5), Calibration::Identity);
        }
    }

    #[test]
    fn hopeless_models_are_refused() {
        let (margins, labels, _) = distorted(400, 1.0, 0.0);
        let reversed: Vec<(f64, bool)> = margins.iter().map(|m| -m).zip(labels.iter().copied()).collect();
        assert_eq!(platt(&reversed), None);
        assert_eq!(platt(&[(1.0, true), (2.0, true)]), None);
        let extreme = [(-700.0, false), (700.0, true), (-700.0, false), (700.0, true)];
        assert!(platt(&extreme).is_some());
    }
}
