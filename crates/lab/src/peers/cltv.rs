//! Customer value: MBG/NBD and Gamma-Gamma on CDNOW and on simulated customers.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use bespoke::cltv::{CltvModel, CltvParams, CltvPrediction, CltvValid, SpendModel};
use bespoke::features::PurchaseSummary;
use bespoke::params::Params;
use bespoke::random::Random;
use rayon::prelude::*;
use serde::Deserialize;

use super::arrays;
use super::worker::{Data, Facts, Task};

/// Histories and the horizon of predictions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Histories {
    source: Source,
    horizon_days: u32,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
enum Source {
    /// The sample under BESPOKE_DATA: 2,357 customers.
    Cdnow,
    /// Customers of an MBG/NBD with Gamma-Gamma spend.
    Simulated {
        n_customers: usize,
        /// Purchases fall on whole days, as in a shop's data; without it all histories are distinct.
        whole_days: bool,
        seed: u64,
    },
}

/// Of the simulation, days: r, alpha, a, b of the purchases and p, q, gamma of the spend.
const PURCHASES: [f64; 4] = [0.7, 40.0, 0.8, 2.5];
const SPEND: [f64; 3] = [6.0, 4.0, 15.0];
/// Customers first bought up to so many days before the end.
const LONGEST_AGE_DAYS: f64 = 730.0;

impl Data for Histories {
    fn check(&self) -> Result<()> {
        self.valid()?;
        if let Source::Simulated { n_customers, .. } = self.source {
            ensure!((1_000..=100_000_000).contains(&n_customers), "n_customers is {n_customers}");
        }
        Ok(())
    }

    /// `repeat_orders.u32`, `age_at_last_order.f64`, `age.f64` and `spend.f64` (NaN without repeat orders), and
    /// `parameters.f64`: what our fit gives, with which both sides score.
    fn generate(&self, dir: &Path) -> Result<()> {
        let summary = match self.source {
            Source::Cdnow => cdnow()?,
            Source::Simulated { n_customers, whole_days, seed } => simulated(n_customers, whole_days, seed),
        };
        arrays::write(dir, "repeat_orders.u32", &summary.repeat_orders)?;
        arrays::write(dir, "age_at_last_order.f64", &summary.age_at_last_order_days)?;
        arrays::write(dir, "age.f64", &summary.age_days)?;
        let spend: Vec<f64> = summary.mean_repeat_spend.iter().map(|s| s.unwrap_or(f64::NAN)).collect();
        arrays::write(dir, "spend.f64", &spend)?;
        let model = self.valid()?.fit(&summary)?;
        arrays::write(dir, "parameters.f64", &parameters(&model)?)
    }

    fn task(&self, task: &str, dir: &Path) -> Result<Box<dyn Task>> {
        let (valid, summary) = (self.valid()?, read(dir)?);
        Ok(match task {
            "fit" => Box::new(Fit { valid, summary, model: None }),
            "score" | "score_with_intervals" => {
                let model = valid.fit(&summary)?;
                let intervals = task == "score_with_intervals";
                Box::new(Score { model, summary, intervals, prediction: CltvPrediction::default() })
            }
            _ => bail!("value has no task \"{task}\""),
        })
    }
}

impl Histories {
    fn valid(&self) -> Result<CltvValid> {
        Ok(CltvParams::new(self.horizon_days).check()?)
    }
}

struct Fit {
    valid: CltvValid,
    summary: PurchaseSummary,
    model: Option<CltvModel>,
}

impl Task for Fit {
    fn run(&mut self) -> Result<()> {
        self.model = Some(self.valid.fit(&self.summary)?);
        Ok(())
    }

    fn report(&self, out: &Path) -> Result<Facts> {
        let Some(model) = &self.model else { bail!("nothing was run") };
        arrays::write(out, "parameters.f64", &parameters(model)?)?;
        Ok(Facts::new())
    }
}

struct Score {
    model: CltvModel,
    summary: PurchaseSummary,
    intervals: bool,
    prediction: CltvPrediction,
}

impl Task for Score {
    fn run(&mut self) -> Result<()> {
        self.prediction = if self.intervals {
            self.model.predict(&self.summary)?
        } else {
            self.model.expect(&self.summary)?
        };
        Ok(())
    }

    fn report(&self, out: &Path) -> Result<Facts> {
        let CltvPrediction { p_alive, expected_orders, cltv, .. } = &self.prediction;
        let cltv: Vec<f64> = cltv.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        arrays::write(out, "p_alive.f64", p_alive)?;
        arrays::write(out, "expected_orders.f64", expected_orders)?;
        arrays::write(out, "cltv.f64", &cltv)?;
        Ok(Facts::new())
    }
}

/// r, alpha, a, b, p, q, gamma.
fn parameters(model: &CltvModel) -> Result<[f64; 7]> {
    let purchases = model.purchases();
    let SpendModel::GammaGamma(spend) = model.spend() else { bail!("spend was not fitted") };
    Ok([purchases.r, purchases.alpha, purchases.a, purchases.b, spend.p, spend.q, spend.gamma])
}

fn summary(rows: Vec<(u32, f64, f64, f64)>) -> PurchaseSummary {
    let mut summary = PurchaseSummary::default();
    for (customer, (repeat_orders, age_at_last_order, age, spend)) in (0..).zip(rows) {
        summary.customers.push(customer);
        summary.repeat_orders.push(repeat_orders);
        summary.age_at_last_order_days.push(age_at_last_order);
        summary.age_days.push(age);
        summary.mean_repeat_spend.push((!spend.is_nan()).then_some(spend));
        summary.n_spend_days.push(if spend.is_nan() { 0 } else { repeat_orders });
    }
    summary
}

fn read(dir: &Path) -> Result<PurchaseSummary> {
    let repeat_orders = arrays::read::<u32>(dir, "repeat_orders.u32")?;
    let column = |name| arrays::read::<f64>(dir, name);
    let (last, age, spend) = (column("age_at_last_order.f64")?, column("age.f64")?, column("spend.f64")?);
    let rows = repeat_orders.iter().zip(last).zip(age).zip(spend);
    Ok(summary(rows.map(|(((&x, last), age), spend)| (x, last, age, spend)).collect()))
}

/// The sample's printed summary, in weeks there.
fn cdnow() -> Result<PurchaseSummary> {
    let folder = std::env::var_os("BESPOKE_DATA").context("BESPOKE_DATA is unset")?;
    let path = Path::new(&folder).join("cdnow/cdnow_customers_summary_with_transactions.csv");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let row = |line: &str| -> Result<(u32, f64, f64, f64)> {
        let cells: Vec<f64> = line.split(',').map(str::parse).collect::<Result<_, _>>()?;
        let [_, x, last, age, spend] = cells[..] else { bail!("not five cells: {line}") };
        let spend = if x > 0.0 && spend > 0.0 { spend } else { f64::NAN };
        Ok((x as u32, 7.0 * last, 7.0 * age, spend))
    };
    Ok(summary(text.lines().skip(1).map(row).collect::<Result<_>>()?))
}

/// Every customer: a rate from Gamma(r, alpha), a chance of leaving after each purchase (the first included) from
/// Beta(a, b), first bought at a uniform time.
fn simulated(n_customers: usize, whole_days: bool, seed: u64) -> PurchaseSummary {
    let random = Random::new(seed);
    let rows: Vec<_> = (0..n_customers as u64)
        .into_par_iter()
        .map(|customer| simulate(random.stream(customer), whole_days))
        .collect();
    summary(rows)
}

fn simulate(random: Random, whole_days: bool) -> (u32, f64, f64, f64) {
    let round = |x: f64| if whole_days { libm::floor(x) } else { x };
    let age = round(1.0 + LONGEST_AGE_DAYS * random.uniform(0));
    let [r, alpha, a, b] = PURCHASES;
    let rate = gamma(random.stream(1), r) / alpha;
    let (stay, leave) = (gamma(random.stream(2), b), gamma(random.stream(3), a));
    let p_leave = leave / (leave + stay);
    let (gaps, leaves) = (random.stream(4), random.stream(5));
    let (mut at, mut last, mut orders) = (0.0, 0.0, 0);
    for n in 0.. {
        if leaves.uniform(n) < p_leave {
            break;
        }
        at -= libm::log(1.0 - gaps.uniform(n)) / rate;
        // Rounded up, and one purchase a day: what a table of purchase days knows.
        let day = if whole_days { libm::ceil(at) } else { at };
        if day > age || !day.is_finite() {
            break;
        }
        if day > last {
            (last, orders) = (day, orders + 1);
        }
    }
    let [p, q, scale] = SPEND;
    let nu = gamma(random.stream(6), q) / scale;
    let spend = gamma(random.stream(7), p * f64::from(orders.max(1))) / nu / f64::from(orders.max(1));
    (orders, last, age, if orders > 0 { spend } else { f64::NAN })
}

/// A draw of Gamma(shape, 1) (Marsaglia and Tsang, 2000).
fn gamma(random: Random, shape: f64) -> f64 {
    if shape < 1.0 {
        let boost = libm::pow(1.0 - random.stream(1).uniform(0), 1.0 / shape);
        return gamma(random.stream(2), shape + 1.0) * boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    let (normals, uniforms) = (random.stream(3), random.stream(4));
    for n in 0.. {
        let x = normals.normal(n);
        let v = (1.0 + c * x) * (1.0 + c * x) * (1.0 + c * x);
        let accepted = || libm::log(1.0 - uniforms.uniform(n)) < 0.5 * x * x + d - d * v + d * libm::log(v);
        if v > 0.0 && accepted() {
            return d * v;
        }
    }
    unreachable!("some draw of 2^64 is accepted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_draws_have_the_mean_and_variance_of_their_shape() {
        for shape in [0.3, 0.7, 1.0, 4.0] {
            let draws: Vec<f64> = (0..40_000).map(|i| gamma(Random::new(9).stream(i), shape)).collect();
            let n = draws.len() as f64;
            let mean = draws.iter().sum::<f64>() / n;
            let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
            assert!((mean / shape - 1.0).abs() < 0.03, "{shape}: mean {mean}");
            assert!((variance / shape - 1.0).abs() < 0.1, "{shape}: variance {variance}");
        }
    }

    #[test]
    fn the_parameters_of_simulated_customers_are_found() {
        let summary = simulated(40_000, false, 3);
        let model = CltvParams::new(365).check().expect("a horizon").fit(&summary).expect("a model");
        let found = parameters(&model).expect("parameters");
        for (found, planted) in found.into_iter().zip(PURCHASES.into_iter().chain(SPEND)) {
            assert!((found / planted - 1.0).abs() < 0.15, "{found} for {planted}");
        }
    }
}
