//! What the events and features of a run are like: how fresh, how many of each kind, how full.

use bespoke::features::{Column, FeatureDef, FeatureFamily, FeatureKind, FeatureTable};
use bespoke::personas::{
    DropReason, Encoding, FeatureReport, PersonaModel, PersonaParams, SkewReport, SkewTransform,
};
use bespoke::types::{EventKind, Timestamp};

use super::input::Input;
use crate::outputs::counted;
use crate::outputs::figures::{DataQuality, FeatureEncoding, FeatureGaps, KindCount};

/// Looks at the events before the run's instant and at the features of the scored customers.
///
/// `weights` are the parameters that personas are found with.
pub fn of(
    input: &Input,
    table: &FeatureTable,
    personas: Option<&PersonaModel>,
    weights: &PersonaParams,
) -> DataQuality {
    let events = &input.tables.events;
    let mut counts = [0u64; EventKind::ALL.len()];
    let (mut first, mut latest) = (None, None);
    for e in (0..events.len()).filter(|&e| events.time[e] < input.as_of.0) {
        let at = events.time[e];
        counts[events.kind[e] as usize] += 1;
        first = Some(first.map_or(at, |first: i64| first.min(at)));
        latest = Some(latest.map_or(at, |latest: i64| latest.max(at)));
    }
    let days_behind = latest.map_or(0.0, |latest| (input.as_of.0 - latest) as f64 / Timestamp::DAY_MS as f64);
    let kinds = EventKind::ALL.iter().zip(counts).filter(|(_, n)| *n > 0);
    DataQuality {
        first_event_at: first.map(|at| Timestamp(at).to_string()),
        latest_event_at: latest.map(|at| Timestamp(at).to_string()),
        days_behind,
        events: kinds.map(|(kind, events)| KindCount { kind: kind.name().to_owned(), events }).collect(),
        features: gaps(table, personas, weights),
    }
}

fn gaps(table: &FeatureTable, personas: Option<&PersonaModel>, weights: &PersonaParams) -> Vec<FeatureGaps> {
    let missing = |column: &Column| match column {
        Column::Number(cells) => cells.iter().filter(|cell| cell.is_nan()).count(),
        Column::Category(cells) => cells.iter().filter(|cell| cell.is_none()).count(),
    };
    let reported = |name: &str| {
        let report = &personas?.transform().report().features;
        report.iter().find(|feature| feature.name == name)
    };
    let left_out = |name: &str| {
        let feature = reported(name)?;
        let sensitive = feature.reported_only.then_some("sensitive: only reported");
        feature.dropped.map(words).or(sensitive).map(str::to_owned)
    };
    let columns = table.spec().features.iter().zip(table.columns());
    columns
        .map(|(def, column)| FeatureGaps {
            feature: def.name.clone(),
            label: def.label.clone(),
            missing: missing(column) as u64,
            left_out: left_out(&def.name),
            encoding: personas
                .zip(reported(&def.name))
                .and_then(|(model, report)| encoding(def, model, report, weights)),
        })
        .collect()
}

fn encoding(
    def: &FeatureDef,
    model: &PersonaModel,
    feature: &FeatureReport,
    weights: &PersonaParams,
) -> Option<FeatureEncoding> {
    let encoded = model.transform().features().iter().find(|encoded| encoded.def.name == def.name)?;
    let says_missing = match &encoded.encoding {
        Encoding::Dropped { .. } => false,
        Encoding::Number(number) => number.indicator.is_some(),
        Encoding::Category(category) => category.missing.is_some(),
    };
    let is_demographic = def.family == FeatureFamily::Demographics;
    (feature.dropped.is_none() && !feature.reported_only).then(|| FeatureEncoding {
        kind: kind_words(&encoded.encoding, &def.kind),
        group: if is_demographic { "demographics" } else { "behaviour" }.to_owned(),
        group_weight: Some(weights.weight_of(def)),
        says_missing,
        skew: feature.skew.map(|skew| skew_words(&skew)),
        set_aside: feature.n_set_aside,
        capped: feature.n_capped,
        relevance: feature.relevance.map(|relevance| relevance.explained),
        weight: feature.relevance.map_or(1.0, |relevance| relevance.weight),
        variance_share: feature.variance_share,
    })
}

fn kind_words(encoding: &Encoding, kind: &FeatureKind) -> String {
    match encoding {
        Encoding::Category(category) => counted(category.levels.len() as u64, "levels"),
        _ if *kind == FeatureKind::YesNo => "yes or no".to_owned(),
        _ => "number".to_owned(),
    }
}

fn skew_words(skew: &SkewReport) -> String {
    let name = |transform: SkewTransform| match transform {
        SkewTransform::None => "as it is",
        SkewTransform::Root => "square root",
        SkewTransform::Log => "logarithm",
    };
    let of = |transform: SkewTransform| skew.skewness_after(transform);
    let (chosen, preferred) = (name(skew.chosen), name(skew.preferred));
    if skew.chosen == skew.preferred {
        format!("{chosen}: usual for its kind, skewness {:.2}", of(skew.chosen))
    } else {
        let (after, usual) = (of(skew.chosen), of(skew.preferred));
        format!("{chosen}: skewness {after:.2}, {usual:.2} with the usual one of its kind ({preferred})")
    }
}

fn words(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Constant => "the same for everybody",
        DropReason::AllMissing => "known of nobody",
        DropReason::TooRare => "fewer than 1 % differ",
        DropReason::NoWeight => "it has weight 0",
        DropReason::NoLargeLevel => "every level has too few customers",
    }
}
