"""From 16 bits a channel to 8: Pillow has no picture of 16-bit colours, but unpacks either byte of each sample.

A file is decoded twice, once for the upper bytes and once for the lower: Pillow's own decoders and no other library.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from data_checks.intake.formats.header import ImageHeader

_OPPOSITE = {"B": "L", "L": "B", "N": "B" if np.little_endian else "L"}
_STEPS = 65535


def decode_sixteen(
    image: ImageFile, reopen: Callable[[], ImageFile], header: ImageHeader, how: Literal["linear", "range"]
) -> Image.Image:
    """Decode an opened file of 16 bits a channel as L, LA, RGB, RGBA or CMYK of 8 bits.

    The colour that stands for transparent is compared in 16 bits, and becomes an alpha channel.
    """
    samples = _decode_samples(image, reopen, header)
    colours = samples.shape[2] - (header.mode in ("LA", "RGBA"))
    if header.key:
        opaque = (samples != np.array(header.key, np.uint16)).any(axis=2)
        samples = np.dstack([samples, np.where(opaque, np.uint16(_STEPS), np.uint16(0))])
    pixels = to_eight(samples)
    if how == "range":
        low, high = int(samples[:, :, :colours].min()), int(samples[:, :, :colours].max())
        if high > low:
            pixels[:, :, :colours] = to_eight(samples[:, :, :colours], low, high)
    if pixels.shape[2] == 1:
        return Image.fromarray(pixels[:, :, 0])
    mode = {2: "LA", 3: "RGB", 4: "CMYK" if header.mode == "CMYK" else "RGBA"}[pixels.shape[2]]
    return Image.fromarray(pixels, mode)


def to_eight(samples: NDArray[np.uint16], low: int = 0, high: int = _STEPS) -> NDArray[np.uint8]:
    """Samples from `low` to `high` as 0 to 255, rounded; over the whole scale that is a division by 257."""
    if (low, high) == (0, _STEPS):
        # (255 v + 32895) / 65536 is v / 257, rounded, for every v below 65536
        return ((samples.astype(np.uint32) * 255 + 32895) >> 16).astype(np.uint8)
    spread: NDArray[np.uint8] = np.rint((samples.astype(np.float32) - low) * (255.0 / (high - low))).astype(np.uint8)
    return spread


def _decode_samples(image: ImageFile, reopen: Callable[[], ImageFile], header: ImageHeader) -> NDArray[np.uint16]:
    """The samples (H, W, C) of an opened file, as they are stored."""
    if header.mode == "L":
        image.load()
        return np.asarray(image).astype(np.uint16)[:, :, np.newaxis]
    if header.mode == "LA":  # four bytes a pixel, as RGBA has: upper and lower of grey, upper and lower of alpha
        halves = _decode_as(image, lambda raw: "RGBA")
        return np.stack([_join(halves[:, :, 0], halves[:, :, 1]), _join(halves[:, :, 2], halves[:, :, 3])], axis=2)
    upper = _decode_as(image, lambda raw: raw)
    return _join(upper, _decode_as(reopen(), lambda raw: raw[:-1] + _OPPOSITE[raw[-1]]))


def _decode_as(image: ImageFile, name_raw: Callable[[str], str]) -> NDArray[np.uint8]:
    """Decode with another name for how the samples are packed."""

    def packed(arguments: Any) -> Any:
        if isinstance(arguments, str):
            return name_raw(arguments)
        return (name_raw(arguments[0]), *arguments[1:])

    image.tile = [tile._replace(args=packed(tile.args)) for tile in image.tile]
    image.load()
    return np.asarray(image)


def _join(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return upper * np.uint16(256) + lower
