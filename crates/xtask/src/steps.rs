//! Steps: commands run one after the other, each shown before it runs and counted after.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As it should.
    Passed,
    /// Not, with the reason.
    Failed(String),
    /// It could not run here, with the reason.
    Skipped(String),
}

/// The record of a run.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(String, Outcome, Duration)>,
}

impl Steps {
    /// Runs `cargo` with the arguments at the root of the workspace; later steps run whatever comes of it.
    pub(crate) fn cargo(&mut self, name: &str, args: &[&str], env: &[(&str, &str)]) {
        self.run(name, cargo(args, env));
    }

    /// Runs a command.
    pub(crate) fn run(&mut self, name: &str, mut command: Command) {
        println!("\n== {name}: {}", shown(&command));
        let begun = Instant::now();
        let outcome = match command.status() {
            Ok(status) if status.success() => Outcome::Passed,
            Ok(status) => Outcome::Failed(status.to_string()),
            Err(error) => Outcome::Failed(error.to_string()),
        };
        self.done.push((name.to_owned(), outcome, begun.elapsed()));
    }

    /// Records a step that cannot run here.
    pub(crate) fn skip(&mut self, name: &str, reason: &str) {
        println!("\n== {name}: SKIPPED, {reason}");
        self.done.push((name.to_owned(), Outcome::Skipped(reason.to_owned()), Duration::ZERO));
    }

    /// Prints one line per step and a summary.
    ///
    /// # Errors
    /// When any step failed.
    pub(crate) fn finish(self, task: &str) -> Result<()> {
        println!();
        for (name, outcome, duration) in &self.done {
            let seconds = duration.as_secs_f64();
            match outcome {
                Outcome::Passed => println!("passed  {seconds:7.1} s  {name}"),
                Outcome::Failed(reason) => println!("FAILED  {seconds:7.1} s  {name}: {reason}"),
                Outcome::Skipped(reason) => println!("skipped            {name}: {reason}"),
            }
        }
        let (passed, failed, skipped) = self.counts();
        let verdict = if failed == 0 { "ok" } else { "FAILED" };
        println!("xtask {task}: {verdict}. {passed} steps passed; {failed} failed; {skipped} skipped");
        if failed > 0 {
            bail!("{failed} of {} steps failed", self.done.len());
        }
        Ok(())
    }

    /// Steps passed, failed and skipped.
    fn counts(&self) -> (usize, usize, usize) {
        let count = |test: fn(&Outcome) -> bool| self.done.iter().filter(|step| test(&step.1)).count();
        (
            count(|o| matches!(o, Outcome::Passed)),
            count(|o| matches!(o, Outcome::Failed(_))),
            count(|o| matches!(o, Outcome::Skipped(_))),
        )
    }
}

/// `cargo`, the one that runs this task, at the root of the workspace.
pub(crate) fn cargo(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).envs(env.iter().copied()).current_dir(root());
    command
}

/// Whether a command runs and succeeds, quietly.
pub(crate) fn succeeds(mut command: Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// A command as one would type it.
fn shown(command: &Command) -> String {
    let mut words: Vec<String> = command
        .get_envs()
        .filter_map(|(key, value)| Some(format!("{}={:?}", key.to_str()?, value?)))
        .collect();
    let program = Path::new(command.get_program());
    words.push(program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned());
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_fails_the_task_and_a_skipped_one_does_not() {
        let mut steps = Steps::default();
        steps.run("works", Command::new("true"));
        steps.skip("elsewhere", "not here");
        assert_eq!(steps.counts(), (1, 0, 1));
        assert!(steps.finish("demo").is_ok());

        let mut steps = Steps::default();
        steps.run("breaks", Command::new("false"));
        steps.run("is not there", Command::new("no-such-program-anywhere"));
        steps.run("works", Command::new("true"));
        assert_eq!(steps.counts(), (1, 2, 0));
        assert!(steps.finish("demo").is_err());
    }

    #[test]
    fn commands_are_shown_as_typed() {
        let mut command = Command::new("/some/where/cargo");
        command.args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(shown(&command), "RUSTDOCFLAGS=\"-D warnings\" cargo doc --no-deps");
    }
}
