//! What a fit says about itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One fitted model in figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    /// Customers that entered.
    pub n_customers: u64,
    /// Log-likelihood at the optimum, without prior; times in days, money in units.
    pub ln_likelihood: f64,
    /// Standard errors of the parameters, in their order, from the Hessian in logarithms; `None` when it is not
    /// positive definite.
    pub standard_errors: Option<Vec<f64>>,
    /// Condition number of the Hessian in the logarithms of the parameters; `None` when it is not positive definite.
    pub condition: Option<f64>,
    /// Largest derivative of the mean log-likelihood by the logarithm of a parameter at the end.
    pub gradient_max: f64,
    /// Starting points tried.
    pub n_starts: usize,
    /// Starting points that reached the best value.
    pub n_starts_at_best: usize,
}

/// How the models were fitted and what to mind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CltvReport {
    /// MBG/NBD: r, alpha, a, b.
    pub purchases: Estimates,
    /// Customers with a repeat order.
    pub n_repeat_buyers: u64,
    /// Log-likelihood of the NBD, in which nobody ever leaves, on the same histories.
    pub nbd_ln_likelihood: f64,
    /// Gamma-Gamma: p, q, gamma; `None` when another spend model stands in.
    pub spend: Option<Estimates>,
    /// What limits the use of the figures.
    pub warnings: Vec<CltvWarning>,
}

/// Something that limits the use of a value model; the fit went on.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CltvWarning {
    /// A weak prior was added to the likelihood.
    WeakPrior {
        /// `purchases` or `spend`.
        model: String,
        /// Repeat buyers there were.
        n_repeat_buyers: u64,
    },
    /// Fewer than 100 customers with a repeat order.
    FewRepeatBuyers {
        /// How many there are.
        n: u64,
    },
    /// Dropout explains the histories hardly better than a model in which nobody leaves.
    DropoutNotVisible {
        /// Log-likelihood won by dropout.
        gain: f64,
    },
    /// A parameter ran to its bound.
    AtBound {
        /// Its name.
        parameter: String,
    },
    /// Purchase rates do not differ between customers.
    SameRateForAll,
    /// Chances of leaving do not differ between customers.
    SameDropoutForAll,
    /// The likelihood is nearly flat in some direction.
    IllConditioned {
        /// `purchases` or `spend`.
        model: String,
        /// Condition number, if there is one.
        condition: Option<f64>,
    },
    /// Hardly any starting point led to the same optimum.
    StartsDisagree {
        /// `purchases` or `spend`.
        model: String,
        /// How many did.
        n_at_best: usize,
    },
    /// The gradient ended above the usual tolerance.
    LooseConvergence {
        /// `purchases` or `spend`.
        model: String,
        /// Largest derivative at the end.
        gradient_max: f64,
    },
    /// Spend varies so much between customers that its variance (q at most 2) or even mean (q at most 1) does not exist.
    HeavySpendTail {
        /// The fitted q.
        q: f64,
    },
    /// Spend per order goes with the number of orders, which Gamma-Gamma takes as unrelated.
    SpendGoesWithFrequency {
        /// Correlation of mean spend and number of repeat orders.
        correlation: f64,
    },
    /// Too few customers with repeat spend for Gamma-Gamma: everybody gets the mean of all.
    ConstantSpend {
        /// Customers with repeat spend.
        n_spenders: u64,
    },
    /// No repeat order has an amount: orders are predicted, value is not.
    NoSpend,
}

impl fmt::Display for CltvWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WeakPrior { model, n_repeat_buyers } => write!(
                f,
                "{model}: a weak prior was added, because {n_repeat_buyers} repeat buyers alone do not settle the parameters"
            ),
            Self::FewRepeatBuyers { n } => {
                write!(f, "only {n} customers ordered again: treat values as rough")
            }
            Self::DropoutNotVisible { gain } => write!(
                f,
                "leaving is not visible in these orders (gain {gain:.1} in log-likelihood): p_alive says little"
            ),
            Self::AtBound { parameter } => {
                write!(f, "{parameter} ran to its bound: the data do not settle it")
            }
            Self::SameRateForAll => write!(f, "customers do not differ in how often they buy"),
            Self::SameDropoutForAll => write!(f, "customers do not differ in their chance of leaving"),
            Self::IllConditioned { model, .. } => {
                write!(f, "{model}: some combination of parameters is hardly settled by the data")
            }
            Self::StartsDisagree { model, n_at_best } => {
                write!(f, "{model}: only {n_at_best} starting point led to the best fit")
            }
            Self::LooseConvergence { model, gradient_max } => {
                write!(f, "{model}: accepted with a gradient of {gradient_max:.1e}")
            }
            Self::HeavySpendTail { q } => write!(
                f,
                "spend differs so much between customers (q = {q:.2}) that expected values hang on few of them"
            ),
            Self::SpendGoesWithFrequency { correlation } => write!(
                f,
                "spend per order goes with the number of orders (correlation {correlation:.2}), which the model does not know"
            ),
            Self::ConstantSpend { n_spenders } => write!(
                f,
                "only {n_spenders} customers with repeat spend: everybody is given the mean spend of all"
            ),
            Self::NoSpend => write!(f, "no repeat order has an amount: orders are predicted, value is not"),
        }
    }
}
