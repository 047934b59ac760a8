//! From features in natural units to columns whose squared differences may be added.
//!
//! Numbers: a skew transform chosen by the rule of [`crate::personas::SkewReport`]; cells beyond the far-out fences set aside; the
//! rest capped at its .5 % and 99.5 % quantiles and standardised. Categories: one column per level times sqrt(2/pi) /
//! sqrt(1 - sum p^2), so that every category has the same total variance whatever its levels; yes/no features have
//! that variance too. It is 2/pi against 1 of a number, because a cut in two explains 2/pi of a normal number but all
//! of a yes/no. Missing cells and those set aside say nothing ([`super::gaps`]) but for a light column "is missing".
//! All cells lie on the grid of [`crate::personas::grid`].

use serde::{Deserialize, Serialize};

use super::columns::{Columns, Counts, named_level, number_cell, write_category, write_number};
#[cfg(feature = "train")]
use super::encoding::CategoryEncoding;
use super::encoding::{EncodedFeature, Encoding};
use super::gaps::Gaps;
use crate::error::SpecMismatch;
use crate::features::{Column, FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, FeatureTable};
use crate::personas::grid::GridMatrix;
use crate::personas::report::{Encoded, FeatureReport, TransformReport};

/// Rows that one task transforms.
const BLOCK: usize = 1024;

/// A cell of one customer, as in [`Column`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// A number; NaN is a missing cell.
    Number(f64),
    /// A level code of the table's own specification; `None` is a missing cell.
    Category(Option<u32>),
}

impl Cell {
    fn is_missing(self) -> bool {
        match self {
            Self::Number(x) => x.is_nan(),
            Self::Category(code) => code.is_none(),
        }
    }
}

/// The fitted transform: from a table in natural units to n_customers x n_columns cells on the grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonaTransform {
    pub(crate) spec_version: u32,
    pub(crate) features: Vec<EncodedFeature>,
    pub(crate) n_columns: usize,
    /// Variance of every column over the customers for whom it says something.
    pub(crate) variances: Vec<f64>,
    pub(crate) report: TransformReport,
}

impl PersonaTransform {
    /// The features with their encodings, in the order of the table.
    #[must_use]
    pub fn features(&self) -> &[EncodedFeature] {
        &self.features
    }

    /// Number of columns without the padding.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The columns of every feature that has some, in the order of the table.
    #[cfg(feature = "train")]
    pub(crate) fn columns(&self) -> Vec<std::ops::Range<usize>> {
        let columns = |f: &EncodedFeature| f.first_column..f.first_column + f.n_columns();
        self.features.iter().map(columns).filter(|columns| !columns.is_empty()).collect()
    }

    /// What fitting had to do to the table.
    #[must_use]
    pub fn report(&self) -> &TransformReport {
        &self.report
    }

    /// Reads the level codes of tables of the given specification.
    ///
    /// Levels may differ from those of the fit: they are matched by name, and an unseen one counts as "other".
    ///
    /// # Errors
    /// [`SpecMismatch`] when version, number, names, units or kinds of the features differ.
    pub fn bind(&self, spec: &FeatureSpec) -> Result<BoundTransform<'_>, SpecMismatch> {
        let differs = |column: &str, model: String, table: String| {
            Err(SpecMismatch { column: column.to_owned(), model, table })
        };
        if self.spec_version != spec.version {
            return differs("version", self.spec_version.to_string(), spec.version.to_string());
        }
        for (mine, theirs) in self.features.iter().zip(&spec.features) {
            let (mine, theirs) = (signature(&mine.def), signature(theirs));
            if mine != theirs {
                return differs(mine.0, format!("{mine:?}"), format!("{theirs:?}"));
            }
        }
        if self.features.len() != spec.features.len() {
            let [mine, theirs] = [self.features.len(), spec.features.len()].map(|n| format!("{n} columns"));
            return differs("*", mine, theirs);
        }
        let slots =
            self.features.iter().zip(&spec.features).map(|(mine, theirs)| slots(mine, theirs)).collect();
        Ok(BoundTransform { transform: self, slots })
    }

    /// Variance of every column over the customers for whom it says something.
    #[must_use]
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// All rows of a table, and what had to be done to them. Row by row it is the same as
    /// [`BoundTransform::row`], bit for bit.
    ///
    /// # Errors
    /// As [`PersonaTransform::bind`].
    pub fn apply(&self, table: &FeatureTable) -> Result<Encoded, SpecMismatch> {
        let bound = self.bind(table.spec())?;
        let mut matrix = GridMatrix::zeros(table.n_rows(), self.n_columns);
        let stride = matrix.stride();
        let block = |(b, cells): (usize, &mut [f32])| {
            let mut counts = vec![Counts::default(); self.features.len()];
            let mut gaps = Gaps::new();
            for (i, out) in cells.chunks_exact_mut(stride).enumerate() {
                let cell = |f: usize| cell_at(&table.columns()[f], b * BLOCK + i);
                gaps.push_row(|gaps| bound.write(cell, out, gaps, &mut counts));
            }
            (counts, gaps)
        };
        #[cfg(feature = "train")]
        let parts: Vec<(Vec<Counts>, Gaps)> = {
            use rayon::prelude::*;
            matrix.cells_mut().par_chunks_mut(BLOCK * stride).enumerate().map(block).collect()
        };
        #[cfg(not(feature = "train"))]
        let parts: Vec<(Vec<Counts>, Gaps)> =
            matrix.cells_mut().chunks_mut(BLOCK * stride).enumerate().map(block).collect();
        let mut gaps = Gaps::new();
        parts.iter().for_each(|(_, of_block)| gaps.append(of_block));
        let counts: Vec<Vec<Counts>> = parts.into_iter().map(|(counts, _)| counts).collect();
        Ok(Encoded { matrix, gaps, report: self.report_of(&counts) })
    }

    /// The report of the fit with the counts of other rows.
    fn report_of(&self, parts: &[Vec<Counts>]) -> TransformReport {
        let mut report = TransformReport { features: Vec::new(), ..self.report.clone() };
        for (f, feature) in self.features.iter().enumerate() {
            let sum = |of: fn(&Counts) -> u64| parts.iter().map(|part| of(&part[f])).sum();
            let fitted = self.report.features.get(f);
            report.features.push(FeatureReport {
                name: feature.def.name.clone(),
                n_missing: sum(|c| c.missing),
                n_set_aside: sum(|c| c.set_aside),
                n_capped: sum(|c| c.capped),
                n_pooled: sum(|c| c.pooled),
                dropped: match feature.encoding {
                    Encoding::Dropped { reason } => Some(reason),
                    _ => None,
                },
                reported_only: feature.reported_only,
                skew: fitted.and_then(|fitted| fitted.skew),
                relevance: fitted.and_then(|fitted| fitted.relevance),
                variance_share: fitted.map_or(0.0, |fitted| fitted.variance_share),
            });
        }
        report
    }
}

/// What must be equal between two definitions of a feature; labels are words and levels are matched by name.
fn signature(def: &FeatureDef) -> (&str, &str, FeatureFamily, &'static str) {
    let kind = match def.kind {
        FeatureKind::Money => "money",
        FeatureKind::Count => "count",
        FeatureKind::Duration => "duration",
        FeatureKind::Share => "share",
        FeatureKind::Trend => "trend",
        FeatureKind::Number => "number",
        FeatureKind::YesNo => "yes or no",
        FeatureKind::Category { .. } => "category",
    };
    (&def.name, &def.unit, def.family, kind)
}

/// By level code of the table, the level of the encoding, if it has one.
fn slots(mine: &EncodedFeature, theirs: &FeatureDef) -> Vec<Option<usize>> {
    match (&mine.encoding, &theirs.kind) {
        (Encoding::Category(category), FeatureKind::Category { levels }) => {
            let named = &category.levels[..category.n_named()];
            levels.iter().map(|level| named.iter().position(|known| known == level)).collect()
        }
        _ => Vec::new(),
    }
}

fn cell_at(column: &Column, row: usize) -> Cell {
    match column {
        Column::Number(cells) => Cell::Number(cells[row]),
        Column::Category(codes) => Cell::Category(codes[row]),
    }
}

/// A transform that knows the level codes of one specification.
#[derive(Clone, Debug)]
pub struct BoundTransform<'a> {
    transform: &'a PersonaTransform,
    slots: Vec<Vec<Option<usize>>>,
}

impl BoundTransform<'_> {
    /// The columns of one customer, exactly as [`PersonaTransform::apply`] gives them, and those of them that say
    /// nothing, ascending; `out` has at least n_columns cells.
    ///
    /// # Panics
    /// When `cells` are not one per feature and of its type, or `out` is too short: a programmer error.
    pub fn row(&self, cells: &[Cell], out: &mut [f32]) -> Vec<u32> {
        assert_eq!(cells.len(), self.transform.features.len(), "one cell per feature");
        let mut counts = vec![Counts::default(); cells.len()];
        let mut gaps = Vec::new();
        self.write(|f| cells[f], out, &mut gaps, &mut counts);
        gaps
    }

    /// The level of a cell of category `f`; `None` when the encoding has none for it.
    #[cfg(feature = "train")]
    pub(crate) fn level(&self, f: usize, category: &CategoryEncoding, code: Option<u32>) -> Option<usize> {
        named_level(&self.slots[f], code).or_else(|| category.unnamed(code.is_none()))
    }

    fn write(
        &self,
        cell: impl Fn(usize) -> Cell,
        out: &mut [f32],
        gaps: &mut Vec<u32>,
        counts: &mut [Counts],
    ) {
        for (f, feature) in self.transform.features.iter().enumerate() {
            let mut columns = Columns { first: feature.first_column, out, gaps };
            match (&feature.encoding, cell(f)) {
                (Encoding::Dropped { .. }, cell) => counts[f].missing += u64::from(cell.is_missing()),
                (Encoding::Number(number), Cell::Number(x)) => {
                    let cell = number_cell(number, x, &mut counts[f]);
                    if !feature.reported_only {
                        write_number(number, cell, x.is_nan(), &mut columns);
                    }
                }
                (Encoding::Category(category), Cell::Category(code)) => {
                    let level = named_level(&self.slots[f], code);
                    counts[f].missing += u64::from(code.is_none());
                    counts[f].pooled += u64::from(code.is_some() && level.is_none());
                    if !feature.reported_only {
                        let level = level.or_else(|| category.unnamed(code.is_none()));
                        write_category(category, level, &mut columns);
                    }
                }
                (_, cell) => panic!("{}: {cell:?} is of another type", feature.def.name),
            }
        }
    }
}

#[cfg(all(test, feature = "train"))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::features::{POOLED_LEVEL, SPEC_VERSION};
    use crate::personas::OTHER;
    use crate::personas::{DropReason, PersonaParams, Relevance, SkewTransform};
    use crate::tables::Buckets;

    fn fitted(kind: FeatureKind, column: Column) -> (PersonaTransform, GridMatrix) {
        let family = FeatureFamily::Purchases;
        let def = FeatureDef { name: "x".into(), label: "x".into(), unit: String::new(), kind, family };
        let buckets = Buckets::even(column.len());
        let spec = FeatureSpec { version: SPEC_VERSION, features: vec![def] };
        let table = FeatureTable::new(Arc::new(spec), vec![column], buckets);
        let params = PersonaParams { relevance: Relevance::Even, ..PersonaParams::new(2, 1) };
        let (transform, encoded) = PersonaTransform::fit(&table, &params).unwrap();
        (transform, encoded.matrix)
    }

    fn columns(matrix: &GridMatrix) -> Vec<Vec<f64>> {
        let cell = |row: usize, c: usize| f64::from(matrix.row(row)[c]);
        (0..matrix.n_columns()).map(|c| (0..matrix.n_rows()).map(|row| cell(row, c)).collect()).collect()
    }

    fn variance(column: &[f64]) -> f64 {
        let n = column.len() as f64;
        let mean = column.iter().sum::<f64>() / n;
        column.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n
    }

    #[test]
    fn symmetric_numbers_are_standardised() {
        // Mean 2, variance 1; with four cells in equal halves the quantiles are the ends.
        let (_, matrix) = fitted(FeatureKind::Number, Column::Number(vec![1.0, 3.0, 1.0, 3.0]));
        assert_eq!(columns(&matrix), [[-1.0, 1.0, -1.0, 1.0]]);
    }

    #[test]
    fn skew_transforms_keep_the_sign() {
        assert_eq!(SkewTransform::Log.of(-1.0), -std::f64::consts::LN_2);
        assert_eq!(SkewTransform::Root.of(-4.0), -2.0);
        for transform in SkewTransform::ALL {
            assert_eq!(transform.of(0.0), 0.0);
            assert!(transform.of(f64::NAN).is_nan());
        }
        let e = std::f64::consts::E;
        let (_, matrix) =
            fitted(FeatureKind::Money, Column::Number(vec![0.0, e * e - 1.0, 0.0, e * e - 1.0]));
        assert_eq!(columns(&matrix), [[-1.0, 1.0, -1.0, 1.0]]);
    }

    #[test]
    fn numbers_are_set_aside_beyond_the_fences_and_capped_at_their_quantiles() {
        // Quantiles 100, 500 and 900: fences at -700 and 1700. Without the cell far out the caps are exact.
        let mut cells: Vec<f64> = (0..1001).map(f64::from).collect();
        cells.push(1800.0);
        cells.push(-800.0);
        let (transform, matrix) = fitted(FeatureKind::Number, Column::Number(cells.clone()));
        let Encoding::Number(number) = &transform.features[0].encoding else { panic!("a number") };
        assert!(
            number.fences.is_some_and(|[low, high]| (low + 700.0).abs() < 5.0 && (high - 1700.0).abs() < 5.0)
        );
        assert_eq!((number.low, number.high, number.mean), (5.0, 995.0, 500.0));
        assert_eq!(matrix.row(1000), matrix.row(996));
        let report = &transform.report.features[0];
        assert_eq!((report.n_capped, report.n_set_aside, report.n_missing), (10, 2, 0));
        // With more than half of the cells equal there is no bulk to be far from.
        let flat = (0..1000).map(|i| if i < 600 { 0.0 } else { f64::from(i) }).collect();
        let (transform, _) = fitted(FeatureKind::Number, Column::Number(flat));
        let Encoding::Number(number) = &transform.features[0].encoding else { panic!("a number") };
        assert_eq!(number.fences, None);
    }

    #[test]
    fn missing_numbers_are_gaps_and_a_light_column() {
        let mut cells: Vec<f64> = (0..90).map(f64::from).collect();
        cells.extend([f64::NAN; 10]);
        let (transform, matrix) = fitted(FeatureKind::Number, Column::Number(cells));
        let Encoding::Number(number) = &transform.features[0].encoding else { panic!("a number") };
        assert!((number.mean - 44.5).abs() < 1e-9);
        let columns = columns(&matrix);
        assert_eq!((columns[0][95], columns[0][99]), (0.0, 0.0));
        assert!((transform.variances[0] - 1.0).abs() < 1e-5 && (variance(&columns[1]) - 0.1).abs() < 1e-5);
        assert_eq!(transform.report.features[0].n_missing, 10);
        let rarely: Vec<f64> = (0..200).map(|i| if i == 7 { f64::NAN } else { f64::from(i) }).collect();
        assert_eq!(fitted(FeatureKind::Number, Column::Number(rarely)).0.n_columns, 1);
    }

    #[test]
    fn missing_levels_are_gaps_and_a_light_column() {
        let codes: Vec<Option<u32>> =
            (0..1000).map(|i| if i % 4 == 0 { None } else { Some((i % 2) as u32) }).collect();
        let levels = ["a", "b"].map(str::to_owned).to_vec();
        let (transform, matrix) = fitted(FeatureKind::Category { levels }, Column::Category(codes.clone()));
        let total = transform.variances[0] + transform.variances[1];
        assert!((total - std::f64::consts::FRAC_2_PI).abs() < 1e-5, "{total}");
        assert!((transform.variances[2] - 0.1).abs() < 1e-5);
        assert_eq!(matrix.row(0)[..2], [0.0, 0.0]);
        // A single level: whether there is one is the only answer, with the variance of an answer.
        let codes = codes.iter().map(|code| code.map(|_| 0)).collect();
        let levels = vec!["a".to_owned()];
        let (transform, _) = fitted(FeatureKind::Category { levels }, Column::Category(codes));
        assert_eq!(transform.n_columns, 2);
        assert!((transform.variances[1] - std::f64::consts::FRAC_2_PI).abs() < 1e-5);
    }

    #[test]
    fn every_category_and_answer_has_the_same_total_variance() {
        let codes: Vec<Option<u32>> = (0..1000).map(|i| Some([0, 1, 1, 2][i % 4])).collect();
        let levels = ["a", "b", "c"].map(str::to_owned).to_vec();
        let (_, matrix) = fitted(FeatureKind::Category { levels }, Column::Category(codes));
        let total: f64 = columns(&matrix).iter().map(|c| variance(c)).sum();
        assert!((total - std::f64::consts::FRAC_2_PI).abs() < 1e-5);
        let answers: Vec<f64> = (0..1000).map(|i| f64::from(u8::from(i % 5 == 0))).collect();
        let (_, matrix) = fitted(FeatureKind::YesNo, Column::Number(answers));
        assert!((variance(&columns(&matrix)[0]) - std::f64::consts::FRAC_2_PI).abs() < 1e-5);
    }

    #[test]
    fn levels_below_25_customers_or_one_percent_are_pooled() {
        let level = |i: usize| match i {
            0..24 => 0,
            24..49 => 1,
            _ => 2,
        };
        let encoded = |n: usize| {
            let codes = (0..n).map(|i| Some(level(i))).collect();
            let levels = ["few", "enough", "most"].map(str::to_owned).to_vec();
            fitted(FeatureKind::Category { levels }, Column::Category(codes)).0
        };
        let names = |transform: &PersonaTransform| match &transform.features[0].encoding {
            Encoding::Category(category) => category.levels.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(names(&encoded(1000)), ["enough", "most", OTHER]);
        assert_eq!(encoded(1000).report.features[0].n_pooled, 24);
        assert_eq!(names(&encoded(2600)), ["most", OTHER]);
    }

    #[test]
    fn features_without_a_say_have_no_column_and_say_why() {
        let dropped = |kind, column| fitted(kind, column).0.report.features[0].dropped;
        let constant = Column::Number(vec![0.1; 30]);
        assert_eq!(dropped(FeatureKind::Count, constant), Some(DropReason::Constant));
        let missing = Column::Number(vec![f64::NAN; 3]);
        assert_eq!(dropped(FeatureKind::Share, missing), Some(DropReason::AllMissing));
        let rare = Column::Number((0..1000).map(|i| f64::from(u8::from(i < 9))).collect());
        assert_eq!(dropped(FeatureKind::YesNo, rare), Some(DropReason::TooRare));
        let levels = || FeatureKind::Category { levels: vec!["a".to_owned(), "b".to_owned()] };
        let one_level = Column::Category(vec![Some(1); 100]);
        assert_eq!(dropped(levels(), one_level), Some(DropReason::Constant));
        let no_level = Column::Category(vec![None; 100]);
        assert_eq!(dropped(levels(), no_level), Some(DropReason::AllMissing));
        let pooled = FeatureKind::Category { levels: vec![POOLED_LEVEL.to_owned()] };
        let many_rare = Column::Category(vec![Some(0); 100]);
        assert_eq!(dropped(pooled, many_rare), Some(DropReason::NoLargeLevel));
    }
}
