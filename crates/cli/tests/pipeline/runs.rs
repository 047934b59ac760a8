//! `runs list`, `runs show`, `runs rollback` on folders as a refresh leaves them.

use serde_json::json;

use crate::fixture::{Fixture, JOB};

/// A job with these runs, the last of them current.
fn with_runs(runs: &[u32]) -> Fixture {
    let fixture = Fixture::with_job(JOB);
    for run in runs {
        let record = json!({
            "versions": { "bespoke": "0.1.0", "formats": {}, "time_zone_data": "2025b", "kernel": "portable" },
            "seed": 1,
            "as_of": format!("2011-12-{run:02}T00:00:00Z"),
            "currency": "EUR",
            "parameters": {},
            "inputs": [],
            "rows": [],
            "counts": { "customers": 1000 + run, "items": 5, "events": 9, "orders": 7, "revenue": 12.5 },
            "metrics": [],
            "churn": null,
            "cltv": null,
            "recommendations": null,
            "not_available": [{ "stage": "cltv", "reason": "nobody repeats" }],
            "warnings": [],
        });
        let dir = format!("out/runs/{run:06}");
        fixture.write(&format!("{dir}/run.json"), &record.to_string());
        fixture.write(&format!("{dir}/personas.json"), r#"{ "personas": [], "how_many": "" }"#);
    }
    fixture.write("out/CURRENT", &format!("{:06}\n", runs[runs.len() - 1]));
    fixture
}

#[test]
fn nothing_published_is_an_empty_list() {
    let fixture = Fixture::with_job(JOB);
    assert!(fixture.run(&["runs", "list"]).ok().contains("nothing is published yet"));
    assert_eq!(fixture.run(&["runs", "list", "--json"]).json(), json!([]));
    let stderr = fixture.run(&["runs", "show"]).fails(2);
    assert!(stderr.contains("nothing is published yet"), "{stderr}");
    fixture.run(&["runs", "rollback"]).fails(2);
    assert!(!fixture.path("out").exists());
}

#[test]
fn the_list_marks_the_current_run() {
    let fixture = with_runs(&[6, 7]);
    let list = fixture.run(&["runs", "list", "--json"]).json();
    assert_eq!((&list[0]["run"], &list[0]["current"]), (&json!(6), &json!(false)));
    assert_eq!((&list[1]["run"], &list[1]["current"]), (&json!(7), &json!(true)));
    assert_eq!(list[1]["customers"], 1007);
    let text = fixture.run(&["runs", "list"]).ok();
    let line = text.lines().find(|line| line.contains("000007")).unwrap();
    assert!(line.contains("current") && line.contains("1,007"), "{text}");
}

#[test]
fn a_damaged_run_does_not_hide_the_others() {
    let fixture = with_runs(&[6, 7]);
    fixture.write("out/runs/000006/run.json", "{");
    let list = fixture.run(&["runs", "list", "--json"]).json();
    assert_eq!((&list[0]["customers"], &list[1]["customers"]), (&json!(null), &json!(1007)));
    let stderr = fixture.run(&["runs", "show", "6"]).fails(2);
    assert!(stderr.contains("000006/run.json"), "{stderr}");
}

#[test]
fn show_tells_of_the_run_asked_for_or_the_current_one() {
    let fixture = with_runs(&[6, 7]);
    let text = fixture.run(&["runs", "show"]).ok();
    assert!(text.contains("run 000007 (current)") && text.contains("not available: cltv"), "{text}");
    assert!(fixture.run(&["runs", "show", "6"]).ok().contains("1,006 customers"));
    let stderr = fixture.run(&["runs", "show", "9"]).fails(2);
    assert!(stderr.contains("there is no run 000009; there are: 000006, 000007"), "{stderr}");
}

#[test]
fn a_rollback_moves_current() {
    let fixture = with_runs(&[5, 6, 7]);
    let text = fixture.run(&["runs", "rollback"]).ok();
    assert!(text.contains("run 000006 is current, in place of 000007"), "{text}");
    assert_eq!(fixture.read("out/CURRENT"), "000006\n");
    assert_eq!(fixture.run(&["runs", "rollback", "7", "--quiet"]).ok(), "");
    assert_eq!(fixture.read("out/CURRENT"), "000007\n");
    fixture.run(&["runs", "rollback", "4"]).fails(2);
    assert_eq!(fixture.read("out/CURRENT"), "000007\n");
}

#[test]
fn a_damaged_current_is_said() {
    let fixture = with_runs(&[7]);
    fixture.write("out/CURRENT", "seven");
    let stderr = fixture.run(&["runs", "list"]).fails(2);
    assert!(stderr.contains("CURRENT") && stderr.contains("is no run number"), "{stderr}");
}
