"""Ways in which an image arrives broken: each takes an intact image and returns the bytes that arrive instead."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image

Damage = Callable[[np.ndarray, np.random.Generator], bytes]


def encode_png(pixels: np.ndarray) -> bytes:
    """A uint8 image (H, W) or (H, W, 3) as PNG."""
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
    return encode_png(np.pad(pixels, [(4, 4), (4, 4), (0, 0)][: pixels.ndim]))


def _animated(pixels: np.ndarray, random: np.random.Generator) -> bytes:
    out = io.BytesIO()
    frames = [Image.fromarray(255 - pixels)]
    Image.fromarray(pixels).save(out, format="GIF", save_all=True, append_images=frames, duration=100)
    return out.getvalue()


def _half_a_jpeg(pixels: np.ndarray, random: np.random.Generator) -> bytes:
    """Cut within its pixels and closed by an end marker: a lenient decoder fills the rest with grey."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="JPEG", quality=95)
    whole = out.getvalue()
    first = whole.index(_START_OF_SCAN)
    return whole[: first + int((len(whole) - first) * 0.6)] + _END_OF_IMAGE


def _sixty_megapixels(pixels: np.ndarray, random: np.random.Generator) -> bytes:
    return _huge()


@cache
def _huge() -> bytes:
    out = io.BytesIO()
    Image.new("1", (10_000, 6_000)).save(out, format="PNG")
    return out.getvalue()


_START_OF_SCAN, _END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"

DAMAGES: dict[str, Damage] = {
    "truncated": _truncate,
    "garbage": _garbage,
    "empty": _nothing,
    "black": _black,
    "wrong size": _wrong_size,
    "animated": _animated,
    "half a JPEG": _half_a_jpeg,
    "sixty megapixels": _sixty_megapixels,
}
"""By name; an exact duplicate, the ninth way, needs a second image and is made by the shipment."""
