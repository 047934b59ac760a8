//! The known word that was probably meant.

/// The known word with the fewest edits, if that is few enough to be a slip; ties go to the first.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(2);
    let distances = known.iter().map(|&candidate| (edits(word, candidate), candidate));
    distances.filter(|&(distance, _)| distance <= limit).min_by_key(|&(distance, _)| distance).map(|(_, c)| c)
}

/// Levenshtein's distance over characters. O(length of `a` * length of `b`).
#[must_use]
pub fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_by_hand() {
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("seed", "seed"), 0);
    }

    #[test]
    fn the_nearest_wins_and_far_ones_do_not_count() {
        assert_eq!(nearest("horizon", &["seed", "horizon_days"]), None);
        assert_eq!(nearest("horizon_day", &["seed", "horizon_days"]), Some("horizon_days"));
        assert_eq!(nearest("ab", &["ac", "ad"]), Some("ac"));
    }
}
