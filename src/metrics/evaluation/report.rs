//! Tables of metrics, each with its convention.

use std::fmt;

use serde::Serialize;

use super::{Convention, Evaluation, Segmentation, map_rows};
use crate::error::DataError;
use crate::metrics::ranking::{MeanEstimate, RankingMetric};

/// One metric of one model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// The model.
    pub model: String,
    /// The metric.
    pub metric: RankingMetric,
    /// Its cut.
    pub k: usize,
    /// Mean over customers with a test item; its interval is the closed form.
    pub estimate: MeanEstimate,
}

/// What the lists of one model are like at one cut, apart from hits. See [`crate::metrics::beyond`] for formulae.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BeyondAccuracy {
    /// The model.
    pub model: String,
    /// The cut.
    pub k: usize,
    /// Share of the candidates that some list shows.
    pub coverage: Option<f64>,
    /// Gini coefficient of exposure over the candidates.
    pub gini: Option<f64>,
    /// 1 - mean overlap of two customers' lists.
    pub personalisation: Option<f64>,
    /// Mean self-information of shown items, bits; mean over lists of their mean.
    pub novelty: Option<MeanEstimate>,
    /// Mean dissimilarity inside a list; absent without a similarity.
    pub diversity: Option<MeanEstimate>,
    /// Share of a list that the customer took before; the rest is new. 0 where the consumed filter is on.
    pub repeats: Option<MeanEstimate>,
    /// Lists with fewer than k items.
    pub n_short: usize,
}

/// What the test items are like: the ceiling of every model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TestItems {
    /// (customer, item) pairs.
    pub n: usize,
    /// Those of the customer's history.
    pub n_repeats: usize,
    /// Those of items that nobody took in training: out of reach for models that learn from pairs alone.
    pub n_unseen: usize,
    /// Those of items that could not be shown.
    pub n_not_candidates: usize,
}

/// The metrics among the customers of one level of a segmentation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentReport {
    /// What customers are divided by.
    pub segmentation: String,
    /// Which of them these are.
    pub level: String,
    /// By model, metric and cut.
    pub accuracy: Vec<Accuracy>,
}

/// Every metric of every model on one table of one split, under full ranking.
///
/// It cannot be made, printed or written without its [`Convention`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RankingReport {
    convention: Convention,
    models: Vec<String>,
    test: TestItems,
    accuracy: Vec<Accuracy>,
    beyond: Vec<BeyondAccuracy>,
    segments: Vec<SegmentReport>,
}

impl Evaluation<'_> {
    /// All of [`RankingMetric::ALL`] at all cuts, by model, metric and cut; overall and in every level of the
    /// segmentations.
    ///
    /// Means are summed in the order of customers: the same bytes at any number of threads.
    ///
    /// # Errors
    /// [`DataError::TooFew`] when no customer has a test item, [`DataError::Shape`] when a segmentation does not have all
    /// customers.
    pub fn report(&self, segmentations: &[Segmentation]) -> Result<RankingReport, DataError> {
        self.check_judged()?;
        let everybody: Vec<usize> = (0..self.customers.len()).collect();
        let mut segments = Vec::new();
        for segmentation in segmentations {
            for (level, rows) in segmentation.rows(&self.customers)? {
                let segmentation = segmentation.name().to_owned();
                segments.push(SegmentReport { segmentation, level, accuracy: self.accuracy(&rows) });
            }
        }
        Ok(RankingReport {
            convention: self.convention(),
            models: self.params.models.clone(),
            test: self.test,
            accuracy: self.accuracy(&everybody),
            beyond: self.beyond_accuracy(),
            segments,
        })
    }

    /// Over some of the customers.
    fn accuracy(&self, rows: &[usize]) -> Vec<Accuracy> {
        let discounts = self.discounts();
        let cells = self.cells();
        let estimate = |at: usize| {
            let (model, metric, k) = cells[at];
            let of = self.column(&discounts, model, metric, k);
            let estimate = MeanEstimate::of(&rows.iter().map(|&row| of(row)).collect::<Vec<_>>())?;
            Some(Accuracy { model: self.params.models[model].clone(), metric, k, estimate })
        };
        map_rows(cells.len(), estimate).into_iter().flatten().collect()
    }

    /// Every model, metric and cut.
    fn cells(&self) -> Vec<(usize, RankingMetric, usize)> {
        let models = 0..self.params.models.len();
        models.flat_map(|model| self.metrics().map(move |(metric, k)| (model, metric, k))).collect()
    }

    /// Every metric at every cut.
    pub(super) fn metrics(&self) -> impl Iterator<Item = (RankingMetric, usize)> {
        RankingMetric::ALL.into_iter().flat_map(|metric| self.params.cuts.iter().map(move |&k| (metric, k)))
    }

    fn beyond_accuracy(&self) -> Vec<BeyondAccuracy> {
        let names =
            self.params.models.iter().flat_map(|model| self.params.cuts.iter().map(move |&k| (model, k)));
        let row = |((model, k), sums): ((&String, usize), &super::BeyondSums)| BeyondAccuracy {
            model: model.clone(),
            k,
            coverage: sums.exposures.coverage(&self.ground.candidates),
            gini: sums.exposures.gini(&self.ground.candidates),
            personalisation: sums.exposures.personalisation(),
            novelty: sums.novelty.estimate(),
            diversity: sums.diversity.estimate(),
            repeats: sums.repeats.estimate(),
            n_short: sums.n_short,
        };
        names.zip(&self.beyond).map(row).collect()
    }
}

impl RankingReport {
    /// What the numbers mean.
    #[must_use]
    pub fn convention(&self) -> &Convention {
        &self.convention
    }

    /// Names of the models, in order.
    #[must_use]
    pub fn models(&self) -> &[String] {
        &self.models
    }

    /// What the test items are like.
    #[must_use]
    pub fn test(&self) -> TestItems {
        self.test
    }

    /// By model, metric and cut.
    #[must_use]
    pub fn accuracy(&self) -> &[Accuracy] {
        &self.accuracy
    }

    /// By model and cut.
    #[must_use]
    pub fn beyond(&self) -> &[BeyondAccuracy] {
        &self.beyond
    }

    /// By segmentation and level.
    #[must_use]
    pub fn segments(&self) -> &[SegmentReport] {
        &self.segments
    }

    /// One metric of one model; `None` when it is not in the report.
    #[must_use]
    pub fn estimate(&self, model: &str, metric: RankingMetric, k: usize) -> Option<MeanEstimate> {
        find(&self.accuracy, model, metric, k)
    }
}

impl SegmentReport {
    /// One metric of one model; `None` when it is not in the report.
    #[must_use]
    pub fn estimate(&self, model: &str, metric: RankingMetric, k: usize) -> Option<MeanEstimate> {
        find(&self.accuracy, model, metric, k)
    }
}

fn find(accuracy: &[Accuracy], model: &str, metric: RankingMetric, k: usize) -> Option<MeanEstimate> {
    let is_asked = |row: &&Accuracy| row.model == model && row.metric == metric && row.k == k;
    accuracy.iter().find(is_asked).map(|row| row.estimate)
}

impl fmt::Display for Accuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<16} {:<20} {}", self.model, self.metric.name(self.k), self.estimate)
    }
}

impl fmt::Display for BeyondAccuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, k, .. } = self;
        let plain =
            [("coverage", self.coverage), ("gini", self.gini), ("personalisation", self.personalisation)];
        for (name, number) in plain.into_iter().filter_map(|(name, number)| Some((name, number?))) {
            writeln!(f, "{model:<16} {:<20} {number:.4}", format!("{name}@{k}"))?;
        }
        let means =
            [("novelty", self.novelty), ("diversity", self.diversity), ("repeat_share", self.repeats)];
        for (name, mean) in means.into_iter().filter_map(|(name, mean)| Some((name, mean?))) {
            writeln!(f, "{model:<16} {:<20} {mean}", format!("{name}@{k}"))?;
        }
        write!(f, "{model:<16} {:<20} {}", format!("lists below {k}"), self.n_short)
    }
}

impl fmt::Display for TestItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |n: usize| 100.0 * n as f64 / self.n.max(1) as f64;
        write!(
            f,
            "{} test items: {:.2} % taken before, {:.2} % of items unseen in training (unreachable), {:.2} % no candidates",
            self.n,
            share(self.n_repeats),
            share(self.n_unseen),
            share(self.n_not_candidates)
        )
    }
}

impl fmt::Display for RankingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}", self.convention, self.test)?;
        self.accuracy.iter().try_for_each(|row| writeln!(f, "{row}"))?;
        self.beyond.iter().try_for_each(|row| writeln!(f, "{row}"))?;
        for segment in &self.segments {
            writeln!(f, "{}: {}", segment.segmentation, segment.level)?;
            segment.accuracy.iter().try_for_each(|row| writeln!(f, "{row}"))?;
        }
        Ok(())
    }
}
