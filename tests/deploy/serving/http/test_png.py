"""Pixels as a PNG lose nothing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from deploy.serving.http.png import encode_png


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_survive_the_png(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (channels, 9, 7), dtype=np.uint8)
    again = np.asarray(Image.open(io.BytesIO(encode_png(pixels))))
    assert np.array_equal(again if channels == 1 else again.transpose(2, 0, 1), pixels[0] if channels == 1 else pixels)
