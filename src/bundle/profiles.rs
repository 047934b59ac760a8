//! `profiles.bespoke`: what is remembered of customers, apart from the models so that it can be erased.

use std::collections::BTreeMap;

use super::container::{Bundle, BundleError, BundleKind, BundleWriter};
use crate::decide::{BoughtItem, CustomerState, Decision, Reservation};
use crate::types::{Key, Timestamp};

/// One customer's memory: state, and the decisions that may still be asked for again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Purchases, exposures, refusals, reservations.
    pub state: CustomerState,
    /// Recent decisions, oldest first.
    pub decisions: Vec<Decision>,
}

/// All profiles by customer id, and the live stock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profiles {
    /// By outside customer id.
    pub customers: BTreeMap<String, Profile>,
    /// Units in stock by item, where events have changed what the catalogue says.
    pub stock: BTreeMap<Key, i64>,
}

impl Profiles {
    /// The profiles as a bundle.
    ///
    /// # Errors
    /// Never for decisions made by this library; see [`BundleWriter::json`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        let mut out = BundleWriter::new(BundleKind::Profiles);
        out.texts("customer", self.customers.keys().map(String::as_str));
        let states: Vec<&CustomerState> = self.customers.values().map(|profile| &profile.state).collect();
        out.array("bought.n", states.iter().map(|s| s.bought().len() as u32));
        let bought: Vec<BoughtItem> = states.iter().flat_map(|s| s.bought().iter().copied()).collect();
        out.array("bought.item", bought.iter().map(|b| b.item.0));
        out.array("bought.last_at", bought.iter().map(|b| b.last_at.0));
        out.array("bought.units", bought.iter().map(|b| b.units));
        let shown = |s: &&CustomerState| s.displays().into_iter().map(|(at, item)| (item, at)).collect();
        keyed_times(&mut out, "shown", states.iter().map(shown));
        keyed_times(&mut out, "dismissed", states.iter().map(|s| s.dismissed().to_vec()));
        out.json("reservations", &self.sparse(|profile| reservations(&profile.state)))?;
        out.json("decisions", &self.sparse(|profile| profile.decisions.clone()))?;
        out.array("stock.item", self.stock.keys().map(|key| key.0));
        out.array("stock.units", self.stock.values().copied());
        Ok(out.finish())
    }

    fn sparse<T>(&self, of: impl Fn(&Profile) -> Vec<T>) -> BTreeMap<&str, Vec<T>> {
        let all = self.customers.iter().map(|(id, profile)| (id.as_str(), of(profile)));
        all.filter(|(_, list)| !list.is_empty()).collect()
    }

    /// Profiles from their bundle.
    ///
    /// # Errors
    /// [`BundleError`] when bytes or shapes are not those of profiles.
    pub fn from_bundle(bundle: &Bundle) -> Result<Self, BundleError> {
        let ids = bundle.texts("customer")?;
        let mut states = vec![CustomerState::default(); ids.len()];
        read_bought(bundle, &mut states)?;
        for_each_keyed_time(bundle, "shown", &mut states, CustomerState::displayed)?;
        for_each_keyed_time(bundle, "dismissed", &mut states, CustomerState::dismiss)?;
        let with_state =
            |(id, state): (&str, CustomerState)| (id.to_owned(), Profile { state, decisions: Vec::new() });
        let mut customers: BTreeMap<String, Profile> = ids.iter().zip(states).map(with_state).collect();
        for (id, list) in
            bundle.json::<BTreeMap<String, Vec<(String, Timestamp, Vec<Key>)>>>("reservations")?
        {
            for (decision_id, expires_at, items) in list {
                customers.entry(id.clone()).or_default().state.reserve(Reservation {
                    decision_id,
                    expires_at,
                    items,
                });
            }
        }
        for (id, decisions) in bundle.json::<BTreeMap<String, Vec<Decision>>>("decisions")? {
            customers.entry(id).or_default().decisions = decisions;
        }
        let keys = bundle.array::<u64>("stock.item")?;
        let units = bundle.array_of::<i64>("stock.units", keys.len())?;
        Ok(Self { customers, stock: keys.into_iter().map(Key).zip(units).collect() })
    }

    /// Adds what older profiles know and these, rebuilt from the history up to `as_of`, do not; see
    /// [`CustomerState::absorb`]. Nothing is forgotten.
    pub fn absorb(&mut self, older: Self, as_of: Timestamp) {
        for (id, profile) in older.customers {
            let mine = self.customers.entry(id).or_default();
            mine.state.absorb(profile.state, as_of);
            for decision in profile.decisions {
                if mine.decisions.iter().all(|known| known.id != decision.id) {
                    mine.decisions.push(decision);
                }
            }
        }
        for (item, units) in older.stock {
            self.stock.entry(item).or_insert(units);
        }
    }
}

fn reservations(state: &CustomerState) -> Vec<(String, Timestamp, Vec<Key>)> {
    let triple = |r: &Reservation| (r.decision_id.clone(), r.expires_at, r.items.clone());
    state.reservations().iter().map(triple).collect()
}

fn keyed_times(out: &mut BundleWriter, name: &str, lists: impl Iterator<Item = Vec<(Key, Timestamp)>>) {
    let (mut counts, mut all) = (Vec::new(), Vec::new());
    for list in lists {
        counts.push(list.len() as u32);
        all.extend(list);
    }
    out.array(&format!("{name}.n"), counts.into_iter());
    out.array(&format!("{name}.item"), all.iter().map(|(item, _)| item.0));
    out.array(&format!("{name}.at"), all.iter().map(|(_, at)| at.0));
}

fn read_bought(bundle: &Bundle, states: &mut [CustomerState]) -> Result<(), BundleError> {
    let (counts, total) = counts(bundle, "bought", states.len())?;
    let items = bundle.array_of::<u64>("bought.item", total)?;
    let times = bundle.array_of::<i64>("bought.last_at", total)?;
    let units = bundle.array_of::<u32>("bought.units", total)?;
    let mut rows = items.into_iter().zip(times).zip(units);
    for (state, n) in states.iter_mut().zip(counts) {
        for ((item, at), units) in rows.by_ref().take(n as usize) {
            state.purchase(Key(item), Timestamp(at), units);
        }
    }
    Ok(())
}

fn for_each_keyed_time(
    bundle: &Bundle,
    name: &str,
    states: &mut [CustomerState],
    take_in: fn(&mut CustomerState, Key, Timestamp),
) -> Result<(), BundleError> {
    let (counts, total) = counts(bundle, name, states.len())?;
    let items = bundle.array_of::<u64>(&format!("{name}.item"), total)?;
    let times = bundle.array_of::<i64>(&format!("{name}.at"), total)?;
    let mut rows = items.into_iter().zip(times);
    for (state, n) in states.iter_mut().zip(counts) {
        rows.by_ref().take(n as usize).for_each(|(item, at)| take_in(state, Key(item), Timestamp(at)));
    }
    Ok(())
}

fn counts(bundle: &Bundle, name: &str, n: usize) -> Result<(Vec<u32>, usize), BundleError> {
    let counts = bundle.array_of::<u32>(&format!("{name}.n"), n)?;
    let total = counts.iter().map(|&n| n as usize).sum();
    Ok((counts, total))
}
