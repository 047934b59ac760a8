//! The forms of [`super`] in AVX2 and FMA.

use std::arch::x86_64::{
    __m256, __m256i, _CMP_EQ_OQ, _CMP_LT_OQ, _mm256_add_epi32, _mm256_add_ps, _mm256_blendv_ps,
    _mm256_broadcast_ss, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_cvttps_epi32, _mm256_fnmadd_ps,
    _mm256_loadu_ps, _mm256_max_epi32, _mm256_max_ps, _mm256_min_ps, _mm256_movemask_ps, _mm256_mul_ps,
    _mm256_permute2f128_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi32, _mm256_setzero_ps,
    _mm256_setzero_si256, _mm256_shuffle_ps, _mm256_sqrt_ps, _mm256_storeu_ps, _mm256_storeu_si256,
    _mm256_sub_epi32,
};

use super::{GROUP, GroupNearest, GroupScores, LANES, PAIR, PackedCentroids, TwoNearest};
use crate::kernels::bounds::{MOST, Quanta};
use crate::kernels::tile::{Rows, cells_of};
use crate::kernels::transpose::transposed;

/// Centroids that a tile meets at once: two vectors of rows times four keep eight chains in flight, and more
/// would not find room in the registers.
const HALF: usize = GROUP / 2;

/// Rows that meet a pair of groups at once: eight chains again.
const FOUR: usize = 4;

/// Rows to go when the memory is asked for a row.
const AHEAD: usize = 24;

/// The nearest centroid of every row.
#[target_feature(enable = "avx2,fma")]
pub(super) fn nearest(rows: Rows<'_>, centroids: &PackedCentroids, nearest: &mut [u32]) {
    assert_eq!((rows.n_rows(), rows.n_columns()), (nearest.len(), centroids.n_columns), "shape");
    let last = rows.n_rows().saturating_sub(1);
    if centroids.n_groups() == 1 {
        for (first, out) in (0..).step_by(GROUP).zip(nearest.chunks_mut(GROUP)) {
            rows.ask_for(first + AHEAD, GROUP);
            let eight = std::array::from_fn(|i| rows.pointer((first + i).min(last)));
            // SAFETY: there are rows when there is a chunk, and all have a cell for every column.
            let s = unsafe { scores_of_eight(eight, centroids.group(0), &centroids.half_norms[0]) };
            out.iter_mut().zip(whole(least(s).member)).for_each(|(out, j)| *out = j);
        }
        return;
    }
    for (first, out) in (0..).step_by(FOUR).zip(nearest.chunks_mut(FOUR)) {
        rows.ask_for(first + AHEAD, FOUR);
        let four = std::array::from_fn(|i| rows.pointer((first + i).min(last)));
        // SAFETY: as above.
        let found = unsafe { nearest_of_four(four, centroids) };
        out.iter_mut().zip(found).for_each(|(out, j)| *out = j);
    }
}

/// By itself, because its loop needs every register.
///
/// # Safety
/// Needs AVX2 and FMA; every row has a cell for every column.
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
unsafe fn nearest_of_four(rows: [*const f32; FOUR], centroids: &PackedCentroids) -> [u32; FOUR] {
    let n_columns = centroids.n_columns;
    let mut low = [_mm256_set1_ps(f32::INFINITY); FOUR];
    let mut index = [_mm256_setzero_ps(); FOUR];
    let mut lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    let mut column = cells_of(&centroids.columns).as_ptr();
    for half_norms in centroids.half_norms.chunks_exact(2) {
        // SAFETY: eight half norms in each; for every pair of groups there are `n_columns` columns of sixteen cells;
        // every row has as many cells.
        let s = unsafe {
            let start = [_mm256_loadu_ps(half_norms[0].as_ptr()), _mm256_loadu_ps(half_norms[1].as_ptr())];
            let mut s = [start; FOUR];
            for f in 0..n_columns {
                let c = [_mm256_loadu_ps(column), _mm256_loadu_ps(column.add(GROUP))];
                for (s, row) in s.iter_mut().zip(rows) {
                    let x = _mm256_broadcast_ss(&*row.add(f));
                    s[0] = _mm256_fnmadd_ps(x, c[0], s[0]);
                    s[1] = _mm256_fnmadd_ps(x, c[1], s[1]);
                }
                column = column.add(PAIR);
            }
            s
        };
        for g in 0..2 {
            for r in 0..FOUR {
                let nearer = _mm256_cmp_ps::<_CMP_LT_OQ>(s[r][g], low[r]);
                index[r] = _mm256_blendv_ps(index[r], _mm256_castsi256_ps(lanes), nearer);
                low[r] = _mm256_min_ps(s[r][g], low[r]);
            }
            lanes = _mm256_add_epi32(lanes, _mm256_set1_epi32(GROUP as i32));
        }
    }
    std::array::from_fn(|r| lowest(low[r], index[r]))
}

/// The index that belongs to the lowest score of eight lanes; of equal ones the lowest index.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn lowest(scores: __m256, index: __m256) -> u32 {
    let low = _mm256_min_ps(scores, _mm256_permute2f128_ps::<1>(scores, scores));
    let low = _mm256_min_ps(low, _mm256_shuffle_ps::<0x4E>(low, low));
    let low = _mm256_min_ps(low, _mm256_shuffle_ps::<0xB1>(low, low));
    let mut equal = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_EQ_OQ>(scores, low)) as u32;
    let index = whole(index);
    let mut best = index[equal.trailing_zeros() as usize % GROUP];
    // Nearly always there is only one.
    equal &= equal.wrapping_sub(1);
    while equal != 0 {
        best = best.min(index[equal.trailing_zeros() as usize % GROUP]);
        equal &= equal - 1;
    }
    best
}

/// The cells of a vector as whole numbers.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn whole(vector: __m256) -> [u32; GROUP] {
    let mut cells = [0; GROUP];
    // SAFETY: eight cells.
    unsafe { _mm256_storeu_ps(cells.as_mut_ptr().cast(), vector) };
    cells
}

/// Scores of eight rows against the group that starts at `group`: centroid by lane.
///
/// # Safety
/// Needs AVX2 and FMA; every row has a cell for every column of the group.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn scores_of_eight(
    rows: [*const f32; GROUP],
    group: &[f32],
    half_norms: &[f32; GROUP],
) -> [__m256; GROUP] {
    // SAFETY: eight cells.
    let mut s = [unsafe { _mm256_loadu_ps(half_norms.as_ptr()) }; GROUP];
    let mut cells = group.as_ptr();
    for f in 0..group.len().div_ceil(PAIR) {
        // SAFETY: every column of the group has eight cells, the next is sixteen further; every row has a cell `f`.
        unsafe {
            let c = _mm256_loadu_ps(cells);
            for (s, row) in s.iter_mut().zip(rows) {
                *s = _mm256_fnmadd_ps(_mm256_broadcast_ss(&*row.add(f)), c, *s);
            }
        }
        cells = cells.wrapping_add(PAIR);
    }
    transposed(&s)
}

/// The lowest of a group's scores in each lane.
struct Least {
    low: __m256,
    /// The lowest of the others.
    next: __m256,
    /// The position of the lowest, as a whole number.
    member: __m256,
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn least(scores: [__m256; GROUP]) -> Least {
    let infinity = _mm256_set1_ps(f32::INFINITY);
    let mut least = Least { low: infinity, next: infinity, member: _mm256_setzero_ps() };
    for (j, s) in scores.into_iter().enumerate() {
        let index = _mm256_castsi256_ps(_mm256_set1_epi32(j as i32));
        let nearer = _mm256_cmp_ps::<_CMP_LT_OQ>(s, least.low);
        least.next = _mm256_min_ps(least.next, _mm256_max_ps(least.low, s));
        least.member = _mm256_blendv_ps(least.member, index, nearer);
        least.low = _mm256_min_ps(s, least.low);
    }
    least
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
    // SAFETY: as for this function.
    let Least { low, next, member } = least(unsafe { scores_of_eight(rows, group, half_norms) });
    let zeros = [0; GROUP];
    let mut nearest = GroupNearest {
        member: whole(member),
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

/// Scores of a tile against the half of a group that starts at `half`.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn scores_of_tile(tile: &[f32], half: &[f32], half_norms: &[f32]) -> [[__m256; 2]; HALF] {
    let n_columns = (tile.len() / LANES).min(half.len().div_ceil(PAIR));
    let (mut x, mut c) = (tile.as_ptr(), half.as_ptr());
    let mut s: [[__m256; 2]; HALF] = std::array::from_fn(|j| [_mm256_set1_ps(half_norms[j]); 2]);
    for _ in 0..n_columns {
        // SAFETY: `n_columns` columns of 16 cells lie in `tile`; of the columns of `half`, 16 cells apart, the first 4
        // cells are read, which the last one has too; `x` and `c` step through them.
        unsafe {
            let (low, high) = (_mm256_loadu_ps(x), _mm256_loadu_ps(x.add(8)));
            for (j, s) in s.iter_mut().enumerate() {
                let c = _mm256_broadcast_ss(&*c.add(j));
                s[0] = _mm256_fnmadd_ps(low, c, s[0]);
                s[1] = _mm256_fnmadd_ps(high, c, s[1]);
            }
            (x, c) = (x.add(LANES), c.wrapping_add(PAIR));
        }
    }
    s
}

/// The cells of a half; a group without columns has none.
fn from(group: &[f32], half: usize) -> &[f32] {
    group.get(half..).unwrap_or_default()
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn stored_scores(tile: &[f32], group: &[f32], half_norms: &[f32; GROUP]) -> GroupScores {
    let mut out = [[0.0; LANES]; GROUP];
    for half in [0, HALF] {
        let scores = scores_of_tile(tile, from(group, half), &half_norms[half..]);
        for (out, s) in out[half..].iter_mut().zip(scores) {
            // SAFETY: `out` has 16 cells: two vectors of 8.
            unsafe {
                _mm256_storeu_ps(out.as_mut_ptr(), s[0]);
                _mm256_storeu_ps(out.as_mut_ptr().add(8), s[1]);
            }
        }
    }
    out
}

/// The two nearest centroids of every row of a tile.
#[target_feature(enable = "avx2,fma")]
pub(super) fn two_nearest(tile: &[f32], centroids: &PackedCentroids) -> TwoNearest {
    let infinity = _mm256_set1_ps(f32::INFINITY);
    let (mut low, mut next) = ([infinity; 2], [infinity; 2]);
    let (mut first, mut second) = ([_mm256_setzero_ps(); 2], [_mm256_setzero_ps(); 2]);
    for start in (0..centroids.n_centroids).step_by(HALF) {
        let (g, half) = (start / GROUP, start % GROUP);
        let of_half = scores_of_tile(tile, from(centroids.group(g), half), &centroids.half_norms[g][half..]);
        for (j, of_centroid) in of_half.iter().enumerate() {
            let index = _mm256_castsi256_ps(_mm256_set1_epi32((start + j) as i32));
            for v in 0..2 {
                let s = of_centroid[v];
                let nearer = _mm256_cmp_ps::<_CMP_LT_OQ>(s, low[v]);
                let is_next = _mm256_cmp_ps::<_CMP_LT_OQ>(s, next[v]);
                second[v] = _mm256_blendv_ps(second[v], index, is_next);
                second[v] = _mm256_blendv_ps(second[v], first[v], nearer);
                next[v] = _mm256_min_ps(next[v], _mm256_max_ps(low[v], s));
                first[v] = _mm256_blendv_ps(first[v], index, nearer);
                low[v] = _mm256_min_ps(s, low[v]);
            }
        }
    }
    let mut best = TwoNearest { first: [0; LANES], second: [0; LANES] };
    for v in 0..2 {
        best.first[v * 8..][..8].copy_from_slice(&whole(first[v]));
        best.second[v * 8..][..8].copy_from_slice(&whole(second[v]));
    }
    best
}
