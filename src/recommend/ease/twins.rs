//! Items that the same customers took.

use crate::recommend::pairs::Pairs;

/// Groups of items with the same customers, each ascending, of two items or more.
pub(super) fn groups(by_item: &Pairs) -> Vec<Vec<usize>> {
    let mut items: Vec<usize> = (0..by_item.n_rows()).collect();
    items.sort_by(|&a, &b| by_item.of(a).cmp(by_item.of(b)));
    let same = |a: &usize, b: &usize| by_item.of(*a) == by_item.of(*b);
    items.chunk_by(same).filter(|group| group.len() > 1).map(<[usize]>::to_vec).collect()
}

/// Makes weights equal that differ by rounding alone: those of the items of a group become those of its first.
///
/// `weights` is n x n row-major. Scores of such items are then equal to the bit, and the lower item comes first.
pub(super) fn equalise(weights: &mut [f32], n: usize, groups: &[Vec<usize>]) {
    for group in groups {
        let first = group[0];
        let between = weights[first * n + group[1]];
        for &twin in &group[1..] {
            weights.copy_within(first * n..(first + 1) * n, twin * n);
        }
        for &i in group {
            for &j in group {
                weights[i * n + j] = if i == j { 0.0 } else { between };
            }
        }
    }
    for (i, row) in weights.chunks_exact_mut(n.max(1)).enumerate() {
        for group in groups.iter().filter(|group| !group.contains(&i)) {
            let weight = row[group[0]];
            group[1..].iter().for_each(|&twin| row[twin] = weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_take_the_weights_of_the_first() {
        let by_item = Pairs { starts: vec![0, 2, 3, 5, 7, 8], others: vec![0, 4, 1, 0, 4, 0, 4, 1] };
        let groups = groups(&by_item);
        assert_eq!(groups, [vec![0, 2, 3], vec![1, 4]]);
        let mut weights: Vec<f32> = (0..25).map(|at| at as f32).collect();
        equalise(&mut weights, 5, &groups);
        let expected = [
            [0.0, 1.0, 2.0, 2.0, 1.0],
            [5.0, 0.0, 5.0, 5.0, 9.0],
            [2.0, 1.0, 0.0, 2.0, 1.0],
            [2.0, 1.0, 2.0, 0.0, 1.0],
            [5.0, 9.0, 5.0, 5.0, 0.0],
        ];
        assert_eq!(weights, expected.as_flattened());
    }
}
