//! How well personas are found again from a part of the customers.

use rayon::prelude::*;

use super::choice::Stability;
use super::sample::{MAX_ROWS, quick_fit, rows, select};
use crate::metrics::clustering::Contingency;
use crate::personas::clustering::lloyd::{Rules, final_assignment};
use crate::personas::clustering::points::Points;
use crate::random::Random;

/// Share of the customers in a resample.
const SHARE: f64 = 0.8;

/// Most customers whose personas are compared.
const MAX_COMPARED: usize = 10_000;

/// Fewer rows of a resample per persona say nothing about it.
const MIN_ROWS_PER_PERSONA: usize = 4;

/// Streams of the seed; the starts of fits on all customers use streams below.
const RESAMPLES: u64 = 1 << 32;
const COMPARED: u64 = (1 << 32) + 1;

/// What is resampled and how often.
pub(crate) struct Resampling<'a> {
    pub(crate) points: &'a Points<'a>,
    pub(crate) rules: Rules,
    pub(crate) n_resamples: usize,
    pub(crate) seed: u64,
}

/// One partition of all customers, to be found again.
#[derive(Clone, Copy)]
pub(crate) struct Reference<'a> {
    pub(crate) k: usize,
    pub(crate) labels: &'a [u32],
}

/// How well a partition is found again.
pub(crate) struct Resampled {
    pub(crate) stability: Stability,
    /// By persona of the reference, the mean best Jaccard overlap.
    pub(crate) jaccards: Vec<f64>,
}

/// A partition found again in one resample.
struct Again {
    adjusted_rand: f64,
    /// By persona of the reference, the best overlap with any found again.
    jaccards: Vec<f64>,
}

impl Resampling<'_> {
    /// By reference: mean adjusted Rand index and, by persona, mean best Jaccard overlap (Hennig 2007) of the
    /// partitions fitted on resamples with the reference, over all customers; `None` for one persona, or for more
    /// than a resample can tell apart.
    ///
    /// A resample holds 80 % of the customers without repetition, at most [`MAX_ROWS`]; all customers, at most
    /// 10,000 of them, are assigned. So the cost is bounded whatever the number of customers. A resample that
    /// cannot be fitted counts as nothing found again.
    pub(crate) fn measure(&self, references: &[Reference<'_>]) -> Vec<Option<Resampled>> {
        let n = self.points.n_rows();
        let size = ((SHARE * n as f64) as usize).min(MAX_ROWS);
        let measurable = |r: &Reference<'_>| r.k > 1 && size >= MIN_ROWS_PER_PERSONA * r.k;
        if self.n_resamples == 0 || !references.iter().any(measurable) {
            return references.iter().map(|_| None).collect();
        }
        let compared = rows(n, MAX_COMPARED, Random::new(self.seed).stream(COMPARED));
        let compared_cells = select(self.points.rows(), &compared);
        let all = Points::new(&compared_cells);
        let labels: Vec<Vec<u32>> =
            references.iter().map(|r| compared.iter().map(|&row| r.labels[row]).collect()).collect();
        let found: Vec<Vec<Option<Again>>> = (0..self.n_resamples)
            .into_par_iter()
            .map(|b| {
                let random = Random::new(self.seed).stream(RESAMPLES).stream(b as u64);
                let cells = select(self.points.rows(), &rows(n, size, random));
                let points = Points::new(&cells);
                let again = |(r, labels): (&Reference<'_>, &Vec<u32>)| {
                    measurable(r).then(|| self.again(&points, &all, *r, labels, random.bits(u64::MAX)))
                };
                references.par_iter().zip(&labels).map(again).collect()
            })
            .collect();
        let of = |at: usize| {
            let again: Vec<&Again> = found.iter().filter_map(|b| b[at].as_ref()).collect();
            (!again.is_empty()).then(|| summary(&again, references[at].k))
        };
        (0..references.len()).map(of).collect()
    }

    fn again(
        &self,
        points: &Points<'_>,
        all: &Points<'_>,
        of: Reference<'_>,
        labels: &[u32],
        seed: u64,
    ) -> Again {
        let Some(run) = quick_fit(points, of.k, seed, self.rules) else {
            return Again { adjusted_rand: 0.0, jaccards: vec![0.0; of.k] };
        };
        let found = final_assignment(all, &run.centroids, self.rules.level).labels;
        let table = Contingency::new(labels, &found);
        let mut jaccards = vec![0.0; of.k];
        for (label, jaccard) in table.best_jaccards() {
            jaccards[label as usize] = jaccard;
        }
        Again { adjusted_rand: table.adjusted_rand(), jaccards }
    }
}

fn summary(again: &[&Again], k: usize) -> Resampled {
    let n = again.len() as f64;
    let mean = |of: &dyn Fn(&Again) -> f64| again.iter().map(|a| of(a)).sum::<f64>() / n;
    let jaccards: Vec<f64> = (0..k).map(|j| mean(&|a| a.jaccards[j])).collect();
    let stability = Stability {
        n_resamples: again.len(),
        adjusted_rand: mean(&|a| a.adjusted_rand),
        least_jaccard: jaccards.iter().copied().fold(1.0, f64::min),
    };
    Resampled { stability, jaccards }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use crate::personas::PersonaParams;
    use crate::personas::grid::GridMatrix;

    /// Rows of one column.
    fn line(places: impl ExactSizeIterator<Item = f32>) -> GridMatrix {
        let mut matrix = GridMatrix::zeros(places.len(), 1);
        for (row, place) in places.enumerate() {
            matrix.cells_mut()[row * 8] = place;
        }
        matrix
    }

    fn measured(matrix: &GridMatrix, k: usize, labels: &[u32], n_resamples: usize) -> Option<Resampled> {
        let rules = PersonaParams::new(2, 1).check().unwrap().rules();
        let points = Points::new(matrix);
        let resampling = Resampling { points: &points, rules, n_resamples, seed: 1 };
        resampling.measure(&[Reference { k, labels }]).pop().unwrap()
    }

    #[test]
    fn groups_of_one_are_found_again_where_they_are_in_the_resample() {
        let matrix = line((0..100).map(|row| if row < 4 { 50.0 * (row + 1) as f32 } else { 0.0 }));
        let labels: Vec<u32> = (0..100).map(|row| if row < 4 { row + 1 } else { 0 }).collect();
        let found = measured(&matrix, 5, &labels, 100).unwrap();
        // 80 of 100 hold all four with .41; one that does not cannot have five groups and counts as nothing.
        for share in found.jaccards.iter().chain([&found.stability.adjusted_rand]) {
            assert!((0.26..0.56).contains(share), "{share}");
        }
        assert_eq!(found.stability.n_resamples, 100);
        assert_eq!(found.stability.least_jaccard, found.jaccards.iter().copied().fold(1.0, f64::min));
    }

    #[test]
    fn the_weakest_persona_is_told_and_the_names_of_labels_do_not_count() {
        // Two far groups, and one in the middle that labels cut at random.
        let place = |row: usize| [0.0, 100.0, 200.0, 200.0][row % 4] + (row / 4) as f32 / 50.0;
        let matrix = line((0..400).map(place));
        for names in [[0, 1, 2, 3], [3, 2, 1, 0]] {
            let cut = |row: usize| row % 4 + usize::from(row % 4 == 2 && row % 8 == 2);
            let labels: Vec<u32> = (0..400).map(|row| names[cut(row)]).collect();
            let found = measured(&matrix, 4, &labels, 20).unwrap();
            let of = |place: usize| found.jaccards[names[place] as usize];
            assert!(
                of(0) > 0.7 && of(2) < 0.7 && found.stability.least_jaccard <= of(2),
                "{:?}",
                found.jaccards
            );
            let two: Vec<u32> = labels.iter().map(|&l| u32::from(l == names[0])).collect();
            let again = measured(&line((0..400).map(|row| if row % 4 == 0 { 0.0 } else { 9.0 })), 2, &two, 5);
            assert_eq!(again.unwrap().stability.adjusted_rand, 1.0);
        }
    }

    #[test]
    fn a_large_table_is_compared_by_a_sample_of_its_own_rows() {
        let n = MAX_COMPARED + 2000;
        let far = |row: usize| row.is_multiple_of(7);
        let matrix = line((0..n).map(|row| if far(row) { 10.0 } else { 0.0 }));
        let labels: Vec<u32> = (0..n).map(|row| u32::from(far(row))).collect();
        assert_eq!(measured(&matrix, 2, &labels, 2).unwrap().stability.adjusted_rand, 1.0);
    }

    #[test]
    fn too_few_rows_say_nothing() {
        let matrix = line((0..20).map(|row| row as f32));
        let measured = |k: u32, n_resamples| {
            let labels: Vec<u32> = (0..20).map(|row| row % k).collect();
            measured(&matrix, k as usize, &labels, n_resamples).is_some()
        };
        assert!(!measured(5, 3), "16 rows in a resample, 20 wanted");
        assert!(measured(4, 3) && !measured(1, 3) && !measured(4, 0));
    }
}
