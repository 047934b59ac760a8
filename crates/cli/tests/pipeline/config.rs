//! Job files: errors, overrides, `config show`.

use crate::fixture::{Fixture, JOB};

#[test]
fn an_unknown_key_ends_with_2_and_the_nearest_key() {
    let fixture = Fixture::with_job(&format!("{JOB}[output]\nkep = 3\n"));
    for command in [&["config", "show"][..], &["refresh"], &["check"], &["runs", "list"]] {
        let stderr = fixture.run(command).fails(2);
        let expected = "bespoke.toml: unknown key \"output.kep\"; did you mean \"output.keep\"?";
        assert!(stderr.contains(expected), "{stderr}");
    }
    assert!(!fixture.path("out").exists(), "nothing is made before the job is understood");
}

#[test]
fn a_missing_job_file_says_what_to_do() {
    let stderr = Fixture::empty().run(&["check"]).fails(2);
    assert!(stderr.contains("bespoke.toml: no such job file; name one with --config"), "{stderr}");
}

#[test]
fn what_is_shown_is_a_job_file_that_shows_the_same() {
    let fixture = Fixture::with_job(&format!("{JOB}[source.orders]\npath = [\"a.csv\", \"b*.csv\"]\n"));
    let sets = ["--set", "personas.k=[3, 6]", "--set", "job.as_of=2011-12-10"];
    let first = fixture.run(&[&["config", "show"], &sets[..]].concat()).ok();
    assert!(first.contains("k = [3, 6]") && first.contains("as_of = \"2011-12-10\""), "{first}");
    fixture.write("elsewhere/bespoke.toml", &first);
    let again = fixture.run(&["config", "show", "--config", "elsewhere/bespoke.toml"]).ok();
    assert_eq!(first, again);
}

#[test]
fn paths_belong_to_the_file_or_to_the_current_directory() {
    let fixture = Fixture::with_job(&format!("{JOB}[source.orders]\npath = \"orders.csv\"\n"));
    fixture.write("here/nothing", "");
    let here = fixture.path("here");
    let config = ["config", "show", "--json", "--config", "../bespoke.toml"];
    let shown = fixture.run_in(&here, &[&config[..], &["--set", "output.dir=out"]].concat()).json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    assert!(text(&shown["source"]["orders"]["path"]).ends_with("/here/../orders.csv"), "{shown}");
    assert!(text(&shown["output"]["dir"]).ends_with("/here/out"), "{shown}");
}

#[test]
fn json_has_the_values_as_they_are() {
    let shown = Fixture::with_job(JOB).run(&["--json", "config", "show"]).json();
    assert_eq!(shown["job"]["seed"], 1);
    assert_eq!(shown["personas"]["k"], serde_json::json!([2, 10]));
    assert_eq!(shown["output"]["publishing_counts"], "never");
}

#[test]
fn wrong_usage_ends_with_2() {
    let fixture = Fixture::with_job(JOB);
    for args in [&["refrehs"][..], &["explain"], &["config", "show", "--threads", "0"], &[]] {
        fixture.run(args).fails(2);
    }
    let stderr = fixture.run(&["config", "show", "--set", "job.seed"]).fails(2);
    assert!(stderr.contains("--set job.seed: expected KEY=VALUE"), "{stderr}");
}

#[test]
fn help_and_version_end_with_0() {
    let fixture = Fixture::empty();
    let help = fixture.run(&["--help"]).ok();
    assert!(help.contains("Exit codes: 0 done; 1 refused to publish"), "{help}");
    assert!(help.contains("relative to the current directory"), "{help}");
    assert!(fixture.run(&["--version"]).ok().starts_with("bespoke "));
}

#[test]
fn the_log_gets_the_error() {
    let fixture = Fixture::empty();
    fixture.run(&["check", "--log", "log.txt", "--quiet"]).fails(2);
    assert!(fixture.read("log.txt").contains("Z error: bespoke.toml: no such job file"));
}

#[test]
fn an_error_is_json_too_where_json_is_asked_for() {
    let outcome = Fixture::empty().run(&["check", "--json"]);
    assert_eq!((outcome.code, &outcome.json()["status"]), (2, &serde_json::json!("failed")));
}
