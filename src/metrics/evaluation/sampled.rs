//! Metrics against sampled items: on request only, and apart from all others.

use std::fmt;

use serde::Serialize;

use super::facts::bad_cell;
use super::{Candidates, Convention, Evaluation, EvaluationValid, Ground, Judged, RankingReport};
use crate::error::DataError;
use crate::metrics::ranking::{MeanEstimate, RankingMetric};
use crate::random::Random;

/// Stands beside every sampled number.
pub const SAMPLED_WARNING: &str = "sampled metrics do not keep the order of models, not even in expectation (Krichene \
                                   and Rendle, KDD 2020), and cannot be compared with full ranking";

/// As [`Evaluation`], where models rank the test items of a customer among some others at random only.
///
/// For comparison with literature that did so. Its results are of another type than those of full ranking and carry
/// [`SAMPLED_WARNING`].
pub struct SampledEvaluation<'a> {
    inner: Evaluation<'a>,
    n: usize,
    random: Random,
    /// What others are drawn from, ascending.
    pool: Vec<u32>,
}

impl EvaluationValid {
    /// An evaluation against `n` sampled items per customer. **Read [`SAMPLED_WARNING`] first.**
    ///
    /// # Errors
    /// As [`EvaluationValid::begin`], and [`DataError::TooFew`] for `n` of 0.
    pub fn sampled<'a>(
        &self,
        n: usize,
        seed: u64,
        ground: Ground<'a>,
    ) -> Result<SampledEvaluation<'a>, DataError> {
        if n == 0 {
            return Err(DataError::TooFew { model: "evaluation", what: "sampled items", got: 0, need: 1 });
        }
        let pool = ground.candidates.iter().collect();
        let inner = self.begin_ranking(ground, Candidates::Sampled { n, seed })?;
        Ok(SampledEvaluation { inner, n, random: Random::new(seed), pool })
    }
}

impl SampledEvaluation<'_> {
    /// What models rank for a customer, ascending: the test items that are candidates, and `n` other candidates (all
    /// there are, when there are fewer), in the table of new items none of the history.
    ///
    /// A function of seed and customer. O(items taken + n log n).
    #[must_use]
    pub fn candidates_of(&self, judged: &Judged<'_>) -> Vec<u32> {
        let history = if self.inner.ground.table.filters_consumed() { judged.history } else { &[] };
        let mut out: Vec<usize> = judged.taken.iter().chain(history).filter_map(|i| self.place(*i)).collect();
        out.sort_unstable();
        out.dedup();
        let ranks = self.draw(judged.customer, self.pool.len() - out.len());
        let mut chosen: Vec<usize> = judged.taken.iter().filter_map(|item| self.place(*item)).collect();
        // The rank-th place of those that are not out: each out place at or before it moves it on by one.
        let mut n_before = 0;
        for rank in ranks {
            while out.get(n_before).is_some_and(|&place| place <= rank + n_before) {
                n_before += 1;
            }
            chosen.push(rank + n_before);
        }
        chosen.sort_unstable();
        chosen.into_iter().map(|place| self.pool[place]).collect()
    }

    fn place(&self, item: u32) -> Option<usize> {
        self.pool.binary_search(&item).ok()
    }

    /// `n` distinct numbers below `n_others`, ascending (Floyd's algorithm, CACM 1987).
    fn draw(&self, customer: u32, n_others: usize) -> Vec<usize> {
        let random = self.random.stream(u64::from(customer));
        let mut drawn = std::collections::BTreeSet::new();
        for last in n_others.saturating_sub(self.n)..n_others {
            let at = random.below(last as u64, last + 1);
            if !drawn.insert(at) {
                drawn.insert(last);
            }
        }
        drawn.into_iter().collect()
    }

    /// As [`Evaluation::add`], for lists over [`SampledEvaluation::candidates_of`] each customer.
    ///
    /// # Errors
    /// As [`Evaluation::add`], and [`DataError::BadCell`] for a list with another item.
    pub fn add<L: AsRef<[u32]> + Sync>(
        &mut self,
        customers: &[Judged<'_>],
        lists: &[&[L]],
    ) -> Result<(), DataError> {
        for (row, judged) in customers.iter().enumerate() {
            let candidates = self.candidates_of(judged);
            for list in lists.iter().filter_map(|lists| lists.get(row)) {
                let is_other = |item: &&u32| candidates.binary_search(item).is_err();
                if let Some(&item) = list.as_ref().iter().find(is_other) {
                    let rule = "a sampled candidate of the customer";
                    return Err(bad_cell(judged.customer, "list", item, rule));
                }
            }
        }
        self.inner.add(customers, lists)
    }

    /// Every metric at every cut.
    ///
    /// # Errors
    /// As [`Evaluation::report`].
    pub fn report(&self) -> Result<SampledReport, DataError> {
        Ok(SampledReport { warning: SAMPLED_WARNING, report: self.inner.report(&[])? })
    }
}

/// Metrics against sampled items. Not a [`RankingReport`], so that no table can hold both:
///
/// ```compile_fail,E0308
/// # use bespoke::metrics::evaluation::{CutSeries, RankingReport, SampledReport};
/// fn table(full: RankingReport, sampled: SampledReport) {
///     let _ = CutSeries::new(vec![full, sampled]);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SampledReport {
    warning: &'static str,
    report: RankingReport,
}

/// A sampled number, which prints its warning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampledEstimate(MeanEstimate);

impl SampledReport {
    /// What the numbers mean.
    #[must_use]
    pub fn convention(&self) -> &Convention {
        self.report.convention()
    }

    /// One metric of one model; `None` when it is not in the report.
    #[must_use]
    pub fn estimate(&self, model: &str, metric: RankingMetric, k: usize) -> Option<SampledEstimate> {
        self.report.estimate(model, metric, k).map(SampledEstimate)
    }
}

impl SampledEstimate {
    /// The number, of which [`SAMPLED_WARNING`] is true.
    #[must_use]
    pub fn despite_the_warning(&self) -> MeanEstimate {
        self.0
    }
}

impl fmt::Display for SampledEstimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (sampled: {SAMPLED_WARNING})", self.0)
    }
}

impl fmt::Display for SampledReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "WARNING: {}\n{}", self.warning, self.report.convention())?;
        self.report.accuracy().iter().try_for_each(|row| writeln!(f, "{row} (sampled)"))
    }
}
