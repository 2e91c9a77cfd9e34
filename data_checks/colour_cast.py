"""Do a picture's colours belong to its catalogue? Casts, a swapped channel order and unusual palettes are flagged.

One picture proves none of them: a red shoe is no cast. Two scores are compared with those of the catalogue's own
pictures, and what lies beyond almost all of them is flagged; a flag refuses nothing. It is their rate in a batch that
says something. On 3,895 icons of all colours (two thirds the reference, ten draws) 0.06 % of the others were flagged,
and of the same icons with red and blue swapped 1.9 %, at half the blue 5 %, without most of the green 99 %; red half as
bright again was not seen at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

COLOUR_BINS = 64
"""Four levels of each channel: enough to tell hues apart, few enough for a reference of a thousand pictures."""
_LEVELS = 4
_SWAPPED = np.arange(COLOUR_BINS).reshape(_LEVELS, _LEVELS, _LEVELS).transpose(2, 1, 0).reshape(-1)

FLAGGED_SHARE = 0.0005
"""Of good pictures, by each of the two scores: together at most one in a thousand."""


@dataclass(frozen=True, slots=True)
class ColourReference:
    """The mean colour histogram (64,) of `n` pictures, and the score from which a picture is flagged, by its name.

    `flagged_share`: of good pictures, at most, by both scores together. It is as small as stated from n = 2,000 on; of
    fewer the largest score counts, and one in n + 1 is flagged by each.
    """

    histogram: NDArray[np.float64]
    thresholds: Mapping[str, float]
    flagged_share: float
    n: int


def measure_colours(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The colour histogram (64,) of an image, uint8 (3, H, W) in the order red, green, blue; shares that sum to 1."""
    red, green, blue = (pixels >> 6).astype(np.intp)
    counts = np.bincount((red * _LEVELS**2 + green * _LEVELS + blue).reshape(-1), minlength=COLOUR_BINS)
    shares: NDArray[np.float32] = (counts / counts.sum()).astype(np.float32)
    return shares


def derive_reference(histograms: NDArray[np.floating], share: float = FLAGGED_SHARE) -> ColourReference:
    """Take the reference from the colour histograms (N, 64) of N good pictures, N at least 1.

    The k-th largest of N scores is exceeded by a further picture of the same kind with probability k / (N + 1),
    whatever the distribution; k is the largest for which that is at most `share`, and at least 1. Each picture is
    scored by the mean of the others: to a mean that it is part of every picture lies nearer than a further one.
    """
    total, n = np.asarray(histograms, np.float64).sum(axis=0), len(histograms)
    reference, rank = total / n, max(1, int(share * (n + 1)))
    others = max(n - 1, 1)
    scores = [score_colours(each, (total - each) / others, others) for each in histograms]
    thresholds = {name: sorted(score[name] for score in scores)[-rank] for name in scores[0]}
    return ColourReference(reference, MappingProxyType(thresholds), 2 * rank / (n + 1), n)


def score_colours(histogram: NDArray[np.floating], reference: NDArray[np.floating], n: int) -> dict[str, float]:
    """How far colours (64,) are from the mean (64,) of n pictures; larger is stranger.

    `channel_order`: by how much they are nearer to the reference with red and blue swapped, L1, at most 2.
    `palette`: the mean surprise of a pixel, bits; colours that no picture had count as those of half a picture.
    """
    order = np.abs(histogram - reference) - np.abs(histogram - reference[_SWAPPED])
    known = (reference * n + 0.5 / COLOUR_BINS) / (n + 0.5)
    return {"channel_order": float(order.sum()), "palette": float(-(histogram * np.log2(known)).sum())}


def flag_colours(histogram: NDArray[np.floating], reference: ColourReference) -> tuple[str, ...]:
    """Name what is strange about the colours (64,) of a picture; nothing, as a rule."""
    scores = score_colours(histogram, reference.histogram, reference.n)
    return tuple(name for name, score in scores.items() if score > reference.thresholds[name])
