//! What every split and every evaluation promises: nothing from the future, the same bytes at any number of threads.

use bespoke::features::{RankingSplit, TestTable, TimeSplit};
use bespoke::metrics::beyond::AttributeSets;
use bespoke::metrics::bootstrap::Bootstrap;
use bespoke::metrics::evaluation::{EvaluationParams, Ground, Judged, Segmentation};
use bespoke::params::Params;
use bespoke::random::Random;
use bespoke::tables::{NewEvent, Tables, TablesBuilder};
use bespoke::types::{Days, EventKind, Money, Timestamp};
use proptest::prelude::*;

const N_CUSTOMERS: u32 = 5;
const N_ITEMS: u32 = 6;
const CUT: i64 = 40;
const GAP: u32 = 3;
const HORIZON: u32 = 10;

/// Customer, item, order, kind and day of an event.
type Draft = (u32, u32, Option<u32>, EventKind, i64);

/// Every customer and item is known, whatever the events.
fn tables(drafts: &[Draft]) -> Tables {
    let mut builder = TablesBuilder::default();
    let customers: Vec<u32> = (0..N_CUSTOMERS).map(|n| builder.customer(&format!("c{n}"))).collect();
    let items: Vec<u32> = (0..N_ITEMS).map(|n| builder.item(&format!("i{n}"))).collect();
    for &(customer, item, order, kind, day) in drafts {
        let order = order.map(|order| builder.order(&format!("o{customer} {order}")));
        builder.event(NewEvent {
            customer: Some(customers[customer as usize]),
            item: Some(items[item as usize]),
            order,
            channel: None,
            time: Timestamp(day * Timestamp::DAY_MS),
            kind,
            quantity: 1,
            revenue: Money(10_000),
        });
    }
    builder.finish("EUR".to_owned())
}

fn drafts(days: std::ops::Range<i64>) -> impl Strategy<Value = Vec<Draft>> {
    let kind = prop::sample::select(vec![
        EventKind::Purchase,
        EventKind::Purchase,
        EventKind::Purchase,
        EventKind::Refund,
        EventKind::View,
    ]);
    prop::collection::vec((0..N_CUSTOMERS, 0..N_ITEMS, prop::option::of(0..8u32), kind, days), 0..60)
}

fn divide(drafts: &[Draft]) -> (Tables, RankingSplit) {
    let tables = tables(drafts);
    let cut = Timestamp(CUT * Timestamp::DAY_MS);
    let split = TimeSplit::new(cut, Days(GAP), Days(HORIZON)).unwrap().divide(&tables);
    (tables, split)
}

proptest! {
    #[test]
    fn each_side_of_a_cut_sees_its_own_time_only(
        past in drafts(0..CUT),
        gap in drafts(CUT..CUT + i64::from(GAP)),
        window in drafts(CUT + i64::from(GAP)..CUT + i64::from(GAP + HORIZON)),
        after in drafts(CUT + i64::from(GAP + HORIZON)..200),
    ) {
        let (_, alone) = divide(&past);
        let whole = [past.clone(), gap.clone(), window.clone()].concat();
        let (tables, split) = divide(&whole);
        prop_assert_eq!(&split.train().items, &alone.train().items);
        prop_assert_eq!(&split.train().last_at, &alone.train().last_at);
        prop_assert_eq!(split.warmth(), alone.warmth());
        let (_, later) = divide(&[whole.clone(), after].concat());
        for table in TestTable::BOTH {
            prop_assert_eq!(split.test(table), later.test(table));
            prop_assert!(alone.test(table).items.is_empty());
        }
        for n in 0..N_CUSTOMERS {
            let row = tables.customers.find(&format!("c{n}")).unwrap();
            let bought = |drafts: &[Draft], item| {
                drafts.iter().any(|d| (d.0, d.1, d.3) == (n, item, EventKind::Purchase))
            };
            prop_assert_eq!(split.history_of(row), alone.history_of(row));
            // Orders are numbered per customer: one that is open before the window has no test lines.
            let begun = |order: Option<u32>| {
                let is_begun = |d: &&Draft| (d.0, d.2, d.3) == (n, order, EventKind::Purchase);
                order.is_some() && past.iter().chain(&gap).any(|d| is_begun(&d))
            };
            let fresh: Vec<Draft> = window.iter().copied().filter(|d| !begun(d.2)).collect();
            let expected: Vec<u32> = (0..N_ITEMS).filter(|&item| bought(&fresh, item)).collect();
            prop_assert_eq!(split.test(TestTable::All).items_of(row), &expected);
            let is_new = |item: &u32| !bought(&past, *item) && !bought(&gap, *item);
            let new: Vec<u32> = expected.into_iter().filter(is_new).collect();
            prop_assert_eq!(split.test(TestTable::NewItems).items_of(row), new);
            prop_assert!(split.history_of(row).iter().all(|&item| bought(&past, item)));
        }
    }
}

/// 900 customers, each with a purchase of several items on either side of the cut, and two lists of random new items.
fn world() -> (RankingSplit, [Vec<Vec<u32>>; 2]) {
    const N: usize = 900;
    let random = Random::new(8);
    let mut builder = TablesBuilder::default();
    let items: Vec<u32> = (0..40).map(|n| builder.item(&format!("i{n:02}"))).collect();
    for n in 0..N as u64 {
        let customer = Some(builder.customer(&format!("c{n}")));
        for at in 0..8 {
            let item = Some(items[random.stream(n).below(at, 40)]);
            let time = Timestamp((CUT - 4 + at as i64) * Timestamp::DAY_MS);
            let (kind, quantity, revenue) = (EventKind::Purchase, 1, Money(1));
            builder.event(NewEvent {
                customer,
                item,
                order: None,
                channel: None,
                time,
                kind,
                quantity,
                revenue,
            });
        }
    }
    let cut = Timestamp(CUT * Timestamp::DAY_MS);
    let split =
        TimeSplit::new(cut, Days(0), Days(HORIZON)).unwrap().divide(&builder.finish("EUR".to_owned()));
    let list = |model: u64, customer: usize| {
        let history = split.history_of(customer);
        let mut open: Vec<u32> = (0..40).filter(|item| history.binary_search(item).is_err()).collect();
        open.sort_by_key(|&item| random.stream(model * 10_000 + customer as u64).bits(u64::from(item)));
        open.truncate(10);
        open
    };
    let lists = [1, 2].map(|model| (0..N).map(|customer| list(model, customer)).collect());
    (split, lists)
}

#[test]
fn the_number_of_threads_changes_no_byte_of_an_evaluation() {
    let runs = [1, 2, 7].map(|n_threads| {
        let run = || {
            let (split, [first, second]) = world();
            let models = vec!["first".to_owned(), "second".to_owned()];
            let valid = EvaluationParams { models, cuts: vec![5, 10] }.check().unwrap();
            let categories: Vec<Option<u32>> =
                (0..40).map(|item| (item % 9 > 0).then_some(item % 9)).collect();
            let categories = AttributeSets::of_categories("category", &categories);
            let table = TestTable::NewItems;
            let mut evaluation =
                valid.begin(Ground { similarity: Some(&categories), ..Ground::of(&split, table) }).unwrap();
            let judged: Vec<Judged<'_>> = (0..900).map(|c| Judged::of(&split, table, c)).collect();
            for start in [0, 300, 600] {
                let rows = start..start + 300;
                evaluation.add(&judged[rows.clone()], &[&first[rows.clone()], &second[rows]]).unwrap();
            }
            let segments = [Segmentation::warmth(&split), Segmentation::activity_terciles(&split, table)];
            let report = evaluation.report(&segments).unwrap();
            let bootstrap = Bootstrap::new(3).with_replicates(200).unwrap();
            let compared = evaluation.compare("second", bootstrap).unwrap();
            // Both hold numbers to the last bit in this form.
            format!("{report:?} {compared:?}")
        };
        rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap().install(run)
    });
    assert!(runs[0].contains("standard_error"));
    assert_eq!(runs[0], runs[1]);
    assert_eq!(runs[0], runs[2]);
}
