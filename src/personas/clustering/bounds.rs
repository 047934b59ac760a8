//! Rows whose nearest centroid cannot have changed, by the triangle inequality.
//!
//! Every row keeps an upper bound of the distance to its own centroid and, for each group of eight centroids, a lower
//! bound of the distance to the others in it (Ding et al. 2015, "Yinyang k-means"; one group is Hamerly 2010). When
//! centroids move, the bounds move by as much. A row whose upper bound stays below all its lower bounds is not even
//! read; of the others only the groups are computed whose bound does not exclude them, first the row's own.
//!
//! Bounds are counts of a quantum in 16 bits, so sixteen are carried on at once and a row needs 8 bytes and 2 for
//! each group. They err outwards: by rounding, and by a margin that covers the error of a score, so the result
//! equals that of comparing all centroids, bit for bit.

use super::points::{Points, length_squared};
use crate::kernels::KernelLevel;
use crate::kernels::assign::{GROUP, GroupNearest, PackedCentroids};
use crate::kernels::bounds::Quanta;
use crate::kernels::tile::Rows;

/// A bound reaches this many root mean square distances, in 2^16 quanta; what lies beyond counts as just beyond.
const REACH: f64 = 4.0;

/// Lower bounds below this many errors of a distance at zero are not trusted; it keeps the margin small.
const TRUSTED: f64 = 16.0;

/// Rows between those that are computed and those that are asked for.
const AHEAD: usize = 2 * GROUP;

/// How far centroids have moved, in quanta, rounded up.
pub(crate) struct Movement {
    of_centroid: Vec<u16>,
    /// The largest in every group.
    of_group: Vec<u16>,
}

/// Length of a quantum, the same for all bounds of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantum(f64);

impl Quantum {
    /// For rows whose root mean square distance to their centroid is `spread`.
    pub(crate) fn for_spread(spread: f64) -> Self {
        Self((REACH * spread / f64::from(u16::MAX)).max(1e-30))
    }

    pub(crate) fn movement(self, from: &PackedCentroids, to: &PackedCentroids) -> Movement {
        let moved = |j: usize| {
            let square = |(a, b): (f32, f32)| (f64::from(a) - f64::from(b)) * (f64::from(a) - f64::from(b));
            let distance = from.centroid(j).zip(to.centroid(j)).map(square).sum::<f64>().sqrt();
            // A movement of 0 stays 0; one of a rounding error becomes 1.
            (distance / self.0 * (1.0 + 1e-9)).ceil() as u16
        };
        let of_centroid: Vec<u16> = (0..to.n_centroids()).map(moved).collect();
        let of_group = of_centroid.chunks(GROUP).map(|g| g.iter().copied().max().unwrap_or(0)).collect();
        Movement { of_centroid, of_group }
    }

    /// Bounds of rows and centroids that are at most `longest` long together, in `n_columns`.
    fn quanta(self, n_columns: usize, longest: f64) -> Quanta {
        // A chain of d fused multiply-adds, the norms, their sum: (d + 4) 2^-24 (|x| + |c|)^2, doubled.
        let error = (n_columns + 4) as f64 * libm::exp2(-23.0) * longest * longest;
        let floor = TRUSTED * (2.0 * error).sqrt();
        let count = |distance: f64| (distance / self.0).ceil() as u16;
        Quanta {
            per_unit: (1.0 / self.0) as f32,
            error: error as f32,
            // With lower bound l the squares differ by at least margin * l, which has to exceed 2 errors.
            margin: if floor > 0.0 { count(2.0 * error / floor).saturating_add(1) } else { 1 },
            floor: count(floor),
        }
    }
}

/// What a pass over rows has cost: pairs of a row and a group that were computed, of all there are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) n_computed: u64,
    pub(crate) n_pairs: u64,
}

impl Cost {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { n_computed: self.n_computed + other.n_computed, n_pairs: self.n_pairs + other.n_pairs }
    }
}

/// Buffers of one task.
#[derive(Default)]
pub(crate) struct Scratch {
    least: Vec<u16>,
    /// Rows that are not decided.
    open: Vec<u16>,
    /// The same by the group of their label, each list as long as the block.
    home: Vec<u16>,
    n_home: Vec<usize>,
    /// Rows not decided against one group.
    list: Vec<u16>,
    score: Vec<f32>,
    label: Vec<u16>,
}

/// The bounds of a block of rows.
pub(crate) struct BlockBounds {
    first_row: usize,
    level: KernelLevel,
    quanta: Quanta,
    squares: Vec<f32>,
    upper: Vec<u16>,
    /// Group by group.
    lower: Vec<u16>,
}

impl BlockBounds {
    /// Bounds that exclude nothing, for `n` rows from `first_row` on; centroids are never longer than `longest`.
    pub(crate) fn new(
        points: &Points<'_>,
        first_row: usize,
        n: usize,
        centroids: &PackedCentroids,
        longest: f64,
        quantum: Quantum,
    ) -> Self {
        let squares: Vec<f32> =
            (first_row..first_row + n).map(|row| length_squared(points.row(row)) as f32).collect();
        let reach = f64::from(squares.iter().copied().fold(0.0, f32::max)).sqrt();
        Self {
            first_row,
            level: centroids.level(),
            quanta: quantum.quanta(points.n_columns(), reach + longest),
            squares,
            upper: vec![u16::MAX; n],
            lower: vec![0; n * centroids.n_groups()],
        }
    }

    /// A row whose label was changed from outside knows nothing any more.
    pub(crate) fn forget(&mut self, row: usize) {
        let (n, i) = (self.upper.len(), row - self.first_row);
        self.upper[i] = u16::MAX;
        self.lower.iter_mut().skip(i).step_by(n).for_each(|lower| *lower = 0);
    }

    /// Gives every row its nearest centroid and calls `moved(row, old, new)` where it is another one.
    pub(crate) fn assign(
        &mut self,
        points: &Points<'_>,
        centroids: &PackedCentroids,
        movement: &Movement,
        labels: &mut [u16],
        scratch: &mut Scratch,
        mut moved: impl FnMut(usize, u16, u16),
    ) -> Cost {
        self.carry_on(movement, labels, &mut scratch.least);
        let (n, n_groups) = (labels.len(), centroids.n_groups());
        let rows = points.rows().part(self.first_row, n);
        scratch.open.clear();
        self.quanta.undecided(self.level, &self.upper, &scratch.least, &mut scratch.open);
        let mut n_computed = scratch.open.len() as u64;
        scratch.send_home(labels, n_groups);
        for g in 0..n_groups {
            self.own_group(rows, centroids, g, scratch);
        }
        if n_groups > 1 && n_computed > 0 {
            for g in 0..n_groups {
                n_computed += self.other_group(rows, centroids, g, labels, scratch);
            }
        }
        for &i in &scratch.open {
            let i = usize::from(i);
            let (old, new) = (labels[i], scratch.label[i]);
            if old != new {
                labels[i] = new;
                moved(self.first_row + i, old, new);
            }
        }
        Cost { n_computed, n_pairs: (n * n_groups) as u64 }
    }

    /// Moves all bounds with the centroids; `least` becomes the lowest lower bound of every row.
    fn carry_on(&mut self, movement: &Movement, labels: &[u16], least: &mut Vec<u16>) {
        let n = labels.len();
        for (upper, &label) in self.upper.iter_mut().zip(labels) {
            *upper = upper.saturating_add(movement.of_centroid[usize::from(label)]);
        }
        least.clear();
        least.resize(n, u16::MAX);
        for (lower, &moved) in self.lower.chunks_exact_mut(n).zip(&movement.of_group) {
            for (least, lower) in least.iter_mut().zip(lower) {
                *lower = lower.saturating_sub(moved);
                *least = (*least).min(*lower);
            }
        }
    }

    /// The open rows whose label is in group `g`, against that group.
    fn own_group(&mut self, rows: Rows<'_>, centroids: &PackedCentroids, g: usize, scratch: &mut Scratch) {
        let n = self.upper.len();
        let here = &scratch.home[g * n..][..scratch.n_home[g]];
        let lower = &mut self.lower[g * n..][..n];
        for (at, eight) in here.chunks(GROUP).enumerate() {
            for &i in here.iter().skip(at * GROUP + AHEAD).take(GROUP) {
                rows.ask_for(usize::from(i), 1);
            }
            let nearest = nearest(rows, centroids, &self.squares, self.quanta, eight, g);
            for (lane, &i) in eight.iter().enumerate() {
                let i = usize::from(i);
                scratch.label[i] = (g * GROUP) as u16 + nearest.member[lane] as u16;
                scratch.score[i] = nearest.score[lane];
                self.upper[i] = nearest.at_most[lane] as u16;
                lower[i] = nearest.others_at_least[lane] as u16;
            }
        }
    }

    /// The open rows from other groups that their bounds do not keep from group `g`; how many they are.
    fn other_group(
        &mut self,
        rows: Rows<'_>,
        centroids: &PackedCentroids,
        g: usize,
        labels: &[u16],
        scratch: &mut Scratch,
    ) -> u64 {
        let n = self.upper.len();
        let Scratch { list, score, label, .. } = scratch;
        list.clear();
        // Rows that are not open have bounds that decide here as well.
        self.quanta.undecided(self.level, &self.upper, &self.lower[g * n..][..n], list);
        list.retain(|&i| usize::from(labels[usize::from(i)]) / GROUP != g);
        for (at, eight) in list.chunks(GROUP).enumerate() {
            for &i in list.iter().skip(at * GROUP + AHEAD).take(GROUP) {
                rows.ask_for(usize::from(i), 1);
            }
            let nearest = nearest(rows, centroids, &self.squares, self.quanta, eight, g);
            for (lane, &i) in eight.iter().enumerate() {
                let i = usize::from(i);
                let (s, j) = (nearest.score[lane], (g * GROUP) as u16 + nearest.member[lane] as u16);
                if s < score[i] || (s == score[i] && j < label[i]) {
                    // The former best was the nearest of its group, which does not hold the label any more.
                    let former = self.quanta.at_least(self.squares[i] + 2.0 * score[i]);
                    self.lower[usize::from(label[i]) / GROUP * n + i] = former;
                    self.lower[g * n + i] = nearest.others_at_least[lane] as u16;
                    (score[i], label[i]) = (s, j);
                    self.upper[i] = nearest.at_most[lane] as u16;
                } else {
                    self.lower[g * n + i] = nearest.at_least[lane] as u16;
                }
            }
        }
        list.len() as u64
    }
}

/// Up to eight rows against a group; the last fills up.
fn nearest(
    rows: Rows<'_>,
    centroids: &PackedCentroids,
    squares: &[f32],
    quanta: Quanta,
    eight: &[u16],
    g: usize,
) -> GroupNearest {
    let mut ids = [eight[eight.len() - 1]; GROUP];
    ids[..eight.len()].copy_from_slice(eight);
    centroids.nearest_in_group(rows, ids, &ids.map(|i| squares[usize::from(i)]), quanta, g)
}

impl Scratch {
    /// Lists the open rows by the group of their label.
    fn send_home(&mut self, labels: &[u16], n_groups: usize) {
        let n = labels.len();
        self.home.resize(self.home.len().max(n * n_groups), 0);
        self.score.resize(self.score.len().max(n), 0.0);
        self.label.resize(self.label.len().max(n), 0);
        self.n_home.clear();
        self.n_home.resize(n_groups, 0);
        for &i in &self.open {
            let g = usize::from(labels[usize::from(i)]) / GROUP;
            self.home[g * n + self.n_home[g]] = i;
            self.n_home[g] += 1;
        }
    }
}
