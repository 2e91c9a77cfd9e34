"""What is sent to a model of small grey pictures: good files, and one that claims what it does not hold."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from PIL import Image

from data_checks.image_statistics import measure_images
from data_checks.policy import InputPolicy
from tests.data_checks.pictures import encode, product
from vae_core.images.preprocessing import Preprocessing

GREY = Preprocessing()
FIRST = Preprocessing(schema_version=1)  # type: ignore[arg-type]
POLICY = InputPolicy()
PICTURE = product()
PNG, JPEG = encode(PICTURE), encode(PICTURE, "JPEG", quality=95)
FRAMES = [Image.fromarray(PICTURE), Image.fromarray(255 - PICTURE)]
REFERENCE = measure_images(np.stack([product(seed) for seed in range(100)])).histogram.mean(axis=0)
"""The histogram of the data that such a model was accepted on."""


def claimed_png(width: int, height: int) -> bytes:
    """A PNG whose header claims a size and whose pixels are not there."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    ihdr = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
