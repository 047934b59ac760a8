//! Columns that know too much.

use rayon::prelude::*;

use super::evaluation::ChurnWarning;
use crate::features::{Column, FeatureKind};
use crate::learners::TableRows;
use crate::metrics::classification::Outcomes;

/// A single column above this area under the curve is suspect.
const SUSPECT_AUC: f64 = 0.95;
/// Rows that are enough to see it: every k-th is looked at.
const LOOKED_AT: usize = 5000;
/// A level needs this many rows to be suspect.
const SUSPECT_LEVEL_ROWS: usize = 30;

/// One warning per suspect column or level, in column order.
pub(super) fn suspects(tables: &[TableRows], churned: &[bool]) -> Vec<ChurnWarning> {
    let spec = tables[0].0.spec();
    let found: Vec<Vec<ChurnWarning>> = (0..spec.features.len())
        .into_par_iter()
        .map(|k| match &spec.features[k].kind {
            FeatureKind::Category { .. } => suspect_levels(tables, churned, k),
            _ => suspect_number(tables, churned, k).into_iter().collect(),
        })
        .collect();
    found.into_iter().flatten().collect()
}

fn suspect_number(tables: &[TableRows], churned: &[bool], k: usize) -> Option<ChurnWarning> {
    let every = churned.len().div_ceil(LOOKED_AT).max(1);
    let churned: Vec<bool> = churned.iter().step_by(every).copied().collect();
    let scores: Vec<f64> = tables
        .iter()
        .flat_map(|(table, rows)| {
            let Column::Number(cells) = &table.columns()[k] else { unreachable!("one type per column") };
            // Missing may itself be the leak: it ranks below everything.
            rows.iter().map(|&row| if cells[row].is_nan() { f64::NEG_INFINITY } else { cells[row] })
        })
        .step_by(every)
        .collect();
    let outcomes = Outcomes::new(&scores, &vec![0.5; scores.len()], &churned).ok()?;
    let auc = outcomes.auc().estimate;
    let auc = auc.max(1.0 - auc);
    let column = tables[0].0.spec().features[k].name.clone();
    (auc > SUSPECT_AUC).then_some(ChurnWarning::LeakSuspected { column, auc })
}

fn suspect_levels(tables: &[TableRows], churned: &[bool], k: usize) -> Vec<ChurnWarning> {
    let mut counts = std::collections::BTreeMap::<&str, (usize, usize)>::new();
    let mut labels = churned.iter();
    for (table, rows) in tables {
        let (Column::Category(cells), FeatureKind::Category { levels }) =
            (&table.columns()[k], &table.spec().features[k].kind)
        else {
            unreachable!("one type per column")
        };
        for (&row, &left) in rows.iter().zip(labels.by_ref()) {
            if let Some(code) = cells[row] {
                let count = counts.entry(&levels[code as usize]).or_default();
                count.0 += 1;
                count.1 += usize::from(left);
            }
        }
    }
    let column = &tables[0].0.spec().features[k].name;
    counts
        .into_iter()
        .filter(|(_, (n, left))| *n >= SUSPECT_LEVEL_ROWS && (*left == 0 || left == n))
        .map(|(level, (n, left))| ChurnWarning::LevelDecides {
            column: column.clone(),
            level: level.to_owned(),
            n,
            rate: left as f64 / n as f64,
        })
        .collect()
}
