//! What a table of ranking metrics means: without it no number can be compared.

use std::fmt;

use serde::Serialize;

use crate::features::{SplitRule, TestTable};

/// What was ranked for each customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Candidates {
    /// Everything that could be shown.
    Full {
        /// Items that could be shown.
        n: usize,
        /// Items of the catalogue.
        n_items: usize,
    },
    /// The test items and some others at random.
    Sampled {
        /// How many others.
        n: usize,
        /// Of the draw.
        seed: u64,
    },
}

/// Which of equally scored items comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TieRule {
    /// The lower item: the rule of every model here.
    LowerItem,
    /// Not known: lists of another library.
    Unknown,
}

/// What a table means, on one line; part of every report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Convention {
    /// Where test items come from.
    pub split: SplitRule,
    /// Which of them count, and with that whether the consumed filter is on.
    pub table: TestTable,
    /// The cuts.
    pub cuts: Vec<usize>,
    /// Customers with a test item: those in the means of accuracy.
    pub n_customers: usize,
    /// Customers with lists: those in everything else.
    pub n_lists: usize,
    /// What was ranked.
    pub candidates: Candidates,
    /// Which of equally scored items comes first.
    pub ties: TieRule,
    /// What intra-list diversity goes by; absent when it is not measured.
    pub similarity: Option<String>,
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "convention: recall = hits/|T|, ndcg ideal cut at min(k, |T|), other variants by full name; k = "
        )?;
        for (at, k) in self.cuts.iter().enumerate() {
            write!(f, "{}{k}", if at == 0 { "" } else { ", " })?;
        }
        let filter = if self.table.filters_consumed() { "on" } else { "off" };
        write!(f, "; {} customers with a test item, {} lists; ", self.n_customers, self.n_lists)?;
        write!(f, "test items: {}, consumed filter {filter}; ", self.table)?;
        match self.candidates {
            Candidates::Full { n, n_items } => write!(f, "{n} of {n_items} items ranked")?,
            Candidates::Sampled { n, seed } => {
                write!(f, "test items ranked among {n} sampled others, seed {seed}")?;
            }
        }
        let ties = match self.ties {
            TieRule::LowerItem => "lower item first",
            TieRule::Unknown => "unknown",
        };
        write!(f, "; ties: {ties}; {}; novelty p = max(customers, 1)/all in training", self.split)?;
        self.similarity.as_ref().map_or(Ok(()), |name| write!(f, "; diversity by {name}"))
    }
}
