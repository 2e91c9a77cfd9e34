"""Density and coverage, precision and recall of samples: in the balls around real images, and of all these balls.

The ball of an image reaches to its k-th nearest neighbour in its own set. Between two sets of features

    density    mean number of real balls that hold a sample, over k: higher is better, 1 in the mean if equal
    coverage   share of real images whose ball holds a sample: higher is better, near 1 - 2⁻ᵏ if equal
    precision  share of samples that lie in some real ball: higher is better
    recall     share of real images that lie in some sample's ball: higher is better

(Naeem et al. 2020; precision and recall: Kynkäänniemi et al. 2019). One outlier among the real images has a large ball,
which precision believes and density counts as one of many; recall is raised by scattered samples, coverage is not.
All four depend on N, M and k: compare equal ones only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.evaluation.features.extractor import feature_rows

NEIGHBOURS = 5
"""k of Naeem et al.: coverage of equal distributions is then 0.97."""

BLOCK = 2048
"""Rows and columns of a block of distances: 34 MB in float64."""


@dataclass(frozen=True, slots=True)
class GroupCoverage:
    """Coverage of the n real images that have one label (a class or a cluster); higher is better."""

    label: int
    n: int
    coverage: float


@dataclass(frozen=True, slots=True)
class SampleCoverage:
    """The four shares of a set of samples, higher is better each; `groups` come with the worst covered first."""

    density: float
    coverage: float
    precision: float
    recall: float
    k: int
    n_real: int
    n_samples: int
    groups: tuple[GroupCoverage, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhoods:
    """Features (N, D) with the squared radius (N,) of each one's ball; worth keeping when one set meets many."""

    features: torch.Tensor
    squared_radii: torch.Tensor
    k: int


def find_neighbourhoods(
    features: np.ndarray, k: int = NEIGHBOURS, device: str | torch.device = "cpu", *, block: int = BLOCK
) -> Neighbourhoods:
    """Measure how far each of the features (N, D) is from its k-th nearest other one, a block of distances at a time.

    DataError when they are not finite or N ≤ k.
    """
    if k < 1:
        raise DataError(f"coverage: expected k of 1 or more neighbours, came {k}")
    rows = feature_rows(features, "coverage", device, at_least=k + 1)
    centre = rows.mean(0)  # distances are differences of squares: the smaller these, the less is lost
    centred = rows - centre
    nearest = torch.full((len(rows), k), torch.inf, dtype=rows.dtype, device=rows.device)
    for start, first in _blocks(centred, block):
        for other, second in _blocks(centred, block, start):
            distances = _squared_distances(first, second)
            if other == start:
                distances.fill_diagonal_(torch.inf)
            else:
                nearest[other : other + block] = _keep_nearest(nearest[other : other + block], distances.T)
            nearest[start : start + block] = _keep_nearest(nearest[start : start + block], distances)
    return Neighbourhoods(rows, nearest.amax(1), k)


def measure_coverage(
    real: np.ndarray | Neighbourhoods,
    samples: np.ndarray,
    k: int = NEIGHBOURS,
    labels: np.ndarray | None = None,
    device: str | torch.device = "cpu",
    *,
    block: int = BLOCK,
) -> SampleCoverage:
    """Measure samples (M, D) against real features (N, D); `labels` (N,) of whole numbers ask for groups too.

    Hand real features that meet several sets over as `find_neighbourhoods(...)`; its k and its device count then.
    DataError when widths differ, a set is not larger than k, a feature is not finite, or labels are not one an image.
    """
    if not isinstance(real, Neighbourhoods):
        real = find_neighbourhoods(real, k, device, block=block)
    fake = find_neighbourhoods(samples, real.k, real.features.device, block=block)
    if real.features.shape[1] != fake.features.shape[1]:
        raise DataError(
            f"coverage: features of width {real.features.shape[1]} and {fake.features.shape[1]} are two spaces; use "
            "one extractor"
        )
    n, m = len(real.features), len(fake.features)
    names = None if labels is None else _whole_labels(labels, n)
    held, covered, precise, recalled = _count_memberships(real, fake, block)
    return SampleCoverage(
        density=held / (real.k * m),
        coverage=float(covered.double().mean()),
        precision=float(precise.double().mean()),
        recall=float(recalled.double().mean()),
        k=real.k,
        n_real=n,
        n_samples=m,
        groups=() if names is None else _group_coverage(covered, names),
    )


def expected_coverage(n_real: int, n_samples: int, k: int = NEIGHBOURS) -> float:
    """Coverage that samples of the real distribution itself have in the mean (Naeem et al. 2020, lemma 2).

    1 - (N - 1)…(N - k) / ((M + N - 1)…(M + N - k)): the k nearest of a real image's M + N - 1 neighbours are all real.
    """
    i = np.arange(1, k + 1)
    return float(1 - np.prod((n_real - i) / (n_samples + n_real - i)))


def _count_memberships(
    real: Neighbourhoods, fake: Neighbourhoods, block: int
) -> tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pairs of a real ball and a sample in it; real balls that hold one, samples in one, real images in a sample's."""
    device = real.features.device
    covered, recalled = (torch.zeros(len(real.features), dtype=torch.bool, device=device) for _ in range(2))
    precise = torch.zeros(len(fake.features), dtype=torch.bool, device=device)
    held = torch.zeros((), dtype=torch.int64, device=device)
    centre = real.features.mean(0).to(torch.promote_types(real.features.dtype, fake.features.dtype))
    for start, first in _blocks(real.features - centre, block):
        for other, second in _blocks(fake.features - centre, block):
            rows, columns = slice(start, start + block), slice(other, other + block)
            distances = _squared_distances(first, second)
            in_real = distances <= real.squared_radii[rows, None]
            covered[rows] |= in_real.any(1)
            precise[columns] |= in_real.any(0)
            held += in_real.sum()
            recalled[rows] |= (distances <= fake.squared_radii[None, columns]).any(1)
    return int(held), covered, precise, recalled


def _group_coverage(covered: torch.Tensor, labels: np.ndarray) -> tuple[GroupCoverage, ...]:
    found = covered.cpu().numpy()
    groups = [
        GroupCoverage(int(label), int((labels == label).sum()), float(found[labels == label].mean()))
        for label in np.unique(labels)
    ]
    return tuple(sorted(groups, key=lambda group: (group.coverage, group.label)))


def _whole_labels(labels: np.ndarray, n: int) -> np.ndarray:
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise DataError(
            f"coverage: expected {n} whole numbers as labels, one a real image, came {labels.dtype} {labels.shape}"
        )
    return labels


def _keep_nearest(nearest: torch.Tensor, distances: torch.Tensor) -> torch.Tensor:
    """Join the k nearest so far (B, k) with a block of further distances (B, C), and keep k."""
    k = nearest.shape[1]
    closest = distances.topk(min(k, distances.shape[1]), dim=1, largest=False).values
    return torch.cat([nearest, closest], dim=1).topk(k, dim=1, largest=False).values


def _squared_distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """|x - y|² of every row x of a and y of b; rounding may not make it negative."""
    squares = a.square().sum(1)[:, None] + b.square().sum(1)[None, :]
    return squares.addmm_(a, b.T, alpha=-2).clamp_min_(0)


def _blocks(features: torch.Tensor, block: int, begin: int = 0) -> Iterator[tuple[int, torch.Tensor]]:
    for start in range(begin, len(features), block):
        yield start, features[start : start + block]
