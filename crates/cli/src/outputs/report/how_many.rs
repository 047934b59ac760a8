//! Why there are so many personas: what was tried, how each did, what spoke against the others.

use std::cmp::Ordering;

use bespoke::personas::{Candidate, Choice, ChoiceReport, MIN_STABILITY, Reason, Steadiness, Structure};
use serde::Serialize;

use super::super::format;
use super::super::persona_file::PersonaFile;
use super::html::Table;

/// What the template is given.
#[derive(Default, Serialize)]
pub struct HowMany {
    pub sentences: Vec<String>,
    /// What has to be known before the personas are used.
    pub warning: Option<String>,
    /// Safe; absent when one number was tried only.
    table: Option<String>,
}

/// `None` for a run that did not keep how it chose.
pub fn of(file: &PersonaFile) -> Option<HowMany> {
    let now = file.choice.as_ref()?;
    let choice = now.first();
    let mut sentences = Vec::new();
    if now.earlier.is_some() {
        sentences.push("The number was chosen in an earlier run and stays, so that personas keep their meaning; this is how.".to_owned());
    }
    sentences.extend(tried(choice));
    sentences.extend(why(choice));
    sentences.extend(again(choice));
    if let Some(Structure { found: true, n_replicates, .. }) = choice.structure {
        sentences.push(format!(
            "Customers do fall into groups: they are better separated than in all {n_replicates} made-up tables with the \
             same answers to every single question, but without groups."
        ));
    }
    let several = choice.candidates.len() > 1;
    Some(HowMany { sentences, warning: warning(choice), table: several.then(|| table(choice)) })
}

fn tried(choice: &ChoiceReport) -> Option<String> {
    match choice.asked {
        Choice::Range(low, high) if low < high => {
            Some(format!("Every number from {low} to {high} was tried."))
        }
        _ => None,
    }
}

fn why(choice: &ChoiceReport) -> Option<String> {
    let k = choice.k;
    Some(match &choice.reason {
        Reason::Asked => format!("The job asks for {}.", format::counted(k as u64, "personas")),
        Reason::Steady { best_k } => {
            let taken = format!(
                "{k} were taken: it is the largest number of which every persona comes out again, with nearly the same \
                 customers, when customers are left out."
            );
            match best_k.cmp(&k) {
                Ordering::Equal => format!("{taken} It also stands out most."),
                Ordering::Less => format!(
                    "{taken} {best_k} stand out more, {k} tell more about customers and are as reliable."
                ),
                Ordering::Greater => {
                    format!("{taken} {best_k} stand out more, but one of them is another when customers are left out.")
                }
            }
        }
        Reason::Separated { best_k } if *best_k == k => format!(
            "{k} were taken: among the numbers whose personas are large enough and are found again when customers are \
             left out, they stand out most, compared with customers without groups."
        ),
        Reason::Separated { best_k } => format!(
            "{k} were taken: {best_k} stand out most among the numbers whose personas are large enough and are found \
             again, but {k} do so hardly less, and fewer are easier to work with."
        ),
        Reason::MostStable => format!(
            "No number gives personas that are large enough and found again reliably; {k} were taken because they come \
             nearest to it."
        ),
        Reason::NoStructure => {
            "All customers are one persona: they differ by degrees, and no split of them is better than any other."
                .to_owned()
        }
        Reason::NoneLargeEnough => format!(
            "All customers are one persona: every split has a persona of fewer than {} customers.",
            choice.min_size
        ),
        Reason::TooFewDistinct { n_distinct, .. } => {
            let kinds = if *n_distinct > 1 { format!("there are only {n_distinct} different ones") } else { "no two differ".to_owned() };
            format!("All customers are one persona: {kinds} in the features of this run.")
        }
        Reason::Frozen => return None,
    })
}

/// How the chosen personas did when customers were left out.
fn again(choice: &ChoiceReport) -> Option<String> {
    let stability = chosen(choice)?.stability.as_ref()?;
    Some(format!(
        "They were looked for again {} times among a random part of the customers, without knowing the first answer; on \
         average the two answers agree to {} of 1 (0 is chance, {MIN_STABILITY} is wanted).",
        stability.n_resamples,
        format::figure(stability.adjusted_rand),
    ))
}

fn warning(choice: &ChoiceReport) -> Option<String> {
    let structure = choice.structure.as_ref().filter(|structure| !structure.found && choice.k > 1)?;
    let better = (structure.p_value * (structure.n_replicates + 1) as f64).round() as u64 - 1;
    Some(format!(
        "Customers do not fall into groups. {} of {} made-up tables without groups are at least as well separated as these \
         customers. They differ by degrees, and the personas cut them into slices: useful to order work by, but customers \
         on both sides of a border are alike.",
        format::count(better),
        structure.n_replicates,
    ))
}

fn chosen(choice: &ChoiceReport) -> Option<&Candidate> {
    choice.candidates.iter().find(|candidate| candidate.k == choice.k)
}

fn table(choice: &ChoiceReport) -> String {
    let head = [
        "personas",
        "verdict",
        "smallest",
        "found again",
        "weakest persona",
        "stands out",
        "silhouette",
        "explained",
        "CH",
        "DB",
    ];
    let optional = |x: Option<f64>| x.map_or_else(|| "–".to_owned(), format::figure);
    let row = |candidate: &Candidate| {
        vec![
            candidate.k.to_string(),
            verdict(choice, candidate),
            format::count(candidate.smallest),
            optional(candidate.stability.as_ref().map(|stability| stability.adjusted_rand)),
            optional(candidate.stability.as_ref().map(|stability| stability.least_jaccard)),
            optional(stands_out(candidate)),
            silhouette(candidate),
            format::percent(candidate.explained_share),
            candidate.calinski_harabasz.map_or_else(|| "–".to_owned(), |index| format!("{index:.1}")),
            optional(candidate.davies_bouldin),
        ]
    };
    Table::new(&head, choice.candidates.iter().map(row).collect())
        .with_words(&[1])
        .html("Numbers of personas that were tried")
}

fn verdict(choice: &ChoiceReport, candidate: &Candidate) -> String {
    let stability = candidate.stability.as_ref();
    let unstable = stability.is_some_and(|stability| stability.adjusted_rand < MIN_STABILITY);
    let shaky = stability.is_some_and(|s| Steadiness::of(s.least_jaccard) != Steadiness::VeryStable);
    let steady = matches!(choice.reason, Reason::Steady { .. });
    if candidate.k == choice.k {
        "taken".to_owned()
    } else if !candidate.large_enough {
        format!("a persona below {}", choice.min_size)
    } else if unstable {
        "not found again".to_owned()
    } else if steady && shaky {
        "one persona unsure".to_owned()
    } else if steady && candidate.k < choice.k {
        "fewer".to_owned()
    } else {
        "stands out less".to_owned()
    }
}

/// The simplified silhouette above that of customers without groups.
fn stands_out(candidate: &Candidate) -> Option<f64> {
    Some(candidate.simplified_silhouette? - candidate.null.as_ref().map_or(0.0, |null| null.mean))
}

fn silhouette(candidate: &Candidate) -> String {
    match &candidate.silhouette {
        None => "–".to_owned(),
        Some(silhouette) => match silhouette.interval {
            None => format::figure(silhouette.mean),
            Some([low, high]) => {
                let [mean, low, high] = [silhouette.mean, low, high].map(format::figure);
                format!("{mean} ({low} to {high})")
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::samples;
    use super::*;

    fn words(edit: impl Fn(&mut ChoiceReport)) -> HowMany {
        let mut file = samples::persona_file();
        edit(file.choice.as_mut().unwrap());
        of(&file).unwrap()
    }

    #[test]
    fn the_choice_is_told_in_words_and_every_candidate_in_the_table() {
        let told = words(|_| ());
        let text = told.sentences.join(" ");
        assert!(
            text.contains("Every number from 2 to 4 was tried. 2 were taken: 3 stand out most"),
            "{text}"
        );
        assert!(text.contains("agree to 0.930 of 1") && text.contains("do fall into groups"), "{text}");
        assert_eq!(told.warning, None);
        let table = told.table.unwrap();
        for part in ["taken", "stands out less", "a persona below 25", "0.500 (0.480 to 0.520)", "0.120"] {
            assert!(table.contains(part), "{part} in {table}");
        }
    }

    #[test]
    fn customers_without_groups_are_warned_of() {
        let told = words(|choice| {
            choice.structure = Some(Structure { found: false, p_value: 0.4, n_replicates: 19 });
        });
        assert!(told.warning.unwrap().starts_with("Customers do not fall into groups. 7 of 19 made-up"));
        assert!(!told.sentences.join(" ").contains("do fall into groups"));
    }

    #[test]
    fn a_number_that_stands_says_how_it_was_chosen_once() {
        let told = words(|choice| {
            let earlier = Some(Box::new(choice.clone()));
            *choice = ChoiceReport { reason: Reason::Frozen, earlier, ..choice.clone() };
        });
        assert!(told.sentences[0].starts_with("The number was chosen in an earlier run"));
        assert!(told.sentences[2].starts_with("2 were taken") && told.table.is_some());
    }

    #[test]
    fn every_reason_has_its_sentence() {
        let sentence = |reason: Reason| words(|choice| choice.reason = reason.clone()).sentences[1].clone();
        assert_eq!(sentence(Reason::Asked), "The job asks for 2 personas.");
        assert!(sentence(Reason::Steady { best_k: 2 }).ends_with("It also stands out most."));
        assert!(sentence(Reason::Steady { best_k: 3 }).contains("3 stand out more, but one"));
        assert!(sentence(Reason::Steady { best_k: 1 }).contains("1 stand out more, 2 tell more"));
        assert!(sentence(Reason::MostStable).contains("come nearest"));
        assert!(sentence(Reason::NoStructure).contains("differ by degrees"));
        assert!(sentence(Reason::NoneLargeEnough).contains("fewer than 25"));
        let few = Reason::TooFewDistinct { n_distinct: 1, needed: 2 };
        assert!(sentence(few).ends_with("no two differ in the features of this run."));
    }
}
