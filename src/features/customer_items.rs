//! Items per customer, without times.

use crate::tables::Partial;

/// Distinct items of every customer, ascending; by customer in table order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerItems {
    /// Items of customer `c` are `starts[c]..starts[c + 1]`; length n_customers + 1.
    pub starts: Vec<u32>,
    /// Rows in the item table.
    pub items: Vec<u32>,
}

impl Default for CustomerItems {
    /// Of no customer.
    fn default() -> Self {
        Self { starts: vec![0], items: Vec::new() }
    }
}

impl CustomerItems {
    /// Number of customers, with and without items.
    #[must_use]
    pub fn n_customers(&self) -> usize {
        self.starts.len() - 1
    }

    /// Items of a customer, ascending.
    #[must_use]
    pub fn items_of(&self, customer: usize) -> &[u32] {
        &self.items[self.starts[customer] as usize..self.starts[customer + 1] as usize]
    }

    /// Adds the next customer.
    pub(super) fn push(&mut self, items: &[u32]) {
        debug_assert!(items.is_sorted_by(|a, b| a < b), "distinct items in ascending order");
        self.items.extend_from_slice(items);
        self.starts.push(self.items.len() as u32);
    }
}

impl Partial for CustomerItems {
    fn merge(&mut self, later: Self) {
        let before = self.items.len() as u32;
        self.items.extend(later.items);
        self.starts.extend(later.starts[1..].iter().map(|start| before + start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_join_in_order() {
        let mut all = CustomerItems::default();
        all.push(&[1, 4]);
        let mut later = CustomerItems::default();
        later.push(&[]);
        later.push(&[0]);
        all.merge(later);
        assert_eq!((all.n_customers(), all.items_of(0), all.items_of(2)), (3, &[1, 4][..], &[0][..]));
        assert!(all.items_of(1).is_empty());
    }
}
