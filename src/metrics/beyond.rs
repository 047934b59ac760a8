//! What lists are like apart from their hits: how much of the catalogue they use and how evenly, how unexpected their
//! items are, how unlike each other inside a list and between customers.
//!
//! Everything is linear in the number of lists and of items; nothing is kept per pair of customers.

use crate::features::Interactions;
use crate::recommend::ItemSet;

/// How many lists show each item among their first k.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposures {
    k: usize,
    n_lists: u64,
    of_item: Vec<u32>,
}

impl Exposures {
    /// Of no list, for lists cut at `k` over a catalogue of `n_items`.
    ///
    /// # Panics
    /// When `k` is 0: a programmer error.
    #[must_use]
    pub fn none(n_items: usize, k: usize) -> Self {
        assert!(k > 0, "a cut of 0");
        Self { k, n_lists: 0, of_item: vec![0; n_items] }
    }

    /// Adds a list of distinct items, best first; a list without items counts.
    ///
    /// # Panics
    /// When an item is not of the catalogue: a programmer error.
    pub fn add(&mut self, ranked: &[u32]) {
        self.n_lists += 1;
        ranked.iter().take(self.k).for_each(|&item| self.of_item[item as usize] += 1);
    }

    /// The share of the candidates that some list shows; `None` without candidates.
    #[must_use]
    pub fn coverage(&self, candidates: &ItemSet) -> Option<f64> {
        let n_shown = candidates.iter().filter(|&item| self.of_item[item as usize] > 0).count();
        (!candidates.is_empty()).then(|| n_shown as f64 / candidates.len() as f64)
    }

    /// Gini coefficient of the exposures of the candidates: sum over j of (2 j - I - 1) c_j / (I sum of c), c
    /// ascending, j from 1; 0 when all are shown equally often, 1 - 1/I when one item takes all. `None` when nothing
    /// is shown. (Fleder and Hosanagar, Management Science 2009.)
    #[must_use]
    pub fn gini(&self, candidates: &ItemSet) -> Option<f64> {
        let mut shown: Vec<u32> = candidates.iter().map(|item| self.of_item[item as usize]).collect();
        shown.sort_unstable();
        let n = shown.len() as i128;
        let total: i128 = shown.iter().map(|&c| i128::from(c)).sum();
        let weighted: i128 =
            (1..).zip(&shown).map(|(j, &c): (i128, _)| (2 * j - n - 1) * i128::from(c)).sum();
        (total > 0).then(|| weighted as f64 / (n * total) as f64)
    }

    /// 1 - mean over pairs of lists of (common items / k): 0 when all have the same full list, 1 when no two share an
    /// item; places that stayed empty are shared with nobody. `None` for fewer than two lists.
    ///
    /// Exact without going over pairs: an item in c lists is common to c (c - 1) / 2 pairs. (Zhou et al., PNAS 2010,
    /// eq. 5, the mean Hamming distance between lists.)
    #[must_use]
    pub fn personalisation(&self) -> Option<f64> {
        let pairs = |n: u64| u128::from(n) * u128::from(n.saturating_sub(1));
        let common: u128 = self.of_item.iter().map(|&c| pairs(u64::from(c))).sum();
        let possible = pairs(self.n_lists) * self.k as u128;
        (possible > 0).then(|| 1.0 - common as f64 / possible as f64)
    }
}

/// How many customers took each item in training.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemPopularity {
    n_customers: u32,
    taken_by: Vec<u32>,
    /// Items that anybody took, guests included.
    known: ItemSet,
}

impl ItemPopularity {
    /// Of training pairs.
    ///
    /// # Panics
    /// When an item is not of the catalogue: a programmer error.
    #[must_use]
    pub fn of(train: &Interactions) -> Self {
        let mut taken_by = vec![0; train.n_items];
        train.items.iter().for_each(|&item| taken_by[item as usize] += 1);
        let mut known = ItemSet::filter(train.n_items, |item| taken_by[item as usize] > 0);
        train.guests.iter().for_each(|guest| known.insert(guest.item));
        let n_customers = (0..train.n_customers()).filter(|&c| !train.items_of(c).is_empty()).count() as u32;
        Self { n_customers, taken_by, known }
    }

    /// Size of the catalogue.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.taken_by.len()
    }

    /// Whether anybody took the item: no model that learns from pairs alone can reach the others.
    #[must_use]
    pub fn is_known(&self, item: u32) -> bool {
        self.known.contains(item)
    }

    /// -log2 p of an item, with p = max(customers who took it, 1) / customers with a pair: 0 bits for what everybody
    /// has, and what nobody has counts as one customer's. `None` when nobody has anything.
    ///
    /// The mean over a list is its novelty, the mean self-information (Zhou et al., PNAS 2010).
    #[must_use]
    pub fn self_information(&self, item: u32) -> Option<f64> {
        let taken_by = self.taken_by[item as usize].max(1);
        (self.n_customers > 0).then(|| libm::log2(f64::from(self.n_customers) / f64::from(taken_by)))
    }
}

/// How alike two items are.
pub trait ItemSimilarity: Sync {
    /// What goes into it, for the convention line of tables; for example `category`.
    fn name(&self) -> &str;

    /// 1 for alike, 0 for nothing in common, the same both ways round; `None` where it is not known.
    fn similarity(&self, a: u32, b: u32) -> Option<f64>;
}

/// Jaccard similarity of items' attribute sets, such as categories or tags: common / in either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeSets {
    name: String,
    starts: Vec<u32>,
    /// Ascending and distinct inside an item.
    attributes: Vec<u32>,
}

impl AttributeSets {
    /// Sets by item, in any order; nothing is known of an item with an empty set.
    #[must_use]
    pub fn new<S: AsRef<[u32]>>(name: &str, of_items: &[S]) -> Self {
        let mut sets = Self { name: name.to_owned(), starts: vec![0], attributes: Vec::new() };
        for of_item in of_items {
            let mut set = of_item.as_ref().to_vec();
            set.sort_unstable();
            set.dedup();
            sets.attributes.extend(set);
            sets.starts.push(sets.attributes.len() as u32);
        }
        sets
    }

    /// Sets of one: two items are alike when they have the same category, and not at all otherwise.
    #[must_use]
    pub fn of_categories(name: &str, categories: &[Option<u32>]) -> Self {
        let sets: Vec<Vec<u32>> =
            categories.iter().map(|category| category.iter().copied().collect()).collect();
        Self::new(name, &sets)
    }

    fn of(&self, item: u32) -> &[u32] {
        &self.attributes[self.starts[item as usize] as usize..self.starts[item as usize + 1] as usize]
    }
}

impl ItemSimilarity for AttributeSets {
    fn name(&self) -> &str {
        &self.name
    }

    fn similarity(&self, a: u32, b: u32) -> Option<f64> {
        let (a, b) = (self.of(a), self.of(b));
        if let ([a], [b]) = (a, b) {
            return Some(f64::from(u8::from(a == b)));
        }
        let n_common = a.iter().filter(|attribute| b.binary_search(attribute).is_ok()).count();
        let is_known = !a.is_empty() && !b.is_empty();
        is_known.then(|| n_common as f64 / (a.len() + b.len() - n_common) as f64)
    }
}

/// Intra-list diversity at each cut: the mean of 1 - similarity over the pairs of items among the first k, pairs of
/// unknown similarity left out; `None` without such a pair. (Ziegler et al., WWW 2005; as a distance, Castells, Hurley
/// and Vargas, Recommender Systems Handbook 2015.)
///
/// `cuts` ascend. Quadratic in the length of the list and in nothing else.
#[must_use]
pub fn intra_list_diversity(
    ranked: &[u32],
    cuts: &[usize],
    similarity: &dyn ItemSimilarity,
) -> Vec<Option<f64>> {
    let (mut sum, mut n_pairs, mut done) = (0.0, 0u32, 0);
    let at_cut = |&k: &usize| {
        let end = k.min(ranked.len());
        for place in done..end {
            for &other in &ranked[..place] {
                if let Some(alike) = similarity.similarity(other, ranked[place]) {
                    sum += 1.0 - alike;
                    n_pairs += 1;
                }
            }
        }
        done = done.max(end);
        (n_pairs > 0).then(|| sum / f64::from(n_pairs))
    };
    cuts.iter().map(at_cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::GuestPurchase;
    use crate::metrics::ranking::coverage;
    use crate::tables::Buckets;
    use crate::types::Timestamp;

    fn exposures(lists: &[Vec<u32>], n_items: usize, k: usize) -> Exposures {
        let mut exposures = Exposures::none(n_items, k);
        lists.iter().for_each(|list| exposures.add(list));
        exposures
    }

    #[test]
    fn exposures_by_hand() {
        // Item 0 in three lists, 1 in two, 2 in one, 3 in none (place 3 of the last list is cut).
        let lists = [vec![0, 1], vec![1, 0], vec![2, 0, 3]];
        let exposures = exposures(&lists, 4, 2);
        let all = ItemSet::all(4);
        assert_eq!(exposures.coverage(&all), Some(0.75));
        // Ascending 0 1 2 3: (-3)0 + (-1)1 + 1*2 + 3*3 = 10, over 4 * 6.
        assert_eq!(exposures.gini(&all), Some(10.0 / 24.0));
        // Pairs of lists share 2, 1 and 1 items: mean 4/3 of 2 places.
        assert!((exposures.personalisation().unwrap() - (1.0 - 4.0 / 6.0)).abs() < 1e-15);
        let some = ItemSet::filter(4, |item| item < 3);
        assert_eq!((exposures.coverage(&some), exposures.gini(&some)), (Some(1.0), Some(4.0 / 18.0)));
    }

    #[test]
    fn extremes_of_exposure() {
        let one_item = exposures(&vec![vec![2]; 5], 4, 1);
        let all = ItemSet::all(4);
        assert_eq!((one_item.gini(&all), one_item.personalisation()), (Some(0.75), Some(0.0)));
        let even = exposures(&[vec![0, 1], vec![2, 3]], 4, 2);
        assert_eq!((even.gini(&all), even.personalisation()), (Some(0.0), Some(1.0)));
        let nothing = exposures(&[vec![]], 4, 2);
        assert_eq!((nothing.gini(&all), nothing.coverage(&all)), (None, Some(0.0)));
        assert_eq!(nothing.personalisation(), None);
        assert_eq!(Exposures::none(0, 1).coverage(&ItemSet::none(0)), None);
    }

    #[test]
    fn novelty_by_hand() {
        // Of four customers with pairs, item 0 was taken by all, item 1 by one, item 2 by nobody, item 3 by a guest.
        let train = Interactions {
            as_of: Timestamp(1),
            n_items: 4,
            starts: vec![0, 2, 3, 4, 4, 5],
            items: vec![0, 1, 0, 0, 0],
            last_at: vec![Timestamp(0); 5],
            guests: vec![GuestPurchase { item: 3, at: Timestamp(0) }],
            buckets: Buckets::even(5),
        };
        let popularity = ItemPopularity::of(&train);
        let bits = [0, 1, 2, 3].map(|item| popularity.self_information(item).unwrap());
        assert_eq!(bits, [0.0, 2.0, 2.0, 2.0]);
        assert_eq!([0, 1, 2, 3].map(|item| popularity.is_known(item)), [true, true, false, true]);
        let nobody =
            Interactions { starts: vec![0], items: vec![], last_at: vec![], guests: vec![], ..train };
        assert_eq!(ItemPopularity::of(&nobody).self_information(0), None);
    }

    #[test]
    fn diversity_by_hand() {
        let sets = AttributeSets::new("tags", &[vec![1, 2], vec![2, 1, 2], vec![2, 3], vec![], vec![9]]);
        assert_eq!((sets.similarity(0, 1), sets.similarity(0, 2)), (Some(1.0), Some(1.0 / 3.0)));
        assert_eq!((sets.similarity(0, 3), sets.similarity(4, 0)), (None, Some(0.0)));
        let got = intra_list_diversity(&[0, 1, 3, 2, 4], &[1, 2, 3, 4, 9], &sets);
        // Up to 2: the pair 0 1. Up to 4: 0-2 and 1-2 as well, item 3 is unknown. Then three pairs without anything common.
        let four = (2.0 / 3.0 + 2.0 / 3.0) / 3.0;
        assert_eq!(got[..3], [None, Some(0.0), Some(0.0)]);
        assert!((got[3].unwrap() - four).abs() < 1e-15);
        assert!((got[4].unwrap() - (4.0 / 3.0 + 3.0) / 6.0).abs() < 1e-15);
        let categories = AttributeSets::of_categories("category", &[Some(3), Some(3), Some(4), None]);
        assert_eq!(intra_list_diversity(&[0, 1, 2, 3], &[4], &categories), [Some(2.0 / 3.0)]);
        assert_eq!(categories.name(), "category");
    }

    /// Distinct items, in the order drawn.
    fn lists() -> impl proptest::strategy::Strategy<Value = Vec<Vec<u32>>> {
        use proptest::prelude::*;
        let list = prop::collection::vec(0..12u32, 0..9).prop_map(|mut list| {
            let mut seen = std::collections::BTreeSet::new();
            list.retain(|&item| seen.insert(item));
            list
        });
        prop::collection::vec(list, 0..14)
    }

    /// As it is defined: pair of lists by pair of lists.
    fn personalisation_of_pairs(lists: &[Vec<u32>], k: usize) -> Option<f64> {
        let cut: Vec<&[u32]> = lists.iter().map(|list| &list[..k.min(list.len())]).collect();
        let (mut sum, mut n_pairs) = (0.0, 0.0);
        for (at, a) in cut.iter().enumerate() {
            for b in &cut[..at] {
                sum += a.iter().filter(|item| b.contains(item)).count() as f64 / k as f64;
                n_pairs += 1.0;
            }
        }
        (n_pairs > 0.0).then(|| 1.0 - sum / n_pairs)
    }

    /// Half the mean absolute difference over the mean: the other definition.
    fn gini_of_differences(counts: &[f64]) -> f64 {
        let n = counts.len() as f64;
        let differences: f64 = counts.iter().flat_map(|a| counts.iter().map(move |b| (a - b).abs())).sum();
        differences / (2.0 * n * counts.iter().sum::<f64>())
    }

    proptest::proptest! {
        #[test]
        fn linear_forms_equal_definitions(lists in lists(), k in 1usize..10) {
            let (exposures, all) = (exposures(&lists, 12, k), ItemSet::all(12));
            proptest::prop_assert_eq!(exposures.coverage(&all), coverage(&lists, k, 12));
            let (linear, plain) = (exposures.personalisation(), personalisation_of_pairs(&lists, k));
            proptest::prop_assert_eq!(linear.is_some(), plain.is_some());
            let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
            proptest::prop_assert!(linear.zip(plain).is_none_or(|(a, b)| close(a, b)));
            let shown = |item: u32| lists.iter().filter(|l| l.iter().take(k).any(|&i| i == item)).count() as f64;
            let counts: Vec<f64> = (0..12).map(shown).collect();
            if let Some(gini) = exposures.gini(&all) {
                proptest::prop_assert!(close(gini, gini_of_differences(&counts)));
            } else {
                proptest::prop_assert!(counts.iter().all(|&c| c == 0.0));
            }
        }
    }
}
