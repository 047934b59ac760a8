//! Published numbers: CDNOW for purchase and spend models, Telco for the classifier.

use std::path::PathBuf;
use std::sync::Arc;

use bespoke::cltv::{CltvModel, CltvParams, History, Spend, SpendModel};
use bespoke::features::{
    Column, FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, FeatureTable, PurchaseSummary,
};
use bespoke::learners::{Encoding, LogisticParams, folds};
use bespoke::metrics::classification::Outcomes;
use bespoke::metrics::value::Amounts;
use bespoke::params::Params;
use bespoke::tables::Buckets;

/// The folder of public data; `None` (with a visible line) when it is not given, a failure when it is required.
fn data(test: &str) -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "tests find their data by environment")]
    let var = |name: &str| std::env::var_os(name);
    match var("BESPOKE_DATA") {
        Some(folder) => Some(folder.into()),
        None => {
            assert!(
                var("BESPOKE_REQUIRE_DATA").is_none_or(|v| v != "1"),
                "BESPOKE_DATA is unset but required"
            );
            println!("SKIPPED {test}: BESPOKE_DATA is unset");
            None
        }
    }
}

fn read(path: PathBuf) -> String {
    #[allow(clippy::disallowed_methods, reason = "tests read their data")]
    let text = std::fs::read_to_string(&path);
    text.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Days since 1997-01-01 of a date in 1997 or 1998, written as eight digits.
fn day(date: &str) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let number = |range: std::ops::Range<usize>| date[range].parse::<i64>().expect("a date");
    (number(0..4) - 1997) * 365 + BEFORE[number(4..6) as usize - 1] + number(6..8) - 1
}

/// Last day of calibration, 1997-09-30.
const CALIBRATION_END: i64 = 272;

struct Cdnow {
    /// Mean spend over all repeat days, as the published fits take it.
    summary: PurchaseSummary,
    /// Purchase days in the 39 weeks after calibration.
    holdout: Vec<f64>,
    n_customer_days: usize,
}

fn cdnow(test: &str) -> Option<Cdnow> {
    let text = read(data(test)?.join("cdnow/CDNOW_sample.txt"));
    let mut days = std::collections::BTreeMap::<(u32, i64), f64>::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let customer = fields[1].parse().expect("a customer");
        *days.entry((customer, day(fields[2]))).or_default() += fields[4].parse::<f64>().expect("an amount");
    }
    let rows: Vec<((u32, i64), f64)> = days.into_iter().collect();
    let mut cdnow =
        Cdnow { summary: PurchaseSummary::default(), holdout: Vec::new(), n_customer_days: rows.len() };
    for customer in rows.chunk_by(|a, b| a.0.0 == b.0.0) {
        let first = customer[0].0.1;
        let cut = customer.partition_point(|row| row.0.1 <= CALIBRATION_END);
        let (inside, after) = customer.split_at(cut);
        let repeats = &inside[1..];
        let n = repeats.len() as u32;
        let summary = &mut cdnow.summary;
        summary.customers.push(customer[0].0.0 - 1);
        summary.repeat_orders.push(n);
        summary.age_at_last_order_days.push((inside[inside.len() - 1].0.1 - first) as f64);
        summary.age_days.push((CALIBRATION_END - first) as f64);
        let total: f64 = repeats.iter().map(|row| row.1).sum();
        summary.mean_repeat_spend.push((n > 0).then(|| total / f64::from(n)));
        summary.n_spend_days.push(n);
        cdnow.holdout.push(after.len() as f64);
    }
    Some(cdnow)
}

fn fitted(cdnow: &Cdnow) -> CltvModel {
    CltvParams::new(273).check().unwrap().fit(&cdnow.summary).unwrap()
}

fn close(what: &str, got: f64, want: f64, relative: f64) {
    assert!((got - want).abs() <= relative * want.abs(), "{what}: {got}, expected {want}");
}

#[test]
fn cdnow_is_prepared_as_published() {
    let Some(cdnow) = cdnow("cdnow_is_prepared_as_published") else { return };
    let x = &cdnow.summary.repeat_orders;
    assert_eq!((x.len(), cdnow.n_customer_days), (2357, 6696));
    assert_eq!(x.iter().sum::<u32>(), 2457);
    assert_eq!(x.iter().filter(|x| **x == 0).count(), 1411);
    assert_eq!(cdnow.holdout.iter().sum::<f64>(), 1882.0);
    let longest = cdnow.summary.age_days.iter().fold(0.0_f64, |m, t| m.max(*t));
    close("max T in weeks", longest / 7.0, 38.857143, 1e-7);
}

#[test]
fn cdnow_purchase_parameters() {
    let Some(cdnow) = cdnow("cdnow_purchase_parameters") else { return };
    let model = fitted(&cdnow);
    let (purchases, report) = (model.purchases(), model.report());
    let found = [purchases.r, purchases.alpha / 7.0, purchases.a, purchases.b];
    let errors = report.purchases.standard_errors.clone().unwrap();
    let in_weeks = [1.0, 7.0, 1.0, 1.0];
    let published = [(0.524843, 0.083268), (6.183085, 0.695621), (0.891359, 0.154790), (1.614002, 0.537495)];
    for (k, (estimate, error)) in published.into_iter().enumerate() {
        close("parameter", found[k], estimate, 1e-4);
        close("standard error", errors[k] / in_weeks[k], error, 2e-3);
    }
    // A density per purchase: days instead of weeks cost ln 7 each.
    let in_weeks = |ln_likelihood: f64| ln_likelihood + 2457.0 * 7.0_f64.ln();
    let ln_likelihood = in_weeks(report.purchases.ln_likelihood);
    assert!((ln_likelihood + 9582.1357).abs() < 1e-4, "{ln_likelihood}");
    let nbd = in_weeks(report.nbd_ln_likelihood);
    assert!((nbd + 9763.6576).abs() < 1e-4, "{nbd}");
    assert!(report.purchases.gradient_max < 1e-9 && report.purchases.n_starts_at_best >= 2);
    close("condition", report.purchases.condition.unwrap(), 226.0, 0.02);
    assert_eq!(report.warnings, []);
}

#[test]
fn cdnow_spend_parameters() {
    let Some(cdnow) = cdnow("cdnow_spend_parameters") else { return };
    let model = fitted(&cdnow);
    let SpendModel::GammaGamma(spend) = model.spend() else { panic!("{:?}", model.spend()) };
    let estimates = model.report().spend.clone().unwrap();
    let errors = estimates.standard_errors.unwrap();
    let found = [spend.p, spend.q, spend.gamma];
    let published = [(6.249572, 1.1901), (3.744225, 0.2901), (15.443521, 4.1594)];
    for (k, (estimate, error)) in published.into_iter().enumerate() {
        close("parameter", found[k], estimate, 1e-4);
        close("standard error", errors[k], error, 2e-3);
    }
    assert!((estimates.ln_likelihood + 4055.91769).abs() < 1e-4, "{}", estimates.ln_likelihood);
    assert_eq!(estimates.n_customers, 946);
    // The first ten customers of note 025, whose means are rounded to cents.
    let first = [24.658, 18.910, 35.170, 35.170, 35.170, 71.463, 18.910, 35.170, 27.282, 35.170];
    for (row, want) in first.into_iter().enumerate() {
        let mean = cdnow.summary.mean_repeat_spend[row].unwrap_or_default();
        let own = Spend { n: cdnow.summary.n_spend_days[row], mean: (100.0 * mean).round() / 100.0 };
        let got = spend.expected_spend(&own).unwrap();
        assert!((got - want).abs() < 6e-4, "row {row}: {got}, expected {want}");
    }
}

#[test]
fn cdnow_holdout() {
    let Some(cdnow) = cdnow("cdnow_holdout") else { return };
    let model = fitted(&cdnow);
    let prediction = model.predict(&cdnow.summary).unwrap();
    let (expected, actual) = (&prediction.expected_orders, &cdnow.holdout);
    let means = [0.1852, 0.5514, 1.0490, 1.4929, 2.1043, 2.5636, 3.3608, 5.8485];
    for (x, want) in (0..).zip(means) {
        let group: Vec<f64> = (0..expected.len())
            .filter(|&row| cdnow.summary.repeat_orders[row].min(7) == x)
            .map(|row| expected[row])
            .collect();
        let mean = group.iter().sum::<f64>() / group.len() as f64;
        assert!((mean - want).abs() < 2e-4, "x = {x}: {mean}, expected {want}");
    }
    close("sum of expectations", expected.iter().sum(), 1576.73, 1e-5);
    close("sum of p_alive", prediction.p_alive.iter().sum(), 1057.6, 1e-4);
    let amounts = Amounts::new(expected, actual).unwrap();
    assert!((amounts.total_bias().unwrap() + 0.162).abs() < 5e-4);
    assert!((amounts.mean_absolute_error() - 0.7648).abs() < 1e-4);
    assert!((amounts.mean_absolute_error_of_zero() - 0.7985).abs() < 1e-4);
    assert!((amounts.root_mean_squared_error() - 1.6072).abs() < 1e-4);
    assert!((amounts.spearman().unwrap() - 0.4500).abs() < 1e-4);
    // Distribution: mean negative log predictive probability, and coverage of the central 80 % of counts.
    let (mut surprise, mut inside) = (0.0, 0);
    for (row, &actual) in actual.iter().enumerate() {
        let history = History {
            repeat_orders: cdnow.summary.repeat_orders[row],
            age_at_last_order: cdnow.summary.age_at_last_order_days[row],
            age: cdnow.summary.age_days[row],
        };
        let p_count = model.purchases().count_distribution(&history, 273.0);
        surprise -= p_count[actual as usize].ln();
        let cdf = |n: usize| p_count[..n.min(p_count.len())].iter().sum::<f64>();
        inside += usize::from(cdf(actual as usize + 1) >= 0.1 && cdf(actual as usize) < 0.9);
    }
    let n = actual.len() as f64;
    assert!((surprise / n - 0.98211).abs() < 1e-4, "{}", surprise / n);
    assert!((inside as f64 / n - 0.928).abs() < 2e-3, "{}", inside as f64 / n);
}

/// Telco with its 19 inputs; blanks in the charges are missing.
fn telco(text: &str) -> (FeatureTable, Vec<bool>) {
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let header: Vec<&str> = text.lines().next().expect("a header").split(',').collect();
    let (mut features, mut columns) = (Vec::new(), Vec::new());
    for (k, name) in header.iter().enumerate().take(20).skip(1) {
        let cells: Vec<&str> = rows.iter().map(|row| row[k]).collect();
        let number = |cell: &str| cell.trim().parse::<f64>().unwrap_or(f64::NAN);
        let (kind, column) = match *name {
            "SeniorCitizen" => (FeatureKind::YesNo, Column::Number(cells.into_iter().map(number).collect())),
            "tenure" | "MonthlyCharges" | "TotalCharges" => {
                (FeatureKind::Number, Column::Number(cells.into_iter().map(number).collect()))
            }
            _ => {
                let mut levels: Vec<String> = cells.iter().map(|&cell| cell.to_owned()).collect();
                levels.sort_unstable();
                levels.dedup();
                let code = |cell: &str| levels.iter().position(|level| level == cell).map(|code| code as u32);
                let codes = cells.into_iter().map(code).collect();
                (FeatureKind::Category { levels }, Column::Category(codes))
            }
        };
        features.push(FeatureDef {
            name: (*name).to_owned(),
            label: (*name).to_owned(),
            unit: String::new(),
            kind,
            family: FeatureFamily::Demographics,
        });
        columns.push(column);
    }
    let spec = Arc::new(FeatureSpec { version: 1, features });
    let churned = rows.iter().map(|row| row[20] == "Yes").collect();
    (FeatureTable::new(spec, columns, Buckets::even(rows.len())), churned)
}

#[test]
fn telco_logistic_regression() {
    let Some(folder) = data("telco_logistic_regression") else { return };
    let (table, churned) = telco(&read(folder.join("telco-churn/Telco-Customer-Churn.csv")));
    let n = churned.len();
    assert_eq!((n, churned.iter().filter(|left| **left).count()), (7043, 1869));
    let (mut aucs, mut losses) = (Vec::new(), Vec::new());
    for seed in 0..3 {
        let folds = folds::grouped(&(0..n as u64).collect::<Vec<_>>(), 5, seed);
        let (mut p, mut auc) = (vec![0.0; n], 0.0);
        for fold in 0..5 {
            let rows =
                |inside: bool| (0..n).filter(|&row| (folds[row] == fold) == inside).collect::<Vec<_>>();
            let (train, test) = (rows(false), rows(true));
            let encoding = Encoding::fit(&[(&table, &train)]);
            let pick = |rows: &[usize]| rows.iter().map(|&row| churned[row]).collect::<Vec<_>>();
            let design = encoding.design(&[(&table, &train)]).unwrap();
            let fit = LogisticParams { lambda: 1.0 }.check().unwrap();
            let fit = fit.fit(&design, &pick(&train), &vec![1.0; train.len()], None).unwrap();
            let held = encoding.design(&[(&table, &test)]).unwrap();
            for (k, &row) in test.iter().enumerate() {
                p[row] = 1.0 / (1.0 + (-fit.margin(held.row(k))).exp());
            }
            let held_p: Vec<f64> = test.iter().map(|&row| p[row]).collect();
            auc += Outcomes::of_probabilities(&held_p, &pick(&test)).unwrap().auc().estimate / 5.0;
        }
        let pooled = Outcomes::of_probabilities(&p, &churned).unwrap();
        println!(
            "seed {seed}: AUC {auc:.4}, log-loss {:.4}, Brier {:.4}, ECE10 {:.4}, PR-AUC {:.4}, lift 10 % {:.3}",
            pooled.log_loss().estimate,
            pooled.brier().estimate,
            pooled.calibration_error(10),
            pooled.pr_auc(),
            pooled.lift(0.1).estimate
        );
        aucs.push(auc);
        losses.push(pooled.log_loss().estimate);
    }
    // Bars AUC >= .844 and log-loss <= .419; other folds move the figures by up to .002.
    for (auc, loss) in aucs.into_iter().zip(losses) {
        assert!(auc >= 0.844 && (auc - 0.8451).abs() < 0.002, "{auc}");
        assert!(loss <= 0.419 && (loss - 0.4175).abs() < 0.002, "{loss}");
    }
}
