//! The unit of reduction: 1,024 buckets of customers by a fixed hash of the outside id.
//!
//! Customers are ordered by (bucket, id), so a bucket is a range of rows. Sums over customers are computed per
//! bucket and combined in bucket order; threads, spilling and distributed workers move whole buckets. The bytes
//! of a result therefore do not depend on how many of them there were.

use std::ops::Range;

use crate::types::Key;

/// How many buckets there are. Part of every format; never changes.
pub const N_BUCKETS: usize = 1024;

/// Buckets that are combined before their sum meets the others: a fixed two-level tree, so that a worker can own
/// a group. Part of the meaning of "same bytes"; never changes.
pub const GROUP: usize = 32;

/// The bucket of an outside customer id: the upper ten bits of its [`Key`].
#[must_use]
pub fn bucket_of(id: &str) -> usize {
    (Key::of(id).0 >> 54) as usize
}

/// Statistics that can be computed piece by piece: per bucket, per file, per worker.
///
/// `merge` is called in bucket order only; it need not commute.
pub trait Partial: Sized + Send {
    /// Takes in the statistics of the buckets that follow.
    fn merge(&mut self, later: Self);
}

/// Where each bucket starts in a table of customers ordered by (bucket, id).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    starts: Vec<u32>,
}

impl Buckets {
    /// The buckets of ids that are already in (bucket, id) order.
    ///
    /// # Panics
    /// When they are not in that order: a programmer error.
    #[must_use]
    pub fn of_sorted<'a>(ids: impl Iterator<Item = &'a str>) -> Self {
        let mut starts = vec![0u32; N_BUCKETS + 1];
        let mut last = 0;
        for id in ids {
            let bucket = bucket_of(id);
            assert!(bucket >= last, "customers are not in bucket order");
            last = bucket;
            starts[bucket + 1] += 1;
        }
        for b in 0..N_BUCKETS {
            starts[b + 1] += starts[b];
        }
        Self { starts }
    }

    /// Buckets for tables without outside ids (tests, benches, arrays from a notebook): rows dealt evenly.
    #[must_use]
    pub fn even(n_rows: usize) -> Self {
        Self { starts: (0..=N_BUCKETS).map(|b| (n_rows * b / N_BUCKETS) as u32).collect() }
    }

    /// Rows of bucket `b`.
    #[must_use]
    pub fn rows(&self, b: usize) -> Range<usize> {
        self.starts[b] as usize..self.starts[b + 1] as usize
    }

    /// Number of rows in all buckets.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.starts[N_BUCKETS] as usize
    }

    /// Computes `of(rows)` for every bucket and merges in bucket order (inside groups of [`GROUP`], then the
    /// groups). Same bytes at any number of threads; `None` only when there are no rows at all.
    ///
    /// Empty buckets are skipped. Uses the caller's rayon pool with feature `train`, else the calling thread.
    pub fn reduce<P: Partial>(&self, of: impl Fn(Range<usize>) -> P + Sync) -> Option<P> {
        self.by_group(|sum, rows| merge_into(sum, of(rows)))
    }

    /// As [`Buckets::reduce`] for statistics that are large beside the rows of a bucket: the buckets of a group are
    /// added to one `empty()`, in their order.
    pub fn fold<P: Partial>(
        &self,
        empty: impl Fn() -> P + Sync,
        add: impl Fn(&mut P, Range<usize>) + Sync,
    ) -> Option<P> {
        self.by_group(|sum, rows| add(sum.get_or_insert_with(&empty), rows))
    }

    fn by_group<P: Partial>(&self, take: impl Fn(&mut Option<P>, Range<usize>) + Sync) -> Option<P> {
        let group = |g: usize| {
            let mut sum: Option<P> = None;
            for b in g * GROUP..(g + 1) * GROUP {
                let rows = self.rows(b);
                if !rows.is_empty() {
                    take(&mut sum, rows);
                }
            }
            sum
        };
        #[cfg(feature = "train")]
        let groups: Vec<Option<P>> = {
            use rayon::prelude::*;
            (0..N_BUCKETS / GROUP).into_par_iter().map(group).collect()
        };
        #[cfg(not(feature = "train"))]
        let groups: Vec<Option<P>> = (0..N_BUCKETS / GROUP).map(group).collect();
        let mut total = None;
        for part in groups.into_iter().flatten() {
            merge_into(&mut total, part);
        }
        total
    }
}

fn merge_into<P: Partial>(sum: &mut Option<P>, later: P) {
    match sum {
        Some(sum) => sum.merge(later),
        None => *sum = Some(later),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rows(Vec<usize>);
    impl Partial for Rows {
        fn merge(&mut self, later: Self) {
            self.0.extend(later.0);
        }
    }

    #[test]
    fn reduction_visits_every_row_once_in_order() {
        for n in [0, 1, 1023, 5000] {
            let buckets = Buckets::even(n);
            let rows = buckets.reduce(|rows| Rows(rows.collect())).map_or(Vec::new(), |r| r.0);
            assert_eq!(rows, (0..n).collect::<Vec<_>>());
            let folded = buckets.fold(|| Rows(Vec::new()), |all, rows| all.0.extend(rows));
            assert_eq!(folded.map_or(Vec::new(), |r| r.0), rows);
        }
    }

    #[test]
    fn buckets_follow_the_ids() {
        let mut ids: Vec<String> = (0..3000).map(|i| format!("c{i}")).collect();
        ids.sort_by_key(|id| (bucket_of(id), id.clone()));
        let buckets = Buckets::of_sorted(ids.iter().map(String::as_str));
        for b in 0..N_BUCKETS {
            assert!(buckets.rows(b).all(|row| bucket_of(&ids[row]) == b));
        }
        assert_eq!(buckets.n_rows(), 3000);
    }
}
