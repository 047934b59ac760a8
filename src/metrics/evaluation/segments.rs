//! Groups of customers to look at one by one.

use crate::error::DataError;
use crate::features::{RankingSplit, TestTable, Warmth};

/// A label per customer, by a name: persona, activity, country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segmentation {
    name: String,
    levels: Vec<String>,
    /// By customer in table order.
    of_customer: Vec<Option<u32>>,
}

/// What customers without a label are called.
const UNLABELLED: &str = "(none)";

impl Segmentation {
    /// Levels, and for every customer in table order the index of theirs; those without one are a level of their own,
    /// `(none)`, after the others.
    ///
    /// # Errors
    /// [`DataError::BadCell`] for an index beyond the levels.
    pub fn new(name: &str, levels: Vec<String>, of_customer: Vec<Option<u32>>) -> Result<Self, DataError> {
        let n_levels = levels.len();
        let is_bad = |label: &Option<u32>| label.is_some_and(|level| level as usize >= n_levels);
        if let Some(row) = of_customer.iter().position(is_bad) {
            return Err(DataError::BadCell {
                model: "evaluation",
                row,
                column: format!("segment {name}"),
                value: of_customer[row].map_or_else(String::new, |level| level.to_string()),
                rule: "below the number of levels",
            });
        }
        Ok(Self { name: name.to_owned(), levels, of_customer })
    }

    /// Hot, warm and cold customers of a split.
    #[must_use]
    pub fn warmth(split: &RankingSplit) -> Self {
        let levels = Warmth::ALL.map(|warmth| warmth.name().to_owned()).to_vec();
        let of_customer = split.warmth().iter().map(|&warmth| Some(warmth as u32)).collect();
        Self { name: "known as".to_owned(), levels, of_customer }
    }

    /// Thirds of the judged customers by the number of items in their history.
    ///
    /// The bounds are the histories at one and two thirds of the order; equal histories stay together, so thirds are
    /// unequal where many are equal, and the middle or upper one may be empty.
    #[must_use]
    pub fn activity_terciles(split: &RankingSplit, table: TestTable) -> Self {
        let judged = split.judged(table);
        let size = |customer: u32| split.history_of(customer as usize).len();
        let mut sizes: Vec<usize> = judged.iter().map(|&customer| size(customer)).collect();
        sizes.sort_unstable();
        let bound =
            |third: usize| sizes.get((sizes.len() * third).div_ceil(3).max(1) - 1).copied().unwrap_or(0);
        let (low, high) = (bound(1), bound(2));
        let mut of_customer = vec![None; split.warmth().len()];
        for customer in judged {
            let size = size(customer);
            of_customer[customer as usize] = Some(u32::from(size > low) + u32::from(size > high));
        }
        let levels = vec![
            format!("low (history <= {low})"),
            format!("middle (<= {high})"),
            format!("high (> {high})"),
        ];
        Self { name: "activity tercile".to_owned(), levels, of_customer }
    }

    /// What it goes by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Levels with the rows of `customers` that are in them, those without anybody left out.
    ///
    /// # Errors
    /// [`DataError::Shape`] when a customer is not of the table that was labelled.
    pub(super) fn rows(&self, customers: &[u32]) -> Result<Vec<(String, Vec<usize>)>, DataError> {
        let n = self.of_customer.len();
        if let Some(&outside) = customers.iter().find(|&&customer| customer as usize >= n) {
            let (what, got) = ("number of labelled customers", n);
            return Err(DataError::Shape { model: "evaluation", what, got, expected: outside as usize + 1 });
        }
        let mut rows = vec![Vec::new(); self.levels.len() + 1];
        for (row, &customer) in customers.iter().enumerate() {
            let level = self.of_customer[customer as usize];
            rows[level.map_or(self.levels.len(), |level| level as usize)].push(row);
        }
        let names = self.levels.iter().map(String::as_str).chain([UNLABELLED]).map(str::to_owned);
        Ok(names.zip(rows).filter(|(_, rows)| !rows.is_empty()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Interactions;
    use crate::tables::Buckets;
    use crate::types::Timestamp;

    #[test]
    fn customers_without_a_label_are_a_level() {
        let levels = ["red", "blue", "green"].map(str::to_owned).to_vec();
        let of_customer = vec![Some(1), None, Some(0), Some(1)];
        let segments = Segmentation::new("colour", levels.clone(), of_customer).unwrap();
        let rows = segments.rows(&[0, 1, 3]).unwrap();
        assert_eq!(rows, [("blue".to_owned(), vec![0, 2]), (UNLABELLED.to_owned(), vec![1])]);
        let outside = segments.rows(&[2, 4]).unwrap_err().to_string();
        assert_eq!(outside, "evaluation: number of labelled customers is 4, expected 5");
        let bad = Segmentation::new("colour", levels, vec![Some(0), Some(3)]).unwrap_err().to_string();
        assert!(bad.contains("row 1, column \"segment colour\" is 3"), "{bad}");
    }

    /// Histories of 0, 1, ..., 6 items; the last customer took nothing later.
    #[test]
    fn thirds_by_hand() {
        let train = Interactions {
            as_of: Timestamp(1),
            n_items: 8,
            starts: vec![0, 0, 1, 3, 6, 10, 15, 21],
            items: (0..7u32).flat_map(|n| 0..n).collect(),
            last_at: vec![Timestamp(0); 21],
            guests: Vec::new(),
            buckets: Buckets::even(7),
        };
        let test: Vec<Vec<u32>> = (0..7).map(|customer| vec![7; usize::from(customer < 6)]).collect();
        let split = RankingSplit::given(train, &test).unwrap();
        let terciles = Segmentation::activity_terciles(&split, TestTable::NewItems);
        assert_eq!(terciles.levels, ["low (history <= 1)", "middle (<= 3)", "high (> 3)"]);
        assert_eq!(terciles.of_customer, [Some(0), Some(0), Some(1), Some(1), Some(2), Some(2), None]);
        let warmth = Segmentation::warmth(&split).rows(&[0, 1, 2]).unwrap();
        assert_eq!(warmth, [("hot".to_owned(), vec![1, 2]), ("cold".to_owned(), vec![0])]);
    }
}
