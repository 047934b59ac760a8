//! How good ranked lists are, per customer, with intervals.
//!
//! T = the items a customer took in the test window, hits = items of T among the first k of the list, rel_p = 1 if
//! the item at position p (from 1) is in T, D(p) = 1 / log2(p + 1). Means are over customers with at least one test
//! item. Definitions with the same names differ between papers; these are fixed and the variants have full names.

use serde::{Deserialize, Serialize};

use crate::recommend::ItemSet;

/// A measure of one customer's list.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RankingMetric {
    /// hits / k, also when the list is shorter than k.
    Precision,
    /// hits / |T|.
    Recall,
    /// hits / min(k, |T|), for comparison with literature that calls this recall.
    RecallCapped,
    /// sum over p of rel_p D(p), divided by its largest value for min(k, |T|) hits.
    Ndcg,
    /// The same numerator divided by its largest value for |T| hits, for comparison with literature.
    NdcgFullIdeal,
    /// sum over p of rel_p * precision at p, divided by min(k, |T|).
    Map,
    /// 1 if there is a hit.
    HitRate,
    /// 1 / position of the first hit, 0 without one.
    Mrr,
}

impl RankingMetric {
    /// All metrics.
    pub const ALL: [Self; 8] = [
        Self::Precision,
        Self::Recall,
        Self::RecallCapped,
        Self::Ndcg,
        Self::NdcgFullIdeal,
        Self::Map,
        Self::HitRate,
        Self::Mrr,
    ];

    /// The printed name at a cut, for example `recall@20`.
    #[must_use]
    pub fn name(self, k: usize) -> String {
        let name = match self {
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::RecallCapped => "recall_capped",
            Self::Ndcg => "ndcg",
            Self::NdcgFullIdeal => "ndcg_fullideal",
            Self::Map => "map",
            Self::HitRate => "hit_rate",
            Self::Mrr => "mrr",
        };
        format!("{name}@{k}")
    }

    /// The metric of one customer's list cut at `k`; `None` for a customer without test items, who has no part in
    /// the mean.
    ///
    /// `ranked` holds distinct items, best first; `taken` the distinct test items, ascending, those that no model
    /// could know included.
    ///
    /// # Panics
    /// When `k` is 0 or `taken` is not ascending: programmer errors.
    #[must_use]
    pub fn of_customer(self, ranked: &[u32], taken: &[u32], k: usize) -> Option<f64> {
        assert!(k > 0, "a cut of 0");
        assert!(taken.is_sorted(), "test items are in ascending order");
        if taken.is_empty() {
            return None;
        }
        let hit = |(_, item): &(usize, &u32)| taken.binary_search(item).is_ok();
        let places = ranked.iter().take(k).enumerate().filter(hit).map(|(at, _)| at + 1);
        Some(self.of_hits(places, taken.len(), k, discount, ideal))
    }

    /// The metric from the places of the hits (from 1, ascending, at most `k`) among `n_taken` > 0 test items, with D
    /// and its sum over the first places as functions, so that they can be looked up.
    pub(super) fn of_hits(
        self,
        places: impl Iterator<Item = usize> + Clone,
        n_taken: usize,
        k: usize,
        discount: impl Fn(usize) -> f64,
        ideal: impl Fn(usize) -> f64,
    ) -> f64 {
        let capped = k.min(n_taken);
        let hits = || places.clone().count() as f64;
        // Not `sum`, which is -0 of nothing.
        let gained = || places.clone().map(&discount).fold(0.0, |sum, part| sum + part);
        match self {
            Self::Precision => hits() / k as f64,
            Self::Recall => hits() / n_taken as f64,
            Self::RecallCapped => hits() / capped as f64,
            Self::Ndcg => gained() / ideal(capped),
            Self::NdcgFullIdeal => gained() / ideal(n_taken),
            Self::Map => {
                let precision = |(before, place): (usize, usize)| (before + 1) as f64 / place as f64;
                places.enumerate().map(precision).fold(0.0, |sum, part| sum + part) / capped as f64
            }
            Self::HitRate => f64::from(u8::from(places.clone().next().is_some())),
            Self::Mrr => places.clone().next().map_or(0.0, |place| 1.0 / place as f64),
        }
    }

    /// The metric of every customer with test items, in order; see [`RankingMetric::of_customer`].
    ///
    /// # Panics
    /// When the numbers of lists differ, and as [`RankingMetric::of_customer`]: programmer errors.
    #[must_use]
    pub fn per_customer<R: AsRef<[u32]>, T: AsRef<[u32]>>(
        self,
        ranked: &[R],
        taken: &[T],
        k: usize,
    ) -> Vec<f64> {
        assert_eq!(ranked.len(), taken.len(), "a list and a test set per customer");
        let lists = ranked.iter().zip(taken);
        lists.filter_map(|(ranked, taken)| self.of_customer(ranked.as_ref(), taken.as_ref(), k)).collect()
    }
}

/// D(p) = 1 / log2(p + 1).
pub(super) fn discount(place: usize) -> f64 {
    1.0 / libm::log2((place + 1) as f64)
}

/// The sum of D over the first `n` places.
fn ideal(n: usize) -> f64 {
    (1..=n).map(discount).sum()
}

/// The share of the catalogue that appears in any list cut at `k`; `None` for an empty catalogue.
///
/// # Panics
/// When an item is not of the catalogue: a programmer error.
#[must_use]
pub fn coverage<R: AsRef<[u32]>>(ranked: &[R], k: usize, n_items: usize) -> Option<f64> {
    let mut seen = ItemSet::none(n_items);
    let shown = ranked.iter().flat_map(|list| list.as_ref().iter().take(k));
    shown.for_each(|&item| seen.insert(item));
    (n_items > 0).then(|| seen.len() as f64 / n_items as f64)
}

/// A mean over customers with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanEstimate {
    /// The mean.
    pub mean: f64,
    /// sd / sqrt(n); absent for a single customer.
    pub standard_error: Option<f64>,
    /// Customers in the mean.
    pub n_customers: usize,
}

impl MeanEstimate {
    /// The mean of one number per customer, summed in their order; `None` without customers.
    #[must_use]
    pub fn of(per_customer: &[f64]) -> Option<Self> {
        let n = per_customer.len();
        if n == 0 {
            return None;
        }
        let mean = per_customer.iter().sum::<f64>() / n as f64;
        let squares: f64 = per_customer.iter().map(|x| (x - mean) * (x - mean)).sum();
        let standard_error = (n > 1).then(|| libm::sqrt(squares / (n - 1) as f64 / n as f64));
        Some(Self { mean, standard_error, n_customers: n })
    }

    /// The mean of `a - b` over the same customers: the comparison of two models; `None` without customers.
    ///
    /// # Panics
    /// When the lengths differ: a programmer error.
    #[must_use]
    pub fn of_difference(a: &[f64], b: &[f64]) -> Option<Self> {
        assert_eq!(a.len(), b.len(), "the same customers on both sides");
        Self::of(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
    }

    /// The 95 % interval of the mean by the normal approximation; `None` for a single customer.
    #[must_use]
    pub fn interval(&self) -> Option<(f64, f64)> {
        /// The 97.5 % point of the standard normal.
        const Z: f64 = 1.959_963_984_540_054;
        self.standard_error.map(|se| (self.mean - Z * se, self.mean + Z * se))
    }
}

impl std::fmt::Display for MeanEstimate {
    /// For example `0.2660 [0.2616, 0.2704] n=6022`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.4}", self.mean)?;
        if let Some((low, high)) = self.interval() {
            write!(f, " [{low:.4}, {high:.4}]")?;
        }
        write!(f, " n={}", self.n_customers)
    }
}

#[cfg(test)]
mod tests {
    use super::RankingMetric::*;
    use super::*;

    /// Hits at positions 2 and 3 of 4; three items were taken, one of them unreachable.
    #[test]
    fn every_metric_by_hand() {
        let of = |metric: RankingMetric, k| metric.of_customer(&[8, 3, 5, 1], &[3, 5, 99], k).unwrap();
        let (d2, d3) = (1.0 / 3.0f64.log2(), 0.5);
        let near = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        near(of(Precision, 4), 0.5);
        near(of(Precision, 10), 0.2);
        near(of(Recall, 4), 2.0 / 3.0);
        near(of(Recall, 2), 1.0 / 3.0);
        near(of(RecallCapped, 2), 0.5);
        near(of(Ndcg, 4), (d2 + d3) / (1.0 + d2 + d3));
        near(of(Ndcg, 2), d2 / (1.0 + d2));
        near(of(NdcgFullIdeal, 2), d2 / (1.0 + d2 + d3));
        near(of(Map, 4), (1.0 / 2.0 + 2.0 / 3.0) / 3.0);
        near(of(HitRate, 1), 0.0);
        near(of(HitRate, 2), 1.0);
        near(of(Mrr, 4), 0.5);
        near(of(Mrr, 1), 0.0);
    }

    #[test]
    fn a_perfect_list_has_one_everywhere() {
        for metric in RankingMetric::ALL {
            assert_eq!(metric.of_customer(&[2, 1], &[1, 2], 2), Some(1.0), "{}", metric.name(2));
        }
    }

    #[test]
    fn a_list_without_hits_has_plain_zeros() {
        for metric in RankingMetric::ALL {
            let none = metric.of_customer(&[2, 1], &[3], 2).unwrap();
            assert!(none == 0.0 && none.is_sign_positive(), "{}", metric.name(2));
        }
    }

    #[test]
    fn customers_without_test_items_have_no_part() {
        let (ranked, taken) = ([vec![1u32], vec![2]], [vec![], vec![3u32]]);
        assert_eq!(Recall.per_customer(&ranked, &taken, 1), [0.0]);
    }

    #[test]
    fn coverage_counts_items_once() {
        assert_eq!(coverage(&[vec![0u32, 1], vec![1, 0], vec![1, 2, 3]], 2, 4), Some(0.75));
        assert_eq!(coverage::<Vec<u32>>(&[], 2, 0), None);
    }

    #[test]
    fn intervals_by_hand() {
        let estimate = MeanEstimate::of(&[0.0, 1.0, 1.0, 2.0]).unwrap();
        assert_eq!((estimate.mean, estimate.n_customers), (1.0, 4));
        let se = (2.0f64 / 3.0 / 4.0).sqrt();
        assert!((estimate.standard_error.unwrap() - se).abs() < 1e-15);
        assert_eq!(estimate.to_string(), "1.0000 [0.1998, 1.8002] n=4");
        let paired = MeanEstimate::of_difference(&[3.0, 5.0], &[1.0, 3.0]).unwrap();
        assert_eq!((paired.mean, paired.standard_error), (2.0, Some(0.0)));
        assert_eq!(MeanEstimate::of(&[0.5]).unwrap().interval(), None);
        assert_eq!(MeanEstimate::of(&[]), None);
    }

    #[test]
    #[should_panic(expected = "a cut of 0")]
    fn a_cut_of_nothing_is_a_programmer_error() {
        let _ = Recall.of_customer(&[], &[], 0);
    }
}
