//! What to show: candidates -> guardrails -> score -> slate, with a reason for every item shown and withheld.
//!
//! [`decide`] is a pure function of (catalogue, policy, availability, state of the customer, scores, request). The
//! batch job and the [`crate::engine::Engine`] call it alike. Guardrails (one file each) act before ranking: what
//! they withhold takes no slot in any tier. Rules about the slate come after, greedily. The reason of a withheld
//! item is the first failing stage in pipeline order: availability, request, refusals, purchases, caps, relevance
//! floor, quota.

mod availability;
mod bought;
mod caps;
mod catalogue;
mod decision;
mod dismissed;
mod policy;
mod reasons;
mod slate;
mod state;

pub use availability::{Availability, Stock};
pub use catalogue::{Catalogue, KeyCollision};
pub use decision::{Because, Decision, ShownItem, ShownReason, WithheldCount};
pub use policy::{
    AvailabilityRules, Bought, BoughtLevel, BoughtPolicy, BoughtRule, Cap, CapKey, Dismissed, Fallback,
    Policy, PolicyParams, RefundEffect,
};
pub use reasons::{REASONS_VERSION, ReasonCode, Withheld};
pub use state::{Bought as BoughtItem, CustomerState, EXPOSURES_KEPT, ITEM_EXPOSURES_KEPT, Reservation};

use serde::{Deserialize, Serialize};

use crate::recommend::ItemSet;
use crate::types::{Key, Timestamp};

/// Where a shown item comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The factor model, by fold-in of the customer's own purchases.
    Als,
    /// What everybody buys.
    Popular,
}

impl Source {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Als => "als",
            Self::Popular => "popular",
        }
    }

    /// The tier: 1 personalised, 3 popular (2, 4 and 5 are persona-popular, editorial and nothing).
    #[must_use]
    pub fn tier(self) -> u8 {
        match self {
            Self::Als => 1,
            Self::Popular => 3,
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The instant of the decision.
    pub now: Timestamp,
    /// How many items.
    pub slots: usize,
    /// Items that must not be shown.
    pub exclude: &'a [Key],
    /// Only these are considered, when given.
    pub candidates: Option<&'a [Key]>,
}

/// Scores of one tier.
#[derive(Clone, Copy, Debug)]
pub struct Tier<'a> {
    /// Per item of the catalogue; all finite. What is said about items outside `scorable` is not read.
    pub scores: &'a [f32],
    /// Items that the tier can score; others are no candidates of it.
    pub scorable: &'a ItemSet,
}

impl Tier<'_> {
    fn score(&self, item: usize) -> Option<f32> {
        self.scorable.contains(item as u32).then(|| self.scores[item])
    }
}

/// Scores by tier; `None` for a tier that is switched off or has nothing to say about the customer.
#[derive(Clone, Copy, Debug)]
pub struct Scores<'a> {
    /// Tier 1.
    pub personal: Option<Tier<'a>>,
    /// Tier 3.
    pub popular: Option<Tier<'a>>,
}

/// What became of one item of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not among the candidates of the request.
    NotConsidered,
    /// Passed the guardrails; does not remain when a decision is complete.
    Open,
    /// On the slate.
    Shown,
    /// Not shown, for this reason.
    Withheld(ReasonCode),
}

/// A slot of the slate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    /// Row in the catalogue.
    pub item: usize,
    /// Score in its tier; scores of different tiers cannot be compared.
    pub score: f32,
    /// Where it comes from.
    pub source: Source,
}

/// Fewer items than asked for; a normal value, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortfall {
    /// Slots asked for.
    pub asked: u32,
    /// Slots filled.
    pub given: u32,
}

/// A complete slate: picks in slot order and one outcome per item of the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Slate {
    /// Slots in order, best first inside a tier.
    pub picks: Vec<Pick>,
    /// One per item; none is [`Outcome::Open`].
    pub outcomes: Vec<Outcome>,
}

impl Slate {
    /// Number of candidates that were considered.
    #[must_use]
    pub fn considered(&self) -> u32 {
        self.outcomes.iter().filter(|&&outcome| outcome != Outcome::NotConsidered).count() as u32
    }

    /// Withheld candidates by reason, in pipeline order, zero counts left out. Together with the picks they add
    /// up to [`Slate::considered`].
    #[must_use]
    pub fn withheld(&self) -> Vec<(ReasonCode, u32)> {
        let mut counts = [0u32; ReasonCode::ALL.len() + 1];
        for outcome in &self.outcomes {
            if let Outcome::Withheld(code) = outcome {
                counts[*code as usize] += 1;
            }
        }
        ReasonCode::ALL
            .into_iter()
            .map(|code| (code, counts[code as usize]))
            .filter(|&(_, n)| n > 0)
            .collect()
    }

    /// The shortfall against `asked` slots, if any.
    #[must_use]
    pub fn shortfall(&self, asked: usize) -> Option<Shortfall> {
        let given = self.picks.len();
        (given < asked).then_some(Shortfall { asked: asked as u32, given: given as u32 })
    }
}

/// Decides one slate.
///
/// `scores` have one cell per item of the catalogue; `availability` must hold at `ask.now`. Deterministic: ties go
/// to the lower item (items are ordered by id).
#[must_use]
pub fn decide(
    catalogue: &Catalogue,
    policy: &Policy,
    availability: &Availability,
    stock: &Stock,
    state: &CustomerState,
    scores: &Scores<'_>,
    ask: &Ask<'_>,
) -> Slate {
    debug_assert!(availability.holds_at(ask.now));
    let mut outcomes: Vec<Outcome> =
        availability.codes.iter().map(|code| code.map_or(Outcome::Open, Outcome::Withheld)).collect();
    if let Some(candidates) = ask.candidates {
        keep_only(catalogue, candidates, &mut outcomes);
    }
    let mut withhold = |item: usize, code: ReasonCode| {
        if outcomes[item] == Outcome::Open {
            outcomes[item] = Outcome::Withheld(code);
        }
    };
    stock.out().for_each(|item| withhold(item, ReasonCode::OutOfStock));
    let excluded = ask.exclude.iter().filter_map(|&key| catalogue.find(key));
    excluded.for_each(|item| withhold(item, ReasonCode::ExcludedByRequest));
    let scene = Scene { catalogue, policy, state, now: ask.now };
    dismissed::hidden(&scene, |item| withhold(item, ReasonCode::NegativeFeedback));
    bought::hidden(&scene, |item| withhold(item, ReasonCode::AlreadyBought));
    caps::hidden(&scene, |item| withhold(item, ReasonCode::Cap));
    let room = caps::room(&scene);
    let picks = slate::fill(catalogue, policy, ask, scores, room, &mut outcomes);
    Slate { picks, outcomes }
}

/// What the guardrails of one customer may look at.
#[derive(Clone, Copy)]
struct Scene<'a> {
    catalogue: &'a Catalogue,
    policy: &'a Policy,
    state: &'a CustomerState,
    now: Timestamp,
}

fn keep_only(catalogue: &Catalogue, candidates: &[Key], outcomes: &mut [Outcome]) {
    let mut listed = vec![false; outcomes.len()];
    for item in candidates.iter().filter_map(|&key| catalogue.find(key)) {
        listed[item] = true;
    }
    for (outcome, listed) in outcomes.iter_mut().zip(listed) {
        if !listed {
            *outcome = Outcome::NotConsidered;
        }
    }
}

/// The full reason behind a withheld item of a slate, by the same rules that withheld it; `None` when the item was
/// shown or not considered.
#[must_use]
pub fn why_withheld(
    catalogue: &Catalogue,
    policy: &Policy,
    state: &CustomerState,
    scores: &Scores<'_>,
    ask: &Ask<'_>,
    slate: &Slate,
    item: usize,
) -> Option<Withheld> {
    let Outcome::Withheld(code) = slate.outcomes[item] else { return None };
    let score = scores.personal.and_then(|tier| tier.score(item));
    let scene = Scene { catalogue, policy, state, now: ask.now };
    match code {
        ReasonCode::NotStarted | ReasonCode::Ended => {
            availability::unavailable(catalogue, &policy.availability, item, ask.now)
        }
        ReasonCode::OutOfStock => Some(Withheld::OutOfStock),
        ReasonCode::ExcludedByRequest => Some(Withheld::ExcludedByRequest),
        ReasonCode::NegativeFeedback => dismissed::why(&scene, item),
        ReasonCode::AlreadyBought => bought::why(&scene, item),
        ReasonCode::Cap => {
            caps::why(&Scene { state: &with_slate(catalogue, state, slate, ask.now), ..scene }, item)
        }
        ReasonCode::LowRelevance => {
            Some(Withheld::LowRelevance { score: score?, floor: policy.relevance_floor? })
        }
        ReasonCode::QuotaCategory => {
            let category = catalogue.category(item)?.to_owned();
            Some(Withheld::QuotaCategory { category, max: policy.max_per_category? })
        }
        ReasonCode::Outranked => {
            let source = if score.is_some() { Source::Als } else { Source::Popular };
            let score = score.or_else(|| scores.popular.and_then(|tier| tier.score(item)));
            let last_shown =
                slate.picks.iter().rev().find(|pick| pick.source == source).map(|pick| pick.score);
            Some(Withheld::Outranked { score, last_shown })
        }
    }
}

/// The state as it stands once the slate itself has been shown: what its own picks close is closed by the same
/// cap as if they had been shown before.
fn with_slate(catalogue: &Catalogue, state: &CustomerState, slate: &Slate, now: Timestamp) -> CustomerState {
    let mut state = state.clone();
    slate.picks.iter().for_each(|pick| state.exposure(catalogue.key(pick.item), now));
    state
}
