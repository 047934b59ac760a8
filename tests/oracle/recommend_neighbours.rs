//! Published figures of item-kNN, RP3beta, EASE and EDLAE on fixed splits of MovieLens, and slow plain forms as a second
//! opinion.

use bespoke::features::Interactions;
use bespoke::kernels::KernelLevel;
use bespoke::params::Params;
use bespoke::random::Random;
use bespoke::recommend::{
    CustomerWeight, EaseParams, History, ItemKnnParams, ItemSet, NeighbourModel, Recommender, Rp3BetaParams,
    Similarity, top_k_of,
};
use bespoke::tables::Buckets;
use bespoke::types::Timestamp;
use rayon::prelude::*;

use super::movielens::{Split, data_folder, movielens_1m, movielens_100k};

/// Lists of every customer from the history, which is left out.
fn lists(split: &Split, model: &(impl Recommender + Sync), k: usize) -> Vec<Vec<u32>> {
    let all = ItemSet::all(split.n_items);
    let of_group = |group: &[Vec<u32>]| -> Vec<Vec<u32>> {
        let histories: Vec<History<'_>> = group.iter().map(|items| History::new(items)).collect();
        let mut scores = vec![0.0; group.len() * split.n_items];
        model.scores_many(&histories, &mut model.scratch(), &mut scores);
        let rows = scores.chunks(split.n_items).zip(group);
        let list = |(scores, items): (&[f32], &Vec<u32>)| top_k_of(scores, k, &all, items);
        rows.map(|row| list(row).iter().map(|scored| scored.item).collect()).collect()
    };
    split.train.par_chunks(512).flat_map_iter(of_group).collect()
}

fn ease(split: &Split, lambda: f64, dropout: f64) -> impl Recommender + Sync {
    let params = EaseParams { dropout, ..EaseParams::new(lambda) };
    params.check().unwrap().fit(&split.interactions(), KernelLevel::detect()).unwrap()
}

/// Shrinkage 10, 100 sources per target: the defaults.
fn item_knn(split: &Split) -> NeighbourModel {
    ItemKnnParams::default().check().unwrap().fit(&split.interactions()).unwrap()
}

/// alpha 1, beta 0.6, 100 targets per source, rows as they are: the defaults.
fn rp3beta(split: &Split) -> NeighbourModel {
    Rp3BetaParams::default().check().unwrap().fit(&split.interactions()).unwrap()
}

#[test]
fn neighbours_on_movielens_100k() {
    let Some(folder) = data_folder("neighbours_on_movielens_100k") else { return };
    let split = movielens_100k(&folder);
    let expected = [0.3293, 0.2074, 0.3749, 0.3897, 0.2486, 0.2549, 0.8949, 0.6297, 0.2188];
    split.check_figures("item-kNN", &lists(&split, &item_knn(&split), 10), 10, expected, 0.0003);
    let expected = [0.3311, 0.2150, 0.3805, 0.3943, 0.2544, 0.2567, 0.9087, 0.6341, 0.2164];
    split.check_figures("RP3beta", &lists(&split, &rp3beta(&split), 10), 10, expected, 0.0003);
}

#[test]
fn neighbours_on_movielens_1m() {
    let Some(folder) = data_folder("neighbours_on_movielens_1m") else { return };
    let split = movielens_1m(&folder);
    let expected = [0.1375, 0.2272, 0.2595, 0.2231, 0.1968, 0.1006, 0.8449, 0.3944, 0.5120];
    split.check_figures("item-kNN", &lists(&split, &item_knn(&split), 20), 20, expected, 0.0003);
    let expected = [0.1317, 0.2325, 0.2623, 0.2244, 0.2002, 0.1022, 0.8570, 0.4001, 0.4160];
    split.check_figures("RP3beta", &lists(&split, &rp3beta(&split), 20), 20, expected, 0.0003);
}

#[test]
fn ease_on_movielens_100k() {
    let Some(folder) = data_folder("ease_on_movielens_100k") else { return };
    let split = movielens_100k(&folder);
    let expected = [0.3739, 0.2430, 0.4292, 0.4457, 0.2905, 0.3054, 0.9246, 0.6868, 0.1932];
    split.check_figures("EASE", &lists(&split, &ease(&split, 458.0, 0.0), 10), 10, expected, 0.0002);
    let expected = [0.3768, 0.2459, 0.4333, 0.4494, 0.2937, 0.3076, 0.9278, 0.6941, 0.2051];
    split.check_figures("EDLAE", &lists(&split, &ease(&split, 229.0, 0.5), 10), 10, expected, 0.0002);
}

#[test]
fn ease_on_movielens_1m() {
    let Some(folder) = data_folder("ease_on_movielens_1m") else { return };
    let split = movielens_1m(&folder);
    for (lambda, dropout, expected) in [
        (200.0, 0.0, [0.1531, 0.2708, 0.3041, 0.2592, 0.2326, 0.1222, 0.8941, 0.4388, 0.4992]),
        (500.0, 0.0, [0.1586, 0.2759, 0.3111, 0.2660, 0.2380, 0.1270, 0.8957, 0.4444, 0.4417]),
        (250.0, 0.5, [0.1596, 0.2776, 0.3131, 0.2688, 0.2406, 0.1292, 0.8937, 0.4503, 0.4657]),
    ] {
        let lists = lists(&split, &ease(&split, lambda, dropout), 20);
        split.check_figures(&format!("EASE {lambda} {dropout}"), &lists, 20, expected, 0.0002);
    }
}

/// Histories from nothing to nearly everything, with times that differ within a customer.
fn world(n_customers: usize, n_items: usize) -> Interactions {
    let random = Random::new(23);
    let (mut starts, mut items) = (vec![0], Vec::new());
    for customer in 0..n_customers as u64 {
        let share = random.uniform(customer).powi(3);
        let draws = random.stream(customer + 1);
        items.extend((0..n_items as u32).filter(|&item| draws.uniform(u64::from(item)) < share));
        starts.push(items.len() as u32);
    }
    let last_at = (0..items.len() as u64).map(|at| Timestamp(random.below(at, 40) as i64)).collect();
    let buckets = Buckets::even(n_customers);
    Interactions { as_of: Timestamp(50), n_items, starts, items, last_at, guests: Vec::new(), buckets }
}

/// Whether customers have items, by customer and item, the latest `n_max` of each.
fn dense(data: &Interactions, n_max: usize) -> Vec<Vec<bool>> {
    let row = |customer: usize| {
        let mut pairs: Vec<usize> = data.pairs(customer).collect();
        pairs.sort_by_key(|&at| (std::cmp::Reverse(data.last_at[at]), data.items[at]));
        let mut row = vec![false; data.n_items];
        pairs.iter().take(n_max).for_each(|&at| row[data.items[at] as usize] = true);
        row
    };
    (0..data.n_customers()).map(row).collect()
}

/// The sum over customers of both items of what each counts; every cell looked at.
fn sums(pairs: &[Vec<bool>], counts: &[f64], i: usize, j: usize) -> f64 {
    let both = |(row, _): &(&Vec<bool>, &f64)| row[i] && row[j];
    pairs.iter().zip(counts).filter(both).map(|(_, count)| count).sum()
}

/// Similarities of all sources and targets, of which the `k` largest per `target` or source stay.
fn keep_largest(all: &mut [Vec<f32>], k: usize, per_target: bool) {
    let n = all.len();
    for at in 0..n {
        let cell = |other: usize| if per_target { (other, at) } else { (at, other) };
        let mut others: Vec<usize> = (0..n).collect();
        others.sort_by(|&a, &b| {
            let (a, b) = (cell(a), cell(b));
            all[b.0][b.1].total_cmp(&all[a.0][a.1])
        });
        others[k.min(n)..].iter().for_each(|&other| all[cell(other).0][cell(other).1] = 0.0);
    }
}

/// Cells may differ by rounding, and with them which of two equals was kept.
fn assert_same(model: &NeighbourModel, expected: &[Vec<f32>], what: &str) {
    let mut n_kept = 0;
    for (source, expected) in expected.iter().enumerate() {
        let (targets, similarities) = model.neighbours(source as u32);
        for (target, &expected) in expected.iter().enumerate() {
            let at = targets.binary_search(&(target as u32));
            let got = at.map_or(0.0, |at| similarities[at]);
            assert!(
                (got - expected).abs() <= 1e-5 * expected.max(1e-3),
                "{what} {source} {target}: {got} {expected}"
            );
            n_kept += usize::from(got > 0.0);
        }
    }
    assert!(n_kept > 100, "{what}: only {n_kept} neighbours");
}

#[test]
fn item_knn_equals_the_plain_form() {
    let data = world(80, 40);
    for (n_max, k) in [(usize::MAX, 100), (usize::MAX, 7), (6, 100), (6, 3)] {
        let pairs = dense(&data, n_max);
        let lengths: Vec<f64> = pairs.iter().map(|row| row.iter().filter(|x| **x).count() as f64).collect();
        let customers = |item: usize| pairs.iter().filter(|row| row[item]).count() as f64;
        let n_items = (0..40).filter(|&item| customers(item) > 0.0).count() as f64;
        let idf = |n: f64| (1.0 + (n_items - n + 0.5) / (n + 0.5)).ln();
        let mean = (0..40).map(customers).sum::<f64>() / n_items;
        let length = |m: f64| 2.5 / (1.5 * (0.4 + 0.6 * m / mean) + 1.0);
        let counts: [Vec<f64>; 3] = [
            lengths.iter().map(|n| 1.0 / (1.0 + n).ln()).collect(),
            lengths.iter().map(|n| (n_items / n).ln().powi(2)).collect(),
            lengths.iter().map(|n| idf(*n).powi(2)).collect(),
        ];
        let sums = |of: usize, i: usize, j: usize| sums(&pairs, &counts[of], i, j);
        let cosine = |of: usize, i: usize, j: usize, shrink: f64| {
            sums(of, i, j) / ((sums(of, i, i) * sums(of, j, j)).sqrt() + shrink)
        };
        let asymmetric =
            |i: usize, j: usize| sums(0, i, j) / (sums(0, i, i).powf(0.3) * sums(0, j, j).powf(0.7) + 2.0);
        let bm25 = |i: usize, j: usize| length(customers(i)) * length(customers(j)) * sums(2, i, j);
        let plain = |similarity: &dyn Fn(usize, usize) -> f64| {
            let cell = |i: usize, j: usize| {
                if i == j || sums(0, i, j) == 0.0 { 0.0 } else { similarity(i, j) as f32 }
            };
            let mut all: Vec<Vec<f32>> = (0..40).map(|i| (0..40).map(|j| cell(i, j)).collect()).collect();
            keep_largest(&mut all, k, true);
            all
        };
        let fit = |similarity, customer_weight| {
            let params = ItemKnnParams {
                similarity,
                customer_weight,
                n_neighbours: k,
                n_max: (n_max < 40).then_some(n_max),
            };
            params.check().unwrap().fit(&data).unwrap()
        };
        let (equal, damped) = (CustomerWeight::Equal, CustomerWeight::InverseLog);
        let model = fit(Similarity::Cosine { shrink: 1.5 }, damped);
        assert_same(&model, &plain(&|i, j| cosine(0, i, j, 1.5)), "cosine");
        let model = fit(Similarity::AsymmetricCosine { shrink: 2.0, gamma: 0.3 }, damped);
        assert_same(&model, &plain(&asymmetric), "asymmetric cosine");
        let model = fit(Similarity::TfIdf { shrink: 0.2 }, equal);
        assert_same(&model, &plain(&|i, j| cosine(1, i, j, 0.2)), "TF-IDF");
        let model = fit(Similarity::Bm25 { k1: 1.5, b: 0.6 }, equal);
        assert_same(&model, &plain(&bm25), "BM25");
    }
}

#[test]
fn rp3beta_equals_the_plain_form() {
    let data = world(80, 40);
    for (n_max, k, alpha, beta) in [(usize::MAX, 100, 1.0, 0.6), (usize::MAX, 7, 0.7, 0.0), (6, 4, 1.3, 0.9)]
    {
        let pairs = dense(&data, n_max);
        let counts: Vec<f64> =
            pairs.iter().map(|row| (row.iter().filter(|x| **x).count() as f64).powf(-alpha)).collect();
        let customers = |item: usize| pairs.iter().filter(|row| row[item]).count() as f64;
        let cell = |i: usize, j: usize| {
            let walk = sums(&pairs, &counts, i, j) * customers(i).powf(-alpha) * customers(j).powf(-beta);
            if i == j || customers(i) * customers(j) == 0.0 { 0.0 } else { walk as f32 }
        };
        let mut all: Vec<Vec<f32>> = (0..40).map(|i| (0..40).map(|j| cell(i, j)).collect()).collect();
        keep_largest(&mut all, k, false);
        let params = Rp3BetaParams {
            alpha,
            beta,
            n_neighbours: k,
            normalise_rows: false,
            n_max: (n_max < 40).then_some(n_max),
        };
        assert_same(&params.clone().check().unwrap().fit(&data).unwrap(), &all, "RP3beta");
        for row in &mut all {
            let sum: f32 = row.iter().sum();
            row.iter_mut().filter(|x| **x > 0.0).for_each(|x| *x /= sum);
        }
        let params = Rp3BetaParams { normalise_rows: true, ..params };
        assert_same(&params.check().unwrap().fit(&data).unwrap(), &all, "RP3beta by rows");
    }
}
