"""What a team glues together from the usual libraries: personas, value, churn and recommendations of Online Retail.

usage: job_script.py EXPORT OUT THREADS
"""

import json
import sys
import warnings
from datetime import timedelta
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import polars as pl
from implicit.cpu.als import AlternatingLeastSquares
from lifetimes import GammaGammaFitter, ModifiedBetaGeoFitter
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans
from sklearn.metrics import roc_auc_score, silhouette_score
from sklearn.preprocessing import StandardScaler

FEES = ["POST", "DOT", "C2", "M", "m", "D", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK"]
HORIZON, VALUE_HORIZON, ACTIVE_WITHIN, N_SNAPSHOTS, N_ITEMS = 90, 365, 180, 4, 10


def read(export):
    """Purchases and refunds, one row per line of an invoice."""
    lines = pl.read_csv(export, schema_overrides={"InvoiceNo": pl.String, "StockCode": pl.String, "CustomerID": pl.Float64})
    lines = lines.filter(
        ~pl.col("StockCode").is_in(FEES), ~pl.col("StockCode").str.starts_with("gift_0001_"), pl.col("UnitPrice") > 0
    ).with_columns(
        pl.col("InvoiceDate").str.to_datetime("%Y-%m-%d %H:%M:%S").alias("at"),
        pl.col("CustomerID").cast(pl.Int64).alias("customer"),
        pl.col("InvoiceNo").str.starts_with("C").alias("refund"),
        (pl.col("Quantity") * pl.col("UnitPrice")).alias("amount"),
    )
    return lines.filter(pl.col("refund") | (pl.col("Quantity") > 0))


def features(lines, as_of):
    """One row per customer with a purchase before `as_of`."""
    known = lines.filter(pl.col("at") < as_of, pl.col("customer").is_not_null())
    bought = known.filter(~pl.col("refund"))
    age = (pl.lit(as_of) - pl.col("at")).dt.total_seconds() / 86400
    base = [
        pl.col("InvoiceNo").n_unique().alias("orders"), pl.col("amount").sum().alias("revenue"), age.min().alias("days_since_last_order"),
        age.max().alias("age_days"), pl.col("StockCode").n_unique().alias("items"), pl.col("Quantity").sum().alias("units"),
        pl.col("amount").mean().alias("line"), pl.col("UnitPrice").median().alias("price"),
        (pl.col("at").dt.weekday() >= 6).mean().alias("weekend"),
        (pl.col("at").dt.hour() * (2 * np.pi / 24)).cos().mean().alias("hour_cos"),
        (pl.col("at").dt.hour() * (2 * np.pi / 24)).sin().mean().alias("hour_sin"),
        pl.col("at").dt.date().n_unique().alias("days"),
    ]
    for window in (30, 90, 180, 365):
        recent = age <= window
        base += [pl.col("InvoiceNo").filter(recent).n_unique().alias(f"orders_{window}"), pl.col("amount").filter(recent).sum().alias(f"revenue_{window}")]
    table = bought.group_by("customer").agg(base)
    back = known.filter(pl.col("refund")).group_by("customer").agg((-pl.col("amount").sum()).alias("refunded"))
    table = table.join(back, on="customer", how="left").with_columns(pl.col("refunded").fill_null(0.0))
    return table.with_columns(
        (pl.col("revenue") / pl.col("orders")).alias("basket"), (pl.col("age_days") / pl.col("orders")).alias("gap")
    ).sort("customer")


def personas(table):
    x = table.drop("customer").to_numpy().astype(np.float64)
    x = StandardScaler().fit_transform(np.sign(x) * np.log1p(np.abs(x)))
    fits = [KMeans(k, n_init=10, random_state=1).fit(x) for k in range(2, 11)]
    judged = [silhouette_score(x, fit.labels_, sample_size=5000, random_state=1) for fit in fits]
    return fits[int(np.argmax(judged))].labels_


def value(lines, as_of):
    bought = lines.filter(~pl.col("refund"), pl.col("customer").is_not_null())
    days = bought.group_by("customer", pl.col("at").dt.date().alias("day")).agg(pl.col("amount").sum()).sort("customer", "day")
    first = pl.col("day") == pl.col("day").min()
    summary = days.group_by("customer", maintain_order=True).agg(
        (pl.len() - 1).alias("x"), (pl.col("day").max() - pl.col("day").min()).dt.total_days().alias("last"),
        (pl.lit(as_of.date()) - pl.col("day").min()).dt.total_days().alias("age"),
        pl.col("amount").filter(~first).mean().fill_null(0.0).alias("spend"),
    )
    history = [pd.Series(summary[name].to_numpy().astype(float)) for name in ("x", "last", "age")]
    spend = pd.Series(summary["spend"].to_numpy())
    purchases, amounts = ModifiedBetaGeoFitter(), GammaGammaFitter()
    purchases.fit(*history)
    amounts.fit(history[0][spend > 0], spend[spend > 0])
    orders = purchases.conditional_expected_number_of_purchases_up_to_time(VALUE_HORIZON, *history)
    worth = orders * amounts.conditional_expected_average_profit(history[0], spend)
    p_alive = purchases.conditional_probability_alive(*history)
    return summary.select("customer").with_columns(
        pl.Series("p_alive", np.asarray(p_alive)), pl.Series("expected_orders", np.asarray(orders)), pl.Series("cltv", np.asarray(worth))
    )


def churn(lines, as_of, now, threads):
    snapshots = []
    for at in (as_of - timedelta(days=HORIZON * n) for n in range(N_SNAPSHOTS, 0, -1)):
        table = features(lines, at)
        table = table.filter(pl.col("days_since_last_order") <= ACTIVE_WITHIN)
        back = lines.filter(~pl.col("refund"), pl.col("at") >= at, pl.col("at") < at + timedelta(days=HORIZON))["customer"].unique()
        if len(table) >= 50:
            snapshots.append((table.drop("customer").to_numpy(), (~table["customer"].is_in(back.to_list())).to_numpy()))
    parameters = {"objective": "binary", "num_threads": threads, "verbose": -1, "learning_rate": 0.05}
    stack = lambda parts: lightgbm.Dataset(np.vstack([x for x, _ in parts]), np.concatenate([y for _, y in parts]))
    tested = lightgbm.train(parameters, stack(snapshots[:-1]), 100).predict(snapshots[-1][0])
    auc = roc_auc_score(snapshots[-1][1], tested)
    return lightgbm.train(parameters, stack(snapshots), 100).predict(now.drop("customer").to_numpy()), auc


def factors(lines, customers, items, threads):
    pairs = lines.filter(~pl.col("refund"), pl.col("customer").is_not_null()).select("customer", "StockCode").unique()
    rows = np.searchsorted(customers, pairs["customer"].to_numpy())
    columns = np.searchsorted(items, pairs["StockCode"].to_numpy().astype(str))
    matrix = csr_matrix((np.ones(len(pairs), np.float32), (rows, columns)), shape=(len(customers), len(items)))
    model = AlternatingLeastSquares(64, regularization=5.0, alpha=1 + 1 / 0.3, iterations=15, num_threads=threads, random_state=1)
    model.fit(matrix, show_progress=False)
    return model, matrix


def recommend(lines, as_of, customers, items, threads):
    past = lines.filter(pl.col("at") < as_of - timedelta(days=HORIZON))
    model, matrix = factors(past, customers, items, threads)
    shown, _ = model.recommend(np.arange(len(customers)), matrix, N=N_ITEMS)
    future = lines.filter(~pl.col("refund"), pl.col("at") >= as_of - timedelta(days=HORIZON), pl.col("customer").is_not_null())
    taken = dict(future.group_by("customer").agg(pl.col("StockCode").unique()).iter_rows())
    hits = [len(set(items[shown[row]]) & set(taken[c])) for row, c in enumerate(customers) if c in taken]
    model, matrix = factors(lines, customers, items, threads)
    sold = lines.filter(~pl.col("refund"), pl.col("at") >= as_of - timedelta(days=60))["StockCode"].unique().to_numpy().astype(str)
    gone = np.flatnonzero(~np.isin(items, sold))
    shown, scores = model.recommend(np.arange(len(customers)), matrix, N=N_ITEMS, filter_items=gone)
    keep = scores.ravel() > -1e30
    return pl.DataFrame({
        "customer_id": np.repeat(customers, N_ITEMS)[keep], "slot": np.tile(np.arange(1, N_ITEMS + 1), len(customers))[keep],
        "item_id": items[shown.ravel()][keep], "score": scores.ravel()[keep],
    }), float(np.mean(hits))


def main(export, out, threads):
    warnings.simplefilter("ignore")
    out, threads = Path(out), int(threads)
    out.mkdir(parents=True)
    lines = read(export)
    as_of = lines["at"].max() + timedelta(milliseconds=1)
    table = features(lines, as_of)
    labels = personas(table)
    p_churn, auc = churn(lines, as_of, table, threads)
    bought = lines.filter(~pl.col("refund"))
    items = np.unique(bought["StockCode"].to_numpy().astype(str))
    recommendations, hits = recommend(bought, as_of, table["customer"].to_numpy(), items, threads)
    scored = table.with_columns(pl.Series("persona_id", labels), pl.Series("churn_probability", p_churn))
    scored.join(value(lines, as_of), on="customer", how="left").write_parquet(out / "customers.parquet")
    recommendations.write_parquet(out / "recommendations.parquet")
    cards = scored.group_by("persona_id").mean().sort("persona_id")
    (out / "personas.json").write_text(json.dumps(cards.to_dicts()))
    (out / "run.json").write_text(json.dumps({"churn_auc": auc, "hits_at_10": hits}))


if __name__ == "__main__":
    main(*sys.argv[1:])
