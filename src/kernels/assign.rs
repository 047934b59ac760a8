//! The nearest and second nearest centroid of every row, rows in lanes.
//!
//! With `||x - c||^2 = ||x||^2 + 2 s`, `s = ||c||^2 / 2 - x'c`, the nearest centroid minimises `s`, which needs no
//! norm of the row. Sixteen rows stand side by side, so best, second best and their indices are kept without any
//! horizontal step. Every (row, centroid) is one chain of fused multiply-adds over the columns in ascending order:
//! its bits depend neither on the tile a row stands in nor on the level, so portable equals AVX2 bit for bit and a
//! single row equals the batch.
#![allow(unsafe_code)]

use super::KernelLevel;

/// Rows in a tile.
pub const LANES: usize = 16;

/// Centroids in a group: two vectors of rows times four centroids keep eight chains in flight.
pub const GROUP: usize = 4;

/// Scores of one group: centroid by lane.
pub type GroupScores = [[f32; LANES]; GROUP];

/// Rows in tiles of [`LANES`], column by column inside a tile; the last tile is filled with zero rows.
#[derive(Clone, Debug)]
pub struct RowTiles {
    n_rows: usize,
    n_columns: usize,
    cells: Vec<f32>,
}

impl RowTiles {
    /// Tiles of `n_columns` leading cells of each row; rows of `cells` are `stride` apart.
    ///
    /// # Panics
    /// When `stride` is 0 or below `n_columns`, or `cells` is not a whole number of rows: a programmer error.
    #[must_use]
    pub fn pack(cells: &[f32], stride: usize, n_columns: usize) -> Self {
        assert!(stride >= n_columns && stride > 0 && cells.len().is_multiple_of(stride), "rows of {stride}");
        let n_rows = cells.len() / stride;
        let mut tiles =
            Self { n_rows, n_columns, cells: vec![0.0; n_rows.div_ceil(LANES) * n_columns * LANES] };
        for (row, of_row) in cells.chunks_exact(stride).enumerate() {
            let base = row / LANES * n_columns * LANES + row % LANES;
            for (column, &cell) in of_row[..n_columns].iter().enumerate() {
                tiles.cells[base + column * LANES] = cell;
            }
        }
        tiles
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of tiles.
    #[must_use]
    pub fn n_tiles(&self) -> usize {
        self.n_rows.div_ceil(LANES)
    }

    /// Number of rows in tile `t`.
    #[must_use]
    pub fn n_rows_in(&self, t: usize) -> usize {
        (self.n_rows - t * LANES).min(LANES)
    }

    fn tile(&self, t: usize) -> &[f32] {
        &self.cells[t * self.n_columns * LANES..(t + 1) * self.n_columns * LANES]
    }
}

/// Centroids in groups of [`GROUP`], column by column inside a group, with half their squared norms.
///
/// The last group is filled with centroids at an infinite distance, which are never the nearest.
#[derive(Clone, Debug)]
pub struct PackedCentroids {
    level: KernelLevel,
    n_centroids: usize,
    n_columns: usize,
    half_norms: Vec<[f32; GROUP]>,
    cells: Vec<f32>,
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
        let n_groups = n_centroids.div_ceil(GROUP);
        let mut packed = Self {
            level,
            n_centroids,
            n_columns,
            half_norms: vec![[f32::INFINITY; GROUP]; n_groups],
            cells: vec![0.0; n_groups * GROUP * n_columns],
        };
        for j in 0..n_centroids {
            let mut norm = 0.0f64;
            for f in 0..n_columns {
                let cell = cells[j * n_columns + f] as f32;
                norm += f64::from(cell) * f64::from(cell);
                packed.cells[(j / GROUP * n_columns + f) * GROUP + j % GROUP] = cell;
            }
            packed.half_norms[j / GROUP][j % GROUP] = (norm / 2.0) as f32;
        }
        packed
    }

    /// Number of centroids.
    #[must_use]
    pub fn n_centroids(&self) -> usize {
        self.n_centroids
    }

    /// Number of groups of [`GROUP`] centroids.
    #[must_use]
    pub fn n_groups(&self) -> usize {
        self.half_norms.len()
    }

    /// The nearest centroid of every row of tile `t`; ties go to the lower index.
    ///
    /// # Panics
    /// When rows and centroids differ in width: a programmer error.
    #[must_use]
    pub fn nearest(&self, rows: &RowTiles, t: usize) -> [u32; LANES] {
        self.best::<false>(rows, t).first
    }

    /// The nearest and second nearest centroid of every row of tile `t`; ties go to the lower index.
    ///
    /// With a single centroid `second` means nothing.
    ///
    /// # Panics
    /// When rows and centroids differ in width: a programmer error.
    #[must_use]
    pub fn two_nearest(&self, rows: &RowTiles, t: usize) -> TwoNearest {
        self.best::<true>(rows, t)
    }

    /// The scores `s` of group `g` for every row of tile `t`; infinite for centroids that only fill the group.
    ///
    /// # Panics
    /// When rows and centroids differ in width: a programmer error.
    #[must_use]
    pub fn scores(&self, rows: &RowTiles, t: usize, g: usize) -> GroupScores {
        assert_eq!(rows.n_columns, self.n_columns, "width of rows and centroids");
        #[cfg(target_arch = "x86_64")]
        if self.level == KernelLevel::Avx2 {
            // SAFETY: `pack` has checked that this processor has AVX2 and FMA.
            return unsafe { avx2::stored_scores(rows.tile(t), self.group(g), &self.half_norms[g]) };
        }
        portable_scores(rows.tile(t), self.group(g), &self.half_norms[g])
    }

    fn best<const SECOND: bool>(&self, rows: &RowTiles, t: usize) -> TwoNearest {
        assert_eq!(rows.n_columns, self.n_columns, "width of rows and centroids");
        #[cfg(target_arch = "x86_64")]
        if self.level == KernelLevel::Avx2 {
            // SAFETY: `pack` has checked that this processor has AVX2 and FMA.
            return unsafe { avx2::best::<SECOND>(rows.tile(t), self) };
        }
        self.portable_best(rows.tile(t))
    }

    fn group(&self, g: usize) -> &[f32] {
        &self.cells[g * GROUP * self.n_columns..(g + 1) * GROUP * self.n_columns]
    }

    fn portable_best(&self, tile: &[f32]) -> TwoNearest {
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

/// Indices of the nearest and second nearest centroid of the rows of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TwoNearest {
    /// The nearest.
    pub first: [u32; LANES],
    /// The nearest of the others.
    pub second: [u32; LANES],
}

fn portable_scores(tile: &[f32], group: &[f32], half_norms: &[f32; GROUP]) -> GroupScores {
    let mut scores = half_norms.map(|h| [h; LANES]);
    for (x, c) in tile.chunks_exact(LANES).zip(group.chunks_exact(GROUP)) {
        for (of_centroid, &c) in scores.iter_mut().zip(c) {
            for (s, &x) in of_centroid.iter_mut().zip(x) {
                *s = (-x).mul_add(c, *s);
            }
        }
    }
    scores
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256, _CMP_LT_OQ, _mm256_blendv_ps, _mm256_broadcast_ss, _mm256_castps_si256, _mm256_castsi256_ps,
        _mm256_cmp_ps, _mm256_fnmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps, _mm256_set1_epi32,
        _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm256_storeu_si256,
    };

    use super::{GROUP, GroupScores, LANES, PackedCentroids, TwoNearest};

    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn scores(tile: &[f32], group: &[f32], half_norms: &[f32; GROUP]) -> [[__m256; 2]; GROUP] {
        let n_columns = (tile.len() / LANES).min(group.len() / GROUP);
        let (mut x, mut c) = (tile.as_ptr(), group.as_ptr());
        let mut s = half_norms.map(|h| [_mm256_set1_ps(h); 2]);
        for _ in 0..n_columns {
            // SAFETY: `n_columns` columns of 16 cells lie in `tile` and of 4 in `group`; `x` and `c` step through
            // them and end at most one past the last.
            unsafe {
                let (low, high) = (_mm256_loadu_ps(x), _mm256_loadu_ps(x.add(8)));
                for (j, s) in s.iter_mut().enumerate() {
                    let c = _mm256_broadcast_ss(&*c.add(j));
                    s[0] = _mm256_fnmadd_ps(low, c, s[0]);
                    s[1] = _mm256_fnmadd_ps(high, c, s[1]);
                }
                (x, c) = (x.add(LANES), c.add(GROUP));
            }
        }
        s
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn stored_scores(tile: &[f32], group: &[f32], half_norms: &[f32; GROUP]) -> GroupScores {
        let mut out = [[0.0; LANES]; GROUP];
        for (out, s) in out.iter_mut().zip(scores(tile, group, half_norms)) {
            // SAFETY: `out` has 16 cells: two vectors of 8.
            unsafe {
                _mm256_storeu_ps(out.as_mut_ptr(), s[0]);
                _mm256_storeu_ps(out.as_mut_ptr().add(8), s[1]);
            }
        }
        out
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn best<const SECOND: bool>(tile: &[f32], centroids: &PackedCentroids) -> TwoNearest {
        let infinity = _mm256_set1_ps(f32::INFINITY);
        let (mut low, mut next) = ([infinity; 2], [infinity; 2]);
        let (mut first, mut second) = ([_mm256_setzero_ps(); 2], [_mm256_setzero_ps(); 2]);
        for g in 0..centroids.n_groups() {
            let scores = scores(tile, centroids.group(g), &centroids.half_norms[g]);
            for (j, of_centroid) in scores.iter().enumerate() {
                let index = _mm256_castsi256_ps(_mm256_set1_epi32((g * GROUP + j) as i32));
                for v in 0..2 {
                    let s = of_centroid[v];
                    let nearer = _mm256_cmp_ps::<_CMP_LT_OQ>(s, low[v]);
                    if SECOND {
                        let is_next = _mm256_cmp_ps::<_CMP_LT_OQ>(s, next[v]);
                        second[v] = _mm256_blendv_ps(second[v], index, is_next);
                        second[v] = _mm256_blendv_ps(second[v], first[v], nearer);
                        next[v] = _mm256_min_ps(next[v], _mm256_max_ps(low[v], s));
                    }
                    first[v] = _mm256_blendv_ps(first[v], index, nearer);
                    low[v] = _mm256_min_ps(s, low[v]);
                }
            }
        }
        let mut best = TwoNearest { first: [0; LANES], second: [0; LANES] };
        for v in 0..2 {
            // SAFETY: `v * 8 + 8 <= 16`, the length of both arrays.
            unsafe {
                _mm256_storeu_si256(best.first.as_mut_ptr().add(v * 8).cast(), _mm256_castps_si256(first[v]));
                _mm256_storeu_si256(
                    best.second.as_mut_ptr().add(v * 8).cast(),
                    _mm256_castps_si256(second[v]),
                );
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn two(level: KernelLevel, rows: &[f32], centroids: &[f64], n_columns: usize) -> Vec<(u32, u32)> {
        let tiles = RowTiles::pack(rows, n_columns, n_columns);
        let packed = PackedCentroids::pack(level, centroids.len() / n_columns, n_columns, centroids);
        (0..tiles.n_tiles())
            .flat_map(|t| {
                let best = packed.two_nearest(&tiles, t);
                assert_eq!(best.first, packed.nearest(&tiles, t));
                (0..tiles.n_rows_in(t)).map(move |lane| (best.first[lane], best.second[lane]))
            })
            .collect()
    }

    #[test]
    fn nearest_two_by_hand_and_ties_to_the_lower_index() {
        for level in [KernelLevel::Portable, KernelLevel::detect()] {
            let centroids = [0.0, 10.0, 4.0, 4.0, 10.0];
            let rows = [0.0, 2.0, 4.0, 7.0, 9.0, -3.0];
            let expected = [(0, 2), (0, 2), (2, 3), (1, 2), (1, 4), (0, 2)];
            assert_eq!(two(level, &rows, &centroids, 1), expected);
        }
    }

    #[test]
    fn portable_and_detected_levels_agree_bit_for_bit_and_row_by_row() {
        let random = Random::new(3);
        for (n, d, k) in [(1, 1, 1), (15, 3, 2), (16, 8, 4), (333, 35, 10), (200, 64, 33)] {
            let rows: Vec<f32> = (0..n * d).map(|i| random.normal(i as u64) as f32).collect();
            let centroids: Vec<f64> = (0..k * d).map(|i| random.stream(1).normal(i as u64)).collect();
            let expected = two(KernelLevel::Portable, &rows, &centroids, d);
            assert_eq!(two(KernelLevel::detect(), &rows, &centroids, d), expected);
            let single: Vec<(u32, u32)> =
                rows.chunks(d).flat_map(|row| two(KernelLevel::detect(), row, &centroids, d)).collect();
            assert_eq!(single, expected);
            let tiles = RowTiles::pack(&rows, d, d);
            let [portable, detected] = [KernelLevel::Portable, KernelLevel::detect()].map(|level| {
                let packed = PackedCentroids::pack(level, k, d, &centroids);
                (0..packed.n_groups())
                    .flat_map(|g| packed.scores(&tiles, 0, g).concat())
                    .map(f32::to_bits)
                    .collect::<Vec<u32>>()
            });
            assert_eq!(portable, detected);
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
        let _ = packed.nearest(&RowTiles::pack(&[0.0; 2], 2, 2), 0);
    }
}
