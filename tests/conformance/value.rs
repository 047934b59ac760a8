//! What every value and churn model must do.

use std::sync::Arc;

use bespoke::churn::{ChurnModel, ChurnParams, ChurnWarning, LabelledSnapshot, Split};
use bespoke::cltv::{CltvModel, CltvParams, CltvPrediction, CltvWarning, History, MbgNbd, SpendModel};
use bespoke::error::DataError;
use bespoke::features::{
    Column, FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, FeatureTable, PurchaseSummary,
};
use bespoke::params::Params;
use bespoke::random::Random;
use bespoke::tables::Buckets;
use bespoke::types::Timestamp;

fn in_pool<T: Send>(n_threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap().install(run)
}

/// Gamma(shape, 1) by Marsaglia and Tsang (2000).
fn gamma(random: Random, shape: f64) -> f64 {
    if shape < 1.0 {
        return gamma(random.stream(1), shape + 1.0) * (1.0 - random.uniform(7)).powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    for k in 0.. {
        let x = random.stream(2).normal(k);
        let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
        let u = 1.0 - random.stream(3).uniform(k);
        if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
    unreachable!("the loop returns")
}

struct World {
    summary: PurchaseSummary,
    /// Orders and spend in the horizon.
    orders: Vec<f64>,
    spend: Vec<f64>,
}

const TRUTH: MbgNbd = MbgNbd { r: 0.85, alpha: 30.0, a: 0.79, b: 2.42 };
const TRUE_SPEND: [f64; 3] = [6.0, 4.0, 90.0];
const HORIZON: f64 = 180.0;

/// Customers that buy and leave as the models say, first seen 100 to 700 days ago, amounts as Gamma-Gamma says.
fn world(n: usize) -> World {
    let mut world = World { summary: PurchaseSummary::default(), orders: Vec::new(), spend: Vec::new() };
    for c in 0..n {
        let random = Random::new(99).stream(c as u64);
        let rate = gamma(random.stream(0), TRUTH.r) / TRUTH.alpha;
        let (g, h) = (gamma(random.stream(1), TRUTH.a), gamma(random.stream(2), TRUTH.b));
        let p_leave = g / (g + h);
        let [p, q, scale] = TRUE_SPEND;
        let spend_rate = gamma(random.stream(3), q) / scale;
        let age = 100.0 + 600.0 * random.uniform(4);
        let (mut at, mut last, mut x, mut amounts) = (0.0, 0.0, 0, Vec::new());
        let (mut orders, mut spend) = (0.0, 0.0);
        for k in 0.. {
            if random.stream(5).uniform(k) < p_leave {
                break;
            }
            at -= (1.0 - random.stream(6).uniform(k)).ln() / rate;
            let amount = gamma(random.stream(7).stream(k), p) / spend_rate;
            if at <= age {
                (x, last) = (x + 1, at);
                amounts.push(amount);
            } else if at <= age + HORIZON {
                orders += 1.0;
                spend += amount;
            } else {
                break;
            }
        }
        let s = &mut world.summary;
        s.customers.push(c as u32);
        s.repeat_orders.push(x);
        s.age_at_last_order_days.push(last);
        s.age_days.push(age);
        s.mean_repeat_spend.push((x > 0).then(|| amounts.iter().sum::<f64>() / f64::from(x)));
        s.n_spend_days.push(x);
        world.orders.push(orders);
        world.spend.push(spend);
    }
    world
}

fn pick(summary: &PurchaseSummary, rows: &[usize]) -> PurchaseSummary {
    PurchaseSummary {
        customers: rows.iter().map(|&r| summary.customers[r]).collect(),
        repeat_orders: rows.iter().map(|&r| summary.repeat_orders[r]).collect(),
        age_at_last_order_days: rows.iter().map(|&r| summary.age_at_last_order_days[r]).collect(),
        age_days: rows.iter().map(|&r| summary.age_days[r]).collect(),
        mean_repeat_spend: rows.iter().map(|&r| summary.mean_repeat_spend[r]).collect(),
        n_spend_days: rows.iter().map(|&r| summary.n_spend_days[r]).collect(),
    }
}

fn fit(summary: &PurchaseSummary) -> Result<CltvModel, DataError> {
    CltvParams::new(HORIZON as u32).check().unwrap().fit(summary)
}

/// A fixed order of 0..n that is not the identity.
fn shuffled(n: usize) -> Vec<usize> {
    let random = Random::new(5);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&i| random.bits(i as u64));
    order
}

#[test]
fn planted_purchase_and_spend_parameters_are_found() {
    let world = world(8000);
    let model = fit(&world.summary).unwrap();
    let parameters = |m: &MbgNbd| [m.r, m.alpha, m.a, m.b];
    let errors = model.report().purchases.standard_errors.clone().unwrap();
    for ((got, want), error) in parameters(model.purchases()).into_iter().zip(parameters(&TRUTH)).zip(errors)
    {
        assert!((got - want).abs() < 3.0 * error && error < 0.1 * want, "{got} ± {error}, planted {want}");
    }
    let SpendModel::GammaGamma(spend) = model.spend() else { panic!("{:?}", model.spend()) };
    for (got, want) in [spend.p, spend.q, spend.gamma].into_iter().zip(TRUE_SPEND) {
        assert!((got / want - 1.0).abs() < 0.15, "{got}, planted {want}");
    }
    let prediction = model.predict(&world.summary).unwrap();
    let ratio = prediction.expected_orders.iter().sum::<f64>() / world.orders.iter().sum::<f64>();
    assert!((ratio - 1.0).abs() < 0.05, "orders {ratio}");
    let value: f64 = prediction.cltv.iter().map(|v| v.unwrap()).sum();
    let ratio = value / world.spend.iter().sum::<f64>();
    assert!((ratio - 1.0).abs() < 0.07, "spend {ratio}");
    // Nominal 80 %; a point mass at 0 makes it more.
    let inside = (0..8000)
        .filter(|&c| {
            (prediction.cltv_low[c].unwrap()..=prediction.cltv_high[c].unwrap()).contains(&world.spend[c])
        })
        .count() as f64
        / 8000.0;
    assert!((0.80..0.95).contains(&inside), "coverage {inside}");
    // Calibration of silence: those who buy nothing in the horizon.
    let silent = world.orders.iter().filter(|n| **n == 0.0).count() as f64;
    let expected: f64 = prediction.p_no_purchase_within.iter().sum();
    assert!((silent / expected - 1.0).abs() < 0.02, "{silent} {expected}");
    assert_eq!(model.report().warnings, []);
}

#[test]
fn same_bytes_at_any_threads_and_row_order() {
    let world = world(3000);
    let text = |model: &CltvModel| serde_json::to_string(model).unwrap();
    let run = || {
        let model = fit(&world.summary).unwrap();
        let prediction = model.predict(&world.summary).unwrap();
        (text(&model), prediction)
    };
    let one = in_pool(1, run);
    assert_eq!(one, in_pool(2, run));
    assert_eq!(one, in_pool(7, run));
    let order = shuffled(3000);
    let other = pick(&world.summary, &order);
    let model = fit(&other).unwrap();
    assert_eq!(one.0, text(&model));
    let prediction = model.predict(&other).unwrap();
    for (k, &row) in order.iter().enumerate() {
        assert_eq!(prediction.cltv_high[k], one.1.cltv_high[row]);
        assert_eq!(prediction.expected_orders[k].to_bits(), one.1.expected_orders[row].to_bits());
    }
}

#[test]
fn one_by_one_is_the_batch_and_saving_changes_nothing() {
    let world = world(800);
    let model = fit(&world.summary).unwrap();
    let batch = model.predict(&world.summary).unwrap();
    let loaded: CltvModel = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    assert_eq!(loaded, model);
    for row in (0..800).step_by(37) {
        let single = loaded.predict(&pick(&world.summary, &[row])).unwrap();
        assert_eq!(single.cltv[0], batch.cltv[row]);
        assert_eq!(single.cltv_low[0], batch.cltv_low[row]);
        assert_eq!(single.cltv_high[0], batch.cltv_high[row]);
        assert_eq!(single.p_alive[0].to_bits(), batch.p_alive[row].to_bits());
    }
    assert_eq!(model.predict(&PurchaseSummary::default()).unwrap(), CltvPrediction::default());
    fn is_shared<T: Send + Sync>() {}
    is_shared::<CltvModel>();
    is_shared::<ChurnModel>();
}

#[test]
fn units_of_time_and_money_do_not_matter() {
    let world = world(2000);
    let model = fit(&world.summary).unwrap();
    let mut rescaled = world.summary.clone();
    for row in 0..2000 {
        rescaled.age_days[row] *= 10.0;
        rescaled.age_at_last_order_days[row] *= 10.0;
        rescaled.mean_repeat_spend[row] = rescaled.mean_repeat_spend[row].map(|m| 100.0 * m);
    }
    let other = CltvParams::new(10 * HORIZON as u32).check().unwrap().fit(&rescaled).unwrap();
    let total: u32 = world.summary.repeat_orders.iter().sum();
    let (a, b) = (model.report().purchases.ln_likelihood, other.report().purchases.ln_likelihood);
    assert!((b + f64::from(total) * 10.0_f64.ln() - a).abs() < 1e-5 * a.abs());
    let (a, b) = (model.predict(&world.summary).unwrap(), other.predict(&rescaled).unwrap());
    for row in 0..2000 {
        assert!((a.p_alive[row] - b.p_alive[row]).abs() < 1e-6);
        assert!((a.expected_orders[row] - b.expected_orders[row]).abs() < 1e-5);
        let (a, b) = (a.cltv[row].unwrap(), b.cltv[row].unwrap() / 100.0);
        assert!((a - b).abs() < 1e-5 * (1.0 + a), "{a} {b}");
    }
}

#[test]
fn predictions_obey_their_laws() {
    let model = MbgNbd { r: 0.5, alpha: 40.0, a: 0.9, b: 1.6 };
    let random = Random::new(8);
    for k in 0..300 {
        let x = random.stream(0).below(k, 12) as u32;
        let age = 700.0 * random.stream(1).uniform(k);
        let age_at_last_order = if x == 0 { 0.0 } else { age * random.stream(2).uniform(k) };
        let history = History { repeat_orders: x, age_at_last_order, age };
        let later = |days: f64| History { age: age + days, ..history };
        // The likelihood falls in T, and its fall is the probability of silence.
        for days in [1.0, 30.0, 365.0] {
            let fall = model.ln_likelihood(&later(days)) - model.ln_likelihood(&history);
            assert!(fall < 0.0);
            assert!((fall.exp() - model.p_no_purchase_within(&history, days)).abs() < 1e-12);
        }
        let p = model.p_alive(&history);
        assert!((0.0..=1.0).contains(&p) && model.p_alive(&later(10.0)) <= p);
        assert!((model.ln_p_alive(&history) - p.ln()).abs() < 1e-9);
        // The distribution sums to one, starts with silence, and its mean is the expectation.
        let p_count = model.count_distribution(&history, 365.0);
        let mean: f64 = p_count.iter().enumerate().map(|(n, p)| n as f64 * p).sum();
        let expected = model.expected_purchases(&history, 365.0);
        assert!((p_count.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((p_count[0] - model.p_no_purchase_within(&history, 365.0)).abs() < 1e-12);
        assert!((mean - expected).abs() < 1e-9 * (1.0 + expected), "{mean} {expected}");
        assert!(p_count.iter().all(|p| *p >= 0.0));
        // Monotone in the horizon; discounting takes away, and less and less of it nothing.
        assert!(model.expected_purchases(&history, 366.0) >= expected);
        let discounted = model.discounted_purchases(&history, 365.0, 0.001);
        assert!(discounted <= expected && discounted >= expected * (-0.365_f64).exp());
        assert!(model.discounted_purchases(&history, 366.0, 0.001) >= discounted);
        let hardly = model.discounted_purchases(&history, 365.0, 1e-12);
        assert!((hardly - expected).abs() < 1e-9 * (1.0 + expected));
    }
}

#[test]
fn histories_that_settle_nothing_are_refused_or_said() {
    let customers = |n: usize, x: u32, mean: Option<f64>| PurchaseSummary {
        customers: (0..n as u32).collect(),
        repeat_orders: vec![x; n],
        age_at_last_order_days: vec![if x > 0 { 50.0 } else { 0.0 }; n],
        age_days: vec![90.0; n],
        mean_repeat_spend: vec![mean; n],
        n_spend_days: vec![if mean.is_some() { x } else { 0 }; n],
    };
    let refused = |summary: PurchaseSummary| fit(&summary).unwrap_err();
    for summary in [customers(1, 3, Some(5.0)), customers(500, 0, None), PurchaseSummary::default()] {
        assert!(matches!(refused(summary), DataError::TooFew { need: 10, .. }));
    }
    let mut broken = customers(50, 2, Some(5.0));
    broken.age_days[7] = 10.0;
    assert!(matches!(refused(broken), DataError::BadCell { row: 7, .. }));
    // Everybody the same: an answer, with warnings, all of it finite.
    let same = customers(300, 2, Some(5.0));
    let model = fit(&same).unwrap();
    let kinds = |model: &CltvModel| -> Vec<String> {
        model.report().warnings.iter().map(|w| serde_json::to_value(w).unwrap()["kind"].to_string()).collect()
    };
    assert!(!model.report().warnings.is_empty());
    let prediction = model.predict(&same).unwrap();
    assert!(prediction.expected_orders[0].is_finite() && prediction.cltv_high[0].unwrap().is_finite());
    // Nobody spends: orders are predicted, value is not, and both are said.
    let free = customers(300, 2, None);
    let model = fit(&free).unwrap();
    assert_eq!(*model.spend(), SpendModel::Unknown);
    assert!(model.report().warnings.contains(&CltvWarning::NoSpend), "{:?}", kinds(&model));
    let prediction = model.predict(&free).unwrap();
    assert_eq!((prediction.cltv[0], prediction.expected_spend_per_order[0]), (None, None));
    // Few spenders: the mean of all repeat orders for everybody.
    let mut few = customers(300, 2, None);
    (few.mean_repeat_spend[0], few.n_spend_days[0]) = (Some(10.0), 1);
    (few.mean_repeat_spend[1], few.n_spend_days[1]) = (Some(40.0), 2);
    let model = fit(&few).unwrap();
    assert_eq!(*model.spend(), SpendModel::Constant { mean: 30.0 });
    assert!(model.report().warnings.contains(&CltvWarning::ConstantSpend { n_spenders: 2 }));
    let prediction = model.predict(&few).unwrap();
    assert!((prediction.cltv[0].unwrap() - 30.0 * prediction.expected_orders[0]).abs() < 1e-9);
    assert_eq!(prediction.cltv_high[0].unwrap() % 30.0, 0.0);
}

#[test]
fn a_small_shop_gets_a_prior_and_is_told() {
    let world = world(250);
    let small = pick(&world.summary, &(0..120).collect::<Vec<_>>());
    let model = fit(&small).unwrap();
    let n = model.report().n_repeat_buyers;
    assert!((10..200).contains(&n));
    let told = |model: &str| CltvWarning::WeakPrior { model: model.to_owned(), n_repeat_buyers: n };
    assert!(model.report().warnings.contains(&told("purchases")), "{:?}", model.report());
    let prediction = model.predict(&small).unwrap();
    assert!(prediction.cltv_high.iter().all(|v| v.unwrap().is_finite()));
}

#[test]
fn margin_and_discount_scale_the_value() {
    let world = world(1000);
    let with = |margin: f64, rate: f64| {
        let params = CltvParams { margin, annual_discount_rate: rate, ..CltvParams::new(365) };
        params.check().unwrap().fit(&world.summary).unwrap().predict(&world.summary).unwrap()
    };
    let (plain, half, discounted) = (with(1.0, 0.0), with(0.5, 0.0), with(1.0, 0.2));
    for row in 0..1000 {
        let [a, b, c] = [&plain, &half, &discounted].map(|p| p.cltv[row].unwrap());
        assert!((0.5 * a - b).abs() < 1e-12 * (1.0 + a));
        assert!(c <= a && c >= a / 1.2 - 1e-12, "{a} {c}");
        let high = [&plain, &half, &discounted].map(|p| p.cltv_high[row].unwrap());
        assert!((0.5 * high[0] - high[1]).abs() < 1e-9 * (1.0 + high[0]) && high[2] <= high[0]);
    }
}

fn feature(name: &str, kind: FeatureKind) -> FeatureDef {
    FeatureDef {
        name: name.to_owned(),
        label: name.replace('_', " "),
        unit: if name.ends_with("_days") { "days" } else { "" }.to_owned(),
        kind,
        family: FeatureFamily::Purchases,
    }
}

const DAY: i64 = Timestamp::DAY_MS;

/// Snapshots of customers whose leaving depends on silence and channel, and on nothing else.
fn snapshots(n: usize, as_of_days: &[i64], base: f64) -> Vec<LabelledSnapshot> {
    as_of_days.iter().map(|&day| snapshot(n, day, base)).collect()
}

fn snapshot(n: usize, day: i64, base: f64) -> LabelledSnapshot {
    let random = Random::new(31).stream(day as u64);
    let silence: Vec<f64> = (0..n).map(|c| 90.0 * random.uniform(c as u64)).collect();
    let noise: Vec<f64> = (0..n).map(|c| random.stream(1).normal(c as u64)).collect();
    // One level is held by few customers, under a name that no model may carry.
    let channel: Vec<Option<u32>> = (0..n)
        .map(|c| match random.stream(2).below(c as u64, 10) {
            0 => None,
            1..=5 => Some(1),
            _ if c % 200 == 0 => Some(0),
            _ => Some(2),
        })
        .collect();
    let left = |c: usize| {
        let margin = base + (silence[c] - 45.0) / 20.0 + if channel[c] == Some(2) { 1.0 } else { 0.0 };
        random.stream(3).uniform(c as u64) < 1.0 / (1.0 + (-margin).exp())
    };
    let churned = (0..n).map(left).collect();
    let eligible = (0..n).map(|c| c % 7 != 0).collect();
    let levels = ["canary-level", "mail", "web"].map(str::to_owned).to_vec();
    let spec = FeatureSpec {
        version: 1,
        features: vec![
            feature("silence_days", FeatureKind::Duration),
            feature("noise", FeatureKind::Number),
            feature("channel", FeatureKind::Category { levels }),
            feature("constant", FeatureKind::Number),
        ],
    };
    let columns = vec![
        Column::Number(silence),
        Column::Number(noise),
        Column::Category(channel),
        Column::Number(vec![3.0; n]),
    ];
    LabelledSnapshot {
        as_of: Timestamp(day * DAY),
        table: FeatureTable::new(Arc::new(spec), columns, Buckets::even(n)),
        customers: (0..n as u32).collect(),
        eligible,
        churned,
    }
}

fn churn_fit(snapshots: &[LabelledSnapshot]) -> Result<ChurnModel, DataError> {
    ChurnParams::new(60, 90, 17).check().unwrap().fit(snapshots)
}

#[test]
fn churn_finds_what_was_planted_on_a_later_snapshot() {
    let days = [100, 160, 220];
    let model = churn_fit(&snapshots(2000, &days, -0.5)).unwrap();
    let evaluation = model.evaluation();
    let Split::Time { test_as_of, n_train } = evaluation.split else { panic!("{:?}", evaluation.split) };
    assert_eq!(test_as_of, Timestamp(220 * DAY));
    // 6 of 7 customers are at risk.
    assert_eq!((n_train, evaluation.n_rows, model.n_rows()), (3428, 1714, 5142));
    // The AUC of who knows the true margins.
    let test = snapshot(2000, 220, -0.5);
    let scores = model.predict(&test.table).unwrap();
    let Column::Number(silence) = &test.table.columns()[0] else { panic!() };
    let Column::Category(channel) = &test.table.columns()[2] else { panic!() };
    let rows: Vec<usize> = (0..2000).filter(|&row| test.eligible[row]).collect();
    let truth: Vec<f64> = rows
        .iter()
        .map(|&r| (silence[r] - 45.0) / 20.0 + if channel[r] == Some(2) { 1.0 } else { 0.0 })
        .collect();
    let labels: Vec<bool> = rows.iter().map(|&r| test.churned[r]).collect();
    let best =
        bespoke::metrics::classification::Outcomes::new(&truth, &vec![0.5; rows.len()], &labels).unwrap();
    assert!((evaluation.auc.estimate - best.auc().estimate).abs() < 0.01, "{:?}", evaluation.auc);
    assert!(evaluation.ece10 < 0.04 && evaluation.log_loss.estimate < 0.9 * evaluation.log_loss_of_base_rate);
    assert!(evaluation.lift_at_10.low > 1.0 && evaluation.auc.low < evaluation.auc.estimate);
    assert_eq!(model.warnings(), []);
    assert_eq!(model.dropped_columns().collect::<Vec<_>>(), ["constant"]);
    // Reasons name the planted causes, not the noise, and contributions sum to the margin.
    let explainer = model.explainer(&test.table).unwrap();
    let riskiest = (0..2000).max_by(|&a, &b| scores[a].margin.total_cmp(&scores[b].margin)).unwrap();
    for row in 0..2000 {
        let sum = explainer.base() + explainer.contributions(row).iter().sum::<f64>();
        assert!((sum - scores[row].margin).abs() < 1e-10 * (1.0 + sum.abs()));
        assert!(explainer.reasons(row).iter().all(|r| r.feature != "noise" || r.phi.abs() >= 0.1));
    }
    let reasons = model.reasons(&test.table, riskiest).unwrap();
    assert_eq!(reasons[0].feature, "silence_days");
    assert!(reasons[0].words.starts_with("silence days: 8"), "{}", reasons[0].words);
    assert!(reasons[0].words.ends_with("goes strongly with a higher risk"), "{}", reasons[0].words);
    assert!(model.words(&scores[riskiest]).contains("within 60 days"));
}

#[test]
fn churn_is_the_same_at_any_threads_order_and_batch() {
    let all = snapshots(900, &[100, 160, 220], 0.2);
    let run = || serde_json::to_string(&churn_fit(&all).unwrap()).unwrap();
    let one = in_pool(1, run);
    assert_eq!(one, in_pool(2, run));
    assert_eq!(one, in_pool(7, run));
    let turned: Vec<LabelledSnapshot> = all.iter().rev().cloned().collect();
    assert_eq!(one, serde_json::to_string(&churn_fit(&turned).unwrap()).unwrap());
    assert!(!one.contains("canary"), "a rare level is in the model");
    let model: ChurnModel = serde_json::from_str(&one).unwrap();
    assert_eq!(one, serde_json::to_string(&model).unwrap());
    let table = &all[2].table;
    let batch = model.predict(table).unwrap();
    let order = shuffled(900);
    let other = model.predict(&table.select(&order)).unwrap();
    for (k, &row) in order.iter().enumerate() {
        assert_eq!(other[k].margin.to_bits(), batch[row].margin.to_bits());
    }
    for row in (0..900).step_by(53) {
        assert_eq!(model.predict(&table.select(&[row])).unwrap()[0], batch[row]);
    }
}

#[test]
fn churn_uses_only_customers_at_risk() {
    let all = snapshots(900, &[100, 220], 0.2);
    let mut other = all.clone();
    for snapshot in &mut other {
        for row in (0..900).filter(|row| row % 7 == 0) {
            snapshot.churned[row] = !snapshot.churned[row];
        }
    }
    assert_eq!(churn_fit(&all).unwrap(), churn_fit(&other).unwrap());
}

#[test]
fn churn_says_what_limits_it() {
    let warned = |snapshots: &[LabelledSnapshot]| churn_fit(snapshots).unwrap().warnings().to_vec();
    // One snapshot only: folds.
    let one = snapshots(900, &[220], 0.2);
    assert_eq!(warned(&one), [ChurnWarning::NoTimeSplit]);
    assert!(matches!(churn_fit(&one).unwrap().evaluation().split, Split::Folds { n_folds: 5 }));
    // An outcome window that reaches into the test is not trained on for judging.
    let overlapping = snapshots(900, &[100, 161, 220], 0.2);
    assert!(warned(&overlapping).contains(&ChurnWarning::OverlappingSnapshots { n: 1 }));
    // The share of leavers jumps.
    let drifting = vec![snapshot(900, 100, -1.5), snapshot(900, 220, 1.5)];
    assert!(warned(&drifting).iter().any(|w| matches!(w, ChurnWarning::BaseRateDrift { .. })));
    // A column written after the outcome, and a level that decides.
    let mut leaking = one.clone();
    let snapshot = &mut leaking[0];
    let mut columns = snapshot.table.columns().to_vec();
    columns[1] = Column::Number(
        snapshot
            .churned
            .iter()
            .enumerate()
            .map(|(i, left)| (i % 5) as f64 + if *left { 4.5 } else { 0.0 })
            .collect(),
    );
    let Column::Category(channel) = &mut columns[2] else { panic!() };
    for (cell, left) in channel.iter_mut().zip(&snapshot.churned) {
        if !left && *cell == Some(1) {
            *cell = Some(2);
        }
    }
    snapshot.table = FeatureTable::new(Arc::clone(snapshot.table.spec()), columns, Buckets::even(900));
    let warnings = warned(&leaking);
    assert!(
        warnings.iter().any(|w| matches!(w, ChurnWarning::LeakSuspected { column, .. } if column == "noise"))
    );
    assert!(warnings.iter().any(
        |w| matches!(w, ChurnWarning::LevelDecides { column, level, rate: 1.0, .. } if column == "channel" && level == "mail")
    ));
    assert!(warnings[0].to_string().contains("\"noise\" alone"), "{}", warnings[0]);
}

#[test]
fn churn_refuses_by_type() {
    let refused = |snapshots: &[LabelledSnapshot]| churn_fit(snapshots).unwrap_err();
    let too_few = |error: DataError| match error {
        DataError::TooFew { what, .. } => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(too_few(refused(&[])), "labelled snapshots");
    assert_eq!(too_few(refused(&snapshots(30, &[100], 0.0))), "customers at risk");
    let mut one_class = snapshots(300, &[100], 0.0);
    one_class[0].churned.fill(true);
    assert_eq!(too_few(refused(&one_class)), "customers who stayed");
    one_class[0].churned.fill(false);
    assert_eq!(too_few(refused(&one_class)), "customers who left");
    let mut short = snapshots(300, &[100], 0.0);
    short[0].churned.pop();
    assert!(matches!(refused(&short), DataError::Shape { what: "number of churned cells", .. }));
    let mut infinite = snapshots(300, &[100], 0.0);
    let mut columns = infinite[0].table.columns().to_vec();
    let Column::Number(cells) = &mut columns[0] else { panic!() };
    cells[3] = f64::INFINITY;
    let spec = Arc::clone(infinite[0].table.spec());
    infinite[0].table = FeatureTable::new(spec, columns, Buckets::even(300));
    assert!(matches!(refused(&infinite), DataError::BadCell { row: 3, .. }));
    let mut renamed = snapshots(300, &[100, 200], 0.0);
    let mut spec = FeatureSpec::clone(renamed[1].table.spec());
    spec.features[1].name = "other".to_owned();
    let columns = renamed[1].table.columns().to_vec();
    renamed[1].table = FeatureTable::new(Arc::new(spec), columns, Buckets::even(300));
    assert!(matches!(refused(&renamed), DataError::BadCell { column, .. } if column == "noise"));
    let model = churn_fit(&snapshots(300, &[100], 0.0)).unwrap();
    assert_eq!(model.predict(&renamed[1].table).unwrap_err().column, "noise");
}

#[test]
fn all_missing_columns_and_duplicates_have_an_answer() {
    let mut all = snapshots(600, &[100, 220], 0.0);
    for snapshot in &mut all {
        let mut columns = snapshot.table.columns().to_vec();
        columns[1] = Column::Number(vec![f64::NAN; 600]);
        columns[3] = columns[0].clone();
        snapshot.table = FeatureTable::new(Arc::clone(snapshot.table.spec()), columns, Buckets::even(600));
    }
    let model = churn_fit(&all).unwrap();
    assert_eq!(model.dropped_columns().collect::<Vec<_>>(), ["noise"]);
    assert!(model.predict(&all[0].table).unwrap().iter().all(|s| s.p_churn > 0.0 && s.p_churn < 1.0));
}
