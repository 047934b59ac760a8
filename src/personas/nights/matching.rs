//! Which cluster of a new partition carries on which cluster of an old one.

/// Share from which one cluster counts as part of another.
const COVERED: f64 = 0.6;

/// Costs are whole multiples of this part of 1, so that sums are exact and ties are ties.
const UNIT: f64 = 1.0 / (1u64 << 40) as f64;

/// Overlaps of two partitions of the same customers.
pub(crate) struct Overlaps {
    /// Customers by old and new cluster.
    both: Vec<Vec<u64>>,
    old: Vec<u64>,
    new: Vec<u64>,
}

/// One cluster and others with the share of each: a whole and its parts.
pub(crate) type Shares = (usize, Vec<(usize, f64)>);

impl Overlaps {
    /// Counts `k_old` x `k_new` overlaps over the customers who have an old cluster.
    pub(crate) fn count(old: &[Option<u32>], new: &[u32], k_old: usize, k_new: usize) -> Self {
        let mut overlaps =
            Self { both: vec![vec![0; k_new]; k_old], old: vec![0; k_old], new: vec![0; k_new] };
        for (&a, &b) in old.iter().zip(new) {
            let Some(a) = a else { continue };
            overlaps.both[a as usize][b as usize] += 1;
            overlaps.old[a as usize] += 1;
            overlaps.new[b as usize] += 1;
        }
        overlaps
    }

    /// Customers who are counted.
    pub(crate) fn n_customers(&self) -> u64 {
        self.old.iter().sum()
    }

    /// Customers in both clusters / customers in either; 0 for two empty clusters.
    pub(crate) fn jaccard(&self, old: usize, new: usize) -> f64 {
        let both = self.both[old][new];
        let either = self.old[old] + self.new[new] - both;
        if either == 0 { 0.0 } else { both as f64 / either as f64 }
    }

    /// By new cluster, the old one in the one-to-one matching with the largest sum of Jaccard overlaps; `None` for
    /// one that has nothing in common with the old cluster left for it. Ties go to the old cluster earlier in `order`.
    pub(crate) fn best_matching(&self, order: &[usize]) -> Vec<Option<usize>> {
        let cost = |old: usize, new: usize| 1.0 - self.jaccard(old, new);
        cheapest_matching(cost, order, self.new.len())
    }

    /// Old clusters that cover at least 60 % of two or more new ones, with the share of each that they cover.
    pub(crate) fn splits(&self) -> Vec<Shares> {
        let share = |old: usize, new: usize| self.both[old][new] as f64 / self.new[new].max(1) as f64;
        covered(self.old.len(), self.new.len(), share)
    }

    /// New clusters into which two or more old ones go to at least 60 %, with the share of each that goes there.
    pub(crate) fn merges(&self) -> Vec<Shares> {
        let share = |new: usize, old: usize| self.both[old][new] as f64 / self.old[old].max(1) as f64;
        covered(self.new.len(), self.old.len(), share)
    }
}

fn covered(n_wholes: usize, n_parts: usize, share: impl Fn(usize, usize) -> f64) -> Vec<Shares> {
    let parts = |whole: usize| -> Vec<(usize, f64)> {
        (0..n_parts).map(|part| (part, share(whole, part))).filter(|&(_, share)| share >= COVERED).collect()
    };
    (0..n_wholes).map(|whole| (whole, parts(whole))).filter(|(_, parts)| parts.len() > 1).collect()
}

/// By new cluster, the old one in the cheapest one-to-one matching; `None` where that costs 1 or nothing is left.
///
/// `cost(old, new)` is in 0..=1. Of matchings that cost the same, an old cluster earlier in `order` keeps its new one.
pub(crate) fn cheapest_matching(
    cost: impl Fn(usize, usize) -> f64,
    order: &[usize],
    n_new: usize,
) -> Vec<Option<usize>> {
    let n = order.len().max(n_new);
    let cell = |row: usize, new: usize| {
        let real = row < order.len() && new < n_new;
        let cost = if real { cost(order[row], new).clamp(0.0, 1.0) } else { 1.0 };
        (cost / UNIT).round() as i64
    };
    let square: Vec<Vec<i64>> = (0..n).map(|row| (0..n).map(|new| cell(row, new)).collect()).collect();
    let matched = assignment(&square);
    let full = (1.0 / UNIT) as i64;
    let old = |new: usize| {
        let row = matched[new];
        (square[row][new] < full).then(|| order.get(row).copied()).flatten()
    };
    (0..n_new).map(old).collect()
}

/// By column, the row of the cheapest one-to-one assignment of a square matrix: the Hungarian algorithm with
/// potentials and shortest augmenting paths, O(k^3) (Kuhn 1955; Jonker, Volgenant 1987). Rows enter in index
/// order and only strictly shorter paths replace others, so the outcome is a function of the matrix.
fn assignment(cost: &[Vec<i64>]) -> Vec<usize> {
    let k = cost.len();
    let mut row_potential = vec![0; k];
    let mut column_potential = vec![0; k];
    let mut row_of: Vec<Option<usize>> = vec![None; k];
    for start in 0..k {
        // Larger than any path, and far enough from the end of the type to be reduced.
        let mut shortest = vec![i64::MAX / 2; k];
        let mut before: Vec<Option<usize>> = vec![None; k];
        let mut done = vec![false; k];
        let (mut row, mut column): (usize, Option<usize>) = (start, None);
        let end = loop {
            let mut nearest: Option<usize> = None;
            for c in (0..k).filter(|&c| !done[c]) {
                let length: i64 = cost[row][c] - row_potential[row] - column_potential[c];
                if length < shortest[c] {
                    (shortest[c], before[c]) = (length, column);
                }
                if nearest.is_none_or(|n| shortest[c] < shortest[n]) {
                    nearest = Some(c);
                }
            }
            let next = nearest.expect("a column without a row is left");
            let step = shortest[next];
            row_potential[start] += step;
            for c in 0..k {
                match (done[c], row_of[c]) {
                    (true, Some(r)) => {
                        row_potential[r] += step;
                        column_potential[c] -= step;
                    }
                    _ => shortest[c] -= step,
                }
            }
            done[next] = true;
            match row_of[next] {
                None => break next,
                Some(r) => (row, column) = (r, Some(next)),
            }
        };
        let mut at = end;
        while let Some(previous) = before[at] {
            row_of[at] = row_of[previous];
            at = previous;
        }
        row_of[at] = Some(start);
    }
    row_of.into_iter().map(|row| row.expect("every column has a row")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn cheapest(cost: &[Vec<i64>], row: usize, used: &mut Vec<bool>) -> i64 {
        if row == cost.len() {
            return 0;
        }
        let mut best = i64::MAX;
        for c in 0..cost.len() {
            if !used[c] {
                used[c] = true;
                best = best.min(cost[row][c] + cheapest(cost, row + 1, used));
                used[c] = false;
            }
        }
        best
    }

    #[test]
    fn the_matching_is_as_cheap_as_the_best_of_all_permutations() {
        for seed in 0..300 {
            let random = Random::new(seed);
            let k = 1 + random.below(999, 7);
            // Few distinct costs, so that there are many ties.
            let cell = |i: usize| random.below(i as u64, 5) as i64;
            let cost: Vec<Vec<i64>> = (0..k).map(|r| (0..k).map(|c| cell(r * k + c)).collect()).collect();
            let matched = assignment(&cost);
            let mut rows = matched.clone();
            rows.sort_unstable();
            assert_eq!(rows, (0..k).collect::<Vec<_>>());
            let total: i64 = matched.iter().enumerate().map(|(c, &r)| cost[r][c]).sum();
            assert_eq!(total, cheapest(&cost, 0, &mut vec![false; k]));
        }
    }

    fn overlaps(old: &[u32], new: &[u32], k_old: usize, k_new: usize) -> Overlaps {
        let old: Vec<Option<u32>> = old.iter().map(|&label| (label < 9).then_some(label)).collect();
        Overlaps::count(&old, new, k_old, k_new)
    }

    #[test]
    fn overlaps_by_hand() {
        // The last customer is new.
        let overlaps = overlaps(&[0, 0, 0, 1, 1, 2, 9], &[1, 1, 2, 2, 2, 0, 0], 3, 3);
        assert_eq!(overlaps.n_customers(), 6);
        assert_eq!(overlaps.jaccard(0, 1), 2.0 / 3.0);
        assert_eq!(overlaps.jaccard(1, 2), 2.0 / 3.0);
        assert_eq!(overlaps.jaccard(2, 0), 1.0);
        assert_eq!(overlaps.jaccard(0, 0), 0.0);
        assert_eq!(overlaps.best_matching(&[0, 1, 2]), [2, 0, 1].map(Some));
    }

    #[test]
    fn ties_go_to_the_old_cluster_that_comes_first() {
        // Old 0 and old 1 have the same overlap with the only new cluster.
        let tied = overlaps(&[0, 1], &[0, 0], 2, 1);
        assert_eq!(tied.best_matching(&[0, 1]), [Some(0)]);
        assert_eq!(tied.best_matching(&[1, 0]), [Some(1)]);
        // And with both of two new ones.
        let square = overlaps(&[0, 1, 0, 1], &[0, 0, 1, 1], 2, 2);
        assert_eq!(square.best_matching(&[0, 1]), [Some(0), Some(1)]);
    }

    #[test]
    fn more_and_fewer_clusters_than_before() {
        let more = overlaps(&[0, 0, 0, 1], &[0, 0, 2, 1], 2, 3);
        assert_eq!(more.best_matching(&[0, 1]), [Some(0), Some(1), None]);
        let fewer = overlaps(&[0, 0, 1, 2, 2], &[0, 0, 0, 1, 1], 3, 2);
        assert_eq!(fewer.best_matching(&[0, 1, 2]), [Some(0), Some(2)]);
        let nothing = overlaps(&[0, 0], &[0, 0], 2, 2);
        assert_eq!(nothing.best_matching(&[0, 1]), [Some(0), None]);
        assert!(overlaps(&[], &[], 0, 2).best_matching(&[]).iter().all(Option::is_none));
    }

    #[test]
    fn splits_and_merges_are_counted_from_60_per_cent_on() {
        // Old 0 makes up all of new 0 and three of five of new 1, and most of it goes to new 0.
        let split = overlaps(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1], &[0, 0, 0, 0, 0, 1, 1, 1, 1, 1], 2, 2);
        assert_eq!(split.splits(), [(0, vec![(0, 1.0), (1, 0.6)])]);
        assert!(split.merges().is_empty());
        // All of old 0 and three of five of old 1 go into new 1.
        let merged = overlaps(&[0, 0, 1, 1, 1, 1, 1], &[1, 1, 1, 1, 1, 0, 0], 2, 2);
        assert_eq!(merged.merges(), [(1, vec![(0, 1.0), (1, 0.6)])]);
        let below = overlaps(&[0, 0, 0, 0, 1, 1, 1], &[0, 0, 1, 1, 1, 1, 1], 2, 2);
        assert!(below.splits().is_empty(), "two of five");
    }
}
