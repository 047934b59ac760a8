//! Names and sentences from what sets a persona apart, by fixed rules.

use super::cells::encoding::{MISSING, OTHER};
use super::cells::transform::PersonaTransform;
use super::profile::{Centre, Effect, PersonaProfile, size_words};
use crate::features::{FeatureDef, FeatureKind, POOLED_LEVEL};

/// Effects weaker than this (in standard deviations) name nobody.
const LEAST_STRENGTH: f64 = 0.3;

/// Traits in a name when the first two do not make it unique.
const MOST_TRAITS: usize = 5;

/// Figures in a description.
const N_FIGURES: usize = 4;

/// The part of a name that one trait becomes.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Adjective(&'static str),
    Noun(&'static str),
    Suffix(String),
}

/// Words for a feature whose name starts with a prefix: where members have more of it, and where less.
struct Concept {
    prefixes: &'static [&'static str],
    more: Option<Part>,
    less: Option<Part>,
}

const fn adjective(word: &'static str) -> Option<Part> {
    Some(Part::Adjective(word))
}

const fn noun(word: &'static str) -> Option<Part> {
    Some(Part::Noun(word))
}

/// The first concept with a fitting prefix counts. A name uses every concept once.
const CONCEPTS: [Concept; 11] = [
    Concept { prefixes: &["days_since"], more: adjective("lapsed"), less: adjective("recent") },
    Concept {
        prefixes: &["inter_order", "days_between"],
        more: adjective("slow-paced"),
        less: adjective("fast-paced"),
    },
    Concept { prefixes: &["tenure"], more: adjective("long-standing"), less: adjective("new") },
    Concept {
        prefixes: &["average_order", "mean_order"],
        more: noun("big-basket shoppers"),
        less: noun("small-basket shoppers"),
    },
    Concept {
        prefixes: &["refund"],
        more: adjective("often-returning"),
        less: adjective("rarely-returning"),
    },
    Concept {
        prefixes: &["revenue", "spend", "monetary", "total_spend"],
        more: noun("big spenders"),
        less: noun("small spenders"),
    },
    Concept {
        prefixes: &["orders", "order_count", "n_orders", "purchases"],
        more: adjective("frequent"),
        less: adjective("occasional"),
    },
    Concept {
        prefixes: &["distinct_", "items", "categories"],
        more: noun("wide-range shoppers"),
        less: noun("narrow-range shoppers"),
    },
    Concept { prefixes: &["weekend"], more: adjective("weekend"), less: adjective("weekday") },
    Concept { prefixes: &["views", "browse"], more: noun("browsers"), less: adjective("rarely-browsing") },
    Concept { prefixes: &["cart"], more: noun("cart fillers"), less: adjective("decided") },
];

/// What a trait speaks of; a name speaks of everything once.
#[derive(Clone, Debug, PartialEq)]
enum Subject {
    Concept(usize),
    Trend,
    Feature(String),
}

/// The features a model knows, for their words.
pub(crate) struct Words<'a> {
    transform: &'a PersonaTransform,
}

impl<'a> Words<'a> {
    pub(crate) fn new(transform: &'a PersonaTransform) -> Self {
        Self { transform }
    }

    fn def(&self, feature: &str) -> Option<&'a FeatureDef> {
        self.transform.features().iter().map(|f| &f.def).find(|def| def.name == feature)
    }

    /// What an effect adds to a name, if it adds anything.
    fn part(&self, effect: &Effect) -> Option<(Subject, Part)> {
        let def = self.def(&effect.feature)?;
        let more = effect.strength > 0.0;
        let own = Subject::Feature(def.name.clone());
        if let Some(level) = &effect.level {
            let named = more && ![OTHER, MISSING, POOLED_LEVEL].contains(&level.as_str());
            return named.then(|| (own, Part::Suffix(format!("{}: {level}", def.label))));
        }
        if def.kind == FeatureKind::Trend {
            return Some((Subject::Trend, Part::Adjective(if more { "growing" } else { "fading" })));
        }
        if def.kind == FeatureKind::YesNo {
            let word = if more { "with" } else { "without" };
            return Some((own, Part::Suffix(format!("{word} {}", def.label))));
        }
        let fits = |concept: &Concept| concept.prefixes.iter().any(|prefix| def.name.starts_with(prefix));
        match CONCEPTS.iter().position(fits) {
            Some(at) => {
                let concept = &CONCEPTS[at];
                let part = if more { &concept.more } else { &concept.less };
                part.clone().map(|part| (Subject::Concept(at), part))
            }
            None => {
                let word = if more { "high" } else { "low" };
                Some((own, Part::Suffix(format!("{word} {}", def.label))))
            }
        }
    }

    /// The strongest traits of a persona, one for every subject, at most one of them a noun.
    fn parts(&self, profile: &PersonaProfile) -> Vec<Part> {
        let mut subjects = Vec::new();
        let mut parts: Vec<Part> = Vec::new();
        for effect in profile.effects.iter().filter(|e| e.strength.abs() >= LEAST_STRENGTH) {
            if parts.len() == MOST_TRAITS {
                break;
            }
            if is_passing(profile, effect) {
                continue;
            }
            let Some((subject, part)) = self.part(effect) else { continue };
            let second_noun =
                matches!(part, Part::Noun(_)) && parts.iter().any(|p| matches!(p, Part::Noun(_)));
            if !second_noun && !subjects.contains(&subject) {
                subjects.push(subject);
                parts.push(part);
            }
        }
        parts
    }
}

/// Whether a window of days says of a persona what the whole time does not: customers who joined last month have spent
/// much in it, and are no big spenders.
fn is_passing(profile: &PersonaProfile, effect: &Effect) -> bool {
    let Some(whole) = without_window(&effect.feature) else { return false };
    let whole = profile.effects.iter().find(|other| other.feature == whole);
    whole.is_some_and(|whole| whole.strength * effect.strength.signum() < LEAST_STRENGTH)
}

/// "revenue" of "revenue_30_days".
fn without_window(feature: &str) -> Option<&str> {
    let (whole, days) = feature.strip_suffix("_days")?.rsplit_once('_')?;
    (!days.is_empty() && days.bytes().all(|byte| byte.is_ascii_digit())).then_some(whole)
}

/// Gives a name to every profile without one; no two profiles share a name.
///
/// A name starts with the two strongest traits and takes in more until it is unique; a number decides when the
/// traits do not.
pub(crate) fn give(profiles: &mut [PersonaProfile], words: &Words<'_>) {
    let mut taken: Vec<String> =
        profiles.iter().map(|p| p.name.clone()).filter(|name| !name.is_empty()).collect();
    let alone = profiles.len() == 1;
    for profile in profiles.iter_mut().filter(|p| p.name.is_empty()) {
        let parts = words.parts(profile);
        let of_first = |n: usize| if alone { "All customers".to_owned() } else { compose(&parts[..n]) };
        let fewest = parts.len().min(2);
        let name = (fewest..=parts.len()).map(of_first).find(|name| !taken.contains(name));
        profile.name = name.unwrap_or_else(|| {
            let base = of_first(parts.len());
            (2u64..)
                .map(|n| format!("{base} {n}"))
                .find(|name| !taken.contains(name))
                .expect("endless numbers")
        });
        taken.push(profile.name.clone());
    }
}

/// Adjectives, noun, then suffixes, in the order of their strength, with a capital letter.
fn compose(parts: &[Part]) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut noun = "customers";
    let mut suffixes: Vec<&str> = Vec::new();
    for part in parts {
        match part {
            Part::Adjective(word) => words.push(word),
            Part::Noun(word) => noun = word,
            Part::Suffix(text) => suffixes.push(text),
        }
    }
    if parts.is_empty() {
        words.push("average");
    }
    words.push(noun);
    let mut name = words.join(" ");
    if !suffixes.is_empty() {
        name = format!("{name} ({})", suffixes.join(", "));
    }
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Size, share and the figures of the strongest effects.
pub(crate) fn describe(profile: &PersonaProfile, words: &Words<'_>) -> String {
    let mut text = size_words(profile.size, profile.share);
    let mut told: Vec<&str> = Vec::new();
    let mut figures = Vec::new();
    for effect in profile.effects.iter().filter(|e| e.strength.abs() >= LEAST_STRENGTH) {
        if figures.len() == N_FIGURES {
            break;
        }
        if !told.contains(&effect.feature.as_str()) {
            told.push(&effect.feature);
            figures.extend(figure(profile, effect, words));
        }
    }
    if !figures.is_empty() {
        text.push_str(" Against all customers: ");
        text.push_str(&figures.join("; "));
        text.push('.');
    } else if told.is_empty() && profile.share < 1.0 {
        text.push_str(" Near the middle of all customers in every feature.");
    }
    text
}

/// "label: members (all: everybody)" of one effect.
fn figure(profile: &PersonaProfile, effect: &Effect, words: &Words<'_>) -> Option<String> {
    let def = words.def(&effect.feature)?;
    let label = &def.label;
    profile.centre.iter().find_map(|centre| match centre {
        Centre::Median { feature, median: Some(own), overall: Some(all) } if *feature == def.name => {
            let (own, all) = (def.quantity(*own), def.quantity(*all));
            (own != all).then(|| format!("{label} {own} (median of all {all})"))
        }
        Centre::Yes { feature, share: Some(own), overall: Some(all) } if *feature == def.name => {
            Some(format!("{label} {} (all {})", percent(*own), percent(*all)))
        }
        Centre::Levels { feature, levels } if *feature == def.name => {
            let level = levels.iter().find(|l| Some(&l.level) == effect.level.as_ref())?;
            let (own, all) = (percent(level.share), percent(level.overall));
            Some(format!("{label} {} {own} (all {all})", level.level))
        }
        _ => None,
    })
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::FeatureFamily;
    use crate::personas::cells::encoding::{DropReason, EncodedFeature, Encoding};
    use crate::personas::profile::Radius;
    use crate::personas::report::TransformReport;

    fn transform() -> PersonaTransform {
        let feature = |name: &str, label: &str, unit: &str, kind: FeatureKind| EncodedFeature {
            def: FeatureDef {
                name: name.to_owned(),
                label: label.to_owned(),
                unit: unit.to_owned(),
                kind,
                family: FeatureFamily::Purchases,
            },
            encoding: Encoding::Dropped { reason: DropReason::Constant },
            first_column: 0,
            reported_only: false,
        };
        let levels = vec!["DE".to_owned()];
        PersonaTransform {
            spec_version: 1,
            features: vec![
                feature("orders", "orders", "orders", FeatureKind::Count),
                feature("orders_90_days", "orders in the last 90 days", "orders", FeatureKind::Count),
                feature("revenue_30_days", "revenue in the last 30 days", "EUR", FeatureKind::Money),
                feature("days_since_last_order", "days since the last order", "days", FeatureKind::Duration),
                feature("revenue", "revenue", "EUR", FeatureKind::Money),
                feature("distinct_items", "distinct items", "items", FeatureKind::Count),
                feature("revenue_trend", "trend of revenue", "", FeatureKind::Trend),
                feature("age", "age", "years", FeatureKind::Number),
                feature("newsletter", "newsletter", "", FeatureKind::YesNo),
                feature("country", "country", "", FeatureKind::Category { levels }),
            ],
            n_columns: 0,
            variances: Vec::new(),
            report: TransformReport::default(),
        }
    }

    fn profile(effects: &[(&str, Option<&str>, f64)]) -> PersonaProfile {
        let effect = |&(feature, level, strength): &(&str, Option<&str>, f64)| Effect {
            feature: feature.to_owned(),
            level: level.map(str::to_owned),
            effect: strength,
            low: strength,
            high: strength,
            strength,
        };
        PersonaProfile {
            id: 0,
            name: String::new(),
            description: String::new(),
            size: 50,
            share: 0.25,
            centre: vec![Centre::Median {
                feature: "revenue".to_owned(),
                median: Some(1234.5),
                overall: Some(20.0),
            }],
            reported_only: Vec::new(),
            effects: effects.iter().map(effect).collect(),
            radius: Radius { p50: 1.0, p90: 2.0, p99: 3.0 },
        }
    }

    fn names(mut profiles: Vec<PersonaProfile>) -> Vec<String> {
        let transform = transform();
        give(&mut profiles, &Words::new(&transform));
        profiles.into_iter().map(|p| p.name).collect()
    }

    #[test]
    fn names_come_from_the_strongest_traits_of_different_subjects() {
        let average = profile(&[("orders", None, 0.1)]);
        let frequent = profile(&[
            ("orders", None, 2.0),
            ("orders_90_days", None, 1.9),
            ("revenue", None, 1.0),
            ("age", None, 0.9),
        ]);
        let spenders =
            profile(&[("revenue", None, -1.0), ("distinct_items", None, -0.9), ("age", None, 0.8)]);
        let country = profile(&[("country", Some("DE"), 1.2), ("revenue_trend", None, -0.5)]);
        let letter = profile(&[("newsletter", None, -1.2), ("country", Some("DE"), -0.9)]);
        let expected = [
            "Average customers",
            "Frequent big spenders",
            "Small spenders (high age)",
            "Fading customers (country: DE)",
            "Customers (without newsletter)",
        ];
        assert_eq!(names(vec![average, frequent, spenders, country, letter]), expected);
        assert_eq!(names(vec![profile(&[])]), ["All customers"]);
    }

    #[test]
    fn a_good_month_makes_no_big_spender() {
        let lately = |whole: f64| {
            profile(&[
                ("revenue_trend", None, 1.2),
                ("revenue_30_days", None, 1.1),
                ("days_since_last_order", None, -0.9),
                ("revenue", None, whole),
            ])
        };
        let expected = ["Growing recent customers", "Growing big spenders", "Growing recent small spenders"];
        assert_eq!(names(vec![lately(0.2), lately(0.3), lately(-1.0)]), expected);
        for (feature, whole) in [
            ("orders_365_days", Some("orders")),
            ("days_since_last_order", None),
            ("tenure_days", None),
            ("order_gap_mean_days", None),
            ("revenue", None),
        ] {
            assert_eq!(without_window(feature), whole);
        }
    }

    #[test]
    fn pooled_levels_name_nobody() {
        for level in [OTHER, MISSING, POOLED_LEVEL] {
            let rest = profile(&[("country", Some(level), 1.2)]);
            assert_eq!(names(vec![rest, profile(&[("age", None, 1.0)])])[0], "Average customers");
        }
    }

    #[test]
    fn no_two_personas_share_a_name() {
        let effects =
            [("orders", None, 2.0), ("revenue", None, 1.0), ("age", None, 0.9), ("newsletter", None, 0.8)];
        let mut kept = profile(&effects);
        kept.name = "Frequent big spenders".to_owned();
        let expected = [
            "Frequent big spenders (high age)",
            "Frequent big spenders",
            "Frequent big spenders (high age, with newsletter)",
            "Frequent big spenders (high age, with newsletter) 2",
        ];
        assert_eq!(names(vec![profile(&effects), kept, profile(&effects), profile(&effects)]), expected);
    }

    #[test]
    fn descriptions_give_figures_in_natural_units() {
        let transform = transform();
        let text = describe(&profile(&[("revenue", None, 1.0)]), &Words::new(&transform));
        let expected =
            "50 customers (25.0 % of all). Against all customers: revenue 1234 EUR (median of all 20 EUR).";
        assert_eq!(text, expected);
        let same = Centre::Median { feature: "revenue".to_owned(), median: Some(1.0), overall: Some(1.0) };
        let same = PersonaProfile { centre: vec![same], ..profile(&[("revenue", None, 1.0)]) };
        let same = describe(&same, &Words::new(&transform));
        assert!(!same.contains("Against"), "equal figures set nobody apart: {same}");
        let middle = profile(&[("revenue", None, 0.1)]);
        let expected = "50 customers (25.0 % of all). Near the middle of all customers in every feature.";
        assert_eq!(describe(&middle, &Words::new(&transform)), expected);
        let everybody = PersonaProfile { share: 1.0, ..middle };
        assert_eq!(describe(&everybody, &Words::new(&transform)), "50 customers (100.0 % of all).");
    }
}
