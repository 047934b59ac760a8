//! `bespoke-lab`: our side of the comparisons with other libraries, driven by `cargo xtask peers`, and ways of
//! clustering a table beside each other.

mod clusterings;
mod peers;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: bespoke-lab generate SPEC CASE DIR      writes the data of a case
       bespoke-lab work SPEC CASE TASK DIR OUT reads them, runs the task per line \"run\"
       bespoke-lab clusterings FILE K RADIUS MIN_POINTS [COLUMN...]
                                               k-means, mixture and DBSCAN on numbers of a CSV file

A worker answers in lines of JSON; see crates/lab/peers/compare.py, which starts it.";

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
        ["generate", spec, case, dir] => peers::generate(Path::new(spec), case, Path::new(dir)),
        ["work", spec, case, task, dir, out] => {
            peers::work(Path::new(spec), case, task, Path::new(dir), Path::new(out))
        }
        ["clusterings", file, k, radius, min_points, ref columns @ ..] => {
            let request = clusterings::Request::parse(k, radius, min_points, columns)?;
            println!("{}", clusterings::compare(Path::new(file), &request)?);
            Ok(())
        }
        _ => bail!("not understood: \"{}\"\n\n{USAGE}", args.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_arguments_are_refused_with_the_usage() {
        for args in [&[][..], &["generate", "spec"], &["measure", "a", "b", "c"]] {
            assert!(run(args).expect_err("not understood").to_string().contains("usage: bespoke-lab"));
        }
    }
}
