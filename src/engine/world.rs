//! What is fixed between swaps, and deciding with it.

use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwapOption;

use crate::bundle::Models;
use crate::decide::{
    Ask, Availability, Because, Catalogue, CustomerState, Fallback, Pick, Policy, Scores, ShownItem,
    ShownReason, Slate, Source, Stock, Tier, Withheld, decide, why_withheld,
};
use crate::recommend::{Contribution, FoldInScratch, IalsModel, ItemSet};
use crate::types::{Key, Timestamp};

/// Purchases named in the reason of a shown item.
const N_BECAUSE: usize = 2;

/// Models, catalogue and policy bound together.
#[derive(Debug)]
pub struct World {
    models: Arc<Models>,
    catalogue: Arc<Catalogue>,
    policy: Arc<Policy>,
    /// Row in the factor model of every item of the catalogue; `None` for items newer than the model.
    model_row: Vec<Option<u32>>,
    /// Whether that row is the place in the catalogue for every item, as it is where both were made together.
    rows_are_places: bool,
    /// Items of the catalogue that the factor model knows.
    scorable: ItemSet,
    /// Popularity of every item of the catalogue.
    popular: Vec<f32>,
    /// Items with evidence of popularity.
    sold: ItemSet,
    /// The last availability asked for; a cache, recomputed when it does not hold.
    availability: ArcSwapOption<Availability>,
    stock: RwLock<Stock>,
}

/// What a [`World`] is bound from.
pub(super) type Parts = (Arc<Models>, Arc<Catalogue>, Arc<Policy>);

/// A slate with what is needed to explain it.
#[derive(Debug)]
pub struct Answer {
    /// The slate.
    pub slate: Slate,
    /// Rows of the factor model that were folded in, ascending.
    history: Vec<u32>,
    personal: Option<Vec<f32>>,
}

/// Working memory of decisions, kept from call to call. Grows to what the models of a world need.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    fold_in: Option<FoldInScratch>,
    by_row: Vec<f32>,
}

impl Scratch {
    /// The working memory for a factor model.
    fn for_model(&mut self, model: &IalsModel) -> (&mut FoldInScratch, &mut Vec<f32>) {
        let fits = |scratch: &FoldInScratch| scratch.n_factors() == model.n_factors();
        if !self.fold_in.as_ref().is_some_and(fits) {
            self.fold_in = None;
        }
        (self.fold_in.get_or_insert_with(|| model.scratch()), &mut self.by_row)
    }
}

impl World {
    /// Binds the three together.
    #[must_use]
    pub fn new(models: Arc<Models>, catalogue: Arc<Catalogue>, policy: Arc<Policy>) -> Self {
        let model_row: Vec<Option<u32>> =
            (0..catalogue.len()).map(|item| models.row(catalogue.key(item))).collect();
        let at_its_place = |(place, row): (usize, &Option<u32>)| row.is_some_and(|row| row as usize == place);
        let rows_are_places = model_row.iter().enumerate().all(at_its_place);
        let popular: Vec<f32> =
            model_row.iter().map(|row| row.map_or(0.0, |row| models.popularity()[row as usize])).collect();
        let scorable = ItemSet::filter(catalogue.len(), |item| model_row[item as usize].is_some());
        let sold = ItemSet::filter(catalogue.len(), |item| popular[item as usize] > 0.0);
        let (availability, stock) = (ArcSwapOption::empty(), RwLock::new(Stock::of(&catalogue)));
        Self {
            models,
            catalogue,
            policy,
            model_row,
            rows_are_places,
            scorable,
            popular,
            sold,
            availability,
            stock,
        }
    }

    pub(super) fn parts(&self) -> Parts {
        (Arc::clone(&self.models), Arc::clone(&self.catalogue), Arc::clone(&self.policy))
    }

    /// States the stock of an item; unknown items are ignored.
    pub fn set_stock(&self, item: Key, units: i64) {
        if let Some(item) = self.catalogue.find(item) {
            self.stock.write().unwrap_or_else(PoisonError::into_inner).set(item, units);
        }
    }

    /// The catalogue.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Decides for a customer in the given state. The same state, stock and ask give the same answer, whoever
    /// calls: batch, serving, preview.
    #[must_use]
    pub fn decide(&self, state: &CustomerState, ask: &Ask<'_>, scratch: &mut Scratch) -> Answer {
        let mut answers = self.decide_many(std::slice::from_ref(state), ask, scratch);
        answers.pop().unwrap_or_else(|| unreachable!("one answer per state"))
    }

    /// [`World::decide`] for several customers, who share the reading of the item factors; the same bits.
    #[must_use]
    pub fn decide_many(&self, states: &[CustomerState], ask: &Ask<'_>, scratch: &mut Scratch) -> Vec<Answer> {
        let histories: Vec<Vec<u32>> = states.iter().map(|state| self.history(state)).collect();
        let personal = self.personal(&histories, scratch);
        let availability = self.availability(ask.now);
        let stock = self.stock.read().unwrap_or_else(PoisonError::into_inner);
        let answer = |((state, history), personal): ((&CustomerState, Vec<u32>), Option<Vec<f32>>)| {
            let scores = self.scores(personal.as_deref());
            let slate = decide(&self.catalogue, &self.policy, &availability, &stock, state, &scores, ask);
            Answer { slate, history, personal }
        };
        states.iter().zip(histories).zip(personal).map(answer).collect()
    }

    /// The slots of an answer with ids and reasons.
    #[must_use]
    pub fn shown(&self, answer: &Answer, scratch: &mut Scratch) -> Vec<ShownItem> {
        let reasons = self.reasons(answer, scratch);
        let slots = answer.slate.picks.iter().zip(reasons).zip(1..);
        let shown = |((pick, reason), slot): ((&Pick, ShownReason), u32)| ShownItem {
            slot,
            item_id: self.catalogue.ids().get(pick.item).to_owned(),
            score: pick.score,
            source: pick.source,
            tier: pick.source.tier(),
            is_fallback: pick.source != Source::Als,
            reason,
        };
        slots.map(shown).collect()
    }

    /// Why an item of the catalogue is not on the slate; `None` when it is, or was no candidate.
    #[must_use]
    pub fn why_withheld(
        &self,
        state: &CustomerState,
        ask: &Ask<'_>,
        answer: &Answer,
        item: usize,
    ) -> Option<Withheld> {
        let scores = self.scores(answer.personal.as_deref());
        why_withheld(&self.catalogue, &self.policy, state, &scores, ask, &answer.slate, item)
    }

    /// How many items pass the guardrails that are the same for everybody.
    #[must_use]
    pub fn n_available(&self, now: Timestamp) -> usize {
        let out_of_stock = self.stock.read().unwrap_or_else(PoisonError::into_inner);
        self.availability(now).n_available(&out_of_stock)
    }

    /// What a customer's purchases are to the factor model: rows ascending, so that the fold-in does not depend on
    /// the order of events. Fully refunded items are no taste.
    fn history(&self, state: &CustomerState) -> Vec<u32> {
        let kept = state.bought().iter().filter(|bought| bought.units > 0);
        let mut rows: Vec<u32> = kept.filter_map(|bought| self.models.row(bought.item)).collect();
        rows.sort_unstable();
        rows
    }

    /// Scores by fold-in of each history, `None` for a customer the factor model knows nothing about.
    fn personal(&self, histories: &[Vec<u32>], scratch: &mut Scratch) -> Vec<Option<Vec<f32>>> {
        let Some(model) = self.models.factors() else { return vec![None; histories.len()] };
        let (fold_in, by_row) = scratch.for_model(model);
        let folded: Vec<Option<Vec<f32>>> =
            histories.iter().map(|history| model.fold_in(history, fold_in)).collect();
        let customers: Vec<f32> = folded.iter().flatten().flatten().copied().collect();
        by_row.resize(customers.len() / model.n_factors() * model.n_items(), 0.0);
        model.panels().score_many(&customers, by_row);
        let mut rows = by_row.chunks_exact(model.n_items().max(1));
        let mut in_catalogue = || -> Vec<f32> {
            let scores = rows.next().unwrap_or_default();
            if self.rows_are_places {
                return scores[..self.model_row.len()].to_vec();
            }
            self.model_row.iter().map(|row| row.map_or(0.0, |row| scores[row as usize])).collect()
        };
        folded.iter().map(|folded| folded.as_ref().map(|_| in_catalogue())).collect()
    }

    fn scores<'a>(&'a self, personal: Option<&'a [f32]>) -> Scores<'a> {
        let popular = Tier { scores: &self.popular, scorable: &self.sold };
        Scores {
            personal: personal.map(|scores| Tier { scores, scorable: &self.scorable }),
            popular: (self.policy.fallback == Fallback::Popular).then_some(popular),
        }
    }

    fn availability(&self, now: Timestamp) -> Arc<Availability> {
        if let Some(known) = self.availability.load_full().filter(|known| known.holds_at(now)) {
            return known;
        }
        let fresh = Arc::new(Availability::at(&self.catalogue, &self.policy.availability, now));
        self.availability.store(Some(Arc::clone(&fresh)));
        fresh
    }

    /// One reason per pick.
    fn reasons(&self, answer: &Answer, scratch: &mut Scratch) -> Vec<ShownReason> {
        let personal = |pick: &&Pick| pick.source == Source::Als;
        let rows: Vec<u32> =
            answer.slate.picks.iter().filter(personal).filter_map(|pick| self.model_row[pick.item]).collect();
        let parts = match self.models.factors() {
            Some(model) if !rows.is_empty() => {
                model.explain(&answer.history, &rows, scratch.for_model(model).0)
            }
            _ => Vec::new(),
        };
        let mut because = parts.iter().map(|parts| self.because(parts));
        let of = |pick: &Pick| match pick.source {
            Source::Als => because.next().unwrap_or(ShownReason::BecauseOf(Vec::new())),
            Source::Popular => ShownReason::Popular,
        };
        answer.slate.picks.iter().map(of).collect()
    }

    fn because(&self, parts: &[Contribution]) -> ShownReason {
        let speaks_for: f32 = parts.iter().map(|part| part.part.max(0.0)).sum();
        let mut best: Vec<&Contribution> = Vec::with_capacity(N_BECAUSE + 1);
        for part in parts.iter().filter(|part| part.part > 0.0) {
            // The history is ascending, so a later part of the same size stands behind.
            let place = best.partition_point(|better| better.part >= part.part);
            if place < N_BECAUSE {
                best.insert(place, part);
                best.truncate(N_BECAUSE);
            }
        }
        let because = |part: &Contribution| {
            let bought = self.catalogue.find(self.models.key(part.item))?;
            Some(Because { title: self.catalogue.title(bought).to_owned(), share: part.part / speaks_for })
        };
        ShownReason::BecauseOf(best.into_iter().filter_map(because).collect())
    }
}
