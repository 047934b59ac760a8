//! Where the hits of lists are, as bits: all that the metrics need of a list.

use crate::metrics::ranking::{RankingMetric, discount};

/// A bit per place of every list; `n_words` words per list.
#[derive(Clone, Debug)]
pub(super) struct Hits {
    n_words: usize,
    words: Vec<u64>,
}

impl Hits {
    /// Of no list, for lists of at most `k` places.
    pub(super) fn none(k: usize) -> Self {
        Self { n_words: k.div_ceil(64), words: Vec::new() }
    }

    /// Adds the list with hits at these places, from 0.
    pub(super) fn push(&mut self, places: &[usize]) {
        let start = self.words.len();
        self.words.resize(start + self.n_words, 0);
        places.iter().for_each(|place| self.words[start + place / 64] |= 1 << (place % 64));
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Places of the hits of a list, from 1, ascending.
    fn places(&self, list: usize) -> Places<'_> {
        Places { words: &self.words[list * self.n_words..(list + 1) * self.n_words], at: 0 }
    }
}

#[derive(Clone)]
struct Places<'a> {
    words: &'a [u64],
    /// Places that have been looked at.
    at: usize,
}

impl Iterator for Places<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.at < self.words.len() * 64 {
            let rest = self.words[self.at / 64] >> (self.at % 64);
            if rest != 0 {
                self.at += rest.trailing_zeros() as usize + 1;
                return Some(self.at);
            }
            self.at = (self.at / 64 + 1) * 64;
        }
        None
    }
}

/// D(p) and its sums, looked up instead of computed for every customer; the same bits.
pub(super) struct Discounts {
    at: Vec<f64>,
    /// Sum over the first n places.
    ideal: Vec<f64>,
}

impl Discounts {
    /// Up to place `n`.
    pub(super) fn up_to(n: usize) -> Self {
        let mut discounts = Self { at: vec![0.0], ideal: vec![0.0] };
        for place in 1..=n {
            discounts.at.push(discount(place));
            discounts.ideal.push(discounts.ideal[place - 1] + discount(place));
        }
        discounts
    }

    /// The metric of a list with hits among `n_taken` test items.
    pub(super) fn metric(
        &self,
        metric: RankingMetric,
        hits: &Hits,
        list: usize,
        n_taken: usize,
        k: usize,
    ) -> f64 {
        let places = hits.places(list).take_while(|&place| place <= k);
        metric.of_hits(places, n_taken, k, |place| self.at[place], |n| self.ideal[n])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back() {
        for k in [1, 63, 64, 65, 200] {
            let mut hits = Hits::none(k);
            let lists: [Vec<usize>; 3] = [
                (0..k).collect(),
                vec![],
                (0..k).filter(|place| place % 7 == 6 || *place == k - 1).collect(),
            ];
            lists.iter().for_each(|list| hits.push(list));
            for (list, places) in lists.iter().enumerate() {
                let from_one: Vec<usize> = places.iter().map(|place| place + 1).collect();
                assert_eq!(hits.places(list).collect::<Vec<_>>(), from_one, "{k}");
            }
        }
    }
}
