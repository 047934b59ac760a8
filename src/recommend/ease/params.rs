//! Parameters of EASE and EDLAE.

use serde::{Deserialize, Serialize};

use crate::error::ParamError;
use crate::params::{Params, finite_in};

/// Unchecked parameters of [`super::EaseModel`].
///
/// The ridge has no natural value: it grows with the number of customers per item. On MovieLens 100K and 1M about
/// 500 was right without dropout, half of that with a dropout of 0.5, which was better on both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EaseParams {
    /// The ridge.
    pub lambda: f64,
    /// Share of the input that is dropped, p: 0 is EASE, more is EDLAE.
    #[serde(default)]
    pub dropout: f64,
    /// Most bytes a fit may hold.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: u64,
    /// Most seconds of one core that a fit may take, as estimated.
    #[serde(default = "default_max_core_seconds")]
    pub max_core_seconds: f64,
}

/// 1 GiB, some 16,000 items.
fn default_max_bytes() -> u64 {
    1 << 30
}

fn default_max_core_seconds() -> f64 {
    120.0
}

impl EaseParams {
    /// EASE with the given ridge.
    #[must_use]
    pub fn new(lambda: f64) -> Self {
        Self {
            lambda,
            dropout: 0.0,
            max_bytes: default_max_bytes(),
            max_core_seconds: default_max_core_seconds(),
        }
    }
}

/// Checked parameters of [`super::EaseModel`].
#[derive(Clone, Debug, PartialEq)]
pub struct EaseValid {
    params: EaseParams,
}

impl EaseValid {
    /// The parameters that were checked.
    #[must_use]
    pub fn params(&self) -> &EaseParams {
        &self.params
    }
}

impl Params for EaseParams {
    type Checked = EaseValid;

    fn check(self) -> Result<EaseValid, ParamError> {
        let field = |name: &str| format!("recommend.ease.{name}");
        finite_in(&field("lambda"), self.lambda, 0.0, 1e9, "greater than 0 and at most 1000000000")?;
        if !(0.0..=0.99).contains(&self.dropout) {
            return Err(ParamError::new(field("dropout"), self.dropout, "from 0 to 0.99"));
        }
        if self.max_bytes == 0 {
            return Err(ParamError::new(field("max_bytes"), self.max_bytes, "at least 1"));
        }
        finite_in(
            &field("max_core_seconds"),
            self.max_core_seconds,
            0.0,
            1e9,
            "greater than 0 and at most 1e9",
        )?;
        Ok(EaseValid { params: self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_names_its_field() {
        let refused = |change: &dyn Fn(&mut EaseParams)| {
            let mut params = EaseParams::new(500.0);
            change(&mut params);
            params.check().unwrap_err().field.replace("recommend.ease.", "")
        };
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 2e9] {
            assert_eq!(refused(&|p| p.lambda = bad), "lambda");
            assert_eq!(refused(&|p| p.max_core_seconds = bad), "max_core_seconds");
        }
        for bad in [-0.1, 0.991, f64::NAN] {
            assert_eq!(refused(&|p| p.dropout = bad), "dropout");
        }
        assert_eq!(refused(&|p| p.max_bytes = 0), "max_bytes");
        assert!(EaseParams { dropout: 0.99, ..EaseParams::new(1e9) }.check().is_ok());
    }

    #[test]
    fn the_ridge_has_no_default() {
        assert_eq!(serde_json::from_str::<EaseParams>(r#"{"lambda":5.0}"#).unwrap(), EaseParams::new(5.0));
        assert!(serde_json::from_str::<EaseParams>("{}").is_err());
        assert!(serde_json::from_str::<EaseParams>(r#"{"lambda":5.0,"p":0.5}"#).is_err());
    }
}
