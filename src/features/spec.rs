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

impl FeatureDef {
    /// A cell for people: with its unit where the label does not say it, shares as percentages, trends as the change
    /// from one window to the next.
    #[must_use]
    pub fn quantity(&self, cell: f64) -> String {
        match self.kind {
            FeatureKind::Share => return format!("{:.1} %", 100.0 * cell),
            FeatureKind::Trend => return change(cell),
            _ => {}
        }
        let digits = match cell.abs() {
            size if size.fract() == 0.0 || size >= 100.0 => 0,
            size if size >= 10.0 => 1,
            _ => 2,
        };
        let is_said = self.label.split(' ').any(|word| word == self.unit);
        let unit = if is_said { "" } else { self.unit.as_str() };
        format!("{cell:.digits$} {unit}").trim_end().to_owned()
    }
}

/// What `(recent - before) / (recent + before)` says of recent against before.
fn change(trend: f64) -> String {
    let ratio = (1.0 + trend) / (1.0 - trend);
    match trend {
        trend if trend >= 1.0 => "up from none".to_owned(),
        trend if trend <= -1.0 => "down to none".to_owned(),
        trend if trend > 0.0 => format!("up {:.0} %", 100.0 * (ratio - 1.0)),
        trend if trend < 0.0 => format!("down {:.0} %", 100.0 * (1.0 - ratio)),
        _ => "no change".to_owned(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_told_as_people_say_them() {
        let told = |label: &str, unit: &str, kind: FeatureKind, cell: f64| {
            let (name, family) = ("x".to_owned(), FeatureFamily::Purchases);
            FeatureDef { name, label: label.to_owned(), unit: unit.to_owned(), kind, family }.quantity(cell)
        };
        assert_eq!(told("revenue", "EUR", FeatureKind::Money, 1234.56), "1235 EUR");
        assert_eq!(told("revenue", "EUR", FeatureKind::Money, 61.54), "61.5 EUR");
        assert_eq!(told("age", "", FeatureKind::Number, 0.123), "0.12");
        assert_eq!(told("orders in the last 30 days", "orders", FeatureKind::Count, 1.0), "1");
        assert_eq!(told("share of orders", "", FeatureKind::Share, 0.25), "25.0 %");
        let trend = |cell| told("orders", "", FeatureKind::Trend, cell);
        // 3 after 1, 1 after 3, and one side of nothing.
        let changes = [0.5, -0.5, 1.0, -1.0, 0.0].map(trend);
        assert_eq!(changes, ["up 200 %", "down 67 %", "up from none", "down to none", "no change"]);
    }
}
