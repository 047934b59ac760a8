//! Publishing, stopped or failing between any two file operations.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use super::durable::Operation;
use super::durable::faults::{Fault, trace, with_fault};
use super::*;

/// Every file of a test run is one of these, with the number of the run in it.
const FILES: [&str; 3] = ["run.json", "model.bespoke", "deep/part.bin"];

fn folder() -> (TempDir, OutputDir) {
    let temp = tempfile::tempdir().unwrap();
    let out = OutputDir::at(temp.path().join("out"));
    (temp, out)
}

/// Publishes a run whose files all hold `mark`.
/// A process that another test is starting holds copies of all open files for an instant, locks included.
fn lock(out: &OutputDir) -> Result<Locked> {
    for _ in 0..100 {
        match out.lock() {
            Err(error) if format!("{error:#}").contains("in use") => {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
    out.lock()
}

fn publish(out: &OutputDir, mark: &str, keep: usize) -> Result<Published> {
    let locked = lock(out)?;
    let mut run = locked.begin()?;
    fs::create_dir_all(run.dir().join("deep"))?;
    for name in FILES {
        run.write(name, mark.as_bytes())?;
    }
    run.write_profiles(mark.as_bytes().to_vec());
    run.commit(keep)
}

fn numbers(out: &OutputDir) -> Vec<u32> {
    out.list().unwrap().iter().map(|number| number.0).collect()
}

/// The mark of the current run, after checking that each listed run is whole.
fn mark_of_current(out: &OutputDir) -> Option<String> {
    let marks: BTreeMap<RunNumber, String> =
        out.list().unwrap().into_iter().map(|number| (number, mark_of(&out.run_dir(number)))).collect();
    out.current().unwrap().map(|number| marks[&number].clone())
}

fn mark_of(run: &Path) -> String {
    let marks = FILES.map(|name| fs::read_to_string(run.join(name)).expect("a listed run is whole"));
    assert!(marks.iter().all(|mark| *mark == marks[0]), "one run, one mark: {marks:?}");
    marks[0].clone()
}

fn hidden(out: &OutputDir) -> Vec<String> {
    let names = fs::read_dir(out.path().join(RUNS)).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with('.')).collect()
}

#[test]
fn the_first_run_has_number_one() {
    let (_temp, out) = folder();
    assert_eq!(out.current().unwrap(), None);
    assert!(out.list().unwrap().is_empty());
    assert_eq!(publish(&out, "a", 7).unwrap().number, RunNumber(1));
    assert_eq!(fs::read_to_string(out.path().join(CURRENT)).unwrap(), "000001\n");
    assert_eq!(mark_of_current(&out).unwrap(), "a");
    assert_eq!(out.profiles().unwrap().unwrap(), b"a");
    assert!(hidden(&out).is_empty());
}

#[test]
fn the_last_runs_are_kept() {
    let (_temp, out) = folder();
    for mark in ["a", "b", "c"] {
        publish(&out, mark, 2).unwrap();
    }
    assert_eq!(numbers(&out), [2, 3]);
    assert_eq!(publish(&out, "d", 2).unwrap().pruned, [RunNumber(2)]);
}

#[test]
fn the_current_run_is_never_removed() {
    let (_temp, out) = folder();
    for mark in ["a", "b", "c"] {
        publish(&out, mark, 7).unwrap();
    }
    let locked = out.lock().unwrap();
    locked.rollback(Some(1)).unwrap();
    assert_eq!(locked.prune(1).unwrap(), [RunNumber(2)]);
    assert_eq!(numbers(&out), [1, 3]);
}

#[test]
fn a_rollback_moves_current_and_nothing_else() {
    let (_temp, out) = folder();
    for mark in ["a", "b", "c"] {
        publish(&out, mark, 7).unwrap();
    }
    let locked = out.lock().unwrap();
    assert_eq!(locked.rollback(None).unwrap(), RunNumber(2));
    assert_eq!(locked.rollback(None).unwrap(), RunNumber(1));
    assert!(locked.rollback(None).unwrap_err().to_string().contains("there is no run before 000001"));
    let error = locked.rollback(Some(9)).unwrap_err().to_string();
    assert!(error.ends_with("there is no run 000009; there are: 000001, 000002, 000003"), "{error}");
    assert_eq!(mark_of_current(&out).unwrap(), "a");
    assert_eq!(out.profiles().unwrap().unwrap(), b"c");
    drop(locked);
    assert_eq!(publish(&out, "d", 7).unwrap().number, RunNumber(4), "numbers are not used twice");
}

#[test]
fn a_run_that_is_dropped_leaves_nothing() {
    let (_temp, out) = folder();
    publish(&out, "a", 7).unwrap();
    let locked = out.lock().unwrap();
    let run = locked.begin().unwrap();
    run.write("run.json", b"half").unwrap();
    let dir = run.dir().to_owned();
    drop(run);
    assert!(!dir.exists());
    assert_eq!(mark_of_current(&out).unwrap(), "a");
}

#[test]
fn names_that_are_no_runs_are_not_listed() {
    let (_temp, out) = folder();
    publish(&out, "a", 7).unwrap();
    for name in ["7", "0000007", "000000", "+00007", ".new-000009", "notes"] {
        fs::create_dir(out.path().join(RUNS).join(name)).unwrap();
    }
    assert_eq!(numbers(&out), [1]);
    assert_eq!(RunNumber::parse("1234567"), Some(RunNumber(1_234_567)));
}

#[test]
fn a_damaged_current_is_said() {
    let (_temp, out) = folder();
    publish(&out, "a", 7).unwrap();
    fs::write(out.path().join(CURRENT), "7\n").unwrap();
    assert!(out.current().unwrap_err().to_string().contains("is no run number"));
    fs::write(out.path().join(CURRENT), "000007\n").unwrap();
    assert!(out.current().unwrap_err().to_string().contains("run 000007 is not there"));
}

/// Stopped before each file operation in turn: CURRENT stays readable, listed runs are whole, and the next
/// publication succeeds.
#[test]
fn stopped_anywhere_the_folder_stays_readable() {
    let mut outcomes = Vec::new();
    for n in 0.. {
        let (_temp, out) = folder();
        publish(&out, "a", 1).unwrap();
        let (result, reached) = with_fault(n, Fault::Killed, || publish(&out, "b", 1));
        if !reached {
            assert!(result.is_ok());
            break;
        }
        let mark = mark_of_current(&out).unwrap();
        let profiles = out.profiles().unwrap().unwrap();
        assert!(mark == "a" || profiles == b"b", "stop {n}: profiles are never older than the current run");
        outcomes.push(mark);
        publish(&out, "c", 1).unwrap();
        assert_eq!(mark_of_current(&out).unwrap(), "c", "stop {n}");
        assert!(hidden(&out).is_empty(), "stop {n}: {:?}", hidden(&out));
    }
    let n_old = outcomes.iter().filter(|mark| *mark == "a").count();
    assert!(outcomes.len() > 20 && n_old > 10 && n_old < outcomes.len(), "{outcomes:?}");
    assert!(outcomes.is_sorted(), "once the new run is current, it stays so: {outcomes:?}");
}

/// A disk that refuses one operation: either the run is published, or nothing of it is left.
#[test]
fn a_disk_that_fails_anywhere_publishes_all_or_nothing() {
    for n in 0.. {
        let (_temp, out) = folder();
        publish(&out, "a", 7).unwrap();
        let (result, reached) =
            with_fault(n, Fault::Failed(ErrorKind::StorageFull), || publish(&out, "b", 7));
        if !reached {
            break;
        }
        let mark = mark_of_current(&out).unwrap();
        if mark == "a" {
            let error = format!("{:#}", result.unwrap_err());
            assert!(error.contains("the disk is full"), "stop {n}: {error}");
            assert_eq!(numbers(&out), [1], "stop {n}");
            assert!(hidden(&out).is_empty(), "stop {n}: {:?}", hidden(&out));
        }
    }
}

/// A power cut may lose whatever was not synced: so all of a run is synced before its name, and the name before
/// CURRENT names it.
#[test]
fn everything_is_synced_before_it_can_be_seen() {
    let (_temp, out) = folder();
    let trace = trace(|| assert!(publish(&out, "a", 7).is_ok()));
    let (root, hidden) = (out.path(), out.path().join("runs/.new-000001"));
    let position = |operation, path: PathBuf| {
        let found = trace.iter().rposition(|one| *one == (operation, path.clone()));
        found.unwrap_or_else(|| panic!("{operation:?} {} in {trace:#?}", path.display()))
    };
    let placed = position(Operation::Rename, root.join("runs/000001"));
    for name in ["run.json", "model.bespoke", "deep/part.bin", "deep", ""] {
        assert!(position(Operation::Sync, hidden.join(name)) < placed, "{name}");
    }
    let runs_synced = position(Operation::Sync, root.join("runs"));
    let state_placed = position(Operation::Rename, root.join("profiles/profiles.bespoke"));
    let state_synced = position(Operation::Sync, root.join("profiles"));
    let current_written = position(Operation::Sync, root.join(".CURRENT.new"));
    let current_placed = position(Operation::Rename, root.join("CURRENT"));
    let order = [placed, runs_synced, state_placed, state_synced, current_written, current_placed];
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(trace.last().unwrap(), &(Operation::Sync, root.to_owned()));
    assert!(position(Operation::Sync, root.join("profiles/.profiles.bespoke.new")) < state_placed);
}

#[test]
fn a_run_is_hidden_before_it_is_removed() {
    let (_temp, out) = folder();
    publish(&out, "a", 1).unwrap();
    let trace = trace(|| assert!(publish(&out, "b", 1).is_ok()));
    let removed = trace.iter().filter(|(operation, _)| *operation == Operation::Remove);
    let names: Vec<String> =
        removed.map(|(_, path)| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, [".old-000001"]);
}

#[test]
fn a_failed_first_publication_leaves_no_current() {
    let (_temp, out) = folder();
    let fault = Fault::Failed(ErrorKind::ReadOnlyFilesystem);
    let error = with_fault(0, fault, || publish(&out, "a", 7)).0.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("nothing can be written to [output] dir") && text.contains("read-only"), "{text}");
    assert_eq!(out.current().unwrap(), None);
}

#[test]
fn old_runs_that_cannot_be_removed_do_not_undo_a_publication() {
    let attempt = |n| {
        let (temp, out) = folder();
        publish(&out, "a", 1).unwrap();
        let (result, reached) = with_fault(n, Fault::Killed, || publish(&out, "b", 1));
        reached.then_some((temp, out, result))
    };
    let (_temp, out, result) = (0..).map_while(attempt).last().unwrap();
    assert!(result.unwrap().not_pruned.is_some(), "removing the old run is the last thing done");
    assert_eq!(mark_of_current(&out).unwrap(), "b");
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused() {
    let (temp, out) = folder();
    fs::write(temp.path().join("out"), "").unwrap();
    let text = format!("{:#}", publish(&out, "a", 7).unwrap_err());
    assert!(text.contains("a file is where a folder should be"), "{text}");
}

#[test]
fn only_one_has_the_lock() {
    let (_temp, out) = folder();
    let first = out.lock().unwrap();
    let text = format!("{:#}", out.lock().err().unwrap());
    assert!(text.contains("is in use by another run of bespoke (process "), "{text}");
    drop(first);
    assert!(out.lock().is_ok());
}

const HOLD: &str = "BESPOKE_TEST_HOLD_LOCK_OF";

/// Not a test by itself: what [`the_lock_ends_with_its_process`] starts and kills.
#[test]
fn hold_the_lock() {
    let Ok(dir) = std::env::var(HOLD) else { return };
    let out = OutputDir::at(dir);
    let locked = out.lock().unwrap();
    let run = locked.begin().unwrap();
    run.write("ready", b"").unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn the_lock_ends_with_its_process() {
    let (_temp, out) = folder();
    publish(&out, "a", 7).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "runs::tests::hold_the_lock"])
        .env(HOLD, out.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let half = out.path().join(RUNS).join(".new-000002");
    while !half.join("ready").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the child ended early");
        std::thread::yield_now();
    }
    let refusal = out.lock().err().unwrap().to_string();
    assert!(refusal.contains(&format!("(process {})", child.id())), "{refusal}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(half.exists(), "killed, not tidied up");
    assert_eq!(mark_of_current(&out).unwrap(), "a");
    assert_eq!(publish(&out, "b", 7).unwrap().number, RunNumber(2));
    assert!(hidden(&out).is_empty());
}
