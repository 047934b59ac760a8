"""Churn: LightGBM on the same table, categories as such and missing values as they are."""

import numpy as np


def table(data, directory):
    x = np.fromfile(directory / "columns.f64", dtype="<f8").reshape(data["n_columns"], data["n_rows"])
    y = np.fromfile(directory / "churned.u32", dtype="<u4")
    # Row by row, which LightGBM reads fastest.
    return np.ascontiguousarray(x.T), y, data["n_rows"] // 5 * 4


def prepare(peer, task, data, directory, threads):
    import lightgbm

    x, y, n_train = table(data, directory)
    categories = [k for k in range(data["n_columns"]) if k % 3 == 2]
    parameters = {"objective": "binary", "num_threads": threads, "verbose": -1, "seed": 1}

    def fit():
        train = lightgbm.Dataset(x[:n_train], y[:n_train], categorical_feature=categories, params=parameters)
        return lightgbm.train(parameters, train, num_boost_round=100)

    score = lambda model: model.predict(x[n_train:], raw_score=True)
    if task == "fit":
        run, margins = fit, score
    else:
        model = fit()
        run, margins = lambda: score(model), lambda result: result

    def report(result, out):
        found = np.asarray(margins(result), dtype="<f8")
        found.tofile(out / "margin.f64")
        (1 / (1 + np.exp(-found))).tofile(out / "p_churn.f64")
        return {}

    return run, report


def check(data, directory):
    x, y, _ = table(data, directory)
    return {"share_who_left": float(y.mean()), "share_missing": float(np.isnan(x).mean())}


def judge(task, data, directory, ours, theirs):
    from sklearn.metrics import log_loss, roc_auc_score

    _, y, n_train = table(data, directory)
    read = lambda name: [np.fromfile(out / f"{name}.f64", dtype="<f8") for out in (ours, theirs)]
    auc = [float(roc_auc_score(y[n_train:], margin)) for margin in read("margin")]
    loss = [float(log_loss(y[n_train:], p)) for p in read("p_churn")]
    off = auc[0] - auc[1]
    verdict = "yes" if abs(off) <= 0.002 else f"{'ours' if off > 0 else 'theirs'} higher by {abs(off):.3f}"
    return {"AUC": auc, "log-loss": loss}, verdict
