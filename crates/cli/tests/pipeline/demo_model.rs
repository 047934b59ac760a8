//! The committed demo model decides as one that is trained afresh. `cargo xtask golden` trains and keeps it.

use std::path::{Path, PathBuf};

use bespoke::engine::{Engine, Event, Request};
use bespoke::types::{EventKind, Timestamp};

use crate::fixture::Fixture;

const FILES: [&str; 3] = ["model.bespoke", "catalogue.bespoke", "policy.toml"];

/// What all files together may weigh.
const MOST_BYTES: u64 = 256 << 10;

/// Customers whose decisions are compared.
const N_CUSTOMERS: usize = 200;

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo")
}

/// Trains the demo model; the same instructions on every machine.
fn trained() -> Fixture {
    let fixture = Fixture::empty();
    let world = ["--customers", "1000", "--items", "150", "--seed", "1", "--out", "shop"];
    fixture.run(&[&["datasets", "generate", "retail"], &world[..]].concat()).ok();
    let refresh = ["--kernel", "portable", "--quiet", "refresh", "--config", "shop/bespoke.toml"];
    let small = ["--set", "recommend.factors=16", "--set", "output.dir=out"];
    fixture.run(&[&refresh[..], &small[..]].concat()).ok();
    fixture
}

/// A purchase, exposure and so on of one of the first customers, as the shop's table tells it.
struct Row {
    customer: String,
    item: String,
    kind: EventKind,
    at: Timestamp,
    quantity: u32,
}

fn rows(events: &str) -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let kind = EventKind::ALL.into_iter().find(|kind| kind.name() == cells[3])?;
        let at: jiff::Timestamp = cells[2].parse().expect("an instant");
        (!cells[0].is_empty()).then(|| Row {
            customer: cells[0].to_owned(),
            item: cells[1].to_owned(),
            kind,
            at: Timestamp(at.as_millisecond()),
            quantity: cells[4].parse().unwrap_or(1),
        })
    };
    events
        .lines()
        .skip(1)
        .filter_map(row)
        .take_while(|row| row.customer < format!("C{N_CUSTOMERS:07}"))
        .collect()
}

/// Slots and reasons for every customer, after all that happened.
fn decisions(engine: &Engine, rows: &[Row], now: Timestamp) -> Vec<String> {
    for row in rows {
        let event = Event::Customer {
            customer: &row.customer,
            item: &row.item,
            kind: row.kind,
            at: row.at,
            quantity: row.quantity,
        };
        engine.observe(&event).expect("the ids are ids");
    }
    let decide = |n: usize| {
        let decision = engine.preview(&Request::new(format!("C{n:07}"), now)).expect("a decision");
        let shown: Vec<_> = decision.shown.iter().map(|s| (s.slot, &s.item_id, s.tier)).collect();
        let withheld: Vec<_> = decision.withheld.iter().map(|held| (held.code, held.n)).collect();
        format!("{shown:?} {withheld:?}")
    };
    (0..N_CUSTOMERS).map(decide).collect()
}

#[test]
fn the_golden_demo_model_decides_as_a_fresh_one() {
    let fixture = trained();
    let fresh = fixture.path("out/runs/000001");
    if std::env::var_os("BESPOKE_GOLDEN").is_some_and(|how| how == "write") {
        for file in FILES {
            std::fs::copy(fresh.join(file), committed().join(file)).expect("models/demo can be written");
        }
    }
    let n_bytes: u64 =
        FILES.iter().map(|file| std::fs::metadata(committed().join(file)).expect("is there").len()).sum();
    assert!(n_bytes <= MOST_BYTES, "models/demo has {n_bytes} bytes");
    let rows = rows(&fixture.read("shop/events.csv"));
    let now = rows.iter().map(|row| row.at).max().expect("events");
    let of = |dir: &Path| decisions(&Engine::open(dir).expect("it opens"), &rows, now);
    let (kept, new) = (of(&committed()), of(&fresh));
    for (n, (kept, new)) in kept.iter().zip(&new).enumerate() {
        assert_eq!(kept, new, "customer {n}; run `cargo xtask golden` if this is meant");
    }
    let mut different = kept;
    different.sort();
    different.dedup();
    assert!(different.len() > N_CUSTOMERS / 2, "everybody gets the same");
}
