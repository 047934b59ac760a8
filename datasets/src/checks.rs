//! What holds in every world, for the tests of each.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::num::NonZeroUsize;

use crate::sink::{CsvFolder, MemoryFolder};
use crate::world::{JOB_FILE, World};

/// `got` within 4.5 standard errors of the sum of independent `(expected, variance)`.
pub fn assert_sum(what: impl Display, got: f64, parts: &[(f64, f64)]) {
    let expected: f64 = parts.iter().map(|p| p.0).sum();
    let error = libm::sqrt(parts.iter().map(|p| p.1).sum());
    assert!((got - expected).abs() < 4.5 * error, "{what}: {got} is not {expected} +- {error}");
}

/// Mean and variance of an event of probability `p`.
pub fn bernoulli(p: f64) -> (f64, f64) {
    (p, p * (1.0 - p))
}

/// Draws with a mean and a variance: both sums within 4.5 standard errors. The squared residual stands for the
/// variance of the squares, which few distributions have in a short form.
pub fn assert_moments(what: impl Display, values: &[f64], mean: f64, variance: f64) {
    let n = values.len() as f64;
    assert!(n > 50.0, "{what}: {n} values");
    assert_sum(format!("{what}, mean"), values.iter().sum(), &[(n * mean, n * variance)]);
    let squares: Vec<f64> = values.iter().map(|x| (x - mean) * (x - mean)).collect();
    let parts: Vec<_> = squares.iter().map(|s| (variance, (s - variance) * (s - variance))).collect();
    assert_sum(format!("{what}, variance"), squares.iter().sum(), &parts);
}

/// Counts follow shares, which need not add up to 1: chi square below its mean by five standard deviations.
pub fn assert_shares(what: impl Display, counts: &[f64], shares: &[f64]) {
    let (n, total): (f64, f64) = (counts.iter().sum(), shares.iter().sum());
    let (mut chi, mut cells, mut rest) = (0.0, 0.0, (0.0, 0.0));
    for (&count, share) in counts.iter().zip(shares) {
        let expected = n * share / total;
        assert!(*share > 0.0 || count == 0.0, "{what}: {count} of what never comes");
        // Rare cells are counted together.
        if expected < 8.0 {
            rest = (rest.0 + count, rest.1 + expected);
        } else {
            chi += (count - expected) * (count - expected) / expected;
            cells += 1.0;
        }
    }
    if rest.1 > 8.0 {
        chi += (rest.0 - rest.1) * (rest.0 - rest.1) / rest.1;
        cells += 1.0;
    }
    let freedom: f64 = cells - 1.0;
    assert!(cells > 1.0 && n > 50.0, "{what}: too few to tell");
    assert!(chi < freedom + 5.0 * libm::sqrt(2.0 * freedom) + 8.0, "{what}: chi square {chi} at {freedom}");
}

/// Text of every table by name.
pub fn texts(world: &impl World, threads: usize) -> BTreeMap<String, Vec<u8>> {
    let mut folder = MemoryFolder::default();
    let threads = NonZeroUsize::new(threads).expect("some");
    world.write_tables(&mut folder, threads, || ()).expect("memory does not fail");
    folder.into_texts()
}

/// Same seed, same bytes at any number of threads; another seed differs in every table but those that are `fixed`; a
/// larger world begins with the smaller one. `make` takes a number of customers and a seed; the catalogue must not
/// depend on the first.
pub fn check_seeds<W: World>(make: impl Fn(usize, u64) -> W, fixed: &[&str]) {
    let first = texts(&make(600, 12), 1);
    for threads in [2, 7] {
        assert!(first == texts(&make(600, 12), threads), "{threads} threads write something else");
    }
    let other = texts(&make(600, 13), 2);
    let smaller = texts(&make(350, 12), 2);
    for (name, text) in &first {
        let is_other = *text != other[name];
        assert_eq!(is_other, !fixed.contains(&name.as_str()), "{name} of another seed");
        assert!(text.starts_with(&smaller[name]), "{name} of a smaller world");
    }
    assert!(first["customers"].len() > smaller["customers"].len());
}

/// The job reads customers, events and items, by columns that are there; `unmapped` are the columns of these tables
/// that it leaves to others.
pub fn check_job(world: &impl World, unmapped: &[&str]) {
    let job: toml::Table = world.job(&MemoryFolder::default()).parse().expect("the job is TOML");
    let texts = texts(world, 1);
    let sources = job["source"].as_table().expect("a table");
    assert_eq!(sources.keys().collect::<Vec<_>>(), ["customers", "events", "items"]);
    for (name, source) in sources {
        assert_eq!(source["path"].as_str(), Some(format!("{name}.csv").as_str()));
        let attributes = source.get("customer_attributes").and_then(toml::Value::as_table);
        let attributes = attributes.into_iter().flatten().map(|(_, attribute)| &attribute["column"]);
        let mapped = source["columns"].as_table().expect("a table").iter().map(|(_, column)| column);
        let mut mapped: Vec<_> = mapped.chain(attributes).filter_map(toml::Value::as_str).collect();
        let text = std::str::from_utf8(&texts[name]).expect("text");
        let mut header: Vec<_> = text.lines().next().expect("a header").split(',').collect();
        header.retain(|column| !unmapped.contains(column));
        mapped.sort_unstable();
        header.sort_unstable();
        assert_eq!(mapped, header, "{name}");
    }
}

/// A folder gets every table and the job, the rows are counted, and every customer is told of.
pub fn check_folder(world: &impl World, tables: &[&str]) {
    let dir = tempfile::tempdir().expect("a folder for temporary files");
    let mut n_calls = 0;
    let mut folder = CsvFolder::create(dir.path()).expect("it is there");
    let written = world.write(dir.path(), &mut folder, NonZeroUsize::MIN, || n_calls += 1);
    let written = written.expect("the folder for temporary files is writable");
    assert_eq!(n_calls, world.n_customers());
    let texts = texts(world, 1);
    assert_eq!(texts.keys().collect::<Vec<_>>(), tables);
    assert_eq!(written.tables().count(), tables.len());
    for (name, text) in texts {
        let n_lines = text.iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(written.n_rows(&name), n_lines as u64 - 1, "{name}");
        assert!(n_lines > 1, "{name} is empty");
        let file = std::fs::read(dir.path().join(name).with_extension("csv"));
        assert_eq!(file.expect("it was written"), text);
    }
    let job = std::fs::read_to_string(dir.path().join(JOB_FILE)).expect("it was written");
    assert_eq!(job, world.job(&folder));
}

/// A table of personas, and what the dial of overlap makes of it.
pub struct Dial<P> {
    pub table: Vec<P>,
    pub at_overlap: fn(f64) -> Vec<P>,
    /// Name and share, which the dial leaves alone.
    pub kept: fn(&P) -> (&'static str, f64),
    /// The persona without them.
    pub numbers: fn(&P) -> P,
    pub age_mean: fn(&P) -> f64,
    pub age_sd: fn(&P) -> f64,
}

/// The dial goes from the table to one mean, in every number there is, and linearly.
pub fn check_dial<P: Clone + PartialEq + std::fmt::Debug>(dial: &Dial<P>) {
    let Dial { table, at_overlap, kept, numbers, age_mean, age_sd } = dial;
    assert_eq!(at_overlap(0.0), *table);
    let together = at_overlap(1.0);
    // Nine decimals: sums in another order are not the same bits.
    let text = |persona| format!("{:.9?}", numbers(persona));
    for (persona, row) in together.iter().zip(table) {
        assert_eq!(text(persona), text(&together[0]));
        assert_eq!(kept(persona), kept(row));
    }
    let mean_age: f64 = table.iter().map(|p| kept(p).1 * age_mean(p)).sum();
    assert!((age_mean(&together[0]) - mean_age).abs() < 1e-12);
    let halfway = 0.5 * (age_sd(&table[3]) + age_sd(&together[0]));
    assert!((age_sd(&at_overlap(0.5)[3]) - halfway).abs() < 1e-12);
}
