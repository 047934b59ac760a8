//! Guardrail: what the customer already has. Stage 6.

use super::Scene;
use super::policy::{BoughtLevel, BoughtPolicy, BoughtRule, Policy, RefundEffect};
use super::reasons::Withheld;
use super::state::Bought;
use crate::types::{Days, Timestamp};

/// Calls `hide` for every item hidden by the customer's purchases at `now`; an item may be named twice.
pub(super) fn hidden(scene: &Scene<'_>, mut hide: impl FnMut(usize)) {
    let &Scene { catalogue, policy, state, now } = scene;
    for bought in state.bought().iter().filter(|b| counts(policy, b)) {
        let Some(item) = catalogue.find(bought.item) else { continue };
        let rule = policy.bought_rule(catalogue.category(item));
        if !active(rule, bought, now) {
            continue;
        }
        hide(item);
        if let (BoughtLevel::Category, Some(category)) = (rule.level, catalogue.items.categories[item]) {
            let same = |&other: &usize| catalogue.items.categories[other] == Some(category);
            (0..catalogue.len()).filter(same).for_each(&mut hide);
        }
    }
}

/// Why the item is hidden: the purchase that hides it longest.
#[must_use]
pub(super) fn why(scene: &Scene<'_>, item: usize) -> Option<Withheld> {
    let &Scene { catalogue, policy, state, now } = scene;
    let category = catalogue.category(item);
    let rule = policy.bought_rule(category);
    let itself = catalogue.key(item);
    let hides = |b: &&Bought| {
        counts(policy, b)
            && active(rule, b, now)
            && (b.item == itself
                || (rule.level == BoughtLevel::Category
                    && category.is_some()
                    && catalogue.find(b.item).and_then(|other| catalogue.category(other)) == category))
    };
    let last = state.bought().iter().filter(hides).max_by_key(|b| (b.last_at, b.item == itself))?;
    let until = match rule.policy {
        BoughtPolicy::Days(days) => Some(last.last_at.plus(Days(days))),
        BoughtPolicy::Never | BoughtPolicy::Forever => None,
    };
    let category = (last.item != itself).then(|| category.unwrap_or_default().to_owned());
    Some(Withheld::AlreadyBought { at: last.last_at, category, until })
}

fn counts(policy: &Policy, bought: &Bought) -> bool {
    bought.units > 0 || policy.bought.refund == RefundEffect::Keep
}

fn active(rule: BoughtRule, bought: &Bought, now: Timestamp) -> bool {
    match rule.policy {
        BoughtPolicy::Never => false,
        BoughtPolicy::Forever => true,
        BoughtPolicy::Days(days) => now < bought.last_at.plus(Days(days)),
    }
}
