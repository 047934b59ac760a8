//! Parameters of iALS.

use serde::{Deserialize, Serialize};

use crate::error::ParamError;
use crate::kernels::syrk::TILE;
use crate::params::{Params, count_in, finite_in};

/// Unchecked parameters of [`super::IalsModel`]; symbols as in Rendle et al., RecSys 2022 (arXiv 2110.14037).
///
/// The defaults are for shops and media of some thousand items. alpha0 = 0.3 with lambda = 0.007 was chosen on dense film
/// data and is within the intervals of the best of alpha0 in {1, .3, .1, .03} x lambda in {.003, .007, .02, .05} for a
/// shop with a median history of 35 items (new items of the following 60 days). Scan both together: a lambda that is
/// too large for its alpha0 leaves little more than popularity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IalsParams {
    /// Factors per customer and item, d: a multiple of 8 from 8 to 128.
    #[serde(default = "default_n_factors")]
    pub n_factors: usize,
    /// Weight of a pair that was not bought against one that was.
    #[serde(default = "default_alpha0")]
    pub alpha0: f64,
    /// Strength of the regulariser.
    #[serde(default = "default_lambda")]
    pub lambda: f64,
    /// How the regulariser grows with the number of purchases: 1 in proportion, 0 not at all.
    #[serde(default = "default_nu")]
    pub nu: f64,
    /// Rounds of solving all customers, then all items.
    #[serde(default = "default_n_epochs")]
    pub n_epochs: usize,
    /// Standard deviation of a starting factor times sqrt(d).
    #[serde(default = "default_start_spread")]
    pub start_spread: f64,
    /// Seed of the start.
    pub seed: u64,
}

fn default_n_factors() -> usize {
    64
}

fn default_alpha0() -> f64 {
    0.3
}

fn default_lambda() -> f64 {
    0.007
}

fn default_nu() -> f64 {
    1.0
}

fn default_n_epochs() -> usize {
    15
}

fn default_start_spread() -> f64 {
    0.1
}

impl IalsParams {
    /// The defaults with the given seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            n_factors: default_n_factors(),
            alpha0: default_alpha0(),
            lambda: default_lambda(),
            nu: default_nu(),
            n_epochs: default_n_epochs(),
            start_spread: default_start_spread(),
            seed,
        }
    }
}

/// Checked parameters of [`super::IalsModel`].
#[derive(Clone, Debug, PartialEq)]
pub struct IalsValid {
    params: IalsParams,
}

impl IalsValid {
    /// The parameters that were checked.
    #[must_use]
    pub fn params(&self) -> &IalsParams {
        &self.params
    }

    /// The ridge of a row with `n_pairs` pairs, the other side having `n_other` rows:
    /// lambda * (n_pairs + alpha0 * n_other)^nu.
    pub(super) fn ridge(&self, n_pairs: usize, n_other: usize) -> f64 {
        let IalsParams { alpha0, lambda, nu, .. } = self.params;
        lambda * libm::pow(n_pairs as f64 + alpha0 * n_other as f64, nu)
    }
}

impl Params for IalsParams {
    type Checked = IalsValid;

    fn check(self) -> Result<IalsValid, ParamError> {
        const FACTORS: &str = "a multiple of 8 from 8 to 128";
        const WEIGHT: &str = "finite, greater than 0 and at most 1000";
        let field = |name: &str| format!("recommend.ials.{name}");
        count_in(&field("n_factors"), self.n_factors, TILE, 128, FACTORS)?;
        if !self.n_factors.is_multiple_of(TILE) {
            return Err(ParamError::new(field("n_factors"), self.n_factors, FACTORS));
        }
        finite_in(&field("alpha0"), self.alpha0, 0.0, 1000.0, WEIGHT)?;
        // Below 1e-6 the systems leave the range in which f32 solves them.
        if !(self.lambda.is_finite() && self.lambda >= 1e-6 && self.lambda <= 1000.0) {
            return Err(ParamError::new(field("lambda"), self.lambda, "finite and from 0.000001 to 1000"));
        }
        if !(self.nu >= 0.0 && self.nu <= 1.0) {
            return Err(ParamError::new(field("nu"), self.nu, "from 0 to 1"));
        }
        count_in(&field("n_epochs"), self.n_epochs, 1, 1000, "from 1 to 1000")?;
        finite_in(&field("start_spread"), self.start_spread, 0.0, 10.0, "greater than 0 and at most 10")?;
        Ok(IalsValid { params: self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_names_its_field() {
        let refused = |change: fn(&mut IalsParams)| {
            let mut params = IalsParams::new(1);
            change(&mut params);
            params.check().unwrap_err().field.replace("recommend.ials.", "")
        };
        assert_eq!(refused(|p| p.n_factors = 0), "n_factors");
        assert_eq!(refused(|p| p.n_factors = 20), "n_factors");
        assert_eq!(refused(|p| p.n_factors = 136), "n_factors");
        assert_eq!(refused(|p| p.alpha0 = 0.0), "alpha0");
        assert_eq!(refused(|p| p.alpha0 = f64::NAN), "alpha0");
        assert_eq!(refused(|p| p.lambda = 0.0), "lambda");
        assert_eq!(refused(|p| p.lambda = f64::NAN), "lambda");
        assert_eq!(refused(|p| p.lambda = f64::INFINITY), "lambda");
        assert_eq!(refused(|p| p.nu = -0.1), "nu");
        assert_eq!(refused(|p| p.nu = f64::NAN), "nu");
        assert_eq!(refused(|p| p.n_epochs = 0), "n_epochs");
        assert_eq!(refused(|p| p.start_spread = f64::NAN), "start_spread");
    }

    #[test]
    fn defaults_are_valid_and_the_seed_has_none() {
        assert!(IalsParams::new(1).check().is_ok());
        assert_eq!(serde_json::from_str::<IalsParams>(r#"{"seed":1}"#).unwrap(), IalsParams::new(1));
        assert!(serde_json::from_str::<IalsParams>("{}").is_err());
        assert!(serde_json::from_str::<IalsParams>(r#"{"seed":1,"factors":8}"#).is_err());
    }

    #[test]
    fn the_ridge_by_hand() {
        let params = IalsParams { alpha0: 0.5, lambda: 0.1, ..IalsParams::new(1) };
        let ridge = |nu| IalsParams { nu, ..params.clone() }.check().unwrap().ridge(6, 20);
        assert!((ridge(1.0) - 1.6).abs() < 1e-12 && (ridge(0.0) - 0.1).abs() < 1e-12);
    }
}
