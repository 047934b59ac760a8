//! How any world is written: its tables in one pass over its customers, on several threads, and a job that reads them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::rc::Rc;

use crate::blocks;
use crate::sink::{Cell, Column, TableFolder, TableSink};

/// Customers generated together.
const BLOCK: usize = 256;

/// Name of the job beside the tables.
pub const JOB_FILE: &str = "bespoke.toml";

/// A world whose customers can be generated one by one, in any order.
pub trait World: Sync {
    /// A customer with all that happened to them.
    type Customer: Send;
    /// The tables with rows of customers, open.
    type Tables;

    /// Number of customers.
    fn n_customers(&self) -> usize;

    /// Customer `number`, from 0; the same at every call.
    fn generate(&self, number: usize) -> Self::Customer;

    /// Writes the tables that say nothing of customers, and opens the others.
    ///
    /// # Errors
    /// What the folder says.
    fn open(&self, folder: &mut WorldFolder<'_>) -> io::Result<Self::Tables>;

    /// Writes the rows of customer `number`.
    ///
    /// # Errors
    /// What the folder says.
    fn write_customer(
        &self,
        number: usize,
        customer: &Self::Customer,
        tables: &Self::Tables,
    ) -> io::Result<()>;

    /// The job that reads what a shop, service or site would export from a folder of that kind, and none of the truth.
    fn job(&self, folder: &dyn TableFolder) -> String;

    /// Writes all tables of the world: the same rows at any number of threads, in constant memory. `on_customer` is
    /// called after each customer.
    ///
    /// # Errors
    /// What the folder says; the tables are not whole then.
    fn write_tables(
        &self,
        folder: &mut dyn TableFolder,
        threads: NonZeroUsize,
        mut on_customer: impl FnMut(),
    ) -> io::Result<Written> {
        let mut folder = WorldFolder { folder, open: Vec::new() };
        let tables = self.open(&mut folder)?;
        let n = self.n_customers();
        let make = |block: usize| -> Vec<(usize, Self::Customer)> {
            let numbers = block * BLOCK..n.min((block + 1) * BLOCK);
            numbers.map(|number| (number, self.generate(number))).collect()
        };
        blocks::in_order(n.div_ceil(BLOCK), threads, make, |block| {
            for (number, customer) in &block {
                self.write_customer(*number, customer, &tables)?;
                on_customer();
            }
            Ok(())
        })?;
        folder.finish()
    }

    /// Writes the tables and, last, the job as [`JOB_FILE`] into `dir`, where `folder` puts the tables; files of these
    /// names are overwritten. `on_customer` is called after each customer.
    ///
    /// # Errors
    /// What the file system says; without the job the world is not whole.
    fn write(
        &self,
        dir: &Path,
        folder: &mut dyn TableFolder,
        threads: NonZeroUsize,
        on_customer: impl FnMut(),
    ) -> io::Result<Written> {
        let written = self.write_tables(folder, threads, on_customer)?;
        std::fs::write(dir.join(JOB_FILE), self.job(folder))?;
        Ok(written)
    }
}

/// Rows that were written, by table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written(BTreeMap<String, u64>);

impl Written {
    /// Rows of a table; 0 for one that the world does not have.
    #[must_use]
    pub fn n_rows(&self, table: &str) -> u64 {
        self.0.get(table).copied().unwrap_or(0)
    }

    /// Tables and their rows, by name.
    pub fn tables(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(table, &n_rows)| (table.as_str(), n_rows))
    }
}

/// The tables of a world that is being written: counted, and ended together.
pub struct WorldFolder<'a> {
    folder: &'a mut dyn TableFolder,
    open: Vec<(String, Rc<RefCell<Counted>>)>,
}

struct Counted {
    sink: Box<dyn TableSink>,
    n_rows: u64,
}

/// A table of a [`WorldFolder`].
pub struct WorldTable(Rc<RefCell<Counted>>);

impl WorldFolder<'_> {
    /// Begins a table.
    ///
    /// # Errors
    /// What the folder says.
    pub fn table(&mut self, name: &str, columns: &'static [Column]) -> io::Result<WorldTable> {
        let sink = self.folder.table(name, columns)?;
        let table = Rc::new(RefCell::new(Counted { sink, n_rows: 0 }));
        self.open.push((name.to_owned(), Rc::clone(&table)));
        Ok(WorldTable(table))
    }

    fn finish(self) -> io::Result<Written> {
        let end = |(name, table): (String, Rc<RefCell<Counted>>)| {
            let mut table = table.borrow_mut();
            table.sink.finish()?;
            Ok((name, table.n_rows))
        };
        self.open.into_iter().map(end).collect::<io::Result<_>>().map(Written)
    }
}

impl WorldTable {
    /// Writes a row: a cell per column.
    ///
    /// # Errors
    /// What the folder says.
    pub fn row(&self, cells: &[Cell<'_>]) -> io::Result<()> {
        let mut table = self.0.borrow_mut();
        table.n_rows += 1;
        table.sink.row(cells)
    }
}
