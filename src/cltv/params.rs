//! Parameters of the value model.

use serde::{Deserialize, Serialize};

use crate::error::ParamError;
use crate::params::{Params, finite_in};

/// Longest horizon that is accepted: fifty years.
const MAX_HORIZON_DAYS: u32 = 18_262;

/// What value means: over which horizon, at which discount and margin, with which interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CltvParams {
    /// Days ahead over which orders and value are counted; 1 to 18,262 (fifty years).
    pub horizon_days: u32,
    /// Discount per year of 365.25 days, .10 for ten per cent, applied continuously; 0 (the default) does not discount.
    #[serde(default)]
    pub annual_discount_rate: f64,
    /// Share of revenue that counts as value, above 0 and at most 1; 1 (the default) makes value revenue.
    #[serde(default = "whole")]
    pub margin: f64,
    /// Probability inside `cltv_low..=cltv_high`, above 0 and below 1; .80 by default.
    #[serde(default = "four_fifths")]
    pub interval_level: f64,
}

fn whole() -> f64 {
    1.0
}

fn four_fifths() -> f64 {
    0.8
}

impl CltvParams {
    /// Undiscounted revenue over `horizon_days` with an 80 % interval.
    #[must_use]
    pub fn new(horizon_days: u32) -> Self {
        Self { horizon_days, annual_discount_rate: 0.0, margin: whole(), interval_level: four_fifths() }
    }
}

/// Checked [`CltvParams`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "CltvParams", into = "CltvParams")]
pub struct CltvValid {
    params: CltvParams,
}

impl CltvValid {
    /// The parameters as typed.
    #[must_use]
    pub fn params(&self) -> &CltvParams {
        &self.params
    }

    /// Continuous discount rate per day.
    #[must_use]
    pub fn daily_rate(&self) -> f64 {
        libm::log1p(self.params.annual_discount_rate) / 365.25
    }
}

impl Params for CltvParams {
    type Checked = CltvValid;

    fn check(self) -> Result<CltvValid, ParamError> {
        if !(1..=MAX_HORIZON_DAYS).contains(&self.horizon_days) {
            return Err(ParamError::new("cltv.horizon_days", self.horizon_days, "from 1 to 18262"));
        }
        if !(self.annual_discount_rate >= 0.0 && self.annual_discount_rate <= 10.0) {
            return Err(ParamError::new(
                "cltv.annual_discount_rate",
                self.annual_discount_rate,
                "from 0 to 10 (0.1 is ten per cent a year)",
            ));
        }
        finite_in("cltv.margin", self.margin, 0.0, 1.0, "greater than 0 and at most 1")?;
        let below_one = 1.0 - f64::EPSILON;
        finite_in(
            "cltv.interval_level",
            self.interval_level,
            0.0,
            below_one,
            "greater than 0 and less than 1",
        )?;
        Ok(CltvValid { params: self })
    }
}

impl TryFrom<CltvParams> for CltvValid {
    type Error = ParamError;

    fn try_from(params: CltvParams) -> Result<Self, ParamError> {
        params.check()
    }
}

impl From<CltvValid> for CltvParams {
    fn from(valid: CltvValid) -> Self {
        valid.params
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl Fn(&mut CltvParams)) -> String {
        let mut params = CltvParams::new(365);
        change(&mut params);
        params.check().unwrap_err().field
    }

    #[test]
    fn every_rule_refuses() {
        for days in [0, 18_263] {
            assert_eq!(refused(|p| p.horizon_days = days), "cltv.horizon_days");
        }
        for rate in [f64::NAN, -0.01, 10.1, f64::INFINITY] {
            assert_eq!(refused(|p| p.annual_discount_rate = rate), "cltv.annual_discount_rate");
        }
        for margin in [f64::NAN, 0.0, 1.01, f64::INFINITY] {
            assert_eq!(refused(|p| p.margin = margin), "cltv.margin");
        }
        for level in [f64::NAN, 0.0, 1.0, -1.0] {
            assert_eq!(refused(|p| p.interval_level = level), "cltv.interval_level");
        }
        assert!(
            CltvParams { margin: 1.0, annual_discount_rate: 10.0, ..CltvParams::new(18_262) }.check().is_ok()
        );
    }

    #[test]
    fn defaults_come_from_one_place() {
        let typed: CltvParams = serde_json::from_str(r#"{"horizon_days": 90}"#).unwrap();
        assert_eq!(typed, CltvParams::new(90));
        assert!(serde_json::from_str::<CltvParams>(r#"{"horizon_days": 90, "horizont": 1}"#).is_err());
        assert!(serde_json::from_str::<CltvParams>("{}").is_err());
        assert!(serde_json::from_str::<CltvValid>(r#"{"horizon_days": 0}"#).is_err());
    }
}
