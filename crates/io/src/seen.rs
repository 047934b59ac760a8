//! The set of events already taken in.

/// 128-bit hashes in open addressing, 16 bytes a slot; two different events collide with a chance below
/// n^2 / 2^129.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    slots: Vec<u128>,
    n: usize,
}

/// Marks an empty slot. Not zero: memory that is to be zero comes untouched from the system, and every page of it would
/// fault twice here, at the first look and at the first change.
const EMPTY: u128 = u128::MAX;

impl Seen {
    /// Adds a hash; `false` when it was there.
    pub(crate) fn insert(&mut self, hash: u128) -> bool {
        let hash = hash.min(EMPTY - 1);
        if (self.n + 1) * 8 > self.slots.len() * 7 {
            self.grow();
        }
        let place = find(&self.slots, hash);
        let new = self.slots[place] == EMPTY;
        self.slots[place] = hash;
        self.n += usize::from(new);
        new
    }

    /// Brings the slots of hashes that are about to be inserted near; changes nothing.
    pub(crate) fn approach(&self, hashes: impl Iterator<Item = u128>) {
        let Some(mask) = self.slots.len().checked_sub(1) else { return };
        // Independent loads without a branch between them: the processor has many under way at once.
        let touched = hashes.fold(0, |sum, hash| sum ^ self.slots[hash as usize & mask]);
        std::hint::black_box(touched);
    }

    fn grow(&mut self) {
        let n_slots = (self.slots.len() * 2).max(1024);
        let mut slots = vec![EMPTY; n_slots];
        for &hash in self.slots.iter().filter(|&&hash| hash != EMPTY) {
            let place = find(&slots, hash);
            slots[place] = hash;
        }
        self.slots = slots;
    }
}

/// Where `hash` is or belongs.
fn find(slots: &[u128], hash: u128) -> usize {
    let mask = slots.len() - 1;
    let mut place = (hash as usize) & mask;
    while slots[place] != EMPTY && slots[place] != hash {
        place = (place + 1) & mask;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_is_new_once() {
        let mut seen = Seen::default();
        let hashes = || (0..5000u32).map(|i| xxhash_rust::xxh3::xxh3_128(&i.to_le_bytes()));
        assert!(hashes().all(|hash| seen.insert(hash)));
        assert!(hashes().all(|hash| !seen.insert(hash)));
        seen.approach([7, 8].into_iter());
        assert!(seen.insert(7) && !seen.insert(7));
        for odd in [0, u128::MAX] {
            assert!(seen.insert(odd) && !seen.insert(odd));
        }
    }
}
