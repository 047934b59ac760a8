//! From open candidates to a slate: best score first, tier by tier, under the rules about the slate itself.

use std::cmp::Ordering;

use super::catalogue::Catalogue;
use super::policy::Policy;
use super::{Ask, Outcome, Pick, Scores, Source};
use crate::decide::reasons::ReasonCode;

/// Candidates of one tier in rank order: higher score first, then lower item.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ranked {
    score: f32,
    item: u32,
}

impl Ranked {
    /// Best first; scores are finite by construction, so the order is total.
    fn order(a: &Self, b: &Self) -> Ordering {
        b.score.total_cmp(&a.score).then(a.item.cmp(&b.item))
    }
}

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
    if let Some(personal) = scores.personal {
        apply_floor(policy, personal, outcomes);
    }
    let limit = room.map_or(ask.slots, |room| room.min(ask.slots));
    let mut slate = Slate { catalogue, policy, limit, picks: Vec::with_capacity(limit) };
    if let Some(personal) = scores.personal {
        slate.fill_from(Source::Als, |item| personal[item], outcomes);
    }
    if let Some(popular) = scores.popular {
        slate.fill_from(Source::Popular, |item| (popular[item] > 0.0).then_some(popular[item]), outcomes);
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

fn apply_floor(policy: &Policy, personal: &[Option<f32>], outcomes: &mut [Outcome]) {
    let Some(floor) = policy.relevance_floor else { return };
    for (outcome, score) in outcomes.iter_mut().zip(personal) {
        if *outcome == Outcome::Open && score.is_some_and(|score| score < floor) {
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
    fn fill_from(&mut self, source: Source, score: impl Fn(usize) -> Option<f32>, outcomes: &mut [Outcome]) {
        let mut look_at = 2 * self.limit;
        while self.picks.len() < self.limit {
            let ranked = best(look_at, outcomes, &score);
            for candidate in &ranked {
                if self.picks.len() == self.limit {
                    break;
                }
                outcomes[candidate.item as usize] = self.offer(source, candidate);
            }
            if ranked.len() < look_at {
                break;
            }
            look_at *= 2;
        }
    }

    fn offer(&mut self, source: Source, candidate: &Ranked) -> Outcome {
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

/// The best `n` open candidates with a score, in rank order; all of them when there are fewer.
fn best(n: usize, outcomes: &[Outcome], score: impl Fn(usize) -> Option<f32>) -> Vec<Ranked> {
    let full = (4 * n).max(64);
    let mut kept: Vec<Ranked> = Vec::with_capacity(full);
    // Items come in ascending order, so an equal score loses against what is kept: strict comparison is exact.
    let mut threshold = f32::NEG_INFINITY;
    let mut trimmed = false;
    for (item, _) in outcomes.iter().enumerate().filter(|&(_, &outcome)| outcome == Outcome::Open) {
        let Some(score) = score(item) else { continue };
        if trimmed && score <= threshold {
            continue;
        }
        kept.push(Ranked { score, item: item as u32 });
        if kept.len() == full && n > 0 {
            kept.select_nth_unstable_by(n - 1, Ranked::order);
            kept.truncate(n);
            threshold = kept[n - 1].score;
            trimmed = true;
        }
    }
    kept.sort_unstable_by(Ranked::order);
    kept.truncate(n);
    kept
}
