//! Fits a [`PersonaTransform`]: quantiles, means and level shares of a table.
//!
//! Features are fitted beside each other, each by one thread in row order, so no sum depends on threads.

use rayon::prelude::*;

use super::encoding::{
    CategoryEncoding, DropReason, EncodedFeature, Encoding, IndicatorEncoding, MISSING, NumberEncoding,
    OTHER, SkewTransform,
};
use super::gaps::Gaps;
use super::relevance::{Learned, Part};
use super::transform::PersonaTransform;
use crate::error::DataError;
use crate::features::{Column, FeatureDef, FeatureKind, FeatureTable, POOLED_LEVEL};
use crate::personas::grid::GridMatrix;
use crate::personas::params::PersonaParams;
use crate::personas::report::{Encoded, FeatureRelevance, SkewReport, TransformReport};

/// Quantiles at which numbers are capped.
const CAPS: [f64; 2] = [0.005, 0.995];

/// Levels, answers and missing cells below this share of the customers have no column of their own.
const MIN_SHARE: f64 = 0.01;

/// Levels with fewer customers are pooled whatever their share: a model names no small group.
const MIN_LEVEL_CUSTOMERS: usize = 25;

/// Variance of a column that says "missing", against 1 of a number, as long as nobody knows that it matters.
pub(crate) const INDICATOR_VARIANCE: f64 = 0.1;

/// Total variance of a yes/no or a category, against 1 of a number: the share of its variance that a normal number
/// loses when it is cut in two at its mean. A split by a yes/no explains all of its variance, so with 1 it would
/// always be a better bargain than a split by any number, and personas would be made of answers.
pub(crate) const DISCRETE_VARIANCE: f64 = std::f64::consts::FRAC_2_PI;

/// By how much another transform's skewness must be nearer to 0 than the preferred one's. Groups of unlike sizes are skewed
/// by as much as .2 after the right transform.
const SKEW_MARGIN: f64 = 0.25;

/// Fences stand this many times as far from the median as the 10 % and the 90 % quantile: 3.8 standard deviations of a
/// normal number. Outer quantiles rather than quartiles, because between two groups the quartiles are far apart and
/// the tails are not longer for it; not outside 10 %, so that outliers cannot move the fences.
const FAR_OUT: f64 = 3.0;

/// Pairs of columns that correlate above this are reported.
const DUPLICATE: f64 = 0.999;

/// Rows over which correlations are computed, evenly spaced.
const CORRELATION_ROWS: usize = 10_000;

impl PersonaTransform {
    /// Fits the transform on all rows and transforms them. Features weigh 1, or nothing where the parameters say so;
    /// [`PersonaTransform::weigh`] gives them their weights.
    ///
    /// # Errors
    /// An infinite cell.
    pub(crate) fn fit(table: &FeatureTable, params: &PersonaParams) -> Result<(Self, Encoded), DataError> {
        let spec = table.spec();
        let fitted: Vec<Result<Fitted, DataError>> = spec
            .features
            .par_iter()
            .zip(table.columns())
            .map(|(def, column)| encode(def, column, params.weight_of(def) == 0.0))
            .collect();
        let mut transform = Self {
            spec_version: spec.version,
            features: Vec::new(),
            n_columns: 0,
            variances: Vec::new(),
            report: TransformReport { unknown: params.unknown_features(spec), ..TransformReport::default() },
        };
        let mut fitted = fitted.into_iter().collect::<Result<Vec<Fitted>, DataError>>()?;
        drop_repeated_flags(&mut fitted, table.columns(), params);
        let mut skews = Vec::new();
        for Fitted { def, encoding, skew } in fitted {
            let reported_only = params.is_sensitive(&def.name);
            let feature = EncodedFeature { def, encoding, first_column: transform.n_columns, reported_only };
            transform.n_columns += feature.n_columns();
            transform.features.push(feature);
            skews.push(skew);
        }
        let mut encoded = transform.apply(table).expect("a transform accepts the table it was fitted on");
        for (report, skew) in encoded.report.features.iter_mut().zip(skews) {
            report.skew = skew;
        }
        encoded.report.duplicates = duplicates(&transform, &encoded.matrix);
        transform.measure(&mut encoded);
        Ok((transform, encoded))
    }

    /// Multiplies the variances of every feature by its weight in the parameters, and by what was learned of its
    /// parts; transforms all rows of the table of the fit again.
    pub(crate) fn weigh(
        &mut self,
        table: &FeatureTable,
        params: &PersonaParams,
        learned: &[(Part, Learned)],
    ) -> Encoded {
        let mut first_column = 0;
        for (f, feature) in self.features.iter_mut().enumerate() {
            let of = |is_flag: bool| {
                learned.iter().find(|(part, _)| (part.feature, part.is_flag) == (f, is_flag)).map(|(_, l)| *l)
            };
            let (own, flag) = (of(false), of(true));
            let weight = params.weight_of(&feature.def);
            feature.encoding.weigh(
                weight * own.map_or(1.0, |own| own.weight),
                weight * flag.map_or(1.0, |flag| flag.weight),
            );
            feature.first_column = first_column;
            first_column += feature.n_columns();
            self.report.features[f].relevance = own.map(|own| FeatureRelevance {
                explained: own.explained,
                weight: own.weight,
                flag_explained: flag.map(|flag| flag.explained),
                flag_weight: flag.map(|flag| flag.weight),
            });
        }
        self.n_columns = first_column;
        let mut encoded = self.apply(table).expect("a transform accepts the table it was fitted on");
        self.measure(&mut encoded);
        encoded
    }

    /// Notes the variances of the columns, and keeps the report.
    fn measure(&mut self, encoded: &mut Encoded) {
        self.variances = variances(&encoded.matrix, &encoded.gaps);
        let total: f64 = self.variances.iter().sum();
        for (feature, report) in self.features.iter().zip(&mut encoded.report.features) {
            let columns = feature.first_column..feature.first_column + feature.n_columns();
            // An empty sum would be a negative zero.
            let variance = self.variances[columns].iter().fold(0.0, |sum, variance| sum + variance);
            report.variance_share = if total > 0.0 { variance / total } else { 0.0 };
        }
        self.report = encoded.report.clone();
    }
}

/// One feature.
struct Fitted {
    /// A category names only levels with a column of their own.
    def: FeatureDef,
    encoding: Encoding,
    skew: Option<SkewReport>,
}

/// Numbers that are missing together say so once, in the first of them.
fn drop_repeated_flags(fitted: &mut [Fitted], columns: &[Column], params: &PersonaParams) {
    let mut flagged: Vec<&[f64]> = Vec::new();
    for (fitted, column) in fitted.iter_mut().zip(columns) {
        let (Encoding::Number(number), Column::Number(cells)) = (&mut fitted.encoding, column) else {
            continue;
        };
        let same = |other: &&[f64]| cells.iter().zip(*other).all(|(a, b)| a.is_nan() == b.is_nan());
        if number.indicator.is_none() || params.is_sensitive(&fitted.def.name) {
            continue;
        }
        if flagged.iter().any(same) {
            number.indicator = None;
        } else {
            flagged.push(cells);
        }
    }
}

fn encode(def: &FeatureDef, column: &Column, is_weightless: bool) -> Result<Fitted, DataError> {
    let mut def = def.clone();
    let (mut encoding, skew) = match (column, &mut def.kind) {
        (Column::Number(cells), kind) => encode_number(&def.name, kind, cells)?,
        (Column::Category(codes), FeatureKind::Category { levels }) => {
            let (encoding, named) = encode_category(levels, codes);
            *levels = named;
            (encoding, None)
        }
        (Column::Category(_), _) => unreachable!("a feature table holds the columns its specification says"),
    };
    if is_weightless {
        encoding = Encoding::Dropped { reason: DropReason::NoWeight };
    }
    if let (Encoding::Dropped { .. }, FeatureKind::Category { levels }) = (&encoding, &mut def.kind) {
        levels.clear();
    }
    Ok(Fitted { def, encoding, skew })
}

fn encode_number(
    name: &str,
    kind: &FeatureKind,
    cells: &[f64],
) -> Result<(Encoding, Option<SkewReport>), DataError> {
    if let Some(row) = cells.iter().position(|x| x.is_infinite()) {
        let (column, value) = (name.to_owned(), cells[row].to_string());
        let rule = "finite or missing";
        return Err(DataError::BadCell { model: "personas", row, column, value, rule });
    }
    let dropped = |reason| Ok((Encoding::Dropped { reason }, None));
    let mut observed: Vec<f64> = cells.iter().copied().filter(|x| !x.is_nan()).collect();
    if observed.is_empty() {
        return dropped(DropReason::AllMissing);
    }
    let share = (cells.len() - observed.len()) as f64 / cells.len() as f64;
    let is_answer = *kind == FeatureKind::YesNo;
    if is_answer {
        let n_yes = observed.iter().filter(|&&x| x > 0.5).count();
        let rarer = n_yes.min(observed.len() - n_yes);
        if rarer > 0 && (rarer as f64) < MIN_SHARE * cells.len() as f64 {
            return dropped(DropReason::TooRare);
        }
    }
    let bulk = Bulk::of(&mut observed);
    let report = skew_report(kind, &bulk);
    let skew = report.map_or(SkewTransform::None, |report| report.chosen);
    let fences = if is_answer { None } else { bulk.fences(skew) };
    observed.iter_mut().for_each(|x| *x = skew.of(*x));
    observed.retain(|x| fences.is_none_or(|[low, high]| (low..=high).contains(x)));
    let [low, high] = if is_answer { [0.0, 1.0] } else { CAPS.map(|q| quantile(&mut observed, q)) };
    // In the order of the table, so that the sums do not depend on how quantiles were found.
    let kept = cells.iter().map(|&x| skew.of(x));
    let kept = kept.filter(|x| !x.is_nan() && fences.is_none_or(|[low, high]| (low..=high).contains(x)));
    let capped = kept.map(|x| x.clamp(low, high));
    let n = observed.len() as f64;
    let mean = capped.clone().sum::<f64>() / n;
    let sd = (capped.map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt();
    // Below this share of the mean a spread is rounding.
    if sd <= 1e-12 * mean.abs() {
        return dropped(DropReason::Constant);
    }
    let scale = if is_answer { DISCRETE_VARIANCE.sqrt() } else { 1.0 };
    let indicator = (share > MIN_SHARE)
        .then(|| IndicatorEncoding { share, scale: indicator_scale(share, INDICATOR_VARIANCE) });
    Ok((Encoding::Number(NumberEncoding { skew, fences, low, high, mean, sd, scale, indicator }), report))
}

/// The factor that gives "is missing" a variance.
fn indicator_scale(share: f64, variance: f64) -> f64 {
    (variance / (share * (1.0 - share))).sqrt()
}

/// Quantiles of the observed cells of a number, before any transform. The transforms rise strictly, so they may be
/// taken of the quantiles.
struct Bulk {
    q10: f64,
    q25: f64,
    q50: f64,
    q75: f64,
    q90: f64,
}

impl Bulk {
    fn of(observed: &mut [f64]) -> Self {
        let [q10, q25, q50, q75, q90] = [0.1, 0.25, 0.5, 0.75, 0.9].map(|q| quantile(observed, q));
        Self { q10, q25, q50, q75, q90 }
    }

    /// (q90 + q10 - 2 q50) / (q90 - q10) after a transform; 0 without a spread.
    fn skewness(&self, transform: SkewTransform) -> f64 {
        let [low, middle, high] = [self.q10, self.q50, self.q90].map(|q| transform.of(q));
        if high > low { (high + low - 2.0 * middle) / (high - low) } else { 0.0 }
    }

    /// Beyond these a cell is far out, after a transform.
    fn fences(&self, transform: SkewTransform) -> Option<[f64; 2]> {
        let spread_out = self.q10 < self.q50 && self.q50 < self.q90 && self.q25 < self.q75;
        let [low, middle, high] = [self.q10, self.q50, self.q90].map(|q| transform.of(q));
        spread_out.then_some([middle - FAR_OUT * (middle - low), middle + FAR_OUT * (high - middle)])
    }
}

/// The rule of [`SkewReport`]; `None` for kinds whose form is known.
fn skew_report(kind: &FeatureKind, bulk: &Bulk) -> Option<SkewReport> {
    let preferred = match kind {
        FeatureKind::Money | FeatureKind::Duration => SkewTransform::Log,
        FeatureKind::Count => SkewTransform::Root,
        FeatureKind::Number => SkewTransform::None,
        FeatureKind::Share | FeatureKind::Trend | FeatureKind::YesNo | FeatureKind::Category { .. } => {
            return None;
        }
    };
    let skewness = SkewTransform::ALL.map(|transform| bulk.skewness(transform));
    let mut chosen = preferred;
    let mut least = bulk.skewness(preferred).abs() - SKEW_MARGIN;
    for (transform, skewness) in SkewTransform::ALL.into_iter().zip(skewness) {
        if skewness.abs() < least {
            (chosen, least) = (transform, skewness.abs());
        }
    }
    Some(SkewReport { preferred, chosen, skewness })
}

/// The quantile with linear interpolation between order statistics (type 7 of Hyndman, Fan 1996).
pub(crate) fn quantile(cells: &mut [f64], q: f64) -> f64 {
    let at = q * (cells.len() - 1) as f64;
    let (_, &mut low, above) = cells.select_nth_unstable_by(at as usize, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    low + (high - low) * at.fract()
}

/// The encoding, and the levels with a column of their own.
fn encode_category(levels: &[String], codes: &[Option<u32>]) -> (Encoding, Vec<String>) {
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
    let n_others = codes.len() - n_missing - sizes.iter().sum::<usize>();
    let mut names = named.clone();
    let mut append = |wanted: bool, size: usize, name: &str| {
        wanted.then(|| {
            sizes.push(size);
            names.push(name.to_owned());
            names.len() - 1
        })
    };
    let other = append(n_others > 0, n_others, OTHER);
    let missing = append(large(n_missing), n_missing, MISSING);
    let n_levels = named.len() + usize::from(other.is_some());
    if n_levels + usize::from(missing.is_some()) < 2 {
        // A level that the feature table pooled is many levels.
        let is_pooled = |&level: &usize| levels[level] == POOLED_LEVEL;
        let n_seen = counts.iter().filter(|&&count| count > 0).count();
        let several = kept.iter().all(is_pooled) && (!kept.is_empty() || n_seen > 1);
        let reason = if several { DropReason::NoLargeLevel } else { DropReason::Constant };
        return (Encoding::Dropped { reason }, Vec::new());
    }
    let shares: Vec<f64> = sizes.iter().map(|&size| size as f64 / n).collect();
    let n_observed = n - n_missing as f64;
    let same = |&size: &usize| (size as f64 / n_observed) * (size as f64 / n_observed);
    let variance = 1.0 - sizes[..n_levels].iter().map(same).sum::<f64>();
    let scale = if n_levels > 1 { (DISCRETE_VARIANCE / variance).sqrt() } else { 0.0 };
    // With a single level the only answer is whether there is one.
    let of_missing = if n_levels > 1 { INDICATOR_VARIANCE } else { DISCRETE_VARIANCE };
    let missing_scale =
        if missing.is_some() { indicator_scale(n_missing as f64 / n, of_missing) } else { 0.0 };
    let category = CategoryEncoding { levels: names, other, missing, shares, scale, missing_scale };
    (Encoding::Category(category), named)
}

/// The variance of every column over the rows for which it says something.
pub(crate) fn variances(matrix: &GridMatrix, gaps: &Gaps) -> Vec<f64> {
    let mut n_observed = vec![matrix.n_rows() as f64; matrix.n_columns()];
    let mut sums = vec![[0.0; 2]; matrix.n_columns()];
    for row in 0..matrix.n_rows() {
        gaps.of(row).iter().for_each(|&column| n_observed[column as usize] -= 1.0);
        // Cells in gaps are 0.
        for (sum, &cell) in sums.iter_mut().zip(matrix.row(row)) {
            let cell = f64::from(cell);
            *sum = [sum[0] + cell, sum[1] + cell * cell];
        }
    }
    let variance = |(&[sum, squares], &n): (&[f64; 2], &f64)| {
        if n > 0.0 { (squares / n - (sum / n) * (sum / n)).max(0.0) } else { 0.0 }
    };
    sums.iter().zip(&n_observed).map(variance).collect()
}

/// Pairs of numeric features whose columns correlate above [`DUPLICATE`] over evenly spaced rows.
fn duplicates(transform: &PersonaTransform, matrix: &GridMatrix) -> Vec<(String, String, f64)> {
    let step = matrix.n_rows().div_ceil(CORRELATION_ROWS).max(1);
    let columns: Vec<(&str, Vec<f64>)> = transform
        .features
        .iter()
        .filter(|f| matches!(f.encoding, Encoding::Number(_)) && !f.reported_only)
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
