//! Live states: one engine for a whole service.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use thiserror::Error;

use super::world::{Parts, Scratch};
use super::{Event, Outcome, Request, Settled, World};
use crate::bundle::{BundleError, BundleKind, Models, OpenError, Profile, Profiles, read_bundle, read_text};
use crate::decide::{Ask, Catalogue, Decision, Policy, PolicyParams, Reservation, Withheld, WithheldCount};
use crate::error::ParamError;
use crate::params::Params;
use crate::tables::{N_BUCKETS, buckets::bucket_of};
use crate::types::{Days, EventKind, Key, Timestamp};

/// How long a settled decision can still be asked for by its id.
const DECISIONS_KEPT: Days = Days(1);

/// Most slots of a request, as of a policy.
const MOST_SLOTS: usize = 1_000;

/// Why the engine refused.
#[non_exhaustive]
#[derive(Debug, Error)]
pub enum EngineError {
    /// An id is empty or longer than 255 bytes.
    #[error("{what} id is \"{id}\", but it must have 1 to 255 bytes")]
    Id {
        /// Whose id.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// More slots than any slate has.
    #[error("{0} slots are asked for, but a slate has 1 to {MOST_SLOTS}")]
    Slots(usize),
    /// The decision id is open for another customer.
    #[error("decision \"{0}\" is open for another customer; an id belongs to one decision")]
    DecisionOfAnother(String),
    /// Nothing is reserved under that id (never decided, settled before, or forgotten).
    #[error("decision \"{0}\" is not open")]
    UnknownDecision(String),
    /// A file could not be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Bytes could not be used.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The policy breaks a rule.
    #[error("policy: {0}")]
    Policy(#[from] ParamError),
}

/// Models, catalogue, policy and the live state of every customer.
///
/// `Send + Sync`; a clone is another handle of the same engine, and two engines share nothing. A call locks one of
/// 1,024 buckets of customers for its duration, so two calls for one customer never overlap.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    world: ArcSwap<World>,
    /// Stock as told by events. Held while the world is swapped, so that no event falls between two worlds.
    told_stock: Mutex<BTreeMap<Key, i64>>,
    customers: Vec<Mutex<BTreeMap<String, Profile>>>,
    /// Working memory that no call is using.
    scratch: Mutex<Vec<Scratch>>,
    /// Customer of every open decision, so that settling needs the decision id only.
    open: Mutex<BTreeMap<String, String>>,
}

impl Engine {
    /// An engine without any customer state.
    #[must_use]
    pub fn new(models: Models, catalogue: Catalogue, policy: Policy) -> Self {
        let inner = Inner {
            world: ArcSwap::from_pointee(World::new(Arc::new(models), Arc::new(catalogue), Arc::new(policy))),
            told_stock: Mutex::default(),
            customers: (0..N_BUCKETS).map(|_| Mutex::default()).collect(),
            scratch: Mutex::default(),
            open: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Opens a published run: either the output folder of `bespoke refresh` (its `CURRENT` run and `profiles/`), or a
    /// folder with `model.bespoke`, `catalogue.bespoke`, `policy.toml` and perhaps `profiles.bespoke`.
    ///
    /// # Errors
    /// [`EngineError`] naming the file that is absent, damaged or of another version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, EngineError> {
        let (run, profiles) = locate(path.as_ref())?;
        let file = |name: &str| run.join(name);
        let model_path = file("model.bespoke");
        let models = Models::from_bundle(&read_bundle(&model_path, BundleKind::Model)?)
            .map_err(OpenError::bundle(&model_path))?;
        let catalogue_path = file("catalogue.bespoke");
        let catalogue = Catalogue::from_bundle(&read_bundle(&catalogue_path, BundleKind::Catalogue)?)
            .map_err(OpenError::bundle(&catalogue_path))?;
        let policy_path = file("policy.toml");
        let written: PolicyParams = toml::from_str(&read_text(&policy_path)?)
            .map_err(|error| OpenError::Text { path: policy_path, problem: error.to_string() })?;
        let engine = Self::new(models, catalogue, written.check()?);
        match read_bundle(&profiles, BundleKind::Profiles) {
            Ok(bundle) => engine.load(Profiles::from_bundle(&bundle).map_err(OpenError::bundle(&profiles))?),
            // Nothing is remembered yet; a file that is there and cannot be read is another matter.
            Err(OpenError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(engine)
    }

    /// Takes in something that happened; an unknown customer or item is remembered. Events may come in any order,
    /// except that a refund undoes only purchases that are known by then.
    ///
    /// # Errors
    /// [`EngineError::Id`] for an id that cannot be one.
    pub fn observe(&self, event: &Event<'_>) -> Result<(), EngineError> {
        match *event {
            Event::Stock { item, units } => {
                valid_id("item", item)?;
                let key = Key::of(item);
                let mut told = lock(&self.inner.told_stock);
                told.insert(key, units);
                self.inner.world.load().set_stock(key, units);
            }
            Event::Customer { customer, item, kind, at, quantity } => {
                valid_id("customer", customer)?;
                valid_id("item", item)?;
                let key = Key::of(item);
                let mut bucket = self.lock(customer);
                let state = &mut profile(&mut bucket, customer).state;
                match kind {
                    EventKind::Purchase => state.purchase(key, at, quantity),
                    EventKind::Refund => state.refund(key, quantity),
                    EventKind::Exposure => state.exposure(key, at),
                    EventKind::Dismissal => state.dismiss(key, at),
                    EventKind::View | EventKind::CartAdd | EventKind::CartRemove | EventKind::Click => {}
                }
            }
        }
        Ok(())
    }

    /// Decides a slate and reserves its exposures until they are settled or lapse. The same decision id again gives
    /// the same decision.
    ///
    /// # Errors
    /// [`EngineError::Id`] for an id that cannot be one, [`EngineError::Slots`] for a slate that cannot be,
    /// [`EngineError::DecisionOfAnother`] for an id that is open for somebody else.
    pub fn decide(&self, request: &Request) -> Result<Decision, EngineError> {
        valid(request)?;
        let world = self.inner.world.load_full();
        let mut bucket = self.lock(&request.customer);
        if let Some(id) = &request.decision_id {
            let decisions = bucket.get(&request.customer).map_or(&[][..], |profile| &profile.decisions);
            if let Some(known) = decisions.iter().find(|known| known.id == *id) {
                return Ok(known.clone());
            }
            // Claimed in one step, so that of two customers at the same time one gets it.
            let mut open = lock(&self.inner.open);
            if *open.entry(id.clone()).or_insert_with(|| request.customer.clone()) != request.customer {
                return Err(EngineError::DecisionOfAnother(id.clone()));
            }
        }
        let profile = profile(&mut bucket, &request.customer);
        self.forget(profile, request.now);
        let decision = self.answer(&world, profile, request);
        let lasts = i64::from(world.policy().reservation_minutes) * 60_000;
        profile.state.reserve(Reservation {
            decision_id: decision.id.clone(),
            expires_at: Timestamp(request.now.0.saturating_add(lasts)),
            items: decision.shown.iter().map(|item| Key::of(&item.item_id)).collect(),
        });
        profile.decisions.push(decision.clone());
        lock(&self.inner.open).insert(decision.id.clone(), request.customer.clone());
        Ok(decision)
    }

    /// [`Engine::decide`] without a trace: nothing is reserved or remembered.
    ///
    /// # Errors
    /// [`EngineError::Id`] for an id that cannot be one, [`EngineError::Slots`] for a slate that cannot be.
    pub fn preview(&self, request: &Request) -> Result<Decision, EngineError> {
        valid(request)?;
        let world = self.inner.world.load_full();
        let bucket = self.lock(&request.customer);
        let nobody = Profile::default();
        Ok(self.answer(&world, bucket.get(&request.customer).unwrap_or(&nobody), request))
    }

    /// Why an item would not be shown to the customer of a request; `None` when it would be shown, is not in the
    /// catalogue, or is no candidate.
    ///
    /// # Errors
    /// [`EngineError::Id`] for an id that cannot be one, [`EngineError::Slots`] for a slate that cannot be.
    pub fn why_not(&self, request: &Request, item: &str) -> Result<Option<Withheld>, EngineError> {
        valid(request)?;
        let world = self.inner.world.load_full();
        let Some(item) = world.catalogue().find(Key::of(item)) else { return Ok(None) };
        let bucket = self.lock(&request.customer);
        let nobody = Profile::default();
        let state = &bucket.get(&request.customer).unwrap_or(&nobody).state;
        let ask = ask(&world, request);
        let answer = self.with_scratch(|scratch| world.decide(state, &ask, scratch));
        Ok(world.why_withheld(state, &ask, &answer, item))
    }

    /// Whether the catalogue has an item.
    #[must_use]
    pub fn has_item(&self, item: &str) -> bool {
        self.inner.world.load().catalogue().find(Key::of(item)).is_some()
    }

    /// Commits or releases the reservation of a decision.
    ///
    /// # Errors
    /// [`EngineError::UnknownDecision`] when nothing is reserved under that id.
    pub fn settle(
        &self,
        decision_id: &str,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settled, EngineError> {
        let unknown = || EngineError::UnknownDecision(decision_id.to_owned());
        let customer = lock(&self.inner.open).remove(decision_id).ok_or_else(unknown)?;
        let mut bucket = self.lock(&customer);
        let state = &mut profile(&mut bucket, &customer).state;
        let reservation = state.settle(decision_id).ok_or_else(unknown)?;
        if outcome == Outcome::NotDisplayed {
            return Ok(Settled::Released);
        }
        reservation.items.iter().for_each(|&item| state.displayed(item, now));
        Ok(if now < reservation.expires_at { Settled::Committed } else { Settled::CommittedLate })
    }

    /// Takes other models; states stay.
    pub fn swap_model(&self, models: Models) {
        let models = Arc::new(models);
        self.swap(|(_, catalogue, policy)| World::new(models, catalogue, policy));
    }

    /// Takes another catalogue; states stay, also those about items that are gone.
    pub fn swap_catalogue(&self, catalogue: Catalogue) {
        let catalogue = Arc::new(catalogue);
        self.swap(|(models, _, policy)| World::new(models, catalogue, policy));
    }

    /// Takes another policy; counts stay, because they are counted from exposures.
    pub fn swap_policy(&self, policy: Policy) {
        let policy = Arc::new(policy);
        self.swap(|(models, catalogue, _)| World::new(models, catalogue, policy));
    }

    /// Everything remembered of all customers, bucket by bucket.
    #[must_use]
    pub fn snapshot(&self) -> Profiles {
        let mut profiles = Profiles::default();
        for bucket in &self.inner.customers {
            let copy =
                lock(bucket).iter().map(|(id, profile)| (id.clone(), profile.clone())).collect::<Vec<_>>();
            profiles.customers.extend(copy);
        }
        profiles.stock = lock(&self.inner.told_stock).clone();
        profiles
    }

    /// Replaces everything remembered by a snapshot. A customer's memory is replaced in one step: a decision at the
    /// same time sees the old or the new one.
    pub fn restore(&self, profiles: Profiles) {
        self.load(profiles);
    }

    fn load(&self, profiles: Profiles) {
        let mut open = BTreeMap::new();
        let mut buckets: Vec<BTreeMap<String, Profile>> = (0..N_BUCKETS).map(|_| BTreeMap::new()).collect();
        for (id, profile) in profiles.customers {
            open.extend(profile.state.reservations().iter().map(|r| (r.decision_id.clone(), id.clone())));
            buckets[bucket_of(&id)].insert(id, profile);
        }
        *lock(&self.inner.open) = open;
        for (bucket, restored) in self.inner.customers.iter().zip(buckets) {
            *lock(bucket) = restored;
        }
        let mut told = lock(&self.inner.told_stock);
        *told = profiles.stock;
        let (models, catalogue, policy) = self.inner.world.load().parts();
        self.store(World::new(models, catalogue, policy), &told);
    }

    fn swap(&self, build: impl FnOnce(Parts) -> World) {
        let told = lock(&self.inner.told_stock);
        self.store(build(self.inner.world.load().parts()), &told);
    }

    fn store(&self, world: World, told: &BTreeMap<Key, i64>) {
        told.iter().for_each(|(&item, &units)| world.set_stock(item, units));
        self.inner.world.store(Arc::new(world));
    }

    fn answer(&self, world: &World, profile: &Profile, request: &Request) -> Decision {
        let ask = ask(world, request);
        let (answer, shown) = self.with_scratch(|scratch| {
            let answer = world.decide(&profile.state, &ask, scratch);
            let shown = world.shown(&answer, scratch);
            (answer, shown)
        });
        let counts = answer.slate.withheld().into_iter().map(|(code, n)| WithheldCount { code, n });
        Decision {
            id: request.decision_id.clone().unwrap_or_else(|| derived_id(request, profile)),
            customer_id: request.customer.clone(),
            at: request.now,
            channel: request.channel.clone(),
            placement: request.placement.clone(),
            considered: answer.slate.considered(),
            shown,
            withheld: counts.collect(),
            shortfall: answer.slate.shortfall(ask.slots),
        }
    }

    fn with_scratch<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        let mut scratch = lock(&self.inner.scratch).pop().unwrap_or_default();
        let done = work(&mut scratch);
        lock(&self.inner.scratch).push(scratch);
        done
    }

    /// Drops decisions that can no longer be asked for.
    fn forget(&self, profile: &mut Profile, now: Timestamp) {
        let before = now.minus(DECISIONS_KEPT);
        let lapsed: Vec<String> = (profile.state.reservations().iter())
            .filter(|r| r.expires_at < before)
            .map(|r| r.decision_id.clone())
            .collect();
        profile.state.forget_lapsed(before);
        // A decision whose exposures are still held may be asked for again, however old it is.
        let Profile { state, decisions } = profile;
        decisions.retain(|decision| decision.at >= before || state.reservation(&decision.id).is_some());
        let mut open = lock(&self.inner.open);
        lapsed.iter().for_each(|id| drop(open.remove(id)));
    }

    fn lock(&self, customer: &str) -> MutexGuard<'_, BTreeMap<String, Profile>> {
        lock(&self.inner.customers[bucket_of(customer)])
    }
}

/// State is changed in single steps that cannot panic half-way, so a poisoned lock holds consistent data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn profile<'a>(bucket: &'a mut BTreeMap<String, Profile>, customer: &str) -> &'a mut Profile {
    if !bucket.contains_key(customer) {
        bucket.insert(customer.to_owned(), Profile::default());
    }
    bucket.get_mut(customer).unwrap_or_else(|| unreachable!("just inserted"))
}

fn ask<'a>(world: &World, request: &'a Request) -> Ask<'a> {
    Ask {
        now: request.now,
        slots: request.slots.unwrap_or(world.policy().slots as usize),
        exclude: &request.exclude,
        candidates: request.candidates.as_deref(),
    }
}

/// An id for a request without one: a pure function of the request and of how many decisions the customer has, so
/// that a replay gives the same ids.
fn derived_id(request: &Request, profile: &Profile) -> String {
    let text = format!(
        "{}\u{1f}{}\u{1f}{:?}\u{1f}{:?}\u{1f}{}",
        request.customer,
        request.now.0,
        request.channel,
        request.placement,
        profile.decisions.len()
    );
    format!("d-{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()))
}

fn valid(request: &Request) -> Result<(), EngineError> {
    valid_id("customer", &request.customer)?;
    request.decision_id.as_ref().map_or(Ok(()), |id| valid_id("decision", id))?;
    match request.slots {
        Some(slots) if !(1..=MOST_SLOTS).contains(&slots) => Err(EngineError::Slots(slots)),
        _ => Ok(()),
    }
}

fn valid_id(what: &'static str, id: &str) -> Result<(), EngineError> {
    if (1..=255).contains(&id.len()) { Ok(()) } else { Err(EngineError::Id { what, id: id.to_owned() }) }
}

/// The run folder and the profiles file of what was asked to be opened.
fn locate(path: &Path) -> Result<(PathBuf, PathBuf), EngineError> {
    let current = path.join("CURRENT");
    if !current.exists() {
        return Ok((path.to_owned(), path.join("profiles.bespoke")));
    }
    let number = read_text(&current)?.trim().to_owned();
    if number.len() != 6 || !number.bytes().all(|b| b.is_ascii_digit()) {
        let problem = format!("it says \"{number}\", which is not the number of a run");
        return Err(OpenError::Text { path: current, problem }.into());
    }
    Ok((path.join("runs").join(number), path.join("profiles").join("profiles.bespoke")))
}
