//! Fitting and scoring of value and churn models.

use std::hint::black_box;
use std::sync::Arc;

use bespoke::churn::{ChurnParams, LabelledSnapshot};
use bespoke::cltv::CltvParams;
use bespoke::features::{
    Column, FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, FeatureTable, PurchaseSummary,
};
use bespoke::params::Params;
use bespoke::random::Random;
use bespoke::tables::Buckets;
use bespoke::types::Timestamp;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Histories like those of a shop with a year of orders: a third bought once, some very often.
fn summary(n: usize) -> PurchaseSummary {
    let random = Random::new(1);
    let mut summary = PurchaseSummary::default();
    for c in 0..n as u64 {
        let random = random.stream(c);
        let age = (370.0 * random.uniform(0).sqrt()).floor();
        let mean_gap = 60.0 / -(1.0 - random.uniform(1)).ln();
        let p_leave = 0.6 * random.uniform(2) * random.uniform(3);
        let (mut last, mut x, mut k) = (0.0_f64, 0, 10);
        while random.uniform(k) >= p_leave {
            let next = (last - mean_gap * (1.0 - random.uniform(k + 1)).ln()).ceil().max(last + 1.0);
            if next > age {
                break;
            }
            (last, x, k) = (next, x + 1, k + 2);
        }
        summary.customers.push(c as u32);
        summary.repeat_orders.push(x);
        summary.age_at_last_order_days.push(last);
        summary.age_days.push(age);
        let mean = (5.5 + 0.7 * random.normal(4)).exp();
        summary.mean_repeat_spend.push((x > 0).then_some(mean));
        summary.n_spend_days.push(x);
    }
    summary
}

fn snapshot(n: usize, n_columns: usize, day: i64) -> LabelledSnapshot {
    let random = Random::new(day as u64);
    let features = (0..n_columns)
        .map(|k| FeatureDef {
            name: format!("f{k}"),
            label: format!("f{k}"),
            unit: String::new(),
            kind: FeatureKind::Number,
            family: FeatureFamily::Purchases,
        })
        .collect();
    let cell = |k: usize, row: usize| random.stream(k as u64).normal(row as u64);
    let columns = (0..n_columns).map(|k| Column::Number((0..n).map(|row| cell(k, row)).collect())).collect();
    let left = |row: usize| cell(0, row) + 2.0 * (random.stream(999).uniform(row as u64) - 0.5) > 0.0;
    LabelledSnapshot {
        as_of: Timestamp(day * Timestamp::DAY_MS),
        table: FeatureTable::new(Arc::new(FeatureSpec { version: 1, features }), columns, Buckets::even(n)),
        customers: (0..n as u32).collect(),
        eligible: vec![true; n],
        churned: (0..n).map(left).collect(),
    }
}

fn cltv(c: &mut Criterion) {
    let params = CltvParams::new(365).check().expect("parameters");
    let mut group = c.benchmark_group("cltv");
    group.sample_size(10);
    for n in [1_000, 4_300, 100_000] {
        let summary = summary(n);
        group.bench_function(BenchmarkId::new("fit", n), |b| {
            b.iter(|| params.fit(black_box(&summary)).expect("a model"));
        });
        group.bench_function(BenchmarkId::new("predict", n), |b| {
            let model = params.fit(&summary).expect("a model");
            b.iter(|| model.predict(black_box(&summary)).expect("predictions"));
        });
    }
}

fn churn(c: &mut Criterion) {
    let params = ChurnParams::new(90, 180, 1).check().expect("parameters");
    let mut group = c.benchmark_group("churn");
    group.sample_size(10);
    for (n, n_columns) in [(1_000, 40), (4_300, 40), (4_300, 80)] {
        let snapshots = [100, 190, 280].map(|day| snapshot(n, n_columns, day));
        let size = format!("{n} x {n_columns} x 3");
        group.bench_function(BenchmarkId::new("fit", &size), |b| {
            b.iter(|| params.fit(black_box(&snapshots)).expect("a model"));
        });
        group.bench_function(BenchmarkId::new("predict", &size), |b| {
            let model = params.fit(&snapshots).expect("a model");
            b.iter(|| model.predict(black_box(&snapshots[2].table)).expect("scores"));
        });
        group.bench_function(BenchmarkId::new("reasons", &size), |b| {
            let model = params.fit(&snapshots).expect("a model");
            b.iter(|| {
                let explainer = model.explainer(&snapshots[2].table).expect("an explainer");
                (0..n).map(|row| explainer.reasons(row).len()).sum::<usize>()
            });
        });
    }
}

criterion_group!(benches, cltv, churn);
criterion_main!(benches);
