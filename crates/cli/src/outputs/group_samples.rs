//! Filled examples for tests: personas against the run before, segments.

use super::night_figures::*;
use super::segment_figures::*;

pub fn night_figures() -> NightFigures {
    let named = |id: u32| match id {
        0 => "Frequent big spenders".to_owned(),
        1 => "Quiet <i>ones</i>".to_owned(),
        _ => "Old <b>ones</b>".to_owned(),
    };
    let one = |id, outcome, overlap| PersonaMatch { id, name: named(id), outcome, overlap };
    let part = |id, share| RegroupedPart { id, name: named(id), share };
    NightFigures {
        personas_before: 2,
        matched_by: "customers of both runs".into(),
        matches: vec![one(0, Outcome::Kept, Some(0.71)), one(1, Outcome::New, None)],
        gone: vec![Named { id: 7, name: named(7) }],
        splits: vec![Regrouped { id: 0, name: named(0), parts: vec![part(0, 0.97), part(1, 0.61)] }],
        merges: Vec::new(),
        known: 4_294,
        moved: 55,
        moved_share: Some(55.0 / 4_294.0),
        moved_by_refit_share: Some(0.009),
        stickiness: 0.05,
        held: 41,
        inertia_paid_share: 0.0002,
        fresh_start_gain: Some(0.001),
        structure_changed: false,
        drift: vec![Drift {
            feature: "orders".into(),
            label: "orders".into(),
            psi: 0.01,
            psi_since_chosen: 0.14,
            psi_by_chance: 0.004,
            words: "moderate drift".into(),
        }],
    }
}

pub fn segment_figures() -> SegmentFigures {
    let group = |customers: u64| Group {
        customers,
        share: customers as f64 / 4_334.0,
        revenue: 1_000.0 * customers as f64,
        revenue_share: Some(0.3),
        cltv: Some(500.0 * customers as f64),
        mean_churn: Some(0.2),
    };
    let scale = |letter: &str, label: &str, unit: &str, from: [Option<f64>; 5]| RfmScale {
        letter: letter.into(),
        label: label.into(),
        unit: unit.into(),
        from: from.to_vec(),
        customers: vec![900, 800, 900, 800, 934],
    };
    let rfm = RfmFigures {
        without_orders: 0,
        scores: vec![
            scale("R", "days since the last order", "days", [373.1, 200.0, 90.5, 40.0, 17.0].map(Some)),
            scale("F", "orders", "orders", [Some(1.0), None, Some(2.0), Some(3.0), Some(6.0)]),
            scale("M", "revenue", "GBP", [2.9, 250.0, 480.0, 940.0, 2_060.0].map(Some)),
        ],
        segments: vec![RfmGroup { name: "Champions".into(), cells: vec![(5, 4), (5, 5)], group: group(820) }],
    };
    let rule = RuleFigures {
        name: "value_at_risk".into(),
        rule: "cltv > p80 and country != '<b>x</b>'".into(),
        fields: vec![
            RuleField { name: "cltv".into(), holds: Holds::Number },
            RuleField { name: "country".into(), holds: Holds::Text },
        ],
        percentiles: vec![RulePercentile { field: "cltv".into(), p: 80.0, at: Some(640.1) }],
        group: group(87),
        unknown: 3,
    };
    SegmentFigures { rfm: Some(rfm), rules: vec![rule] }
}
