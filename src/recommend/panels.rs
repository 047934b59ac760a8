//! Item factors in the layout the dot kernel reads.

use crate::kernels::KernelLevel;
use crate::kernels::dot::{BLOCK, LANES, scores_of_block};

/// Item factors packed in panels of 16 items, `panel[j][0..16]`; packed once per model.
///
/// A score is one chain of d fused multiply-adds over j = 0..d, so it has the same bits alone, in a batch, from a
/// candidate list and at every kernel level.
#[derive(Clone, Debug)]
pub struct ItemPanels {
    level: KernelLevel,
    n_items: usize,
    d: usize,
    /// Whole blocks of 64 items; items past the end have zero factors and are never selected.
    cells: Vec<f32>,
}

impl ItemPanels {
    /// Packs `factors`, n_items x d row-major.
    ///
    /// # Panics
    /// When `d` is 0, shapes do not fit or the processor lacks the level: programmer errors.
    #[must_use]
    pub fn pack(factors: &[f32], d: usize, level: KernelLevel) -> Self {
        assert!(d > 0 && factors.len().is_multiple_of(d), "factors are n_items x d");
        assert!(level.available(), "kernel level {level:?} needs another processor");
        let n_items = factors.len() / d;
        let mut cells = vec![0.0; n_items.div_ceil(BLOCK) * BLOCK * d];
        for (item, row) in factors.chunks_exact(d).enumerate() {
            let panel = &mut cells[item / LANES * LANES * d..];
            for (j, &x) in row.iter().enumerate() {
                panel[j * LANES + item % LANES] = x;
            }
        }
        Self { level, n_items, d, cells }
    }

    /// Number of items.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// Number of factors, d.
    #[must_use]
    pub fn n_factors(&self) -> usize {
        self.d
    }

    /// Scores of all items for one customer, by item.
    ///
    /// `customer` has d cells, `out` n_items.
    ///
    /// # Panics
    /// When shapes do not fit: a programmer error.
    pub fn score_all(&self, customer: &[f32], out: &mut [f32]) {
        assert!(customer.len() == self.d && out.len() == self.n_items, "d factors in, n_items scores out");
        let mut scores = [0.0; BLOCK];
        for (at, out) in out.chunks_mut(BLOCK).enumerate() {
            self.block_scores(at, customer, &mut scores);
            out.copy_from_slice(&scores[..out.len()]);
        }
    }

    /// Scores of all items for several customers: a block of items is read once for all of them.
    ///
    /// `customers` is n x d, `out` n x n_items, both row-major. The same bits as [`ItemPanels::score_all`].
    ///
    /// # Panics
    /// When shapes do not fit: a programmer error.
    pub fn score_many(&self, customers: &[f32], out: &mut [f32]) {
        let n_customers = customers.len() / self.d;
        assert!(customers.len().is_multiple_of(self.d), "customers are n x d");
        assert!(out.len() == n_customers * self.n_items, "n x n_items scores out");
        let mut scores = vec![0.0; n_customers * BLOCK];
        for (at, first) in (0..self.n_items).step_by(BLOCK).enumerate() {
            self.block_scores(at, customers, &mut scores);
            let n_items = BLOCK.min(self.n_items - first);
            for (row, scores) in out.chunks_exact_mut(self.n_items).zip(scores.chunks_exact(BLOCK)) {
                row[first..first + n_items].copy_from_slice(&scores[..n_items]);
            }
        }
    }

    /// Scores of a candidate list, in its order.
    ///
    /// # Panics
    /// When shapes do not fit or an item is not below n_items: programmer errors.
    #[must_use]
    pub fn score_items(&self, customer: &[f32], items: &[u32]) -> Vec<f32> {
        let mut scores = [0.0; BLOCK];
        let mut known = None;
        items
            .iter()
            .map(|&item| {
                let item = item as usize;
                assert!(item < self.n_items, "item {item} of {}", self.n_items);
                if known != Some(item / BLOCK) {
                    known = Some(item / BLOCK);
                    self.block_scores(item / BLOCK, customer, &mut scores);
                }
                scores[item % BLOCK]
            })
            .collect()
    }

    /// The kernels the scores are computed with.
    pub(super) fn level(&self) -> KernelLevel {
        self.level
    }

    /// Number of blocks of 64 items.
    pub(super) fn n_blocks(&self) -> usize {
        self.n_items.div_ceil(BLOCK)
    }

    /// Scores of block `at` for customers, n x d; `out` is n x 64.
    pub(super) fn block_scores(&self, at: usize, customers: &[f32], out: &mut [f32]) {
        let size = BLOCK * self.d;
        scores_of_block(self.level, &self.cells[at * size..(at + 1) * size], self.d, customers, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_and_listed_scores_are_the_products() {
        let factors: Vec<f32> = (0..70 * 2).map(|x| x as f32).collect();
        for level in [KernelLevel::Portable, KernelLevel::detect()] {
            let panels = ItemPanels::pack(&factors, 2, level);
            let mut scores = vec![0.0; 70];
            panels.score_all(&[1.0, -2.0], &mut scores);
            let expected: Vec<f32> = factors.chunks(2).map(|h| h[0] - 2.0 * h[1]).collect();
            assert_eq!(scores, expected);
            let mut many = vec![0.0; 3 * 70];
            panels.score_many(&[0.5, 0.25, 1.0, -2.0, 3.0, 1.0], &mut many);
            assert_eq!(many[70..140], scores);
            let listed = panels.score_items(&[1.0, -2.0], &[69, 0, 5]);
            assert_eq!(listed, [expected[69], expected[0], expected[5]]);
        }
    }

    #[test]
    fn an_empty_catalogue_has_no_scores() {
        let panels = ItemPanels::pack(&[], 8, KernelLevel::Portable);
        panels.score_all(&[0.0; 8], &mut []);
        assert_eq!(panels.n_items(), 0);
    }
}
