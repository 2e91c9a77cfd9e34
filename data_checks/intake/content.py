"""Does a picture show anything, and is it a positive? Judged from its statistics alone."""

import math

import numpy as np
from numpy.typing import NDArray

from data_checks.errors import ImageRefused
from data_checks.image_statistics import ImageStatistics
from data_checks.policy import InputPolicy
from data_checks.refusal import Refusal
from vae_core.images.inversion import measure_inversion

_NEARLY_BLACK, _NEARLY_WHITE = 0.1, 0.9


def require_content(
    statistics: ImageStatistics, policy: InputPolicy, reference_histogram: NDArray[np.floating] | None
) -> None:
    """Refuse black or flat frames and, where a reference (16,) is given, negatives.

    ImageRefused: low_variance, low_entropy, inverted.
    """
    require_contrast(statistics, policy)
    if reference_histogram is None or not policy.detect_inversion:
        return
    nearer = float(measure_inversion(statistics.histogram, reference_histogram))
    if nearer > policy.inversion_margin:
        raise ImageRefused(
            Refusal.inverted,
            f"expected a histogram nearer to the mirrored reference by <= {policy.inversion_margin:.2f}, "
            f"came {nearer:.3f}: looks like a negative, invert it before upload, or set input_policy.detect_inversion "
            "= false where negatives belong",
        )


def require_contrast(statistics: ImageStatistics, policy: InputPolicy) -> None:
    """Refuse black or flat frames. ImageRefused: low_variance, low_entropy."""
    if statistics.variance < policy.min_variance:
        raise ImageRefused(
            Refusal.low_variance,
            f"expected pixel variance >= {policy.min_variance:.4g} on [0, 1], came {statistics.variance:.4g} "
            f"at mean {statistics.mean:.3f}: {_advise('min_variance', statistics.variance, statistics.mean)}",
        )
    if statistics.entropy_bits < policy.min_entropy_bits:
        raise ImageRefused(
            Refusal.low_entropy,
            f"expected entropy >= {policy.min_entropy_bits:.4g} bits, came {statistics.entropy_bits:.4g}: "
            f"{_advise('min_entropy_bits', statistics.entropy_bits, statistics.mean)}",
        )


def _advise(setting: str, came: float, mean: float) -> str:
    """Name the kind of flat picture, and the value of the setting that would let this one in."""
    if came <= 0:
        kind = "a black frame" if mean < _NEARLY_BLACK else "a picture of one colour"
        return f"{kind}, check the camera or the export; input_policy.{setting} = 0 lets every flat picture in"
    if mean > _NEARLY_WHITE:
        kind = "a nearly white picture, as of something small on a white ground"
    elif mean < _NEARLY_BLACK:
        kind = "a nearly black picture; check the exposure, unless it is of something small on a black ground"
    else:
        kind = "a picture of little contrast; check the focus and the export, unless it is what it shows"
    return f"{kind}; input_policy.{setting} = {round_down(came):.1g} lets it in"


def round_down(value: float) -> float:
    """The largest number of one digit that is not above a positive value: 0.0042 gives 0.004."""
    step = 10.0 ** math.floor(math.log10(value))
    return math.floor(value / step * (1 + 1e-12)) * step
