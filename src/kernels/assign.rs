//! The nearest and second nearest centroid of every row.
//!
//! With `||x - c||^2 = ||x||^2 + 2 s`, `s = ||c||^2 / 2 - x'c`, the nearest centroid minimises `s`, which needs no
//! norm of the row. Every (row, centroid) is one chain of fused multiply-adds over the columns in ascending order:
//! its bits depend neither on the form it is computed in nor on the level, so portable equals AVX2 bit for bit and a
//! single row equals the batch. There are two forms. For the nearest alone, of neighbouring rows or of eight from
//! anywhere, centroids stand side by side and every cell of a row meets a vector of them, so rows are read where
//! they lie. Where scores or the second nearest are wanted, the sixteen rows of a [`Tile`] stand side by side.
#![allow(unsafe_code)]

use super::KernelLevel;
use super::bounds::Quanta;
use super::tile::{Column, LANES, Rows, Tile, cells_of};

/// Centroids in a group, and rows that meet a group at once.
pub const GROUP: usize = 8;

/// Centroids that four rows meet at once: two groups side by side, so that a column of them is one cache line.
const PAIR: usize = LANES;

/// Scores of one group: centroid by lane of the tile.
pub type GroupScores = [[f32; LANES]; GROUP];

/// Centroids in groups of [`GROUP`], two groups side by side column by column, with half their squared norms.
///
/// The last groups are filled with centroids at an infinite distance, which are never the nearest.
#[derive(Clone, Debug)]
pub struct PackedCentroids {
    level: KernelLevel,
    n_centroids: usize,
    n_columns: usize,
    half_norms: Vec<[f32; GROUP]>,
    columns: Vec<Column>,
}

/// The nearest and second nearest centroid of the rows of a tile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoNearest {
    /// The nearest.
    pub first: [u32; LANES],
    /// The nearest of the others.
    pub second: [u32; LANES],
}

/// The nearest centroid of a group for each of eight rows, and the bounds that follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupNearest {
    /// Its position in the group.
    pub member: [u32; GROUP],
    /// Its score.
    pub score: [f32; GROUP],
    /// An upper bound of its distance.
    pub at_most: [u32; GROUP],
    /// A lower bound of its distance.
    pub at_least: [u32; GROUP],
    /// A lower bound of the distances of the others in the group.
    pub others_at_least: [u32; GROUP],
}

impl PackedCentroids {
    /// Packs row-major `cells` of `n_centroids` x `n_columns`, rounded to f32.
    ///
    /// # Panics
    /// When the shape does not fit or this processor cannot run `level`: a programmer error.
    #[must_use]
    pub fn pack(level: KernelLevel, n_centroids: usize, n_columns: usize, cells: &[f64]) -> Self {
        assert!(level.available(), "{level:?} is not available on this processor");
        assert_eq!(cells.len(), n_centroids * n_columns, "n_centroids x n_columns cells");
        let n_pairs = n_centroids.div_ceil(PAIR);
        let mut packed = Self {
            level,
            n_centroids,
            n_columns,
            half_norms: vec![[f32::INFINITY; GROUP]; n_pairs * 2],
            columns: vec![Column([0.0; PAIR]); n_pairs * n_columns],
        };
        for j in 0..n_centroids {
            let mut norm = 0.0f64;
            for f in 0..n_columns {
                let cell = cells[j * n_columns + f] as f32;
                norm += f64::from(cell) * f64::from(cell);
                packed.columns[j / PAIR * n_columns + f].0[j % PAIR] = cell;
            }
            packed.half_norms[j / GROUP][j % GROUP] = (norm / 2.0) as f32;
        }
        packed
    }

    /// The instructions to compute with.
    #[must_use]
    pub fn level(&self) -> KernelLevel {
        self.level
    }

    /// Number of centroids.
    #[must_use]
    pub fn n_centroids(&self) -> usize {
        self.n_centroids
    }

    /// Number of groups of [`GROUP`] centroids.
    #[must_use]
    pub fn n_groups(&self) -> usize {
        self.n_centroids.div_ceil(GROUP)
    }

    /// The cells of centroid `j`, as they are computed with.
    pub fn centroid(&self, j: usize) -> impl Iterator<Item = f32> + '_ {
        self.group(j / GROUP).iter().skip(j % GROUP).step_by(PAIR).copied()
    }

    /// The nearest centroid of every row; ties go to the lower index.
    ///
    /// # Panics
    /// When rows and centroids differ in width, or rows and indices in number: programmer errors.
    pub fn nearest(&self, rows: Rows<'_>, nearest: &mut [u32]) {
        assert_eq!(rows.n_columns(), self.n_columns, "width of rows and centroids");
        assert_eq!(rows.n_rows(), nearest.len(), "one index a row");
        #[cfg(target_arch = "x86_64")]
        if self.level == KernelLevel::Avx2 {
            // SAFETY: `pack` has checked that this processor has AVX2 and FMA.
            return unsafe { avx2::nearest(rows, self, nearest) };
        }
        for (row, nearest) in nearest.iter_mut().enumerate() {
            *nearest = self.portable_nearest(rows.row(row));
        }
    }

    /// The nearest and second nearest centroid of every row of the tile; ties go to the lower index.
    ///
    /// With a single centroid `second` means nothing.
    ///
    /// # Panics
    /// When rows and centroids differ in width: a programmer error.
    #[must_use]
    pub fn two_nearest(&self, tile: &Tile) -> TwoNearest {
        assert_eq!(tile.n_columns(), self.n_columns, "width of rows and centroids");
        #[cfg(target_arch = "x86_64")]
        if self.level == KernelLevel::Avx2 {
            // SAFETY: `pack` has checked that this processor has AVX2 and FMA.
            return unsafe { avx2::two_nearest(tile.cells(), self) };
        }
        self.portable_two_nearest(tile.cells())
    }

    /// The scores `s` of group `g` for every row of the tile; infinite for centroids that only fill the group.
    ///
    /// # Panics
    /// When rows and centroids differ in width: a programmer error.
    #[must_use]
    pub fn scores(&self, tile: &Tile, g: usize) -> GroupScores {
        assert_eq!(tile.n_columns(), self.n_columns, "width of rows and centroids");
        #[cfg(target_arch = "x86_64")]
        if self.level == KernelLevel::Avx2 {
            // SAFETY: `pack` has checked that this processor has AVX2 and FMA.
            return unsafe { avx2::stored_scores(tile.cells(), self.group(g), &self.half_norms[g]) };
        }
        portable_scores(tile.cells(), self.group(g), &self.half_norms[g])
    }

    /// The nearest centroid of group `g` for eight rows; ties go to the lower position. `squares` are the squared
    /// lengths of the rows.
    ///
    /// # Panics
    /// When rows and centroids differ in width, or there is no such row: programmer errors.
    #[must_use]
    pub fn nearest_in_group(
        &self,
        rows: Rows<'_>,
        ids: [u16; GROUP],
        squares: &[f32; GROUP],
        quanta: Quanta,
        g: usize,
    ) -> GroupNearest {
        assert_eq!(rows.n_columns(), self.n_columns, "width of rows and centroids");
        #[cfg(target_arch = "x86_64")]
        if self.level == KernelLevel::Avx2 {
            let rows = rows.pointers(ids);
            // SAFETY: `pack` has checked that this processor has AVX2 and FMA; the width is checked above.
            return unsafe {
                avx2::nearest_in_group(rows, self.group(g), &self.half_norms[g], squares, quanta)
            };
        }
        let rows = ids.map(|id| rows.row(usize::from(id)));
        portable_nearest_in_group(rows, self.group(g), &self.half_norms[g], squares, quanta)
    }

    /// From the first cell of group `g` to the end of its pair; its columns are [`PAIR`] cells apart.
    fn group(&self, g: usize) -> &[f32] {
        self.pair(g / 2).get(g % 2 * GROUP..).unwrap_or_default()
    }

    /// Both groups of pair `p`.
    fn pair(&self, p: usize) -> &[f32] {
        cells_of(&self.columns[p * self.n_columns..(p + 1) * self.n_columns])
    }

    fn portable_nearest(&self, row: &[f32]) -> u32 {
        let (mut nearest, mut low) = (0, f32::INFINITY);
        for g in 0..self.n_groups() {
            for (j, s) in
                portable_scores_of_row(row, self.group(g), &self.half_norms[g]).into_iter().enumerate()
            {
                if s < low {
                    (nearest, low) = ((g * GROUP + j) as u32, s);
                }
            }
        }
        nearest
    }

    fn portable_two_nearest(&self, tile: &[f32]) -> TwoNearest {
        let mut best = TwoNearest { first: [0; LANES], second: [0; LANES] };
        let mut low = [f32::INFINITY; LANES];
        let mut next = [f32::INFINITY; LANES];
        for g in 0..self.n_groups() {
            let scores = portable_scores(tile, self.group(g), &self.half_norms[g]);
            for (j, of_centroid) in scores.iter().enumerate() {
                let index = (g * GROUP + j) as u32;
                for (lane, &s) in of_centroid.iter().enumerate() {
                    if s < low[lane] {
                        best.second[lane] = best.first[lane];
                        next[lane] = low[lane];
                        best.first[lane] = index;
                        low[lane] = s;
                    } else if s < next[lane] {
                        best.second[lane] = index;
                        next[lane] = s;
                    }
                }
            }
        }
        best
    }
}

fn portable_scores(tile: &[f32], group: &[f32], half_norms: &[f32; GROUP]) -> GroupScores {
    let mut scores = half_norms.map(|h| [h; LANES]);
    for (x, c) in tile.chunks_exact(LANES).zip(group.chunks(PAIR)) {
        for (of_centroid, &c) in scores.iter_mut().zip(c) {
            for (s, &x) in of_centroid.iter_mut().zip(x) {
                *s = (-x).mul_add(c, *s);
            }
        }
    }
    scores
}

fn portable_scores_of_row(row: &[f32], group: &[f32], half_norms: &[f32; GROUP]) -> [f32; GROUP] {
    let mut scores = *half_norms;
    for (&x, c) in row.iter().zip(group.chunks(PAIR)) {
        for (s, &c) in scores.iter_mut().zip(c) {
            *s = (-x).mul_add(c, *s);
        }
    }
    scores
}

fn portable_nearest_in_group(
    rows: [&[f32]; GROUP],
    group: &[f32],
    half_norms: &[f32; GROUP],
    squares: &[f32; GROUP],
    quanta: Quanta,
) -> GroupNearest {
    let (mut member, mut score) = ([0; GROUP], [f32::INFINITY; GROUP]);
    let mut second = [f32::INFINITY; GROUP];
    for (i, row) in rows.into_iter().enumerate() {
        for (j, s) in portable_scores_of_row(row, group, half_norms).into_iter().enumerate() {
            if s < score[i] {
                second[i] = score[i];
                (member[i], score[i]) = (j as u32, s);
            } else {
                second[i] = second[i].min(s);
            }
        }
    }
    let square = |i: usize, of: &[f32; GROUP]| squares[i] + 2.0 * of[i];
    GroupNearest {
        member,
        score,
        at_most: std::array::from_fn(|i| u32::from(quanta.at_most(square(i, &score)))),
        at_least: std::array::from_fn(|i| u32::from(quanta.at_least(square(i, &score)))),
        others_at_least: std::array::from_fn(|i| u32::from(quanta.at_least(square(i, &second)))),
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn two(level: KernelLevel, rows: &[f32], centroids: &[f64], n_columns: usize) -> Vec<(u32, u32)> {
        let rows = Rows::new(rows, n_columns, n_columns);
        let packed = PackedCentroids::pack(level, centroids.len() / n_columns, n_columns, centroids);
        let mut tile = Tile::new(level, n_columns);
        let mut out = Vec::new();
        let mut nearest = vec![0; rows.n_rows()];
        packed.nearest(rows, &mut nearest);
        for t in 0..rows.n_tiles() {
            tile.load(rows, t);
            let best = packed.two_nearest(&tile);
            let n = rows.n_rows_in(t);
            assert_eq!(best.first[..n], nearest[t * LANES..][..n]);
            out.extend((0..rows.n_rows_in(t)).map(|lane| (best.first[lane], best.second[lane])));
        }
        out
    }

    #[test]
    fn levels_forms_and_batch_sizes_agree_bit_for_bit() {
        let random = Random::new(3);
        for (n, d, k) in [(1, 1, 1), (17, 3, 2), (100, 32, 5), (33, 20, 16), (50, 7, 19), (9, 1, 9)] {
            let mut rows: Vec<f32> = (0..n * d).map(|i| random.normal(i as u64) as f32).collect();
            // Ties: small whole numbers.
            rows.iter_mut().step_by(2).for_each(|x| *x = x.round());
            let mut centroids: Vec<f64> = (0..k * d).map(|i| random.stream(1).normal(i as u64)).collect();
            centroids.iter_mut().step_by(2).for_each(|c| *c = c.round());
            let expected = two(KernelLevel::Portable, &rows, &centroids, d);
            assert_eq!(two(KernelLevel::detect(), &rows, &centroids, d), expected);
            let single: Vec<(u32, u32)> =
                rows.chunks(d).flat_map(|row| two(KernelLevel::detect(), row, &centroids, d)).collect();
            assert_eq!(single, expected);
            let mut bits = Vec::new();
            for level in [KernelLevel::Portable, KernelLevel::detect()] {
                let packed = PackedCentroids::pack(level, k, d, &centroids);
                let mut tile = Tile::new(level, d);
                tile.load(Rows::new(&rows, d, d), 0);
                let scores: Vec<GroupScores> =
                    (0..packed.n_groups()).map(|g| packed.scores(&tile, g)).collect();
                for (g, scores) in scores.iter().enumerate() {
                    check_group(&packed, &rows, d, g, scores);
                }
                bits.push(scores.concat().concat().into_iter().map(f32::to_bits).collect::<Vec<u32>>());
            }
            assert_eq!(bits[0], bits[1]);
        }
    }

    /// The eight rows of a group's form against the scores of the tile's form.
    fn check_group(packed: &PackedCentroids, rows: &[f32], d: usize, g: usize, scores: &GroupScores) {
        let n = rows.len() / d;
        let ids: [u16; GROUP] = std::array::from_fn(|i| i.min(n - 1) as u16);
        let rows = Rows::new(rows, d, d);
        let squares = ids.map(|id| rows.row(usize::from(id)).iter().map(|x| x * x).sum::<f32>());
        let quanta = Quanta { per_unit: 1000.0, error: 1e-4, margin: 0, floor: 0 };
        let nearest = packed.nearest_in_group(rows, ids, &squares, quanta, g);
        for i in 0..GROUP.min(n) {
            let mut sorted: Vec<(f32, u32)> = (0..).zip(scores).map(|(j, s)| (s[i], j)).collect();
            sorted.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
            assert_eq!((nearest.score[i], nearest.member[i]), sorted[0]);
            let [first, second] = [sorted[0].0, sorted[1].0].map(|s| squares[i] + 2.0 * s);
            assert_eq!(nearest.at_most[i], u32::from(quanta.at_most(first)));
            assert_eq!(nearest.at_least[i], u32::from(quanta.at_least(first)));
            assert_eq!(nearest.others_at_least[i], u32::from(quanta.at_least(second)));
        }
    }

    #[test]
    fn ties_go_to_the_lower_index_whatever_its_lane() {
        let mut centroids = [10.0; 20];
        (centroids[8], centroids[3], centroids[17]) = (1.0, 1.0, 1.0);
        for level in [KernelLevel::Portable, KernelLevel::detect()] {
            assert_eq!(two(level, &[1.0; 5], &centroids, 1), [(3, 8); 5]);
        }
    }

    #[test]
    fn scores_rank_like_direct_distances() {
        let random = Random::new(9);
        let (d, k) = (12, 7);
        let rows: Vec<f32> = (0..400 * d).map(|i| random.normal(i as u64) as f32).collect();
        let centroids: Vec<f64> =
            (0..k * d).map(|i| f64::from(random.stream(1).normal(i as u64) as f32)).collect();
        for (row, (first, second)) in rows.chunks(d).zip(two(KernelLevel::detect(), &rows, &centroids, d)) {
            let mut by_distance: Vec<(f64, u32)> = centroids
                .chunks(d)
                .enumerate()
                .map(|(j, c)| (row.iter().zip(c).map(|(&x, c)| (f64::from(x) - c).powi(2)).sum(), j as u32))
                .collect();
            by_distance.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert_eq!((first, second), (by_distance[0].1, by_distance[1].1));
        }
    }

    #[test]
    #[should_panic(expected = "width of rows and centroids")]
    fn different_widths_are_a_programmer_error() {
        let packed = PackedCentroids::pack(KernelLevel::Portable, 1, 3, &[0.0; 3]);
        let _ = packed.two_nearest(&Tile::new(KernelLevel::Portable, 2));
    }
}
