//! The serving library stays small: its packages are counted and the training ones are absent.

use std::collections::BTreeSet;
use std::process::Command;

/// The most packages the serving library may consist of, itself included.
const MOST_PACKAGES: usize = 32;

/// Packages only training needs.
const TRAINING: [&str; 4] = ["linfa", "matrixmultiply", "ndarray", "rayon"];

/// Names of the packages `bespoke` links without default features.
fn packages() -> BTreeSet<String> {
    let args = ["tree", "--locked", "-p", "bespoke", "--no-default-features"];
    let output = Command::new(env!("CARGO"))
        .args(args)
        .args(["-e", "normal,no-proc-macro", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    // "name v1.2.3 (path) (*)": two versions of a package count twice.
    text.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_serving_library_has_few_packages() {
    let packages = packages();
    assert!(packages.iter().any(|p| p.starts_with("bespoke v")), "{packages:?}");
    assert!(
        packages.len() <= MOST_PACKAGES,
        "{} packages, at most {MOST_PACKAGES} are allowed: {packages:#?}",
        packages.len()
    );
}

#[test]
fn nothing_of_training_is_linked() {
    let packages = packages();
    for name in TRAINING {
        assert!(!packages.iter().any(|p| p.split(' ').next() == Some(name)), "{name} is linked");
    }
}
