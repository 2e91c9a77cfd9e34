"""How many images the dearer measures of an evaluation look at, and which of them it takes at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Effort:
    """Largest numbers of images, evenly thinned where there are more; each measure says the n that it had.

    Kernel distance, density and coverage, mutual information and MMD cost the square of theirs; the likelihood costs
    `nll_images` times `nll_draws` decoded images. at_infinity: the distance of the samples at infinite n too.

    Occupancy has the images of MMD; it costs next to nothing.

    Traversals begin at `traversal_codes`, fewer where the active units would need more than `traversal_paths` of 25
    images each; `traversal_draws` from the posteriors say how far they go. Of six healthy models of Fashion-MNIST 4 to
    64 codes gave the same verdict. Among eight choices of 16 the least movement differed by a fifth, at three times its
    floor or more, and the largest step lay between 1.9 and 3.5, under its limit of 5; a step function has 24.
    """

    kernel_images: int
    coverage_images: int
    information_images: int
    mmd_images: int
    nll_images: int
    nll_draws: int
    traversal_codes: int
    traversal_paths: int
    traversal_draws: int
    at_infinity: bool


USUAL = Effort(
    5_000, 2_000, 10_000, 5_000, nll_images=200, nll_draws=50,
    traversal_codes=16, traversal_paths=1_024, traversal_draws=5_000, at_infinity=False,
)  # fmt: skip
"""Of an evaluation of 5,000 images and as many samples a seventh: 6 of 39 CPU-seconds on one thread."""

THOROUGH = Effort(
    10_000, 10_000, 20_000, 10_000, nll_images=1_000, nll_draws=1_000,
    traversal_codes=64, traversal_paths=4_096, traversal_draws=5_000, at_infinity=True,
)  # fmt: skip
"""Minutes: 159 CPU-seconds in place of 48 for 5,000 images, of which the distance at infinity took 41."""


def thin_rows(n: int, most: int) -> np.ndarray:
    """At most so many of n rows, evenly spread: the first ones of a sorted set would be of one kind."""
    return np.arange(n) if n <= most else spread_rows(n, most)


def spread_rows(n: int, count: int) -> np.ndarray:
    """So many of n rows, evenly spread; each of them several times where count is more."""
    return np.arange(count) * n // count
