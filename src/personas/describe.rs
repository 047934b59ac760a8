//! What sets the members of each persona apart, in natural units.

use rayon::prelude::*;

use super::cells::encode::quantile;
use super::cells::encoding::{CategoryEncoding, EncodedFeature, Encoding, NumberEncoding};
use super::cells::transform::PersonaTransform;
use super::names::{self, Words};
use super::profile::{Centre, Effect, LevelShare, PersonaProfile, Radius};
use crate::features::{Column, FeatureKind, FeatureTable};

/// Two-sided 95 % of the normal distribution.
const Z95: f64 = 1.959_964;

/// Who belongs where, by persona in the order of the profiles.
pub(crate) struct Members {
    /// Rows of the table.
    rows: Vec<Vec<usize>>,
    n_customers: usize,
}

impl Members {
    pub(crate) fn new(labels: &[u32], k: usize) -> Self {
        let mut rows = vec![Vec::new(); k];
        for (row, &label) in labels.iter().enumerate() {
            rows[label as usize].push(row);
        }
        Self { rows, n_customers: labels.len() }
    }
}

/// A persona before it has a name: id, and the name it keeps from an earlier model.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) id: u32,
    pub(crate) name: Option<String>,
}

/// Centres and effects of one feature, by persona.
type Described = Vec<(Option<Centre>, Vec<Effect>)>;

/// The profiles in the order of `identities`; `distances` of every row to its own centroid.
pub(crate) fn profiles(
    table: &FeatureTable,
    transform: &PersonaTransform,
    members: &Members,
    distances: &[f64],
    identities: &[Identity],
) -> Vec<PersonaProfile> {
    let bound = transform.bind(table.spec()).expect("a transform accepts the table it was fitted on");
    let by_feature: Vec<Described> = transform
        .features()
        .par_iter()
        .zip(table.columns())
        .enumerate()
        .map(|(f, (feature, column))| match (&feature.encoding, column) {
            (Encoding::Number(number), Column::Number(cells)) => {
                describe_number(feature, number, cells, members)
            }
            (Encoding::Category(category), Column::Category(codes)) => {
                let levels: Vec<Option<usize>> =
                    codes.iter().map(|&code| bound.level(f, category, code)).collect();
                describe_category(feature, category, &levels, members)
            }
            _ => vec![(None, Vec::new()); members.rows.len()],
        })
        .collect();
    let described = |reported_only: bool| {
        let features = transform.features().iter().zip(&by_feature);
        features.filter(move |(feature, _)| feature.reported_only == reported_only).map(|(_, f)| f)
    };
    let centres = |reported_only, j: usize| described(reported_only).filter_map(|f| f[j].0.clone()).collect();
    let mut profiles = Vec::with_capacity(identities.len());
    for (j, identity) in identities.iter().enumerate() {
        let rows = &members.rows[j];
        let mut effects: Vec<Effect> = described(false).flat_map(|f| f[j].1.clone()).collect();
        // Stable: equal strengths stay in the order of the table.
        effects.sort_by(|a, b| b.strength.abs().total_cmp(&a.strength.abs()));
        profiles.push(PersonaProfile {
            id: identity.id,
            name: identity.name.clone().unwrap_or_default(),
            description: String::new(),
            size: rows.len() as u64,
            share: rows.len() as f64 / members.n_customers as f64,
            centre: centres(false, j),
            reported_only: centres(true, j),
            effects,
            radius: radius(rows.iter().map(|&row| distances[row]).collect()),
        });
    }
    let words = Words::new(transform);
    names::give(&mut profiles, &words);
    for profile in &mut profiles {
        profile.description = names::describe(profile, &words);
    }
    profiles
}

fn radius(mut distances: Vec<f64>) -> Radius {
    let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|q| quantile(&mut distances, q));
    Radius { p50, p90, p99 }
}

fn describe_number(
    feature: &EncodedFeature,
    number: &NumberEncoding,
    cells: &[f64],
    members: &Members,
) -> Described {
    let capped = |x: f64| number.skew.of(x).clamp(number.low, number.high);
    let transformed: Vec<f64> = cells.iter().map(|&x| if x.is_nan() { x } else { capped(x) }).collect();
    let all = moments(transformed.iter().copied());
    let middle = |rows: &mut dyn Iterator<Item = usize>| {
        let mut observed: Vec<f64> = rows.map(|row| cells[row]).filter(|x| !x.is_nan()).collect();
        match feature.def.kind {
            _ if observed.is_empty() => None,
            FeatureKind::YesNo => Some(observed.iter().sum::<f64>() / observed.len() as f64),
            _ => Some(quantile(&mut observed, 0.5)),
        }
    };
    let overall = middle(&mut (0..cells.len()));
    let name = || feature.def.name.clone();
    let of_persona = |rows: &Vec<usize>| {
        let own = middle(&mut rows.iter().copied());
        let centre = match feature.def.kind {
            FeatureKind::YesNo => Centre::Yes { feature: name(), share: own, overall },
            _ => Centre::Median { feature: name(), median: own, overall },
        };
        let ours = moments(rows.iter().map(|&row| transformed[row]));
        let mut effects = Vec::new();
        if ours.n > 0.0 && all.sd > 0.0 {
            let effect = (ours.mean - all.mean) / all.sd;
            let half = Z95 * ours.sd / (all.sd * ours.n.sqrt());
            let (low, high) = (effect - half, effect + half);
            effects.push(Effect { feature: name(), level: None, effect, low, high, strength: effect });
        }
        (Some(centre), effects)
    };
    members.rows.iter().map(of_persona).collect()
}

struct Moments {
    n: f64,
    mean: f64,
    sd: f64,
}

/// Number, mean and standard deviation of the cells that are not missing.
fn moments(cells: impl Iterator<Item = f64> + Clone) -> Moments {
    let observed = cells.filter(|x| !x.is_nan());
    let n = observed.clone().count() as f64;
    if n == 0.0 {
        return Moments { n, mean: 0.0, sd: 0.0 };
    }
    let mean = observed.clone().sum::<f64>() / n;
    let sd = (observed.map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt();
    Moments { n, mean, sd }
}

fn describe_category(
    feature: &EncodedFeature,
    category: &CategoryEncoding,
    levels_of: &[Option<usize>],
    members: &Members,
) -> Described {
    let n = members.n_customers as f64;
    let of_persona = |rows: &Vec<usize>| {
        let size = rows.len() as f64;
        let mut counts = vec![0usize; category.levels.len()];
        for &row in rows {
            if let Some(level) = levels_of[row] {
                counts[level] += 1;
            }
        }
        let mut levels = Vec::new();
        let mut effects = Vec::new();
        for ((level, &overall), &count) in category.levels.iter().zip(&category.shares).zip(&counts) {
            let share = count as f64 / size;
            levels.push(LevelShare { level: level.clone(), share, overall });
            let smoothed = (count as f64 + 0.5) / (size + 1.0);
            let effect = libm::log(smoothed / ((overall * n + 0.5) / (n + 1.0)));
            // Delta method: the variance of ln p is (1 - p) / (n p).
            let half = Z95 * ((1.0 - smoothed) / (smoothed * (size + 1.0))).sqrt();
            effects.push(Effect {
                feature: feature.def.name.clone(),
                level: Some(level.clone()),
                effect,
                low: effect - half,
                high: effect + half,
                strength: (share - overall) / (overall * (1.0 - overall)).sqrt(),
            });
        }
        (Some(Centre::Levels { feature: feature.def.name.clone(), levels }), effects)
    };
    members.rows.iter().map(of_persona).collect()
}
