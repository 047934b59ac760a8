//! Silhouettes of many partitions of the same rows from one pass over the pairs.

use rayon::prelude::*;

use super::choice::Silhouette;
use crate::personas::grid::GridMatrix;

/// Normal quantile of a 95 % interval.
const Z95: f64 = 1.959_963_985;

/// The mean silhouette (Rousseeuw 1987) of every partition over the rows of `sample`, whose clusters count as the
/// sample has them; `None` for a partition with one cluster in the sample.
///
/// `labels` are by partition and row of the sample. O(n^2 * n_columns) once, plus O(n^2) per partition, of n rows
/// of the sample. A sample of all rows is exact; of a smaller one an interval says where the figure of all rows
/// lies with 95 %, from the spread over rows alone.
pub(crate) fn silhouettes(sample: &GridMatrix, labels: &[Vec<u32>], n_all: usize) -> Vec<Option<Silhouette>> {
    let n = sample.n_rows();
    let n_clusters = |labels: &Vec<u32>| labels.iter().max().map_or(0, |&most| most as usize + 1);
    let sizes: Vec<Vec<usize>> = labels
        .iter()
        .map(|labels| {
            let mut sizes = vec![0; n_clusters(labels)];
            labels.iter().for_each(|&label| sizes[label as usize] += 1);
            sizes
        })
        .collect();
    let of_row = |row: usize| -> Vec<f64> {
        let mut sums: Vec<Vec<f64>> = sizes.iter().map(|sizes| vec![0.0; sizes.len()]).collect();
        for other in 0..n {
            let distance = distance(sample, row, other);
            for (sums, labels) in sums.iter_mut().zip(labels) {
                sums[labels[other] as usize] += distance;
            }
        }
        let partitions = sums.iter().zip(&sizes).zip(labels);
        partitions.map(|((sums, sizes), labels)| of_sums(sums, sizes, labels[row] as usize)).collect()
    };
    let by_row: Vec<Vec<f64>> = (0..n).into_par_iter().map(of_row).collect();
    let summary = |at: usize| {
        let several = sizes[at].iter().filter(|&&size| size > 0).count() > 1;
        several.then(|| mean_with_interval(by_row.iter().map(|row| row[at]), n, n_all))
    };
    (0..labels.len()).map(summary).collect()
}

/// Eight sums beside each other: the same bits with any instructions, at the speed of vectors.
fn distance(matrix: &GridMatrix, left: usize, right: usize) -> f64 {
    let stride = matrix.stride();
    let row = |row: usize| matrix.cells()[row * stride..][..stride].as_chunks::<8>().0;
    let mut sums = [0.0f32; 8];
    for (a, b) in row(left).iter().zip(row(right)) {
        for lane in 0..8 {
            sums[lane] += (a[lane] - b[lane]) * (a[lane] - b[lane]);
        }
    }
    f64::from(sums.iter().sum::<f32>()).sqrt()
}

/// (b - a) / max(a, b) from the summed distances to the rows of every cluster; 0 for a row alone in its cluster.
fn of_sums(sums: &[f64], sizes: &[usize], own: usize) -> f64 {
    if sizes[own] < 2 {
        return 0.0;
    }
    let a = sums[own] / (sizes[own] - 1) as f64;
    let others = (0..sizes.len()).filter(|&j| j != own && sizes[j] > 0);
    let b = others.map(|j| sums[j] / sizes[j] as f64).fold(f64::INFINITY, f64::min);
    let whole = a.max(b);
    if whole > 0.0 && whole.is_finite() { (b - a) / whole } else { 0.0 }
}

fn mean_with_interval(rows: impl Iterator<Item = f64>, n: usize, n_all: usize) -> Silhouette {
    let (mut sum, mut squares) = (0.0, 0.0);
    for s in rows {
        sum += s;
        squares += s * s;
    }
    let mean = sum / n as f64;
    let variance = (squares / n as f64 - mean * mean).max(0.0);
    let error = Z95 * (variance / n as f64).sqrt();
    Silhouette { mean, n_rows: n, interval: (n < n_all).then_some([mean - error, mean + error]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::clustering::silhouette;
    use crate::random::Random;

    fn matrix(n: usize, d: usize) -> GridMatrix {
        let random = Random::new(4);
        let mut matrix = GridMatrix::zeros(n, d);
        for row in 0..n {
            for c in 0..d {
                matrix.cells_mut()[row * 16 + c] = random.normal((row * d + c) as u64) as f32;
            }
        }
        matrix
    }

    #[test]
    fn one_pass_gives_what_the_plain_form_gives_for_every_partition() {
        let matrix = matrix(120, 11);
        let cells: Vec<f64> =
            (0..120).flat_map(|row| matrix.row(row).iter().map(|&x| f64::from(x))).collect();
        let labels: Vec<Vec<u32>> =
            [2, 3, 7].iter().map(|&k| (0..120).map(|row| (row * row) as u32 % k).collect()).collect();
        for (found, labels) in silhouettes(&matrix, &labels, 120).iter().zip(&labels) {
            let found = found.as_ref().unwrap();
            assert!((found.mean - silhouette(&cells, 11, labels).unwrap()).abs() < 1e-6);
            assert_eq!((found.n_rows, found.interval), (120, None));
        }
        assert_eq!(silhouettes(&matrix, &[vec![1; 120]], 120), [None]);
    }

    #[test]
    fn a_row_alone_counts_0() {
        let mut matrix = GridMatrix::zeros(3, 1);
        for (row, x) in [0.0, 1.0, 9.0].into_iter().enumerate() {
            matrix.cells_mut()[row * 8] = x;
        }
        let found = silhouettes(&matrix, &[vec![0, 0, 1]], 3)[0].clone().unwrap();
        // (9 - 1) / 9, (8 - 1) / 8 and 0.
        assert!((found.mean - (8.0 / 9.0 + 7.0 / 8.0) / 3.0).abs() < 1e-7, "{found:?}");
    }

    #[test]
    fn a_sample_says_how_far_it_may_be_off() {
        let matrix = matrix(100, 9);
        let labels: Vec<u32> = (0..100).map(|row| u32::from(matrix.row(row)[0] > 0.0)).collect();
        let found = silhouettes(&matrix, std::slice::from_ref(&labels), 5000)[0].clone().unwrap();
        let [low, high] = found.interval.unwrap();
        assert!(low < found.mean && found.mean < high && high - low < 0.1, "{found:?}");
    }
}
