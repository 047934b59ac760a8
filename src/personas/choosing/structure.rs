//! Whether customers fall into groups at all: the same fits on the table and on tables without clusters.

use std::ops::Range;

use rayon::prelude::*;

use super::choice::{NullSilhouette, Structure};
use super::measure::simplified_silhouette;
use super::null::Null;
use super::sample::quick_fit;
use crate::personas::clustering::lloyd::{Rules, final_assignment};
use crate::personas::clustering::points::Points;
use crate::personas::grid::GridMatrix;
use crate::random::Random;

/// Tables without clusters to compare with. When the table is one of them itself, each of the twenty is equally
/// likely to be the best separated: the false-positive rate is 1 / 20.
const N_REPLICATES: usize = 19;

/// Streams of the seed; the starts of fits on all customers use streams below.
const REPLICATES: u64 = (1 << 32) + 2;

/// What tables without clusters give.
pub(crate) struct Comparison {
    pub(crate) structure: Structure,
    /// By number of personas, the simplified silhouette of the replicates.
    pub(crate) nulls: Vec<NullSilhouette>,
}

/// Compares `sample` with tables without clusters, for every number of personas in `ks`; `None` for a table of
/// fewer than two features, which is its own replicate, and when nothing is to be compared.
///
/// The statistic is the largest standardised simplified silhouette over all numbers, each standardised over the
/// table and its replicates; the p-value is that of a Monte Carlo test (Besag, Diggle 1977).
pub(crate) fn compare(
    sample: &GridMatrix,
    features: &[Range<usize>],
    ks: &[usize],
    seed: u64,
    rules: Rules,
) -> Option<Comparison> {
    if features.len() < 2 || ks.is_empty() {
        return None;
    }
    let random = Random::new(seed).stream(REPLICATES);
    let null = Null::fit(sample, features, random.stream(0));
    let silhouettes: Vec<Vec<f64>> = (0..=N_REPLICATES)
        .into_par_iter()
        .map(|r| {
            let of = |points: &Points<'_>| -> Vec<f64> {
                ks.par_iter()
                    .map(|&k| separation(points, k, random.stream(r as u64).bits(1), rules))
                    .collect()
            };
            if r == 0 {
                of(&Points::new(sample))
            } else {
                of(&Points::new(&null.replicate(random.stream(r as u64))))
            }
        })
        .collect();
    Some(comparison(&silhouettes))
}

/// What the silhouettes of the table and of its replicates, by table and number of personas, say.
fn comparison(silhouettes: &[Vec<f64>]) -> Comparison {
    let (p_value, n_replicates) = (p_value(silhouettes), silhouettes.len() - 1);
    let null = |at: usize| {
        let (mean, variance) = moments(silhouettes[1..].iter().map(|table| table[at]));
        NullSilhouette { mean, standard_error: (variance / n_replicates as f64).sqrt() }
    };
    let nulls = (0..silhouettes[0].len()).map(null).collect();
    Comparison { structure: Structure { found: p_value <= 0.05, p_value, n_replicates }, nulls }
}

/// The simplified silhouette of a quick fit; 0 where there is none.
fn separation(points: &Points<'_>, k: usize, seed: u64, rules: Rules) -> f64 {
    let Some(run) = quick_fit(points, k, seed, rules) else { return 0.0 };
    let assignment = final_assignment(points, &run.centroids, rules.level);
    simplified_silhouette(&assignment).map_or(0.0, |(mean, _)| mean)
}

/// The share of tables, the first included, that are at least as well separated as the first.
fn p_value(silhouettes: &[Vec<f64>]) -> f64 {
    let n_ks = silhouettes[0].len();
    let scales: Vec<(f64, f64)> = (0..n_ks).map(|at| moments(silhouettes.iter().map(|t| t[at]))).collect();
    let largest = |table: &Vec<f64>| {
        let standardised = table
            .iter()
            .zip(&scales)
            .map(|(s, (mean, variance))| if *variance > 0.0 { (s - mean) / variance.sqrt() } else { 0.0 });
        standardised.fold(f64::NEG_INFINITY, f64::max)
    };
    let first = largest(&silhouettes[0]);
    silhouettes.iter().filter(|table| largest(table) >= first).count() as f64 / silhouettes.len() as f64
}

/// Mean and variance (with n - 1).
fn moments(cells: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = cells.clone().count() as f64;
    let mean = cells.clone().sum::<f64>() / n;
    (mean, cells.map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use crate::personas::PersonaParams;

    fn tables(first: f64, replicates: impl Iterator<Item = f64>) -> Vec<Vec<f64>> {
        std::iter::once(first).chain(replicates).map(|silhouette| vec![silhouette]).collect()
    }

    #[test]
    fn figures_of_tables_without_groups_leave_out_the_table_itself() {
        let Comparison { structure, nulls } = comparison(&tables(0.9, [0.1, 0.3, 0.5].into_iter()));
        assert_eq!((structure.found, structure.p_value, structure.n_replicates), (false, 0.25, 3));
        assert!((nulls[0].mean - 0.3).abs() < 1e-12, "{nulls:?}");
        assert!((nulls[0].standard_error - 0.2 / 3f64.sqrt()).abs() < 1e-12, "{nulls:?}");
    }

    #[test]
    fn groups_are_found_up_to_one_in_twenty() {
        let found = |n_above: u32| {
            let above = |r| if r < n_above { 0.95 } else { 0.3 };
            comparison(&tables(0.9, (0..19).map(above))).structure.found
        };
        assert_eq!([0, 1].map(found), [true, false]);
    }

    #[test]
    fn far_groups_are_found_and_a_cloud_is_not() {
        let rules = PersonaParams::new(2, 1).check().unwrap().rules();
        let found = |apart: f64| {
            let mut matrix = GridMatrix::zeros(200, 3);
            for row in 0..200 {
                let middle = if row % 2 == 0 { apart } else { -apart };
                for c in 0..3 {
                    let noise = Random::new(6).stream(c).normal(row);
                    matrix.cells_mut()[row as usize * 8 + c as usize] = (middle + noise) as f32;
                }
            }
            compare(&matrix, &[0..1, 1..2, 2..3], &[2, 3], 1, rules).unwrap()
        };
        let groups = found(4.0);
        assert!(groups.structure.found && groups.nulls[0].mean < 0.75, "{:?}", groups.nulls);
        let cloud = found(0.0);
        assert!(!cloud.structure.found && cloud.nulls[0].standard_error > 1e-6, "{:?}", cloud.nulls);
    }

    #[test]
    fn one_feature_is_its_own_replicate_and_not_compared() {
        let rules = PersonaParams::new(2, 1).check().unwrap().rules();
        let matrix = GridMatrix::zeros(50, 2);
        let both = std::slice::from_ref(&(0..2));
        assert!(compare(&matrix, both, &[2], 1, rules).is_none());
        assert!(compare(&matrix, &[0..1, 1..2], &[], 1, rules).is_none());
    }

    #[test]
    fn the_p_value_counts_tables_at_least_as_well_separated() {
        let tables = |first: [f64; 2]| {
            let mut tables = vec![first.to_vec()];
            tables.extend((0..19).map(|r| vec![0.3 + 0.001 * f64::from(r), 0.5]));
            tables
        };
        assert_eq!(p_value(&tables([0.9, 0.5])), 0.05);
        // Below the highest null at one number, far above all at the other.
        assert_eq!(p_value(&tables([0.3, 0.9])), 0.05);
        assert_eq!(p_value(&tables([0.31, 0.5])), 0.5);
        assert_eq!(p_value(&vec![vec![0.4]; 20]), 1.0);
    }
}
