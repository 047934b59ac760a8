//! A fresh directory and the program in it.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// The smallest job.
pub const JOB: &str = "[job]\ntime_zone = \"UTC\"\ncurrency = \"EUR\"\n";

/// A directory with nothing but what the test puts there.
pub struct Fixture {
    dir: TempDir,
}

/// What the program answered.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Fixture {
    /// An empty directory.
    pub fn empty() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    /// A directory with this `bespoke.toml`.
    pub fn with_job(job: &str) -> Self {
        let fixture = Self::empty();
        fixture.write("bespoke.toml", job);
        fixture
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("written");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("readable")
    }

    /// Runs the program here.
    pub fn run(&self, args: &[&str]) -> Outcome {
        self.run_in(self.dir.path(), args)
    }

    /// Runs the program in another current directory.
    pub fn run_in(&self, dir: &Path, args: &[&str]) -> Outcome {
        let output = Command::cargo_bin("bespoke").expect("built").current_dir(dir).args(args).output();
        let output = output.expect("started");
        Outcome {
            code: output.status.code().expect("an exit code"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

impl Outcome {
    /// Standard output of a run that must succeed.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.stdout
    }

    /// Standard error of a run that must end with this exit code.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self.stderr
    }

    /// Standard output as JSON, whatever the exit code.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}
