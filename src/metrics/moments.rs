//! Running means with their spread.

use super::ranking::MeanEstimate;

/// Count, mean and sum of squared deviations (Welford).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    n: f64,
    mean: f64,
    square: f64,
}

impl Moments {
    pub(super) fn add(&mut self, x: f64, times: f64) {
        if times == 0.0 {
            return;
        }
        let n = self.n + times;
        let delta = x - self.mean;
        self.mean += delta * times / n;
        self.square += delta * (x - self.mean) * times;
        self.n = n;
    }

    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    pub(super) fn variance_of_mean(&self) -> f64 {
        if self.n > 1.0 { self.square / (self.n - 1.0) / self.n } else { 0.0 }
    }

    /// The mean of numbers that were added once each; `None` without any.
    pub(super) fn estimate(&self) -> Option<MeanEstimate> {
        let standard_error = (self.n > 1.0).then(|| self.variance_of_mean().sqrt());
        let n_customers = self.n as usize;
        (n_customers > 0).then_some(MeanEstimate { mean: self.mean, standard_error, n_customers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_and_plain_means_agree() {
        let numbers = [0.25, 0.5, 4.0, -1.0, 0.125];
        let mut moments = Moments::default();
        assert_eq!(moments.estimate(), None);
        numbers.iter().for_each(|&x| moments.add(x, 1.0));
        let (running, plain) = (moments.estimate().unwrap(), MeanEstimate::of(&numbers).unwrap());
        assert_eq!(running.n_customers, plain.n_customers);
        assert!((running.mean - plain.mean).abs() < 1e-15);
        assert!((running.standard_error.unwrap() - plain.standard_error.unwrap()).abs() < 1e-15);
    }
}
