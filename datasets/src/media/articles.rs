//! Articles: when they appear, what they are about, and how fast interest in them fades.

use bespoke::random::Random;
use bespoke::types::{Days, Timestamp};

use super::MediaParams;
use crate::draws::Draws;

/// Articles are shown for so long after publication.
pub const SHELF: Days = Days(7);

/// Standard deviation of the quality (`q`).
pub(super) const QUALITY_SD: f64 = 0.5;

/// What an article is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Topic {
    /// Name in files.
    pub name: &'static str,
    /// Share of the articles.
    pub share: f64,
    /// Days after which half of the interest is gone (`h`).
    pub half_life_days: f64,
}

/// Every topic.
pub const TOPICS: [Topic; 8] = [
    Topic { name: "politics", share: 0.20, half_life_days: 0.7 },
    Topic { name: "economy", share: 0.14, half_life_days: 1.0 },
    Topic { name: "sport", share: 0.18, half_life_days: 0.5 },
    Topic { name: "local", share: 0.14, half_life_days: 1.2 },
    Topic { name: "culture", share: 0.10, half_life_days: 3.0 },
    Topic { name: "science", share: 0.07, half_life_days: 4.0 },
    Topic { name: "travel", share: 0.07, half_life_days: 5.0 },
    Topic { name: "food", share: 0.10, half_life_days: 3.5 },
];

/// An article.
#[derive(Clone, Debug, PartialEq)]
pub struct Article {
    /// Outside id.
    pub id: String,
    /// Name for people.
    pub title: String,
    /// Position in [`TOPICS`].
    pub topic: usize,
    /// First instant at which it can be read.
    pub published_at: Timestamp,
    /// Quality (`q`); hidden.
    pub quality: f64,
}

impl Article {
    /// What is left of the interest at an instant: 1 at publication.
    #[must_use]
    pub fn interest(&self, at: Timestamp) -> f64 {
        let age_days = (at.0 - self.published_at.0) as f64 / Timestamp::DAY_MS as f64;
        libm::exp2(-age_days / TOPICS[self.topic].half_life_days)
    }
}

/// The articles from a shelf's length before the window to its end, in order of publication.
pub(super) fn publish(params: &MediaParams, random: Random) -> Vec<Article> {
    let first_at = params.start_at.minus(SHELF);
    let n_articles = params.items_per_day * (SHELF.0 + params.days.0);
    let gap_ms = Timestamp::DAY_MS as f64 / f64::from(params.items_per_day);
    let article = |n: u32| {
        let mut draws = Draws::new(random.stream(u64::from(n)));
        let after_ms = (f64::from(n) + draws.uniform()) * gap_ms;
        let topic = draws.pick(&TOPICS.map(|topic| topic.share));
        Article {
            id: format!("N{n:07}"),
            title: format!("{} story {n}", TOPICS[topic].name),
            topic,
            published_at: Timestamp((first_at.0 + after_ms as i64).div_euclid(1_000) * 1_000),
            quality: QUALITY_SD * draws.normal(),
        }
    };
    (0..n_articles).map(article).collect()
}

/// Positions of the articles on the shelf at an instant: published, and for less than [`SHELF`].
pub(super) fn on_shelf(articles: &[Article], at: Timestamp) -> std::ops::Range<usize> {
    let oldest = at.minus(SHELF);
    let first = articles.partition_point(|article| article.published_at <= oldest);
    first..articles.partition_point(|article| article.published_at <= at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interest_halves_with_every_half_life() {
        let article = &publish(&MediaParams::new(1, 1), Random::new(1))[0];
        let half_life_ms = TOPICS[article.topic].half_life_days * Timestamp::DAY_MS as f64;
        let at = |n: f64| Timestamp(article.published_at.0 + (n * half_life_ms) as i64);
        assert_eq!(article.interest(at(0.0)), 1.0);
        assert!((article.interest(at(1.0)) - 0.5).abs() < 1e-6);
        assert!((article.interest(at(3.0)) - 0.125).abs() < 1e-6);
    }

    #[test]
    fn the_shelf_holds_what_is_out_and_not_too_old() {
        let articles = publish(&MediaParams::new(1, 2), Random::new(2));
        assert!(articles.is_sorted_by_key(|article| article.published_at));
        let at = articles[400].published_at;
        let shelf = on_shelf(&articles, at);
        assert!(shelf.contains(&400) && !shelf.contains(&401));
        assert!(articles[shelf.start].published_at > at.minus(SHELF));
        assert!(articles[shelf.start - 1].published_at <= at.minus(SHELF));
        // It can be read up to the end of its time, and not at it.
        let over_at = articles[400].published_at.plus(SHELF);
        assert!(!on_shelf(&articles, over_at).contains(&400));
        assert!(on_shelf(&articles, Timestamp(over_at.0 - 1)).contains(&400));
    }

    #[test]
    fn topics_have_their_shares() {
        let total: f64 = TOPICS.iter().map(|topic| topic.share).sum();
        assert!((total - 1.0).abs() < 1e-12);
        let articles = publish(&MediaParams { items_per_day: 200, ..MediaParams::new(1, 3) }, Random::new(3));
        let n = articles.len() as f64;
        for (number, topic) in TOPICS.iter().enumerate() {
            let count = articles.iter().filter(|article| article.topic == number).count() as f64;
            let error = libm::sqrt(n * topic.share * (1.0 - topic.share));
            assert!((count - n * topic.share).abs() < 4.5 * error, "{}: {count}", topic.name);
        }
    }
}
