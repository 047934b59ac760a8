//! The number of personas: on real tables, in planted worlds, and where there is nothing to find.
//!
//! With `BESPOKE_PROVE=1` (`cargo xtask prove groups`) rates are measured on many tables.

use std::sync::Arc;

use bespoke::features::{
    Column, FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, FeatureTable, SPEC_VERSION,
};
use bespoke::metrics::clustering::adjusted_rand;
use bespoke::params::Params;
use bespoke::personas::{ChoiceReport, PersonaModel, PersonaParams, Reason};
use bespoke::random::Random;
use bespoke::tables::Buckets;

use super::personas::real_table;
use super::personas_worlds::planted;

fn table(columns: Vec<(&str, FeatureKind, Column)>) -> FeatureTable {
    let n = columns[0].2.len();
    let def = |name: &str, kind: FeatureKind| FeatureDef {
        name: name.to_owned(),
        label: name.to_owned(),
        unit: String::new(),
        kind,
        family: FeatureFamily::Purchases,
    };
    let (features, columns) =
        columns.into_iter().map(|(name, kind, column)| (def(name, kind), column)).unzip();
    let spec = FeatureSpec { version: SPEC_VERSION, features };
    FeatureTable::new(Arc::new(spec), columns, Buckets::even(n))
}

fn fit(params: PersonaParams, table: &FeatureTable) -> PersonaModel {
    params.check().unwrap().fit(table).unwrap()
}

/// One line per candidate, for those who read the output of a test.
fn print(name: &str, choice: &ChoiceReport) {
    println!(
        "{name}: k = {}, {:?}, structure {:?}, jaccards {:.2?}",
        choice.k, choice.reason, choice.structure, choice.jaccards
    );
    for c in &choice.candidates {
        let null = c.null.as_ref().map_or(f64::NAN, |null| null.mean);
        let simplified = c.simplified_silhouette.unwrap_or(f64::NAN);
        println!(
            "  k {:2} smallest {:4} explained {:.3} silhouette {:.4} simplified {:.4} +- {:.4} above null {:+.4} \
             CH {:7.1} DB {:.3} stability {:.3} least jaccard {:.3}",
            c.k,
            c.smallest,
            c.explained_share,
            c.silhouette.as_ref().map_or(f64::NAN, |s| s.mean),
            simplified,
            c.standard_error.unwrap_or(f64::NAN),
            simplified - null,
            c.calinski_harabasz.unwrap_or(f64::NAN),
            c.davies_bouldin.unwrap_or(f64::NAN),
            c.stability.as_ref().map_or(f64::NAN, |s| s.adjusted_rand),
            c.stability.as_ref().map_or(f64::NAN, |s| s.least_jaccard),
        );
    }
}

/// The cells of a CSV without quoting, by row.
fn csv(text: &str) -> Vec<Vec<&str>> {
    text.lines().skip(1).map(|line| line.trim().split(',').collect()).collect()
}

/// A column of a CSV; an empty cell is a missing one.
fn number(rows: &[Vec<&str>], column: usize) -> Column {
    Column::Number(rows.iter().map(|row| row[column].parse().unwrap_or(f64::NAN)).collect())
}

fn category(rows: &[Vec<&str>], column: usize) -> (FeatureKind, Column) {
    let mut levels: Vec<String> = rows.iter().map(|row| row[column].to_owned()).collect();
    levels.sort();
    levels.dedup();
    let code =
        |row: &Vec<&str>| levels.binary_search_by(|l| l.as_str().cmp(row[column])).ok().map(|c| c as u32);
    let codes = rows.iter().map(code).collect();
    (FeatureKind::Category { levels: levels.clone() }, Column::Category(codes))
}

#[test]
fn mall_customers_have_their_five_known_groups() {
    let Some(text) = real_table("mall-customers/Mall_Customers.csv") else { return };
    let rows = csv(&text);
    let table = table(vec![
        ("income", FeatureKind::Number, number(&rows, 3)),
        ("score", FeatureKind::Number, number(&rows, 4)),
    ]);
    for seed in 1..=5 {
        let params = PersonaParams { min_size: Some(20), ..PersonaParams::from_range(2, 10, seed) };
        let model = fit(params, &table);
        print("mall", model.choice());
        assert_eq!(model.n_personas(), 5);
        assert!(model.choice().structure.as_ref().unwrap().found);
        let mut sizes: Vec<u64> = model.profiles().iter().map(|p| p.size).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [22, 23, 35, 39, 81]);
    }
}

#[test]
fn wholesale_customers_are_told_apart_by_channel() {
    let Some(text) = real_table("wholesale-customers/Wholesale customers data.csv") else { return };
    let rows = csv(&text);
    let names = ["fresh", "milk", "grocery", "frozen", "detergents", "delicatessen"];
    let columns = (2..8).map(|c| (names[c - 2], FeatureKind::Money, number(&rows, c))).collect();
    let table = table(columns);
    let model = fit(PersonaParams::from_range(2, 10, 1), &table);
    print("wholesale", model.choice());
    assert_eq!(model.n_personas(), 2);
    let Column::Number(channel) = number(&rows, 0) else { unreachable!("a column of numbers") };
    let channel: Vec<u32> = channel.iter().map(|&c| c as u32).collect();
    let personas: Vec<u32> = model.predict(&table).unwrap().iter().map(|a| a.persona).collect();
    assert!(adjusted_rand(&channel, &personas) > 0.45);
}

#[test]
fn customers_of_a_food_retailer_are_a_few_stable_groups() {
    let Some(text) = real_table("customer-personality/marketing_campaign_full.csv") else { return };
    let rows = csv(&text);
    let mut columns = vec![("income", FeatureKind::Money, number(&rows, 5))];
    let money = [("wines", 10), ("fruits", 11), ("meat", 12), ("fish", 13), ("sweets", 14), ("gold", 15)];
    columns.extend(money.map(|(name, c)| (name, FeatureKind::Money, number(&rows, c))));
    let counts = [
        ("kids", 6),
        ("teens", 7),
        ("deals", 16),
        ("web", 17),
        ("catalog", 18),
        ("store", 19),
        ("visits", 20),
    ];
    columns.extend(counts.map(|(name, c)| (name, FeatureKind::Count, number(&rows, c))));
    columns.push(("born", FeatureKind::Number, number(&rows, 2)));
    columns.push(("recency", FeatureKind::Duration, number(&rows, 9)));
    for (name, c) in [("education", 3), ("marital", 4)] {
        let (kind, column) = category(&rows, c);
        columns.push((name, kind, column));
    }
    let model = fit(PersonaParams::from_range(2, 10, 1), &table(columns));
    print("customer personality", model.choice());
    assert!(model.choice().structure.as_ref().unwrap().found);
    assert!((3..=5).contains(&model.n_personas()));
    assert!(model.choice().jaccards.iter().all(|&jaccard| jaccard > 0.85));
}

/// Shapes of tables without groups.
const NOISE: [&str; 5] = ["uniform", "one cloud", "one long cloud", "skewed", "independent answers"];

/// A table without groups.
fn noise(shape: &str, n: usize, d: usize, seed: u64) -> FeatureTable {
    let random = Random::new(seed).stream(77);
    let normal = |row: usize, c: usize| random.stream(c as u64).normal(row as u64);
    let uniform = |row: usize, c: usize| random.stream(c as u64).uniform(row as u64);
    let cell = |row: usize, c: usize| match shape {
        "uniform" => uniform(row, c),
        "one cloud" => normal(row, c),
        // One thing that all columns follow, more or less.
        "one long cloud" => {
            let loading = 0.9 - 0.8 * c as f64 / d as f64;
            loading * normal(row, 999) + (1.0 - loading * loading).sqrt() * normal(row, c)
        }
        "skewed" => libm::exp(0.7 * normal(row, 999) + normal(row, c)),
        // Yes/no, counts with many zeros, and numbers by turns.
        _ => match c % 3 {
            0 => f64::from(u8::from(uniform(row, c) < 0.3)),
            1 => (uniform(row, c) * uniform(row, c + 500) * 6.0).floor(),
            _ => normal(row, c),
        },
    };
    let kind = |c: usize| match (shape, c % 3) {
        ("skewed", _) => FeatureKind::Money,
        ("independent answers", 0) => FeatureKind::YesNo,
        ("independent answers", 1) => FeatureKind::Count,
        _ => FeatureKind::Number,
    };
    let names: Vec<String> = (0..d).map(|c| format!("x{c:02}")).collect();
    let column = |c: usize| Column::Number((0..n).map(|row| cell(row, c)).collect());
    table((0..d).map(|c| (names[c].as_str(), kind(c), column(c))).collect())
}

/// Whether groups were found, with few starts.
fn groups_found(table: &FeatureTable, seed: u64) -> (bool, usize, f64) {
    let params = PersonaParams { n_init: 3, ..PersonaParams::from_range(2, 8, seed) };
    let model = fit(params, table);
    let structure = model.choice().structure.clone().expect("judged");
    (structure.found, model.n_personas(), structure.p_value)
}

#[test]
fn planted_groups_are_no_noise_and_five() {
    for (separation, seed) in [(2.0, 11), (1.4, 11), (1.0, 11)] {
        let (table, truth) = planted(separation, seed, 4000);
        let model = fit(PersonaParams::from_range(2, 10, 1), &table);
        print(&format!("separation {separation}"), model.choice());
        let personas: Vec<u32> = model.predict(&table).unwrap().iter().map(|a| a.persona).collect();
        println!("  adjusted Rand {:.3}", adjusted_rand(&truth, &personas));
        assert!(model.choice().structure.as_ref().unwrap().found);
        assert_eq!(model.n_personas(), 5);
        assert!(matches!(model.choice().reason, Reason::Steady { .. }));
    }
}

/// Tables on which groups are found, and on which there are five personas, of `n_tables`.
fn rates(n_tables: u64, table: impl Fn(u64) -> FeatureTable) -> (usize, usize) {
    let found: Vec<(bool, usize, f64)> =
        (1..=n_tables).map(|seed| groups_found(&table(seed), seed)).collect();
    (found.iter().filter(|one| one.0).count(), found.iter().filter(|one| one.1 == 5).count())
}

#[test]
fn rates_of_groups_found_in_noise_and_in_planted_worlds() {
    let prove = std::env::var_os("BESPOKE_PROVE").is_some();
    for n in if prove { &[300, 1000, 4000][..] } else { &[300][..] } {
        for separation in [2.0, 1.4, 1.0] {
            let n_tables = if prove { 10 } else { 3 };
            let (found, five) = rates(n_tables, |seed| planted(separation, seed, *n).0);
            println!(
                "planted, {n}, separation {separation}: groups in {found} of {n_tables}, five in {five}"
            );
            assert!(separation < 1.4 || found as u64 == n_tables);
        }
    }
    let sizes = [(200, 4), (500, 12), (1000, 8), (4000, 30)];
    let (mut positive, mut tables) = (0, 0);
    for (n, d) in if prove { &sizes[..] } else { &sizes[..1] } {
        let n_tables = if prove { 40 } else { 8 };
        for shape in NOISE {
            let (found, _) = rates(n_tables, |seed| noise(shape, *n, *d, seed));
            println!("{n} x {d}, {shape}: groups in {found} of {n_tables}");
            positive += found;
            tables += n_tables;
        }
    }
    // The stated rate is 1 in 20; three standard errors above it.
    let expected = tables as f64 / 20.0;
    assert!((positive as f64) < expected + 3.0 * expected.sqrt(), "{positive} of {tables}");
}
