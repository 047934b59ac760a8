//! How wide a customer buys, and in which categories.

use super::{Family, Resolved, def, share};
use crate::features::FeatureDef;
use crate::features::FeatureFamily::Assortment as FAMILY;
use crate::features::FeatureKind::{Count, Share};
use crate::features::day_buckets::History;
use crate::features::plan::{FeaturePlan, slug};

pub(super) struct Assortment {
    items: bool,
    categories: Option<Vec<String>>,
    category_of_item: Vec<Option<u32>>,
    slot_of_category: Vec<Option<usize>>,
}

impl Assortment {
    pub(super) fn new(plan: &FeaturePlan, resolved: &Resolved) -> Self {
        Self {
            items: plan.items,
            categories: plan.categories.clone(),
            category_of_item: resolved.category_of_item.clone(),
            slot_of_category: resolved.slot_of_category.clone(),
        }
    }
}

impl Family for Assortment {
    fn defs(&self) -> Vec<FeatureDef> {
        let mut defs = Vec::new();
        if self.items {
            defs.push(def("distinct_items", "different items bought", "items", Count, FAMILY));
        }
        if let Some(categories) = &self.categories {
            defs.push(def("distinct_categories", "different categories bought", "categories", Count, FAMILY));
            defs.extend(categories.iter().map(|name| {
                let label = format!("share of purchases in {name}");
                def(format!("category_share_{}", slug(name)), label, "%", Share, FAMILY)
            }));
        }
        defs
    }

    /// Shares are of the purchase lines whose item has a category; missing when there is none.
    fn cells(&self, history: &History<'_>, out: &mut Vec<f64>) {
        if self.items {
            out.push(history.items.len() as f64);
        }
        let Some(names) = &self.categories else { return };
        let at = out.len();
        out.resize(at + 1 + names.len(), 0.0);
        let (mut seen, mut n_lines) = (Vec::new(), 0u64);
        for cell in history.items {
            let Some(category) = self.category_of_item[cell.item as usize] else { continue };
            n_lines += u64::from(cell.n_lines);
            seen.push(category);
            if let Some(slot) = self.slot_of_category[category as usize] {
                out[at + 1 + slot] += f64::from(cell.n_lines);
            }
        }
        seen.sort_unstable();
        seen.dedup();
        out[at] = seen.len() as f64;
        for cell in &mut out[at + 1..] {
            *cell = share(*cell, n_lines as f64);
        }
    }
}
