//! What every model that scores items from a history keeps; a new one is a line of the list at the end.

use bespoke::error::DataError;
use bespoke::features::Interactions;
use bespoke::kernels::KernelLevel;
use bespoke::params::Params;
use bespoke::recommend::{
    Contribution, CustomerWeight, EaseModel, EaseParams, FoldInScratch, History, IalsModel, IalsParams,
    ItemKnnParams, ItemSet, NeighbourModel, Recommender, Rp3BetaParams, Similarity, top_k_of,
};

use super::recommend::{bits, interactions, random_world, with_threads};

/// A model of the list.
trait Subject: Recommender + Send + Sync + 'static {
    /// How far the parts of an explanation may sum up from the score; 0 is the same bits.
    const APART: f32;
    /// Whether weights of a history count.
    const WEIGHS: bool;

    /// Everything the fit learned.
    fn learned(&self) -> Vec<u32>;
}

impl Subject for NeighbourModel {
    const APART: f32 = 0.0;
    const WEIGHS: bool = true;

    fn learned(&self) -> Vec<u32> {
        let starts = self.starts().iter().map(|&start| start as u32);
        starts.chain(self.targets().iter().copied()).chain(bits(self.similarities())).collect()
    }
}

impl Subject for EaseModel {
    const APART: f32 = 0.0;
    const WEIGHS: bool = true;

    fn learned(&self) -> Vec<u32> {
        self.items().iter().copied().chain(bits(self.weights())).collect()
    }
}

/// iALS as the interface sees it: scores by fold-in of the items.
struct Folded(IalsModel);

impl Subject for Folded {
    const APART: f32 = 1e-4;
    const WEIGHS: bool = false;

    fn learned(&self) -> Vec<u32> {
        bits(self.0.item_factors())
    }
}

impl Recommender for Folded {
    type Scratch = FoldInScratch;

    fn n_items(&self) -> usize {
        self.0.n_items()
    }

    fn scratch(&self) -> FoldInScratch {
        self.0.scratch()
    }

    fn knows(&self, history: History<'_>) -> bool {
        self.0.fold_in(history.items(), &mut self.0.scratch()).is_some()
    }

    fn scores(&self, history: History<'_>, scratch: &mut FoldInScratch, out: &mut [f32]) {
        match self.0.fold_in(history.items(), scratch) {
            Some(customer) => self.0.scores(&customer, out),
            None => out.fill(0.0),
        }
    }

    fn explain(
        &self,
        history: History<'_>,
        targets: &[u32],
        scratch: &mut FoldInScratch,
    ) -> Vec<Vec<Contribution>> {
        self.0.explain(history.items(), targets, scratch)
    }
}

/// How a model of the list comes about.
type Fit<M> = fn(&Interactions, KernelLevel) -> Result<M, DataError>;

fn fitted<M>(fit: Fit<M>, histories: &[Vec<u32>], n_items: usize) -> M {
    fit(&interactions(histories, n_items), KernelLevel::detect()).unwrap()
}

fn scores<M: Subject>(model: &M, history: History<'_>) -> Vec<f32> {
    let mut scores = vec![9.0; model.n_items()];
    model.scores(history, &mut model.scratch(), &mut scores);
    scores
}

/// Two blocks of customers and items; each customer misses one item of the own block, which must come first.
fn finds_the_planted_item<M: Subject>(fit: Fit<M>) {
    let missing = |customer: u32| customer % 2 * 10 + customer / 2 % 10;
    let block = |customer: u32| customer % 2 * 10..customer % 2 * 10 + 10;
    let history = |customer: u32| block(customer).filter(|&item| item != missing(customer)).collect();
    let histories: Vec<Vec<u32>> = (0..40).map(history).collect();
    let model = fitted(fit, &histories, 20);
    for (customer, items) in (0..).zip(&histories) {
        let best = top_k_of(&scores(&model, History::new(items)), 1, &ItemSet::all(20), items);
        assert_eq!(best[0].item, missing(customer), "customer {customer}");
    }
}

fn explanations_sum_to_the_score<M: Subject>(fit: Fit<M>) {
    let model = fitted(fit, &random_world(300, 120), 120);
    let weights: Vec<f32> = (0..120).map(|k| 0.3 + k as f32 / 7.0).collect();
    let targets = [0, 3, 115, 119];
    for items in [vec![3], (0..12).collect(), (5..60).collect(), (0..110).collect::<Vec<u32>>()] {
        let weighted = M::WEIGHS.then(|| History::weighted(&items, &weights[..items.len()]));
        for history in [Some(History::new(&items)), weighted].into_iter().flatten() {
            let scores = scores(&model, history);
            let explained = model.explain(history, &targets, &mut model.scratch());
            assert_eq!(explained.len(), targets.len());
            assert!(scores[119] != 0.0);
            for (target, parts) in targets.into_iter().zip(explained) {
                assert!(parts.iter().map(|part| part.item).eq(items.iter().copied()));
                let sum = parts.iter().fold(0.0, |sum, part| sum + part.part);
                let score = scores[target as usize];
                assert!((sum - score).abs() <= M::APART, "{target}: {sum} {score}");
            }
        }
    }
}

fn a_weight_of_one_is_no_weight<M: Subject>(fit: Fit<M>) {
    let model = fitted(fit, &random_world(200, 60), 60);
    let plain = scores(&model, History::new(&[2, 5, 40]));
    assert_eq!(bits(&plain), bits(&scores(&model, History::weighted(&[2, 5, 40], &[1.0; 3]))));
    if M::WEIGHS {
        assert_ne!(bits(&plain), bits(&scores(&model, History::weighted(&[2, 5, 40], &[1.0, 2.0, 1.0]))));
    }
}

/// Items of a history do not count themselves, so their twins may stand apart; all others are equal to the bit.
fn equal_items_have_equal_scores<M: Subject>(fit: Fit<M>) {
    let twice = |history: Vec<u32>| -> Vec<u32> {
        let copies = history.iter().map(|item| item + 40);
        history.iter().copied().chain(copies).collect()
    };
    let histories: Vec<Vec<u32>> = random_world(200, 40).into_iter().map(twice).collect();
    let model = fitted(fit, &histories, 80);
    let scores = scores(&model, History::new(&[0, 3, 41]));
    for item in (0..40).filter(|item| ![0, 1, 3].contains(item)) {
        assert_eq!(scores[item].to_bits(), scores[item + 40].to_bits(), "item {item}");
    }
    assert!(scores.iter().any(|&score| score != scores[4]));
}

fn nothing_known_is_said<M: Subject>(fit: Fit<M>) {
    let mut histories = random_world(100, 30);
    histories.iter_mut().for_each(|history| history.retain(|&item| item != 7));
    let model = fitted(fit, &histories, 33);
    for unknown in [&[][..], &[7], &[30, 32], &[7, 30, 31, 32]] {
        let history = History::new(unknown);
        assert!(!model.knows(history), "{unknown:?}");
        assert!(scores(&model, history).iter().all(|&score| score == 0.0), "{unknown:?}");
        let parts = model.explain(history, &[1], &mut model.scratch());
        assert!(parts[0].iter().all(|part| part.part == 0.0) && parts[0].len() == unknown.len());
    }
    assert!(model.knows(History::new(&[1, 7, 32])));
    let scores = scores(&model, History::new(&[1, 7, 32]));
    assert!(scores[7] == 0.0 && scores[30..].iter().all(|&score| score == 0.0) && scores[2] != 0.0);
}

fn threads_change_no_byte<M: Subject>(fit: Fit<M>) {
    let data = interactions(&random_world(700, 150), 150);
    for level in [KernelLevel::Portable, KernelLevel::detect()] {
        let runs = [1, 2, 7].map(|n| with_threads(n, || fit(&data, level).unwrap().learned()));
        assert!(runs[0] == runs[1] && runs[0] == runs[2], "{level:?}");
        assert!(runs[0].len() > 150);
    }
}

/// A customer with every item, an item that everybody has, a customer with nothing.
fn extremes_are_answered<M: Subject>(fit: Fit<M>) {
    let mut histories = random_world(60, 25);
    histories
        .iter_mut()
        .filter(|history| history.first() != Some(&0))
        .for_each(|history| history.insert(0, 0));
    histories.push((0..25).collect());
    histories.push(Vec::new());
    let model = fitted(fit, &histories, 25);
    for history in histories.iter().filter(|history| history.len() > 1) {
        assert!(model.knows(History::new(history)), "{history:?}");
        assert!(scores(&model, History::new(history)).iter().all(|score| score.is_finite()));
    }
    let everything: Vec<u32> = (0..25).collect();
    let rest = top_k_of(&scores(&model, History::new(&everything)), 5, &ItemSet::all(25), &everything);
    assert_eq!(rest, []);
    // The smallest world there is.
    let one = fitted(fit, &[vec![0]], 1);
    assert!(scores(&one, History::new(&[0]))[0].is_finite());
}

fn many_customers_get_the_bits_of_one_by_one<M: Subject>(fit: Fit<M>) {
    let histories = random_world(130, 97);
    let model = fitted(fit, &histories, 97);
    let asked: Vec<History<'_>> = histories.iter().map(|items| History::new(items)).collect();
    let mut together = vec![9.0; 130 * 97];
    model.scores_many(&asked, &mut model.scratch(), &mut together);
    for (&history, together) in asked.iter().zip(together.chunks(97)) {
        assert_eq!(bits(&scores(&model, history)), bits(together));
    }
}

fn what_cannot_be_learned_from_is_refused<M: Subject>(fit: Fit<M>) {
    let fit =
        |histories: &[Vec<u32>], n| fit(&interactions(histories, n), KernelLevel::detect()).err().unwrap();
    for (histories, n_items) in [(vec![], 0), (vec![], 3), (vec![vec![]], 0), (vec![vec![], vec![]], 3)] {
        assert!(matches!(fit(&histories, n_items), DataError::TooFew { got: 0, need: 1, .. }));
    }
    let refused = fit(&[vec![0, 7]], 7).to_string();
    assert!(
        refused.ends_with("row 1, column \"item\" is 7, but it must be below the number of items"),
        "{refused}"
    );
}

/// Tests of every promise for every model.
macro_rules! conform {
    (@promises $fit:expr; $($promise:ident)*) => {
        $(#[test] fn $promise() { super::$promise($fit); })*
    };
    ($($name:ident: $fit:expr;)*) => {
        $(mod $name {
            use super::*;

            conform! { @promises $fit;
                finds_the_planted_item
                explanations_sum_to_the_score
                a_weight_of_one_is_no_weight
                equal_items_have_equal_scores
                nothing_known_is_said
                threads_change_no_byte
                extremes_are_answered
                many_customers_get_the_bits_of_one_by_one
                what_cannot_be_learned_from_is_refused
            }
        })*
    };
}

fn item_knn(data: &Interactions, similarity: Similarity) -> Result<NeighbourModel, DataError> {
    ItemKnnParams { similarity, ..ItemKnnParams::default() }.check().unwrap().fit(data)
}

fn ease(data: &Interactions, dropout: f64, level: KernelLevel) -> Result<EaseModel, DataError> {
    EaseParams { dropout, ..EaseParams::new(20.0) }.check().unwrap().fit(data, level)
}

conform! {
    cosine: |data, _| item_knn(data, Similarity::Cosine { shrink: 10.0 });
    asymmetric_cosine: |data, _| item_knn(data, Similarity::AsymmetricCosine { shrink: 1.0, gamma: 0.3 });
    bm25: |data, _| item_knn(data, Similarity::Bm25 { k1: 1.2, b: 0.75 });
    tf_idf: |data, _| item_knn(data, Similarity::TfIdf { shrink: 1.0 });
    item_knn_of_the_latest_items: |data, _| {
        let params = ItemKnnParams { customer_weight: CustomerWeight::InverseLog, ..ItemKnnParams::default() };
        // Cuts in the largest world only: twins of which one was cut are no twins.
        ItemKnnParams { n_max: Some(130), ..params }.check().unwrap().fit(data)
    };
    rp3beta: |data, _| Rp3BetaParams::default().check().unwrap().fit(data);
    rp3beta_by_rows: |data, _| {
        Rp3BetaParams { normalise_rows: true, ..Rp3BetaParams::default() }.check().unwrap().fit(data)
    };
    ease_without_dropout: |data, level| ease(data, 0.0, level);
    edlae: |data, level| ease(data, 0.5, level);
    ials: |data, level| {
        let params = IalsParams { n_factors: 16, n_epochs: 3, ..IalsParams::new(5) };
        params.check().unwrap().fit(data, level).map(Folded)
    };
}

#[test]
fn models_from_their_parts_are_the_same_models() {
    let data = interactions(&random_world(200, 70), 75);
    let model = item_knn(&data, Similarity::Bm25 { k1: 1.2, b: 0.75 }).unwrap();
    let parts = (model.starts().to_vec(), model.targets().to_vec(), model.similarities().to_vec());
    assert_eq!(NeighbourModel::from_parts(parts.0, parts.1, parts.2, 0).unwrap(), model);

    let model = ease(&data, 0.0, KernelLevel::detect()).unwrap();
    let parts = (model.items().to_vec(), model.weights().to_vec());
    let loaded = EaseModel::from_parts(75, parts.0, parts.1, KernelLevel::Portable).unwrap();
    for items in [&[][..], &[0, 1], &[3, 69, 74], &[72]] {
        let history = History::new(items);
        assert_eq!(model.knows(history), loaded.knows(history));
        assert_eq!(bits(&scores(&model, history)), bits(&scores(&loaded, history)));
    }
}

#[test]
fn ease_has_the_same_bits_at_every_kernel_level() {
    let data = interactions(&random_world(300, 130), 130);
    let learned = |level| ease(&data, 0.5, level).unwrap().learned();
    assert_eq!(learned(KernelLevel::Portable), learned(KernelLevel::detect()));
}

#[test]
fn a_bot_is_cut_and_reported() {
    let mut histories = random_world(100, 40);
    histories.iter_mut().for_each(|history| history.truncate(10));
    histories.push((0..40).collect());
    let data = interactions(&histories, 40);
    let valid = |n_max| Rp3BetaParams { n_max, ..Rp3BetaParams::default() }.check().unwrap();
    let (cut, whole) = (valid(Some(10)).fit(&data).unwrap(), valid(None).fit(&data).unwrap());
    assert_eq!((cut.n_customers_cut(), whole.n_customers_cut()), (1, 0));
    assert!(cut.targets().len() < whole.targets().len());
    assert!(valid(Some(10)).cost(&data, 1).multiply_adds + 1500 == valid(None).cost(&data, 1).multiply_adds);
}
