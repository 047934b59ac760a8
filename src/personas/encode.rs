//! Fits a [`PersonaTransform`]: quantiles, means and level shares of a table.
//!
//! Features are fitted beside each other, each by one thread in row order, so no sum depends on threads.

use rayon::prelude::*;

use super::encoding::{
    CategoryEncoding, DropReason, EncodedFeature, Encoding, IndicatorEncoding, MISSING, NumberEncoding, OTHER,
};
use super::grid::GridMatrix;
use super::transform::{PersonaTransform, TransformReport, signed_log};
use crate::error::DataError;
use crate::features::{Column, FeatureDef, FeatureFamily, FeatureKind, FeatureTable};

/// Quantiles at which numbers are capped.
const CAPS: [f64; 2] = [0.005, 0.995];

/// Levels, answers and missing cells below this share of the customers have no column of their own.
const MIN_SHARE: f64 = 0.01;

/// Levels with fewer customers are pooled whatever their share: a model names no small group.
const MIN_LEVEL_CUSTOMERS: usize = 25;

/// Variance of a column that says "missing", against 1 of a number.
const INDICATOR_VARIANCE: f64 = 0.1;

/// Total variance of a yes/no or a category, against 1 of a number: the share of its variance that a normal number
/// loses when it is cut in two at its mean. A split by a yes/no explains all of its variance, so with 1 it would
/// always be a better bargain than a split by any number, and personas would be made of answers.
const DISCRETE_VARIANCE: f64 = std::f64::consts::FRAC_2_PI;

/// Pairs of columns that correlate above this are reported.
const DUPLICATE: f64 = 0.999;

/// Rows over which correlations are computed, evenly spaced.
const CORRELATION_ROWS: usize = 10_000;

/// The say of each group of features.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupWeights {
    pub(crate) behaviour: f64,
    pub(crate) demographics: f64,
}

impl PersonaTransform {
    /// Fits the transform on all rows and transforms them.
    ///
    /// # Errors
    /// An infinite cell.
    pub(crate) fn fit(table: &FeatureTable, weights: GroupWeights) -> Result<(Self, GridMatrix), DataError> {
        let spec = table.spec();
        let encoded: Vec<Result<(FeatureDef, Encoding), DataError>> = spec
            .features
            .par_iter()
            .zip(table.columns())
            .map(|(def, column)| encode(def, column, weights))
            .collect();
        let mut transform = Self {
            spec_version: spec.version,
            features: Vec::new(),
            n_columns: 0,
            report: TransformReport::default(),
        };
        for encoded in encoded {
            let (def, encoding) = encoded?;
            let feature = EncodedFeature { def, encoding, first_column: transform.n_columns };
            transform.n_columns += feature.n_columns();
            transform.features.push(feature);
        }
        let (matrix, mut report) =
            transform.apply(table).expect("a transform accepts the table it was fitted on");
        let variances: Vec<f64> = transform.features.iter().map(|f| variance(&matrix, f)).collect();
        let total: f64 = variances.iter().sum();
        for (feature, variance) in report.features.iter_mut().zip(&variances) {
            feature.variance_share = if total > 0.0 { variance / total } else { 0.0 };
        }
        report.duplicates = duplicates(&transform, &matrix);
        transform.report = report;
        Ok((transform, matrix))
    }
}

fn encode(
    def: &FeatureDef,
    column: &Column,
    weights: GroupWeights,
) -> Result<(FeatureDef, Encoding), DataError> {
    let weight = match def.family {
        FeatureFamily::Demographics => weights.demographics,
        _ => weights.behaviour,
    };
    let mut def = def.clone();
    let mut encoding = match (column, &mut def.kind) {
        (Column::Number(cells), kind) => encode_number(&def.name, kind, cells, weight)?,
        (Column::Category(codes), FeatureKind::Category { levels }) => {
            let (encoding, named) = encode_category(levels, codes, weight);
            *levels = named;
            encoding
        }
        (Column::Category(_), _) => unreachable!("a feature table holds the columns its specification says"),
    };
    if weight == 0.0 {
        encoding = Encoding::Dropped { reason: DropReason::NoWeight };
    }
    if let (Encoding::Dropped { .. }, FeatureKind::Category { levels }) = (&encoding, &mut def.kind) {
        levels.clear();
    }
    Ok((def, encoding))
}

fn encode_number(name: &str, kind: &FeatureKind, cells: &[f64], weight: f64) -> Result<Encoding, DataError> {
    let log = matches!(kind, FeatureKind::Money | FeatureKind::Count | FeatureKind::Duration);
    if let Some(row) = cells.iter().position(|x| x.is_infinite()) {
        let (column, value) = (name.to_owned(), cells[row].to_string());
        let rule = "finite or missing";
        return Err(DataError::BadCell { model: "personas", row, column, value, rule });
    }
    let observed = |x: f64| if log { signed_log(x) } else { x };
    let mut sorted: Vec<f64> = cells.iter().filter(|x| !x.is_nan()).map(|&x| observed(x)).collect();
    if sorted.is_empty() {
        return Ok(Encoding::Dropped { reason: DropReason::AllMissing });
    }
    let n = cells.len() as f64;
    let n_missing = cells.len() - sorted.len();
    let median = quantile(&mut sorted, 0.5);
    let (low, high) = if *kind == FeatureKind::YesNo {
        let n_yes = sorted.iter().filter(|&&x| x > 0.5).count();
        let rarer = n_yes.min(sorted.len() - n_yes);
        if rarer > 0 && (rarer as f64) < MIN_SHARE * n {
            return Ok(Encoding::Dropped { reason: DropReason::TooRare });
        }
        (0.0, 1.0)
    } else {
        (quantile(&mut sorted, CAPS[0]), quantile(&mut sorted, CAPS[1]))
    };
    // The answer of the majority, where one half of the customers each would give a median of 0.5.
    let median = if *kind == FeatureKind::YesNo { median.round() } else { median };
    let capped = |x: f64| if x.is_nan() { median } else { observed(x).clamp(low, high) };
    let mean = cells.iter().map(|&x| capped(x)).sum::<f64>() / n;
    let sd = (cells.iter().map(|&x| (capped(x) - mean) * (capped(x) - mean)).sum::<f64>() / n).sqrt();
    // Below this share of the mean a spread is rounding.
    if sd <= 1e-12 * mean.abs() {
        return Ok(Encoding::Dropped { reason: DropReason::Constant });
    }
    let share = n_missing as f64 / n;
    let variance = if *kind == FeatureKind::YesNo { DISCRETE_VARIANCE } else { 1.0 };
    let scale = (weight * variance).sqrt();
    let indicator = (share > MIN_SHARE).then(|| IndicatorEncoding {
        share,
        scale: (weight * INDICATOR_VARIANCE / (share * (1.0 - share))).sqrt(),
    });
    Ok(Encoding::Number(NumberEncoding { log, low, high, median, mean, sd, scale, indicator }))
}

/// The quantile with linear interpolation between order statistics (type 7 of Hyndman, Fan 1996).
pub(crate) fn quantile(cells: &mut [f64], q: f64) -> f64 {
    let at = q * (cells.len() - 1) as f64;
    let (_, &mut low, above) = cells.select_nth_unstable_by(at as usize, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    low + (high - low) * at.fract()
}

/// The encoding, and the levels with a column of their own.
fn encode_category(levels: &[String], codes: &[Option<u32>], weight: f64) -> (Encoding, Vec<String>) {
    let mut counts = vec![0usize; levels.len()];
    let mut n_missing = 0;
    for code in codes {
        match code {
            Some(code) => counts[*code as usize] += 1,
            None => n_missing += 1,
        }
    }
    if n_missing == codes.len() {
        return (Encoding::Dropped { reason: DropReason::AllMissing }, Vec::new());
    }
    let n = codes.len() as f64;
    let large = |count: usize| count >= MIN_LEVEL_CUSTOMERS && count as f64 >= MIN_SHARE * n;
    let kept: Vec<usize> = (0..levels.len()).filter(|&l| large(counts[l])).collect();
    let named: Vec<String> = kept.iter().map(|&l| levels[l].clone()).collect();
    let mut sizes: Vec<usize> = kept.iter().map(|&l| counts[l]).collect();
    let missing_is_large = large(n_missing);
    let n_others = codes.len() - sizes.iter().sum::<usize>() - if missing_is_large { n_missing } else { 0 };
    let mut names = named.clone();
    let mut append = |wanted: bool, size: usize, name: &str| {
        wanted.then(|| {
            sizes.push(size);
            names.push(name.to_owned());
            names.len() - 1
        })
    };
    let other = append(n_others > 0, n_others, OTHER);
    let missing = append(missing_is_large, n_missing, MISSING);
    let shares: Vec<f64> = sizes.iter().map(|&size| size as f64 / n).collect();
    let variance = 1.0 - shares.iter().map(|p| p * p).sum::<f64>();
    if sizes.len() < 2 {
        return (Encoding::Dropped { reason: DropReason::Constant }, Vec::new());
    }
    let scale = (weight * DISCRETE_VARIANCE / variance).sqrt();
    (Encoding::Category(CategoryEncoding { levels: names, other, missing, shares, scale }), named)
}

/// The summed variance of a feature's columns.
fn variance(matrix: &GridMatrix, feature: &EncodedFeature) -> f64 {
    let n = matrix.n_rows() as f64;
    let mut total = 0.0;
    for column in feature.first_column..feature.first_column + feature.n_columns() {
        let cells = || (0..matrix.n_rows()).map(|row| f64::from(matrix.row(row)[column]));
        let mean = cells().sum::<f64>() / n;
        total += cells().map(|x| x * x).sum::<f64>() / n - mean * mean;
    }
    total
}

/// Pairs of numeric features whose columns correlate above [`DUPLICATE`] over evenly spaced rows.
fn duplicates(transform: &PersonaTransform, matrix: &GridMatrix) -> Vec<(String, String, f64)> {
    let step = matrix.n_rows().div_ceil(CORRELATION_ROWS).max(1);
    let columns: Vec<(&str, Vec<f64>)> = transform
        .features
        .iter()
        .filter(|f| matches!(f.encoding, Encoding::Number(_)))
        .map(|f| (f.def.name.as_str(), standardised(matrix, f.first_column, step)))
        .collect();
    let mut found = Vec::new();
    for (i, (left, x)) in columns.iter().enumerate() {
        for (right, y) in &columns[i + 1..] {
            let correlation: f64 = x.iter().zip(y).map(|(a, b)| a * b).sum();
            if correlation.abs() > DUPLICATE {
                found.push(((*left).to_owned(), (*right).to_owned(), correlation));
            }
        }
    }
    found
}

/// Every `step`-th cell of a column, with mean 0 and length 1 (or all 0).
fn standardised(matrix: &GridMatrix, column: usize, step: usize) -> Vec<f64> {
    let mut cells: Vec<f64> =
        (0..matrix.n_rows()).step_by(step).map(|row| f64::from(matrix.row(row)[column])).collect();
    let mean = cells.iter().sum::<f64>() / cells.len() as f64;
    let length = cells.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>().sqrt();
    for cell in &mut cells {
        *cell = if length > 0.0 { (*cell - mean) / length } else { 0.0 };
    }
    cells
}
