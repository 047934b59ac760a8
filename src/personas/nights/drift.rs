//! How far features have drifted: shares of customers by bin, held in the model, against those of a later table.

use serde::{Deserialize, Serialize};

/// Below this a population stability index is no drift, by convention (Siddiqi, Credit Risk Scorecards, 2006).
const STABLE: f64 = 0.1;

/// From this on it is a large one.
const LARGE: f64 = 0.25;

/// Shares of customers by bin of one feature. Holds no cell of a customer: edges are deciles of at least 25 customers
/// each, levels are those of the encoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureBins {
    /// Name of the feature.
    pub feature: String,
    /// Where the bins are.
    pub bins: Bins,
    /// By bin, and then of the customers in none: missing cells, or levels that were not seen.
    pub shares: Vec<f64>,
    /// Customers the shares are of.
    pub n_customers: u64,
}

/// The bins of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bins {
    /// Ascending; bin `i` holds cells above edge `i - 1` and up to edge `i`, the last one those above all edges.
    Edges(Vec<f64>),
    /// One bin per level.
    Levels(Vec<String>),
}

impl Bins {
    /// Number of bins, without that of customers in none.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Edges(edges) => edges.len() + 1,
            Self::Levels(levels) => levels.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Drift of one feature since an earlier model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureDrift {
    /// Name of the feature.
    pub feature: String,
    /// Population stability index, the sum over bins of (now - then) ln(now / then), against the model before; every
    /// share with half a customer added.
    pub psi: f64,
    /// The same against the model whose number of personas was chosen, so that slow drift is seen too.
    pub psi_since_chosen: f64,
    /// What the index against the model before would be on average if both were draws of the same customers:
    /// (bins - 1) (1 / n then + 1 / n now) (Yurdakul, Statistical Properties of PSI, 2018).
    pub psi_by_chance: f64,
}

/// A population stability index in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftLevel {
    /// Below .1.
    Stable,
    /// From .1 on.
    Moderate,
    /// From .25 on.
    Large,
}

impl DriftLevel {
    /// The level of an index.
    #[must_use]
    pub fn of(psi: f64) -> Self {
        match psi {
            psi if psi >= LARGE => Self::Large,
            psi if psi >= STABLE => Self::Moderate,
            _ => Self::Stable,
        }
    }

    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Moderate => "moderate drift",
            Self::Large => "large drift",
        }
    }
}

#[cfg(feature = "train")]
pub(crate) use fitting::{bins_of, drift};

#[cfg(feature = "train")]
mod fitting {
    use rayon::prelude::*;

    use crate::features::{Column, FeatureKind, FeatureSpec, FeatureTable};
    use crate::personas::cells::encode::quantile;
    use crate::personas::cells::transform::PersonaTransform;
    use crate::personas::{Bins, FeatureBins, FeatureDrift};
    use crate::personas::{Encoding, MISSING, OTHER};

    /// Customers of a decile; a smaller table has fewer bins.
    const MIN_CUSTOMERS: usize = 25;
    const DECILES: usize = 10;

    /// The bins of every feature that has any: of numbers their deciles, of categories the levels of the encoding.
    pub(crate) fn bins_of(table: &FeatureTable, transform: &PersonaTransform) -> Vec<FeatureBins> {
        let bins = |(feature, column): (&crate::personas::EncodedFeature, &Column)| {
            let bins = match (column, &feature.encoding) {
                (Column::Number(cells), _) => Bins::Edges(edges(cells)),
                (Column::Category(_), Encoding::Category(category)) => Bins::Levels(category.levels.clone()),
                (Column::Category(_), _) => return None,
            };
            let mut of = FeatureBins {
                feature: feature.def.name.clone(),
                bins,
                shares: Vec::new(),
                n_customers: table.n_rows() as u64,
            };
            of.shares = shares(&of, table)?;
            Some(of)
        };
        transform.features().par_iter().zip(table.columns()).filter_map(bins).collect()
    }

    /// Distinct inner deciles of the cells that are not missing.
    fn edges(cells: &[f64]) -> Vec<f64> {
        let mut known: Vec<f64> = cells.iter().copied().filter(|x| !x.is_nan()).collect();
        let n_bins = (known.len() / MIN_CUSTOMERS).clamp(1, DECILES);
        let mut edges: Vec<f64> =
            (1..n_bins).map(|i| quantile(&mut known, i as f64 / n_bins as f64)).collect();
        edges.dedup();
        edges
    }

    /// The shares of a table in bins made earlier; `None` when the table has no such feature of that type.
    fn shares(of: &FeatureBins, table: &FeatureTable) -> Option<Vec<f64>> {
        let at = table.spec().position(&of.feature)?;
        let none = of.bins.len();
        let mut counts = vec![0u64; none + 1];
        match (&of.bins, &table.columns()[at]) {
            (Bins::Edges(edges), Column::Number(cells)) => {
                let bin = |x: f64| if x.is_nan() { none } else { edges.partition_point(|&edge| edge < x) };
                cells.iter().for_each(|&x| counts[bin(x)] += 1);
            }
            (Bins::Levels(levels), Column::Category(codes)) => {
                let bins = bins_of_codes(levels, table.spec(), at, none);
                let missing = place(levels, MISSING).or(place(levels, OTHER)).unwrap_or(none);
                let bin = |code: Option<u32>| code.map_or(missing, |code| bins[code as usize]);
                codes.iter().for_each(|&code| counts[bin(code)] += 1);
            }
            _ => return None,
        }
        let n = table.n_rows().max(1) as f64;
        Some(counts.into_iter().map(|count| count as f64 / n).collect())
    }

    fn bins_of_codes(levels: &[String], spec: &FeatureSpec, at: usize, none: usize) -> Vec<usize> {
        let FeatureKind::Category { levels: names } = &spec.features[at].kind else { return Vec::new() };
        let other = place(levels, OTHER).unwrap_or(none);
        names.iter().map(|name| place(levels, name).unwrap_or(other)).collect()
    }

    fn place(levels: &[String], name: &str) -> Option<usize> {
        levels.iter().position(|level| level == name)
    }

    /// Drift of every feature that both the earlier model and the table have, the largest first.
    pub(crate) fn drift(
        before: &[FeatureBins],
        when_chosen: &[FeatureBins],
        table: &FeatureTable,
    ) -> Vec<FeatureDrift> {
        let of = |then: &FeatureBins| {
            let (psi, psi_by_chance) = index(then, table)?;
            let chosen = when_chosen.iter().find(|bins| bins.feature == then.feature);
            let psi_since_chosen = chosen.and_then(|bins| index(bins, table)).map_or(psi, |(psi, _)| psi);
            Some(FeatureDrift { feature: then.feature.clone(), psi, psi_since_chosen, psi_by_chance })
        };
        let mut found: Vec<FeatureDrift> = before.par_iter().filter_map(of).collect();
        // Stable: equal drifts stay in the order of the table.
        found.sort_by(|a, b| b.psi.total_cmp(&a.psi));
        found
    }

    /// The index and what it would be by chance.
    fn index(then: &FeatureBins, table: &FeatureTable) -> Option<(f64, f64)> {
        let now = shares(then, table)?;
        let (n_then, n_now) = (then.n_customers as f64, table.n_rows() as f64);
        // A bin that nobody is in, then or now, is no bin.
        let pairs: Vec<(f64, f64)> =
            then.shares.iter().copied().zip(now).filter(|&(a, b)| a > 0.0 || b > 0.0).collect();
        let n_bins = pairs.len() as f64;
        let smoothed = |share: f64, n: f64| (share * n + 0.5) / (n + 0.5 * n_bins);
        let part = |&(then, now): &(f64, f64)| {
            let (then, now) = (smoothed(then, n_then), smoothed(now, n_now));
            (now - then) * libm::log(now / then)
        };
        let psi = pairs.iter().map(part).sum();
        Some((psi, (n_bins - 1.0).max(0.0) * (1.0 / n_then.max(1.0) + 1.0 / n_now.max(1.0))))
    }

    #[cfg(test)]
    mod tests {
        use std::sync::Arc;

        use super::*;
        use crate::features::{FeatureDef, FeatureFamily, SPEC_VERSION};
        use crate::personas::nights::drift::DriftLevel;
        use crate::personas::{PersonaParams, Relevance};
        use crate::tables::Buckets;

        fn table(kind: FeatureKind, column: Column) -> FeatureTable {
            let family = FeatureFamily::Purchases;
            let def = FeatureDef { name: "x".into(), label: "x".into(), unit: String::new(), kind, family };
            let buckets = Buckets::even(column.len());
            let spec = FeatureSpec { version: SPEC_VERSION, features: vec![def] };
            FeatureTable::new(Arc::new(spec), vec![column], buckets)
        }

        fn numbers(cells: impl IntoIterator<Item = f64>) -> FeatureTable {
            table(FeatureKind::Number, Column::Number(cells.into_iter().collect()))
        }

        fn bins(table: &FeatureTable) -> Vec<FeatureBins> {
            let params = PersonaParams { relevance: Relevance::Even, ..PersonaParams::new(2, 1) };
            bins_of(table, &PersonaTransform::fit(table, &params).unwrap().0)
        }

        #[test]
        fn deciles_and_the_index_by_hand() {
            let then = bins(&numbers((0..1000).map(f64::from)));
            assert_eq!(then[0].shares.len(), 11);
            assert!(then[0].shares[..10].iter().all(|share| (share - 0.1).abs() < 1e-12));
            assert_eq!(then[0].shares[10], 0.0);
            // The upper half is gone: five bins of a fifth each against a tenth, five of nothing.
            let now = numbers((0..1000).map(|i| f64::from(i / 2)));
            let [full, none] = [(200.5 / 1005.0, 100.5 / 1005.0), (0.5 / 1005.0, 100.5 / 1005.0)]
                .map(|(now, then): (f64, f64)| 5.0 * (now - then) * (now / then).ln());
            let found = drift(&then, &then, &now);
            assert!((found[0].psi - full - none).abs() < 1e-9, "{found:?}");
            assert_eq!(DriftLevel::of(found[0].psi), DriftLevel::Large);
            assert!((found[0].psi_by_chance - 9.0 * 2.0 / 1000.0).abs() < 1e-12);
            let same = drift(&then, &then, &numbers((0..1000).rev().map(f64::from)));
            assert_eq!((same[0].psi, same[0].psi_since_chosen), (0.0, 0.0));
        }

        #[test]
        fn missing_cells_are_a_bin_of_their_own() {
            let then = bins(&numbers((0..100).map(f64::from)));
            let now = numbers((0..100).map(|i| if i % 2 == 0 { f64::NAN } else { f64::from(i) }));
            assert!(drift(&then, &then, &now)[0].psi > 1.0);
        }

        #[test]
        fn few_customers_have_few_bins() {
            assert_eq!(bins(&numbers((0..49).map(f64::from)))[0].bins, Bins::Edges(Vec::new()));
            assert_eq!(bins(&numbers((0..50).map(f64::from)))[0].bins, Bins::Edges(vec![24.5]));
            let tied = bins(&numbers((0..1000).map(|i| if i < 700 { 1.0 } else { f64::from(i) })));
            assert_eq!(tied[0].bins.len(), 5);
            assert_eq!(tied[0].shares[0], 0.7);
        }

        #[test]
        fn categories_go_by_the_names_of_their_levels() {
            let of = |levels: [&str; 2], codes: &dyn Fn(usize) -> u32| {
                let levels = levels.map(str::to_owned).to_vec();
                let codes = (0..200).map(|i| Some(codes(i))).collect();
                table(FeatureKind::Category { levels }, Column::Category(codes))
            };
            let then = bins(&of(["a", "b"], &|i| (i % 2) as u32));
            assert_eq!(then[0].bins, Bins::Levels(vec!["a".into(), "b".into()]));
            let renumbered = drift(&then, &then, &of(["b", "a"], &|i| (i % 2) as u32));
            assert_eq!(renumbered[0].psi, 0.0);
            let unseen = drift(&then, &then, &of(["a", "c"], &|i| (i % 2) as u32));
            assert_eq!(DriftLevel::of(unseen[0].psi), DriftLevel::Large);
            assert!(drift(&then, &then, &numbers([1.0, 2.0])).is_empty());
        }

        #[test]
        fn thresholds_are_those_of_the_convention() {
            let level = DriftLevel::of;
            assert_eq!([0.0, 0.0999].map(level), [DriftLevel::Stable; 2]);
            assert_eq!([0.1, 0.2499].map(level), [DriftLevel::Moderate; 2]);
            assert_eq!([0.25, 9.0].map(level), [DriftLevel::Large; 2]);
        }
    }
}
