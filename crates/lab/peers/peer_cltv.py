"""Customer value: lifetimes' MBG/NBD and Gamma-Gamma, row by row and on grouped rows with weights."""

import os

import numpy as np
import pandas as pd
from scipy.special import gammaln


def missing(data):
    if data["source"]["kind"] == "cdnow" and "BESPOKE_DATA" not in os.environ:
        return "BESPOKE_DATA is unset"
    return None


def table(directory):
    columns = [("frequency", "repeat_orders.u32", "<u4"), ("recency", "age_at_last_order.f64", "<f8")]
    columns += [("T", "age.f64", "<f8"), ("spend", "spend.f64", "<f8")]
    return pd.DataFrame({name: np.fromfile(directory / file, dtype=kind) for name, file, kind in columns})


def fitters():
    from lifetimes import GammaGammaFitter, ModifiedBetaGeoFitter

    return ModifiedBetaGeoFitter(), GammaGammaFitter()


def parameters(purchases, spend):
    names = [purchases.params_[name] for name in ("r", "alpha", "a", "b")]
    return np.array(names + [spend.params_[name] for name in ("p", "q", "v")], dtype="<f8")


def fit(rows, grouped):
    purchases, spend = fitters()
    buyers = rows[rows["spend"] > 0]
    if grouped:
        rows = rows.groupby(["frequency", "recency", "T"], as_index=False).size()
        purchases.fit(rows["frequency"], rows["recency"], rows["T"], weights=rows["size"])
    else:
        purchases.fit(rows["frequency"], rows["recency"], rows["T"])
    spend.fit(buyers["frequency"], buyers["spend"])
    return purchases, spend


def score(rows, fitted, horizon_days):
    purchases, spend = fitted
    history = rows["frequency"], rows["recency"], rows["T"]
    orders = purchases.conditional_expected_number_of_purchases_up_to_time(horizon_days, *history)
    p_alive = purchases.conditional_probability_alive(*history)
    amount = spend.conditional_expected_average_profit(rows["frequency"], rows["spend"].fillna(0.0))
    return {"p_alive": p_alive, "expected_orders": orders, "cltv": orders * amount}


def prepare(peer, task, data, directory, threads):
    rows = table(directory)
    if task == "fit":
        run = lambda: fit(rows, peer == "lifetimes-grouped")

        def report(fitted, out):
            parameters(*fitted).tofile(out / "parameters.f64")
            return {}

        return run, report
    fitted = fitters()
    found = np.fromfile(directory / "parameters.f64", dtype="<f8")
    fitted[0].params_ = pd.Series(dict(zip(("r", "alpha", "a", "b"), found[:4])))
    fitted[1].params_ = pd.Series(dict(zip(("p", "q", "v"), found[4:])))
    run = lambda: score(rows, fitted, data["horizon_days"])

    def report(columns, out):
        for name, cells in columns.items():
            np.asarray(cells, dtype="<f8").tofile(out / f"{name}.f64")
        return {}

    return run, report


def check(data, directory):
    rows = table(directory)
    distinct = len(rows[["frequency", "recency", "T"]].drop_duplicates())
    return {"customers": len(rows), "distinct_histories": distinct, "repeat_buyers": int((rows["frequency"] > 0).sum())}


def ln_likelihood(rows, parameters):
    """MBG/NBD (Batislam et al. 2007; Hoppe, Wagner 2007), written out once more for both."""
    r, alpha, a, b = parameters[:4]
    x, last, age = (rows[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T"))
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    common += gammaln(a + b) + gammaln(b + x + 1) - gammaln(b) - gammaln(a + b + x + 1) - (r + x) * np.log(alpha + age)
    left = np.log(a / (b + x)) + (r + x) * np.log((alpha + age) / (alpha + last))
    return float((common + np.logaddexp(left, 0)).sum())


def judge(task, data, directory, ours, theirs):
    rows = table(directory)
    if task == "fit":
        found = [ln_likelihood(rows, np.fromfile(out / "parameters.f64", dtype="<f8")) for out in (ours, theirs)]
        off = (found[0] - found[1]) / abs(found[1])
        verdict = "yes" if abs(off) <= 1e-6 else f"{'ours' if off > 0 else 'theirs'} higher by {abs(off):.1e}"
        return {"log-likelihood": found}, verdict
    figures, worst = {}, 0.0
    for name in ("p_alive", "expected_orders", "cltv"):
        one, other = (np.fromfile(out / f"{name}.f64", dtype="<f8") for out in (ours, theirs))
        figures[f"mean {name}"] = [float(one.mean()), float(other.mean())]
        worst = max(worst, float(np.max(np.abs(one - other) / (np.abs(other) + 1e-9))))
    return figures, "yes" if worst <= 1e-6 else f"differ by up to {worst:.1e}"
