"""Does a picture show anything, and is it a positive? Judged from its statistics alone."""

import numpy as np
from numpy.typing import NDArray

from data_checks.errors import ImageRefused
from data_checks.image_statistics import ImageStatistics
from data_checks.inversion import measure_inversion
from data_checks.policy import InputPolicy
from data_checks.refusal import Refusal


def require_content(
    statistics: ImageStatistics, policy: InputPolicy, reference_histogram: NDArray[np.floating] | None
) -> None:
    """Refuse black or flat frames and, where a reference (16,) is given, negatives.

    ImageRefused: low_variance, low_entropy, inverted.
    """
    if statistics.variance < policy.min_variance:
        raise ImageRefused(
            Refusal.low_variance,
            f"expected pixel variance >= {policy.min_variance:.4g} on [0, 1], came {statistics.variance:.4g} "
            f"at mean {statistics.mean:.3f}: black or flat frame, check the camera or the export",
        )
    if statistics.entropy_bits < policy.min_entropy_bits:
        raise ImageRefused(
            Refusal.low_entropy,
            f"expected entropy >= {policy.min_entropy_bits:.4g} bits, came {statistics.entropy_bits:.4g}: "
            "nearly one grey, check the camera or the export",
        )
    if reference_histogram is None or not policy.detect_inversion:
        return
    nearer = measure_inversion(statistics.histogram, reference_histogram)
    if nearer > policy.inversion_margin:
        raise ImageRefused(
            Refusal.inverted,
            f"expected a histogram nearer to the mirrored reference by <= {policy.inversion_margin:.2f}, "
            f"came {nearer:.3f}: looks like a negative, invert it before upload",
        )
