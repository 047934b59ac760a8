//! What a retail world is made from, and the rules for it.

use bespoke::error::ParamError;
use bespoke::params::{Params, count_in};
use bespoke::types::{Days, Timestamp};

/// The most latent factors of taste.
pub const MAX_FACTORS: usize = 16;
/// The most columns that say nothing.
pub const MAX_IRRELEVANT: usize = 8;

/// When orders come and when customers leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// MBG/NBD: exponential gaps; after every order, the first included, the customer may leave.
    Mbg,
    /// Pareto/NBD: exponential gaps and an exponential lifetime that nobody sees end.
    Pareto,
    /// Gaps of this many exponential stages (Erlang), 2 to 50, and the lifetime of [`Clock::Pareto`].
    Regular {
        /// Stages of a gap: the more, the more regular; the coefficient of variation is `1 / sqrt(stages)`.
        stages: u32,
    },
}

/// Liking of single items beyond their category.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tastes {
    /// Latent factors, 0 (none) to [`MAX_FACTORS`].
    pub n_factors: usize,
    /// How much they matter, 0 to 4.
    pub strength: f64,
}

/// What the catalogue is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assortment {
    /// Probability that a durable item comes in two to four variants.
    pub p_variants: f64,
    /// Median days after which a consumable is used up, 1 to 3,650.
    pub repurchase_days: f64,
    /// Probability that a consumable used up long ago is bought again when its category is.
    pub p_repurchase: f64,
}

/// What is wrong with the demographic columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demographics {
    /// Share of the cells of age, household size and the irrelevant columns that are missing.
    pub p_missing: f64,
    /// Share of the ages and household sizes that are nonsense.
    pub p_outlier: f64,
    /// Columns that say nothing, 0 to [`MAX_IRRELEVANT`]: numbers and categories in turn.
    pub n_irrelevant: usize,
}

/// Mails with recommendations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mails {
    /// Days between two mails, 1 to 365.
    pub every: Days,
    /// Items in a mail, 0 (no mails) to 20.
    pub n_items: usize,
    /// Mean probability that an item seen for the first time is clicked, above 0 and below 1.
    pub p_click: f64,
    /// Factor on that probability for every earlier showing of the item: 1 is no fatigue.
    pub fatigue: f64,
    /// Probability that an item seen for the first time and not clicked is dismissed.
    pub p_dismiss: f64,
    /// Probability of withdrawing the consent to mails within the window.
    pub p_withdraw: f64,
}

/// Offers, assigned at random.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offers {
    /// Number of offers over the window, 0 to 100.
    pub n: usize,
    /// Days an offer is valid, 1 to 365.
    pub valid: Days,
    /// Probability that an eligible customer is shown an offer, above 0 and below 1.
    pub propensity: f64,
    /// Probability of buying the item in that time unasked, for a customer of average taste, 0 to 0.5.
    pub p_buy: f64,
    /// How much an offer moves people, 0 (nothing) to 10.
    pub uplift: f64,
}

/// Devices and logins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Devices {
    /// Probability of a second device on the web.
    pub p_second: f64,
    /// Probability that a session begins without a login.
    pub p_anonymous: f64,
}

/// Satisfaction, and what is seen of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Care {
    /// How much satisfaction keeps people, 0 (not at all) to 3.
    pub effect: f64,
    /// Probability of a ticket after an order, for a customer of average satisfaction.
    pub p_ticket: f64,
    /// Probability that a survey is answered.
    pub p_answer: f64,
}

/// What a retail world is made from. See the [module](super) for the equations.
#[derive(Clone, Debug, PartialEq)]
pub struct RetailParams {
    /// Number of customers, at least 1.
    pub n_customers: usize,
    /// Number of items, 30 to 90,000.
    pub n_items: usize,
    /// Seed of everything drawn.
    pub seed: u64,
    /// How much the personas overlap, from 0 (as tabulated) to 1 (all the same).
    pub overlap: f64,
    /// First instant of the window.
    pub start_at: Timestamp,
    /// Length of the window in days, 28 to 3,650.
    pub days: Days,
    /// First orders come over so many days from the start, 1 to `days`; with `None`, over three quarters of the window.
    pub joining: Option<Days>,
    /// Days after the window that the truth looks ahead, 1 to 3,650.
    pub horizon: Days,
    /// When orders come and when customers leave.
    pub clock: Clock,
    /// Liking of single items.
    pub tastes: Tastes,
    /// Variants and consumables.
    pub assortment: Assortment,
    /// Dirt in the demographic columns.
    pub demographics: Demographics,
    /// Exposures, clicks and dismissals.
    pub mails: Mails,
    /// Offers with a known propensity and true uplift.
    pub offers: Offers,
    /// Devices and logins.
    pub devices: Devices,
    /// Satisfaction, tickets and surveys.
    pub care: Care,
}

impl RetailParams {
    /// A world over the two years from 2024-01-01: personas a little blurred (overlap 0.2), the MBG/NBD clock, tastes
    /// in eight factors, four offers, a truth that looks ahead 90 days.
    #[must_use]
    pub fn new(n_customers: usize, n_items: usize, seed: u64) -> Self {
        Self {
            n_customers,
            n_items,
            seed,
            overlap: 0.2,
            start_at: Timestamp(1_704_067_200_000),
            days: Days(731),
            joining: None,
            horizon: Days(90),
            clock: Clock::Mbg,
            tastes: Tastes { n_factors: 8, strength: 1.5 },
            assortment: Assortment { p_variants: 0.15, repurchase_days: 35.0, p_repurchase: 0.8 },
            demographics: Demographics { p_missing: 0.1, p_outlier: 0.0, n_irrelevant: 0 },
            mails: Mails {
                every: Days(28),
                n_items: 2,
                p_click: 0.12,
                fatigue: 0.7,
                p_dismiss: 0.02,
                p_withdraw: 0.1,
            },
            offers: Offers { n: 4, valid: Days(14), propensity: 0.5, p_buy: 0.03, uplift: 1.0 },
            devices: Devices { p_second: 0.4, p_anonymous: 0.15 },
            care: Care { effect: 0.5, p_ticket: 0.03, p_answer: 0.3 },
        }
    }
}

/// Checked [`RetailParams`].
#[derive(Clone, Debug, PartialEq)]
pub struct RetailValid(pub(super) RetailParams);

impl Params for RetailParams {
    type Checked = RetailValid;

    fn check(self) -> Result<RetailValid, ParamError> {
        count_in("retail.n_customers", self.n_customers, 1, 100_000_000, "from 1 to 100,000,000")?;
        count_in("retail.n_items", self.n_items, 30, 90_000, "from 30 to 90,000")?;
        days_in("retail.days", self.days, 28, 3_650, "from 28 to 3,650")?;
        if let Some(joining) = self.joining {
            days_in("retail.joining", joining, 1, self.days.0 as usize, "from 1 to retail.days")?;
        }
        days_in("retail.horizon", self.horizon, 1, 3_650, "from 1 to 3,650")?;
        share("retail.overlap", self.overlap)?;
        // Within the years 1970 to 2100 no sum of instants below can overflow or leave four-digit years.
        if !(0..=4_102_444_800_000).contains(&self.start_at.0) {
            return Err(ParamError::new("retail.start_at", self.start_at, "from 1970 to 2100"));
        }
        if let Clock::Regular { stages } = self.clock {
            count_in("retail.clock.stages", stages as usize, 2, 50, "from 2 to 50")?;
        }
        self.tastes.check()?;
        self.assortment.check()?;
        self.demographics.check()?;
        self.mails.check()?;
        self.offers.check()?;
        share("retail.devices.p_second", self.devices.p_second)?;
        share("retail.devices.p_anonymous", self.devices.p_anonymous)?;
        number_in("retail.care.effect", self.care.effect, 0.0, 3.0, "from 0 to 3")?;
        share("retail.care.p_ticket", self.care.p_ticket)?;
        share("retail.care.p_answer", self.care.p_answer)?;
        Ok(RetailValid(self))
    }
}

impl Tastes {
    fn check(self) -> Result<(), ParamError> {
        count_in("retail.tastes.n_factors", self.n_factors, 0, MAX_FACTORS, "from 0 to 16")?;
        number_in("retail.tastes.strength", self.strength, 0.0, 4.0, "from 0 to 4")
    }
}

impl Assortment {
    fn check(self) -> Result<(), ParamError> {
        share("retail.assortment.p_variants", self.p_variants)?;
        let days = self.repurchase_days;
        number_in("retail.assortment.repurchase_days", days, 1.0, 3_650.0, "from 1 to 3,650")?;
        share("retail.assortment.p_repurchase", self.p_repurchase)
    }
}

impl Demographics {
    fn check(self) -> Result<(), ParamError> {
        share("retail.demographics.p_missing", self.p_missing)?;
        share("retail.demographics.p_outlier", self.p_outlier)?;
        let n = self.n_irrelevant;
        count_in("retail.demographics.n_irrelevant", n, 0, MAX_IRRELEVANT, "from 0 to 8")
    }
}

impl Mails {
    fn check(self) -> Result<(), ParamError> {
        days_in("retail.mails.every", self.every, 1, 365, "from 1 to 365")?;
        count_in("retail.mails.n_items", self.n_items, 0, 20, "from 0 to 20")?;
        within("retail.mails.p_click", self.p_click)?;
        share("retail.mails.fatigue", self.fatigue)?;
        share("retail.mails.p_dismiss", self.p_dismiss)?;
        share("retail.mails.p_withdraw", self.p_withdraw)
    }
}

impl Offers {
    fn check(self) -> Result<(), ParamError> {
        count_in("retail.offers.n", self.n, 0, 100, "from 0 to 100")?;
        days_in("retail.offers.valid", self.valid, 1, 365, "from 1 to 365")?;
        within("retail.offers.propensity", self.propensity)?;
        number_in("retail.offers.p_buy", self.p_buy, 0.0, 0.5, "from 0 to 0.5")?;
        number_in("retail.offers.uplift", self.uplift, 0.0, 10.0, "from 0 to 10")
    }
}

fn days_in(field: &str, days: Days, low: usize, high: usize, rule: &'static str) -> Result<(), ParamError> {
    count_in(field, days.0 as usize, low, high, rule)
}

fn share(field: &str, share: f64) -> Result<(), ParamError> {
    number_in(field, share, 0.0, 1.0, "from 0 to 1")
}

/// Refuses anything but a number in `low..=high`; NaN is in no range.
fn number_in(field: &str, number: f64, low: f64, high: f64, rule: &'static str) -> Result<(), ParamError> {
    if (low..=high).contains(&number) { Ok(()) } else { Err(ParamError::new(field, number, rule)) }
}

fn within(field: &str, p: f64) -> Result<(), ParamError> {
    if p > 0.0 && p < 1.0 { Ok(()) } else { Err(ParamError::new(field, p, "above 0 and below 1")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The field that `change` makes wrong.
    fn refused(change: impl Fn(&mut RetailParams)) -> String {
        let mut params = RetailParams::new(1, 30, 1);
        change(&mut params);
        params.check().expect_err("out of range").field
    }

    #[test]
    fn the_start_and_the_edges_are_kept() {
        assert!(RetailParams::new(1, 30, 1).check().is_ok());
        assert!(RetailParams::new(100_000_000, 90_000, 1).check().is_ok());
    }

    #[test]
    fn every_count_has_bounds() {
        assert_eq!(refused(|p| p.n_customers = 0), "retail.n_customers");
        assert_eq!(refused(|p| p.n_customers = 100_000_001), "retail.n_customers");
        assert_eq!(refused(|p| p.n_items = 29), "retail.n_items");
        assert_eq!(refused(|p| p.n_items = 90_001), "retail.n_items");
        assert_eq!(refused(|p| p.days = Days(27)), "retail.days");
        assert_eq!(refused(|p| p.days = Days(3_651)), "retail.days");
        assert_eq!(refused(|p| p.joining = Some(Days(0))), "retail.joining");
        assert_eq!(refused(|p| p.joining = Some(Days(732))), "retail.joining");
        assert_eq!(refused(|p| p.horizon = Days(0)), "retail.horizon");
        assert_eq!(refused(|p| p.horizon = Days(3_651)), "retail.horizon");
        assert_eq!(refused(|p| p.start_at = Timestamp(-1)), "retail.start_at");
        assert_eq!(refused(|p| p.start_at = Timestamp(4_102_444_800_001)), "retail.start_at");
        assert_eq!(refused(|p| p.clock = Clock::Regular { stages: 1 }), "retail.clock.stages");
        assert_eq!(refused(|p| p.clock = Clock::Regular { stages: 51 }), "retail.clock.stages");
        assert_eq!(refused(|p| p.tastes.n_factors = 17), "retail.tastes.n_factors");
        assert_eq!(refused(|p| p.demographics.n_irrelevant = 9), "retail.demographics.n_irrelevant");
        assert_eq!(refused(|p| p.mails.every = Days(0)), "retail.mails.every");
        assert_eq!(refused(|p| p.mails.every = Days(366)), "retail.mails.every");
        assert_eq!(refused(|p| p.mails.n_items = 21), "retail.mails.n_items");
        assert_eq!(refused(|p| p.offers.n = 101), "retail.offers.n");
        assert_eq!(refused(|p| p.offers.valid = Days(0)), "retail.offers.valid");
        assert_eq!(refused(|p| p.offers.valid = Days(366)), "retail.offers.valid");
    }

    #[test]
    fn every_number_has_bounds_and_is_finite() {
        type Place = fn(&mut RetailParams) -> &mut f64;
        let places: [(&str, f64, f64, Place); 17] = [
            ("overlap", -0.1, 1.1, |p| &mut p.overlap),
            ("tastes.strength", -0.1, 4.1, |p| &mut p.tastes.strength),
            ("assortment.p_variants", -0.1, 1.1, |p| &mut p.assortment.p_variants),
            ("assortment.repurchase_days", 0.9, 3_651.0, |p| &mut p.assortment.repurchase_days),
            ("assortment.p_repurchase", -0.1, 1.1, |p| &mut p.assortment.p_repurchase),
            ("demographics.p_missing", -0.1, 1.1, |p| &mut p.demographics.p_missing),
            ("demographics.p_outlier", -0.1, 1.1, |p| &mut p.demographics.p_outlier),
            ("mails.p_click", 0.0, 1.0, |p| &mut p.mails.p_click),
            ("mails.fatigue", -0.1, 1.1, |p| &mut p.mails.fatigue),
            ("mails.p_dismiss", -0.1, 1.1, |p| &mut p.mails.p_dismiss),
            ("mails.p_withdraw", -0.1, 1.1, |p| &mut p.mails.p_withdraw),
            ("offers.propensity", 0.0, 1.0, |p| &mut p.offers.propensity),
            ("offers.p_buy", -0.1, 0.6, |p| &mut p.offers.p_buy),
            ("offers.uplift", -0.1, 10.1, |p| &mut p.offers.uplift),
            ("devices.p_second", -0.1, 1.1, |p| &mut p.devices.p_second),
            ("devices.p_anonymous", -0.1, 1.1, |p| &mut p.devices.p_anonymous),
            ("care.effect", -0.1, 3.1, |p| &mut p.care.effect),
        ];
        let shares: [(&str, f64, f64, Place); 2] = [
            ("care.p_ticket", -0.1, 1.1, |p| &mut p.care.p_ticket),
            ("care.p_answer", -0.1, 1.1, |p| &mut p.care.p_answer),
        ];
        for (name, low, high, place) in places.into_iter().chain(shares) {
            for bad in [low, high, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert_eq!(refused(|p| *place(p) = bad), format!("retail.{name}"), "{bad}");
            }
        }
    }
}
