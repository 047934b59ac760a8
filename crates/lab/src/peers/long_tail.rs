//! A generated matrix of customers and items: long-tailed popularity, tastes by category.

use anyhow::{Result, ensure};
use bespoke::random::Random;
use rayon::prelude::*;
use serde::Deserialize;

use super::recommend::Lists;

/// Items a customer of the test takes.
const N_TEST: usize = 5;
/// Favourite categories of a customer, and the share of items from them.
const N_FAVOURITES: usize = 3;
const P_FAVOURITE: f64 = 0.75;

/// Customers with log-normal numbers of items. An item's popularity is Zipf's (place + 10)^-0.8 over all items; item i
/// is of category i mod n_categories, so that every category has its own long tail. Three items of four are drawn from
/// three favourite categories, by popularity; the others from all.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LongTail {
    n_customers: usize,
    n_items: usize,
    n_categories: usize,
    /// Mean number of draws; an item drawn twice counts once.
    mean_draws: f64,
    seed: u64,
}

impl LongTail {
    pub(crate) fn check(&self) -> Result<()> {
        let Self { n_customers, n_items, n_categories, mean_draws, .. } = *self;
        ensure!(
            n_categories > 0 && n_items >= n_categories * 10,
            "{n_items} items of {n_categories} categories"
        );
        ensure!(n_customers > 0 && mean_draws > 0.0 && mean_draws < n_items as f64, "{mean_draws} draws");
        Ok(())
    }

    /// Training items, test items (the last five draws of each customer that are new), number of items.
    pub(crate) fn draw(&self) -> (Lists, Lists, usize) {
        let all = Cumulative::of((0..self.n_items).map(popularity));
        let n_c = self.n_categories;
        let categories: Vec<Cumulative> =
            (0..n_c).map(|c| Cumulative::of((c..self.n_items).step_by(n_c).map(popularity))).collect();
        let random = Random::new(self.seed);
        let draw = |customer: usize| {
            let mut items = self.customer(random.stream(customer as u64), &all, &categories);
            let test = items.split_off(items.len() - N_TEST.min(items.len() / 3));
            (items, test)
        };
        let (train, test): (Vec<_>, Vec<_>) = (0..self.n_customers).into_par_iter().map(draw).unzip();
        (Lists::of(train), Lists::of(test), self.n_items)
    }

    /// Distinct items in the order of their first draw.
    fn customer(&self, random: Random, all: &Cumulative, categories: &[Cumulative]) -> Vec<u32> {
        // Log-normal with this mean: exp(mu + sigma^2 / 2).
        const SIGMA: f64 = 0.9;
        let n = self.mean_draws * libm::exp(SIGMA * random.normal(0) - SIGMA * SIGMA / 2.0);
        let n = (n as usize).clamp(N_TEST * 3, self.n_items / 4);
        let (kind, place, which) = (random.stream(1), random.stream(2), random.stream(3));
        let favourites: [usize; N_FAVOURITES] =
            std::array::from_fn(|at| random.stream(4).below(at as u64, self.n_categories));
        let mut drawn: Vec<(u32, u32)> = (0..n as u64)
            .map(|at| {
                let item = if kind.uniform(at) < P_FAVOURITE {
                    let category = favourites[which.below(at, N_FAVOURITES)];
                    categories[category].draw(place.uniform(at)) * self.n_categories + category
                } else {
                    all.draw(place.uniform(at))
                };
                (item as u32, at as u32)
            })
            .collect();
        drawn.sort_unstable();
        drawn.dedup_by_key(|(item, _)| *item);
        drawn.sort_unstable_by_key(|&(_, at)| at);
        drawn.into_iter().map(|(item, _)| item).collect()
    }
}

fn popularity(place: usize) -> f64 {
    libm::pow((place + 10) as f64, -0.8)
}

/// Weights to be drawn from.
struct Cumulative {
    ends: Vec<f64>,
}

impl Cumulative {
    fn of(weights: impl Iterator<Item = f64>) -> Self {
        let sum = |sum: &mut f64, weight: f64| {
            *sum += weight;
            Some(*sum)
        };
        Self { ends: weights.scan(0.0, sum).collect() }
    }

    fn draw(&self, uniform: f64) -> usize {
        let total = self.ends.last().copied().unwrap_or_default();
        self.ends.partition_point(|&end| end <= uniform * total).min(self.ends.len() - 1)
    }
}
