"""Is an image a negative? Its grey-level histogram beside the reference's, as it is and mirrored."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def measure_inversion(histogram: NDArray[np.floating], reference: NDArray[np.floating]) -> NDArray[Any]:
    """How much nearer histograms (..., 16) lie to the mirrored reference (16,) than to the reference, L1: (...).

    Positive looks inverted. The triangle inequality bounds it by the distance between the reference and its
    own mirror (at most 2), so a reference that is nearly symmetric calls nothing inverted.
    """
    difference = np.abs(histogram - reference) - np.abs(histogram - reference[::-1])
    return np.asarray(difference.sum(axis=-1))


MOST_REFUSED = 0.01
"""Of good images that may pass for negatives: the field's 1 % for what a check may refuse."""


def tells_negatives(inversion: NDArray[np.floating], margin: float, most_refused: float = MOST_REFUSED) -> bool:
    """Whether at most `most_refused` of good images pass for negatives by `margin`, at 95 % confidence.

    By good images' own measures (N,): none may pass, and N must be large enough for that to say so (299 at 1 %:
    0.99 to the power of 299 is 5 %). Drawings on white with some on black, and small references, tell none.
    """
    return bool((inversion <= margin).all()) and (1 - most_refused) ** len(inversion) <= 0.05
