//! Guardrail: what the customer refused. Stage 6.

use super::Scene;
use super::policy::Policy;
use super::reasons::Withheld;
use crate::types::{Days, Timestamp};

/// Calls `hide` for every item the customer refused and that is still hidden at `now`.
pub(super) fn hidden(scene: &Scene<'_>, hide: impl FnMut(usize)) {
    let &Scene { catalogue, policy, state, now } = scene;
    let still = |&&(_, at): &&(_, Timestamp)| until(policy, at).is_none_or(|until| now < until);
    state.dismissed().iter().filter(still).filter_map(|&(key, _)| catalogue.find(key)).for_each(hide);
}

/// Why the item is hidden.
#[must_use]
pub(super) fn why(scene: &Scene<'_>, item: usize) -> Option<Withheld> {
    let &Scene { catalogue, policy, state, now } = scene;
    let key = catalogue.key(item);
    let &(_, at) = state.dismissed().iter().find(|&&(k, _)| k == key)?;
    let until = until(policy, at);
    until.is_none_or(|until| now < until).then_some(Withheld::NegativeFeedback { at, until })
}

fn until(policy: &Policy, at: Timestamp) -> Option<Timestamp> {
    policy.dismissed.hide_days.map(|days| at.plus(Days(days)))
}
