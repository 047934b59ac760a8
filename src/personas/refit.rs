//! Refreshes personas without renaming them: same number, carried-over start, matched ids.

use thiserror::Error;

use super::choice::{ChoiceReport, Reason};
use super::choose::{Chosen, Fit, Search, measure, one_for_all};
use super::describe::Identity;
use super::kmeans::best_of;
use super::lloyd::{Start, run};
use super::matching::Overlaps;
use super::model::{Match, MatchOutcome, PersonaModel, RefitReport};
use super::observed::Observed;
use super::params::PersonaValid;
use super::points::Points;
use crate::error::{DataError, SpecMismatch};
use crate::features::FeatureTable;

/// Least overlap at which a persona keeps its id and name without remark.
const KEPT: f64 = 0.5;

/// Least overlap at which a persona keeps its id and name at all.
const CHANGED: f64 = 0.3;

/// Gain of fresh starts from which the structure counts as changed.
const STRUCTURE_CHANGED: f64 = 0.02;

/// Why a refit is impossible.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Error)]
pub enum RefitError {
    /// The table cannot carry the fit.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The earlier model cannot read the table, so its personas cannot be carried over.
    #[error(transparent)]
    Spec(#[from] SpecMismatch),
}

impl PersonaValid {
    /// Finds as many personas as `previous` has in a newer table, and carries their ids and names on.
    ///
    /// The transform is fitted anew. The run starts from the means of the customers whom `previous` assigns to
    /// each of its personas, so centroids move over in natural units. Both models label the customers of `table`;
    /// clusters are matched one to one by the largest sum of Jaccard overlaps, and an overlap of at least .3 keeps
    /// id and name. Other personas get ids that were never used. Random starts are tried beside and only
    /// reported: `k`, `min_size` and the choice of `previous` stand. Personas stand in the order of their
    /// predecessors, new ones last by cluster.
    ///
    /// # Errors
    /// As [`PersonaValid::fit`], fewer distinct customers than personas, or another feature specification than
    /// that of `previous`.
    pub fn refit_from(
        &self,
        previous: &PersonaModel,
        table: &FeatureTable,
    ) -> Result<PersonaModel, RefitError> {
        let k = previous.n_personas();
        let (transform, encoded) = self.transform(table, Some(previous))?;
        let rows = Observed::new(&transform, &encoded);
        let old = positions(previous, table)?;
        let (mut chosen, fresh_start_gain) = self.carried_over(&rows.points, &old, k)?;
        rows.refine(&mut chosen, self.rules())?;
        let overlaps = Overlaps::count(&old, &chosen.assignment.labels, k, k);
        let matching = overlaps.best_matching();
        let mut order: Vec<usize> = (0..k).collect();
        let is_new = |new: usize| overlaps.jaccard(matching[new], new) < CHANGED;
        order.sort_by_key(|&new| (is_new(new), if is_new(new) { new } else { matching[new] }));
        let mut next_id = previous.next_id;
        let mut identities = Vec::new();
        let mut matches = Vec::new();
        for &new in &order {
            let jaccard = overlaps.jaccard(matching[new], new);
            let outcome = match jaccard {
                j if j >= KEPT => MatchOutcome::Kept,
                j if j >= CHANGED => MatchOutcome::Changed,
                _ => MatchOutcome::New,
            };
            let identity = if outcome == MatchOutcome::New {
                next_id += 1;
                Identity { id: next_id - 1, name: None }
            } else {
                let before = &previous.profiles[matching[new]];
                Identity { id: before.id, name: Some(before.name.clone()) }
            };
            matches.push(Match { id: identity.id, jaccard, outcome });
            identities.push(identity);
        }
        let stays = |id: u32| identities.iter().any(|identity| identity.id == id);
        let gone = previous.profiles.iter().map(|p| p.id).filter(|&id| !stays(id)).collect();
        self.reorder(&rows, &mut chosen, &order)?;
        let mut model = self.model(table, transform, &rows, chosen, &identities);
        model.next_id = next_id;
        let structure_changed = fresh_start_gain > STRUCTURE_CHANGED;
        model.choice.earlier = Some(Box::new(previous.choice.first().clone()));
        model.refit = Some(RefitReport { matches, gone, fresh_start_gain, structure_changed });
        Ok(model)
    }

    /// The run from the given clusters, and the gain of random starts over it.
    fn carried_over(&self, points: &Points<'_>, old: &[u32], k: usize) -> Result<(Chosen, f64), DataError> {
        let params = self.params();
        let search = Search {
            choice: params.k,
            n_init: params.n_init,
            min_size: self.min_size(points.n_rows()),
            seed: params.seed,
            rules: self.rules(),
        };
        if k == 1 {
            return Ok((one_for_all(points, search, Reason::Frozen), 0.0));
        }
        if points.n_distinct(k) < k {
            return Err(points.too_few_distinct(k));
        }
        let carried = run(points, Start::Labels(old.to_vec(), k), search.rules)?;
        let fresh = best_of(points, k, params.n_init, params.seed, search.rules)?;
        let gain = if carried.inertia > 0.0 { 1.0 - fresh.inertia / carried.inertia } else { 0.0 };
        let Fit { run, assignment, candidate } = measure(points, carried, search);
        let report =
            ChoiceReport { k, candidates: vec![candidate], ..ChoiceReport::new(search, Reason::Frozen) };
        Ok((Chosen { run, assignment, report }, gain))
    }
}

/// The position of every customer's persona in the profiles of the earlier model.
fn positions(previous: &PersonaModel, table: &FeatureTable) -> Result<Vec<u32>, SpecMismatch> {
    let position = |id: u32| previous.profiles.iter().position(|p| p.id == id);
    let assigned = previous.predict(table)?;
    Ok(assigned.iter().filter_map(|a| position(a.persona)).map(|at| at as u32).collect())
}
