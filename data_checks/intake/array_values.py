"""Recognises the scale of the values in an array that a client sent, and brings it to 8-bit pixels."""

import numpy as np
from numpy.typing import NDArray

from data_checks.errors import ImageRefused
from data_checks.refusal import Refusal

_ROUNDING = 1e-3
"""How far a float may lie outside [0, 1] and be clipped: half precision and JSON round by less; it is a
quarter of one of the 255 steps, so no pixel changes."""
_OVERSHOOT = 0.25
"""Up to here beyond [0, 1] it is the ringing of a resize filter; catalogue means and deviations move black
and white further than that."""
_MOST_DEVIATIONS = 16.0
"""Standardised pixels reach about 3 deviations, a lone highlight some more; Hounsfield units reach
thousands."""

_PIECE_VALUES = 1 << 16
"""Values that are brought to 8 bits at a time: half a megabyte as float64."""


def to_eight_bits(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Integers on 0..255 or floats on [0, 1], any shape, as uint8 of the same shape.

    Floats are rounded to the nearest of the 255 steps, as a saved file would have been.
    ImageRefused: wrong_mode (no numbers), not_finite, range_0_255, standardised, out_of_range.
    """
    if array.dtype == np.uint8:
        return array.astype(np.uint8, copy=False)
    if array.dtype.kind in "iu":
        return _from_integers(array)
    if array.dtype.kind == "f":
        return _from_floats(array)
    raise ImageRefused(
        Refusal.wrong_mode,
        f"expected uint8 on 0..255 or floats on [0, 1], came dtype {array.dtype}: convert before sending",
    )


def _from_integers(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 255:
        raise ImageRefused(
            Refusal.out_of_range,
            f"expected integers on 0..255, came {low}..{high} ({array.dtype}): scale to 8 bits",
        )
    return array.astype(np.uint8)


def _from_floats(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        count = int(np.count_nonzero(~np.isfinite(array)))
        raise ImageRefused(
            Refusal.not_finite,
            f"expected finite floats on [0, 1], came {count} NaN or infinite of {array.size}: send pixels",
        )
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        refusal, advice = _name_scale(low, high)
        raise ImageRefused(refusal, f"expected floats on [0, 1], came {low:.4g}..{high:.4g}: {advice}")
    return _round(array)


def _round(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Floats to the nearest of 255 steps, some at a time: in float64 as a whole they would take 24 bytes a pixel."""
    pixels = np.empty(array.shape, np.uint8)
    pieces = np.nditer(
        [array, pixels],
        flags=["external_loop", "buffered"],
        op_flags=[["readonly"], ["writeonly"]],
        op_dtypes=[np.float64, np.uint8],
        buffersize=_PIECE_VALUES,
    )
    with pieces:
        for floats, levels in pieces:
            levels[...] = np.rint(np.clip(floats, 0.0, 1.0) * 255.0)
    return pixels


def _name_scale(low: float, high: float) -> tuple[Refusal, str]:
    """Name the scale that values outside [0, 1] seem to be on, and what to do about it."""
    if low >= -_OVERSHOOT and high <= 1 + _OVERSHOOT:
        return Refusal.out_of_range, "clip to [0, 1] after resizing"
    if low >= -_ROUNDING and high <= 255:
        return Refusal.range_0_255, "divide by 255 or send uint8"
    if low < -_ROUNDING and max(-low, high) <= _MOST_DEVIATIONS:
        return Refusal.standardised, "send pixels before mean and deviation are taken out"
    return Refusal.out_of_range, "send pixels on [0, 1] or uint8"
