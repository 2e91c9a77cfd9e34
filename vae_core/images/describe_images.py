"""What came in place of images, for the line of an error: kind, shape, and what is wrong with its numbers."""

import numpy as np


def describe_images(images: object) -> str:
    """Say dtype and shape of an array (N, ...); of floats also which image is first to hold NaN or infinity.

    Of anything else say what it is.
    """
    if not isinstance(images, np.ndarray):
        return f"a {type(images).__name__}, which is no numpy array"
    came = f"{images.dtype} {images.shape}"
    if not np.issubdtype(images.dtype, np.floating) or images.size == 0 or images.ndim == 0:
        return came
    spoilt = ~np.isfinite(images.reshape(len(images), -1)).all(axis=1)
    if spoilt.any():
        return f"{came} with NaN or infinity in {int(spoilt.sum())} of them, first in image {int(spoilt.argmax())}"
    return f"{came} from {float(images.min()):g} to {float(images.max()):g}"
