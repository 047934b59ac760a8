//! What forbids publishing although the job ran.

use crate::failure::Refused;
use crate::outputs::{FileRows, RejectedRow};

/// Rejected rows shown in a refusal.
const MAX_EXAMPLES: usize = 3;

/// Refuses when more than `max_share` of the rows of any file were rejected.
///
/// # Errors
/// Names the file, the share, the rules by frequency, and some of the rows.
pub fn refuse_many_rejected(
    rows: &[FileRows],
    rejected: &[RejectedRow],
    max_share: f64,
) -> Result<(), Refused> {
    let Some(file) = rows.iter().find(|file| file.rejected_share() > max_share) else { return Ok(()) };
    let of_file = rejected.iter().filter(|row| row.file == file.file).take(MAX_EXAMPLES);
    let examples: String = of_file.map(|row| format!("\n  {row}")).collect();
    Err(Refused(format!(
        "{:.1} % of the rows of {} were rejected, but job.max_rejected_share allows {:.1} %: {}; nothing was \
         published{examples}",
        file.rejected_share() * 100.0,
        file.file,
        max_share * 100.0,
        rules(file)
    )))
}

fn rules(file: &FileRows) -> String {
    let mut totals: Vec<(&String, u64)> = file.rejected.iter().map(|(rule, n)| (rule, *n)).collect();
    totals.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
    let words = totals.iter().map(|(rule, n)| format!("{rule} {}", crate::outputs::count(*n)));
    words.collect::<Vec<_>>().join(", ")
}

/// Refuses when neither an event nor a customer is left to work with.
///
/// # Errors
/// Names the files.
pub fn refuse_nothing(rows: &[FileRows], n_events: usize, n_customers: usize) -> Result<(), Refused> {
    if n_events > 0 || n_customers > 0 {
        return Ok(());
    }
    let read: u64 = rows.iter().map(|file| file.read).sum();
    let files: Vec<&str> = rows.iter().map(|file| file.file.as_str()).collect();
    let what = if read == 0 { "no rows below the header" } else { "no row that could be used" };
    Err(Refused(format!("{what} in {}; nothing was published", files.join(", "))))
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
        assert!(refuse_many_rejected(&[file(100, &[("bad_type", 1)])], &[], 0.01).is_ok());
        assert!(refuse_many_rejected(&[file(99, &[("bad_type", 1)])], &[], 0.01).is_err());
        assert!(refuse_many_rejected(&[], &[], 0.0).is_ok());
    }

    #[test]
    fn a_small_file_cannot_hide_behind_a_large_one() {
        let bad = FileRows { file: "small.csv".into(), ..file(10, &[("a", 1), ("b", 4)]) };
        let rows = [file(1_000_000, &[]), bad];
        let text = refuse_many_rejected(&rows, &[], 0.01).unwrap_err().to_string();
        assert!(
            text.contains("50.0 % of the rows of small.csv") && text.contains("1.0 %: b 4, a 1;"),
            "{text}"
        );
    }
}
