//! The comparison with other libraries: their environment, our programs, and the script that runs both.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::steps::{cargo, root};

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
struct Asked {
    names: Vec<String>,
    passed_on: Vec<String>,
}

/// Compares by every specification, or by the named one.
pub(crate) fn peers(args: &[&str]) -> Result<()> {
    let scripts = root().join("crates/lab/peers");
    let known = specifications(&scripts)?;
    let asked = parse(args, &known)?;
    let target = target()?;
    let work = target.join("peers");
    let python = environment(&scripts, &work)?;
    build()?;
    for name in asked.names {
        println!("\n== {name}");
        let mut compare = Command::new(&python);
        compare.arg(scripts.join("compare.py"));
        for (option, path) in [
            ("--lab", target.join("release/bespoke-lab")),
            ("--spec", scripts.join("specs").join(format!("{name}.toml"))),
            ("--work", work.clone()),
            ("--out", root().join("benches/runs")),
        ] {
            compare.arg(option).arg(path);
        }
        // The interpreter's cache would land beside the scripts.
        run(compare.args(&asked.passed_on).env("PYTHONDONTWRITEBYTECODE", "1"))?;
    }
    Ok(())
}

/// Names of the specifications, sorted.
fn specifications(scripts: &Path) -> Result<Vec<String>> {
    let dir = scripts.join("specs");
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("toml")) {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

fn parse(args: &[&str], known: &[String]) -> Result<Asked> {
    let mut asked = Asked::default();
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        match arg {
            "--quick" => asked.passed_on.push(arg.to_owned()),
            "--rounds" => {
                let n = args.next().and_then(|n| n.parse::<u32>().ok()).filter(|n| (1..=100).contains(n));
                let n = n.context("--rounds needs a number from 1 to 100")?;
                asked.passed_on.extend([arg.to_owned(), n.to_string()]);
            }
            "--case" => {
                let case = args.next().context("--case needs the name of a case")?;
                asked.passed_on.extend([arg.to_owned(), (*case).to_owned()]);
            }
            name if known.iter().any(|other| other == name) && asked.names.is_empty() => {
                asked.names.push(name.to_owned());
            }
            _ => bail!("not understood: \"{arg}\"; comparisons are {}", known.join(", ")),
        }
    }
    if asked.names.is_empty() {
        ensure!(!asked.passed_on.iter().any(|arg| arg == "--case"), "--case needs the name of a comparison");
        asked.names = known.to_vec();
    }
    Ok(asked)
}

/// The folder of build results, in which this program lies two levels deep.
fn target() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    Ok(here.ancestors().nth(2).context("this program lies in no target folder")?.to_owned())
}

/// The interpreter of an environment with the pinned versions; made again when they change.
fn environment(scripts: &Path, work: &Path) -> Result<PathBuf> {
    let venv = work.join("venv");
    let python = venv.join("bin/python");
    let pinned = scripts.join("requirements.txt");
    let (wanted, stamp) = (fs::read_to_string(&pinned)?, venv.join("installed.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    println!("installing the peers into {}", venv.display());
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&pinned))?;
    fs::write(stamp, wanted)?;
    Ok(python)
}

fn build() -> Result<()> {
    let programs = ["--package", "bespoke-lab", "--package", "bespoke-cli"];
    run(cargo(&["build", "--release", "--locked"], &[]).args(programs))
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| name.clone())?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<String> {
        ["cltv", "kmeans"].map(String::from).to_vec()
    }

    #[test]
    fn options_are_passed_on_and_names_chosen() {
        let asked = parse(&["kmeans", "--rounds", "3", "--quick"], &known()).expect("understood");
        assert_eq!(asked.names, ["kmeans"]);
        assert_eq!(asked.passed_on, ["--rounds", "3", "--quick"]);
        assert_eq!(parse(&[], &known()).expect("all").names, known());
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for args in [
            &["kmean"][..],
            &["kmeans", "cltv"],
            &["--rounds"],
            &["--rounds", "0"],
            &["--fast"],
            &["--case", "a"],
        ] {
            assert!(parse(args, &known()).is_err(), "{args:?}");
        }
    }

    #[test]
    fn every_specification_is_a_comparison() {
        let names = specifications(&root().join("crates/lab/peers")).expect("the folder of specifications");
        assert!(names.contains(&"kmeans".to_owned()), "{names:?}");
    }
}
