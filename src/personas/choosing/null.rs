//! Tables without clusters that look like a given table: same cells in every feature, same correlations.
//!
//! A replicate is drawn from a Gaussian copula with the table's own margins (Nelsen 2006, section 2.3): every row
//! gets correlated normal numbers, one per feature, and the cells of a feature are dealt out in the order of its
//! number. So every feature keeps exactly its cells, with all their spikes, skew and missing answers, and pairs of
//! features keep their correlation, but no region of the space is filled more than that implies. Independent
//! columns of any shape and one Gaussian cloud are such tables themselves.

use std::ops::Range;

use crate::personas::grid::GridMatrix;
use crate::random::Random;

/// Steps of the power iteration; the axis only orders the levels of categories.
const POWER_STEPS: usize = 30;

/// Largest correlation of two latent numbers.
const MAX_CORRELATION: f64 = 0.999;

/// Variance that is left unexplained is drawn apart below this.
const MIN_PIVOT: f64 = 1e-3;

/// The copula of a table.
pub(crate) struct Null<'a> {
    matrix: &'a GridMatrix,
    features: Vec<Feature>,
    /// n_features x n_features, row-major: latent numbers are these combinations of independent ones.
    factor: Vec<f64>,
    /// By feature, the standard deviation of what only it has.
    own: Vec<f64>,
}

/// Columns that stay together, and the rows in their order.
struct Feature {
    columns: Range<usize>,
    order: Vec<usize>,
}

impl<'a> Null<'a> {
    /// Fits the copula to all rows of `matrix`; every feature has the given columns.
    ///
    /// Correlations are those of normal scores, mean scores among equal cells, divided by the scores' variances:
    /// the latent correlation to first order (the leading term of its Hermite series).
    pub(crate) fn fit(matrix: &'a GridMatrix, features: &[Range<usize>], random: Random) -> Self {
        let axis = first_axis(matrix);
        let mut scores = Vec::new();
        let features: Vec<Feature> = (0u64..)
            .zip(features)
            .map(|(f, columns)| {
                let at = |row: usize| place(&matrix.row(row)[columns.clone()], &axis[columns.clone()]);
                let places: Vec<f64> = (0..matrix.n_rows()).map(at).collect();
                let random = random.stream(f);
                let mut order: Vec<usize> = (0..places.len()).collect();
                // Equal cells stand in random order, or they would follow the order of the table.
                order.sort_by(|&a, &b| {
                    let by_chance = || random.bits(a as u64).cmp(&random.bits(b as u64));
                    places[a].total_cmp(&places[b]).then_with(by_chance)
                });
                scores.push(mean_scores(&places, &order));
                Feature { columns: columns.clone(), order }
            })
            .collect();
        let (factor, own) = factor(&correlations(&scores), scores.len());
        Self { matrix, features, factor, own }
    }

    /// A table of as many rows without clusters.
    pub(crate) fn replicate(&self, random: Random) -> GridMatrix {
        let (n, n_features) = (self.matrix.n_rows(), self.features.len());
        let stride = self.matrix.stride();
        let common: Vec<f64> = (0..n * n_features).map(|i| random.stream(0).normal(i as u64)).collect();
        let mut replicate = GridMatrix::zeros(n, self.matrix.n_columns());
        for (f, feature) in self.features.iter().enumerate() {
            let weights = &self.factor[f * n_features..][..n_features];
            let latent: Vec<f64> = (0..n)
                .map(|row| {
                    let shared: f64 =
                        weights.iter().zip(&common[row * n_features..]).map(|(w, x)| w * x).sum();
                    shared + self.own[f] * random.stream(1).normal((row * n_features + f) as u64)
                })
                .collect();
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|&a, &b| latent[a].total_cmp(&latent[b]).then(a.cmp(&b)));
            for (&to, &from) in order.iter().zip(&feature.order) {
                let cells = &self.matrix.row(from)[feature.columns.clone()];
                replicate.cells_mut()[to * stride..][feature.columns.clone()].copy_from_slice(cells);
            }
        }
        replicate
    }
}

/// Where a feature's cells stand: the cell itself, or several columns by what they have on the first axis.
fn place(cells: &[f32], axis: &[f64]) -> f64 {
    match cells {
        [one] => f64::from(*one),
        several => several.iter().zip(axis).map(|(&x, a)| f64::from(x) * a).sum(),
    }
}

/// The direction of the largest variance, by power iteration from a fixed start.
fn first_axis(matrix: &GridMatrix) -> Vec<f64> {
    let (n, d) = (matrix.n_rows(), matrix.n_columns());
    let mut means = vec![0.0; d];
    for row in 0..n {
        for (mean, &x) in means.iter_mut().zip(matrix.row(row)) {
            *mean += f64::from(x) / n as f64;
        }
    }
    let mut axis: Vec<f64> = (0..d).map(|c| 1.0 + 0.01 * c as f64).collect();
    for _ in 0..POWER_STEPS {
        let mut next = vec![0.0; d];
        for row in 0..n {
            let centred = |c: usize| f64::from(matrix.row(row)[c]) - means[c];
            let along: f64 = (0..d).map(|c| centred(c) * axis[c]).sum();
            (0..d).for_each(|c| next[c] += along * centred(c));
        }
        let length = next.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length <= 0.0 {
            break;
        }
        axis = next.into_iter().map(|x| x / length).collect();
    }
    axis
}

/// By row, the mean normal score of the rows at the same place.
fn mean_scores(places: &[f64], order: &[usize]) -> Vec<f64> {
    let n = order.len() as f64;
    let mut scores = vec![0.0; order.len()];
    let mut at = 0;
    for equal in order.chunk_by(|&a, &b| places[a] == places[b]) {
        let ranks = at..at + equal.len();
        let sum: f64 = ranks.map(|rank| normal_quantile((rank as f64 + 0.5) / n)).sum();
        equal.iter().for_each(|&row| scores[row] = sum / equal.len() as f64);
        at += equal.len();
    }
    scores
}

/// Latent correlations of every pair, row-major, 1 on the diagonal.
fn correlations(scores: &[Vec<f64>]) -> Vec<f64> {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>() / a.len() as f64;
    let variances: Vec<f64> = scores.iter().map(|s| product(s, s)).collect();
    let mut out = vec![1.0; scores.len() * scores.len()];
    for i in 0..scores.len() {
        for j in 0..i {
            let both = variances[i] * variances[j];
            let r = if both > 0.0 { product(&scores[i], &scores[j]) / both } else { 0.0 };
            let r = r.clamp(-MAX_CORRELATION, MAX_CORRELATION);
            out[i * scores.len() + j] = r;
            out[j * scores.len() + i] = r;
        }
    }
    out
}

/// A factor of the correlations by pivoted Cholesky, and what of every variance it leaves; rows that would have
/// more than variance 1, because the correlations of pairs do not fit together, are scaled to it.
fn factor(correlations: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut factor = vec![0.0; n * n];
    let mut left = vec![1.0; n];
    for column in 0..n {
        let pivot = (0..n).fold(0, |best, i| if left[i] > left[best] { i } else { best });
        if left[pivot] < MIN_PIVOT {
            break;
        }
        let root = left[pivot].sqrt();
        let of_pivot = factor[pivot * n..][..column].to_vec();
        for i in 0..n {
            let row = &factor[i * n..][..column];
            let known: f64 = row.iter().zip(&of_pivot).map(|(a, b)| a * b).sum();
            let taken = left[i] < MIN_PIVOT && i != pivot;
            let entry = if taken { 0.0 } else { (correlations[i * n + pivot] - known) / root };
            factor[i * n + column] = entry;
            left[i] -= entry * entry;
        }
        left[pivot] = 0.0;
    }
    for i in 0..n {
        let row = &mut factor[i * n..][..n];
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length > 1.0 {
            row.iter_mut().for_each(|x| *x /= length);
        }
    }
    (factor, left.into_iter().map(|rest: f64| rest.max(0.0).sqrt()).collect())
}

/// The quantile of the standard normal distribution, to seven digits (Wichura 1988, algorithm AS 241, PPND7).
fn normal_quantile(p: f64) -> f64 {
    let ratio = |r: f64, above: [f64; 4], below: [f64; 4]| {
        let polynomial = |c: [f64; 4]| ((c[3] * r + c[2]) * r + c[1]) * r + c[0];
        polynomial(above) / polynomial(below)
    };
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let above = [3.387_132_717_9, 50.434_271_938, 159.291_132_02, 59.109_374_720];
        return q * ratio(0.180_625 - q * q, above, [1.0, 17.895_169_469, 78.757_757_664, 67.187_563_600]);
    }
    let r = libm::sqrt(-libm::log(p.min(1.0 - p)));
    let size = if r <= 5.0 {
        let above = [1.423_437_277_7, 2.756_815_390_0, 1.306_728_481_6, 0.170_238_211_03];
        ratio(r - 1.6, above, [1.0, 0.737_001_642_50, 0.120_211_329_75, 0.0])
    } else {
        let above = [6.657_905_115_0, 3.081_226_386_0, 0.428_682_943_37, 0.017_337_203_997];
        ratio(r - 5.0, above, [1.0, 0.241_978_942_25, 0.012_258_202_635, 0.0])
    };
    size.copysign(q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_quantiles_are_the_published_ones() {
        for (p, x) in [
            (0.5, 0.0),
            (0.25, -0.674_489_75),
            (0.975, 1.959_963_985),
            (0.001, -3.090_232_306),
            (1e-20, -9.262_340_09),
        ] {
            assert!((normal_quantile(p) - x).abs() < 1e-6 * (1.0 + x.abs()), "{p}: {}", normal_quantile(p));
        }
    }

    fn correlation(x: &[f64], y: &[f64]) -> f64 {
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let (a, b) = (mean(x), mean(y));
        let product = |u: &[f64], v: &[f64], a: f64, b: f64| {
            u.iter().zip(v).map(|(s, t)| (s - a) * (t - b)).sum::<f64>()
        };
        product(x, y, a, b) / (product(x, x, a, a) * product(y, y, b, b)).sqrt()
    }

    fn column(matrix: &GridMatrix, c: usize) -> Vec<f64> {
        (0..matrix.n_rows()).map(|row| f64::from(matrix.row(row)[c])).collect()
    }

    /// Two correlated numbers, a yes/no that follows the first, and a category of three columns that follows it.
    fn table(n: usize) -> GridMatrix {
        let random = Random::new(3);
        let mut matrix = GridMatrix::zeros(n, 6);
        for row in 0..n {
            let normal = |c: u64| random.stream(c).normal(row as u64);
            let first = normal(0);
            let level =
                usize::from(first + 0.5 * normal(3) > 0.5) + usize::from(first + 0.5 * normal(4) > -0.5);
            let cells = &mut matrix.cells_mut()[row * 8..][..6];
            cells[0] = first as f32;
            cells[1] = (0.8 * first + 0.6 * normal(1)) as f32;
            cells[2] = f32::from(u8::from(first + normal(2) > 0.7));
            cells[3 + level] = 1.0;
        }
        matrix
    }

    #[test]
    fn a_replicate_keeps_the_cells_of_every_feature_and_their_correlations() {
        let matrix = table(2000);
        let null = Null::fit(&matrix, &[0..1, 1..2, 2..3, 3..6], Random::new(1));
        let replicate = null.replicate(Random::new(2));
        for c in 0..6 {
            let [mut before, mut after] = [&matrix, &replicate].map(|m| column(m, c));
            before.sort_by(f64::total_cmp);
            after.sort_by(f64::total_cmp);
            assert_eq!(before, after, "column {c}");
        }
        for row in 0..2000 {
            assert_eq!(replicate.row(row)[3..].iter().sum::<f32>(), 1.0, "one level each");
        }
        for (a, b) in [(0, 1), (0, 2), (1, 2), (0, 3), (0, 5), (2, 5)] {
            let [before, after] = [&matrix, &replicate].map(|m| correlation(&column(m, a), &column(m, b)));
            assert!((before - after).abs() < 0.08, "columns {a} and {b}: {before} became {after}");
        }
        assert_ne!(replicate, null.replicate(Random::new(3)));
    }

    #[test]
    fn clusters_are_gone_from_a_replicate() {
        // Two far groups in three columns: a null row is often high in one and low in another.
        let random = Random::new(9);
        let mut matrix = GridMatrix::zeros(1000, 3);
        for row in 0..1000 {
            for c in 0..3 {
                let noise = random.stream(c as u64).normal(row as u64);
                matrix.cells_mut()[row * 8 + c] = (if row % 2 == 0 { 5.0 } else { -5.0 } + noise) as f32;
            }
        }
        let mixed = |m: &GridMatrix| {
            (0..1000).filter(|&row| m.row(row).iter().filter(|x| **x > 0.0).count() % 3 != 0).count()
        };
        let replicate = Null::fit(&matrix, &[0..1, 1..2, 2..3], Random::new(1)).replicate(Random::new(2));
        assert_eq!(mixed(&matrix), 0);
        assert!(mixed(&replicate) > 200, "{}", mixed(&replicate));
    }

    #[test]
    fn correlations_that_do_not_fit_together_still_give_unit_variances() {
        let impossible = [1.0, 0.9, 0.9, 0.9, 1.0, -0.9, 0.9, -0.9, 1.0];
        let (factor, own) = factor(&impossible, 3);
        for i in 0..3 {
            let variance = factor[i * 3..][..3].iter().map(|x| x * x).sum::<f64>() + own[i] * own[i];
            assert!((variance - 1.0).abs() < 0.01, "{variance}");
        }
        assert_eq!(super::factor(&[], 0), (Vec::new(), Vec::new()));
    }
}
