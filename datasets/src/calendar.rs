//! Weeks, hours around the clock, and instants in whole seconds.

use bespoke::types::{Days, Timestamp};

/// Hours of a week.
pub(crate) const HOURS: usize = 168;
pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const WEEK_MS: i64 = 7 * Timestamp::DAY_MS;

/// Monday 00:00 UTC at or before an instant.
pub(crate) fn monday(instant: Timestamp) -> Timestamp {
    // 1970-01-01 was a Thursday, three days after a Monday.
    let shifted = instant.0 + 3 * Timestamp::DAY_MS;
    Timestamp(shifted.div_euclid(WEEK_MS) * WEEK_MS - 3 * Timestamp::DAY_MS)
}

/// A bell around `peak` at an hour of the day, 1 at its top: around the clock, so that a late evening reaches into the
/// next day.
pub(crate) fn bell(hour: f64, peak: f64, sd_hours: f64) -> f64 {
    let distance = (hour - peak + 12.0).rem_euclid(24.0) - 12.0;
    libm::exp(-0.5 * (distance / sd_hours) * (distance / sd_hours))
}

/// `ms` after an instant, in whole seconds; a time of more than a century is cut to one, which no window reaches.
pub(crate) fn later(at: Timestamp, ms: f64) -> Timestamp {
    let most = Timestamp(0).plus(Days(36_500)).0 as f64;
    Timestamp((at.0 + ms.min(most) as i64).div_euclid(1_000) * 1_000)
}

/// `ms` before an instant, in whole seconds.
pub(crate) fn earlier(at: Timestamp, ms: f64) -> Timestamp {
    later(at, -ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mondays_are_found() {
        // 2024-01-01, a Monday.
        let first = Timestamp(1_704_067_200_000);
        assert_eq!(monday(first), first);
        assert_eq!(monday(Timestamp(first.0 + WEEK_MS - 1)), first);
        assert_eq!(monday(Timestamp(first.0 - 1)).0, first.0 - WEEK_MS);
        assert_eq!(monday(Timestamp(0)).to_string(), "1969-12-29T00:00:00Z");
    }

    #[test]
    fn a_bell_goes_around_the_clock() {
        assert_eq!(bell(23.0, 23.0, 2.0), 1.0);
        assert!((bell(1.0, 23.0, 2.0) - libm::exp(-0.5)).abs() < 1e-12);
        assert!((bell(22.0, 1.0, 3.0) - bell(4.0, 1.0, 3.0)).abs() < 1e-12);
        assert!((bell(11.0, 23.0, 12.0) - libm::exp(-0.5)).abs() < 1e-12);
    }

    #[test]
    fn instants_are_whole_seconds() {
        assert_eq!(later(Timestamp(5_000), 2_900.0), Timestamp(7_000));
        assert_eq!(earlier(Timestamp(5_000), 2_900.0), Timestamp(2_000));
        assert_eq!(earlier(Timestamp(500), 1_000.0), Timestamp(-1_000));
        assert!(later(Timestamp(0), 1e300) > Timestamp(4_102_444_800_000 - 1_000_000_000_000));
    }
}
