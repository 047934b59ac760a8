"""k-means: scikit-learn, its Intel extension and faiss from given first centroids."""

import numpy as np


def rows(data, directory):
    shape = data["n_rows"], data["n_columns"]
    return np.fromfile(directory / "rows.f32", dtype="<f4").reshape(shape)


def start(data, directory):
    return np.fromfile(directory / "start.f32", dtype="<f4").reshape(data["n_clusters"], data["n_columns"])


def scikit_learn(algorithm, intelex, data, x, first, n_iterations=None):
    if intelex:
        from sklearnex.cluster import KMeans
    else:
        from sklearn.cluster import KMeans
    n_iterations = n_iterations or data["n_iterations"]
    model = KMeans(data["n_clusters"], init=first, n_init=1, max_iter=n_iterations, tol=0.0, algorithm=algorithm)
    return lambda: model.fit(x)


def prepare(peer, task, data, directory, threads):
    x, first = rows(data, directory), start(data, directory)
    if peer == "faiss":
        import faiss

        faiss.omp_set_num_threads(threads)

        def run():
            # The two limits switch its subsampling off.
            model = faiss.Kmeans(
                data["n_columns"], data["n_clusters"], niter=data["n_iterations"], nredo=1, seed=1,
                min_points_per_centroid=1, max_points_per_centroid=data["n_rows"],
            )
            model.train(x, init_centroids=first)
            return model

        def report(model, out):
            np.asarray(model.centroids, dtype="<f8").tofile(out / "centroids.f64")
            return {"n_iterations": len(model.obj), "reported_inertia": float(model.obj[-1])}

        return run, report
    algorithm = "elkan" if peer == "scikit-learn-elkan" else "lloyd"
    run = scikit_learn(algorithm, peer == "scikit-learn-intelex", data, x, first)

    def report(model, out):
        np.asarray(model.cluster_centers_, dtype="<f8").tofile(out / "centroids.f64")
        return {"n_iterations": int(model.n_iter_), "reported_inertia": float(model.inertia_)}

    return run, report


def check(data, directory):
    """Of a mixture at least 1 % of the labels still move at iteration 20, or the case says nothing about real rows."""
    x, first = rows(data, directory), start(data, directory)
    before, after = (scikit_learn("lloyd", False, data, x, first, n)().labels_ for n in (19, 20))
    moved = float(np.mean(before != after))
    assert data["rows"]["kind"] != "mixture" or moved >= 0.01, f"only {moved:.2%} of the labels move at iteration 20: make the components overlap more"
    return {"labels_moved_at_20": moved}


def inertia(x, centroids):
    total = 0.0
    for at in range(0, len(x), 20_000):
        part = x[at : at + 20_000].astype(np.float64)
        scores = (centroids**2).sum(1) - 2 * part @ centroids.T
        nearest = centroids[scores.argmin(1)]
        total += ((part - nearest) ** 2).sum()
    return total


def judge(task, data, directory, ours, theirs):
    x = rows(data, directory)
    shape = data["n_clusters"], data["n_columns"]
    ours, theirs = (
        inertia(x, np.fromfile(out / "centroids.f64", dtype="<f8").reshape(shape)) for out in (ours, theirs)
    )
    off = ours / theirs - 1
    return {"inertia": [ours, theirs]}, "yes" if abs(off) <= 1e-5 else f"{'ours' if off < 0 else 'theirs'} lower by {abs(off):.1e}"
