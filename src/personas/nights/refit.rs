//! Refreshes personas without renaming them: carried-over start, matched ids.

use thiserror::Error;

use super::carry::{Before, Matched};
use super::drift::drift;
use super::matching::Shares;
use super::refit_report::{Match, Merge, Part, RefitReport, Split};
use crate::error::{DataError, SpecMismatch};
use crate::features::FeatureTable;
use crate::personas::cells::observed::Observed;
use crate::personas::cells::transform::PersonaTransform;
use crate::personas::choosing::choice::{Choice, ChoiceReport, Reason};
use crate::personas::choosing::choose::{Chosen, Fit, measure, one_for_all};
use crate::personas::clustering::lloyd::{Run, Start, final_sums, run};
use crate::personas::clustering::starts::best_of;
use crate::personas::describe::Identity;
use crate::personas::model::PersonaModel;
use crate::personas::params::PersonaValid;

/// Gain of fresh starts from which the structure counts as changed.
const STRUCTURE_CHANGED: f64 = 0.02;

/// Why a refit is impossible.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Error)]
pub enum RefitError {
    /// The table cannot carry the fit.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The earlier model cannot read the table, and the earlier personas of its customers are not known either.
    #[error(transparent)]
    Spec(#[from] SpecMismatch),
}

/// What is known beside the earlier model, and what is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refit<'a> {
    /// By row, the persona id that the customer had; `None` for one who is new. Personas are matched over customers
    /// who had one. Absent: every customer counts as known, and had what the earlier model would say.
    pub before: Option<&'a [Option<u32>]>,
    /// Whether the number of personas is chosen anew, although that of the earlier model is allowed.
    pub choose_anew: bool,
    /// Ids below this are never given to a new persona; those the earlier model knows of are kept off anyway.
    pub first_free_id: u32,
}

impl PersonaValid {
    /// Carries the ids and names of an earlier model on to the personas of a newer table. As
    /// [`PersonaValid::refit`], with all customers as known and the number kept where `k` allows it.
    ///
    /// # Errors
    /// As [`PersonaValid::refit`].
    pub fn refit_from(
        &self,
        previous: &PersonaModel,
        table: &FeatureTable,
    ) -> Result<PersonaModel, RefitError> {
        self.refit(previous, table, Refit::default())
    }

    /// Carries the ids and names of an earlier model on to the personas of a newer table.
    ///
    /// The transform is fitted anew. The number of personas stands while `k` allows it, as that number or a range
    /// that holds it; then the run starts from the means of the customers whom `previous` assigns to each of its
    /// personas, so centroids move over in natural units, and random starts are tried beside and only reported. The
    /// very table that `previous` was fitted on gives its centroids back. Another `k`, or `choose_anew`, finds the
    /// personas as [`PersonaValid::fit`] does.
    ///
    /// Both models label the known customers of `table`; personas are matched one to one by the largest sum of
    /// Jaccard overlaps, ties to the lower earlier id, and an overlap of at least .3 keeps id and name. Where
    /// `previous` cannot read the table, the personas in `before` stand for its labels. Without a known customer,
    /// centroids are matched in the columns of `previous`. Other personas get ids that no persona ever had. Matched
    /// personas stand in the order of their predecessors, new ones behind them by size.
    ///
    /// # Errors
    /// As [`PersonaValid::fit`], fewer distinct customers than personas, or another feature specification than
    /// that of `previous` while nobody's earlier persona is known.
    ///
    /// # Panics
    /// When `before` is not one per row: a programmer error.
    pub fn refit(
        &self,
        previous: &PersonaModel,
        table: &FeatureTable,
        how: Refit<'_>,
    ) -> Result<PersonaModel, RefitError> {
        let keeps = self.keeps(previous) && !how.choose_anew;
        let (transform, encoded) = self.transform(table, keeps.then_some(previous))?;
        let rows = Observed::new(&transform, &encoded);
        let before = Before::of(previous, table, how.before)?;
        let (mut chosen, fresh_start_gain) = if keeps {
            let (mut chosen, gain) = self.carried_over(&rows, previous, &transform, &before)?;
            chosen.report.earlier = Some(Box::new(previous.choice.first().clone()));
            (chosen, Some(gain))
        } else {
            (self.choose(&rows, &transform)?, None)
        };
        let sizes = &chosen.assignment.sizes;
        let matched = before.matched(previous, table, &chosen.assignment.labels, sizes.len())?;
        let order = matched.order(sizes);
        let first_id = previous.next_id.max(how.first_free_id);
        let (identities, next_id) = identities(previous, &matched, &order, first_id);
        let mut report = report(previous, &matched, &order, &identities);
        self.reorder(&rows, &mut chosen, &order)?;
        let ids: Vec<u32> = chosen.assignment.labels.iter().map(|&j| identities[j as usize].id).collect();
        report.moved_share = before.moved_share(previous, &ids);
        let when_chosen = previous.bins_when_chosen.as_ref().unwrap_or(&previous.bins);
        report.drift = drift(&previous.bins, when_chosen, table);
        report.fresh_start_gain = fresh_start_gain;
        report.structure_changed = fresh_start_gain.is_some_and(|gain| gain > STRUCTURE_CHANGED);
        let mut model = self.model(table, transform, &rows, chosen, &identities);
        model.next_id = next_id;
        model.bins_when_chosen = keeps.then(|| when_chosen.clone());
        model.refit = Some(report);
        Ok(model)
    }

    /// Whether `k` allows the number of personas that there are.
    fn keeps(&self, previous: &PersonaModel) -> bool {
        match self.params().k {
            Choice::Fixed(k) => k == previous.n_personas(),
            Choice::Range(low, high) => (low..=high).contains(&previous.n_personas()),
        }
    }

    /// The run from the earlier clusters, and the gain of random starts over it.
    fn carried_over(
        &self,
        rows: &Observed<'_>,
        previous: &PersonaModel,
        transform: &PersonaTransform,
        before: &Before,
    ) -> Result<(Chosen, f64), DataError> {
        let points = &rows.points;
        let (search, k) = (self.search(points.n_rows()), previous.n_personas());
        if k == 1 {
            return Ok((one_for_all(points, search, Reason::Frozen), 0.0));
        }
        if points.n_distinct(k) < k {
            return Err(points.too_few_distinct(k));
        }
        let unchanged = self.unchanged(rows, previous, transform);
        let is_unchanged = unchanged.is_some();
        let carried = match unchanged {
            Some(run) => run,
            None => run(points, Start::Labels(before.start(points, k), k), search.rules)?,
        };
        let fresh = best_of(points, k, self.params().n_init, self.params().seed, search.rules)?;
        let gain = if carried.inertia > 0.0 { 1.0 - fresh.inertia / carried.inertia } else { 0.0 };
        let Fit { run, assignment, candidate } = measure(points, carried, search);
        let report =
            ChoiceReport { k, candidates: vec![candidate], ..ChoiceReport::new(search, Reason::Frozen) };
        let mut chosen = Chosen { run, assignment, report };
        if is_unchanged {
            chosen.assignment = rows.assign(&chosen.run.centroids, self.kernel());
        } else {
            rows.refine(&mut chosen, search.rules)?;
        }
        Ok((chosen, gain))
    }

    /// The earlier centroids as a run, where transform, sizes and inertia say that this is the table they were fitted
    /// on: a night without news moves nobody, although a run that ended by the tolerance could go on a little.
    fn unchanged(
        &self,
        rows: &Observed<'_>,
        previous: &PersonaModel,
        transform: &PersonaTransform,
    ) -> Option<Run> {
        if transform.features != previous.transform.features {
            return None;
        }
        let now = rows.assign(&previous.centroids, self.kernel());
        let sizes = previous.profiles.iter().map(|profile| profile.size);
        let same = now.inertia == previous.inertia && now.sizes.iter().copied().eq(sizes);
        same.then(|| Run {
            centroids: previous.centroids.clone(),
            // Over filled cells, as fresh starts have it.
            inertia: final_sums(&rows.points, &previous.centroids, self.kernel()).1,
            n_iterations: 0,
            converged: previous.converged,
            last_movement: 0.0,
            n_reseeded: 0,
            steps: Vec::new(),
        })
    }
}

/// Ids and kept names of the new personas in their order, and the next id that is free.
fn identities(
    previous: &PersonaModel,
    matched: &Matched,
    order: &[usize],
    first_id: u32,
) -> (Vec<Identity>, u32) {
    let mut next_id = first_id;
    let identity = |&new: &usize| match matched.kept(new) {
        Some(old) => {
            let before = &previous.profiles[old];
            Identity { id: before.id, name: Some(before.name.clone()) }
        }
        None => {
            next_id += 1;
            Identity { id: next_id - 1, name: None }
        }
    };
    let identities = order.iter().map(identity).collect();
    (identities, next_id)
}

/// What became of the earlier personas; what depends on the finished model is filled in later.
fn report(
    previous: &PersonaModel,
    matched: &Matched,
    order: &[usize],
    identities: &[Identity],
) -> RefitReport {
    let old_id = |old: usize| previous.profiles[old].id;
    let new_id = |new: usize| {
        let place = order.iter().position(|&at| at == new).expect("the order holds every cluster");
        identities[place].id
    };
    let parts = |parts: &[(usize, f64)], id: &dyn Fn(usize) -> u32| -> Vec<Part> {
        parts.iter().map(|&(at, share)| Part { id: id(at), share }).collect()
    };
    let split = |(old, into): &Shares| Split { id: old_id(*old), into: parts(into, &new_id) };
    let merge = |(new, from): &Shares| Merge { id: new_id(*new), from: parts(from, &old_id) };
    let one = |(&new, identity): (&usize, &Identity)| Match {
        id: identity.id,
        jaccard: matched.jaccard(new),
        distance: matched.distance(new),
        outcome: matched.outcome(new),
    };
    let stays = |id: u32| identities.iter().any(|identity| identity.id == id);
    RefitReport {
        matches: order.iter().zip(identities).map(one).collect(),
        gone: previous.profiles.iter().map(|p| p.id).filter(|&id| !stays(id)).collect(),
        matched_by: matched.by(),
        splits: matched.splits().iter().map(split).collect(),
        merges: matched.merges().iter().map(merge).collect(),
        moved_share: None,
        drift: Vec::new(),
        fresh_start_gain: None,
        structure_changed: false,
    }
}
