//! Fits personas: transform, choice of their number, order, profiles.

use super::cells::observed::Observed;
use super::cells::relevance::{self, Learned, Part, Pilot};
use super::cells::transform::PersonaTransform;
use super::choosing::choice::Choice;
use super::choosing::choose::{Chosen, Search, choose};
use super::clustering::array::Distance;
use super::clustering::lloyd::{FinalAssignment, Pruning, Rules};
use super::describe::{Identity, Members, profiles};
use super::model::{ALGORITHM_VERSION, PersonaModel};
use super::nights::drift::bins_of;
use super::params::{PersonaValid, Relevance};
use super::report::Encoded;
use crate::error::DataError;
use crate::features::FeatureTable;

impl PersonaValid {
    /// Finds the personas of all customers of a table.
    ///
    /// Ids are 0..k by size, the largest first, ties by centroid. Customers who cannot be told apart give one
    /// persona with the reason in [`PersonaModel::choice`]. Same bytes at any number of threads and any kernel
    /// level; uses the caller's rayon pool.
    ///
    /// Beside the fits of all customers, every tried number is fitted to `n_resamples` resamples and to 20 tables
    /// without clusters or samples, of at most 2,000 customers each, and silhouettes need the distances of 2,000
    /// customers: a cost that does not grow with the number of customers. [`PersonaValid::refit_from`] does none
    /// of it.
    ///
    /// # Errors
    /// No customers, an infinite cell, or clusters that cannot be kept apart by f32 distances.
    pub fn fit(&self, table: &FeatureTable) -> Result<PersonaModel, DataError> {
        self.fit_numbered(table, 0)
    }

    /// As [`PersonaValid::fit`], with ids from `first_id` on: those below have been given to other personas.
    ///
    /// # Errors
    /// As [`PersonaValid::fit`].
    pub fn fit_numbered(&self, table: &FeatureTable, first_id: u32) -> Result<PersonaModel, DataError> {
        let (transform, encoded) = self.transform(table, None)?;
        let rows = Observed::new(&transform, &encoded);
        let mut chosen = self.choose(&rows, &transform)?;
        let order = by_size(&chosen.assignment.sizes, &chosen.run.centroids, rows.points.n_columns());
        self.reorder(&rows, &mut chosen, &order)?;
        let identities: Vec<Identity> =
            (0..order.len()).map(|j| Identity { id: first_id + j as u32, name: None }).collect();
        Ok(self.model(table, transform, &rows, chosen, &identities))
    }

    /// Tries the numbers of personas that are asked for, and takes one.
    pub(crate) fn choose(
        &self,
        rows: &Observed<'_>,
        transform: &PersonaTransform,
    ) -> Result<Chosen, DataError> {
        let search = self.search(rows.points.n_rows());
        let mut chosen = choose(&rows.points, &transform.columns(), self.params().n_resamples, search)?;
        rows.refine(&mut chosen, search.rules)?;
        Ok(chosen)
    }

    pub(crate) fn search(&self, n_customers: usize) -> Search {
        let params = self.params();
        Search {
            choice: params.k,
            n_init: params.n_init,
            min_size: self.min_size(n_customers),
            seed: params.seed,
            rules: self.rules(),
        }
    }

    /// The transform of a table, and its rows after it. What features weigh is learned at the first fit and carried
    /// on afterwards: personas would move from night to night with weights that do.
    pub(crate) fn transform(
        &self,
        table: &FeatureTable,
        previous: Option<&PersonaModel>,
    ) -> Result<(PersonaTransform, Encoded), DataError> {
        if table.n_rows() == 0 {
            return Err(DataError::TooFew { model: "personas", what: "customers", got: 0, need: 1 });
        }
        let params = self.params();
        let (mut transform, encoded) = PersonaTransform::fit(table, params)?;
        let parts = relevance::parts(&transform.features);
        let learned = match (params.relevance, previous) {
            (Relevance::Even, _) => None,
            (Relevance::Learned, Some(previous)) => {
                relevance::carried(&transform, &parts, &previous.transform)
            }
            (Relevance::Learned, None) => {
                let (Choice::Fixed(k) | Choice::Range(_, k)) = params.k;
                relevance::learn(&encoded, &parts, Pilot { k, seed: params.seed, rules: self.rules() })
            }
        };
        let learned: Vec<(Part, Learned)> = parts.into_iter().zip(learned.unwrap_or_default()).collect();
        let encoded = transform.weigh(table, params, &learned);
        Ok((transform, encoded))
    }

    pub(crate) fn rules(&self) -> Rules {
        let params = self.params();
        Rules {
            level: self.kernel(),
            pruning: Pruning::Auto,
            distance: Distance::Euclidean,
            max_iterations: params.max_iterations,
            tolerance: params.tolerance,
        }
    }

    /// Renumbers clusters, so that the new number j is the old `order[j]`, and assigns again: ties go to the lower
    /// number, so they depend on the order.
    pub(crate) fn reorder(
        &self,
        rows: &Observed<'_>,
        chosen: &mut Chosen,
        order: &[usize],
    ) -> Result<(), DataError> {
        if order.len() < 2 {
            return Ok(());
        }
        let jaccards = &chosen.report.jaccards;
        chosen.report.jaccards = order.iter().filter_map(|&j| jaccards.get(j).copied()).collect();
        let d = rows.points.n_columns();
        let old = &chosen.run.centroids;
        chosen.run.centroids = order.iter().flat_map(|&j| old[j * d..(j + 1) * d].iter().copied()).collect();
        chosen.assignment = rows.assign(&chosen.run.centroids, self.kernel());
        if chosen.assignment.sizes.contains(&0) {
            let detail = "two centroids are nearer to each other than f32 distances can tell".to_owned();
            return Err(DataError::NotConverged { model: "personas", detail });
        }
        Ok(())
    }

    /// The model of a fit whose clusters stand in the order of `identities`.
    pub(crate) fn model(
        &self,
        table: &FeatureTable,
        transform: PersonaTransform,
        rows: &Observed<'_>,
        chosen: Chosen,
        identities: &[Identity],
    ) -> PersonaModel {
        let Chosen { run, assignment: FinalAssignment { labels, distances, inertia, .. }, report } = chosen;
        let members = Members::new(&labels, identities.len());
        let bins = bins_of(table, &transform);
        let profiles = profiles(table, &transform, &members, &distances, identities);
        let total = rows.points.total_inertia();
        PersonaModel {
            algorithm_version: ALGORITHM_VERSION,
            transform,
            centroids: run.centroids,
            next_id: identities.iter().map(|i| i.id + 1).max().unwrap_or(0),
            profiles,
            choice: report,
            inertia,
            explained_share: if total > 0.0 { 1.0 - inertia / total } else { 0.0 },
            n_iterations: run.n_iterations,
            converged: run.converged,
            n_reseeded: run.n_reseeded,
            seed: self.params().seed,
            refit: None,
            bins,
            bins_when_chosen: None,
        }
    }
}

/// Cluster numbers by size, the largest first, ties by centroid in column order.
fn by_size(sizes: &[u64], centroids: &[f64], d: usize) -> Vec<usize> {
    let centroid = |j: usize| &centroids[j * d..(j + 1) * d];
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|&a, &b| {
        let by_centroid =
            || centroid(a).iter().zip(centroid(b)).map(|(x, y)| x.total_cmp(y)).find(|o| o.is_ne());
        sizes[b].cmp(&sizes[a]).then_with(|| by_centroid().unwrap_or(std::cmp::Ordering::Equal))
    });
    order
}
