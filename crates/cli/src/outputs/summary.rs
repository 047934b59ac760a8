//! A run in a few lines for the terminal.

use super::format::{amount, count, counted, figure, percent};
use super::persona_file::PersonaFile;
use super::report::night_sentences;
use super::run_record::{FileRows, Metric, RunRecord};
use crate::ui::table;

/// Counts, rows, personas, figures and what is missing.
pub fn of_run(run: &RunRecord, personas: &PersonaFile) -> String {
    let parts = [
        headline(run),
        of_rows(&run.rows),
        of_personas(personas),
        of_nights(personas),
        of_segments(run),
        of_metrics(&run.metrics),
        notes(run),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn headline(run: &RunRecord) -> String {
    let counts = &run.counts;
    if counts.events == 0 {
        return format!("as of {}: {}, no events", run.as_of, counted(counts.customers, "customers"));
    }
    format!(
        "as of {}: {}, {}, {}, revenue {} {}",
        run.as_of,
        counted(counts.customers, "customers"),
        counted(counts.items, "items"),
        counted(counts.orders, "orders"),
        amount(counts.revenue),
        run.currency
    )
}

/// What became of the rows of each file, and the rules behind it.
pub fn of_rows(rows: &[FileRows]) -> String {
    let head = ["source", "file", "rows read", "accepted", "merged", "set aside", "rejected", "by rule"];
    table(&head, &[2, 3, 4, 5, 6], rows.iter().map(row_cells))
}

fn row_cells(file: &FileRows) -> [String; 8] {
    let rules = file.set_aside.iter().chain(&file.rejected);
    let rules: Vec<String> = rules.map(|(rule, n)| format!("{rule} {}", count(*n))).collect();
    [
        file.source.clone(),
        file.file.clone(),
        count(file.read),
        count(file.accepted),
        count(file.merged),
        count(file.n_set_aside()),
        count(file.n_rejected()),
        rules.join(", "),
    ]
}

fn of_personas(file: &PersonaFile) -> String {
    if file.personas.is_empty() {
        return String::new();
    }
    let optional = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
    let earns = file.personas.iter().any(|persona| persona.revenue_share > 0.0);
    let rows = file.personas.iter().map(|persona| {
        let revenue = optional(earns.then_some(persona.revenue_share));
        let (share, churn) = (percent(persona.share), optional(persona.mean_churn));
        [persona.name.clone(), count(persona.size), share, revenue, churn]
    });
    let table = table(&["persona", "customers", "share", "of revenue", "churn"], &[1, 2, 3, 4], rows);
    format!("{table}\n{}", file.how_many)
}

/// What became of the personas of the run before.
fn of_nights(file: &PersonaFile) -> String {
    let said = file.nights.as_ref().map(night_sentences).unwrap_or_default();
    said.iter().map(|sentence| format!("personas: {sentence}")).collect::<Vec<_>>().join("\n")
}

/// The segments that have customers.
fn of_segments(run: &RunRecord) -> String {
    let Some(segments) = &run.segments else { return String::new() };
    let rfm = segments
        .rfm
        .iter()
        .flat_map(|rfm| &rfm.segments)
        .map(|one| (format!("RFM: {}", one.name), &one.group));
    let rules = segments.rules.iter().map(|one| (one.name.clone(), &one.group));
    let rows = rfm.filter(|(_, group)| group.customers > 0).chain(rules).map(|(name, group)| {
        let revenue = group.revenue_share.map_or_else(|| "–".to_owned(), percent);
        [name, count(group.customers), percent(group.share), revenue]
    });
    let rows: Vec<[String; 4]> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    table(&["segment", "customers", "share", "of revenue"], &[1, 2, 3], rows)
}

fn of_metrics(metrics: &[Metric]) -> String {
    if metrics.is_empty() {
        return String::new();
    }
    let rows = metrics.iter().map(|metric| {
        let interval = metric.interval.map(|i| format!("{} to {}", figure(i.low), figure(i.high)));
        let baseline = metric
            .baseline
            .map(|b| format!("{} {}", metric.baseline_name.as_deref().unwrap_or("baseline"), figure(b)));
        [
            metric.stage.clone(),
            metric.name.clone(),
            figure(metric.estimate),
            interval.unwrap_or_default(),
            baseline.unwrap_or_default(),
        ]
    });
    table(&["stage", "measure", "estimate", "interval", "against"], &[2], rows)
}

fn notes(run: &RunRecord) -> String {
    let missing =
        run.not_available.iter().map(|stage| format!("not available: {}: {}", stage.stage, stage.reason));
    let warnings = run.warnings.iter().map(|warning| format!("warning: {warning}"));
    missing.chain(warnings).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_summary_tells_rows_personas_figures_and_what_is_missing() {
        let text = of_run(&samples::run_record(), &samples::persona_file());
        for part in [
            "4,334 customers",
            "541,909",
            "cancellation 9,288",
            "Frequent big spenders",
            "2 personas (2 to 4 tried)",
            "0.784 to 0.812",
            "popularity 0.101",
            "not available: cltv",
            "warning: ",
            "personas: 55 of 4,294 customers of both runs (1.3 %) are in another persona.",
            "RFM: Champions",
            "value_at_risk",
        ] {
            assert!(text.contains(part), "{part} in:\n{text}");
        }
    }

    #[test]
    fn an_empty_run_is_a_headline_and_no_tables_of_nothing() {
        let mut run = samples::run_record();
        (run.metrics, run.rows, run.not_available, run.warnings, run.segments) = Default::default();
        let text = of_run(&run, &PersonaFile::default());
        assert!(!text.contains("persona") && !text.contains("measure"), "{text}");
    }
}
