//! What came back.

use super::{Family, def, share};
use crate::features::FeatureDef;
use crate::features::FeatureFamily::Refunds as FAMILY;
use crate::features::FeatureKind::{Money as MoneyKind, Share};
use crate::features::day_buckets::History;
use crate::types::Money;

pub(super) struct Refunds {
    pub(super) currency: String,
}

impl Family for Refunds {
    fn defs(&self) -> Vec<FeatureDef> {
        vec![
            def("refunded", "amount refunded", &self.currency, MoneyKind, FAMILY),
            def("refund_share", "share of the revenue refunded", "%", Share, FAMILY),
        ]
    }

    /// The share is `refunded / max(revenue, refunded)`: more can come back than was sold when the log begins
    /// after the sale, and a share stays in 0..=1. With neither it is 0 for a customer with an order, else missing.
    fn cells(&self, history: &History<'_>, out: &mut Vec<f64>) {
        let refunded: i128 = history.days.iter().map(|cell| cell.refunded).sum();
        let revenue: i128 = history.days.iter().map(|cell| cell.revenue).sum();
        let nothing_moved = refunded == 0 && revenue == 0 && !history.orders.is_empty();
        let rate = if nothing_moved { 0.0 } else { share(refunded as f64, revenue.max(refunded) as f64) };
        out.extend([Money::units_of(refunded), rate]);
    }
}
