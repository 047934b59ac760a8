//! Views and cart steps.

use super::{Family, def, share};
use crate::features::FeatureDef;
use crate::features::FeatureFamily::Browsing as FAMILY;
use crate::features::FeatureKind::{Count, Duration, Number, Share};
use crate::features::day_buckets::{DayCell, History};

/// Windows of days for views and cart steps.
const WINDOWS_DAYS: [u32; 2] = [30, 90];

pub(super) struct Browsing {
    pub(super) views: bool,
    pub(super) cart_adds: bool,
    /// Whether there are orders to set them against.
    pub(super) orders: bool,
}

impl Family for Browsing {
    fn defs(&self) -> Vec<FeatureDef> {
        let mut defs = Vec::new();
        if self.views {
            for w in WINDOWS_DAYS {
                let label = format!("views in the last {w} days");
                defs.push(def(format!("views_{w}_days"), label, "views", Count, FAMILY));
            }
            defs.push(def("days_since_last_view", "days since the last view", "days", Duration, FAMILY));
            if self.orders {
                defs.push(def("views_per_order", "views per order", "views", Number, FAMILY));
            }
        }
        if self.cart_adds {
            for w in WINDOWS_DAYS {
                let label = format!("items put into the cart in the last {w} days");
                defs.push(def(format!("cart_adds_{w}_days"), label, "items", Count, FAMILY));
            }
            if self.orders {
                let label = "share of days with a filled cart and no order on that day or the next";
                defs.push(def("cart_abandonment_share", label, "%", Share, FAMILY));
            }
        }
        defs
    }

    fn cells(&self, history: &History<'_>, out: &mut Vec<f64>) {
        let within = |w: u32, count: fn(&DayCell) -> u32| {
            let recent = history.days.iter().filter(|cell| history.age_days(cell.day) < w);
            recent.map(|cell| u64::from(count(cell))).sum::<u64>() as f64
        };
        if self.views {
            out.extend(WINDOWS_DAYS.map(|w| within(w, |cell| cell.n_views)));
            let last = history.days.iter().rfind(|cell| cell.n_views > 0);
            out.push(last.map_or(f64::NAN, |cell| f64::from(history.age_days(cell.day))));
            if self.orders {
                out.push(share(within(u32::MAX, |cell| cell.n_views), history.orders.len() as f64));
            }
        }
        if self.cart_adds {
            out.extend(WINDOWS_DAYS.map(|w| within(w, |cell| cell.n_cart_adds)));
            if self.orders {
                out.push(abandonment(history.days));
            }
        }
    }
}

/// Days with something put into the cart and no purchase on that day or the next, of all days with something put
/// into the cart; missing when there is none.
fn abandonment(days: &[DayCell]) -> f64 {
    let (mut filled, mut abandoned) = (0u32, 0u32);
    for (at, cell) in days.iter().enumerate().filter(|(_, cell)| cell.n_cart_adds > 0) {
        let next = days.get(at + 1).filter(|next| next.day == cell.day + 1);
        let bought = cell.n_purchases > 0 || next.is_some_and(|next| next.n_purchases > 0);
        filled += 1;
        abandoned += u32::from(!bought);
    }
    share(f64::from(abandoned), f64::from(filled))
}
