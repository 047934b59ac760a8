//! What a customer took, as recommenders read it.

/// The past of a customer: distinct items in ascending order, with a weight each.
///
/// The order is part of what "same bits" means: models sum over a history as it stands here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct History<'a> {
    items: &'a [u32],
    weights: Option<&'a [f32]>,
}

impl<'a> History<'a> {
    /// A history in which every item counts 1.
    ///
    /// # Panics
    /// When the items are not distinct and ascending: a programmer error.
    #[must_use]
    pub fn new(items: &'a [u32]) -> Self {
        assert!(items.is_sorted_by(|a, b| a < b), "items of a history are distinct and ascending");
        Self { items, weights: None }
    }

    /// A history in which item `items[k]` counts `weights[k]`.
    ///
    /// # Panics
    /// When the items are not distinct and ascending, or there is not one finite weight greater than 0 for each:
    /// programmer errors.
    #[must_use]
    pub fn weighted(items: &'a [u32], weights: &'a [f32]) -> Self {
        assert_eq!(items.len(), weights.len(), "a weight for every item of a history");
        let count = |weight: &f32| weight.is_finite() && *weight > 0.0;
        assert!(weights.iter().all(count), "weights of a history are finite and greater than 0");
        Self { weights: Some(weights), ..Self::new(items) }
    }

    /// The items, distinct and ascending.
    #[must_use]
    pub fn items(&self) -> &'a [u32] {
        self.items
    }

    /// The weight of each item, unless all count 1.
    #[must_use]
    pub fn weights(&self) -> Option<&'a [f32]> {
        self.weights
    }

    /// Every item with its weight.
    pub fn iter(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        let weight = |at: usize| self.weights.map_or(1.0, |weights| weights[at]);
        self.items.iter().enumerate().map(move |(at, &item)| (item, weight(at)))
    }

    /// # Panics
    /// When an item is not of a catalogue of `n_items`: a programmer error.
    pub(super) fn assert_within(&self, n_items: usize) {
        let last = self.items.last();
        assert!(last.is_none_or(|&item| (item as usize) < n_items), "item {last:?} of {n_items}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_count_one_unless_weighed() {
        assert!(History::new(&[2, 5]).iter().eq([(2, 1.0), (5, 1.0)]));
        assert!(History::weighted(&[2, 5], &[0.5, 3.0]).iter().eq([(2, 0.5), (5, 3.0)]));
        assert_eq!(History::new(&[]).iter().next(), None);
    }

    #[test]
    #[should_panic(expected = "distinct and ascending")]
    fn a_repeated_item_is_a_programmer_error() {
        let _ = History::new(&[2, 2]);
    }

    #[test]
    #[should_panic(expected = "distinct and ascending")]
    fn descending_items_are_a_programmer_error() {
        let _ = History::weighted(&[2, 1], &[1.0, 1.0]);
    }

    #[test]
    #[should_panic(expected = "a weight for every item")]
    fn a_missing_weight_is_a_programmer_error() {
        let _ = History::weighted(&[1, 2], &[1.0]);
    }

    #[test]
    fn weights_that_do_not_count_are_programmer_errors() {
        for bad in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let refused = std::panic::catch_unwind(|| History::weighted(&[1], &[bad]).items().len());
            assert!(refused.is_err(), "{bad}");
        }
    }

    #[test]
    #[should_panic(expected = "of 5")]
    fn an_item_outside_the_catalogue_is_a_programmer_error() {
        History::new(&[1, 5]).assert_within(5);
    }
}
