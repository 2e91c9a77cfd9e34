"""What the pixels of an image say about it before any model sees them: mean, variance, entropy, histogram."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HISTOGRAM_BINS = 16
"""Bins of the grey-level histogram: 16 levels of the 256 each; every reference histogram has as many."""

_LEVELS = np.arange(256.0)
# Grey-level counts (N, 256) times this (256, 18) are the sum, the sum of squares and the 16 bins: whole
# numbers below 2**53, so float64 holds them exactly in any order of summation.
_SUMS: NDArray[np.float64] = np.column_stack(
    [_LEVELS, _LEVELS**2, np.repeat(np.eye(HISTOGRAM_BINS), 256 // HISTOGRAM_BINS, axis=0)]
)
_CHUNK_VALUES = 1 << 18  # counting needs 8 bytes a value beside the pixels: 2 MiB at a time, what a cache holds


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """Statistics of one image over all its pixels and channels.

    `mean` and `variance` (population) are of pixels on [0, 1]; the variance of a black frame is 0, the
    largest possible is 0.25. `histogram` is float32 (16,), shares that sum to 1; `entropy_bits` is its
    Shannon entropy, 0 (one grey) to 4 (all bins alike).
    """

    mean: float
    variance: float
    entropy_bits: float
    histogram: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ImageStatisticsTable:
    """The statistics of N images, one row each: float64 (N,), (N,), (N,) and float32 (N, 16)."""

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    entropy_bits: NDArray[np.float64]
    histogram: NDArray[np.float32]

    def rows(self) -> Iterator[ImageStatistics]:
        """The statistics of each image."""
        columns = (self.mean.tolist(), self.variance.tolist(), self.entropy_bits.tolist(), self.histogram)
        return map(ImageStatistics, *columns)


def measure_image(pixels: NDArray[np.uint8]) -> ImageStatistics:
    """Measure one image, uint8 of any shape with at least one value (usually (C, H, W)).

    Equal to the row that `measure_images` gives for the same image, bit for bit.
    """
    counts = np.bincount(pixels.reshape(-1), minlength=256)
    sums = (counts @ _SUMS) / pixels.size
    # as `_from_sums`, but numbers of Python's own are quicker one by one
    mean, squares = sums[:2].tolist()
    share = sums[2:]
    entropy_bits = abs(float((share * np.log2(share + (share == 0.0))).sum()))
    variance = max(squares - mean * mean, 0.0)
    return ImageStatistics(mean / 255.0, variance / 255.0**2, entropy_bits, share.astype(np.float32))


def measure_images(pixels: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]) -> ImageStatisticsTable:
    """Measure N images of one shape at once: uint8 (N, C, H, W), or (N, ...) of any shape behind N; N may be 0."""
    values = pixels[0].size if len(pixels) else 1
    step = max(1, _CHUNK_VALUES // values)
    sums = np.zeros((len(pixels), _SUMS.shape[1]))
    for start in range(0, len(pixels), step):
        chunk = np.asarray(pixels[start : start + step]).reshape(-1, values)
        numbered = chunk + 256 * np.arange(len(chunk), dtype=np.int64)[:, np.newaxis]
        counts = np.bincount(numbered.reshape(-1), minlength=256 * len(chunk))
        sums[start : start + step] = counts.reshape(-1, 256) @ _SUMS
    return _from_sums(sums, values)


def _from_sums(sums: NDArray[np.float64], values: int) -> ImageStatisticsTable:
    """Statistics from the sums (N, 18) over the `values` pixels of each image."""
    sums = sums / values
    mean = sums[:, 0]
    # On levels 0..255 a flat frame has a variance of exactly 0; scaled first, rounding would leave 1e-17.
    variance = np.maximum(sums[:, 1] - mean * mean, 0.0)
    share = sums[:, 2:]
    entropy_bits = np.abs((share * np.log2(share + (share == 0.0))).sum(axis=1))
    return ImageStatisticsTable(mean / 255.0, variance / 255.0**2, entropy_bits, share.astype(np.float32))
