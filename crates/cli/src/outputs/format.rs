//! Figures as people read them.

/// A whole number in groups of three: `541,909`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// An amount without its currency: `8,187,806`, below 1,000 with two decimals.
pub fn amount(units: f64) -> String {
    if !units.is_finite() {
        return "–".to_owned();
    }
    let sign = if units < 0.0 { "−" } else { "" };
    let size = units.abs();
    if size < 999.995 { format!("{sign}{size:.2}") } else { format!("{sign}{}", count(size.round() as u64)) }
}

/// A share as percent with one decimal: `12.3 %`.
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1} %", share * 100.0) } else { "–".to_owned() }
}

/// A figure with three significant decimals: `0.278`.
pub fn figure(number: f64) -> String {
    if number.is_finite() { format!("{number:.3}") } else { "–".to_owned() }
}

/// A ratio with one decimal: `2.4`.
pub fn times(ratio: f64) -> String {
    if ratio.is_finite() { format!("{ratio:.1}") } else { "–".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!([count(0), count(999), count(1_000), count(541_909)], ["0", "999", "1,000", "541,909"]);
        assert_eq!([amount(12.5), amount(999.996), amount(-1_234_567.8)], ["12.50", "1,000", "−1,234,568"]);
        assert_eq!([amount(f64::NAN), percent(f64::NAN), figure(f64::INFINITY)], ["–", "–", "–"]);
        assert_eq!([percent(0.1234), figure(0.2777), times(2.44)], ["12.3 %", "0.278", "2.4"]);
    }
}
