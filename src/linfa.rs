//! linfa's traits on wrapper types, for pipelines written against them.
//!
//! An inherent `fit` on the parameters would shadow linfa's, so the wrappers have none.

use ::linfa::traits::{Fit, PredictInplace};
use ::linfa::{DatasetBase, Float, ParamGuard};
use ndarray::{Array1, ArrayBase, Data, Ix2};
use thiserror::Error;

use crate::error::{DataError, ParamError};
use crate::personas::{ArrayCell, KMeansModel, KMeansParams, KMeansValid};

/// Why a fit through linfa's traits is impossible.
#[non_exhaustive]
#[derive(Debug, Error)]
pub enum FitError {
    /// A parameter breaks its rule.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The data cannot carry the fit.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An error of linfa's own, which its traits ask for.
    #[error(transparent)]
    Linfa(#[from] ::linfa::Error),
}

/// Unchecked k-means parameters behind [`ParamGuard`].
#[derive(Clone, Debug)]
pub struct KMeans(CheckedKMeans);

/// Checked k-means parameters behind [`Fit`].
#[derive(Clone, Debug)]
pub struct CheckedKMeans(KMeansValid);

/// A fitted k-means behind [`Predict`](::linfa::traits::Predict).
#[derive(Clone, Debug)]
pub struct FittedKMeans(KMeansModel);

impl KMeans {
    /// Wraps unchecked parameters.
    #[must_use]
    pub fn new(params: KMeansParams) -> Self {
        Self(CheckedKMeans(KMeansValid::unchecked(params)))
    }
}

impl FittedKMeans {
    /// The model itself.
    #[must_use]
    pub fn model(&self) -> &KMeansModel {
        &self.0
    }
}

impl ParamGuard for KMeans {
    type Checked = CheckedKMeans;
    type Error = ParamError;

    fn check_ref(&self) -> Result<&CheckedKMeans, ParamError> {
        self.0.0.params().validate()?;
        Ok(&self.0)
    }

    fn check(self) -> Result<CheckedKMeans, ParamError> {
        self.check_ref()?;
        Ok(self.0)
    }
}

impl<F: Float + ArrayCell, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, FitError> for CheckedKMeans {
    type Object = FittedKMeans;

    /// Fits the records of a dataset, with its sample weights where it has any.
    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<FittedKMeans, FitError> {
        let records = dataset.records().view();
        let model = match dataset.weights() {
            Some(weights) => {
                let weights: Vec<f64> = weights.iter().map(|&w| f64::from(w)).collect();
                self.0.fit_array_weighted(records, &weights)?
            }
            None => self.0.fit_array(records)?,
        };
        Ok(FittedKMeans(model))
    }
}

impl<F: Float + ArrayCell, D: Data<Elem = F>> PredictInplace<ArrayBase<D, Ix2>, Array1<Option<usize>>>
    for FittedKMeans
{
    /// The nearest cluster of every row; `None` for a row that [`KMeansModel::predict`] would refuse: linfa's trait
    /// has no place for an error.
    fn predict_inplace<'a>(&'a self, x: &'a ArrayBase<D, Ix2>, y: &mut Array1<Option<usize>>) {
        for (row, label) in x.rows().into_iter().zip(y.iter_mut()) {
            *label =
                self.0.predict(row.insert_axis(ndarray::Axis(0))).ok().and_then(|one| one.first().copied());
        }
    }

    fn default_target(&self, x: &ArrayBase<D, Ix2>) -> Array1<Option<usize>> {
        Array1::from_elem(x.nrows(), None)
    }
}
