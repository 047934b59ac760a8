//! Greedy k-means++ in O(n k d): only new centroids are compared, all candidates of a round in one pass.

use super::lloyd::Points;
use crate::kernels::KernelLevel;
use crate::kernels::assign::{GROUP, LANES, PackedCentroids};
use crate::random::Random;

/// Rows whose weights are summed together; the prefix sums of drawing go over blocks first.
const BLOCK: usize = 4096;

/// Counters set aside for the draws of one round.
const DRAWS: u64 = 64;

/// Row-major start centroids: rows drawn with probability proportional to the squared distance to the nearest
/// centroid so far; of 2 + floor(ln k) candidates the one that leaves the smallest sum is kept, ties to the first
/// drawn (Arthur, Vassilvitskii 2007, section 4).
///
/// A pure function of the rows and `random`. When all rows coincide with centroids, the rest is drawn uniformly.
pub(crate) fn greedy_plus_plus(
    points: &Points<'_>,
    k: usize,
    random: Random,
    level: KernelLevel,
) -> Vec<f64> {
    let n = points.n_rows();
    let n_candidates = 2 + libm::log(k as f64) as usize;
    let mut chosen = vec![random.below(0, n)];
    let mut nearest = vec![f32::INFINITY; n];
    let mut trial = Vec::new();
    distances_to(points, &chosen, &nearest, level, &mut trial);
    nearest.clone_from(&trial[0]);
    while chosen.len() < k {
        let weights = BlockSums::of(&nearest);
        let counter = chosen.len() as u64 * DRAWS;
        let candidates: Vec<usize> =
            (0..n_candidates as u64).map(|draw| weights.pick(&nearest, random, counter + draw)).collect();
        distances_to(points, &candidates, &nearest, level, &mut trial);
        let mut best = (f64::INFINITY, 0);
        for (c, distances) in trial[..n_candidates].iter().enumerate() {
            let sum = BlockSums::of(distances).total;
            if sum < best.0 {
                best = (sum, c);
            }
        }
        chosen.push(candidates[best.1]);
        std::mem::swap(&mut nearest, &mut trial[best.1]);
    }
    chosen.iter().flat_map(|&row| points.matrix.row(row).iter().map(|&x| f64::from(x))).collect()
}

/// For every candidate row, the squared distance of every row to the nearer of the candidate and `nearest`.
fn distances_to(
    points: &Points<'_>,
    candidates: &[usize],
    nearest: &[f32],
    level: KernelLevel,
    out: &mut Vec<Vec<f32>>,
) {
    let rows: Vec<f64> =
        candidates.iter().flat_map(|&row| points.matrix.row(row).iter().map(|&x| f64::from(x))).collect();
    let packed = PackedCentroids::pack(level, candidates.len(), points.n_columns(), &rows);
    out.resize_with(candidates.len().max(out.len()), || vec![0.0; nearest.len()]);
    for t in 0..points.tiles.n_tiles() {
        let lanes = t * LANES..t * LANES + points.tiles.n_rows_in(t);
        for g in 0..packed.n_groups() {
            let scores = packed.scores(&points.tiles, t, g);
            for (out, scores) in out[g * GROUP..candidates.len().min((g + 1) * GROUP)].iter_mut().zip(&scores)
            {
                for (row, &s) in lanes.clone().zip(scores) {
                    let distance = (points.squares[row] as f32 + 2.0 * s).max(0.0);
                    out[row] = distance.min(nearest[row]);
                }
            }
        }
    }
}

/// Sums of non-negative weights by block, and their sum in block order.
struct BlockSums {
    sums: Vec<f64>,
    total: f64,
}

impl BlockSums {
    fn of(weights: &[f32]) -> Self {
        let sums: Vec<f64> =
            weights.chunks(BLOCK).map(|block| block.iter().map(|&w| f64::from(w)).sum()).collect();
        let total = sums.iter().sum();
        Self { sums, total }
    }

    /// The row of a draw with probability proportional to its weight; the block first, then the row inside.
    fn pick(&self, weights: &[f32], random: Random, counter: u64) -> usize {
        let mut left = random.uniform(counter) * self.total;
        if self.total <= 0.0 {
            return random.below(counter, weights.len());
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
            return pick_in(weights, b, left);
        }
        // Rounding carried the draw past the end.
        pick_in(weights, last, f64::INFINITY)
    }
}

/// The row of block `b` at which the prefix sum passes `left`; past the end, the last row with a weight.
fn pick_in(weights: &[f32], b: usize, mut left: f64) -> usize {
    let mut last = b * BLOCK;
    for (row, &w) in weights.iter().enumerate().skip(b * BLOCK).take(BLOCK) {
        if w > 0.0 {
            last = row;
            left -= f64::from(w);
            if left < 0.0 {
                break;
            }
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::personas::grid::GridMatrix;

    #[test]
    fn draws_follow_the_weights_across_blocks() {
        let mut weights = vec![0.0f32; 3 * BLOCK];
        weights[5] = 1.0;
        weights[BLOCK + 7] = 2.0;
        weights[3 * BLOCK - 1] = 1.0;
        let sums = BlockSums::of(&weights);
        let mut seen = [0; 3];
        for draw in 0..4000 {
            let row = sums.pick(&weights, Random::new(4), draw);
            seen[[5, BLOCK + 7, 3 * BLOCK - 1]
                .iter()
                .position(|&r| r == row)
                .expect("a row with a weight")] += 1;
        }
        assert!((900..1100).contains(&seen[0]) && (1900..2100).contains(&seen[1]), "{seen:?}");
        assert_eq!(pick_in(&weights, 2, f64::INFINITY), 3 * BLOCK - 1);
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
                let pick =
                    |draw| BlockSums::of(&weights).pick(&weights, random, chosen.len() as u64 * DRAWS + draw);
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
