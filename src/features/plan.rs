//! Which columns a table has: decided once, kept with the models, used again for every later snapshot.

use serde::{Deserialize, Serialize};

/// Windows of days over which orders and revenue are counted.
pub(super) const WINDOWS_DAYS: [u32; 3] = [30, 90, 365];

/// Name of the level that holds the levels of too few customers.
pub const POOLED_LEVEL: &str = "(other)";

/// How many columns the open-ended families may have. Every value is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureOptions {
    /// Item categories with a share column: those bought by the most customers.
    pub n_categories: usize,
    /// Channels with a share column: those ordered through by the most customers.
    pub n_channels: usize,
    /// A category, channel or attribute level of fewer customers than this is named in no specification;
    /// attribute levels are pooled into [`POOLED_LEVEL`].
    pub min_customers: usize,
}

impl Default for FeatureOptions {
    /// 8 categories, 8 channels, each of at least 25 customers.
    fn default() -> Self {
        Self { n_categories: 8, n_channels: 8, min_customers: 25 }
    }
}

/// The columns of a feature table as a recipe: what was there to be measured before the planning snapshot's `as_of`.
///
/// Made by [`Snapshot::plan`](super::Snapshot::plan), followed by
/// [`Snapshot::features_by`](super::Snapshot::features_by). A model trained on one snapshot and used on another
/// needs both tables by the same plan: a table planned anew may have other channels or categories. Holds names of
/// categories, channels and attribute levels, and nothing of single customers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeaturePlan {
    pub(super) version: u32,
    pub(super) currency: String,
    /// Somebody bought something.
    pub(super) purchases: bool,
    /// Purchases say which item.
    pub(super) items: bool,
    /// Some item has a category; a share for each of these, sorted.
    pub(super) categories: Option<Vec<String>>,
    /// Windows for which the log is long enough to hold the window before, too.
    pub(super) trend_windows_days: Vec<u32>,
    /// Somebody returned something.
    pub(super) refunds: bool,
    /// Sorted; none when orders have no channel.
    pub(super) channels: Vec<String>,
    /// Times of purchases have an hour, they are not all at midnight.
    pub(super) hours: bool,
    pub(super) views: bool,
    pub(super) cart_adds: bool,
    pub(super) attributes: Vec<AttributePlan>,
}

/// A demographic column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AttributePlan {
    pub(super) name: String,
    pub(super) kind: AttributePlanKind,
}

/// Type of a demographic column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub(super) enum AttributePlanKind {
    Number,
    YesNo,
    Date,
    /// Sorted level names.
    Category {
        levels: Vec<String>,
    },
}

/// What a demographic column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    /// Finite numbers.
    Number,
    /// Yes or no.
    YesNo,
    /// Days of the calendar.
    Date,
    /// Names of levels.
    Category,
}

impl FeaturePlan {
    /// The plan of data that have everything: its specification names every feature a job with these attributes can
    /// have, before any data are read. Shares of categories and channels are named by the data and left out.
    #[must_use]
    pub fn everything<'a>(attributes: impl IntoIterator<Item = (&'a str, AttributeKind)>) -> Self {
        let attribute = |(name, kind): (&str, AttributeKind)| AttributePlan {
            name: name.to_owned(),
            kind: match kind {
                AttributeKind::Number => AttributePlanKind::Number,
                AttributeKind::YesNo => AttributePlanKind::YesNo,
                AttributeKind::Date => AttributePlanKind::Date,
                AttributeKind::Category => AttributePlanKind::Category { levels: Vec::new() },
            },
        };
        Self {
            version: super::SPEC_VERSION,
            currency: String::new(),
            purchases: true,
            items: true,
            categories: Some(Vec::new()),
            trend_windows_days: WINDOWS_DAYS.to_vec(),
            refunds: true,
            channels: Vec::new(),
            hours: true,
            views: true,
            cart_adds: true,
            attributes: attributes.into_iter().map(attribute).collect(),
        }
    }
}

/// A name in snake_case for outside text: ASCII letters and digits, everything else one underscore.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('_') && !slug.is_empty() {
            slug.push('_');
        }
    }
    let slug = slug.trim_end_matches('_');
    if slug.is_empty() { "unnamed".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_text_becomes_a_name() {
        for (text, name) in [
            ("Home & Garden", "home_garden"),
            ("  -A1-", "a1"),
            ("été", "t"),
            ("食品", "unnamed"),
            ("", "unnamed"),
        ] {
            assert_eq!(slug(text), name);
        }
    }
}
