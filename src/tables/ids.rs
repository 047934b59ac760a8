//! Outside ids, stored back to back.

use crate::types::Key;

/// A list of outside ids by dense number: one allocation for the text, one for the ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdList {
    text: String,
    ends: Vec<u32>,
}

impl IdList {
    /// Number of ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The outside id of dense number `ix`.
    ///
    /// # Panics
    /// When `ix` is not below [`IdList::len`].
    #[must_use]
    pub fn get(&self, ix: usize) -> &str {
        let start = if ix == 0 { 0 } else { self.ends[ix - 1] as usize };
        &self.text[start..self.ends[ix] as usize]
    }

    /// All ids in dense order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|ix| self.get(ix))
    }

    /// Appends an id and returns its dense number.
    ///
    /// # Panics
    /// When the ids together exceed 4 GiB of text.
    pub fn push(&mut self, id: &str) -> u32 {
        self.text.push_str(id);
        self.ends.push(u32::try_from(self.text.len()).expect("ids exceed 4 GiB of text"));
        (self.ends.len() - 1) as u32
    }
}

impl<'a> FromIterator<&'a str> for IdList {
    fn from_iter<T: IntoIterator<Item = &'a str>>(ids: T) -> Self {
        let mut list = Self::default();
        for id in ids {
            list.push(id);
        }
        list
    }
}

/// Outside ids to dense numbers in order of first appearance; open addressing over the stored text, so that
/// an id costs its bytes plus about 12.
#[derive(Clone, Debug, Default)]
pub struct Interner {
    ids: IdList,
    /// (upper hash bits, number + 1); 0 in the second place is an empty slot.
    slots: Vec<(u32, u32)>,
}

impl Interner {
    /// The number of `id`, new or known.
    pub fn number(&mut self, id: &str) -> u32 {
        if (self.ids.len() + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        let hash = Key::of(id).0;
        let (mut at, tag) = self.place(hash);
        loop {
            let (known_tag, number) = self.slots[at];
            if number == 0 {
                let new = self.ids.push(id);
                self.slots[at] = (tag, new + 1);
                return new;
            }
            if known_tag == tag && self.ids.get(number as usize - 1) == id {
                return number - 1;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// The ids seen so far, in order of first appearance.
    pub fn ids(&self) -> &IdList {
        &self.ids
    }

    fn place(&self, hash: u64) -> (usize, u32) {
        ((hash as usize) & (self.slots.len() - 1), (hash >> 32) as u32)
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(64);
        self.slots = vec![(0, 0); size];
        for number in 0..self.ids.len() {
            let (mut at, tag) = self.place(Key::of(self.ids.get(number)).0);
            while self.slots[at].1 != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = (tag, number as u32 + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stable_and_found_again() {
        let mut interner = Interner::default();
        let ids: Vec<String> = (0..5000).map(|i| format!("{i:x}\n,\"é{}", i % 7)).collect();
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(interner.number(id), n as u32);
        }
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(interner.number(id), n as u32);
        }
        assert_eq!(interner.ids().iter().collect::<Vec<_>>(), ids);
    }
}
