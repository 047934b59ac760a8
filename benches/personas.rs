//! Personas and the k-means below them, with linfa-clustering's as baseline at one size.

use std::hint::black_box;
use std::sync::Arc;

use bespoke::features::{
    Column, FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, FeatureTable, SPEC_VERSION,
};
use bespoke::params::Params;
use bespoke::personas::{Cell, KMeansParams, PersonaParams};
use bespoke::random::Random;
use bespoke::tables::Buckets;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use linfa::traits::Fit;
use linfa::{DatasetBase, ParamGuard};
use linfa_clustering::KMeansInit;
use ndarray::{Array2, s};

/// Gaussian groups, centres N(0, 1.2^2), unit noise.
fn groups(n: usize, d: usize, k: usize) -> Array2<f32> {
    let random = Random::new(7);
    let centre = |j: usize, f: usize| 1.2 * random.stream(1).normal((j * d + f) as u64);
    let noise = |r: usize, f: usize| random.stream(2).normal((r * d + f) as u64);
    Array2::from_shape_fn((n, d), |(r, f)| (centre(r % k, f) + noise(r, f)) as f32)
}

fn table(n: usize, d: usize) -> FeatureTable {
    let rows = groups(n, d, 7);
    let features = (0..d)
        .map(|f| FeatureDef {
            name: format!("feature_{f}"),
            label: format!("feature {f}"),
            unit: String::new(),
            kind: if f.is_multiple_of(2) { FeatureKind::Money } else { FeatureKind::Number },
            family: FeatureFamily::Purchases,
        })
        .collect();
    let cell = |f: usize, x: f32| if f.is_multiple_of(2) { libm::exp(f64::from(x)) } else { f64::from(x) };
    let columns =
        (0..d).map(|f| Column::Number(rows.column(f).iter().map(|&x| cell(f, x)).collect())).collect();
    FeatureTable::new(Arc::new(FeatureSpec { version: SPEC_VERSION, features }), columns, Buckets::even(n))
}

/// The nightly job: 2..=10 personas, ten starts each.
fn fit(c: &mut Criterion) {
    let mut group = c.benchmark_group("personas");
    group.sample_size(10);
    for n in [1_000, 4_334, 20_000] {
        let table = table(n, 35);
        let valid = PersonaParams::from_range(2, 10, 1).check().unwrap();
        let id = BenchmarkId::from_parameter(format!("{n} x 35/2..=10"));
        group.bench_with_input(id, &table, |b, table| b.iter(|| black_box(valid.fit(table).unwrap())));
    }
    group.finish();
}

fn predict(c: &mut Criterion) {
    let table = table(4_334, 35);
    let model = PersonaParams::new(8, 1).check().unwrap().fit(&table).unwrap();
    let assigner = model.assigner(table.spec()).unwrap();
    let row: Vec<Cell> = table
        .columns()
        .iter()
        .map(|column| match column {
            Column::Number(cells) => Cell::Number(cells[17]),
            Column::Category(codes) => Cell::Category(codes[17]),
        })
        .collect();
    let mut group = c.benchmark_group("personas_predict");
    group.bench_function("4334 x 35/8", |b| b.iter(|| black_box(model.predict(&table).unwrap())));
    group.bench_function("1 x 35/8", |b| b.iter(|| black_box(assigner.assign(black_box(&row)))));
    group.finish();
}

/// Fifty iterations from the same start, both implementations in turn.
fn fifty_iterations(c: &mut Criterion) {
    let (n, d, k) = (100_000, 16, 8);
    let rows = groups(n, d, k);
    let start = rows.slice(s![..k, ..]).to_owned();
    let ours =
        KMeansParams { max_iterations: 50, tolerance: 1e-30, ..KMeansParams::new(k, 1) }.check().unwrap();
    let theirs = linfa_clustering::KMeans::params(k)
        .init_method(KMeansInit::Precomputed(start.clone()))
        .n_runs(1)
        .max_n_iterations(50)
        .tolerance(1e-30)
        .check()
        .unwrap();
    let dataset = DatasetBase::from(rows.clone());
    let mut group = c.benchmark_group("kmeans");
    group.sample_size(10);
    group.bench_function(format!("{n} x {d}/{k}"), |b| {
        b.iter(|| black_box(ours.fit_array_from(rows.view(), start.view()).unwrap()));
    });
    // Fifty iterations without convergence are an error there; the work is the same.
    group.bench_function(format!("{n} x {d}/{k} linfa-clustering"), |b| {
        b.iter(|| black_box(theirs.fit(&dataset).is_ok()));
    });
    group.finish();
}

criterion_group!(benches, fit, predict, fifty_iterations);
criterion_main!(benches);
