//! The catalogue: categories, prices, popularity, windows of availability, stock.

use bespoke::random::Random;
use bespoke::types::{Days, Money, Timestamp};

use super::draws::Draws;
use super::personas::{CATEGORIES, FIRST_CONSUMABLE};

/// Typical price of an item of each category, in euro.
const MEDIAN_PRICE: [f64; CATEGORIES.len()] =
    [18., 24., 29., 22., 26., 14., 6., 17., 7., 35., 9., 8., 15., 12., 5.];

/// Two nouns per category for titles.
const NOUNS: [[&str; 2]; CATEGORIES.len()] = [
    ["kettle", "pan"],
    ["vase", "picture frame"],
    ["cushion", "towel"],
    ["planter", "lantern"],
    ["hammer", "lamp"],
    ["novel", "atlas"],
    ["notebook", "pencil set"],
    ["puzzle", "kite"],
    ["garland", "balloon set"],
    ["necklace", "bracelet"],
    ["pillar candle", "tea lights"],
    ["breakfast tea", "espresso beans"],
    ["cat food", "dog biscuits"],
    ["hand cream", "soap"],
    ["nougat", "fruit drops"],
];

const ADJECTIVES: [&str; 12] = [
    "blue", "copper", "plain", "striped", "golden", "large", "small", "vintage", "Nordic", "green",
    "classic", "bright",
];

/// One item of the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Outside id.
    pub id: String,
    /// Name for people.
    pub title: String,
    /// Position in [`CATEGORIES`].
    pub category: usize,
    /// List price.
    pub price: Money,
    /// First instant of sale, when there is one.
    pub available_from: Option<Timestamp>,
    /// First instant after the sale, when there is one.
    pub available_to: Option<Timestamp>,
    /// Units in stock at the end of the world, when tracked.
    pub stock: Option<u32>,
    /// Position of the price among its category, 0 (cheapest) to 1 (dearest).
    pub price_rank: f64,
}

impl Item {
    /// Whether the item is bought again and again.
    #[must_use]
    pub fn is_consumable(&self) -> bool {
        self.category >= FIRST_CONSUMABLE
    }

    /// Whether the item is on sale at an instant; stock is not looked at.
    #[must_use]
    pub fn is_available(&self, at: Timestamp) -> bool {
        self.available_from.is_none_or(|from| from <= at) && self.available_to.is_none_or(|to| at < to)
    }
}

/// Items with their popularity within each category.
#[derive(Clone, Debug)]
pub(super) struct Catalogue {
    pub(super) items: Vec<Item>,
    shelves: Vec<Shelf>,
}

/// Items of one category, most popular first, and their cumulative popularity.
#[derive(Clone, Debug)]
struct Shelf {
    items: Vec<u32>,
    cumulative: Vec<f64>,
}

impl Catalogue {
    /// `n_items` items, dealt to the categories in turn.
    pub(super) fn new(n_items: usize, start: Timestamp, end: Timestamp, random: Random) -> Self {
        let mut items: Vec<Item> =
            (0..n_items).map(|i| draw_item(i, start, end, Draws::new(random.stream(i as u64)))).collect();
        rank_prices(&mut items);
        let ranks = random.stream(u64::MAX);
        let shelves: Vec<Shelf> = (0..CATEGORIES.len()).map(|c| Shelf::new(&items, c, ranks)).collect();
        for shelf in &shelves {
            let best = &mut items[shelf.items[0] as usize];
            (best.available_from, best.available_to, best.stock) = (None, None, None);
        }
        Self { items, shelves }
    }

    /// The best-seller of a category, which is always on sale.
    pub(super) fn best(&self, category: usize) -> u32 {
        self.shelves[category].items[0]
    }

    /// An item of a category by popularity.
    pub(super) fn draw(&self, category: usize, draws: &mut Draws) -> u32 {
        let shelf = &self.shelves[category];
        let total = shelf.cumulative[shelf.cumulative.len() - 1];
        let mark = draws.uniform() * total;
        let at = shelf.cumulative.partition_point(|&edge| edge <= mark);
        shelf.items[at.min(shelf.items.len() - 1)]
    }
}

impl Shelf {
    /// Popularity falls as `1 / rank^0.9`; ranks are drawn, so that ids tell nothing about popularity.
    fn new(items: &[Item], category: usize, ranks: Random) -> Self {
        let mut members: Vec<u32> =
            (0..items.len() as u32).filter(|&i| items[i as usize].category == category).collect();
        members.sort_by_key(|&i| (ranks.bits(u64::from(i)), i));
        let mut total = 0.0;
        let cumulative = (1..=members.len())
            .map(|rank| {
                total += libm::pow(rank as f64, -0.9);
                total
            })
            .collect();
        Self { items: members, cumulative }
    }
}

fn draw_item(number: usize, start: Timestamp, end: Timestamp, mut draws: Draws) -> Item {
    let category = number % CATEGORIES.len();
    let euro = MEDIAN_PRICE[category] * libm::exp(0.5 * draws.normal());
    let cents = libm::round(euro * 100.0).max(50.0) as i64;
    let adjective = ADJECTIVES[draws.below(ADJECTIVES.len())];
    let noun = NOUNS[category][draws.below(2)];
    let (available_from, available_to) = draw_window(start, end, &mut draws);
    Item {
        id: format!("P{number:05}"),
        title: format!("{adjective} {noun} {number:05}"),
        category,
        price: Money(cents * (Money::SCALE / 100)),
        available_from,
        available_to,
        stock: draw_stock(&mut draws),
        price_rank: 0.5,
    }
}

/// 70 % always, 12 % since some day, 8 % until some day, 7 % in between, 3 % not yet.
fn draw_window(
    start: Timestamp,
    end: Timestamp,
    draws: &mut Draws,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let length_days = (end.0 - start.0) as f64 / Timestamp::DAY_MS as f64;
    let mut day = |low: f64, high: f64| {
        let days = draws.between(low * length_days, high * length_days) as u32;
        Some(start.plus(Days(days)))
    };
    let (early, late) = (day(0.1, 0.5), day(0.5, 1.0));
    match draws.pick(&[0.70, 0.12, 0.08, 0.07, 0.03]) {
        0 => (None, None),
        1 => (late, None),
        2 => (None, late),
        3 => (early, late),
        _ => (Some(end.plus(Days(1 + draws.below(60) as u32))), None),
    }
}

/// 60 % untracked, 5 % out of stock, the others 1 to 500.
fn draw_stock(draws: &mut Draws) -> Option<u32> {
    match draws.pick(&[0.60, 0.05, 0.35]) {
        0 => None,
        1 => Some(0),
        _ => Some(1 + draws.below(500) as u32),
    }
}

/// Gives every item the rank of its price among its category.
fn rank_prices(items: &mut [Item]) {
    for category in 0..CATEGORIES.len() {
        let mut members: Vec<usize> = (0..items.len()).filter(|&i| items[i].category == category).collect();
        members.sort_by_key(|&i| (items[i].price, i));
        let last = (members.len() - 1).max(1) as f64;
        for (rank, &item) in members.iter().enumerate() {
            items[item].price_rank = rank as f64 / last;
        }
    }
}
