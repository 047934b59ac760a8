"""Recommendation: implicit's alternating least squares, by conjugate gradients and by exact solves."""

import os

import numpy as np
from scipy.sparse import csr_matrix

K = 20


def missing(data):
    if data["source"]["kind"] == "ml-1m-ultragcn" and "BESPOKE_DATA" not in os.environ:
        return "BESPOKE_DATA is unset"
    return None


def matrix(directory, name):
    starts = np.fromfile(directory / f"{name}_starts.u32", dtype="<u4").astype(np.int32)
    items = np.fromfile(directory / f"{name}_items.u32", dtype="<u4").astype(np.int32)
    n_items = int(np.fromfile(directory / "n_items.u32", dtype="<u4")[0])
    return csr_matrix((np.ones(len(items), dtype=np.float32), items, starts), shape=(len(starts) - 1, n_items))


def ndcg(lists, test):
    """Mean over customers with test items; the ideal is cut at min(K, test items)."""
    n_customers, n_items = test.shape
    pairs = np.repeat(np.arange(n_customers, dtype=np.int64), np.diff(test.indptr)) * n_items + test.indices
    shown = np.arange(n_customers, dtype=np.int64)[:, None] * n_items + lists
    hits = np.isin(shown, pairs) & (lists >= 0)
    gains = 1 / np.log2(np.arange(2, K + 2))
    ideal = np.concatenate([[0], gains.cumsum()])[np.minimum(np.diff(test.indptr), K)]
    return float(((hits * gains).sum(1)[ideal > 0] / ideal[ideal > 0]).mean())


def model(data, peer, threads, n_epochs):
    from implicit.cpu.als import AlternatingLeastSquares

    # The same loss but for the regulariser (Rendle et al. 2022): the weight of a taken pair is 1 + 1 / alpha0.
    return AlternatingLeastSquares(
        factors=data["n_factors"], regularization=data["peer_regularisation"], alpha=1 + 1 / data["alpha0"],
        use_cg=peer == "implicit-cg", iterations=n_epochs, num_threads=threads, random_state=1,
    )


def recommend(fitted, train, recalculate=False):
    ids = np.arange(train.shape[0])
    lists, scores = fitted.recommend(ids, train, N=K, filter_already_liked_items=True, recalculate_user=recalculate)
    # What was filtered fills short lists, with scores of minus infinity.
    return np.where(scores > -1e30, lists, -1)


def epochs_to_target(data, peer, threads, train, directory):
    test = matrix(directory, "test")

    class Reached(Exception):
        pass

    def after(epoch, elapsed, loss):
        if ndcg(recommend(fitted, train), test) >= data["target_ndcg"]:
            raise Reached(epoch + 1)

    fitted = model(data, peer, threads, data["most_epochs"])
    try:
        fitted.fit(train, show_progress=False, callback=after)
    except Reached as reached:
        return reached.args[0]
    raise AssertionError(f"{data['most_epochs']} epochs do not reach an NDCG of {data['target_ndcg']}")


def prepare(peer, task, data, directory, threads):
    train = matrix(directory, "train")
    if task in ("epochs", "time_to_ndcg"):
        n_epochs = data["n_epochs"]
        if task == "time_to_ndcg":
            n_epochs = epochs_to_target(data, peer, threads, train, directory)

        def run():
            fitted = model(data, peer, threads, n_epochs)
            fitted.fit(train, show_progress=False)
            return recommend, fitted
    else:
        fitted = model(data, peer, threads, data["n_epochs"])
        fitted.fit(train, show_progress=False)
        recalculate = task == "fold_in_and_recommend_all"
        run = lambda: (None, recommend(fitted, train, recalculate))
        n_epochs = data["n_epochs"]

    def report(result, out):
        is_model, value = result
        lists = recommend(value, train) if is_model else value
        lists.astype("<i4").tofile(out / "lists.i32")
        return {"n_epochs": n_epochs}

    return run, report


def check(data, directory):
    train = matrix(directory, "train")
    popular = np.sort(np.bincount(train.indices, minlength=train.shape[1]))[::-1]
    share = popular[: train.shape[1] // 100].sum() / popular.sum()
    return {"customers": train.shape[0], "items": train.shape[1], "pairs": train.nnz, "share_of_top_1_percent": float(share)}


def judge(task, data, directory, ours, theirs):
    train, test = matrix(directory, "train"), matrix(directory, "test")
    lists = [np.fromfile(out / "lists.i32", dtype="<i4").reshape(-1, K) for out in (ours, theirs)]
    found = [ndcg(shown, test) for shown in lists]
    for shown in lists:
        rows, columns = np.nonzero(shown >= 0)
        consumed = np.asarray(train[rows, shown[rows, columns]]).ravel()
        assert not consumed.any(), "a list shows what was consumed"
    off = found[0] - found[1]
    verdict = "yes" if abs(off) <= 0.005 else f"{'ours' if off > 0 else 'theirs'} higher by {abs(off):.4f}"
    return {"NDCG@20": found}, verdict
