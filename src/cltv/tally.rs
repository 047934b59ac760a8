//! Equal histories counted together: likelihoods depend on nothing else.

use std::ops::Range;

use super::gamma_gamma::Spend;
use super::mbg::History;
use crate::features::PurchaseSummary;
use crate::tables::{Buckets, Partial};

/// Distinct keys, ascending, with how often each occurs. Counts are exact, so any way of merging gives the same.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tally<K> {
    rows: Vec<(K, u64)>,
}

impl<K: Ord + Copy> Tally<K> {
    pub(super) fn of(keys: impl Iterator<Item = K>) -> Self {
        let mut keys: Vec<K> = keys.collect();
        keys.sort_unstable();
        let mut rows: Vec<(K, u64)> = Vec::new();
        for key in keys {
            match rows.last_mut() {
                Some((last, count)) if *last == key => *count += 1,
                _ => rows.push((key, 1)),
            }
        }
        Self { rows }
    }

    pub(super) fn rows(&self) -> &[(K, u64)] {
        &self.rows
    }
}

impl<K: Ord + Copy + Send> Partial for Tally<K> {
    fn merge(&mut self, later: Self) {
        let mut merged = Vec::with_capacity(self.rows.len() + later.rows.len());
        let (mut left, mut right) = (self.rows.iter().peekable(), later.rows.iter().peekable());
        loop {
            let row = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) if a.0 == b.0 => (a.0, a.1 + right.next().map_or(0, |b| b.1)),
                (Some(a), Some(b)) if b.0 < a.0 => {
                    merged.push(**b);
                    right.next();
                    continue;
                }
                (Some(a), _) => **a,
                (None, Some(b)) => {
                    merged.push(**b);
                    right.next();
                    continue;
                }
                (None, None) => break,
            };
            merged.push(row);
            left.next();
        }
        self.rows = merged;
    }
}

/// A non-negative number as bits that sort like it; the two zeros are one.
fn ordered(x: f64) -> u64 {
    (x + 0.0).to_bits()
}

/// The histories of a summary, sorted and counted.
pub(super) fn histories(summary: &PurchaseSummary) -> Vec<(History, f64)> {
    let key = |row: usize| {
        (
            summary.repeat_orders[row],
            ordered(summary.age_at_last_order_days[row]),
            ordered(summary.age_days[row]),
        )
    };
    let rows = tally(summary.len(), |rows| Tally::of(rows.map(key)));
    rows.into_iter()
        .map(|((repeat_orders, age_at_last_order, age), count)| {
            let history = History {
                repeat_orders,
                age_at_last_order: f64::from_bits(age_at_last_order),
                age: f64::from_bits(age),
            };
            (history, count as f64)
        })
        .collect()
}

/// The mean spends of a summary, sorted and counted; customers without one are left out.
pub(super) fn spends(summary: &PurchaseSummary) -> Vec<(Spend, f64)> {
    let key =
        |row: usize| summary.mean_repeat_spend[row].map(|mean| (summary.n_spend_days[row], ordered(mean)));
    let rows = tally(summary.len(), |rows| Tally::of(rows.filter_map(key)));
    rows.into_iter()
        .map(|((n, mean), count)| (Spend { n, mean: f64::from_bits(mean) }, count as f64))
        .collect()
}

fn tally<K: Ord + Copy + Send>(n_rows: usize, of: impl Fn(Range<usize>) -> Tally<K> + Sync) -> Vec<(K, u64)> {
    Buckets::even(n_rows).reduce(of).map_or(Vec::new(), |tally| tally.rows().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_in_any_pieces_counts_the_same() {
        let keys = [5, 1, 5, 2, 2, 9, 1, 5];
        let whole = Tally::of(keys.into_iter());
        assert_eq!(whole.rows(), [(1, 2), (2, 2), (5, 3), (9, 1)]);
        for cut in 0..=keys.len() {
            let mut first = Tally::of(keys[..cut].iter().copied());
            first.merge(Tally::of(keys[cut..].iter().copied()));
            assert_eq!(first, whole, "cut at {cut}");
        }
    }
}
