//! Reports of several cut-offs, and how far figures move between them.

use std::fmt;

use serde::Serialize;

use super::{Convention, RankingReport};
use crate::error::DataError;
use crate::features::{SplitRule, TestTable, TimeSplit};
use crate::metrics::ranking::RankingMetric;
use crate::types::Days;

/// Full-ranking reports of the same models at several instants, the earliest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CutSeries {
    reports: Vec<RankingReport>,
}

/// One metric of one model over several cut-offs.
///
/// No interval: the same customers come back at other cut-offs, so the windows are not independent draws.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OverCuts {
    /// Mean of the means: every cut-off counts the same.
    pub mean: f64,
    /// The lowest mean.
    pub lowest: f64,
    /// The highest mean.
    pub highest: f64,
    /// Cut-offs.
    pub n_cuts: usize,
}

/// What must agree for figures to be averaged: everything but the instant and the counts.
type Kind<'a> = (&'a [String], &'a [usize], TestTable, Option<(Days, Days)>, Option<&'a str>);

impl CutSeries {
    /// Reports by rising cut.
    ///
    /// # Errors
    /// [`DataError::TooFew`] without reports, [`DataError::BadCell`] for a report that is not of a time split, not
    /// later than the one before, or of other models, k, test items, gap, horizon or similarity than the first.
    pub fn new(reports: Vec<RankingReport>) -> Result<Self, DataError> {
        if reports.is_empty() {
            return Err(DataError::TooFew { model: "evaluation", what: "reports", got: 0, need: 1 });
        }
        for (row, report) in reports.iter().enumerate() {
            let refuse = |rule| {
                let (column, value) = ("report".to_owned(), report.convention().split.to_string());
                Err(DataError::BadCell { model: "evaluation", row, column, value, rule })
            };
            let Some(split) = time_split(report) else {
                return refuse("a split at one instant for everybody");
            };
            if row > 0 && time_split(&reports[row - 1]).is_some_and(|before| split.cut() <= before.cut()) {
                return refuse("later than the one before");
            }
            if kind(report) != kind(&reports[0]) {
                return refuse("of the models, k, test items, gap, horizon and similarity of the first");
            }
        }
        Ok(Self { reports })
    }

    /// The reports, by rising cut.
    #[must_use]
    pub fn reports(&self) -> &[RankingReport] {
        &self.reports
    }

    /// One metric of one model; `None` when it is not in the reports.
    #[must_use]
    pub fn over_cuts(&self, model: &str, metric: RankingMetric, k: usize) -> Option<OverCuts> {
        let means: Option<Vec<f64>> =
            self.reports.iter().map(|report| Some(report.estimate(model, metric, k)?.mean)).collect();
        let means = means?;
        Some(OverCuts {
            mean: means.iter().sum::<f64>() / means.len() as f64,
            lowest: means.iter().copied().fold(f64::INFINITY, f64::min),
            highest: means.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            n_cuts: means.len(),
        })
    }
}

fn time_split(report: &RankingReport) -> Option<TimeSplit> {
    match report.convention().split {
        SplitRule::Time(split) => Some(split),
        _ => None,
    }
}

fn kind(report: &RankingReport) -> Kind<'_> {
    let Convention { table, cuts, similarity, .. } = report.convention();
    let days = time_split(report).map(|split| (split.gap_days(), split.horizon_days()));
    (report.models(), cuts, *table, days, similarity.as_deref())
}

impl fmt::Display for OverCuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.4} ({:.4} to {:.4} over {} cut-offs)",
            self.mean, self.lowest, self.highest, self.n_cuts
        )
    }
}

impl fmt::Display for CutSeries {
    /// Every report, and the means.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reports.iter().try_for_each(|report| writeln!(f, "{report}"))?;
        for row in self.reports.iter().take(1).flat_map(RankingReport::accuracy) {
            if let Some(over) = self.over_cuts(&row.model, row.metric, row.k) {
                writeln!(f, "{:<16} {:<20} {over}", row.model, row.metric.name(row.k))?;
            }
        }
        Ok(())
    }
}
