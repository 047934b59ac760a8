//! The whole job on a generated shop: outputs, bytes, and serving that agrees with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bespoke::decide::ReasonCode;
use bespoke::engine::{Engine, Request};
use bespoke::types::Timestamp;
use bespoke_io::{ReadBack, read_columns};

use crate::fixture::Fixture;

/// Files whose bytes depend on nothing but the inputs.
const FILES: [&str; 10] = [
    "model.bespoke",
    "catalogue.bespoke",
    "policy.toml",
    "run.json",
    "customers.parquet",
    "recommendations.parquet",
    "withheld.parquet",
    "changes.parquet",
    "personas.json",
    "rejected.csv",
];

/// A shop of `n` customers in `shop/`, with a quick job.
pub fn shop(n: u32) -> Fixture {
    let fixture = Fixture::empty();
    let n = n.to_string();
    fixture.run(&["datasets", "generate", "retail", "--customers", &n, "--seed", "5", "--out", "shop"]).ok();
    fixture
}

/// Arguments for a refresh of the shop into `out`, with few epochs and starts.
pub fn refresh_args<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let base = ["refresh", "--config", "shop/bespoke.toml", "--quiet", "--set", out];
    let quick = ["--set", "recommend.epochs=3", "--set", "recommend.factors=16", "--set", "personas.runs=2"];
    [&base[..], &quick[..], more].concat()
}

fn text(column: &ReadBack) -> Vec<String> {
    let ReadBack::Text(cells) = column else { panic!("not text") };
    cells.iter().map(|cell| cell.clone().unwrap_or_default()).collect()
}

fn number(column: &ReadBack) -> Vec<f64> {
    let ReadBack::Number(cells) = column else { panic!("not numbers") };
    cells.iter().map(|cell| cell.unwrap()).collect()
}

#[test]
fn the_demo_needs_nothing_and_ends_with_a_report() {
    let fixture = Fixture::empty();
    let stdout = fixture.run(&["demo", "here"]).ok();
    assert!(stdout.contains("published run 000001") && stdout.contains("report.html"), "{stdout}");
    let report = fixture.read("here/out/runs/000001/report.html");
    assert!(report.contains("<html") && report.len() > 5_000);
    let again = fixture.run(&["--json", "demo", "here"]).json();
    assert_eq!(again["run"], 2);
    // An example of every reason there is.
    let examples = again["withheld_examples"].as_array().unwrap();
    let reasons: Vec<&str> = examples.iter().map(|example| example["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ReasonCode::ALL.map(ReasonCode::name));
    for reason in ReasonCode::ALL {
        let line = stdout.lines().find(|line| line.trim_start().starts_with(reason.name()));
        assert!(line.is_some_and(|line| line.contains(" for C")), "{reason:?} is not in: {stdout}");
    }
    // All but the one that only a request can bring are in the batch too.
    let batch = &again["record"]["recommendations"]["withheld"];
    for reason in ReasonCode::ALL.iter().filter(|&&reason| reason != ReasonCode::ExcludedByRequest) {
        assert!(batch[reason.name()].as_u64().is_some_and(|n| n > 0), "{reason:?}: {batch}");
    }
    let rejected: Vec<&serde_json::Value> = again["record"]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|file| file["rejected"].as_object().is_some_and(|rules| !rules.is_empty()))
        .collect();
    assert!(rejected.is_empty(), "{rejected:?}");
}

#[test]
fn parquet_tables_give_the_run_of_csv_tables_at_any_number_of_threads() {
    let fixture = shop(700);
    let generate = |threads: &str, out: &str| {
        let world = ["--customers", "700", "--seed", "5", "--format", "parquet", "--out", out];
        fixture.run(&[&["--threads", threads, "datasets", "generate", "retail"], &world[..]].concat()).ok();
    };
    generate("1", "parquet1");
    generate("7", "parquet7");
    for table in ["customers", "events", "items", "truth", "truth_uplift", "sessions", "tickets"] {
        let bytes = |dir: &str| std::fs::read(fixture.path(&format!("{dir}/{table}.parquet"))).unwrap();
        assert!(bytes("parquet1") == bytes("parquet7"), "{table}");
    }
    let refreshed = |shop: &str, out: &str| {
        let config = format!("{shop}/bespoke.toml");
        let args = ["refresh", "--config", &config, "--quiet", "--set", out];
        fixture.run(&[&args[..], &refresh_args(out, &[])[6..]].concat()).ok();
    };
    refreshed("shop", "output.dir=out_csv");
    refreshed("parquet1", "output.dir=out_parquet");
    let rows = |out: &str| published(&fixture.path(&format!("{out}/runs/000001")));
    assert!(rows("out_csv") == rows("out_parquet"));
}

#[test]
fn the_same_bytes_at_one_two_and_seven_threads() {
    let fixture = shop(400);
    for threads in ["1", "2", "7"] {
        let out = format!("output.dir=out{threads}");
        fixture.run(&refresh_args(&out, &["--threads", threads])).ok();
    }
    for name in FILES.into_iter().chain(["report.html", "../../profiles/profiles.bespoke"]) {
        let bytes =
            |threads: u32| std::fs::read(fixture.path(&format!("out{threads}/runs/000001/{name}"))).unwrap();
        assert!(!bytes(1).is_empty(), "{name}");
        assert!(bytes(1) == bytes(2) && bytes(1) == bytes(7), "{name} depends on the number of threads");
    }
}

/// (customer, slot, item, score bits, source, tier, reason) of a decision.
type Row = (String, u32, String, u32, String, u32, String);

fn published(run: &Path) -> Vec<Row> {
    let names = ["customer_id", "slot", "item_id", "score", "source", "tier", "reason"];
    let columns = read_columns(&run.join("recommendations.parquet"), &names).unwrap();
    let (ids, slots, items) = (text(&columns[0]), number(&columns[1]), text(&columns[2]));
    let (scores, sources, tiers) = (number(&columns[3]), text(&columns[4]), number(&columns[5]));
    let reasons = text(&columns[6]);
    let row = |at: usize| {
        let score = (scores[at] as f32).to_bits();
        let (slot, tier) = (slots[at] as u32, tiers[at] as u32);
        (ids[at].clone(), slot, items[at].clone(), score, sources[at].clone(), tier, reasons[at].clone())
    };
    (0..ids.len()).map(row).collect()
}

#[test]
fn the_engine_decides_what_the_batch_published_row_for_row() {
    let fixture = shop(1_100);
    fixture.run(&refresh_args("output.dir=out", &[])).ok();
    let run = fixture.path("out/runs/000001");
    let mut batch: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in published(&run) {
        batch.entry(row.0.clone()).or_default().push(row);
    }
    let record: serde_json::Value = serde_json::from_str(&fixture.read("out/runs/000001/run.json")).unwrap();
    let as_of: jiff::Timestamp = record["as_of"].as_str().unwrap().parse().unwrap();
    let now = Timestamp(as_of.as_millisecond());
    let engine = Engine::open(fixture.path("out")).unwrap();
    let ids = text(&read_columns(&run.join("customers.parquet"), &["customer_id"]).unwrap()[0]);
    assert!(ids.len() >= 1_000);
    let withheld =
        read_columns(&run.join("withheld.parquet"), &["customer_id", "reason", "n_items"]).unwrap();
    let mut counts: BTreeMap<String, Vec<(String, u32)>> = BTreeMap::new();
    for ((id, reason), n) in text(&withheld[0]).into_iter().zip(text(&withheld[1])).zip(number(&withheld[2]))
    {
        counts.entry(id).or_default().push((reason, n as u32));
    }
    let mut als = 0;
    for id in &ids {
        let decision = engine.decide(&Request::new(id, now)).unwrap();
        let served: Vec<Row> = decision
            .shown
            .iter()
            .map(|item| {
                let source = item.source.name().to_owned();
                let (tier, reason) = (u32::from(item.tier), item.reason.to_string());
                (id.clone(), item.slot, item.item_id.clone(), item.score.to_bits(), source, tier, reason)
            })
            .collect();
        als += served.iter().filter(|row| row.4 == "als").count();
        assert_eq!(served, batch.remove(id).unwrap_or_default(), "customer {id}");
        let held: Vec<(String, u32)> =
            decision.withheld.iter().map(|held| (held.code.name().to_owned(), held.n)).collect();
        assert_eq!(held, counts.remove(id).unwrap_or_default(), "customer {id}");
    }
    assert!(als > 1_000 && batch.is_empty());
}

#[test]
fn the_job_of_a_generated_shop_is_as_good_as_expected() {
    let fixture = shop(1_100);
    let args = ["refresh", "--config", "shop/bespoke.toml", "--quiet", "--json", "--set", "output.dir=out"];
    let json = fixture.run(&args).json();
    let record = &json["record"];
    let expected: toml::Table =
        toml::from_str(include_str!("../../../../models/retail/expected.toml")).unwrap();
    let bound = |stage: &str, name: &str| expected[stage][name].as_float().unwrap();
    let metric = |name: &str| {
        let all = record["metrics"].as_array().unwrap();
        all.iter().find(|metric| metric["name"].as_str().unwrap().starts_with(name)).unwrap().clone()
    };
    let recall = metric("recall@10");
    let (ours, popularity) = (recall["estimate"].as_f64().unwrap(), recall["baseline"].as_f64().unwrap());
    assert!(ours > bound("recommend", "recall_over_popularity") * popularity, "{recall}");
    let auc = metric("AUC");
    assert!(auc["estimate"].as_f64().unwrap() > bound("churn", "auc"), "{auc}");
}

/// Ids of the items that the job lets come back after a time.
fn consumables(fixture: &Fixture) -> BTreeSet<String> {
    let job: toml::Table = fixture.read("shop/bespoke.toml").parse().unwrap();
    let policies = job["decide"]["bought"]["category"].as_table().unwrap();
    assert_eq!(policies.len(), 5);
    let items = fixture.read("shop/items.csv");
    let rows = items.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    rows.filter(|cells| policies.contains_key(cells[2])).map(|cells| cells[0].to_owned()).collect()
}

#[test]
fn everybody_has_a_row_and_nobody_gets_what_they_have() {
    let fixture = shop(500);
    let json = fixture.run(&refresh_args("output.dir=out", &["--json"])).json();
    let record = &json["record"];
    for file in record["rows"].as_array().unwrap() {
        let sum = |key: &str| -> u64 {
            file[key].as_object().map_or(0, |rules| rules.values().map(|n| n.as_u64().unwrap()).sum())
        };
        let n = |key: &str| file[key].as_u64().unwrap();
        assert_eq!(n("read"), n("accepted") + n("merged") + sum("set_aside") + sum("rejected"), "{file}");
    }
    let shown = &record["recommendations"];
    let short: u64 =
        shown["shortfalls"].as_array().unwrap().iter().map(|s| s["slots"].as_u64().unwrap()).sum();
    assert_eq!(shown["slots_asked"].as_u64().unwrap(), shown["slots_filled"].as_u64().unwrap() + short);
    let mut units: BTreeMap<(String, String), i64> = BTreeMap::new();
    for line in fixture.read("shop/events.csv").lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let sign = match cells[3] {
            "purchase" => 1,
            "refund" => -1,
            _ => continue,
        };
        let pair = (cells[0].to_owned(), cells[1].to_owned());
        *units.entry(pair).or_default() += sign * cells[4].parse::<i64>().unwrap();
    }
    // What is used up comes back; it has policies of its own.
    let consumables = consumables(&fixture);
    let pair = |row: &Row| (row.0.clone(), row.2.clone());
    let durables_of = |run: &str| {
        let mut rows = published(&fixture.path(run));
        rows.retain(|row| !consumables.contains(&row.2));
        rows
    };
    let rows = durables_of("out/runs/000001");
    assert!(rows.iter().all(|row| units.get(&pair(row)).is_none_or(|&units| units <= 0)));
    assert!(rows.iter().any(|row| units.contains_key(&pair(row))), "what was wholly returned may come back");
    let json = fixture
        .run(&refresh_args("output.dir=kept", &["--json", "--set", "decide.bought.refund=keep"]))
        .json();
    assert_eq!(json["status"], "published");
    let kept = durables_of("kept/runs/000001");
    assert!(!kept.is_empty() && kept.iter().all(|row| !units.contains_key(&pair(row))));
}

#[test]
fn the_second_night_keeps_the_personas_and_says_what_changed() {
    let fixture = shop(500);
    fixture.run(&refresh_args("output.dir=out", &["--as-of", "2025-06-01"])).ok();
    fixture.run(&refresh_args("output.dir=out", &[])).ok();
    let personas = |run: u32| -> Vec<(u64, String)> {
        let file: serde_json::Value =
            serde_json::from_str(&fixture.read(&format!("out/runs/{run:06}/personas.json"))).unwrap();
        let of = |p: &serde_json::Value| (p["id"].as_u64().unwrap(), p["name"].as_str().unwrap().to_owned());
        file["personas"].as_array().unwrap().iter().map(of).collect()
    };
    let (first, second) = (personas(1), personas(2));
    assert_eq!(first.len(), second.len(), "the number is frozen");
    let choice = |run: u32| -> serde_json::Value {
        let file: serde_json::Value =
            serde_json::from_str(&fixture.read(&format!("out/runs/{run:06}/personas.json"))).unwrap();
        file["choice"].clone()
    };
    assert_eq!(choice(1)["candidates"].as_array().unwrap().len(), 9, "2 to 10 were tried");
    assert_eq!(choice(2)["earlier"], choice(1), "how the number was chosen goes along");
    assert!(fixture.read("out/runs/000002/report.html").contains("The number was chosen in an earlier run"));
    assert!(first.iter().filter(|persona| second.contains(persona)).count() * 2 > first.len());
    let changes =
        read_columns(&fixture.path("out/runs/000002/changes.parquet"), &["customer_id", "what"]).unwrap();
    assert!(!text(&changes[1]).is_empty());
    let rolled =
        fixture.run(&["runs", "rollback", "1", "--config", "shop/bespoke.toml", "--set", "output.dir=out"]);
    rolled.ok();
    assert_eq!(fixture.read("out/CURRENT").trim(), "000001");
}

#[test]
fn explain_and_features_and_check_answer() {
    let fixture = shop(300);
    fixture.run(&refresh_args("output.dir=out", &[])).ok();
    let rows = published(&fixture.path("out/runs/000001"));
    let (customer, item) = (rows[0].0.clone(), rows[0].2.clone());
    let job = ["--config", "shop/bespoke.toml", "--set", "output.dir=out"];
    let explain =
        |more: &[&str]| fixture.run(&[&["explain", "--customer", &customer], more, &job[..]].concat());
    let shown = explain(&["--item", &item]).ok();
    let first = format!("Item {item} is shown to customer {customer} in slot 1: ");
    assert!(shown.starts_with(&first) && shown.contains("  - persona: "), "{shown}");
    let plain = explain(&[]).ok();
    assert!(plain.starts_with(&format!("Customer {customer} is one of the \"")), "{plain}");
    assert!(plain.contains("orders for ") || plain.contains("order for "), "{plain}");
    assert!(plain.contains("times the average of") && plain.contains("What would change it"), "{plain}");
    let bought = fixture.read("shop/events.csv");
    let bought = bought.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let bought = bought.rev().find(|cells| cells[0] == customer && cells[3] == "purchase");
    if let Some(cells) = bought {
        let why = explain(&["--item", cells[1]]).ok();
        assert!(why.contains("is not shown to") || why.contains("in slot"), "{why}");
    }
    let unknown = fixture.run(&[&["explain", "--customer", "nobody"], &job[..]].concat()).fails(2);
    assert!(unknown.contains("\"nobody\" is not in the published run"), "{unknown}");
    let check = fixture.run(&[&["check"], &job[..]].concat()).ok();
    assert!(check.contains("a refresh needs about"), "{check}");
    fixture.run(&[&["features", "--out", "f.parquet"], &job[..]].concat()).ok();
    let columns = read_columns(&fixture.path("f.parquet"), &["customer_id", "orders"]).unwrap();
    assert!(text(&columns[0]).len() > 250 && matches!(columns[1], ReadBack::Number(_)));
}

#[test]
fn every_dial_of_a_generated_shop_reaches_it() {
    let fixture = Fixture::empty();
    let generate = |out: &str, n: &str, dials: &[&str]| {
        let base = ["datasets", "generate", "retail", "--customers", n, "--seed", "5", "--out", out];
        fixture.run(&[&base[..], dials].concat()).ok();
    };
    generate("plain", "60", &[]);
    let tables = ["customers", "events", "items", "truth", "truth_uplift", "truth_tastes"];
    let read = |out: &str| tables.map(|table| fixture.read(&format!("{out}/{table}.csv")));
    let plain = read("plain");
    let dials = [
        ("--overlap", "0.9", "truth"),
        ("--horizon-days", "30", "truth"),
        ("--items", "90", "items"),
        ("--clock", "pareto", "truth"),
        ("--clock", "regular", "truth"),
        ("--missing", "0.5", "customers"),
        ("--outliers", "0.5", "customers"),
        ("--irrelevant", "3", "customers"),
        ("--uplift", "5", "truth_uplift"),
        ("--tastes", "0", "events"),
    ];
    for (n, (dial, value, table)) in dials.into_iter().enumerate() {
        let out = format!("w{n}");
        generate(&out, "60", &[dial, value]);
        let at = tables.iter().position(|&name| name == table).unwrap();
        assert!(read(&out)[at] != plain[at], "{dial} {value} changes nothing in {table}");
    }
    assert!(fixture.read("w1/bespoke.toml").contains("horizon_days = 30"));
    // A larger shop begins with the smaller one.
    generate("large", "90", &[]);
    for (large, small) in read("large").iter().zip(&plain) {
        assert!(large.starts_with(small));
    }
    let base = ["datasets", "generate", "retail", "--customers", "9", "--seed", "5", "--out", "bad"];
    let refused = fixture.run(&[&base[..], &["--overlap", "1.5"]].concat()).fails(2);
    assert!(refused.contains("retail.overlap") && refused.contains("1.5"), "{refused}");
    for kind in ["subscription", "media"] {
        let base = ["datasets", "generate", kind, "--customers", "60", "--seed", "5", "--out"];
        let plain = format!("{kind}-plain");
        fixture.run(&[&base[..], &[plain.as_str()]].concat()).ok();
        for (dial, value) in [("--overlap", "0.9"), ("--horizon-days", "30")] {
            let out = format!("{kind}{dial}");
            fixture.run(&[&base[..], &[out.as_str(), dial, value]].concat()).ok();
            let truth = |dir: &str| fixture.read(&format!("{dir}/truth.csv"));
            assert!(truth(&out) != truth(&plain), "{kind} {dial}");
        }
        let job = fixture.read(&format!("{kind}--horizon-days/bespoke.toml"));
        assert!(job.contains("horizon_days = 30"), "{job}");
    }
}
