//! A whole job on a real export: the files it starts from. The job itself is the program `bespoke`.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::worker::{Data, Task};

/// The export; there is a job file for it under `datasets`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub(crate) enum Export {
    /// `online_retail.csv.gz` under BESPOKE_DATA.
    OnlineRetail,
}

impl Data for Export {
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The job file and the export beside it.
    fn generate(&self, dir: &Path) -> Result<()> {
        let Self::OnlineRetail = self;
        let folder = std::env::var_os("BESPOKE_DATA").context("BESPOKE_DATA is unset")?;
        let export = Path::new(&folder).join("online-retail/online_retail.csv.gz");
        std::fs::copy(&export, dir.join("online_retail.csv.gz"))
            .with_context(|| export.display().to_string())?;
        let job = include_str!("../../../../datasets/online-retail/bespoke.toml");
        Ok(std::fs::write(dir.join("bespoke.toml"), job)?)
    }

    fn task(&self, task: &str, _: &Path) -> Result<Box<dyn Task>> {
        bail!("{task} is run by the program itself")
    }
}
