//! What the engine remembers of a customer: purchases, exposures, refusals, reservations.
//!
//! Kept by stable item keys, so that it survives any change of catalogue and model. Order of arrival does not
//! matter, except that a refund undoes only what is known to have been bought.

use crate::types::{Key, Timestamp};

/// Most recent exposures kept per customer and item; a cap per item can count at most so many.
pub const ITEM_EXPOSURES_KEPT: usize = 64;

/// Most recent exposures kept per customer; a cap over everything can count at most so many.
pub const EXPOSURES_KEPT: usize = 1_000;

/// What is known about a customer's purchases of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bought {
    /// Which item.
    pub item: Key,
    /// Last purchase.
    pub last_at: Timestamp,
    /// Units bought less units refunded, at least 0. 0 = fully refunded.
    pub units: u32,
}

/// Exposures held for a decision that is not settled yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The decision.
    pub decision_id: String,
    /// When it lapses by itself.
    pub expires_at: Timestamp,
    /// The items held.
    pub items: Vec<Key>,
}

/// Everything remembered of one customer. Lists are sorted; equal facts are kept once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerState {
    bought: Vec<Bought>,
    /// (item, time), at most [`ITEM_EXPOSURES_KEPT`] latest per item.
    item_exposures: Vec<(Key, Timestamp)>,
    /// (time, item), at most [`EXPOSURES_KEPT`] latest.
    exposures: Vec<(Timestamp, Key)>,
    dismissed: Vec<(Key, Timestamp)>,
    reservations: Vec<Reservation>,
}

impl CustomerState {
    /// Takes in a purchase of `units` of an item.
    pub fn purchase(&mut self, item: Key, at: Timestamp, units: u32) {
        match self.bought.binary_search_by_key(&item, |b| b.item) {
            Ok(place) => {
                let known = &mut self.bought[place];
                known.last_at = known.last_at.max(at);
                known.units = known.units.saturating_add(units);
            }
            Err(place) => self.bought.insert(place, Bought { item, last_at: at, units }),
        }
    }

    /// Takes in a refund; more than is known to have been bought is ignored.
    pub fn refund(&mut self, item: Key, units: u32) {
        if let Ok(place) = self.bought.binary_search_by_key(&item, |b| b.item) {
            self.bought[place].units = self.bought[place].units.saturating_sub(units);
        }
    }

    /// Takes in an exposure told by an event; the same item at the same instant counts once.
    pub fn exposure(&mut self, item: Key, at: Timestamp) {
        // Either list may have dropped it as too old for itself.
        let known = self.exposures.binary_search(&(at, item)).is_ok()
            || self.item_exposures.binary_search(&(item, at)).is_ok();
        if !known {
            self.displayed(item, at);
        }
    }

    /// Takes in a display of its own, also beside others of the item at the same instant.
    pub fn displayed(&mut self, item: Key, at: Timestamp) {
        let place = self.exposures.partition_point(|&known| known <= (at, item));
        self.exposures.insert(place, (at, item));
        if self.exposures.len() > EXPOSURES_KEPT {
            self.exposures.remove(0);
        }
        let place = self.item_exposures.partition_point(|&known| known <= (item, at));
        self.item_exposures.insert(place, (item, at));
        let of_item = self.range_of(item);
        if of_item.len() > ITEM_EXPOSURES_KEPT {
            self.item_exposures.remove(of_item.start);
        }
    }

    /// Takes in a refusal; the latest one counts.
    pub fn dismiss(&mut self, item: Key, at: Timestamp) {
        match self.dismissed.binary_search_by_key(&item, |&(key, _)| key) {
            Ok(place) => self.dismissed[place].1 = self.dismissed[place].1.max(at),
            Err(place) => self.dismissed.insert(place, (item, at)),
        }
    }

    /// Holds exposures for a decision.
    pub fn reserve(&mut self, reservation: Reservation) {
        self.reservations.push(reservation);
    }

    /// Ends a reservation and gives it back; `None` when it is unknown.
    pub fn settle(&mut self, decision_id: &str) -> Option<Reservation> {
        let place = self.reservations.iter().position(|r| r.decision_id == decision_id)?;
        Some(self.reservations.remove(place))
    }

    /// The reservation of a decision, lapsed or not.
    #[must_use]
    pub fn reservation(&self, decision_id: &str) -> Option<&Reservation> {
        self.reservations.iter().find(|r| r.decision_id == decision_id)
    }

    /// Forgets reservations that lapsed so long ago that no settlement can be meant for them.
    pub fn forget_lapsed(&mut self, before: Timestamp) {
        self.reservations.retain(|r| r.expires_at >= before);
    }

    /// Purchases by item key.
    #[must_use]
    pub fn bought(&self) -> &[Bought] {
        &self.bought
    }

    /// Refused items with the latest refusal, by item key.
    #[must_use]
    pub fn dismissed(&self) -> &[(Key, Timestamp)] {
        &self.dismissed
    }

    /// Remembered exposures, (item, time) ascending.
    #[must_use]
    pub fn item_exposures(&self) -> &[(Key, Timestamp)] {
        &self.item_exposures
    }

    /// Remembered exposures of any item, (time, item) ascending.
    #[must_use]
    pub fn exposures(&self) -> &[(Timestamp, Key)] {
        &self.exposures
    }

    /// Reservations in order of decision.
    #[must_use]
    pub fn reservations(&self) -> &[Reservation] {
        &self.reservations
    }

    /// Times at which one item was shown, ascending.
    pub fn exposures_of(&self, item: Key) -> impl DoubleEndedIterator<Item = Timestamp> {
        self.item_exposures[self.range_of(item)].iter().map(|&(_, at)| at)
    }

    /// Reservations of an item (or of anything) that are alive at `now`.
    #[must_use]
    pub fn reserved(&self, item: Option<Key>, now: Timestamp) -> usize {
        let alive = self.reservations.iter().filter(|r| r.expires_at > now);
        alive.map(|r| item.map_or(r.items.len(), |key| r.items.iter().filter(|&&k| k == key).count())).sum()
    }

    /// What was known before an instant: purchases last made, exposures and refusals before it. Reservations stay,
    /// because they may still be displayed.
    #[must_use]
    pub fn before(&self, instant: Timestamp) -> Self {
        Self {
            bought: self.bought.iter().filter(|bought| bought.last_at < instant).copied().collect(),
            item_exposures: self.item_exposures.iter().filter(|(_, at)| *at < instant).copied().collect(),
            exposures: self.exposures.iter().filter(|(at, _)| *at < instant).copied().collect(),
            dismissed: self.dismissed.iter().filter(|(_, at)| *at < instant).copied().collect(),
            reservations: self.reservations.clone(),
        }
    }

    /// Adds what an older state knows and this one does not. This state was rebuilt from the full history up to
    /// `as_of`: about an item that both know the purchases of it is right up to there, and what the older state knows
    /// from then on is added. Nothing is forgotten.
    pub fn absorb(&mut self, older: Self, as_of: Timestamp) {
        for (at, item) in beyond(&older.displays(), &self.displays()) {
            self.displayed(item, at);
        }
        for known in older.bought {
            match self.bought.binary_search_by_key(&known.item, |b| b.item) {
                Err(place) => self.bought.insert(place, known),
                Ok(place) if known.last_at >= as_of => {
                    let rebuilt = &mut self.bought[place];
                    rebuilt.last_at = rebuilt.last_at.max(known.last_at);
                    rebuilt.units = rebuilt.units.max(known.units);
                }
                Ok(_) => {}
            }
        }
        for (item, at) in older.dismissed {
            self.dismiss(item, at);
        }
        for reservation in older.reservations {
            if self.reservation(&reservation.decision_id).is_none() {
                self.reservations.push(reservation);
            }
        }
    }

    /// Every remembered display, (time, item) ascending, as often as either list of exposures holds it; both can be
    /// rebuilt from it.
    #[must_use]
    pub fn displays(&self) -> Vec<(Timestamp, Key)> {
        let mut by_item: Vec<(Timestamp, Key)> =
            self.item_exposures.iter().map(|&(item, at)| (at, item)).collect();
        by_item.sort_unstable();
        let mut all = beyond(&by_item, &self.exposures);
        all.extend_from_slice(&self.exposures);
        all.sort_unstable();
        all
    }

    fn range_of(&self, item: Key) -> std::ops::Range<usize> {
        let start = self.item_exposures.partition_point(|&(key, _)| key < item);
        let end = self.item_exposures.partition_point(|&(key, _)| key <= item);
        start..end
    }
}

/// What a sorted list holds more often than another.
fn beyond(list: &[(Timestamp, Key)], known: &[(Timestamp, Key)]) -> Vec<(Timestamp, Key)> {
    let mut known = known.iter().peekable();
    let is_more = |display: &&(Timestamp, Key)| {
        while known.next_if(|&earlier| earlier < *display).is_some() {}
        known.next_if_eq(display).is_none()
    };
    list.iter().filter(is_more).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refunds_undo_purchases_but_never_go_below_nothing() {
        let mut state = CustomerState::default();
        state.refund(Key(1), 5);
        state.purchase(Key(1), Timestamp(10), 2);
        state.refund(Key(1), 1);
        assert_eq!(state.bought()[0].units, 1);
        state.refund(Key(1), 9);
        assert_eq!(state.bought(), [Bought { item: Key(1), last_at: Timestamp(10), units: 0 }]);
    }

    #[test]
    fn the_latest_exposures_are_kept_and_equal_ones_once() {
        let mut state = CustomerState::default();
        for t in (0..2_000).rev().chain(0..2_000) {
            state.exposure(Key(t as u64 % 2), Timestamp(t));
        }
        assert_eq!(state.exposures().len(), EXPOSURES_KEPT);
        assert_eq!(state.exposures()[0].0, Timestamp(1_000));
        assert_eq!(state.exposures_of(Key(1)).count(), ITEM_EXPOSURES_KEPT);
        assert_eq!(state.exposures_of(Key(1)).next_back(), Some(Timestamp(1_999)));
    }

    #[test]
    fn absorbing_an_older_state_forgets_nothing() {
        let (mut new, mut old) = (CustomerState::default(), CustomerState::default());
        old.purchase(Key(1), Timestamp(1), 1);
        old.purchase(Key(2), Timestamp(1), 7);
        old.exposure(Key(3), Timestamp(2));
        old.dismiss(Key(4), Timestamp(3));
        new.purchase(Key(2), Timestamp(5), 1);
        new.absorb(old.clone(), Timestamp(10));
        assert_eq!(
            new.bought().iter().map(|b| (b.item, b.units)).collect::<Vec<_>>(),
            [(Key(1), 1), (Key(2), 1)]
        );
        assert_eq!((new.exposures().len(), new.dismissed().len()), (1, 1));
        let once = new.clone();
        new.absorb(old, Timestamp(10));
        assert_eq!(new, once);
    }

    #[test]
    fn what_happened_after_the_export_is_added_to_what_it_knows() {
        let (mut export, mut live) = (CustomerState::default(), CustomerState::default());
        export.purchase(Key(1), Timestamp(5), 1);
        live.purchase(Key(1), Timestamp(12), 3);
        let mut earlier = export.clone();
        earlier.absorb(live.clone(), Timestamp(20));
        assert_eq!(earlier, export, "an export that reaches further is right");
        export.absorb(live.clone(), Timestamp(10));
        assert_eq!(export.bought(), [Bought { item: Key(1), last_at: Timestamp(12), units: 3 }]);
        assert!(live.before(Timestamp(12)).bought().is_empty());
    }

    #[test]
    fn displays_at_one_instant_count_one_by_one_and_are_absorbed_once() {
        let mut state = CustomerState::default();
        state.displayed(Key(1), Timestamp(3));
        state.displayed(Key(1), Timestamp(3));
        state.exposure(Key(1), Timestamp(3));
        assert_eq!((state.exposures_of(Key(1)).count(), state.exposures().len()), (2, 2));
        let once = state.clone();
        state.absorb(once.clone(), Timestamp(9));
        assert_eq!(state, once);
        let mut fresh = CustomerState::default();
        fresh.absorb(once.clone(), Timestamp(9));
        assert_eq!(fresh, once);
    }

    #[test]
    fn an_old_exposure_told_again_counts_once() {
        let mut state = CustomerState::default();
        for t in 0..=EXPOSURES_KEPT as i64 {
            state.exposure(Key(t as u64), Timestamp(t));
        }
        let once = state.clone();
        state.exposure(Key(0), Timestamp(0));
        assert_eq!(state, once);
        assert_eq!(state.exposures_of(Key(0)).count(), 1);
    }

    #[test]
    fn reservations_count_while_alive() {
        let mut state = CustomerState::default();
        let reservation =
            Reservation { decision_id: "d".into(), expires_at: Timestamp(10), items: vec![Key(1), Key(2)] };
        state.reserve(reservation.clone());
        assert_eq!((state.reserved(None, Timestamp(9)), state.reserved(Some(Key(1)), Timestamp(9))), (2, 1));
        assert_eq!(state.reserved(None, Timestamp(10)), 0);
        assert_eq!(state.settle("d"), Some(reservation));
        assert_eq!(state.settle("d"), None);
    }
}
