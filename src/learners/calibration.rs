//! From margins to probabilities.

use serde::{Deserialize, Serialize};

use crate::cltv::special::sigmoid;

/// A monotone map from margins to probabilities.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Calibration {
    /// The logistic function: the margin already is the log-odds.
    Identity,
    /// σ(slope x margin + intercept) (Platt 1999).
    Platt {
        /// Greater than 0.
        slope: f64,
        /// Shift of the log-odds.
        intercept: f64,
    },
    /// Straight lines between the middles of pooled blocks, constant outside (Zadrozny, Elkan 2002).
    Isotonic {
        /// Middles of the blocks, ascending.
        margins: Vec<f64>,
        /// Rates of the blocks, not falling, inside (0, 1).
        rates: Vec<f64>,
    },
}

impl Calibration {
    /// The probability at a margin; never falls as the margin rises.
    #[must_use]
    pub fn probability(&self, margin: f64) -> f64 {
        match self {
            Self::Identity => sigmoid(margin),
            Self::Platt { slope, intercept } => sigmoid(slope * margin + intercept),
            Self::Isotonic { margins, rates } => interpolate(margins, rates, margin),
        }
    }
}

fn interpolate(xs: &[f64], ys: &[f64], x: f64) -> f64 {
    let above = xs.partition_point(|&node| node <= x);
    if above == 0 {
        return ys[0];
    }
    if above == xs.len() {
        return ys[xs.len() - 1];
    }
    let share = (x - xs[above - 1]) / (xs[above] - xs[above - 1]);
    ys[above - 1] + share * (ys[above] - ys[above - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_by_hand() {
        let isotonic = Calibration::Isotonic { margins: vec![-1.0, 0.0, 2.0], rates: vec![0.1, 0.3, 0.7] };
        for (margin, want) in
            [(-9.0, 0.1), (-1.0, 0.1), (-0.5, 0.2), (0.0, 0.3), (1.0, 0.5), (2.0, 0.7), (700.0, 0.7)]
        {
            assert!((isotonic.probability(margin) - want).abs() < 1e-15, "{margin}");
        }
        let platt = Calibration::Platt { slope: 2.0, intercept: -1.0 };
        assert_eq!(platt.probability(0.5), 0.5);
        assert_eq!(Calibration::Identity.probability(-700.0), sigmoid(-700.0));
        assert!(Calibration::Identity.probability(700.0) <= 1.0);
    }
}
