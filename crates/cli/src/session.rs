//! What every command works with: where to print, how to calculate, which job.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use bespoke::kernels::KernelLevel;
use rayon::ThreadPool;

use crate::args::GlobalArgs;
use crate::config::{self, JobConfig, Override};
use crate::ui::Ui;

/// The global options, resolved once.
pub struct Session {
    /// Where progress and answers go.
    pub ui: Ui,
    /// Instructions to calculate with; this processor has them.
    pub kernel: KernelLevel,
    /// The threads to work on; `pool.install` what is parallel.
    pub pool: ThreadPool,
    global: GlobalArgs,
}

impl Session {
    /// Resolves the global options.
    ///
    /// # Errors
    /// When the kernel level is not available here, or the log cannot be opened.
    pub fn start(global: &GlobalArgs) -> Result<Self> {
        Ok(Self {
            ui: Ui::new(global)?,
            kernel: kernel_level(global)?,
            pool: thread_pool(global)?,
            global: global.clone(),
        })
    }

    /// The job file with `--set` applied.
    ///
    /// # Errors
    /// When the file is missing or any key or value in it is not understood.
    pub fn job(&self) -> Result<JobConfig> {
        self.job_with(Vec::new())
    }

    /// The job file with `--set` and then `overrides` applied.
    ///
    /// # Errors
    /// See [`Session::job`].
    pub fn job_with(&self, overrides: Vec<Override>) -> Result<JobConfig> {
        let mut all = config::parse_overrides(&self.global.sets)?;
        all.extend(overrides);
        config::load(&self.global.config, &all)
    }

    /// Refuses options that say something about a job file, for commands that read none.
    ///
    /// # Errors
    /// When `--config` or `--set` is given.
    pub fn refuse_job_options(&self, command: &str) -> Result<()> {
        let default = Path::new("bespoke.toml");
        ensure!(
            self.global.config == default,
            "{command} reads no job file: --config means nothing here (see --out)"
        );
        ensure!(self.global.sets.is_empty(), "{command} reads no job file: --set means nothing here");
        Ok(())
    }

    /// Another job file with `--set` applied.
    ///
    /// # Errors
    /// See [`Session::job`].
    pub fn job_in(&self, file: &Path) -> Result<JobConfig> {
        config::load(file, &config::parse_overrides(&self.global.sets)?)
    }
}

fn kernel_level(global: &GlobalArgs) -> Result<KernelLevel> {
    let Some(typed) = global.kernel else { return Ok(KernelLevel::detect()) };
    let level = KernelLevel::from(typed);
    ensure!(level.available(), "--kernel {level:?}: this processor does not have these instructions");
    Ok(level)
}

fn thread_pool(global: &GlobalArgs) -> Result<ThreadPool> {
    let n_threads = global.threads.map_or(0, usize::from);
    rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().context("could not start threads")
}
