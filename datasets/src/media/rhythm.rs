//! The week of a persona: when its readers come.

use bespoke::types::Timestamp;

use super::personas::Persona;
use crate::draws::Draws;

const HOURS: usize = 168;
const HOUR_MS: i64 = 3_600_000;
pub(super) const WEEK_MS: i64 = 7 * Timestamp::DAY_MS;

/// Standard deviation of both bells, in hours, and the floor under them.
const BELL_HOURS: f64 = 1.5;
const FLOOR: f64 = 0.03;

/// Shares of the sessions by hour of the week, Monday 00:00 UTC first.
#[derive(Clone, Debug)]
pub(super) struct Rhythm {
    shares: [f64; HOURS],
}

impl Rhythm {
    pub(super) fn new(persona: &Persona) -> Self {
        let bell = |hour: f64, peak: f64| {
            // Around the clock: late evenings reach into the next day.
            let distance = (hour - peak + 36.0).rem_euclid(24.0) - 12.0;
            libm::exp(-0.5 * (distance / BELL_HOURS) * (distance / BELL_HOURS))
        };
        let intensity = |n: usize| {
            let hour = (n % 24) as f64 + 0.5;
            let day = if n / 24 < 5 { 1.0 } else { persona.weekend_factor };
            let morning = persona.morning_share * bell(hour, persona.morning_hour);
            let evening = (1.0 - persona.morning_share) * bell(hour, persona.evening_hour);
            day * (FLOOR + morning + evening)
        };
        let total: f64 = (0..HOURS).map(intensity).sum();
        Self { shares: std::array::from_fn(|n| intensity(n) / total) }
    }

    /// Share of the sessions in an hour of the week.
    #[cfg(test)]
    pub(super) fn share(&self, hour_of_week: usize) -> f64 {
        self.shares[hour_of_week]
    }

    /// An instant of the week that begins at `monday`, in whole seconds.
    pub(super) fn instant(&self, monday: i64, draws: &mut Draws) -> Timestamp {
        let hour = draws.pick(&self.shares) as i64;
        Timestamp(monday + hour * HOUR_MS + 1_000 * draws.below(3_600) as i64)
    }
}

/// Monday 00:00 UTC at or before an instant.
pub(super) fn monday(instant: Timestamp) -> i64 {
    // 1970-01-01 was a Thursday, three days after a Monday.
    let shifted = instant.0 + 3 * Timestamp::DAY_MS;
    shifted.div_euclid(WEEK_MS) * WEEK_MS - 3 * Timestamp::DAY_MS
}

#[cfg(test)]
mod tests {
    use super::super::personas::PERSONAS;
    use super::*;

    #[test]
    fn shares_add_up_and_peak_where_said() {
        let persona =
            Persona { morning_hour: 7.5, morning_share: 1.0, weekend_factor: 0.5, ..PERSONAS[0].clone() };
        let rhythm = Rhythm::new(&persona);
        assert!((rhythm.shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let peak = (0..24).max_by(|&a, &b| rhythm.share(a).total_cmp(&rhythm.share(b)));
        assert_eq!(peak, Some(7));
        assert!((rhythm.share(5 * 24 + 7) / rhythm.share(7) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_late_bell_reaches_into_the_morning() {
        let persona = Persona { evening_hour: 23.5, morning_share: 0.0, ..PERSONAS[0].clone() };
        let rhythm = Rhythm::new(&persona);
        assert!((rhythm.share(0) - rhythm.share(22)).abs() < 1e-12 && rhythm.share(0) > rhythm.share(2));
    }
}
