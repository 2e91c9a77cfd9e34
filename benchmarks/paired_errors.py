"""Simulated errors of champion and candidate on the same images, in the shapes that comparisons trip over.

Everywhere the champion's errors have mean 1 and a coefficient of variation (CV) of about 0.5, the pair differences a
standard deviation of about 0.1 (correlation 0.98), and the candidate's mean is exactly `factor` times the champion's.
Additive pair noise v enters as champion = b + max(-v, 0) / factor and candidate = factor * b + max(v, 0): both stay
positive and candidate - factor * champion is v itself, whatever its distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.signal
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CV, CORRELATION, NOISE_SD = 0.5, 0.98, 0.1
TWICE_AS_BAD_SHARE = 0.02
AUTOCORRELATION = 0.7
BURST = 10


@dataclass(frozen=True, slots=True)
class PairedErrors:
    """Errors of the same images, (streams, N) each, oldest first."""

    champion: Floats
    candidate: Floats


Draw = Callable[[float, tuple[int, int], np.random.Generator], PairedErrors]


def draw_lognormal(factor: float, shape: tuple[int, int], rng: np.random.Generator) -> PairedErrors:
    """Both errors lognormal with CV 0.5, correlated 0.98."""
    log_variance = np.log(1 + CV**2)
    log_correlation = np.log(1 + CORRELATION * CV**2) / log_variance
    own, other = rng.standard_normal(shape), rng.standard_normal(shape)
    other = log_correlation * own + np.sqrt(1 - log_correlation**2) * other
    champion, candidate = (np.exp(np.sqrt(log_variance) * z - log_variance / 2) for z in (own, other))
    return PairedErrors(champion, factor * candidate)


def draw_t3(factor: float, shape: tuple[int, int], rng: np.random.Generator) -> PairedErrors:
    """Pair noise of Student's t with 3 degrees of freedom: symmetric, its third moment infinite."""
    return _with_noise(factor, NOISE_SD / np.sqrt(3) * rng.standard_t(3, shape), rng)


def draw_skewed(factor: float, shape: tuple[int, int], rng: np.random.Generator) -> PairedErrors:
    """Pair noise of a centred lognormal with CV 2: skewness 14, most images a little better, a few much worse."""
    log_variance = np.log(1 + 2.0**2)
    lognormal = np.exp(np.sqrt(log_variance) * rng.standard_normal(shape) - log_variance / 2)
    return _with_noise(factor, NOISE_SD * (lognormal - 1) / 2, rng)


def draw_twice_as_bad(factor: float, shape: tuple[int, int], rng: np.random.Generator) -> PairedErrors:
    """2 % of the images twice as bad under the candidate; the others share the rest of the factor evenly.

    At a factor of 1.02 the others are exactly as good as the champion's.
    """
    pairs = draw_lognormal(1.0, shape, rng)
    others = (factor - 2 * TWICE_AS_BAD_SHARE) / (1 - TWICE_AS_BAD_SHARE)
    bad = rng.random(shape) < TWICE_AS_BAD_SHARE
    return PairedErrors(pairs.champion, pairs.candidate * np.where(bad, 2.0, others))


def draw_autocorrelated(factor: float, shape: tuple[int, int], rng: np.random.Generator) -> PairedErrors:
    """Normal pair noise, AR(1) with coefficient 0.7 from one request to the next."""
    warm_up = 100
    shocks = rng.standard_normal((shape[0], shape[1] + warm_up)) * np.sqrt(1 - AUTOCORRELATION**2)
    noise = scipy.signal.lfilter([1.0], [1.0, -AUTOCORRELATION], shocks, axis=1)[:, warm_up:]
    return _with_noise(factor, NOISE_SD * noise, rng)


def draw_bursts(factor: float, shape: tuple[int, int], rng: np.random.Generator) -> PairedErrors:
    """Every image comes ten times in a row; normal pair noise; a stream begins anywhere in a burst."""
    streams, n = shape
    distinct = (streams, n // BURST + 2)
    pairs = _with_noise(factor, NOISE_SD * rng.standard_normal(distinct), rng)
    image = (np.arange(n) + rng.integers(0, BURST, (streams, 1))) // BURST
    return PairedErrors(*(np.take_along_axis(each, image, 1) for each in (pairs.champion, pairs.candidate)))


DRAWS: Mapping[str, Draw] = {
    "lognormal": draw_lognormal,
    "student_t3": draw_t3,
    "skewed_cv2": draw_skewed,
    "twice_as_bad": draw_twice_as_bad,
    "ar1": draw_autocorrelated,
    "bursts": draw_bursts,
}


def _with_noise(factor: float, noise: Floats, rng: np.random.Generator) -> PairedErrors:
    log_variance = np.log(1 + CV**2)
    base = np.exp(np.sqrt(log_variance) * rng.standard_normal(noise.shape) - log_variance / 2)
    return PairedErrors(base + np.maximum(-noise, 0) / factor, factor * base + np.maximum(noise, 0))
