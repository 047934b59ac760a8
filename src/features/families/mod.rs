//! One file per family of features: what its columns are, and a customer's cells in the same order.

mod assortment;
mod browsing;
pub(super) mod demographics;
mod purchases;
mod refunds;
mod rhythm;
mod windows;

use super::day_buckets::History;
use super::plan::FeaturePlan;
use super::{FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, SPEC_VERSION};

/// Columns computed from a customer's history. A family without input in the plan has none.
pub(super) trait Family: Send + Sync {
    /// What the columns are.
    fn defs(&self) -> Vec<FeatureDef>;

    /// Appends one cell per column; NaN is a missing one.
    fn cells(&self, history: &History<'_>, out: &mut Vec<f64>);
}

/// Names of a plan found in the tables at hand.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolved {
    /// Category of each item in the tables.
    pub(super) category_of_item: Vec<Option<u32>>,
    /// Share column of each category in the tables.
    pub(super) slot_of_category: Vec<Option<usize>>,
    /// Share column of each channel in the tables.
    pub(super) slot_of_channel: Vec<Option<usize>>,
}

/// The families of a plan in the order of their columns; demographics follow.
pub(super) fn numeric_families(plan: &FeaturePlan, resolved: &Resolved) -> Vec<Box<dyn Family>> {
    let mut families: Vec<Box<dyn Family>> = Vec::new();
    if plan.purchases {
        families.push(Box::new(purchases::Purchases { currency: plan.currency.clone() }));
        families.push(Box::new(assortment::Assortment::new(plan, resolved)));
        families.push(Box::new(windows::Windows::new(plan)));
        families.push(Box::new(rhythm::Rhythm::new(plan, resolved)));
    }
    if plan.refunds {
        families.push(Box::new(refunds::Refunds { currency: plan.currency.clone() }));
    }
    if plan.views || plan.cart_adds {
        families.push(Box::new(browsing::Browsing {
            views: plan.views,
            cart_adds: plan.cart_adds,
            orders: plan.purchases,
        }));
    }
    families
}

fn def(
    name: impl Into<String>,
    label: impl Into<String>,
    unit: &str,
    kind: FeatureKind,
    family: FeatureFamily,
) -> FeatureDef {
    FeatureDef { name: name.into(), label: label.into(), unit: unit.to_owned(), kind, family }
}

/// `part / whole`, missing when there is no whole.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { f64::NAN }
}

impl FeaturePlan {
    /// Names, units and kinds of the columns, in order.
    #[must_use]
    pub fn spec(&self) -> FeatureSpec {
        let mut features: Vec<_> =
            numeric_families(self, &Resolved::default()).iter().flat_map(|family| family.defs()).collect();
        features.extend(demographics::defs(&self.attributes));
        let mut names = std::collections::BTreeSet::new();
        for def in &mut features {
            def.name = unique(&def.name, |name| names.contains(name));
            names.insert(def.name.clone());
        }
        FeatureSpec { version: SPEC_VERSION, features }
    }
}

/// The name itself, or with the first of `_2`, `_3`, … that is not taken.
fn unique(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_meet_are_numbered() {
        let taken = ["orders", "orders_2"];
        assert_eq!(unique("orders", |name| taken.contains(&name)), "orders_3");
        assert_eq!(unique("revenue", |name| taken.contains(&name)), "revenue");
    }
}
