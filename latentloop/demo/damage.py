"""Ways in which an image arrives broken: each takes an intact image and returns the bytes that arrive instead."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

Damage = Callable[[np.ndarray, np.random.Generator], bytes]


def encode_png(pixels: np.ndarray) -> bytes:
    """A uint8 image (H, W) or (H, W, 3), or uint16 (H, W), as PNG."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG", compress_level=1)
    return out.getvalue()


def _truncate(pixels: np.ndarray, random: np.random.Generator) -> bytes:
    whole = encode_png(pixels)
    return whole[: int(len(whole) * random.uniform(0.3, 0.8))]


def _garbage(pixels: np.ndarray, random: np.random.Generator) -> bytes:
    return random.bytes(400)


def _nothing(pixels: np.ndarray, random: np.random.Generator) -> bytes:
    return b""


def _black(pixels: np.ndarray, random: np.random.Generator) -> bytes:
    return encode_png(random.integers(0, 3, pixels.shape, dtype=np.uint8))


def _wrong_size(pixels: np.ndarray, random: np.random.Generator) -> bytes:
    return encode_png(np.pad(pixels, 4))


def _colour(pixels: np.ndarray, random: np.random.Generator) -> bytes:
    return encode_png(np.stack([pixels, pixels // 2, 255 - pixels], axis=-1))


def _sixteen_bits(pixels: np.ndarray, random: np.random.Generator) -> bytes:
    return encode_png(pixels.astype(np.uint16) * 257)


def _ten_megapixels(pixels: np.ndarray, random: np.random.Generator) -> bytes:
    return _HUGE


_HUGE = encode_png(np.zeros((2_500, 4_000), dtype=np.uint8))

DAMAGES: dict[str, Damage] = {
    "truncated": _truncate,
    "garbage": _garbage,
    "empty": _nothing,
    "black": _black,
    "wrong size": _wrong_size,
    "colour": _colour,
    "16 bits": _sixteen_bits,
    "ten megapixels": _ten_megapixels,
}
"""By name; an exact duplicate, the ninth way, needs a second image and is made by the shipment."""
