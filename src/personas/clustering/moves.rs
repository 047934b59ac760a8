//! Rows that change their cluster, and what that does to sums.

use rayon::prelude::*;

use super::bounds::{Cost, Scratch};
use super::points::Points;

/// Below this many rows one thread assigns; the runs beside each other keep the threads busy.
const PARALLEL_ROWS: usize = 32_768;

/// Tasks for each thread; each has sums of its own.
const TASKS_PER_THREAD: usize = 4;

/// The label of a row that belongs nowhere yet.
pub(super) const NOWHERE: u16 = u16::MAX;

/// Additions to sums, masses and sizes by the moves of a task.
pub(super) struct Moves {
    pub(super) n: u64,
    pub(super) sums: Vec<f64>,
    pub(super) masses: Vec<f64>,
    pub(super) sizes: Vec<i64>,
    pub(super) cost: Cost,
    pub(super) scratch: Scratch,
}

impl Moves {
    /// Nothing has moved.
    fn none() -> Self {
        Self {
            n: 0,
            sums: Vec::new(),
            masses: Vec::new(),
            sizes: Vec::new(),
            cost: Cost::default(),
            scratch: Scratch::default(),
        }
    }

    /// Notes that `row` goes from cluster `old` to `new`.
    pub(super) fn record(&mut self, points: &Points<'_>, k: usize, row: usize, old: u16, new: u16) {
        let d = points.n_columns();
        if self.n == 0 {
            self.sums.resize(k * d, 0.0);
            self.masses.resize(k, 0.0);
            self.sizes.resize(k, 0);
        }
        self.n += 1;
        if old != NOWHERE {
            points.transfer(&mut self.sums, row, usize::from(old), usize::from(new));
        } else {
            points.add(&mut self.sums[usize::from(new) * d..][..d], row, 1.0);
        }
        for (label, sign, change) in [(old, -1.0, -1), (new, 1.0, 1)] {
            if label != NOWHERE {
                let j = usize::from(label);
                self.masses[j] += sign * points.weight(row);
                self.sizes[j] += change;
            }
        }
    }

    /// What two tasks have moved.
    fn merged(mut self, other: Self) -> Self {
        let cost = self.cost.plus(other.cost);
        if self.n == 0 {
            return Self { cost, ..other };
        }
        self.n += other.n;
        self.cost = cost;
        self.sums.iter_mut().zip(other.sums).for_each(|(a, b)| *a += b);
        self.masses.iter_mut().zip(other.masses).for_each(|(a, b)| *a += b);
        self.sizes.iter_mut().zip(other.sizes).for_each(|(a, b)| *a += b);
        self
    }
}

/// All blocks, each by one thread; what they record is exact, so who computes what does not matter.
pub(super) fn fold<B: Send>(
    n_rows: usize,
    blocks: Vec<B>,
    block: impl Fn(Moves, B) -> Moves + Sync,
) -> Moves {
    if n_rows < PARALLEL_ROWS {
        return blocks.into_iter().fold(Moves::none(), block);
    }
    let least = blocks.len().div_ceil(rayon::current_num_threads() * TASKS_PER_THREAD);
    blocks.into_par_iter().with_min_len(least).fold(Moves::none, &block).reduce(Moves::none, Moves::merged)
}
