//! `explain` without a customer: the personas of the published run, and why there are so many.

use serde_json::{Value, json};

use super::answer_words::bullets;
use crate::outputs::persona_file::Persona;
use crate::outputs::{HowMany, PersonaFile, RunRecord, how_many, night_sentences};
use crate::ui::Answer;

/// What is said of all personas of a run.
pub fn answer(run: u32, record: &RunRecord, file: &PersonaFile) -> Answer {
    let why = how_many(file).unwrap_or_default();
    let nights = file.nights.as_ref().map(night_sentences).unwrap_or_default();
    let personas: Vec<Value> = file.personas.iter().map(persona).collect();
    let json = json!({
        "run": run,
        "as_of": record.as_of,
        "how_many": file.how_many,
        "why_so_many": why.sentences,
        "warning": why.warning,
        "personas": personas,
        "since_the_run_before": nights,
        "not_available": record.not_available,
    });
    Answer { text: text(run, record, file, &why, &nights), json, is_summary: false }
}

fn persona(card: &Persona) -> Value {
    json!({
        "id": card.id,
        "name": card.name,
        "description": card.description,
        "size": card.size,
        "share": card.share,
    })
}

fn text(run: u32, record: &RunRecord, file: &PersonaFile, why: &HowMany, nights: &[String]) -> String {
    let of = format!("(run {run:06}, as of {})", record.as_of);
    if file.personas.is_empty() {
        let reason = record.not_available.iter().find(|one| one.stage == "personas");
        let reason = reason.map_or("this run has no figures for them", |one| one.reason.as_str());
        return format!("There are no personas {of}: {reason}.");
    }
    // The description begins with the size.
    let card = |card: &Persona| format!("\"{}\": {}", card.name, card.description);
    let mut reasons = why.sentences.clone();
    reasons.extend(why.warning.iter().map(|warning| format!("warning: {warning}")));
    let cards: Vec<String> = file.personas.iter().map(card).collect();
    let parts = [("Why so many", &reasons[..]), ("Personas", &cards[..]), ("Against the run before", nights)];
    let told = parts.into_iter().filter(|(_, lines)| !lines.is_empty());
    let told = told.map(|(heading, lines)| format!("\n\n{heading}\n{}", bullets(lines)));
    format!("{} {of}.{}", file.how_many, told.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::samples;

    #[test]
    fn the_number_of_personas_is_told_with_its_reasons_and_every_persona() {
        let (record, mut file) = (samples::run_record(), samples::persona_file());
        let told = answer(7, &record, &file);
        assert!(told.text.starts_with(&format!("{} (run 000007, as of ", file.how_many)), "{}", told.text);
        for part in [
            "Why so many\n  - Every number from 2 to 4 was tried.",
            "\"Frequent big spenders\": They come often & spend much.",
            "Against the run before\n  - Of 2 personas before",
        ] {
            assert!(told.text.contains(part), "{part} in {}", told.text);
        }
        assert_eq!(told.json["warning"], Value::Null);
        assert!(told.json["why_so_many"][1].as_str().unwrap().starts_with("2 were taken"));
        let choice = file.choice.as_mut().unwrap();
        choice.structure.as_mut().unwrap().found = false;
        let warned = answer(7, &record, &file);
        assert!(warned.text.contains("  - warning: Customers do not fall into groups."), "{}", warned.text);
        assert!(warned.json["warning"].is_string());
    }

    #[test]
    fn a_run_without_personas_says_why() {
        let mut record = samples::run_record();
        record.not_available[0].stage = "personas".into();
        record.not_available[0].reason = "one customer".into();
        let told = answer(1, &record, &PersonaFile::default());
        assert!(told.text.ends_with(": one customer."), "{}", told.text);
    }
}
