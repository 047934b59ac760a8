//! The purchase model day by day against a stretch it had not seen.

use bespoke::cltv::{CltvModel, CltvPrediction, History};
use bespoke::features::PurchaseSummary;
use bespoke::metrics::value::Amounts;
use bespoke::types::{EventKind, Timestamp};
use rayon::prelude::*;

use super::input::Input;
use crate::outputs::figures::{TrackingPoint, ValueDecile};

/// Points of the curve after the start; a stretch of fewer days has one per day.
const N_POINTS: u32 = 13;

/// Orders of the known customers since `from`, expected and actual, at most [`N_POINTS`] + 1 points over `days`.
///
/// A purchase day counts as one order, as the model has it.
pub fn orders(
    input: &Input,
    model: &CltvModel,
    summary: &PurchaseSummary,
    from: Timestamp,
    days: u32,
) -> Vec<TrackingPoint> {
    let n = N_POINTS.min(days).max(1);
    let ends: Vec<u32> = (0..=n).map(|k| days * k / n).collect();
    let actual = purchase_days(input, summary, from, days);
    let histories: Vec<History> = (0..summary.len()).map(|row| history(summary, row)).collect();
    let point = |&day: &u32| {
        let expected = |history: &History| model.purchases().expected_purchases(history, f64::from(day));
        TrackingPoint {
            day,
            predicted: if day == 0 { 0.0 } else { histories.iter().map(expected).sum() },
            actual: actual[..day as usize].iter().map(|&n| n as f64).sum(),
        }
    };
    ends.par_iter().map(point).collect()
}

fn history(summary: &PurchaseSummary, row: usize) -> History {
    History {
        repeat_orders: summary.repeat_orders[row],
        age_at_last_order: summary.age_at_last_order_days[row],
        age: summary.age_days[row],
    }
}

/// Purchase days of the known customers on every day since `from`.
fn purchase_days(input: &Input, summary: &PurchaseSummary, from: Timestamp, days: u32) -> Vec<u64> {
    let events = &input.tables.events;
    let mut clock = input.calendar.clock();
    let mut counts = vec![0; days as usize];
    for &customer in &summary.customers {
        let start = events.of_customer_before(customer as usize, from).end;
        let end = events.of_customer_before(customer as usize, input.data_end).end;
        let mut latest = None;
        for e in (start..end.max(start)).filter(|&e| events.kind[e] == EventKind::Purchase) {
            let at = Timestamp(events.time[e]);
            let local = clock.local(at).day;
            if latest == Some(local) {
                continue;
            }
            latest = Some(local);
            let day = ((at.0 - from.0) / Timestamp::DAY_MS).clamp(0, i64::from(days) - 1);
            counts[day as usize] += 1;
        }
    }
    counts
}

/// Tenths of the customers by falling predicted value; none where there is no amount.
pub fn deciles(prediction: &CltvPrediction, revenue: &[f64]) -> Vec<ValueDecile> {
    let Some(cltv) = prediction.cltv.iter().copied().collect::<Option<Vec<f64>>>() else { return Vec::new() };
    let Ok(amounts) = Amounts::new(&cltv, revenue) else { return Vec::new() };
    let decile = |group: bespoke::metrics::value::AmountGroup| ValueDecile {
        customers: group.n as u64,
        predicted: group.predicted_mean,
        actual: group.actual_mean,
    };
    amounts.deciles().into_iter().map(decile).collect()
}
