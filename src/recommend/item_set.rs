//! Sets of items as bits.

/// A set of items out of a catalogue of fixed size, for example those in stock on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemSet {
    n_items: usize,
    words: Vec<u64>,
}

impl ItemSet {
    /// The empty set.
    #[must_use]
    pub fn none(n_items: usize) -> Self {
        Self { n_items, words: vec![0; n_items.div_ceil(64)] }
    }

    /// The whole catalogue.
    #[must_use]
    pub fn all(n_items: usize) -> Self {
        let mut words = vec![u64::MAX; n_items.div_ceil(64)];
        if let Some(last) = words.last_mut() {
            *last >>= (64 - n_items % 64) % 64;
        }
        Self { n_items, words }
    }

    /// The items for which `holds` is true.
    #[must_use]
    pub fn filter(n_items: usize, holds: impl Fn(u32) -> bool) -> Self {
        let word = |at: usize| {
            let items = at * 64..n_items.min(at * 64 + 64);
            items.fold(0, |word, item| word | u64::from(holds(item as u32)) << (item % 64))
        };
        Self { n_items, words: (0..n_items.div_ceil(64)).map(word).collect() }
    }

    /// Size of the catalogue.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// Number of items in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// Whether no item is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&w| w == 0)
    }

    /// Whether `item` is in the set.
    ///
    /// # Panics
    /// When the item is not of the catalogue: a programmer error.
    #[must_use]
    pub fn contains(&self, item: u32) -> bool {
        let (word, bit) = self.place(item);
        self.words[word] & bit != 0
    }

    /// Puts `item` in.
    ///
    /// # Panics
    /// When the item is not of the catalogue: a programmer error.
    pub fn insert(&mut self, item: u32) {
        let (word, bit) = self.place(item);
        self.words[word] |= bit;
    }

    /// Takes `item` out.
    ///
    /// # Panics
    /// When the item is not of the catalogue: a programmer error.
    pub fn remove(&mut self, item: u32) {
        let (word, bit) = self.place(item);
        self.words[word] &= !bit;
    }

    /// Keeps what is in `other` too.
    ///
    /// # Panics
    /// When `other` is of another catalogue size: a programmer error.
    pub fn intersect(&mut self, other: &Self) {
        assert_eq!(self.n_items, other.n_items, "sets of one catalogue");
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine &= theirs;
        }
    }

    /// The items, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| bits(word).map(move |bit| at as u32 * 64 + bit))
    }

    /// Items 64 * at and following, as bits.
    pub(super) fn word(&self, at: usize) -> u64 {
        self.words[at]
    }

    fn place(&self, item: u32) -> (usize, u64) {
        assert!((item as usize) < self.n_items, "item {item} of {}", self.n_items);
        (item as usize / 64, 1 << (item % 64))
    }
}

/// Positions of the ones in a word, ascending.
pub(super) fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let bit = word.trailing_zeros();
            word &= word - 1;
            bit
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_and_empty_sets_have_the_size_of_the_catalogue() {
        for n in [0, 1, 63, 64, 65, 128] {
            assert_eq!((ItemSet::all(n).len(), ItemSet::none(n).len()), (n, 0));
            assert!(ItemSet::all(n).iter().eq(0..n as u32));
            assert_eq!(ItemSet::all(n).is_empty(), n == 0);
        }
    }

    #[test]
    fn items_go_in_and_out() {
        let mut set = ItemSet::filter(70, |item| item % 2 == 1);
        assert!(set.contains(69) && !set.contains(68));
        set.remove(69);
        set.insert(0);
        let mut other = ItemSet::none(70);
        [0, 1, 2].into_iter().for_each(|item| other.insert(item));
        set.intersect(&other);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    #[should_panic(expected = "item 3 of 3")]
    fn an_item_outside_the_catalogue_is_a_programmer_error() {
        let _ = ItemSet::none(3).contains(3);
    }
}
