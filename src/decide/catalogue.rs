//! What can be shown.

use crate::tables::{IdList, ItemTable};
use crate::types::{Key, Money, Timestamp};

/// Items ordered by id, with their stable keys; the columns of the item table plus the last sale.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    pub(crate) items: ItemTable,
    pub(crate) last_sold_at: Vec<Option<Timestamp>>,
    pub(crate) currency: String,
    keys: Vec<Key>,
    /// (key, row), sorted by key.
    by_key: Vec<(Key, u32)>,
}

/// Two ids share a 64-bit key; one of them must be renamed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("items \"{0}\" and \"{1}\" have the same 64-bit key; rename one of them")]
pub struct KeyCollision(pub String, pub String);

impl Catalogue {
    /// A catalogue of the items of a table; `last_sold_at` has one cell per item.
    ///
    /// # Errors
    /// [`KeyCollision`] when two ids have the same key (about one chance in 10^8 for a million items).
    pub fn new(
        items: ItemTable,
        last_sold_at: Vec<Option<Timestamp>>,
        currency: String,
    ) -> Result<Self, KeyCollision> {
        let keys: Vec<Key> = items.ids.iter().map(Key::of).collect();
        let mut by_key: Vec<(Key, u32)> = keys.iter().zip(0..).map(|(&key, row)| (key, row)).collect();
        by_key.sort_unstable();
        if let Some(pair) = by_key.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let id = |row: u32| items.ids.get(row as usize).to_owned();
            return Err(KeyCollision(id(pair[0].1), id(pair[1].1)));
        }
        Ok(Self { items, last_sold_at, currency, keys, by_key })
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Outside ids, ascending.
    #[must_use]
    pub fn ids(&self) -> &IdList {
        &self.items.ids
    }

    /// The key of an item.
    #[must_use]
    pub fn key(&self, item: usize) -> Key {
        self.keys[item]
    }

    /// The item with that key.
    #[must_use]
    pub fn find(&self, key: Key) -> Option<usize> {
        self.by_key.binary_search_by_key(&key, |&(k, _)| k).ok().map(|at| self.by_key[at].1 as usize)
    }

    /// The category of an item.
    #[must_use]
    pub fn category(&self, item: usize) -> Option<&str> {
        self.items.category(item)
    }

    /// Name for people: the title, else the id.
    #[must_use]
    pub fn title(&self, item: usize) -> &str {
        self.items.titles[item].as_deref().unwrap_or_else(|| self.items.ids.get(item))
    }

    /// Current list price.
    #[must_use]
    pub fn price(&self, item: usize) -> Option<Money> {
        self.items.prices[item]
    }

    /// Last purchase by anybody before the catalogue was made.
    #[must_use]
    pub fn last_sold_at(&self, item: usize) -> Option<Timestamp> {
        self.last_sold_at[item]
    }
}
