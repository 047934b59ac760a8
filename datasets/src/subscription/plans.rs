//! What is sold: plans of four tiers with two terms, add-ons, and list prices that rise.

use bespoke::types::{Days, Money, Timestamp};

/// A contract is paid every so many days.
pub const PERIOD: Days = Days(30);

/// Days after the start of the window on which list prices rise, and by what share.
pub const PRICE_RISES: [(Days, f64); 2] = [(Days(300), 0.06), (Days(600), 0.10)];

/// Periods of a yearly term.
pub(super) const YEAR_PERIODS: u32 = 12;

/// What a yearly contract costs of a monthly one.
const YEARLY_SHARE: f64 = 0.85;

/// Name of a tier, its list price per period in cents, and its effect `g` on the logit of leaving.
pub const TIERS: [(&str, i64, f64); 4] =
    [("basic", 799, 0.25), ("standard", 1_199, 0.0), ("premium", 1_699, -0.15), ("family", 2_199, -0.35)];

/// Category, title and price in cents of the add-ons, three of each category.
pub const ADD_ONS: [(&str, &str, i64); 12] = [
    ("films", "film rental", 399),
    ("films", "film night bundle", 899),
    ("films", "director's cut", 549),
    ("sport", "match day pass", 499),
    ("sport", "season highlights", 799),
    ("sport", "cup final", 999),
    ("music", "concert stream", 699),
    ("music", "karaoke pack", 299),
    ("music", "live sessions", 449),
    ("children", "story pack", 249),
    ("children", "cartoon pack", 349),
    ("children", "learning games", 599),
];

/// Categories of [`ADD_ONS`].
pub(super) const N_ADD_ON_CATEGORIES: usize = 4;
pub(super) const ADD_ONS_PER_CATEGORY: usize = 3;

/// A plan: what a contract is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Position in [`TIERS`].
    pub tier: usize,
    /// Whether it binds for twelve periods at a time.
    pub is_yearly: bool,
}

impl Plan {
    /// Position of the plan among the items.
    pub(super) fn item(self) -> u32 {
        (2 * self.tier + usize::from(self.is_yearly)) as u32
    }

    /// Price per period when list prices stand at `level` times the first ones; whole cents.
    #[must_use]
    pub fn price(self, level: f64) -> Money {
        let share = if self.is_yearly { YEARLY_SHARE } else { 1.0 };
        cents(libm::round(TIERS[self.tier].1 as f64 * share * level) as i64)
    }
}

/// One item of the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Outside id.
    pub id: String,
    /// Name for people.
    pub title: String,
    /// `plan`, or the category of an add-on.
    pub category: &'static str,
    /// First list price; of a plan, per period.
    pub price: Money,
}

/// The plans in the order of [`Plan::item`], then the add-ons.
pub(super) fn items() -> Vec<Item> {
    let plans = (0..TIERS.len()).flat_map(|tier| [false, true].map(|is_yearly| Plan { tier, is_yearly }));
    let plans = plans.map(|plan| {
        let (name, term) = (TIERS[plan.tier].0, if plan.is_yearly { "yearly" } else { "monthly" });
        Item {
            id: format!("{name}-{term}"),
            title: format!("{name}, {term}"),
            category: "plan",
            price: plan.price(1.0),
        }
    });
    let add_ons = ADD_ONS.iter().map(|&(category, title, price)| Item {
        id: title.replace(' ', "-").replace('\'', ""),
        title: title.to_owned(),
        category,
        price: cents(price),
    });
    plans.chain(add_ons).collect()
}

/// Position of the first add-on among the items.
pub(super) const FIRST_ADD_ON: usize = 2 * TIERS.len();

fn cents(cents: i64) -> Money {
    Money(cents * (Money::SCALE / 100))
}

/// List prices at an instant, as a multiple of the first ones.
pub(super) fn price_level(start_at: Timestamp, at: Timestamp) -> f64 {
    PRICE_RISES.iter().filter(|(day, _)| start_at.plus(*day) <= at).map(|(_, rise)| 1.0 + rise).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_by_hand() {
        let plan = Plan { tier: 1, is_yearly: false };
        assert_eq!(plan.price(1.0), Money(119_900));
        assert_eq!(Plan { is_yearly: true, ..plan }.price(1.06), Money(108_000));
        assert_eq!(items()[plan.item() as usize].id, "standard-monthly");
        assert_eq!(items()[FIRST_ADD_ON].title, "film rental");
        assert_eq!(ADD_ONS.len(), N_ADD_ON_CATEGORIES * ADD_ONS_PER_CATEGORY);
    }

    #[test]
    fn prices_rise_on_their_day() {
        let level = |day: u32| price_level(Timestamp(0), Timestamp(0).plus(Days(day)));
        assert_eq!([level(299), level(300), level(599)], [1.0, 1.06, 1.06]);
        assert!((level(600) - 1.166).abs() < 1e-12);
    }
}
