//! Answers planted in generated worlds are found within stated margins: the whole job, from files to scores, against a
//! truth it has never read. What was measured when a margin was set stands beside it.

use std::collections::{BTreeMap, BTreeSet};

use bespoke::metrics::classification::Outcomes;
use bespoke::metrics::clustering::adjusted_rand;
use bespoke::metrics::value::Amounts;
use bespoke_datasets::media::TOPICS;
use bespoke_datasets::retail::CATEGORIES;
use bespoke_io::{ReadBack, read_columns};

use crate::fixture::Fixture;

const N_CUSTOMERS: &str = "3000";

/// A refreshed world of a kind; `dials` are options of its generator, `sets` overrides of its job.
fn refreshed(kind: &str, dials: &[&str], sets: &[&str]) -> Fixture {
    let fixture = Fixture::empty();
    let size = ["--customers", N_CUSTOMERS, "--seed", "3", "--format", "parquet", "--out", "world"];
    fixture.run(&[&["datasets", "generate", kind][..], &size, dials].concat()).ok();
    let mut refresh = vec!["refresh", "--config", "world/bespoke.toml", "--quiet"];
    sets.iter().for_each(|set| refresh.extend(["--set", set]));
    fixture.run(&refresh).ok();
    fixture
}

/// A table by customer.
struct Rows(BTreeMap<String, Vec<Option<f64>>>);

fn numbers(fixture: &Fixture, file: &str, columns: &[&str]) -> Rows {
    let names = [&["customer_id"], columns].concat();
    let mut read = read_columns(&fixture.path(file), &names).unwrap().into_iter();
    let Some(ReadBack::Text(ids)) = read.next() else { panic!("ids are text") };
    let columns: Vec<Vec<Option<f64>>> = read
        .map(|column| match column {
            ReadBack::Number(numbers) => numbers,
            ReadBack::Text(_) => panic!("a column of {file} is no number"),
        })
        .collect();
    let row = |n: usize| columns.iter().map(|column| column[n]).collect();
    Rows(ids.into_iter().enumerate().map(|(n, id)| (id.unwrap(), row(n))).collect())
}

/// Pairs of two columns of text, as the rows come.
fn by_id(fixture: &Fixture, file: &str, columns: [&str; 2]) -> Vec<(String, String)> {
    let read = read_columns(&fixture.path(file), &columns).unwrap();
    let [ReadBack::Text(left), ReadBack::Text(right)] = &read[..] else { panic!("{columns:?} are no text") };
    left.iter().zip(right).map(|(left, right)| (left.clone().unwrap(), right.clone().unwrap())).collect()
}

const SCORED: &str = "world/out/runs/000001/customers.parquet";
const SHOWN: &str = "world/out/runs/000001/recommendations.parquet";
const TRUTH: &str = "world/truth.parquet";

/// Pairs of what was predicted and what is true, of the customers who have both.
fn pairs(fixture: &Fixture, predicted: &str, truth: &str) -> (Vec<f64>, Vec<f64>) {
    let predicted = numbers(fixture, SCORED, &[predicted]).0;
    let truth = numbers(fixture, TRUTH, &[truth]).0;
    assert_eq!(predicted.len(), truth.len());
    predicted.iter().filter_map(|(id, row)| row[0].zip(truth[id][0])).unzip()
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

#[track_caller]
fn assert_within(what: &str, got: f64, range: std::ops::RangeInclusive<f64>) {
    println!("{what}: {got:.3} (in {range:?})");
    assert!(range.contains(&got), "{what}: {got} is not in {range:?}");
}

/// Ratio of the totals, and rank correlation.
#[track_caller]
fn assert_amounts(
    what: &str,
    (predicted, truth): &(Vec<f64>, Vec<f64>),
    ratio: std::ops::RangeInclusive<f64>,
    least_spearman: f64,
) {
    assert_within(&format!("{what}, ratio of totals"), mean(predicted) / mean(truth), ratio);
    let metrics = Amounts::new(predicted, truth).unwrap();
    assert_within(&format!("{what}, spearman"), metrics.spearman().unwrap(), least_spearman..=1.0);
}

#[test]
fn orders_value_and_staying_of_a_shop_are_found() {
    let fixture = refreshed("retail", &[], &["cltv.horizon_days=90"]);
    let orders = pairs(&fixture, "expected_orders", "expected_orders");
    // 1.006 and .80, then 1.06 and .79 when set.
    assert_amounts("expected orders", &orders, 0.9..=1.1, 0.75);
    assert_amounts("value", &pairs(&fixture, "cltv", "expected_value"), 0.85..=1.15, 0.75);
    // Who is still there buys with a positive probability, and only they.
    let (p_alive, p_purchase) = pairs(&fixture, "p_alive", "p_purchase");
    let is_alive: Vec<bool> = p_purchase.iter().map(|&p| p > 0.0).collect();
    let alive = Outcomes::of_probabilities(&p_alive, &is_alive).unwrap();
    // .015 and .885 when set.
    assert_within("chance of being alive, bias", mean(&p_alive) - alive.base_rate(), -0.06..=0.06);
    assert_within("chance of being alive, AUC", alive.auc().estimate, 0.86..=1.0);
    let (churn, p_purchase) = pairs(&fixture, "churn_probability", "p_purchase");
    let p_none: Vec<f64> = p_purchase.iter().map(|p| 1.0 - p).collect();
    // .012 and .84 when set.
    assert_within("churn, bias", mean(&churn) - mean(&p_none), -0.05..=0.05);
    let metrics = Amounts::new(&churn, &p_none).unwrap();
    assert_within("churn, spearman", metrics.spearman().unwrap(), 0.8..=1.0);
}

#[test]
fn value_of_contracts_is_found_and_who_has_none_is_told_apart() {
    let fixture = refreshed("subscription", &[], &["cltv.horizon_days=360"]);
    let value = pairs(&fixture, "cltv", "remaining_value_360_days");
    // .93 and .86 when set.
    assert_amounts("value of contracts", &value, 0.75..=1.25, 0.8);
    let churn = pairs(&fixture, "churn_probability", "p_leave_within_horizon");
    let metrics = Amounts::new(&churn.0, &churn.1).unwrap();
    // .32 when set: contracts are not modelled yet.
    assert_within("leaving a contract, spearman", metrics.spearman().unwrap(), 0.15..=1.0);
    let probabilities = numbers(&fixture, SCORED, &["churn_probability"]).0;
    let has_contract: BTreeMap<String, bool> = numbers(&fixture, TRUTH, &["remaining_value_360_days"])
        .0
        .into_iter()
        .map(|(id, row)| (id, row[0].is_some()))
        .collect();
    let (p, is_gone): (Vec<f64>, Vec<bool>) =
        probabilities.iter().filter_map(|(id, row)| Some((row[0]?, !has_contract[id]))).unzip();
    let gone = Outcomes::of_probabilities(&p, &is_gone).unwrap();
    // .98 when set.
    assert_within("no contract any more, AUC", gone.auc().estimate, 0.9..=1.0);
}

#[test]
fn readers_are_shown_the_topics_they_like_more_than_others_do() {
    let fixture = refreshed("media", &[], &[]);
    let columns = TOPICS.map(|topic| format!("taste_{}", topic.name));
    let tastes = numbers(&fixture, TRUTH, &columns.each_ref().map(String::as_str)).0;
    let topic_of = |name: &str| TOPICS.iter().position(|topic| topic.name == name).unwrap();
    let items = by_id(&fixture, "world/items.parquet", ["item_id", "category"]);
    let items: BTreeMap<&str, usize> = items.iter().map(|(id, name)| (id.as_str(), topic_of(name))).collect();
    let of_all: Vec<f64> = (0..TOPICS.len())
        .map(|t| mean(&tastes.values().filter_map(|row| row[t]).collect::<Vec<_>>()))
        .collect();
    let shown = by_id(&fixture, SHOWN, ["customer_id", "item_id"]);
    let more: Vec<f64> = shown
        .iter()
        .map(|(id, item)| {
            let topic = items[item.as_str()];
            tastes[id][topic].unwrap() - of_all[topic]
        })
        .collect();
    // .078 when set, of 1.2 that could be.
    assert_within("taste of what is shown above everybody's", mean(&more), 0.03..=2.0);
}

/// How well the personas found agree with those planted.
fn agreement(overlap: &str) -> f64 {
    let fixture = refreshed("retail", &["--overlap", overlap], &["personas.k=5"]);
    let [found, planted] = [(SCORED, "persona_name"), (TRUTH, "persona")].map(|(file, column)| {
        let rows = by_id(&fixture, file, ["customer_id", column]);
        let names: BTreeSet<&String> = rows.iter().map(|(_, name)| name).collect();
        let number = |name| names.iter().position(|other| *other == name).unwrap() as u32;
        rows.iter().map(|(id, name)| (id.clone(), number(name))).collect::<BTreeMap<String, u32>>()
    });
    assert!(found.keys().eq(planted.keys()));
    let labels = |of: &BTreeMap<String, u32>| of.values().copied().collect::<Vec<_>>();
    adjusted_rand(&labels(&found), &labels(&planted))
}

#[test]
fn personas_of_a_shop_are_found_as_far_as_they_are_apart() {
    // 0.12 when set: most of what tells these personas apart lies in columns that the standard features blur.
    assert_within("personas clearly apart, adjusted Rand", agreement("0"), 0.08..=1.0);
    assert_within("personas all the same, adjusted Rand", agreement("1"), -0.01..=0.01);
}

#[test]
fn customers_of_a_shop_are_shown_the_categories_they_like_more_than_others_do() {
    let fixture = refreshed("retail", &[], &[]);
    let columns = CATEGORIES.map(|category| format!("taste_{}", category.replace(' ', "_")));
    let tastes = numbers(&fixture, "world/truth_tastes.parquet", &columns.each_ref().map(String::as_str)).0;
    let category_of = |name: &str| CATEGORIES.iter().position(|category| *category == name).unwrap();
    let items = by_id(&fixture, "world/items.parquet", ["item_id", "category"]);
    let items: BTreeMap<&str, usize> =
        items.iter().map(|(id, name)| (id.as_str(), category_of(name))).collect();
    let of_all: Vec<f64> = (0..CATEGORIES.len())
        .map(|c| mean(&tastes.values().filter_map(|row| row[c]).collect::<Vec<_>>()))
        .collect();
    let shown = by_id(&fixture, SHOWN, ["customer_id", "item_id"]);
    let (own, everybodys): (Vec<f64>, Vec<f64>) = shown
        .iter()
        .map(|(id, item)| (tastes[id][items[item.as_str()]].unwrap(), of_all[items[item.as_str()]]))
        .unzip();
    // 1.23 when set.
    assert_within("taste of what is shown over everybody's", mean(&own) / mean(&everybodys), 1.12..=3.0);
}
