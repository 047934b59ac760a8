//! Guardrail: what the customer refused. Stage 6.

use super::catalogue::Catalogue;
use super::policy::Policy;
use super::reasons::Withheld;
use super::state::CustomerState;
use crate::types::{Days, Timestamp};

/// Calls `hide` for every item the customer refused and that is still hidden at `now`.
pub fn hidden(
    catalogue: &Catalogue,
    policy: &Policy,
    state: &CustomerState,
    now: Timestamp,
    hide: impl FnMut(usize),
) {
    let still = |&&(_, at): &&(_, Timestamp)| until(policy, at).is_none_or(|until| now < until);
    state.dismissed().iter().filter(still).filter_map(|&(key, _)| catalogue.find(key)).for_each(hide);
}

/// Why the item is hidden.
#[must_use]
pub fn why(
    catalogue: &Catalogue,
    policy: &Policy,
    state: &CustomerState,
    item: usize,
    now: Timestamp,
) -> Option<Withheld> {
    let key = catalogue.key(item);
    let &(_, at) = state.dismissed().iter().find(|&&(k, _)| k == key)?;
    let until = until(policy, at);
    until.is_none_or(|until| now < until).then_some(Withheld::NegativeFeedback { at, until })
}

fn until(policy: &Policy, at: Timestamp) -> Option<Timestamp> {
    policy.dismissed.hide_days.map(|days| at.plus(Days(days)))
}
