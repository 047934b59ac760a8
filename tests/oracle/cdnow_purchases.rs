//! Purchase summaries and outcomes of CDNOW against the published counts of its preparation.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use bespoke::features::{BusinessCalendar, orders_and_revenue_between, purchase_summary};
use bespoke::tables::{NewEvent, Tables, TablesBuilder};
use bespoke::types::{EventKind, Money, Timestamp};

/// The folder of the public sets; absent is a visible skip, or a failure when they are required.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where the public sets lie")]
fn public_sets() -> Option<PathBuf> {
    if let Ok(dir) = std::env::var("BESPOKE_DATA") {
        return Some(PathBuf::from(dir));
    }
    // Written past the test harness, which hides what passing tests print.
    std::io::stderr().write_all(b"SKIPPED CDNOW preparation: BESPOKE_DATA is unset\n").unwrap();
    assert!(
        std::env::var("BESPOKE_REQUIRE_DATA").as_deref() != Ok("1"),
        "BESPOKE_DATA is unset, but required"
    );
    None
}

fn midnight(day: &str) -> Timestamp {
    let (year, month_day) = day.split_at(4);
    let text = format!("{year}-{}-{}T00:00:00Z", &month_day[..2], &month_day[2..]);
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

/// Columns: master id, sample id, date, discs, dollars.
fn sample(text: &str) -> Tables {
    let mut builder = TablesBuilder::default();
    for line in text.lines() {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let customer = builder.customer(cells[1]);
        let dollars: f64 = cells[4].parse().unwrap();
        builder.event(NewEvent {
            customer: Some(customer),
            item: None,
            order: None,
            channel: None,
            time: midnight(cells[2]),
            kind: EventKind::Purchase,
            quantity: cells[3].parse().unwrap(),
            revenue: Money((dollars * Money::SCALE as f64).round() as i64),
        });
    }
    builder.finish("USD".to_owned())
}

#[test]
#[expect(clippy::disallowed_methods, reason = "tests read the public sets from their folder")]
fn cdnow_sample_is_prepared_as_published() {
    let Some(dir) = public_sets() else { return };
    let tables = sample(&std::fs::read_to_string(dir.join("cdnow/CDNOW_sample.txt")).unwrap());
    assert_eq!((tables.events.len(), tables.customers.len()), (6919, 2357));
    let (start, end, hold_out_end) = (midnight("19970101"), midnight("19971001"), midnight("19980701"));
    let calendar = BusinessCalendar::new("UTC", start, hold_out_end).unwrap();

    let summary = purchase_summary(&tables, end, &calendar);
    assert_eq!(summary.len(), 2357);
    assert_eq!(summary.repeat_orders.iter().sum::<u32>(), 2457);
    assert_eq!(summary.repeat_orders.iter().filter(|&&x| x == 0).count(), 1411);
    assert_eq!(summary.mean_repeat_spend.iter().flatten().count(), 946);
    let weeks = summary.age_days.iter().fold(0.0, |max: f64, days| max.max(days / 7.0));
    assert!((weeks - 38.857143).abs() < 1e-6, "{weeks}");
    let triples: BTreeSet<(u32, u64, u64)> = (0..summary.len())
        .map(|r| {
            let days = [summary.age_at_last_order_days[r], summary.age_days[r]];
            (summary.repeat_orders[r], days[0].to_bits(), days[1].to_bits())
        })
        .collect();
    assert_eq!(triples.len(), 1016);

    let hold_out = orders_and_revenue_between(&tables, end, hold_out_end, &calendar);
    assert_eq!(hold_out.purchase_days.iter().sum::<u32>(), 1882);
    assert_eq!(hold_out.orders, hold_out.purchase_days);
    let whole = orders_and_revenue_between(&tables, start, hold_out_end, &calendar);
    assert_eq!(whole.purchase_days.iter().sum::<u32>(), 6696);
    assert!((whole.revenue.iter().sum::<f64>() - 244_091.94).abs() < 1e-6);
}
