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

/// A number of things by their plural: `1 customer`, `4,334 customers`.
pub fn counted(n: u64, plural: &str) -> String {
    let one = plural.strip_suffix('s').filter(|_| n == 1);
    format!("{} {}", count(n), one.unwrap_or(plural))
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

/// A share as whole percent: `12 %`.
pub fn whole_percent(share: f64) -> String {
    if share.is_finite() { format!("{:.0} %", share * 100.0) } else { "–".to_owned() }
}

/// A number in little room, for an axis: `12k`, `1.5M`, `0.25`.
pub fn short(number: f64) -> String {
    if !number.is_finite() {
        return "–".to_owned();
    }
    let plain = |x: f64| {
        let text = format!("{x:.2}");
        let text = text.trim_end_matches('0').trim_end_matches('.').to_owned();
        if text == "-0" { "0".to_owned() } else { text }
    };
    match number.abs() {
        size if size >= 999_500_000.0 => format!("{}bn", plain(number / 1e9)),
        size if size >= 999_500.0 => format!("{}M", plain(number / 1e6)),
        size if size >= 999.5 => format!("{}k", plain(number / 1e3)),
        _ => plain(number),
    }
}

/// A difference with its sign: `+40`, `−6`, `no change`.
pub fn signed(difference: f64, text: fn(f64) -> String) -> String {
    let size = text(difference.abs());
    if size == text(0.0) {
        "no change".to_owned()
    } else if difference > 0.0 {
        format!("+{size}")
    } else {
        format!("−{size}")
    }
}

/// An instant of a record as a day of the business zone: `9 December 2011`; as it stands when it is none.
pub fn day(instant: &str, zone: &str) -> String {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    match instant.parse::<jiff::Timestamp>() {
        Ok(at) => at.to_zoned(zone).strftime("%-d %B %Y").to_string(),
        Err(_) => instant.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!([count(0), count(999), count(1_000), count(541_909)], ["0", "999", "1,000", "541,909"]);
        assert_eq!(
            [counted(0, "rows"), counted(1, "rows"), counted(1_234, "rows")],
            ["0 rows", "1 row", "1,234 rows"]
        );
        assert_eq!([amount(12.5), amount(999.996), amount(-1_234_567.8)], ["12.50", "1,000", "−1,234,568"]);
        assert_eq!([amount(f64::NAN), percent(f64::NAN), figure(f64::INFINITY)], ["–", "–", "–"]);
        assert_eq!([whole_percent(0.126), whole_percent(f64::NAN)], ["13 %", "–"]);
        assert_eq!(
            [short(0.25), short(-0.001), short(2_500.0), short(999_600.0)],
            ["0.25", "0", "2.5k", "1M"]
        );
        assert_eq!(signed(40.0, |x| format!("{x}")), "+40");
        assert_eq!(signed(-0.0004, percent), "no change");
        assert_eq!(signed(-0.02, percent), "−2.0 %");
        assert_eq!(day("2011-12-09T23:50:00.001Z", "Asia/Tokyo"), "10 December 2011");
        assert_eq!(day("soon", "UTC"), "soon");
        assert_eq!([percent(0.1234), figure(0.2777), times(2.44)], ["12.3 %", "0.278", "2.4"]);
    }
}
