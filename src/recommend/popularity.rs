//! Time-decayed popularity: the model to beat, the fallback tier and the prior of what is unknown.

use serde::{Deserialize, Serialize};

use crate::error::{DataError, ParamError};
use crate::features::Interactions;
use crate::params::{Params, finite_in};
use crate::tables::Partial;
use crate::types::Timestamp;

/// Unchecked parameters of [`PopularityModel`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopularityParams {
    /// Days after which a purchase counts half.
    pub half_life_days: f64,
    /// Days before `as_of` from which purchases count; all when absent.
    #[serde(default)]
    pub window_days: Option<f64>,
}

/// Checked parameters of [`PopularityModel`].
#[derive(Clone, Debug, PartialEq)]
pub struct PopularityValid {
    params: PopularityParams,
}

impl PopularityParams {
    /// Decay with the given half-life over all purchases.
    #[must_use]
    pub fn new(half_life_days: f64) -> Self {
        Self { half_life_days, window_days: None }
    }
}

/// Longest half-life and window: 100,000 days, beyond any history.
const MAX_DAYS: f64 = 100_000.0;

impl Params for PopularityParams {
    type Checked = PopularityValid;

    fn check(self) -> Result<PopularityValid, ParamError> {
        const RULE: &str = "finite, greater than 0 and at most 100000";
        finite_in("recommend.popularity.half_life_days", self.half_life_days, 0.0, MAX_DAYS, RULE)?;
        if let Some(days) = self.window_days {
            finite_in("recommend.popularity.window_days", days, 0.0, MAX_DAYS, RULE)?;
        }
        Ok(PopularityValid { params: self })
    }
}

/// How strongly each item is in demand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PopularityModel {
    /// Per item, the sum over its purchases of 2^(-(as_of - t) / half-life); 0 for an item nobody bought in the
    /// window.
    pub strength: Vec<f64>,
}

impl PopularityValid {
    /// The parameters that were checked.
    #[must_use]
    pub fn params(&self) -> &PopularityParams {
        &self.params
    }

    /// Sums decayed purchases per item: each (customer, item) pair once at its last time, then those of guests.
    ///
    /// Sums run over customers in table order inside groups of buckets, then over groups, then over guests in time
    /// order: the same bytes at any number of threads. Ranking by strength equals ranking at any later instant, because the decay between two
    /// instants is common to all items (forward decay; Cormode et al., ICDE 2009).
    ///
    /// # Errors
    /// [`DataError::BadCell`] when a guest's purchase is not of the catalogue.
    pub fn fit(&self, interactions: &Interactions) -> Result<PopularityModel, DataError> {
        let n_items = interactions.n_items;
        if let Some(row) = interactions.guests.iter().position(|guest| guest.item as usize >= n_items) {
            return Err(DataError::BadCell {
                model: "popularity",
                row,
                column: "guests.item".into(),
                value: interactions.guests[row].item.to_string(),
                rule: "below the number of items",
            });
        }
        let decay = Decay::new(&self.params, interactions.as_of);
        let add = |Strength(strength): &mut Strength, customers: std::ops::Range<usize>| {
            for pair in customers.flat_map(|customer| interactions.pairs(customer)) {
                strength[interactions.items[pair] as usize] += decay.at(interactions.last_at[pair]);
            }
        };
        let of_customers = interactions.buckets.fold(|| Strength(vec![0.0; n_items]), add);
        let mut strength = of_customers.map_or_else(|| vec![0.0; n_items], |Strength(strength)| strength);
        for guest in &interactions.guests {
            strength[guest.item as usize] += decay.at(guest.at);
        }
        Ok(PopularityModel { strength })
    }
}

/// What a purchase at an instant counts.
struct Decay {
    as_of: Timestamp,
    per_ms: f64,
    window_ms: f64,
}

impl Decay {
    fn new(params: &PopularityParams, as_of: Timestamp) -> Self {
        let day_ms = Timestamp::DAY_MS as f64;
        Self {
            as_of,
            per_ms: 1.0 / (params.half_life_days * day_ms),
            window_ms: params.window_days.map_or(f64::INFINITY, |days| days * day_ms),
        }
    }

    fn at(&self, instant: Timestamp) -> f64 {
        let age_ms = self.as_of.0.saturating_sub(instant.0) as f64;
        if age_ms < self.window_ms { libm::exp2(-age_ms * self.per_ms) } else { 0.0 }
    }
}

struct Strength(Vec<f64>);

impl Partial for Strength {
    fn merge(&mut self, later: Self) {
        for (sum, more) in self.0.iter_mut().zip(later.0) {
            *sum += more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::GuestPurchase;
    use crate::tables::Buckets;

    fn day(day: i64) -> Timestamp {
        Timestamp(day * Timestamp::DAY_MS)
    }

    fn interactions() -> Interactions {
        Interactions {
            as_of: day(100),
            n_items: 3,
            starts: vec![0, 2, 2, 3],
            items: vec![0, 1, 1],
            last_at: vec![day(90), day(80), day(90)],
            guests: vec![GuestPurchase { item: 0, at: day(70) }],
            buckets: Buckets::even(3),
        }
    }

    #[test]
    fn decay_and_window_by_hand() {
        let fit = |params: PopularityParams| params.check().unwrap().fit(&interactions()).unwrap().strength;
        assert_eq!(fit(PopularityParams::new(10.0)), [0.5 + 0.125, 0.25 + 0.5, 0.0]);
        let window = PopularityParams { half_life_days: 10.0, window_days: Some(30.0) };
        assert_eq!(fit(window), [0.5, 0.75, 0.0], "a purchase exactly as old as the window is out");
    }

    #[test]
    fn nobody_and_nothing_are_answers() {
        let nobody = Interactions {
            n_items: 2,
            starts: vec![0],
            items: vec![],
            last_at: vec![],
            guests: vec![],
            buckets: Buckets::even(0),
            ..interactions()
        };
        let fit =
            |data: &Interactions| PopularityParams::new(1.0).check().unwrap().fit(data).unwrap().strength;
        assert_eq!(fit(&nobody), [0.0, 0.0]);
        assert_eq!(fit(&Interactions { n_items: 0, ..nobody }), [0.0; 0]);
    }

    #[test]
    fn a_guest_outside_the_catalogue_is_refused() {
        let mut data = interactions();
        data.guests[0].item = 3;
        let refused = PopularityParams::new(1.0).check().unwrap().fit(&data).unwrap_err();
        assert!(refused.to_string().contains("guests.item"), "{refused}");
    }

    #[test]
    fn every_refusal_names_field_and_value() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 100_001.0] {
            let refused = PopularityParams::new(bad).check().unwrap_err();
            assert_eq!(refused.field, "recommend.popularity.half_life_days");
            let window = PopularityParams { half_life_days: 1.0, window_days: Some(bad) };
            assert_eq!(window.check().unwrap_err().field, "recommend.popularity.window_days");
        }
        assert!(PopularityParams::new(MAX_DAYS).check().is_ok());
    }
}
