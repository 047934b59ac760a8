//! Arguments as typed. What they mean together with the job file is decided in [`crate::config`].

use std::path::PathBuf;

use bespoke::kernels::KernelLevel;
use clap::{Parser, Subcommand, ValueEnum};

/// Personas, ranked content and offers, churn and customer lifetime value, decided with tact.
///
/// Exit codes: 0 done; 1 refused to publish (too many rows rejected, or nothing left to work with);
/// 2 could not start or run.
#[derive(Debug, Parser)]
#[command(name = "bespoke", version, propagate_version = true)]
pub struct Args {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// The job file.
    #[arg(long, global = true, value_name = "FILE", default_value = "bespoke.toml")]
    pub config: PathBuf,

    /// Overrides one key of the job file, for example `--set personas.k=5`; repeatable, the last one counts.
    ///
    /// VALUE is read as TOML, else as text. A relative path given here (`source.NAME.path`, `output.dir`) is relative
    /// to the current directory; one in the job file is relative to the folder of that file.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub sets: Vec<String>,

    /// Threads to work with [default: one per processor]. The results do not depend on it.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,

    /// Instructions to calculate with [default: the best this processor has]. `portable` reproduces anywhere.
    #[arg(long, global = true, value_name = "LEVEL")]
    pub kernel: Option<KernelArg>,

    /// Prints nothing but errors and what was asked for.
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// Prints one JSON document on standard output instead of text.
    #[arg(long, global = true)]
    pub json: bool,

    /// Appends every progress line, with its time, to this file.
    #[arg(long, global = true, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// A kernel level as typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum KernelArg {
    /// Plain Rust, the same everywhere.
    Portable,
    /// AVX2 and FMA.
    Avx2,
}

impl From<KernelArg> for KernelLevel {
    fn from(level: KernelArg) -> Self {
        match level {
            KernelArg::Portable => Self::Portable,
            KernelArg::Avx2 => Self::Avx2,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes a small generated shop, refreshes it and says where the report is; needs no input.
    Demo {
        /// Folder to make; it must not hold a job yet.
        #[arg(default_value = "bespoke-demo")]
        dir: PathBuf,
    },
    /// Looks at data files and proposes a commented job file: which table, which columns, how sure and why.
    Init(InitArgs),
    /// Reads job file and data, reports problems; trains nothing, writes nothing.
    Check,
    /// The main job: read, check, features, fit, backtest, score everyone, publish.
    Refresh(RefreshArgs),
    /// Writes the feature table as Parquet, for those who bring their own model.
    Features {
        /// File to write.
        #[arg(long, short, value_name = "FILE", default_value = "features.parquet")]
        out: PathBuf,
    },
    /// Why this persona, churn and value; why an item is shown or not shown; without a customer, why these personas.
    Explain {
        /// Customer id, as in the data.
        #[arg(long, value_name = "ID")]
        customer: Option<String>,
        /// Item id, as in the data.
        #[arg(long, value_name = "ID", requires = "customer")]
        item: Option<String>,
    },
    /// The published runs.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// The job as understood.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Data sets.
    #[command(subcommand)]
    Datasets(DatasetsCommand),
}

/// What `init` looks at and writes.
#[derive(Clone, Debug, clap::Args)]
pub struct InitArgs {
    /// Files to look at [default: the data files of this folder].
    pub files: Vec<PathBuf>,
    /// Job file to write.
    #[arg(long, short, value_name = "FILE", default_value = "bespoke.toml")]
    pub out: PathBuf,
    /// Overwrites a job file that is there.
    #[arg(long)]
    pub force: bool,
}

/// Options of `refresh`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RefreshArgs {
    /// Does the job as of this instant or day instead of `job.as_of` (for a backfill).
    #[arg(long, value_name = "WHEN")]
    pub as_of: Option<String>,
    /// Writes every withheld candidate, not only the counts per customer and reason.
    #[arg(long)]
    pub explain_all: bool,
    /// Finds personas and their number anew; those that still have the same customers keep id and name.
    #[arg(long)]
    pub choose_personas: bool,
}

/// What to do with runs.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// Lists the runs that are kept.
    List,
    /// Shows one run [default: the current one].
    Show {
        /// Number of the run.
        run: Option<u32>,
    },
    /// Makes an older run the current one [default: the one before the current].
    ///
    /// Customers' own state is not rolled back: no purchase is forgotten, nobody erased comes back.
    Rollback {
        /// Number of the run.
        run: Option<u32>,
    },
}

/// What to do with the job file.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Prints every value with defaults filled in, as a valid job file.
    Show,
}

/// What to do with data sets.
#[derive(Debug, Subcommand)]
pub enum DatasetsCommand {
    /// Generates a world whose truth is known.
    #[command(subcommand)]
    Generate(GenerateCommand),
    /// Lists the public data sets that `fetch` knows.
    List,
    /// Downloads a public data set: shows address, size and licence, asks, and checks what arrives.
    Fetch(FetchArgs),
}

/// Which public data set, and where to.
#[derive(Clone, Debug, clap::Args)]
pub struct FetchArgs {
    /// Name, as `datasets list` shows it.
    pub name: String,
    /// Folder to write [default: the name].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Agrees to the download and to its licence without being asked.
    #[arg(long)]
    pub yes: bool,
}

/// Which world to generate.
#[derive(Debug, Subcommand)]
pub enum GenerateCommand {
    /// A shop: customers, items, events, and a job file that reads them.
    Retail(RetailArgs),
    /// A service with contracts: customers, plans, contracts, events, and a job file that reads them.
    Subscription(OtherArgs),
    /// A news site: readers, articles, events, and a job file that reads them.
    Media(OtherArgs),
}

/// Size and place of a generated world.
#[derive(Clone, Debug, clap::Args)]
pub struct WorldArgs {
    /// Number of customers.
    #[arg(long, value_name = "N")]
    pub customers: u32,
    /// Seed of the generator; the same seed gives the same files, at any number of threads.
    #[arg(long, value_name = "N")]
    pub seed: u64,
    /// Folder to write.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Format of the tables.
    #[arg(long, value_name = "FORMAT", default_value = "csv")]
    pub format: WorldFormat,
}

/// What every generated world can be turned by.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct WorldDials {
    /// How much the personas overlap, from 0 (clearly apart) to 1 (all the same) [default: 0.2].
    #[arg(long, value_name = "SHARE")]
    pub overlap: Option<f64>,
    /// Days after the end that the truth and the job look ahead [default: 90; media: 14].
    #[arg(long, value_name = "DAYS")]
    pub horizon_days: Option<u32>,
}

/// Size, place and dials of a generated service or news site.
#[derive(Clone, Debug, clap::Args)]
pub struct OtherArgs {
    #[command(flatten)]
    pub world: WorldArgs,
    #[command(flatten)]
    pub dials: WorldDials,
}

/// Size, place and dials of a generated shop.
#[derive(Clone, Debug, clap::Args)]
pub struct RetailArgs {
    #[command(flatten)]
    pub world: WorldArgs,
    #[command(flatten)]
    pub dials: WorldDials,
    #[command(flatten)]
    pub shop: ShopDials,
}

/// What a generated shop can be turned by.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct ShopDials {
    /// Number of items; customers stay the same people only among the same items [default: 500].
    #[arg(long, value_name = "N")]
    pub items: Option<u32>,
    /// When orders come: `mbg` (leaving after an order), `pareto` (leaving unseen), or `regular` (gaps alike, of eight
    /// stages) [default: mbg].
    #[arg(long, value_name = "CLOCK")]
    pub clock: Option<WorldClock>,
    /// Share of the demographic cells that are missing [default: 0.1].
    #[arg(long, value_name = "SHARE")]
    pub missing: Option<f64>,
    /// Share of the ages and household sizes that are nonsense [default: 0].
    #[arg(long, value_name = "SHARE")]
    pub outliers: Option<f64>,
    /// Number of columns that say nothing, at most 8 [default: 0].
    #[arg(long, value_name = "N")]
    pub irrelevant: Option<u32>,
    /// How much offers move people, from 0 (nothing) to 10 [default: 1].
    #[arg(long, value_name = "FACTOR")]
    pub uplift: Option<f64>,
    /// How much the tastes for single items matter, from 0 (not at all) to 4 [default: 1.5].
    #[arg(long, value_name = "STRENGTH")]
    pub tastes: Option<f64>,
}

/// When orders of a generated shop come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WorldClock {
    /// Exponential gaps; customers leave after an order.
    Mbg,
    /// Exponential gaps and lifetimes.
    Pareto,
    /// Gaps of eight stages and exponential lifetimes.
    Regular,
}

/// Format of the tables of a generated world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WorldFormat {
    /// Text, one file per table.
    Csv,
    /// Parquet, one file per table.
    Parquet,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        let before = Args::try_parse_from(["bespoke", "--set", "job.seed=3", "check"]).unwrap();
        let after = Args::try_parse_from(["bespoke", "check", "--set", "job.seed=3"]).unwrap();
        assert_eq!(before.global.sets, after.global.sets);
        assert_eq!(after.global.sets, ["job.seed=3"]);
    }

    #[test]
    fn no_threads_is_refused() {
        assert!(Args::try_parse_from(["bespoke", "--threads", "0", "check"]).is_err());
    }
}
