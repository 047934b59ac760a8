//! The week of a persona: when its readers come.

use bespoke::types::Timestamp;

use super::personas::Persona;
use crate::calendar::{HOUR_MS, HOURS, bell};
use crate::draws::Draws;

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
        let intensity = |n: usize| {
            let hour = (n % 24) as f64 + 0.5;
            let day = if n / 24 < 5 { 1.0 } else { persona.weekend_factor };
            let morning = persona.morning_share * bell(hour, persona.morning_hour, BELL_HOURS);
            let evening = (1.0 - persona.morning_share) * bell(hour, persona.evening_hour, BELL_HOURS);
            day * (FLOOR + morning + evening)
        };
        let total: f64 = (0..HOURS).map(intensity).sum();
        Self { shares: std::array::from_fn(|n| intensity(n) / total) }
    }

    /// Share of the sessions in an hour of the week.
    pub(super) fn share(&self, hour_of_week: usize) -> f64 {
        self.shares[hour_of_week]
    }

    /// An instant of the week that begins at `monday`, in whole seconds.
    pub(super) fn instant(&self, monday: Timestamp, draws: &mut Draws) -> Timestamp {
        let hour = draws.pick(&self.shares) as i64;
        Timestamp(monday.0 + hour * HOUR_MS + 1_000 * draws.below(3_600) as i64)
    }
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
