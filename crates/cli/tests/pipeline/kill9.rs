//! kill -9 at any moment: the published run is whole, and the next refresh works.

use std::process::{Command, Stdio};
use std::time::Duration;

use bespoke::engine::Engine;

use crate::fixture::Fixture;
use crate::shop::{refresh_args, shop};

/// Kills in an ordinary test run; `cargo xtask prove kill9` asks for more.
const MOMENTS: u64 = 12;
const MOMENTS_TO_PROVE: u64 = 200;

#[test]
fn kill9_never_leaves_half_a_run() {
    let moments = if std::env::var_os("BESPOKE_PROVE").is_some() { MOMENTS_TO_PROVE } else { MOMENTS };
    let fixture = shop(300);
    // The first run chooses the number of personas and takes longer than those to be killed.
    fixture.run(&refresh_args("output.dir=out", &[])).ok();
    let started = std::time::Instant::now();
    fixture.run(&refresh_args("output.dir=out", &[])).ok();
    let whole = started.elapsed();
    let random = bespoke::random::Random::new(11);
    let (mut killed, mut published) = (0, 0);
    // A moment behind the end kills nothing and does not count.
    for moment in 0..2 * moments {
        if killed == moments {
            break;
        }
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("bespoke"))
            .args(refresh_args("output.dir=out", &[]))
            .current_dir(fixture.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Past the whole length too, so that moments around the publication are hit.
        std::thread::sleep(Duration::from_secs_f64(1.1 * random.uniform(moment) * whole.as_secs_f64()));
        let _ = child.kill();
        let status = child.wait().unwrap();
        let count = if status.success() { &mut published } else { &mut killed };
        *count += 1;
        whole_state(&fixture);
    }
    println!("{killed} killed, {published} had finished");
    assert_eq!(killed, moments, "refresh has become so fast that it mostly ends before it is killed");
    fixture.run(&refresh_args("output.dir=out", &[])).ok();
    whole_state(&fixture);
    let left: Vec<String> = std::fs::read_dir(fixture.path("out/runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(left.iter().all(|name| name.len() == 6), "what was killed is cleared away: {left:?}");
}

/// `CURRENT` names a run whose every file opens; other visible runs are whole too.
fn whole_state(fixture: &Fixture) {
    let current = fixture.read("out/CURRENT");
    assert_eq!(current.trim().len(), 6);
    Engine::open(fixture.path("out")).unwrap();
    for entry in std::fs::read_dir(fixture.path("out/runs")).unwrap() {
        let dir = entry.unwrap().path();
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        Engine::open(&dir).unwrap();
        for file in ["run.json", "personas.json", "timings.json"] {
            let bytes = std::fs::read(dir.join(file)).unwrap();
            serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
        }
        bespoke_io::read_columns(&dir.join("customers.parquet"), &["customer_id"]).unwrap();
    }
}
