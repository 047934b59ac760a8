//! What forbids publishing although the job ran.

use std::collections::BTreeMap;

use crate::failure::Refused;
use crate::outputs::{FileRows, rejected_share};

/// Refuses when more than `max_share` of all rows were rejected.
///
/// # Errors
/// Names the share and the rules, most frequent first.
pub fn refuse_many_rejected(rows: &[FileRows], max_share: f64) -> Result<(), Refused> {
    let share = rejected_share(rows);
    if share <= max_share {
        return Ok(());
    }
    Err(Refused(format!(
        "{:.1} % of the rows were rejected, but job.max_rejected_share allows {:.1} %: {}; nothing was published",
        share * 100.0,
        max_share * 100.0,
        rules(rows)
    )))
}

fn rules(rows: &[FileRows]) -> String {
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for (rule, n) in rows.iter().flat_map(|file| &file.rejected) {
        *totals.entry(rule).or_default() += n;
    }
    let mut totals: Vec<(&str, u64)> = totals.into_iter().collect();
    totals.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
    let words = totals.iter().map(|(rule, n)| format!("{rule} {}", crate::outputs::count(*n)));
    words.collect::<Vec<_>>().join(", ")
}

/// Refuses when any quality bound does not hold.
///
/// # Errors
/// Names them all.
pub fn refuse_broken_bounds(broken: &[String]) -> Result<(), Refused> {
    if broken.is_empty() {
        return Ok(());
    }
    Err(Refused(format!("{}; nothing was published", broken.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(read: u64, rejected: &[(&str, u64)]) -> FileRows {
        let rejected = rejected.iter().map(|(rule, n)| ((*rule).to_owned(), *n)).collect();
        FileRows { read, rejected, ..FileRows::default() }
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        assert!(refuse_many_rejected(&[file(100, &[("bad_type", 1)])], 0.01).is_ok());
        assert!(refuse_many_rejected(&[file(99, &[("bad_type", 1)])], 0.01).is_err());
        assert!(refuse_many_rejected(&[], 0.0).is_ok());
    }

    #[test]
    fn rules_stand_by_frequency_over_all_files() {
        let rows = [file(10, &[("a", 1), ("b", 1)]), file(10, &[("b", 3)])];
        let text = refuse_many_rejected(&rows, 0.01).unwrap_err().to_string();
        assert!(text.contains("25.0 %") && text.contains("allows 1.0 %: b 4, a 1;"), "{text}");
    }
}
