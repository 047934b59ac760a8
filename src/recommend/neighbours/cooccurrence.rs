//! Sums over the customers that items share, one item at a time.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::error::DataError;
use crate::features::Interactions;
use crate::recommend::pairs::{self, Pairs};

/// Items a thread takes at a time.
const TASK: usize = 16;

/// The pairs that count, by customer and by item.
pub(super) struct Cooccurrence {
    by_customer: Pairs,
    by_item: Pairs,
    /// Customers of whom only the latest items count.
    pub n_customers_cut: u64,
}

/// The sums of one item, its own included.
pub(super) struct Sums<'a> {
    /// The item.
    pub item: usize,
    /// Items with a sum above 0, in no useful order.
    pub others: &'a [u32],
    /// The sum of every item.
    pub sums: &'a [f64],
}

impl Cooccurrence {
    /// The pairs of which at most the latest `n_max` per customer count, of equal times the lower items.
    ///
    /// # Errors
    /// As [`pairs::check`].
    pub fn of(
        model: &'static str,
        interactions: &Interactions,
        n_max: Option<usize>,
    ) -> Result<Self, DataError> {
        pairs::check(model, interactions)?;
        let mut by_customer = Pairs { starts: vec![0], others: Vec::with_capacity(interactions.items.len()) };
        let mut n_customers_cut = 0;
        let mut latest = Vec::new();
        for customer in 0..interactions.n_customers() {
            let range = interactions.pairs(customer);
            match n_max {
                Some(n_max) if range.len() > n_max => {
                    n_customers_cut += 1;
                    latest.clear();
                    latest.extend(range.map(|at| (interactions.last_at[at], interactions.items[at])));
                    latest.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
                    let start = by_customer.others.len();
                    by_customer.others.extend(latest[..n_max].iter().map(|&(_, item)| item));
                    by_customer.others[start..].sort_unstable();
                }
                _ => by_customer.others.extend_from_slice(interactions.items_of(customer)),
            }
            by_customer.starts.push(by_customer.others.len() as u32);
        }
        let by_item = by_customer.transposed(interactions.n_items);
        Ok(Self { by_customer, by_item, n_customers_cut })
    }

    pub fn n_items(&self) -> usize {
        self.by_item.n_rows()
    }

    /// Number of items of every customer.
    pub fn items_per_customer(&self) -> impl Iterator<Item = usize> {
        self.by_customer.starts.windows(2).map(|ends| (ends[1] - ends[0]) as usize)
    }

    /// Number of customers of every item.
    pub fn customers_per_item(&self) -> impl Iterator<Item = usize> {
        self.by_item.starts.windows(2).map(|ends| (ends[1] - ends[0]) as usize)
    }

    /// The sum of the customers' weights of every item, in the order of customers.
    pub fn own_sums(&self, customer_weights: &[f64]) -> Vec<f64> {
        let weight = |&customer: &u32| customer_weights[customer as usize];
        (0..self.n_items()).map(|item| self.by_item.of(item).iter().map(weight).sum()).collect()
    }

    /// What `of` makes of the sums of every item, by item.
    ///
    /// A sum runs over the customers of both items in their order, so it does not depend on threads; customers of weight
    /// 0 are left out. One accumulator per thread of the caller's pool, sum of n_u^2 additions.
    pub fn per_item<R: Send>(&self, customer_weights: &[f64], of: impl Fn(Sums<'_>) -> R + Sync) -> Vec<R> {
        let (n_items, next) = (self.n_items(), AtomicUsize::new(0));
        let work = |_| {
            let (mut accumulator, mut done) = (Accumulator::new(n_items), Vec::new());
            loop {
                let first = next.fetch_add(TASK, Ordering::Relaxed);
                if first >= n_items {
                    return done;
                }
                let items = first..n_items.min(first + TASK);
                let rows: Vec<R> =
                    items.map(|item| of(accumulator.fill(self, customer_weights, item))).collect();
                done.push((first, rows));
            }
        };
        let n_threads = rayon::current_num_threads();
        let mut tasks: Vec<(usize, Vec<R>)> =
            (0..n_threads).into_par_iter().with_max_len(1).flat_map_iter(work).collect();
        tasks.sort_unstable_by_key(|&(first, _)| first);
        tasks.into_iter().flat_map(|(_, rows)| rows).collect()
    }
}

/// Bytes of [`Cooccurrence`] with the accumulators of `n_threads`.
pub(super) fn bytes(n_customers: usize, n_items: usize, n_pairs: usize, n_threads: usize) -> u64 {
    // Both sides and, while transposing, the next free place of every item; two numbers per item and thread.
    (4 * (2 * n_pairs + n_customers + 2 * n_items + 3) + n_threads * 12 * n_items) as u64
}

/// One row of sums, cleared by what was touched rather than whole.
struct Accumulator {
    sums: Vec<f64>,
    touched: Vec<u32>,
}

impl Accumulator {
    fn new(n_items: usize) -> Self {
        Self { sums: vec![0.0; n_items], touched: Vec::with_capacity(n_items) }
    }

    fn fill(&mut self, pairs: &Cooccurrence, customer_weights: &[f64], item: usize) -> Sums<'_> {
        for &touched in &self.touched {
            self.sums[touched as usize] = 0.0;
        }
        self.touched.clear();
        for &customer in pairs.by_item.of(item) {
            let weight = customer_weights[customer as usize];
            if weight == 0.0 {
                continue;
            }
            for &other in pairs.by_customer.of(customer as usize) {
                let sum = &mut self.sums[other as usize];
                if *sum == 0.0 {
                    self.touched.push(other);
                }
                *sum += weight;
            }
        }
        Sums { item, others: &self.touched, sums: &self.sums }
    }
}
