"""Pixels as a PNG, which loses nothing of 8-bit images."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def encode_png(pixels: np.ndarray) -> bytes:
    """Pixels uint8 (C, H, W), C 1 or 3, as a grey or RGB file; equal pixels give equal bytes."""
    rows = pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
    file = io.BytesIO()
    Image.fromarray(rows).save(file, "PNG")
    return file.getvalue()
