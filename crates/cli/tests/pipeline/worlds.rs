//! Generated worlds of other markets: a refresh takes every row and scores everyone.

use std::collections::BTreeSet;

use bespoke_io::{ReadBack, read_columns};

use crate::fixture::Fixture;

/// Generates a small world into `world/` and refreshes it; the record of the run.
fn refreshed(fixture: &Fixture, kind: &str, n_customers: &str, format: &str) -> serde_json::Value {
    let size = ["--customers", n_customers, "--seed", "3", "--out", "world", "--format", format];
    let generate = [&["datasets", "generate", kind][..], &size].concat();
    let stdout = fixture.run(&generate).ok();
    assert!(stdout.contains("next: bespoke refresh"), "{stdout}");
    let again = fixture.run(&generate).fails(2);
    assert!(again.contains("is there already; name another folder with --out"), "{again}");
    let quick = ["--set", "personas.runs=2", "--set", "recommend.epochs=3", "--set", "recommend.factors=8"];
    let base = ["refresh", "--config", "world/bespoke.toml", "--quiet", "--json"];
    let outcome = fixture.run(&[&base[..], &quick].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.json()["record"].clone()
}

fn assert_no_row_rejected(record: &serde_json::Value) {
    let files = record["rows"].as_array().unwrap();
    assert_eq!(files.len(), 3);
    for file in files {
        assert!(file["read"].as_u64().unwrap() > 0, "{file}");
        assert!(file["rejected"].as_object().is_none_or(serde_json::Map::is_empty), "{file}");
        let unknown = file["unknown_events"].as_object();
        assert!(unknown.is_none_or(serde_json::Map::is_empty), "{file}");
    }
}

/// First cells of a CSV file of the world.
fn ids(fixture: &Fixture, file: &str) -> BTreeSet<String> {
    let text = fixture.read(&format!("world/{file}"));
    text.lines().skip(1).filter_map(|line| Some(line.split(',').next()?.to_owned())).collect()
}

/// The customers of a Parquet file.
fn ids_in(fixture: &Fixture, file: &str) -> BTreeSet<String> {
    let columns = read_columns(&fixture.path(file), &["customer_id"]).unwrap();
    let ReadBack::Text(ids) = &columns[0] else { panic!("ids are text") };
    ids.iter().map(|id| id.clone().unwrap()).collect()
}

fn scored(fixture: &Fixture) -> BTreeSet<String> {
    ids_in(fixture, "world/out/runs/000001/customers.parquet")
}

#[test]
fn a_service_with_contracts_is_refreshed_without_a_rejected_row() {
    let fixture = Fixture::empty();
    let record = refreshed(&fixture, "subscription", "600", "parquet");
    assert_no_row_rejected(&record);
    assert_eq!(scored(&fixture), ids_in(&fixture, "world/truth.parquet"));
    let events = record["rows"].as_array().unwrap().iter().find(|f| f["set_aside"]["ticket"].is_u64());
    assert!(events.unwrap()["set_aside"]["failed_payment"].as_u64() > Some(0));
}

#[test]
fn a_news_site_is_refreshed_without_a_rejected_row() {
    let fixture = Fixture::empty();
    let record = refreshed(&fixture, "media", "500", "csv");
    assert_no_row_rejected(&record);
    // Everyone with an account, and every cookie that was seen.
    assert_eq!(scored(&fixture), ids(&fixture, "truth.csv"));
    assert!(ids(&fixture, "truth.csv").len() > ids(&fixture, "customers.csv").len());
}
