//! Published figures and exact losses of iALS and popularity on fixed splits of MovieLens.

use bespoke::kernels::KernelLevel;
use bespoke::metrics::ranking::{RankingMetric, coverage};
use bespoke::params::Params;
use bespoke::recommend::{IalsModel, IalsParams, ItemSet, top_k_batch, top_k_of};

use super::movielens::{Split, data_folder, movielens_1m, movielens_100k, near};

/// Lists of every customer by fold-in of the history, which is left out.
fn lists(split: &Split, model: &IalsModel, k: usize) -> Vec<Vec<u32>> {
    let mut scratch = model.scratch();
    let fold_in = |items: &Vec<u32>| model.fold_in(items, &mut scratch).expect("known items");
    let customers: Vec<f32> = split.train.iter().flat_map(fold_in).collect();
    let all = ItemSet::all(split.n_items);
    let lists = top_k_batch(model.panels(), &customers, k, &all, &split.excluded());
    lists.iter().map(|list| list.iter().map(|scored| scored.item).collect()).collect()
}

pub(super) fn popular_lists(split: &Split, k: usize) -> Vec<Vec<u32>> {
    let mut strength = vec![0.0; split.n_items];
    split.train.iter().flatten().for_each(|&item| strength[item as usize] += 1.0);
    let all = ItemSet::all(split.n_items);
    let list = |items: &Vec<u32>| top_k_of(&strength, k, &all, items).iter().map(|s| s.item).collect();
    split.train.iter().map(list).collect()
}

fn params(alpha0: f64, lambda: f64) -> IalsParams {
    IalsParams { alpha0, lambda, n_epochs: 12, ..IalsParams::new(1) }
}

#[test]
fn ials_on_movielens_1m() {
    let Some(folder) = data_folder("ials_on_movielens_1m") else { return };
    let split = movielens_1m(&folder);
    let valid = params(0.3, 0.007).check().unwrap();
    let (model, loss) = valid.fit_with_loss(&split.interactions(), KernelLevel::detect()).unwrap();
    println!("{loss:?}");
    near("loss", loss.total(), 468_660.0, 40.0);
    let lists = lists(&split, &model, 20);
    let recall = split.metric(RankingMetric::Recall, &lists, 20);
    assert!(recall >= 0.270);
    near("recall@20", recall, 0.2777, 0.003);
    near("ndcg@20", split.metric(RankingMetric::Ndcg, &lists, 20), 0.2650, 0.003);
    near("recall_capped@20", split.metric(RankingMetric::RecallCapped, &lists, 20), 0.3126, 0.003);
    near("map@20", split.metric(RankingMetric::Map, &lists, 20), 0.1257, 0.003);
    near("mrr@20", split.metric(RankingMetric::Mrr, &lists, 20), 0.439, 0.006);
    near("coverage@20", coverage(&lists, 20, split.n_items).unwrap(), 0.454, 0.015);
}

#[test]
fn ials_on_movielens_100k() {
    let Some(folder) = data_folder("ials_on_movielens_100k") else { return };
    let split = movielens_100k(&folder);
    for (n_factors, alpha0, lambda, expected_loss, expected_ndcg) in [
        (64, 0.3, 0.01, 43_986.0, 0.431),
        (128, 0.5, 0.01, 54_364.0, 0.449),
        (128, 0.3, 0.02, 51_064.0, 0.438),
    ] {
        let valid = IalsParams { n_factors, ..params(alpha0, lambda) }.check().unwrap();
        let (model, loss) = valid.fit_with_loss(&split.interactions(), KernelLevel::detect()).unwrap();
        println!("{loss:?}");
        near("loss", loss.total(), expected_loss, 20.0);
        near(
            "ndcg@10",
            split.metric(RankingMetric::Ndcg, &lists(&split, &model, 10), 10),
            expected_ndcg,
            0.006,
        );
    }
}

#[test]
fn popularity_on_both_splits() {
    let Some(folder) = data_folder("popularity_on_both_splits") else { return };
    let on_100k = [0.1904, 0.1179, 0.2176, 0.2183, 0.1360, 0.1146, 0.7739, 0.4056, 0.0327];
    let on_1m = [0.0778, 0.1161, 0.1377, 0.1176, 0.0996, 0.0446, 0.6488, 0.2393, 0.0381];
    for (split, k, expected) in [(movielens_100k(&folder), 10, on_100k), (movielens_1m(&folder), 20, on_1m)] {
        split.check_figures("popularity", &popular_lists(&split, k), k, expected, 0.0002);
    }
}

#[test]
fn a_customer_with_a_long_history_gets_all_that_is_left() {
    let Some(folder) = data_folder("a_customer_with_a_long_history_gets_all_that_is_left") else { return };
    let split = movielens_100k(&folder);
    let history = &split.train[404];
    let answer = top_k_of(&vec![0.0; 1682], 1200, &ItemSet::all(1682), history);
    assert_eq!((history.len(), answer.len()), (605, 1077));
    assert!(answer.iter().all(|scored| history.binary_search(&scored.item).is_err()));
}
