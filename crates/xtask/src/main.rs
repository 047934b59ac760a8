//! Repository tasks: `cargo xtask test | tidy | golden | prove [NAME] | peers [NAME]`.

mod peers;
mod steps;
mod suite;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask TASK

  test          everything a change must pass: format, lints, documentation, licences, all tests
  tidy          the rules about the repository itself
  golden        rewrites the golden files, to be looked at in the diff
  prove [NAME]  long proofs; without a name all of them
  peers [NAME]  ours beside other libraries on the same data, in turn; installs them under target/
                --rounds N  pairs of runs, --quick  the small cases, --case CASE  one case of NAME

Tests on real files look under BESPOKE_DATA and are skipped, visibly, when it is unset;
with BESPOKE_REQUIRE_DATA=1 its absence is a failure.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<()> {
    match *args {
        ["test"] => suite::test(),
        ["tidy"] => suite::tidy(),
        ["golden"] => suite::golden(),
        ["prove"] => suite::prove(None),
        ["prove", name] => suite::prove(Some(name)),
        ["peers", ref rest @ ..] => peers::peers(rest),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("no such task: \"{}\"\n\n{USAGE}", args.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_tasks_are_refused_with_the_usage() {
        for args in [&["tset"][..], &[], &["test", "more"], &["prove", "a", "b"]] {
            let message = run(args).expect_err("no such task").to_string();
            assert!(message.contains("usage: cargo xtask"), "{message}");
        }
    }
}
