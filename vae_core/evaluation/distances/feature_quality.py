"""What features tell beside a Fréchet distance: density and coverage, the kernel distance, the distance at infinite n.

Each is None where a set is too small for it, or where nothing was sampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.evaluation.benchmark_scores import UnbiasedScore
from vae_core.evaluation.distances.density_coverage import (
    NEIGHBOURS,
    SampleCoverage,
    find_neighbourhoods,
    measure_coverage,
)
from vae_core.evaluation.distances.fid_infinity import GROUPS, frechet_limit
from vae_core.evaluation.distances.frechet_interval import FeatureSet
from vae_core.evaluation.distances.kid import kernel_distance
from vae_core.evaluation.distances.u_statistic import SMALLEST_SET
from vae_core.evaluation.effort import Effort, thin_rows


@dataclass(frozen=True, slots=True)
class Coverages:
    """How reconstructions of the thinned real images, and samples, lie among those images."""

    reconstructions: SampleCoverage | None = None
    samples: SampleCoverage | None = None


def measure_coverages(
    real: np.ndarray,
    reconstructions: np.ndarray,
    samples: np.ndarray | None,
    effort: Effort,
    labels: np.ndarray | None,
    device: str,
) -> Coverages:
    """Compare features (N, F) of real images with those of their reconstructions, and with (M, F) of samples.

    labels (N,) of whole numbers ask for the samples' coverage of each group too.
    """
    rows = thin_rows(len(real), effort.coverage_images)
    if len(rows) <= NEIGHBOURS:
        return Coverages()
    found = find_neighbourhoods(real[rows], device=device)
    of_samples = None
    if samples is not None and len(samples) > NEIGHBOURS:
        some = samples[thin_rows(len(samples), effort.coverage_images)]
        of_samples = measure_coverage(found, some, labels=None if labels is None else labels[rows])
    return Coverages(measure_coverage(found, reconstructions[rows]), of_samples)


def measure_kid(real: np.ndarray, samples: np.ndarray, effort: Effort, device: str) -> UnbiasedScore | None:
    """Measure the kernel distance of features (N, F) of real images and (M, F) of samples."""
    some_real, some = (each[thin_rows(len(each), effort.kernel_images)] for each in (real, samples))
    if min(len(some_real), len(some)) < SMALLEST_SET:
        return None
    return UnbiasedScore.of(kernel_distance(some_real, some, device=device), len(some_real), len(some))


def measure_at_infinity(real: FeatureSet, samples: np.ndarray, effort: Effort, seed: int) -> UnbiasedScore | None:
    """Measure the Fréchet distance of samples at infinite n, where it is asked for and every group exceeds F."""
    smallest = min(len(real.features), len(samples)) // max(GROUPS)
    if not effort.at_infinity or smallest <= real.moments.dim:
        return None
    found = frechet_limit(real, samples, np.random.default_rng(seed))
    return UnbiasedScore.of(found, len(real.features), len(samples))
