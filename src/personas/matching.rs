//! Which cluster of a new partition carries on which cluster of an old one.

/// Overlaps of two partitions of the same customers.
pub(crate) struct Overlaps {
    /// Customers by old and new cluster.
    both: Vec<Vec<u64>>,
    old: Vec<u64>,
    new: Vec<u64>,
}

impl Overlaps {
    /// Counts `k_old` x `k_new` overlaps.
    pub(crate) fn count(old: &[u32], new: &[u32], k_old: usize, k_new: usize) -> Self {
        let mut overlaps =
            Self { both: vec![vec![0; k_new]; k_old], old: vec![0; k_old], new: vec![0; k_new] };
        for (&a, &b) in old.iter().zip(new) {
            overlaps.both[a as usize][b as usize] += 1;
            overlaps.old[a as usize] += 1;
            overlaps.new[b as usize] += 1;
        }
        overlaps
    }

    /// Customers in both clusters / customers in either; 0 for two empty clusters.
    pub(crate) fn jaccard(&self, old: usize, new: usize) -> f64 {
        let both = self.both[old][new];
        let either = self.old[old] + self.new[new] - both;
        if either == 0 { 0.0 } else { both as f64 / either as f64 }
    }

    /// By new cluster, the old one it is matched to in the one-to-one matching with the largest sum of Jaccard
    /// overlaps. As many old as new clusters.
    pub(crate) fn best_matching(&self) -> Vec<usize> {
        let k = self.old.len();
        let cost: Vec<Vec<f64>> =
            (0..k).map(|old| (0..k).map(|new| 1.0 - self.jaccard(old, new)).collect()).collect();
        assignment(&cost)
    }
}

/// By column, the row of the cheapest one-to-one assignment of a square matrix: the Hungarian algorithm with
/// potentials and shortest augmenting paths, O(k^3) (Kuhn 1955; Jonker, Volgenant 1987). Rows enter in index
/// order and only strictly shorter paths replace others, so the outcome is a function of the matrix.
fn assignment(cost: &[Vec<f64>]) -> Vec<usize> {
    let k = cost.len();
    let mut row_potential = vec![0.0; k];
    let mut column_potential = vec![0.0; k];
    let mut row_of: Vec<Option<usize>> = vec![None; k];
    for start in 0..k {
        let mut shortest = vec![f64::INFINITY; k];
        let mut before: Vec<Option<usize>> = vec![None; k];
        let mut done = vec![false; k];
        let (mut row, mut column): (usize, Option<usize>) = (start, None);
        let end = loop {
            let mut nearest: Option<usize> = None;
            for c in (0..k).filter(|&c| !done[c]) {
                let length = cost[row][c] - row_potential[row] - column_potential[c];
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

    fn cheapest(cost: &[Vec<f64>], row: usize, used: &mut Vec<bool>) -> f64 {
        if row == cost.len() {
            return 0.0;
        }
        let mut best = f64::INFINITY;
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
            let cell = |i: usize| random.below(i as u64, 5) as f64 / 4.0;
            let cost: Vec<Vec<f64>> = (0..k).map(|r| (0..k).map(|c| cell(r * k + c)).collect()).collect();
            let matched = assignment(&cost);
            let mut rows = matched.clone();
            rows.sort_unstable();
            assert_eq!(rows, (0..k).collect::<Vec<_>>());
            let total: f64 = matched.iter().enumerate().map(|(c, &r)| cost[r][c]).sum();
            assert!((total - cheapest(&cost, 0, &mut vec![false; k])).abs() < 1e-12);
        }
    }

    #[test]
    fn overlaps_by_hand() {
        let overlaps = Overlaps::count(&[0, 0, 0, 1, 1, 2], &[1, 1, 2, 2, 2, 0], 3, 3);
        assert_eq!(overlaps.jaccard(0, 1), 2.0 / 3.0);
        assert_eq!(overlaps.jaccard(1, 2), 2.0 / 3.0);
        assert_eq!(overlaps.jaccard(2, 0), 1.0);
        assert_eq!(overlaps.jaccard(0, 0), 0.0);
        assert_eq!(overlaps.best_matching(), [2, 0, 1]);
    }
}
