//! Personas in generated worlds against the classifier that knows the true parameters.
//!
//! A world has five personas of unequal shares and mixed columns that are independent given the persona: symmetric
//! numbers, log-normal money, Poisson counts, a category, a yes/no, and a column that says nothing. The best
//! possible classifier takes the largest share times joint density. Personas never see a label, so they cannot be
//! better than it in the long run; they have to come within 95 % of its adjusted Rand index.

use std::sync::Arc;

use bespoke::features::{
    Column, FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, FeatureTable, SPEC_VERSION,
};
use bespoke::metrics::clustering::adjusted_rand;
use bespoke::params::Params;
use bespoke::personas::PersonaParams;
use bespoke::random::Random;
use bespoke::tables::Buckets;

const SHARES: [f64; 5] = [0.26, 0.23, 0.20, 0.17, 0.14];
const LEVELS: [&str; 4] = ["app", "post", "store", "web"];

/// Where the personas stand, in units of the spread inside a persona; the dial of a world scales it.
const NUMBERS: [[f64; 5]; 3] =
    [[-1.0, 1.0, -1.0, 1.0, 0.0], [1.0, 1.0, -1.0, -1.0, 0.0], [0.0, -1.0, 1.0, 0.0, 1.0]];
const MONEY: [[f64; 5]; 2] = [[-1.0, 0.0, 1.0, 1.0, -1.0], [1.0, -1.0, 0.0, 1.0, -1.0]];
const COUNTS: [[f64; 5]; 2] = [[-1.0, 0.5, 1.0, -0.5, 0.0], [0.5, -1.0, 0.0, 1.0, -0.5]];

struct World {
    /// Distance between personas in spreads inside a persona.
    separation: f64,
    random: Random,
}

/// One customer as the classifier sees it.
struct Customer {
    persona: usize,
    numbers: [f64; 3],
    money: [f64; 2],
    counts: [u32; 2],
    level: usize,
    yes: bool,
    noise: f64,
}

impl World {
    /// Mean of the c-th count in a persona: sqrt(rate) moves by half a spread per unit, as the spread of the root
    /// of a Poisson count is one half.
    fn rate(&self, c: usize, persona: usize) -> f64 {
        let root = [3.5, 4.5][c] + 0.5 * self.separation * COUNTS[c][persona];
        root * root
    }

    /// Probability of a level; every persona leans to one.
    fn p_level(&self, persona: usize, level: usize) -> f64 {
        let lean = 0.15 * self.separation;
        let favourite = [0, 1, 2, 3, 3][persona];
        let own = 0.25 + lean.min(0.7);
        if level == favourite { own } else { (1.0 - own) / 3.0 }
    }

    fn p_yes(&self, persona: usize) -> f64 {
        0.5 + [0.1, -0.1, 0.05, -0.05, 0.1][persona] * self.separation.min(4.0)
    }

    fn customer(&self, i: u64) -> Customer {
        let random = self.random.stream(i);
        let mut left = random.uniform(0);
        let persona = SHARES.iter().position(|share| {
            left -= share;
            left < 0.0
        });
        let persona = persona.unwrap_or(SHARES.len() - 1);
        let normal = |draw: u64, at: f64| self.separation * at + random.stream(1).normal(draw);
        let mut u = random.uniform(2);
        let level = (0..LEVELS.len()).find(|&level| {
            u -= self.p_level(persona, level);
            u < 0.0
        });
        Customer {
            persona,
            numbers: std::array::from_fn(|c| normal(c as u64, NUMBERS[c][persona])),
            money: std::array::from_fn(|c| {
                libm::exp([4.0, 6.0][c] + 0.6 * normal(10 + c as u64, MONEY[c][persona]))
            }),
            counts: std::array::from_fn(|c| poisson(self.rate(c, persona), random.uniform(20 + c as u64))),
            level: level.unwrap_or(LEVELS.len() - 1),
            yes: random.uniform(3) < self.p_yes(persona),
            noise: random.stream(1).normal(30),
        }
    }

    /// ln(share * joint density), up to terms that are the same for every persona.
    fn log_density(&self, of: &Customer, persona: usize) -> f64 {
        let square = |x: f64, at: f64| -0.5 * (x - self.separation * at) * (x - self.separation * at);
        let mut sum = libm::log(SHARES[persona]) + libm::log(self.p_level(persona, of.level));
        for c in 0..3 {
            sum += square(of.numbers[c], NUMBERS[c][persona]);
        }
        for c in 0..2 {
            sum += square((libm::log(of.money[c]) - [4.0, 6.0][c]) / 0.6, MONEY[c][persona]);
            let rate = self.rate(c, persona);
            sum += f64::from(of.counts[c]) * libm::log(rate) - rate;
        }
        let p_yes = self.p_yes(persona);
        sum + libm::log(if of.yes { p_yes } else { 1.0 - p_yes })
    }

    fn classify(&self, of: &Customer) -> u32 {
        let better = |a: &usize, b: &usize| self.log_density(of, *a).total_cmp(&self.log_density(of, *b));
        (0..SHARES.len()).max_by(better).expect("five personas") as u32
    }
}

/// Inversion of one uniform.
fn poisson(rate: f64, u: f64) -> u32 {
    let mut p = libm::exp(-rate);
    let (mut count, mut below) = (0, p);
    while u >= below && count < 1000 {
        count += 1;
        p *= rate / f64::from(count);
        below += p;
    }
    count
}

fn table(customers: &[Customer]) -> FeatureTable {
    let def = |name: &str, kind: FeatureKind| FeatureDef {
        name: name.to_owned(),
        label: name.replace('_', " "),
        unit: String::new(),
        kind,
        family: FeatureFamily::Purchases,
    };
    let mut features = Vec::new();
    let mut columns = Vec::new();
    let mut add = |name: &str, kind: FeatureKind, cell: &dyn Fn(&Customer) -> f64| {
        features.push(def(name, kind));
        columns.push(Column::Number(customers.iter().map(cell).collect()));
    };
    for (c, name) in ["age", "mood", "price_sense"].into_iter().enumerate() {
        add(name, FeatureKind::Number, &|of| of.numbers[c]);
    }
    for (c, name) in ["average_order_value", "revenue"].into_iter().enumerate() {
        add(name, FeatureKind::Money, &|of| of.money[c]);
    }
    for (c, name) in ["orders", "views"].into_iter().enumerate() {
        add(name, FeatureKind::Count, &|of| f64::from(of.counts[c]));
    }
    add("newsletter", FeatureKind::YesNo, &|of| f64::from(u8::from(of.yes)));
    add("shoe_size", FeatureKind::Number, &|of| of.noise);
    features.push(def("channel", FeatureKind::Category { levels: LEVELS.map(str::to_owned).to_vec() }));
    columns.push(Column::Category(customers.iter().map(|of| Some(of.level as u32)).collect()));
    let spec = FeatureSpec { version: SPEC_VERSION, features };
    FeatureTable::new(Arc::new(spec), columns, Buckets::even(customers.len()))
}

/// A table of `n` customers of a world, and the persona of each.
pub(super) fn planted(separation: f64, seed: u64, n: u64) -> (FeatureTable, Vec<u32>) {
    let world = World { separation, random: Random::new(seed) };
    let customers: Vec<Customer> = (0..n).map(|i| world.customer(i)).collect();
    (table(&customers), customers.iter().map(|of| of.persona as u32).collect())
}

struct Measured {
    ours: f64,
    best: f64,
    table: FeatureTable,
}

/// Adjusted Rand index of the personas and of the best possible classifier.
fn measure(separation: f64, seed: u64) -> Measured {
    let world = World { separation, random: Random::new(seed) };
    let customers: Vec<Customer> = (0..10_000).map(|i| world.customer(i)).collect();
    let truth: Vec<u32> = customers.iter().map(|of| of.persona as u32).collect();
    let best: Vec<u32> = customers.iter().map(|of| world.classify(of)).collect();
    let table = table(&customers);
    let model = PersonaParams::new(5, 1).check().unwrap().fit(&table).unwrap();
    let personas: Vec<u32> = model.predict(&table).unwrap().iter().map(|a| a.persona).collect();
    Measured { ours: adjusted_rand(&truth, &personas), best: adjusted_rand(&truth, &best), table }
}

/// Shares matter: k-means draws borders half-way, the best classifier moves them towards the smaller persona, so
/// with more overlap or shares of 3 to 1 the ratio falls below 95 % whatever the starts.
#[test]
fn personas_reach_95_percent_of_the_best_possible_classifier() {
    for (overlap, separation) in [("well apart", 2.0), ("moderate overlap", 1.4), ("strong overlap", 1.0)] {
        for seed in [11, 12, 13] {
            let Measured { ours, best, .. } = measure(separation, seed);
            println!(
                "{overlap}, seed {seed}: adjusted Rand {ours:.4} of {best:.4}, ratio {:.4}",
                ours / best
            );
            assert!(ours >= 0.95 * best, "{overlap}: {ours} against {best}");
        }
    }
}

#[test]
fn the_number_of_personas_is_found_where_they_are_apart() {
    let Measured { table, .. } = measure(2.0, 11);
    let model = PersonaParams::from_range(2, 8, 1).check().unwrap().fit(&table).unwrap();
    assert_eq!(model.n_personas(), 5, "{:?}", model.choice());
}
