//! The pairs of a fit, by one side and by the other.

use crate::error::DataError;
use crate::features::Interactions;

/// One side's pairs: the numbers of the other side, ascending, per row.
#[derive(Clone, Debug)]
pub(super) struct Pairs {
    pub starts: Vec<u32>,
    pub others: Vec<u32>,
}

impl Pairs {
    pub fn of(&self, row: usize) -> &[u32] {
        &self.others[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    pub fn n_rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// The pairs by the other side, which has `n_rows` rows.
    pub fn transposed(&self, n_rows: usize) -> Self {
        let mut starts = vec![0u32; n_rows + 1];
        for &other in &self.others {
            starts[other as usize + 1] += 1;
        }
        for row in 0..n_rows {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut others = vec![0; self.others.len()];
        for row in 0..self.n_rows() {
            for &other in self.of(row) {
                others[next[other as usize] as usize] = row as u32;
                next[other as usize] += 1;
            }
        }
        Self { starts, others }
    }
}

/// Refuses interactions that `model` cannot learn from.
///
/// # Errors
/// [`DataError::TooFew`] when there is no pair, [`DataError::BadCell`] when a pair is not of the catalogue.
pub(super) fn check(model: &'static str, interactions: &Interactions) -> Result<(), DataError> {
    if interactions.items.is_empty() {
        let what = "pairs of a customer and an item";
        return Err(DataError::TooFew { model, what, got: 0, need: 1 });
    }
    match interactions.items.iter().position(|&item| item as usize >= interactions.n_items) {
        None => Ok(()),
        Some(row) => Err(DataError::BadCell {
            model,
            row,
            column: "item".into(),
            value: interactions.items[row].to_string(),
            rule: "below the number of items",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_keeps_every_pair() {
        let other = Pairs { starts: vec![0, 2, 2, 3], others: vec![1, 2, 1] }.transposed(4);
        assert_eq!((other.of(0), other.of(1), other.of(2)), (&[][..], &[0, 2][..], &[0][..]));
    }
}
