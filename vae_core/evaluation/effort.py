"""How many images the dearer measures of an evaluation look at, and which of them it takes at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Effort:
    """Largest numbers of images, evenly thinned where there are more; each measure says the n that it had.

    Kernel distance, density and coverage, mutual information and MMD cost the square of theirs; the likelihood costs
    `nll_images` times `nll_draws` decoded images. at_infinity: the distance of the samples at infinite n too.
    """

    kernel_images: int
    coverage_images: int
    information_images: int
    mmd_images: int
    nll_images: int
    nll_draws: int
    at_infinity: bool


USUAL = Effort(5_000, 2_000, 10_000, 5_000, nll_images=200, nll_draws=50, at_infinity=False)
"""Of an evaluation of 5,000 images and as many samples a seventh: 5 of 38 CPU-seconds on one thread."""

THOROUGH = Effort(10_000, 10_000, 20_000, 10_000, nll_images=1_000, nll_draws=1_000, at_infinity=True)
"""Minutes: the distance at infinity alone took 41 CPU-seconds for 5,000 images."""


def thin_rows(n: int, most: int) -> np.ndarray:
    """At most so many of n rows, evenly spread: the first ones of a sorted set would be of one kind."""
    return np.arange(n) if n <= most else np.arange(most) * n // most
