//! UCI Online Retail with the configuration of this repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bespoke::types::EventKind;
use bespoke_io::{Paths, ReadOptions, ReadOutcome, SourceConfig, read};

#[derive(serde::Deserialize)]
struct Config {
    source: BTreeMap<String, SourceConfig>,
}

/// The raw file; `None` (said aloud) where there is none.
fn raw() -> Option<PathBuf> {
    match std::env::var_os("BESPOKE_DATA") {
        Some(root) => Some(Path::new(&root).join("online-retail/online_retail.csv.gz")),
        None => {
            assert!(
                std::env::var_os("BESPOKE_REQUIRE_DATA").is_none_or(|v| v != "1"),
                "BESPOKE_DATA is unset"
            );
            println!("SKIPPED online retail: BESPOKE_DATA is unset");
            None
        }
    }
}

fn outcome(raw: &Path, change: impl Fn(&mut SourceConfig)) -> ReadOutcome {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/online-retail/bespoke.toml");
    let mut config: Config = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let orders = config.source.get_mut("orders").unwrap();
    orders.path = Paths::One(raw.to_string_lossy().into_owned());
    change(orders);
    read(&config.source, &ReadOptions { not_after: None, currency: "GBP".into() }, &()).unwrap()
}

fn n_buyers(outcome: &ReadOutcome) -> usize {
    let events = &outcome.tables.events;
    (0..outcome.tables.customers.len())
        .filter(|&c| events.of_customer(c).any(|e| events.kind[e] == EventKind::Purchase))
        .count()
}

#[test]
fn every_published_count_is_reproduced() {
    let Some(raw) = raw() else { return };
    let all = outcome(&raw, |_| {});
    let account = &all.accounting.files[0];
    assert!(account.adds_up());
    assert_eq!(account.rows_read, 541_909);
    assert_eq!((account.set_aside["fee"], account.set_aside["zero_price"]), (2_946, 2_498));
    assert_eq!((account.accepted, account.merged, account.n_rejected()), (531_208, 5_257, 0));
    assert_eq!((account.accepted_guests, all.tables.events.of_guests().len()), (131_549, 131_549));
    let refunds = all.tables.events.kind.iter().filter(|&&kind| kind == EventKind::Refund).count();
    assert_eq!((refunds, n_buyers(&all)), (8_668, 4_334));
    assert!(all.tables.items.find("PADS").is_some() && all.tables.items.find("POST").is_none());
    let with_fees = outcome(&raw, |orders| orders.rule.retain(|rule| rule.name != "fee"));
    assert_eq!(n_buyers(&with_fees), 4_338);
    // Two lines of bad debt with negative prices meet the rule of zero prices when no fee rule has them.
    assert_eq!(with_fees.accounting.files[0].set_aside["zero_price"], 2_517);
}
