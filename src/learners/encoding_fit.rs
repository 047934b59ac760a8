//! Learning an encoding from training rows.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::encoding::{Design, Encoding, Scale, Source, SourceKind, signed_log};
use crate::error::SpecMismatch;
use crate::features::{Column, FeatureDef, FeatureKind, FeatureTable};

/// Levels held by fewer training rows are pooled; also the least that may appear in a model file.
const MIN_LEVEL_ROWS: usize = 25;
/// Columns more skewed than this are logged.
const LOG_ABOVE_SKEWNESS: f64 = 2.0;

/// Rows of one table.
pub type TableRows<'a> = (&'a FeatureTable, &'a [usize]);

impl Encoding {
    /// Learns from the given rows, one table after the other. Columns are independent of each other and sums run in
    /// row order, so threads do not matter.
    ///
    /// # Panics
    /// Without any table, or when tables differ in their columns: programmer errors.
    #[must_use]
    pub fn fit(tables: &[TableRows]) -> Self {
        let spec = tables[0].0.spec();
        let mut sources: Vec<Source> =
            (0..spec.features.len()).into_par_iter().map(|k| learn(&spec.features[k], tables, k)).collect();
        let mut n_columns = 0;
        for source in &mut sources {
            source.first = n_columns;
            n_columns += source.n_columns();
        }
        Self { version: spec.version, sources, n_columns }
    }

    /// The given rows, encoded, one table after the other.
    ///
    /// # Errors
    /// [`SpecMismatch`] when a table has other columns.
    pub fn design(&self, tables: &[TableRows]) -> Result<Design, SpecMismatch> {
        let n_rows = tables.iter().map(|(_, rows)| rows.len()).sum();
        let mut cells = vec![0.0; n_rows * self.n_columns()];
        let mut start = 0;
        for (table, rows) in tables {
            let reader = self.reader(table)?;
            let end = start + rows.len() * self.n_columns();
            // A model without columns has rows of no cells, which cannot be chunked.
            cells[start..end]
                .par_chunks_mut(self.n_columns().max(1))
                .zip(rows.par_iter())
                .for_each(|(cells, row)| reader.row(*row, cells));
            start = end;
        }
        Ok(Design::new(n_rows, self.n_columns(), cells))
    }
}

fn learn(def: &FeatureDef, tables: &[TableRows], k: usize) -> Source {
    let kind = match &def.kind {
        FeatureKind::Category { .. } => learn_category(tables, k),
        kind => learn_number(tables, k, *kind == FeatureKind::YesNo),
    };
    Source { name: def.name.clone(), label: def.label.clone(), unit: def.unit.clone(), kind, first: 0 }
}

fn learn_number(tables: &[TableRows], k: usize, yes_no: bool) -> SourceKind {
    let cells: Vec<f64> = tables
        .iter()
        .flat_map(|(table, rows)| {
            let Column::Number(column) = &table.columns()[k] else { unreachable!("one type per column") };
            rows.iter().map(|&row| column[row])
        })
        .collect();
    let mut present: Vec<f64> = cells.iter().copied().filter(|x| !x.is_nan()).collect();
    let n_missing = cells.len() - present.len();
    let missing = indicator(n_missing, cells.len());
    let mean = present.iter().sum::<f64>() / present.len().max(1) as f64;
    let log = !yes_no && skewness(&present, mean).abs() > LOG_ABOVE_SKEWNESS;
    let median = median(&mut present);
    let transformed = cells.iter().map(|x| if x.is_nan() { median } else { *x });
    let transformed: Vec<f64> =
        if log { transformed.map(signed_log).collect() } else { transformed.collect() };
    SourceKind::Number { log, median, mean, yes_no, scale: scale_of(&transformed), missing }
}

fn learn_category(tables: &[TableRows], k: usize) -> SourceKind {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut n_missing, mut n_rows) = (0, 0);
    for (table, rows) in tables {
        let (Column::Category(column), FeatureKind::Category { levels }) =
            (&table.columns()[k], &table.spec().features[k].kind)
        else {
            unreachable!("one type per column")
        };
        n_rows += rows.len();
        for &row in *rows {
            match column[row] {
                Some(code) => *counts.entry(&levels[code as usize]).or_default() += 1,
                None => n_missing += 1,
            }
        }
    }
    let kept = counts.iter().filter(|(_, n)| **n >= MIN_LEVEL_ROWS);
    let levels: Vec<(String, Scale)> =
        kept.filter_map(|(name, n)| Some(((*name).to_owned(), indicator(*n, n_rows)?))).collect();
    let n_other = counts.values().filter(|n| **n < MIN_LEVEL_ROWS).sum();
    SourceKind::Category { levels, other: indicator(n_other, n_rows), missing: indicator(n_missing, n_rows) }
}

/// Mean and standard deviation of an indicator; `None` when it is constant.
fn indicator(n_ones: usize, n_rows: usize) -> Option<Scale> {
    let mean = n_ones as f64 / n_rows as f64;
    (n_ones > 0 && n_ones < n_rows).then(|| Scale { mean, sd: (mean * (1.0 - mean)).sqrt() })
}

/// Mean and standard deviation; `None` when the cells do not differ beyond rounding.
fn scale_of(cells: &[f64]) -> Option<Scale> {
    let n = cells.len().max(1) as f64;
    let mean = cells.iter().sum::<f64>() / n;
    let sd = (cells.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt();
    (sd > 1e-12 * mean.abs() && sd.is_finite()).then_some(Scale { mean, sd })
}

/// Third standardised moment; 0 for a constant.
fn skewness(cells: &[f64], mean: f64) -> f64 {
    let n = cells.len().max(1) as f64;
    let square = cells.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let cube = cells.iter().map(|x| (x - mean).powi(3)).sum::<f64>() / n;
    if square > 0.0 { cube / square.powf(1.5) } else { 0.0 }
}

/// The middle cell, or the mean of both; 0 without any. Reorders the cells.
fn median(cells: &mut [f64]) -> f64 {
    let n = cells.len();
    if n == 0 {
        return 0.0;
    }
    let (below, middle, _) = cells.select_nth_unstable_by(n / 2, f64::total_cmp);
    let upper = *middle;
    if n % 2 == 1 {
        return upper;
    }
    0.5 * (below.iter().copied().fold(f64::NEG_INFINITY, f64::max) + upper)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::features::{FeatureFamily, FeatureSpec};
    use crate::tables::Buckets;

    fn def(name: &str, kind: FeatureKind) -> FeatureDef {
        FeatureDef {
            name: name.to_owned(),
            label: name.to_owned(),
            unit: String::new(),
            kind,
            family: FeatureFamily::Demographics,
        }
    }

    fn table(columns: Vec<(FeatureDef, Column)>) -> FeatureTable {
        let n = columns[0].1.len();
        let (features, columns) = columns.into_iter().unzip();
        FeatureTable::new(Arc::new(FeatureSpec { version: 1, features }), columns, Buckets::even(n))
    }

    fn levels(names: &[&str]) -> FeatureKind {
        FeatureKind::Category { levels: names.iter().map(|&n| n.to_owned()).collect() }
    }

    #[test]
    fn numbers_by_hand() {
        let cells = vec![1.0, f64::NAN, 3.0, 5.0];
        let t = table(vec![
            (def("x", FeatureKind::Number), Column::Number(cells)),
            (def("same", FeatureKind::Number), Column::Number(vec![0.1; 4])),
        ]);
        let encoding = Encoding::fit(&[(&t, &[0, 1, 2, 3])]);
        assert_eq!(encoding.n_columns(), 2);
        assert_eq!(encoding.columns_of(1), 2..2);
        assert_eq!(encoding.dropped().collect::<Vec<_>>(), ["same"]);
        let mut row = [0.0; 2];
        let reader = encoding.reader(&t).unwrap();
        // With the median 3 in the gap: mean 3, variance 8 / 4. The indicator: mean 1/4, variance 3/16.
        reader.row(3, &mut row);
        assert!(
            (row[0] - 2.0 / 2.0_f64.sqrt()).abs() < 1e-15
                && (row[1] + 0.25 / 0.1875_f64.sqrt()).abs() < 1e-15
        );
        reader.row(1, &mut row);
        assert!(row[0] == 0.0 && (row[1] - 0.75 / 0.1875_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn rare_levels_are_pooled_and_leave_no_name() {
        // 30 "a", 26 "b", 2 of names nobody should find in a model.
        let codes: Vec<Option<u32>> = (0..60)
            .map(|i| match i {
                0..30 => Some(0),
                30..56 => Some(1),
                56..58 => Some(i - 54),
                _ => None,
            })
            .collect();
        let t = table(vec![(def("c", levels(&["a", "b", "canary1", "canary2"])), Column::Category(codes))]);
        let rows: Vec<usize> = (0..60).collect();
        let encoding = Encoding::fit(&[(&t, &rows)]);
        assert_eq!(encoding.n_columns(), 4);
        assert!(!serde_json::to_string(&encoding).unwrap().contains("canary"));
        // The same names under other codes, and a level never seen: pooled with the rare ones.
        let other = table(vec![(def("c", levels(&["b", "new"])), Column::Category(vec![Some(0), Some(1)]))]);
        let (mut b, mut rare, mut unseen) = ([0.0; 4], [0.0; 4], [0.0; 4]);
        encoding.reader(&t).unwrap().row(30, &mut b);
        encoding.reader(&t).unwrap().row(56, &mut rare);
        let reader = encoding.reader(&other).unwrap();
        reader.row(1, &mut unseen);
        assert_eq!(rare, unseen);
        reader.row(0, &mut unseen);
        assert_eq!(b, unseen);
    }

    #[test]
    fn skewed_columns_are_logged_and_yes_no_is_not() {
        let skewed: Vec<f64> = (0..50).map(|i| if i == 0 { 1e4 } else { f64::from(i % 3) }).collect();
        let flag: Vec<f64> = (0..50).map(|i| f64::from(u8::from(i == 0))).collect();
        let t = table(vec![
            (def("spend", FeatureKind::Money), Column::Number(skewed)),
            (def("flag", FeatureKind::YesNo), Column::Number(flag)),
        ]);
        let rows: Vec<usize> = (0..50).collect();
        let encoding = Encoding::fit(&[(&t, &rows)]);
        assert!(matches!(encoding.sources[0].kind, SourceKind::Number { log: true, .. }));
        assert!(matches!(encoding.sources[1].kind, SourceKind::Number { log: false, .. }));
        assert_eq!(signed_log(-1.0), -std::f64::consts::LN_2);
    }

    #[test]
    fn medians_by_hand() {
        assert_eq!(median(&mut []), 0.0);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
    }

    #[test]
    fn other_columns_are_refused() {
        let t = table(vec![(def("x", FeatureKind::Number), Column::Number(vec![1.0, 2.0]))]);
        let encoding = Encoding::fit(&[(&t, &[0, 1])]);
        let renamed = table(vec![(def("y", FeatureKind::Number), Column::Number(vec![1.0]))]);
        assert_eq!(encoding.reader(&renamed).err().unwrap().column, "x");
        let retyped = table(vec![(def("x", levels(&["a"])), Column::Category(vec![None]))]);
        assert_eq!(encoding.reader(&retyped).err().unwrap().table, "a category");
        let wider = table(vec![
            (def("x", FeatureKind::Number), Column::Number(vec![1.0])),
            (def("y", FeatureKind::Number), Column::Number(vec![1.0])),
        ]);
        assert_eq!(encoding.reader(&wider).err().unwrap().column, "*");
    }
}
