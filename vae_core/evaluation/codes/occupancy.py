"""How much of a code space is in use: cells around given centres, or the codes of a codebook."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import xlogy

from vae_core.errors import DataError

POINTS_AT_ONCE = 4096
FLOOR_DRAWS = 400
"""Simulated pairs behind a floor: its 95 % quantile is then known to about 1 % of probability."""


@dataclass(frozen=True, slots=True)
class Occupancy:
    """How n points (or tokens) spread over cells.

    used: cells with at least one. perplexity: exp of the entropy of the shares, from 1 (all in one cell) to `cells`;
    higher is more evenly used.
    """

    n: int
    cells: int
    used: int
    perplexity: float


@dataclass(frozen=True, slots=True)
class HistogramDistance:
    """Jensen-Shannon distance of two histograms, on [0, 1] (logs to base 2): lower is more alike.

    floor_mean, floor_p95: what the same points show when chance deals them into n_a and n_b; a
    distance below floor_p95 says nothing.
    """

    distance: float
    floor_mean: float
    floor_p95: float
    n_a: int
    n_b: int


def count_codes(codes: torch.Tensor, cells: int) -> np.ndarray:
    """Count how often each code 0..cells-1 appears in codes of any shape: (cells,) int64; DataError for others."""
    if codes.is_floating_point() or codes.numel() == 0:
        raise DataError(f"occupancy: expected at least one integer code, came {codes.dtype} {tuple(codes.shape)}")
    low, high = (int(end) for end in torch.aminmax(codes.flatten()))
    if low < 0 or high >= cells:
        raise DataError(f"occupancy: expected codes on 0..{cells - 1}, came {low}..{high}; name the right codebook")
    counts: np.ndarray = torch.bincount(codes.flatten(), minlength=cells).cpu().numpy()
    return counts


@torch.no_grad()
def assign_cells(points: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """Name the nearest centre (K, D) of each point (N, D), on one device: (N,) int64, the first of equal ones."""
    if points.ndim != 2 or centres.ndim != 2 or points.shape[1] != centres.shape[1] or not len(points) * len(centres):
        raise DataError(
            f"occupancy: expected points (N, D) and centres (K, D), came {tuple(points.shape)} and "
            f"{tuple(centres.shape)}; use codes of the model that the centres are from"
        )
    if not bool(torch.isfinite(points).all() & torch.isfinite(centres).all()):
        raise DataError("occupancy: expected finite points and centres, came NaN or infinity; look at the encoder")
    # |p|² is the same for every centre and left out
    middle = centres.mean(0)
    around = centres - middle
    half_norms = 0.5 * around.square().sum(1)
    return torch.cat(
        [
            torch.addmm(half_norms, some - middle, around.T, alpha=-1).argmin(1)
            for some in torch.split(points, POINTS_AT_ONCE)
        ]
    )


def measure_occupancy(counts: np.ndarray) -> Occupancy:
    """Summarise counts (K,) of at least one point."""
    counts = _require_counts(counts)
    n, cells = int(counts.sum()), len(counts)
    shares = counts / n
    used = int((counts > 0).sum())
    return Occupancy(
        n=n,
        cells=cells,
        used=used,
        perplexity=math.exp(-float(xlogy(shares, shares).sum())),
    )


def compare_histograms(
    counts_a: np.ndarray, counts_b: np.ndarray, generator: np.random.Generator, draws: int = FLOOR_DRAWS
) -> HistogramDistance:
    """Measure the Jensen-Shannon distance (Endres & Schindelin 2003) of two histograms (K,) and its floor.

    For the floor the points are dealt anew into n_a and n_b, which is right however few a cell has. (Draws from the
    pooled shares never meet the cells that both samples missed: of 512 cells with 300 and 3,000 points, 34 % of equal
    pairs exceeded that floor.) The points must be independent; several tokens of one image are not quite.
    """
    a, b = _require_counts(counts_a), _require_counts(counts_b)
    if len(a) != len(b):
        raise DataError(f"occupancy: histograms of {len(a)} and {len(b)} cells do not compare; use one set of cells")
    n_a, n_b = int(a.sum()), int(b.sum())
    pooled = a + b
    dealt = generator.multivariate_hypergeometric(pooled, n_a, size=draws, method="marginals")
    by_chance = _js_distance(dealt, pooled - dealt)
    return HistogramDistance(
        distance=float(_js_distance(a[None], b[None])[0]),
        floor_mean=float(by_chance.mean()),
        floor_p95=float(np.quantile(by_chance, 0.95)),
        n_a=n_a,
        n_b=n_b,
    )


def _js_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Root of the divergence, row by row, of counts (R, K)."""
    p, q = (each / each.sum(1, keepdims=True) for each in (a, b))
    middle = (p + q) / 2
    entropies = [-xlogy(each, each).sum(1) for each in (middle, p, q)]
    divergence = (entropies[0] - (entropies[1] + entropies[2]) / 2) / math.log(2)
    distances: np.ndarray = np.sqrt(np.clip(divergence, 0, 1))
    return distances


def _require_counts(counts: np.ndarray) -> np.ndarray:
    if counts.ndim != 1 or not np.issubdtype(counts.dtype, np.integer) or counts.sum() < 1 or counts.min() < 0:
        raise DataError(
            f"occupancy: expected counts (K,) of at least one point, came {counts.dtype} {counts.shape} that sum to "
            f"{counts.sum() if counts.size else 0}; count some codes first"
        )
    return counts.astype(np.int64)
