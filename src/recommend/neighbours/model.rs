//! Fitted neighbours.

use crate::error::DataError;
use crate::recommend::{Contribution, History, Recommender};

/// Largest similarity that is accepted; fitted ones are below 1e16, and a sum over any history stays finite.
const MAX_SIMILARITY: f32 = 1e20;

/// Neighbours of every item: a sparse n_items x n_items matrix by source, targets ascending. No customer is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct NeighbourModel {
    starts: Vec<u64>,
    targets: Vec<u32>,
    similarities: Vec<f32>,
    n_customers_cut: u64,
}

impl NeighbourModel {
    /// A model from its stored parts, as the methods of the same names give them.
    ///
    /// Targets of source `i` are `targets[starts[i]..starts[i + 1]]`; `starts` has n_items + 1 cells.
    ///
    /// # Errors
    /// [`DataError::Shape`] when lengths do not belong together, [`DataError::BadCell`] when starts descend, a target
    /// is not of the catalogue, out of order or the source itself, or a similarity is not finite, greater than 0 and
    /// at most 1e20.
    pub fn from_parts(
        starts: Vec<u64>,
        targets: Vec<u32>,
        similarities: Vec<f32>,
        n_customers_cut: u64,
    ) -> Result<Self, DataError> {
        let shape = |what, got, expected| Err(DataError::Shape { model: "neighbours", what, got, expected });
        if starts.first() != Some(&0) {
            return shape("number of starts with a leading 0", 0, 1);
        }
        if similarities.len() != targets.len() {
            return shape("number of similarities", similarities.len(), targets.len());
        }
        if starts[starts.len() - 1] != targets.len() as u64 {
            return shape("number of neighbours", targets.len(), starts[starts.len() - 1] as usize);
        }
        let bad = |row, column: &str, value: String, rule| {
            Err(DataError::BadCell { model: "neighbours", row, column: column.into(), value, rule })
        };
        if let Some(row) = starts.windows(2).position(|ends| ends[0] > ends[1]) {
            return bad(row + 1, "starts", starts[row + 1].to_string(), "at least the start before it");
        }
        let model = Self { starts, targets, similarities, n_customers_cut };
        for source in 0..model.n_items() {
            let (targets, similarities) = model.neighbours(source as u32);
            if !targets.is_sorted_by(|a, b| a < b) {
                return bad(source, "targets", format!("{targets:?}"), "distinct and ascending");
            }
            let is_other = |&target: &u32| (target as usize) < model.n_items() && target as usize != source;
            if let Some(target) = targets.iter().find(|&target| !is_other(target)) {
                return bad(source, "targets", target.to_string(), "another item, below the number of items");
            }
            if let Some(value) = similarities.iter().find(|x| !(**x > 0.0 && **x <= MAX_SIMILARITY)) {
                return bad(source, "similarities", value.to_string(), "greater than 0 and at most 1e20");
            }
        }
        Ok(model)
    }

    /// A model from the neighbours of every source, each by ascending target.
    #[cfg(feature = "train")]
    pub(super) fn of_rows(rows: Vec<Vec<crate::recommend::Scored>>, n_customers_cut: u64) -> Self {
        let n_neighbours = rows.iter().map(Vec::len).sum();
        let mut model = Self {
            starts: Vec::with_capacity(rows.len() + 1),
            targets: Vec::with_capacity(n_neighbours),
            similarities: Vec::with_capacity(n_neighbours),
            n_customers_cut,
        };
        model.starts.push(0);
        for row in rows {
            model.targets.extend(row.iter().map(|neighbour| neighbour.item));
            model.similarities.extend(row.iter().map(|neighbour| neighbour.score));
            model.starts.push(model.targets.len() as u64);
        }
        model
    }

    /// Where the neighbours of each source start; n_items + 1 cells.
    #[must_use]
    pub fn starts(&self) -> &[u64] {
        &self.starts
    }

    /// The targets of all sources, one source after the other.
    #[must_use]
    pub fn targets(&self) -> &[u32] {
        &self.targets
    }

    /// The similarity of each target.
    #[must_use]
    pub fn similarities(&self) -> &[f32] {
        &self.similarities
    }

    /// How many customers had more items than the fit was allowed to look at.
    #[must_use]
    pub fn n_customers_cut(&self) -> u64 {
        self.n_customers_cut
    }

    /// The targets of a source, ascending, with their similarities: what an item of a history adds to others.
    ///
    /// # Panics
    /// When the source is not of the catalogue: a programmer error.
    #[must_use]
    pub fn neighbours(&self, source: u32) -> (&[u32], &[f32]) {
        let of = self.starts[source as usize] as usize..self.starts[source as usize + 1] as usize;
        (&self.targets[of.clone()], &self.similarities[of])
    }
}

impl Recommender for NeighbourModel {
    type Scratch = ();

    fn n_items(&self) -> usize {
        self.starts.len() - 1
    }

    fn scratch(&self) -> Self::Scratch {}

    fn knows(&self, history: History<'_>) -> bool {
        history.assert_within(self.n_items());
        history.items().iter().any(|&item| !self.neighbours(item).0.is_empty())
    }

    fn scores(&self, history: History<'_>, (): &mut Self::Scratch, out: &mut [f32]) {
        history.assert_within(self.n_items());
        assert_eq!(out.len(), self.n_items(), "a score per item");
        out.fill(0.0);
        for (item, weight) in history.iter() {
            let (targets, similarities) = self.neighbours(item);
            for (&target, &similarity) in targets.iter().zip(similarities) {
                out[target as usize] += weight * similarity;
            }
        }
    }

    fn explain(
        &self,
        history: History<'_>,
        targets: &[u32],
        (): &mut Self::Scratch,
    ) -> Vec<Vec<Contribution>> {
        history.assert_within(self.n_items());
        let similarity = |source, target| {
            assert!((target as usize) < self.n_items(), "item {target} of {}", self.n_items());
            let (targets, similarities) = self.neighbours(source);
            targets.binary_search(&target).map_or(0.0, |at| similarities[at])
        };
        let parts_of = |&target: &u32| {
            let part = |(item, weight): (u32, f32)| weight * similarity(item, target);
            history.iter().map(|pair| Contribution { item: pair.0, part: part(pair) }).collect()
        };
        targets.iter().map(parts_of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> NeighbourModel {
        NeighbourModel::from_parts(vec![0, 2, 3, 3], vec![1, 2, 0], vec![0.5, 0.25, 2.0], 4).unwrap()
    }

    #[test]
    fn scores_sum_over_the_history_by_hand() {
        let (model, mut scores) = (model(), [9.0; 3]);
        model.scores(History::new(&[0, 1]), &mut (), &mut scores);
        assert_eq!(scores, [2.0, 0.5, 0.25]);
        model.scores(History::weighted(&[0], &[3.0]), &mut (), &mut scores);
        assert_eq!(scores, [0.0, 1.5, 0.75]);
        let parts = model.explain(History::weighted(&[0, 1], &[3.0, 1.0]), &[2, 0], &mut ());
        let part = |item, part| Contribution { item, part };
        assert_eq!(parts, [[part(0, 0.75), part(1, 0.0)], [part(0, 0.0), part(1, 2.0)]]);
    }

    #[test]
    fn a_history_without_neighbours_is_unknown() {
        let model = model();
        assert!(model.knows(History::new(&[1, 2])));
        assert!(!model.knows(History::new(&[2])) && !model.knows(History::new(&[])));
        assert_eq!(model.n_customers_cut(), 4);
    }

    #[test]
    fn stored_parts_are_checked() {
        let refused = |starts: &[u64], targets: &[u32], similarities: &[f32]| {
            let parts = (starts.to_vec(), targets.to_vec(), similarities.to_vec());
            NeighbourModel::from_parts(parts.0, parts.1, parts.2, 0).unwrap_err().to_string()
        };
        assert!(refused(&[], &[], &[]).contains("leading 0"));
        assert!(refused(&[1, 1], &[], &[]).contains("leading 0"));
        assert!(refused(&[0, 1, 1], &[1], &[]).contains("number of similarities is 0, expected 1"));
        assert!(refused(&[0, 1, 2], &[1], &[0.5]).contains("number of neighbours is 1, expected 2"));
        assert!(refused(&[0, 2, 1, 2], &[1, 2], &[0.5, 0.5]).contains("row 2, column \"starts\" is 1"));
        assert!(refused(&[0, 2, 2, 2], &[2, 1], &[0.5, 0.5]).contains("distinct and ascending"));
        assert!(refused(&[0, 2, 2, 2], &[1, 1], &[0.5, 0.5]).contains("distinct and ascending"));
        assert!(refused(&[0, 1, 1], &[2], &[0.5]).contains("\"targets\" is 2"));
        assert!(refused(&[0, 1, 1], &[0], &[0.5]).contains("another item"));
        for bad in [0.0, -1.0, 2e20, f32::NAN, f32::INFINITY] {
            assert!(refused(&[0, 1, 1], &[1], &[bad]).contains("row 0, column \"similarities\""), "{bad}");
        }
    }

    #[test]
    #[should_panic(expected = "of 3")]
    fn an_item_outside_the_catalogue_is_a_programmer_error() {
        model().scores(History::new(&[3]), &mut (), &mut [0.0; 3]);
    }

    #[test]
    #[should_panic(expected = "item 3 of 3")]
    fn a_target_outside_the_catalogue_is_a_programmer_error() {
        let _ = model().explain(History::new(&[0]), &[3], &mut ());
    }
}
