//! Gaussian mixtures: soft membership, for customers between personas.
//!
//! Expectation-maximisation is linfa-clustering's; parameters, checks, the model and its memberships are ours, so that a
//! mixture is used like the other models: [`MixtureParams`] -> `check()` -> [`MixtureValid`] -> `fit_array` ->
//! [`MixtureModel`]. It is for tables of numbers with far more rows than columns: each component has a full covariance.

use ::linfa::DatasetBase;
use ::linfa::traits::Fit;
use linfa_clustering::GaussianMixtureModel;
use ndarray::{Array2, ArrayView2};
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use super::array::{ArrayCell, check_shape, checked_cell};
use crate::error::{DataError, ParamError};
use crate::kernels::cholesky64::Cholesky64;
use crate::params::{Params, count_in, finite_in};

const MODEL: &str = "gaussian mixture";

/// Unchecked parameters of a mixture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixtureParams {
    /// Number of components.
    pub n_components: usize,
    /// Starts from k-means, of which the likeliest end is kept.
    #[serde(default = "default_n_init")]
    pub n_init: usize,
    /// Steps of expectation-maximisation after which a run fails.
    #[serde(default = "default_max_iterations")]
    pub max_iterations: usize,
    /// A run ends when a step gains at most this much mean log-likelihood for a row.
    #[serde(default = "default_tolerance")]
    pub tolerance: f64,
    /// Added to every variance, in variances of the column over all rows; it keeps components from shrinking to a
    /// row.
    #[serde(default = "default_regularisation")]
    pub regularisation: f64,
    /// Seed of the starts.
    pub seed: u64,
}

fn default_n_init() -> usize {
    3
}

fn default_max_iterations() -> usize {
    200
}

fn default_tolerance() -> f64 {
    1e-4
}

fn default_regularisation() -> f64 {
    1e-4
}

impl MixtureParams {
    /// `n_components` components from `seed`; everything else by default (3 starts, 200 steps, tolerance and
    /// regularisation 1e-4).
    #[must_use]
    pub fn new(n_components: usize, seed: u64) -> Self {
        Self {
            n_components,
            n_init: default_n_init(),
            max_iterations: default_max_iterations(),
            tolerance: default_tolerance(),
            regularisation: default_regularisation(),
            seed,
        }
    }
}

impl Params for MixtureParams {
    type Checked = MixtureValid;

    fn check(self) -> Result<MixtureValid, ParamError> {
        count_in("mixture.n_components", self.n_components, 1, 1000, "from 1 to 1000")?;
        count_in("mixture.n_init", self.n_init, 1, 1000, "from 1 to 1000")?;
        count_in("mixture.max_iterations", self.max_iterations, 1, 100_000, "from 1 to 100000")?;
        let rule = "finite and greater than 0 (at most 1)";
        finite_in("mixture.tolerance", self.tolerance, 0.0, 1.0, rule)?;
        finite_in("mixture.regularisation", self.regularisation, 0.0, 1.0, rule)?;
        Ok(MixtureValid(self))
    }
}

/// Checked parameters of a mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct MixtureValid(MixtureParams);

/// A fitted mixture: shares, means and covariances. Holds no row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixtureModel {
    n_columns: usize,
    shares: Vec<f64>,
    /// n_components x n_columns.
    means: Vec<f64>,
    /// n_components x n_columns x n_columns.
    covariances: Vec<f64>,
    mean_log_likelihood: f64,
}

impl MixtureValid {
    /// The parameters.
    #[must_use]
    pub fn params(&self) -> &MixtureParams {
        &self.0
    }

    /// The mixture of n_rows x n_columns cells. Components are numbered by share, the largest first.
    ///
    /// Columns are standardised before the fit and the result is given in the units of the array. Same bytes for the
    /// same table and seed.
    ///
    /// # Errors
    /// No columns, a cell that is not finite or beyond +-1e150, a constant column, fewer than n_components *
    /// (n_columns + 1) rows, or components that collapse or do not settle.
    pub fn fit_array<F: ArrayCell>(&self, rows: ArrayView2<'_, F>) -> Result<MixtureModel, DataError> {
        let (d, k) = (rows.ncols(), self.0.n_components);
        if d == 0 {
            return Err(DataError::TooFew { model: MODEL, what: "columns", got: 0, need: 1 });
        }
        let need = k * (d + 1);
        if rows.nrows() < need {
            return Err(DataError::TooFew { model: MODEL, what: "rows", got: rows.nrows(), need });
        }
        let (table, columns) = standardised(rows)?;
        let fitted = GaussianMixtureModel::params(k)
            .n_runs(self.0.n_init as u64)
            .max_n_iterations(self.0.max_iterations as u64)
            .tolerance(self.0.tolerance)
            .reg_covariance(self.0.regularisation)
            .with_rng(Xoshiro256Plus::seed_from_u64(self.0.seed))
            .fit(&DatasetBase::from(table));
        let fitted =
            fitted.map_err(|error| DataError::NotConverged { model: MODEL, detail: error.to_string() })?;
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by(|&a, &b| fitted.weights()[b].total_cmp(&fitted.weights()[a]));
        let mut model = MixtureModel {
            n_columns: d,
            shares: order.iter().map(|&j| fitted.weights()[j]).collect(),
            means: Vec::with_capacity(k * d),
            covariances: Vec::with_capacity(k * d * d),
            mean_log_likelihood: 0.0,
        };
        for &j in &order {
            for (f, (mean, sd)) in columns.iter().enumerate() {
                model.means.push(mean + sd * fitted.means()[(j, f)]);
                let covariances = columns
                    .iter()
                    .enumerate()
                    .map(|(g, (_, other))| sd * other * fitted.covariances()[(j, f, g)]);
                model.covariances.extend(covariances);
            }
        }
        let densities = model.densities()?;
        let mut total = 0.0;
        for r in 0..rows.nrows() {
            total += log_sum(&densities.of_row(rows, r)?);
        }
        model.mean_log_likelihood = total / rows.nrows() as f64;
        Ok(model)
    }
}

/// Mean and standard deviation.
type Moments = (f64, f64);

/// The table with mean 0 and standard deviation 1 in every column, and both moments of each.
fn standardised<F: ArrayCell>(rows: ArrayView2<'_, F>) -> Result<(Array2<f64>, Vec<Moments>), DataError> {
    let n = rows.nrows() as f64;
    let mut table = Array2::zeros(rows.dim());
    for ((r, f), &cell) in rows.indexed_iter() {
        table[(r, f)] = checked_cell(MODEL, cell.into(), r, f)?;
    }
    let mut columns = Vec::with_capacity(rows.ncols());
    for (f, mut column) in table.columns_mut().into_iter().enumerate() {
        let mean = column.iter().map(|x| x / n).sum::<f64>();
        let sd = column.iter().map(|x| (x - mean) * ((x - mean) / n)).sum::<f64>().sqrt();
        if sd <= 1e-12 * mean.abs() {
            let (row, value) = (0, column[0].to_string());
            let rule = "different from the others of the column: a constant has no covariance";
            return Err(DataError::BadCell { model: MODEL, row, column: f.to_string(), value, rule });
        }
        column.mapv_inplace(|x| (x - mean) / sd);
        columns.push((mean, sd));
    }
    Ok((table, columns))
}

impl MixtureModel {
    /// Share of every component, descending.
    #[must_use]
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// Mean of every component in the units of the array.
    pub fn means(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.means.chunks_exact(self.n_columns)
    }

    /// Covariance of every component, n_columns x n_columns, row-major.
    pub fn covariances(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.covariances.chunks_exact(self.n_columns * self.n_columns)
    }

    /// Mean log-likelihood of the fitted rows.
    #[must_use]
    pub fn mean_log_likelihood(&self) -> f64 {
        self.mean_log_likelihood
    }

    /// The Bayesian information criterion for `n_rows` fitted rows: -2 log-likelihood + parameters * ln(n_rows);
    /// lower is better (Schwarz 1978).
    #[must_use]
    pub fn bic(&self, n_rows: usize) -> f64 {
        let (k, d) = (self.shares.len() as f64, self.n_columns as f64);
        let n_parameters = k - 1.0 + k * d + k * d * (d + 1.0) / 2.0;
        n_parameters * libm::log(n_rows as f64) - 2.0 * self.mean_log_likelihood * n_rows as f64
    }

    /// n_rows x n_components probabilities that a row comes from a component; each row sums to 1.
    ///
    /// # Errors
    /// Another number of columns, or a cell that is not finite or beyond +-1e150.
    pub fn memberships<F: ArrayCell>(&self, rows: ArrayView2<'_, F>) -> Result<Array2<f64>, DataError> {
        check_shape("number of columns", rows.ncols(), self.n_columns)?;
        let densities = self.densities()?;
        let mut out = Array2::zeros((rows.nrows(), self.shares.len()));
        for (r, mut out) in out.rows_mut().into_iter().enumerate() {
            let logs = densities.of_row(rows, r)?;
            let total = log_sum(&logs);
            out.iter_mut().zip(logs).for_each(|(out, log)| *out = libm::exp(log - total));
        }
        Ok(out)
    }

    /// The likeliest component of every row; ties go to the lower number.
    ///
    /// # Errors
    /// As [`MixtureModel::memberships`].
    pub fn predict<F: ArrayCell>(&self, rows: ArrayView2<'_, F>) -> Result<Vec<usize>, DataError> {
        let memberships = self.memberships(rows)?;
        let likeliest = |row: ndarray::ArrayView1<'_, f64>| {
            let better = |best: usize, j: usize| if row[j] > row[best] { j } else { best };
            (1..row.len()).fold(0, better)
        };
        Ok(memberships.rows().into_iter().map(likeliest).collect())
    }

    fn densities(&self) -> Result<Densities<'_>, DataError> {
        let d = self.n_columns;
        let factors = self.covariances().map(|covariance| {
            let detail = "the covariance of a component is not positive definite".to_owned();
            Cholesky64::new(covariance, d).ok_or(DataError::NotConverged { model: MODEL, detail })
        });
        Ok(Densities { model: self, factors: factors.collect::<Result<_, _>>()? })
    }
}

/// A model with its covariances factored.
struct Densities<'a> {
    model: &'a MixtureModel,
    factors: Vec<Cholesky64>,
}

impl Densities<'_> {
    /// ln(share * density) of row `r` under every component.
    fn of_row<F: ArrayCell>(&self, rows: ArrayView2<'_, F>, r: usize) -> Result<Vec<f64>, DataError> {
        let d = self.model.n_columns;
        let mut cells = Vec::with_capacity(d);
        for (f, &cell) in rows.row(r).iter().enumerate() {
            cells.push(checked_cell(MODEL, cell.into(), r, f)?);
        }
        let constant = d as f64 * libm::log(std::f64::consts::TAU);
        let of_component = |((mean, factor), &share): ((&[f64], &Cholesky64), &f64)| {
            let mut offset: Vec<f64> = cells.iter().zip(mean).map(|(x, m)| x - m).collect();
            factor.whiten(&mut offset);
            let square: f64 = offset.iter().map(|x| x * x).sum();
            libm::log(share) - 0.5 * (square + factor.log_determinant() + constant)
        };
        Ok(self.model.means().zip(&self.factors).zip(&self.model.shares).map(of_component).collect())
    }
}

/// ln(sum of exp), without overflow.
fn log_sum(logs: &[f64]) -> f64 {
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + libm::log(logs.iter().map(|log| libm::exp(log - most)).sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Two long ellipses that cross, which no k-means tells apart, with shares .7 and .3.
    fn crossed(n: usize) -> (Array2<f64>, Vec<usize>) {
        let random = Random::new(11);
        let truth: Vec<usize> = (0..n).map(|r| usize::from(random.uniform(r as u64) >= 0.7)).collect();
        let rows = Array2::from_shape_fn((n, 2), |(r, c)| {
            let long = if truth[r] == 0 { 0 } else { 1 };
            let spread = if c == long { 30.0 } else { 1.0 };
            100.0 + spread * random.stream(1).normal((2 * r + c) as u64)
        });
        (rows, truth)
    }

    #[test]
    fn crossed_ellipses_are_told_apart() {
        let (rows, truth) = crossed(4000);
        let valid = MixtureParams::new(2, 1).check().unwrap();
        let model = valid.fit_array(rows.view()).unwrap();
        assert!((model.shares()[0] - 0.7).abs() < 0.02, "{:?}", model.shares());
        let of_first: Vec<f64> = model.covariances().next().unwrap().to_vec();
        assert!((of_first[0] / 900.0 - 1.0).abs() < 0.1 && (of_first[3] - 1.0).abs() < 0.2, "{of_first:?}");
        let right = model.predict(rows.view()).unwrap().iter().zip(&truth).filter(|(a, b)| a == b).count();
        assert!(right > 3700, "{right}");
        let memberships = model.memberships(rows.view()).unwrap();
        assert!(memberships.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-12));
        assert_eq!(valid.fit_array(rows.view()).unwrap(), model);
        let one = MixtureParams::new(1, 1).check().unwrap().fit_array(rows.view()).unwrap();
        assert!(model.bic(4000) < one.bic(4000));
        let text = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<MixtureModel>(&text).unwrap(), model);
    }

    #[test]
    fn one_component_is_the_normal_distribution_of_the_table() {
        let rows = ndarray::array![[1.0, 2.0], [3.0, 5.0], [5.0, 4.0], [7.0, 9.0]];
        let params = MixtureParams { regularisation: 1e-12, ..MixtureParams::new(1, 1) };
        let model = params.check().unwrap().fit_array(rows.view()).unwrap();
        assert_eq!(model.means().next().unwrap(), [4.0, 5.0]);
        let covariance = model.covariances().next().unwrap();
        // Squares of (-3, -1, 1, 3) and (-3, 0, -1, 4) by hand: 20 / 4, 26 / 4, products 20 / 4.
        for (got, expected) in covariance.iter().zip([5.0, 5.0, 5.0, 6.5]) {
            assert!((got - expected).abs() < 1e-9, "{covariance:?}");
        }
        // -1/2 (mean square 2 + ln det 7.5 + 2 ln tau).
        let expected = -0.5 * (2.0 + libm::log(7.5) + 2.0 * libm::log(std::f64::consts::TAU));
        assert!((model.mean_log_likelihood() - expected).abs() < 1e-6);
    }

    #[test]
    fn bad_parameters_and_tables_are_refused() {
        let base = || MixtureParams::new(2, 1);
        for (params, message) in [
            (MixtureParams { n_components: 0, ..base() }, "mixture.n_components is 0"),
            (MixtureParams { n_init: 0, ..base() }, "mixture.n_init is 0"),
            (MixtureParams { max_iterations: 0, ..base() }, "mixture.max_iterations is 0"),
            (MixtureParams { tolerance: f64::NAN, ..base() }, "mixture.tolerance is NaN"),
            (MixtureParams { regularisation: 0.0, ..base() }, "mixture.regularisation is 0"),
        ] {
            assert!(params.check().unwrap_err().to_string().starts_with(message));
        }
        let refused =
            |rows: Array2<f64>| base().check().unwrap().fit_array(rows.view()).unwrap_err().to_string();
        assert!(refused(Array2::zeros((3, 0))).contains("0 columns"));
        assert!(refused(Array2::zeros((5, 2))).contains("5 rows, but at least 6 are needed"));
        assert!(refused(Array2::zeros((9, 1))).contains("column \"0\" is 0, but it must be different"));
        let (mut rows, _) = crossed(50);
        rows[(7, 1)] = f64::NAN;
        assert!(refused(rows).contains("row 7, column \"1\" is NaN"));
    }
}
