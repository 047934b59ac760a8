//! What every snapshot promises: nothing from the future, the same bytes however it is computed.

use bespoke::features::{
    BusinessCalendar, DayBuckets, FeatureOptions, Snapshot, interactions, purchase_summary,
};
use bespoke::random::Random;
use bespoke::tables::{ItemFacts, NewEvent, Partial, Tables, TablesBuilder};
use bespoke::types::{Days, EventKind, Money, Timestamp};
use proptest::prelude::*;

const OPTIONS: FeatureOptions = FeatureOptions { n_categories: 2, n_channels: 2, min_customers: 1 };
/// 2012-01-01T00:00:00Z.
const AS_OF: Timestamp = Timestamp(1_325_376_000_000);
const N_CUSTOMERS: usize = 6;

#[derive(Clone, Debug)]
struct Draft {
    customer: Option<usize>,
    item: Option<usize>,
    order: Option<usize>,
    channel: Option<usize>,
    kind: EventKind,
    hours: i64,
    cents: i64,
}

fn calendar() -> BusinessCalendar {
    BusinessCalendar::new("America/Sao_Paulo", AS_OF.minus(Days(900)), AS_OF.plus(Days(900))).unwrap()
}

/// Ids are numbered before any event, so that a table knows the same customers whatever its events.
fn build(n_customers: usize, drafts: &[(Timestamp, Draft)]) -> Tables {
    let mut builder = TablesBuilder::default();
    let customers: Vec<u32> = (0..n_customers).map(|n| builder.customer(&format!("c{n}"))).collect();
    let items: Vec<u32> = (0..7).map(|n| builder.item(&format!("i{n}"))).collect();
    for (n, &item) in items.iter().enumerate().skip(1) {
        let category = format!("category {}", n % 4);
        builder.item_facts(item, AS_OF, &ItemFacts { category: Some(&category), ..ItemFacts::default() });
    }
    for (time, draft) in drafts {
        let order = draft.order.map(|n| builder.order(&format!("o{n}")));
        let channel = draft.channel.map(|n| builder.channel(&format!("channel {n}")));
        builder.event(NewEvent {
            customer: draft.customer.map(|n| customers[n]),
            item: draft.item.map(|n| items[n]),
            order,
            channel,
            time: *time,
            kind: draft.kind,
            quantity: 1 + (draft.cents % 3) as u32,
            revenue: Money(draft.cents * 100),
        });
    }
    builder.finish("EUR".to_owned())
}

fn draft() -> impl Strategy<Value = Draft> {
    (
        prop::option::weighted(0.9, 0..N_CUSTOMERS),
        prop::option::weighted(0.9, 0..7usize),
        prop::option::weighted(0.8, 0..12usize),
        prop::option::weighted(0.8, 0..4usize),
        prop::sample::select(EventKind::ALL.to_vec()),
        0..20_000i64,
        0..5000i64,
    )
        .prop_map(|(customer, item, order, channel, kind, hours, cents)| Draft {
            customer,
            item,
            order,
            channel,
            kind,
            hours,
            cents,
        })
}

fn before(draft: Draft) -> (Timestamp, Draft) {
    (Timestamp(AS_OF.0 - 1 - draft.hours * 3_600_000), draft)
}

fn from_then_on(draft: Draft) -> (Timestamp, Draft) {
    (Timestamp(AS_OF.0 + draft.hours * 3_600_000), draft)
}

/// Everything that models may see at the instant, to the last digit.
fn all_that_is_known(tables: &Tables, as_of: Timestamp) -> String {
    let calendar = calendar();
    let table = Snapshot::new(tables, as_of, &calendar).features(&OPTIONS);
    let (summary, pairs) = (purchase_summary(tables, as_of, &calendar), interactions(tables, as_of));
    format!("{:?} {:?} {summary:?} {pairs:?}", table.spec(), table.columns())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_future_changes_nothing(
        past in prop::collection::vec(draft(), 0..60),
        future in prop::collection::vec(draft(), 1..30),
        other_future in prop::collection::vec(draft(), 0..30),
    ) {
        let past: Vec<_> = past.into_iter().map(before).collect();
        let mut future: Vec<_> = future.into_iter().map(from_then_on).collect();
        future[0].0 = AS_OF;
        let alone = all_that_is_known(&build(N_CUSTOMERS, &past), AS_OF);
        let followed = [past.clone(), future.clone()].concat();
        prop_assert_eq!(&alone, &all_that_is_known(&build(N_CUSTOMERS, &followed), AS_OF));
        // Rows of the future may also come first in the files, and be others.
        let other: Vec<_> = other_future.into_iter().map(from_then_on).collect();
        prop_assert_eq!(&alone, &all_that_is_known(&build(N_CUSTOMERS, &[other, past].concat()), AS_OF));
    }

    #[test]
    fn parts_of_a_history_merge_to_the_whole(
        drafts in prop::collection::vec(draft(), 0..80),
        cuts in prop::collection::vec(0..20_000i64, 1..4),
        at_day_boundaries in any::<bool>(),
    ) {
        let tables = build(N_CUSTOMERS, &drafts.into_iter().map(before).collect::<Vec<_>>());
        let calendar = calendar();
        let snapshot = Snapshot::new(&tables, AS_OF, &calendar);
        let plan = snapshot.plan(&OPTIONS);
        let (table, rows) = (snapshot.features_by(&plan).unwrap(), snapshot.rows(&plan));
        let mut cuts: Vec<Timestamp> = cuts.into_iter().map(|hours| Timestamp(AS_OF.0 - hours * 3_600_000)).collect();
        if at_day_boundaries {
            cuts.iter_mut().for_each(|cut| *cut = calendar.start_of_day(calendar.local(*cut).day));
        }
        cuts.sort_unstable();
        cuts.push(AS_OF);
        for customer in 0..N_CUSTOMERS {
            let (mut merged, mut from) = (DayBuckets::default(), Timestamp(i64::MIN));
            for &cut in &cuts {
                merged.merge(Snapshot::new(&tables, cut, &calendar).history(customer, from));
                from = cut;
            }
            prop_assert_eq!(&merged, &snapshot.history(customer, Timestamp(i64::MIN)));
            let row = rows.row(&mut merged);
            for (column, (def, cell)) in table.spec().features.iter().zip(&row).enumerate() {
                let whole = table.number(&def.name).unwrap()[customer];
                prop_assert_eq!(whole.to_bits(), cell.to_bits(), "column {} {}", column, &def.name);
            }
            prop_assert_eq!(row.len(), table.columns().len());
        }
    }
}

/// A world of `n` customers with some 20 events each.
fn crowd(n: usize) -> Tables {
    let random = Random::new(11);
    let drafts: Vec<_> = (0..n * 20)
        .map(|e| {
            let pick = |stream: u64, below: usize| random.stream(stream).below(e as u64, below);
            let order = pick(1, n * 4);
            before(Draft {
                customer: Some(order % n),
                item: Some(pick(2, 7)),
                order: Some(order),
                channel: Some(pick(3, 4)),
                kind: EventKind::ALL[pick(4, 8)],
                hours: pick(5, 18_000) as i64,
                cents: pick(6, 5000) as i64,
            })
        })
        .collect();
    build(n, &drafts)
}

#[test]
fn same_bytes_at_any_number_of_threads() {
    let tables = crowd(3000);
    let known = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| all_that_is_known(&tables, AS_OF.minus(Days(10))))
    };
    let one = known(1);
    assert_eq!(one.matches("orders_trend_365_days").count(), 1);
    assert!(one == known(2) && one == known(7));
}

#[test]
fn customers_and_events_in_any_order_give_the_same_rows() {
    let past: Vec<_> = (0..400)
        .map(|e| {
            let pick = |stream: u64, below: usize| Random::new(3).stream(stream).below(e, below);
            before(Draft {
                customer: Some(pick(1, N_CUSTOMERS)),
                item: Some(pick(2, 7)),
                order: Some(pick(3, 90)),
                channel: Some(pick(4, 4)),
                kind: EventKind::ALL[pick(5, 8)],
                hours: e as i64 * 37,
                cents: pick(6, 5000) as i64,
            })
        })
        .collect();
    let mut reversed = past.clone();
    reversed.reverse();
    let known = |drafts: &[_]| all_that_is_known(&build(N_CUSTOMERS, drafts), AS_OF);
    assert_eq!(known(&past), known(&reversed));
}
