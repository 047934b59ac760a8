//! How good a partition is, with and without a known truth.
//!
//! Points are row-major `cells` of `n_columns` each. Everything is O(n) in memory and a plain loop in row order,
//! so equal inputs give equal bytes.

use std::collections::BTreeSet;

/// The adjusted Rand index of two partitions of the same rows: 1 for the same partition, 0 in the mean over
/// chance (Hubert, Arabie 1985, equation 5).
///
/// The names of the labels do not matter. Two partitions that are both trivial in the same way (all rows
/// together, or each row alone) agree: 1.
///
/// # Panics
/// When the lengths differ: a programmer error.
#[must_use]
pub fn adjusted_rand(left: &[u32], right: &[u32]) -> f64 {
    Contingency::new(left, right).adjusted_rand()
}

/// How two partitions of the same rows overlap: rows by pair of labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Contingency {
    /// Ascending by both labels.
    both: Vec<((u32, u32), u64)>,
    left: Vec<(u32, u64)>,
    right: Vec<(u32, u64)>,
    n_rows: u64,
}

impl Contingency {
    /// Counts; the names of the labels do not matter. O(n log n).
    ///
    /// # Panics
    /// When the lengths differ: a programmer error.
    #[must_use]
    pub fn new(left: &[u32], right: &[u32]) -> Self {
        assert_eq!(left.len(), right.len(), "labels of the same rows");
        Self {
            both: counts(left.iter().copied().zip(right.iter().copied()).collect()),
            left: counts(left.to_vec()),
            right: counts(right.to_vec()),
            n_rows: left.len() as u64,
        }
    }

    /// As [`adjusted_rand`].
    #[must_use]
    pub fn adjusted_rand(&self) -> f64 {
        let pairs = |n: u64| u128::from(n) * u128::from(n.saturating_sub(1)) / 2;
        let of = |side: &[(u32, u64)]| -> u128 { side.iter().map(|&(_, n)| pairs(n)).sum() };
        let together: u128 = self.both.iter().map(|&(_, n)| pairs(n)).sum();
        let (in_left, in_right, all) = (of(&self.left), of(&self.right), pairs(self.n_rows));
        if in_left == in_right && (in_left == all || in_left == 0) {
            return 1.0;
        }
        let expected = in_left as f64 * in_right as f64 / all as f64;
        let most = f64::midpoint(in_left as f64, in_right as f64);
        (together as f64 - expected) / (most - expected)
    }

    /// By left label, ascending, the largest Jaccard overlap with any right label: rows in both over rows in
    /// either, 1 for a cluster that is found again exactly (Hennig 2007, section 3).
    #[must_use]
    pub fn best_jaccards(&self) -> Vec<(u32, f64)> {
        let size = |side: &[(u32, u64)], label: u32| {
            side.binary_search_by_key(&label, |&(name, _)| name).map_or(0, |at| side[at].1)
        };
        let best = |of_label: &[((u32, u32), u64)]| {
            let label = of_label[0].0.0;
            let own = size(&self.left, label);
            let jaccard =
                |&((_, other), n): &((u32, u32), u64)| n as f64 / (own + size(&self.right, other) - n) as f64;
            (label, of_label.iter().map(jaccard).fold(0.0, f64::max))
        };
        self.both.chunk_by(|a, b| a.0.0 == b.0.0).map(best).collect()
    }
}

/// Every different entry and how often it is there, ascending.
fn counts<T: Ord + Copy>(mut entries: Vec<T>) -> Vec<(T, u64)> {
    entries.sort_unstable();
    entries.chunk_by(|a, b| a == b).map(|equal| (equal[0], equal.len() as u64)).collect()
}

/// The sum of squared distances of the rows to the centroids of their labels.
///
/// `centroids` is row-major, label j names its j-th row.
///
/// # Panics
/// When shapes do not fit or a label names no centroid: a programmer error.
#[must_use]
pub fn inertia(cells: &[f64], n_columns: usize, labels: &[u32], centroids: &[f64]) -> f64 {
    check_shape(cells, n_columns, labels);
    labels
        .iter()
        .zip(cells.chunks_exact(n_columns))
        .map(|(&label, row)| squared(row, &centroids[label as usize * n_columns..][..n_columns]))
        .sum()
}

/// The mean silhouette over all rows, (b - a) / max(a, b) with mean distances to the rows of the own and of the
/// nearest other cluster; a row alone in its cluster counts 0 (Rousseeuw 1987). `None` for fewer than two clusters.
///
/// O(n^2 * n_columns).
///
/// # Panics
/// When shapes do not fit: a programmer error.
#[must_use]
pub fn silhouette(cells: &[f64], n_columns: usize, labels: &[u32]) -> Option<f64> {
    check_shape(cells, n_columns, labels);
    let (labels, sizes) = dense(labels);
    if sizes.len() < 2 {
        return None;
    }
    let mut total = 0.0;
    for (row, &own) in cells.chunks_exact(n_columns).zip(&labels) {
        let mut sums = vec![0.0; sizes.len()];
        for (other, &label) in cells.chunks_exact(n_columns).zip(&labels) {
            sums[label] += squared(row, other).sqrt();
        }
        if sizes[own] > 1 {
            let a = sums[own] / (sizes[own] - 1) as f64;
            let b = (0..sizes.len())
                .filter(|&j| j != own)
                .map(|j| sums[j] / sizes[j] as f64)
                .fold(f64::INFINITY, f64::min);
            total += ratio(b - a, a.max(b));
        }
    }
    Some(total / labels.len() as f64)
}

/// The mean simplified silhouette, (b - a) / max(a, b) with the distances to the own and to the nearest other
/// centroid (Hruschka et al. 2004). `None` for fewer than two centroids or no rows.
///
/// `centroids` is row-major, label j names its j-th row.
///
/// # Panics
/// When shapes do not fit or a label names no centroid: a programmer error.
#[must_use]
pub fn simplified_silhouette(
    cells: &[f64],
    n_columns: usize,
    labels: &[u32],
    centroids: &[f64],
) -> Option<f64> {
    check_shape(cells, n_columns, labels);
    if centroids.len() < 2 * n_columns || labels.is_empty() {
        return None;
    }
    let mut total = 0.0;
    for (row, &own) in cells.chunks_exact(n_columns).zip(labels) {
        let mut a = 0.0;
        let mut b = f64::INFINITY;
        for (j, centroid) in centroids.chunks_exact(n_columns).enumerate() {
            let distance = squared(row, centroid).sqrt();
            if j == own as usize { a = distance } else { b = b.min(distance) }
        }
        total += ratio(b - a, a.max(b));
    }
    Some(total / labels.len() as f64)
}

/// The Calinski-Harabasz index ((T - W) / (k - 1)) / (W / (n - k)), T and W the sums of squares around the mean
/// and around the cluster means (Calinski, Harabasz 1974). `None` unless 1 < k < n and W > 0.
///
/// # Panics
/// When shapes do not fit: a programmer error.
#[must_use]
pub fn calinski_harabasz(cells: &[f64], n_columns: usize, labels: &[u32]) -> Option<f64> {
    check_shape(cells, n_columns, labels);
    let (labels, sizes) = dense(labels);
    let (n, k) = (labels.len(), sizes.len());
    if k < 2 || k >= n {
        return None;
    }
    let means = cluster_means(cells, n_columns, &labels, &sizes);
    let mean = cluster_means(cells, n_columns, &vec![0; n], &[n]);
    let (mut within, mut all) = (0.0, 0.0);
    for (row, &label) in cells.chunks_exact(n_columns).zip(&labels) {
        within += squared(row, &means[label * n_columns..][..n_columns]);
        all += squared(row, &mean);
    }
    (within > 0.0).then(|| ((all - within) / (k - 1) as f64) / (within / (n - k) as f64))
}

/// The Davies-Bouldin index: the mean over clusters of the worst (s_i + s_j) / d_ij, s the mean distance of the
/// rows to the mean of their cluster, d the distance of two such means; small is good (Davies, Bouldin 1979, with
/// p = 2, q = 1). `None` for fewer than two clusters, or when two means coincide.
///
/// # Panics
/// When shapes do not fit: a programmer error.
#[must_use]
pub fn davies_bouldin(cells: &[f64], n_columns: usize, labels: &[u32]) -> Option<f64> {
    check_shape(cells, n_columns, labels);
    let (labels, sizes) = dense(labels);
    let means = cluster_means(cells, n_columns, &labels, &sizes);
    let mut spreads = vec![0.0; sizes.len()];
    for (row, &label) in cells.chunks_exact(n_columns).zip(&labels) {
        spreads[label] += squared(row, &means[label * n_columns..][..n_columns]).sqrt() / sizes[label] as f64;
    }
    davies_bouldin_of(&spreads, &means)
}

/// The index from the mean distance to the centroid by cluster and the row-major centroids.
pub(crate) fn davies_bouldin_of(spreads: &[f64], centroids: &[f64]) -> Option<f64> {
    let k = spreads.len();
    if k < 2 {
        return None;
    }
    let d = centroids.len() / k;
    let mut total = 0.0;
    for i in 0..k {
        let mut worst = 0.0f64;
        for j in (0..k).filter(|&j| j != i) {
            let apart = squared(&centroids[i * d..][..d], &centroids[j * d..][..d]).sqrt();
            if apart <= 0.0 {
                return None;
            }
            worst = worst.max((spreads[i] + spreads[j]) / apart);
        }
        total += worst;
    }
    Some(total / k as f64)
}

fn cluster_means(cells: &[f64], n_columns: usize, labels: &[usize], sizes: &[usize]) -> Vec<f64> {
    let mut means = vec![0.0; sizes.len() * n_columns];
    for (row, &label) in cells.chunks_exact(n_columns).zip(labels) {
        for (mean, cell) in means[label * n_columns..].iter_mut().zip(row) {
            *mean += cell / sizes[label] as f64;
        }
    }
    means
}

fn check_shape(cells: &[f64], n_columns: usize, labels: &[u32]) {
    assert!(n_columns > 0 && cells.len() == labels.len() * n_columns, "n_rows x n_columns cells");
}

fn squared(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// `part / whole`, 0 where both are 0: rows on top of both centroids are undecided.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Labels renumbered from 0 in ascending order, and the size of each.
fn dense(labels: &[u32]) -> (Vec<usize>, Vec<usize>) {
    let names: Vec<u32> = labels.iter().copied().collect::<BTreeSet<u32>>().into_iter().collect();
    let mut sizes = vec![0; names.len()];
    let numbers = labels
        .iter()
        .map(|label| {
            let number = names.partition_point(|name| name < label);
            sizes[number] += 1;
            number
        })
        .collect();
    (numbers, sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjusted_rand_by_hand() {
        assert_eq!(adjusted_rand(&[0, 0, 1, 1], &[7, 7, 3, 3]), 1.0);
        // Contingency [[2, 0], [1, 1]]: 1 pair together, 2 in left, 3 in right, 6 in all:
        // (1 - 1) / (2.5 - 1) = 0.
        assert_eq!(adjusted_rand(&[0, 0, 1, 1], &[0, 0, 0, 1]), 0.0);
        // Crossed: nothing together, 2 * 2 / 6 expected: (0 - 2/3) / (2 - 2/3) = -1/2.
        assert!((adjusted_rand(&[0, 0, 1, 1], &[0, 1, 0, 1]) + 0.5).abs() < 1e-15);
        assert_eq!(adjusted_rand(&[], &[]), 1.0);
        assert_eq!(adjusted_rand(&[1, 1, 1], &[4, 4, 4]), 1.0);
        assert_eq!(adjusted_rand(&[1, 2, 3], &[4, 4, 4]), 0.0);
    }

    #[test]
    fn silhouettes_by_hand() {
        let cells = [0.0, 2.0, 10.0];
        let labels = [4, 4, 9];
        // Row 0: a = 2, b = 10; row 1: a = 2, b = 8; row 2 is alone.
        let expected = (0.8 + 0.75) / 3.0;
        assert!((silhouette(&cells, 1, &labels).unwrap() - expected).abs() < 1e-15);
        // Centroids 1 and 10: (9 - 1 ... ) distances 1/10, 1/8, 0/9.
        let expected = (0.9 + 7.0 / 8.0 + 1.0) / 3.0;
        let simplified = simplified_silhouette(&cells, 1, &[0, 0, 1], &[1.0, 10.0]).unwrap();
        assert!((simplified - expected).abs() < 1e-15);
        assert_eq!(silhouette(&cells, 1, &[1, 1, 1]), None);
        assert_eq!(simplified_silhouette(&cells, 1, &[0, 0, 0], &[4.0]), None);
        assert_eq!(simplified_silhouette(&[], 1, &[], &[4.0, 5.0]), None);
    }

    #[test]
    fn sums_of_squares_by_hand() {
        let cells = [0.0, 2.0, 10.0, 12.0];
        let labels = [0, 0, 1, 1];
        assert_eq!(inertia(&cells, 1, &labels, &[1.0, 11.0]), 4.0);
        // T = 36 + 16 + 16 + 36 = 104, W = 4: (100 / 1) / (4 / 2) = 50.
        assert_eq!(calinski_harabasz(&cells, 1, &labels), Some(50.0));
        assert_eq!(calinski_harabasz(&cells, 1, &[0, 1, 2, 3]), None);
        assert_eq!(calinski_harabasz(&cells, 1, &[0; 4]), None);
        assert_eq!(calinski_harabasz(&[1.0, 1.0, 2.0], 1, &[0, 0, 1]), None);
    }

    #[test]
    fn davies_bouldin_by_hand() {
        // Means 1, 11, 21 with spreads 1, 1, 2: the worst of each is (1+1)/10, (1+2)/10, (2+1)/10.
        let cells = [0.0, 2.0, 10.0, 12.0, 19.0, 23.0];
        let index = davies_bouldin(&cells, 1, &[7, 7, 1, 1, 4, 4]).unwrap();
        assert!((index - (0.2 + 0.3 + 0.3) / 3.0).abs() < 1e-15);
        assert_eq!(davies_bouldin(&cells, 1, &[1; 6]), None);
        assert_eq!(davies_bouldin(&[0.0, 2.0, 1.0, 1.0], 1, &[0, 0, 1, 1]), None);
    }

    /// Pair by pair, as the index is defined.
    fn adjusted_rand_of_pairs(left: &[u32], right: &[u32]) -> f64 {
        let (mut together, mut in_left, mut in_right, mut all) = (0.0, 0.0, 0.0, 0.0);
        for i in 0..left.len() {
            for j in 0..i {
                let (a, b) = (left[i] == left[j], right[i] == right[j]);
                let one = |when: bool| f64::from(u8::from(when));
                together += one(a && b);
                in_left += one(a);
                in_right += one(b);
                all += 1.0;
            }
        }
        let expected = in_left * in_right / all;
        (together - expected) / (f64::midpoint(in_left, in_right) - expected)
    }

    proptest::proptest! {
        #[test]
        fn names_of_labels_do_not_matter(
            rows in proptest::collection::vec((0u32..5, 0u32..4), 2..60),
            shift in 1u32..1000,
        ) {
            let (left, right): (Vec<u32>, Vec<u32>) = rows.iter().copied().unzip();
            let renamed: Vec<u32> = right.iter().map(|label| (label * 7 + shift) % 29).collect();
            let (table, other) = (Contingency::new(&left, &right), Contingency::new(&left, &renamed));
            proptest::prop_assert_eq!(table.adjusted_rand(), other.adjusted_rand());
            proptest::prop_assert_eq!(table.best_jaccards(), other.best_jaccards());
            proptest::prop_assert_eq!(table.adjusted_rand(), adjusted_rand(&right, &left));
            let plain = adjusted_rand_of_pairs(&left, &right);
            if plain.is_finite() {
                proptest::prop_assert!((table.adjusted_rand() - plain).abs() < 1e-12);
            }
            proptest::prop_assert_eq!(adjusted_rand(&left, &left), 1.0);
            proptest::prop_assert!(Contingency::new(&right, &renamed).best_jaccards().iter().all(|j| j.1 == 1.0));
        }
    }

    #[test]
    fn jaccards_by_hand() {
        // Cluster 0 = {0, 1, 2} against {0, 1} and {2, 3, 4}: 2/3 and 1/5; cluster 5 = {3, 4} against {2, 3, 4}.
        let table = Contingency::new(&[0, 0, 0, 5, 5], &[9, 9, 2, 2, 2]);
        assert_eq!(table.best_jaccards(), [(0, 2.0 / 3.0), (5, 2.0 / 3.0)]);
        let same = Contingency::new(&[3, 3, 1], &[8, 8, 9]);
        assert_eq!(same.best_jaccards(), [(1, 1.0), (3, 1.0)]);
        assert!(Contingency::new(&[], &[]).best_jaccards().is_empty());
    }

    #[test]
    #[should_panic(expected = "labels of the same rows")]
    fn labels_of_different_lengths_are_a_programmer_error() {
        let _ = adjusted_rand(&[0], &[0, 1]);
    }
}
