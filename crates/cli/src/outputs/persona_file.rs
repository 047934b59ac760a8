//! `personas.json`: who the customers are.

use bespoke::personas::ChoiceReport;
use serde::{Deserialize, Serialize};

use super::night_figures::NightFigures;

/// What `personas.json` holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PersonaFile {
    /// Largest first.
    pub personas: Vec<Persona>,
    /// Why there are so many, a sentence.
    pub how_many: String,
    /// What was tried and how each number did; absent in runs of earlier versions.
    #[serde(default)]
    pub choice: Option<ChoiceReport>,
    /// Absent when there is one persona only.
    #[serde(default)]
    pub map: Option<PersonaMap>,
    /// By feature, what sets personas apart most first.
    #[serde(default)]
    pub standardised: Vec<StandardisedFeature>,
    /// Absent at the first run.
    #[serde(default)]
    pub nights: Option<NightFigures>,
}

/// The personas' centroids on the two axes along which they differ most, sizes as weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonaMap {
    /// In the order of the personas, in standard deviations of a feature.
    pub points: Vec<MapPoint>,
    /// Share of the differences between personas that lies along each axis, 0..=1.
    pub explained: [f64; 2],
    /// What grows towards the right, and upwards: features in words, the strongest first.
    pub towards: [Vec<String>; 2],
}

/// A place on the map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapPoint {
    pub x: f64,
    pub y: f64,
}

/// One feature over all personas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StandardisedFeature {
    pub feature: String,
    /// For a category, the level whose share this is.
    pub level: Option<String>,
    /// In words.
    pub label: String,
    /// (mean of the members - mean of all) / standard deviation of all, in the order of the personas; after the
    /// transform that personas are found with.
    pub cells: Vec<f64>,
}

/// One persona.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Persona {
    /// Stays the same from run to run.
    pub id: u32,
    pub name: String,
    pub description: String,
    /// Number of customers.
    pub size: u64,
    /// Share of customers, 0..=1.
    pub share: f64,
    /// The middle of the persona in natural units.
    pub centroid: Vec<Centre>,
    /// The same of sensitive features, which had no say in who belongs here.
    #[serde(default)]
    pub reported_only: Vec<Centre>,
    /// What sets it apart, strongest first.
    pub effects: Vec<Effect>,
    pub top_categories: Vec<TopEntry>,
    pub top_items: Vec<TopEntry>,
    /// Mean probability to leave.
    pub mean_churn: Option<f64>,
    /// Mean value over the CLTV horizon, in units of the currency.
    pub mean_cltv: Option<f64>,
    /// Share of all revenue, 0..=1.
    pub revenue_share: f64,
    #[serde(default)]
    pub habits: Habits,
}

/// When, where and how much a persona orders.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Habits {
    pub orders: u64,
    /// Revenue over orders, in units of the currency; absent without an order.
    pub mean_order_value: Option<f64>,
    /// Purchase lines over orders; absent without an order.
    pub lines_per_order: Option<f64>,
    /// Share of the members with more than one order.
    pub repeat_share: f64,
    /// Orders by hour of the day in the business zone, 24 cells; none when the source has no hours.
    pub hours: Vec<u64>,
    /// Orders by day of the week, Monday first.
    pub weekdays: Vec<u64>,
    /// Orders by channel, most first; those without one left out.
    pub channels: Vec<ChannelOrders>,
}

/// Orders through a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelOrders {
    pub channel: String,
    pub orders: u64,
}

/// The middle of one feature: a median, or the share of a level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Centre {
    pub feature: String,
    /// For a category, the level whose share this is.
    pub level: Option<String>,
    /// In words.
    #[serde(default)]
    pub label: String,
    /// For example `GBP`, `days`, `share`.
    pub unit: String,
    /// In this persona; absent when nobody has a value.
    pub here: Option<f64>,
    /// Among all customers.
    pub overall: Option<f64>,
}

/// How far a feature lies from all customers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    pub feature: String,
    /// For a category, the level whose share this is.
    #[serde(default)]
    pub level: Option<String>,
    /// For people, for example `spend 4 times as much per order`.
    pub words: String,
    /// Standardised; the sign says the direction.
    pub effect: f64,
}

/// A category or item this persona buys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopEntry {
    /// Outside id of the item, or name of the category.
    pub id: String,
    /// Title where there is one.
    pub title: Option<String>,
    /// Share of the persona's purchases, 0..=1.
    pub share: f64,
    /// That share over the one among all customers.
    pub lift: f64,
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_file_reads_what_it_writes() {
        let file = samples::persona_file();
        let text = serde_json::to_string(&file).unwrap();
        assert_eq!(serde_json::from_str::<PersonaFile>(&text).unwrap(), file);
    }
}
