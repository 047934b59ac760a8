//! Deciding for everybody: the same [`World`] that serving uses, one customer at a time.

use std::collections::BTreeMap;

use anyhow::Result;
use bespoke::bundle::{Profile, Profiles};
use bespoke::decide::{Ask, Catalogue, CustomerState, ReasonCode, Shortfall, ShownItem, Withheld};
use bespoke::engine::{Answer, Scratch, World};
use bespoke::tables::Tables;
use bespoke::types::{EventKind, Key, Timestamp};
use rayon::prelude::*;

use crate::outputs::figures::TopItem;
use crate::outputs::run_record;

/// What one customer gets, and what not.
pub struct Slate {
    pub shown: Vec<ShownItem>,
    pub withheld: Vec<(ReasonCode, u32)>,
    pub shortfall: Option<Shortfall>,
    /// Every withheld candidate with its reason; only when asked for.
    pub every_withheld: Vec<(usize, Withheld)>,
}

/// The catalogue as it stood at an instant.
///
/// # Errors
/// When two item ids share a key.
pub fn catalogue(tables: &Tables, as_of: Timestamp) -> Result<Catalogue> {
    let events = &tables.events;
    let mut last_sold_at: Vec<Option<Timestamp>> = vec![None; tables.items.len()];
    for e in (0..events.len()).filter(|&e| events.kind[e] == EventKind::Purchase && events.time[e] < as_of.0)
    {
        if let Some(item) = events.item(e) {
            let at = Timestamp(events.time[e]);
            last_sold_at[item] = last_sold_at[item].max(Some(at));
        }
    }
    Ok(Catalogue::new(tables.items.clone(), last_sold_at, tables.currency.clone())?)
}

/// The state of the customers at an instant: rebuilt from their events, completed by what older profiles knew before
/// it. What they know from then on is not used: an earlier instant is decided as it was.
pub fn states(input: &super::input::Input, catalogue: &Catalogue, older: &Profiles) -> Vec<CustomerState> {
    let tables = &input.tables;
    let mut states: Vec<CustomerState> =
        input.scored.par_iter().map(|&customer| state(tables, catalogue, customer, input.as_of)).collect();
    for (state, &customer) in states.iter_mut().zip(&input.scored) {
        if let Some(profile) = older.customers.get(tables.customers.ids.get(customer)) {
            state.absorb(profile.state.before(input.as_of), input.as_of);
        }
    }
    states
}

fn state(tables: &Tables, catalogue: &Catalogue, customer: usize, as_of: Timestamp) -> CustomerState {
    let events = &tables.events;
    let mut state = CustomerState::default();
    for e in events.of_customer_before(customer, as_of) {
        let Some(item) = events.item(e) else { continue };
        let (key, at) = (catalogue.key(item), Timestamp(events.time[e]));
        match events.kind[e] {
            EventKind::Purchase => state.purchase(key, at, events.quantity[e]),
            EventKind::Refund => state.refund(key, events.quantity[e]),
            EventKind::Exposure => state.exposure(key, at),
            EventKind::Dismissal => state.dismiss(key, at),
            _ => {}
        }
    }
    state
}

/// Items named in the record.
const N_TOP_ITEMS: usize = 10;
/// Customers decided for together: enough to share the reading of item factors.
const CHUNK: usize = 12;

/// Decides for every state, in its order.
pub fn decide_all(
    world: &World,
    states: &[CustomerState],
    as_of: Timestamp,
    explain_all: bool,
) -> Vec<Slate> {
    let slots = world.policy().slots as usize;
    let ask = Ask { now: as_of, slots, exclude: &[], candidates: None };
    let slate = |state: &CustomerState, answer: &Answer, scratch: &mut Scratch| {
        let why = |item: usize| Some((item, world.why_withheld(state, &ask, answer, item)?));
        let items = if explain_all { world.catalogue().len() } else { 0 };
        Slate {
            shown: world.shown(answer, scratch),
            withheld: answer.slate.withheld(),
            shortfall: answer.slate.shortfall(slots),
            every_withheld: (0..items).filter_map(why).collect(),
        }
    };
    let decide = |scratch: &mut Scratch, states: &[CustomerState]| -> Vec<Slate> {
        let answers = world.decide_many(states, &ask, scratch);
        states.iter().zip(&answers).map(|(state, answer)| slate(state, answer, scratch)).collect()
    };
    let chunks: Vec<Vec<Slate>> = states.par_chunks(CHUNK).map_init(Scratch::default, decide).collect();
    chunks.into_iter().flatten().collect()
}

/// The profiles after the run. When publishing counts as showing, what is recommended counts as an exposure.
pub fn profiles(
    input: &super::input::Input,
    states: Vec<CustomerState>,
    slates: &[Slate],
    publishing_counts: bool,
    mut older: Profiles,
) -> Profiles {
    for ((mut state, slate), &customer) in states.into_iter().zip(slates).zip(&input.scored) {
        if publishing_counts {
            slate.shown.iter().for_each(|item| state.exposure(Key::of(&item.item_id), input.as_of));
        }
        let id = input.tables.customers.ids.get(customer).to_owned();
        let known = older.customers.remove(&id).unwrap_or_default();
        state.absorb(known.state, input.as_of);
        older.customers.insert(id, Profile { state, decisions: known.decisions });
    }
    older
}

/// What is recommended over all customers, for the record.
pub fn summary(
    tables: &Tables,
    world: &World,
    slates: &[Slate],
    as_of: Timestamp,
) -> run_record::RecommendationSummary {
    let mut summary = run_record::RecommendationSummary {
        customers: slates.len() as u64,
        slots_asked: slates.len() as u64 * u64::from(world.policy().slots),
        items_available: world.n_available(as_of) as u64,
        ..run_record::RecommendationSummary::default()
    };
    let mut items: BTreeMap<&str, u64> = BTreeMap::new();
    for slate in slates {
        summary.slots_filled += slate.shown.len() as u64;
        for item in &slate.shown {
            *items.entry(item.item_id.as_str()).or_default() += 1;
            *summary.by_source.entry(item.source.name().to_owned()).or_default() += 1;
        }
        for &(code, n) in &slate.withheld {
            *summary.withheld.entry(code.name().to_owned()).or_default() += u64::from(n);
        }
    }
    summary.items_shown = items.len() as u64;
    summary.shortfalls = shortfalls(slates);
    summary.top_items = top_items(tables, &items);
    summary
}

/// The items with the most customers, ties by id.
fn top_items(tables: &Tables, customers: &BTreeMap<&str, u64>) -> Vec<TopItem> {
    let mut ranked: Vec<(&str, u64)> = customers.iter().map(|(&id, &n)| (id, n)).collect();
    ranked.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
    let title = |id: &str| tables.items.titles[tables.items.find(id)?].clone();
    let shown = |&(id, customers): &(&str, u64)| TopItem { id: id.to_owned(), title: title(id), customers };
    ranked.iter().take(N_TOP_ITEMS).map(shown).collect()
}

/// Short slates by what held back most of their candidates.
fn shortfalls(slates: &[Slate]) -> Vec<run_record::Shortfall> {
    let mut by_reason: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for slate in slates {
        let Some(shortfall) = slate.shortfall else { continue };
        let main = slate.withheld.iter().max_by_key(|&&(code, n)| (n, std::cmp::Reverse(code)));
        let (customers, slots) =
            by_reason.entry(main.map_or("no_candidate", |(code, _)| code.name())).or_default();
        *customers += 1;
        *slots += u64::from(shortfall.asked - shortfall.given);
    }
    let shortfall = |(reason, (customers, slots)): (&str, (u64, u64))| run_record::Shortfall {
        reason: reason.to_owned(),
        customers,
        slots,
    };
    by_reason.into_iter().map(shortfall).collect()
}
