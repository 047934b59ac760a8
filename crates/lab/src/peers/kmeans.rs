//! k-means: fifty iterations from the same start on the same rows.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use bespoke::params::Params;
use bespoke::personas::{KMeansModel, KMeansParams, KMeansValid};
use bespoke::random::Random;
use ndarray::Array2;
use rayon::prelude::*;
use serde::Deserialize;

use super::arrays;
use super::worker::{Data, Facts, Task};

/// A table of rows and a number of clusters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    n_rows: usize,
    n_columns: usize,
    n_clusters: usize,
    n_iterations: usize,
    rows: Rows,
    seed: u64,
}

/// How the rows are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase", tag = "kind")]
enum Rows {
    /// A component of equal probability, its centre N(0, spread^2), unit noise.
    Mixture {
        /// Components; more than clusters, so that no run ends early.
        n_components: usize,
        /// Small beside 1: components overlap.
        spread: f64,
    },
    /// Uniform in [0, 1): no clusters to be found.
    Uniform,
}

impl Data for Table {
    fn check(&self) -> Result<()> {
        ensure!(self.n_clusters < self.n_rows, "{} clusters of {} rows", self.n_clusters, self.n_rows);
        ensure!(self.n_columns > 0 && self.n_iterations > 0, "no columns or no iterations");
        Ok(())
    }

    /// `rows.f32`, n_rows x n_columns, and `start.f32`, the rows drawn as first centroids.
    fn generate(&self, dir: &Path) -> Result<()> {
        let random = Random::new(self.seed);
        let d = self.n_columns;
        let mut rows = vec![0.0f32; self.n_rows * d];
        rows.par_chunks_mut(d).enumerate().for_each(|(row, cells)| self.draw(random, row, cells));
        let mut start = Vec::with_capacity(self.n_clusters * d);
        let mut taken = Vec::with_capacity(self.n_clusters);
        let mut draws = (0..).map(|at| random.stream(3).below(at, self.n_rows));
        while taken.len() < self.n_clusters {
            let row = draws.next().unwrap_or_default();
            if !taken.contains(&row) {
                taken.push(row);
                start.extend_from_slice(&rows[row * d..][..d]);
            }
        }
        arrays::write(dir, "rows.f32", &rows)?;
        arrays::write(dir, "start.f32", &start)
    }

    fn task(&self, task: &str, dir: &Path) -> Result<Box<dyn Task>> {
        ensure!(task == "fit", "k-means has no task \"{task}\"");
        let matrix = |name, n_rows| -> Result<Array2<f32>> {
            Ok(Array2::from_shape_vec((n_rows, self.n_columns), arrays::read(dir, name)?)?)
        };
        // Zero is refused as a tolerance; this one no movement in f32 reaches.
        let params = KMeansParams {
            max_iterations: self.n_iterations,
            tolerance: 1e-30,
            ..KMeansParams::new(self.n_clusters, self.seed)
        };
        Ok(Box::new(Fit {
            valid: params.check()?,
            rows: matrix("rows.f32", self.n_rows)?,
            start: matrix("start.f32", self.n_clusters)?,
            model: None,
        }))
    }
}

impl Table {
    fn draw(&self, random: Random, row: usize, cells: &mut [f32]) {
        let draws = random.stream(2).stream(row as u64);
        match self.rows {
            Rows::Mixture { n_components, spread } => {
                let centre = random.stream(1).stream(draws.below(u64::MAX / 4, n_components) as u64);
                for (at, cell) in (0..).zip(cells) {
                    *cell = (spread * centre.normal(at) + draws.normal(at)) as f32;
                }
            }
            Rows::Uniform => (0..).zip(cells).for_each(|(at, cell)| *cell = draws.uniform(at) as f32),
        }
    }
}

struct Fit {
    valid: KMeansValid,
    rows: Array2<f32>,
    start: Array2<f32>,
    model: Option<KMeansModel>,
}

impl Task for Fit {
    fn run(&mut self) -> Result<()> {
        self.model = Some(self.valid.fit_array_from(self.rows.view(), self.start.view())?);
        Ok(())
    }

    fn report(&self, out: &Path) -> Result<Facts> {
        let Some(model) = &self.model else { bail!("nothing was run") };
        arrays::write(out, "centroids.f64", &model.centroids().concat())?;
        let mut facts = Facts::new();
        facts.insert("n_iterations".into(), model.n_iterations().into());
        facts.insert("reported_inertia".into(), model.inertia().into());
        Ok(facts)
    }
}
