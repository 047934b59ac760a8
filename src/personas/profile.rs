//! What people are told about a persona.

use serde::{Deserialize, Serialize};

/// A persona in words and natural units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonaProfile {
    /// Permanent: kept by refits, never used for another persona.
    pub id: u32,
    /// Unique among the personas of a model.
    pub name: String,
    /// One or two sentences with the figures that set the persona apart.
    pub description: String,
    /// Customers.
    pub size: u64,
    /// Share of all customers.
    pub share: f64,
    /// The middle of every feature, in the order of the table; features without a say are left out.
    pub centre: Vec<Centre>,
    /// The same of sensitive features, which had no say in who belongs here and are in no name.
    #[serde(default)]
    pub reported_only: Vec<Centre>,
    /// What sets the persona apart, the strongest first.
    pub effects: Vec<Effect>,
    /// How far members are from the centroid.
    pub radius: Radius,
}

impl PersonaProfile {
    /// The description with another size: customers whom stickiness holds, or a table the model was not fitted on,
    /// make a persona larger or smaller than it was at the fit.
    #[must_use]
    pub fn description_of(&self, size: u64, share: f64) -> String {
        match self.description.strip_prefix(&size_words(self.size, self.share)) {
            Some(figures) => format!("{}{figures}", size_words(size, share)),
            None => self.description.clone(),
        }
    }
}

/// The sentence that a description begins with.
pub(crate) fn size_words(size: u64, share: f64) -> String {
    let unit = if size == 1 { "customer" } else { "customers" };
    format!("{size} {unit} ({:.1} % of all).", 100.0 * share)
}

/// The middle of one feature over the members of a persona, in natural units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Centre {
    /// A number, over members who have one.
    Median {
        /// Name of the feature.
        feature: String,
        /// Median of the members; `None` when none has the number.
        median: Option<f64>,
        /// Median of all customers.
        overall: Option<f64>,
    },
    /// A yes or no, over members who answered.
    Yes {
        /// Name of the feature.
        feature: String,
        /// Share of yes among the members; `None` when none answered.
        share: Option<f64>,
        /// Share of yes among all customers.
        overall: Option<f64>,
    },
    /// A category, pooled and missing levels included.
    Levels {
        /// Name of the feature.
        feature: String,
        /// Every level with its share among the members and among all customers.
        levels: Vec<LevelShare>,
    },
}

/// Share of a level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelShare {
    /// The level.
    pub level: String,
    /// Share among the members.
    pub share: f64,
    /// Share among all customers.
    pub overall: f64,
}

/// How much a feature sets a persona apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Name of the feature.
    pub feature: String,
    /// The level, for a category.
    pub level: Option<String>,
    /// For numbers (mean of the members - mean of all) / standard deviation of all, after the skew transform and
    /// capping; for levels ln(share of the members / share of all), each share with half a customer added.
    pub effect: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
    /// What effects are ranked by: for numbers the effect, for levels (share of the members - share of all) /
    /// sqrt(share of all * (1 - share of all)), which is the same measure on "is this level".
    pub strength: f64,
}

/// Quantiles of the members' distances to the centroid, in standard deviations of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Radius {
    /// Median.
    pub p50: f64,
    /// 90 % are nearer.
    pub p90: f64,
    /// 99 % are nearer.
    pub p99: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_takes_another_size() {
        let profile = PersonaProfile {
            id: 0,
            name: "Big spenders".to_owned(),
            description: format!("{} Against all customers: age 49.", size_words(20, 0.2)),
            size: 20,
            share: 0.2,
            centre: Vec::new(),
            reported_only: Vec::new(),
            effects: Vec::new(),
            radius: Radius { p50: 1.0, p90: 2.0, p99: 3.0 },
        };
        let expected = "1 customer (0.9 % of all). Against all customers: age 49.";
        assert_eq!(profile.description_of(1, 1.0 / 110.0), expected);
        let other = PersonaProfile { description: "My words.".to_owned(), ..profile };
        assert_eq!(other.description_of(1, 0.5), "My words.");
    }
}
