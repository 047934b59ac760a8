//! k-means on a plain array: the algorithm behind personas, without features, names or choices.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::array::{ArrayCell, ArrayScale, Distance, check_shape, check_weights, straighten};
use super::lloyd::{Pruning, Rules, Run, Start, Step, final_sums, run};
use super::points::Points;
use super::starts::best_of;
use crate::error::{DataError, ParamError};
use crate::kernels::KernelLevel;
use crate::kernels::assign::PackedCentroids;
use crate::kernels::tile::{LANES, Rows};
use crate::params::{Params, count_in};
use crate::personas::grid::squared_distance;
use crate::personas::params::{default_max_iterations, default_n_init, default_tolerance, validate_runs};

/// Unchecked parameters of k-means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KMeansParams {
    /// Number of clusters.
    pub n_clusters: usize,
    /// Random starts, of which the one with the lowest inertia is kept.
    #[serde(default = "default_n_init")]
    pub n_init: usize,
    /// Updates of the centroids after which a run stops.
    #[serde(default = "default_max_iterations")]
    pub max_iterations: usize,
    /// A run stops when the summed squared movement of the centroids is at most this share of the mean variance
    /// of a column; it does not depend on the unit of the table.
    #[serde(default = "default_tolerance")]
    pub tolerance: f64,
    /// What lies between two rows.
    #[serde(default)]
    pub distance: Distance,
    /// Seed of the random starts.
    pub seed: u64,
}

impl KMeansParams {
    /// `n_clusters` clusters from `seed`; everything else by default (10 starts, 300 iterations, tolerance 1e-4).
    #[must_use]
    pub fn new(n_clusters: usize, seed: u64) -> Self {
        Self {
            n_clusters,
            n_init: default_n_init(),
            max_iterations: default_max_iterations(),
            tolerance: default_tolerance(),
            distance: Distance::default(),
            seed,
        }
    }

    /// The first broken rule, if any.
    ///
    /// # Errors
    /// A [`ParamError`] naming field, value and rule.
    pub fn validate(&self) -> Result<(), ParamError> {
        count_in("kmeans.n_clusters", self.n_clusters, 1, 10_000, "from 1 to 10000")?;
        validate_runs("kmeans", self.n_init, self.max_iterations, self.tolerance)
    }
}

impl Params for KMeansParams {
    type Checked = KMeansValid;

    fn check(self) -> Result<KMeansValid, ParamError> {
        self.validate()?;
        Ok(KMeansValid::unchecked(self))
    }
}

/// Checked parameters of k-means.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeansValid {
    params: KMeansParams,
    level: KernelLevel,
    pruning: Pruning,
}

impl KMeansValid {
    /// For wrappers that check by reference before they use it.
    pub(crate) fn unchecked(params: KMeansParams) -> Self {
        Self { params, level: KernelLevel::detect(), pruning: Pruning::Auto }
    }

    /// The parameters.
    #[must_use]
    pub fn params(&self) -> &KMeansParams {
        &self.params
    }

    /// Computes with the given instructions; all levels give the same bytes.
    ///
    /// # Panics
    /// When this processor does not have them: a programmer error.
    #[must_use]
    pub fn with_kernel(self, level: KernelLevel) -> Self {
        assert!(level.available(), "{level:?} is not available on this processor");
        Self { level, ..self }
    }

    /// Skips rows, or does not; the result is the same, bit for bit.
    #[must_use]
    pub fn with_pruning(self, pruning: Pruning) -> Self {
        Self { pruning, ..self }
    }

    /// The best of `n_init` runs from greedy k-means++ starts on n_rows x n_columns cells.
    ///
    /// An f32 array in row-major order whose columns lie around 0 (none farther from it than the widest range)
    /// is read in place; any other is copied as f32 after a shift of each column by its middle and a common power of
    /// two, so distances keep their proportions. Beside the array (and its copy) a fit holds at most 24 + n_clusters
    /// / 4 bytes for each row. Runs are compared by inertia, ties go to the earlier run; with more than 200,000 rows
    /// they are compared on a sample of max(50,000, 50 * n_clusters) rows and the best three go on from there. Same
    /// bytes at any number of threads, any instructions and any pruning; uses the caller's rayon pool.
    ///
    /// # Errors
    /// No rows, no columns, a cell that is not finite or beyond +-1e150, fewer distinct rows than clusters.
    pub fn fit_array<F: ArrayCell>(&self, rows: ArrayView2<'_, F>) -> Result<KMeansModel, DataError> {
        self.fit(rows, None)
    }

    /// As [`KMeansValid::fit_array`] for rows that count as often as their weight says: in means, inertia and the
    /// chance to be a start. A row of weight 0 has no say, but is counted in the size of its cluster.
    ///
    /// # Errors
    /// As [`KMeansValid::fit_array`], and weights that are not one finite number of at least 0 for every row, or
    /// that are all 0.
    pub fn fit_array_weighted<F: ArrayCell>(
        &self,
        rows: ArrayView2<'_, F>,
        weights: &[f64],
    ) -> Result<KMeansModel, DataError> {
        self.fit(rows, Some(weights))
    }

    fn fit<F: ArrayCell>(
        &self,
        rows: ArrayView2<'_, F>,
        weights: Option<&[f64]>,
    ) -> Result<KMeansModel, DataError> {
        let (scale, array) = ArrayScale::fit(rows, self.params.distance)?;
        weights.map_or(Ok(()), |weights| check_weights(weights, rows.nrows()))?;
        let points = array.points(&scale, weights);
        let best =
            best_of(&points, self.params.n_clusters, self.params.n_init, self.params.seed, self.rules())?;
        Ok(self.model(&points, scale, best))
    }

    /// One run from the given n_clusters x n_columns start, in the units of `rows`; `n_init` and `seed` have no
    /// say.
    ///
    /// # Errors
    /// As [`KMeansValid::fit_array`], and when `start` has another shape or a cell that is not finite.
    pub fn fit_array_from<F: ArrayCell>(
        &self,
        rows: ArrayView2<'_, F>,
        start: ArrayView2<'_, F>,
    ) -> Result<KMeansModel, DataError> {
        self.fit_weighted_from(rows, start, None)
    }

    /// As [`KMeansValid::fit_array_from`], with weights as in [`KMeansValid::fit_array_weighted`].
    ///
    /// # Errors
    /// As those two.
    pub fn fit_weighted_from<F: ArrayCell>(
        &self,
        rows: ArrayView2<'_, F>,
        start: ArrayView2<'_, F>,
        weights: Option<&[f64]>,
    ) -> Result<KMeansModel, DataError> {
        let (scale, array) = ArrayScale::fit(rows, self.params.distance)?;
        weights.map_or(Ok(()), |weights| check_weights(weights, rows.nrows()))?;
        let k = self.params.n_clusters;
        check_shape("start centroids", start.nrows(), k)?;
        check_shape("columns of the start", start.ncols(), rows.ncols())?;
        let mut centroids = Vec::with_capacity(k * start.ncols());
        let mut written = vec![0.0; start.ncols()];
        for j in 0..k {
            scale.write(start, j, &mut written)?;
            centroids.extend(written.iter().map(|&cell| f64::from(cell)));
        }
        let points = array.points(&scale, weights);
        if points.n_distinct(k) < k {
            return Err(points.too_few_distinct(k));
        }
        let run = run(&points, Start::Centroids(centroids), self.rules())?;
        Ok(self.model(&points, scale, run))
    }

    fn rules(&self) -> Rules {
        Rules {
            level: self.level,
            pruning: self.pruning,
            distance: self.params.distance,
            max_iterations: self.params.max_iterations,
            tolerance: self.params.tolerance,
        }
    }

    fn model(&self, points: &Points<'_>, scale: ArrayScale, run: Run) -> KMeansModel {
        let (sizes, inertia) = final_sums(points, &run.centroids, self.level);
        let area = scale.factor * scale.factor;
        let steps = run.steps.into_iter().map(|s| Step { inertia: s.inertia / area, ..s }).collect();
        KMeansModel {
            n_columns: points.n_columns(),
            scale,
            scaled_centroids: run.centroids,
            sizes,
            inertia: inertia / area,
            n_iterations: run.n_iterations,
            converged: run.converged,
            last_movement: run.last_movement / area,
            n_reseeded: run.n_reseeded,
            steps,
        }
    }
}

/// Fitted centroids and what one final assignment against them says.
///
/// Clusters are numbered as they came out of the best run. No row of the data is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KMeansModel {
    pub(crate) n_columns: usize,
    pub(crate) scale: ArrayScale,
    pub(crate) scaled_centroids: Vec<f64>,
    pub(crate) sizes: Vec<u64>,
    pub(crate) inertia: f64,
    pub(crate) n_iterations: usize,
    pub(crate) converged: bool,
    pub(crate) last_movement: f64,
    pub(crate) n_reseeded: usize,
    steps: Vec<Step>,
}

impl KMeansModel {
    /// n_clusters x n_columns means in the units of the array, one `Vec` per cluster.
    #[must_use]
    pub fn centroids(&self) -> Vec<Vec<f64>> {
        self.scaled_centroids
            .chunks_exact(self.n_columns)
            .map(|c| {
                c.iter().zip(&self.scale.shifts).map(|(x, shift)| x / self.scale.factor + shift).collect()
            })
            .collect()
    }

    /// Number of clusters.
    #[must_use]
    pub fn n_clusters(&self) -> usize {
        self.sizes.len()
    }

    /// Rows per cluster.
    #[must_use]
    pub fn sizes(&self) -> &[u64] {
        &self.sizes
    }

    /// Sum (not mean) of squared distances to the nearest centroid, in squared units of the array.
    #[must_use]
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// Updates of the centroids in the best run.
    #[must_use]
    pub fn n_iterations(&self) -> usize {
        self.n_iterations
    }

    /// Whether the best run ended by the tolerance; `false` when the limit of iterations ended it.
    #[must_use]
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// Summed squared movement of the centroids in the last update, in squared units of the array.
    #[must_use]
    pub fn last_movement(&self) -> f64 {
        self.last_movement
    }

    /// How often a cluster without rows was moved to the farthest row.
    #[must_use]
    pub fn n_reseeded(&self) -> usize {
        self.n_reseeded
    }

    /// Inertia and sizes before every update of the best run.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The nearest cluster of every row; ties go to the lower index. A row alone gives what it gives in a batch.
    ///
    /// # Errors
    /// Another number of columns, or a cell that is not finite or more than 2^40 times the fitted range away.
    pub fn predict<F: ArrayCell>(&self, rows: ArrayView2<'_, F>) -> Result<Vec<usize>, DataError> {
        Ok(self.nearest(rows)?.into_iter().map(|(cluster, _)| cluster).collect())
    }

    /// The nearest cluster of every row and the distance to its centroid in units of the array.
    ///
    /// # Errors
    /// As [`KMeansModel::predict`].
    pub fn nearest<F: ArrayCell>(&self, rows: ArrayView2<'_, F>) -> Result<Vec<(usize, f64)>, DataError> {
        let mut nearest = Vec::with_capacity(rows.nrows());
        self.each_nearest(rows, |_, _, j, square| nearest.push((j, square.sqrt() / self.scale.factor)))?;
        Ok(nearest)
    }

    /// Calls `found(row number, scaled cells, cluster, scaled squared distance)` for every row.
    pub(crate) fn each_nearest<F: ArrayCell>(
        &self,
        rows: ArrayView2<'_, F>,
        mut found: impl FnMut(usize, &[f32], usize, f64),
    ) -> Result<(), DataError> {
        check_shape("number of columns", rows.ncols(), self.n_columns)?;
        let (level, d) = (KernelLevel::detect(), self.n_columns);
        let packed = PackedCentroids::pack(level, self.n_clusters(), d, &self.scaled_centroids);
        let (mut cells, mut nearest) = (vec![0.0; LANES * d], [0; LANES]);
        for first in (0..rows.nrows()).step_by(LANES) {
            let n = (rows.nrows() - first).min(LANES);
            for (r, out) in (first..first + n).zip(cells.chunks_exact_mut(d)) {
                self.scale.write(rows, r, out)?;
            }
            let scaled = Rows::new(&cells[..n * d], d, d);
            packed.nearest(scaled, &mut nearest[..n]);
            for (lane, &j) in nearest[..n].iter().enumerate() {
                let centroid = &self.scaled_centroids[j as usize * d..][..d];
                let row = scaled.row(lane);
                found(first + lane, row, j as usize, squared_distance(row, centroid));
            }
        }
        Ok(())
    }

    /// Gives centroids the length 1 that cosine asks for.
    pub(crate) fn straighten(&mut self) {
        if self.scale.distance == Distance::Cosine {
            straighten(&mut self.scaled_centroids, self.n_columns);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::random::Random;

    fn exact(k: usize) -> KMeansValid {
        KMeansParams { tolerance: 1e-12, ..KMeansParams::new(k, 1) }.check().unwrap()
    }

    fn three_groups() -> Array2<f64> {
        let random = Random::new(42);
        let group = |row: usize| {
            if row < 10 {
                0.0
            } else if row < 40 {
                100.0
            } else {
                200.0
            }
        };
        Array2::from_shape_fn((100, 2), |(r, c)| group(r) + random.uniform((r * 2 + c) as u64))
    }

    #[test]
    fn every_broken_rule_is_refused_by_name() {
        let base = KMeansParams::new(3, 1);
        let broken = [
            (KMeansParams { n_clusters: 0, ..base.clone() }, "kmeans.n_clusters is 0"),
            (KMeansParams { n_init: 0, ..base.clone() }, "kmeans.n_init is 0"),
            (KMeansParams { max_iterations: 0, ..base.clone() }, "kmeans.max_iterations is 0"),
            (KMeansParams { tolerance: f64::NAN, ..base.clone() }, "kmeans.tolerance is NaN"),
            (KMeansParams { tolerance: 0.0, ..base.clone() }, "kmeans.tolerance is 0"),
            (KMeansParams { tolerance: f64::INFINITY, ..base }, "kmeans.tolerance is inf"),
        ];
        for (params, message) in broken {
            assert!(params.check().unwrap_err().to_string().starts_with(message));
        }
    }

    #[test]
    fn data_that_cannot_be_fitted_is_refused_with_its_place() {
        let refused = |rows: Array2<f64>, k| exact(k).fit_array(rows.view()).unwrap_err().to_string();
        assert_eq!(refused(Array2::zeros((0, 2)), 1), "k-means: 0 rows, but at least 1 are needed");
        assert_eq!(refused(Array2::zeros((2, 0)), 1), "k-means: 0 columns, but at least 1 are needed");
        let message =
            "k-means: row 1, column \"0\" is NaN, but it must be finite and between -1e150 and 1e150";
        assert_eq!(refused(array![[0.0], [f64::NAN], [1.0]], 1), message);
        assert!(refused(array![[0.0], [f64::INFINITY]], 1).contains("row 1, column \"0\" is inf"));
        let message = "k-means: 2 distinct rows, but at least 3 are needed";
        assert_eq!(refused(array![[1.0], [1.0], [-0.0], [0.0]], 3), message);
        let model = exact(1).fit_array(array![[0.0, 1.0]].view()).unwrap();
        let other_width = model.predict(array![[1.0]].view()).unwrap_err();
        assert_eq!(other_width.to_string(), "k-means: number of columns is 1, expected 2");
        for bad in [array![[f64::NAN, 1.0]], array![[1.0, f64::NEG_INFINITY]], array![[1e100, 0.0]]] {
            assert!(matches!(model.predict(bad.view()), Err(DataError::BadCell { row: 0, .. })));
        }
        let start = exact(2).fit_array_from(array![[0.0], [1.0]].view(), array![[0.0]].view());
        assert_eq!(start.unwrap_err().to_string(), "k-means: start centroids is 1, expected 2");
    }

    #[test]
    fn sizes_inertia_and_centroids_belong_together() {
        let rows = three_groups();
        for n_init in [1, 2, 3, 5, 10] {
            let model = KMeansParams { n_init, ..KMeansParams::new(3, 42) }.check().unwrap();
            let model = model.fit_array(rows.view()).unwrap();
            let labels = model.predict(rows.view()).unwrap();
            let mut counted = [0; 3];
            labels.iter().for_each(|&label| counted[label] += 1);
            assert_eq!(model.sizes(), counted);
            counted.sort_unstable();
            assert_eq!(counted, [10, 30, 60]);
        }
        let limited = KMeansParams { max_iterations: 1, ..KMeansParams::new(3, 42) }.check().unwrap();
        let start = rows.slice(ndarray::s![..3, ..]);
        let model = limited.fit_array_from(rows.view(), start).unwrap();
        assert!(!model.converged() && model.n_iterations() == 1);
        let near = model.nearest(rows.view()).unwrap();
        let direct: f64 = near.iter().map(|(_, distance)| distance * distance).sum();
        assert!((model.inertia() / direct - 1.0).abs() < 1e-9);
    }

    #[test]
    fn one_cluster_is_the_mean_and_a_cluster_per_row_has_no_inertia() {
        let rows = array![[0.0, 0.0], [0.0, 4.0], [3.0, 2.0], [3.0, 2.0]];
        let model = exact(1).fit_array(rows.view()).unwrap();
        assert_eq!(model.centroids(), [[1.5, 2.0]]);
        assert_eq!((model.inertia(), model.sizes()), (17.0, &[4][..]));
        let model = exact(3).fit_array(rows.view()).unwrap();
        assert_eq!(model.inertia(), 0.0);
        // A start that is one row per cluster already; a row's own old centroid never counts as a member.
        let model =
            exact(2).fit_array_from(array![[0.0], [0.0], [0.0], [10.0]].view(), array![[0.0], [6.0]].view());
        assert_eq!(model.unwrap().centroids(), [[0.0], [10.0]]);
    }

    #[test]
    fn sums_stay_exact_in_long_columns() {
        let ones = Array2::from_elem((2_000_000, 1), 1.0f32);
        let model = exact(1).fit_array(ones.view()).unwrap();
        assert_eq!((model.centroids(), model.sizes()), (vec![vec![1.0]], &[2_000_000][..]));
        let random = Random::new(5);
        let rows = Array2::from_shape_fn((1_000_000, 1), |(r, _)| 1000.0 + random.uniform(r as u64) as f32);
        let mean = rows.iter().map(|&x| f64::from(x)).sum::<f64>() / 1e6;
        let model = exact(1).fit_array_from(rows.view(), array![[1000.5f32]].view()).unwrap();
        assert!((model.centroids()[0][0] - mean).abs() < 1e-6);
    }

    #[test]
    fn a_far_start_is_reseeded_at_the_farthest_row() {
        let rows = three_groups();
        let start = array![[0.0, 0.0], [1e6, 1e6], [200.0, 200.0]];
        let model = exact(3).fit_array_from(rows.view(), start.view()).unwrap();
        let mut sizes = model.sizes().to_vec();
        sizes.sort_unstable();
        assert_eq!((sizes, model.n_reseeded()), (vec![10, 30, 60], 1));
    }

    #[test]
    fn the_unit_of_the_table_changes_nothing() {
        let rows = three_groups();
        let fit = |unit: f64| exact(5).fit_array((&rows * unit).view()).unwrap();
        let (one, tiny) = (fit(1.0), fit(libm::exp2(-24.0)));
        assert_eq!(one.n_iterations(), tiny.n_iterations());
        assert_eq!(one.predict(rows.view()), tiny.predict((&rows * libm::exp2(-24.0)).view()));
        assert_eq!(one.inertia() * libm::exp2(-48.0), tiny.inertia());
    }

    #[test]
    fn rows_outside_the_fitted_range_keep_their_direction() {
        let model = exact(2).fit_array(array![[0.0, 0.0], [0.0, 10.0], [10.0, 0.0]].view()).unwrap();
        let rows = array![[1e6, 10.0], [-5.0, 1e6]];
        let centroids = model.centroids();
        for (row, (cluster, distance)) in rows.rows().into_iter().zip(model.nearest(rows.view()).unwrap()) {
            let to = |c: &[f64]| libm::hypot(row[0] - c[0], row[1] - c[1]);
            let near = to(&centroids[0]).min(to(&centroids[1]));
            assert!((to(&centroids[cluster]) - near).abs() < 1e-3 && (distance / near - 1.0).abs() < 1e-6);
        }
    }

    /// Rows from a normal mixture, or from few whole numbers so that many are tied or equal.
    fn table(seed: u64, n: usize, d: usize, is_tied: bool) -> Array2<f32> {
        let random = Random::new(seed);
        Array2::from_shape_fn((n, d), |(r, c)| {
            let draws = random.stream(r as u64);
            if is_tied {
                return draws.below(c as u64, 4) as f32;
            }
            let centre = random.stream(u64::MAX).normal((draws.below(999, 6) * d + c) as u64);
            let stretch = if draws.below(998, 100) == 0 { 20.0 } else { 1.0 };
            ((centre + 0.7 * draws.normal(c as u64)) * stretch) as f32
        })
    }

    #[test]
    fn pruning_changes_nothing_but_the_work() {
        for (seed, (n, d, k)) in (0..).zip([
            (300, 2, 7),
            (900, 5, 9),
            (5000, 11, 16),
            (4500, 3, 40),
            (700, 33, 30),
            (900, 70, 20),
            (60, 1, 12),
        ]) {
            for is_tied in [false, true] {
                let rows = table(seed, n, d, is_tied);
                let k = if is_tied && d < 3 { 4 } else { k };
                let start = rows.slice(ndarray::s![..;n / k, ..]).slice(ndarray::s![..k, ..]).to_owned();
                let fit = |pruning, level| {
                    let params = KMeansParams { tolerance: 1e-12, ..KMeansParams::new(k, 1) };
                    let valid = params.check().unwrap().with_pruning(pruning).with_kernel(level);
                    valid.fit_array_from(rows.view(), start.view()).unwrap()
                };
                let plain = fit(Pruning::Never, KernelLevel::Portable);
                for pruning in [Pruning::Never, Pruning::Auto, Pruning::Always] {
                    for level in [KernelLevel::Portable, KernelLevel::detect()] {
                        assert_eq!(fit(pruning, level), plain, "{pruning:?} {level:?} {n} {d} {k} {is_tied}");
                    }
                }
            }
        }
    }

    #[test]
    fn whole_weights_are_repeated_rows() {
        let rows = table(3, 400, 3, false);
        let weights: Vec<f64> = (0..400).map(|r| f64::from(r % 4)).collect();
        let repeated: Vec<usize> = (0..400).flat_map(|r| vec![r; r % 4]).collect();
        let repeated = rows.select(ndarray::Axis(0), &repeated);
        let start = rows.slice(ndarray::s![1..6, ..]);
        let valid = exact(5);
        let once = valid.fit_weighted_from(rows.view(), start, Some(&weights)).unwrap();
        let often = valid.fit_array_from(repeated.view(), start).unwrap();
        assert_eq!(once.centroids(), often.centroids());
        assert!((once.inertia() / often.inertia() - 1.0).abs() < 1e-12);
        // Rows of weight 0 are counted, but have no say.
        assert_eq!(once.sizes().iter().sum::<u64>(), 400);
        let refused =
            |weights: &[f64]| exact(2).fit_array_weighted(rows.view(), weights).unwrap_err().to_string();
        assert_eq!(refused(&[1.0]), "k-means: sample weights is 1, expected 400");
        let mut bad = weights.clone();
        bad[7] = -1.0;
        assert!(refused(&bad).contains("row 7, column \"sample weight\" is -1"));
        bad[7] = f64::NAN;
        assert!(refused(&bad).contains("is NaN"));
        assert!(refused(&[0.0; 400]).contains("0 rows of positive weight"));
    }

    #[test]
    fn cosine_sees_directions_alone() {
        let rows = table(4, 300, 3, false).mapv(f64::from);
        let long = Array2::from_shape_fn((300, 3), |(r, c)| rows[(r, c)] * (1.0 + (r % 7) as f64 * 1e3));
        let params = KMeansParams { distance: Distance::Cosine, ..KMeansParams::new(5, 1) };
        let fit = |rows: &Array2<f64>| params.clone().check().unwrap().fit_array(rows.view()).unwrap();
        let (of_rows, of_long) = (fit(&rows), fit(&long));
        assert_eq!(of_rows.sizes(), of_long.sizes());
        for centroid in of_long.centroids() {
            assert!((centroid.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12);
        }
        let nearest = of_long.nearest(long.view()).unwrap();
        for (row, (j, distance)) in long.rows().into_iter().zip(&nearest) {
            let length = row.dot(&row).sqrt();
            let cosine = |c: &Vec<f64>| c.iter().zip(row).map(|(a, b)| a * b).sum::<f64>() / length;
            let best = of_long.centroids().iter().map(cosine).fold(-1.0, f64::max);
            assert!((cosine(&of_long.centroids()[*j]) - best).abs() < 1e-6);
            assert!((distance * distance - 2.0 * (1.0 - best)).abs() < 1e-6);
        }
        let direct: f64 = nearest.iter().map(|(_, distance)| distance * distance).sum();
        assert!((of_long.inertia() / direct - 1.0).abs() < 1e-9);
    }
}
