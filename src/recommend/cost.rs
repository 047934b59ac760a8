//! What a fit takes, known before it begins.

/// Memory and work of a fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitCost {
    /// Bytes held at most at once, beside the interactions.
    pub bytes: u64,
    /// Multiply-adds.
    pub multiply_adds: u64,
    /// Seconds of one core, roughly: measured on a server of 2020, within a factor of two on others.
    pub core_seconds: f64,
}
