//! Guardrail: dates, stock, and "nobody has bought it for so long that it is gone". Stage 4 of the pipeline; the
//! same for every customer.

use std::collections::BTreeSet;

use super::catalogue::Catalogue;
use super::policy::AvailabilityRules;
use super::reasons::{ReasonCode, Withheld};
use crate::types::{Days, Timestamp};

/// Which items are out of stock as it stands; items whose stock is not tracked never are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    out: BTreeSet<usize>,
}

impl Stock {
    /// The stock that the catalogue states.
    #[must_use]
    pub fn of(catalogue: &Catalogue) -> Self {
        let out = |item: &usize| catalogue.items.stock[*item].is_some_and(|units| units <= 0);
        Self { out: (0..catalogue.len()).filter(out).collect() }
    }

    /// States the stock of an item.
    pub fn set(&mut self, item: usize, units: i64) {
        if units <= 0 {
            self.out.insert(item);
        } else {
            self.out.remove(&item);
        }
    }

    /// Items that are out of stock, ascending.
    pub fn out(&self) -> impl Iterator<Item = usize> {
        self.out.iter().copied()
    }
}

/// Why an item is not available at `now` by its dates, or `None` when it is.
#[must_use]
pub fn unavailable(
    catalogue: &Catalogue,
    rules: &AvailabilityRules,
    item: usize,
    now: Timestamp,
) -> Option<Withheld> {
    let (from, to) = (catalogue.items.available_from[item], catalogue.items.available_to[item]);
    if let Some(from) = from.filter(|&from| now < from) {
        return Some(Withheld::NotStarted { from });
    }
    if let Some(to) = to.filter(|&to| now >= to) {
        return Some(Withheld::Ended { to, inferred_from_sales: false });
    }
    if let (None, Some(days)) = (to, rules.sold_within_days) {
        match catalogue.last_sold_at[item] {
            // An item whose window has just begun cannot have been sold yet.
            None if from.is_some_and(|from| now < from.plus(Days(days))) => {}
            None => return Some(Withheld::NeverSold),
            Some(sold) if now >= sold.plus(Days(days)) => {
                return Some(Withheld::Ended { to: sold.plus(Days(days)), inferred_from_sales: true });
            }
            Some(_) => {}
        }
    }
    None
}

/// The availability of every item by its dates, over a span of time in which it does not change.
#[derive(Clone, Debug)]
pub struct Availability {
    /// Per item: `None` = available.
    pub(super) codes: Vec<Option<ReasonCode>>,
    /// The codes hold for `from <= now < until`.
    pub(crate) from: Timestamp,
    /// See `from`.
    pub(crate) until: Timestamp,
}

impl Availability {
    /// Availability at `now`.
    #[must_use]
    pub fn at(catalogue: &Catalogue, rules: &AvailabilityRules, now: Timestamp) -> Self {
        let (mut from, mut until) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        let mut edge = |at: Timestamp| {
            if at <= now {
                from = from.max(at);
            } else {
                until = until.min(at);
            }
        };
        let codes = (0..catalogue.len())
            .map(|item| {
                let starts = catalogue.items.available_from[item];
                starts.into_iter().chain(catalogue.items.available_to[item]).for_each(&mut edge);
                if let Some(days) = rules.sold_within_days {
                    let last = catalogue.last_sold_at[item].or(starts);
                    last.map(|at| at.plus(Days(days))).into_iter().for_each(&mut edge);
                }
                unavailable(catalogue, rules, item, now).map(|withheld| withheld.code())
            })
            .collect();
        Self { codes, from, until }
    }

    /// How many items may be shown.
    #[must_use]
    pub fn n_available(&self, stock: &Stock) -> usize {
        let by_dates = self.codes.iter().filter(|code| code.is_none()).count();
        by_dates - stock.out().filter(|&item| self.codes[item].is_none()).count()
    }

    /// Whether the codes hold at `now`.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}
