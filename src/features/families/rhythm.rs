//! Through which channel, at what hour and on which days orders come. All are shares of a customer's orders.

use super::{Family, Resolved, def, share};
use crate::features::FeatureDef;
use crate::features::FeatureFamily::Rhythm as FAMILY;
use crate::features::FeatureKind::Share;
use crate::features::day_buckets::History;
use crate::features::plan::{FeaturePlan, slug};

/// First hour, name and label of each part of the day.
const PARTS: [(u8, &str, &str); 4] = [
    (0, "night_share", "share of orders between 0 and 6 o'clock"),
    (6, "morning_share", "share of orders between 6 and 12 o'clock"),
    (12, "afternoon_share", "share of orders between 12 and 18 o'clock"),
    (18, "evening_share", "share of orders between 18 and 24 o'clock"),
];

pub(super) struct Rhythm {
    channels: Vec<String>,
    hours: bool,
    slot_of_channel: Vec<Option<usize>>,
}

impl Rhythm {
    pub(super) fn new(plan: &FeaturePlan, resolved: &Resolved) -> Self {
        Self {
            channels: plan.channels.clone(),
            hours: plan.hours,
            slot_of_channel: resolved.slot_of_channel.clone(),
        }
    }
}

impl Family for Rhythm {
    fn defs(&self) -> Vec<FeatureDef> {
        let channel = |name: &String| {
            let label = format!("share of orders through {name}");
            def(format!("channel_share_{}", slug(name)), label, "%", Share, FAMILY)
        };
        let mut defs: Vec<FeatureDef> = self.channels.iter().map(channel).collect();
        if self.hours {
            defs.extend(PARTS.map(|(_, name, label)| def(name, label, "%", Share, FAMILY)));
        }
        defs.push(def("weekend_share", "share of orders on Saturday or Sunday", "%", Share, FAMILY));
        defs
    }

    /// Channel shares are of the orders whose channel is known, the others of all orders.
    fn cells(&self, history: &History<'_>, out: &mut Vec<f64>) {
        let at = out.len();
        out.resize(at + self.channels.len(), 0.0);
        let (mut n_with_channel, mut parts, mut n_weekend) = (0u32, [0u32; PARTS.len()], 0u32);
        for order in history.orders {
            if let Some(channel) = order.channel {
                n_with_channel += 1;
                if let Some(slot) = self.slot_of_channel[channel as usize] {
                    out[at + slot] += 1.0;
                }
            }
            parts[PARTS.partition_point(|&(first_hour, ..)| first_hour <= order.hour) - 1] += 1;
            n_weekend += u32::from(order.weekday >= 5);
        }
        for cell in &mut out[at..] {
            *cell = share(*cell, f64::from(n_with_channel));
        }
        let n_orders = history.orders.len() as f64;
        if self.hours {
            out.extend(parts.map(|n| share(f64::from(n), n_orders)));
        }
        out.push(share(f64::from(n_weekend), n_orders));
    }
}
