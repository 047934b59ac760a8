//! Feature tables as standardised numbers, and back to their source columns for explanations.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::SpecMismatch;
use crate::features::{Column, FeatureDef, FeatureKind, FeatureSpec, FeatureTable};

/// How the columns of a feature table become columns of a linear model, learned on training rows.
///
/// Numbers: signed ln(1 + |x|) where the training skewness is above 2, missing cells at the median with an
/// indicator column if training had any, constant columns dropped. Categories: an indicator per level held by
/// at least 25 training rows, one for all other levels, one for missing. Everything is centred and divided by its
/// standard deviation, indicators too. Names of rarer levels are not kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoding {
    pub(super) version: u32,
    pub(super) sources: Vec<Source>,
    pub(super) n_columns: usize,
}

/// One column of the feature table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) unit: String,
    pub(super) kind: SourceKind,
    /// First of its encoded columns.
    pub(super) first: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub(super) enum SourceKind {
    Number {
        /// Whether cells are logged.
        log: bool,
        /// Median of the training cells in natural units; 0 without any.
        median: f64,
        /// Mean of the training cells in natural units.
        mean: f64,
        yes_no: bool,
        /// `None`: constant, dropped.
        scale: Option<Scale>,
        missing: Option<Scale>,
    },
    Category {
        levels: Vec<(String, Scale)>,
        other: Option<Scale>,
        missing: Option<Scale>,
    },
}

/// Mean and standard deviation of an encoded column in training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Scale {
    pub(super) mean: f64,
    pub(super) sd: f64,
}

impl Scale {
    fn of(self, x: f64) -> f64 {
        (x - self.mean) / self.sd
    }
}

impl Source {
    pub(super) fn n_columns(&self) -> usize {
        match &self.kind {
            SourceKind::Number { scale, missing, .. } => {
                usize::from(scale.is_some()) + usize::from(missing.is_some())
            }
            SourceKind::Category { levels, other, missing } => {
                levels.len() + usize::from(other.is_some()) + usize::from(missing.is_some())
            }
        }
    }
}

/// Signed ln(1 + |x|).
pub(super) fn signed_log(x: f64) -> f64 {
    libm::log1p(x.abs()).copysign(x)
}

impl Encoding {
    /// Number of encoded columns.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Number of columns of the feature table.
    #[must_use]
    pub fn n_sources(&self) -> usize {
        self.sources.len()
    }

    /// Name, label and unit of a source column.
    #[must_use]
    pub fn source(&self, source: usize) -> (&str, &str, &str) {
        let source = &self.sources[source];
        (&source.name, &source.label, &source.unit)
    }

    /// The encoded columns of a source column; empty when it was constant.
    #[must_use]
    pub fn columns_of(&self, source: usize) -> Range<usize> {
        let source = &self.sources[source];
        source.first..source.first + source.n_columns()
    }

    /// Mean of a number's training cells in natural units; `None` for categories.
    #[must_use]
    pub fn usual(&self, source: usize) -> Option<f64> {
        match &self.sources[source].kind {
            SourceKind::Number { mean, .. } => Some(*mean),
            SourceKind::Category { .. } => None,
        }
    }

    /// Whether a source column holds yes or no.
    #[must_use]
    pub fn is_yes_no(&self, source: usize) -> bool {
        matches!(self.sources[source].kind, SourceKind::Number { yes_no: true, .. })
    }

    /// Names of source columns that were constant in training and play no part.
    pub fn dropped(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().filter(|source| source.n_columns() == 0).map(|source| source.name.as_str())
    }

    /// Reads rows of a table whose columns have the names and types of the training table; levels are matched by
    /// name, so the table may know other levels.
    ///
    /// # Errors
    /// [`SpecMismatch`] naming the first column that differs.
    pub fn reader<'a>(&'a self, table: &'a FeatureTable) -> Result<Reader<'a>, SpecMismatch> {
        self.accepts(table.spec())?;
        let codes = |source: &Source, def: &FeatureDef| match (&source.kind, &def.kind) {
            (SourceKind::Category { levels, .. }, FeatureKind::Category { levels: names }) => {
                names.iter().map(|name| levels.iter().position(|(level, _)| level == name)).collect()
            }
            _ => Vec::new(),
        };
        let codes = self.sources.iter().zip(&table.spec().features).map(|(s, d)| codes(s, d)).collect();
        Ok(Reader { encoding: self, table, codes })
    }

    fn accepts(&self, spec: &FeatureSpec) -> Result<(), SpecMismatch> {
        let differs = |column: &str, model: String, table: String| {
            Err(SpecMismatch { column: column.to_owned(), model, table })
        };
        if self.version != spec.version {
            return differs("version", self.version.to_string(), spec.version.to_string());
        }
        for (source, def) in self.sources.iter().zip(&spec.features) {
            if source.name != def.name {
                return differs(&source.name, source.name.clone(), def.name.clone());
            }
            let is_category = |yes: bool| if yes { "a category" } else { "a number" }.to_owned();
            let mine = matches!(source.kind, SourceKind::Category { .. });
            let theirs = matches!(def.kind, FeatureKind::Category { .. });
            if mine != theirs {
                return differs(&source.name, is_category(mine), is_category(theirs));
            }
        }
        if self.sources.len() != spec.features.len() {
            let columns = |n: usize| format!("{n} columns");
            return differs("*", columns(self.sources.len()), columns(spec.features.len()));
        }
        Ok(())
    }
}

/// Rows of one table, encoded.
pub struct Reader<'a> {
    encoding: &'a Encoding,
    table: &'a FeatureTable,
    /// Kept level of each of the table's codes, per source.
    codes: Vec<Vec<Option<usize>>>,
}

/// A cell as people read it.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// A number in natural units.
    Number(f64),
    /// The name of a level.
    Level(&'a str),
    /// No value.
    Missing,
}

impl Reader<'_> {
    /// Writes the encoded cells of a row.
    ///
    /// # Panics
    /// When `cells` does not have one cell per encoded column, or the table no such row: programmer errors.
    pub fn row(&self, row: usize, cells: &mut [f64]) {
        assert_eq!(cells.len(), self.encoding.n_columns, "one cell per encoded column");
        for (k, source) in self.encoding.sources.iter().enumerate() {
            let cells = &mut cells[source.first..source.first + source.n_columns()];
            match (&source.kind, &self.table.columns()[k]) {
                (SourceKind::Number { log, median, scale, missing, .. }, Column::Number(column)) => {
                    let x = column[row];
                    let filled = if x.is_nan() { *median } else { x };
                    let mut next = 0;
                    if let Some(scale) = scale {
                        cells[next] = scale.of(if *log { signed_log(filled) } else { filled });
                        next += 1;
                    }
                    if let Some(missing) = missing {
                        cells[next] = missing.of(f64::from(u8::from(x.is_nan())));
                    }
                }
                (SourceKind::Category { levels, other, missing }, Column::Category(column)) => {
                    let code = column[row];
                    let level = code.and_then(|code| self.codes[k][code as usize]);
                    let flags = (0..levels.len()).map(|i| level == Some(i));
                    let flags = flags
                        .chain(other.iter().map(|_| code.is_some() && level.is_none()))
                        .chain(missing.iter().map(|_| code.is_none()));
                    let scales = levels.iter().map(|level| &level.1).chain(other).chain(missing);
                    for ((cell, flag), scale) in cells.iter_mut().zip(flags).zip(scales) {
                        *cell = scale.of(f64::from(u8::from(flag)));
                    }
                }
                _ => unreachable!("types were compared when the reader was made"),
            }
        }
    }

    /// The cell of a source column in natural units.
    #[must_use]
    pub fn cell(&self, row: usize, source: usize) -> Cell<'_> {
        match &self.table.columns()[source] {
            Column::Number(column) if column[row].is_nan() => Cell::Missing,
            Column::Number(column) => Cell::Number(column[row]),
            Column::Category(column) => match (column[row], &self.table.spec().features[source].kind) {
                (Some(code), FeatureKind::Category { levels }) => Cell::Level(&levels[code as usize]),
                _ => Cell::Missing,
            },
        }
    }
}

/// n_rows x n_columns numbers, row by row.
#[derive(Clone, Debug)]
pub struct Design {
    n_columns: usize,
    cells: Vec<f64>,
    n_rows: usize,
}

impl Design {
    /// From cells row by row.
    ///
    /// # Panics
    /// When the number of cells is not n_rows * n_columns: a programmer error.
    #[must_use]
    pub fn new(n_rows: usize, n_columns: usize, cells: Vec<f64>) -> Self {
        assert_eq!(cells.len(), n_rows * n_columns, "one cell per row and column");
        Self { n_columns, cells, n_rows }
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Cells of a row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.cells[row * self.n_columns..(row + 1) * self.n_columns]
    }
}
