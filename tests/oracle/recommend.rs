//! Published figures and exact losses of iALS and popularity on fixed splits of MovieLens.
//!
//! The files are read from the folder in `BESPOKE_DATA`.

use std::path::PathBuf;

use bespoke::features::Interactions;
use bespoke::kernels::KernelLevel;
use bespoke::metrics::ranking::{MeanEstimate, RankingMetric, coverage};
use bespoke::params::Params;
use bespoke::recommend::{IalsModel, IalsParams, ItemSet, top_k_batch, top_k_of};
use bespoke::tables::Buckets;
use bespoke::types::Timestamp;

/// The folder with public data sets; `None` after a visible line when it is not given.
pub(super) fn data_folder(test: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "tests find their data by the environment")]
    let (folder, required) = (std::env::var_os("BESPOKE_DATA"), std::env::var_os("BESPOKE_REQUIRE_DATA"));
    if folder.is_none() {
        assert!(required.is_none_or(|r| r != "1"), "BESPOKE_REQUIRE_DATA is 1, but BESPOKE_DATA is unset");
        println!("SKIPPED {test}: BESPOKE_DATA is unset");
    }
    folder.map(PathBuf::from)
}

/// Training and test items per customer.
pub(super) struct Split {
    pub(super) train: Vec<Vec<u32>>,
    pub(super) test: Vec<Vec<u32>>,
    pub(super) n_items: usize,
}

impl Split {
    pub(super) fn interactions(&self) -> Interactions {
        let mut starts = vec![0];
        for items in &self.train {
            starts.push(starts[starts.len() - 1] + items.len() as u32);
        }
        let items: Vec<u32> = self.train.concat();
        Interactions {
            as_of: Timestamp(1),
            n_items: self.n_items,
            last_at: vec![Timestamp(0); items.len()],
            starts,
            items,
            guests: Vec::new(),
            buckets: Buckets::even(self.train.len()),
        }
    }

    fn excluded(&self) -> Vec<&[u32]> {
        self.train.iter().map(Vec::as_slice).collect()
    }

    fn metric(&self, metric: RankingMetric, lists: &[Vec<u32>], k: usize) -> f64 {
        let estimate = MeanEstimate::of(&metric.per_customer(lists, &self.test, k)).unwrap();
        println!("{} {estimate}", metric.name(k));
        estimate.mean
    }

    /// Lists of every customer by fold-in of the history, which is left out.
    fn lists(&self, model: &IalsModel, k: usize) -> Vec<Vec<u32>> {
        let mut scratch = model.scratch();
        let fold_in = |items: &Vec<u32>| model.fold_in(items, &mut scratch).expect("known items");
        let customers: Vec<f32> = self.train.iter().flat_map(fold_in).collect();
        let all = ItemSet::all(self.n_items);
        let lists = top_k_batch(model.panels(), &customers, k, &all, &self.excluded());
        lists.iter().map(|list| list.iter().map(|scored| scored.item).collect()).collect()
    }

    pub(super) fn popular_lists(&self, k: usize) -> Vec<Vec<u32>> {
        let mut strength = vec![0.0; self.n_items];
        self.train.iter().flatten().for_each(|&item| strength[item as usize] += 1.0);
        let all = ItemSet::all(self.n_items);
        let list = |items: &Vec<u32>| top_k_of(&strength, k, &all, items).iter().map(|s| s.item).collect();
        self.train.iter().map(list).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "tests open their data")]
fn numbers(path: PathBuf) -> Vec<Vec<u32>> {
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(|line| line.split_whitespace().map(|n| n.parse().expect("a number")).collect()).collect()
}

fn sorted(mut items: Vec<u32>) -> Vec<u32> {
    items.sort_unstable();
    items
}

/// Split B of the field guide: one line per customer, the customer first.
pub(super) fn movielens_1m(folder: &std::path::Path) -> Split {
    let read = |name| -> Vec<Vec<u32>> {
        let lines = numbers(folder.join("ml-1m-ultragcn").join(name));
        lines.into_iter().map(|line| sorted(line[1..].to_vec())).collect()
    };
    let split = Split { train: read("train.txt"), test: read("test.txt"), n_items: 3043 };
    let sums = |lists: &[Vec<u32>]| -> (usize, u64) {
        let pairs = lists.iter().flatten();
        (pairs.clone().count(), pairs.map(|&item| u64::from(item)).sum())
    };
    assert_eq!(sums(&split.train), (796_244, 1_107_920_845));
    assert_eq!(sums(&split.test), (99_455, 138_466_228));
    split
}

/// Split A: ratings in training, lists in test, ids from 1.
pub(super) fn movielens_100k(folder: &std::path::Path) -> Split {
    let folder = folder.join("ml-100k-mcrec");
    let (mut train, mut test) = (vec![Vec::new(); 943], vec![Vec::new(); 943]);
    for line in numbers(folder.join("ml-100k.train.rating")) {
        train[line[0] as usize - 1].push(line[1] - 1);
    }
    for line in numbers(folder.join("ml-100k.test.rating")) {
        test[line[0] as usize - 1].extend(line[1..].iter().map(|item| item - 1));
    }
    let [train, test] = [train, test].map(|lists| lists.into_iter().map(sorted).collect::<Vec<_>>());
    assert_eq!(train.iter().flatten().count(), 80_000);
    assert_eq!(test.iter().flatten().map(|&item| u64::from(item) + 1).sum::<u64>(), 8_461_688);
    Split { train, test, n_items: 1682 }
}

pub(super) fn near(what: &str, got: f64, expected: f64, tolerance: f64) {
    println!("{what}: {got}, expected {expected} +- {tolerance}");
    assert!((got - expected).abs() <= tolerance, "{what} is {got}, expected {expected} +- {tolerance}");
}

fn params(alpha0: f64, lambda: f64) -> IalsParams {
    IalsParams { alpha0, lambda, n_epochs: 12, ..IalsParams::new(1) }
}

#[test]
fn ials_on_movielens_1m() {
    let Some(folder) = data_folder("ials_on_movielens_1m") else { return };
    let split = movielens_1m(&folder);
    let valid = params(0.3, 0.007).check().unwrap();
    let (model, loss) = valid.fit_with_loss(&split.interactions(), KernelLevel::detect()).unwrap();
    println!("{loss:?}");
    near("loss", loss.total(), 468_660.0, 40.0);
    let lists = split.lists(&model, 20);
    let recall = split.metric(RankingMetric::Recall, &lists, 20);
    assert!(recall >= 0.270);
    near("recall@20", recall, 0.2777, 0.003);
    near("ndcg@20", split.metric(RankingMetric::Ndcg, &lists, 20), 0.2650, 0.003);
    near("recall_capped@20", split.metric(RankingMetric::RecallCapped, &lists, 20), 0.3126, 0.003);
    near("map@20", split.metric(RankingMetric::Map, &lists, 20), 0.1257, 0.003);
    near("mrr@20", split.metric(RankingMetric::Mrr, &lists, 20), 0.439, 0.006);
    near("coverage@20", coverage(&lists, 20, split.n_items).unwrap(), 0.454, 0.015);
}

#[test]
fn ials_on_movielens_100k() {
    let Some(folder) = data_folder("ials_on_movielens_100k") else { return };
    let split = movielens_100k(&folder);
    for (n_factors, alpha0, lambda, expected_loss, expected_ndcg) in [
        (64, 0.3, 0.01, 43_986.0, 0.431),
        (128, 0.5, 0.01, 54_364.0, 0.449),
        (128, 0.3, 0.02, 51_064.0, 0.438),
    ] {
        let valid = IalsParams { n_factors, ..params(alpha0, lambda) }.check().unwrap();
        let (model, loss) = valid.fit_with_loss(&split.interactions(), KernelLevel::detect()).unwrap();
        println!("{loss:?}");
        near("loss", loss.total(), expected_loss, 20.0);
        near(
            "ndcg@10",
            split.metric(RankingMetric::Ndcg, &split.lists(&model, 10), 10),
            expected_ndcg,
            0.006,
        );
    }
}

#[test]
fn popularity_on_both_splits() {
    let Some(folder) = data_folder("popularity_on_both_splits") else { return };
    use RankingMetric::{HitRate, Map, Mrr, Ndcg, NdcgFullIdeal, Precision, Recall, RecallCapped};
    let metrics = [Precision, Recall, RecallCapped, Ndcg, NdcgFullIdeal, Map, HitRate, Mrr];
    let figures = [
        (
            movielens_100k(&folder),
            10,
            [0.1904, 0.1179, 0.2176, 0.2183, 0.1360, 0.1146, 0.7739, 0.4056],
            0.0327,
        ),
        (movielens_1m(&folder), 20, [0.0778, 0.1161, 0.1377, 0.1176, 0.0996, 0.0446, 0.6488, 0.2393], 0.0381),
    ];
    for (split, k, expected, covered) in figures {
        let lists = split.popular_lists(k);
        for (metric, expected) in metrics.into_iter().zip(expected) {
            near(&metric.name(k), split.metric(metric, &lists, k), expected, 0.0002);
        }
        near("coverage", coverage(&lists, k, split.n_items).unwrap(), covered, 0.0002);
    }
}

#[test]
fn a_customer_with_a_long_history_gets_all_that_is_left() {
    let Some(folder) = data_folder("a_customer_with_a_long_history_gets_all_that_is_left") else { return };
    let split = movielens_100k(&folder);
    let history = &split.train[404];
    let answer = top_k_of(&vec![0.0; 1682], 1200, &ItemSet::all(1682), history);
    assert_eq!((history.len(), answer.len()), (605, 1077));
    assert!(answer.iter().all(|scored| history.binary_search(&scored.item).is_err()));
}
