//! Personas side by side: standardised features, and their centroids on a plane.

use bespoke::kernels::eigen;
use bespoke::personas::{EncodedFeature, Encoding, PersonaModel};

use crate::outputs::persona_file::{MapPoint, PersonaMap, StandardisedFeature};

/// Features named at the end of an axis.
const N_NAMED: usize = 3;

/// Every feature's difference from all customers in standard deviations, what sets personas apart most first.
pub fn standardised(model: &PersonaModel) -> Vec<StandardisedFeature> {
    let weights = weights(model);
    let centroids: Vec<&[f64]> = model.centroids().collect();
    let features = model.transform().features().iter();
    let mut rows: Vec<StandardisedFeature> =
        features.flat_map(|feature| rows_of(feature, &centroids)).collect();
    let spread = |row: &StandardisedFeature| -> f64 {
        row.cells.iter().zip(&weights).map(|(cell, weight)| weight * cell * cell).sum()
    };
    // Stable: equal spreads stay in the order of the table.
    rows.sort_by(|a, b| spread(b).total_cmp(&spread(a)));
    rows
}

/// Share of customers of each persona.
fn weights(model: &PersonaModel) -> Vec<f64> {
    model.profiles().iter().map(|profile| profile.share).collect()
}

fn rows_of(feature: &EncodedFeature, centroids: &[&[f64]]) -> Vec<StandardisedFeature> {
    let (def, first) = (&feature.def, feature.first_column);
    let row = |level: Option<&String>, column: usize, scale: f64| StandardisedFeature {
        feature: def.name.clone(),
        level: level.cloned(),
        label: level.map_or_else(|| def.label.clone(), |level| format!("{}: {level}", def.label)),
        cells: centroids.iter().map(|centroid| centroid[column] / scale).collect(),
    };
    match &feature.encoding {
        _ if feature.reported_only => Vec::new(),
        Encoding::Dropped { .. } => Vec::new(),
        Encoding::Number(number) => vec![row(None, first, number.scale)],
        Encoding::Category(category) => {
            // A share p of "is this level" has the variance p (1 - p).
            let scale = |l: usize, share: f64| {
                let factor =
                    if category.missing == Some(l) { category.missing_scale } else { category.scale };
                factor * (share * (1.0 - share)).sqrt()
            };
            let levels = category.levels.iter().zip(&category.shares).enumerate();
            levels
                .filter(|(l, (_, share))| scale(*l, **share) > 0.0)
                .map(|(l, (level, share))| row(Some(level), first + l, scale(l, *share)))
                .collect()
        }
    }
}

/// The plane on which the centroids lie farthest apart; `None` for one persona.
///
/// Principal axes of the centroids with shares of customers as weights, by way of their k x k scalar products. Each
/// axis points to where its strongest feature grows.
pub fn map(model: &PersonaModel, rows: &[StandardisedFeature]) -> Option<PersonaMap> {
    let centroids: Vec<&[f64]> = model.centroids().collect();
    plane(&centroids, &weights(model), rows)
}

fn plane(centroids: &[&[f64]], weights: &[f64], rows: &[StandardisedFeature]) -> Option<PersonaMap> {
    let k = centroids.len();
    let total: f64 = weights.iter().sum();
    if k < 2 || !(total > 0.0) {
        return None;
    }
    let d = centroids[0].len();
    let mean: Vec<f64> = (0..d)
        .map(|c| centroids.iter().zip(weights).map(|(row, weight)| weight * row[c]).sum::<f64>() / total)
        .collect();
    let product = |i: usize, j: usize| -> f64 {
        let cells = (0..d).map(|c| (centroids[i][c] - mean[c]) * (centroids[j][c] - mean[c]));
        cells.sum::<f64>() * (weights[i] * weights[j]).sqrt() / total
    };
    let gram: Vec<f64> = (0..k * k).map(|at| product(at / k, at % k)).collect();
    let found = eigen::symmetric(gram, k);
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by(|&a, &b| found.eigenvalues[b].total_cmp(&found.eigenvalues[a]).then(a.cmp(&b)));
    let sum: f64 = found.eigenvalues.iter().map(|value| value.max(0.0)).sum();
    if !(sum > 0.0) {
        return None;
    }
    let axis = |at: usize| {
        let value = found.eigenvalues[order[at]].max(0.0);
        let vector = &found.vectors[order[at] * k..(order[at] + 1) * k];
        let scaled = |i: usize| value.sqrt() * vector[i] / (weights[i] / total).sqrt().max(f64::MIN_POSITIVE);
        let places: Vec<f64> = (0..k).map(scaled).collect();
        let (sign, towards) = named(rows, &places, weights);
        (places.iter().map(|place| sign * place).collect::<Vec<_>>(), value / sum, towards)
    };
    let (right, up) = (axis(0), axis(1));
    let points = right.0.iter().zip(&up.0).map(|(&x, &y)| MapPoint { x, y }).collect();
    Some(PersonaMap { points, explained: [right.1, up.1], towards: [right.2, up.2] })
}

/// The sign that lets the strongest feature grow along an axis, and the strongest features in words.
fn named(rows: &[StandardisedFeature], places: &[f64], weights: &[f64]) -> (f64, Vec<String>) {
    let loading = |row: &StandardisedFeature| -> f64 {
        row.cells.iter().zip(places).zip(weights).map(|((cell, place), weight)| weight * cell * place).sum()
    };
    let mut loadings: Vec<(f64, &StandardisedFeature)> = rows.iter().map(|row| (loading(row), row)).collect();
    loadings.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let sign = if loadings.first().is_some_and(|(loading, _)| *loading < 0.0) { -1.0 } else { 1.0 };
    let words = |(loading, row): &(f64, &StandardisedFeature)| {
        format!("{} {}", if sign * loading > 0.0 { "high" } else { "low" }, row.label)
    };
    let strong = loadings.iter().filter(|(loading, _)| loading.abs() > 1e-9);
    (sign, strong.take(N_NAMED).map(words).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, cells: &[f64]) -> StandardisedFeature {
        let label = label.to_owned();
        StandardisedFeature { feature: label.clone(), level: None, label, cells: cells.to_vec() }
    }

    #[test]
    fn centroids_on_a_line_keep_their_distances_and_one_axis_explains_all() {
        let centroids: [&[f64]; 3] = [&[0.0, 0.0], &[3.0, 4.0], &[6.0, 8.0]];
        let rows = [row("orders", &[-1.0, 0.0, 1.0]), row("silence", &[0.5, 0.0, -0.5])];
        let map = plane(&centroids, &[0.25, 0.5, 0.25], &rows).unwrap();
        assert!((map.explained[0] - 1.0).abs() < 1e-9 && map.explained[1].abs() < 1e-9);
        let x: Vec<f64> = map.points.iter().map(|point| point.x).collect();
        for (x, expected) in x.iter().zip([-5.0, 0.0, 5.0]) {
            assert!((x - expected).abs() < 1e-9, "{x} {expected}");
        }
        assert_eq!(map.towards[0], ["high orders", "low silence"]);
    }

    #[test]
    fn one_persona_and_equal_personas_have_no_map() {
        assert!(plane(&[&[1.0]], &[1.0], &[]).is_none());
        assert!(plane(&[&[1.0], &[1.0]], &[0.5, 0.5], &[]).is_none());
    }
}
