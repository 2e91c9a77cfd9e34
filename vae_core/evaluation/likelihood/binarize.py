"""Dynamic binarization: a grey image as draws of black and white pixels (Salakhutdinov & Murray 2008)."""

import numpy as np

from vae_core.errors import DataError


def binarize(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw each pixel uint8 as 255 with probability pixel / 255, else 0 (dynamic binarization).

    Exactly so: 0 stays 0 and 255 stays 255. The answer is uint8 of the same shape.
    """
    if pixels.dtype != np.uint8:
        raise DataError(f"binarize: expected uint8 pixels on 0..255, came {pixels.dtype}; other scales are not guessed")
    thresholds = generator.integers(0, 255, size=pixels.shape, dtype=np.uint8)
    return np.where(thresholds < pixels, np.uint8(255), np.uint8(0))
