//! What every recommender promises: same bytes at any number of threads, single = batch, typed refusals.

use bespoke::error::DataError;
use bespoke::features::{GuestPurchase, Interactions};
use bespoke::kernels::KernelLevel;
use bespoke::params::Params;
use bespoke::random::Random;
use bespoke::recommend::{
    IalsModel, IalsParams, ItemPanels, ItemSet, PopularityParams, top_k, top_k_batch, top_k_of,
};
use bespoke::tables::Buckets;
use bespoke::types::Timestamp;

pub(super) fn interactions(histories: &[Vec<u32>], n_items: usize) -> Interactions {
    let mut starts = vec![0];
    for items in histories {
        starts.push(starts[starts.len() - 1] + items.len() as u32);
    }
    let items: Vec<u32> = histories.concat();
    let at = |i: usize| Timestamp(i as i64 * 86_399_999);
    Interactions {
        as_of: Timestamp(4000 * Timestamp::DAY_MS),
        n_items,
        last_at: (0..items.len()).map(|i| at(i % 3000)).collect(),
        starts,
        items,
        guests: (0..n_items as u32).map(|item| GuestPurchase { item, at: at(item as usize) }).collect(),
        buckets: Buckets::even(histories.len()),
    }
}

/// Histories from nothing to nearly everything.
pub(super) fn random_world(n_customers: usize, n_items: usize) -> Vec<Vec<u32>> {
    let random = Random::new(11);
    let history = |customer: u64| {
        let share = random.uniform(customer).powi(3);
        (0..n_items as u32).filter(|&i| random.stream(customer + 1).uniform(u64::from(i)) < share).collect()
    };
    (0..n_customers as u64).map(history).collect()
}

fn params() -> IalsParams {
    IalsParams { n_factors: 16, n_epochs: 3, ..IalsParams::new(5) }
}

fn fit(data: &Interactions, level: KernelLevel) -> IalsModel {
    params().check().unwrap().fit(data, level).unwrap()
}

pub(super) fn with_threads<T: Send>(n_threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap().install(run)
}

pub(super) fn bits(cells: &[f32]) -> Vec<u32> {
    cells.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let histories = random_world(700, 150);
    let data = interactions(&histories, 150);
    for level in [KernelLevel::Portable, KernelLevel::detect()] {
        let runs = [1, 2, 7].map(|n_threads| {
            with_threads(n_threads, || {
                let (model, loss) = params().check().unwrap().fit_with_loss(&data, level).unwrap();
                let popularity = PopularityParams::new(60.0).check().unwrap().fit(&data).unwrap();
                let customers = model.item_factors();
                let lists: Vec<&[u32]> = histories[..150].iter().map(Vec::as_slice).collect();
                let answers = top_k_batch(model.panels(), customers, 9, &ItemSet::all(150), &lists);
                let strength: Vec<u64> = popularity.strength.iter().map(|s| s.to_bits()).collect();
                (bits(model.item_factors()), bits(model.gramian()), strength, format!("{answers:?} {loss:?}"))
            })
        });
        assert_eq!(runs[0], runs[1], "{level:?}");
        assert_eq!(runs[0], runs[2], "{level:?}");
    }
}

#[test]
fn the_seed_decides_the_start() {
    let data = interactions(&random_world(60, 30), 30);
    let factors = |seed| {
        let valid = IalsParams { n_epochs: 1, ..IalsParams::new(seed) }.check().unwrap();
        bits(valid.fit(&data, KernelLevel::detect()).unwrap().item_factors())
    };
    assert_eq!(factors(1), factors(1));
    assert_ne!(factors(1), factors(2));
}

#[test]
fn kernel_levels_agree_to_rounding_and_on_scores_to_the_bit() {
    let data = interactions(&random_world(300, 80), 80);
    let loss = |level| params().check().unwrap().fit_with_loss(&data, level).unwrap().1.total();
    let (portable, best) = (loss(KernelLevel::Portable), loss(KernelLevel::detect()));
    assert!((portable / best - 1.0).abs() < 1e-5, "{portable} {best}");

    let model = fit(&data, KernelLevel::detect());
    let customer = model.fold_in(&[1, 5], &mut model.scratch()).unwrap();
    let scores = |level| {
        let mut scores = vec![0.0; 80];
        ItemPanels::pack(model.item_factors(), 16, level).score_all(&customer, &mut scores);
        bits(&scores)
    };
    assert_eq!(scores(KernelLevel::Portable), scores(KernelLevel::detect()));
}

#[test]
fn the_loss_never_rises() {
    let data = interactions(&random_world(200, 60), 60);
    let loss = |n_epochs| {
        let valid = IalsParams { n_epochs, ..params() }.check().unwrap();
        valid.fit_with_loss(&data, KernelLevel::detect()).unwrap().1.total()
    };
    let losses: Vec<f64> = (1..8).map(loss).collect();
    for pair in losses.windows(2) {
        assert!(pair[1] <= pair[0] * (1.0 + 1e-6), "{losses:?}");
    }
    assert!(losses[6] < losses[0]);
}

/// Two blocks of customers and items; each customer misses one item of the own block.
#[test]
fn the_planted_item_of_a_checkerboard_is_found() {
    let missing = |customer: u32| customer % 2 * 10 + customer / 2 % 10;
    let block = |customer: u32| customer % 2 * 10..customer % 2 * 10 + 10;
    let history = |customer: u32| block(customer).filter(|&item| item != missing(customer)).collect();
    let histories: Vec<Vec<u32>> = (0..40).map(history).collect();
    let data = interactions(&histories, 20);
    let model =
        IalsParams { n_factors: 8, ..params() }.check().unwrap().fit(&data, KernelLevel::detect()).unwrap();
    let mut scratch = model.scratch();
    for (customer, history) in histories.iter().enumerate() {
        let factors = model.fold_in(history, &mut scratch).unwrap();
        let best = top_k(model.panels(), &factors, 1, &ItemSet::all(20), history);
        assert_eq!(best[0].item, missing(customer as u32), "customer {customer}");
    }
}

#[test]
fn contributions_sum_to_the_score() {
    let histories = random_world(300, 120);
    let model = fit(&interactions(&histories, 120), KernelLevel::detect());
    let mut scratch = model.scratch();
    let mut scores = vec![0.0; 120];
    // Histories on both sides of the two forms of the row solve.
    for history in [vec![3], (0..12).collect(), (0..13).collect(), (0..110).collect::<Vec<u32>>()] {
        let customer = model.fold_in(&history, &mut scratch).unwrap();
        model.scores(&customer, &mut scores);
        let targets = [0, 115];
        for (item, parts) in targets.into_iter().zip(model.explain(&history, &targets, &mut scratch)) {
            assert!(parts.iter().map(|part| part.item).eq(history.iter().copied()));
            let sum: f32 = parts.iter().map(|part| part.part).sum();
            assert!((sum - scores[item as usize]).abs() < 1e-4, "{sum} {}", scores[item as usize]);
        }
    }
}

#[test]
fn a_model_from_its_parts_is_the_same_model() {
    let histories = random_world(200, 70);
    let model = fit(&interactions(&histories, 70), KernelLevel::detect());
    let loaded = IalsModel::from_parts(
        model.params().clone().check().unwrap(),
        model.item_factors().to_vec(),
        model.gramian().to_vec(),
        KernelLevel::detect(),
    )
    .unwrap();
    for history in &histories {
        let fold_in = |model: &IalsModel| model.fold_in(history, &mut model.scratch()).map(|w| bits(&w));
        assert_eq!(fold_in(&model), fold_in(&loaded));
    }
}

#[test]
fn small_worlds_are_answered_or_refused() {
    let valid = params().check().unwrap();
    let fit =
        |histories: &[Vec<u32>], n_items| valid.fit(&interactions(histories, n_items), KernelLevel::detect());
    for (histories, n_items) in [(vec![], 0), (vec![], 3), (vec![vec![]], 0), (vec![vec![], vec![]], 3)] {
        let refused = fit(&histories, n_items).unwrap_err();
        assert!(matches!(refused, DataError::TooFew { got: 0, need: 1, .. }), "{refused}");
    }
    let refused = fit(&[vec![0, 7]], 7).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "ials: row 1, column \"item\" is 7, but it must be below the number of items"
    );

    let one_by_one = fit(&[vec![0]], 1).unwrap();
    let customer = one_by_one.fold_in(&[0], &mut one_by_one.scratch()).unwrap();
    let answer = top_k(one_by_one.panels(), &customer, 5, &ItemSet::all(1), &[]);
    assert_eq!(answer.len(), 1);
    assert!(answer[0].score > 0.0 && answer[0].score < 1.0);
    assert_eq!(top_k(one_by_one.panels(), &customer, 5, &ItemSet::all(1), &[0]), []);

    // One customer has everything, one nothing; item 2 belongs to nobody.
    let model = fit(&[vec![0, 1], vec![]], 3).unwrap();
    assert!(model.item_factors()[32..].iter().all(|&x| x == 0.0));
    assert_eq!(model.fold_in(&[2], &mut model.scratch()), None);
}

#[test]
fn equal_items_have_equal_scores_and_the_lower_comes_first() {
    let twice = |history: Vec<u32>| -> Vec<u32> {
        let copies = history.iter().map(|item| item + 40);
        history.iter().copied().chain(copies).collect()
    };
    let histories: Vec<Vec<u32>> = random_world(200, 40).into_iter().map(twice).collect();
    let model = fit(&interactions(&histories, 80), KernelLevel::detect());
    let customer = model.fold_in(&[0, 3], &mut model.scratch()).unwrap();
    let answer = top_k(model.panels(), &customer, 80, &ItemSet::all(80), &[]);
    for pair in answer.chunks(2) {
        assert_eq!((pair[0].item + 40, pair[0].score), (pair[1].item, pair[1].score));
    }
}

#[test]
fn popular_items_fill_in_under_the_same_filters() {
    let histories = vec![vec![0, 1, 2], vec![1, 2], vec![2]];
    let mut data = interactions(&histories, 4);
    data.guests.clear();
    data.last_at.fill(Timestamp(0));
    let model = PopularityParams::new(30.0).check().unwrap().fit(&data).unwrap();
    let items = |excluded: &[u32]| -> Vec<u32> {
        top_k_of(&model.strength, 2, &ItemSet::all(4), excluded).iter().map(|s| s.item).collect()
    };
    assert_eq!(items(&[]), [2, 1]);
    assert_eq!(items(&[2]), [1, 0]);
}
