//! Names for hints.

use bespoke::rules::edits;

/// Characters that are compared; a header may be a megabyte of something else.
const MOST_CHARS: usize = 100;

/// The name most like `wanted`, if any is close: for hints. Case does not count.
pub(crate) fn nearest(wanted: &str, names: &[String]) -> Option<Box<str>> {
    let folded = |name: &str| name.to_lowercase().chars().take(MOST_CHARS).collect::<String>();
    let wanted = folded(wanted);
    names
        .iter()
        .map(|name| (edits(&wanted, &folded(name)), name))
        .filter(|(d, name)| *d <= wanted.chars().count().max(name.chars().count()) / 3)
        .min_by_key(|(d, _)| *d)
        .map(|(_, name)| name.as_str().into())
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
