//! Guardrail: caps on exposures in rolling windows. Stage 7.
//!
//! A window is (t - W, t]: an exposure at s stops counting at exactly s + W. Exposures that are already known to
//! follow within W count too: clocks of callers differ, and some window holds both. Live reservations count in
//! every window, because they may still be displayed at any moment. Each cap is tested by itself, so the most
//! restrictive one wins.

use super::Scene;
use super::policy::{Cap, CapKey};
use super::reasons::Withheld;
use super::state::CustomerState;
use crate::types::{Key, Timestamp};

/// Calls `hide` for every item that a cap per item closes at `now`.
pub(super) fn hidden(scene: &Scene<'_>, mut hide: impl FnMut(usize)) {
    let &Scene { catalogue, policy, state, now } = scene;
    for cap in policy.cap.iter().filter(|cap| cap.key == CapKey::Item) {
        if cap.max == 0 {
            (0..catalogue.len()).for_each(&mut hide);
        }
        let reserved = state.reservations().iter().flat_map(|r| r.items.iter().copied());
        for key in distinct(state.item_exposures().iter().map(|&(key, _)| key)).chain(reserved) {
            if count(cap, state, Some(key), now) >= cap.max as usize {
                catalogue.find(key).into_iter().for_each(&mut hide);
            }
        }
    }
}

/// How many more items may be shown under the caps over everything; `None` = as many as one likes.
#[must_use]
pub(super) fn room(scene: &Scene<'_>) -> Option<usize> {
    let &Scene { policy, state, now, .. } = scene;
    let any = policy.cap.iter().filter(|cap| cap.key == CapKey::Any);
    any.map(|cap| (cap.max as usize).saturating_sub(count(cap, state, None, now))).min()
}

/// Why no more may be shown of this item: the cap that keeps it back longest.
#[must_use]
pub(super) fn why(scene: &Scene<'_>, item: usize) -> Option<Withheld> {
    let &Scene { catalogue, policy, state, now } = scene;
    let closed = policy.cap.iter().filter_map(|cap| {
        let key = (cap.key == CapKey::Item).then(|| catalogue.key(item));
        let count = count(cap, state, key, now);
        (count >= cap.max as usize).then(|| (next_at(cap, state, key, now), cap, count))
    });
    // Never (None) is later than any instant.
    let (next_at, cap, count) = closed.max_by_key(|&(next, ..)| (next.is_none(), next))?;
    Some(Withheld::Cap { rule: cap.id.clone(), count: count as u32, max: cap.max, next_at })
}

fn count(cap: &Cap, state: &CustomerState, key: Option<Key>, now: Timestamp) -> usize {
    times(state, key).filter(|&at| at.0.abs_diff(now.0) < cap.window_ms() as u64).count()
        + state.reserved(key, now)
}

/// The earliest instant at which the cap opens if nothing else is shown: the max-th most recent exposure or the
/// expiry of enough reservations, whichever frees a place. `None` when `max` is 0.
fn next_at(cap: &Cap, state: &CustomerState, key: Option<Key>, now: Timestamp) -> Option<Timestamp> {
    let mut frees: Vec<Timestamp> = times(state, key)
        .map(|at| Timestamp(at.0.saturating_add(cap.window_ms())))
        .chain(state.reservations().iter().flat_map(|r| {
            let held = r.items.iter().filter(|&&k| key.is_none_or(|key| key == k));
            held.map(|_| r.expires_at)
        }))
        .filter(|&free| free > now)
        .collect();
    frees.sort_unstable();
    // With `max` 0 it never opens; that is also so where an instant at the end of time has no later one.
    let last = frees.len().checked_sub(cap.max as usize)?;
    (cap.max > 0).then(|| frees.get(last).copied()).flatten()
}

fn times(state: &CustomerState, key: Option<Key>) -> Box<dyn Iterator<Item = Timestamp> + '_> {
    match key {
        Some(key) => Box::new(state.exposures_of(key)),
        None => Box::new(state.exposures().iter().map(|&(at, _)| at)),
    }
}

fn distinct(keys: impl Iterator<Item = Key>) -> impl Iterator<Item = Key> {
    let mut last = None;
    keys.filter(move |&key| last.replace(key) != Some(key))
}
