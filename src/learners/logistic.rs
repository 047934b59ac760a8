//! L2-regularised logistic regression.

use serde::{Deserialize, Serialize};

use crate::error::ParamError;
use crate::params::Params;

/// Parameters of a logistic regression.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogisticParams {
    /// Penalty: lambda / 2 times the sum of squared coefficients, beside the *sum* of losses; the intercept is free.
    /// scikit-learn's C is its inverse. 0 is allowed and refuses data that separate.
    pub lambda: f64,
}

/// Checked [`LogisticParams`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogisticValid {
    #[cfg_attr(not(feature = "train"), allow(dead_code))]
    pub(super) lambda: f64,
}

impl Params for LogisticParams {
    type Checked = LogisticValid;

    fn check(self) -> Result<LogisticValid, ParamError> {
        if !(self.lambda >= 0.0 && self.lambda.is_finite()) {
            return Err(ParamError::new("logistic.lambda", self.lambda, "finite and at least 0"));
        }
        Ok(LogisticValid { lambda: self.lambda })
    }
}

/// A fitted logistic regression: margin = intercept + Σ coefficient x cell, the log-odds of the class `true`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// Margin of a row of zeros.
    pub intercept: f64,
    /// One per column of the design.
    pub coefficients: Vec<f64>,
    /// Standard errors of intercept and coefficients from the inverse Hessian, given lambda.
    pub standard_errors: Vec<f64>,
    /// The penalty.
    pub lambda: f64,
    /// Newton steps taken.
    pub n_iterations: usize,
    /// Largest partial derivative of the penalised loss at the end.
    pub gradient_max: f64,
}

impl Logistic {
    /// The log-odds of a row, summed in column order: one row and a batch give the same bytes.
    ///
    /// # Panics
    /// When the row does not have one cell per coefficient: a programmer error.
    #[must_use]
    pub fn margin(&self, cells: &[f64]) -> f64 {
        assert_eq!(cells.len(), self.coefficients.len(), "one cell per coefficient");
        self.intercept + cells.iter().zip(&self.coefficients).map(|(x, c)| x * c).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambda_is_checked() {
        for lambda in [f64::NAN, -1e-9, f64::INFINITY] {
            assert_eq!(LogisticParams { lambda }.check().unwrap_err().field, "logistic.lambda");
        }
        assert!(LogisticParams { lambda: 0.0 }.check().is_ok());
    }
}
