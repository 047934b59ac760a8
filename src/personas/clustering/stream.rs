//! k-means over batches: what does not fit in memory, and what keeps coming.
//!
//! [`Partial`] is what one batch says about fixed centroids, and merges. From it follow the exact next step of Lloyd's
//! iterations over data of any size ([`KMeansModel::updated`]), and mini-batch k-means ([`KMeansStream`]).

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::array::{ArrayCell, MODEL, check_shape, check_weights};
use super::kmeans::KMeansModel;
use crate::error::{DataError, ParamError};
use crate::params::finite_in;

/// A centroid with less than this share of the mean mass is starved.
const STARVED: f64 = 0.01;

/// Batches for which a centroid may be starved before it is moved.
const PATIENCE: u32 = 10;

/// Sums of the rows of some batches by the centroid they are nearest to.
///
/// Merging partials in one order gives the same bytes every time; another order differs by the rounding of f64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partial {
    /// n_clusters x n_columns weighted sums in the scaled columns of the model.
    pub(crate) sums: Vec<f64>,
    pub(crate) masses: Vec<f64>,
    pub(crate) sizes: Vec<u64>,
    /// Weighted sum of squared distances, in scaled units.
    pub(crate) inertia: f64,
    /// The row with the largest weighted squared distance: that distance and its scaled cells.
    pub(crate) farthest: Option<(f64, Vec<f64>)>,
}

impl Partial {
    pub(crate) fn empty(n_clusters: usize, n_columns: usize) -> Self {
        Self {
            sums: vec![0.0; n_clusters * n_columns],
            masses: vec![0.0; n_clusters],
            sizes: vec![0; n_clusters],
            inertia: 0.0,
            farthest: None,
        }
    }

    /// Adds what other batches say about the same centroids.
    ///
    /// # Errors
    /// Another number of clusters or columns.
    pub fn merge(&mut self, other: &Self) -> Result<(), DataError> {
        check_shape("clusters of a partial", other.masses.len(), self.masses.len())?;
        check_shape("sums of a partial", other.sums.len(), self.sums.len())?;
        self.sums.iter_mut().zip(&other.sums).for_each(|(a, b)| *a += b);
        self.masses.iter_mut().zip(&other.masses).for_each(|(a, b)| *a += b);
        self.sizes.iter_mut().zip(&other.sizes).for_each(|(a, b)| *a += b);
        self.inertia += other.inertia;
        if let Some((distance, row)) = &other.farthest {
            self.offer(*distance, || row.clone());
        }
        Ok(())
    }

    pub(crate) fn offer(&mut self, distance: f64, row: impl FnOnce() -> Vec<f64>) {
        if self.farthest.as_ref().is_none_or(|(farthest, _)| distance > *farthest) {
            self.farthest = Some((distance, row()));
        }
    }

    /// Rows per cluster.
    #[must_use]
    pub fn sizes(&self) -> &[u64] {
        &self.sizes
    }

    /// Sum of weights per cluster.
    #[must_use]
    pub fn masses(&self) -> &[f64] {
        &self.masses
    }
}

/// Mini-batch k-means: centroids that move with every batch (Sculley 2010, batch by batch).
///
/// c <- (M c + S) / (M + N) and M <- keep (M + N), with the sums S and weights N of the batch by nearest centroid. All
/// rows of a batch meet the same centroids, so their order does not matter. A centroid that has had less than 1 % of
/// the mean mass for ten batches moves to the row of the batch that is farthest from its own.
///
/// Draw batches at random: rows sorted by time or income give centroids of the last ones. Sizes and inertia of the
/// model are those of the last batch, until a pass of [`KMeansModel::partial`] over everything replaces them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KMeansStream {
    model: KMeansModel,
    masses: Vec<f64>,
    keep: f64,
    n_starved: Vec<u32>,
    n_moved: usize,
}

impl KMeansStream {
    /// Goes on from a model with its sizes as masses; `keep` in (0, 1] is what a batch leaves of the masses before it:
    /// 1 never forgets, else they halve every ln(1/2) / ln(keep) batches.
    ///
    /// # Errors
    /// A `keep` outside its range.
    pub fn new(model: KMeansModel, keep: f64) -> Result<Self, ParamError> {
        finite_in("kmeans.keep", keep, 0.0, 1.0, "greater than 0 and at most 1")?;
        let masses = model.sizes().iter().map(|&size| size as f64).collect();
        Ok(Self { masses, keep, n_starved: vec![0; model.n_clusters()], n_moved: 0, model })
    }

    /// Moves the centroids by a batch, weighted where weights are given. A batch that is refused changes nothing.
    ///
    /// # Errors
    /// As [`KMeansModel::partial`].
    pub fn learn<F: ArrayCell>(
        &mut self,
        rows: ArrayView2<'_, F>,
        weights: Option<&[f64]>,
    ) -> Result<(), DataError> {
        let partial = self.model.partial(rows, weights)?;
        let (d, k) = (self.model.n_columns, self.masses.len());
        for j in 0..k {
            let (before, now) = (self.masses[j], partial.masses[j]);
            self.masses[j] = self.keep * (before + now);
            if now > 0.0 {
                let centroid = &mut self.model.scaled_centroids[j * d..(j + 1) * d];
                for (c, sum) in centroid.iter_mut().zip(&partial.sums[j * d..]) {
                    *c = (before * *c + sum) / (before + now);
                }
            }
        }
        self.feed_starved(&partial);
        self.model.straighten();
        self.model.take_statistics(&partial);
        Ok(())
    }

    /// Moves the most starved centroid, one for each batch, for there is one farthest row.
    fn feed_starved(&mut self, partial: &Partial) {
        let mean = self.masses.iter().sum::<f64>() / self.masses.len() as f64;
        for (n, mass) in self.n_starved.iter_mut().zip(&self.masses) {
            *n = if *mass < STARVED * mean { *n + 1 } else { 0 };
        }
        let Some(j) = self.n_starved.iter().position(|&n| n >= PATIENCE) else { return };
        if let Some((_, row)) = partial.farthest.as_ref().filter(|(distance, _)| *distance > 0.0) {
            let d = row.len();
            self.model.scaled_centroids[j * d..(j + 1) * d].copy_from_slice(row);
            // Light, so that the next batches carry it to the middle of what is around.
            self.masses[j] = mean * STARVED;
            self.n_starved[j] = 0;
            self.n_moved += 1;
        }
    }

    /// The centroids so far.
    #[must_use]
    pub fn model(&self) -> &KMeansModel {
        &self.model
    }

    /// How often a starved centroid was moved.
    #[must_use]
    pub fn n_moved(&self) -> usize {
        self.n_moved
    }
}

impl KMeansModel {
    /// What a batch of n_rows x n_columns cells says about these centroids.
    ///
    /// # Errors
    /// As [`KMeansModel::predict`], and weights as in
    /// [`KMeansValid::fit_array_weighted`](crate::personas::KMeansValid::fit_array_weighted), though all may be 0.
    pub fn partial<F: ArrayCell>(
        &self,
        rows: ArrayView2<'_, F>,
        weights: Option<&[f64]>,
    ) -> Result<Partial, DataError> {
        let d = self.n_columns;
        if let Some(weights) = weights.filter(|weights| weights.iter().any(|&w| w != 0.0)) {
            check_weights(weights, rows.nrows())?;
        }
        check_shape("sample weights", weights.map_or(rows.nrows(), <[f64]>::len), rows.nrows())?;
        let mut partial = Partial::empty(self.n_clusters(), d);
        self.each_nearest(rows, |r, row, j, square| {
            let weight = weights.map_or(1.0, |weights| weights[r]);
            for (sum, &x) in partial.sums[j * d..].iter_mut().zip(row) {
                *sum += weight * f64::from(x);
            }
            partial.masses[j] += weight;
            partial.sizes[j] += 1;
            partial.inertia += weight * square;
            partial.offer(weight * square, || row.iter().map(|&x| f64::from(x)).collect());
        })?;
        Ok(partial)
    }

    /// The model after one exact step of Lloyd's iterations over everything that `partial` has seen: the means of the
    /// clusters, with the sizes and the inertia from before the step. A cluster without weight moves to the farthest
    /// row when it is the only one, and stays where it is otherwise.
    ///
    /// # Errors
    /// A partial of another shape, or without any weight.
    pub fn updated(&self, partial: &Partial) -> Result<Self, DataError> {
        check_shape("clusters of a partial", partial.masses.len(), self.n_clusters())?;
        check_shape("sums of a partial", partial.sums.len(), self.scaled_centroids.len())?;
        if partial.masses.iter().sum::<f64>() <= 0.0 {
            return Err(DataError::TooFew { model: MODEL, what: "rows of positive weight", got: 0, need: 1 });
        }
        let (d, mut next) = (self.n_columns, self.clone());
        let mut farthest = partial.farthest.clone();
        for (j, &mass) in partial.masses.iter().enumerate() {
            let centroid = &mut next.scaled_centroids[j * d..(j + 1) * d];
            if mass > 0.0 {
                centroid.iter_mut().zip(&partial.sums[j * d..]).for_each(|(c, sum)| *c = sum / mass);
            } else if let Some((_, row)) = farthest.take() {
                centroid.copy_from_slice(&row);
                next.n_reseeded += 1;
            }
        }
        next.straighten();
        next.n_iterations += 1;
        let moved = next.scaled_centroids.iter().zip(&self.scaled_centroids).map(|(a, b)| (a - b) * (a - b));
        next.last_movement = moved.sum::<f64>() / (self.scale.factor * self.scale.factor);
        next.take_statistics(partial);
        Ok(next)
    }

    fn take_statistics(&mut self, partial: &Partial) {
        self.sizes.clone_from(&partial.sizes);
        self.inertia = partial.inertia / (self.scale.factor * self.scale.factor);
        self.converged = self.last_movement == 0.0;
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, s};

    use super::*;
    use crate::params::Params;
    use crate::personas::KMeansParams;
    use crate::random::Random;

    fn groups(n: usize) -> Array2<f64> {
        let random = Random::new(8);
        let centre = |row: usize, c: usize| if row % 4 == c { 6.0 } else { 0.0 };
        Array2::from_shape_fn((n, 4), |(r, c)| {
            centre(random.below(r as u64, 4), c) + random.stream(1).normal((4 * r + c) as u64)
        })
    }

    fn start(rows: &Array2<f64>, max_iterations: usize) -> KMeansModel {
        let params = KMeansParams { max_iterations, tolerance: 1e-15, ..KMeansParams::new(4, 1) };
        params.check().unwrap().fit_array_from(rows.view(), rows.slice(s![..4, ..])).unwrap()
    }

    #[test]
    fn steps_over_batches_are_lloyds_iterations() {
        let rows = groups(1000);
        let mut model = start(&rows, 1);
        for n in 2..6 {
            let mut all = Partial::empty(4, 4);
            for from in (0..1000).step_by(137) {
                let batch = rows.slice(s![from..(from + 137).min(1000), ..]);
                all.merge(&model.partial(batch, None).unwrap()).unwrap();
            }
            model = model.updated(&all).unwrap();
            let whole = start(&rows, n);
            for (a, b) in model.centroids().concat().iter().zip(whole.centroids().concat()) {
                assert!((a - b).abs() < 1e-6, "step {n}: {a} {b}");
            }
            assert_eq!(model.n_iterations(), n);
        }
        let other = Partial::empty(3, 4);
        assert!(model.updated(&other).unwrap_err().to_string().contains("is 3, expected 4"));
        assert!(model.updated(&Partial::empty(4, 4)).unwrap_err().to_string().contains("positive weight"));
    }

    #[test]
    fn batches_find_what_the_whole_finds() {
        let rows = groups(20_000);
        let whole = start(&rows, 100);
        let first = KMeansParams::new(4, 3).check().unwrap().fit_array(rows.slice(s![..300, ..])).unwrap();
        let mut stream = KMeansStream::new(first, 1.0).unwrap();
        for from in (300..20_000).step_by(500) {
            stream.learn(rows.slice(s![from..(from + 500).min(20_000), ..]), None).unwrap();
        }
        let everything = stream.model().partial(rows.view(), None).unwrap();
        let found = stream.model().updated(&everything).unwrap();
        assert!(found.inertia() < 1.01 * whole.inertia(), "{} {}", found.inertia(), whole.inertia());
        assert_eq!(found.sizes().iter().sum::<u64>(), 20_000);
        let before = stream.clone();
        let broken = ndarray::array![[0.0, f64::NAN, 0.0, 0.0]];
        assert!(stream.learn(broken.view(), None).unwrap_err().to_string().contains("column \"1\" is NaN"));
        assert_eq!(stream, before);
    }

    #[test]
    fn one_batch_is_one_step_and_forgetting_follows_a_drift() {
        let rows = groups(500);
        let model = start(&rows, 3);
        let mut stream = KMeansStream::new(model.clone(), 1.0).unwrap();
        stream.masses.fill(0.0);
        stream.learn(rows.view(), None).unwrap();
        let step = model.updated(&model.partial(rows.view(), None).unwrap()).unwrap();
        assert_eq!(stream.model().centroids(), step.centroids());
        let drifted = &rows + 1.0;
        for keep in [1.0, 0.5] {
            let mut stream = KMeansStream::new(model.clone(), keep).unwrap();
            for _ in 0..20 {
                stream.learn(drifted.view(), None).unwrap();
            }
            let shift = stream.model().centroids()[0][0] - model.centroids()[0][0];
            assert!(if keep < 1.0 { (shift - 1.0).abs() < 0.02 } else { shift < 0.99 }, "{keep} {shift}");
        }
        for keep in [0.0, 1.5, f64::NAN] {
            assert!(KMeansStream::new(model.clone(), keep).is_err());
        }
    }

    #[test]
    fn a_starved_centroid_goes_where_it_is_needed() {
        let rows = groups(4000);
        let mut model = start(&rows, 20);
        model.scaled_centroids[..4].fill(1e3);
        model.sizes[0] = 0;
        let mut stream = KMeansStream::new(model, 0.9).unwrap();
        for from in (0..4000).step_by(100) {
            stream.learn(rows.slice(s![from..from + 100, ..]), None).unwrap();
        }
        assert!(stream.n_moved() >= 1);
        let whole = start(&rows, 100);
        let found = stream.model().partial(rows.view(), None).unwrap();
        let found = stream.model().updated(&found).unwrap();
        assert!(found.inertia() < 1.05 * whole.inertia(), "{} {}", found.inertia(), whole.inertia());
    }
}
