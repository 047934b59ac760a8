//! Filled examples for tests.

use std::collections::BTreeMap;

use bespoke::kernels::KernelLevel;

use super::persona_file::*;
use super::run_record::*;

fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(key, n)| ((*key).to_owned(), *n)).collect()
}

pub fn run_record() -> RunRecord {
    RunRecord {
        versions: Versions {
            bespoke: "0.1.0".into(),
            formats: BTreeMap::from([("bundle".into(), 0)]),
            time_zone_data: "2025b".into(),
            kernel: KernelLevel::Portable,
        },
        seed: 1,
        as_of: "2011-12-09T12:50:00.001Z".into(),
        currency: "GBP".into(),
        parameters: toml::from_str("[job]\nseed = 1\nmax_rejected_share = 0.01\n").unwrap(),
        inputs: vec![InputFile {
            source: "orders".into(),
            file: "orders.csv.gz".into(),
            bytes: 7_654_321,
            xxh3_128: "0123456789abcdef0123456789abcdef".into(),
        }],
        rows: vec![FileRows {
            source: "orders".into(),
            file: "orders.csv.gz".into(),
            read: 541_909,
            accepted: 527_349,
            merged: 5_268,
            set_aside: counts(&[("cancellation", 9_288)]),
            rejected: counts(&[("bad_type", 4)]),
        }],
        counts: Counts {
            customers: 4_334,
            items: 3_900,
            events: 527_349,
            orders: 18_402,
            revenue: 8_187_806.36,
        },
        metrics: vec![
            Metric {
                stage: "churn".into(),
                name: "AUC".into(),
                estimate: 0.798,
                interval: Some(Interval { low: 0.784, high: 0.812, level: 0.95 }),
                baseline: None,
                baseline_name: None,
                n: 3_000,
            },
            Metric {
                stage: "recommend".into(),
                name: "recall@20".into(),
                estimate: 0.153,
                interval: None,
                baseline: Some(0.101),
                baseline_name: Some("popularity".into()),
                n: 2_000,
            },
        ],
        churn: Some(churn()),
        cltv: Some(cltv()),
        recommendations: Some(recommendations()),
        not_available: vec![NotAvailable { stage: "cltv".into(), reason: "nobody repeats".into() }],
        warnings: vec!["column \"<b>age</b>\" is constant & was dropped".into()],
    }
}

fn churn() -> ChurnSummary {
    let decile = |decile: u8| Decile {
        decile,
        customers: 433,
        mean_p_churn: 1.0 - f64::from(decile) / 10.0,
        observed: (decile == 1).then_some(0.88),
    };
    ChurnSummary { horizon_days: 90, mean_p_churn: 0.45, deciles: (1..=10).map(decile).collect() }
}

fn cltv() -> CltvSummary {
    let bands = vec![
        ValueBand { from: 0.0, to: Some(100.0), customers: 2_000 },
        ValueBand { from: 100.0, to: None, customers: 1_000 },
    ];
    CltvSummary { horizon_days: 365, total: 4_000_000.0, mean: 923.0, median: 210.5, bands }
}

fn recommendations() -> RecommendationSummary {
    RecommendationSummary {
        customers: 4_334,
        slots_asked: 43_340,
        slots_filled: 43_330,
        items_shown: 1_200,
        items_available: 3_000,
        by_source: counts(&[("als", 40_000), ("popular", 3_330)]),
        withheld: counts(&[("already_bought", 265_000), ("ended", 12)]),
        shortfalls: vec![Shortfall { reason: "low_relevance".into(), customers: 2, slots: 10 }],
    }
}

pub fn persona_file() -> PersonaFile {
    let entry = |id: &str, title: Option<&str>| TopEntry {
        id: id.into(),
        title: title.map(Into::into),
        share: 0.31,
        lift: 2.4,
    };
    let persona = Persona {
        id: 0,
        name: "Frequent big spenders".into(),
        description: "They come often & spend much.".into(),
        size: 1_200,
        share: 0.277,
        centroid: vec![Centre {
            feature: "orders".into(),
            level: None,
            unit: "orders".into(),
            here: Some(9.0),
            overall: Some(2.0),
        }],
        effects: vec![
            Effect { feature: "orders".into(), words: "order 4.5 times as often".into(), effect: 1.6 },
            Effect { feature: "refund_rate".into(), words: "send back less".into(), effect: -0.4 },
        ],
        top_categories: vec![entry("Mugs", None)],
        top_items: vec![entry("85123A", Some("<script>alert('heart')</script>"))],
        mean_churn: Some(0.12),
        mean_cltv: Some(2_345.0),
        revenue_share: 0.71,
    };
    PersonaFile { personas: vec![persona], how_many: "5 of 2 to 10, by simplified silhouette".into() }
}

pub fn rejected_rows() -> Vec<RejectedRow> {
    vec![RejectedRow {
        file: "orders.csv.gz".into(),
        row: 18_042,
        column: "UnitPrice".into(),
        value: "12,50\"><img src=x>".into(),
        rule: "bad_type".into(),
        hint: Some("decimal comma? set decimal = \",\"".into()),
    }]
}
