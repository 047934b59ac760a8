//! A fitted iALS: the items' side, from which customers are folded in.

use super::solve::{FixedSide, FoldInScratch};
use super::{IalsParams, IalsValid};
use crate::error::DataError;
use crate::kernels::KernelLevel;
use crate::recommend::{Contribution, ItemPanels};

/// Largest absolute factor that is accepted; fitted factors are below 100.
const MAX_FACTOR: f32 = 1e6;

/// Item factors with what fold-in and scoring need; no customer is in it.
#[derive(Clone, Debug)]
pub struct IalsModel {
    valid: IalsValid,
    items: FixedSide,
    panels: ItemPanels,
}

impl IalsModel {
    /// A model from its stored parts; `level` chooses the kernels.
    ///
    /// `item_factors` is n_items x d row-major in the eigenbasis of its Gramian, `gramian` that diagonal (d cells),
    /// as [`IalsModel::item_factors`] and [`IalsModel::gramian`] give them.
    ///
    /// # Errors
    /// [`DataError::Shape`] when the lengths do not belong to d, [`DataError::BadCell`] when a factor is not finite
    /// or beyond 1e6, or a cell of the diagonal is negative or not finite.
    ///
    /// # Panics
    /// When the processor lacks the level: a programmer error.
    pub fn from_parts(
        valid: IalsValid,
        item_factors: Vec<f32>,
        gramian: Vec<f32>,
        level: KernelLevel,
    ) -> Result<Self, DataError> {
        let d = valid.params().n_factors;
        let shape = |what, got, expected| Err(DataError::Shape { model: "ials", what, got, expected });
        if gramian.len() != d {
            return shape("length of the Gramian's diagonal", gramian.len(), d);
        }
        if !item_factors.len().is_multiple_of(d) {
            let whole = item_factors.len() / d * d;
            return shape("number of item factors", item_factors.len(), whole);
        }
        let bad = |row, column: String, value: f32, rule| {
            Err(DataError::BadCell { model: "ials", row, column, value: value.to_string(), rule })
        };
        if let Some(at) = item_factors.iter().position(|x| !(-MAX_FACTOR..=MAX_FACTOR).contains(x)) {
            let column = format!("factor {}", at % d);
            return bad(at / d, column, item_factors[at], "finite and at most 1e6 in size");
        }
        if let Some(at) = gramian.iter().position(|x| !(*x >= 0.0 && x.is_finite())) {
            return bad(at, "gramian".into(), gramian[at], "finite and at least 0");
        }
        Ok(Self::of(valid, FixedSide { level, d, factors: item_factors, gramian }))
    }

    pub(super) fn of(valid: IalsValid, items: FixedSide) -> Self {
        let panels = ItemPanels::pack(&items.factors, items.d, items.level);
        Self { valid, items, panels }
    }

    /// The parameters of the fit.
    #[must_use]
    pub fn params(&self) -> &IalsParams {
        self.valid.params()
    }

    /// Number of items.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.items.n_rows()
    }

    /// Number of factors, d.
    #[must_use]
    pub fn n_factors(&self) -> usize {
        self.items.d
    }

    /// Item factors, n_items x d row-major, in the eigenbasis of their Gramian.
    #[must_use]
    pub fn item_factors(&self) -> &[f32] {
        &self.items.factors
    }

    /// The Gramian of the item factors, which is diagonal in their basis: its d cells.
    #[must_use]
    pub fn gramian(&self) -> &[f32] {
        &self.items.gramian
    }

    /// The factors as the dot kernel reads them.
    #[must_use]
    pub fn panels(&self) -> &ItemPanels {
        &self.panels
    }

    /// Working memory for [`IalsModel::fold_in`], to be kept from call to call.
    #[must_use]
    pub fn scratch(&self) -> FoldInScratch {
        FoldInScratch::new(self.n_factors())
    }

    /// The factors of a customer with the history `items`: the exact row solve of the fit (arXiv 2110.14037, eq. 5).
    ///
    /// `items` are distinct, ascending for the same bits as the batch. The result has d cells. `None` for a customer
    /// about whom the model knows nothing: no history, or only items whose factors are zero, because nobody had them in
    /// training or the regulariser left nothing of them. Rank such a customer by something else: all scores would be
    /// equal.
    ///
    /// # Panics
    /// When an item is not below n_items or the scratch is of another model's size: programmer errors.
    #[must_use]
    pub fn fold_in(&self, items: &[u32], scratch: &mut FoldInScratch) -> Option<Vec<f32>> {
        let mut customer = vec![0.0; self.n_factors()];
        self.items.solve_row(&self.valid, items, scratch, &mut customer);
        customer.iter().any(|&x| x != 0.0).then_some(customer)
    }

    /// The scores of all items for a folded-in customer, by item: 1 is "as good as bought", 0 "no sign of interest".
    ///
    /// # Panics
    /// When `customer` has not d cells or `out` not n_items: programmer errors.
    pub fn scores(&self, customer: &[f32], out: &mut [f32]) {
        self.panels.score_all(customer, out);
    }

    /// What each item of a history adds to the score of each target, in the order of the targets and of the history.
    ///
    /// The parts are h_j'A^-1 h_i and sum to the score to rounding.
    ///
    /// # Panics
    /// When an item is not below n_items or the scratch is of another model's size: programmer errors.
    #[must_use]
    pub fn explain(
        &self,
        items: &[u32],
        targets: &[u32],
        scratch: &mut FoldInScratch,
    ) -> Vec<Vec<Contribution>> {
        if items.is_empty() {
            return vec![Vec::new(); targets.len()];
        }
        let mut parts = Vec::with_capacity(items.len() * targets.len());
        self.items.influence(&self.valid, items, targets, scratch, &mut parts);
        let of_target = |parts: &[f32]| {
            let contribution = |(&item, &part): (&u32, &f32)| Contribution { item, part };
            items.iter().zip(parts).map(contribution).collect()
        };
        parts.chunks_exact(items.len()).map(of_target).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    fn valid() -> IalsValid {
        IalsParams { n_factors: 8, alpha0: 0.5, lambda: 0.1, ..IalsParams::new(1) }.check().unwrap()
    }

    fn model() -> IalsModel {
        let mut factors = vec![0.0; 24];
        (factors[0], factors[8]) = (1.0, 2.0);
        let gramian = [&[5.0], &[0.0; 7][..]].concat();
        IalsModel::from_parts(valid(), factors, gramian, KernelLevel::detect()).unwrap()
    }

    #[test]
    fn fold_in_by_hand() {
        let model = model();
        let customer = model.fold_in(&[1], &mut model.scratch()).unwrap();
        // A = 0.5 * 5 + 2 * 2 + 0.1 * (1 + 0.5 * 3) = 6.75, b = 2.
        assert!((customer[0] - 2.0 / 6.75).abs() < 1e-6, "{customer:?}");
        let mut scores = [9.0; 3];
        model.scores(&customer, &mut scores);
        assert_eq!(scores, [customer[0], 2.0 * customer[0], 0.0]);
        let parts = model.explain(&[1], &[0, 1], &mut model.scratch());
        assert_eq!((parts.len(), parts[0].len()), (2, 1));
        assert!((parts[0][0].part - scores[0]).abs() < 1e-6 && (parts[1][0].part - scores[1]).abs() < 1e-6);
    }

    #[test]
    fn a_customer_nothing_is_known_of_has_no_factors() {
        let model = model();
        assert_eq!(model.fold_in(&[], &mut model.scratch()), None);
        assert_eq!(model.fold_in(&[2], &mut model.scratch()), None, "item 2 was not in training");
    }

    #[test]
    fn stored_parts_are_checked() {
        let refused = |factors: Vec<f32>, gramian: Vec<f32>| {
            let refusal = IalsModel::from_parts(valid(), factors, gramian, KernelLevel::Portable);
            refusal.unwrap_err().to_string()
        };
        assert!(refused(vec![0.0; 12], vec![0.0; 8]).contains("number of item factors is 12"));
        assert!(refused(vec![0.0; 16], vec![0.0; 7]).contains("Gramian's diagonal is 7"));
        for bad in [f32::NAN, f32::INFINITY, -2e6] {
            let mut factors = vec![0.0; 16];
            factors[9] = bad;
            assert!(refused(factors, vec![0.0; 8]).contains("row 1, column \"factor 1\""));
        }
        for bad in [f32::NAN, f32::INFINITY, -1.0] {
            assert!(refused(vec![], vec![bad; 8]).contains("gramian"));
        }
    }

    #[test]
    fn models_are_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<IalsModel>();
    }
}
