//! Exact selection of the k best items under filters.
//!
//! The answer is the min(k, |C|) items of C with the largest score, where C is every item that is allowed and not
//! excluded; highest first, equal scores by the lower item. Filters act before selection: no over-fetching, no
//! padding, no marker scores.

use std::cmp::Ordering;

use super::item_set::bits;
use super::{ItemPanels, ItemSet};
use crate::kernels::KernelLevel;
use crate::kernels::dot::{BLOCK, not_below};

/// An item with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored<S = f32> {
    /// Row in the item table.
    pub item: u32,
    /// Its score; comparable within one customer and model only.
    pub score: S,
}

/// Numbers that can rank items.
pub trait Rank: Copy {
    /// A total order that agrees with `<` on finite numbers other than the two zeros.
    fn total_cmp(self, other: Self) -> Ordering;

    /// Which numbers of a block may stand before `other`, as bits; the others certainly do not.
    fn may_pass(block: &[Self], other: Self) -> u64 {
        let _ = (block, other);
        u64::MAX
    }
}

impl Rank for f32 {
    fn total_cmp(self, other: Self) -> Ordering {
        Self::total_cmp(&self, &other)
    }

    fn may_pass(block: &[Self], other: Self) -> u64 {
        block.as_array().map_or(u64::MAX, |block| not_below(KernelLevel::detect(), block, other))
    }
}

impl Rank for f64 {
    fn total_cmp(self, other: Self) -> Ordering {
        Self::total_cmp(&self, &other)
    }
}

/// The order of answers: higher score first, then lower item.
pub(super) fn better_first<S: Rank>(a: &Scored<S>, b: &Scored<S>) -> Ordering {
    b.score.total_cmp(a.score).then(a.item.cmp(&b.item))
}

/// Collects candidates and keeps the k best: a buffer that is cut by selection whenever it is full.
#[derive(Debug)]
struct Selector<S> {
    k: usize,
    kept: Vec<Scored<S>>,
    /// The k-th best so far, once there are k.
    worst: Option<Scored<S>>,
}

impl<S: Rank> Selector<S> {
    /// Candidates over k at which the buffer is cut, in multiples of k: 5k was faster than 2k on real factors.
    const SLACK: usize = 5;

    fn new(k: usize) -> Self {
        Self { k, kept: Vec::new(), worst: None }
    }

    fn offer(&mut self, candidate: Scored<S>) {
        if self.worst.is_some_and(|worst| better_first(&candidate, &worst) != Ordering::Less) {
            return;
        }
        self.kept.push(candidate);
        let room = if self.worst.is_none() { self.k } else { self.k * Self::SLACK };
        if self.k > 0 && self.kept.len() >= room {
            self.cut();
        }
    }

    /// Offers the items of block `at` that are set in `word`.
    fn offer_block(&mut self, at: usize, scores: &[S], word: u64) {
        for bit in bits(word) {
            self.offer(Scored { item: (at * BLOCK) as u32 + bit, score: scores[bit as usize] });
        }
    }

    fn cut(&mut self) {
        let (_, worst, _) = self.kept.select_nth_unstable_by(self.k - 1, better_first);
        self.worst = Some(*worst);
        self.kept.truncate(self.k);
    }

    fn finish(mut self) -> Vec<Scored<S>> {
        self.kept.sort_unstable_by(better_first);
        self.kept.truncate(self.k);
        self.kept
    }
}

/// A sorted exclude list read block by block.
#[derive(Clone, Copy, Debug)]
struct Excluded<'a> {
    rest: &'a [u32],
}

impl<'a> Excluded<'a> {
    fn new(sorted: &'a [u32]) -> Self {
        assert!(sorted.is_sorted(), "excluded items are in ascending order");
        Self { rest: sorted }
    }

    /// The excluded items of block `at` as bits; blocks are asked for in ascending order and may be left out.
    fn word(&mut self, at: usize) -> u64 {
        let mut word = 0;
        while let Some((&item, rest)) = self.rest.split_first()
            && (item as usize) < (at + 1) * BLOCK
        {
            if item as usize >= at * BLOCK {
                word |= 1u64 << (item as usize % BLOCK);
            }
            self.rest = rest;
        }
        word
    }
}

/// The `k` best items for one customer among `allowed` without `excluded`; see the module for order and ties.
///
/// `customer` has d cells; `excluded` is ascending and may repeat itself or name items past the catalogue. The
/// same bits as [`top_k_batch`] and as sorting [`ItemPanels::score_all`].
///
/// # Panics
/// When shapes do not fit or `excluded` is not ascending: programmer errors.
#[must_use]
pub fn top_k(
    panels: &ItemPanels,
    customer: &[f32],
    k: usize,
    allowed: &ItemSet,
    excluded: &[u32],
) -> Vec<Scored> {
    assert_eq!(customer.len(), panels.n_factors(), "one customer");
    top_k_group(panels, customer, k, allowed, &[excluded]).pop().unwrap_or_default()
}

/// [`top_k`] for many customers, in their order, over the caller's pool; same bits as one by one.
///
/// `customers` is n_customers x d row-major; `excluded[c]` is the ascending exclude list of customer `c`.
///
/// # Panics
/// When shapes do not fit or a list is not ascending: programmer errors.
#[must_use]
pub fn top_k_batch(
    panels: &ItemPanels,
    customers: &[f32],
    k: usize,
    allowed: &ItemSet,
    excluded: &[&[u32]],
) -> Vec<Vec<Scored>> {
    assert_eq!(customers.len(), excluded.len() * panels.n_factors(), "an exclude list per customer");
    let group =
        |(customers, excluded): (&[f32], &[&[u32]])| top_k_group(panels, customers, k, allowed, excluded);
    let cells = GROUP * panels.n_factors();
    #[cfg(feature = "train")]
    {
        use rayon::prelude::*;
        customers.par_chunks(cells).zip(excluded.par_chunks(GROUP)).flat_map_iter(group).collect()
    }
    #[cfg(not(feature = "train"))]
    customers.chunks(cells).zip(excluded.chunks(GROUP)).flat_map(group).collect()
}

/// Customers that pass over the items together: a multiple of the kernel's 6 rows, few enough for their factors
/// and scores to stay in cache beside a block of items.
const GROUP: usize = 48;

fn top_k_group(
    panels: &ItemPanels,
    customers: &[f32],
    k: usize,
    allowed: &ItemSet,
    excluded: &[&[u32]],
) -> Vec<Vec<Scored>> {
    assert_eq!(allowed.n_items(), panels.n_items(), "allowed items are of the same catalogue");
    let mut selectors: Vec<Selector<f32>> = excluded.iter().map(|_| Selector::new(k)).collect();
    let mut excluded: Vec<Excluded<'_>> = excluded.iter().map(|list| Excluded::new(list)).collect();
    let mut scores = vec![0.0; excluded.len() * BLOCK];
    for at in 0..panels.n_blocks() {
        let word = allowed.word(at);
        if word == 0 || k == 0 {
            continue;
        }
        let (blocks, _) = scores.as_chunks_mut::<BLOCK>();
        panels.block_scores(at, customers, blocks.as_flattened_mut());
        for ((selector, excluded), scores) in selectors.iter_mut().zip(&mut excluded).zip(&*blocks) {
            // A score that equals the k-th passes, because it may enter by a lower item; `offer` decides.
            let passed =
                selector.worst.map_or(u64::MAX, |worst| not_below(panels.level(), scores, worst.score));
            selector.offer_block(at, scores, passed & word & !excluded.word(at));
        }
    }
    selectors.into_iter().map(Selector::finish).collect()
}

/// The `k` best items by given strengths, for example popularity, under the contract of [`top_k`].
///
/// # Panics
/// When `allowed` is of another catalogue or `excluded` is not ascending: programmer errors.
#[must_use]
pub fn top_k_of<S: Rank>(strengths: &[S], k: usize, allowed: &ItemSet, excluded: &[u32]) -> Vec<Scored<S>> {
    assert_eq!(allowed.n_items(), strengths.len(), "allowed items are of the same catalogue");
    let mut selector = Selector::new(k);
    let mut excluded = Excluded::new(excluded);
    if k == 0 {
        return Vec::new();
    }
    for (at, strengths) in strengths.chunks(BLOCK).enumerate() {
        let passed = selector.worst.map_or(u64::MAX, |worst| S::may_pass(strengths, worst.score));
        selector.offer_block(at, strengths, passed & allowed.word(at) & !excluded.word(at));
    }
    selector.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_excluded_best_gives_its_slot_to_the_next() {
        let strengths = [1.0, 9.0, 5.0, 5.0, 0.5];
        let items = |k, allowed: &ItemSet, excluded: &[u32]| -> Vec<u32> {
            top_k_of(&strengths, k, allowed, excluded).iter().map(|s| s.item).collect()
        };
        let all = ItemSet::all(5);
        assert_eq!(items(2, &all, &[]), [1, 2]);
        assert_eq!(items(2, &all, &[1]), [2, 3]);
        assert_eq!(items(3, &all, &[1, 2, 7]), [3, 0, 4]);
        assert_eq!(items(9, &all, &[0]), [1, 2, 3, 4]);
        assert_eq!(items(9, &ItemSet::none(5), &[]), [0u32; 0]);
        assert_eq!(items(0, &all, &[]), [0u32; 0]);
    }

    #[test]
    fn blocks_left_out_do_not_shift_the_exclude_list() {
        let panels = ItemPanels::pack(&vec![1.0; 130], 1, KernelLevel::detect());
        let allowed = ItemSet::filter(130, |item| item >= 128);
        let answer = top_k(&panels, &[1.0], 5, &allowed, &[0, 1, 65]);
        assert_eq!(answer.iter().map(|s| s.item).collect::<Vec<_>>(), [128, 129]);
    }

    #[test]
    #[should_panic(expected = "ascending")]
    fn an_unsorted_exclude_list_is_a_programmer_error() {
        let _ = top_k_of(&[1.0, 2.0], 1, &ItemSet::all(2), &[1, 0]);
    }

    fn sorted_answer(scores: &[f32], k: usize, allowed: &ItemSet, excluded: &[u32]) -> Vec<Scored> {
        let mut all: Vec<Scored> = (0..scores.len() as u32)
            .filter(|item| allowed.contains(*item) && !excluded.contains(item))
            .map(|item| Scored { item, score: scores[item as usize] })
            .collect();
        all.sort_by(|a, b| f32::total_cmp(&b.score, &a.score).then(a.item.cmp(&b.item)));
        all.truncate(k);
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

        /// Few distinct values, so that ties are everywhere.
        #[test]
        fn top_k_equals_the_sort(
            (n, d, cells) in (1usize..300, 1usize..5).prop_flat_map(|(n, d)| {
                (Just(n), Just(d), prop::collection::vec(-3i8..4, n * d))
            }),
            customers in prop::collection::vec(-3i8..4, 5 * 70),
            n_customers in 1usize..70,
            k in 0usize..40,
            allowed_bits in prop::collection::vec(prop::bool::weighted(0.8), 300),
            mut excluded in prop::collection::vec(0u32..300, 0..30),
        ) {
            let factors: Vec<f32> = cells.iter().map(|&x| f32::from(x)).collect();
            let customers: Vec<f32> = customers[..n_customers * d].iter().map(|&x| f32::from(x)).collect();
            excluded.sort_unstable();
            let allowed = ItemSet::filter(n, |item| allowed_bits[item as usize]);
            let panels = ItemPanels::pack(&factors, d, KernelLevel::detect());
            let lists: Vec<&[u32]> = (0..n_customers).map(|c| &excluded[..c % (excluded.len() + 1)]).collect();
            let batch = top_k_batch(&panels, &customers, k, &allowed, &lists);
            prop_assert_eq!(batch.len(), n_customers);
            for c in 0..n_customers {
                let customer = &customers[c * d..(c + 1) * d];
                let mut scores = vec![0.0; n];
                panels.score_all(customer, &mut scores);
                let expected = sorted_answer(&scores, k, &allowed, lists[c]);
                prop_assert_eq!(&batch[c], &expected);
                prop_assert_eq!(&top_k(&panels, customer, k, &allowed, lists[c]), &expected);
                prop_assert_eq!(&top_k_of(&scores, k, &allowed, lists[c]), &expected);
            }
        }
    }
}
