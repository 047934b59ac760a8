//! Churn: a classifier on a generated table with missing values and categories.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use bespoke::churn::{ChurnModel, ChurnParams, ChurnScore, ChurnValid, LabelledSnapshot};
use bespoke::features::{
    Column, FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, FeatureTable, SPEC_VERSION,
};
use bespoke::params::Params;
use bespoke::random::Random;
use bespoke::tables::Buckets;
use bespoke::types::Timestamp;
use rayon::prelude::*;
use serde::Deserialize;

use super::arrays;
use super::worker::{Data, Facts, Task};

/// A labelled table; its last fifth is for testing.
///
/// Every third column is a category of 4 to 40 levels, the others are normal or log-normal. The log-odds are a linear
/// part over the first ten columns, level effects, two interactions and a threshold; about a third leaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Labelled {
    n_rows: usize,
    n_columns: usize,
    p_missing: f64,
    seed: u64,
}

/// Columns that say something of the label.
const N_TELLING: usize = 10;

impl Data for Labelled {
    fn check(&self) -> Result<()> {
        ensure!(self.n_columns >= N_TELLING, "{} columns, at least {N_TELLING}", self.n_columns);
        ensure!(self.n_rows >= 1_000, "{} rows, at least 1000", self.n_rows);
        ensure!((0.0..0.9).contains(&self.p_missing), "p_missing is {}", self.p_missing);
        Ok(())
    }

    /// `columns.f64`, n_columns x n_rows, categories as level codes, missing as NaN; `churned.u32`, 0 or 1.
    fn generate(&self, dir: &Path) -> Result<()> {
        let random = Random::new(self.seed);
        let columns: Vec<Vec<f64>> = (0..self.n_columns)
            .into_par_iter()
            .map(|k| (0..self.n_rows).map(|row| self.cell(random, k, row)).collect())
            .collect();
        let churned: Vec<u32> = (0..self.n_rows)
            .into_par_iter()
            .map(|row| {
                let p = 1.0 / (1.0 + libm::exp(-self.log_odds(random, row)));
                u32::from(random.stream(9).uniform(row as u64) < p)
            })
            .collect();
        // What is missing had a say before it was lost.
        let lost = random.stream(8);
        let seen = |(k, column): (usize, Vec<f64>)| -> Vec<f64> {
            let lost = lost.stream(k as u64);
            let keep = |(row, cell)| if lost.uniform(row) < self.p_missing { f64::NAN } else { cell };
            (0..).zip(column).map(keep).collect()
        };
        let cells: Vec<f64> = columns.into_iter().enumerate().flat_map(seen).collect();
        arrays::write(dir, "columns.f64", &cells)?;
        arrays::write(dir, "churned.u32", &churned)
    }

    fn task(&self, task: &str, dir: &Path) -> Result<Box<dyn Task>> {
        let cells = arrays::read::<f64>(dir, "columns.f64")?;
        let churned: Vec<bool> = arrays::read::<u32>(dir, "churned.u32")?.iter().map(|&y| y == 1).collect();
        let n_train = self.n_rows / 5 * 4;
        let part = |rows: Range<usize>| LabelledSnapshot {
            as_of: Timestamp(0),
            table: self.table(&cells, rows.clone()),
            customers: rows.clone().map(|row| row as u32).collect(),
            eligible: vec![true; rows.len()],
            churned: churned[rows].to_vec(),
        };
        let valid = ChurnParams::new(90, 180, 1).check()?;
        let (train, test) = ([part(0..n_train)], part(n_train..self.n_rows).table);
        Ok(match task {
            "fit" => Box::new(Fit { valid, train, test, model: None }),
            "score" => Box::new(Score { model: valid.fit(&train)?, test, scores: Vec::new() }),
            _ => bail!("churn has no task \"{task}\""),
        })
    }
}

impl Labelled {
    /// Levels of a column, if it is a category.
    fn n_levels(k: usize) -> Option<usize> {
        (k % 3 == 2).then(|| [4, 12, 40][k / 3 % 3])
    }

    fn cell(&self, random: Random, k: usize, row: usize) -> f64 {
        let draws = random.stream(k as u64 + 100);
        match Self::n_levels(k) {
            // The square makes low codes frequent.
            Some(n) => libm::floor(n as f64 * libm::pow(draws.uniform(row as u64), 2.0)),
            None if k.is_multiple_of(2) => draws.normal(row as u64),
            None => libm::exp(draws.normal(row as u64)),
        }
    }

    fn log_odds(&self, random: Random, row: usize) -> f64 {
        let cell = |k| self.cell(random, k, row);
        let effect = |k: usize| match Self::n_levels(k) {
            Some(_) => 0.5 * random.stream(7).stream(k as u64).normal(cell(k) as u64),
            None => {
                0.35 * random.stream(6).normal(k as u64)
                    * if k.is_multiple_of(2) { cell(k) } else { libm::log(cell(k)) }
            }
        };
        let linear: f64 = (0..N_TELLING).map(effect).sum();
        let interactions = 0.5 * cell(0) * cell(4) + if cell(6) > 0.5 && cell(1) > 1.0 { 1.0 } else { 0.0 };
        linear + interactions - 1.0
    }

    fn table(&self, cells: &[f64], rows: Range<usize>) -> FeatureTable {
        let kind = |k| match Self::n_levels(k) {
            Some(n) => FeatureKind::Category { levels: (0..n).map(|level| format!("{level:02}")).collect() },
            None if k.is_multiple_of(2) => FeatureKind::Number,
            None => FeatureKind::Money,
        };
        let feature = |k: usize| FeatureDef {
            name: format!("c{k}"),
            label: format!("c{k}"),
            unit: String::new(),
            kind: kind(k),
            family: FeatureFamily::Purchases,
        };
        let column = |k: usize| {
            let cells = &cells[k * self.n_rows..][rows.clone()];
            let code = |x: &f64| (!x.is_nan()).then_some(*x as u32);
            match Self::n_levels(k) {
                Some(_) => Column::Category(cells.iter().map(code).collect()),
                None => Column::Number(cells.to_vec()),
            }
        };
        let features = (0..self.n_columns).map(feature).collect();
        FeatureTable::new(
            Arc::new(FeatureSpec { version: SPEC_VERSION, features }),
            (0..self.n_columns).map(column).collect(),
            Buckets::even(rows.len()),
        )
    }
}

struct Fit {
    valid: ChurnValid,
    train: [LabelledSnapshot; 1],
    test: FeatureTable,
    model: Option<ChurnModel>,
}

impl Task for Fit {
    fn run(&mut self) -> Result<()> {
        self.model = Some(self.valid.fit(&self.train)?);
        Ok(())
    }

    fn report(&self, out: &Path) -> Result<Facts> {
        let Some(model) = &self.model else { bail!("nothing was run") };
        write_scores(out, &model.predict(&self.test)?)
    }
}

struct Score {
    model: ChurnModel,
    test: FeatureTable,
    scores: Vec<ChurnScore>,
}

impl Task for Score {
    fn run(&mut self) -> Result<()> {
        self.scores = self.model.predict(&self.test)?;
        Ok(())
    }

    fn report(&self, out: &Path) -> Result<Facts> {
        write_scores(out, &self.scores)
    }
}

fn write_scores(out: &Path, scores: &[ChurnScore]) -> Result<Facts> {
    arrays::write(out, "margin.f64", &scores.iter().map(|score| score.margin).collect::<Vec<f64>>())?;
    arrays::write(out, "p_churn.f64", &scores.iter().map(|score| score.p_churn).collect::<Vec<f64>>())?;
    Ok(Facts::new())
}
