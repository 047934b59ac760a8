//! The latent personas: every distribution a customer is drawn from.

use crate::blur::Blur;

/// Countries customers live in; the last is rare on purpose.
pub const COUNTRIES: [&str; 6] = ["DE", "FR", "NL", "AT", "GB", "LU"];

/// Item categories, in the order of [`Persona::category_shares`].
pub const CATEGORIES: [&str; 15] = [
    "kitchen",
    "home decor",
    "textiles",
    "garden",
    "tools",
    "books",
    "stationery",
    "toys",
    "party",
    "jewellery",
    "candles",
    "tea and coffee",
    "pet food",
    "cosmetics",
    "sweets",
];

/// Categories from this one on are consumables, bought again and again.
pub const FIRST_CONSUMABLE: usize = 10;

/// The distributions of one latent persona.
#[derive(Clone, Debug, PartialEq)]
pub struct Persona {
    /// Name in `truth.csv`.
    pub name: &'static str,
    /// Share of the customers.
    pub share: f64,
    /// Shape `r` of the gamma distribution of orders per week.
    pub rate_shape: f64,
    /// Rate `alpha` of that gamma distribution, in weeks.
    pub rate_weeks: f64,
    /// `a` of the beta distribution of the probability to leave after an order.
    pub leave_a: f64,
    /// `b` of that beta distribution.
    pub leave_b: f64,
    /// Mean age in years.
    pub age_mean: f64,
    /// Standard deviation of the age in years.
    pub age_sd: f64,
    /// Probability of taking the newsletter.
    pub p_newsletter: f64,
    /// Mean number of people in the household beside the customer.
    pub housemates_mean: f64,
    /// Shares of [`COUNTRIES`].
    pub country_shares: [f64; COUNTRIES.len()],
    /// Hour of the day, UTC, with most activity.
    pub peak_hour: f64,
    /// Share of the activity on Saturdays and Sundays.
    pub weekend_share: f64,
    /// Shares of web, app and store.
    pub channel_shares: [f64; 3],
    /// Shares of [`CATEGORIES`].
    pub category_shares: [f64; CATEGORIES.len()],
    /// Mean number of lines of an order beyond the first.
    pub more_lines_mean: f64,
    /// Probability of one more unit of a line.
    pub p_more_units: f64,
    /// Liking of dear items within a category, -1 (cheapest only) to 1 (dearest only).
    pub price_taste: f64,
    /// Probability that a line is bought at a reduced price.
    pub p_discount: f64,
    /// Probability that a line is returned.
    pub p_refund: f64,
    /// Browsing sessions per week that lead to no order.
    pub sessions_per_week: f64,
}

/// The five personas at overlap 0.
pub const PERSONAS: [Persona; 5] = [
    Persona {
        name: "loyal regular",
        share: 0.22,
        rate_shape: 4.0,
        rate_weeks: 16.0,
        leave_a: 1.0,
        leave_b: 40.0,
        age_mean: 52.0,
        age_sd: 9.0,
        p_newsletter: 0.85,
        housemates_mean: 0.9,
        country_shares: [0.50, 0.20, 0.12, 0.12, 0.055, 0.005],
        peak_hour: 10.5,
        weekend_share: 0.20,
        channel_shares: [0.55, 0.10, 0.35],
        category_shares: [4., 4., 3., 3., 1., 3., 1., 0.5, 0.5, 1., 1., 2., 0.5, 1., 0.5],
        more_lines_mean: 1.8,
        p_more_units: 0.15,
        price_taste: 0.3,
        p_discount: 0.08,
        p_refund: 0.02,
        sessions_per_week: 0.10,
    },
    Persona {
        name: "bargain hunter",
        share: 0.26,
        rate_shape: 2.0,
        rate_weeks: 20.0,
        leave_a: 1.5,
        leave_b: 8.0,
        age_mean: 38.0,
        age_sd: 10.0,
        p_newsletter: 0.70,
        housemates_mean: 1.3,
        country_shares: [0.35, 0.25, 0.20, 0.05, 0.145, 0.005],
        peak_hour: 21.0,
        weekend_share: 0.30,
        channel_shares: [0.75, 0.20, 0.05],
        category_shares: [2., 1., 4., 0.5, 2., 1., 2., 2., 2., 0.5, 1., 0.5, 0.5, 3., 2.],
        more_lines_mean: 2.2,
        p_more_units: 0.25,
        price_taste: -0.8,
        p_discount: 0.70,
        p_refund: 0.04,
        sessions_per_week: 0.30,
    },
    Persona {
        name: "gift buyer",
        share: 0.16,
        rate_shape: 2.0,
        rate_weeks: 40.0,
        leave_a: 1.0,
        leave_b: 9.0,
        age_mean: 44.0,
        age_sd: 12.0,
        p_newsletter: 0.30,
        housemates_mean: 1.1,
        country_shares: [0.25, 0.40, 0.10, 0.10, 0.145, 0.005],
        peak_hour: 13.0,
        weekend_share: 0.35,
        channel_shares: [0.50, 0.15, 0.35],
        category_shares: [0.5, 1., 0.5, 0.2, 0.3, 3., 3., 5., 4., 5., 2., 0.5, 0.1, 1., 2.],
        more_lines_mean: 0.5,
        p_more_units: 0.05,
        price_taste: 0.7,
        p_discount: 0.10,
        p_refund: 0.05,
        sessions_per_week: 0.10,
    },
    Persona {
        name: "weekend explorer",
        share: 0.20,
        rate_shape: 2.0,
        rate_weeks: 16.0,
        leave_a: 1.0,
        leave_b: 12.0,
        age_mean: 27.0,
        age_sd: 5.0,
        p_newsletter: 0.45,
        housemates_mean: 0.4,
        country_shares: [0.30, 0.15, 0.30, 0.05, 0.195, 0.005],
        peak_hour: 16.0,
        weekend_share: 0.65,
        channel_shares: [0.15, 0.80, 0.05],
        category_shares: [1., 4., 1., 1., 0.5, 3., 3., 0.5, 3., 3., 2., 2., 0.5, 4., 1.],
        more_lines_mean: 0.9,
        p_more_units: 0.05,
        price_taste: 0.1,
        p_discount: 0.25,
        p_refund: 0.04,
        sessions_per_week: 0.50,
    },
    Persona {
        name: "home stocker",
        share: 0.16,
        rate_shape: 6.0,
        rate_weeks: 20.0,
        leave_a: 1.0,
        leave_b: 50.0,
        age_mean: 41.0,
        age_sd: 6.0,
        p_newsletter: 0.60,
        housemates_mean: 2.8,
        country_shares: [0.45, 0.15, 0.20, 0.10, 0.095, 0.005],
        peak_hour: 19.0,
        weekend_share: 0.25,
        channel_shares: [0.35, 0.50, 0.15],
        category_shares: [1., 0.5, 1., 0.5, 0.5, 0.3, 0.5, 1., 0.3, 0.1, 2., 5., 6., 3., 4.],
        more_lines_mean: 3.0,
        p_more_units: 0.45,
        price_taste: -0.2,
        p_discount: 0.20,
        p_refund: 0.01,
        sessions_per_week: 0.10,
    },
];

impl Persona {
    /// Mean rate of leaving per week under the clocks with a lifetime: as many leave as under MBG/NBD at the mean rate
    /// of orders and the mean probability of leaving.
    #[must_use]
    pub fn leaving_per_week(&self) -> f64 {
        self.rate_shape / self.rate_weeks * self.leave_a / (self.leave_a + self.leave_b)
    }
}

/// The personas at a given overlap: every parameter `theta_k` becomes `theta_k + overlap (theta_mean - theta_k)`,
/// with `theta_mean` the mean over personas by share. At 1 the personas differ in name only.
pub(super) fn at_overlap(overlap: f64) -> Vec<Persona> {
    let rows = PERSONAS.map(|persona| shares_normalised(&persona));
    rows.iter().map(|row| blurred(&rows, row, overlap)).collect()
}

fn blurred(rows: &[Persona], row: &Persona, overlap: f64) -> Persona {
    let blur = Blur { rows, row, share: |p| p.share, overlap };
    Persona {
        name: row.name,
        share: row.share,
        rate_shape: blur.one(|p| p.rate_shape),
        rate_weeks: blur.one(|p| p.rate_weeks),
        leave_a: blur.one(|p| p.leave_a),
        leave_b: blur.one(|p| p.leave_b),
        age_mean: blur.one(|p| p.age_mean),
        age_sd: blur.one(|p| p.age_sd),
        p_newsletter: blur.one(|p| p.p_newsletter),
        housemates_mean: blur.one(|p| p.housemates_mean),
        country_shares: blur.many(|p| p.country_shares),
        peak_hour: blur.one(|p| p.peak_hour),
        weekend_share: blur.one(|p| p.weekend_share),
        channel_shares: blur.many(|p| p.channel_shares),
        category_shares: blur.many(|p| p.category_shares),
        more_lines_mean: blur.one(|p| p.more_lines_mean),
        p_more_units: blur.one(|p| p.p_more_units),
        price_taste: blur.one(|p| p.price_taste),
        p_discount: blur.one(|p| p.p_discount),
        p_refund: blur.one(|p| p.p_refund),
        sessions_per_week: blur.one(|p| p.sessions_per_week),
    }
}

/// Category tastes are written as ratios; a mixture of personas needs them as shares.
fn shares_normalised(persona: &Persona) -> Persona {
    let total: f64 = persona.category_shares.iter().sum();
    Persona { category_shares: persona.category_shares.map(|share| share / total), ..persona.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{Dial, check_dial};

    #[test]
    fn shares_add_up_to_one() {
        let total = |shares: &[f64]| (shares.iter().sum::<f64>() - 1.0).abs() < 1e-12;
        assert!(total(&PERSONAS.clone().map(|p| p.share)));
        for overlap in [0.0, 0.5, 1.0] {
            for persona in at_overlap(overlap) {
                assert!(total(&persona.country_shares), "{}", persona.name);
                assert!(total(&persona.channel_shares), "{}", persona.name);
                assert!(total(&persona.category_shares), "{}", persona.name);
            }
        }
    }

    #[test]
    fn the_dial_goes_from_the_table_to_one_mean() {
        check_dial(&Dial {
            table: PERSONAS.map(|persona| shares_normalised(&persona)).to_vec(),
            at_overlap,
            kept: |p| (p.name, p.share),
            numbers: |p| Persona { name: "", share: 0.0, ..p.clone() },
            age_mean: |p| p.age_mean,
            age_sd: |p| p.age_sd,
        });
    }
}
