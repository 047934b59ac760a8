//! Cells that say nothing about a customer, and distances over the other ones.
//!
//! A missing cell counts as if it were whatever the persona beside it has, which is what k-POD fills it with (Chi,
//! Chi, Baraniuk 2016): a customer is compared on what is known. Distances of one customer may be compared as they
//! are; between customers they are scaled up to all columns by the share of the variance that was observed.
//!
//! The triangle inequality does not hold for such distances, so nothing here skips a centroid.

use crate::personas::grid::squared_distance;

/// The columns of every row that say nothing, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gaps {
    /// Where the columns of every row start; one more than rows.
    starts: Vec<usize>,
    columns: Vec<u32>,
}

impl Gaps {
    /// Nobody yet.
    pub(crate) fn new() -> Self {
        Self { starts: vec![0], columns: Vec::new() }
    }

    /// The next row, whose columns `write` appends in ascending order.
    pub(crate) fn push_row(&mut self, write: impl FnOnce(&mut Vec<u32>)) {
        write(&mut self.columns);
        self.starts.push(self.columns.len());
    }

    /// The rows of `later` after these.
    pub(crate) fn append(&mut self, later: &Self) {
        let shift = self.columns.len();
        self.starts.extend(later.starts[1..].iter().map(|start| shift + start));
        self.columns.extend_from_slice(&later.columns);
    }

    /// The columns of one row.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn of(&self, row: usize) -> &[u32] {
        &self.columns[self.starts[row]..self.starts[row + 1]]
    }

    /// Whether every cell of every row says something.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }
}

/// Centroids column by column, for rows with gaps.
#[derive(Clone, Debug)]
pub(crate) struct ObservedCentroids {
    k: usize,
    /// n_columns x k: cells, and half of their squares.
    cells: Vec<f64>,
    halves: Vec<f64>,
}

impl ObservedCentroids {
    /// Row-major `centroids` of `n_columns`.
    pub(crate) fn pack(centroids: &[f64], n_columns: usize) -> Self {
        let k = centroids.len().checked_div(n_columns).unwrap_or(1);
        let by_column = |of: fn(f64) -> f64| -> Vec<f64> {
            let column = |f: usize| (0..k).map(move |j| of(centroids[j * n_columns + f]));
            (0..n_columns).flat_map(column).collect()
        };
        Self { k, cells: by_column(|c| c), halves: by_column(|c| 0.5 * c * c) }
    }

    /// The nearest and the second nearest centroid over the columns outside `gaps`; ties go to the lower index.
    /// With a single centroid the second means nothing.
    ///
    /// The sum over columns of c^2 / 2 - x c, in column order, in f64: half the squared distance less what is the
    /// same for every centroid.
    pub(crate) fn two_nearest(&self, row: &[f32], gaps: &[u32], scores: &mut Vec<f64>) -> (usize, usize) {
        scores.clear();
        scores.resize(self.k, 0.0);
        for f in observed(row.len(), gaps) {
            let (x, of_column) = (f64::from(row[f]), f * self.k..(f + 1) * self.k);
            let cells = self.cells[of_column.clone()].iter().zip(&self.halves[of_column]);
            for (score, (c, half)) in scores.iter_mut().zip(cells) {
                *score += half - x * c;
            }
        }
        let (mut first, mut second) = ((f64::INFINITY, 0), (f64::INFINITY, 0));
        for (j, &score) in scores.iter().enumerate() {
            if score < first.0 {
                second = first;
                first = (score, j);
            } else if score < second.0 {
                second = (score, j);
            }
        }
        (first.1, second.1)
    }
}

/// The columns of a row outside its gaps, ascending.
pub(crate) fn observed(n_columns: usize, gaps: &[u32]) -> impl Iterator<Item = usize> {
    let mut gaps = gaps.iter().peekable();
    (0..n_columns).filter(move |&f| gaps.next_if(|&&gap| gap as usize == f).is_none())
}

/// The squared distance of a row to a centroid over the columns outside `gaps`, in f64 in column order.
pub(crate) fn observed_squared_distance(row: &[f32], gaps: &[u32], centroid: &[f64]) -> f64 {
    if gaps.is_empty() {
        return squared_distance(row, centroid);
    }
    observed(row.len(), gaps)
        .map(|f| f64::from(row[f]) - centroid[f])
        .map(|difference| difference * difference)
        .sum()
}

/// The share of the variance of all columns that lies in those outside `gaps`; 1 without gaps.
pub(crate) fn observed_share(variances: &[f64], gaps: &[u32]) -> f64 {
    let total: f64 = variances.iter().sum();
    if gaps.is_empty() || !(total > 0.0) {
        return 1.0;
    }
    observed(variances.len(), gaps).map(|f| variances[f]).sum::<f64>() / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_gaps_when_blocks_are_joined() {
        let mut first = Gaps::new();
        first.push_row(|columns| columns.extend([0, 2]));
        first.push_row(|_| ());
        let mut second = Gaps::new();
        second.push_row(|columns| columns.push(1));
        first.append(&second);
        assert_eq!((first.of(0), first.of(1), first.of(2)), (&[0, 2][..], &[][..], &[1][..]));
        assert!(!first.is_empty() && Gaps::new().is_empty());
    }

    #[test]
    fn rows_are_compared_on_what_is_known() {
        // Over all columns the second centroid is nearer, over the first column the first one.
        let centroids = [0.0, 9.0, 3.0, 0.0, -4.0, 0.0];
        let packed = ObservedCentroids::pack(&centroids, 2);
        let (row, mut scores) = ([1.0f32, 0.0], Vec::new());
        assert_eq!(packed.two_nearest(&row, &[], &mut scores), (1, 2));
        assert_eq!(packed.two_nearest(&row, &[1], &mut scores), (0, 1));
        // Nothing known: a tie, to the lower index.
        assert_eq!(packed.two_nearest(&row, &[0, 1], &mut scores), (0, 1));
        assert_eq!(observed_squared_distance(&row, &[1], &centroids[..2]), 1.0);
        assert_eq!(observed_squared_distance(&row, &[], &centroids[..2]), 82.0);
        assert_eq!(observed_squared_distance(&row, &[0, 1], &centroids[..2]), 0.0);
    }

    #[test]
    fn the_observed_share_is_of_the_variance() {
        assert_eq!(observed_share(&[1.0, 2.0, 1.0], &[1]), 0.5);
        assert_eq!(observed_share(&[1.0, 2.0, 1.0], &[]), 1.0);
        assert_eq!(observed_share(&[], &[]), 1.0);
    }
}
