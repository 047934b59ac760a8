//! Features weigh by how much they have to do with each other.
//!
//! K-means splits along any column with variance, so columns that have nothing to do with personas blur them. What a
//! column is worth cannot be read from a clustering it took part in: that one follows every column it was given. So
//! customers are assigned by all other columns, and the share of the column's variance that lies between those groups
//! is its relevance. It is 0 for a column that is independent of the others, whatever its form and however often
//! k-means would split along it. Weights from shares of variance between clusters go back to Witten and Tibshirani
//! (2010, sparse k-means, equation 6); leaving the column out is what keeps a yes/no from vouching for itself.

use std::ops::Range;

use super::encode::{DISCRETE_VARIANCE, INDICATOR_VARIANCE};
use super::encoding::{EncodedFeature, Encoding};
use super::gaps::{Gaps, observed};
use super::observed::Observed;
use super::transform::PersonaTransform;
use crate::personas::clustering::lloyd::Rules;
use crate::personas::clustering::starts::best_of;
use crate::personas::grid::{GridMatrix, to_grid};
use crate::personas::report::Encoded;

/// Customers, evenly spaced, on whom weights are learned.
const PILOT_ROWS: usize = 10_000;

/// Random starts of each pilot.
const PILOT_STARTS: usize = 5;

/// Pilots, each with the weights that the one before it gave.
const PILOTS: usize = 3;

/// Least groups of a pilot: with as few as the personas asked for, a feature that tells customers apart within them
/// would count as one that says nothing.
const LEAST_GROUPS: usize = 8;

/// Fewer features than this were picked by somebody, and the others say too little about one: two numbers may form
/// groups together although neither follows from the other.
const LEAST_FEATURES: usize = 5;

/// A part of whose variance the groups explain at least this share keeps its whole say.
const FULL_SAY: f64 = 0.05;

/// Variance of a flag with its whole say: half of a yes/no. With that of a whole one k-means splits along a flag that
/// differs a little between personas rather than between the personas.
const FLAG_VARIANCE: f64 = 0.5 * DISCRETE_VARIANCE;

/// When the groups explain less than this of every part, nothing has to do with anything, and all weigh the same.
const STRUCTURE: f64 = 0.1;

/// The least weight: small enough to be harmless, and not 0, so that nobody who differs becomes the same.
const LEAST_WEIGHT: f64 = 0.01;

/// What k-means needs to know for the pilots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pilot {
    pub(crate) k: usize,
    pub(crate) seed: u64,
    pub(crate) rules: Rules,
}

/// Columns that weigh together: those of a feature, or the one that says whether it is missing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) feature: usize,
    pub(crate) columns: Range<usize>,
    pub(crate) is_flag: bool,
}

/// The parts of all features, in the order of their columns.
pub(crate) fn parts(features: &[EncodedFeature]) -> Vec<Part> {
    let mut parts = Vec::new();
    for (feature, encoded) in features.iter().enumerate() {
        let (first, n) = (encoded.first_column, encoded.n_columns());
        let mut push = |columns: Range<usize>, is_flag: bool| {
            if !columns.is_empty() {
                parts.push(Part { feature, columns: first + columns.start..first + columns.end, is_flag });
            }
        };
        match &encoded.encoding {
            _ if n == 0 => {}
            // Whether there is one is all that such a category says.
            Encoding::Category(category) if category.n_observed() == 1 => push(1..n, false),
            Encoding::Category(category) => {
                push(0..category.n_observed(), false);
                push(category.n_observed()..n, true);
            }
            _ => {
                push(0..1, false);
                push(1..n, true);
            }
        }
    }
    parts
}

/// What one part has to do with the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Learned {
    pub(crate) explained: f64,
    pub(crate) weight: f64,
}

/// Weights of the parts, by pilot clusterings; `None` when customers cannot be told apart well enough for any.
///
/// Columns enter with the variances they have in `encoded`, and weights are factors of these. When no part has
/// anything to do with another, all weigh 1.
pub(crate) fn learn(encoded: &Encoded, parts: &[Part], pilot: Pilot) -> Option<Vec<Learned>> {
    if pilot.k < 2 || parts.iter().filter(|part| !part.is_flag).count() < LEAST_FEATURES {
        return None;
    }
    let step = encoded.matrix.n_rows().div_ceil(PILOT_ROWS).max(1);
    let rows: Vec<usize> = (0..encoded.matrix.n_rows()).step_by(step).collect();
    let mut gaps = Gaps::new();
    rows.iter().for_each(|&row| gaps.push_row(|columns| columns.extend_from_slice(encoded.gaps.of(row))));
    let mut learned: Vec<Learned> = parts.iter().map(|_| Learned { explained: 0.0, weight: 1.0 }).collect();
    for _ in 0..PILOTS {
        let matrix = scaled(&encoded.matrix, &rows, parts, &learned);
        let rows = Observed::of(&matrix, &gaps);
        let k = pilot.k.max(LEAST_GROUPS);
        let mut run = best_of(&rows.points, k, PILOT_STARTS, pilot.seed, pilot.rules).ok()?;
        rows.refine_run(&mut run, pilot.rules);
        let explained = explained(&matrix, &gaps, parts, &run.centroids);
        let most = explained.iter().copied().fold(0.0, f64::max);
        for ((part, learned), explained) in parts.iter().zip(&mut learned).zip(explained) {
            learned.explained = explained;
            learned.weight = if most >= STRUCTURE { weight(part, explained) } else { 1.0 };
        }
    }
    Some(learned)
}

/// What an earlier fit had learned of the same parts; `None` when it had learned nothing. A part that it did not have
/// weighs 1.
pub(crate) fn carried(
    transform: &PersonaTransform,
    parts: &[Part],
    previous: &PersonaTransform,
) -> Option<Vec<Learned>> {
    let before = |part: &Part| {
        let name = &transform.features[part.feature].def.name;
        let learned = previous.report.features.iter().find(|report| report.name == *name)?.relevance?;
        if part.is_flag {
            Some(Learned { explained: learned.flag_explained?, weight: learned.flag_weight? })
        } else {
            Some(Learned { explained: learned.explained, weight: learned.weight })
        }
    };
    let found: Vec<Option<Learned>> = parts.iter().map(before).collect();
    let unknown = Learned { explained: 0.0, weight: 1.0 };
    found.iter().any(Option::is_some).then(|| found.iter().map(|l| l.unwrap_or(unknown)).collect())
}

fn weight(part: &Part, explained: f64) -> f64 {
    let most = if part.is_flag { FLAG_VARIANCE / INDICATOR_VARIANCE } else { 1.0 };
    most * (explained / FULL_SAY).clamp(LEAST_WEIGHT, 1.0)
}

/// The given rows with the columns of every part times the root of its weight.
fn scaled(matrix: &GridMatrix, rows: &[usize], parts: &[Part], learned: &[Learned]) -> GridMatrix {
    let mut factors = vec![1.0; matrix.n_columns()];
    for (part, learned) in parts.iter().zip(learned) {
        factors[part.columns.clone()].fill(learned.weight.sqrt());
    }
    let mut out = GridMatrix::zeros(rows.len(), matrix.n_columns());
    let stride = out.stride();
    for (&row, out) in rows.iter().zip(out.cells_mut().chunks_exact_mut(stride)) {
        for ((out, &cell), factor) in out.iter_mut().zip(matrix.row(row)).zip(&factors) {
            *out = to_grid(f64::from(cell) * factor);
        }
    }
    out
}

/// Sums of one part over the customers that have it, by group.
struct Between {
    n: Vec<f64>,
    /// n_groups x n_columns of the part.
    sums: Vec<f64>,
    squares: f64,
}

/// The share of each part's variance between the groups that the other parts make, adjusted for the number of groups
/// (1 - (W / (n - k)) / (T / (n - 1))), at least 0.
///
/// `centroids` are row-major, in the units of the matrix.
pub(crate) fn explained(matrix: &GridMatrix, gaps: &Gaps, parts: &[Part], centroids: &[f64]) -> Vec<f64> {
    let d = matrix.n_columns();
    let k = centroids.len() / d;
    let mut between: Vec<Between> = parts
        .iter()
        .map(|part| Between { n: vec![0.0; k], sums: vec![0.0; k * part.columns.len()], squares: 0.0 })
        .collect();
    let mut of_part = vec![0.0; parts.len() * k];
    // A customer without the cell is assigned without it, so a flag would find itself again in its own feature.
    let is_sibling = |p: usize, q: usize| parts.get(q).is_some_and(|q| q.feature == parts[p].feature);
    let sibling = |p: usize| if is_sibling(p, p + 1) { Some(p + 1) } else { p.checked_sub(1) };
    let siblings: Vec<Option<usize>> =
        (0..parts.len()).map(|p| sibling(p).filter(|&q| is_sibling(p, q))).collect();
    let of_sibling =
        |p: usize, j: usize, of_part: &[f64]| siblings[p].map_or(0.0, |sibling| of_part[sibling * k + j]);
    for row in 0..matrix.n_rows() {
        let (cells, gaps) = (matrix.row(row), gaps.of(row));
        let total = distances(cells, gaps, parts, centroids, &mut of_part);
        for (p, (part, between)) in parts.iter().zip(&mut between).enumerate() {
            if gaps.binary_search(&(part.columns.start as u32)).is_err() {
                let others = |j: usize| total[j] - of_part[p * k + j] - of_sibling(p, j, &of_part);
                between.add(nearest(k, others), &cells[part.columns.clone()]);
            }
        }
    }
    between.iter().map(Between::adjusted).collect()
}

/// Squared distances to every centroid, and into `of_part` those of each part alone.
fn distances(
    cells: &[f32],
    gaps: &[u32],
    parts: &[Part],
    centroids: &[f64],
    of_part: &mut [f64],
) -> Vec<f64> {
    let d = cells.len();
    let k = centroids.len() / d;
    let mut total = vec![0.0; k];
    of_part.fill(0.0);
    let mut part = 0;
    for f in observed(d, gaps) {
        while part < parts.len() && parts[part].columns.end <= f {
            part += 1;
        }
        for (j, total) in total.iter_mut().enumerate() {
            let difference = f64::from(cells[f]) - centroids[j * d + f];
            *total += difference * difference;
            of_part[part * k + j] += difference * difference;
        }
    }
    total
}

/// The smallest of k values, ties to the first.
fn nearest(k: usize, distance: impl Fn(usize) -> f64) -> usize {
    (1..k).fold(0, |best, j| if distance(j) < distance(best) { j } else { best })
}

impl Between {
    fn add(&mut self, group: usize, cells: &[f32]) {
        self.n[group] += 1.0;
        for (sum, &cell) in self.sums[group * cells.len()..].iter_mut().zip(cells) {
            *sum += f64::from(cell);
            self.squares += f64::from(cell) * f64::from(cell);
        }
    }

    fn adjusted(&self) -> f64 {
        let n: f64 = self.n.iter().sum();
        let k = self.n.iter().filter(|&&n| n > 0.0).count() as f64;
        let width = self.sums.len() / self.n.len();
        let sum_of = |c: usize| -> f64 { self.sums.iter().skip(c).step_by(width).sum() };
        let of_mean: f64 = (0..width).map(|c| sum_of(c) * sum_of(c) / n.max(1.0)).sum();
        let of_groups: f64 = self
            .sums
            .chunks(width)
            .zip(&self.n)
            .map(|(sums, n)| sums.iter().map(|sum| sum * sum).sum::<f64>() / n.max(1.0))
            .sum();
        let (total, within) = (self.squares - of_mean, self.squares - of_groups);
        if !(total > 0.0 && n > k) {
            return 0.0;
        }
        (1.0 - (within / (n - k)) / (total / (n - 1.0))).clamp(0.0, 1.0)
    }
}
