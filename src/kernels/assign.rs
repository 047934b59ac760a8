//! The nearest and second nearest centroid of every row.
//!
//! With `||x - c||^2 = ||x||^2 + 2 s`, `s = ||c||^2 / 2 - x'c`, the nearest centroid minimises `s`, which needs no
//! norm of the row. Every (row, centroid) is one chain of fused multiply-adds over the columns in ascending order:
//! its bits depend neither on the form it is computed in nor on the level, so portable equals AVX2 bit for bit and a
//! single row equals the batch. There are two forms. Against all centroids, sixteen rows of a [`Tile`] stand side by
//! side, so best, second best and their indices are kept without any horizontal step. Against one group of
//! centroids, for eight rows from anywhere, the centroids stand side by side and only the scores are transposed.
#![allow(unsafe_code)]

use super::KernelLevel;
use super::bounds::Quanta;
use super::tile::{LANES, Rows, Tile};

/// Centroids in a group, and rows that meet a group at once.
pub const GROUP: usize = 8;

/// Scores of one group: centroid by lane of the tile.
pub type GroupScores = [[f32; LANES]; GROUP];

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
        self.half_norms.len()
    }

    /// The cells of centroid `j`, as they are computed with.
    pub fn centroid(&self, j: usize) -> impl Iterator<Item = f32> + '_ {
        self.group(j / GROUP).iter().skip(j % GROUP).step_by(GROUP).copied()
    }

    /// The nearest centroid of every row of the tile; ties go to the lower index.
    ///
    /// # Panics
    /// When rows and centroids differ in width: a programmer error.
    #[must_use]
    pub fn nearest(&self, tile: &Tile) -> [u32; LANES] {
        self.best::<false>(tile).first
    }

    /// The nearest and second nearest centroid of every row of the tile; ties go to the lower index.
    ///
    /// With a single centroid `second` means nothing.
    ///
    /// # Panics
    /// When rows and centroids differ in width: a programmer error.
    #[must_use]
    pub fn two_nearest(&self, tile: &Tile) -> TwoNearest {
        self.best::<true>(tile)
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

    fn best<const SECOND: bool>(&self, tile: &Tile) -> TwoNearest {
        assert_eq!(tile.n_columns(), self.n_columns, "width of rows and centroids");
        #[cfg(target_arch = "x86_64")]
        if self.level == KernelLevel::Avx2 {
            // SAFETY: `pack` has checked that this processor has AVX2 and FMA.
            return unsafe { avx2::best::<SECOND>(tile.cells(), self) };
        }
        self.portable_best(tile.cells())
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
        let mut scores = *half_norms;
        for (&x, c) in row.iter().zip(group.chunks_exact(GROUP)) {
            for (s, &c) in scores.iter_mut().zip(c) {
                *s = (-x).mul_add(c, *s);
            }
        }
        for (j, s) in scores.into_iter().enumerate() {
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
mod avx2 {
    use std::arch::x86_64::{
        __m256, __m256i, _CMP_LT_OQ, _mm256_add_epi32, _mm256_add_ps, _mm256_blendv_ps, _mm256_broadcast_ss,
        _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_cvttps_epi32, _mm256_fnmadd_ps,
        _mm256_loadu_ps, _mm256_max_epi32, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_set1_epi32,
        _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_sqrt_ps, _mm256_storeu_ps,
        _mm256_storeu_si256, _mm256_sub_epi32,
    };

    use super::{GROUP, GroupNearest, GroupScores, LANES, PackedCentroids, TwoNearest};
    use crate::kernels::bounds::{MOST, Quanta};
    use crate::kernels::transpose::transposed;

    /// Centroids that meet a tile at once: two vectors of rows times four keep eight chains in flight, and more
    /// would not find room in the registers.
    const HALF: usize = GROUP / 2;

    /// The cells of a half; a group without columns has none.
    fn from(group: &[f32], half: usize) -> &[f32] {
        group.get(half..).unwrap_or_default()
    }

    /// Scores of the half of a group that starts at `group`.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn scores(tile: &[f32], group: &[f32], half_norms: &[f32]) -> [[__m256; 2]; HALF] {
        let n_columns = (tile.len() / LANES).min(group.len().div_ceil(GROUP));
        let (mut x, mut c) = (tile.as_ptr(), group.as_ptr());
        let mut s: [[__m256; 2]; HALF] = std::array::from_fn(|j| [_mm256_set1_ps(half_norms[j]); 2]);
        for _ in 0..n_columns {
            // SAFETY: `n_columns` columns of 16 cells lie in `tile`; of the columns of 8 in `group` the first 4 are
            // read, which the last one has too; `x` and `c` step through them.
            unsafe {
                let (low, high) = (_mm256_loadu_ps(x), _mm256_loadu_ps(x.add(8)));
                for (j, s) in s.iter_mut().enumerate() {
                    let c = _mm256_broadcast_ss(&*c.add(j));
                    s[0] = _mm256_fnmadd_ps(low, c, s[0]);
                    s[1] = _mm256_fnmadd_ps(high, c, s[1]);
                }
                (x, c) = (x.add(LANES), c.wrapping_add(GROUP));
            }
        }
        s
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn stored_scores(tile: &[f32], group: &[f32], half_norms: &[f32; GROUP]) -> GroupScores {
        let mut out = [[0.0; LANES]; GROUP];
        for half in [0, HALF] {
            for (out, s) in out[half..].iter_mut().zip(scores(tile, from(group, half), &half_norms[half..])) {
                // SAFETY: `out` has 16 cells: two vectors of 8.
                unsafe {
                    _mm256_storeu_ps(out.as_mut_ptr(), s[0]);
                    _mm256_storeu_ps(out.as_mut_ptr().add(8), s[1]);
                }
            }
        }
        out
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn best<const SECOND: bool>(tile: &[f32], centroids: &PackedCentroids) -> TwoNearest {
        let infinity = _mm256_set1_ps(f32::INFINITY);
        let (mut low, mut next) = ([infinity; 2], [infinity; 2]);
        let (mut first, mut second) = ([_mm256_setzero_ps(); 2], [_mm256_setzero_ps(); 2]);
        for start in (0..centroids.n_centroids).step_by(HALF) {
            let (g, half) = (start / GROUP, start % GROUP);
            let of_half = scores(tile, from(centroids.group(g), half), &centroids.half_norms[g][half..]);
            for (j, of_centroid) in of_half.iter().enumerate() {
                let index = _mm256_castsi256_ps(_mm256_set1_epi32((start + j) as i32));
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

    /// # Safety
    /// Needs AVX2 and FMA; every row has a cell for every column of the group.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn nearest_in_group(
        rows: [*const f32; GROUP],
        group: &[f32],
        half_norms: &[f32; GROUP],
        squares: &[f32; GROUP],
        quanta: Quanta,
    ) -> GroupNearest {
        // SAFETY: eight cells.
        let mut s = [unsafe { _mm256_loadu_ps(half_norms.as_ptr()) }; GROUP];
        for (f, c) in group.chunks_exact(GROUP).enumerate() {
            // SAFETY: `c` has eight cells, every row a cell `f`.
            unsafe {
                let c = _mm256_loadu_ps(c.as_ptr());
                for (s, row) in s.iter_mut().zip(rows) {
                    *s = _mm256_fnmadd_ps(_mm256_broadcast_ss(&*row.add(f)), c, *s);
                }
            }
        }
        let infinity = _mm256_set1_ps(f32::INFINITY);
        let (mut low, mut next, mut member) = (infinity, infinity, _mm256_setzero_ps());
        for (j, s) in transposed(&s).into_iter().enumerate() {
            let index = _mm256_castsi256_ps(_mm256_set1_epi32(j as i32));
            let nearer = _mm256_cmp_ps::<_CMP_LT_OQ>(s, low);
            next = _mm256_min_ps(next, _mm256_max_ps(low, s));
            member = _mm256_blendv_ps(member, index, nearer);
            low = _mm256_min_ps(s, low);
        }
        let zeros = [0; GROUP];
        let mut nearest = GroupNearest {
            member: zeros,
            score: [0.0; GROUP],
            at_most: zeros,
            at_least: zeros,
            others_at_least: zeros,
        };
        // SAFETY: each array has eight cells.
        unsafe {
            let squares = _mm256_loadu_ps(squares.as_ptr());
            let of_low = _mm256_add_ps(squares, _mm256_add_ps(low, low));
            let of_next = _mm256_add_ps(squares, _mm256_add_ps(next, next));
            let two = _mm256_set1_epi32(2);
            _mm256_storeu_si256(nearest.member.as_mut_ptr().cast(), _mm256_castps_si256(member));
            _mm256_storeu_ps(nearest.score.as_mut_ptr(), low);
            let at_most = _mm256_add_epi32(whole_quanta(of_low, quanta.error, quanta), two);
            _mm256_storeu_si256(nearest.at_most.as_mut_ptr().cast(), at_most);
            _mm256_storeu_si256(nearest.at_least.as_mut_ptr().cast(), at_least(of_low, quanta));
            _mm256_storeu_si256(nearest.others_at_least.as_mut_ptr().cast(), at_least(of_next, quanta));
        }
        nearest
    }

    /// Eight times [`Quanta::at_least`].
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn at_least(squares: __m256, quanta: Quanta) -> __m256i {
        let one_less = _mm256_sub_epi32(whole_quanta(squares, -quanta.error, quanta), _mm256_set1_epi32(1));
        _mm256_max_epi32(one_less, _mm256_setzero_si256())
    }

    /// The distances that belong to squares, with an error added, in quanta, rounded down.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn whole_quanta(squares: __m256, error: f32, quanta: Quanta) -> __m256i {
        let square = _mm256_max_ps(_mm256_add_ps(squares, _mm256_set1_ps(error)), _mm256_setzero_ps());
        let distance = _mm256_mul_ps(_mm256_sqrt_ps(square), _mm256_set1_ps(quanta.per_unit));
        _mm256_cvttps_epi32(_mm256_min_ps(distance, _mm256_set1_ps(MOST)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn two(level: KernelLevel, rows: &[f32], centroids: &[f64], n_columns: usize) -> Vec<(u32, u32)> {
        let rows = Rows::new(rows, n_columns, n_columns);
        let packed = PackedCentroids::pack(level, centroids.len() / n_columns, n_columns, centroids);
        let mut tile = Tile::new(level, n_columns);
        let mut out = Vec::new();
        for t in 0..rows.n_tiles() {
            tile.load(rows, t);
            let best = packed.two_nearest(&tile);
            assert_eq!(best.first, packed.nearest(&tile));
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
        let _ = packed.nearest(&Tile::new(KernelLevel::Portable, 2));
    }
}
