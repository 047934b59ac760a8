//! Newton's method for logistic regression.

use std::ops::Range;

use rayon::prelude::*;

use super::encoding::Design;
use super::logistic::{Logistic, LogisticValid};
use crate::cltv::special::sigmoid_and_softplus;
use crate::error::DataError;
use crate::kernels::cholesky64::Cholesky64;
use crate::kernels::gram64::add_four;

/// Row ranges whose sums are computed apart and combined in order. Part of the meaning of "same bytes".
const N_PARTS: usize = 32;
/// Most Newton steps; 5 to 8 are usual.
const MAX_ITERATIONS: usize = 60;
/// Least curvature of a row, so that certain rows do not make the Hessian singular.
const MIN_CURVATURE: f64 = 1e-12;

/// Sums over rows at one point.
struct Sums {
    loss: f64,
    /// Gradient by intercept and coefficients.
    gradient: Vec<f64>,
    /// Lower triangle of the Hessian, (d + 1) x (d + 1).
    hessian: Vec<f64>,
}

impl LogisticValid {
    /// Fits P(label = `true`), with a non-negative weight per row (0 leaves a row out). From `start` (intercept and
    /// coefficients of another fit) it is quicker and, but for the last digits, the same.
    ///
    /// Same bytes at any number of threads. O(n_rows * n_columns^2) per step.
    ///
    /// # Errors
    /// [`DataError::Shape`] when lengths differ; [`DataError::BadCell`] for a weight or cell that is not a number;
    /// [`DataError::TooFew`] when a class is missing; [`DataError::NotConverged`] with lambda = 0 when the classes
    /// are separated (naming the column where one alone does it) or columns repeat each other.
    pub fn fit(
        &self,
        design: &Design,
        labels: &[bool],
        row_weights: &[f64],
        start: Option<&Logistic>,
    ) -> Result<Logistic, DataError> {
        self.fit_to(1e-8, design, labels, row_weights, start)
    }

    /// As [`LogisticValid::fit`], until no partial derivative exceeds `tolerance` times the sum of row weights.
    pub(crate) fn fit_to(
        &self,
        tolerance: f64,
        design: &Design,
        labels: &[bool],
        row_weights: &[f64],
        start: Option<&Logistic>,
    ) -> Result<Logistic, DataError> {
        check(design, labels, row_weights)?;
        if self.lambda == 0.0 {
            refuse_separation(design, labels, row_weights)?;
        }
        let problem = Problem { design, labels, row_weights, lambda: self.lambda };
        let mut beta = vec![0.0; design.n_columns() + 1];
        match start.filter(|start| start.coefficients.len() == design.n_columns()) {
            Some(start) => {
                beta[0] = start.intercept;
                beta[1..].copy_from_slice(&start.coefficients);
            }
            None => beta[0] = problem.base_margin(),
        }
        let tolerance = tolerance * row_weights.iter().sum::<f64>();
        let mut here = problem.sums(&beta);
        for n_iterations in 0..MAX_ITERATIONS {
            let gradient_max = here.gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
            let factor = Cholesky64::new(&here.hessian, beta.len()).ok_or_else(|| {
                not_converged(
                    "the columns repeat each other or separate the classes; set lambda above 0".to_owned(),
                )
            })?;
            if gradient_max <= tolerance && !self.runs_away(&beta) {
                return Ok(finish(&beta, &factor, self.lambda, n_iterations, gradient_max));
            }
            let mut step = here.gradient.clone();
            factor.solve(&mut step);
            let Some((next, there)) = problem.shorten(&beta, &here, &step) else {
                // No lower loss in floating point: the last digits are reached, or never will be.
                if gradient_max <= 100.0 * tolerance && !self.runs_away(&beta) {
                    return Ok(finish(&beta, &factor, self.lambda, n_iterations, gradient_max));
                }
                break;
            };
            beta = next;
            here = there;
        }
        Err(not_converged(if self.lambda == 0.0 {
            "the columns together separate the classes; set lambda above 0".to_owned()
        } else {
            format!("gradient still above tolerance after {MAX_ITERATIONS} steps")
        }))
    }

    /// Without penalty, separated classes push coefficients of standardised columns beyond any sense while the
    /// gradient vanishes.
    fn runs_away(&self, beta: &[f64]) -> bool {
        self.lambda == 0.0 && beta[1..].iter().any(|b| b.abs() > 15.0)
    }
}

fn not_converged(detail: String) -> DataError {
    DataError::NotConverged { model: "logistic", detail }
}

fn finish(
    beta: &[f64],
    factor: &Cholesky64,
    lambda: f64,
    n_iterations: usize,
    gradient_max: f64,
) -> Logistic {
    Logistic {
        intercept: beta[0],
        coefficients: beta[1..].to_vec(),
        standard_errors: factor.inverse_diagonal().into_iter().map(f64::sqrt).collect(),
        lambda,
        n_iterations,
        gradient_max,
    }
}

struct Problem<'a> {
    design: &'a Design,
    labels: &'a [bool],
    row_weights: &'a [f64],
    lambda: f64,
}

impl Problem<'_> {
    /// Log-odds of the base rate.
    fn base_margin(&self) -> f64 {
        let sum = |label: bool| -> f64 {
            self.labels.iter().zip(self.row_weights).filter(|(l, _)| **l == label).map(|(_, w)| w).sum()
        };
        libm::log(sum(true) / sum(false))
    }

    /// Loss, gradient and Hessian at `beta`.
    fn sums(&self, beta: &[f64]) -> Sums {
        let parts: Vec<Sums> = (0..N_PARTS).into_par_iter().map(|k| self.part(self.range(k), beta)).collect();
        let mut parts = parts.into_iter();
        let mut total = parts.next().unwrap_or_else(|| unreachable!("there are {N_PARTS} parts"));
        for part in parts {
            total.loss += part.loss;
            add(&mut total.gradient, &part.gradient);
            add(&mut total.hessian, &part.hessian);
        }
        let n = beta.len();
        for j in 1..n {
            total.loss += 0.5 * self.lambda * beta[j] * beta[j];
            total.gradient[j] += self.lambda * beta[j];
            total.hessian[j * n + j] += self.lambda;
        }
        total
    }

    fn range(&self, part: usize) -> Range<usize> {
        let n = self.design.n_rows();
        n * part / N_PARTS..n * (part + 1) / N_PARTS
    }

    fn part(&self, rows: Range<usize>, beta: &[f64]) -> Sums {
        let n = beta.len();
        let mut sums = Sums { loss: 0.0, gradient: vec![0.0; n], hessian: vec![0.0; n * n] };
        let mut gram = Gram::new(n);
        for row in rows.filter(|&row| self.row_weights[row] > 0.0) {
            let (cells, w) = (self.design.row(row), self.row_weights[row]);
            let margin = margin(beta, cells);
            let y = f64::from(u8::from(self.labels[row]));
            let (p, loss) = sigmoid_and_softplus(margin);
            sums.loss += w * (loss - y * margin);
            let pull = w * (p - y);
            sums.gradient[0] += pull;
            for (g, x) in sums.gradient[1..].iter_mut().zip(cells) {
                *g += pull * x;
            }
            gram.add(cells, w * (p * (1.0 - p)).max(MIN_CURVATURE), &mut sums.hessian);
        }
        gram.flush(&mut sums.hessian);
        sums
    }

    /// The Newton step, halved until the loss does not rise; `None` when it always does.
    fn shorten(&self, beta: &[f64], here: &Sums, step: &[f64]) -> Option<(Vec<f64>, Sums)> {
        let mut share = 1.0;
        for _ in 0..30 {
            let next: Vec<f64> = beta.iter().zip(step).map(|(b, s)| b - share * s).collect();
            let there = self.sums(&next);
            if there.loss <= here.loss + 1e-13 * here.loss.abs() {
                return Some((next, there));
            }
            share *= 0.5;
        }
        None
    }
}

fn margin(beta: &[f64], cells: &[f64]) -> f64 {
    beta[0] + beta[1..].iter().zip(cells).map(|(b, x)| b * x).sum::<f64>()
}

fn add(sum: &mut [f64], more: &[f64]) {
    for (a, b) in sum.iter_mut().zip(more) {
        *a += b;
    }
}

/// Adds rows to a Gram matrix four at a time: one pass over the matrix for four rows, and the order of sums is fixed.
struct Gram {
    n: usize,
    rows: Vec<f64>,
    scales: [f64; 4],
    filled: usize,
}

impl Gram {
    fn new(n: usize) -> Self {
        Self { n, rows: vec![0.0; 4 * n], scales: [0.0; 4], filled: 0 }
    }

    fn add(&mut self, cells: &[f64], scale: f64, matrix: &mut [f64]) {
        let row = &mut self.rows[self.filled * self.n..(self.filled + 1) * self.n];
        row[0] = 1.0;
        row[1..].copy_from_slice(cells);
        self.scales[self.filled] = scale;
        self.filled += 1;
        if self.filled == 4 {
            self.flush(matrix);
        }
    }

    fn flush(&mut self, matrix: &mut [f64]) {
        self.scales[self.filled..].fill(0.0);
        add_four(matrix, self.n, &self.rows, self.scales);
        self.filled = 0;
    }
}

fn check(design: &Design, labels: &[bool], row_weights: &[f64]) -> Result<(), DataError> {
    let n = design.n_rows();
    for (what, got) in [("number of labels", labels.len()), ("number of row weights", row_weights.len())] {
        if got != n {
            return Err(DataError::Shape { model: "logistic", what, got, expected: n });
        }
    }
    let bad = |row: usize, column: String, value: f64, rule: &'static str| {
        Err(DataError::BadCell { model: "logistic", row, column, value: value.to_string(), rule })
    };
    for row in 0..n {
        if !(row_weights[row] >= 0.0 && row_weights[row].is_finite()) {
            return bad(row, "row weight".to_owned(), row_weights[row], "finite and at least 0");
        }
        if let Some(column) = design.row(row).iter().position(|x| !x.is_finite()) {
            return bad(row, format!("encoded {column}"), design.row(row)[column], "finite");
        }
    }
    for (label, what) in [(true, "rows of the class true"), (false, "rows of the class false")] {
        if !labels.iter().zip(row_weights).any(|(l, w)| *l == label && *w > 0.0) {
            return Err(DataError::TooFew { model: "logistic", what, got: 0, need: 1 });
        }
    }
    Ok(())
}

/// Looks for a column whose ranges in the two classes do not overlap.
fn refuse_separation(design: &Design, labels: &[bool], row_weights: &[f64]) -> Result<(), DataError> {
    for column in 0..design.n_columns() {
        let range = |label: bool| {
            (0..design.n_rows())
                .filter(|&row| labels[row] == label && row_weights[row] > 0.0)
                .map(|row| design.row(row)[column])
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        };
        let (stay, leave) = (range(false), range(true));
        let constant = stay.0.min(leave.0) == stay.1.max(leave.1);
        if !constant && (stay.1 <= leave.0 || leave.1 <= stay.0) {
            return Err(not_converged(format!(
                "encoded column {column} alone separates the classes; set lambda above 0"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cltv::special::sigmoid;
    use crate::learners::logistic::LogisticParams;
    use crate::params::Params;
    use crate::random::Random;

    fn valid(lambda: f64) -> LogisticValid {
        LogisticParams { lambda }.check().unwrap()
    }

    /// Rows from a known model, with `share` of positives steered by the intercept.
    fn world(n: usize, intercept: f64) -> (Design, Vec<bool>) {
        let random = Random::new(3);
        let cells: Vec<f64> = (0..n * 3).map(|i| random.normal(i as u64)).collect();
        let design = Design::new(n, 3, cells);
        let truth = [0.8, -1.1, 0.0];
        let labels = (0..n)
            .map(|row| {
                let m = intercept + design.row(row).iter().zip(truth).map(|(x, t)| x * t).sum::<f64>();
                random.stream(9).uniform(row as u64) < sigmoid(m)
            })
            .collect();
        (design, labels)
    }

    #[test]
    fn one_binary_column_by_hand() {
        // 1 of 4 positive at x = 0, 3 of 4 at x = 1: without penalty intercept -ln 3, slope 2 ln 3.
        let cells = vec![0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
        let labels = [true, false, false, false, true, true, true, false];
        let fit = valid(0.0).fit(&Design::new(8, 1, cells), &labels, &[1.0; 8], None).unwrap();
        let ln3 = libm::log(3.0);
        assert!((fit.intercept + ln3).abs() < 1e-8 && (fit.coefficients[0] - 2.0 * ln3).abs() < 1e-8);
        // Fisher information of two binomials: var(slope) = 2 / (4 * 3/16).
        assert!((fit.standard_errors[1] - (2.0_f64 / 0.75).sqrt()).abs() < 1e-6);
    }

    #[test]
    fn gradient_is_zero_and_true_is_the_positive_class_at_any_balance() {
        for (intercept, low, high) in [(-1.3, 0.2, 0.4), (1.3, 0.6, 0.8)] {
            let (design, labels) = world(4000, intercept);
            let rate = labels.iter().filter(|l| **l).count() as f64 / 4000.0;
            assert!(rate > low && rate < high, "{rate}");
            let fit = valid(1.0).fit(&design, &labels, &vec![1.0; 4000], None).unwrap();
            assert!(fit.gradient_max < 4e-5 && fit.n_iterations <= 8, "{fit:?}");
            assert!((fit.intercept - intercept).abs() < 0.2, "{fit:?}");
            for ((got, want), se) in
                fit.coefficients.iter().zip([0.8, -1.1, 0.0]).zip(&fit.standard_errors[1..])
            {
                assert!((got - want).abs() < 3.5 * se, "{got} {want} {se}");
            }
        }
    }

    #[test]
    fn penalised_solution_solves_its_equations() {
        let (design, labels) = world(300, 0.3);
        let lambda = 7.0;
        let fit = valid(lambda).fit(&design, &labels, &[1.0; 300], None).unwrap();
        let slope = |column: Option<usize>| -> f64 {
            (0..300)
                .map(|row| {
                    let p = sigmoid(fit.margin(design.row(row)));
                    (p - f64::from(u8::from(labels[row]))) * column.map_or(1.0, |c| design.row(row)[c])
                })
                .sum()
        };
        assert!(slope(None).abs() < 1e-5);
        for c in 0..3 {
            assert!((slope(Some(c)) + lambda * fit.coefficients[c]).abs() < 1e-5);
        }
    }

    #[test]
    fn weights_equal_repeated_rows_and_zero_leaves_out() {
        let (design, labels) = world(120, 0.0);
        let counts: Vec<usize> = (0..120).map(|i| i % 3).collect();
        let row_weights: Vec<f64> = counts.iter().map(|&c| c as f64).collect();
        let rows: Vec<usize> = (0..120).flat_map(|i| std::iter::repeat_n(i, counts[i])).collect();
        let exploded =
            Design::new(rows.len(), 3, rows.iter().flat_map(|&r| design.row(r).to_vec()).collect());
        let exploded_labels: Vec<bool> = rows.iter().map(|&r| labels[r]).collect();
        let a = valid(1.0).fit(&design, &labels, &row_weights, None).unwrap();
        let b = valid(1.0).fit(&exploded, &exploded_labels, &vec![1.0; rows.len()], Some(&a)).unwrap();
        for (x, y) in a.coefficients.iter().zip(&b.coefficients) {
            assert!((x - y).abs() < 1e-7, "{x} {y}");
        }
    }

    #[test]
    fn separation_without_penalty_is_refused() {
        let labels = [false, false, true, true];
        let detail = |cells: Vec<f64>, n_columns: usize, labels: &[bool]| {
            let n = labels.len();
            let design = Design::new(n, n_columns, cells);
            match valid(0.0).fit(&design, labels, &vec![1.0; n], None) {
                Err(DataError::NotConverged { detail, .. }) => detail,
                other => panic!("{other:?}"),
            }
        };
        assert!(detail(vec![1.0, 2.0, 3.0, 4.0], 1, &labels).contains("column 0 alone"));
        // Quasi-separation: the ranges touch.
        assert!(detail(vec![1.0, 2.0, 2.0, 4.0], 1, &labels).contains("column 0 alone"));
        // Only both columns together separate: x + y above or below zero.
        let cells = vec![-2.0, 1.0, 1.0, -2.0, -1.0, 2.0, 2.0, -1.0];
        assert!(detail(cells, 2, &labels).contains("lambda"));
        // Twice the same column.
        let cells = vec![1.0, 1.0, 2.0, 2.0, 1.5, 1.5, 0.5, 0.5];
        assert!(detail(cells, 2, &[true, false, true, false]).contains("lambda"));
        // With a penalty all of them have an answer.
        let design = Design::new(4, 1, vec![1.0, 2.0, 3.0, 4.0]);
        assert!(valid(1.0).fit(&design, &labels, &[1.0; 4], None).is_ok());
    }

    #[test]
    fn every_refusal_has_a_type() {
        let design = Design::new(2, 1, vec![0.0, 1.0]);
        let fit = |design: &Design, labels: &[bool], w: &[f64]| {
            valid(1.0).fit(design, labels, w, None).unwrap_err()
        };
        assert!(matches!(
            fit(&design, &[true], &[1.0; 2]),
            DataError::Shape { what: "number of labels", .. }
        ));
        assert!(matches!(fit(&design, &[true, false], &[1.0]), DataError::Shape { .. }));
        for w in [f64::NAN, -1.0, f64::INFINITY] {
            assert!(matches!(fit(&design, &[true, false], &[1.0, w]), DataError::BadCell { row: 1, .. }));
        }
        assert!(matches!(
            fit(&design, &[true, true], &[1.0; 2]),
            DataError::TooFew { what: "rows of the class false", .. }
        ));
        assert!(matches!(fit(&design, &[true, false], &[0.0; 2]), DataError::TooFew { .. }));
        let broken = Design::new(2, 1, vec![0.0, f64::NAN]);
        assert!(matches!(fit(&broken, &[true, false], &[1.0; 2]), DataError::BadCell { row: 1, .. }));
    }
}
