//! Benches of the recommender: `stage/customers x items x pairs/d`, generated data, fixed seed.

use std::hint::black_box;

use bespoke::features::Interactions;
use bespoke::kernels::{KernelLevel, inverse};
use bespoke::params::Params;
use bespoke::random::Random;
use bespoke::recommend::{
    EaseParams, History, IalsModel, IalsParams, ItemKnnParams, ItemPanels, ItemSet, PopularityParams,
    Recommender, Rp3BetaParams, top_k, top_k_batch, top_k_of,
};
use bespoke::tables::Buckets;
use bespoke::types::Timestamp;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Pairs with log-normal history lengths and item popularity, as in a shop: medians `history` and a long tail.
fn interactions(n_customers: usize, n_items: usize, history: f64, spread: f64) -> Interactions {
    let random = Random::new(7);
    let mut cumulative = vec![0.0];
    for item in 0..n_items {
        cumulative.push(cumulative[item] + libm::exp(1.5 * random.stream(1).normal(item as u64)));
    }
    let (mut starts, mut items) = (vec![0], Vec::new());
    for customer in 0..n_customers as u64 {
        let length = history * libm::exp(spread * random.stream(2).normal(customer));
        let draws = random.stream(3 + customer);
        let draw = |at| cumulative.partition_point(|&c| c <= draws.uniform(at) * cumulative[n_items]) - 1;
        let mut list: Vec<u32> = (0..1 + length as u64).map(|at| draw(at) as u32).collect();
        list.sort_unstable();
        list.dedup();
        items.extend(list);
        starts.push(items.len() as u32);
    }
    let as_of = Timestamp(400 * Timestamp::DAY_MS);
    let last_at =
        (0..items.len() as u64).map(|p| Timestamp(random.below(p, as_of.0 as usize) as i64)).collect();
    let buckets = Buckets::even(n_customers);
    Interactions { as_of, n_items, starts, items, last_at, guests: Vec::new(), buckets }
}

fn shape(pairs: &Interactions) -> String {
    format!("{}x{}x{}k", pairs.n_customers(), pairs.n_items, pairs.items.len() / 1000)
}

fn fit(pairs: &Interactions, n_factors: usize, n_epochs: usize) -> IalsModel {
    let params = IalsParams { n_factors, n_epochs, ..IalsParams::new(1) };
    params.check().unwrap().fit(pairs, KernelLevel::detect()).unwrap()
}

fn ials(c: &mut Criterion) {
    let mut group = c.benchmark_group("ials_epoch");
    group.sample_size(10);
    let shop = interactions(4300, 3700, 38.0, 1.15);
    let films = interactions(6000, 3000, 98.0, 0.95);
    for (pairs, n_factors) in [(&shop, 64), (&films, 64), (&films, 128)] {
        let id = format!("{}/{n_factors}", shape(pairs));
        group.bench_function(id, |b| b.iter(|| fit(black_box(pairs), n_factors, 1)));
    }
    group.finish();
    let mut group = c.benchmark_group("ials_fit_15_epochs");
    group.sample_size(10);
    group.bench_function(format!("{}/64", shape(&shop)), |b| b.iter(|| fit(black_box(&shop), 64, 15)));
    group.finish();

    let model = fit(&shop, 64, 2);
    let mut group = c.benchmark_group("fold_in");
    let mut scratch = model.scratch();
    for n in [5, 16, 48, 50, 500] {
        let history: Vec<u32> = (0..n).map(|i| i * 7).collect();
        group.bench_function(BenchmarkId::new("64", n), |b| {
            b.iter(|| model.fold_in(black_box(&history), &mut scratch));
        });
    }
    group.finish();
}

fn selection(c: &mut Criterion) {
    let random = Random::new(3);
    let normals = |n: usize, stream| -> Vec<f32> {
        (0..n as u64).map(|i| random.stream(stream).normal(i) as f32).collect()
    };
    let customers = normals(6000 * 64, 1);
    let excluded: Vec<u32> = (0..100).map(|i| i * 29).collect();
    let mut group = c.benchmark_group("top_k");
    group.sample_size(20);
    for n_items in [3000, 10_000, 100_000] {
        let panels = ItemPanels::pack(&normals(n_items * 64, 2), 64, KernelLevel::detect());
        let all = ItemSet::all(n_items);
        group.bench_function(format!("single/{n_items}x64/50"), |b| {
            b.iter(|| top_k(&panels, black_box(&customers[..64]), 50, &all, &excluded));
        });
        if n_items == 3000 {
            let lists = vec![excluded.as_slice(); 6000];
            group.bench_function("batch/6000x3000x64/20", |b| {
                b.iter(|| top_k_batch(&panels, black_box(&customers), 20, &all, &lists));
            });
        }
    }
    let strengths: Vec<f64> = (0..100_000).map(|i| random.uniform(i)).collect();
    group.bench_function("strengths/100000/50", |b| {
        b.iter(|| top_k_of(black_box(&strengths), 50, &ItemSet::all(100_000), &excluded));
    });
    group.finish();
}

fn popularity(c: &mut Criterion) {
    let shop = interactions(4300, 3700, 38.0, 1.15);
    let valid = PopularityParams::new(60.0).check().unwrap();
    c.bench_function(&format!("popularity/{}", shape(&shop)), |b| b.iter(|| valid.fit(black_box(&shop))));
}

/// Fits of the item-to-item models.
fn item_to_item(c: &mut Criterion) {
    let mut group = c.benchmark_group("item_to_item");
    group.sample_size(10);
    let shop = interactions(4300, 3700, 38.0, 1.15);
    let films = interactions(6000, 3000, 98.0, 0.95);
    for pairs in [&shop, &films] {
        let knn = ItemKnnParams::default().check().unwrap();
        group.bench_function(format!("item_knn/{}", shape(pairs)), |b| b.iter(|| knn.fit(black_box(pairs))));
        let walk = Rp3BetaParams::default().check().unwrap();
        group.bench_function(format!("rp3beta/{}", shape(pairs)), |b| b.iter(|| walk.fit(black_box(pairs))));
        let ease = EaseParams::new(500.0).check().unwrap();
        let fit = || ease.fit(black_box(pairs), KernelLevel::detect());
        group.bench_function(format!("ease/{}", shape(pairs)), |b| b.iter(fit));
    }
    group.finish();
}

/// The inverse by blocks over all threads, beside the plain form of the same sweep: their ratio is what blocks bring.
fn inverses(c: &mut Criterion) {
    let mut group = c.benchmark_group("inverse");
    group.sample_size(10);
    for n in [1000, 3000] {
        let random = Random::new(5);
        let cell = |i: usize, j: usize| random.stream(i.min(j) as u64).uniform(i.max(j) as u64) as f32;
        let diagonal = |i: usize, j: usize| if i == j { n as f32 } else { 0.0 };
        let matrix: Vec<f32> = (0..n * n).map(|at| cell(at / n, at % n) + diagonal(at / n, at % n)).collect();
        group.bench_function(format!("blocked/{n}x{n}"), |b| {
            b.iter(|| inverse::invert(KernelLevel::detect(), &mut matrix.clone(), n, 0.5).is_ok());
        });
        if n == 1000 {
            group.bench_function(format!("plain/{n}x{n}"), |b| b.iter(|| invert_plainly(matrix.clone(), n)));
        }
    }
    group.finish();
}

fn invert_plainly(mut a: Vec<f32>, n: usize) -> Vec<f32> {
    for k in 0..n {
        let pivot = a[k * n + k];
        let row: Vec<f32> = a[k * n..(k + 1) * n].iter().map(|x| x / pivot).collect();
        for (_, cells) in a.chunks_exact_mut(n).enumerate().filter(|(i, _)| *i != k) {
            let factor = cells[k];
            cells.iter_mut().zip(&row).for_each(|(cell, x)| *cell -= factor * x);
            cells[k] = -factor / pivot;
        }
        a[k * n..(k + 1) * n].copy_from_slice(&row);
        a[k * n + k] = 1.0 / pivot;
    }
    a
}

/// Scores of all items for everybody: panel by panel for a group of customers, beside one customer after the other.
fn score_everybody(c: &mut Criterion) {
    let films = interactions(6000, 3000, 98.0, 0.95);
    let histories: Vec<History<'_>> =
        (0..films.n_customers()).map(|customer| History::new(films.items_of(customer))).collect();
    let ease = EaseParams::new(500.0).check().unwrap().fit(&films, KernelLevel::detect()).unwrap();
    let knn = ItemKnnParams::default().check().unwrap().fit(&films).unwrap();
    let mut group = c.benchmark_group("score_everybody");
    group.sample_size(10);
    let mut out = vec![0.0; 1000 * films.n_items];
    let mut scratch = ease.scratch();
    group.bench_function(format!("ease_in_groups/{}", shape(&films)), |b| {
        b.iter(|| {
            for group in histories.chunks(1000) {
                ease.scores_many(group, &mut scratch, &mut out[..group.len() * films.n_items]);
            }
        });
    });
    group.bench_function(format!("ease_one_by_one/{}", shape(&films)), |b| {
        b.iter(|| histories.iter().for_each(|&h| ease.scores(h, &mut scratch, &mut out[..films.n_items])));
    });
    group.bench_function(format!("item_knn_one_by_one/{}", shape(&films)), |b| {
        b.iter(|| histories.iter().for_each(|&h| knn.scores(h, &mut (), &mut out[..films.n_items])));
    });
    group.finish();
}

criterion_group!(benches, ials, selection, popularity, item_to_item, inverses, score_everybody);
criterion_main!(benches);
