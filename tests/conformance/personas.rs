//! What every model promises, for personas.

use std::sync::Arc;

use bespoke::error::DataError;
use bespoke::features::{
    Column, FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, FeatureTable, SPEC_VERSION,
};
use bespoke::kernels::KernelLevel;
use bespoke::metrics::clustering::adjusted_rand;
use bespoke::params::Params;
use bespoke::personas::{
    Cell, DropReason, Encoding, KMeansParams, MatchOutcome, PersonaModel, PersonaParams, Reason, RefitError,
};
use bespoke::random::Random;
use bespoke::tables::Buckets;
use ndarray::Array2;

pub(super) fn def(name: &str, kind: FeatureKind, family: FeatureFamily) -> FeatureDef {
    FeatureDef { name: name.to_owned(), label: name.replace('_', " "), unit: String::new(), kind, family }
}

pub(super) fn table_of(features: Vec<FeatureDef>, columns: Vec<Column>) -> FeatureTable {
    let n = columns[0].len();
    let spec = FeatureSpec { version: SPEC_VERSION, features };
    FeatureTable::new(Arc::new(spec), columns, Buckets::even(n))
}

pub(super) const CANARY: &str = "canary-7f3a";

/// Three groups of customers in mixed columns with missing cells, a rare level, a constant and a doubled column.
pub(super) fn world(n: usize, seed: u64) -> FeatureTable {
    let random = Random::new(seed);
    let group = |row: usize| row * 7 % 10 / 4;
    let normal = |row: usize, c: u64| random.stream(c).normal(row as u64);
    let number = |cell: &dyn Fn(usize) -> f64| Column::Number((0..n).map(cell).collect());
    let missing = |row: usize, x: f64| if row.is_multiple_of(20) { f64::NAN } else { x };
    let levels = ["blue".to_owned(), CANARY.to_owned(), "green".to_owned(), "red".to_owned()];
    let code = |row: usize| match row {
        13 => Some(1),
        _ if row.is_multiple_of(15) => None,
        _ => Some([0, 2, 3][(group(row) + usize::from(random.stream(9).uniform(row as u64) < 0.2)) % 3]),
    };
    let (purchases, demographics) = (FeatureFamily::Purchases, FeatureFamily::Demographics);
    let revenue = |row: usize| libm::exp(4.0 + 1.5 * group(row) as f64 + 0.4 * normal(row, 1));
    table_of(
        vec![
            def("revenue", FeatureKind::Money, purchases),
            def("revenue_again", FeatureKind::Money, purchases),
            def("days_since_last_order", FeatureKind::Duration, purchases),
            def("always_one", FeatureKind::Count, purchases),
            def("orders_trend", FeatureKind::Trend, purchases),
            def("age", FeatureKind::Number, demographics),
            def("newsletter", FeatureKind::YesNo, demographics),
            def("colour", FeatureKind::Category { levels: levels.to_vec() }, demographics),
        ],
        vec![
            number(&revenue),
            number(&revenue),
            number(&|row| missing(row, 300.0 - 100.0 * group(row) as f64 + 30.0 * normal(row, 2).abs())),
            number(&|_| 1.0),
            number(&|row| 0.3 * normal(row, 3)),
            number(&|row| missing(row + 1, 40.0 + 10.0 * normal(row, 4))),
            number(&|row| f64::from(u8::from(random.stream(5).uniform(row as u64) < 0.3))),
            Column::Category((0..n).map(code).collect()),
        ],
    )
}

pub(super) fn fit(params: PersonaParams, table: &FeatureTable) -> PersonaModel {
    params.check().unwrap().fit(table).unwrap()
}

pub(super) fn bytes(model: &PersonaModel) -> String {
    serde_json::to_string(model).unwrap()
}

pub(super) fn with_threads<T: Send>(n: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap().install(work)
}

#[test]
fn the_same_bytes_at_any_number_of_threads_and_kernel_level() {
    let table = world(9000, 1);
    let run = || fit(PersonaParams { n_init: 4, ..PersonaParams::from_range(2, 5, 3) }, &table);
    let one = with_threads(1, run);
    let assigned = with_threads(1, || one.predict(&table).unwrap());
    for n in [2, 7] {
        assert_eq!(bytes(&with_threads(n, run)), bytes(&one));
        assert_eq!(with_threads(n, || one.predict(&table).unwrap()), assigned);
    }
    let valid = PersonaParams { n_init: 4, ..PersonaParams::from_range(2, 5, 3) }.check().unwrap();
    let portable = valid.clone().with_kernel(KernelLevel::Portable).fit(&table).unwrap();
    assert_eq!(bytes(&portable), bytes(&valid.with_kernel(KernelLevel::detect()).fit(&table).unwrap()));
}

#[test]
fn blocks_in_parallel_give_the_same_bytes_too() {
    let random = Random::new(8);
    let rows =
        Array2::from_shape_fn((50_000, 5), |(r, f)| (r % 4) as f64 * 1.5 + random.normal((r * 5 + f) as u64));
    let fit =
        || KMeansParams { n_init: 2, ..KMeansParams::new(6, 1) }.check().unwrap().fit_array(rows.view());
    let one = with_threads(1, fit).unwrap();
    assert_eq!(with_threads(2, fit).unwrap(), one);
    assert_eq!(with_threads(7, fit).unwrap(), one);
    // The grid makes sums exact, so the order of rows does not matter either once the start is given.
    let from = |rows: &Array2<f64>| {
        let start = Array2::from_shape_fn((4, 5), |(j, _)| j as f64);
        KMeansParams::new(4, 1).check().unwrap().fit_array_from(rows.view(), start.view()).unwrap()
    };
    let shuffled = Array2::from_shape_fn((50_000, 5), |(r, f)| rows[[r * 7919 % 50_000, f]]);
    let (straight, shuffled) = (from(&rows), from(&shuffled));
    assert_eq!(straight.centroids(), shuffled.centroids());
    assert_eq!(straight.sizes(), shuffled.sizes());
}

pub(super) fn cells(table: &FeatureTable, row: usize) -> Vec<Cell> {
    let cell = |column: &Column| match column {
        Column::Number(cells) => Cell::Number(cells[row]),
        Column::Category(codes) => Cell::Category(codes[row]),
    };
    table.columns().iter().map(cell).collect()
}

#[test]
fn one_by_one_equals_the_batch_bit_for_bit() {
    let table = world(1000, 2);
    let model = fit(PersonaParams::new(4, 1), &table);
    let batch = model.predict(&table).unwrap();
    let encoded = model.transform().apply(&table).unwrap();
    let matrix = &encoded.matrix;
    let bound = model.transform().bind(table.spec()).unwrap();
    let assigner = model.assigner(table.spec()).unwrap();
    for row in 0..table.n_rows() {
        let mut out = vec![0.0; matrix.stride()];
        assert_eq!(bound.row(&cells(&table, row), &mut out), encoded.gaps.of(row));
        assert_eq!(out[..matrix.n_columns()], *matrix.row(row));
        assert_eq!(assigner.assign(&cells(&table, row)), batch[row]);
    }
    let shuffled: Vec<usize> = (0..1000).map(|i| i * 617 % 1000).collect();
    let again = model.predict(&table.select(&shuffled)).unwrap();
    assert!(shuffled.iter().zip(&again).all(|(&row, assigned)| *assigned == batch[row]));
}

#[test]
fn sizes_shares_inertia_and_assignments_belong_together() {
    let table = world(2000, 3);
    let model = fit(PersonaParams::new(5, 1), &table);
    let assigned = model.predict(&table).unwrap();
    let mut inertia = 0.0;
    for profile in model.profiles() {
        let members = assigned.iter().filter(|a| a.persona == profile.id);
        assert_eq!(members.clone().count() as u64, profile.size);
        assert_eq!(profile.share, profile.size as f64 / 2000.0);
        // Distances are scaled up to all columns, the inertia is over what is known.
        inertia += members.map(|a| a.distance * a.distance * a.observed_share).sum::<f64>();
    }
    assert!((model.inertia() / inertia - 1.0).abs() < 1e-9);
    let sizes: Vec<u64> = model.profiles().iter().map(|p| p.size).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b) && sizes.iter().sum::<u64>() == 2000);
    assert!(model.profiles().iter().map(|p| p.id).eq(0..5));
    assert!(assigned.iter().all(|a| (0.0..=1.0).contains(&a.confidence) && a.second.is_some()));
    assert!(assigned.iter().all(|a| a.second != Some(a.persona)));
}

#[test]
fn planted_groups_are_found_named_and_described() {
    let table = world(2000, 4);
    let model = fit(PersonaParams::new(3, 1), &table);
    let group = |row: usize| (row * 7 % 10 / 4) as u32;
    let truth: Vec<u32> = (0..2000).map(group).collect();
    let found: Vec<u32> = model.predict(&table).unwrap().iter().map(|a| a.persona).collect();
    assert!(adjusted_rand(&truth, &found) > 0.95);
    let mut names: Vec<&str> = model.profiles().iter().map(|p| p.name.as_str()).collect();
    assert!(names.iter().any(|name| name.contains("big spenders")));
    assert!(names.iter().any(|name| name.contains("small spenders")));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 3);
    assert!(model.profiles().iter().all(|p| p.description.contains(" of all). Against all customers: ")));
}

#[test]
fn a_saved_model_is_the_same_and_holds_no_rare_level() {
    let table = world(2000, 5);
    let model = fit(PersonaParams::new(3, 1), &table);
    let text = bytes(&model);
    assert!(!text.contains(CANARY));
    let restored: PersonaModel = serde_json::from_str(&text).unwrap();
    assert_eq!(restored, model);
    assert_eq!(restored.predict(&table).unwrap(), model.predict(&table).unwrap());
    assert!(PersonaParams::new(0, 1).check().is_err());
}

#[test]
fn everything_done_to_cells_is_counted() {
    let table = world(2000, 6);
    let model = fit(PersonaParams::new(3, 1), &table);
    let report = model.transform().report();
    let of = |name: &str| report.features.iter().find(|f| f.name == name).unwrap();
    assert_eq!(of("always_one").dropped, Some(DropReason::Constant));
    assert_eq!(of("days_since_last_order").n_missing, 100);
    assert_eq!(of("colour").n_pooled, 1);
    assert_eq!(of("colour").n_missing, 134);
    assert!((15..=25).contains(&of("revenue").n_capped), "{}", of("revenue").n_capped);
    assert_eq!(report.duplicates.len(), 1);
    assert_eq!(
        (report.duplicates[0].0.as_str(), report.duplicates[0].1.as_str()),
        ("revenue", "revenue_again")
    );
    let total: f64 = report.features.iter().map(|f| f.variance_share).sum();
    assert!((total - 1.0).abs() < 1e-12 && of("always_one").variance_share == 0.0);
    let encoding = &model.transform().features()[7].encoding;
    let Encoding::Category(category) = encoding else { panic!("{encoding:?}") };
    assert_eq!(category.levels, ["blue", "green", "red", "other", "(missing)"]);
}

#[test]
fn tables_of_another_specification_are_refused_and_new_levels_are_not() {
    let table = world(1000, 7);
    let model = fit(PersonaParams::new(3, 1), &table);
    let rebuilt = |change: &dyn Fn(&mut FeatureSpec)| {
        let mut spec = (**table.spec()).clone();
        change(&mut spec);
        FeatureTable::new(Arc::new(spec), table.columns().to_vec(), table.buckets().clone())
    };
    let renamed = model.predict(&rebuilt(&|spec| spec.features[0].name = "turnover".to_owned()));
    assert_eq!(renamed.unwrap_err().column, "revenue");
    let versioned = model.predict(&rebuilt(&|spec| spec.version += 1));
    assert_eq!(versioned.unwrap_err().column, "version");
    let other_kind = model.predict(&rebuilt(&|spec| spec.features[0].kind = FeatureKind::Count));
    assert_eq!(other_kind.unwrap_err().column, "revenue");
    let narrow = table_of(table.spec().features[..7].to_vec(), table.columns()[..7].to_vec());
    assert_eq!(model.predict(&narrow).unwrap_err().column, "*");
    // The same customers with their levels listed in another order, and a new one.
    let mut columns = table.columns().to_vec();
    let Column::Category(codes) = &mut columns[7] else { panic!("a category") };
    codes.iter_mut().for_each(|code| *code = code.map(|c| 3 - c));
    let mut features = table.spec().features.clone();
    let levels = ["red", "green", "violet", "blue"].map(str::to_owned).to_vec();
    features[7].kind = FeatureKind::Category { levels };
    let reordered = table_of(features, columns);
    assert_eq!(model.predict(&reordered).unwrap(), model.predict(&table).unwrap());
}

#[test]
fn customers_who_cannot_be_told_apart_are_one_persona_with_the_reason() {
    let one = world(200, 8).select(&[5]);
    let same = world(200, 8).select(&[5; 40]);
    for table in [&one, &same] {
        for params in [PersonaParams::from_range(2, 10, 1), PersonaParams::new(8, 1)] {
            let model = fit(params, table);
            assert_eq!(model.n_personas(), 1);
            assert!(matches!(model.choice().reason, Reason::TooFewDistinct { n_distinct: 1, .. }));
            let assigned = model.predict(table).unwrap();
            assert!(assigned.iter().all(|a| a.persona == 0 && a.confidence == 1.0 && a.second.is_none()));
            assert_eq!(model.profiles()[0].name, "All customers");
            let restored: PersonaModel = serde_json::from_str(&bytes(&model)).unwrap();
            assert_eq!(restored, model);
        }
    }
    let few = fit(PersonaParams::from_range(2, 10, 1), &world(200, 8).select(&[1, 2, 3]));
    assert_eq!(few.choice().reason, Reason::NoneLargeEnough);
    assert_eq!((few.n_personas(), few.choice().refused.len()), (1, 7));
    let asked = fit(PersonaParams::new(2, 1), &world(200, 8).select(&[1, 2, 3]));
    assert_eq!((asked.n_personas(), &asked.choice().reason), (2, &Reason::Asked));
}

#[test]
fn tables_that_cannot_be_fitted_are_refused() {
    let valid = PersonaParams::new(2, 1).check().unwrap();
    let empty = world(10, 1).select(&[]);
    assert!(matches!(valid.fit(&empty), Err(DataError::TooFew { what: "customers", .. })));
    let features = vec![def("revenue", FeatureKind::Money, FeatureFamily::Purchases)];
    let infinite = table_of(features, vec![Column::Number(vec![1.0, 2.0, f64::INFINITY])]);
    let message = "personas: row 2, column \"revenue\" is inf, but it must be finite or missing";
    assert_eq!(valid.fit(&infinite).unwrap_err().to_string(), message);
}

#[test]
fn group_weights_set_the_share_of_variance() {
    let table = world(2000, 9);
    let share = |behaviour_weight: f64, demographics_weight: f64| {
        let params = PersonaParams { behaviour_weight, demographics_weight, ..PersonaParams::new(3, 1) };
        let model = fit(params, &table);
        let features = &model.transform().report().features;
        features[..5].iter().map(|f| f.variance_share).sum::<f64>()
    };
    assert!((share(1.0, 0.0) - 1.0).abs() < 1e-12);
    assert_eq!(share(0.0, 1.0), 0.0);
    let (even, half) = (share(1.0, 1.0), share(1.0, 0.5));
    assert!((half - even / (even + 0.5 * (1.0 - even))).abs() < 1e-3, "{even} {half}");
}

#[test]
fn a_refit_keeps_ids_and_names() {
    let model = fit(PersonaParams::new(3, 1), &world(2000, 10));
    let valid = PersonaParams::new(3, 99).check().unwrap();
    let later = world(2400, 11);
    let next = valid.refit_from(&model, &later).unwrap();
    let report = next.refit().unwrap();
    assert!(report.matches.iter().all(|m| m.outcome == MatchOutcome::Kept && m.jaccard.unwrap() > 0.9));
    assert!(report.gone.is_empty() && !report.structure_changed);
    for profile in model.profiles() {
        assert_eq!(next.profile(profile.id).unwrap().name, profile.name);
    }
    let (before, after) = (model.predict(&later).unwrap(), next.predict(&later).unwrap());
    let same = before.iter().zip(&after).filter(|(a, b)| a.persona == b.persona).count();
    assert!(same > 2300, "{same}");
    assert_eq!(next.choice().reason, Reason::Frozen);
    // Nothing is resampled at night; how the number was chosen goes along, also over several nights.
    assert!(next.choice().candidates.iter().all(|c| c.stability.is_none() && c.null.is_none()));
    assert_eq!(next.choice().first(), model.choice());
    let third = valid.refit_from(&next, &later).unwrap();
    assert_eq!(third.choice().first(), model.choice());
}

#[test]
fn personas_that_were_asked_for_are_examined_at_the_first_fit() {
    let model = fit(PersonaParams::new(3, 1), &world(2000, 10));
    let [only] = &model.choice().candidates[..] else { panic!("one candidate") };
    let stability = only.stability.as_ref().unwrap();
    assert_eq!(stability.n_resamples, 20);
    assert!(stability.adjusted_rand > 0.9, "{stability:?}");
    assert_eq!(model.choice().jaccards.len(), 3);
    let least = model.choice().jaccards.iter().copied().fold(1.0, f64::min);
    assert_eq!(least, stability.least_jaccard);
    assert!(model.choice().structure.as_ref().unwrap().found);
    assert!(only.silhouette.as_ref().unwrap().mean > 0.0 && only.davies_bouldin.is_some());
    let chosen = fit(PersonaParams::from_range(2, 5, 1), &world(2000, 10));
    assert_eq!(chosen.choice().jaccards.len(), chosen.n_personas());
    let of_k = chosen.choice().candidates.iter().find(|c| c.k == chosen.n_personas()).unwrap();
    let least = chosen.choice().jaccards.iter().copied().fold(1.0, f64::min);
    assert_eq!(least, of_k.stability.as_ref().unwrap().least_jaccard);
    let quick = fit(PersonaParams { n_resamples: 0, ..PersonaParams::new(3, 1) }, &world(2000, 10));
    assert_eq!((quick.choice().structure.clone(), quick.choice().jaccards.len()), (None, 0));
    assert_eq!(quick.choice().candidates[0].stability, None);
    let ids = |model: &PersonaModel| -> Vec<u32> {
        model.predict(&world(2000, 10)).unwrap().iter().map(|a| a.persona).collect()
    };
    assert_eq!(ids(&quick), ids(&model));
}

/// The smaller of two groups is spread out, so it is found again worse; the overlaps must stand in the order of the
/// personas.
#[test]
fn overlaps_belong_to_their_personas() {
    let random = Random::new(5);
    let cell = |row: usize, c: u64| {
        let noise = random.stream(c).normal(row as u64);
        // Two tight groups, and two that run into each other.
        match row % 10 {
            0..=3 => 0.3 * noise,
            4..=6 => 12.0 + 0.3 * noise,
            7..=8 => -10.0 + 1.6 * noise,
            _ => -12.5 + 1.6 * noise,
        }
    };
    let columns = (0..2).map(|c| Column::Number((0..600).map(|row| cell(row, c)).collect())).collect();
    let features = ["x", "y"].map(|n| def(n, FeatureKind::Number, FeatureFamily::Purchases)).to_vec();
    let model = fit(PersonaParams::new(4, 1), &table_of(features, columns));
    let jaccards = &model.choice().jaccards;
    assert_eq!(model.profiles().iter().map(|p| p.size).take(2).collect::<Vec<_>>(), [240, 180]);
    assert!(jaccards[0] > 0.99 && jaccards[1] > 0.99 && jaccards[3] < 0.95, "{jaccards:?}");
}

#[test]
fn without_groups_a_range_from_one_gives_one_persona() {
    let random = Random::new(2);
    let column = |c: u64| Column::Number((0..400).map(|row| random.stream(c).normal(row)).collect());
    let names = ["a", "b", "c", "d", "e"];
    let features = names.map(|n| def(n, FeatureKind::Number, FeatureFamily::Purchases)).to_vec();
    let table = table_of(features, (0..5).map(column).collect());
    let model = fit(PersonaParams::from_range(1, 6, 1), &table);
    assert_eq!((model.n_personas(), &model.choice().reason), (1, &Reason::NoStructure));
    let tried: Vec<usize> = model.choice().candidates.iter().map(|c| c.k).collect();
    assert_eq!(tried, [1, 2, 3, 4, 5, 6]);
    // More personas of one cloud are better separated, of its replicates as well.
    for candidate in &model.choice().candidates {
        assert_eq!(candidate.null.is_some(), candidate.k > 1, "{candidate:?}");
        let Some(null) = &candidate.null else { continue };
        let above = candidate.simplified_silhouette.unwrap() - null.mean;
        assert!(above.abs() < 0.03, "{} personas: {above}", candidate.k);
    }
    let model = fit(PersonaParams::from_range(2, 6, 1), &table);
    assert!(model.n_personas() > 1 && !model.choice().structure.as_ref().unwrap().found);
}

/// Rows at the given places of one column.
pub(super) fn line(places: &[(f64, usize)]) -> FeatureTable {
    let mut cells = Vec::new();
    for &(at, n) in places {
        cells.extend((0..n).map(|i| at + (i % 10) as f64 * 0.02));
    }
    let features = vec![def("age", FeatureKind::Number, FeatureFamily::Demographics)];
    table_of(features, vec![Column::Number(cells)])
}

#[test]
fn a_persona_without_successor_is_gone_and_a_new_one_gets_a_new_id() {
    let model = fit(PersonaParams::new(3, 1), &line(&[(0.0, 200), (5.0, 150), (10.0, 100)]));
    let valid = PersonaParams::new(3, 1).check().unwrap();
    // Nobody is near 10 any more, and the first group falls in two.
    let next = valid.refit_from(&model, &line(&[(-3.0, 120), (0.0, 200), (5.0, 150)])).unwrap();
    let ids: Vec<u32> = next.profiles().iter().map(|p| p.id).collect();
    assert_eq!(ids, [0, 1, 3]);
    let report = next.refit().unwrap();
    assert_eq!(report.gone, [2]);
    assert_eq!(report.matches[2].outcome, MatchOutcome::New);
    let names: std::collections::BTreeSet<&str> = next.profiles().iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names.len(), 3);
    // An id that was used once is never used again.
    let back = valid.refit_from(&next, &line(&[(0.0, 200), (5.0, 150), (10.0, 100)])).unwrap();
    assert!(back.profiles().iter().all(|p| p.id != 2));
}

#[test]
fn a_refit_to_another_specification_is_refused() {
    let model = fit(PersonaParams::new(3, 1), &world(500, 1));
    let refused =
        PersonaParams::new(3, 1).check().unwrap().refit_from(&model, &line(&[(0.0, 50), (1.0, 50)]));
    assert!(matches!(refused, Err(RefitError::Spec(_))));
    let few = world(500, 1).select(&[1, 2]);
    let refused = PersonaParams::new(3, 1).check().unwrap().refit_from(&model, &few);
    assert!(matches!(refused, Err(RefitError::Data(DataError::TooFew { got: 2, need: 3, .. }))));
}

#[test]
fn models_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<PersonaModel>();
    shared::<bespoke::personas::PersonaAssigner<'_>>();
    shared::<bespoke::personas::KMeansModel>();
}
