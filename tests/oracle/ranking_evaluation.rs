//! Published figures, spreads and intervals of popularity and EASE on fixed splits of MovieLens, by the evaluation of
//! the library.
//!
//! The files are read from the folder in `BESPOKE_DATA`.

use bespoke::features::{RankingSplit, TestTable};
use bespoke::metrics::bootstrap::Bootstrap;
use bespoke::metrics::evaluation::{
    Comparisons, Evaluation, EvaluationParams, Ground, Judged, RankingReport, Segmentation, TestItems,
};
use bespoke::metrics::ranking::RankingMetric::{
    self, HitRate, Map, Mrr, Ndcg, NdcgFullIdeal, Precision, Recall, RecallCapped,
};
use bespoke::params::Params;
use bespoke::recommend::{ItemSet, top_k_of};
use rayon::prelude::*;

use super::movielens::{Split, data_folder, movielens_1m, movielens_100k, near};
use super::recommend::popular_lists;

/// Both models on one split at one cut; customers come in blocks.
fn evaluate(split: &Split, k: usize, models: &[(&str, Vec<Vec<u32>>)]) -> (RankingReport, Comparisons) {
    let split = RankingSplit::given(split.interactions(), &split.test).unwrap();
    let names = models.iter().map(|(name, _)| (*name).to_owned()).collect();
    let valid = EvaluationParams { models: names, cuts: vec![k] }.check().unwrap();
    let table = TestTable::NewItems;
    let mut evaluation: Evaluation<'_> = valid.begin(Ground::of(&split, table)).unwrap();
    let n_customers = split.warmth().len();
    for start in (0..n_customers).step_by(500) {
        let rows = start..n_customers.min(start + 500);
        let judged: Vec<Judged<'_>> =
            rows.clone().map(|customer| Judged::of(&split, table, customer as u32)).collect();
        let lists: Vec<&[Vec<u32>]> = models.iter().map(|(_, lists)| &lists[rows.clone()]).collect();
        evaluation.add(&judged, &lists).unwrap();
    }
    let terciles = Segmentation::activity_terciles(&split, table);
    let report = evaluation.report(&[terciles]).unwrap();
    let compared = evaluation.compare(models[0].0, Bootstrap::new(1)).unwrap();
    println!("{report}\n{compared}");
    (report, compared)
}

const METRICS: [RankingMetric; 8] = [Precision, Recall, RecallCapped, Ndcg, NdcgFullIdeal, Map, HitRate, Mrr];

fn check_means(report: &RankingReport, model: &str, k: usize, expected: [f64; 8], coverage: f64) {
    for (metric, expected) in METRICS.into_iter().zip(expected) {
        let estimate = report.estimate(model, metric, k).unwrap();
        near(&format!("{model} {}", metric.name(k)), estimate.mean, expected, 0.0002);
    }
    let beyond = report.beyond().iter().find(|row| row.model == model && row.k == k).unwrap();
    near(&format!("{model} coverage@{k}"), beyond.coverage.unwrap(), coverage, 0.0002);
}

#[test]
fn popularity_by_the_evaluation() {
    let Some(folder) = data_folder("popularity_by_the_evaluation") else { return };
    let (small, large) = (movielens_100k(&folder), movielens_1m(&folder));
    let (report, _) = evaluate(&small, 10, &[("popularity", popular_lists(&small, 10))]);
    check_means(
        &report,
        "popularity",
        10,
        [0.1904, 0.1179, 0.2176, 0.2183, 0.1360, 0.1146, 0.7739, 0.4056],
        0.0327,
    );
    assert_eq!((report.convention().n_customers, report.convention().n_lists), (942, 943));
    let test = TestItems { n: 20_000, n_repeats: 0, n_unseen: 28, n_not_candidates: 0 };
    assert_eq!(report.test(), test);
    let of_level = |level: usize| report.segments()[level].estimate("popularity", Ndcg, 10).unwrap();
    let (n, sum) = (0..3).fold((0, 0.0), |(n, sum), level| {
        let level = of_level(level);
        (n + level.n_customers, sum + level.mean * level.n_customers as f64)
    });
    assert_eq!(n, 942);
    near("mean over terciles", sum / 942.0, report.estimate("popularity", Ndcg, 10).unwrap().mean, 1e-12);
    let (report, _) = evaluate(&large, 20, &[("popularity", popular_lists(&large, 20))]);
    check_means(
        &report,
        "popularity",
        20,
        [0.0778, 0.1161, 0.1377, 0.1176, 0.0996, 0.0446, 0.6488, 0.2393],
        0.0381,
    );
    assert_eq!(report.test().n, 99_455);
}

/// What EASE reaches on a split, and how far it is from popularity.
struct EaseFigures {
    k: usize,
    lambda: f64,
    means: [f64; 8],
    coverage: f64,
    sd_recall: f64,
    sd_ndcg: f64,
    se_recall: f64,
    se_ndcg: f64,
    /// NDCG of EASE minus that of popularity.
    gain: f64,
    se_gain: f64,
    interval: (f64, f64),
}

const ON_100K: EaseFigures = EaseFigures {
    k: 10,
    lambda: 458.0,
    means: [0.3739, 0.2430, 0.4292, 0.4457, 0.2905, 0.3054, 0.9246, 0.6868],
    coverage: 0.1932,
    sd_recall: 0.1767,
    sd_ndcg: 0.2627,
    se_recall: 0.00576,
    se_ndcg: 0.00856,
    gain: 0.2274,
    se_gain: 0.00691,
    interval: (0.214, 0.241),
};

const ON_1M: EaseFigures = EaseFigures {
    k: 20,
    lambda: 500.0,
    means: [0.1586, 0.2759, 0.3111, 0.2660, 0.2380, 0.1270, 0.8957, 0.4444],
    coverage: 0.4417,
    sd_recall: 0.2106,
    sd_ndcg: 0.1754,
    se_recall: 0.00271,
    se_ndcg: 0.00226,
    gain: 0.1484,
    se_gain: 0.00223,
    interval: (0.144, 0.153),
};

/// Holds lists that claim to be those of EASE against its figures. `lists_of` gives the first k new items of every
/// customer for a lambda.
fn check_ease(split: &Split, figures: &EaseFigures, lists_of: impl Fn(&Split, f64, usize) -> Vec<Vec<u32>>) {
    let k = figures.k;
    let models = [("popularity", popular_lists(split, k)), ("ease", lists_of(split, figures.lambda, k))];
    let (report, compared) = evaluate(split, k, &models);
    check_means(&report, "ease", k, figures.means, figures.coverage);
    for (metric, sd, se) in
        [(Recall, figures.sd_recall, figures.se_recall), (Ndcg, figures.sd_ndcg, figures.se_ndcg)]
    {
        let estimate = report.estimate("ease", metric, k).unwrap();
        let standard_error = estimate.standard_error.unwrap();
        near(&format!("SE of {}", metric.name(k)), standard_error, se, 0.000_015);
        near(
            &format!("sd of {}", metric.name(k)),
            standard_error * (estimate.n_customers as f64).sqrt(),
            sd,
            0.0002,
        );
    }
    let gain = compared.find("ease", Ndcg, k).unwrap();
    near("gain", gain.difference.mean, figures.gain, 0.0002);
    let se = gain.difference.standard_error.unwrap();
    near("SE of the gain", se, figures.se_gain, 0.000_015);
    let (low, high) = gain.interval.unwrap();
    near("lower end", low, figures.interval.0, 0.001);
    near("upper end", high, figures.interval.1, 0.001);
    // The bootstrap and the closed form are two ways to the same interval.
    near("half width over 1.96 SE", (high - low) / 2.0 / (1.959_964 * se), 1.0, 0.05);
    assert!(gain.excludes_zero() && gain.p_adjusted.unwrap() < 1e-9);
}

#[test]
fn intervals_of_plain_ease_on_movielens_100k() {
    let Some(folder) = data_folder("intervals_of_plain_ease_on_movielens_100k") else { return };
    check_ease(&movielens_100k(&folder), &ON_100K, plain_ease);
}

#[test]
fn intervals_of_plain_ease_on_movielens_1m() {
    let Some(folder) = data_folder("intervals_of_plain_ease_on_movielens_1m") else { return };
    check_ease(&movielens_1m(&folder), &ON_1M, plain_ease);
}

/// EASE as it is written (Steck, WWW 2019): B_ij = -P_ij / P_jj for i != j and 0 on the diagonal, with
/// P = (X'X + lambda I)^-1 in double precision; the score is the sum of the rows of B of the history.
fn plain_ease(split: &Split, lambda: f64, k: usize) -> Vec<Vec<u32>> {
    let n = split.n_items;
    let mut gram = vec![0.0; n * n];
    for items in &split.train {
        for &i in items {
            items.iter().for_each(|&j| gram[i as usize * n + j as usize] += 1.0);
        }
    }
    (0..n).for_each(|i| gram[i * n + i] += lambda);
    let mut weights = inverse(gram, n);
    let diagonal: Vec<f64> = (0..n).map(|i| weights[i * n + i]).collect();
    for (i, row) in weights.chunks_mut(n).enumerate() {
        row.iter_mut().zip(&diagonal).for_each(|(p, p_jj)| *p /= -p_jj);
        row[i] = 0.0;
    }
    let all = ItemSet::all(n);
    let list = |items: &Vec<u32>| {
        let mut scores = vec![0.0; n];
        for &item in items {
            let row = &weights[item as usize * n..(item as usize + 1) * n];
            scores.iter_mut().zip(row).for_each(|(score, weight)| *score += weight);
        }
        top_k_of(&scores, k, &all, items).iter().map(|scored| scored.item).collect()
    };
    split.train.par_iter().map(list).collect()
}

/// Of a symmetric positive definite matrix: L L' by rows, M = L^-1, then M'M.
fn inverse(mut lower: Vec<f64>, n: usize) -> Vec<f64> {
    for i in 0..n {
        let (before, rest) = lower.split_at_mut(i * n);
        let row = &mut rest[..n];
        for j in 0..i {
            let other = &before[j * n..];
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        row[i] = (row[i] - dot(&row[..i], &row[..i])).sqrt();
    }
    let mut inverted = vec![0.0; n * n];
    for i in 0..n {
        let (before, rest) = inverted.split_at_mut(i * n);
        let pivot = lower[i * n + i];
        for j in 0..i {
            let factor = lower[i * n + j] / pivot;
            rest[..=j].iter_mut().zip(&before[j * n..]).for_each(|(sum, cell)| *sum -= factor * cell);
        }
        rest[i] = 1.0 / pivot;
    }
    let mut product = vec![0.0; n * n];
    // Eight rows at a time, or memory would be the limit.
    product.par_chunks_mut(8 * n).enumerate().for_each(|(block, rows)| {
        for (k, of_k) in inverted.chunks(n).enumerate().skip(block * 8) {
            for (i, row) in rows.chunks_mut(n).enumerate() {
                let factor = of_k[block * 8 + i];
                row[..=k].iter_mut().zip(of_k).for_each(|(sum, cell)| *sum += factor * cell);
            }
        }
    });
    product
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (whole_a, whole_b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = whole_a.remainder().iter().zip(whole_b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in whole_a.zip(whole_b) {
        (0..8).for_each(|lane| lanes[lane] += x[lane] * y[lane]);
    }
    rest + lanes.iter().sum::<f64>()
}

#[test]
fn a_plain_inverse_by_hand() {
    let inverted = inverse(vec![4.0, 2.0, 2.0, 3.0], 2);
    for (got, expected) in inverted.iter().zip([0.375, -0.25, -0.25, 0.5]) {
        assert!((got - expected).abs() < 1e-15, "{inverted:?}");
    }
}
