//! Names for hints.

/// The name most like `wanted`, if any is close: for hints.
pub(crate) fn nearest(wanted: &str, names: &[String]) -> Option<Box<str>> {
    let wanted = wanted.to_lowercase();
    names
        .iter()
        .map(|name| (distance(&wanted, &name.to_lowercase()), name))
        .filter(|(d, name)| *d <= wanted.chars().count().max(name.chars().count()) / 3)
        .min_by_key(|(d, _)| *d)
        .map(|(_, name)| name.as_str().into())
}

/// Levenshtein distance over characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(100).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_close_or_none() {
        let names = ["CustomerID", "Country"].map(String::from);
        assert_eq!(nearest("Customer_ID", &names).as_deref(), Some("CustomerID"));
        assert_eq!(nearest("price", &names), None);
    }
}
