//! The catalogue: categories, prices, popularity, windows of availability, stock.

use bespoke::random::Random;
use bespoke::types::{Days, Money, Timestamp};

use super::params::{RetailParams, Tastes};
use super::personas::{CATEGORIES, FIRST_CONSUMABLE};
use super::tastes;
use crate::draws::Draws;

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
    /// Position of the first variant in the catalogue: its own where there is one only.
    pub family: u32,
    /// Size or colour, where there are several.
    pub variant: Option<&'static str>,
    /// Days after which a consumable is used up.
    pub repurchase_days: Option<f64>,
}

impl Item {
    /// Whether the item is bought again and again.
    #[must_use]
    pub fn is_consumable(&self) -> bool {
        self.category >= FIRST_CONSUMABLE
    }

    /// Id that all variants of an item share.
    #[must_use]
    pub fn parent_id(&self) -> String {
        format!("M{:05}", self.family)
    }

    /// Probability that a unit bought at one instant is used up at another: `1 - exp(-(t / R)^4)`; 0 for durables.
    #[must_use]
    pub fn p_used_up(&self, bought_at: Timestamp, at: Timestamp) -> f64 {
        let days = (at.0 - bought_at.0).max(0) as f64 / Timestamp::DAY_MS as f64;
        self.repurchase_days.map_or(0.0, |used_up| -libm::expm1(-libm::pow(days / used_up, 4.0)))
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
    /// Directions of taste, one after the other.
    factors: Vec<f64>,
    n_factors: usize,
    /// Popularity of every item among its category, of sum 1 in each.
    popularity: Vec<f64>,
}

/// Items of one category, most popular first, and their cumulative popularity.
#[derive(Clone, Debug)]
struct Shelf {
    items: Vec<u32>,
    cumulative: Vec<f64>,
}

impl Catalogue {
    /// Items dealt to the categories in turn.
    pub(super) fn new(params: &RetailParams, random: Random) -> Self {
        let Tastes { n_factors, .. } = params.tastes;
        let mut items: Vec<Item> =
            (0..params.n_items).map(|i| draw_item(i, params, Draws::new(random.stream(i as u64)))).collect();
        join_variants(&mut items, params.assortment.p_variants, random.stream(u64::MAX - 1));
        rank_prices(&mut items);
        let ranks = random.stream(u64::MAX);
        let shelves: Vec<Shelf> = (0..CATEGORIES.len()).map(|c| Shelf::new(&items, c, ranks)).collect();
        for shelf in &shelves {
            let best = &mut items[shelf.items[0] as usize];
            (best.available_from, best.available_to, best.stock) = (None, None, None);
        }
        let directions = random.stream(u64::MAX - 2);
        // Variants of an item are liked alike.
        let direction = |item: &Item| {
            tastes::direction(n_factors, &mut Draws::new(directions.stream(u64::from(item.family))))
        };
        let factors = items.iter().flat_map(direction).collect();
        let mut popularity = vec![0.0; items.len()];
        for shelf in &shelves {
            let total = shelf.cumulative[shelf.cumulative.len() - 1];
            let mut below = 0.0;
            for (&item, &edge) in shelf.items.iter().zip(&shelf.cumulative) {
                popularity[item as usize] = (edge - below) / total;
                below = edge;
            }
        }
        Self { items, shelves, factors, n_factors, popularity }
    }

    /// Share of an item in the demand for its category, before price and taste have their say.
    pub(super) fn popularity(&self, item: u32) -> f64 {
        self.popularity[item as usize]
    }

    /// Direction of taste of an item.
    pub(super) fn direction(&self, item: u32) -> &[f64] {
        &self.factors[item as usize * self.n_factors..][..self.n_factors]
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

fn draw_item(number: usize, params: &RetailParams, mut draws: Draws) -> Item {
    let (start, end) = (params.start_at, params.start_at.plus(params.days));
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
        family: number as u32,
        variant: None,
        repurchase_days: (category >= FIRST_CONSUMABLE)
            .then(|| params.assortment.repurchase_days * libm::exp(0.3 * draws.normal())),
    }
}

const SIZES: [&str; 4] = ["S", "M", "L", "XL"];
const COLOURS: [&str; 4] = ["red", "white", "black", "natural"];

/// Makes some durable items and the next one to three of their category variants of one item: same name and price.
fn join_variants(items: &mut [Item], p_variants: f64, random: Random) {
    let step = CATEGORIES.len();
    for category in 0..FIRST_CONSUMABLE {
        let names = if matches!(CATEGORIES[category], "textiles" | "jewellery") { SIZES } else { COLOURS };
        let mut draws = Draws::new(random.stream(category as u64));
        let mut first = category;
        while first < items.len() {
            let (is_joined, wanted) = (draws.chance(p_variants), 2 + draws.below(3));
            let n = if is_joined { wanted.min((items.len() - first).div_ceil(step)) } else { 1 };
            if n > 1 {
                let (title, price) = (items[first].title.clone(), items[first].price);
                for (member, name) in (first..).step_by(step).zip(names).take(n) {
                    let item = &mut items[member];
                    item.title = format!("{title}, {name}");
                    (item.price, item.family, item.variant) = (price, first as u32, Some(name));
                }
            }
            first += n * step;
        }
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
