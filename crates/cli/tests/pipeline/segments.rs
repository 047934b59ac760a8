//! Segments by rules: RFM and the rules of a job, in every output.

use std::collections::BTreeMap;

use bespoke_io::{ReadBack, read_columns};
use serde_json::Value;

use crate::fixture::Fixture;
use crate::shop::{refresh_args, shop};

const RULES: &str = "\n[segments]\n\
                     value_at_risk = \"cltv > p60 and churn_probability > 0.4\"\n\
                     browsing = \"views_90_days > p50 and not orders_90_days > 0\"\n\
                     champions = \"rfm_segment = 'Champions' or rfm_segment is missing\"\n\
                     no_such_category = \"category_share_nothing > 0.5\"\n";

fn with_rules(n: u32) -> Fixture {
    let fixture = shop(n);
    let job = fixture.read("shop/bespoke.toml");
    fixture.write("shop/bespoke.toml", &format!("{job}{RULES}"));
    fixture
}

fn column(fixture: &Fixture, file: &str, name: &str) -> Vec<Option<f64>> {
    let path = fixture.path(&format!("out/runs/000001/{file}.parquet"));
    match read_columns(&path, &[name]).unwrap().swap_remove(0) {
        ReadBack::Number(cells) => cells,
        ReadBack::Text(cells) => panic!("{name} is text: {:?}", cells.first()),
    }
}

fn text(fixture: &Fixture, name: &str) -> Vec<Option<String>> {
    let path = fixture.path("out/runs/000001/customers.parquet");
    match read_columns(&path, &[name]).unwrap().swap_remove(0) {
        ReadBack::Text(cells) => cells,
        ReadBack::Number(_) => panic!("{name} is a number"),
    }
}

/// The percentile by linear interpolation.
fn percentile(cells: &[Option<f64>], p: f64) -> f64 {
    let mut known: Vec<f64> = cells.iter().flatten().copied().collect();
    known.sort_by(f64::total_cmp);
    let at = p / 100.0 * (known.len() - 1) as f64;
    let (low, high) = (known[at.floor() as usize], known[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

fn run(fixture: &Fixture) -> Value {
    fixture.run(&refresh_args("output.dir=out", &[])).ok();
    serde_json::from_str(&fixture.read("out/runs/000001/run.json")).unwrap()
}

#[test]
fn rules_hold_for_whom_they_say_and_are_counted() {
    let fixture = with_rules(900);
    let record = run(&fixture);
    let (cltv, churn) =
        (column(&fixture, "customers", "cltv"), column(&fixture, "customers", "churn_probability"));
    let p60 = percentile(&cltv, 60.0);
    let expected: Vec<Option<f64>> = cltv
        .iter()
        .zip(&churn)
        .map(|(cltv, churn)| match (cltv.map(|x| x > p60), churn.map(|p| p > 0.4)) {
            (Some(false), _) | (_, Some(false)) => Some(0.0),
            (Some(true), Some(true)) => Some(1.0),
            _ => None,
        })
        .collect();
    assert_eq!(column(&fixture, "customers", "segment_value_at_risk"), expected);
    let of = |name: &str| {
        let rules = record["segments"]["rules"].as_array().unwrap();
        rules.iter().find(|rule| rule["name"] == name).unwrap().clone()
    };
    let told = of("value_at_risk");
    let n = expected.iter().filter(|cell| **cell == Some(1.0)).count();
    assert!(n > 0, "nobody is at risk: the test shows nothing");
    assert_eq!(told["group"]["customers"], n);
    assert_eq!(told["percentiles"][0]["at"].as_f64(), Some(p60));
    let revenue = column(&fixture, "customers", "revenue");
    let sum: f64 =
        revenue.iter().zip(&expected).filter(|(_, e)| **e == Some(1.0)).map(|(r, _)| r.unwrap()).sum();
    assert!((told["group"]["revenue"].as_f64().unwrap() - sum).abs() < 1e-6);
    // Features are kept beside, so that a reader can say why.
    let views = column(&fixture, "segment_cells", "views_90_days");
    let orders = column(&fixture, "segment_cells", "orders_90_days");
    let p50 = percentile(&views, 50.0);
    let browsing: Vec<Option<f64>> = views
        .iter()
        .zip(&orders)
        .map(|(v, o)| Some(f64::from(u8::from(v.unwrap() > p50 && !(o.unwrap() > 0.0)))))
        .collect();
    assert_eq!(column(&fixture, "customers", "segment_browsing"), browsing);
    // What the data do not have is missing and said.
    assert!(column(&fixture, "customers", "segment_no_such_category").iter().all(Option::is_none));
    assert_eq!(of("no_such_category")["unknown"].as_u64(), Some(cltv.len() as u64));
    let warnings = record["warnings"].to_string();
    assert!(warnings.contains("segments.no_such_category: this run does not have category_share_nothing"));
}

#[test]
fn rfm_is_scored_by_fifths_with_printed_thresholds() {
    let fixture = with_rules(900);
    let record = run(&fixture);
    let of = |name: &str| column(&fixture, "customers", name);
    let (days, orders, revenue) = (of("days_since_last_order"), of("orders"), of("revenue"));
    let buyers: Vec<usize> = (0..days.len()).filter(|&row| orders[row].unwrap() > 0.0).collect();
    let score = |worse: &dyn Fn(usize, usize) -> bool, row: usize| {
        let n = buyers.iter().filter(|&&other| worse(other, row)).count();
        Some((1 + 5 * n / buyers.len()) as f64)
    };
    let names = ["rfm_r", "rfm_f", "rfm_m"].map(of);
    let [r, f, m] = &names;
    for &row in &buyers {
        assert_eq!(r[row], score(&|a, b| days[a] > days[b], row));
        assert_eq!(f[row], score(&|a, b| orders[a] < orders[b], row));
        assert_eq!(m[row], score(&|a, b| revenue[a] < revenue[b], row));
    }
    let segments = text(&fixture, "rfm_segment");
    assert!((0..days.len()).all(|row| segments[row].is_some() == buyers.contains(&row)));
    let rfm = &record["segments"]["rfm"];
    assert_eq!(rfm["without_orders"].as_u64(), Some((days.len() - buyers.len()) as u64));
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    segments.iter().flatten().for_each(|name| *counts.entry(name.clone()).or_default() += 1);
    let told = rfm["segments"].as_array().unwrap();
    assert_eq!(told.len(), 11);
    for one in told {
        let n = counts.get(one["name"].as_str().unwrap()).copied().unwrap_or(0);
        assert_eq!(one["group"]["customers"].as_u64(), Some(n), "{one}");
    }
    // A score is given from its threshold on.
    let from = rfm["scores"][1]["from"][4].as_f64().unwrap();
    assert!(buyers.iter().all(|&row| (f[row] == Some(5.0)) == (orders[row].unwrap() >= from)));
    let most = rfm["scores"][0]["from"][4].as_f64().unwrap();
    assert!(buyers.iter().all(|&row| (r[row] == Some(5.0)) == (days[row].unwrap() <= most)));
    let report = fixture.read("out/runs/000001/report.html").replace('\u{a0}', " ");
    for part in
        ["What a score means", "Can&#39;t Lose Them", "Potential Loyalists", "value_at_risk: p60 of cltv is"]
    {
        assert!(report.contains(part), "{part}");
    }
}

#[test]
fn explain_says_which_segments_and_why() {
    let fixture = with_rules(900);
    run(&fixture);
    let at_risk = column(&fixture, "customers", "segment_value_at_risk");
    let row = at_risk.iter().position(|cell| *cell == Some(1.0)).unwrap();
    let customer = text(&fixture, "customer_id")[row].clone().unwrap();
    let rfm = text(&fixture, "rfm_segment")[row].clone().unwrap();
    let job = ["--config", "shop/bespoke.toml", "--set", "output.dir=out"];
    let explain =
        |more: &[&str]| fixture.run(&[&["explain", "--customer", &customer][..], more, &job].concat());
    let said = explain(&[]).ok();
    for part in [
        format!("  - RFM: {rfm}: R "),
        "days since the last order), F ".to_owned(),
        "  - segment value_at_risk: yes (cltv > p60 and churn_probability > 0.4)".to_owned(),
        "      cltv > p60 holds: cltv is ".to_owned(),
        ", p60 is ".to_owned(),
        "      churn_probability > 0.4 holds: churn_probability is 0.".to_owned(),
        "  - segment no_such_category: not known, for want of data".to_owned(),
        "      category_share_nothing > 0.5 is not known: category_share_nothing is missing".to_owned(),
        "      views_90_days > p50 ".to_owned(),
    ] {
        assert!(said.contains(&part), "{part} in {said}");
    }
    let json = explain(&["--json"]).json();
    assert_eq!(
        (&json["segments"]["rfm"], &json["segments"]["rules"]["value_at_risk"]),
        (&rfm.into(), &true.into())
    );
    assert_eq!(json["segments"]["rules"]["no_such_category"], Value::Null);
}

#[test]
fn a_wrong_rule_is_refused_before_anything_is_read() {
    let fixture = shop(50);
    let args = ["--config", "shop/bespoke.toml", "--set", "segments.rich=clvt > p80"];
    for command in ["check", "refresh"] {
        let stderr = fixture.run(&[&[command], &args[..]].concat()).fails(2);
        let expected = "--set segments.rich=clvt > p80: segments.rich, column 1: \"clvt\" is no field; did you mean \
                        \"cltv\"?\n  clvt > p80\n  ^";
        assert!(stderr.contains(expected), "{stderr}");
    }
    assert!(!fixture.path("shop/out").exists());
}
