//! Recommendation: iALS and the selection of the best items, on films and on a generated long-tailed catalogue.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use bespoke::features::Interactions;
use bespoke::kernels::KernelLevel;
use bespoke::metrics::ranking::{MeanEstimate, RankingMetric};
use bespoke::params::Params;
use bespoke::recommend::{IalsModel, IalsParams, ItemSet, Scored, top_k_batch};
use bespoke::tables::Buckets;
use bespoke::types::Timestamp;
use rayon::prelude::*;
use serde::Deserialize;

use super::arrays;
use super::long_tail::LongTail;
use super::worker::{Data, Facts, Task};

/// Length of the lists.
const K: usize = 20;

/// A matrix of ones and how it is factored.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Matrix {
    source: Source,
    n_factors: usize,
    /// Of the task `epochs`, and before the tasks that need a model.
    n_epochs: usize,
    alpha0: f64,
    lambda: f64,
    /// Of the peer, whose regulariser does not grow with the history.
    peer_regularisation: f64,
    /// Mean NDCG@20 up to which `time_to_ndcg` fits, and the most epochs it may take.
    target_ndcg: f64,
    most_epochs: usize,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
enum Source {
    /// The split under BESPOKE_DATA.
    #[serde(rename = "ml-1m-ultragcn")]
    Movielens,
    LongTailed(LongTail),
}

/// Items per customer, ascending.
pub(crate) struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    pub(crate) fn of(lists: impl IntoIterator<Item = Vec<u32>>) -> Self {
        let mut all = Self { starts: vec![0], items: Vec::new() };
        for mut list in lists {
            list.sort_unstable();
            all.items.extend(list);
            all.starts.push(all.items.len() as u32);
        }
        all
    }

    fn read(dir: &Path, name: &str) -> Result<Self> {
        let part = |part| arrays::read(dir, &format!("{name}_{part}.u32"));
        Ok(Self { starts: part("starts")?, items: part("items")? })
    }

    fn write(&self, dir: &Path, name: &str) -> Result<()> {
        arrays::write(dir, &format!("{name}_starts.u32"), &self.starts)?;
        arrays::write(dir, &format!("{name}_items.u32"), &self.items)
    }

    fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.starts.windows(2).map(|ends| &self.items[ends[0] as usize..ends[1] as usize])
    }
}

impl Data for Matrix {
    fn check(&self) -> Result<()> {
        self.params(self.n_epochs).check()?;
        ensure!(self.peer_regularisation > 0.0, "peer_regularisation is {}", self.peer_regularisation);
        ensure!((0.0..1.0).contains(&self.target_ndcg), "target_ndcg is {}", self.target_ndcg);
        ensure!((1..=100).contains(&self.most_epochs), "most_epochs is {}", self.most_epochs);
        match self.source {
            Source::Movielens => Ok(()),
            Source::LongTailed(source) => source.check(),
        }
    }

    /// `train_*` and `test_*`: where each customer's items start, and the items; `n_items.u32`.
    fn generate(&self, dir: &Path) -> Result<()> {
        let (train, test, n_items) = match self.source {
            Source::Movielens => movielens()?,
            Source::LongTailed(source) => source.draw(),
        };
        train.write(dir, "train")?;
        test.write(dir, "test")?;
        arrays::write(dir, "n_items.u32", &[n_items as u32])
    }

    fn task(&self, task: &str, dir: &Path) -> Result<Box<dyn Task>> {
        let train = Lists::read(dir, "train")?;
        let n_items =
            *arrays::read::<u32>(dir, "n_items.u32")?.first().context("no number of items")? as usize;
        let side = Side {
            buckets: Buckets::even(train.starts.len() - 1),
            test: Lists::read(dir, "test")?,
            interactions: interactions(train, n_items),
        };
        Ok(match task {
            "epochs" => Box::new(Fit { params: self.params(self.n_epochs), side, model: None }),
            "time_to_ndcg" => {
                let n_epochs = self.epochs_to_target(&side)?;
                Box::new(Fit { params: self.params(n_epochs), side, model: None })
            }
            "recommend_all" | "fold_in_and_recommend_all" => {
                let model = fit(&self.params(self.n_epochs), &side)?;
                let customers = side.fold_in(&model);
                let fold_in = task == "fold_in_and_recommend_all";
                Box::new(Recommend { side, model, customers, fold_in, lists: Vec::new() })
            }
            _ => bail!("recommendation has no task \"{task}\""),
        })
    }
}

impl Matrix {
    fn params(&self, n_epochs: usize) -> IalsParams {
        let Self { n_factors, alpha0, lambda, .. } = *self;
        IalsParams { n_factors, alpha0, lambda, n_epochs, ..IalsParams::new(1) }
    }

    /// The least number of epochs whose model reaches the target.
    fn epochs_to_target(&self, side: &Side) -> Result<usize> {
        for n_epochs in 1..=self.most_epochs {
            let model = fit(&self.params(n_epochs), side)?;
            let lists = side.recommend(&model, &side.fold_in(&model));
            if side.ndcg(&lists)? >= self.target_ndcg {
                return Ok(n_epochs);
            }
        }
        bail!("{} epochs do not reach an NDCG of {}", self.most_epochs, self.target_ndcg)
    }
}

/// What is known of customers, and what they took next.
struct Side {
    interactions: Interactions,
    test: Lists,
    buckets: Buckets,
}

impl Side {
    /// Factors of all customers by the exact row solve; zeros for those without items.
    fn fold_in(&self, model: &IalsModel) -> Vec<f32> {
        let d = model.n_factors();
        let mut customers = vec![0.0; self.buckets.n_rows() * d];
        customers.par_chunks_mut(d).enumerate().for_each_init(
            || model.scratch(),
            |scratch, (customer, out)| {
                if let Some(factors) = model.fold_in(self.interactions.items_of(customer), scratch) {
                    out.copy_from_slice(&factors);
                }
            },
        );
        customers
    }

    fn recommend(&self, model: &IalsModel, customers: &[f32]) -> Vec<Vec<Scored>> {
        let n_customers = self.buckets.n_rows();
        let consumed: Vec<&[u32]> = (0..n_customers).map(|c| self.interactions.items_of(c)).collect();
        top_k_batch(model.panels(), customers, K, &ItemSet::all(model.n_items()), &consumed)
    }

    fn ndcg(&self, lists: &[Vec<Scored>]) -> Result<f64> {
        let ranked: Vec<Vec<u32>> = lists.iter().map(|list| list.iter().map(|s| s.item).collect()).collect();
        let taken: Vec<&[u32]> = self.test.iter().collect();
        let per_customer = RankingMetric::Ndcg.per_customer(&ranked, &taken, K);
        Ok(MeanEstimate::of(&per_customer).context("nobody has a test item")?.mean)
    }
}

fn fit(params: &IalsParams, side: &Side) -> Result<IalsModel> {
    Ok(params.clone().check()?.fit(&side.interactions, KernelLevel::detect())?)
}

struct Fit {
    params: IalsParams,
    side: Side,
    model: Option<IalsModel>,
}

impl Task for Fit {
    fn run(&mut self) -> Result<()> {
        self.model = Some(fit(&self.params, &self.side)?);
        Ok(())
    }

    fn report(&self, out: &Path) -> Result<Facts> {
        let Some(model) = &self.model else { bail!("nothing was run") };
        write_lists(out, &self.side.recommend(model, &self.side.fold_in(model)))?;
        let mut facts = Facts::new();
        facts.insert("n_epochs".into(), self.params.n_epochs.into());
        Ok(facts)
    }
}

struct Recommend {
    side: Side,
    model: IalsModel,
    customers: Vec<f32>,
    fold_in: bool,
    lists: Vec<Vec<Scored>>,
}

impl Task for Recommend {
    fn run(&mut self) -> Result<()> {
        if self.fold_in {
            self.customers = self.side.fold_in(&self.model);
        }
        self.lists = self.side.recommend(&self.model, &self.customers);
        Ok(())
    }

    fn report(&self, out: &Path) -> Result<Facts> {
        write_lists(out, &self.lists)?;
        Ok(Facts::new())
    }
}

/// n_customers x 20 items; places that nothing was left for hold -1, in this exchange only.
fn write_lists(out: &Path, lists: &[Vec<Scored>]) -> Result<()> {
    let padded = |list: &Vec<Scored>| -> Vec<i32> {
        let mut items: Vec<i32> = list.iter().map(|scored| scored.item as i32).collect();
        items.resize(K, -1);
        items
    };
    arrays::write(out, "lists.i32", &lists.iter().flat_map(padded).collect::<Vec<i32>>())
}

fn interactions(train: Lists, n_items: usize) -> Interactions {
    Interactions {
        as_of: Timestamp(1),
        n_items,
        last_at: vec![Timestamp(0); train.items.len()],
        buckets: Buckets::even(train.starts.len() - 1),
        starts: train.starts,
        items: train.items,
        guests: Vec::new(),
    }
}

/// Training and test items of the films, and the number of films.
fn movielens() -> Result<(Lists, Lists, usize)> {
    let folder = std::env::var_os("BESPOKE_DATA").context("BESPOKE_DATA is unset")?;
    let read = |name| -> Result<Lists> {
        let path = Path::new(&folder).join("ml-1m-ultragcn").join(name);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        // One line per customer, the customer first.
        let items = |line: &str| line.split_whitespace().skip(1).map(str::parse).collect::<Result<_, _>>();
        Ok(Lists::of(text.lines().map(items).collect::<Result<Vec<Vec<u32>>, _>>()?))
    };
    Ok((read("train.txt")?, read("test.txt")?, 3043))
}
