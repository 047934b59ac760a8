//! Intervals by resampling customers, and what several comparisons at once ask for.

use serde::Serialize;

use super::ranking::MeanEstimate;
use crate::error::ParamError;
use crate::params::count_in;
use crate::random::Random;

/// Customers above which [`IntervalMethod::of`] takes the closed form: a mean of so many is normal, and the two agree.
pub const MOST_RESAMPLED: usize = 100_000;

/// Paired bootstrap of means over customers (Efron 1979): whole customers are drawn with replacement, so that several
/// models seen on one customer stay together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bootstrap {
    seed: u64,
    n_replicates: usize,
}

/// What the replicates of one mean are like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Resampled {
    /// 2.5 % of the replicates are below.
    pub low: f64,
    /// 2.5 % are above.
    pub high: f64,
    /// Their standard deviation.
    pub standard_error: f64,
}

/// How a 95 % interval is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum IntervalMethod {
    /// Percentiles of replicates.
    Bootstrap(Bootstrap),
    /// mean -+ 1.96 sd / sqrt(n).
    ClosedForm,
}

impl IntervalMethod {
    /// The bootstrap up to [`MOST_RESAMPLED`] customers, the closed form above.
    #[must_use]
    pub fn of(bootstrap: Bootstrap, n_customers: usize) -> Self {
        if n_customers > MOST_RESAMPLED { Self::ClosedForm } else { Self::Bootstrap(bootstrap) }
    }
}

impl std::fmt::Display for IntervalMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bootstrap(of) => {
                write!(f, "paired bootstrap, {} replicates, seed {}", of.n_replicates, of.seed)
            }
            Self::ClosedForm => write!(f, "closed form"),
        }
    }
}

impl Bootstrap {
    /// 2,000 replicates.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, n_replicates: 2000 }
    }

    /// Another number of replicates.
    ///
    /// # Errors
    /// [`ParamError`] unless there are 100 to 1,000,000.
    pub fn with_replicates(self, n_replicates: usize) -> Result<Self, ParamError> {
        count_in("bootstrap.n_replicates", n_replicates, 100, 1_000_000, "from 100 to 1000000")?;
        Ok(Self { n_replicates, ..self })
    }

    /// Replicates of the mean of every column of n_customers x `n_columns` finite cells, by row; empty without
    /// customers.
    ///
    /// All columns see the same draws: draw j of replicate r is a function of (seed, r, j), and sums run in the order of
    /// customers, so the bytes are the same at any number of threads. O(n_replicates * n_customers * n_columns); 32 bytes
    /// per customer and thread beside the cells.
    ///
    /// # Panics
    /// When the cells are no whole number of rows: a programmer error.
    #[must_use]
    pub fn of_means(&self, cells: &[f64], n_columns: usize) -> Vec<Resampled> {
        assert!(n_columns > 0 && cells.len().is_multiple_of(n_columns), "n_customers x n_columns cells");
        if cells.is_empty() {
            return Vec::new();
        }
        let replicates = self.replicates(cells, n_columns);
        let column = |at: usize| replicates.iter().map(|means| means[at]).collect();
        (0..n_columns).map(|at| resampled(column(at))).collect()
    }

    /// The means of every replicate, in order.
    fn replicates(&self, cells: &[f64], n_columns: usize) -> Vec<Vec<f64>> {
        let counts = || vec![0u32; cells.len() / n_columns * TOGETHER];
        let some = |counts: &mut Vec<u32>, at: usize| {
            let replicates = at * TOGETHER..self.n_replicates.min((at + 1) * TOGETHER);
            self.some_replicates(replicates, cells, n_columns, counts)
        };
        let n_groups = self.n_replicates.div_ceil(TOGETHER);
        #[cfg(feature = "train")]
        let groups: Vec<_> = {
            use rayon::prelude::*;
            (0..n_groups).into_par_iter().map_init(counts, some).collect()
        };
        #[cfg(not(feature = "train"))]
        let groups: Vec<_> = {
            let mut counts = counts();
            (0..n_groups).map(|at| some(&mut counts, at)).collect()
        };
        groups.into_iter().flatten().collect()
    }

    /// At most [`TOGETHER`] replicates; `counts` is working memory, so many per customer.
    fn some_replicates(
        &self,
        replicates: std::ops::Range<usize>,
        cells: &[f64],
        n_columns: usize,
        counts: &mut [u32],
    ) -> Vec<Vec<f64>> {
        let n_customers = cells.len() / n_columns;
        counts.fill(0);
        for (at, r) in replicates.clone().enumerate() {
            let random = Random::new(self.seed).stream(r as u64);
            let draw = |draw: usize| random.below(draw as u64, n_customers);
            (0..n_customers).map(draw).for_each(|customer| counts[customer * TOGETHER + at] += 1);
        }
        let mut means = vec![vec![0.0; n_columns]; replicates.len()];
        for (row, counts) in cells.chunks_exact(n_columns).zip(counts.chunks_exact(TOGETHER)) {
            for (sums, &count) in means.iter_mut().zip(counts).filter(|(_, count)| **count > 0) {
                sums.iter_mut().zip(row).for_each(|(sum, cell)| *sum += f64::from(count) * cell);
            }
        }
        means.iter_mut().flatten().for_each(|sum| *sum /= n_customers as f64);
        means
    }
}

/// Replicates that are summed in one pass over the cells, which are too many for the cache.
const TOGETHER: usize = 8;

fn resampled(mut means: Vec<f64>) -> Resampled {
    let n = means.len() as f64;
    let mean = means.iter().sum::<f64>() / n;
    let squares: f64 = means.iter().map(|x| (x - mean) * (x - mean)).sum();
    means.sort_unstable_by(f64::total_cmp);
    Resampled {
        low: quantile(&means, 0.025),
        high: quantile(&means, 0.975),
        standard_error: libm::sqrt(squares / (n - 1.0)),
    }
}

/// Of ascending numbers, with linear interpolation (Hyndman and Fan 1996, type 7).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place as usize], sorted[(place as usize + 1).min(sorted.len() - 1)]);
    below + (above - below) * place.fract()
}

/// The two-sided p-value of a mean against 0 by the normal approximation; `None` for a single customer.
#[must_use]
pub fn two_sided_p(mean: &MeanEstimate) -> Option<f64> {
    let standard_error = mean.standard_error?;
    Some(if mean.mean == 0.0 {
        1.0
    } else {
        // Without any spread this is erfc(infinity) = 0: every customer says the same.
        libm::erfc(mean.mean.abs() / standard_error * std::f64::consts::FRAC_1_SQRT_2)
    })
}

/// p-values that allow for their number, in the order given (Holm 1979): with the i-th smallest of m times m - i + 1, and
/// never below one before it.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_unstable_by(|&a, &b| p_values[a].total_cmp(&p_values[b]).then(a.cmp(&b)));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut least: f64 = 0.0;
    for (before, &at) in order.iter().enumerate() {
        least = least.max((p_values.len() - before) as f64 * p_values[at]).min(1.0);
        adjusted[at] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Skewed, as the metrics of short lists are.
    fn sample(n: usize, stream: u64) -> Vec<f64> {
        let random = Random::new(3).stream(stream);
        (0..n as u64).map(|at| random.uniform(at).powi(3) - 0.1).collect()
    }

    #[test]
    fn replicates_agree_with_the_closed_form() {
        for n in [300, 3000] {
            let (a, b) = (sample(n, 1), sample(n, 2));
            let cells: Vec<f64> = a.iter().zip(&b).flat_map(|(a, b)| [*a, a - b]).collect();
            let resampled = Bootstrap::new(11).of_means(&cells, 2);
            let closed = [MeanEstimate::of(&a).unwrap(), MeanEstimate::of_difference(&a, &b).unwrap()];
            for (resampled, closed) in resampled.iter().zip(closed) {
                let standard_error = closed.standard_error.unwrap();
                // The sd of 2,000 replicates is itself known to 1.6 %.
                assert!(
                    (resampled.standard_error / standard_error - 1.0).abs() < 0.05,
                    "{resampled:?} {closed:?}"
                );
                let (low, high) = closed.interval().unwrap();
                let tolerance = 0.2 * standard_error;
                assert!((resampled.low - low).abs() < tolerance, "{resampled:?} {closed:?}");
                assert!((resampled.high - high).abs() < tolerance, "{resampled:?} {closed:?}");
            }
        }
    }

    #[test]
    fn pairs_stay_together() {
        // b is a + 1 for everybody: whoever is drawn, the difference is 1.
        let cells: Vec<f64> = sample(50, 4).iter().flat_map(|a| [a + 1.0, a + 2.0]).collect();
        let random = Bootstrap::new(1).with_replicates(200).unwrap();
        for means in random.replicates(&cells, 2) {
            assert!((means[1] - means[0] - 1.0).abs() < 1e-12);
        }
        let differences: Vec<f64> = cells.chunks(2).map(|pair| (pair[1] - pair[0]).round()).collect();
        let same = Bootstrap::new(1).of_means(&differences, 1)[0];
        assert_eq!(same, Resampled { low: 1.0, high: 1.0, standard_error: 0.0 });
    }

    #[test]
    fn a_replicate_draws_as_many_customers_as_there_are() {
        for means in Bootstrap::new(5).replicates(&[1.0; 40], 1) {
            assert_eq!(means, [1.0]);
        }
        // Not a whole number of groups that are summed together.
        let some = Bootstrap::new(5).with_replicates(203).unwrap();
        let all = Bootstrap::new(5).replicates(&sample(30, 2), 1);
        assert_eq!(some.replicates(&sample(30, 2), 1), all[..203]);
        assert!(Bootstrap::new(5).of_means(&[], 3).is_empty());
        // One customer can only be drawn again.
        assert_eq!(Bootstrap::new(5).of_means(&[0.5], 1)[0].standard_error, 0.0);
    }

    #[test]
    fn the_seed_decides() {
        let cells = sample(100, 7);
        let of = |seed| Bootstrap::new(seed).of_means(&cells, 1);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn quantiles_and_bounds_by_hand() {
        assert_eq!(quantile(&[0.0, 1.0, 2.0, 3.0, 4.0], 0.25), 1.0);
        assert_eq!(quantile(&[0.0, 1.0, 2.0], 0.975), 1.95);
        for bad in [0, 99, 1_000_001] {
            assert_eq!(Bootstrap::new(1).with_replicates(bad).unwrap_err().field, "bootstrap.n_replicates");
        }
    }

    #[test]
    fn p_values_by_hand() {
        let mean = |mean, standard_error| MeanEstimate { mean, standard_error, n_customers: 9 };
        let p = two_sided_p(&mean(-1.959_963_984_540_054, Some(1.0))).unwrap();
        assert!((p - 0.05).abs() < 1e-12, "{p}");
        assert_eq!(two_sided_p(&mean(0.0, Some(0.0))), Some(1.0));
        assert_eq!(two_sided_p(&mean(0.2, Some(0.0))), Some(0.0));
        assert_eq!(two_sided_p(&mean(0.2, None)), None);
    }

    #[test]
    fn holm_by_hand() {
        // Ascending .01 .02 .04: times 3, 2, 1 gives .03 .04 .04.
        assert_eq!(holm(&[0.04, 0.01, 0.02]), [0.04, 0.03, 0.04]);
        assert_eq!(holm(&[0.6, 0.5]), [1.0, 1.0]);
        assert_eq!(holm(&[0.3]), [0.3]);
        assert!(holm(&[]).is_empty());
    }
}
