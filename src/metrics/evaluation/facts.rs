//! What is kept of one list, after it was checked.

use super::{Evaluation, Judged, longest};
use crate::error::DataError;
use crate::metrics::beyond::intra_list_diversity;

/// Of one list; vectors are by cut.
pub(super) struct ListFacts {
    /// Places of the hits, from 0.
    pub(super) hits: Vec<usize>,
    pub(super) novelty: Vec<Option<f64>>,
    pub(super) diversity: Vec<Option<f64>>,
    pub(super) repeats: Vec<Option<f64>>,
}

impl Evaluation<'_> {
    /// Checks a customer who follows `latest`.
    pub(super) fn check_customer(&self, judged: &Judged<'_>, latest: Option<u32>) -> Result<(), DataError> {
        let refuse = |column: &str, value: u32, rule| Err(bad_cell(judged.customer, column, value, rule));
        if latest.is_some_and(|latest| judged.customer <= latest) {
            return refuse("customer", judged.customer, "above the one before");
        }
        for (column, items) in [("taken", judged.taken), ("history", judged.history)] {
            if let Some(pair) = items.windows(2).find(|pair| pair[0] >= pair[1]) {
                return refuse(column, pair[1], "above the one before");
            }
            if let Some(&item) = items.last().filter(|&&item| self.is_outside(item)) {
                return refuse(column, item, "below the number of items");
            }
        }
        let is_repeat = |item: &&u32| judged.history.binary_search(item).is_ok();
        let repeat = judged.taken.iter().find(is_repeat).filter(|_| self.ground.table.filters_consumed());
        repeat.map_or(Ok(()), |&item| refuse("taken", item, "not of the history, in the table of new items"))
    }

    fn is_outside(&self, item: u32) -> bool {
        item as usize >= self.ground.popularity.n_items()
    }

    /// Checks a list and takes from it what is needed.
    pub(super) fn facts(
        &self,
        model: usize,
        judged: &Judged<'_>,
        ranked: &[u32],
    ) -> Result<ListFacts, DataError> {
        let ranked = &ranked[..ranked.len().min(longest(&self.params))];
        self.check_list(model, judged, ranked)?;
        let cuts = &self.params.cuts;
        let is_hit = |&place: &usize| judged.taken.binary_search(&ranked[place]).is_ok();
        let popularity = &self.ground.popularity;
        let is_repeat = |item| Some(f64::from(u8::from(judged.history.binary_search(&item).is_ok())));
        Ok(ListFacts {
            hits: (0..ranked.len()).filter(is_hit).collect(),
            novelty: means(ranked, cuts, |item| popularity.self_information(item)),
            diversity: match self.ground.similarity {
                Some(similarity) => intra_list_diversity(ranked, cuts, similarity),
                None => vec![None; cuts.len()],
            },
            repeats: means(ranked, cuts, is_repeat),
        })
    }

    fn check_list(&self, model: usize, judged: &Judged<'_>, ranked: &[u32]) -> Result<(), DataError> {
        let refuse = |item, rule| {
            let column = format!("list of {}", self.params.models[model]);
            Err(bad_cell(judged.customer, &column, item, rule))
        };
        for &item in ranked {
            if self.is_outside(item) {
                return refuse(item, "below the number of items");
            }
            if !self.ground.candidates.contains(item) {
                return refuse(item, "a candidate");
            }
            if self.ground.table.filters_consumed() && judged.history.binary_search(&item).is_ok() {
                return refuse(item, "not of the history, in the table of new items");
            }
        }
        let mut sorted = ranked.to_vec();
        sorted.sort_unstable();
        let twice = sorted.windows(2).find(|pair| pair[0] == pair[1]);
        twice.map_or(Ok(()), |pair| refuse(pair[0], "in the list once"))
    }
}

pub(super) fn bad_cell(customer: u32, column: &str, value: u32, rule: &'static str) -> DataError {
    let (column, value) = (column.to_owned(), value.to_string());
    DataError::BadCell { model: "evaluation", row: customer as usize, column, value, rule }
}

/// Mean over the first items of a list at each cut; `None` where nothing is known of any.
fn means(ranked: &[u32], cuts: &[usize], of: impl Fn(u32) -> Option<f64>) -> Vec<Option<f64>> {
    let (mut sum, mut n, mut done) = (0.0, 0u32, 0);
    let at_cut = |&k: &usize| {
        let end = k.min(ranked.len());
        for number in ranked[done..end].iter().filter_map(|&item| of(item)) {
            sum += number;
            n += 1;
        }
        done = end;
        (n > 0).then(|| sum / f64::from(n))
    };
    cuts.iter().map(at_cut).collect()
}
