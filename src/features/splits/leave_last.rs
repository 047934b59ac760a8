//! The last items of each customer kept apart.

use super::{RankingSplit, SplitCounts, SplitRule};
use crate::error::ParamError;
use crate::features::{CustomerItems, Interactions};
use crate::params::count_in;

/// Keeps the `n_last` pairs that each customer took last out of training.
///
/// Pairs are in the order of their last time; of equal times the higher item is the later. A customer with `n_last` pairs
/// or fewer stays in training whole and has no test item. Pairs are distinct, so nothing is taken again and both tables
/// are the same. **Not for claims about the future:** a model learns here from what others did after a customer's test
/// item; use [`TimeSplit`](super::TimeSplit).
///
/// # Errors
/// [`ParamError`] when `n_last` is not from 1 to 1,000,000.
pub fn leave_last_out(pairs: &Interactions, n_last: usize) -> Result<RankingSplit, ParamError> {
    count_in("split.n_last", n_last, 1, 1_000_000, "from 1 to 1000000")?;
    let mut train = Interactions {
        as_of: pairs.as_of,
        n_items: pairs.n_items,
        starts: vec![0],
        items: Vec::new(),
        last_at: Vec::new(),
        guests: pairs.guests.clone(),
        buckets: pairs.buckets.clone(),
    };
    let mut test = CustomerItems::default();
    for customer in 0..pairs.n_customers() {
        let mut order: Vec<usize> = pairs.pairs(customer).collect();
        order.sort_unstable_by_key(|&pair| (pairs.last_at[pair], pairs.items[pair]));
        let n_test = if order.len() > n_last { n_last } else { 0 };
        let last = order.split_off(order.len() - n_test);
        test.push(&sorted(last.iter().map(|&pair| pairs.items[pair]).collect()));
        // Pairs of a customer ascend by item, so their places do too.
        for pair in sorted(order) {
            train.items.push(pairs.items[pair]);
            train.last_at.push(pairs.last_at[pair]);
        }
        train.starts.push(train.items.len() as u32);
    }
    Ok(RankingSplit::of_pairs(SplitRule::LeaveLastOut { n_last }, train, test, SplitCounts::default()))
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::super::TestTable;
    use super::super::tests::train;
    use super::*;
    use crate::types::Timestamp;

    #[test]
    fn the_last_pair_is_kept_apart() {
        let split = leave_last_out(&train(), 1).unwrap();
        assert_eq!(split.test(TestTable::NewItems).items_of(0), [0], "item 0 was taken at 5, item 2 at 3");
        assert_eq!((split.train().items_of(0), &split.train().last_at[..1]), (&[2][..], &[Timestamp(3)][..]));
        assert_eq!((split.train().items_of(2), split.judged(TestTable::All)), (&[1][..], vec![0]));
        assert_eq!(split.test(TestTable::All), split.test(TestTable::NewItems));
    }

    #[test]
    fn of_equal_times_the_higher_item_is_later() {
        let mut pairs = train();
        pairs.last_at[1] = pairs.last_at[0];
        let split = leave_last_out(&pairs, 1).unwrap();
        assert_eq!((split.test(TestTable::All).items_of(0), split.train().items_of(0)), (&[2][..], &[0][..]));
        let many = Interactions {
            n_items: 100,
            starts: vec![0, 100],
            items: (0..100).collect(),
            last_at: (0..100).map(|item| Timestamp(item % 2)).collect(),
            ..train()
        };
        assert_eq!(leave_last_out(&many, 3).unwrap().test(TestTable::All).items_of(0), [95, 97, 99]);
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        for bad in [0, 1_000_001] {
            assert_eq!(leave_last_out(&train(), bad).unwrap_err().field, "split.n_last");
        }
        let split = leave_last_out(&train(), 2).unwrap();
        assert!(split.judged(TestTable::All).is_empty(), "nobody has more than two");
    }
}
