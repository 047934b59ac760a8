//! Who was in which persona before, and which new cluster carries on which.

use super::matching::{Overlaps, Shares, cheapest_matching};
use super::refit_report::{MatchOutcome, MatchedBy};
use crate::error::SpecMismatch;
use crate::features::FeatureTable;
use crate::personas::clustering::points::Points;
use crate::personas::model::PersonaModel;

/// Least overlap at which a persona keeps its id and name without remark.
const KEPT: f64 = 0.5;

/// Least overlap at which a persona keeps its id and name at all.
const CHANGED: f64 = 0.3;

/// The earlier personas of the customers of a table, as places in the profiles of the earlier model.
pub(crate) struct Before {
    /// By row; only rows without a place are new to a model that cannot read the table.
    labels: Vec<Option<u32>>,
    /// Whether a row counts for matching.
    known: Vec<bool>,
    /// Whether the labels are what the earlier model says of the table.
    by_model: bool,
}

impl Before {
    /// What the earlier model says, or else the given ids.
    pub(crate) fn of(
        previous: &PersonaModel,
        table: &FeatureTable,
        given: Option<&[Option<u32>]>,
    ) -> Result<Self, SpecMismatch> {
        assert!(given.is_none_or(|given| given.len() == table.n_rows()), "one earlier persona per row");
        let place = |id: u32| previous.profiles.iter().position(|p| p.id == id).map(|at| at as u32);
        let known = given
            .map_or_else(|| vec![true; table.n_rows()], |given| given.iter().map(Option::is_some).collect());
        match previous.predict(table) {
            Ok(assigned) => Ok(Self {
                labels: assigned.iter().map(|a| place(a.persona)).collect(),
                known,
                by_model: true,
            }),
            Err(mismatch) => {
                let labels: Vec<Option<u32>> =
                    given.unwrap_or_default().iter().map(|id| id.and_then(place)).collect();
                if labels.iter().all(Option::is_none) {
                    return Err(mismatch);
                }
                Ok(Self { labels, known, by_model: false })
            }
        }
    }

    /// A cluster for every row to start from; a row without one goes to the nearest mean of those who have one.
    pub(crate) fn start(&self, points: &Points<'_>, k: usize) -> Vec<u32> {
        if self.labels.iter().all(Option::is_some) {
            return self.labels.iter().flatten().copied().collect();
        }
        let means = means(points, &self.labels, k);
        let nearest = |row: usize| {
            let mut best: Option<(u32, f64)> = None;
            for (label, mean) in means.iter().enumerate() {
                let Some(mean) = mean else { continue };
                let distance = points.squared_distance(row, mean);
                if best.is_none_or(|(_, least)| distance < least) {
                    best = Some((label as u32, distance));
                }
            }
            best.map_or(0, |(label, _)| label)
        };
        self.labels.iter().enumerate().map(|(row, label)| label.unwrap_or_else(|| nearest(row))).collect()
    }

    /// Which of `k_new` clusters carries on which earlier persona.
    pub(crate) fn matched(
        &self,
        previous: &PersonaModel,
        table: &FeatureTable,
        labels: &[u32],
        k_new: usize,
    ) -> Result<Matched, SpecMismatch> {
        let k_old = previous.n_personas();
        let common: Vec<Option<u32>> =
            self.labels.iter().zip(&self.known).map(|(&label, &known)| label.filter(|_| known)).collect();
        let overlaps = Overlaps::count(&common, labels, k_old, k_new);
        let mut by_id: Vec<usize> = (0..k_old).collect();
        by_id.sort_by_key(|&old| previous.profiles[old].id);
        if overlaps.n_customers() > 0 {
            let old = overlaps.best_matching(&by_id);
            return Ok(Matched { old, evidence: Evidence::Customers(overlaps) });
        }
        let (distances, limit) = (distances(previous, table, labels, k_new)?, limit(previous));
        let share = |distance: f64| if limit > 0.0 { distance / limit } else { 1.0 };
        let old = cheapest_matching(|old, new| share(distances[old][new]), &by_id, k_new);
        Ok(Matched { old, evidence: Evidence::Centroids { distances, limit } })
    }

    /// Of the known customers, the share whose new id is another than what the earlier model says.
    pub(crate) fn moved_share(&self, previous: &PersonaModel, ids: &[u32]) -> Option<f64> {
        let rows: Vec<usize> =
            (0..ids.len()).filter(|&row| self.known[row] && self.labels[row].is_some()).collect();
        if !self.by_model || rows.is_empty() {
            return None;
        }
        let old_id = |row: usize| self.labels[row].map(|label| previous.profiles[label as usize].id);
        let n_moved = rows.iter().filter(|&&row| old_id(row) != Some(ids[row])).count();
        Some(n_moved as f64 / rows.len() as f64)
    }
}

/// The mean of every cluster that has rows.
fn means(points: &Points<'_>, labels: &[Option<u32>], k: usize) -> Vec<Option<Vec<f64>>> {
    let mut sums = vec![vec![0.0; points.n_columns()]; k];
    let mut sizes = vec![0u64; k];
    for (row, label) in labels.iter().enumerate() {
        let Some(label) = label else { continue };
        sizes[*label as usize] += 1;
        for (sum, &x) in sums[*label as usize].iter_mut().zip(points.row(row)) {
            *sum += f64::from(x);
        }
    }
    let mean = |(sum, size): (Vec<f64>, u64)| {
        (size > 0).then(|| sum.iter().map(|total| total / size as f64).collect())
    };
    sums.into_iter().zip(sizes).map(mean).collect()
}

/// Distances of earlier centroids to the means of new clusters, both in the columns of the earlier model.
fn distances(
    previous: &PersonaModel,
    table: &FeatureTable,
    labels: &[u32],
    k_new: usize,
) -> Result<Vec<Vec<f64>>, SpecMismatch> {
    let encoded = previous.transform.apply(table)?;
    let points = Points::new(&encoded.matrix);
    let labels: Vec<Option<u32>> = labels.iter().map(|&label| Some(label)).collect();
    let means = means(&points, &labels, k_new);
    let distance = |old: &[f64], new: &Option<Vec<f64>>| {
        let squared = |new: &Vec<f64>| old.iter().zip(new).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        new.as_ref().map_or(f64::INFINITY, |new| squared(new).sqrt())
    };
    Ok(previous.centroids().map(|old| means.iter().map(|new| distance(old, new)).collect()).collect())
}

/// Half the smallest distance between earlier centroids; the radius of 90 % of its members where there is only one.
fn limit(previous: &PersonaModel) -> f64 {
    let centroids: Vec<&[f64]> = previous.centroids().collect();
    let mut smallest = f64::INFINITY;
    for (at, a) in centroids.iter().enumerate() {
        for b in &centroids[at + 1..] {
            let squared: f64 = a.iter().zip(*b).map(|(x, y)| (x - y) * (x - y)).sum();
            smallest = smallest.min(squared.sqrt());
        }
    }
    if smallest.is_finite() { smallest / 2.0 } else { previous.profiles[0].radius.p90 }
}

/// What a matching goes by.
enum Evidence {
    Customers(Overlaps),
    Centroids {
        /// By earlier persona and new cluster.
        distances: Vec<Vec<f64>>,
        limit: f64,
    },
}

/// Which new cluster carries on which earlier persona.
pub(crate) struct Matched {
    /// By new cluster, the best earlier one left for it.
    old: Vec<Option<usize>>,
    evidence: Evidence,
}

impl Matched {
    /// The earlier persona whose id and name the cluster keeps.
    pub(crate) fn kept(&self, new: usize) -> Option<usize> {
        self.old[new].filter(|_| self.outcome(new) != MatchOutcome::New)
    }

    pub(crate) fn outcome(&self, new: usize) -> MatchOutcome {
        match (self.jaccard(new), self.distance(new), &self.evidence) {
            (Some(jaccard), _, _) if jaccard >= KEPT => MatchOutcome::Kept,
            (Some(jaccard), _, _) if jaccard >= CHANGED => MatchOutcome::Changed,
            (_, Some(distance), Evidence::Centroids { limit, .. }) if distance < *limit => MatchOutcome::Kept,
            _ => MatchOutcome::New,
        }
    }

    /// Overlap with the matched earlier persona.
    pub(crate) fn jaccard(&self, new: usize) -> Option<f64> {
        match &self.evidence {
            Evidence::Customers(overlaps) => Some(overlaps.jaccard(self.old[new]?, new)),
            Evidence::Centroids { .. } => None,
        }
    }

    /// Distance to the matched earlier centroid.
    pub(crate) fn distance(&self, new: usize) -> Option<f64> {
        match &self.evidence {
            Evidence::Customers(_) => None,
            Evidence::Centroids { distances, .. } => Some(distances[self.old[new]?][new]),
        }
    }

    /// New clusters in the order of the earlier personas they carry on, then the others by falling size.
    pub(crate) fn order(&self, sizes: &[u64]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|&new| match self.kept(new) {
            Some(old) => (false, old, std::cmp::Reverse(0), new),
            None => (true, 0, std::cmp::Reverse(sizes[new]), new),
        });
        order
    }

    pub(crate) fn by(&self) -> MatchedBy {
        match self.evidence {
            Evidence::Customers(_) => MatchedBy::Customers,
            Evidence::Centroids { limit, .. } => MatchedBy::Centroids { limit },
        }
    }

    pub(crate) fn splits(&self) -> Vec<Shares> {
        match &self.evidence {
            Evidence::Customers(overlaps) => overlaps.splits(),
            Evidence::Centroids { .. } => Vec::new(),
        }
    }

    pub(crate) fn merges(&self) -> Vec<Shares> {
        match &self.evidence {
            Evidence::Customers(overlaps) => overlaps.merges(),
            Evidence::Centroids { .. } => Vec::new(),
        }
    }
}
