//! What `explain` says of a customer's persona: how sure it is, what speaks for the next one, and since when.

use std::path::Path;

use anyhow::{Context, Result};
use bespoke_io::{ReadBack, read_columns};
use serde_json::{Value, json};

use crate::outputs::persona_file::{Centre, Persona as Card, PersonaFile};
use crate::outputs::quantity;
use crate::refresh::runner_up::SEPARATOR;

/// Below this confidence the second nearest centroid is less than 1.1 times as far away.
const BORDER: f64 = 0.05;
/// From this confidence on it is at least 1.5 times as far away.
const SURE: f64 = 0.2;

/// The persona of a customer.
#[derive(Clone, Debug, Default)]
pub struct Persona {
    /// Absent when the personas of the run do not have it.
    pub id: Option<u32>,
    pub name: String,
    pub description: String,
    /// 0..=1.
    pub confidence: f64,
    /// Less than half of what personas go by is known of the customer.
    pub low_confidence: bool,
    /// The next nearest; absent when there is one persona only.
    pub runner_up: Option<RunnerUp>,
    /// Absent in the first run.
    pub since: Option<Since>,
}

/// The next nearest persona.
#[derive(Clone, Debug, Default)]
pub struct RunnerUp {
    pub id: u32,
    pub name: String,
    /// What speaks for it, the strongest first.
    pub features: Vec<Leaning>,
}

/// A feature in which the customer is more like the runner-up.
#[derive(Clone, Debug, Default)]
pub struct Leaning {
    pub feature: String,
    pub label: String,
    pub unit: String,
    /// The middle of the customer's persona and of the runner-up; absent for a category.
    pub here: Option<f64>,
    pub there: Option<f64>,
}

/// What the run did to the customer's persona.
#[derive(Clone, Debug, PartialEq)]
pub enum Since {
    /// From the persona of that name.
    Moved { from: String },
    /// Another persona is nearer, but not by this margin.
    Held { stickiness: f64 },
    /// In the same persona as in the run before, or not in that run.
    Unmoved,
}

/// The cells that a persona is told from.
pub struct Cells<'a> {
    pub id: Option<f64>,
    pub name: &'a str,
    pub confidence: f64,
    pub low_confidence: bool,
    pub held: bool,
    pub second: Option<f64>,
    /// Absent in runs of earlier versions, and when nothing speaks for the second.
    pub second_features: Option<&'a str>,
}

/// The persona beside the figures of the run.
///
/// # Errors
/// When the table of changes cannot be read.
pub fn of(dir: &Path, customer: &str, cells: &Cells<'_>, file: &PersonaFile) -> Result<Persona> {
    let card = |id: f64| file.personas.iter().find(|card| f64::from(card.id) == id);
    let own = cells.id.and_then(card);
    let runner_up = |second: &Card| RunnerUp {
        id: second.id,
        name: second.name.clone(),
        features: (cells.second_features.into_iter().flat_map(|names| names.split(SEPARATOR)))
            .map(|name| leaning(name, own, second))
            .collect(),
    };
    let since = match &file.nights {
        None => None,
        Some(nights) if cells.held => Some(Since::Held { stickiness: nights.stickiness }),
        Some(_) => Some(moved(dir, customer)?.map_or(Since::Unmoved, |from| Since::Moved { from })),
    };
    Ok(Persona {
        id: own.map(|card| card.id),
        name: cells.name.to_owned(),
        description: own.map_or_else(String::new, |card| card.description.clone()),
        confidence: cells.confidence,
        low_confidence: cells.low_confidence,
        runner_up: cells.second.and_then(card).map(runner_up),
        since,
    })
}

fn leaning(feature: &str, own: Option<&Card>, second: &Card) -> Leaning {
    let centre = |card: &Card| -> Option<Centre> {
        card.centroid.iter().find(|centre| centre.feature == feature).cloned()
    };
    let there = centre(second);
    let label = there.as_ref().map_or_else(|| feature.replace('_', " "), |centre| centre.label.clone());
    // Of a category there are as many middles as levels.
    let plain = |centre: &Centre| centre.level.is_none();
    Leaning {
        feature: feature.to_owned(),
        label,
        unit: there.as_ref().map_or_else(String::new, |centre| centre.unit.clone()),
        here: own.and_then(centre).filter(plain).and_then(|centre| centre.here),
        there: there.filter(plain).and_then(|centre| centre.here),
    }
}

/// The persona that the customer had in the run before, where it was another.
fn moved(dir: &Path, customer: &str) -> Result<Option<String>> {
    let path = dir.join("changes.parquet");
    let columns = read_columns(&path, &["customer_id", "what", "before"])
        .with_context(|| path.display().to_string())?;
    let [ReadBack::Text(ids), ReadBack::Text(what), ReadBack::Text(before)] = &columns[..] else {
        anyhow::bail!("{} has other types of columns than this version writes", path.display());
    };
    let is_move =
        |&row: &usize| ids[row].as_deref() == Some(customer) && what[row].as_deref() == Some("persona");
    Ok((0..ids.len()).find(is_move).and_then(|row| before[row].clone()))
}

impl Persona {
    /// How sure it is, in few words.
    fn sureness(&self) -> &'static str {
        match self.confidence {
            _ if self.runner_up.is_none() => "the only persona",
            _ if self.low_confidence => "a guess",
            confidence if confidence >= SURE => "sure",
            confidence if confidence >= BORDER => "fairly sure",
            _ => "on the border",
        }
    }

    /// How sure it is, in words and numbers.
    fn confidence_words(&self) -> String {
        let sureness = self.sureness();
        if self.runner_up.is_none() {
            return sureness.to_owned();
        }
        let held = matches!(self.since, Some(Since::Held { .. }));
        // The confidence is (d2 - d1) / (d2 + d1).
        let ratio = (1.0 + self.confidence) / (1.0 - self.confidence);
        let away = match ratio {
            _ if held => "the runner-up is even nearer".to_owned(),
            ratio if ratio < 1.05 => "the runner-up is hardly farther away".to_owned(),
            ratio if ratio > 100.0 => "the customer is in the very middle of it".to_owned(),
            ratio => format!("the runner-up is {ratio:.1} times as far away"),
        };
        let known = match self.low_confidence {
            true => "less than half of what personas go by is known of the customer; by that, ",
            false => "",
        };
        format!("{sureness}: {known}{away} (confidence {:.2} of 1)", self.confidence)
    }

    /// A line, and what belongs to it after line feeds.
    pub fn words(&self, currency: &str) -> String {
        let mut lines = vec![format!("persona: \"{}\". {}", self.name, self.description)];
        lines.push(self.confidence_words());
        lines.extend(self.runner_up.as_ref().map(|second| second.words(currency)));
        lines.extend(self.since.as_ref().map(Since::words));
        lines.join("\n      ")
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let leaning = |one: &Leaning| json!({"feature": one.feature, "label": one.label, "unit": one.unit, "here": one.here, "there": one.there});
        let runner_up = self.runner_up.as_ref().map(|second| {
            let features: Vec<Value> = second.features.iter().map(leaning).collect();
            json!({"id": second.id, "name": second.name, "speaks_for_it": features})
        });
        let since = self.since.as_ref().map(|since| match since {
            Since::Moved { from } => json!({"moved": true, "from": from, "held": false}),
            Since::Held { stickiness } => json!({"moved": false, "held": true, "stickiness": stickiness}),
            Since::Unmoved => json!({"moved": false, "held": false}),
        });
        json!({
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "confidence": self.confidence,
            "how_sure": self.sureness(),
            "low_confidence": self.low_confidence,
            "runner_up": runner_up,
            "since_the_run_before": since,
        })
    }
}

impl RunnerUp {
    fn words(&self, currency: &str) -> String {
        let one = |leaning: &Leaning| match (leaning.here, leaning.there) {
            (Some(here), Some(there)) => {
                let unit = if leaning.label.contains(&leaning.unit) { "" } else { leaning.unit.as_str() };
                let [here, there] = [here, there].map(|x| quantity(x, unit, currency));
                format!("{} (there {there}, in their own persona {here})", leaning.label)
            }
            _ => leaning.label.clone(),
        };
        let features: Vec<String> = self.features.iter().map(one).collect();
        match features.is_empty() {
            true => format!("runner-up: \"{}\"; nothing speaks for it", self.name),
            false => format!("runner-up: \"{}\"; for it speaks {}", self.name, features.join("; ")),
        }
    }
}

impl Since {
    fn words(&self) -> String {
        match self {
            Self::Moved { from } => format!("since the run before: moved here from \"{from}\""),
            Self::Held { stickiness } => format!(
                "since the run before: stayed only because the runner-up is not nearer by the margin of \
                 personas.stickiness = {stickiness}"
            ),
            Self::Unmoved => "since the run before: no change of persona".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::samples;

    fn cells() -> Cells<'static> {
        Cells {
            id: Some(0.0),
            name: "Frequent big spenders",
            confidence: 0.1,
            low_confidence: false,
            held: false,
            second: Some(1.0),
            second_features: Some("orders; no_middle"),
        }
    }

    fn told(edit: impl Fn(&mut Cells<'_>)) -> Persona {
        let (mut cells, mut file) = (cells(), samples::persona_file());
        edit(&mut cells);
        file.personas[1].centroid = file.personas[0].centroid.clone();
        file.personas[1].centroid[0].here = Some(2.0);
        file.nights = cells.held.then(samples::night_figures);
        of(Path::new("nowhere"), "C-1", &cells, &file).unwrap()
    }

    #[test]
    fn the_runner_up_is_told_with_what_speaks_for_it() {
        let persona = told(|_| ());
        let second = samples::persona_file().personas[1].name.clone();
        assert_eq!(
            persona.words("GBP").lines().map(str::trim).collect::<Vec<_>>(),
            [
                "persona: \"Frequent big spenders\". They come often & spend much.",
                "fairly sure: the runner-up is 1.2 times as far away (confidence 0.10 of 1)",
                &format!(
                    "runner-up: \"{second}\"; for it speaks orders (there 2, in their own persona 9); no middle"
                ),
            ]
        );
        let json = persona.json();
        assert_eq!(json["runner_up"]["speaks_for_it"][0]["there"], 2.0);
        assert_eq!((&json["how_sure"], &json["since_the_run_before"]), (&json!("fairly sure"), &Value::Null));
    }

    #[test]
    fn sureness_goes_by_confidence_and_by_what_is_known() {
        let sureness = |confidence, low| {
            told(|cells| (cells.confidence, cells.low_confidence) = (confidence, low)).sureness()
        };
        assert_eq!([sureness(0.2, false), sureness(0.199, false)], ["sure", "fairly sure"]);
        assert_eq!([sureness(0.05, false), sureness(0.049, false)], ["fairly sure", "on the border"]);
        assert_eq!(sureness(0.9, true), "a guess");
        assert_eq!(told(|cells| cells.second = None).sureness(), "the only persona");
        let guess = told(|cells| cells.low_confidence = true).words("GBP");
        assert!(guess.contains("a guess: less than half of what personas go by is known"), "{guess}");
        assert!(told(|cells| cells.confidence = 1.0).words("GBP").contains("in the very middle"));
    }

    #[test]
    fn who_stayed_by_stickiness_only_is_told_so() {
        let held = told(|cells| (cells.held, cells.confidence) = (true, 0.0));
        assert_eq!(held.since, Some(Since::Held { stickiness: 0.05 }));
        let words = held.words("GBP");
        assert!(words.contains("on the border: the runner-up is even nearer (confidence 0.00"), "{words}");
        assert!(words.ends_with("not nearer by the margin of personas.stickiness = 0.05"), "{words}");
        assert_eq!(held.json()["since_the_run_before"]["held"], true);
        assert_eq!(Since::Moved { from: "X".into() }.words(), "since the run before: moved here from \"X\"");
    }
}
