"""Whether a prior samples where the images' codes are: both are counted in cells of the code space."""

from __future__ import annotations

import warnings

import numpy as np
import torch

from vae_core.evaluation.benchmark_scores import OccupancyScore
from vae_core.evaluation.codes.occupancy import assign_cells, compare_histograms, count_codes, measure_occupancy

MOST_CELLS = 64
CODES_A_CELL = 20
"""Codes behind each centre, at least: the place of a cell of fewer is chance."""


def compare_occupancy(
    means: np.ndarray, codes: torch.Tensor, samples: torch.Tensor, seed: int
) -> OccupancyScore | None:
    """Count codes (N, D), a draw from each image's posterior, and samples (M, D) of a prior in cells of the code space.

    The cells are k-means of every other image's mean (N, D), and the codes of the other images fill them: a cell that
    was fitted to a code is filled by it, however far from the others that lies. Draws, as the prior was fitted to
    draws: in an unused dimension means have no spread. None where there are too few images for two cells, or every
    image has one code. DataError where a code is not finite.
    """
    centres = _fit_centres(means[::2], seed)
    if len(centres) < 2:
        return None
    of_images, of_samples = (
        count_codes(assign_cells(each.double(), centres), len(centres)) for each in (codes[1::2], samples)
    )
    images, drawn = measure_occupancy(of_images), measure_occupancy(of_samples)
    found = compare_histograms(of_images, of_samples, np.random.default_rng(seed))
    return OccupancyScore(
        cells=len(centres),
        n_images=images.n,
        n_samples=drawn.n,
        used_by_images=images.used,
        used_by_samples=drawn.used,
        perplexity_of_images=images.perplexity,
        perplexity_of_samples=drawn.perplexity,
        distance=found.distance,
        floor_mean=found.floor_mean,
        floor_p95=found.floor_p95,
    )


def _fit_centres(means: np.ndarray, seed: int) -> torch.Tensor:
    """Centres (K, D) float64 of so many cells as the means (N, D) allow."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    cells = min(MOST_CELLS, len(means) // CODES_A_CELL)
    if cells < 2:
        return torch.empty((0, means.shape[1]), dtype=torch.float64)
    with warnings.catch_warnings():
        # fewer centres than were asked for, where fewer means differ: a collapsed encoder
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = KMeans(cells, n_init=1, random_state=seed).fit(means.astype(np.float32))
    return torch.from_numpy(np.unique(fitted.cluster_centers_.astype(np.float64), axis=0))
