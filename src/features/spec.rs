//! Names, units and versions of features.

use serde::{Deserialize, Serialize};

use crate::error::SpecMismatch;

/// Version of the meaning of the built-in features; raised when any of them changes what it measures.
pub const SPEC_VERSION: u32 = 1;

/// What kind of quantity a feature is; models choose their transform by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum FeatureKind {
    /// Amount of money in units of the currency.
    Money,
    /// A count.
    Count,
    /// Days.
    Duration,
    /// A share in 0..=1.
    Share,
    /// A change without a natural unit, symmetric around 0.
    Trend,
    /// A number of unknown distribution (demographics).
    Number,
    /// 0 or 1.
    YesNo,
    /// Level codes; `levels` are sorted names.
    Category {
        /// Names of the levels.
        levels: Vec<String>,
    },
}

/// Where a feature comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureFamily {
    /// Orders, revenue and their rhythm.
    Purchases,
    /// Items and categories.
    Assortment,
    /// Counts and revenue in day windows, and their trend.
    Windows,
    /// Refunds.
    Refunds,
    /// Channel, hour and weekday.
    Rhythm,
    /// Views and cart steps.
    Browsing,
    /// Columns given with the customers.
    Demographics,
    /// Outputs of earlier models, refitted at the snapshot's own `as_of`.
    Models,
}

impl FeatureFamily {
    /// Every family.
    pub const ALL: [Self; 8] = [
        Self::Purchases,
        Self::Assortment,
        Self::Windows,
        Self::Refunds,
        Self::Rhythm,
        Self::Browsing,
        Self::Demographics,
        Self::Models,
    ];

    /// Its name in configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Purchases => "purchases",
            Self::Assortment => "assortment",
            Self::Windows => "windows",
            Self::Refunds => "refunds",
            Self::Rhythm => "rhythm",
            Self::Browsing => "browsing",
            Self::Demographics => "demographics",
            Self::Models => "models",
        }
    }
}

/// One feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureDef {
    /// Unique snake_case name; durations end in `_days`.
    pub name: String,
    /// Words for people, for example "days since the last order".
    pub label: String,
    /// Unit for people: "GBP", "orders", "days", "%"; empty when there is none.
    pub unit: String,
    /// What kind of quantity.
    pub kind: FeatureKind,
    /// Where it comes from.
    pub family: FeatureFamily,
}

/// The columns of a [`super::FeatureTable`], in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureSpec {
    /// [`SPEC_VERSION`] at the time of building.
    pub version: u32,
    /// The columns.
    pub features: Vec<FeatureDef>,
}

impl FeatureSpec {
    /// The position of a feature by name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.features.iter().position(|f| f.name == name)
    }

    /// Checks that a table of `other` can be read as a table of this.
    ///
    /// # Errors
    /// [`SpecMismatch`] naming the first column that differs.
    pub fn accepts(&self, other: &Self) -> Result<(), SpecMismatch> {
        let differs = |column: &str, model: String, table: String| {
            Err(SpecMismatch { column: column.to_owned(), model, table })
        };
        if self.version != other.version {
            return differs("version", self.version.to_string(), other.version.to_string());
        }
        for (mine, theirs) in self.features.iter().zip(&other.features) {
            if mine != theirs {
                return differs(&mine.name, format!("{mine:?}"), format!("{theirs:?}"));
            }
        }
        if self.features.len() != other.features.len() {
            return differs(
                "*",
                format!("{} columns", self.features.len()),
                format!("{} columns", other.features.len()),
            );
        }
        Ok(())
    }
}
