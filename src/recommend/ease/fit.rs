//! The closed form.

use rayon::prelude::*;

use super::{EaseModel, EaseParams, EaseValid, twins};
use crate::error::DataError;
use crate::features::Interactions;
use crate::kernels::{KernelLevel, inverse};
use crate::recommend::FitCost;
use crate::recommend::pairs::{self, Pairs};

/// Multiply-adds a core does in a second: two thirds of what AVX2 can, and what calls of a portable fused
/// multiply-add reach where it is no instruction.
fn multiply_adds_per_second(level: KernelLevel) -> f64 {
    match level {
        KernelLevel::Avx2 => 32e9,
        KernelLevel::Portable => 0.3e9,
    }
}

impl EaseValid {
    /// Fits B to the pairs of `interactions`; guests play no part. Items without events are left out.
    ///
    /// One matrix over the items with events, in f32, is summed, inverted and scaled in place by all threads of the
    /// caller's pool; the same bytes at any number of them and at every kernel level. Items with the same customers
    /// get the same weights to the bit.
    ///
    /// # Errors
    /// [`DataError::TooFew`] when there is no pair, [`DataError::BadCell`] when a pair is not of the catalogue,
    /// [`DataError::OverBudget`], before the matrix is allocated, when it would take more bytes or core-seconds than
    /// the parameters allow, [`DataError::IllConditioned`] when lambda is lost in rounding.
    ///
    /// # Panics
    /// When the processor lacks the level: a programmer error.
    pub fn fit(&self, interactions: &Interactions, level: KernelLevel) -> Result<EaseModel, DataError> {
        pairs::check("EASE", interactions)?;
        let items = items_with_events(interactions);
        self.check_budget(items.len(), self.cost_of(items.len(), interactions, level))?;
        let by_customer = by_place(interactions, &items);
        let by_item = by_customer.transposed(items.len());
        let mut weights = co_counts(&by_customer, &by_item);
        self.invert(&mut weights, &items, level)?;
        scale(&mut weights, items.len());
        twins::equalise(&mut weights, items.len(), &twins::groups(&by_item));
        Ok(EaseModel::of(interactions.n_items, items, weights, level))
    }

    /// What a fit takes.
    #[must_use]
    pub fn cost(&self, interactions: &Interactions, level: KernelLevel) -> FitCost {
        self.cost_of(items_with_events(interactions).len(), interactions, level)
    }

    fn cost_of(&self, n: usize, interactions: &Interactions, level: KernelLevel) -> FitCost {
        let (n_customers, n_pairs) = (interactions.n_customers(), interactions.items.len());
        let lengths = (0..n_customers).map(|customer| interactions.pairs(customer).len() as u64);
        // Half of the pairs of items of every customer, and the inverse.
        let counted: u64 = lengths.map(|n| n * (n + 1) / 2).sum();
        let inverted = (n as u64).saturating_pow(3) / 2;
        let matrix = (2 * n as u64).saturating_pow(2).saturating_add(inverse::scratch_bytes(n) as u64);
        let both_sides = 4 * (2 * n_pairs + n_customers + 3 * n + interactions.n_items) as u64;
        FitCost {
            bytes: matrix.saturating_add(both_sides),
            multiply_adds: counted.saturating_add(inverted),
            core_seconds: counted as f64 / 1e9 + inverted as f64 / multiply_adds_per_second(level),
        }
    }

    fn check_budget(&self, n_items: usize, cost: FitCost) -> Result<(), DataError> {
        let EaseParams { max_bytes, max_core_seconds, .. } = *self.params();
        if cost.bytes <= max_bytes && cost.core_seconds <= max_core_seconds {
            return Ok(());
        }
        Err(DataError::OverBudget {
            model: "EASE",
            n_items,
            bytes: cost.bytes,
            core_seconds: cost.core_seconds,
            max_bytes,
            max_core_seconds,
            ways_out: "raise max_bytes or max_core_seconds, leave out items with few events, or fit RP3beta or iALS",
        })
    }

    /// X'X to P = (X'X + lambda Id + p / (1 - p) diag(X'X))^-1.
    fn invert(&self, a: &mut [f32], items: &[u32], level: KernelLevel) -> Result<(), DataError> {
        let EaseParams { lambda, dropout, .. } = *self.params();
        for cell in a.iter_mut().step_by(items.len() + 1) {
            *cell = (f64::from(*cell) / (1.0 - dropout) + lambda) as f32;
        }
        // No pivot of a Gramian plus lambda is below lambda; one that comes out below half of it is rounding.
        let floor = (lambda / 2.0) as f32;
        inverse::invert(level, a, items.len(), floor).map_err(|low| DataError::IllConditioned {
            model: "EASE",
            parameter: "lambda",
            value: lambda,
            detail: format!(
                "the pivot of item {} is {} and not at least lambda, as the rest is rounding in f32; raise lambda",
                items[low.row], low.pivot
            ),
        })
    }
}

fn items_with_events(interactions: &Interactions) -> Vec<u32> {
    let mut has_events = vec![false; interactions.n_items];
    for &item in &interactions.items {
        if let Some(has_events) = has_events.get_mut(item as usize) {
            *has_events = true;
        }
    }
    (0..).zip(has_events).filter_map(|(item, has_events)| has_events.then_some(item)).collect()
}

/// The pairs of every customer, items by their place among those with events.
fn by_place(interactions: &Interactions, items: &[u32]) -> Pairs {
    let mut places = vec![0; interactions.n_items];
    for (place, &item) in (0u32..).zip(items) {
        places[item as usize] = place;
    }
    let others = interactions.items.iter().map(|&item| places[item as usize]).collect();
    Pairs { starts: interactions.starts.clone(), others }
}

/// The upper half of X'X: for how many customers two items go together.
fn co_counts(by_customer: &Pairs, by_item: &Pairs) -> Vec<f32> {
    let n = by_item.n_rows();
    let mut counts = vec![0.0f32; n * n];
    counts.par_chunks_mut(n).enumerate().with_max_len(1).for_each(|(item, row)| {
        for &customer in by_item.of(item) {
            let items = by_customer.of(customer as usize);
            for &other in &items[items.partition_point(|&other| (other as usize) < item)..] {
                // Counted as the integer that the bits are: exact beyond 2^24, where adding 1 in f32 ends.
                let count = &mut row[other as usize];
                *count = f32::from_bits(count.to_bits() + 1);
            }
        }
        for count in &mut row[item..] {
            *count = count.to_bits() as f32;
        }
    });
    counts
}

/// P to B: column j by -1 / P_jj, the diagonal 0.
fn scale(p: &mut [f32], n: usize) {
    let factors: Vec<f32> = p.iter().step_by(n + 1).map(|x| -1.0 / x).collect();
    p.par_chunks_mut(n).enumerate().for_each(|(i, row)| {
        for (cell, factor) in row.iter_mut().zip(&factors) {
            *cell *= factor;
        }
        row[i] = 0.0;
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::eigen;
    use crate::params::Params;
    use crate::random::Random;
    use crate::recommend::{History, Recommender};
    use crate::tables::Buckets;
    use crate::types::Timestamp;

    fn interactions(histories: &[Vec<u32>], n_items: usize) -> Interactions {
        let (mut starts, items) = (vec![0], histories.concat());
        for history in histories {
            starts.push(starts[starts.len() - 1] + history.len() as u32);
        }
        let last_at = vec![Timestamp(0); items.len()];
        let buckets = Buckets::even(histories.len());
        Interactions { as_of: Timestamp(1), n_items, starts, items, last_at, guests: vec![], buckets }
    }

    fn world() -> Vec<Vec<u32>> {
        let random = Random::new(5);
        let history = |customer: u64| {
            let share = 0.5 * random.uniform(customer);
            (0..60u32).filter(|&i| random.stream(customer + 1).uniform(u64::from(i)) < share).collect()
        };
        (0..150).map(history).collect()
    }

    fn fit(params: EaseParams, histories: &[Vec<u32>], n_items: usize) -> EaseModel {
        params.check().unwrap().fit(&interactions(histories, n_items), KernelLevel::detect()).unwrap()
    }

    #[test]
    fn two_items_by_hand() {
        // X'X = [3 2; 2 2], lambda = 1: P = [3 -2; -2 4] / 8; item 1 of three has no events.
        let histories = [vec![0, 2], vec![0, 2], vec![0]];
        let model = fit(EaseParams::new(1.0), &histories, 3);
        assert_eq!((model.items(), model.n_items()), (&[0, 2][..], 3));
        assert_eq!(model.weights(), [0.0, 0.5, 2.0 / 3.0, 0.0]);
        // Dropout of a half doubles the diagonal of X'X: A = [7 2; 2 5].
        let model = fit(EaseParams { dropout: 0.5, ..EaseParams::new(1.0) }, &histories, 3);
        for (got, expected) in model.weights().iter().zip([0.0, 2.0 / 7.0, 2.0 / 5.0, 0.0]) {
            assert!((got - expected).abs() < 1e-6, "{got} {expected}");
        }
    }

    #[test]
    fn weights_are_the_least_squares_in_f64() {
        let (histories, n) = (world(), 60);
        for (lambda, dropout) in [(3.0, 0.0), (50.0, 0.0), (20.0, 0.5)] {
            let model = fit(EaseParams { dropout, ..EaseParams::new(lambda) }, &histories, n);
            assert_eq!(model.items().len(), n);
            let mut a = vec![0.0; n * n];
            for history in &histories {
                for &i in history {
                    history.iter().for_each(|&j| a[i as usize * n + j as usize] += 1.0);
                }
            }
            a.iter_mut().step_by(n + 1).for_each(|cell| *cell = *cell / (1.0 - dropout) + lambda);
            let eigen = eigen::symmetric(a, n);
            let p = |i: usize, j: usize| -> f64 {
                (0..n)
                    .map(|k| eigen.vectors[k * n + i] * eigen.vectors[k * n + j] / eigen.eigenvalues[k])
                    .sum()
            };
            for i in 0..n {
                for j in 0..n {
                    let expected = if i == j { 0.0 } else { -p(i, j) / p(j, j) };
                    let got = f64::from(model.weights()[i * n + j]);
                    assert!((got - expected).abs() < 1e-5, "{lambda} {i} {j}: {got} {expected}");
                }
            }
        }
    }

    #[test]
    fn an_item_without_company_has_an_empty_row_and_column() {
        let mut histories = world();
        histories.extend([vec![60], vec![60]]);
        let model = fit(EaseParams::new(5.0), &histories, 61);
        assert!((0..61).all(|i| model.weights()[60 * 61 + i] == 0.0 && model.weights()[i * 61 + 60] == 0.0));
        assert!(!model.knows(History::new(&[60])) && model.knows(History::new(&[0, 60])));
    }

    #[test]
    fn what_is_too_dear_is_refused_with_all_its_numbers() {
        let data = interactions(&world(), 60);
        let fit = |params: EaseParams| params.check().unwrap().fit(&data, KernelLevel::detect());
        let cost = EaseParams::new(1.0).check().unwrap().cost(&data, KernelLevel::detect());
        assert!(cost.bytes > 4 * 60 * 60 && cost.multiply_adds > 60 * 60 * 30);
        let refused = fit(EaseParams { max_bytes: cost.bytes - 1, ..EaseParams::new(1.0) }).unwrap_err();
        assert!(matches!(refused, DataError::OverBudget { n_items: 60, bytes, .. } if bytes == cost.bytes));
        let text = refused.to_string();
        let named = ["60 items", "core-seconds", "RP3beta", "iALS", "few events"];
        assert!(named.iter().all(|part| text.contains(part)), "{text}");
        assert!(
            text.contains(&format!("{} bytes", cost.bytes))
                && text.contains(&format!("{} bytes", cost.bytes - 1))
        );
        let seconds = cost.core_seconds / 2.0;
        let refused = fit(EaseParams { max_core_seconds: seconds, ..EaseParams::new(1.0) }).unwrap_err();
        assert!(
            matches!(refused, DataError::OverBudget { max_core_seconds, .. } if max_core_seconds == seconds)
        );
    }

    #[test]
    fn a_catalogue_beyond_memory_is_refused_and_not_allocated() {
        // 300,000 items would need 360 GB.
        let histories: Vec<Vec<u32>> = (0..100).map(|c| (c * 3000..(c + 1) * 3000).collect()).collect();
        let valid = EaseParams::new(1.0).check().unwrap();
        let refused = valid.fit(&interactions(&histories, 300_000), KernelLevel::detect()).unwrap_err();
        assert!(refused.to_string().starts_with("EASE: 300000 items need 36"), "{refused}");
    }

    #[test]
    fn a_ridge_that_is_lost_in_rounding_is_refused_by_name() {
        let histories = vec![vec![0, 1]; 1000];
        let valid = EaseParams::new(1e-6).check().unwrap();
        let refused = valid.fit(&interactions(&histories, 2), KernelLevel::detect()).unwrap_err();
        assert!(matches!(refused, DataError::IllConditioned { parameter: "lambda", .. }));
        assert!(refused.to_string().contains("lambda is 0.000001, too small"), "{refused}");
        assert!(refused.to_string().contains("item 1"), "{refused}");
    }
}
