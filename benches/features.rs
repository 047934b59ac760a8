//! All features of every customer at one instant, and the inputs of the other models.

use std::hint::black_box;

use bespoke::features::{BusinessCalendar, FeatureOptions, Snapshot, interactions, purchase_summary};
use bespoke::random::Random;
use bespoke::tables::{ItemFacts, NewEvent, Tables, TablesBuilder};
use bespoke::types::{Days, EventKind, Money, Timestamp};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// 2012-01-01T00:00:00Z.
const AS_OF: Timestamp = Timestamp(1_325_376_000_000);
const N_ITEMS: usize = 4000;

/// A shop log over a year: `n_lines` lines per customer in orders of 20 lines, one line in twenty a refund, and as
/// many views as `views` asks for in percent of all events.
fn shop(n_customers: usize, n_lines: usize, views: usize) -> Tables {
    let random = Random::new(5);
    let mut builder = TablesBuilder::default();
    let items: Vec<u32> = (0..N_ITEMS).map(|n| builder.item(&format!("item {n}"))).collect();
    for (n, &item) in items.iter().enumerate() {
        let category = format!("category {}", n % 40);
        builder.item_facts(item, AS_OF, &ItemFacts { category: Some(&category), ..ItemFacts::default() });
    }
    let channels = ["web", "shop", "phone"].map(|name| builder.channel(name));
    for c in 0..n_customers {
        let customer = builder.customer(&format!("customer {c}"));
        for line in 0..n_lines {
            let pick =
                |stream: u64, below: usize| random.stream(stream).below((c * n_lines + line) as u64, below);
            let order = (c * n_lines + line) / 20;
            let minutes = random.stream(1).below(order as u64, 365 * 1440) as i64;
            let kind = match pick(2, 100) {
                roll if roll < views => EventKind::View,
                roll if roll % 20 == 0 => EventKind::Refund,
                _ => EventKind::Purchase,
            };
            let order = builder.order(&order.to_string());
            builder.event(NewEvent {
                customer: Some(customer),
                item: Some(items[pick(3, N_ITEMS)]),
                order: (kind == EventKind::Purchase).then_some(order),
                channel: Some(channels[pick(4, channels.len())]),
                time: Timestamp(AS_OF.0 - minutes * 60_000),
                kind,
                quantity: 1 + pick(5, 12) as u32,
                revenue: Money(pick(6, 200_000) as i64),
            });
        }
    }
    builder.finish("GBP".to_owned())
}

fn features(c: &mut Criterion) {
    let calendar = BusinessCalendar::new("Europe/London", AS_OF.minus(Days(400)), AS_OF).unwrap();
    let mut group = c.benchmark_group("features");
    group.sample_size(20);
    for (n_customers, n_lines, views) in [(1000, 20, 40), (4338, 92, 0), (100_000, 20, 40)] {
        let tables = shop(n_customers, n_lines, views);
        let snapshot = Snapshot::new(&tables, AS_OF, &calendar);
        let options = FeatureOptions::default();
        let n_columns = snapshot.plan(&options).spec().features.len();
        group.throughput(Throughput::Elements(tables.events.len() as u64));
        group.bench_function(format!("{n_customers} x {n_columns}"), |b| {
            b.iter(|| black_box(snapshot.features(&options)));
        });
        group.bench_function(format!("purchase_summary/{n_customers}"), |b| {
            b.iter(|| black_box(purchase_summary(&tables, AS_OF, &calendar)));
        });
        group.bench_function(format!("interactions/{n_customers}"), |b| {
            b.iter(|| black_box(interactions(&tables, AS_OF)));
        });
    }
    group.finish();
}

criterion_group!(benches, features);
criterion_main!(benches);
