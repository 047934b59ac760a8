//! Orders, revenue, tenure and the gaps between order days.

use super::{Family, def, share};
use crate::features::FeatureDef;
use crate::features::FeatureFamily::Purchases as FAMILY;
use crate::features::FeatureKind::{Count, Duration, Money as MoneyKind};
use crate::features::day_buckets::History;
use crate::types::Money;

pub(super) struct Purchases {
    pub(super) currency: String,
}

impl Family for Purchases {
    fn defs(&self) -> Vec<FeatureDef> {
        let currency = self.currency.as_str();
        vec![
            def("orders", "orders", "orders", Count, FAMILY),
            def("revenue", "revenue", currency, MoneyKind, FAMILY),
            def("average_order_value", "average order value", currency, MoneyKind, FAMILY),
            def("tenure_days", "days since the first order", "days", Duration, FAMILY),
            def("days_since_last_order", "days since the last order", "days", Duration, FAMILY),
            def("order_gap_mean_days", "average days between order days", "days", Duration, FAMILY),
            def("order_gap_spread_days", "spread of the days between order days", "days", Duration, FAMILY),
        ]
    }

    fn cells(&self, history: &History<'_>, out: &mut Vec<f64>) {
        let orders = history.orders.len() as f64;
        let revenue = Money::units_of(history.days.iter().map(|cell| cell.revenue).sum());
        let age = |day: Option<i32>| day.map_or(f64::NAN, |day| f64::from(history.age_days(day)));
        let mut days = history.purchase_days().map(|cell| cell.day);
        let (first, last) = (days.next(), history.purchase_days().last().map(|cell| cell.day));
        let (mean, spread) = gaps(history);
        out.extend([orders, revenue, share(revenue, orders), age(first), age(last), mean, spread]);
    }
}

/// Mean and sample standard deviation of the days between successive order days; missing below one and two gaps.
///
/// From exact sums: s^2 = (n * sum of squares - square of sum) / (n (n - 1)).
fn gaps(history: &History<'_>) -> (f64, f64) {
    let (mut n, mut sum, mut squares) = (0i128, 0i128, 0i128);
    let mut before: Option<i32> = None;
    for cell in history.purchase_days() {
        if let Some(before) = before {
            let gap = i128::from(cell.day) - i128::from(before);
            n += 1;
            sum += gap;
            squares += gap * gap;
        }
        before = Some(cell.day);
    }
    let mean = if n > 0 { sum as f64 / n as f64 } else { f64::NAN };
    let spread =
        if n > 1 { libm::sqrt((n * squares - sum * sum) as f64 / (n * (n - 1)) as f64) } else { f64::NAN };
    (mean, spread)
}
