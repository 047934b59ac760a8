//! What the events and features of a run are like: how fresh, how many of each kind, how full.

use bespoke::features::{Column, FeatureTable};
use bespoke::personas::{DropReason, PersonaModel};
use bespoke::types::{EventKind, Timestamp};

use super::input::Input;
use crate::outputs::figures::{DataQuality, FeatureGaps, KindCount};

/// Looks at the events before the run's instant and at the features of the scored customers.
pub fn of(input: &Input, table: &FeatureTable, personas: Option<&PersonaModel>) -> DataQuality {
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
        features: gaps(table, personas),
    }
}

fn gaps(table: &FeatureTable, personas: Option<&PersonaModel>) -> Vec<FeatureGaps> {
    let missing = |column: &Column| match column {
        Column::Number(cells) => cells.iter().filter(|cell| cell.is_nan()).count(),
        Column::Category(cells) => cells.iter().filter(|cell| cell.is_none()).count(),
    };
    let left_out = |name: &str| {
        let report = &personas?.transform().report().features;
        report.iter().find(|feature| feature.name == name)?.dropped.map(|reason| words(reason).to_owned())
    };
    let columns = table.spec().features.iter().zip(table.columns());
    columns
        .map(|(def, column)| FeatureGaps {
            feature: def.name.clone(),
            label: def.label.clone(),
            missing: missing(column) as u64,
            left_out: left_out(&def.name),
        })
        .collect()
}

fn words(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Constant => "the same for everybody",
        DropReason::AllMissing => "known of nobody",
        DropReason::TooRare => "fewer than 1 % differ",
        DropReason::NoWeight => "its group has weight 0",
    }
}
