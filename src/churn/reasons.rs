//! Why a customer is at risk, in words.

use crate::learners::encoding::Cell;
use crate::learners::{Encoding, Logistic, Reader};

/// Smaller contributions are not worth a word: odds change by less than a tenth.
const MIN_PHI: f64 = 0.1;
/// Reasons per direction.
const MAX_REASONS: usize = 3;

/// One reason for a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// Name of the feature.
    pub feature: String,
    /// Its contribution to the log-odds, against an average customer; positive raises the risk.
    pub phi: f64,
    /// A sentence with the customer's own value. It says what goes together, never what causes.
    pub words: String,
}

/// Explains rows of one table.
pub struct Explainer<'a> {
    encoding: &'a Encoding,
    logistic: &'a Logistic,
    reader: Reader<'a>,
}

impl<'a> Explainer<'a> {
    pub(super) fn new(encoding: &'a Encoding, logistic: &'a Logistic, reader: Reader<'a>) -> Self {
        Self { encoding, logistic, reader }
    }

    /// The margin of an average customer, to which contributions add.
    #[must_use]
    pub fn base(&self) -> f64 {
        self.logistic.intercept
    }

    /// Contribution of every feature to the log-odds, in column order. With [`Explainer::base`] they sum to the margin,
    /// up to rounding. Encoded columns are centred, so a contribution is coefficient x (cell - mean), summed over the
    /// indicators of one feature.
    ///
    /// # Panics
    /// When the table has no such row: a programmer error.
    #[must_use]
    pub fn contributions(&self, row: usize) -> Vec<f64> {
        let mut cells = vec![0.0; self.encoding.n_columns()];
        self.reader.row(row, &mut cells);
        let phi = |source: usize| {
            self.encoding.columns_of(source).map(|c| self.logistic.coefficients[c] * cells[c]).sum()
        };
        (0..self.encoding.n_sources()).map(phi).collect()
    }

    /// At most three reasons that raise the risk and three that lower it, strongest first, ties by column; empty when no
    /// few features carry half of the score (then no single reason stands out).
    ///
    /// # Panics
    /// When the table has no such row: a programmer error.
    #[must_use]
    pub fn reasons(&self, row: usize) -> Vec<Reason> {
        let phi = self.contributions(row);
        let mut order: Vec<usize> = (0..phi.len()).filter(|&k| phi[k].abs() >= MIN_PHI).collect();
        order.sort_by(|&a, &b| phi[b].abs().total_cmp(&phi[a].abs()));
        let (mut raising, mut lowering) = (0, 0);
        order.retain(|&k| {
            let n = if phi[k] > 0.0 { &mut raising } else { &mut lowering };
            *n += 1;
            *n <= MAX_REASONS
        });
        let told: f64 = order.iter().map(|&k| phi[k].abs()).sum();
        let all: f64 = phi.iter().map(|phi| phi.abs()).sum();
        if told < 0.5 * all {
            return Vec::new();
        }
        order.into_iter().map(|k| self.reason(row, k, phi[k])).collect()
    }

    fn reason(&self, row: usize, source: usize, phi: f64) -> Reason {
        let (name, label, unit) = self.encoding.source(source);
        let own = match self.reader.cell(row, source) {
            Cell::Missing => "not known".to_owned(),
            Cell::Level(level) => level.to_owned(),
            Cell::Number(x) if self.encoding.is_yes_no(source) => {
                if x != 0.0 { "yes" } else { "no" }.to_owned()
            }
            Cell::Number(x) => match self.encoding.usual(source) {
                Some(usual) => format!("{} (average {})", quantity(x, unit), quantity(usual, unit)),
                None => quantity(x, unit),
            },
        };
        let odds = libm::exp(phi.abs());
        let strength = if odds > 3.0 {
            "strongly"
        } else if odds >= 1.5 {
            "clearly"
        } else {
            "slightly"
        };
        let direction = if phi > 0.0 { "higher" } else { "lower" };
        let words = format!("{label}: {own}; goes {strength} with a {direction} risk");
        Reason { feature: name.to_owned(), phi, words }
    }
}

/// A number with its unit, with as many digits as people need. A share with unit "%" is shown in per cent.
fn quantity(x: f64, unit: &str) -> String {
    let x = if unit == "%" { 100.0 * x } else { x };
    let digits = if x.abs() >= 100.0 || x == x.round() {
        0
    } else if x.abs() >= 10.0 {
        1
    } else {
        2
    };
    let space = if unit.is_empty() { "" } else { " " };
    format!("{x:.digits$}{space}{unit}")
}

#[cfg(test)]
mod tests {
    use super::quantity;

    #[test]
    fn quantities_as_people_read_them() {
        assert_eq!(quantity(74.0, "days"), "74 days");
        assert_eq!(quantity(0.256, "%"), "25.6 %");
        assert_eq!(quantity(1234.567, "GBP"), "1235 GBP");
        assert_eq!(quantity(1.234, ""), "1.23");
    }
}
