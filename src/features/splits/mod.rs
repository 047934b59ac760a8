//! Training and test data for recommenders, as values that say how they were made.
//!
//! The default is one global instant: everything before it is known, everything in a window after it is to be foreseen
//! ([`TimeSplit`]). [`leave_last_out`] and [`RankingSplit::given`] serve comparison with published numbers; they let a
//! model learn from what others did later.

mod leave_last;
mod time;

pub use leave_last::leave_last_out;
pub use time::TimeSplit;

use std::fmt;

use serde::Serialize;

use super::{CustomerItems, Interactions};
use crate::error::DataError;

/// How test items were kept apart from training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SplitRule {
    /// At one instant for everybody.
    Time(TimeSplit),
    /// The last items of each customer.
    LeaveLastOut {
        /// How many.
        n_last: usize,
    },
    /// By the caller, by a rule that is not known here.
    Given,
}

impl fmt::Display for SplitRule {
    /// What a table says of its split, with what it is not good for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(split) => split.fmt(f),
            Self::LeaveLastOut { n_last } => {
                write!(f, "last {n_last} of each customer left out (learns from what others did later)")
            }
            Self::Given => write!(f, "given split (not by time, unless its source says so)"),
        }
    }
}

/// Which of a customer's test items count.
///
/// Mixing the two makes either the filter or the model look broken, so they are two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TestTable {
    /// Those the customer never took before; lists leave the history out.
    NewItems,
    /// All; lists may hold the history.
    All,
}

impl TestTable {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::NewItems, Self::All];

    /// Whether lists leave out what the customer took before.
    #[must_use]
    pub fn filters_consumed(self) -> bool {
        self == Self::NewItems
    }
}

impl fmt::Display for TestTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NewItems => "new items",
            Self::All => "all",
        })
    }
}

/// How much was known of a customer when the model was trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Warmth {
    /// Has pairs in training.
    Hot,
    /// Has some history, but no pair in training: views only, say, or everything sent back.
    Warm,
    /// Nothing is known.
    Cold,
}

impl Warmth {
    /// All, from most known to least.
    pub const ALL: [Self; 3] = [Self::Hot, Self::Warm, Self::Cold];

    /// The word of tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Warm => "warm",
            Self::Cold => "cold",
        }
    }

    fn of(is_trained_on: bool, has_history: bool) -> Self {
        match (is_trained_on, has_history) {
            (true, _) => Self::Hot,
            (false, true) => Self::Warm,
            (false, false) => Self::Cold,
        }
    }
}

/// Test lines that are not test items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SplitCounts {
    /// Further lines of a (customer, item) that counts once.
    pub n_duplicates: usize,
    /// Lines of orders that began before the test window; left out.
    pub n_straddling: usize,
}

/// What a recommender may learn from, and what customers took afterwards.
#[derive(Clone, Debug)]
pub struct RankingSplit {
    rule: SplitRule,
    train: Interactions,
    /// Where it is not the training pairs.
    history: Option<CustomerItems>,
    all: CustomerItems,
    new_items: CustomerItems,
    warmth: Vec<Warmth>,
    counts: SplitCounts,
}

impl RankingSplit {
    /// A split made elsewhere: training pairs, and for each of the same customers the test items in any order.
    ///
    /// # Errors
    /// [`DataError::Shape`] when the numbers of customers differ, [`DataError::BadCell`] for a test item outside the
    /// catalogue of the training pairs.
    pub fn given<T: AsRef<[u32]>>(train: Interactions, test: &[T]) -> Result<Self, DataError> {
        let n_test = test.iter().map(|items| items.as_ref().len()).sum::<usize>();
        let all = checked("test", test, train.n_customers(), train.n_items)?;
        let counts = SplitCounts { n_duplicates: n_test - all.items.len(), n_straddling: 0 };
        Ok(Self::of_pairs(SplitRule::Given, train, all, counts))
    }

    /// The same with another history of each customer than the training pairs, in any order: for customers who are
    /// kept out of training and known by a part of what they took (strong generalisation).
    ///
    /// # Errors
    /// As [`RankingSplit::given`].
    pub fn with_history<T: AsRef<[u32]>>(mut self, history: &[T]) -> Result<Self, DataError> {
        let history = checked("history", history, self.train.n_customers(), self.train.n_items)?;
        self.new_items = without(&self.all, |customer| history.items_of(customer));
        for (customer, warmth) in self.warmth.iter_mut().enumerate() {
            let is_trained_on = !self.train.items_of(customer).is_empty();
            *warmth = Warmth::of(is_trained_on, !history.items_of(customer).is_empty());
        }
        self.history = Some(history);
        Ok(self)
    }

    /// A split whose histories are the training pairs.
    fn of_pairs(rule: SplitRule, train: Interactions, all: CustomerItems, counts: SplitCounts) -> Self {
        let new_items = without(&all, |customer| train.items_of(customer));
        let is_known = |customer| !train.items_of(customer).is_empty();
        let warmth = (0..train.n_customers()).map(|c| Warmth::of(is_known(c), is_known(c))).collect();
        Self { rule, train, history: None, all, new_items, warmth, counts }
    }

    /// How it was made.
    #[must_use]
    pub fn rule(&self) -> SplitRule {
        self.rule
    }

    /// What models may learn from.
    #[must_use]
    pub fn train(&self) -> &Interactions {
        &self.train
    }

    /// What a customer took before the cut, kept or sent back, ascending: what a list of new items leaves out.
    #[must_use]
    pub fn history_of(&self, customer: usize) -> &[u32] {
        self.history.as_ref().map_or_else(|| self.train.items_of(customer), |all| all.items_of(customer))
    }

    /// The test items of everybody.
    #[must_use]
    pub fn test(&self, table: TestTable) -> &CustomerItems {
        match table {
            TestTable::NewItems => &self.new_items,
            TestTable::All => &self.all,
        }
    }

    /// Customers with a test item, ascending.
    #[must_use]
    pub fn judged(&self, table: TestTable) -> Vec<u32> {
        let test = self.test(table);
        (0..test.n_customers()).filter(|&c| !test.items_of(c).is_empty()).map(|c| c as u32).collect()
    }

    /// How much was known of each customer, in table order.
    #[must_use]
    pub fn warmth(&self) -> &[Warmth] {
        &self.warmth
    }

    /// What was merged and left out on the way.
    #[must_use]
    pub fn counts(&self) -> SplitCounts {
        self.counts
    }
}

/// The items of `from` that are not in the (ascending) history of their customer.
fn without<'a>(from: &CustomerItems, history: impl Fn(usize) -> &'a [u32]) -> CustomerItems {
    let mut rest = CustomerItems::default();
    let mut items = Vec::new();
    for customer in 0..from.n_customers() {
        let known = history(customer);
        items.clear();
        items.extend(from.items_of(customer).iter().filter(|item| known.binary_search(item).is_err()));
        rest.push(&items);
    }
    rest
}

/// Lists of a caller, sorted and each item once.
fn checked<T: AsRef<[u32]>>(
    column: &str,
    lists: &[T],
    n_customers: usize,
    n_items: usize,
) -> Result<CustomerItems, DataError> {
    if lists.len() != n_customers {
        let what = "number of customers with lists";
        return Err(DataError::Shape { model: "split", what, got: lists.len(), expected: n_customers });
    }
    let (mut all, mut items) = (CustomerItems::default(), Vec::new());
    for (row, list) in lists.iter().enumerate() {
        if let Some(item) = list.as_ref().iter().find(|&&item| item as usize >= n_items) {
            let (column, value) = (format!("{column}.item"), item.to_string());
            let rule = "below the number of items";
            return Err(DataError::BadCell { model: "split", row, column, value, rule });
        }
        items.clear();
        items.extend_from_slice(list.as_ref());
        items.sort_unstable();
        items.dedup();
        all.push(&items);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Buckets;
    use crate::types::Timestamp;

    /// Customer 0 took items 0 and 2, customer 1 nothing, customer 2 item 1; of 4 items.
    pub(super) fn train() -> Interactions {
        Interactions {
            as_of: Timestamp(10),
            n_items: 4,
            starts: vec![0, 2, 2, 3],
            items: vec![0, 2, 1],
            last_at: vec![Timestamp(5), Timestamp(3), Timestamp(4)],
            guests: Vec::new(),
            buckets: Buckets::even(3),
        }
    }

    fn lists(of: &CustomerItems) -> Vec<&[u32]> {
        (0..of.n_customers()).map(|c| of.items_of(c)).collect()
    }

    #[test]
    fn a_given_split_takes_the_history_out_of_one_table() {
        let split = RankingSplit::given(train(), &[vec![3, 2, 3], vec![1], vec![1]]).unwrap();
        assert_eq!(lists(split.test(TestTable::All)), [&[2, 3][..], &[1], &[1]]);
        assert_eq!(lists(split.test(TestTable::NewItems)), [&[3][..], &[1], &[]]);
        assert_eq!(split.judged(TestTable::NewItems), [0, 1]);
        assert_eq!(split.judged(TestTable::All), [0, 1, 2]);
        assert_eq!(split.warmth(), [Warmth::Hot, Warmth::Cold, Warmth::Hot]);
        assert_eq!(split.counts(), SplitCounts { n_duplicates: 1, n_straddling: 0 });
        assert_eq!(split.rule(), SplitRule::Given);
    }

    #[test]
    fn customers_kept_out_of_training_are_warm() {
        let split = RankingSplit::given(train(), &[vec![3], vec![1, 3], vec![2]]).unwrap();
        let split = split.with_history(&[vec![0, 2], vec![3, 0], vec![]]).unwrap();
        assert_eq!(split.warmth(), [Warmth::Hot, Warmth::Warm, Warmth::Hot]);
        assert_eq!((split.history_of(1), split.history_of(2)), (&[0, 3][..], &[][..]));
        assert_eq!(lists(split.test(TestTable::NewItems)), [&[3][..], &[1], &[2]]);
    }

    #[test]
    fn other_shapes_and_items_are_refused() {
        let few = RankingSplit::given(train(), &[vec![1]]).unwrap_err();
        assert_eq!(few.to_string(), "split: number of customers with lists is 1, expected 3");
        let outside = RankingSplit::given(train(), &[vec![], vec![4], vec![]]).unwrap_err();
        assert!(outside.to_string().contains("row 1, column \"test.item\" is 4"), "{outside}");
        let split = RankingSplit::given(train(), &[[0; 0]; 3]).unwrap();
        let outside = split.with_history(&[vec![], vec![], vec![9]]).unwrap_err();
        assert!(outside.to_string().contains("row 2, column \"history.item\" is 9"), "{outside}");
    }
}
