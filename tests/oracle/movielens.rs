//! Fixed splits of MovieLens, read from the folder in `BESPOKE_DATA`, and how far figures on them may lie apart.

use std::path::{Path, PathBuf};

use bespoke::features::Interactions;
use bespoke::metrics::ranking::{MeanEstimate, RankingMetric, coverage};
use bespoke::tables::Buckets;
use bespoke::types::Timestamp;

/// The folder with public data sets; `None` after a visible line when it is not given.
pub fn data_folder(test: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "tests find their data by the environment")]
    let (folder, required) = (std::env::var_os("BESPOKE_DATA"), std::env::var_os("BESPOKE_REQUIRE_DATA"));
    if folder.is_none() {
        assert!(required.is_none_or(|r| r != "1"), "BESPOKE_REQUIRE_DATA is 1, but BESPOKE_DATA is unset");
        println!("SKIPPED {test}: BESPOKE_DATA is unset");
    }
    folder.map(PathBuf::from)
}

/// Training and test items per customer.
pub struct Split {
    pub train: Vec<Vec<u32>>,
    pub test: Vec<Vec<u32>>,
    pub n_items: usize,
}

impl Split {
    pub fn interactions(&self) -> Interactions {
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

    pub fn excluded(&self) -> Vec<&[u32]> {
        self.train.iter().map(Vec::as_slice).collect()
    }

    pub fn metric(&self, metric: RankingMetric, lists: &[Vec<u32>], k: usize) -> f64 {
        let estimate = MeanEstimate::of(&metric.per_customer(lists, &self.test, k)).unwrap();
        println!("{} {estimate}", metric.name(k));
        estimate.mean
    }

    /// Every metric of the lists at `k`, and their coverage, as a row of the table of published figures: precision,
    /// recall, recall_capped, ndcg, ndcg_fullideal, map, hit_rate, mrr, coverage.
    pub fn check_figures(
        &self,
        what: &str,
        lists: &[Vec<u32>],
        k: usize,
        expected: [f64; 9],
        tolerance: f64,
    ) {
        for (metric, expected) in RankingMetric::ALL.into_iter().zip(expected) {
            near(&format!("{what} {}", metric.name(k)), self.metric(metric, lists, k), expected, tolerance);
        }
        // Counted in whole items, of which ties may move some.
        let covered = coverage(lists, k, self.n_items).unwrap();
        near(&format!("{what} coverage"), covered, expected[8], tolerance.max(1.5 / self.n_items as f64));
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
pub fn movielens_1m(folder: &Path) -> Split {
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
pub fn movielens_100k(folder: &Path) -> Split {
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

pub fn near(what: &str, got: f64, expected: f64, tolerance: f64) {
    println!("{what}: {got}, expected {expected} +- {tolerance}");
    assert!((got - expected).abs() <= tolerance, "{what} is {got}, expected {expected} +- {tolerance}");
}
