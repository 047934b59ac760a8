//! Errors by who must act: caller (parameters), data (tables), file (bundles).

use thiserror::Error;

/// A parameter breaks its rule; the caller must change it.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{field} is {value}, but it must be {rule}")]
pub struct ParamError {
    /// Dotted name, for example `personas.tolerance`.
    pub field: String,
    /// The refused value, as text.
    pub value: String,
    /// What it must be, for example `finite and greater than 0`.
    pub rule: &'static str,
}

impl ParamError {
    /// A refusal of `value` for `field`.
    pub fn new(field: impl Into<String>, value: impl ToString, rule: &'static str) -> Self {
        Self { field: field.into(), value: value.to_string(), rule }
    }
}

/// The data cannot carry the asked-for fit; the caller must bring other data or ask for less.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Error)]
pub enum DataError {
    /// Not enough of something to fit at all.
    #[error("{model}: {got} {what}, but at least {need} are needed")]
    TooFew {
        /// The model that refused.
        model: &'static str,
        /// What there is too little of, for example `customers with a repeat order`.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// How many are needed.
        need: usize,
    },
    /// A cell that no rule allows.
    #[error("{model}: row {row}, column \"{column}\" is {value}, but it must be {rule}")]
    BadCell {
        /// The model that refused.
        model: &'static str,
        /// Row in table order.
        row: usize,
        /// Column name.
        column: String,
        /// The refused value, as text.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// Two inputs that belong together do not have the same shape.
    #[error("{model}: {what} is {got}, expected {expected}")]
    Shape {
        /// The model that refused.
        model: &'static str,
        /// What differs, for example `number of columns`.
        what: &'static str,
        /// What came.
        got: usize,
        /// What was expected.
        expected: usize,
    },
    /// The fit would take more than the parameters allow; nothing was allocated.
    #[error(
        "{model}: {n_items} items need {bytes} bytes and {core_seconds:.1} core-seconds, but the budget is \
         {max_bytes} bytes and {max_core_seconds} core-seconds; {ways_out}"
    )]
    OverBudget {
        /// The model that refused.
        model: &'static str,
        /// Items with events.
        n_items: usize,
        /// What the fit would hold.
        bytes: u64,
        /// What the fit would compute.
        core_seconds: f64,
        /// The budget of bytes.
        max_bytes: u64,
        /// The budget of computing.
        max_core_seconds: f64,
        /// What may be done instead.
        ways_out: &'static str,
    },
    /// A parameter is too small for the numbers it has to hold apart.
    #[error("{model}: {parameter} is {value}, too small for these data: {detail}")]
    IllConditioned {
        /// The model that refused.
        model: &'static str,
        /// Name of the parameter, for example `lambda`.
        parameter: &'static str,
        /// Its value.
        value: f64,
        /// Where it failed, and the way out.
        detail: String,
    },
    /// The fit did not reach an acceptable optimum.
    #[error("{model}: did not converge: {detail}")]
    NotConverged {
        /// The model that refused.
        model: &'static str,
        /// Gradient or movement at the end.
        detail: String,
    },
}

/// A table was built to another feature specification than the model was fitted on.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("feature specification differs at \"{column}\": the model has {model}, the table has {table}")]
pub struct SpecMismatch {
    /// First column that differs.
    pub column: String,
    /// What the model was fitted on.
    pub model: String,
    /// What the table holds.
    pub table: String,
}
