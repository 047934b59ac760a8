//! Deciding without training: popularity and guardrails need nothing of it.

use bespoke::bundle::Models;
use bespoke::decide::{Catalogue, PolicyParams};
use bespoke::params::Params;
use bespoke::recommend::PopularityModel;
use bespoke::tables::ItemTable;
use bespoke::types::{EventKind, Timestamp};
use bespoke::{Engine, Event, Outcome, Request};

fn engine() -> Engine {
    let mut items = ItemTable::default();
    for id in ["a", "b", "c"] {
        items.ids.push(id);
        items.titles.push(None);
        items.categories.push(None);
        items.prices.push(None);
        items.available_from.push(None);
        items.available_to.push(None);
        items.stock.push(None);
    }
    let catalogue = Catalogue::new(items, vec![None; 3], "EUR".into()).unwrap();
    let popularity = PopularityModel { strength: vec![3.0, 2.0, 1.0] };
    let policy: PolicyParams = toml::from_str("slots = 2\nbought = { policy = \"forever\" }").unwrap();
    Engine::new(Models::new(&catalogue, &popularity, None), catalogue, policy.check().unwrap())
}

#[test]
fn a_service_observes_decides_and_settles() {
    let (engine, now) = (engine(), Timestamp(1_000));
    engine.observe(&Event::new("C-1", "a", EventKind::Purchase, now)).unwrap();
    let decision = engine.decide(&Request::new("C-1", now)).unwrap();
    let shown: Vec<&str> = decision.shown.iter().map(|item| item.item_id.as_str()).collect();
    assert_eq!(shown, ["b", "c"]);
    engine.settle(&decision.id, Outcome::Displayed, now).unwrap();
    assert_eq!(engine.snapshot().customers["C-1"].state.exposures().len(), 2);
}
