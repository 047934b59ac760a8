//! The weekly clock: when in the week a persona is active.

use bespoke::types::Timestamp;

use crate::calendar::{HOUR_MS, HOURS, WEEK_MS, bell};

/// Standard deviation of the bell, in hours, and the floor under it.
const BELL_HOURS: f64 = 3.5;
const FLOOR: f64 = 0.02;

/// A time change: a process with constant rate in activity time has the week's rhythm in calendar time.
///
/// The intensity over the 168 hours of a week (Monday 00:00 UTC first) is `m_d h_j`, scaled to mean 1. Activity
/// time is its integral `A(t)`, in weeks; whole weeks are equal in both times, so a rate per week means the same
/// in both and only the hour and the weekday of an event move.
#[derive(Clone, Debug)]
pub(super) struct WeekClock {
    /// `A` at the start of each hour of a week, and 1 at its end.
    cumulative: [f64; HOURS + 1],
}

impl WeekClock {
    /// A week with `weekend_share` of the activity on Saturday and Sunday, and a bell of 3.5 hours' standard
    /// deviation around `peak_hour` on a low floor every day.
    pub(super) fn new(peak_hour: f64, weekend_share: f64) -> Self {
        let mut cumulative = [0.0; HOURS + 1];
        for hour in 0..HOURS {
            let day = if hour / 24 < 5 { (1.0 - weekend_share) / 5.0 } else { weekend_share / 2.0 };
            let share = FLOOR + bell((hour % 24) as f64 + 0.5, peak_hour, BELL_HOURS);
            cumulative[hour + 1] = cumulative[hour] + day * share;
        }
        let total = cumulative[HOURS];
        for edge in &mut cumulative {
            *edge /= total;
        }
        Self { cumulative }
    }

    /// The instant, in whole seconds, at `activity` weeks of activity after the Monday `origin`.
    pub(super) fn instant(&self, origin: Timestamp, activity: f64) -> Timestamp {
        let weeks = libm::floor(activity);
        let rest = activity - weeks;
        let hour = self.cumulative.partition_point(|&edge| edge <= rest).clamp(1, HOURS) - 1;
        let (low, high) = (self.cumulative[hour], self.cumulative[hour + 1]);
        let ms = (hour as f64 + (rest - low) / (high - low)) * HOUR_MS as f64;
        let whole = origin.0 + weeks as i64 * WEEK_MS + ms as i64;
        Timestamp(whole.div_euclid(1000) * 1000)
    }

    /// The activity time of an instant, in weeks after the Monday `origin`.
    pub(super) fn activity(&self, origin: Timestamp, instant: Timestamp) -> f64 {
        let since = instant.0 - origin.0;
        let hours = since.rem_euclid(WEEK_MS) as f64 / HOUR_MS as f64;
        let hour = hours as usize;
        let (low, high) = (self.cumulative[hour], self.cumulative[hour + 1]);
        since.div_euclid(WEEK_MS) as f64 + low + (high - low) * (hours - hour as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-01-01, a Monday.
    const MONDAY: Timestamp = Timestamp(1_704_067_200_000);

    #[test]
    fn both_directions_agree_and_weeks_are_weeks() {
        let clock = WeekClock::new(20.0, 0.5);
        for step in 0..2_000 {
            let activity = f64::from(step) * 0.003;
            let back = clock.activity(MONDAY, clock.instant(MONDAY, activity));
            // Instants are whole seconds: at the peak one second is 1e-5 weeks of activity.
            assert!((back - activity).abs() < 2e-5, "{activity} came back as {back}");
        }
        assert_eq!(clock.instant(MONDAY, 3.0).0, MONDAY.0 + 3 * WEEK_MS);
    }

    #[test]
    fn half_of_the_activity_falls_on_the_weekend() {
        let clock = WeekClock::new(11.0, 0.5);
        let saturday = Timestamp(MONDAY.0 + 5 * Timestamp::DAY_MS);
        assert!((clock.activity(MONDAY, saturday) - 0.5).abs() < 1e-12);
        // Half is not exact in binary; the instant before it is cut to whole seconds.
        assert!((clock.instant(MONDAY, 0.5).0 - saturday.0).abs() <= 1_000);
    }
}
