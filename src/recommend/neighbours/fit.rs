//! Similarities from sums over shared customers, and which of them are kept.

use super::cooccurrence::{self, Cooccurrence, Sums};
use super::{CustomerWeight, ItemKnnValid, NeighbourModel, Rp3BetaValid, Similarity};
use crate::error::DataError;
use crate::features::Interactions;
use crate::recommend::topk::better_first;
use crate::recommend::{FitCost, Scored};

/// Additions to a row of sums that a core does in a second: the row lies in cache, the order of items in it is random.
const ADDITIONS_PER_SECOND: f64 = 0.6e9;

impl ItemKnnValid {
    /// Fits the neighbours of every item to the pairs of `interactions`; guests play no part.
    ///
    /// Of every target the `n_neighbours` most similar sources are kept, of equal ones (as f32) the lower item. The
    /// same bytes at any number of threads of the caller's pool.
    ///
    /// # Errors
    /// [`DataError::TooFew`] when there is no pair, [`DataError::BadCell`] when a pair is not of the catalogue.
    pub fn fit(&self, interactions: &Interactions) -> Result<NeighbourModel, DataError> {
        let params = self.params();
        let pairs = Cooccurrence::of("item-kNN", interactions, params.n_max)?;
        let customer_weights = customer_weights(&pairs, params.similarity, params.customer_weight);
        let norms = Norms::of(&pairs, params.similarity, &customer_weights);
        let by_target = pairs.per_item(&customer_weights, |sums| {
            // The sums are symmetric, so those of an item serve it as a target.
            let score = |source: u32, sum| norms.similarity(source as usize, sums.item, sum);
            best(&sums, score, params.n_neighbours)
        });
        Ok(NeighbourModel::of_rows(by_source(by_target), pairs.n_customers_cut))
    }

    /// What a fit takes with `n_threads`.
    #[must_use]
    pub fn cost(&self, interactions: &Interactions, n_threads: usize) -> FitCost {
        cost(interactions, self.params().n_max, self.params().n_neighbours, n_threads)
    }
}

impl Rp3BetaValid {
    /// Fits the neighbours of every item to the pairs of `interactions`; guests play no part.
    ///
    /// Of every source the `n_neighbours` largest targets are kept, of equal ones (as f32) the lower item. The same bytes
    /// at any number of threads of the caller's pool.
    ///
    /// # Errors
    /// [`DataError::TooFew`] when there is no pair, [`DataError::BadCell`] when a pair is not of the catalogue.
    pub fn fit(&self, interactions: &Interactions) -> Result<NeighbourModel, DataError> {
        let params = self.params();
        let pairs = Cooccurrence::of("RP3beta", interactions, params.n_max)?;
        let power = |n: usize, power: f64| if n == 0 { 0.0 } else { libm::pow(n as f64, -power) };
        let customer_weights: Vec<f64> = pairs.items_per_customer().map(|n| power(n, params.alpha)).collect();
        let leave: Vec<f64> = pairs.customers_per_item().map(|m| power(m, params.alpha)).collect();
        let discount: Vec<f64> = pairs.customers_per_item().map(|m| power(m, params.beta)).collect();
        let rows = pairs.per_item(&customer_weights, |sums| {
            let score = |target: u32, sum| sum * leave[sums.item] * discount[target as usize];
            let mut row = best(&sums, score, params.n_neighbours);
            if params.normalise_rows {
                normalise(&mut row);
            }
            row
        });
        Ok(NeighbourModel::of_rows(rows, pairs.n_customers_cut))
    }

    /// What a fit takes with `n_threads`.
    #[must_use]
    pub fn cost(&self, interactions: &Interactions, n_threads: usize) -> FitCost {
        cost(interactions, self.params().n_max, self.params().n_neighbours, n_threads)
    }
}

/// theta_u: what each customer adds to the sums.
fn customer_weights(pairs: &Cooccurrence, similarity: Similarity, weight: CustomerWeight) -> Vec<f64> {
    let n_items = pairs.customers_per_item().filter(|&m| m > 0).count() as f64;
    let idf = |n: f64| match similarity {
        Similarity::Cosine { .. } | Similarity::AsymmetricCosine { .. } => 1.0,
        Similarity::Bm25 { .. } => libm::log1p((n_items - n + 0.5) / (n + 0.5)),
        Similarity::TfIdf { .. } => libm::log(n_items / n),
    };
    let omega = |n: f64| match weight {
        CustomerWeight::Equal => 1.0,
        CustomerWeight::InverseLog => 1.0 / libm::log1p(n),
    };
    let theta = |n: f64| if n == 0.0 { 0.0 } else { omega(n) * idf(n) * idf(n) };
    pairs.items_per_customer().map(|n| theta(n as f64)).collect()
}

/// What sums are divided by: a factor of the source times one of the target, plus the shrinkage.
struct Norms {
    source: Vec<f64>,
    target: Vec<f64>,
    shrink: f64,
}

impl Norms {
    fn of(pairs: &Cooccurrence, similarity: Similarity, customer_weights: &[f64]) -> Self {
        let powers = |power: f64| -> Vec<f64> {
            pairs.own_sums(customer_weights).into_iter().map(|sum| libm::pow(sum, power)).collect()
        };
        match similarity {
            Similarity::Cosine { shrink } | Similarity::TfIdf { shrink } => {
                Self { source: powers(0.5), target: powers(0.5), shrink }
            }
            Similarity::AsymmetricCosine { shrink, gamma } => {
                Self { source: powers(gamma), target: powers(1.0 - gamma), shrink }
            }
            Similarity::Bm25 { k1, b } => {
                let lengths = || pairs.customers_per_item().map(|m| m as f64);
                let n_items = lengths().filter(|&m| m > 0.0).count() as f64;
                let mean = lengths().sum::<f64>() / n_items;
                let inverse = |m: f64| (k1 * (1.0 - b + b * m / mean) + 1.0) / (k1 + 1.0);
                let norms: Vec<f64> = lengths().map(inverse).collect();
                Self { source: norms.clone(), target: norms, shrink: 0.0 }
            }
        }
    }

    fn similarity(&self, source: usize, target: usize, sum: f64) -> f64 {
        sum / (self.source[source] * self.target[target] + self.shrink)
    }
}

/// The `k` best other items by `score`, ascending by item.
fn best(sums: &Sums<'_>, score: impl Fn(u32, f64) -> f64, k: usize) -> Vec<Scored> {
    let others = sums.others.iter().filter(|&&other| other as usize != sums.item);
    // Ranked as they are stored: what differs by rounding alone is equal, and the lower item decides.
    let scored = |&item: &u32| Scored { item, score: score(item, sums.sums[item as usize]) as f32 };
    let mut best: Vec<Scored> = others.map(scored).filter(|other| other.score > 0.0).collect();
    if best.len() > k {
        best.select_nth_unstable_by(k - 1, better_first);
        best.truncate(k);
    }
    best.sort_unstable_by_key(|other| other.item);
    best.shrink_to_fit();
    best
}

/// Divides a row by its sum.
fn normalise(row: &mut [Scored]) {
    let sum: f64 = row.iter().map(|neighbour| f64::from(neighbour.score)).sum();
    for neighbour in row {
        neighbour.score = (f64::from(neighbour.score) / sum) as f32;
    }
}

/// Sources of every target to targets of every source.
fn by_source(by_target: Vec<Vec<Scored>>) -> Vec<Vec<Scored>> {
    let mut n_targets = vec![0; by_target.len()];
    for source in by_target.iter().flatten() {
        n_targets[source.item as usize] += 1;
    }
    let mut rows: Vec<Vec<Scored>> = n_targets.into_iter().map(Vec::with_capacity).collect();
    for (target, sources) in by_target.into_iter().enumerate() {
        for source in sources {
            rows[source.item as usize].push(Scored { item: target as u32, score: source.score });
        }
    }
    rows
}

fn cost(interactions: &Interactions, n_max: Option<usize>, n_neighbours: usize, n_threads: usize) -> FitCost {
    let n_items = interactions.n_items;
    let lengths = || {
        (0..interactions.n_customers()).map(|c| interactions.pairs(c).len().min(n_max.unwrap_or(usize::MAX)))
    };
    let multiply_adds: u64 = lengths().map(|n| (n * n) as u64).sum();
    let n_pairs = lengths().sum();
    // An item has no more neighbours than there are others; kept by target, then by source, then as a matrix.
    let n_kept = (n_items * n_neighbours.min(n_items.saturating_sub(1))) as u64;
    let rows = 2 * 8 * n_kept + 2 * 24 * n_items as u64;
    let factors = 8 * (interactions.n_customers() + 2 * n_items) as u64;
    FitCost {
        bytes: cooccurrence::bytes(interactions.n_customers(), n_items, n_pairs, n_threads) + rows + factors,
        multiply_adds,
        core_seconds: multiply_adds as f64 / ADDITIONS_PER_SECOND,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ItemKnnParams, Rp3BetaParams};
    use super::*;
    use crate::params::Params;
    use crate::tables::Buckets;
    use crate::types::Timestamp;

    fn interactions(histories: &[&[u32]], n_items: usize) -> Interactions {
        let (mut starts, items) = (vec![0], histories.concat());
        for history in histories {
            starts.push(starts[starts.len() - 1] + history.len() as u32);
        }
        Interactions {
            as_of: Timestamp(9),
            n_items,
            starts,
            // The last item is the latest.
            last_at: (0..items.len() as i64).map(Timestamp).collect(),
            items,
            guests: vec![],
            buckets: Buckets::even(histories.len()),
        }
    }

    /// m = 3, 2, 1, 1 and one item without events; c_01 = 2, c_02 = 1, c_12 = 1, c_03 = 1.
    fn world() -> Interactions {
        interactions(&[&[0, 1], &[0, 1, 2], &[0, 3], &[]], 5)
    }

    fn knn(similarity: Similarity) -> ItemKnnParams {
        ItemKnnParams { similarity, ..ItemKnnParams::default() }
    }

    fn fit(params: ItemKnnParams) -> NeighbourModel {
        params.check().unwrap().fit(&world()).unwrap()
    }

    /// The similarity of source i and target j, 0 when it is not kept.
    fn cell(model: &NeighbourModel, i: u32, j: u32) -> f64 {
        let (targets, similarities) = model.neighbours(i);
        targets.binary_search(&j).map_or(0.0, |at| f64::from(similarities[at]))
    }

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-6, "{got}, expected {expected}");
    }

    #[test]
    fn cosine_by_hand() {
        let model = fit(knn(Similarity::Cosine { shrink: 1.0 }));
        near(cell(&model, 0, 1), 2.0 / (6f64.sqrt() + 1.0));
        near(cell(&model, 1, 0), 2.0 / (6f64.sqrt() + 1.0));
        near(cell(&model, 2, 1), 1.0 / (2f64.sqrt() + 1.0));
        near(cell(&model, 0, 3), 1.0 / (3f64.sqrt() + 1.0));
        near(cell(&model, 1, 3), 0.0);
        near(cell(&model, 0, 0), 0.0);
        assert_eq!(model.neighbours(4).0, [0; 0]);
    }

    #[test]
    fn customers_count_less_by_the_logarithm_of_their_items() {
        let params = ItemKnnParams {
            customer_weight: CustomerWeight::InverseLog,
            ..knn(Similarity::Cosine { shrink: 0.0 })
        };
        let (two, three) = (1.0 / 3f64.ln(), 1.0 / 4f64.ln());
        let model = fit(params);
        near(cell(&model, 0, 1), (two + three) / ((2.0 * two + three) * (two + three)).sqrt());
        near(cell(&model, 2, 1), three / (three * (two + three)).sqrt());
    }

    #[test]
    fn asymmetric_cosine_by_hand() {
        let model = fit(knn(Similarity::AsymmetricCosine { shrink: 0.5, gamma: 0.25 }));
        near(cell(&model, 0, 1), 2.0 / (3f64.powf(0.25) * 2f64.powf(0.75) + 0.5));
        near(cell(&model, 1, 0), 2.0 / (2f64.powf(0.25) * 3f64.powf(0.75) + 0.5));
    }

    #[test]
    fn bm25_by_hand() {
        let model = fit(knn(Similarity::Bm25 { k1: 1.2, b: 0.75 }));
        let idf = |n: f64| (1.0 + (4.0 - n + 0.5) / (n + 0.5)).ln();
        let mean = 7.0 / 4.0;
        let g = |m: f64| 2.2 / (1.2 * (0.25 + 0.75 * m / mean) + 1.0);
        near(cell(&model, 0, 1), g(3.0) * g(2.0) * (idf(2.0).powi(2) + idf(3.0).powi(2)));
        near(cell(&model, 2, 0), g(1.0) * g(3.0) * idf(3.0).powi(2));
    }

    #[test]
    fn tf_idf_by_hand() {
        let model = fit(knn(Similarity::TfIdf { shrink: 0.1 }));
        let (two, three) = (2f64.ln().powi(2), (4f64 / 3.0).ln().powi(2));
        near(cell(&model, 0, 1), (two + three) / (((2.0 * two + three) * (two + three)).sqrt() + 0.1));
        near(cell(&model, 0, 3), two / (((2.0 * two + three) * two).sqrt() + 0.1));
    }

    #[test]
    fn a_customer_with_every_item_says_nothing_in_tf_idf() {
        let params = || knn(Similarity::TfIdf { shrink: 0.0 }).check().unwrap();
        let everything = params().fit(&interactions(&[&[0, 1, 2]], 3)).unwrap();
        assert_eq!(everything.targets(), [0; 0]);
        let model = params().fit(&interactions(&[&[0, 1, 2], &[0, 1]], 3)).unwrap();
        near(cell(&model, 0, 1), 1.0);
        near(cell(&model, 0, 2), 0.0);
    }

    #[test]
    fn item_knn_keeps_sources_per_target_and_the_lower_of_equals() {
        let params = ItemKnnParams { n_neighbours: 1, ..knn(Similarity::Cosine { shrink: 0.0 }) };
        let model = fit(params);
        // Best sources: of 0 it is 1, of 1 it is 0, of 2 it is 1 (.71 over .58), of 3 it is 0.
        assert_eq!(model.neighbours(0).0, [1, 3]);
        assert_eq!(model.neighbours(1).0, [0, 2]);
        assert_eq!((model.neighbours(2).0, model.neighbours(3).0), (&[][..], &[][..]));
        // Three items that are one: of the two others the lower is kept.
        let params = ItemKnnParams { n_neighbours: 1, ..ItemKnnParams::default() };
        let model = params.check().unwrap().fit(&interactions(&[&[0, 1, 2]], 3)).unwrap();
        assert_eq!((model.neighbours(0).0, model.neighbours(1).0), (&[1, 2][..], &[0][..]));
    }

    #[test]
    fn rp3beta_by_hand() {
        let params = Rp3BetaParams { alpha: 0.5, beta: 0.3, ..Rp3BetaParams::default() };
        let model = params.clone().check().unwrap().fit(&world()).unwrap();
        let walk = |m: f64, customers: &[f64], other: f64| {
            customers.iter().map(|n: &f64| (1.0 / m).sqrt() * (1.0 / n).sqrt()).sum::<f64>() / other.powf(0.3)
        };
        near(cell(&model, 0, 1), walk(3.0, &[2.0, 3.0], 2.0));
        near(cell(&model, 1, 0), walk(2.0, &[2.0, 3.0], 3.0));
        near(cell(&model, 0, 3), walk(3.0, &[2.0], 1.0));
        assert_eq!(model.neighbours(4).0, [0; 0]);
        let normalised =
            Rp3BetaParams { normalise_rows: true, ..params }.check().unwrap().fit(&world()).unwrap();
        let sum: f64 = (1..4).map(|j| cell(&model, 0, j)).sum();
        near(cell(&normalised, 0, 1), cell(&model, 0, 1) / sum);
    }

    #[test]
    fn rp3beta_keeps_targets_per_source() {
        let params = Rp3BetaParams { n_neighbours: 1, beta: 0.0, ..Rp3BetaParams::default() };
        let model = params.check().unwrap().fit(&world()).unwrap();
        let kept: Vec<&[u32]> = (0..5).map(|source| model.neighbours(source).0).collect();
        // From 2 both 0 and 1 are reached with 1/3: the lower stays.
        assert_eq!(kept, [&[1][..], &[0], &[0], &[0], &[]]);
    }

    #[test]
    fn only_the_latest_items_of_a_customer_count() {
        let mut data = interactions(&[&[0, 1, 2, 3], &[0, 1]], 4);
        let valid =
            |n_max| ItemKnnParams { n_max, ..knn(Similarity::Cosine { shrink: 0.0 }) }.check().unwrap();
        let model = valid(Some(2)).fit(&data).unwrap();
        assert_eq!((cell(&model, 2, 3), cell(&model, 1, 2), model.n_customers_cut()), (1.0, 0.0, 1));
        near(cell(&model, 0, 1), 1.0);
        // Of equal times the lower items stay.
        data.last_at.fill(Timestamp(0));
        let model = valid(Some(2)).fit(&data).unwrap();
        assert_eq!((cell(&model, 2, 3), model.n_customers_cut()), (0.0, 1));
        assert_eq!(valid(Some(4)).fit(&data).unwrap(), valid(None).fit(&data).unwrap());
        assert_eq!(valid(Some(2)).cost(&data, 1).multiply_adds, 8);
    }

    #[test]
    fn the_cost_is_known_before() {
        let valid = ItemKnnParams { n_neighbours: 2, ..ItemKnnParams::default() }.check().unwrap();
        let cost = valid.cost(&world(), 3);
        assert_eq!(cost.multiply_adds, 4 + 9 + 4);
        // 7 pairs twice, starts, accumulators of 3 threads, 10 neighbours twice, factors of 4 customers and 5 items.
        assert_eq!(cost.bytes, 4 * (14 + 4 + 10 + 3) + 3 * 60 + 160 + 240 + 112);
        let more = valid.cost(&world(), 4);
        assert_eq!(more.bytes - cost.bytes, 60);
        assert_eq!(Rp3BetaParams::default().check().unwrap().cost(&world(), 1).multiply_adds, 17);
    }
}
