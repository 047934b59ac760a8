//! Recommenders: fitted once on the past of a held-out stretch to be judged, once on everything to be published.

use bespoke::error::{DataError, ParamError};
use bespoke::features::{Interactions, interactions, items_bought_between};
use bespoke::kernels::KernelLevel;
use bespoke::metrics::ranking::{MeanEstimate, RankingMetric};
use bespoke::params::Params;
use bespoke::recommend::{
    FoldInScratch, IalsModel, IalsParams, IalsValid, ItemSet, PopularityModel, PopularityParams,
    PopularityValid, top_k_batch, top_k_of,
};
use bespoke::types::Days;
use rayon::prelude::*;

use super::input::Input;
use crate::config::JobConfig;
use crate::outputs::figures::Gain;
use crate::outputs::run_record::{Interval, Metric};

/// Length of the lists that are judged.
const CUT: usize = 10;

/// What the recommenders of a job are fitted with.
pub struct Recommenders {
    ials: IalsValid,
    popularity: PopularityValid,
    backtest_days: u32,
    kernel: KernelLevel,
}

/// Fitted recommenders; the factor model is absent, with the reason, when there is too little to fit.
pub struct Fitted {
    pub popularity: PopularityModel,
    pub factors: Result<IalsModel, DataError>,
}

impl Recommenders {
    /// Checked parameters of the job.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn new(job: &JobConfig, kernel: KernelLevel) -> Result<Self, ParamError> {
        let typed = &job.recommend;
        let ials = IalsParams {
            n_factors: typed.factors as usize,
            n_epochs: typed.epochs as usize,
            alpha0: typed.alpha0,
            lambda: typed.lambda,
            ..IalsParams::new(job.job.seed)
        };
        let popularity = PopularityParams::new(typed.popularity_half_life_days);
        let backtest_days = typed.backtest_days;
        Ok(Self { ials: ials.check()?, popularity: popularity.check()?, backtest_days, kernel })
    }

    /// Fits on everything before the run's instant.
    ///
    /// # Errors
    /// Never for interactions of tables; see [`PopularityValid::fit`].
    pub fn fit(&self, input: &Input) -> Result<Fitted, DataError> {
        self.fit_on(&interactions(&input.tables, input.as_of))
    }

    fn fit_on(&self, interactions: &Interactions) -> Result<Fitted, DataError> {
        let popularity = self.popularity.fit(interactions)?;
        Ok(Fitted { popularity, factors: self.ials.fit(interactions, self.kernel) })
    }

    /// Full ranking of all items against what customers with a history bought anew in the last days of the log.
    ///
    /// # Errors
    /// A sentence when there is nothing to judge by.
    pub fn backtest(&self, input: &Input) -> Result<Vec<Metric>, String> {
        let from = input.data_end.minus(Days(self.backtest_days));
        let past = interactions(&input.tables, from);
        let taken = items_bought_between(&input.tables, from, input.data_end);
        let judged: Vec<usize> = (0..past.n_customers())
            .filter(|&c| !past.items_of(c).is_empty() && !taken.items_of(c).is_empty())
            .collect();
        if judged.is_empty() {
            return Err(format!(
                "nobody with a history bought anything new in the last {} days",
                self.backtest_days
            ));
        }
        let fitted = self.fit_on(&past).map_err(|e| e.to_string())?;
        let factors = fitted.factors.map_err(|e| e.to_string())?;
        let personal = personal_lists(&factors, &past, &judged);
        let popular = popular_lists(&fitted.popularity, &past, &judged);
        let ours: Vec<&[u32]> = personal
            .iter()
            .zip(&popular)
            .map(|(own, popular)| &own.as_ref().unwrap_or(popular)[..])
            .collect();
        let taken: Vec<&[u32]> = judged.iter().map(|&customer| taken.items_of(customer)).collect();
        let metric = |metric: RankingMetric| {
            let (ours, popular) =
                (metric.per_customer(&ours, &taken, CUT), metric.per_customer(&popular, &taken, CUT));
            judge(metric, &ours, &popular)
        };
        Ok([RankingMetric::Recall, RankingMetric::Ndcg, RankingMetric::HitRate]
            .into_iter()
            .filter_map(metric)
            .collect())
    }
}

/// The best new items of each judged customer by the factor model; `None` where it knows nothing of the customer.
fn personal_lists(factors: &IalsModel, past: &Interactions, judged: &[usize]) -> Vec<Option<Vec<u32>>> {
    let fold_in =
        |scratch: &mut FoldInScratch, &customer: &usize| factors.fold_in(past.items_of(customer), scratch);
    let folded: Vec<Option<Vec<f32>>> = judged.par_iter().map_init(|| factors.scratch(), fold_in).collect();
    let known = || judged.iter().zip(&folded).filter(|(_, folded)| folded.is_some());
    let histories: Vec<&[u32]> = known().map(|(&customer, _)| past.items_of(customer)).collect();
    let customers: Vec<f32> = folded.iter().flatten().flatten().copied().collect();
    let all = ItemSet::all(past.n_items);
    let mut lists = top_k_batch(factors.panels(), &customers, CUT, &all, &histories).into_iter();
    let mut list = || lists.next().map(|list| list.iter().map(|scored| scored.item).collect());
    folded.iter().map(|folded| folded.as_ref().and_then(|_| list())).collect()
}

/// The most popular new items of each judged customer.
fn popular_lists(popularity: &PopularityModel, past: &Interactions, judged: &[usize]) -> Vec<Vec<u32>> {
    let all = ItemSet::all(past.n_items);
    let ranking = top_k_of(&popularity.strength, past.n_items, &all, &[]);
    let list = |&customer: &usize| {
        let history = past.items_of(customer);
        let new =
            ranking.iter().map(|scored| scored.item).filter(|item| history.binary_search(item).is_err());
        new.take(CUT).collect()
    };
    judged.iter().map(list).collect()
}

/// Says so when the factor model ranks no better than popularity: then its parameters do not suit the shop.
pub fn warning(metrics: &[Metric]) -> Option<String> {
    let worse =
        metrics.iter().find(|metric| metric.baseline.is_some_and(|baseline| metric.estimate < baseline))?;
    Some(format!(
        "recommend: {} is {:.3}, popularity alone reaches {:.3}; try other values of recommend.lambda (sparse shops \
         often want 0.02 to 0.05)",
        worse.name,
        worse.estimate,
        worse.baseline.unwrap_or_default()
    ))
}

fn judge(metric: RankingMetric, ours: &[f64], popularity: &[f64]) -> Option<Metric> {
    let (mean, baseline) = (MeanEstimate::of(ours)?, MeanEstimate::of(popularity)?);
    let difference = MeanEstimate::of_difference(ours, popularity)?;
    let interval = |of: &MeanEstimate| of.interval().map(|(low, high)| Interval { low, high, level: 0.95 });
    Some(Metric {
        stage: "recommend".to_owned(),
        name: format!("{} on new items", metric.name(CUT)),
        estimate: mean.mean,
        interval: interval(&mean),
        baseline: Some(baseline.mean),
        baseline_name: Some("popularity".to_owned()),
        baseline_interval: interval(&baseline),
        gain: Some(Gain { estimate: difference.mean, interval: interval(&difference) }),
        n: mean.n_customers as u64,
    })
}
