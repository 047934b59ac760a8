//! A fitted EASE: weights from items to items.

use crate::error::DataError;
use crate::kernels::KernelLevel;
use crate::kernels::row_sums::{PANEL, add_row, sum_of_rows};
use crate::recommend::{Contribution, History, Recommender};

/// Largest absolute weight that is accepted; fitted ones are rarely beyond 1.
const MAX_WEIGHT: f32 = 1e6;

/// B, dense over the items with events; no customer is in it.
#[derive(Clone, Debug)]
pub struct EaseModel {
    level: KernelLevel,
    n_items: usize,
    /// Items with events, ascending.
    items: Vec<u32>,
    /// Row i is what `items[i]` adds to the scores of all of them.
    weights: Vec<f32>,
    /// Whether the row of an item has a cell other than 0.
    is_connected: Vec<bool>,
}

/// Working memory of [`EaseModel`], kept from call to call; grows to what it is used for.
#[derive(Clone, Debug, Default)]
pub struct EaseScratch {
    /// Places of the items of several histories, with their weights, and where each ends.
    places: Vec<u32>,
    weights: Vec<f32>,
    ends: Vec<usize>,
    /// Some columns of B side by side.
    panel: Vec<f32>,
}

impl EaseModel {
    /// A model from its stored parts; `level` chooses the kernels.
    ///
    /// `items` are those with events, ascending; `weights` is B over them, row-major, as [`EaseModel::weights`] gives
    /// it.
    ///
    /// # Errors
    /// [`DataError::Shape`] when B is not square over the items, [`DataError::BadCell`] when items are out of order or
    /// not below `n_items`, a weight is not finite or beyond 1e6, or the diagonal is not 0.
    ///
    /// # Panics
    /// When the processor lacks the level: a programmer error.
    pub fn from_parts(
        n_items: usize,
        items: Vec<u32>,
        weights: Vec<f32>,
        level: KernelLevel,
    ) -> Result<Self, DataError> {
        assert!(level.available(), "kernel level {level:?} needs another processor");
        let n = items.len();
        if Some(weights.len()) != n.checked_mul(n) {
            let expected = n.saturating_mul(n);
            return Err(DataError::Shape {
                model: "EASE",
                what: "number of weights",
                got: weights.len(),
                expected,
            });
        }
        let bad = |row, column: String, value: String, rule| {
            Err(DataError::BadCell { model: "EASE", row, column, value, rule })
        };
        if let Some(row) = items.windows(2).position(|pair| pair[0] >= pair[1]) {
            return bad(row + 1, "items".into(), items[row + 1].to_string(), "above the item before it");
        }
        if let Some(&last) = items.last().filter(|&&last| last as usize >= n_items) {
            return bad(n - 1, "items".into(), last.to_string(), "below the number of items");
        }
        if let Some(at) = weights.iter().position(|x| !(-MAX_WEIGHT..=MAX_WEIGHT).contains(x)) {
            let rule = "finite and at most 1e6 in size";
            return bad(at / n, format!("weight {}", at % n), weights[at].to_string(), rule);
        }
        if let Some(row) = (0..n).find(|row| weights[row * (n + 1)] != 0.0) {
            return bad(
                row,
                format!("weight {row}"),
                weights[row * (n + 1)].to_string(),
                "0 on the diagonal",
            );
        }
        Ok(Self::of(n_items, items, weights, level))
    }

    pub(super) fn of(n_items: usize, items: Vec<u32>, weights: Vec<f32>, level: KernelLevel) -> Self {
        let is_connected =
            weights.chunks_exact(items.len().max(1)).map(|row| row.iter().any(|&x| x != 0.0)).collect();
        Self { level, n_items, items, weights, is_connected }
    }

    /// Items with events, ascending: the rows and columns of B.
    #[must_use]
    pub fn items(&self) -> &[u32] {
        &self.items
    }

    /// B, row-major over [`EaseModel::items`]: row i is what item i of a history adds to the scores.
    #[must_use]
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    fn place(&self, item: u32) -> Option<usize> {
        self.items.binary_search(&item).ok()
    }

    fn row(&self, place: usize) -> &[f32] {
        &self.weights[place * self.items.len()..][..self.items.len()]
    }

    /// Scores by place, at the front of `out`, to scores by item; items without events get 0.
    fn spread(&self, out: &mut [f32]) {
        let mut end = out.len();
        // From the back, as no item stands before its place.
        for (place, &item) in self.items.iter().enumerate().rev() {
            let (item, score) = (item as usize, out[place]);
            if item + 1 < end {
                out[item + 1..end].fill(0.0);
            }
            out[item] = score;
            end = item;
        }
        out[..end].fill(0.0);
    }

    /// The histories as places, one after the other.
    fn load(&self, histories: &[History<'_>], scratch: &mut EaseScratch) {
        let EaseScratch { places, weights, ends, .. } = scratch;
        places.clear();
        weights.clear();
        ends.clear();
        for history in histories {
            history.assert_within(self.n_items);
            for (item, weight) in history.iter() {
                if let Some(place) = self.place(item) {
                    places.push(place as u32);
                    weights.push(weight);
                }
            }
            ends.push(places.len());
        }
    }
}

impl Recommender for EaseModel {
    type Scratch = EaseScratch;

    fn n_items(&self) -> usize {
        self.n_items
    }

    fn scratch(&self) -> Self::Scratch {
        EaseScratch::default()
    }

    fn knows(&self, history: History<'_>) -> bool {
        history.assert_within(self.n_items);
        let is_connected = |&item| self.place(item).is_some_and(|place| self.is_connected[place]);
        history.items().iter().any(is_connected)
    }

    fn scores(&self, history: History<'_>, _scratch: &mut Self::Scratch, out: &mut [f32]) {
        history.assert_within(self.n_items);
        assert_eq!(out.len(), self.n_items, "a score per item");
        let sums = &mut out[..self.items.len()];
        sums.fill(0.0);
        for (item, weight) in history.iter() {
            if let Some(place) = self.place(item) {
                add_row(sums, self.row(place), weight);
            }
        }
        self.spread(out);
    }

    /// A panel of columns is brought into cache once for all customers, so that B is read once and not once per item of
    /// every history.
    fn scores_many(&self, histories: &[History<'_>], scratch: &mut Self::Scratch, out: &mut [f32]) {
        assert_eq!(out.len(), histories.len() * self.n_items, "n x n_items scores");
        self.load(histories, scratch);
        let EaseScratch { places, weights, ends, panel } = scratch;
        let weighted = histories.iter().any(|history| history.weights().is_some());
        panel.resize(self.items.len() * PANEL, 0.0);
        for first in (0..self.items.len()).step_by(PANEL) {
            let n_columns = PANEL.min(self.items.len() - first);
            for (place, cells) in panel.chunks_exact_mut(PANEL).enumerate() {
                cells[..n_columns].copy_from_slice(&self.row(place)[first..first + n_columns]);
            }
            let mut start = 0;
            for (out, &end) in out.chunks_exact_mut(self.n_items).zip(&*ends) {
                let weights = weighted.then_some(&weights[start..end]);
                let sums = sum_of_rows(self.level, panel, &places[start..end], weights);
                out[first..first + n_columns].copy_from_slice(&sums[..n_columns]);
                start = end;
            }
        }
        out.chunks_exact_mut(self.n_items.max(1)).for_each(|out| self.spread(out));
    }

    fn explain(
        &self,
        history: History<'_>,
        targets: &[u32],
        _scratch: &mut Self::Scratch,
    ) -> Vec<Vec<Contribution>> {
        history.assert_within(self.n_items);
        let parts_of = |&target: &u32| {
            assert!((target as usize) < self.n_items, "item {target} of {}", self.n_items);
            let column = self.place(target);
            let cell =
                |item| column.zip(self.place(item)).map_or(0.0, |(column, place)| self.row(place)[column]);
            history.iter().map(|(item, weight)| Contribution { item, part: weight * cell(item) }).collect()
        };
        targets.iter().map(parts_of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Items 1, 2 and 4 of five have events; 4 goes together with nothing.
    fn model(level: KernelLevel) -> EaseModel {
        let weights = vec![0.0, 0.5, 0.0, -0.25, 0.0, 0.0, 0.0, 0.0, 0.0];
        EaseModel::from_parts(5, vec![1, 2, 4], weights, level).unwrap()
    }

    #[test]
    fn scores_sum_rows_by_hand() {
        let model = model(KernelLevel::detect());
        let (mut scratch, mut scores) = (model.scratch(), [9.0; 5]);
        model.scores(History::weighted(&[0, 1, 2], &[7.0, 3.0, 2.0]), &mut scratch, &mut scores);
        assert_eq!(scores, [0.0, -0.5, 1.5, 0.0, 0.0]);
        let parts = model.explain(History::weighted(&[0, 1], &[7.0, 3.0]), &[2, 0], &mut scratch);
        let part = |item, part| Contribution { item, part };
        assert_eq!(parts, [[part(0, 0.0), part(1, 1.5)], [part(0, 0.0), part(1, 0.0)]]);
    }

    #[test]
    fn several_customers_get_the_bits_of_one_by_one() {
        let n = 3 * PANEL + 5;
        let items: Vec<u32> = (0..n as u32).map(|place| place + place / 7).collect();
        let n_items = items[n - 1] as usize + 3;
        let cell = |at: usize| if at.is_multiple_of(n + 1) { 0.0 } else { 1.0 / (at as f32 + 3.0) };
        let weights: Vec<f32> = (0..n * n).map(cell).collect();
        let long: Vec<u32> = (0..n_items as u32).step_by(3).collect();
        let (few, many) = (vec![2.5; 4], vec![0.3; long.len()]);
        let unweighted = [History::new(&[]), History::new(&[0, 5, 50]), History::new(&long)];
        let weighted =
            [History::weighted(&[1, 2, 7, 9], &few), History::new(&[3]), History::weighted(&long, &many)];
        for level in [KernelLevel::Portable, KernelLevel::detect()] {
            let model = EaseModel::from_parts(n_items, items.clone(), weights.clone(), level).unwrap();
            let mut scratch = model.scratch();
            for histories in [&unweighted[..], &weighted, &[]] {
                let mut together = vec![9.0; histories.len() * n_items];
                model.scores_many(histories, &mut scratch, &mut together);
                for (&history, together) in histories.iter().zip(together.chunks(n_items)) {
                    let mut alone = vec![8.0; n_items];
                    model.scores(history, &mut scratch, &mut alone);
                    assert!(alone.iter().zip(together).all(|(a, b)| a.to_bits() == b.to_bits()), "{level:?}");
                }
            }
        }
    }

    #[test]
    fn a_history_without_weights_is_unknown() {
        let model = model(KernelLevel::Portable);
        assert!(model.knows(History::new(&[0, 2])));
        for history in [&[][..], &[0], &[4], &[0, 3, 4]] {
            assert!(!model.knows(History::new(history)), "{history:?}");
        }
    }

    #[test]
    fn stored_parts_are_checked() {
        let refused = |items: &[u32], weights: &[f32]| {
            let parts = (items.to_vec(), weights.to_vec());
            EaseModel::from_parts(5, parts.0, parts.1, KernelLevel::Portable).unwrap_err().to_string()
        };
        assert!(refused(&[1, 2], &[0.0; 3]).contains("number of weights is 3, expected 4"));
        assert!(refused(&[2, 2], &[0.0; 4]).contains("row 1, column \"items\" is 2"));
        assert!(refused(&[3, 2], &[0.0; 4]).contains("above the item before it"));
        assert!(refused(&[2, 5], &[0.0; 4]).contains("below the number of items"));
        for bad in [f32::NAN, f32::INFINITY, -2e6] {
            assert!(refused(&[1, 2], &[0.0, 0.0, bad, 0.0]).contains("row 1, column \"weight 0\""), "{bad}");
        }
        assert!(refused(&[1, 2], &[0.0, 0.0, 0.0, 0.5]).contains("0 on the diagonal"));
        assert!(EaseModel::from_parts(0, vec![], vec![], KernelLevel::Portable).is_ok());
    }

    #[test]
    #[should_panic(expected = "item 5 of 5")]
    fn a_target_outside_the_catalogue_is_a_programmer_error() {
        let model = model(KernelLevel::Portable);
        let _ = model.explain(History::new(&[1]), &[5], &mut model.scratch());
    }
}
