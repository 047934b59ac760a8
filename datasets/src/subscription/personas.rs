//! The latent personas of subscribers: every distribution a customer is drawn from.

use super::plans::{N_ADD_ON_CATEGORIES, TIERS};
use crate::blur::Blur;

/// Countries customers live in; the last is rare on purpose.
pub const COUNTRIES: [&str; 5] = ["DE", "FR", "NL", "AT", "LU"];

/// Ways customers were acquired.
pub const WAYS: [&str; 4] = ["search", "friend", "partner", "advert"];

/// The distributions of one latent persona.
#[derive(Clone, Debug, PartialEq)]
pub struct Persona {
    /// Name in the truth.
    pub name: &'static str,
    /// Share of the customers.
    pub share: f64,
    /// Shares of the tiers at the first contract.
    pub tier_shares: [f64; TIERS.len()],
    /// Probability that the first contract is yearly.
    pub p_yearly: f64,
    /// Probability of using the service on a day while steady (`u`).
    pub p_use: f64,
    /// Probability of going from steady to fading (`f`).
    pub p_fade: f64,
    /// Tickets per period (`t`).
    pub tickets: f64,
    /// Intercept of the logit of leaving (`c`).
    pub leave_logit: f64,
    /// Effect of the relative price rise on the logit of leaving (`r`).
    pub rise_effect: f64,
    /// Probability that a payment fails at the first attempt (`q`).
    pub p_payment_fails: f64,
    /// Probability of returning one period after leaving (`w`).
    pub p_return: f64,
    /// Probability of going one tier up at the end of a term.
    pub p_up: f64,
    /// Probability of going one tier down at the end of a term.
    pub p_down: f64,
    /// Probability of going from monthly to yearly at the end of a period.
    pub p_commit: f64,
    /// Add-ons per period (`a`).
    pub add_ons: f64,
    /// Shares of the categories of add-ons.
    pub add_on_shares: [f64; N_ADD_ON_CATEGORIES],
    /// Hour of the day around which the service is used.
    pub peak_hour: f64,
    /// Mean age in years.
    pub age_mean: f64,
    /// Standard deviation of the age in years.
    pub age_sd: f64,
    /// Mean number of people in the household beside the customer.
    pub housemates_mean: f64,
    /// Shares of [`COUNTRIES`].
    pub country_shares: [f64; COUNTRIES.len()],
    /// Shares of [`WAYS`].
    pub way_shares: [f64; WAYS.len()],
}

/// The five personas at overlap 0.
pub const PERSONAS: [Persona; 5] = [
    Persona {
        name: "family evening",
        share: 0.26,
        tier_shares: [0.05, 0.20, 0.25, 0.50],
        p_yearly: 0.45,
        p_use: 0.45,
        p_fade: 0.03,
        tickets: 0.10,
        leave_logit: -3.9,
        rise_effect: 6.0,
        p_payment_fails: 0.015,
        p_return: 0.05,
        p_up: 0.010,
        p_down: 0.006,
        p_commit: 0.020,
        add_ons: 0.30,
        add_on_shares: [0.25, 0.05, 0.10, 0.60],
        peak_hour: 19.0,
        age_mean: 41.0,
        age_sd: 6.0,
        housemates_mean: 2.6,
        country_shares: [0.45, 0.20, 0.20, 0.14, 0.01],
        way_shares: [0.30, 0.40, 0.20, 0.10],
    },
    Persona {
        name: "binge and go",
        share: 0.22,
        tier_shares: [0.55, 0.35, 0.09, 0.01],
        p_yearly: 0.05,
        p_use: 0.35,
        p_fade: 0.18,
        tickets: 0.08,
        leave_logit: -2.6,
        rise_effect: 12.0,
        p_payment_fails: 0.06,
        p_return: 0.12,
        p_up: 0.010,
        p_down: 0.015,
        p_commit: 0.004,
        add_ons: 0.10,
        add_on_shares: [0.70, 0.10, 0.15, 0.05],
        peak_hour: 22.0,
        age_mean: 26.0,
        age_sd: 5.0,
        housemates_mean: 0.5,
        country_shares: [0.35, 0.30, 0.25, 0.09, 0.01],
        way_shares: [0.25, 0.15, 0.10, 0.50],
    },
    Persona {
        name: "match day",
        share: 0.18,
        tier_shares: [0.15, 0.35, 0.45, 0.05],
        p_yearly: 0.25,
        p_use: 0.28,
        p_fade: 0.08,
        tickets: 0.25,
        leave_logit: -3.3,
        rise_effect: 8.0,
        p_payment_fails: 0.03,
        p_return: 0.15,
        p_up: 0.020,
        p_down: 0.020,
        p_commit: 0.008,
        add_ons: 0.50,
        add_on_shares: [0.10, 0.80, 0.08, 0.02],
        peak_hour: 20.0,
        age_mean: 37.0,
        age_sd: 9.0,
        housemates_mean: 1.2,
        country_shares: [0.40, 0.15, 0.35, 0.09, 0.01],
        way_shares: [0.35, 0.20, 0.35, 0.10],
    },
    Persona {
        name: "careful saver",
        share: 0.20,
        tier_shares: [0.70, 0.25, 0.04, 0.01],
        p_yearly: 0.35,
        p_use: 0.18,
        p_fade: 0.06,
        tickets: 0.12,
        leave_logit: -3.1,
        rise_effect: 20.0,
        p_payment_fails: 0.02,
        p_return: 0.04,
        p_up: 0.003,
        p_down: 0.020,
        p_commit: 0.015,
        add_ons: 0.04,
        add_on_shares: [0.50, 0.15, 0.25, 0.10],
        peak_hour: 17.0,
        age_mean: 55.0,
        age_sd: 11.0,
        housemates_mean: 0.8,
        country_shares: [0.50, 0.15, 0.10, 0.24, 0.01],
        way_shares: [0.45, 0.25, 0.20, 0.10],
    },
    Persona {
        name: "music lover",
        share: 0.14,
        tier_shares: [0.10, 0.45, 0.40, 0.05],
        p_yearly: 0.30,
        p_use: 0.60,
        p_fade: 0.05,
        tickets: 0.18,
        leave_logit: -3.6,
        rise_effect: 5.0,
        p_payment_fails: 0.025,
        p_return: 0.08,
        p_up: 0.020,
        p_down: 0.008,
        p_commit: 0.015,
        add_ons: 0.40,
        add_on_shares: [0.10, 0.02, 0.85, 0.03],
        peak_hour: 9.0,
        age_mean: 32.0,
        age_sd: 8.0,
        housemates_mean: 0.7,
        country_shares: [0.30, 0.35, 0.24, 0.10, 0.01],
        way_shares: [0.30, 0.35, 0.10, 0.25],
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
        tier_shares: blur.many(|p| p.tier_shares),
        p_yearly: blur.one(|p| p.p_yearly),
        p_use: blur.one(|p| p.p_use),
        p_fade: blur.one(|p| p.p_fade),
        tickets: blur.one(|p| p.tickets),
        leave_logit: blur.one(|p| p.leave_logit),
        rise_effect: blur.one(|p| p.rise_effect),
        p_payment_fails: blur.one(|p| p.p_payment_fails),
        p_return: blur.one(|p| p.p_return),
        p_up: blur.one(|p| p.p_up),
        p_down: blur.one(|p| p.p_down),
        p_commit: blur.one(|p| p.p_commit),
        add_ons: blur.one(|p| p.add_ons),
        add_on_shares: blur.many(|p| p.add_on_shares),
        peak_hour: blur.one(|p| p.peak_hour),
        age_mean: blur.one(|p| p.age_mean),
        age_sd: blur.one(|p| p.age_sd),
        housemates_mean: blur.one(|p| p.housemates_mean),
        country_shares: blur.many(|p| p.country_shares),
        way_shares: blur.many(|p| p.way_shares),
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
        for persona in [0.0, 0.5, 1.0].into_iter().flat_map(at_overlap) {
            let Persona { tier_shares, add_on_shares, country_shares, way_shares, .. } = &persona;
            assert!(total(tier_shares) && total(add_on_shares), "{}", persona.name);
            assert!(total(country_shares) && total(way_shares), "{}", persona.name);
        }
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
