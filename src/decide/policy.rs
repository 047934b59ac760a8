//! What may be shown: the policy file, as written and as checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::state::{EXPOSURES_KEPT, ITEM_EXPOSURES_KEPT};
use crate::error::ParamError;
use crate::params::{Params, finite_in};
use crate::types::Timestamp;

/// How long a purchase hides what was bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoughtPolicy {
    /// Buying never hides.
    Never,
    /// Hidden for good.
    Forever,
    /// Hidden for so many days after the last purchase.
    Days(u32),
}

/// What a purchase hides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoughtLevel {
    /// The item itself.
    #[default]
    Item,
    /// Every item of its category.
    Category,
}

/// What a full refund does to a purchase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundEffect {
    /// The purchase counts as undone: the item may be shown again.
    #[default]
    Undo,
    /// The purchase still hides the item.
    Keep,
}

/// A rule about what was bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoughtRule {
    /// For how long. No default: it changes what people see.
    pub policy: BoughtPolicy,
    /// What.
    #[serde(default)]
    pub level: BoughtLevel,
}

/// The rules about what was bought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bought {
    /// For how long. No default: it changes what people see.
    pub policy: BoughtPolicy,
    /// What.
    #[serde(default)]
    pub level: BoughtLevel,
    /// What a full refund does.
    #[serde(default)]
    pub refund: RefundEffect,
    /// Other rules by category name; the more specific definition wins.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub category: BTreeMap<String, BoughtRule>,
}

/// What a cap counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapKey {
    /// One counter per item.
    Item,
    /// One counter for everything shown to the customer.
    Any,
}

/// At most `max` exposures in every rolling window of `window_days`; the most restrictive cap wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// Stable name, used in reasons.
    pub id: String,
    /// What is counted together.
    pub key: CapKey,
    /// Length of the window (t - W, t].
    pub window_days: u32,
    /// How many are allowed; 0 forbids.
    pub max: u32,
}

impl Cap {
    /// Length of the window in milliseconds.
    #[must_use]
    pub fn window_ms(&self) -> i64 {
        i64::from(self.window_days) * Timestamp::DAY_MS
    }
}

/// Refused items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dismissed {
    /// Hidden for so many days; for good when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hide_days: Option<u32>,
}

/// What the catalogue says about dates and stock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvailabilityRules {
    /// For catalogues that do not say what is gone: an item counts as available only when somebody bought it
    /// within so many days. Items with a stated end date are exempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_within_days: Option<u32>,
}

/// Where slots are filled from when the personal tier leaves some empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// Popular items that pass the same guardrails.
    #[default]
    Popular,
    /// Nowhere: the slate stays short.
    None,
}

/// The policy as written in `policy.toml` and in `[decide]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyParams {
    /// How many items a slate has when the request does not say. No default.
    pub slots: u32,
    /// What was bought.
    pub bought: Bought,
    /// Caps on exposures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cap: Vec<Cap>,
    /// Refused items.
    #[serde(default)]
    pub dismissed: Dismissed,
    /// Dates and stock.
    #[serde(default)]
    pub availability: AvailabilityRules,
    /// Personal scores below this are not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relevance_floor: Option<f32>,
    /// At most so many items of one category on a slate; items without a category are not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_per_category: Option<u32>,
    /// Where empty slots are filled from.
    #[serde(default)]
    pub fallback: Fallback,
    /// How long a decision holds its exposures before they are released.
    #[serde(default = "default_reservation_minutes")]
    pub reservation_minutes: u32,
}

fn default_reservation_minutes() -> u32 {
    30
}

impl PolicyParams {
    /// `slots` items, of which none was bought before; refused items stay hidden, refunds undo purchases, no caps, no
    /// floor, no quota; empty slots are filled by popularity.
    #[must_use]
    pub fn new(slots: u32) -> Self {
        Self {
            slots,
            bought: Bought {
                policy: BoughtPolicy::Forever,
                level: BoughtLevel::Item,
                refund: RefundEffect::Undo,
                category: BTreeMap::new(),
            },
            cap: Vec::new(),
            dismissed: Dismissed::default(),
            availability: AvailabilityRules::default(),
            relevance_floor: None,
            max_per_category: None,
            fallback: Fallback::Popular,
            reservation_minutes: default_reservation_minutes(),
        }
    }
}

/// A policy whose every rule has been checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy(PolicyParams);

impl std::ops::Deref for Policy {
    type Target = PolicyParams;

    fn deref(&self) -> &PolicyParams {
        &self.0
    }
}

impl Policy {
    /// The rule for items of a category: its own, else the general one.
    #[must_use]
    pub fn bought_rule(&self, category: Option<&str>) -> BoughtRule {
        category
            .and_then(|name| self.bought.category.get(name))
            .copied()
            .unwrap_or(BoughtRule { policy: self.bought.policy, level: self.bought.level })
    }
}

impl Params for PolicyParams {
    type Checked = Policy;

    fn check(self) -> Result<Policy, ParamError> {
        let positive = |field: &str, days: u32| {
            if (1..=36_500).contains(&days) {
                Ok(())
            } else {
                Err(ParamError::new(field, days, "in 1..=36500"))
            }
        };
        if !(1..=1_000).contains(&self.slots) {
            return Err(ParamError::new("decide.slots", self.slots, "in 1..=1000"));
        }
        if let BoughtPolicy::Days(days) = self.bought.policy {
            positive("decide.bought.policy.days", days)?;
        }
        for (name, rule) in &self.bought.category {
            if let BoughtPolicy::Days(days) = rule.policy {
                positive(&format!("decide.bought.category.{name}.policy.days"), days)?;
            }
        }
        for (n, cap) in self.cap.iter().enumerate() {
            positive(&format!("decide.cap.{}.window_days", cap.id), cap.window_days)?;
            let kept = match cap.key {
                CapKey::Item => ITEM_EXPOSURES_KEPT,
                CapKey::Any => EXPOSURES_KEPT,
            };
            if cap.max as usize > kept {
                let rule = "at most 64 per item and 1000 in all, the exposures a profile remembers";
                return Err(ParamError::new(format!("decide.cap.{}.max", cap.id), cap.max, rule));
            }
            if self.cap[..n].iter().any(|other| other.id == cap.id) {
                return Err(ParamError::new("decide.cap.id", &cap.id, "unique"));
            }
        }
        if let Some(days) = self.dismissed.hide_days {
            positive("decide.dismissed.hide_days", days)?;
        }
        if let Some(days) = self.availability.sold_within_days {
            positive("decide.availability.sold_within_days", days)?;
        }
        if let Some(floor) = self.relevance_floor {
            finite_in("decide.relevance_floor", f64::from(floor), -1e30, 1e30, "finite")?;
        }
        if self.max_per_category == Some(0) {
            return Err(ParamError::new("decide.max_per_category", 0, "at least 1"));
        }
        if !(1..=44_640).contains(&self.reservation_minutes) {
            return Err(ParamError::new(
                "decide.reservation_minutes",
                self.reservation_minutes,
                "in 1..=44640",
            ));
        }
        Ok(Policy(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Policy, String> {
        toml::from_str::<PolicyParams>(text).map_err(|e| e.to_string())?.check().map_err(|e| e.to_string())
    }

    #[test]
    fn a_policy_reads_as_it_writes() {
        let text = "slots = 5\nmax_per_category = 2\n[bought]\npolicy = { days = 30 }\nlevel = \"category\"\n\
                    [bought.category.Coffee]\npolicy = \"never\"\n[[cap]]\nid = \"week\"\nkey = \"any\"\n\
                    window_days = 7\nmax = 0\n";
        let policy = parse(text).unwrap();
        assert_eq!(policy.bought_rule(Some("Coffee")).policy, BoughtPolicy::Never);
        assert_eq!(policy.bought_rule(Some("Tea")).policy, BoughtPolicy::Days(30));
        let again = toml::to_string(&policy.0).unwrap();
        assert_eq!(parse(&again).unwrap(), policy);
    }

    #[test]
    fn every_refusal_names_field_value_and_rule() {
        let base = "[bought]\npolicy = \"never\"\n";
        for (text, says) in [
            ("slots = 0\n", "decide.slots is 0"),
            ("slots = 5\nmax_per_category = 0\n", "decide.max_per_category is 0"),
            ("slots = 5\nrelevance_floor = nan\n", "decide.relevance_floor is NaN"),
            ("slots = 5\nreservation_minutes = 0\n", "decide.reservation_minutes is 0"),
            ("slots = 5\nslot = 5\n", "unknown field `slot`"),
        ] {
            let error = parse(&format!("{text}{base}")).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        let twice = "slots = 5\n[bought]\npolicy = \"never\"\n[[cap]]\nid = \"a\"\nkey = \"any\"\nwindow_days = 7\n\
                     max = 1\n[[cap]]\nid = \"a\"\nkey = \"item\"\nwindow_days = 7\nmax = 1\n";
        assert!(parse(twice).unwrap_err().contains("unique"));
        assert!(
            parse(&twice.replace("window_days = 7", "window_days = 0"))
                .unwrap_err()
                .contains("window_days is 0")
        );
        assert!(parse("slots = 5").unwrap_err().contains("bought"));
    }
}
