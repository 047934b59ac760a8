//! What personas promise from night to night.

use std::sync::Arc;

use bespoke::features::{Column, FeatureFamily, FeatureKind, FeatureTable};
use bespoke::params::Params;
use bespoke::personas::{
    DriftLevel, MatchOutcome, MatchedBy, Part, PersonaModel, PersonaParams, Reason, Refit, RefitError,
    Stickiness,
};

use super::personas::{CANARY, bytes, cells, def, fit, line, table_of, with_threads, world};

fn refit(params: PersonaParams, before: &PersonaModel, table: &FeatureTable, how: Refit<'_>) -> PersonaModel {
    params.check().unwrap().refit(before, table, how).unwrap()
}

fn ids(model: &PersonaModel) -> Vec<u32> {
    model.profiles().iter().map(|profile| profile.id).collect()
}

fn labels(model: &PersonaModel, table: &FeatureTable) -> Vec<Option<u32>> {
    model.predict(table).unwrap().iter().map(|assigned| Some(assigned.persona)).collect()
}

const THREE: [(f64, usize); 3] = [(0.0, 200), (5.0, 150), (10.0, 100)];
const FOUR: [(f64, usize); 4] = [(-3.0, 120), (0.0, 200), (5.0, 150), (10.0, 100)];

#[test]
fn another_number_is_born_and_dies_with_ids_that_are_never_used_again() {
    let three = fit(PersonaParams::new(3, 1), &line(&THREE));
    let four = refit(PersonaParams::new(4, 1), &three, &line(&FOUR), Refit::default());
    assert_eq!((ids(&four), &four.choice().reason), (vec![0, 1, 2, 3], &Reason::Asked));
    let report = four.refit().unwrap();
    assert_eq!(report.matches[3].outcome, MatchOutcome::New);
    assert_eq!(report.matches[3].jaccard, None);
    assert!(report.gone.is_empty() && report.merges.is_empty() && report.fresh_start_gain.is_none());
    // Who is at -3 would have been in persona 0, which now is all of two personas.
    assert_eq!((report.splits.len(), report.splits[0].id), (1, 0));
    assert_eq!(report.splits[0].into, [Part { id: 0, share: 1.0 }, Part { id: 3, share: 1.0 }]);
    for id in 0..3 {
        assert_eq!(four.profile(id).unwrap().name, three.profile(id).unwrap().name);
    }
    let two = refit(PersonaParams::new(2, 1), &four, &line(&FOUR), Refit::default());
    let report = two.refit().unwrap();
    assert_eq!(ids(&two).len(), 2);
    assert_eq!((report.gone.len(), two.next_id()), (2, 4));
    let merged: usize = report.merges.iter().map(|merge| merge.from.len()).sum();
    assert!(merged == 2 || merged == 4, "{report:?}");
    let again = refit(PersonaParams::new(4, 1), &two, &line(&FOUR), Refit::default());
    let fresh = ids(&again).into_iter().filter(|id| !ids(&two).contains(id));
    assert_eq!(fresh.collect::<Vec<_>>(), [4, 5]);
}

#[test]
fn two_that_grow_together_are_merged_under_the_id_of_the_larger() {
    let before = fit(PersonaParams::new(3, 1), &line(&[(0.0, 200), (2.0, 150), (10.0, 100)]));
    let after = refit(
        PersonaParams::new(2, 1),
        &before,
        &line(&[(0.0, 200), (2.0, 150), (10.0, 100)]),
        Refit::default(),
    );
    let report = after.refit().unwrap();
    assert_eq!(ids(&after), [0, 2]);
    assert_eq!(report.gone, [1]);
    assert_eq!((report.merges.len(), report.merges[0].id), (1, 0));
    assert_eq!(report.merges[0].from, [Part { id: 0, share: 1.0 }, Part { id: 1, share: 1.0 }]);
    assert_eq!(report.matches[0].jaccard, Some(200.0 / 350.0));
    assert_eq!(report.moved_share, Some(150.0 / 450.0));
}

#[test]
fn less_than_half_in_common_keeps_the_name_for_somebody_to_look_at() {
    let before = fit(PersonaParams::new(2, 1), &line(&[(0.0, 200), (30.0, 100)]));
    // The first persona falls into 80, 70 and 50 customers; 80 of 200 is the most that one of them has.
    let later = line(&[(-6.0, 80), (0.0, 70), (6.0, 50), (30.0, 100)]);
    let after = refit(PersonaParams::new(4, 1), &before, &later, Refit::default());
    let report = after.refit().unwrap();
    let found: Vec<(u32, Option<f64>, MatchOutcome)> =
        report.matches.iter().map(|one| (one.id, one.jaccard, one.outcome)).collect();
    assert_eq!(found[0], (0, Some(0.4), MatchOutcome::Changed));
    assert_eq!(found[1], (1, Some(1.0), MatchOutcome::Kept));
    assert!(found[2..].iter().all(|one| one.2 == MatchOutcome::New) && report.gone.is_empty());
    assert_eq!(after.profile(0).unwrap().name, before.profile(0).unwrap().name);
    assert_eq!(report.splits[0].into.len(), 3);
}

#[test]
fn the_number_stands_while_it_is_allowed() {
    let three = fit(PersonaParams::new(3, 1), &line(&THREE));
    let reason = |params: PersonaParams, how: Refit<'_>| {
        let model = refit(params, &three, &line(&FOUR), how);
        (model.n_personas(), model.choice().reason.clone())
    };
    assert_eq!(reason(PersonaParams::new(3, 1), Refit::default()), (3, Reason::Frozen));
    assert_eq!(reason(PersonaParams::from_range(2, 6, 1), Refit::default()), (3, Reason::Frozen));
    assert_eq!(reason(PersonaParams::from_range(4, 4, 1), Refit::default()).0, 4);
    let anew = Refit { choose_anew: true, ..Refit::default() };
    let (_, reason) = reason(PersonaParams::from_range(2, 6, 1), anew);
    assert!(matches!(reason, Reason::Steady { .. } | Reason::Separated { .. }), "{reason:?}");
}

#[test]
fn ids_that_were_shown_elsewhere_are_kept_off() {
    let three = fit(PersonaParams::new(3, 1), &line(&THREE));
    let how = Refit { first_free_id: 17, ..Refit::default() };
    let four = refit(PersonaParams::new(4, 1), &three, &line(&FOUR), how);
    assert_eq!((ids(&four), four.next_id()), (vec![0, 1, 2, 17], 18));
    let numbered = PersonaParams::new(3, 1).check().unwrap().fit_numbered(&line(&THREE), 9).unwrap();
    assert_eq!((ids(&numbered), numbered.next_id()), (vec![9, 10, 11], 12));
}

#[test]
fn without_a_common_customer_centroids_are_matched_in_old_units() {
    let three = fit(PersonaParams::new(3, 1), &line(&THREE));
    // Everybody is new; the last group is nearest to a persona that another group is nearer to.
    let table = line(&[(0.3, 300), (5.2, 90), (7.4, 80)]);
    let nobody = vec![None; table.n_rows()];
    let how = Refit { before: Some(&nobody), ..Refit::default() };
    let model = refit(PersonaParams::from_range(3, 3, 1), &three, &table, how);
    let report = model.refit().unwrap();
    let MatchedBy::Centroids { limit } = report.matched_by else { panic!("{report:?}") };
    assert_eq!(ids(&model), [0, 1, 3]);
    assert_eq!(report.gone, [2]);
    let outcomes: Vec<MatchOutcome> = report.matches.iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes, [MatchOutcome::Kept, MatchOutcome::Kept, MatchOutcome::New]);
    assert!(report.matches.iter().all(|one| one.jaccard.is_none()));
    assert!(report.matches[..2].iter().all(|one| one.distance.unwrap() < limit));
    assert_eq!(report.moved_share, None);
}

#[test]
fn personas_that_customers_had_stand_in_where_the_model_cannot_read_the_table() {
    let table = world(1500, 3);
    let model = fit(PersonaParams::new(3, 1), &table);
    let mut before = labels(&model, &table);
    // A tenth is new, and one column has another name.
    before.iter_mut().step_by(10).for_each(|id| *id = None);
    let mut features = table.spec().features.clone();
    features[5].name = "age_years".to_owned();
    let renamed = table_of(features, table.columns().to_vec());
    let valid = PersonaParams::new(3, 1).check().unwrap();
    let refused = valid.refit(&model, &renamed, Refit::default());
    assert!(matches!(refused, Err(RefitError::Spec(_))));
    let next = valid.refit(&model, &renamed, Refit { before: Some(&before), ..Refit::default() }).unwrap();
    let report = next.refit().unwrap();
    assert_eq!(ids(&next), ids(&model));
    assert!(report.matches.iter().all(|one| one.outcome == MatchOutcome::Kept), "{report:?}");
    assert_eq!(report.moved_share, None);
    assert!(report.drift.iter().all(|drift| drift.feature != "age_years" && drift.psi < 1e-9));
    let after = next.predict(&renamed).unwrap();
    let same = after.iter().zip(labels(&model, &table)).filter(|(a, b)| Some(a.persona) == *b).count();
    assert!(same > 1480, "{same}");
}

#[test]
fn a_night_without_news_changes_nothing() {
    let table = world(2000, 12);
    let params = || PersonaParams::from_range(2, 5, 3);
    let first = fit(params(), &table);
    let second = refit(params(), &first, &table, Refit::default());
    let third = refit(params(), &second, &table, Refit::default());
    assert_eq!(second.predict(&table).unwrap(), first.predict(&table).unwrap());
    assert!(second.centroids().eq(first.centroids()) && second.inertia() == first.inertia());
    assert_eq!(second.profiles(), first.profiles());
    assert_eq!(bytes(&third), bytes(&second));
    let report = second.refit().unwrap();
    assert_eq!(report.moved_share, Some(0.0));
    assert!(report.matches.iter().all(|one| one.jaccard == Some(1.0)));
    assert!(report.drift.len() == 8 && report.drift.iter().all(|drift| drift.psi == 0.0));
}

#[test]
fn a_run_that_ended_by_the_tolerance_does_not_creep_on_without_news() {
    let table = spread(3000, 0.0);
    let params = || PersonaParams { tolerance: 0.01, n_init: 1, ..PersonaParams::new(7, 3) };
    let first = fit(params(), &table);
    let second = refit(params(), &first, &table, Refit::default());
    assert!(second.centroids().eq(first.centroids()) && second.profiles() == first.profiles());
    // The same customers with one more do let it go on.
    let third = refit(params(), &first, &spread(3001, 0.0), Refit::default());
    assert!(third.n_iterations() > 0 && second.n_iterations() == 0);
}

/// The world with everybody's revenue multiplied.
fn richer(table: &FeatureTable, factor: f64) -> FeatureTable {
    let mut columns = table.columns().to_vec();
    let Column::Number(cells) = &mut columns[0] else { panic!("a number") };
    cells.iter_mut().for_each(|x| *x *= factor);
    FeatureTable::new(Arc::clone(table.spec()), columns, table.buckets().clone())
}

#[test]
fn drift_is_held_against_the_night_before_and_against_the_choice() {
    let table = world(2000, 13);
    let params = || PersonaParams::new(3, 3);
    let mut model = fit(params(), &table);
    let mut psi = Vec::new();
    // A tenth more every night: little in a night, much in the end.
    for night in 1..=12 {
        model = refit(params(), &model, &richer(&table, 1.1f64.powi(night)), Refit::default());
        let drift =
            model.refit().unwrap().drift.iter().find(|drift| drift.feature == "revenue").unwrap().clone();
        psi.push((drift.psi, drift.psi_since_chosen));
        let still = model.refit().unwrap().drift.iter().filter(|drift| drift.feature != "revenue");
        assert!(still.clone().count() == 7 && still.clone().all(|drift| drift.psi == 0.0));
    }
    assert!(
        psi.iter().all(|&(night, _)| DriftLevel::of(night) == DriftLevel::Stable && night > 0.0),
        "{psi:?}"
    );
    assert_eq!(DriftLevel::of(psi[11].1), DriftLevel::Large, "{psi:?}");
    assert!(psi.is_sorted_by(|a, b| a.1 < b.1), "{psi:?}");
    let anew = Refit { choose_anew: true, ..Refit::default() };
    let chosen = refit(params(), &model, &richer(&table, 4.0), anew);
    let next = refit(params(), &chosen, &richer(&table, 4.0), Refit::default());
    assert!(next.refit().unwrap().drift.iter().all(|drift| drift.psi_since_chosen == 0.0));
}

#[test]
fn a_model_holds_bins_and_no_customer() {
    let table = world(2000, 5);
    let model = fit(PersonaParams::new(3, 1), &table);
    let next = refit(PersonaParams::new(3, 1), &model, &world(2100, 6), Refit::default());
    assert!(!bytes(&next).contains(CANARY));
    for bins in next.bins() {
        assert!((bins.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9 && bins.shares.len() <= 11);
    }
    let restored: PersonaModel = serde_json::from_str(&bytes(&next)).unwrap();
    assert_eq!(restored, next);
    // A model of the version before has no bins; it is carried on without drift.
    let mut old: serde_json::Value = serde_json::from_str(&bytes(&model)).unwrap();
    old.as_object_mut().unwrap().retain(|key, _| !key.starts_with("bins"));
    let old: PersonaModel = serde_json::from_value(old).unwrap();
    let next = refit(PersonaParams::new(3, 1), &old, &table, Refit::default());
    assert!(next.refit().unwrap().drift.is_empty() && next.refit().unwrap().gone.is_empty());
}

#[test]
fn a_refit_has_the_same_bytes_at_any_number_of_threads() {
    let model = fit(PersonaParams::new(3, 1), &world(5000, 1));
    let later = world(5200, 2);
    let before = labels(&model, &later);
    let run = |k| {
        let next = refit(
            PersonaParams::new(k, 1),
            &model,
            &later,
            Refit { before: Some(&before), ..Refit::default() },
        );
        let sticky = next.predict_from(&later, &before, Stickiness::new(0.1).unwrap()).unwrap();
        (bytes(&next), sticky)
    };
    for k in [3, 5] {
        let one = with_threads(1, || run(k));
        assert_eq!(with_threads(2, || run(k)), one);
        assert_eq!(with_threads(7, || run(k)), one);
    }
}

/// Customers along a line without any gap: many are near a border.
fn spread(n: usize, shift: f64) -> FeatureTable {
    let cells = (0..n).map(|i| ((i * 7919 % n) as f64 + shift) / n as f64).collect();
    table_of(vec![def("age", FeatureKind::Number, FeatureFamily::Demographics)], vec![Column::Number(cells)])
}

#[test]
fn a_sticky_customer_moves_only_for_a_clear_gain() {
    let (table, tau) = (spread(1000, 0.0), 0.2);
    let model = fit(PersonaParams::new(4, 1), &table);
    let moved = spread(1000, 25.0);
    let before = labels(&model, &table);
    let nearest = model.predict(&moved).unwrap();
    let (off, report) = model.predict_from(&moved, &before, Stickiness::OFF).unwrap();
    assert_eq!(off, nearest);
    assert_eq!((report.n_known, report.n_held, report.inertia_paid_share), (1000, 0, 0.0));
    let (sticky, report) = model.predict_from(&moved, &before, Stickiness::new(tau).unwrap()).unwrap();
    let (mut held, mut paid, mut least) = (0, 0.0, 0.0);
    let assigner = model.assigner(moved.spec()).unwrap();
    for row in 0..1000 {
        let (near, now) = (nearest[row], sticky[row]);
        assert!(now.persona == near.persona || Some(now.persona) == before[row]);
        if now.persona != near.persona {
            held += 1;
            assert!(now.distance - near.distance < tau * near.distance);
            assert_eq!((now.second, now.confidence, now.held), (Some(near.persona), 0.0, true));
        } else {
            assert_eq!(now, near);
        }
        paid += now.distance * now.distance - near.distance * near.distance;
        least += near.distance * near.distance;
        let one = assigner.assign_from(&cells(&moved, row), before[row], Stickiness::new(tau).unwrap());
        assert_eq!(one, now);
    }
    assert!(held > 10 && report.n_held == held, "{held}");
    assert!((report.inertia_paid_share - paid / least).abs() < 1e-12);
    let would =
        nearest.iter().zip(&before).filter(|(near, before)| Some(near.persona) != **before).count() as u64;
    assert_eq!(report.n_moved + report.n_held, would);
    // The order of customers has no say.
    let order: Vec<usize> = (0..1000).rev().collect();
    let turned: Vec<Option<u32>> = order.iter().map(|&row| before[row]).collect();
    let (again, _) =
        model.predict_from(&moved.select(&order), &turned, Stickiness::new(tau).unwrap()).unwrap();
    assert!(again.iter().rev().eq(&sticky));
}

#[test]
fn personas_that_are_gone_and_customers_who_are_new_hold_nobody() {
    let table = spread(300, 0.0);
    let model = fit(PersonaParams::new(3, 1), &table);
    let nearest = model.predict(&table).unwrap();
    let full = Stickiness::new(1.0).unwrap();
    let (gone, report) = model.predict_from(&table, &[Some(77); 300], full).unwrap();
    assert_eq!((gone, report.n_moved, report.n_held), (nearest.clone(), 300, 0));
    let (new, report) = model.predict_from(&table, &[None; 300], full).unwrap();
    assert_eq!((new, report.n_known, report.n_moved), (nearest, 0, 0));
}

#[test]
fn a_margin_that_is_none_is_refused() {
    for tau in [-0.01, 1.01, f64::NAN, f64::INFINITY] {
        let error = Stickiness::new(tau).unwrap_err().to_string();
        assert!(error.starts_with("personas.stickiness is ") && error.ends_with("from 0 to 1"), "{error}");
    }
    assert_eq!(Stickiness::new(0.0).unwrap(), Stickiness::OFF);
    assert_eq!(Stickiness::default(), Stickiness::OFF);
}
