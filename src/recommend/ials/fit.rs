//! Alternating exact solves.

use rayon::prelude::*;

use super::model::IalsModel;
use super::refine::FitScratch;
use super::solve::{FixedSide, is_long};
use super::{IalsParams, IalsValid};
use crate::error::DataError;
use crate::features::Interactions;
use crate::kernels::eigen;
use crate::kernels::syrk::add_gram;
use crate::kernels::{KernelLevel, dot};
use crate::random::Random;
use crate::recommend::ItemPanels;
use crate::recommend::pairs::{Pairs, check};

/// Rows summed in f32 before their sum meets the others in f64; fixed, so that threads cannot matter.
const BLOCK: usize = 256;

/// Blocks in flight at once: bounds memory, does not change the order of the sum.
const WAVE: usize = 64;

/// Rows a thread takes at a time.
const TASK: usize = 8;

/// The loss of a fit by its three terms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IalsLoss {
    /// Sum over purchased pairs of (w_u'h_i - 1)^2.
    pub purchased: f64,
    /// alpha0 times the sum over all pairs of (w_u'h_i)^2.
    pub all_pairs: f64,
    /// The regulariser.
    pub regulariser: f64,
}

impl IalsLoss {
    /// The loss.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.purchased + self.all_pairs + self.regulariser
    }
}

impl IalsValid {
    /// Fits item factors to the pairs of `interactions`; guests play no part.
    ///
    /// The same bytes for the same interactions, parameters and kernel level at any number of threads of the
    /// caller's pool. Every row's loss lies within 1e-7 of its number of pairs of its least given the other side (an epoch
    /// by conjugate gradients from where the last one ended), the items of the last epoch at it. Some 30 z d + 8 (n_customers + n_items) d^2 flop per epoch,
    /// with z pairs.
    ///
    /// # Errors
    /// [`DataError::TooFew`] when there is no pair, [`DataError::BadCell`] when a pair is not of the catalogue.
    ///
    /// # Panics
    /// When the processor lacks the level: a programmer error.
    pub fn fit(&self, interactions: &Interactions, level: KernelLevel) -> Result<IalsModel, DataError> {
        let sides = Sides::fit(self, interactions, level)?;
        Ok(sides.into_model(self))
    }

    /// [`IalsValid::fit`] with the loss after the last epoch (customers, then items).
    ///
    /// # Errors
    /// As [`IalsValid::fit`].
    ///
    /// # Panics
    /// When the processor lacks the level: a programmer error.
    pub fn fit_with_loss(
        &self,
        interactions: &Interactions,
        level: KernelLevel,
    ) -> Result<(IalsModel, IalsLoss), DataError> {
        let sides = Sides::fit(self, interactions, level)?;
        let loss = sides.loss(self);
        Ok((sides.into_model(self), loss))
    }

    /// Bytes a fit needs beside its input.
    #[must_use]
    pub fn memory_bytes(
        &self,
        n_customers: usize,
        n_items: usize,
        n_pairs: usize,
        n_threads: usize,
    ) -> usize {
        let d = self.params().n_factors;
        // Both sides; the items once more by their own numbers and once packed.
        let factors = 4 * d * (n_customers + 3 * n_items);
        let pairs = 4 * (2 * n_pairs + 2 * (n_customers + n_items));
        factors + pairs + n_threads * FitScratch::bytes(d) + WAVE * 4 * d * d
    }
}

/// Customers and items by descending number of pairs: the last tasks are the small ones, and what is read most lies
/// close together. Everything inside a fit is numbered by place in this order.
struct Places {
    /// Outside number of every place.
    order: Vec<u32>,
}

impl Places {
    fn of(n_pairs: &[u32]) -> Self {
        let mut order: Vec<u32> = (0..n_pairs.len() as u32).collect();
        order.sort_by_key(|&row| std::cmp::Reverse(n_pairs[row as usize]));
        Self { order }
    }

    /// Place of every outside number.
    fn by_number(&self) -> Vec<u32> {
        let mut places = vec![0; self.order.len()];
        for (&number, place) in self.order.iter().zip(0..) {
            places[number as usize] = place;
        }
        places
    }

    /// Rows by place to rows by outside number.
    fn outside(&self, by_place: &[f32], d: usize) -> Vec<f32> {
        let mut factors = vec![0.0; by_place.len()];
        for (&number, row) in self.order.iter().zip(by_place.chunks_exact(d)) {
            factors[number as usize * d..][..d].copy_from_slice(row);
        }
        factors
    }
}

/// Customers held still, items solved against them: the state after an epoch.
struct Sides {
    customers: FixedSide,
    items: Vec<f32>,
    by_customer: Pairs,
    by_item: Pairs,
    item_places: Places,
}

impl Sides {
    fn fit(valid: &IalsValid, interactions: &Interactions, level: KernelLevel) -> Result<Self, DataError> {
        check("ials", interactions)?;
        let (by_customer, item_places) = pairs_by_place(interactions);
        let by_item = by_customer.transposed(interactions.n_items);
        let d = valid.params().n_factors;
        let mut items = start(valid.params(), &item_places);
        let mut customers =
            FixedSide { level, d, factors: vec![0.0; by_customer.n_rows() * d], gramian: Vec::new() };
        for epoch in 1..=valid.params().n_epochs {
            let (fixed, axes) = aligned(items, d, level);
            turn(&mut customers.factors, &axes);
            solve_side(valid, &fixed, &by_customer, FixedSide::refine_row, &mut customers.factors);
            let axes;
            (customers, axes) = aligned(customers.factors, d, level);
            items = fixed.factors;
            // What is published is exact: items with the same customers are equal, wherever they started.
            let last = epoch == valid.params().n_epochs;
            let solve = if last { FixedSide::solve_row_anew } else { FixedSide::refine_row };
            turn(&mut items, &axes);
            solve_side(valid, &customers, &by_item, solve, &mut items);
        }
        Ok(Self { customers, items, by_customer, by_item, item_places })
    }

    fn into_model(self, valid: &IalsValid) -> IalsModel {
        let FixedSide { d, level, .. } = self.customers;
        let (items, _) = aligned(self.item_places.outside(&self.items, d), d, level);
        IalsModel::of(valid.clone(), items)
    }

    fn loss(&self, valid: &IalsValid) -> IalsLoss {
        let FixedSide { d, level, factors: customers, .. } = &self.customers;
        let dot =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
        let row = |factors: &[f32], row: usize| factors[row * d..(row + 1) * d].to_vec();
        let n_customers = self.by_customer.n_rows();
        let purchased = in_blocks(n_customers, |customer| {
            let w = row(customers, customer);
            let misses = self.by_customer.of(customer).iter().map(|&item| {
                let miss = dot(&w, &row(&self.items, item as usize)) - 1.0;
                miss * miss
            });
            misses.sum()
        });
        let penalty = |factors: &[f32], pairs: &Pairs, n_other: usize| {
            in_blocks(pairs.n_rows(), |at| {
                let x = row(factors, at);
                valid.ridge(pairs.of(at).len(), n_other) * dot(&x, &x)
            })
        };
        let regulariser = penalty(customers, &self.by_customer, self.by_item.n_rows())
            + penalty(&self.items, &self.by_item, n_customers);
        // trace((W'W)(H'H)): all pairs without forming any.
        let (of_customers, of_items) = (gramian(customers, *d, *level), gramian(&self.items, *d, *level));
        let trace: f64 = of_customers.iter().zip(&of_items).map(|(x, y)| x * y).sum();
        IalsLoss { purchased, all_pairs: valid.params().alpha0 * trace, regulariser }
    }
}

/// The pairs of every customer, both sides by place, with the places of the items.
fn pairs_by_place(interactions: &Interactions) -> (Pairs, Places) {
    let mut n_customers_of = vec![0u32; interactions.n_items];
    for &item in &interactions.items {
        n_customers_of[item as usize] += 1;
    }
    let items = Places::of(&n_customers_of);
    let item_place = items.by_number();
    let n_items_of: Vec<u32> = interactions.starts.windows(2).map(|ends| ends[1] - ends[0]).collect();
    let mut pairs = Pairs { starts: vec![0], others: Vec::with_capacity(interactions.items.len()) };
    for customer in Places::of(&n_items_of).order {
        let start = pairs.others.len();
        let bought = interactions.items_of(customer as usize);
        pairs.others.extend(bought.iter().map(|&item| item_place[item as usize]));
        pairs.others[start..].sort_unstable();
        pairs.starts.push(pairs.others.len() as u32);
    }
    (pairs, items)
}

/// Independent normal factors, each keyed by (seed, item, column).
fn start(params: &IalsParams, items: &Places) -> Vec<f32> {
    let d = params.n_factors;
    let spread = params.start_spread / libm::sqrt(d as f64);
    let mut factors = vec![0.0; items.order.len() * d];
    factors.par_chunks_mut(d).zip(&items.order).for_each(|(cells, &item)| {
        let random = Random::new(params.seed).stream(u64::from(item));
        for (column, cell) in cells.iter_mut().enumerate() {
            *cell = (spread * random.normal(column as u64)) as f32;
        }
    });
    factors
}

/// How a row that holds its last solution gets its next.
type SolveRow = fn(&FixedSide, &IalsValid, &[u32], &mut FitScratch, &mut [f32]);

/// Solves all rows of one side against the other, from what `solved` holds in the basis of `fixed`.
fn solve_side(valid: &IalsValid, fixed: &FixedSide, pairs: &Pairs, solve: SolveRow, solved: &mut [f32]) {
    let d = fixed.d;
    let n_long = (0..pairs.n_rows()).take_while(|&place| is_long(pairs.of(place).len())).count();
    let (solved_long, solved_rest) = solved.split_at_mut(n_long * d);
    for (place, out) in solved_long.chunks_exact_mut(d).enumerate() {
        fixed.solve_long_row(valid, pairs.of(place), out);
    }
    solved_rest.par_chunks_mut(TASK * d).enumerate().for_each_init(
        || FitScratch::new(d),
        |scratch, (task, out)| {
            for (out, place) in out.chunks_exact_mut(d).zip(n_long + task * TASK..) {
                solve(fixed, valid, pairs.of(place), scratch, out);
            }
        },
    );
}

/// Turns factors into the eigenbasis of their Gramian and holds them still; with the axes of that basis.
fn aligned(mut factors: Vec<f32>, d: usize, level: KernelLevel) -> (FixedSide, ItemPanels) {
    let eigen = eigen::symmetric(gramian(&factors, d, level), d);
    let axes: Vec<f32> = eigen.vectors.iter().map(|&x| x as f32).collect();
    let axes = ItemPanels::pack(&axes, d, level);
    turn(&mut factors, &axes);
    // Rounding can leave an eigenvalue of a semidefinite matrix a hair below zero.
    let gramian = eigen.eigenvalues.iter().map(|&x| x.max(0.0) as f32).collect();
    (FixedSide { level, d, factors, gramian }, axes)
}

/// Turns factors into another basis. A factor there is the product of a row with an axis: what the dot kernel does for
/// a score.
fn turn(factors: &mut [f32], axes: &ItemPanels) {
    let d = axes.n_factors();
    factors.par_chunks_mut(BLOCK * d).for_each(|rows| {
        let old = rows.to_vec();
        let mut products = vec![0.0; rows.len() / d * dot::BLOCK];
        for (at, first) in (0..d).step_by(dot::BLOCK).enumerate() {
            axes.block_scores(at, &old, &mut products);
            let n_axes = dot::BLOCK.min(d - first);
            for (row, products) in rows.chunks_exact_mut(d).zip(products.chunks_exact(dot::BLOCK)) {
                row[first..first + n_axes].copy_from_slice(&products[..n_axes]);
            }
        }
    });
}

/// The Gramian of n x d factors, d x d: f32 inside fixed blocks of rows, f64 over blocks in their order.
fn gramian(factors: &[f32], d: usize, level: KernelLevel) -> Vec<f64> {
    let mut sum = vec![0.0; d * d];
    for wave in factors.chunks(WAVE * BLOCK * d) {
        let blocks: Vec<Vec<f32>> = wave
            .par_chunks(BLOCK * d)
            .map(|rows| {
                let mut block = vec![0.0; d * d];
                add_gram(level, &mut block, d, rows);
                block
            })
            .collect();
        for block in blocks {
            for (sum, more) in sum.iter_mut().zip(block) {
                *sum += f64::from(more);
            }
        }
    }
    for i in 0..d {
        for j in 0..i {
            sum[i * d + j] = sum[j * d + i];
        }
    }
    sum
}

/// A sum over rows: inside fixed blocks in row order, then over blocks in their order.
fn in_blocks(n_rows: usize, of: impl Fn(usize) -> f64 + Sync) -> f64 {
    let block = |at: usize| (at * BLOCK..n_rows.min((at + 1) * BLOCK)).map(&of).sum::<f64>();
    let blocks: Vec<f64> = (0..n_rows.div_ceil(BLOCK)).into_par_iter().map(block).collect();
    blocks.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use crate::tables::Buckets;
    use crate::types::Timestamp;

    fn world() -> Interactions {
        let random = Random::new(9);
        let (mut starts, mut items) = (vec![0], Vec::new());
        for customer in 0..90u64 {
            let share = 0.6 * random.uniform(customer);
            items.extend((0..50u32).filter(|&i| random.stream(customer).uniform(u64::from(i)) < share));
            starts.push(items.len() as u32);
        }
        let last_at = vec![Timestamp(0); items.len()];
        let buckets = Buckets::even(90);
        Interactions { as_of: Timestamp(1), n_items: 50, starts, items, last_at, guests: vec![], buckets }
    }

    fn valid(nu: f64) -> IalsValid {
        IalsParams { n_factors: 16, n_epochs: 2, nu, ..IalsParams::new(4) }.check().unwrap()
    }

    /// Places of the customers of a world.
    fn customers(data: &Interactions) -> Places {
        Places::of(&data.starts.windows(2).map(|ends| ends[1] - ends[0]).collect::<Vec<_>>())
    }

    fn loss_over_all_pairs(valid: &IalsValid, sides: &Sides, data: &Interactions) -> f64 {
        let row = |factors: &[f32], row: usize| -> Vec<f64> {
            factors[row * 16..(row + 1) * 16].iter().map(|&x| f64::from(x)).collect()
        };
        let of_customers = customers(data).outside(&sides.customers.factors, 16);
        let of_items = sides.item_places.outside(&sides.items, 16);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let IalsParams { alpha0, lambda, nu, .. } = *valid.params();
        let mut loss = 0.0;
        for c in 0..90 {
            let w = row(&of_customers, c);
            let n = data.items_of(c).len() as f64;
            loss += lambda * (n + alpha0 * 50.0).powf(nu) * dot(&w, &w);
            for i in 0..50 {
                let score = dot(&w, &row(&of_items, i));
                let bought = data.items_of(c).contains(&(i as u32));
                loss += alpha0 * score * score + if bought { (score - 1.0).powi(2) } else { 0.0 };
            }
        }
        for i in 0..50 {
            let h = row(&of_items, i);
            let m = data.items.iter().filter(|&&item| item as usize == i).count() as f64;
            loss += lambda * (m + alpha0 * 90.0).powf(nu) * dot(&h, &h);
        }
        loss
    }

    #[test]
    fn the_loss_equals_the_sum_over_all_pairs() {
        for nu in [0.0, 0.5, 1.0] {
            let (valid, data) = (valid(nu), world());
            let sides = Sides::fit(&valid, &data, KernelLevel::detect()).unwrap();
            let brute = loss_over_all_pairs(&valid, &sides, &data);
            let got = sides.loss(&valid).total();
            assert!((got / brute - 1.0).abs() < 1e-6, "{got} {brute}");
        }
    }

    #[test]
    fn any_change_to_a_solved_row_raises_the_loss() {
        let (valid, data) = (valid(1.0), world());
        let mut sides = Sides::fit(&valid, &data, KernelLevel::detect()).unwrap();
        let least = loss_over_all_pairs(&valid, &sides, &data);
        for at in (0..sides.items.len()).step_by(37) {
            let solved = sides.items[at];
            for step in [-0.02, 0.02] {
                sides.items[at] = solved + step;
                let loss = loss_over_all_pairs(&valid, &sides, &data);
                assert!(loss > least + 1e-6, "cell {at}: {loss} {least}");
            }
            sides.items[at] = solved;
        }
    }

    #[test]
    fn fold_in_of_a_history_scores_like_the_row_of_a_customer_half_epoch() {
        let (valid, data) = (valid(1.0), world());
        let sides = Sides::fit(&valid, &data, KernelLevel::detect()).unwrap();
        let (items, _) = aligned(sides.items.clone(), 16, KernelLevel::detect());
        let mut half_epoch = vec![0.0; 90 * 16];
        solve_side(&valid, &items, &sides.by_customer, FixedSide::solve_row_anew, &mut half_epoch);
        let (half_epoch, items) =
            (customers(&data).outside(&half_epoch, 16), sides.item_places.outside(&items.factors, 16));
        let model = sides.into_model(&valid);
        let (mut scratch, mut scores) = (model.scratch(), [0.0; 50]);
        for customer in 0..90 {
            let row = &half_epoch[customer * 16..(customer + 1) * 16];
            let Some(factors) = model.fold_in(data.items_of(customer), &mut scratch) else {
                assert!(data.items_of(customer).is_empty() && row == [0.0; 16]);
                continue;
            };
            model.scores(&factors, &mut scores);
            for (score, item) in scores.iter().zip(items.chunks_exact(16)) {
                let fitted: f32 = row.iter().zip(item).map(|(x, y)| x * y).sum();
                assert!((score - fitted).abs() < 1e-5, "customer {customer}: {score} {fitted}");
            }
        }
    }

    #[test]
    fn turning_to_the_eigenbasis_keeps_products_and_diagonalises() {
        for (level, d) in [(KernelLevel::Portable, 16), (KernelLevel::detect(), 72)] {
            let random = Random::new(2);
            let factors: Vec<f32> = (0..600 * d).map(|i| random.normal(i as u64) as f32).collect();
            let (turned, _) = aligned(factors.clone(), d, level);
            let dot = |factors: &[f32], a: usize, b: usize| -> f64 {
                (0..d).map(|j| f64::from(factors[a * d + j]) * f64::from(factors[b * d + j])).sum()
            };
            for (a, b) in [(0, 0), (1, 599), (256, 300)] {
                assert!((dot(&factors, a, b) - dot(&turned.factors, a, b)).abs() < 1e-4);
            }
            let gramian = gramian(&turned.factors, d, level);
            for i in 0..d {
                for j in 0..d {
                    let expected = if i == j { f64::from(turned.gramian[i]) } else { 0.0 };
                    assert!((gramian[i * d + j] - expected).abs() < 2e-2, "{i} {j}: {}", gramian[i * d + j]);
                }
            }
        }
    }

    #[test]
    fn places_are_by_falling_number_of_pairs() {
        let places = Places::of(&[1, 5, 0, 5]);
        assert_eq!((&places.order[..], &places.by_number()[..]), (&[1, 3, 0, 2][..], &[2, 0, 3, 1][..]));
        assert_eq!(places.outside(&[10.0, 11.0, 12.0, 13.0], 1), [12.0, 10.0, 13.0, 11.0]);
    }
}
