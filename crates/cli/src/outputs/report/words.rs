//! Codes and names of a run as people say them.

use bespoke::personas::Steadiness;

use super::super::format;
use super::super::run_record::{Metric, RunRecord};

/// What the page calls a stage of the job.
pub fn stage(code: &str) -> &str {
    match code {
        "personas" => "personas",
        "cltv" => "expected value",
        "churn" => "churn",
        "recommend" => "recommendations",
        other => other,
    }
}

/// A reason without the rooms of the program it comes from.
pub fn reason(text: &str) -> &str {
    let rooms = ["only popularity: ", "cltv: ", "churn: ", "ials: ", "personas: ", "recommend: "];
    rooms.iter().find_map(|room| text.strip_prefix(room)).map_or(text, reason)
}

/// What the reader should know: stages without a result, those with one reason in one sentence, then warnings.
///
/// That a stage without a result was not backtested either goes without saying.
pub fn notes(run: &RunRecord) -> Vec<String> {
    let mut groups: Vec<(Vec<&str>, &str)> = Vec::new();
    for one in &run.not_available {
        let (name, why) = match one.reason.starts_with("only popularity: ") {
            true => ("personal recommendations", reason(&one.reason)),
            false => (stage(&one.stage), reason(&one.reason)),
        };
        match groups.iter_mut().find(|group| group.1 == why) {
            Some(group) => group.0.push(name),
            None => groups.push((vec![name], why)),
        }
    }
    let missing = groups.into_iter().map(|(names, why)| {
        let one = names.len() == 1 && !names[0].ends_with('s');
        capital(&format!("{} {} not available: {why}", listed(&names), if one { "is" } else { "are" }))
    });
    let shown = run.recommendations.as_ref().is_some_and(|shown| shown.slots_filled > 0);
    let told = |warning: &&String| {
        !(run.cltv.is_none() && warning.starts_with("value was not backtested")
            || !shown && warning.starts_with("recommendations were not backtested"))
    };
    missing.chain(run.warnings.iter().filter(told).map(|warning| capital(warning))).collect()
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The sentence with a capital letter, unless it begins with the name of a file or column.
pub fn capital(sentence: &str) -> String {
    let first = sentence.split(' ').next().unwrap_or_default().trim_end_matches(':');
    if first.contains(['.', '_', '/']) {
        return sentence.to_owned();
    }
    let mut rest = sentence.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + rest.as_str())
}

/// A measure as the glossary of the page calls it: `recall at 10 on new items`.
pub fn measure(name: &str) -> String {
    name.replace("recall@", "recall at ").replace("ndcg@", "NDCG at ").replace("hit_rate@", "hit rate at ")
}

/// What a measure is compared with: the figure and where it comes from.
pub fn baseline(metric: &Metric) -> Option<String> {
    let figure = format::figure(metric.baseline?);
    Some(match metric.baseline_name.as_deref() {
        None => figure,
        Some("nothing") => format!("{figure} when nothing is expected"),
        Some("chance") => format!("{figure} by guessing"),
        Some("base rate") => format!("{figure} with one chance for all"),
        Some(other) => format!("{figure} by {other}"),
    })
}

/// How far a persona can be relied on, from its mean overlap with itself when customers are left out.
pub fn steadiness(jaccard: f64) -> &'static str {
    match Steadiness::of(jaccard) {
        Steadiness::VeryStable => "very stable: nearly the same customers come out when some are left out",
        Steadiness::Stable => "stable: mostly the same customers come out when some are left out",
        Steadiness::Unsure => {
            "unsure: there is a pattern, but who belongs to it depends on who else is there"
        }
        Steadiness::Dissolved => {
            "not found again when some customers are left out: better not named or aimed at"
        }
    }
}

/// A figure with its unit.
pub fn quantity(x: f64, unit: &str, currency: &str) -> String {
    match unit {
        "%" | "share" => format::percent(x),
        unit if unit == currency => format!("{} {unit}", format::amount(x)),
        unit => {
            let text =
                if x.fract() == 0.0 || x.abs() >= 100.0 { format!("{x:.0}") } else { format!("{x:.1}") };
            if unit.is_empty() { text } else { format!("{text} {unit}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::run_record::NotAvailable;
    use super::super::super::samples;
    use super::*;

    fn absent(stage: &str, reason: &str) -> NotAvailable {
        NotAvailable { stage: stage.into(), reason: reason.into() }
    }

    #[test]
    fn stages_that_lack_the_same_share_a_sentence() {
        let mut run = samples::run_record();
        run.not_available = vec![absent("cltv", "no events"), absent("churn", "no events")];
        run.not_available.push(absent("recommend", "only popularity: ials: 0 pairs"));
        run.warnings.clear();
        let expected = [
            "Expected value and churn are not available: no events",
            "Personal recommendations are not available: 0 pairs",
        ];
        assert_eq!(notes(&run), expected);
        run.not_available = vec![absent("churn", "churn: 0 customers at risk")];
        assert_eq!(notes(&run), ["Churn is not available: 0 customers at risk"]);
    }

    #[test]
    fn what_is_missing_is_not_missed_twice() {
        let mut run = samples::run_record();
        run.not_available.clear();
        run.warnings = vec!["value was not backtested: too short".into()];
        assert_eq!(notes(&run), ["Value was not backtested: too short"]);
        run.cltv = None;
        assert!(notes(&run).is_empty());
    }

    #[test]
    fn a_baseline_reads_as_a_sentence_part() {
        let mut metric = samples::run_record().metrics[1].clone();
        assert_eq!(baseline(&metric).unwrap(), "0.101 by popularity");
        metric.baseline_name = Some("nothing".into());
        assert_eq!(baseline(&metric).unwrap(), "0.101 when nothing is expected");
        metric.baseline = None;
        assert_eq!(baseline(&metric), None);
    }

    #[test]
    fn names_of_files_stay_as_they_are() {
        assert_eq!(
            [capital("value: low"), capital("a_b.csv: 3 rows"), capital("")],
            ["Value: low", "a_b.csv: 3 rows", ""]
        );
    }

    #[test]
    fn lists_have_an_and() {
        assert_eq!(
            [listed(&["a"]), listed(&["a", "b"]), listed(&["a", "b", "c"])],
            ["a", "a and b", "a, b and c"]
        );
    }
}
