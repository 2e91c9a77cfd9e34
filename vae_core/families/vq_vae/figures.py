"""How a VQ-VAE uses its codebook on a set of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vae_core.evaluation.codes.occupancy import count_codes, measure_occupancy
from vae_core.evaluation.mean_estimate import estimate_mean


@dataclass(frozen=True, slots=True)
class CodeUse:
    """Figures of a `BenchmarkResult`, by the names and in the units that they have there.

    likelihood: a VQ-VAE has none, and says so: results of older releases without a word on it mean a Bernoulli.
    """

    codes: int
    tokens: int
    codes_used: int
    code_perplexity: float
    code_distance: float
    code_distance_low: float
    code_distance_high: float
    likelihood: None = None


def measure_code_use(codes: np.ndarray, code_distance: np.ndarray, size: int) -> CodeUse:
    """Count codes (N, h, w) of a codebook of this size; code_distance (N ≥ 2,) is that of each image."""
    found, distance = measure_occupancy(count_codes(torch.from_numpy(codes), size)), estimate_mean(code_distance)
    return CodeUse(size, codes.size, found.used, found.perplexity, distance.mean, distance.low, distance.high)
