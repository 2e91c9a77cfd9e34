"""A mean over images, codes or pairs, with how many there were and how sure it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch
from scipy.special import stdtrit

from vae_core.errors import DataError, DivergenceError


@dataclass(frozen=True, slots=True)
class MeanEstimate:
    """A mean of n independent values with the interval of its sampling error."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """From the mean to either end."""
        return (self.high - self.low) / 2


def estimate_mean(values: torch.Tensor | np.ndarray, level: float = 0.95) -> MeanEstimate:
    """Average n ≥ 2 values (n,) in float64, with Student's t interval; DataError for fewer.

    DivergenceError when one is NaN or infinite. The interval is right for any distribution at large n, and for normal
    values at every n.
    """
    # one transfer from the device
    array = values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values
    array = np.asarray(array, dtype=np.float64)
    if array.ndim != 1 or len(array) < 2:
        raise DataError(f"mean: expected at least 2 values (n,), came {array.shape}; an interval needs a spread")
    broken = int((~np.isfinite(array)).sum())
    if broken:
        raise DivergenceError(f"mean: {broken} of {len(array)} values are NaN or infinite; look at what made them")
    mean, n = float(array.mean()), len(array)
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * float(array.std(ddof=1)) / math.sqrt(n)
    return MeanEstimate(mean, mean - half, mean + half, n)


def estimate_mean_normally(values: np.ndarray, level: float = 0.95) -> MeanEstimate:
    """Average n ≥ 2 finite values (n,) in float64, with the normal interval: of a benchmark's thousands of images."""
    mean = float(values.mean(dtype=np.float64))
    standard_error = float(values.std(dtype=np.float64, ddof=1)) / math.sqrt(len(values))
    half = NormalDist().inv_cdf(0.5 + level / 2) * standard_error
    return MeanEstimate(mean, mean - half, mean + half, len(values))
