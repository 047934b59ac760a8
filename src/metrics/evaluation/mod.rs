//! Several recommenders judged on the same customers, list by list, with what their numbers mean attached.
//!
//! Lists come in blocks of customers in table order ([`Evaluation::add`]). Kept of each customer with a test item are 8
//! bytes and, per model, one bit per place of the longest cut (8 bytes up to k = 64): from these every metric at every
//! cut, every segment and every paired comparison can be made afterwards. Per item, 4 bytes are kept per model and cut.
//! So a million customers, five models and k = 50 take 48 MB; nothing is kept per pair of customers or per (customer,
//! item).
//!
//! Metrics against sampled items are another type, [`SampledEvaluation`], whose results cannot stand in a table with
//! these.
//!
//! ```
//! use bespoke::features::{Interactions, RankingSplit, TestTable};
//! use bespoke::metrics::bootstrap::Bootstrap;
//! use bespoke::metrics::evaluation::{EvaluationParams, Ground, Judged};
//! use bespoke::metrics::ranking::RankingMetric;
//! use bespoke::params::Params;
//! use bespoke::tables::Buckets;
//! use bespoke::types::Timestamp;
//!
//! // Three customers and four items: customers 0 and 1 took something before, and all take something later.
//! let train = Interactions {
//!     as_of: Timestamp(1),
//!     n_items: 4,
//!     starts: vec![0, 1, 2, 2],
//!     items: vec![0, 1],
//!     last_at: vec![Timestamp(0); 2],
//!     guests: Vec::new(),
//!     buckets: Buckets::even(3),
//! };
//! let split = RankingSplit::given(train, &[vec![1], vec![2], vec![3, 0]])?;
//! let params = EvaluationParams { models: vec!["popularity".into(), "ours".into()], cuts: vec![1, 2] };
//! let mut evaluation = params.check()?.begin(Ground::of(&split, TestTable::NewItems))?;
//! let judged = [0, 1, 2].map(|customer| Judged::of(&split, TestTable::NewItems, customer));
//! evaluation.add(&judged, &[&[vec![1, 2], vec![0, 2], vec![0, 1]], &[vec![1, 3], vec![2, 3], vec![3, 2]]])?;
//!
//! let report = evaluation.report(&[])?;
//! assert_eq!(report.estimate("ours", RankingMetric::Recall, 1).unwrap().mean, 2.5 / 3.0);
//! println!("{report}{}", evaluation.compare("popularity", Bootstrap::new(1))?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compare;
mod convention;
mod facts;
mod hits;
mod report;
mod sampled;
mod segments;
mod series;
#[cfg(test)]
mod tests;

pub use compare::{CompareError, Comparison, Comparisons};
pub use convention::{Candidates, Convention, TieRule};
pub use report::{Accuracy, BeyondAccuracy, RankingReport, SegmentReport, TestItems};
pub use sampled::{SAMPLED_WARNING, SampledEstimate, SampledEvaluation, SampledReport};
pub use segments::Segmentation;
pub use series::{CutSeries, OverCuts};

use serde::{Deserialize, Serialize};

use super::beyond::{Exposures, ItemPopularity, ItemSimilarity};
use super::moments::Moments;
use super::ranking::RankingMetric;
use crate::error::{DataError, ParamError};
use crate::features::{RankingSplit, SplitRule, TestTable};
use crate::params::{Params, count_in};
use crate::recommend::ItemSet;
use facts::ListFacts;
use hits::{Discounts, Hits};

/// Unchecked parameters of an [`Evaluation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationParams {
    /// Names of the models, in the order in which their lists come.
    pub models: Vec<String>,
    /// Lengths k at which lists are cut, ascending.
    pub cuts: Vec<usize>,
}

/// Checked parameters of an [`Evaluation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationValid {
    params: EvaluationParams,
}

impl Params for EvaluationParams {
    type Checked = EvaluationValid;

    fn check(self) -> Result<EvaluationValid, ParamError> {
        let refuse =
            |field, value: String, rule| Err(ParamError::new(format!("evaluation.{field}"), value, rule));
        if self.models.is_empty() {
            return refuse("models", "empty".into(), "at least one name");
        }
        for (at, name) in self.models.iter().enumerate() {
            if name.is_empty() || self.models[..at].contains(name) {
                return refuse("models", format!("{name:?}"), "distinct names, none of them empty");
            }
        }
        count_in("evaluation.cuts", self.cuts.len(), 1, 100, "1 to 100 cuts")?;
        for (at, &k) in self.cuts.iter().enumerate() {
            count_in("evaluation.cuts", k, 1, 1000, "from 1 to 1000")?;
            if at > 0 && k <= self.cuts[at - 1] {
                return refuse("cuts", k.to_string(), "above the one before");
            }
        }
        Ok(EvaluationValid { params: self })
    }
}

/// What lists are judged against.
#[derive(Clone)]
pub struct Ground<'a> {
    /// Where test items come from.
    pub split: SplitRule,
    /// Which of them count.
    pub table: TestTable,
    /// Of the training pairs.
    pub popularity: ItemPopularity,
    /// What could be shown.
    pub candidates: ItemSet,
    /// Which of equally scored items comes first in the lists.
    pub ties: TieRule,
    /// For intra-list diversity, which is left out when absent.
    pub similarity: Option<&'a dyn ItemSimilarity>,
}

impl Ground<'_> {
    /// One table of a split, with the whole catalogue as candidates, lists by the rule of this library, and no
    /// similarity.
    #[must_use]
    pub fn of(split: &RankingSplit, table: TestTable) -> Self {
        Self {
            split: split.rule(),
            table,
            popularity: ItemPopularity::of(split.train()),
            candidates: ItemSet::all(split.train().n_items),
            ties: TieRule::LowerItem,
            similarity: None,
        }
    }
}

/// A customer whose lists are judged.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// Row in the customer table.
    pub customer: u32,
    /// Test items, distinct and ascending, those that no model could know included.
    pub taken: &'a [u32],
    /// What the customer took before, distinct and ascending.
    pub history: &'a [u32],
}

impl<'a> Judged<'a> {
    /// A customer of one table of a split.
    ///
    /// # Panics
    /// When there is no such customer: a programmer error.
    #[must_use]
    pub fn of(split: &'a RankingSplit, table: TestTable, customer: u32) -> Self {
        let row = customer as usize;
        Self { customer, taken: split.test(table).items_of(row), history: split.history_of(row) }
    }
}

/// What has been seen of several models' lists for the same customers.
pub struct Evaluation<'a> {
    params: EvaluationParams,
    ground: Ground<'a>,
    ranked: Candidates,
    n_lists: usize,
    latest: Option<u32>,
    /// Customers with a test item; the rows of what follows.
    customers: Vec<u32>,
    n_taken: Vec<u32>,
    /// By model.
    hits: Vec<Hits>,
    /// By model, then cut.
    beyond: Vec<BeyondSums>,
    test: TestItems,
}

/// Sums over the lists of one model at one cut.
struct BeyondSums {
    exposures: Exposures,
    novelty: Moments,
    diversity: Moments,
    repeats: Moments,
    n_short: usize,
}

impl EvaluationValid {
    /// The parameters that were checked.
    #[must_use]
    pub fn params(&self) -> &EvaluationParams {
        &self.params
    }

    /// An evaluation that has seen nothing yet.
    ///
    /// # Errors
    /// [`DataError::Shape`] when candidates and training pairs are of catalogues of different sizes,
    /// [`DataError::TooFew`] without candidates.
    pub fn begin<'a>(&self, ground: Ground<'a>) -> Result<Evaluation<'a>, DataError> {
        let (n, n_items) = (ground.candidates.len(), ground.popularity.n_items());
        self.begin_ranking(ground, Candidates::Full { n, n_items })
    }

    fn begin_ranking<'a>(&self, ground: Ground<'a>, ranked: Candidates) -> Result<Evaluation<'a>, DataError> {
        let (got, expected) = (ground.candidates.n_items(), ground.popularity.n_items());
        if got != expected {
            let what = "size of the candidates' catalogue";
            return Err(DataError::Shape { model: "evaluation", what, got, expected });
        }
        if ground.candidates.is_empty() {
            return Err(DataError::TooFew { model: "evaluation", what: "candidates", got: 0, need: 1 });
        }
        let params = self.params.clone();
        let sums = |&k: &usize| BeyondSums {
            exposures: Exposures::none(expected, k),
            novelty: Moments::default(),
            diversity: Moments::default(),
            repeats: Moments::default(),
            n_short: 0,
        };
        Ok(Evaluation {
            hits: params.models.iter().map(|_| Hits::none(longest(&params))).collect(),
            beyond: params.models.iter().flat_map(|_| params.cuts.iter().map(sums)).collect(),
            params,
            ground,
            ranked,
            n_lists: 0,
            latest: None,
            customers: Vec::new(),
            n_taken: Vec::new(),
            test: TestItems::default(),
        })
    }
}

fn longest(params: &EvaluationParams) -> usize {
    params.cuts.last().copied().unwrap_or_default()
}

/// `of` every row, in order; in the caller's pool with feature `train`.
fn map_rows<T: Send>(n_rows: usize, of: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    #[cfg(feature = "train")]
    {
        use rayon::prelude::*;
        (0..n_rows).into_par_iter().map(of).collect()
    }
    #[cfg(not(feature = "train"))]
    (0..n_rows).map(of).collect()
}

impl Evaluation<'_> {
    /// Takes in the next customers: `lists[model][row]` is what a model shows the customer of that row, distinct items,
    /// best first; places beyond the longest cut are not looked at.
    ///
    /// Customers ascend over all blocks. Those without a test item have a part in everything but accuracy. The result
    /// does not depend on how customers are divided into blocks, nor on the number of threads. Nothing is taken in when
    /// anything is refused.
    ///
    /// # Errors
    /// [`DataError::Shape`] when a model, or a list of a model, is missing. [`DataError::BadCell`], with the customer as
    /// row, for customers and items out of order, items beyond the catalogue, lists with an item twice or with one that
    /// is no candidate, and in the table of new items for lists and test items out of the history.
    pub fn add<L: AsRef<[u32]> + Sync>(
        &mut self,
        customers: &[Judged<'_>],
        lists: &[&[L]],
    ) -> Result<(), DataError> {
        let shape = |what, got, expected| Err(DataError::Shape { model: "evaluation", what, got, expected });
        if lists.len() != self.params.models.len() {
            return shape("number of models with lists", lists.len(), self.params.models.len());
        }
        if let Some(few) = lists.iter().find(|lists| lists.len() != customers.len()) {
            return shape("number of lists of a model", few.len(), customers.len());
        }
        let mut latest = self.latest;
        for judged in customers {
            self.check_customer(judged, latest)?;
            latest = Some(judged.customer);
        }
        let of_row = |row: usize| -> Result<Vec<ListFacts>, DataError> {
            let of_model = |model: usize| self.facts(model, &customers[row], lists[model][row].as_ref());
            (0..lists.len()).map(of_model).collect()
        };
        let facts = map_rows(customers.len(), of_row).into_iter().collect::<Result<Vec<_>, _>>()?;
        for (row, facts) in facts.iter().enumerate() {
            self.count(&customers[row]);
            for (model, facts) in facts.iter().enumerate() {
                self.take(model, &customers[row], lists[model][row].as_ref(), facts);
            }
        }
        Ok(())
    }

    fn count(&mut self, judged: &Judged<'_>) {
        self.n_lists += 1;
        self.latest = Some(judged.customer);
        if !judged.taken.is_empty() {
            self.customers.push(judged.customer);
            self.n_taken.push(judged.taken.len() as u32);
        }
        for item in judged.taken {
            let test = &mut self.test;
            test.n += 1;
            test.n_repeats += usize::from(judged.history.binary_search(item).is_ok());
            test.n_unseen += usize::from(!self.ground.popularity.is_known(*item));
            test.n_not_candidates += usize::from(!self.ground.candidates.contains(*item));
        }
    }

    fn take(&mut self, model: usize, judged: &Judged<'_>, ranked: &[u32], facts: &ListFacts) {
        if !judged.taken.is_empty() {
            self.hits[model].push(&facts.hits);
        }
        let n_cuts = self.params.cuts.len();
        for (cut, &k) in self.params.cuts.iter().enumerate() {
            let sums = &mut self.beyond[model * n_cuts + cut];
            sums.exposures.add(ranked);
            sums.n_short += usize::from(ranked.len() < k);
            let parts = [
                (&mut sums.novelty, facts.novelty[cut]),
                (&mut sums.diversity, facts.diversity[cut]),
                (&mut sums.repeats, facts.repeats[cut]),
            ];
            for (moments, number) in parts {
                number.into_iter().for_each(|number| moments.add(number, 1.0));
            }
        }
    }

    /// The metric of every customer with a test item, in the order in which they came.
    fn column(
        &self,
        discounts: &Discounts,
        model: usize,
        metric: RankingMetric,
        k: usize,
    ) -> impl Fn(usize) -> f64 {
        move |row| discounts.metric(metric, &self.hits[model], row, self.n_taken[row] as usize, k)
    }

    fn discounts(&self) -> Discounts {
        let most_taken = self.n_taken.iter().copied().max().unwrap_or(0) as usize;
        Discounts::up_to(most_taken.max(longest(&self.params)))
    }

    /// What the numbers mean.
    #[must_use]
    pub fn convention(&self) -> Convention {
        Convention {
            split: self.ground.split,
            table: self.ground.table,
            cuts: self.params.cuts.clone(),
            n_customers: self.customers.len(),
            n_lists: self.n_lists,
            candidates: self.ranked,
            ties: self.ground.ties,
            similarity: self.ground.similarity.map(|similarity| similarity.name().to_owned()),
        }
    }

    /// Refuses a report without anybody to judge by.
    fn check_judged(&self) -> Result<(), DataError> {
        if self.customers.is_empty() {
            let what = "customers with a test item";
            return Err(DataError::TooFew { model: "evaluation", what, got: 0, need: 1 });
        }
        Ok(())
    }
}
