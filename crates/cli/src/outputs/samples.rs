//! Filled examples for tests.

use std::collections::BTreeMap;

use bespoke::kernels::KernelLevel;
use bespoke::personas::{
    Candidate, Choice, ChoiceReport, NullSilhouette, Reason, Silhouette, Stability, Structure,
};

use super::figures::*;
pub use super::group_samples::{night_figures, segment_figures};
use super::persona_file::*;
use super::run_record::*;

fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(key, n)| ((*key).to_owned(), *n)).collect()
}

fn interval(low: f64, high: f64) -> Interval {
    Interval { low, high, level: 0.95 }
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
        changes: Some(changes()),
        months: months(),
        data: data(),
        at_risk: Some(AtRisk {
            customers: 87,
            revenue: 123_456.0,
            persona: Some("Frequent big spenders".into()),
        }),
        metrics: vec![
            Metric {
                stage: "churn".into(),
                name: "AUC".into(),
                estimate: 0.798,
                interval: Some(Interval { low: 0.784, high: 0.812, level: 0.95 }),
                baseline: None,
                baseline_name: None,
                baseline_interval: None,
                gain: None,
                n: 3_000,
            },
            Metric {
                stage: "recommend".into(),
                name: "recall@20".into(),
                estimate: 0.153,
                interval: None,
                baseline: Some(0.101),
                baseline_name: Some("popularity".into()),
                baseline_interval: None,
                gain: Some(Gain { estimate: 0.052, interval: Some(interval(0.041, 0.063)) }),
                n: 2_000,
            },
        ],
        segments: Some(segment_figures()),
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
    ChurnSummary {
        horizon_days: 90,
        mean_p_churn: 0.45,
        deciles: (1..=10).map(decile).collect(),
        backtest: Some(churn_backtest()),
        reasons: vec![ReasonCount {
            feature: "days_since_last_order".into(),
            label: "days since the last <order>".into(),
            raises: 1_500,
            lowers: 900,
            raises_top_tenth: 400,
        }],
    }
}

fn churn_backtest() -> ChurnBacktest {
    let share = |decile: u32| 1.0 - f64::from(decile) / 11.0;
    let decile = |k: u32| BacktestDecile {
        customers: 300.0,
        predicted: share(k) - 0.02,
        observed: share(k),
        interval: interval(share(k) - 0.05, share(k) + 0.05),
        lift: 2.0 * share(k),
        cumulative_gain: f64::from(k) / 10.0,
    };
    let bin = |k: u32| ReliabilityBin {
        customers: 300,
        predicted: 1.0 - share(k),
        observed: 1.02 - share(k),
        interval: interval(0.98 - share(k), 1.06 - share(k)),
    };
    ChurnBacktest {
        test_as_of: Some("2011-09-10T12:50:00.001Z".into()),
        customers: 3_000,
        churned: 1_300,
        deciles: (1..=10).map(decile).collect(),
        reliability: (1..=10).map(bin).collect(),
    }
}

fn changes() -> Changes {
    Changes {
        before: Some(Headline {
            as_of: "2011-12-08T12:50:00.001Z".into(),
            customers: 4_300,
            orders: 18_300,
            revenue: 8_100_000.0,
            mean_p_churn: Some(0.46),
            cltv: Some(3_900_000.0),
            cltv_horizon_days: Some(365),
        }),
        joined: 40,
        gone: 6,
        stayed: 4_294,
        persona: 55,
        riskier: 210,
        safer: 190,
        more_valuable: 70,
        less_valuable: 60,
        moves: vec![PersonaMove {
            from: "Frequent big spenders".into(),
            to: "Quiet <i>ones</i>".into(),
            customers: 31,
        }],
    }
}

fn months() -> Vec<Month> {
    let month = |k: u64| Month {
        month: format!("2011-{k:02}"),
        customers: 300 + k,
        orders: 500 + 10 * k,
        revenue: 50_000.0 + 1_000.0 * k as f64,
        whole: k < 12,
    };
    (1..=12).map(month).collect()
}

fn data() -> DataQuality {
    let encoding = |skew: &str, group_weight, relevance: Option<f64>, variance_share| FeatureEncoding {
        kind: "number".into(),
        group: "behaviour".into(),
        group_weight: Some(group_weight),
        says_missing: relevance.is_some(),
        skew: Some(format!("{skew}: usual for its kind, skewness 0.12")),
        set_aside: if relevance.is_some() { 12 } else { 0 },
        capped: if relevance.is_some() { 40 } else { 0 },
        relevance,
        weight: relevance.map_or(1.0, |relevance| 2.0 * relevance),
        variance_share,
    };
    let gap = |feature: &str, missing, left_out: Option<&str>| FeatureGaps {
        feature: feature.into(),
        label: feature.replace('_', " "),
        missing,
        left_out: left_out.map(Into::into),
        encoding: None,
    };
    DataQuality {
        first_event_at: Some("2010-12-01T08:26:00Z".into()),
        latest_event_at: Some("2011-12-09T12:50:00Z".into()),
        days_behind: 0.0,
        events: vec![KindCount { kind: "purchase".into(), events: 527_349 }],
        features: vec![
            FeatureGaps {
                encoding: Some(encoding("square root", 1.0, None, 0.39)),
                ..gap("orders", 0, None)
            },
            FeatureGaps {
                encoding: Some(encoding("logarithm", 0.5, Some(0.42), 0.61)),
                ..gap("order_gap_mean_days", 1_500, None)
            },
            gap("country", 0, Some("the same for everybody")),
        ],
    }
}

fn cltv() -> CltvSummary {
    let bands = vec![
        ValueBand { from: 0.0, to: Some(100.0), customers: 2_000 },
        ValueBand { from: 100.0, to: None, customers: 1_000 },
    ];
    CltvSummary {
        horizon_days: 365,
        total: 4_000_000.0,
        mean: 923.0,
        median: 210.5,
        bands,
        concentration: Some(concentration()),
        backtest: Some(cltv_backtest()),
    }
}

fn concentration() -> Concentration {
    let lorenz = (0..=20).map(|k| (f64::from(k) / 20.0).powi(3)).collect();
    Concentration { gini: 0.5, top_tenth_share: 0.271, lorenz }
}

fn cltv_backtest() -> CltvBacktest {
    let point =
        |k: u32| TrackingPoint { day: 7 * k, predicted: 100.0 * f64::from(k), actual: 104.0 * f64::from(k) };
    let decile = |k: u32| ValueDecile {
        customers: 300,
        predicted: 1_000.0 / f64::from(k),
        actual: 1_100.0 / f64::from(k),
    };
    CltvBacktest {
        days: 91,
        customers: 3_000,
        tracking: (0..=13).map(point).collect(),
        deciles: (1..=10).map(decile).collect(),
    }
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
        top_items: vec![TopItem {
            id: "85123A".into(),
            title: Some("Heart \"holder\" <b>".into()),
            customers: 900,
        }],
    }
}

pub fn persona_file() -> PersonaFile {
    let entry = |id: &str, title: Option<&str>| TopEntry {
        id: id.into(),
        title: title.map(Into::into),
        share: 0.31,
        lift: 2.4,
    };
    let effect = |feature: &str, words: &str, effect: f64| Effect {
        feature: feature.into(),
        level: None,
        words: words.into(),
        effect,
    };
    let persona = Persona {
        id: 0,
        name: "Frequent big spenders".into(),
        description: "They come often & spend much.".into(),
        size: 1_200,
        share: 0.277,
        centroid: vec![Centre {
            feature: "orders".into(),
            label: "orders".into(),
            level: None,
            unit: "orders".into(),
            here: Some(9.0),
            overall: Some(2.0),
        }],
        reported_only: Vec::new(),
        effects: vec![
            effect("orders", "order 4.5 times as often", 1.6),
            effect("refund_rate", "send back less", -0.4),
        ],
        top_categories: vec![entry("Mugs", None)],
        top_items: vec![entry("85123A", Some("<script>alert('heart')</script>"))],
        mean_churn: Some(0.12),
        mean_cltv: Some(2_345.0),
        revenue_share: 0.71,
        habits: habits(),
    };
    let other = Persona {
        id: 1,
        name: "Quiet <i>ones</i>".into(),
        size: 3_134,
        share: 0.723,
        mean_churn: None,
        mean_cltv: None,
        revenue_share: 0.29,
        habits: Habits::default(),
        ..persona.clone()
    };
    let point = |x| MapPoint { x, y: 0.0 };
    PersonaFile {
        personas: vec![persona, other],
        how_many: "2 personas (2 to 4 tried): hardly worse separated than 3, and fewer".into(),
        choice: Some(choice()),
        map: Some(PersonaMap {
            points: vec![point(2.0), point(-1.0)],
            explained: [1.0, 0.0],
            towards: [vec!["high orders".into()], Vec::new()],
        }),
        standardised: vec![StandardisedFeature {
            feature: "orders".into(),
            level: None,
            label: "orders".into(),
            cells: vec![1.6, -0.6],
        }],
        nights: Some(night_figures()),
    }
}

fn choice() -> ChoiceReport {
    let candidate = |k: usize, simplified: f64, smallest: u64| Candidate {
        k,
        inertia: 1000.0 / k as f64,
        explained_share: 0.2 * k as f64,
        simplified_silhouette: Some(simplified),
        standard_error: Some(0.01),
        calinski_harabasz: Some(123.4),
        davies_bouldin: Some(0.9),
        silhouette: Some(Silhouette { mean: 0.5, n_rows: 2000, interval: Some([0.48, 0.52]) }),
        stability: Some(Stability { n_resamples: 20, adjusted_rand: 0.93, least_jaccard: 0.8 }),
        null: Some(NullSilhouette { mean: 0.4, standard_error: 0.001 }),
        smallest,
        large_enough: smallest >= 25,
        converged: true,
    };
    ChoiceReport {
        asked: Choice::Range(2, 4),
        k: 2,
        reason: Reason::Separated { best_k: 3 },
        min_size: 25,
        candidates: vec![candidate(2, 0.515, 1200), candidate(3, 0.52, 400), candidate(4, 0.6, 7)],
        refused: Vec::new(),
        structure: Some(Structure { found: true, p_value: 0.05, n_replicates: 19 }),
        jaccards: vec![0.91, 0.62],
        earlier: None,
    }
}

fn habits() -> Habits {
    Habits {
        orders: 9_000,
        mean_order_value: Some(412.5),
        lines_per_order: Some(21.3),
        repeat_share: 0.97,
        hours: (0..24).map(|hour| if (8..18).contains(&hour) { 900 } else { 0 }).collect(),
        weekdays: vec![1_500, 1_500, 1_500, 1_500, 1_500, 0, 1_500],
        channels: vec![
            ChannelOrders { channel: "web & app".into(), orders: 6_000 },
            ChannelOrders { channel: "shop".into(), orders: 3_000 },
        ],
    }
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
