//! Parameters go through one gate: `check()` turns what was typed into what may be fitted.

use crate::error::ParamError;

/// Unchecked parameters that can be validated.
pub trait Params: Sized {
    /// The same parameters after every rule has been checked; only these can fit.
    type Checked;

    /// Checks every rule.
    ///
    /// # Errors
    /// The first broken rule, naming field, value and rule.
    fn check(self) -> Result<Self::Checked, ParamError>;
}

/// Refuses anything but a finite number in `(low, high]`; NaN is refused because the test is positive.
///
/// # Errors
/// A [`ParamError`] with the given rule.
pub fn finite_in(field: &str, value: f64, low: f64, high: f64, rule: &'static str) -> Result<(), ParamError> {
    if value.is_finite() && value > low && value <= high {
        Ok(())
    } else {
        Err(ParamError::new(field, value, rule))
    }
}

/// Refuses a count outside `low..=high`.
///
/// # Errors
/// A [`ParamError`] with the given rule.
pub fn count_in(
    field: &str,
    value: usize,
    low: usize,
    high: usize,
    rule: &'static str,
) -> Result<(), ParamError> {
    if (low..=high).contains(&value) { Ok(()) } else { Err(ParamError::new(field, value, rule)) }
}
