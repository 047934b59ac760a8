//! `run.json`: what a run was made of and how good it is.

use std::collections::BTreeMap;

use bespoke::kernels::KernelLevel;
use serde::{Deserialize, Serialize};

use super::figures::{
    AtRisk, Changes, ChurnBacktest, CltvBacktest, Concentration, DataQuality, Gain, Headline, Month,
    ReasonCount, TopItem,
};
use super::segment_figures::SegmentFigures;

/// What `run.json` holds. Fields that earlier versions did not write have defaults, so that their runs can be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub versions: Versions,
    pub seed: u64,
    /// The instant the run looks from, RFC 3339 in UTC.
    pub as_of: String,
    /// ISO 4217 code of every amount.
    pub currency: String,
    /// The job as resolved, without places of files.
    pub parameters: toml::Table,
    pub inputs: Vec<InputFile>,
    pub rows: Vec<FileRows>,
    pub counts: Counts,
    /// Absent at the first run.
    #[serde(default)]
    pub changes: Option<Changes>,
    /// Oldest first.
    #[serde(default)]
    pub months: Vec<Month>,
    #[serde(default)]
    pub data: DataQuality,
    pub metrics: Vec<Metric>,
    /// Absent when churn is not available.
    #[serde(default)]
    pub at_risk: Option<AtRisk>,
    /// Absent in runs of earlier versions.
    #[serde(default)]
    pub segments: Option<SegmentFigures>,
    /// Absent when churn is not available.
    pub churn: Option<ChurnSummary>,
    /// Absent when CLTV is not available.
    pub cltv: Option<CltvSummary>,
    /// Absent when nothing can be recommended.
    pub recommendations: Option<RecommendationSummary>,
    pub not_available: Vec<NotAvailable>,
    /// Sentences for people.
    pub warnings: Vec<String>,
}

impl RunRecord {
    /// The figures at the top of a report.
    pub fn headline(&self) -> Headline {
        Headline {
            as_of: self.as_of.clone(),
            customers: self.counts.customers,
            orders: self.counts.orders,
            revenue: self.counts.revenue,
            mean_p_churn: self.churn.as_ref().map(|churn| churn.mean_p_churn),
            cltv: self.cltv.as_ref().map(|cltv| cltv.total),
            cltv_horizon_days: self.cltv.as_ref().map(|cltv| cltv.horizon_days),
        }
    }
}

/// What made the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    pub bespoke: String,
    /// Version by format, for example `bundle`, `features`.
    pub formats: BTreeMap<String, u32>,
    /// Release of the time-zone data.
    pub time_zone_data: String,
    pub kernel: KernelLevel,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputFile {
    /// Name of its source in the job.
    pub source: String,
    /// Name of the file without its folder.
    pub file: String,
    /// Size as stored.
    pub bytes: u64,
    /// Hash of the bytes as stored, 32 hexadecimal digits.
    pub xxh3_128: String,
}

/// What became of the rows of one file. They add up: read = accepted + merged + set aside + rejected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileRows {
    pub source: String,
    pub file: String,
    pub read: u64,
    pub accepted: u64,
    /// Exact repeats of an accepted row.
    pub merged: u64,
    /// By rule of the job.
    pub set_aside: BTreeMap<String, u64>,
    /// By rule that refused.
    pub rejected: BTreeMap<String, u64>,
}

impl FileRows {
    /// Rows set aside by any rule.
    pub fn n_set_aside(&self) -> u64 {
        self.set_aside.values().sum()
    }

    /// Rows refused by any rule.
    pub fn n_rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Rejected rows as a share of all rows of the file, 0..=1; 0 when there are none.
    pub fn rejected_share(&self) -> f64 {
        if self.read == 0 { 0.0 } else { self.n_rejected() as f64 / self.read as f64 }
    }
}

/// A row that was refused, as in `rejected.csv`; values of personal columns arrive here redacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RejectedRow {
    pub file: String,
    /// Line the row starts at; the head is line 1.
    pub row: u64,
    pub column: String,
    pub value: String,
    pub rule: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl std::fmt::Display for RejectedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, row, column, value, rule, hint } = self;
        write!(f, "{file} row {row}: column {column:?} is {value:?}: {rule}")?;
        hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// How much there is of everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Customers who are scored.
    pub customers: u64,
    pub items: u64,
    pub events: u64,
    pub orders: u64,
    /// In units of the currency.
    pub revenue: f64,
}

/// One measured figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// For example `churn`.
    pub stage: String,
    /// For example `AUC`.
    pub name: String,
    pub estimate: f64,
    pub interval: Option<Interval>,
    /// The same figure for the simple method named in `baseline_name`.
    pub baseline: Option<f64>,
    /// For example `popularity`.
    pub baseline_name: Option<String>,
    #[serde(default)]
    pub baseline_interval: Option<Interval>,
    /// Over the baseline, customer by customer.
    #[serde(default)]
    pub gain: Option<Gain>,
    /// How many customers or cases it was measured on.
    pub n: u64,
}

/// Where a figure lies with probability `level`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
    /// For example 0.95.
    pub level: f64,
}

/// Churn over all customers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChurnSummary {
    pub horizon_days: u32,
    /// Mean probability to leave.
    pub mean_p_churn: f64,
    /// From the most to the least endangered.
    pub deciles: Vec<Decile>,
    #[serde(default)]
    pub backtest: Option<ChurnBacktest>,
    /// What is named most often first.
    #[serde(default)]
    pub reasons: Vec<ReasonCount>,
}

/// A tenth of the customers by churn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decile {
    /// 1 is the most endangered tenth.
    pub decile: u8,
    pub customers: u64,
    pub mean_p_churn: f64,
    /// Share that left, in the backtest.
    pub observed: Option<f64>,
}

/// Customer lifetime value over all customers, in units of the currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CltvSummary {
    pub horizon_days: u32,
    pub total: f64,
    pub mean: f64,
    pub median: f64,
    /// From low to high, without gaps.
    pub bands: Vec<ValueBand>,
    /// Absent when all values are 0.
    #[serde(default)]
    pub concentration: Option<Concentration>,
    #[serde(default)]
    pub backtest: Option<CltvBacktest>,
}

/// Customers worth `from..to`; the last band may be open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueBand {
    pub from: f64,
    pub to: Option<f64>,
    pub customers: u64,
}

/// What is recommended, and what is not and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecommendationSummary {
    pub customers: u64,
    pub slots_asked: u64,
    pub slots_filled: u64,
    /// Different items shown to anyone.
    pub items_shown: u64,
    /// Items that may be shown at all.
    pub items_available: u64,
    /// Filled slots by source, for example `als`, `popular`.
    pub by_source: BTreeMap<String, u64>,
    /// Withheld candidates by reason code.
    pub withheld: BTreeMap<String, u64>,
    pub shortfalls: Vec<Shortfall>,
    /// The items recommended to the most customers.
    #[serde(default)]
    pub top_items: Vec<TopItem>,
}

/// Slots that stay empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shortfall {
    pub reason: String,
    pub customers: u64,
    pub slots: u64,
}

/// A stage that has no result in this run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotAvailable {
    /// For example `cltv`.
    pub stage: String,
    /// A sentence.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_record_reads_what_it_writes() {
        let record = samples::run_record();
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), record);
    }
}
