//! The whole job on a real export.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;

use bespoke_io::{ReadBack, read_columns};

use crate::fixture::Fixture;

/// The export, or `None` with a visible line when it is not there and need not be.
fn export() -> Option<PathBuf> {
    let Some(dir) = std::env::var_os("BESPOKE_DATA") else {
        assert!(
            std::env::var_os("BESPOKE_REQUIRE_DATA").is_none(),
            "BESPOKE_DATA is unset, but data are required"
        );
        let line = "SKIPPED the whole job on Online Retail: BESPOKE_DATA is unset\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    Some(PathBuf::from(dir).join("online-retail/online_retail.csv.gz"))
}

/// (customer, item) of every accepted purchase, read by other code than the program's.
fn purchases(export: &std::path::Path) -> BTreeMap<String, BTreeSet<String>> {
    let file = BufReader::new(flate2::read::GzDecoder::new(std::fs::File::open(export).unwrap()));
    let mut bought: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in file.lines().skip(1) {
        let line = line.unwrap();
        let cells = split(&line);
        let id = cells[6].trim_end_matches(".0").to_owned();
        if !id.is_empty() && !cells[0].starts_with('C') && cells[5].parse::<f64>().unwrap() > 0.0 {
            bought.entry(id).or_default().insert(cells[1].clone());
        }
    }
    bought
}

fn split(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    cells
}

#[test]
fn online_retail_from_the_raw_file_to_a_published_run() {
    let Some(export) = export() else { return };
    let fixture = Fixture::empty();
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/online-retail/bespoke.toml");
    let source = format!("source.orders.path={}", export.display());
    let args =
        ["refresh", "--config", config, "--json", "--quiet", "--set", &source, "--set", "output.dir=out"];
    let json = fixture.run(&args).json();
    let record = &json["record"];
    let rows = &record["rows"][0];
    let sum =
        |key: &str| -> u64 { rows[key].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum() };
    let n = |key: &str| rows[key].as_u64().unwrap();
    assert_eq!(n("read"), 541_909);
    assert_eq!(n("accepted") + n("merged") + sum("set_aside") + sum("rejected"), 541_909);
    assert_eq!(record["counts"]["customers"], 4_334);
    assert!(record["not_available"].as_array().unwrap().is_empty(), "{}", record["not_available"]);
    let run = fixture.path("out/runs/000001");
    let columns = read_columns(
        &run.join("customers.parquet"),
        &["customer_id", "persona_id", "churn_probability", "p_alive", "cltv", "cltv_low", "cltv_high"],
    )
    .unwrap();
    for column in &columns {
        match column {
            ReadBack::Text(cells) => assert!(cells.len() == 4_334 && cells.iter().all(Option::is_some)),
            ReadBack::Number(cells) => assert!(cells.len() == 4_334 && cells.iter().all(Option::is_some)),
        }
    }
    let columns = read_columns(&run.join("recommendations.parquet"), &["customer_id", "item_id"]).unwrap();
    let [ReadBack::Text(ids), ReadBack::Text(items)] = &columns[..] else { panic!() };
    let bought = purchases(&export);
    for (id, item) in ids.iter().flatten().zip(items.iter().flatten()) {
        assert!(!bought[id].contains(item), "{id} has {item} already");
    }
    let shown = &record["recommendations"];
    let short: u64 =
        shown["shortfalls"].as_array().unwrap().iter().map(|s| s["slots"].as_u64().unwrap()).sum();
    assert_eq!(43_340, ids.len() as u64 + short, "every shortfall is stated");
    let metric = |name: &str| {
        let all = record["metrics"].as_array().unwrap();
        all.iter().find(|metric| metric["name"].as_str().unwrap().starts_with(name)).unwrap().clone()
    };
    let recall = metric("recall@10");
    assert!(recall["estimate"].as_f64().unwrap() > 1.5 * recall["baseline"].as_f64().unwrap(), "{recall}");
    assert!(metric("AUC")["estimate"].as_f64().unwrap() > 0.7);
}

/// The export as text, without its last twentieth of rows; rows come by time.
fn without_the_last_twentieth(export: &std::path::Path) -> String {
    let file = BufReader::new(flate2::read::GzDecoder::new(std::fs::File::open(export).unwrap()));
    let lines: Vec<String> = file.lines().map(Result::unwrap).collect();
    assert_eq!(lines.len(), 541_910);
    lines[..=541_909 * 19 / 20].join("\n")
}

#[test]
fn online_retail_keeps_its_personas_when_the_last_twentieth_comes_in() {
    let Some(export) = export() else { return };
    let fixture = Fixture::empty();
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/online-retail/bespoke.toml");
    fixture.write("early.csv", &without_the_last_twentieth(&export));
    let refresh = |path: &str| {
        let source = format!("source.orders.path={path}");
        let job =
            ["refresh", "--config", config, "--json", "--quiet", "--set", &source, "--set", "output.dir=out"];
        let quick = ["--set", "recommend.epochs=2", "--set", "recommend.factors=8"];
        fixture.run(&[&job[..], &quick].concat()).json()["run"].as_u64().unwrap()
    };
    let early = fixture.path("early.csv").display().to_string();
    let all = export.display().to_string();
    assert_eq!([refresh(&early), refresh(&all), refresh(&all), refresh(&all)], [1, 2, 3, 4]);
    let file = |run: u32, name: &str| fixture.read(&format!("out/runs/{run:06}/{name}"));
    let personas = |run: u32| -> Vec<(u64, String)> {
        let file: serde_json::Value = serde_json::from_str(&file(run, "personas.json")).unwrap();
        let of = |p: &serde_json::Value| (p["id"].as_u64().unwrap(), p["name"].as_str().unwrap().to_owned());
        file["personas"].as_array().unwrap().iter().map(of).collect()
    };
    assert_eq!(personas(1), personas(2));
    let read: serde_json::Value = serde_json::from_str(&file(2, "personas.json")).unwrap();
    let share = read["nights"]["moved_share"].as_f64().unwrap();
    assert!(share > 0.0 && share < 0.15, "{}", read["nights"]);
    for name in ["run.json", "personas.json", "report.html"] {
        assert!(file(3, name) == file(4, name), "{name}");
    }
}
