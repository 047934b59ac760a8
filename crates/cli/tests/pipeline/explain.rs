//! What is said of personas, customer by customer and of all: the columns, the words and the JSON agree.

use std::collections::BTreeSet;

use bespoke_io::{ReadBack, read_columns};
use serde_json::Value;

use crate::fixture::Fixture;
use crate::nights::without_the_last_twentieth;
use crate::shop::{refresh_args, shop};

/// The columns about personas, in the order of the table.
const COLUMNS: [&str; 8] = [
    "customer_id",
    "persona_id",
    "persona_name",
    "persona_confidence",
    "persona_low_confidence",
    "persona_held",
    "second_persona_id",
    "second_persona_features",
];
const JOB: [&str; 4] = ["--config", "shop/bespoke.toml", "--set", "output.dir=out"];

fn json(fixture: &Fixture, file: &str) -> Value {
    serde_json::from_str(&fixture.read(file)).unwrap()
}

fn explain(fixture: &Fixture, more: &[&str]) -> String {
    fixture.run(&[&["explain"], more, &JOB[..]].concat()).ok()
}

fn explained(fixture: &Fixture, customer: &str) -> Value {
    fixture.run(&[&["--json", "explain", "--customer", customer], &JOB[..]].concat()).json()
}

fn texts(column: &ReadBack) -> Vec<Option<String>> {
    let ReadBack::Text(cells) = column else { panic!("not text") };
    cells.clone()
}

fn numbers(column: &ReadBack) -> Vec<Option<f64>> {
    let ReadBack::Number(cells) = column else { panic!("not numbers") };
    cells.clone()
}

#[test]
fn the_table_says_how_sure_a_persona_is_and_explain_says_the_same() {
    let fixture = shop(400);
    fixture.run(&refresh_args("output.dir=out", &["--set", "output.csv=true", "--set", "personas.k=4"])).ok();
    let csv = fixture.read("out/runs/000001/customers.csv");
    let head: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    assert_eq!(head[..8], COLUMNS);
    let columns = read_columns(&fixture.path("out/runs/000001/customers.parquet"), &COLUMNS).unwrap();
    let ids = texts(&columns[0]);
    let [low, held] = [4, 5].map(|at| numbers(&columns[at]));
    // Nobody had a persona before.
    assert!(low.iter().all(Option::is_some) && held.iter().all(|held| *held == Some(0.0)));
    let features = texts(&columns[7]);
    let record = json(&fixture, "out/runs/000001/run.json");
    let known: BTreeSet<&str> = (record["data"]["features"].as_array().unwrap().iter())
        .filter(|one| one["left_out"].is_null())
        .map(|one| one["feature"].as_str().unwrap())
        .collect();
    let named: Vec<&str> = features.iter().flatten().flat_map(|names| names.split("; ")).collect();
    assert!(named.iter().all(|name| known.contains(name)), "{named:?}");
    assert!(features.iter().flatten().all(|names| names.split("; ").count() <= 3));
    let row = features.iter().position(Option::is_some).expect("somebody between two personas");
    let customer = ids[row].as_deref().unwrap();
    let told = explained(&fixture, customer);
    let persona = &told["persona"];
    assert_eq!(persona["id"].as_f64(), numbers(&columns[1])[row]);
    assert_eq!(persona["confidence"].as_f64(), numbers(&columns[3])[row]);
    assert_eq!(persona["low_confidence"].as_bool(), low[row].map(|x| x > 0.5));
    assert_eq!(told["facts"]["persona_low_confidence"], persona["low_confidence"]);
    assert_eq!(persona["runner_up"]["id"].as_f64(), numbers(&columns[6])[row]);
    let speaks: Vec<&str> = (persona["runner_up"]["speaks_for_it"].as_array().unwrap().iter())
        .map(|one| one["feature"].as_str().unwrap())
        .collect();
    assert_eq!(speaks, features[row].as_deref().unwrap().split("; ").collect::<Vec<_>>());
    assert_eq!(persona["since_the_run_before"], Value::Null);
    let words = explain(&fixture, &["--customer", customer]);
    let (sure, name) =
        (persona["how_sure"].as_str().unwrap(), persona["runner_up"]["name"].as_str().unwrap());
    assert!(words.contains(&format!("\n      {sure}: ")), "{sure}: {words}");
    assert!(words.contains(&format!("runner-up: \"{name}\"; for it speaks ")), "{words}");
    assert!(!words.contains("since the run before"), "{words}");
}

/// Customers alone, in two kinds; every tenth has no answer to anything.
fn customers() -> String {
    let row = |n: u32| {
        let (visits, charge) = if n.is_multiple_of(3) { (2, 20) } else { (9, 80) };
        match n % 10 {
            0 => format!("C{n},,,\n"),
            _ => format!("C{n},{},{},{}\n", 20 + n % 50, visits + n % 3, charge + n % 7),
        }
    };
    ["customer_id,age,visits,monthly_charge\n".to_owned()].into_iter().chain((0..400).map(row)).collect()
}

#[test]
fn who_is_hardly_known_is_marked_and_called_a_guess() {
    let fixture = Fixture::empty();
    fixture.write("customers.csv", &customers());
    fixture.run(&["init", "customers.csv", "--out", "job.toml"]).ok();
    let job = ["--config", "job.toml", "--set", "output.dir=out", "--set", "personas.k=2"];
    fixture.run(&[&["refresh", "--quiet"], &job[..]].concat()).ok();
    let columns = ["customer_id", "persona_low_confidence"];
    let columns = read_columns(&fixture.path("out/runs/000001/customers.parquet"), &columns).unwrap();
    let low = numbers(&columns[1]);
    assert_eq!(low.len(), 400);
    for (id, low) in texts(&columns[0]).into_iter().flatten().zip(low) {
        assert_eq!(low == Some(1.0), id.ends_with('0'), "{id}");
    }
    let explain =
        |customer: &str| fixture.run(&[&["explain", "--customer", customer], &job[..]].concat()).ok();
    let guess = "a guess: less than half of what personas go by is known of the customer; by that, ";
    assert!(explain("C10").contains(guess) && !explain("C11").contains("a guess"), "{}", explain("C10"));
}

#[test]
fn a_customer_who_moved_and_one_who_was_held_are_told_apart() {
    let fixture = shop(900);
    let all = fixture.read("shop/events.csv");
    fixture.write("shop/events.csv", &without_the_last_twentieth(&all));
    fixture.run(&refresh_args("output.dir=out", &[])).ok();
    fixture.write("shop/events.csv", &all);
    fixture.run(&refresh_args("output.dir=out", &["--set", "personas.stickiness=0.2"])).ok();
    let run = fixture.path("out/runs/000002");
    let columns = read_columns(&run.join("customers.parquet"), &["customer_id", "persona_held"]).unwrap();
    let (ids, held) = (texts(&columns[0]), numbers(&columns[1]));
    let held: Vec<&str> = (ids.iter().zip(&held))
        .filter(|(_, held)| **held == Some(1.0))
        .map(|(id, _)| id.as_deref().unwrap())
        .collect();
    let nights = &json(&fixture, "out/runs/000002/personas.json")["nights"];
    assert!(!held.is_empty() && nights["held"].as_u64() == Some(held.len() as u64), "{nights}");
    let words = explain(&fixture, &["--customer", held[0]]);
    assert!(words.contains("stayed only because the runner-up is not nearer by the margin"), "{words}");
    assert!(words.contains("personas.stickiness = 0.2"), "{words}");
    let since = &explained(&fixture, held[0])["persona"]["since_the_run_before"];
    assert_eq!((&since["held"], &since["moved"]), (&Value::Bool(true), &Value::Bool(false)));
    let changes = read_columns(&run.join("changes.parquet"), &["customer_id", "what", "before"]).unwrap();
    let [who, what, before] = [0, 1, 2].map(|at| texts(&changes[at]));
    let moved = what.iter().position(|what| what.as_deref() == Some("persona")).expect("somebody moved");
    let (mover, from) = (who[moved].as_deref().unwrap(), before[moved].as_deref().unwrap());
    let words = explain(&fixture, &["--customer", mover]);
    assert!(words.contains(&format!("since the run before: moved here from \"{from}\"")), "{words}");
    assert_eq!(explained(&fixture, mover)["persona"]["since_the_run_before"]["from"], from);
    let still =
        ids.iter().flatten().find(|id| !held.contains(&id.as_str()) && !who.contains(&Some((*id).clone())));
    let words = explain(&fixture, &["--customer", still.expect("somebody stayed")]);
    assert!(words.contains("since the run before: no change of persona"), "{words}");
}

#[test]
fn without_a_customer_the_personas_and_their_number_are_explained() {
    let fixture = shop(300);
    let early = fixture.run(&[&["explain"], &JOB[..]].concat()).fails(2);
    assert!(early.contains("has no published run"), "{early}");
    fixture.run(&refresh_args("output.dir=out", &["--set", "personas.k=[2, 4]"])).ok();
    let file = json(&fixture, "out/runs/000001/personas.json");
    let words = explain(&fixture, &[]);
    assert!(words.starts_with(file["how_many"].as_str().unwrap()), "{words}");
    assert!(words.contains("Every number from 2 to 4 was tried."), "{words}");
    let told = fixture.run(&[&["--json", "explain"], &JOB[..]].concat()).json();
    let why = told["why_so_many"].as_array().unwrap();
    assert!(why.len() >= 2 && why.iter().all(|why| words.contains(why.as_str().unwrap())), "{told}");
    for persona in file["personas"].as_array().unwrap() {
        assert!(words.contains(persona["description"].as_str().unwrap()), "{words}");
    }
    assert_eq!(told["personas"].as_array().unwrap().len(), file["personas"].as_array().unwrap().len());
    let alone = fixture.run(&[&["explain", "--item", "I1"], &JOB[..]].concat());
    assert!(alone.code != 0 && alone.stderr.contains("--customer"), "{alone:?}");
}
