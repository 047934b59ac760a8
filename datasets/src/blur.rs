//! The dial of overlap: personas drawn towards their mean.

/// The row of a table of personas that is drawn towards the mean of all by share.
pub(crate) struct Blur<'a, P> {
    pub(crate) rows: &'a [P],
    pub(crate) row: &'a P,
    pub(crate) share: fn(&P) -> f64,
    pub(crate) overlap: f64,
}

impl<P> Blur<'_, P> {
    /// A parameter `theta_k` as `theta_k + overlap (theta_mean - theta_k)`.
    pub(crate) fn one(&self, parameter: impl Fn(&P) -> f64) -> f64 {
        self.many(|persona| [parameter(persona)])[0]
    }

    /// Several parameters, one by one.
    pub(crate) fn many<const N: usize>(&self, parameters: impl Fn(&P) -> [f64; N]) -> [f64; N] {
        let own = parameters(self.row);
        let mut mean = [0.0; N];
        for row in self.rows {
            for (mean, parameter) in mean.iter_mut().zip(parameters(row)) {
                *mean += (self.share)(row) * parameter;
            }
        }
        std::array::from_fn(|i| own[i] + self.overlap * (mean[i] - own[i]))
    }
}
