//! Folds of cross-validation by a fixed hash, so that all rows of a customer share one.

use crate::random::Random;

/// The fold of every row: all rows of a group (a customer) in the same fold, whatever else is in the table.
///
/// # Panics
/// When `n_folds` is 0: a programmer error.
#[must_use]
pub fn grouped(groups: &[u64], n_folds: usize, seed: u64) -> Vec<usize> {
    let random = Random::new(seed);
    groups.iter().map(|&group| random.below(group, n_folds)).collect()
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn groups_stay_together_and_folds_are_even() {
        let groups: Vec<u64> = (0..10_000).map(|i| i / 2).collect();
        let folds = grouped(&groups, 5, 7);
        assert!(folds.chunks(2).all(|pair| pair[0] == pair[1]));
        for fold in 0..5 {
            let n = folds.iter().filter(|f| **f == fold).count();
            assert!((1800..2200).contains(&n), "{n}");
        }
        assert_eq!(folds[4000..], grouped(&groups[4000..], 5, 7));
        assert_ne!(folds, grouped(&groups, 5, 8));
    }
}
