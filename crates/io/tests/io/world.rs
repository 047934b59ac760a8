//! A directory with files and sources.

use std::collections::BTreeMap;
use std::path::Path;

use bespoke::types::Timestamp;
use bespoke_io::{FileAccount, ReadError, ReadOptions, ReadOutcome, SourceConfig, read};

/// Columns of [`orders`].
pub const HEADER: &str = "event_id,customer,item,time,quantity,price,order,currency\n";

/// The last accepted instant: 2020-01-01.
pub const NOT_AFTER: Timestamp = Timestamp(1_577_836_800_000);

/// A source of purchases with keys of the test's own before its tables, and tables after them.
pub fn orders(path: &str, keys: &str, tables: &str) -> String {
    format!(
        "path = {path:?}\nkind = 'purchase'\n{keys}\n\
         [time]\nformat = '%Y-%m-%d %H:%M:%S'\nzone = 'Europe/London'\n\
         [columns]\ncustomer_id = 'customer'\nitem_id = 'item'\ntime = 'time'\nquantity = 'quantity'\n\
         price = 'price'\norder_id = 'order'\ncurrency = 'currency'\n{tables}\n"
    )
}

pub struct World(pub tempfile::TempDir);

impl World {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.path().join(name), bytes).unwrap();
        self
    }

    /// Reads sources a, b, c ... of these configurations.
    pub fn read(&self, sources: &[&str]) -> Result<ReadOutcome, ReadError> {
        let sources: BTreeMap<String, SourceConfig> = sources
            .iter()
            .zip('a'..)
            .map(|(text, name)| {
                let config: SourceConfig = toml::from_str(text).unwrap_or_else(|e| panic!("{text}\n{e}"));
                (name.to_string(), config.resolve(self.path()))
            })
            .collect();
        let options = ReadOptions { not_after: Some(NOT_AFTER), currency: "EUR".into() };
        let outcome = read(&sources, &options, &())?;
        assert!(outcome.accounting.adds_up(), "{:?}", outcome.accounting);
        assert_eq!(
            outcome.accounting.total().accepted_guests,
            outcome.tables.events.of_guests().len() as u64
        );
        Ok(outcome)
    }
}

/// The outcome of one CSV file of rows below [`HEADER`].
pub fn read_orders(rows: &str, keys: &str, tables: &str) -> ReadOutcome {
    let world = World::new();
    world.write("orders.csv", format!("{HEADER}{rows}"));
    world.read(&[&orders("orders.csv", keys, tables)]).unwrap()
}

/// (row, column, value, rule) of every problem.
pub fn problems(outcome: &ReadOutcome) -> Vec<(u64, &str, &str, &'static str)> {
    outcome.rejected.iter().map(|r| (r.row, &*r.column, &*r.value, r.rule.id())).collect()
}

/// (accepted, merged, set aside, rejected).
pub fn counts(account: &FileAccount) -> (u64, u64, u64, u64) {
    (account.accepted, account.merged, account.n_set_aside(), account.n_rejected())
}
