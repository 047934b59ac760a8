//! Reads the sources of a configuration file and prints where the rows went, and how long it took.
//!
//! `cargo run --release -p bespoke-io --example read -- bespoke.toml [SOURCE=PATH ...]`

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use bespoke_io::{Paths, ReadOptions, SourceConfig, read};

#[derive(serde::Deserialize)]
struct Config {
    source: BTreeMap<String, SourceConfig>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: read CONFIG [SOURCE=PATH ...]")?;
    let mut config: Config = toml::from_str(&std::fs::read_to_string(&path)?)?;
    let base = Path::new(&path).parent().unwrap_or(Path::new(""));
    config.source = config.source.into_iter().map(|(name, s)| (name, s.resolve(base))).collect();
    for argument in arguments {
        let (name, path) = argument.split_once('=').ok_or("SOURCE=PATH expected")?;
        let source = config.source.get_mut(name).ok_or("no such source")?;
        *source = SourceConfig { path: Paths::One(path.to_owned()), base: "".into(), ..source.clone() };
    }
    let options = ReadOptions { not_after: None, currency: "GBP".to_owned() };
    let start = Instant::now();
    let outcome = read(&config.source, &options, &())?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{}", serde_json::to_string_pretty(&outcome.accounting)?);
    println!("{}", serde_json::to_string_pretty(&outcome.fingerprints)?);
    let tables = &outcome.tables;
    println!(
        "{} customers, {} items, {} events, adds up: {}",
        tables.customers.len(),
        tables.items.len(),
        tables.events.len(),
        outcome.accounting.adds_up()
    );
    println!("{seconds:.3} s");
    Ok(())
}
