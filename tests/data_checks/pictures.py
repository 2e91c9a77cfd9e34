"""Small synthetic product pictures: bright shapes on a dark ground, like a catalogue."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def product(seed: int = 0, height: int = 28, width: int = 28) -> NDArray[np.uint8]:
    """One grey picture (H, W): black ground, a filled shape of textured brightness."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width), np.uint8)
    top, left = rng.integers(2, height // 3), rng.integers(2, width // 3)
    shape = picture[top : height - top, left : width - left]
    shape[:] = rng.integers(60, 250, shape.shape)
    return picture


def encode(pixels: NDArray[np.generic], file_format: str = "PNG", mode: str | None = None, **options: object) -> bytes:
    """Save an array, (H, W) or (H, W, C), converted to `mode` first, as a file."""
    image = Image.fromarray(np.asarray(pixels))
    if mode is not None:
        image = image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)  # type: ignore[arg-type]
    return buffer.getvalue()
