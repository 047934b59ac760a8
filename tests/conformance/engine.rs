//! The engine: idempotent, exact in its caps, the same live and replayed.
#![cfg(feature = "train")]

use std::collections::BTreeMap;

use bespoke::bundle::{Bundle, BundleKind, Models, Profiles};
use bespoke::decide::{Cap, CapKey, Catalogue, PolicyParams, ReasonCode, ShownReason, Source};
use bespoke::engine::{Engine, EngineError, Event, Outcome, Request, Settled};
use bespoke::features::Interactions;
use bespoke::kernels::KernelLevel;
use bespoke::params::Params;
use bespoke::random::Random;
use bespoke::recommend::{IalsParams, PopularityParams};
use bespoke::tables::{Buckets, ItemTable};
use bespoke::types::{EventKind, Key, Timestamp};

const N_ITEMS: usize = 40;
const NOW: Timestamp = Timestamp(1_000 * Timestamp::DAY_MS);

fn item_id(item: usize) -> String {
    format!("sku-{item:02}")
}

fn catalogue() -> Catalogue {
    let mut table = ItemTable { category_names: vec!["even".into(), "odd".into()], ..ItemTable::default() };
    for item in 0..N_ITEMS {
        table.ids.push(&item_id(item));
        table.titles.push(Some(format!("Item {item}")));
        table.categories.push(Some((item % 2) as u32));
        table.prices.push(None);
        table.available_from.push(None);
        table.available_to.push(None);
        table.stock.push((item == 3).then_some(5));
    }
    Catalogue::new(table, vec![Some(NOW); N_ITEMS], "EUR".into()).unwrap()
}

/// Two tastes: even customers buy even items, odd ones odd items.
fn interactions() -> Interactions {
    let (n_customers, random) = (200, Random::new(5));
    let (mut starts, mut items) = (vec![0], Vec::new());
    for customer in 0..n_customers {
        let taste =
            |item: &usize| item % 2 == customer % 2 && random.uniform((customer * 64 + item) as u64) < 0.4;
        items.extend((0..N_ITEMS).filter(taste).map(|item| item as u32));
        starts.push(items.len() as u32);
    }
    let last_at = vec![Timestamp(NOW.0 - Timestamp::DAY_MS); items.len()];
    let buckets = Buckets::even(n_customers);
    Interactions { as_of: NOW, n_items: N_ITEMS, starts, items, last_at, guests: Vec::new(), buckets }
}

fn models(catalogue: &Catalogue) -> Models {
    let interactions = interactions();
    let params = IalsParams { n_factors: 8, lambda: 0.05, ..IalsParams::new(3) };
    let factors = params.check().unwrap().fit(&interactions, KernelLevel::detect()).unwrap();
    let popularity = PopularityParams::new(30.0).check().unwrap().fit(&interactions).unwrap();
    Models::new(catalogue, &popularity, Some(factors))
}

fn policy() -> PolicyParams {
    PolicyParams {
        cap: vec![Cap { id: "item-week".into(), key: CapKey::Item, window_days: 7, max: 2 }],
        ..PolicyParams::new(4)
    }
}

fn engine() -> Engine {
    let catalogue = catalogue();
    Engine::new(models(&catalogue), catalogue, policy().check().unwrap())
}

fn buy(engine: &Engine, customer: &str, item: usize) {
    let id = item_id(item);
    engine.observe(&Event::new(customer, &id, EventKind::Purchase, Timestamp(NOW.0 - 1))).unwrap();
}

#[test]
fn tastes_are_found_and_named() {
    let engine = engine();
    (0..8).step_by(2).for_each(|item| buy(&engine, "even", item));
    let decision = engine.preview(&Request::new("even", NOW)).unwrap();
    assert_eq!(decision.shown.len(), 4);
    for item in &decision.shown {
        let number: usize = item.item_id[4..].parse().unwrap();
        assert!(number.is_multiple_of(2) && number >= 8, "{} is another taste or bought", item.item_id);
        let ShownReason::BecauseOf(because) = &item.reason else { panic!() };
        assert!((1..=2).contains(&because.len()) && because[0].title.starts_with("Item "));
        assert!(because.iter().all(|b| b.share > 0.0 && b.share <= 1.0));
    }
    let stranger = engine.preview(&Request::new("stranger", NOW)).unwrap();
    assert!(stranger.shown.iter().all(|item| item.source == Source::Popular && item.is_fallback));
    let total = decision.shown.len() as u32 + decision.withheld.iter().map(|w| w.n).sum::<u32>();
    assert_eq!(total, decision.considered);
}

#[test]
fn preview_leaves_no_trace_and_equals_decide() {
    let engine = engine();
    buy(&engine, "a", 0);
    let before = engine.snapshot();
    let preview = engine.preview(&Request::new("a", NOW)).unwrap();
    assert_eq!(engine.snapshot(), before);
    assert_eq!(engine.decide(&Request::new("a", NOW)).unwrap(), preview);
    assert_ne!(engine.snapshot(), before);
}

#[test]
fn asking_again_by_id_counts_nothing_twice() {
    let engine = engine();
    let request = Request::new("a", NOW).decision_id("mine").slots(2);
    let first = engine.decide(&request).unwrap();
    let reserved = engine.snapshot();
    assert_eq!(engine.decide(&request).unwrap(), first);
    assert_eq!(engine.snapshot(), reserved);
    assert_ne!(
        engine.decide(&Request::new("a", NOW)).unwrap().id,
        engine.decide(&Request::new("a", NOW)).unwrap().id
    );
}

#[test]
fn reservations_hold_commit_and_release() {
    let engine = engine();
    let ask = |minutes: i64| Request::new("a", Timestamp(NOW.0 + minutes * 60_000)).slots(1);
    let first = engine.decide(&ask(0)).unwrap();
    let second = engine.decide(&ask(0)).unwrap();
    assert_eq!(first.shown[0].item_id, second.shown[0].item_id, "two exposures a week are allowed");
    let third = engine.preview(&ask(0)).unwrap();
    assert_ne!(third.shown[0].item_id, first.shown[0].item_id, "both are held");
    assert_eq!(engine.settle(&second.id, Outcome::NotDisplayed, NOW).unwrap(), Settled::Released);
    assert_eq!(engine.preview(&ask(0)).unwrap().shown[0].item_id, first.shown[0].item_id);
    assert_eq!(engine.settle(&first.id, Outcome::Displayed, NOW).unwrap(), Settled::Committed);
    assert!(matches!(
        engine.settle(&first.id, Outcome::Displayed, NOW),
        Err(EngineError::UnknownDecision(_))
    ));
    let lapsed = engine.decide(&ask(1)).unwrap();
    assert_eq!(lapsed.shown[0].item_id, first.shown[0].item_id);
    let late = Timestamp(NOW.0 + 40 * 60_000);
    assert_eq!(engine.settle(&lapsed.id, Outcome::Displayed, late).unwrap(), Settled::CommittedLate);
    let why = engine.why_not(&ask(60), &first.shown[0].item_id).unwrap().unwrap();
    assert_eq!(why.code(), ReasonCode::Cap);
}

#[test]
fn no_window_ever_holds_more_than_the_cap() {
    let engine = engine();
    let random = Random::new(9);
    let mut shown: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for step in 0..400u64 {
        let now = Timestamp(NOW.0 + step as i64 * 3_600_000);
        let decision = engine.decide(&Request::new("a", now).slots(3)).unwrap();
        let outcome = if random.uniform(step) < 0.6 { Outcome::Displayed } else { Outcome::NotDisplayed };
        engine.settle(&decision.id, outcome, Timestamp(now.0 + 1_000)).unwrap();
        if outcome == Outcome::Displayed {
            let log = |item: &bespoke::decide::ShownItem| (item.item_id.clone(), now.0 + 1_000);
            decision.shown.iter().map(log).for_each(|(item, at)| shown.entry(item).or_default().push(at));
        }
    }
    assert!(shown.len() > 10);
    for (item, times) in &shown {
        for &at in times {
            let in_window = times.iter().filter(|&&t| t <= at && t > at - 7 * Timestamp::DAY_MS).count();
            assert!(in_window <= 2, "{item} was shown {in_window} times in a week");
        }
    }
}

#[test]
fn stock_events_act_at_once_and_survive_swaps() {
    let engine = engine();
    let ask = Request::new("stranger", NOW).slots(N_ITEMS);
    let has = |engine: &Engine, item: usize| {
        engine.preview(&ask).unwrap().shown.iter().any(|shown| shown.item_id == item_id(item))
    };
    assert!(has(&engine, 3));
    engine.observe(&Event::Stock { item: "sku-03", units: 0 }).unwrap();
    assert!(!has(&engine, 3));
    engine.swap_catalogue(catalogue());
    assert!(!has(&engine, 3), "what was told outlives the catalogue");
    let copy = self::engine();
    copy.restore(engine.snapshot());
    assert!(!has(&copy, 3));
    engine.observe(&Event::Stock { item: "sku-03", units: 1 }).unwrap();
    assert!(has(&engine, 3));
}

#[test]
fn swaps_keep_the_state() {
    let engine = engine();
    buy(&engine, "a", 0);
    let before = engine.snapshot();
    let catalogue = catalogue();
    engine.swap_model(models(&catalogue));
    let mut closed = policy();
    closed.cap[0].max = 0;
    engine.swap_policy(closed.check().unwrap());
    assert_eq!(engine.snapshot(), before);
    assert_eq!(engine.preview(&Request::new("a", NOW)).unwrap().shortfall.unwrap().given, 0);
}

#[test]
fn snapshots_restore_to_the_same_decisions_through_bytes() {
    let engine = engine();
    for (customer, item) in [("a", 0), ("a\n\"ü,", 2), ("b", 5)] {
        buy(&engine, customer, item);
        let id = item_id(item + 1);
        engine.observe(&Event::new(customer, &id, EventKind::Dismissal, NOW)).unwrap();
        engine.observe(&Event::new(customer, &id, EventKind::Exposure, NOW)).unwrap();
        engine.decide(&Request::new(customer, NOW).decision_id(format!("id {customer}"))).unwrap();
    }
    let snapshot = engine.snapshot();
    let bytes = snapshot.to_bytes().unwrap();
    let again = Profiles::from_bundle(&Bundle::parse(bytes.clone(), BundleKind::Profiles).unwrap()).unwrap();
    assert_eq!(again, snapshot);
    assert_eq!(again.to_bytes().unwrap(), bytes);
    let other = self::engine();
    other.restore(again);
    for customer in ["a", "a\n\"ü,", "b", "nobody"] {
        let request = Request::new(customer, Timestamp(NOW.0 + 5));
        assert_eq!(other.decide(&request).unwrap(), engine.decide(&request).unwrap());
    }
    assert!(other.settle("id b", Outcome::Displayed, NOW).is_ok(), "open reservations come along");
}

#[test]
fn models_and_catalogues_survive_their_bytes() {
    let catalogue = catalogue();
    let models = models(&catalogue);
    let bytes = models.to_bytes().unwrap();
    for item in 0..N_ITEMS {
        let id = item_id(item);
        assert!(!bytes.windows(id.len()).any(|w| w == id.as_bytes()), "a model holds keys, not ids");
    }
    let models_again = Models::from_bundle(&Bundle::parse(bytes, BundleKind::Model).unwrap()).unwrap();
    let bytes = catalogue.to_bytes();
    let catalogue_again =
        Catalogue::from_bundle(&Bundle::parse(bytes, BundleKind::Catalogue).unwrap()).unwrap();
    let (one, other) = (
        Engine::new(models, catalogue, policy().check().unwrap()),
        Engine::new(models_again, catalogue_again, policy().check().unwrap()),
    );
    for engine in [&one, &other] {
        buy(engine, "a", 7);
    }
    assert_eq!(
        one.preview(&Request::new("a", NOW)).unwrap(),
        other.preview(&Request::new("a", NOW)).unwrap()
    );
}

#[test]
fn a_catalogue_newer_than_the_model_still_serves() {
    let engine = engine();
    let mut table = ItemTable { category_names: vec![], ..ItemTable::default() };
    for id in ["new", "sku-00", "sku-01"] {
        table.ids.push(id);
        table.titles.push(None);
        table.categories.push(None);
        table.prices.push(None);
        table.available_from.push(None);
        table.available_to.push(None);
        table.stock.push(None);
    }
    engine.swap_catalogue(Catalogue::new(table, vec![None; 3], "EUR".into()).unwrap());
    buy(&engine, "a", 2);
    let decision = engine.preview(&Request::new("a", NOW)).unwrap();
    let shown: Vec<&str> = decision.shown.iter().map(|item| item.item_id.as_str()).collect();
    assert_eq!(
        shown,
        ["sku-00", "sku-01"],
        "nothing is known of the new item, so it is no candidate of any tier"
    );
    assert_eq!(decision.shortfall.unwrap().given, 2);
}

#[test]
fn ids_that_cannot_be_are_refused() {
    let engine = engine();
    let long = "x".repeat(256);
    for id in ["", long.as_str()] {
        assert!(matches!(engine.decide(&Request::new(id, NOW)), Err(EngineError::Id { .. })));
        assert!(engine.preview(&Request::new(id, NOW)).is_err());
        assert!(engine.observe(&Event::new(id, "sku-01", EventKind::View, NOW)).is_err());
        assert!(engine.observe(&Event::new("a", id, EventKind::View, NOW)).is_err());
        assert!(engine.observe(&Event::Stock { item: id, units: 1 }).is_err());
    }
}

#[test]
fn requests_that_cannot_be_are_refused() {
    let engine = engine();
    for slots in [0, 1_001, usize::MAX] {
        let request = Request::new("a", NOW).slots(slots);
        assert!(matches!(engine.decide(&request), Err(EngineError::Slots(n)) if n == slots));
        assert!(engine.preview(&request).is_err() && engine.why_not(&request, "sku-01").is_err());
    }
    for id in [String::new(), "x".repeat(256)] {
        let request = Request::new("a", NOW).decision_id(id);
        assert!(matches!(engine.decide(&request), Err(EngineError::Id { what: "decision", .. })));
    }
    let before = engine.snapshot();
    assert_eq!(before.customers.len(), 0, "what is refused leaves no trace");
}

#[test]
fn a_decision_id_belongs_to_one_customer() {
    let engine = engine();
    let request = |customer| Request::new(customer, NOW).decision_id("mail-7").slots(1);
    engine.decide(&request("a")).unwrap();
    let refusal = engine.decide(&request("b")).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "decision \"mail-7\" is open for another customer; an id belongs to one decision"
    );
    assert!(!engine.snapshot().customers.contains_key("b"), "what is refused leaves no trace");
    assert_eq!(engine.settle("mail-7", Outcome::Displayed, NOW).unwrap(), Settled::Committed);
    assert_eq!(engine.snapshot().customers["a"].state.exposures().len(), 1);
}

#[test]
fn two_displays_at_one_instant_count_twice() {
    let engine = engine();
    let ask = || Request::new("a", NOW).slots(1);
    let (first, second) = (engine.decide(&ask()).unwrap(), engine.decide(&ask()).unwrap());
    for decision in [&first, &second] {
        engine.settle(&decision.id, Outcome::Displayed, NOW).unwrap();
    }
    let third = engine.preview(&ask()).unwrap();
    assert_ne!(third.shown[0].item_id, first.shown[0].item_id, "two a week are allowed, and two were shown");
    let reopened = self::engine();
    let bytes = engine.snapshot().to_bytes().unwrap();
    let bundle = bespoke::bundle::Bundle::parse(bytes, bespoke::bundle::BundleKind::Profiles).unwrap();
    reopened.restore(bespoke::bundle::Profiles::from_bundle(&bundle).unwrap());
    assert_eq!(reopened.snapshot(), engine.snapshot());
}

#[test]
fn a_decision_can_be_asked_for_again_as_long_as_it_is_held() {
    let mut policy = policy();
    policy.reservation_minutes = 3 * 24 * 60;
    let catalogue = catalogue();
    let engine = Engine::new(models(&catalogue), catalogue, policy.check().unwrap());
    let ask = |hours: i64| Request::new("a", Timestamp(NOW.0 + hours * 3_600_000)).slots(1);
    let first = engine.decide(&ask(0).decision_id("mine")).unwrap();
    engine.decide(&ask(25)).unwrap();
    assert_eq!(engine.decide(&ask(26).decision_id("mine")).unwrap(), first);
    engine.settle("mine", Outcome::NotDisplayed, NOW).unwrap();
    assert!(engine.settle("mine", Outcome::NotDisplayed, NOW).is_err(), "it was held once");
}

#[test]
fn many_threads_on_one_customer_never_break_a_cap() {
    let engine = engine();
    std::thread::scope(|scope| {
        for thread in 0..8i64 {
            let engine = engine.clone();
            scope.spawn(move || {
                for n in 0..50 {
                    let now = Timestamp(NOW.0 + n);
                    let decision =
                        engine.decide(&Request::new("a", now).channel(format!("{thread}"))).unwrap();
                    engine.settle(&decision.id, Outcome::Displayed, now).unwrap();
                }
            });
        }
    });
    let profiles = engine.snapshot();
    let state = &profiles.customers["a"].state;
    for item in 0..N_ITEMS {
        let times: Vec<i64> = state.exposures_of(Key::of(&item_id(item))).map(|at| at.0 - NOW.0).collect();
        assert!(times.len() <= 2, "{} was shown at {times:?}", item_id(item));
    }
}
