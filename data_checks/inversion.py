"""Is an image a negative? Its grey-level histogram beside the reference's, as it is and mirrored."""

import numpy as np
from numpy.typing import NDArray


def measure_inversion(histogram: NDArray[np.float32], reference: NDArray[np.floating]) -> float:
    """How much nearer a histogram (16,) lies to the mirrored reference (16,) than to the reference, L1.

    Positive looks inverted. The triangle inequality bounds it by the distance between the reference and its
    own mirror (at most 2), so a reference that is nearly symmetric calls nothing inverted.
    """
    difference = np.abs(histogram - reference) - np.abs(histogram - reference[::-1])
    return float(difference.sum())
