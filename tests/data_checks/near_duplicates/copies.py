"""Pictures that do not resemble one another, and copies of them."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def pictures(count: int, *, seed: int = 0, size: int = 28, channels: int = 1) -> NDArray[np.uint8]:
    """Smooth random pictures, uint8 (count, channels, size, size): no two alike."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, channels, 5, 5), dtype=np.uint8)
    resized = [
        [np.asarray(Image.fromarray(channel).resize((size, size), Image.Resampling.BICUBIC)) for channel in each]
        for each in coarse
    ]
    return np.array(resized, dtype=np.uint8).reshape(count, channels, size, size)


def re_encoded(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """The picture (C, H, W), by way of JPEG."""
    buffer = io.BytesIO()
    _to_image(picture).save(buffer, "JPEG", quality=quality)
    return _from_image(Image.open(buffer))


def brightened(picture: NDArray[np.uint8], gain: float = 1.05) -> NDArray[np.uint8]:
    """The picture times `gain`, clipped."""
    bright: NDArray[np.uint8] = np.minimum(255, np.rint(picture * gain)).astype(np.uint8)
    return bright


def resized(picture: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """The picture in another size and back."""
    image = _to_image(picture)
    other = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)
    return _from_image(other.resize(image.size, Image.Resampling.BICUBIC))


def _to_image(picture: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0))


def _from_image(image: Image.Image) -> NDArray[np.uint8]:
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
