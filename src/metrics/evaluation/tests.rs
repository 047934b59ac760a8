//! Evaluations of small worlds: against plain definitions, and every refusal.

use proptest::prelude::*;

use super::*;
use crate::features::{Interactions, TimeSplit};
use crate::metrics::beyond::AttributeSets;
use crate::metrics::bootstrap::{Bootstrap, IntervalMethod, MOST_RESAMPLED, holm};
use crate::metrics::ranking::{MeanEstimate, coverage};
use crate::random::Random;
use crate::tables::Buckets;
use crate::types::{Days, Timestamp};

fn interactions(histories: &[Vec<u32>], n_items: usize) -> Interactions {
    let mut starts = vec![0];
    histories.iter().for_each(|items| starts.push(starts[starts.len() - 1] + items.len() as u32));
    let items = histories.concat();
    Interactions {
        as_of: Timestamp(1),
        n_items,
        last_at: vec![Timestamp(0); items.len()],
        starts,
        items,
        guests: Vec::new(),
        buckets: Buckets::even(histories.len()),
    }
}

fn params(models: &[&str], cuts: &[usize]) -> EvaluationParams {
    EvaluationParams { models: models.iter().map(|&name| name.to_owned()).collect(), cuts: cuts.to_vec() }
}

/// Customer 0 has items 0 and 1 and takes 2, customer 1 has item 0 and takes 3 and 4, customer 2 has nothing and takes
/// nothing, customer 3 has nothing and takes 1; of 5 items.
fn split() -> RankingSplit {
    let train = interactions(&[vec![0, 1], vec![0], vec![], vec![]], 5);
    RankingSplit::given(train, &[vec![2], vec![3, 4], vec![], vec![1]]).unwrap()
}

/// By model: the first finds something for everybody, the second nothing for customer 3.
fn lists() -> [Vec<Vec<u32>>; 2] {
    [vec![vec![2, 3], vec![1, 3], vec![0, 1], vec![0, 1]], vec![vec![3, 2], vec![3, 4], vec![0, 1], vec![0]]]
}

fn judged(split: &RankingSplit, table: TestTable) -> Vec<Judged<'_>> {
    (0..split.warmth().len() as u32).map(|customer| Judged::of(split, table, customer)).collect()
}

fn evaluation(split: &RankingSplit, cuts: &[usize]) -> Evaluation<'static> {
    let valid = params(&["first", "second"], cuts).check().unwrap();
    let mut evaluation = valid.begin(Ground::of(split, TestTable::NewItems)).unwrap();
    let [first, second] = lists();
    evaluation.add(&judged(split, TestTable::NewItems), &[&first, &second]).unwrap();
    evaluation
}

#[test]
fn a_small_world_by_hand() {
    let report = evaluation(&split(), &[1, 2]).report(&[]).unwrap();
    let mean = |model, metric, k| report.estimate(model, metric, k).unwrap().mean;
    assert_eq!(mean("first", RankingMetric::Recall, 2), (1.0 + 0.5 + 1.0) / 3.0);
    assert_eq!(mean("second", RankingMetric::Recall, 2), 2.0 / 3.0);
    assert_eq!(mean("second", RankingMetric::HitRate, 1), 1.0 / 3.0);
    assert_eq!(report.estimate("third", RankingMetric::Recall, 2), None);
    let test = TestItems { n: 4, n_repeats: 0, n_unseen: 3, n_not_candidates: 0 };
    assert_eq!(report.test(), test, "items 2, 3 and 4 were never taken before");
    let beyond = &report.beyond()[3];
    assert_eq!((beyond.model.as_str(), beyond.k, beyond.n_short), ("second", 2, 1));
    assert_eq!(beyond.coverage, Some(1.0));
    // Two customers have something: item 0 is known of both, all others of one at most.
    let novelty = beyond.novelty.unwrap();
    assert_eq!((novelty.mean, novelty.n_customers), ((1.0 + 1.0 + 0.5 + 0.0) / 4.0, 4));
    assert_eq!((beyond.repeats.unwrap().mean, beyond.diversity), (0.0, None));
    // Items 0, 3 are in two lists, 1, 2, 4 in one: 2 common places of 6 pairs of lists with 2 places.
    assert_eq!(beyond.personalisation, Some(1.0 - 2.0 / 12.0));
}

#[test]
fn every_table_says_what_it_means() {
    let evaluation = evaluation(&split(), &[1, 2]);
    let line = "convention: recall = hits/|T|, ndcg ideal cut at min(k, |T|), other variants by full name; k = 1, 2; 3 \
                customers with a test item, 4 lists; test items: new items, consumed filter on; 5 of 5 items ranked; \
                ties: lower item first; given split (not by time, unless its source says so); novelty p = \
                max(customers, 1)/all in training";
    let report = evaluation.report(&[Segmentation::warmth(&split())]).unwrap();
    assert_eq!(report.convention().to_string(), line);
    assert!(report.to_string().starts_with(line), "{report}");
    assert!(
        report.to_string().contains("4 test items: 0.00 % taken before, 75.00 % of items unseen"),
        "{report}"
    );
    assert!(report.to_string().contains("known as: cold\nfirst            precision@1"), "{report}");
    let compared = evaluation.compare("second", Bootstrap::new(1)).unwrap();
    assert!(compared.to_string().starts_with(line), "{compared}");
    assert!(
        compared.to_string().contains("minus second; 1 tried, p by Holm; 95 % by paired bootstrap"),
        "{compared}"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["convention"]["n_customers"], 3);
    assert_eq!(json["convention"]["table"], "new_items");
}

#[test]
fn the_table_of_all_lets_repeats_in() {
    let train = interactions(&[vec![0, 1], vec![2]], 3);
    let split = RankingSplit::given(train, &[vec![0, 2], vec![2]]).unwrap();
    let valid = params(&["own"], &[2]).check().unwrap();
    let categories = AttributeSets::of_categories("category", &[Some(0), Some(0), Some(1)]);
    let ground = Ground { similarity: Some(&categories), ..Ground::of(&split, TestTable::All) };
    let mut evaluation = valid.begin(ground).unwrap();
    evaluation.add(&judged(&split, TestTable::All), &[&[vec![0, 1], vec![0, 2]]]).unwrap();
    let report = evaluation.report(&[]).unwrap();
    assert_eq!(report.estimate("own", RankingMetric::Recall, 2).unwrap().mean, 0.75);
    assert_eq!(report.test(), TestItems { n: 3, n_repeats: 2, n_unseen: 0, n_not_candidates: 0 });
    let beyond = &report.beyond()[0];
    assert_eq!(beyond.repeats.unwrap().mean, 0.75, "both places of one list, one of the other");
    assert_eq!(beyond.diversity.unwrap().mean, 0.5);
    assert!(report.convention().to_string().contains("test items: all, consumed filter off"));
    assert!(report.convention().to_string().ends_with("diversity by category"));
}

#[test]
fn only_candidates_count_for_coverage() {
    let split = split();
    let valid = params(&["one"], &[2]).check().unwrap();
    let candidates = ItemSet::filter(5, |item| item < 4);
    let mut evaluation =
        valid.begin(Ground { candidates, ..Ground::of(&split, TestTable::NewItems) }).unwrap();
    let judged = judged(&split, TestTable::NewItems);
    evaluation.add(&judged[..2], &[&[vec![2, 3], vec![1]]]).unwrap();
    let report = evaluation.report(&[]).unwrap();
    assert_eq!((report.beyond()[0].coverage, report.test().n_not_candidates), (Some(0.75), 1));
    assert!(report.convention().to_string().contains("; 4 of 5 items ranked;"));
    let refused = evaluation.add(&judged[3..], &[&[vec![4]]]).unwrap_err().to_string();
    assert!(refused.contains("row 3, column \"list of one\" is 4, but it must be a candidate"), "{refused}");
}

#[test]
fn segments_are_reported_apart() {
    let split = split();
    let colours = ["red", "blue"].map(str::to_owned).to_vec();
    let segments = Segmentation::new("colour", colours, vec![Some(1), Some(0), Some(0), Some(1)]).unwrap();
    let evaluation = evaluation(&split, &[2]);
    let report = evaluation.report(std::slice::from_ref(&segments)).unwrap();
    let recall = |at: usize| report.segments()[at].estimate("first", RankingMetric::Recall, 2).unwrap();
    assert_eq!((report.segments()[0].level.as_str(), recall(0).mean, recall(0).n_customers), ("red", 0.5, 1));
    assert_eq!(
        (report.segments()[1].level.as_str(), recall(1).mean, recall(1).n_customers),
        ("blue", 1.0, 2)
    );
    let compared = evaluation.compare_by(&segments, "second", Bootstrap::new(1)).unwrap();
    assert_eq!(compared[1].segment(), Some(("colour", "blue")));
    assert_eq!((compared[0].convention().n_customers, compared[1].convention().n_customers), (1, 2));
    let red = compared[0].find("first", RankingMetric::Recall, 2).unwrap();
    assert_eq!((red.difference.mean, red.interval, red.p_adjusted), (-0.5, None, None));
    assert_eq!(compared[1].find("first", RankingMetric::Recall, 2).unwrap().difference.mean, 0.5);
    let few = Segmentation::new("few", vec!["a".into()], vec![Some(0)]).unwrap();
    assert!(matches!(evaluation.report(std::slice::from_ref(&few)), Err(DataError::Shape { .. })));
    let refused = evaluation.compare_by(&few, "second", Bootstrap::new(1)).unwrap_err();
    assert!(matches!(refused, CompareError::Data(DataError::Shape { .. })));
}

#[test]
fn comparisons_are_paired() {
    let random = Random::new(5);
    let n = 400;
    let train = interactions(&vec![vec![]; n], 9);
    let split = RankingSplit::given(train, &vec![vec![0, 1, 2]; n]).unwrap();
    let draw = |stream: u64, good: f64| -> Vec<Vec<u32>> {
        let list = |row: u64| {
            let is_good = |place: u64| random.stream(stream).uniform(row * 3 + place) < good;
            (0..3).map(|place| place as u32 + if is_good(place) { 0 } else { 3 }).collect()
        };
        (0..n as u64).map(list).collect()
    };
    let (base, better, same) = (draw(1, 0.5), draw(2, 0.8), draw(3, 0.5));
    let valid = params(&["base", "better", "same"], &[2, 3]).check().unwrap();
    let mut evaluation = valid.begin(Ground::of(&split, TestTable::NewItems)).unwrap();
    evaluation.add(&judged(&split, TestTable::NewItems), &[&base, &better, &same]).unwrap();
    let bootstrap = Bootstrap::new(9).with_replicates(500).unwrap();
    let compared = evaluation.compare("base", bootstrap).unwrap();
    assert_eq!((compared.n_tried(), compared.rows().len(), compared.baseline()), (2, 2 * 2 * 8, "base"));
    assert_eq!(compared.method(), IntervalMethod::Bootstrap(bootstrap));
    let taken = vec![vec![0, 1, 2]; n];
    let of = |lists: &[Vec<u32>]| RankingMetric::Ndcg.per_customer(lists, &taken, 3);
    let (ndcg, of_base) = ([of(&better), of(&same)], of(&base));
    let mut p_values = Vec::new();
    for (model, ndcg) in ["better", "same"].into_iter().zip(&ndcg) {
        let row = compared.find(model, RankingMetric::Ndcg, 3).unwrap();
        assert_eq!(row.difference, MeanEstimate::of_difference(ndcg, &of_base).unwrap());
        let differences: Vec<f64> = ndcg.iter().zip(&of_base).map(|(a, b)| a - b).collect();
        let alone = bootstrap.of_means(&differences, 1)[0];
        assert_eq!(row.interval, Some((alone.low, alone.high)), "the same draws as in company");
        assert_eq!(row.excludes_zero(), model == "better", "{row}");
        p_values.push(row.p_value.unwrap());
    }
    let adjusted = |model| compared.find(model, RankingMetric::Ndcg, 3).unwrap().p_adjusted.unwrap();
    assert_eq!(holm(&p_values), [adjusted("better"), adjusted("same")]);
    assert!(adjusted("better") > p_values[0] && adjusted("same") > 0.05);
    let refused = evaluation.compare("best", bootstrap).unwrap_err();
    assert_eq!(refused.to_string(), "evaluation.baseline is \"best\", but it must be one of the models");
}

#[test]
fn many_customers_get_the_closed_form() {
    let n = MOST_RESAMPLED + 1;
    let split = RankingSplit::given(interactions(&vec![vec![]; n], 4), &vec![vec![0]; n]).unwrap();
    let lists = |stream: u64| -> Vec<Vec<u32>> {
        let random = Random::new(1).stream(stream);
        (0..n as u64).map(|row| vec![random.below(row, 4) as u32]).collect()
    };
    let valid = params(&["a", "b"], &[1]).check().unwrap();
    let mut evaluation = valid.begin(Ground::of(&split, TestTable::NewItems)).unwrap();
    evaluation.add(&judged(&split, TestTable::NewItems), &[&lists(1), &lists(2)]).unwrap();
    let compared = evaluation.compare("a", Bootstrap::new(1)).unwrap();
    assert_eq!(compared.method(), IntervalMethod::ClosedForm);
    for row in compared.rows() {
        assert_eq!(row.interval, row.difference.interval());
    }
    assert!(compared.to_string().contains("95 % by closed form"));
}

#[test]
fn a_model_alone_has_nothing_to_be_compared_with() {
    let split = split();
    let valid = params(&["one"], &[2]).check().unwrap();
    let mut evaluation = valid.begin(Ground::of(&split, TestTable::NewItems)).unwrap();
    let nobody = evaluation.report(&[]).unwrap_err().to_string();
    assert_eq!(nobody, "evaluation: 0 customers with a test item, but at least 1 are needed");
    assert!(evaluation.compare("one", Bootstrap::new(1)).is_err());
    evaluation.add(&judged(&split, TestTable::NewItems), &[&lists()[0]]).unwrap();
    assert!(evaluation.compare("one", Bootstrap::new(1)).unwrap().rows().is_empty());
}

#[test]
fn parameters_are_refused_by_name() {
    let field = |models: &[&str], cuts: &[usize]| params(models, cuts).check().unwrap_err().field;
    for models in [&[][..], &[""], &["a", "b", "a"]] {
        assert_eq!(field(models, &[1]), "evaluation.models", "{models:?}");
    }
    for cuts in [&[][..], &[0], &[1001], &[5, 5], &[5, 4]] {
        assert_eq!(field(&["a"], cuts), "evaluation.cuts", "{cuts:?}");
    }
    assert!(params(&["a", "b"], &[1, 1000]).check().is_ok());
}

#[test]
fn grounds_are_refused_by_name() {
    let split = split();
    let valid = params(&["a"], &[1]).check().unwrap();
    let begin = |candidates| {
        let ground = Ground { candidates, ..Ground::of(&split, TestTable::NewItems) };
        valid.begin(ground).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(begin(ItemSet::all(4)), "evaluation: size of the candidates' catalogue is 4, expected 5");
    assert_eq!(begin(ItemSet::none(5)), "evaluation: 0 candidates, but at least 1 are needed");
}

#[test]
fn customers_and_lists_are_refused_by_name_and_nothing_is_taken_in() {
    let split = split();
    let valid = params(&["a"], &[2]).check().unwrap();
    let fresh = || valid.begin(Ground::of(&split, TestTable::NewItems)).unwrap();
    let customer = |customer, taken, history| Judged { customer, taken, history };
    let refused = |judged: &[Judged<'_>], lists: &[Vec<u32>]| {
        let mut evaluation = fresh();
        let refused = evaluation.add(judged, &[lists]).unwrap_err().to_string();
        assert_eq!(evaluation.convention().n_lists, 0, "{refused}");
        assert!(evaluation.report(&[]).is_err() && evaluation.hits[0].is_empty());
        refused
    };
    let says = |got: String, expected: &str| assert!(got.contains(expected), "{got}: {expected}");
    let good = customer(1, &[2], &[0]);
    for (judged, expected) in [
        (customer(1, &[2], &[0]), "row 1, column \"customer\" is 1, but it must be above the one before"),
        (customer(2, &[3, 3], &[]), "row 2, column \"taken\" is 3, but it must be above the one before"),
        (customer(2, &[5], &[]), "row 2, column \"taken\" is 5, but it must be below the number of items"),
        (customer(2, &[], &[1, 0]), "row 2, column \"history\" is 0, but it must be above the one before"),
        (customer(2, &[], &[7]), "row 2, column \"history\" is 7, but it must be below the number of items"),
        (customer(2, &[1], &[1]), "row 2, column \"taken\" is 1, but it must be not of the history"),
    ] {
        says(refused(&[good, judged], &[vec![], vec![]]), expected);
    }
    for (list, expected) in [
        (vec![5], "row 1, column \"list of a\" is 5, but it must be below the number of items"),
        (vec![0], "row 1, column \"list of a\" is 0, but it must be not of the history"),
        (vec![2, 2], "row 1, column \"list of a\" is 2, but it must be in the list once"),
    ] {
        says(refused(&[good], &[list]), expected);
    }
    says(refused(&[good], &[]), "number of lists of a model is 0, expected 1");
    let few = fresh().add::<Vec<u32>>(&[good], &[]).unwrap_err().to_string();
    assert_eq!(few, "evaluation: number of models with lists is 0, expected 1");
    // Beyond the longest cut nothing is looked at.
    assert!(fresh().add(&[good], &[&[vec![1, 2, 99]]]).is_ok());
}

#[test]
fn sampled_candidates_are_drawn_evenly_and_leave_out_the_history() {
    let n = 4000;
    let train = interactions(&vec![vec![1, 4]; n], 12);
    let split = RankingSplit::given(train, &vec![vec![2, 7]; n]).unwrap();
    let candidates = ItemSet::filter(12, |item| item != 9);
    let ground = Ground { candidates, ..Ground::of(&split, TestTable::NewItems) };
    let valid = params(&["a"], &[1]).check().unwrap();
    let sampled = valid.sampled(3, 1, ground.clone()).unwrap();
    let mut drawn = [0; 12];
    for judged in judged(&split, TestTable::NewItems) {
        let candidates = sampled.candidates_of(&judged);
        assert_eq!(candidates, sampled.candidates_of(&judged));
        assert!(candidates.len() == 5 && candidates.is_sorted_by(|a, b| a < b));
        candidates.iter().for_each(|&item| drawn[item as usize] += 1);
    }
    for item in [0, 3, 5, 6, 8, 10, 11] {
        // 3 of 7 others: sd of the share is .008.
        let share = f64::from(drawn[item]) / n as f64;
        assert!((share - 3.0 / 7.0).abs() < 0.03, "item {item}: {share}");
    }
    assert_eq!([1, 4, 9].map(|item| drawn[item]), [0, 0, 0]);
    assert_eq!([2, 7].map(|item| drawn[item]), [n as i32, n as i32]);
    let all = valid.sampled(99, 1, ground.clone()).unwrap();
    let first = Judged::of(&split, TestTable::NewItems, 0);
    assert_eq!(all.candidates_of(&first), [0, 2, 3, 5, 6, 7, 8, 10, 11], "all there are");
    assert!(valid.sampled(0, 1, ground).is_err());
}

#[test]
fn sampled_numbers_carry_their_warning() {
    let split = split();
    let valid = params(&["a"], &[1]).check().unwrap();
    let mut sampled = valid.sampled(1, 3, Ground::of(&split, TestTable::NewItems)).unwrap();
    let judged = judged(&split, TestTable::NewItems);
    let other = (0..5).find(|item| sampled.candidates_of(&judged[0]).binary_search(item).is_err()).unwrap();
    let refused = sampled.add(&judged[..1], &[&[vec![other]]]).unwrap_err().to_string();
    assert!(refused.contains("it must be a sampled candidate of the customer"), "{refused}");
    sampled.add(&judged[..1], &[&[vec![2]]]).unwrap();
    let report = sampled.report().unwrap();
    let text = report.to_string();
    assert!(text.starts_with("WARNING: sampled metrics do not keep the order of models"), "{text}");
    assert!(text.contains("test items ranked among 1 sampled others, seed 3"), "{text}");
    assert!(text.lines().skip(2).all(|line| line.ends_with("(sampled)")), "{text}");
    let recall = report.estimate("a", RankingMetric::Recall, 1).unwrap();
    assert_eq!(recall.despite_the_warning().mean, 1.0);
    assert!(recall.to_string().contains("cannot be compared with full ranking"), "{recall}");
    assert!(serde_json::to_value(&report).unwrap()["warning"].is_string());
}

fn report_at(cut: i64, horizon: u32, first: u32) -> RankingReport {
    let split = split();
    let rule = SplitRule::Time(TimeSplit::new(Timestamp(cut), Days(0), Days(horizon)).unwrap());
    let ground = Ground { split: rule, ..Ground::of(&split, TestTable::NewItems) };
    let mut evaluation = params(&["a"], &[1]).check().unwrap().begin(ground).unwrap();
    evaluation.add(&judged(&split, TestTable::NewItems)[..1], &[&[vec![first]]]).unwrap();
    evaluation.report(&[]).unwrap()
}

#[test]
fn several_cut_offs_are_averaged() {
    let series = CutSeries::new(vec![report_at(10, 5, 2), report_at(20, 5, 3), report_at(30, 5, 2)]).unwrap();
    let over = series.over_cuts("a", RankingMetric::Recall, 1).unwrap();
    assert_eq!(over, OverCuts { mean: 2.0 / 3.0, lowest: 0.0, highest: 1.0, n_cuts: 3 });
    assert_eq!(series.over_cuts("a", RankingMetric::Recall, 2), None);
    assert_eq!(series.reports().len(), 3);
    let text = series.to_string();
    assert_eq!(text.matches("convention: ").count(), 3, "{text}");
    assert!(text.contains("0.6667 (0.0000 to 1.0000 over 3 cut-offs)"), "{text}");
}

#[test]
fn reports_of_different_kinds_are_not_averaged() {
    let refused = |reports| CutSeries::new(reports).unwrap_err().to_string();
    assert_eq!(refused(vec![]), "evaluation: 0 reports, but at least 1 are needed");
    for later in [10, 9] {
        assert!(
            refused(vec![report_at(10, 5, 2), report_at(later, 5, 2)]).contains("later than the one before")
        );
    }
    let other = refused(vec![report_at(10, 5, 2), report_at(20, 6, 2)]);
    assert!(other.contains("row 1, column \"report\"") && other.contains("horizon"), "{other}");
    let given = evaluation(&split(), &[1]).report(&[]).unwrap();
    assert!(refused(vec![given]).contains("a split at one instant for everybody"));
}

/// Customers with test items, history and two lists, all distinct; lists leave the history out.
type World = Vec<(Vec<u32>, Vec<u32>, [Vec<u32>; 2])>;

fn world() -> impl Strategy<Value = World> {
    let customer = (prop::collection::vec(0u8..4, 15), Just((0..15u32).collect::<Vec<_>>()).prop_shuffle());
    let customer = (customer, 0..12usize, 0..12usize).prop_map(|((what, order), n, m)| {
        let of = |kind: u8| (0..15u32).filter(|&item| what[item as usize] == kind).collect::<Vec<_>>();
        let (taken, history) = (of(0), of(1));
        let open: Vec<u32> = order.into_iter().filter(|item| !history.contains(item)).collect();
        let first = open[..n.min(open.len())].to_vec();
        let second = open.iter().rev().take(m).copied().collect();
        (taken, history, [first, second])
    });
    prop::collection::vec(customer, 1..30)
}

proptest! {
    #[test]
    fn an_evaluation_equals_the_plain_definitions(world in world(), n_block in 1usize..9) {
        let cuts = [1, 3, 10, 70];
        let histories: Vec<Vec<u32>> = world.iter().map(|row| row.1.clone()).collect();
        let taken: Vec<Vec<u32>> = world.iter().map(|row| row.0.clone()).collect();
        let split = RankingSplit::given(interactions(&histories, 15), &taken).unwrap();
        let models: Vec<Vec<Vec<u32>>> =
            (0..2).map(|model| world.iter().map(|row| row.2[model].clone()).collect()).collect();
        let valid = params(&["a", "b"], &cuts).check().unwrap();
        let judged = judged(&split, TestTable::NewItems);
        let run = |n_block: usize| {
            let mut evaluation = valid.begin(Ground::of(&split, TestTable::NewItems)).unwrap();
            for (at, block) in judged.chunks(n_block).enumerate() {
                let lists = |model: usize| &models[model][at * n_block..at * n_block + block.len()];
                evaluation.add(block, &[lists(0), lists(1)]).unwrap();
            }
            evaluation
        };
        let evaluation = run(n_block);
        if taken.iter().all(Vec::is_empty) {
            prop_assert!(evaluation.report(&[]).is_err());
            return Ok(());
        }
        let report = evaluation.report(&[]).unwrap();
        prop_assert_eq!(&report, &run(world.len()).report(&[]).unwrap());
        for (name, lists) in ["a", "b"].into_iter().zip(&models) {
            for metric in RankingMetric::ALL {
                for k in cuts {
                    let plain = MeanEstimate::of(&metric.per_customer(lists, &taken, k));
                    prop_assert_eq!(report.estimate(name, metric, k), plain, "{}", metric.name(k));
                }
            }
        }
        for row in report.beyond() {
            let lists = &models[usize::from(row.model == "b")];
            prop_assert_eq!(row.coverage, coverage(lists, row.k, 15));
            prop_assert_eq!(row.n_short, lists.iter().filter(|list| list.len() < row.k).count());
            prop_assert!(row.repeats.is_none_or(|repeats| repeats.mean == 0.0));
        }
    }
}
