//! Seconds and memory of each stage, for `timings.json`; never part of what is compared byte by byte.

use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use bespoke::types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ui::{Step, Ui};

/// What `timings.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Wall clock at the start, RFC 3339 in UTC.
    pub started_at: String,
    /// Wall time of the whole job so far.
    pub seconds: f64,
    /// Highest resident memory of the process so far; absent where the system does not say.
    pub peak_bytes: Option<u64>,
    /// Number of threads worked with.
    pub threads: usize,
    /// In the order they ended; some run at the same time.
    pub stages: Vec<StageTiming>,
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageTiming {
    /// For example `read`, `personas`.
    pub name: String,
    /// Wall time.
    pub seconds: f64,
    /// Highest resident memory of the process from its start to the end of this stage.
    pub peak_bytes: Option<u64>,
}

/// Measures stages one after the other.
#[derive(Debug)]
pub struct Stages {
    started: Instant,
    started_at: Timestamp,
    threads: usize,
    stages: Mutex<Vec<StageTiming>>,
}

impl Stages {
    /// Starts the clock.
    pub fn start(threads: usize) -> Self {
        Self { started: Instant::now(), started_at: wall_clock(), threads, stages: Mutex::default() }
    }

    /// Does `work` as a step that a person sees, and notes what it took, also when it fails.
    pub fn measure<T>(&self, ui: &Ui, name: &str, work: impl FnOnce(&Step<'_>) -> T) -> T {
        self.note(name, || ui.step(name, work))
    }

    /// Notes what `work` took without showing it: for stages that share the threads with others at the time.
    pub fn note<T>(&self, name: &str, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = work();
        let seconds = started.elapsed().as_secs_f64();
        let stage = StageTiming { name: name.to_owned(), seconds, peak_bytes: peak_bytes() };
        self.stages.lock().unwrap_or_else(PoisonError::into_inner).push(stage);
        result
    }

    /// Everything measured so far.
    pub fn timings(&self) -> Timings {
        Timings {
            started_at: self.started_at.to_string(),
            seconds: self.started.elapsed().as_secs_f64(),
            peak_bytes: peak_bytes(),
            threads: self.threads,
            stages: self.stages.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// The wall clock: what future dates in the data are judged by.
pub fn wall_clock() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// `VmHWM` of this process. It is left alone, not reset per stage, so that outside tools see the true peak.
fn peak_bytes() -> Option<u64> {
    peak_of(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::GlobalArgs;

    #[test]
    fn the_peak_is_read_in_bytes() {
        assert_eq!(peak_of("VmPeak:\t 9 kB\nVmHWM:\t    1234 kB\n"), Some(1234 * 1024));
        assert_eq!(peak_of("VmPeak:\t 9 kB\n"), None);
        assert_eq!(peak_of("VmHWM:\t many kB\n"), None);
    }

    #[test]
    fn stages_stand_in_the_order_they_ran_with_their_results() {
        let ui = Ui::new(&GlobalArgs { quiet: true, ..GlobalArgs::default() }).unwrap();
        let stages = Stages::start(2);
        assert_eq!(stages.measure(&ui, "read", |_| 7), 7);
        assert_eq!(stages.measure(&ui, "fit", |_| Err::<(), _>("no")), Err("no"));
        let timings = stages.timings();
        let names: Vec<&str> = timings.stages.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(names, ["read", "fit"]);
        assert_eq!(timings.threads, 2);
        assert!(timings.started_at.ends_with('Z'));
    }
}
