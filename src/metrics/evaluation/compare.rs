//! Models beside one of them, customer by customer.

use std::fmt;

use serde::Serialize;

use super::{Convention, Evaluation, Segmentation};
use crate::error::{DataError, ParamError};
use crate::metrics::bootstrap::{Bootstrap, IntervalMethod, holm, two_sided_p};
use crate::metrics::ranking::{MeanEstimate, RankingMetric};

/// One model against the baseline in one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The model.
    pub model: String,
    /// The metric.
    pub metric: RankingMetric,
    /// Its cut.
    pub k: usize,
    /// Mean over customers of model minus baseline, with its closed-form standard error.
    pub difference: MeanEstimate,
    /// 95 % interval of the difference by [`Comparisons::method`]; absent for a single customer.
    pub interval: Option<(f64, f64)>,
    /// Against no difference, by the normal approximation, as if it were the only comparison.
    pub p_value: Option<f64>,
    /// The same allowing for the number of models tried against the baseline (Holm 1979), in this metric and cut.
    pub p_adjusted: Option<f64>,
}

impl Comparison {
    /// Whether the interval of the difference lies on one side of 0.
    #[must_use]
    pub fn excludes_zero(&self) -> bool {
        self.interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0)
    }
}

/// Every other model against one baseline on the same customers, under full ranking.
///
/// It cannot be made, printed or written without its [`Convention`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparisons {
    convention: Convention,
    baseline: String,
    /// Segmentation and level, where it is not everybody.
    segment: Option<(String, String)>,
    method: IntervalMethod,
    n_tried: usize,
    rows: Vec<Comparison>,
}

impl Evaluation<'_> {
    /// Every other model against `baseline`, in every metric and cut.
    ///
    /// Intervals are percentiles of the paired bootstrap, above 100,000 customers the closed form
    /// ([`IntervalMethod::of`]). O(n_replicates x n_customers x comparisons). Memory: 16 bytes per customer and
    /// comparison, of at most 8 million such cells at a time.
    ///
    /// # Errors
    /// [`CompareError::Param`] for a baseline that is none of the models, [`CompareError::Data`] when no customer has a
    /// test item.
    pub fn compare(&self, baseline: &str, bootstrap: Bootstrap) -> Result<Comparisons, CompareError> {
        self.check_judged()?;
        let everybody: Vec<usize> = (0..self.customers.len()).collect();
        self.compare_rows(baseline, bootstrap, None, &everybody)
    }

    /// The same inside every level of a segmentation.
    ///
    /// # Errors
    /// As [`Evaluation::compare`], and [`CompareError::Data`] when the segmentation does not have all customers.
    pub fn compare_by(
        &self,
        segmentation: &Segmentation,
        baseline: &str,
        bootstrap: Bootstrap,
    ) -> Result<Vec<Comparisons>, CompareError> {
        self.check_judged()?;
        let levels = segmentation.rows(&self.customers)?.into_iter();
        let compare = |(level, rows): (String, Vec<usize>)| {
            let segment = Some((segmentation.name().to_owned(), level));
            self.compare_rows(baseline, bootstrap, segment, &rows)
        };
        levels.map(compare).collect()
    }

    fn compare_rows(
        &self,
        baseline: &str,
        bootstrap: Bootstrap,
        segment: Option<(String, String)>,
        rows: &[usize],
    ) -> Result<Comparisons, CompareError> {
        let models = &self.params.models;
        let Some(base) = models.iter().position(|model| model == baseline) else {
            return Err(
                ParamError::new("evaluation.baseline", format!("{baseline:?}"), "one of the models").into()
            );
        };
        let others: Vec<usize> = (0..models.len()).filter(|&model| model != base).collect();
        let method = IntervalMethod::of(bootstrap, rows.len());
        let metrics: Vec<(RankingMetric, usize)> = self.metrics().collect();
        let at_once = (MOST_CELLS / (rows.len() * others.len().max(1))).max(1);
        let chunks = metrics.chunks(at_once);
        Ok(Comparisons {
            convention: Convention { n_customers: rows.len(), ..self.convention() },
            baseline: baseline.to_owned(),
            segment,
            method,
            n_tried: others.len(),
            rows: chunks.flat_map(|metrics| self.differences(base, &others, metrics, rows, method)).collect(),
        })
    }

    /// Some metrics of all other models against the baseline.
    fn differences(
        &self,
        base: usize,
        others: &[usize],
        metrics: &[(RankingMetric, usize)],
        rows: &[usize],
        method: IntervalMethod,
    ) -> Vec<Comparison> {
        let discounts = self.discounts();
        let pairs =
            || metrics.iter().flat_map(|&(metric, k)| others.iter().map(move |&model| (metric, k, model)));
        let columns: Vec<Vec<f64>> = pairs()
            .map(|(metric, k, model)| {
                let of = |model| self.column(&discounts, model, metric, k);
                let (ours, theirs) = (of(model), of(base));
                rows.iter().map(|&row| ours(row) - theirs(row)).collect()
            })
            .collect();
        let intervals = intervals(&columns, rows.len(), method);
        let compared =
            pairs().zip(&columns).zip(intervals).filter_map(|(((metric, k, model), column), interval)| {
                let difference = MeanEstimate::of(column)?;
                let (model, p_value) = (self.params.models[model].clone(), two_sided_p(&difference));
                Some(Comparison { model, metric, k, difference, interval, p_value, p_adjusted: None })
            });
        let mut compared: Vec<Comparison> = compared.collect();
        compared.chunks_mut(others.len().max(1)).for_each(adjust);
        compared
    }
}

/// Cells of differences that are held at once.
const MOST_CELLS: usize = 8_000_000;

fn intervals(columns: &[Vec<f64>], n_rows: usize, method: IntervalMethod) -> Vec<Option<(f64, f64)>> {
    match method {
        IntervalMethod::ClosedForm => {
            columns.iter().map(|column| MeanEstimate::of(column)?.interval()).collect()
        }
        IntervalMethod::Bootstrap(_) if columns.is_empty() || n_rows < 2 => vec![None; columns.len()],
        IntervalMethod::Bootstrap(bootstrap) => {
            let cells: Vec<f64> =
                (0..n_rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
            let resampled = bootstrap.of_means(&cells, columns.len());
            resampled.iter().map(|of| Some((of.low, of.high))).collect()
        }
    }
}

/// p-values of all models in one metric and cut.
fn adjust(family: &mut [Comparison]) {
    let p_values: Option<Vec<f64>> = family.iter().map(|row| row.p_value).collect();
    let adjusted = p_values.map(|p_values| holm(&p_values));
    for (row, p) in family.iter_mut().zip(adjusted.into_iter().flatten()) {
        row.p_adjusted = Some(p);
    }
}

impl Comparisons {
    /// What the numbers mean.
    #[must_use]
    pub fn convention(&self) -> &Convention {
        &self.convention
    }

    /// What the models are compared with.
    #[must_use]
    pub fn baseline(&self) -> &str {
        &self.baseline
    }

    /// Segmentation and level; `None` for everybody.
    #[must_use]
    pub fn segment(&self) -> Option<(&str, &str)> {
        self.segment.as_ref().map(|(segmentation, level)| (segmentation.as_str(), level.as_str()))
    }

    /// How intervals are made.
    #[must_use]
    pub fn method(&self) -> IntervalMethod {
        self.method
    }

    /// Models tried against the baseline.
    #[must_use]
    pub fn n_tried(&self) -> usize {
        self.n_tried
    }

    /// By metric, cut and model.
    #[must_use]
    pub fn rows(&self) -> &[Comparison] {
        &self.rows
    }

    /// One model in one metric; `None` when it was not compared.
    #[must_use]
    pub fn find(&self, model: &str, metric: RankingMetric, k: usize) -> Option<&Comparison> {
        self.rows.iter().find(|row| row.model == model && row.metric == metric && row.k == k)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<16} {:<20} {:+.4}", self.model, self.metric.name(self.k), self.difference.mean)?;
        if let Some((low, high)) = self.interval {
            write!(f, " [{low:+.4}, {high:+.4}]")?;
        }
        write!(f, " n={}", self.difference.n_customers)?;
        match self.p_adjusted {
            Some(p) if p < 0.0001 => write!(f, " p<0.0001"),
            Some(p) => write!(f, " p={p:.4}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Comparisons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.convention)?;
        write!(f, "minus {}; {} tried, p by Holm; 95 % by {}", self.baseline, self.n_tried, self.method)?;
        if let Some((segmentation, level)) = &self.segment {
            write!(f, "; {segmentation}: {level}")?;
        }
        writeln!(f)?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

/// Why models cannot be compared.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompareError {
    /// The caller must change what was asked.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// There is too little to compare by.
    #[error(transparent)]
    Data(#[from] DataError),
}
