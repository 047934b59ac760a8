//! What every guardrail promises, and the slate against a plain "filter, sort, cut".

use bespoke::decide::{
    Ask, Availability, Bought, BoughtLevel, BoughtPolicy, Cap, CapKey, Catalogue, CustomerState, Fallback,
    Outcome, Policy, PolicyParams, ReasonCode, RefundEffect, Reservation, Scores, Slate, Stock, Tier,
    Withheld, decide, why_withheld,
};
use bespoke::params::Params;
use bespoke::recommend::ItemSet;
use bespoke::tables::ItemTable;
use bespoke::types::{Key, Timestamp};
use proptest::prelude::*;

const DAY: i64 = Timestamp::DAY_MS;
const NOW: Timestamp = Timestamp(1_000 * DAY);

/// Items "00", "01", ... with categories 0..3 in turn (every fourth has none), always on sale.
fn items(n: usize) -> ItemTable {
    let mut table =
        ItemTable { category_names: vec!["A".into(), "B".into(), "C".into()], ..ItemTable::default() };
    for i in 0..n {
        table.ids.push(&format!("{i:02}"));
        table.titles.push(None);
        table.categories.push((i % 4 < 3).then_some((i % 4) as u32));
        table.prices.push(None);
        table.available_from.push(None);
        table.available_to.push(None);
        table.stock.push(None);
    }
    table
}

fn catalogue(n: usize) -> Catalogue {
    Catalogue::new(items(n), vec![Some(Timestamp(NOW.0 - DAY)); n], "EUR".into()).unwrap()
}

/// A policy that hides nothing.
fn open_policy(slots: u32) -> PolicyParams {
    let mut policy = PolicyParams::new(slots);
    policy.bought.policy = BoughtPolicy::Never;
    policy
}

fn key(item: usize) -> Key {
    Key::of(&format!("{item:02}"))
}

struct Case {
    catalogue: Catalogue,
    policy: Policy,
    state: CustomerState,
    personal: Vec<f32>,
    popular: Vec<f32>,
    sets: [ItemSet; 2],
    exclude: Vec<Key>,
}

impl Case {
    /// Scores fall with the item number; the last two items are unknown to the personal tier.
    fn new(n: usize, policy: PolicyParams) -> Self {
        let personal: Vec<Option<f32>> =
            (0..n).map(|i| (i + 2 < n).then_some(1.0 - i as f32 / 100.0)).collect();
        Self {
            catalogue: catalogue(n),
            policy: policy.check().unwrap(),
            state: CustomerState::default(),
            sets: [ItemSet::none(n), ItemSet::none(n)],
            personal: Vec::new(),
            popular: Vec::new(),
            exclude: Vec::new(),
        }
        .with_scores(personal, vec![1.0; n])
    }

    /// `None` and 0: the tier cannot score the item.
    fn with_scores(mut self, personal: Vec<Option<f32>>, popular: Vec<f32>) -> Self {
        self.sets[0] = ItemSet::filter(personal.len(), |i| personal[i as usize].is_some());
        self.sets[1] = ItemSet::filter(popular.len(), |i| popular[i as usize] > 0.0);
        self.personal = personal.into_iter().map(Option::unwrap_or_default).collect();
        self.popular = popular;
        self
    }

    fn ask(&self) -> Ask<'_> {
        Ask { now: NOW, slots: self.policy.slots as usize, exclude: &self.exclude, candidates: None }
    }

    fn scores(&self) -> Scores<'_> {
        let [scored, sold] = &self.sets;
        Scores {
            personal: Some(Tier { scores: &self.personal, scorable: scored }),
            popular: Some(Tier { scores: &self.popular, scorable: sold }),
        }
    }

    fn slate(&self) -> Slate {
        let availability = Availability::at(&self.catalogue, &self.policy.availability, NOW);
        let stock = Stock::of(&self.catalogue);
        decide(&self.catalogue, &self.policy, &availability, &stock, &self.state, &self.scores(), &self.ask())
    }

    fn shown(&self) -> Vec<usize> {
        self.slate().picks.iter().map(|pick| pick.item).collect()
    }

    fn why(&self, item: usize) -> Option<Withheld> {
        let slate = self.slate();
        why_withheld(&self.catalogue, &self.policy, &self.state, &self.scores(), &self.ask(), &slate, item)
    }
}

/// Every guardrail with the item it withholds; all other rules are off.
fn guardrails() -> Vec<(&'static str, ReasonCode, Case)> {
    let with = |change: &dyn Fn(&mut PolicyParams)| {
        let mut policy = open_policy(3);
        change(&mut policy);
        Case::new(8, policy)
    };
    let mut cases = Vec::new();
    let mut case = with(&|p| p.bought.policy = BoughtPolicy::Forever);
    case.state.purchase(key(0), Timestamp(5), 1);
    cases.push(("bought forever", ReasonCode::AlreadyBought, case));
    let mut case = with(&|p| p.bought.policy = BoughtPolicy::Days(10));
    case.state.purchase(key(0), Timestamp(NOW.0 - 10 * DAY + 1), 1);
    cases.push(("bought for ten days", ReasonCode::AlreadyBought, case));
    let mut case = with(&|p| {
        p.bought.policy = BoughtPolicy::Forever;
        p.bought.refund = RefundEffect::Keep;
    });
    case.state.purchase(key(0), Timestamp(5), 1);
    case.state.refund(key(0), 1);
    cases.push(("bought and returned", ReasonCode::AlreadyBought, case));
    let mut case = with(&|_| {});
    case.state.dismiss(key(0), Timestamp(5));
    cases.push(("refused", ReasonCode::NegativeFeedback, case));
    let item_cap = |p: &mut PolicyParams| {
        p.cap.push(Cap { id: "item".into(), key: CapKey::Item, window_days: 7, max: 2 });
    };
    let mut case = with(&item_cap);
    case.state.exposure(key(0), Timestamp(NOW.0 - 7 * DAY + 1));
    case.state.exposure(key(0), NOW);
    cases.push(("shown twice in the window", ReasonCode::Cap, case));
    let mut case = with(&item_cap);
    case.state.exposure(key(0), NOW);
    let expires_at = Timestamp(NOW.0 + 1);
    case.state.reserve(Reservation { decision_id: "d".into(), expires_at, items: vec![key(0)] });
    cases.push(("shown once and reserved once", ReasonCode::Cap, case));
    let mut case = with(&|_| {});
    case.exclude.push(key(0));
    cases.push(("excluded by the request", ReasonCode::ExcludedByRequest, case));
    let changed = |change: &dyn Fn(&mut ItemTable, &mut Vec<Option<Timestamp>>), policy: PolicyParams| {
        let (mut table, mut sold) = (items(8), vec![Some(Timestamp(NOW.0 - DAY)); 8]);
        change(&mut table, &mut sold);
        Case { catalogue: Catalogue::new(table, sold, "EUR".into()).unwrap(), ..Case::new(8, policy) }
    };
    let begins = changed(&|t, _| t.available_from[0] = Some(Timestamp(NOW.0 + 1)), open_policy(3));
    cases.push(("begins later", ReasonCode::NotStarted, begins));
    cases.push((
        "ends at this instant",
        ReasonCode::Ended,
        changed(&|t, _| t.available_to[0] = Some(NOW), open_policy(3)),
    ));
    cases.push((
        "out of stock",
        ReasonCode::OutOfStock,
        changed(&|t, _| t.stock[0] = Some(0), open_policy(3)),
    ));
    let mut sold_within = open_policy(3);
    sold_within.availability.sold_within_days = Some(30);
    let last = |at: Option<i64>| {
        move |_: &mut ItemTable, sold: &mut Vec<Option<Timestamp>>| sold[0] = at.map(Timestamp)
    };
    cases.push((
        "not sold lately",
        ReasonCode::Ended,
        changed(&last(Some(NOW.0 - 30 * DAY)), sold_within.clone()),
    ));
    cases.push(("never sold", ReasonCode::Ended, changed(&last(None), sold_within)));
    cases
}

#[test]
fn a_guardrail_withholds_in_every_tier_takes_no_slot_and_is_reported() {
    for (name, code, case) in guardrails() {
        let slate = case.slate();
        assert_eq!(case.shown(), [1, 2, 3], "{name}: the rest keeps its order");
        assert_eq!(slate.outcomes[0], Outcome::Withheld(code), "{name}");
        assert!(slate.withheld().contains(&(code, 1)), "{name}");
        assert_eq!(case.why(0).map(|why| why.code()), Some(code), "{name}: the detail agrees with the code");
        // The fallback tier alone must hold it back as well.
        let cold = case.with_scores(vec![None; 8], vec![1.0; 8]);
        assert_eq!(cold.shown(), [1, 2, 3], "{name}: fallback");
    }
}

#[test]
fn just_outside_each_rule_the_item_comes_first() {
    let mut policy = open_policy(3);
    policy.bought.policy = BoughtPolicy::Days(10);
    policy.cap.push(Cap { id: "item".into(), key: CapKey::Item, window_days: 7, max: 1 });
    policy.dismissed.hide_days = Some(5);
    policy.availability.sold_within_days = Some(30);
    let mut case = Case::new(8, policy);
    case.state.purchase(key(0), Timestamp(NOW.0 - 10 * DAY), 1);
    case.state.exposure(key(0), Timestamp(NOW.0 - 7 * DAY));
    case.state.dismiss(key(0), Timestamp(NOW.0 - 5 * DAY));
    let lapsed = Reservation { decision_id: "d".into(), expires_at: NOW, items: vec![key(0)] };
    case.state.reserve(lapsed);
    assert_eq!(case.shown(), [0, 1, 2]);
}

#[test]
fn a_category_level_purchase_hides_the_category_and_names_it() {
    let mut policy = open_policy(3);
    policy.bought = Bought { policy: BoughtPolicy::Forever, level: BoughtLevel::Category, ..policy.bought };
    let mut case = Case::new(12, policy);
    case.state.purchase(key(4), Timestamp(5), 1);
    assert_eq!(case.shown(), [1, 2, 3], "0, 4 and 8 are of category A");
    let Some(Withheld::AlreadyBought { category, until, .. }) = case.why(0) else { panic!() };
    assert_eq!((category.as_deref(), until), (Some("A"), None));
    case.state.purchase(key(3), Timestamp(5), 1);
    assert_eq!(case.shown(), [1, 2, 5], "an item without a category hides only itself");
}

#[test]
fn the_first_failing_stage_is_the_reason() {
    let mut policy = open_policy(3);
    policy.bought.policy = BoughtPolicy::Forever;
    policy.cap.push(Cap { id: "none".into(), key: CapKey::Item, window_days: 1, max: 0 });
    let mut case = Case::new(8, policy);
    case.state.purchase(key(0), Timestamp(5), 1);
    assert_eq!(case.slate().outcomes[0], Outcome::Withheld(ReasonCode::AlreadyBought));
    case.state.dismiss(key(0), Timestamp(5));
    assert_eq!(case.slate().outcomes[0], Outcome::Withheld(ReasonCode::NegativeFeedback));
    case.exclude.push(key(0));
    assert_eq!(case.slate().outcomes[0], Outcome::Withheld(ReasonCode::ExcludedByRequest));
    assert_eq!(case.slate().shortfall(3).map(|s| s.given), Some(0), "a cap of 0 forbids everything");
}

#[test]
fn a_cap_over_everything_limits_the_slate_and_says_when_it_opens() {
    let mut policy = open_policy(3);
    policy.cap.push(Cap { id: "week".into(), key: CapKey::Any, window_days: 7, max: 3 });
    let mut case = Case::new(8, policy);
    case.state.exposure(key(7), Timestamp(NOW.0 - 2 * DAY));
    case.state.exposure(key(7), Timestamp(NOW.0 - DAY));
    assert_eq!(case.shown(), [0]);
    let why = case.why(1);
    let next_at = Some(Timestamp(NOW.0 + 5 * DAY));
    assert_eq!(why, Some(Withheld::Cap { rule: "week".into(), count: 3, max: 3, next_at }));
    assert_eq!(case.slate().shortfall(3).unwrap().given, 1);
}

#[test]
fn the_next_slot_of_a_cap_is_exact_to_the_millisecond() {
    let mut policy = open_policy(1);
    policy.cap.push(Cap { id: "item".into(), key: CapKey::Item, window_days: 7, max: 2 });
    let mut case = Case::new(4, policy);
    for hours in [30, 20, 10] {
        case.state.exposure(key(0), Timestamp(NOW.0 - hours * 3_600_000));
    }
    let Some(Withheld::Cap { next_at: Some(next), .. }) = case.why(0) else { panic!() };
    for (at, open) in [(next.0 - 1, false), (next.0, true)] {
        let now = Timestamp(at);
        let availability = Availability::at(&case.catalogue, &case.policy.availability, now);
        let ask = Ask { now, ..case.ask() };
        let stock = Stock::default();
        let slate =
            decide(&case.catalogue, &case.policy, &availability, &stock, &case.state, &case.scores(), &ask);
        assert_eq!(slate.picks[0].item == 0, open);
    }
}

#[test]
fn quota_floor_and_fallback_fill_in_order() {
    let mut policy = open_policy(6);
    policy.max_per_category = Some(1);
    policy.relevance_floor = Some(0.955);
    let case = Case::new(8, policy.clone());
    // 0 A, 1 B, 2 C, 3 none, 4 A (quota), 5 below the floor; 6 and 7 come from the popular tier, 6 is C (quota).
    assert_eq!(case.shown(), [0, 1, 2, 3, 7]);
    assert_eq!(case.slate().outcomes[4], Outcome::Withheld(ReasonCode::QuotaCategory));
    assert_eq!(case.slate().outcomes[5], Outcome::Withheld(ReasonCode::LowRelevance));
    assert_eq!(case.slate().picks[4].source.tier(), 3);
    policy.fallback = Fallback::None;
    let case = Case { policy: policy.check().unwrap(), ..case };
    let scores = Scores { popular: None, ..case.scores() };
    let availability = Availability::at(&case.catalogue, &case.policy.availability, NOW);
    let slate = decide(
        &case.catalogue,
        &case.policy,
        &availability,
        &Stock::default(),
        &case.state,
        &scores,
        &case.ask(),
    );
    assert_eq!(slate.shortfall(6).unwrap().given, 4);
}

#[test]
fn only_listed_candidates_are_considered() {
    let case = Case::new(8, open_policy(3));
    let listed = [key(5), key(2), Key::of("unknown")];
    let ask = Ask { candidates: Some(&listed), ..case.ask() };
    let availability = Availability::at(&case.catalogue, &case.policy.availability, NOW);
    let slate = decide(
        &case.catalogue,
        &case.policy,
        &availability,
        &Stock::default(),
        &case.state,
        &case.scores(),
        &ask,
    );
    assert_eq!(slate.picks.iter().map(|p| p.item).collect::<Vec<_>>(), [2, 5]);
    assert_eq!(slate.considered(), 2);
}

/// The slate by the shortest possible code: sort everything open, walk, respect quotas; then the next tier.
fn plain(case: &Case, open: &[bool]) -> Vec<usize> {
    let mut slate: Vec<usize> = Vec::new();
    let floor = case.policy.relevance_floor.unwrap_or(f32::NEG_INFINITY);
    let personal = |i: usize| case.sets[0].contains(i as u32).then(|| case.personal[i]);
    let popular = |i: usize| case.sets[1].contains(i as u32).then(|| case.popular[i]);
    let tiers: [&dyn Fn(usize) -> Option<f32>; 2] = [&personal, &popular];
    for score in tiers {
        let mut ranked: Vec<usize> = (0..open.len())
            .filter(|&i| open[i] && score(i).is_some() && personal(i).is_none_or(|s| s >= floor))
            .collect();
        ranked.sort_by(|&a, &b| score(b).unwrap().total_cmp(&score(a).unwrap()).then(a.cmp(&b)));
        for item in ranked {
            let category = (item % 4 < 3).then_some(item % 4);
            let same = slate.iter().filter(|&&i| category.is_some() && i % 4 == item % 4).count();
            let full = case.policy.max_per_category.is_some_and(|max| same >= max as usize);
            if slate.len() < case.policy.slots as usize && !full && !slate.contains(&item) {
                slate.push(item);
            }
        }
    }
    slate
}

proptest! {
    #[test]
    fn the_slate_equals_filter_sort_cut(
        n in 1usize..90,
        slots in 1u32..12,
        quota in proptest::option::of(1u32..4),
        floor in proptest::option::of(0.0f32..1.0),
        cells in proptest::collection::vec((0u8..6, 0u8..5, any::<bool>(), any::<bool>()), 90),
    ) {
        let mut policy = open_policy(slots);
        policy.bought.policy = BoughtPolicy::Forever;
        policy.max_per_category = quota;
        policy.relevance_floor = floor;
        let mut case = Case::new(n, policy);
        // Few distinct values, so that ties are the rule.
        let personal = cells.iter().take(n).map(|cell| (cell.0 > 0).then_some(f32::from(cell.0) / 5.0)).collect();
        let popular = cells.iter().take(n).map(|cell| f32::from(cell.1)).collect();
        case = case.with_scores(personal, popular);
        for (item, &(_, _, bought, refused)) in cells.iter().take(n).enumerate() {
            if bought && refused {
                case.state.purchase(key(item), Timestamp(1), 1);
            } else if refused {
                case.state.dismiss(key(item), Timestamp(1));
            }
        }
        let open: Vec<bool> = cells.iter().take(n).map(|&(_, _, _, refused)| !refused).collect();
        let slate = case.slate();
        prop_assert_eq!(case.shown(), plain(&case, &open));
        let withheld: u32 = slate.withheld().iter().map(|&(_, count)| count).sum();
        prop_assert_eq!(withheld + slate.picks.len() as u32, slate.considered());
        prop_assert!(!slate.outcomes.contains(&Outcome::Open));
        for item in 0..n {
            let code = match slate.outcomes[item] { Outcome::Withheld(code) => Some(code), _ => None };
            prop_assert_eq!(case.why(item).map(|why| why.code()), code);
        }
    }
}
