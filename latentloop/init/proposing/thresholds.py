"""The numbers of input validation, from the sample's own: good pictures pass, black frames do not. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import ceil, floor, log10
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from data_checks.intake.formats.header import ImageFormat
from data_checks.policy import MOST_FILE_BYTES, MOST_PIXELS, InputPolicy
from latentloop.init.looking.look import Look
from latentloop.init.proposing.reasoned import Reasoned

BLACK = 1e-4
"""Variance on [0, 1] below which a picture is a flat or black frame: sensor noise of 2 in 255 has 6e-5."""
BELOW_THE_SMALLEST = 0.5
"""Of the least that a picture of the sample has: the rest of the catalogue may have a little less."""
MOST_ENTROPY = 0.2
"""Bits. Variance tells a flat frame; more would only refuse drawings of two colours that the sample did not meet."""
ROOM = 1.5
"""Over the largest file of the sample, for larger ones that it did not meet."""
_USUAL = ("PNG", "JPEG")
_OF_ENDING: Mapping[str, ImageFormat] = {
    ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP", ".dib": "BMP", ".gif": "GIF", ".avif": "AVIF",
}  # fmt: skip


def propose_min_variance(variance: NDArray[np.float64]) -> Reasoned[float]:
    """Half of the least variance that is no flat frame, at most the default."""
    usual = InputPolicy().min_variance
    good = variance[variance >= BLACK]
    if not len(good):
        return Reasoned(usual, "the default: every picture of the sample is flat")
    least = float(good.min())
    value = max(BLACK, min(usual, _round_down(BELOW_THE_SMALLEST * least)))
    flat = len(variance) - len(good)
    told = f"; {flat:,} flat ones are refused" if flat else ""
    return Reasoned(value, f"the least of the sample is {least:.2g}{told}")


def propose_min_entropy(entropy_bits: NDArray[np.float64], variance: NDArray[np.float64]) -> Reasoned[float]:
    """Half of the least entropy of pictures that are no flat frames, in steps of 0.05 bits; never much."""
    good = entropy_bits[variance >= BLACK]
    least = float(good.min()) if len(good) else 0.0
    value = min(MOST_ENTROPY, floor(BELOW_THE_SMALLEST * least * 20) / 20)
    return Reasoned(value, f"the least of the sample is {least:.2f} bits" if value else "line art has next to none")


def propose_formats(looks: Sequence[Look], endings: Collection[str]) -> Reasoned[tuple[ImageFormat, ...]]:
    """What was seen in the sample and in the endings of all names, and what every client of a service sends."""
    seen = {each.format for each in looks} | {_OF_ENDING[each] for each in endings if each in _OF_ENDING}
    formats: tuple[ImageFormat, ...] = tuple(each for each in get_args(ImageFormat) if each in seen or each in _USUAL)
    return Reasoned(formats, f"{', '.join(sorted(seen))} were seen; a decoder that nobody needs is left out")


def propose_max_pixels(looks: Sequence[Look]) -> Reasoned[int]:
    """Room above the largest picture, at least the default."""
    largest = max(each.width * each.height for each in looks)
    usual, most = InputPolicy().max_pixels, MOST_PIXELS
    value = min(most, max(usual, ceil(ROOM * largest / 1e6) * 1_000_000))
    return Reasoned(value, f"the largest of the sample has {largest / 1e6:,.1f} megapixels")


def propose_max_bytes(looks: Sequence[Look]) -> Reasoned[int]:
    """Room above the largest file, at least the default."""
    largest = max(each.size_bytes for each in looks)
    value = min(MOST_FILE_BYTES, max(InputPolicy().max_bytes, ceil(ROOM * largest / 2**20) * 2**20))
    return Reasoned(value, f"the largest of the sample has {largest / 1e6:,.2f} MB")


def _round_down(value: float) -> float:
    """To one digit that is not 0."""
    step = 10.0 ** floor(log10(value))
    return round(floor(value / step + 1e-9) * step, 12)
