//! Greedy k-means++ in O(n k d): only new centroids are compared, all candidates of a round in one pass.

use rayon::prelude::*;

use super::points::{BLOCK, Points, length_squared};
use crate::kernels::KernelLevel;
use crate::kernels::assign::{GROUP, PackedCentroids};
use crate::kernels::tile::{LANES, Tile};
use crate::random::Random;

/// Counters set aside for the draws of one round.
const DRAWS: u64 = 64;

/// Row-major start centroids: rows drawn with probability proportional to weight times squared distance to the
/// nearest centroid so far; of 2 + floor(ln k) candidates the one that leaves the smallest sum is kept, ties to the
/// first drawn (Arthur, Vassilvitskii 2007, section 4).
///
/// A pure function of the rows and `random`. When all rows coincide with centroids, the rest is drawn uniformly.
pub(crate) fn greedy_plus_plus(
    points: &Points<'_>,
    k: usize,
    random: Random,
    level: KernelLevel,
) -> Vec<f64> {
    let n_candidates = 2 + libm::log(k as f64) as usize;
    let mut nearest = Nearest::new(points, level);
    let mut chosen = vec![nearest.pick(random, 0)];
    nearest.include(chosen[0]);
    while chosen.len() < k {
        let counter = chosen.len() as u64 * DRAWS;
        let candidates: Vec<usize> =
            (0..n_candidates as u64).map(|draw| nearest.pick(random, counter + draw)).collect();
        let mut best = (f64::INFINITY, 0);
        for (c, sum) in nearest.sums_with(&candidates).into_iter().enumerate() {
            if sum < best.0 {
                best = (sum, c);
            }
        }
        chosen.push(candidates[best.1]);
        nearest.include(candidates[best.1]);
    }
    cells_of(points, &chosen)
}

fn cells_of(points: &Points<'_>, rows: &[usize]) -> Vec<f64> {
    rows.iter().flat_map(|&row| points.row(row).iter().map(|&x| f64::from(x))).collect()
}

/// Squared distance of every row to the nearest chosen row.
struct Nearest<'p, 'r> {
    points: &'p Points<'r>,
    level: KernelLevel,
    squares: Vec<f32>,
    distances: Vec<f32>,
    /// Weight times distance, summed over blocks of rows; the weights alone before a row is chosen.
    sums: Vec<f64>,
}

impl<'p, 'r> Nearest<'p, 'r> {
    fn new(points: &'p Points<'r>, level: KernelLevel) -> Self {
        let n = points.n_rows();
        let squares = (0..n).into_par_iter().map(|row| length_squared(points.row(row)) as f32).collect();
        let mut nearest = Self { points, level, squares, distances: vec![1.0; n], sums: Vec::new() };
        nearest.sums = (0..n.div_ceil(BLOCK)).map(|b| nearest.block_sum(b)).collect();
        nearest.distances.fill(f32::INFINITY);
        nearest
    }

    fn block_sum(&self, b: usize) -> f64 {
        (b * BLOCK..((b + 1) * BLOCK).min(self.distances.len())).map(|row| self.share(row)).sum()
    }

    /// The chance of a row to be drawn, up to a factor.
    fn share(&self, row: usize) -> f64 {
        let distance = self.distances[row];
        self.points.weight(row) * if distance == f32::INFINITY { 1.0 } else { f64::from(distance) }
    }

    /// The sum of weight times distance that each of the candidates would leave.
    fn sums_with(&self, candidates: &[usize]) -> Vec<f64> {
        let packed = self.packed(candidates);
        let of_block = |b: usize| {
            let mut sums = vec![0.0; candidates.len()];
            self.each_tile(b, |tile, rows| {
                for g in 0..packed.n_groups() {
                    let scores = packed.scores(tile, g);
                    for (sum, scores) in sums[g * GROUP..].iter_mut().zip(&scores) {
                        for (row, &s) in rows.clone().zip(scores) {
                            *sum +=
                                self.points.weight(row) * f64::from(self.nearer(row, s, self.distances[row]));
                        }
                    }
                }
            });
            sums
        };
        let blocks: Vec<Vec<f64>> = (0..self.sums.len()).into_par_iter().map(of_block).collect();
        let mut sums = vec![0.0; candidates.len()];
        for of_block in blocks {
            sums.iter_mut().zip(of_block).for_each(|(sum, of_block)| *sum += of_block);
        }
        sums
    }

    /// Takes in a chosen row.
    fn include(&mut self, row: usize) {
        let packed = self.packed(&[row]);
        let mut distances = std::mem::take(&mut self.distances);
        let of_block = |(b, distances): (usize, &mut [f32])| {
            let mut sum = 0.0;
            self.each_tile(b, |tile, rows| {
                let scores = packed.scores(tile, 0);
                for (row, &s) in rows.zip(&scores[0]) {
                    let known = &mut distances[row - b * BLOCK];
                    *known = self.nearer(row, s, *known);
                    sum += self.points.weight(row) * f64::from(*known);
                }
            });
            sum
        };
        let sums = distances.par_chunks_mut(BLOCK).enumerate().map(of_block).collect();
        (self.distances, self.sums) = (distances, sums);
    }

    fn packed(&self, rows: &[usize]) -> PackedCentroids {
        let cells = cells_of(self.points, rows);
        PackedCentroids::pack(self.level, rows.len(), self.points.n_columns(), &cells)
    }

    /// The squared distance that belongs to a score, or what is known where that is nearer.
    fn nearer(&self, row: usize, score: f32, known: f32) -> f32 {
        (self.squares[row] + 2.0 * score).max(0.0).min(known)
    }

    fn each_tile(&self, b: usize, mut of_tile: impl FnMut(&Tile, std::ops::Range<usize>)) {
        let rows = self.points.rows();
        let mut tile = Tile::new(self.level, rows.n_columns());
        for t in b * (BLOCK / LANES)..((b + 1) * (BLOCK / LANES)).min(rows.n_tiles()) {
            tile.load(rows, t);
            of_tile(&tile, t * LANES..t * LANES + rows.n_rows_in(t));
        }
    }

    /// The row of a draw with probability proportional to its share; the block first, then the row inside.
    fn pick(&self, random: Random, counter: u64) -> usize {
        let total: f64 = self.sums.iter().sum();
        let mut left = random.uniform(counter) * total;
        if total <= 0.0 {
            return random.below(counter, self.distances.len());
        }
        let mut last = 0;
        for (b, &sum) in self.sums.iter().enumerate() {
            if sum <= 0.0 {
                continue;
            }
            if left >= sum {
                left -= sum;
                last = b;
                continue;
            }
            return self.pick_in(b, left);
        }
        // Rounding carried the draw past the end.
        self.pick_in(last, f64::INFINITY)
    }

    /// The row of block `b` at which the prefix sum passes `left`; past the end, the last row with a share.
    fn pick_in(&self, b: usize, mut left: f64) -> usize {
        let mut last = b * BLOCK;
        for row in b * BLOCK..((b + 1) * BLOCK).min(self.distances.len()) {
            let share = self.share(row);
            if share > 0.0 {
                last = row;
                left -= share;
                if left < 0.0 {
                    break;
                }
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tile::Rows;
    use crate::personas::grid::GridMatrix;

    #[test]
    fn draws_follow_the_weights_across_blocks() {
        let cells = vec![0.0f32; 3 * BLOCK];
        let mut weights = vec![0.0; 3 * BLOCK];
        weights[5] = 1.0;
        weights[BLOCK + 7] = 2.0;
        weights[3 * BLOCK - 1] = 1.0;
        let points = Points::of(Rows::new(&cells, 1, 1), 1.0, Some(&weights));
        let nearest = Nearest::new(&points, KernelLevel::detect());
        let mut seen = [0; 3];
        for draw in 0..4000 {
            let row = nearest.pick(Random::new(4), draw);
            seen[[5, BLOCK + 7, 3 * BLOCK - 1]
                .iter()
                .position(|&r| r == row)
                .expect("a row with a weight")] += 1;
        }
        assert!((900..1100).contains(&seen[0]) && (1900..2100).contains(&seen[1]), "{seen:?}");
        assert_eq!(nearest.pick_in(2, f64::INFINITY), 3 * BLOCK - 1);
    }

    #[test]
    fn far_groups_are_all_found() {
        let mut matrix = GridMatrix::zeros(90, 1);
        for row in 0..90 {
            matrix.cells_mut()[row * 8] = (row % 9) as f32 * 1.5 - 6.0;
        }
        let points = Points::new(&matrix);
        for seed in 0..20 {
            let mut start = greedy_plus_plus(&points, 9, Random::new(seed), KernelLevel::detect());
            start.sort_by(f64::total_cmp);
            start.dedup();
            assert_eq!(start.len(), 9);
        }
    }

    #[test]
    fn every_round_keeps_the_candidate_that_leaves_the_smallest_sum() {
        let mut matrix = GridMatrix::zeros(60, 2);
        let noise = Random::new(2);
        for (i, cell) in matrix.cells_mut().iter_mut().enumerate().filter(|(i, _)| i % 8 < 2) {
            *cell = noise.below(i as u64, 17) as f32 - 8.0;
        }
        let points = Points::new(&matrix);
        let squared = |a: usize, b: usize| {
            matrix.row(a).iter().zip(matrix.row(b)).map(|(x, y)| (x - y) * (x - y)).sum::<f32>()
        };
        for seed in 0..20 {
            // The plain form: all distances to all chosen rows, again in every round.
            let random = Random::new(seed);
            let mut chosen = vec![random.below(0, 60)];
            while chosen.len() < 5 {
                let left = |with: &[usize]| -> Vec<f32> {
                    (0..60)
                        .map(|r| with.iter().map(|&c| squared(r, c)).fold(f32::INFINITY, f32::min))
                        .collect()
                };
                let weights = left(&chosen);
                let pick = |draw| {
                    let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
                    let mut left = random.uniform(chosen.len() as u64 * DRAWS + draw) * total;
                    let passes = |w: &f32| {
                        left -= f64::from(*w);
                        left < 0.0
                    };
                    weights.iter().position(passes).expect("a row")
                };
                let sum_with = |c: usize| left(&[&chosen[..], &[c]].concat()).iter().sum::<f32>();
                let best = (0..3).map(pick).min_by(|&a, &b| sum_with(a).total_cmp(&sum_with(b)));
                chosen.push(best.unwrap());
            }
            let expected: Vec<f64> =
                chosen.iter().flat_map(|&r| matrix.row(r).iter().map(|&x| f64::from(x))).collect();
            assert_eq!(greedy_plus_plus(&points, 5, random, KernelLevel::detect()), expected);
        }
    }

    #[test]
    fn identical_rows_still_give_k_rows() {
        let matrix = GridMatrix::zeros(4, 2);
        let start = greedy_plus_plus(&Points::new(&matrix), 3, Random::new(1), KernelLevel::Portable);
        assert_eq!(start, [0.0; 6]);
    }
}
