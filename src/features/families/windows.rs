//! Orders and revenue in windows of days before `as_of`, and whether they grow.

use super::{Family, def};
use crate::features::FeatureDef;
use crate::features::FeatureFamily::Windows as FAMILY;
use crate::features::FeatureKind::{Count, Money as MoneyKind, Trend};
use crate::features::day_buckets::History;
use crate::features::plan::{FeaturePlan, WINDOWS_DAYS};
use crate::types::Money;

pub(super) struct Windows {
    currency: String,
    trends_days: Vec<u32>,
}

impl Windows {
    pub(super) fn new(plan: &FeaturePlan) -> Self {
        Self { currency: plan.currency.clone(), trends_days: plan.trend_windows_days.clone() }
    }
}

impl Family for Windows {
    fn defs(&self) -> Vec<FeatureDef> {
        let mut defs = Vec::new();
        for w in WINDOWS_DAYS {
            let label = format!("in the last {w} days");
            let revenue = format!("revenue {label}");
            defs.push(def(format!("orders_{w}_days"), format!("orders {label}"), "orders", Count, FAMILY));
            defs.push(def(format!("revenue_{w}_days"), revenue, &self.currency, MoneyKind, FAMILY));
        }
        for w in &self.trends_days {
            let label = format!("last {w} days against the {w} days before");
            let (orders, revenue) = (format!("orders: {label}"), format!("revenue: {label}"));
            defs.push(def(format!("orders_trend_{w}_days"), orders, "", Trend, FAMILY));
            defs.push(def(format!("revenue_trend_{w}_days"), revenue, "", Trend, FAMILY));
        }
        defs
    }

    fn cells(&self, history: &History<'_>, out: &mut Vec<f64>) {
        for w in WINDOWS_DAYS {
            let (orders, revenue) = totals(history, 0, w);
            out.extend([orders as f64, Money::units_of(revenue)]);
        }
        for &w in &self.trends_days {
            let (orders, revenue) = totals(history, 0, w);
            let (orders_before, revenue_before) = totals(history, w, 2 * w);
            out.extend([trend(orders, orders_before), trend(revenue, revenue_before)]);
        }
    }
}

/// Orders and revenue of the days that lie `from..to` days before the last one.
fn totals(history: &History<'_>, from: u32, to: u32) -> (i128, i128) {
    let inside = |day: i32| (from..to).contains(&history.age_days(day));
    let orders = history.orders.iter().filter(|order| inside(order.day)).count();
    // Days ascend, so the window is a piece near the end.
    let start = history.days.partition_point(|cell| history.age_days(cell.day) >= to);
    let in_window = history.days[start..].iter().take_while(|cell| inside(cell.day));
    (orders as i128, in_window.map(|cell| cell.revenue).sum())
}

/// `(recent - before) / (recent + before)`, in -1..=1; 0 when there is nothing in either.
fn trend(recent: i128, before: i128) -> f64 {
    let sum = recent + before;
    if sum > 0 { (recent - before) as f64 / sum as f64 } else { 0.0 }
}
