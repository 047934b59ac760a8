//! From open candidates to a slate: best score first, tier by tier, under the rules about the slate itself.

use super::catalogue::Catalogue;
use super::policy::Policy;
use super::reasons::ReasonCode;
use super::{Ask, Outcome, Pick, Scores, Source, Tier};
use crate::recommend::{ItemSet, Scored, top_k_of};

/// Fills the slate. `outcomes` says which candidates are open and receives what becomes of them; `room` is what
/// caps over everything still allow.
///
/// Ties go to the lower item. An item without a score in a tier is no candidate of that tier.
pub(super) fn fill(
    catalogue: &Catalogue,
    policy: &Policy,
    ask: &Ask<'_>,
    scores: &Scores<'_>,
    room: Option<usize>,
    outcomes: &mut [Outcome],
) -> Vec<Pick> {
    // Stages in their order: where a cap over everything leaves no room, it is the reason and not the floor.
    if let (Some(personal), true) = (scores.personal, room != Some(0)) {
        apply_floor(policy, personal, outcomes);
    }
    let limit = room.map_or(ask.slots, |room| room.min(ask.slots));
    let picks = Vec::with_capacity(limit.min(catalogue.len()));
    let mut slate = Slate { catalogue, policy, limit, picks };
    for (source, tier) in [(Source::Als, scores.personal), (Source::Popular, scores.popular)] {
        if let Some(tier) = tier {
            slate.fill_from(source, &tier, outcomes);
        }
    }
    let picks = slate.picks;
    // What a cap over everything closes is withheld by it, not outranked.
    let rest =
        if limit < ask.slots && picks.len() == limit { ReasonCode::Cap } else { ReasonCode::Outranked };
    for outcome in outcomes.iter_mut().filter(|outcome| **outcome == Outcome::Open) {
        *outcome = Outcome::Withheld(rest);
    }
    picks
}

fn apply_floor(policy: &Policy, personal: Tier<'_>, outcomes: &mut [Outcome]) {
    let Some(floor) = policy.relevance_floor else { return };
    for item in personal.scorable.iter() {
        let outcome = &mut outcomes[item as usize];
        if *outcome == Outcome::Open && personal.scores[item as usize] < floor {
            *outcome = Outcome::Withheld(ReasonCode::LowRelevance);
        }
    }
}

struct Slate<'a> {
    catalogue: &'a Catalogue,
    policy: &'a Policy,
    limit: usize,
    picks: Vec<Pick>,
}

impl Slate<'_> {
    /// Takes the best open candidates of a tier until the slate is full. Greedy is exact here: categories are a
    /// partition. Looks at a prefix of the ranking and doubles it while quotas eat it up.
    fn fill_from(&mut self, source: Source, tier: &Tier<'_>, outcomes: &mut [Outcome]) {
        if self.picks.len() == self.limit {
            return;
        }
        let mut open = ItemSet::filter(outcomes.len(), |item| outcomes[item as usize] == Outcome::Open);
        open.intersect(tier.scorable);
        let mut look_at = self.limit.saturating_mul(2);
        while self.picks.len() < self.limit {
            let ranked = top_k_of(tier.scores, look_at, &open, &[]);
            for candidate in &ranked {
                if self.picks.len() == self.limit {
                    break;
                }
                outcomes[candidate.item as usize] = self.offer(source, candidate);
                open.remove(candidate.item);
            }
            if ranked.len() < look_at {
                break;
            }
            look_at = look_at.saturating_mul(2);
        }
    }

    fn offer(&mut self, source: Source, candidate: &Scored) -> Outcome {
        let item = candidate.item as usize;
        if let (Some(max), Some(category)) =
            (self.policy.max_per_category, self.catalogue.items.categories[item])
        {
            let same = |pick: &&Pick| self.catalogue.items.categories[pick.item] == Some(category);
            if self.picks.iter().filter(same).count() >= max as usize {
                return Outcome::Withheld(ReasonCode::QuotaCategory);
            }
        }
        self.picks.push(Pick { item, score: candidate.score, source });
        Outcome::Shown
    }
}
