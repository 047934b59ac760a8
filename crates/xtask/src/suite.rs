//! What each task runs.

use anyhow::{Result, bail};

use crate::steps::{Steps, cargo, succeeds};

/// Long proofs: name, what is shown, and the arguments of `cargo` that show it.
///
/// They run with `BESPOKE_PROVE=1`; in an ordinary test run they do a small part of the same work.
const PROOFS: [(&str, &str, &[&str]); 2] = [
    (
        "kill9",
        "an unclean end of `refresh` at 200 random moments never leaves half a run",
        &[
            "test",
            "--release",
            "--package",
            "bespoke-cli",
            "--test",
            "pipeline",
            "kill9",
            "--",
            "--nocapture",
        ],
    ),
    (
        "groups",
        "tables without groups are told from tables with groups at the stated rates",
        &[
            "test",
            "--release",
            "--package",
            "bespoke",
            "--test",
            "tests",
            "rates_of_groups",
            "--",
            "--nocapture",
        ],
    ),
];

/// Everything a change must pass; runs all steps even when one fails.
pub(crate) fn test() -> Result<()> {
    println!(
        "cargo xtask test installs nothing; it uses cargo, rustfmt and clippy, and cargo-deny where it is found."
    );
    if std::env::var_os("BESPOKE_DATA").is_none() {
        println!("SKIPPED tests on real files: BESPOKE_DATA is unset.");
    }
    let mut steps = Steps::default();
    steps.cargo("format", &["fmt", "--all", "--", "--check"], &[]);
    steps.cargo(
        "lints",
        &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
        &[],
    );
    steps.cargo(
        "lints of the serving library",
        &[
            "clippy",
            "--package",
            "bespoke",
            "--no-default-features",
            "--lib",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
        &[],
    );
    licences(&mut steps);
    steps.cargo(
        "documentation",
        &["doc", "--workspace", "--no-deps", "--locked"],
        &[("RUSTDOCFLAGS", "-D warnings")],
    );
    // Alone, so that no other package switches features on.
    steps.cargo("serving without training", &["test", "--package", "serving-check", "--locked"], &[]);
    steps.cargo(
        "examples in the documentation",
        &["test", "--workspace", "--exclude", "serving-check", "--doc", "--locked"],
        &[],
    );
    steps.cargo(
        "tests",
        &[
            "test",
            "--workspace",
            "--exclude",
            "serving-check",
            "--lib",
            "--bins",
            "--tests",
            "--locked",
            "--no-fail-fast",
        ],
        &[],
    );
    steps.finish("test")
}

/// Licences, bans and sources, and advisories where their database can be had.
fn licences(steps: &mut Steps) {
    if !succeeds(cargo(&["deny", "--version"], &[])) {
        return steps.skip("licences", "cargo-deny is not installed (cargo install cargo-deny --locked)");
    }
    steps.cargo(
        "licences",
        &[
            "deny",
            "--workspace",
            "--locked",
            "check",
            "licenses",
            "bans",
            "sources",
            "--hide-inclusion-graph",
        ],
        &[],
    );
    if succeeds(cargo(&["deny", "fetch", "db"], &[])) {
        steps.cargo("advisories", &["deny", "--workspace", "--frozen", "check", "advisories"], &[]);
    } else {
        steps.skip("advisories", "the advisory database can't be fetched");
    }
}

/// The rules about the repository itself.
pub(crate) fn tidy() -> Result<()> {
    let mut steps = Steps::default();
    steps.cargo("tidy", &["test", "--package", "bespoke", "--test", "tests", "tidy::"], &[]);
    steps.finish("tidy")
}

/// Rewrites golden files.
pub(crate) fn golden() -> Result<()> {
    let args = ["test", "--workspace", "--lib", "--bins", "--tests", "golden"];
    let mut steps = Steps::default();
    if has_tests(&args)? {
        steps.cargo("golden", &args, &[("BESPOKE_GOLDEN", "write")]);
    } else {
        bail!("no test has \"golden\" in its name");
    }
    steps.finish("golden")
}

/// Long proofs, one or all.
pub(crate) fn prove(name: Option<&str>) -> Result<()> {
    let chosen: Vec<_> = PROOFS.iter().filter(|proof| name.is_none_or(|name| name == proof.0)).collect();
    if chosen.is_empty() {
        let known: Vec<&str> = PROOFS.iter().map(|proof| proof.0).collect();
        bail!("no proof of that name; there are: {}", known.join(", "));
    }
    let mut steps = Steps::default();
    for (proof, shows, args) in chosen {
        println!("\n{proof}: {shows}");
        // A filter that matches nothing passes, and would prove nothing.
        if !has_tests(args)? {
            bail!("no test belongs to the proof {proof}");
        }
        steps.cargo(proof, args, &[("BESPOKE_PROVE", "1")]);
    }
    steps.finish("prove")
}

/// Whether a test command matches any test.
fn has_tests(args: &[&str]) -> Result<bool> {
    let filter: Vec<&str> = args.iter().copied().take_while(|&arg| arg != "--").collect();
    let output = cargo(&filter, &[]).args(["--", "--list"]).output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().any(|line| line.ends_with(": test")))
}
