//! Metrics of probabilities for two classes. Ties are handled exactly, so the order of rows changes nothing.

use serde::{Deserialize, Serialize};

use super::moments::Moments;
use crate::error::DataError;

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Estimate {
    fn normal(estimate: f64, standard_error: f64) -> Self {
        let half = Z95 * standard_error;
        Self { estimate, low: estimate - half, high: estimate + half }
    }
}

/// The .975 quantile of the standard normal distribution.
const Z95: f64 = 1.959_963_984_540_054;
/// Probabilities are kept this far from 0 and 1 inside logarithms.
const CLIP: f64 = 1e-15;

/// One group of rows by predicted rank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankGroup {
    /// Rows; fractional where a group of equal scores lies across the boundary.
    pub n: f64,
    /// Positives among them; such a group counts with its mean rate.
    pub n_positive: f64,
    /// Positives over rows.
    pub rate: f64,
    /// Rate over the base rate.
    pub lift: f64,
    /// Share of all positives in this and the groups before.
    pub cumulative_gain: f64,
    /// Mean predicted probability.
    pub p_mean: f64,
}

/// One bin of a reliability curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Rows.
    pub n: usize,
    /// Mean predicted probability.
    pub p_mean: f64,
    /// Observed rate with its Wilson interval.
    pub rate: Estimate,
}

/// Probabilities beside what happened, checked and sorted by score once for all metrics.
#[derive(Clone, Debug)]
pub struct Outcomes {
    /// (score, probability, label) by falling score.
    rows: Vec<(f64, f64, bool)>,
    n_positive: usize,
}

impl Outcomes {
    /// Rows with a score that ranks (a margin, say), a probability and a label.
    ///
    /// # Errors
    /// [`DataError::Shape`] when lengths differ, [`DataError::BadCell`] for a score that is not a number or a
    /// probability outside 0..=1, [`DataError::TooFew`] when a class is missing.
    pub fn new(scores: &[f64], probabilities: &[f64], labels: &[bool]) -> Result<Self, DataError> {
        for (what, got) in
            [("number of probabilities", probabilities.len()), ("number of labels", labels.len())]
        {
            if got != scores.len() {
                return Err(DataError::Shape { model: "metrics", what, got, expected: scores.len() });
            }
        }
        let bad = |row: usize, column: &str, cell: f64, rule: &'static str| {
            Err(DataError::BadCell {
                model: "metrics",
                row,
                column: column.to_owned(),
                value: cell.to_string(),
                rule,
            })
        };
        for row in 0..scores.len() {
            if scores[row].is_nan() {
                return bad(row, "score", scores[row], "a number");
            }
            if !(0.0..=1.0).contains(&probabilities[row]) {
                return bad(row, "probability", probabilities[row], "from 0 to 1");
            }
        }
        let n_positive = labels.iter().filter(|label| **label).count();
        for (got, what) in [(n_positive, "positive rows"), (labels.len() - n_positive, "negative rows")] {
            if got == 0 {
                return Err(DataError::TooFew { model: "metrics", what, got, need: 1 });
            }
        }
        let mut rows: Vec<(f64, f64, bool)> =
            (0..scores.len()).map(|i| (scores[i], probabilities[i], labels[i])).collect();
        // Probability and label as well, so that sums run in an order that the rows' order cannot change.
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(b.2.cmp(&a.2)));
        Ok(Self { rows, n_positive })
    }

    /// Rows that rank by their probability.
    ///
    /// # Errors
    /// As [`Outcomes::new`].
    pub fn of_probabilities(probabilities: &[f64], labels: &[bool]) -> Result<Self, DataError> {
        Self::new(probabilities, probabilities, labels)
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// Number of positive rows.
    #[must_use]
    pub fn n_positive(&self) -> usize {
        self.n_positive
    }

    /// Positives over rows.
    #[must_use]
    pub fn base_rate(&self) -> f64 {
        self.n_positive as f64 / self.rows.len() as f64
    }

    /// P(score of a positive > score of a negative) + half P(equal), with the interval of DeLong, DeLong and
    /// Clarke-Pearson (1988); the standard error is 0 with one row in a class.
    #[must_use]
    pub fn auc(&self) -> Estimate {
        let (n1, n0) = (self.n_positive as f64, (self.rows.len() - self.n_positive) as f64);
        // Shares of the other class that a row beats, ties half: their means are the AUC, their spread its error.
        let (mut positives, mut negatives) = (Moments::default(), Moments::default());
        let (mut above1, mut above0) = (0.0, 0.0);
        for group in self.ties() {
            let p = group.iter().filter(|row| row.2).count() as f64;
            let n = group.len() as f64 - p;
            positives.add(1.0 - (above0 + 0.5 * n) / n0, p);
            negatives.add((above1 + 0.5 * p) / n1, n);
            above1 += p;
            above0 += n;
        }
        Estimate::normal(
            positives.mean(),
            (positives.variance_of_mean() + negatives.variance_of_mean()).sqrt(),
        )
    }

    /// Average precision: Σ (recall step) x precision over distinct scores. Print [`Outcomes::base_rate`] beside it.
    #[must_use]
    pub fn pr_auc(&self) -> f64 {
        let (mut seen, mut found, mut sum) = (0.0, 0.0, 0.0);
        for group in self.ties() {
            let p = group.iter().filter(|row| row.2).count() as f64;
            seen += group.len() as f64;
            found += p;
            sum += p * found / seen;
        }
        sum / self.n_positive as f64
    }

    /// Mean of -ln(probability of what happened), probabilities clipped to 1e-15 from 0 and 1; normal interval.
    #[must_use]
    pub fn log_loss(&self) -> Estimate {
        self.mean_of(|p, label| {
            let p = p.clamp(CLIP, 1.0 - CLIP);
            if label { -libm::log(p) } else { -libm::log1p(-p) }
        })
    }

    /// Log-loss of giving everybody the base rate.
    #[must_use]
    pub fn log_loss_of_base_rate(&self) -> f64 {
        let p = self.base_rate();
        -p * libm::log(p) - (1.0 - p) * libm::log1p(-p)
    }

    /// Rows whose probability was clipped in [`Outcomes::log_loss`].
    #[must_use]
    pub fn n_clipped(&self) -> usize {
        self.rows.iter().filter(|row| !(CLIP..=1.0 - CLIP).contains(&row.1)).count()
    }

    /// Mean squared difference of probability and outcome; normal interval.
    #[must_use]
    pub fn brier(&self) -> Estimate {
        self.mean_of(|p, label| (p - f64::from(u8::from(label))).powi(2))
    }

    /// Expected calibration error over `n_bins` bins of equal mass by probability, equal probabilities never split:
    /// Σ share x |observed rate - mean probability|. With 10 bins it is called ECE10.
    ///
    /// # Panics
    /// When `n_bins` is 0: a programmer error.
    #[must_use]
    pub fn calibration_error(&self, n_bins: usize) -> f64 {
        let n = self.rows.len() as f64;
        self.reliability(n_bins)
            .iter()
            .map(|bin| bin.n as f64 / n * (bin.rate.estimate - bin.p_mean).abs())
            .sum()
    }

    /// Reliability curve in the bins of [`Outcomes::calibration_error`], by rising probability.
    ///
    /// # Panics
    /// When `n_bins` is 0: a programmer error.
    #[must_use]
    pub fn reliability(&self, n_bins: usize) -> Vec<ReliabilityBin> {
        assert!(n_bins > 0, "at least one bin");
        let mut rows: Vec<(f64, bool)> = self.rows.iter().map(|row| (row.1, row.2)).collect();
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut bins = Vec::new();
        let mut start = 0;
        for k in 1..=n_bins {
            let mut end = (rows.len() * k).div_ceil(n_bins).max(start);
            while end > start && end < rows.len() && rows[end].0 == rows[end - 1].0 {
                end += 1;
            }
            if end > start {
                bins.push(reliability_bin(&rows[start..end]));
            }
            start = end;
        }
        bins
    }

    /// Rate of the `share` of rows with the highest scores over the base rate, with the Wilson interval of that rate. A
    /// group of equal scores across the boundary counts with its mean rate.
    ///
    /// # Panics
    /// When `share` is not in (0, 1]: a programmer error.
    #[must_use]
    pub fn lift(&self, share: f64) -> Estimate {
        assert!(share > 0.0 && share <= 1.0, "share of rows");
        let n = share * self.rows.len() as f64;
        let rate = wilson(self.positives_in_top(n), n);
        let base = self.base_rate();
        Estimate { estimate: rate.estimate / base, low: rate.low / base, high: rate.high / base }
    }

    /// Ten groups of equal size by falling score.
    #[must_use]
    pub fn deciles(&self) -> Vec<RankGroup> {
        let n = self.rows.len() as f64 / 10.0;
        let base = self.base_rate();
        let mut before = (0.0, 0.0);
        (1..=10)
            .map(|k| {
                let upto = n * f64::from(k);
                let found = self.top(upto);
                let (n_positive, p_sum) = (found.0 - before.0, found.1 - before.1);
                before = found;
                RankGroup {
                    n,
                    n_positive,
                    rate: n_positive / n,
                    lift: n_positive / n / base,
                    cumulative_gain: found.0 / self.n_positive as f64,
                    p_mean: p_sum / n,
                }
            })
            .collect()
    }

    fn positives_in_top(&self, n: f64) -> f64 {
        self.top(n).0
    }

    /// (positives, sum of probabilities) among the first `n` rows, ties at their mean.
    fn top(&self, n: f64) -> (f64, f64) {
        let (mut seen, mut positives, mut p_sum) = (0.0, 0.0, 0.0);
        for group in self.ties() {
            let size = group.len() as f64;
            let share = ((n - seen) / size).min(1.0);
            positives += share * group.iter().filter(|row| row.2).count() as f64;
            p_sum += share * group.iter().map(|row| row.1).sum::<f64>();
            seen += size;
            if seen >= n {
                break;
            }
        }
        (positives, p_sum)
    }

    /// Rows of equal score, by falling score.
    fn ties(&self) -> impl Iterator<Item = &[(f64, f64, bool)]> {
        self.rows.chunk_by(|a, b| a.0 == b.0)
    }

    fn mean_of(&self, of: impl Fn(f64, bool) -> f64) -> Estimate {
        let mut moments = Moments::default();
        for row in &self.rows {
            moments.add(of(row.1, row.2), 1.0);
        }
        Estimate::normal(moments.mean(), moments.variance_of_mean().sqrt())
    }
}

fn reliability_bin(rows: &[(f64, bool)]) -> ReliabilityBin {
    let n = rows.len() as f64;
    let n_positive = rows.iter().filter(|row| row.1).count() as f64;
    ReliabilityBin {
        n: rows.len(),
        p_mean: rows.iter().map(|row| row.0).sum::<f64>() / n,
        rate: wilson(n_positive, n),
    }
}

/// A rate with its Wilson score interval at 95 % (Wilson 1927); `n` is above 0 and may be fractional.
#[must_use]
pub fn wilson(n_positive: f64, n: f64) -> Estimate {
    let rate = n_positive / n;
    let z = Z95 * Z95 / n;
    let middle = (rate + 0.5 * z) / (1.0 + z);
    let half = Z95 / (1.0 + z) * (rate * (1.0 - rate) / n + 0.25 * z / n).max(0.0).sqrt();
    Estimate { estimate: rate, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [bool; 10] = [true, true, false, true, false, false, false, false, false, false];
    const DISTINCT: [f64; 10] = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05];
    const TIED: [f64; 10] = [0.9, 0.6, 0.6, 0.6, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3];

    fn close(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-9, "{got}, expected {want}");
    }

    #[test]
    fn hand_case_without_ties() {
        let o = Outcomes::of_probabilities(&DISTINCT, &LABELS).unwrap();
        close(o.auc().estimate, 0.952_380_952_380_952);
        close(o.pr_auc(), 0.916_666_666_666_667);
        close(o.log_loss().estimate, 0.398_374_760);
        close(o.brier().estimate, 0.12525);
        close(o.calibration_error(5), 0.215);
        close(o.lift(0.2).estimate, 10.0 / 3.0);
        let deciles = o.deciles();
        close(deciles[0].lift, 10.0 / 3.0);
        close(deciles[3].cumulative_gain, 1.0);
        close(deciles.iter().map(|d| d.n_positive).sum::<f64>(), 3.0);
        close(deciles[9].p_mean, 0.05);
    }

    #[test]
    fn hand_case_with_ties() {
        let o = Outcomes::of_probabilities(&TIED, &LABELS).unwrap();
        close(o.auc().estimate, 0.952_380_952_380_952);
        close(o.pr_auc(), 0.833_333_333_333_333);
        close(o.log_loss().estimate, 0.485_629_663);
        close(o.brier().estimate, 0.155);
        // The three at .6 hold two positives: the second row counts two thirds.
        close(o.lift(0.2).estimate, (1.0 + 2.0 / 3.0) / 2.0 / 0.3);
    }

    #[test]
    fn delong_by_hand() {
        // Positives 3, 1; negatives 2, 0. Shares beaten: 1, 1/2 and 1/2, 1... AUC 3/4, both variances 1/8 over 2.
        let o = Outcomes::new(&[3.0, 1.0, 2.0, 0.0], &[0.5; 4], &[true, true, false, false]).unwrap();
        let auc = o.auc();
        close(auc.estimate, 0.75);
        close((auc.high - auc.low) / 2.0 / Z95, (0.125_f64 / 2.0 + 0.125 / 2.0).sqrt());
    }

    #[test]
    fn order_of_rows_changes_nothing() {
        let o = Outcomes::of_probabilities(&TIED, &LABELS).unwrap();
        let (mut p, mut l) = (TIED, LABELS);
        for _ in 0..9 {
            p.rotate_left(1);
            l.rotate_left(1);
            p.swap(0, 5);
            l.swap(0, 5);
            let other = Outcomes::of_probabilities(&p, &l).unwrap();
            assert_eq!(o.auc(), other.auc());
            assert_eq!(o.log_loss(), other.log_loss());
            assert_eq!(o.deciles(), other.deciles());
            assert_eq!(o.reliability(5), other.reliability(5));
            assert_eq!(o.pr_auc().to_bits(), other.pr_auc().to_bits());
        }
    }

    #[test]
    fn equal_probabilities_share_a_bin() {
        let o = Outcomes::of_probabilities(&[0.4; 10], &LABELS).unwrap();
        assert_eq!(o.reliability(5).len(), 1);
        close(o.calibration_error(5), 0.1);
        close(o.auc().estimate, 0.5);
        close(o.lift(0.1).estimate, 1.0);
    }

    #[test]
    fn every_refusal_has_a_type() {
        assert!(matches!(Outcomes::of_probabilities(&[0.5], &LABELS), Err(DataError::Shape { .. })));
        for p in [f64::NAN, -0.1, 1.1] {
            let bad = Outcomes::new(&[1.0, 2.0], &[0.5, p], &[true, false]);
            assert!(matches!(bad, Err(DataError::BadCell { row: 1, .. })));
        }
        let bad = Outcomes::new(&[f64::NAN, 2.0], &[0.5, 0.5], &[true, false]);
        assert!(matches!(bad, Err(DataError::BadCell { row: 0, .. })));
        for label in [true, false] {
            let bad = Outcomes::of_probabilities(&[0.5, 0.6], &[label; 2]);
            assert!(matches!(bad, Err(DataError::TooFew { .. })));
        }
        assert!(Outcomes::of_probabilities(&[], &[]).is_err());
        assert_eq!(Outcomes::of_probabilities(&[0.0, 1.0], &[true, false]).unwrap().n_clipped(), 2);
    }
}
