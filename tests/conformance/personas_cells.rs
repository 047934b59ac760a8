//! Personas and cells that are missing, far out, too many, or nobody's business.

use std::collections::BTreeMap;
use std::sync::Arc;

use bespoke::error::DataError;
use bespoke::features::{
    Column, FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, FeatureTable, SPEC_VERSION,
};
use bespoke::metrics::clustering::adjusted_rand;
use bespoke::params::Params;
use bespoke::personas::{
    Cell, Centre, DropReason, Encoding, FeatureReport, PersonaModel, PersonaParams, Reason, Relevance,
    SkewTransform,
};
use bespoke::random::Random;
use bespoke::tables::Buckets;

type Feature = (&'static str, FeatureKind, FeatureFamily, Column);

fn table_of(features: Vec<Feature>) -> FeatureTable {
    let n = features[0].3.len();
    let mut defs = Vec::new();
    let mut columns = Vec::new();
    for (name, kind, family, column) in features {
        let (name, label) = (name.to_owned(), name.replace('_', " "));
        defs.push(FeatureDef { name, label, unit: String::new(), kind, family });
        columns.push(column);
    }
    let spec = FeatureSpec { version: SPEC_VERSION, features: defs };
    FeatureTable::new(Arc::new(spec), columns, Buckets::even(n))
}

fn numbers(n: usize, cell: impl Fn(usize) -> f64) -> Column {
    Column::Number((0..n).map(cell).collect())
}

fn normal(row: usize, column: u64) -> f64 {
    Random::new(column).normal(row as u64)
}

/// Three groups in four numbers, `share` of their cells missing; gender has nothing to do with them.
fn groups(n: usize, share: f64) -> FeatureTable {
    let cell = |row: usize, c: u64, x: f64| {
        if Random::new(77).stream(c).uniform(row as u64) < share { f64::NAN } else { x }
    };
    let place = |row: usize, c: usize| [[-3.0, 3.0, 0.0], [3.0, 0.0, -3.0], [0.0, -3.0, 3.0]][c % 3][row % 3];
    let number = |c: usize| numbers(n, |row| cell(row, c as u64, place(row, c) + normal(row, c as u64)));
    let genders = FeatureKind::Category { levels: ["f", "m"].map(str::to_owned).to_vec() };
    let gender = |row: usize| Some(u32::from(Random::new(5).uniform(row as u64) < 0.5));
    let (purchases, demographics) = (FeatureFamily::Purchases, FeatureFamily::Demographics);
    table_of(vec![
        ("a", FeatureKind::Number, purchases, number(0)),
        ("b", FeatureKind::Number, purchases, number(1)),
        ("c", FeatureKind::Number, purchases, number(2)),
        ("d", FeatureKind::Number, demographics, number(3)),
        ("Gender", genders, demographics, Column::Category((0..n).map(gender).collect())),
    ])
}

fn even(k: usize) -> PersonaParams {
    PersonaParams { relevance: Relevance::Even, ..PersonaParams::new(k, 1) }
}

fn fit(params: PersonaParams, table: &FeatureTable) -> PersonaModel {
    params.check().unwrap().fit(table).unwrap()
}

fn report<'a>(model: &'a PersonaModel, name: &str) -> &'a FeatureReport {
    model.transform().report().features.iter().find(|f| f.name == name).expect("a feature")
}

fn cells(table: &FeatureTable, row: usize) -> Vec<Cell> {
    let cell = |column: &Column| match column {
        Column::Number(cells) => Cell::Number(cells[row]),
        Column::Category(codes) => Cell::Category(codes[row]),
    };
    table.columns().iter().map(cell).collect()
}

#[test]
fn customers_are_compared_on_what_is_known_and_marked_where_it_is_little() {
    let table = groups(3000, 0.4);
    let model = fit(PersonaParams::new(3, 1), &table);
    let assigned = model.predict(&table).unwrap();
    let assigner = model.assigner(table.spec()).unwrap();
    let variances = model.transform().variances();
    let total: f64 = variances.iter().sum();
    let centroids: Vec<&[f64]> = model.centroids().collect();
    let encoded = model.transform().apply(&table).unwrap();
    let mut n_low = 0;
    for (row, assignment) in assigned.iter().enumerate() {
        assert_eq!(assigner.assign(&cells(&table, row)), *assignment);
        // A slow second way: every column of a gap left out of the distance.
        let gaps = encoded.gaps.of(row);
        let known: Vec<usize> = (0..variances.len()).filter(|&f| !gaps.contains(&(f as u32))).collect();
        let squared = |c: &[f64]| -> f64 {
            known.iter().map(|&f| f64::from(encoded.matrix.row(row)[f]) - c[f]).map(|x| x * x).sum()
        };
        let own = model.profiles().iter().position(|p| p.id == assignment.persona).unwrap();
        let nearest = centroids.iter().map(|c| squared(c)).fold(f64::INFINITY, f64::min);
        assert!(squared(centroids[own]) <= nearest + 1e-9);
        let share = known.iter().map(|&f| variances[f]).sum::<f64>() / total;
        assert!((assignment.observed_share - share).abs() < 1e-12);
        assert!((assignment.distance - (squared(centroids[own]) / share).sqrt()).abs() < 1e-9);
        assert_eq!(assignment.low_confidence, assignment.observed_share < 0.5);
        n_low += usize::from(assignment.low_confidence);
    }
    assert!((300..2000).contains(&n_low), "{n_low}");
    let truth: Vec<u32> = (0..3000).map(|row| row % 3).collect();
    let of = |low: bool| {
        let rows: Vec<usize> = (0..3000).filter(|&row| assigned[row].low_confidence == low).collect();
        let found: Vec<u32> = rows.iter().map(|&row| assigned[row].persona).collect();
        let truth: Vec<u32> = rows.iter().map(|&row| truth[row]).collect();
        adjusted_rand(&truth, &found)
    };
    assert!(of(false) > 0.9 && of(true) < of(false), "{} {}", of(false), of(true));
}

#[test]
fn what_speaks_for_the_second_persona_adds_up_to_the_difference_of_the_distances() {
    let table = groups(600, 0.3);
    let model = fit(even(3), &table);
    let assigner = model.assigner(table.spec()).unwrap();
    let mut n_for_the_second = 0;
    for (row, assignment) in model.predict(&table).unwrap().iter().enumerate() {
        let (cells, second) = (cells(&table, row), assignment.second.unwrap());
        let leanings = assigner.leanings(&cells, assignment.persona, second).unwrap();
        // Both distances are over the same columns; the farther one comes from the confidence.
        let far = assignment.distance * (1.0 + assignment.confidence) / (1.0 - assignment.confidence);
        let difference = (assignment.distance * assignment.distance - far * far) * assignment.observed_share;
        let sum: f64 = leanings.iter().sum();
        assert!((sum - difference).abs() < 1e-6 * (1.0 + difference.abs()), "{sum} {difference}");
        n_for_the_second += leanings.iter().filter(|&&leaning| leaning > 0.0).count();
        let turned = assigner.leanings(&cells, second, assignment.persona).unwrap();
        assert!(leanings.iter().zip(&turned).all(|(one, other)| *one == -other));
    }
    assert!(n_for_the_second > 100, "{n_for_the_second}");
    let nothing = [f64::NAN; 4].map(Cell::Number);
    let nothing: Vec<Cell> = nothing.into_iter().chain([Cell::Category(None)]).collect();
    // Only the light columns that say who lacks a cell are left.
    let ids: Vec<u32> = model.profiles().iter().map(|profile| profile.id).collect();
    assert_eq!(assigner.leanings(&nothing, ids[0], ids[1]).unwrap().len(), 5);
    assert_eq!(assigner.leanings(&nothing, ids[0], 77), None);
}

#[test]
fn a_customer_nothing_is_known_of_is_a_guess_and_no_panic() {
    let table = groups(600, 0.2);
    let model = fit(even(3), &table);
    let nothing = [Cell::Number(f64::NAN), Cell::Number(f64::NAN), Cell::Number(f64::NAN)];
    let row: Vec<Cell> = nothing.into_iter().chain([Cell::Number(f64::NAN), Cell::Category(None)]).collect();
    let assignment = model.assigner(table.spec()).unwrap().assign(&row);
    assert!(assignment.low_confidence && assignment.observed_share < 0.1, "{assignment:?}");
    assert!(assignment.distance.is_finite() && assignment.confidence.is_finite());
}

#[test]
fn cells_far_out_are_set_aside_and_counted() {
    let n = 3000;
    let plain = groups(n, 0.0);
    let Column::Number(a) = &plain.columns()[0] else { panic!("a number") };
    let mut columns = plain.columns().to_vec();
    let is_thrown = |row: usize| row.is_multiple_of(20);
    columns[0] = numbers(n, |row| if is_thrown(row) { 1e6 } else { a[row] });
    let table = FeatureTable::new(Arc::clone(plain.spec()), columns, plain.buckets().clone());
    let model = fit(even(3), &table);
    assert_eq!(report(&model, "a").n_set_aside, 150);
    assert_eq!(report(&model, "b").n_set_aside, 0);
    // The others are scaled as if nothing had been thrown.
    let Encoding::Number(number) = &model.transform().features()[0].encoding else { panic!("a number") };
    assert!((1.0..4.0).contains(&number.sd), "{}", number.sd);
    let thrown = model.predict(&table).unwrap();
    let mut columns = table.columns().to_vec();
    columns[0] = numbers(n, |row| if is_thrown(row) { f64::NAN } else { a[row] });
    let missing = FeatureTable::new(Arc::clone(plain.spec()), columns, plain.buckets().clone());
    assert_eq!(model.predict(&missing).unwrap(), thrown);
}

#[test]
fn skew_transforms_follow_their_rule_and_say_why() {
    let n = 2000;
    let number = |kind, column| {
        let table = table_of(vec![("x", kind, FeatureFamily::Purchases, column)]);
        report(&fit(even(2), &table), "x").skew.expect("a number")
    };
    let lognormal = || numbers(n, |row| libm::exp(3.0 + normal(row, 1)));
    let of_number = number(FeatureKind::Number, lognormal());
    assert_eq!((of_number.preferred, of_number.chosen), (SkewTransform::None, SkewTransform::Log));
    assert!(of_number.skewness[0] > 0.4 && of_number.skewness[2].abs() < 0.15, "{of_number:?}");
    assert_eq!(number(FeatureKind::Money, lognormal()).chosen, SkewTransform::Log);
    let symmetric = || numbers(n, |row| 100.0 + 10.0 * normal(row, 2));
    // Far from 0 every transform is almost a straight line: the preferred one stands.
    assert_eq!(number(FeatureKind::Number, symmetric()).chosen, SkewTransform::None);
    assert_eq!(number(FeatureKind::Count, symmetric()).chosen, SkewTransform::Root);
    let days = || numbers(n, |row| 1.0 + (row % 365) as f64);
    assert_eq!(number(FeatureKind::Duration, days()).chosen, SkewTransform::None);
}

#[test]
fn sensitive_features_have_no_say_and_are_reported() {
    let table = groups(900, 0.0);
    let params = PersonaParams { sensitive: vec!["gender".into(), "creed".into()], ..even(3) };
    let model = fit(params, &table);
    assert!(report(&model, "Gender").reported_only);
    assert_eq!(report(&model, "Gender").variance_share, 0.0);
    assert_eq!(model.transform().report().unknown, ["creed"]);
    for profile in model.profiles() {
        assert!(profile.effects.iter().all(|effect| effect.feature != "Gender"));
        assert_eq!(profile.centre.len(), 4);
        let [Centre::Levels { feature, levels }] = &profile.reported_only[..] else { panic!("its shares") };
        assert_eq!((feature.as_str(), levels.len()), ("Gender", 2));
        assert!((levels[0].share + levels[1].share - 1.0).abs() < 1e-12);
        assert!(!profile.name.contains("Gender") && !profile.description.contains("Gender"));
    }
    // Turned round, nobody's persona changes.
    let mut columns = table.columns().to_vec();
    let Column::Category(codes) = &mut columns[4] else { panic!("a category") };
    codes.iter_mut().for_each(|code| *code = code.map(|code| 1 - code));
    let turned = FeatureTable::new(Arc::clone(table.spec()), columns, table.buckets().clone());
    assert_eq!(model.predict(&turned).unwrap(), model.predict(&table).unwrap());
}

#[test]
fn weights_of_families_and_features_multiply() {
    let table = groups(900, 0.0);
    let one = |name: &str, weight: f64| BTreeMap::from([(name.to_owned(), weight)]);
    let share = |params: PersonaParams| report(&fit(params, &table), "a").variance_share;
    let ratio = |params: PersonaParams| {
        let share = share(params);
        share / (1.0 - share)
    };
    let plain = ratio(even(3));
    let weighed = ratio(PersonaParams { feature_weights: one("a", 3.0), ..even(3) });
    assert!((weighed / plain - 3.0).abs() < 1e-3, "{weighed} {plain}");
    let params = PersonaParams { family_weights: one("purchases", 0.0), ..even(3) };
    assert_eq!(report(&fit(params, &table), "a").dropped, Some(DropReason::NoWeight));
    let params = PersonaParams { feature_weights: one("e", 3.0), ..even(3) };
    assert_eq!(fit(params, &table).transform().report().unknown, ["e"]);
}

#[test]
fn more_personas_than_distinct_customers_are_refused_by_the_choice() {
    let few = table_of(vec![(
        "a",
        FeatureKind::Number,
        FeatureFamily::Purchases,
        numbers(90, |row| (row % 3) as f64),
    )]);
    let model = fit(PersonaParams::from_range(2, 6, 1), &few);
    assert_eq!(model.n_personas(), 3);
    let refused: Vec<usize> = model.choice().refused.iter().map(|(k, _)| *k).collect();
    assert_eq!(refused, [4, 5, 6]);
    assert!(model.choice().refused.iter().all(|(_, why)| why.contains("only 3 distinct customers")));
    let one = fit(PersonaParams::new(8, 1), &few);
    assert_eq!(one.n_personas(), 1);
    assert!(matches!(one.choice().reason, Reason::TooFewDistinct { n_distinct: 3, needed: 8 }));
}

#[test]
fn columns_that_say_nothing_are_dropped_with_the_reason() {
    let n = 12_000;
    let levels = FeatureKind::Category { levels: (0..10_000).map(|l| format!("{l:05}")).collect() };
    let codes = Column::Category((0..n).map(|row| Some((row % 10_000) as u32)).collect());
    let purchases = FeatureFamily::Purchases;
    let table = table_of(vec![
        ("a", FeatureKind::Number, purchases, numbers(n, |row| (row % 2) as f64 * 9.0 + normal(row, 1))),
        ("constant", FeatureKind::Money, purchases, numbers(n, |_| 7.0)),
        ("nothing", FeatureKind::Duration, purchases, numbers(n, |_| f64::NAN)),
        ("postcode", levels, purchases, codes),
    ]);
    let model = fit(PersonaParams::new(2, 1), &table);
    assert_eq!(report(&model, "constant").dropped, Some(DropReason::Constant));
    assert_eq!(report(&model, "nothing").dropped, Some(DropReason::AllMissing));
    assert_eq!(report(&model, "postcode").dropped, Some(DropReason::NoLargeLevel));
    assert_eq!((report(&model, "nothing").n_missing, model.transform().n_columns()), (n as u64, 1));
    assert!(!serde_json::to_string(&model).unwrap().contains("00042"));
    let truth: Vec<u32> = (0..n).map(|row| (row % 2) as u32).collect();
    let found: Vec<u32> = model.predict(&table).unwrap().iter().map(|a| a.persona).collect();
    assert!(adjusted_rand(&truth, &found) > 0.99);
}

#[test]
fn one_customer_and_nobody_known_at_all_give_one_persona() {
    let one = fit(PersonaParams::new(3, 1), &groups(1, 0.0));
    assert_eq!((one.n_personas(), one.transform().n_columns()), (1, 0));
    let unknown = fit(PersonaParams::from_range(2, 4, 1), &groups(50, 1.0).select(&[0, 1, 2]));
    assert_eq!(unknown.n_personas(), 1);
}

#[test]
fn infinite_cells_are_refused_by_row_and_column() {
    let cell = |row: usize| if row == 4 { f64::NEG_INFINITY } else { row as f64 };
    let table = table_of(vec![("a", FeatureKind::Count, FeatureFamily::Purchases, numbers(9, cell))]);
    let error = PersonaParams::new(2, 1).check().unwrap().fit(&table).unwrap_err();
    assert!(matches!(error, DataError::BadCell { row: 4, .. }));
    assert_eq!(error.to_string(), "personas: row 4, column \"a\" is -inf, but it must be finite or missing");
}
