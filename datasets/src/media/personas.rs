//! The latent personas of readers: every distribution a reader is drawn from.

use super::articles::TOPICS;
use crate::blur::Blur;

/// Countries readers live in; the last is rare on purpose.
pub const COUNTRIES: [&str; 4] = ["DE", "AT", "CH", "LI"];

/// The distributions of one latent persona.
#[derive(Clone, Debug, PartialEq)]
pub struct Persona {
    /// Name in the truth.
    pub name: &'static str,
    /// Share of the readers.
    pub share: f64,
    /// Mean of the sessions per week (`s`).
    pub sessions_per_week: f64,
    /// Rate of leaving per week (`l`).
    pub leave_per_week: f64,
    /// Intercept of the logit of a click (`c`).
    pub click_logit: f64,
    /// Mean taste for each of [`TOPICS`] (`theta`).
    pub tastes: [f64; TOPICS.len()],
    /// Probability of reading on after an article (`g`).
    pub p_read_on: f64,
    /// Hour of the morning bell, UTC.
    pub morning_hour: f64,
    /// Hour of the evening bell, UTC.
    pub evening_hour: f64,
    /// Share of the morning bell.
    pub morning_share: f64,
    /// Activity of a Saturday or Sunday as a multiple of that of another day.
    pub weekend_factor: f64,
    /// Probability of having no account (`a`).
    pub p_anonymous: f64,
    /// Mean age in years.
    pub age_mean: f64,
    /// Standard deviation of the age in years.
    pub age_sd: f64,
    /// Shares of [`COUNTRIES`].
    pub country_shares: [f64; COUNTRIES.len()],
}

/// The five personas at overlap 0.
pub const PERSONAS: [Persona; 5] = [
    Persona {
        name: "commuter",
        share: 0.28,
        sessions_per_week: 6.0,
        leave_per_week: 0.015,
        click_logit: -1.6,
        tastes: [1.0, 0.8, -0.2, 0.3, -0.8, -0.5, -0.9, -0.8],
        p_read_on: 0.20,
        morning_hour: 7.0,
        evening_hour: 17.5,
        morning_share: 0.65,
        weekend_factor: 0.35,
        p_anonymous: 0.30,
        age_mean: 42.0,
        age_sd: 9.0,
        country_shares: [0.70, 0.15, 0.145, 0.005],
    },
    Persona {
        name: "sports fan",
        share: 0.24,
        sessions_per_week: 5.0,
        leave_per_week: 0.030,
        click_logit: -1.5,
        tastes: [-0.6, -0.8, 1.6, 0.4, -0.9, -0.7, -0.6, -0.5],
        p_read_on: 0.40,
        morning_hour: 12.0,
        evening_hour: 21.5,
        morning_share: 0.25,
        weekend_factor: 1.9,
        p_anonymous: 0.50,
        age_mean: 31.0,
        age_sd: 8.0,
        country_shares: [0.60, 0.30, 0.095, 0.005],
    },
    Persona {
        name: "weekend magazine",
        share: 0.20,
        sessions_per_week: 2.5,
        leave_per_week: 0.020,
        click_logit: -1.3,
        tastes: [-0.5, -0.6, -0.9, -0.3, 1.2, 0.6, 0.9, 0.8],
        p_read_on: 0.45,
        morning_hour: 10.0,
        evening_hour: 20.0,
        morning_share: 0.50,
        weekend_factor: 3.0,
        p_anonymous: 0.25,
        age_mean: 54.0,
        age_sd: 10.0,
        country_shares: [0.55, 0.20, 0.245, 0.005],
    },
    Persona {
        name: "curious mind",
        share: 0.12,
        sessions_per_week: 4.0,
        leave_per_week: 0.020,
        click_logit: -1.7,
        tastes: [0.4, 0.3, -0.9, -0.6, 0.5, 1.7, 0.3, -0.4],
        p_read_on: 0.35,
        morning_hour: 9.0,
        evening_hour: 22.5,
        morning_share: 0.30,
        weekend_factor: 1.1,
        p_anonymous: 0.35,
        age_mean: 36.0,
        age_sd: 11.0,
        country_shares: [0.50, 0.15, 0.345, 0.005],
    },
    Persona {
        name: "passer-by",
        share: 0.16,
        sessions_per_week: 0.8,
        leave_per_week: 0.120,
        click_logit: -1.9,
        tastes: [0.2, -0.3, 0.3, 0.6, -0.1, 0.0, 0.2, 0.5],
        p_read_on: 0.10,
        morning_hour: 13.0,
        evening_hour: 19.0,
        morning_share: 0.40,
        weekend_factor: 1.2,
        p_anonymous: 0.85,
        age_mean: 34.0,
        age_sd: 13.0,
        country_shares: [0.65, 0.20, 0.145, 0.005],
    },
];

/// The personas at a given overlap: every parameter `theta_k` becomes `theta_k + overlap (theta_mean - theta_k)`,
/// with `theta_mean` the mean over personas by share. At 1 the personas differ in name only.
pub(super) fn at_overlap(overlap: f64) -> Vec<Persona> {
    PERSONAS.iter().map(|row| blurred(row, overlap)).collect()
}

fn blurred(row: &Persona, overlap: f64) -> Persona {
    let blur = Blur { rows: &PERSONAS, row, share: |p| p.share, overlap };
    Persona {
        name: row.name,
        share: row.share,
        sessions_per_week: blur.one(|p| p.sessions_per_week),
        leave_per_week: blur.one(|p| p.leave_per_week),
        click_logit: blur.one(|p| p.click_logit),
        tastes: blur.many(|p| p.tastes),
        p_read_on: blur.one(|p| p.p_read_on),
        morning_hour: blur.one(|p| p.morning_hour),
        evening_hour: blur.one(|p| p.evening_hour),
        morning_share: blur.one(|p| p.morning_share),
        weekend_factor: blur.one(|p| p.weekend_factor),
        p_anonymous: blur.one(|p| p.p_anonymous),
        age_mean: blur.one(|p| p.age_mean),
        age_sd: blur.one(|p| p.age_sd),
        country_shares: blur.many(|p| p.country_shares),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{Dial, check_dial};

    #[test]
    fn shares_add_up_to_one() {
        let total = |shares: &[f64]| (shares.iter().sum::<f64>() - 1.0).abs() < 1e-12;
        assert!(total(&PERSONAS.clone().map(|p| p.share)));
        assert!(at_overlap(0.4).iter().all(|persona| total(&persona.country_shares)));
    }

    #[test]
    fn the_dial_goes_from_the_table_to_one_mean() {
        check_dial(&Dial {
            table: PERSONAS.to_vec(),
            at_overlap,
            kept: |p| (p.name, p.share),
            numbers: |p| Persona { name: "", share: 0.0, ..p.clone() },
            age_mean: |p| p.age_mean,
            age_sd: |p| p.age_sd,
        });
    }
}
