//! What a refresh refuses before it reads anything.

use std::fs::File;

use crate::fixture::{Fixture, JOB};

#[test]
fn a_second_run_on_the_same_output_is_refused_at_once() {
    let fixture = Fixture::with_job(JOB);
    fixture.write("out/runs/nothing", "");
    let lock = File::create(fixture.path("out/.lock")).unwrap();
    lock.lock().unwrap();
    let stderr = fixture.run(&["refresh"]).fails(2);
    assert!(stderr.contains("out is in use by another run of bespoke"), "{stderr}");
    assert!(!fixture.path("out/CURRENT").exists());
}

#[test]
fn an_output_that_cannot_be_a_folder_is_refused() {
    let fixture = Fixture::with_job(JOB);
    fixture.write("out", "a file");
    let stderr = fixture.run(&["refresh"]).fails(2);
    assert!(stderr.contains("nothing can be written to [output] dir"), "{stderr}");
    assert_eq!(fixture.read("out"), "a file");
}

#[test]
fn a_wrong_as_of_is_blamed_on_its_option() {
    let stderr = Fixture::with_job(JOB).run(&["refresh", "--as-of", "yesterday"]).fails(2);
    assert!(
        stderr.contains("--as-of yesterday") && stderr.contains("neither \"latest\" nor a date"),
        "{stderr}"
    );
}

#[test]
fn a_failed_refresh_leaves_the_folder_as_it_was() {
    let fixture = Fixture::with_job(&format!("{JOB}[source.orders]\npath = \"no-such-file.csv\"\n"));
    let stderr = fixture.run(&["refresh", "--quiet"]).fails(2);
    assert!(stderr.starts_with("error: "), "{stderr}");
    assert_eq!(std::fs::read_dir(fixture.path("out/runs")).unwrap().count(), 0);
    assert!(!fixture.path("out/CURRENT").exists());
}
