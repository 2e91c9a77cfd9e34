"""Clusters of the code space: where in it a model's images lie, and how well it does in each place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ClusterMeans:
    """A per-image number averaged in each of k clusters, all arrays (k,).

    count: images in the cluster. mean: NaN where the cluster is empty. sd: the sample's, NaN below two images.
    """

    count: NDArray[np.int64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """k clusters, each the points nearest to one of `centres` (k, D) float64; a tie goes to the first."""

    centres: NDArray[np.float64]

    def __len__(self) -> int:
        """k, the number of clusters."""
        return len(self.centres)

    def assign(self, points: NDArray[np.floating]) -> NDArray[np.int64]:
        """Find the cluster of each point (N, D): (N,) int64, 0 to k - 1. ValueError unless finite and D wide."""
        points = _require_points(points, self.centres.shape[1])
        # |x - c|^2 without |x|^2, which is the same for every centre
        distances = (self.centres**2).sum(axis=1) - 2 * points @ self.centres.T
        clusters: NDArray[np.int64] = distances.argmin(axis=1)
        return clusters

    def shares(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Share of the points (N, D), N >= 1, in each cluster: (k,) float64, sums to 1."""
        return np.bincount(self.assign(points), minlength=len(self)) / len(points)

    def average(self, clusters: NDArray[np.int64], values: NDArray[np.floating]) -> ClusterMeans:
        """Average one number an image, values (N,), over the clusters (N,) that `assign` gave.

        Given a candidate's error minus the champion's on the same images, a cluster with a large mean is a place
        that the candidate has lost. ValueError when the lengths differ.
        """
        if clusters.shape != values.shape:
            raise ValueError(f"clusters: expected one value a cluster number, came {values.shape} for {clusters.shape}")
        k, exact = len(self), values.astype(np.float64)
        count = np.bincount(clusters, minlength=k)
        mean = np.bincount(clusters, exact, minlength=k) / np.where(count > 0, count, np.nan)
        squares = np.bincount(clusters, (exact - mean[clusters]) ** 2, minlength=k)
        return ClusterMeans(count, mean, np.sqrt(squares / np.where(count > 1, count - 1, np.nan)))


def fit_clusters(mu: NDArray[np.floating], *, k: int = 64, seed: int) -> Clusters:
    """Fit k-means to points (N, D), N >= 1; fewer clusters than k where fewer points differ.

    For the clusters of a version, mu are the codes of its reference. The same points and seed give the same clusters.
    ValueError unless the points are finite. Source: Arthur and Vassilvitskii (2007), k-means++; Lloyd's iterations.
    """
    from sklearn.cluster import KMeans

    points = _require_points(mu)
    # scikit-learn warns where it is asked for more clusters than points that differ
    clusters = min(k, len(np.unique(points, axis=0)))
    fitted = KMeans(clusters, n_init=1, max_iter=50, random_state=seed).fit(points)
    return Clusters(fitted.cluster_centers_)


def _require_points(points: NDArray[np.floating], width: int | None = None) -> NDArray[np.float64]:
    if points.ndim != 2 or len(points) == 0 or (width is not None and points.shape[1] != width):
        raise ValueError(f"clusters: expected at least one point (N, {width or 'D'}), came {points.shape}")
    exact: NDArray[np.float64] = points.astype(np.float64)
    if not np.isfinite(exact).all():
        raise ValueError(f"clusters: {int((~np.isfinite(exact)).any(axis=1).sum())} points are NaN or infinite")
    return exact
