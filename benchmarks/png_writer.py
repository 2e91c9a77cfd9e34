"""Writes PNG files that Pillow cannot: 16 bits a colour, interlaced, with any chunk."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}
# Adam7: first column and row, and the steps between them
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    """One chunk with its length and its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def write_png(
    samples: NDArray[np.uint8] | NDArray[np.uint16], chunks: Sequence[bytes] = (), *, interlaced: bool = False
) -> bytes:
    """Write samples (H, W, C), 8 or 16 bits, 1 to 4 channels; `chunks` come before the pixels."""
    height, width, channels = samples.shape
    bits = 8 * samples.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, bits, _COLOUR_TYPE[channels], 0, 0, int(interlaced))
    steps = _PASSES if interlaced else ((0, 0, 1, 1),)
    rows = b"".join(_pack(samples[y::dy, x::dx]) for x, y, dx, dy in steps)
    pixels = chunk(b"IDAT", zlib.compress(rows, 6))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + pixels + chunk(b"IEND")


def profile_chunk(profile: bytes) -> bytes:
    """The chunk that embeds an ICC profile."""
    return chunk(b"iCCP", b"icc\0\0" + zlib.compress(profile))


def _pack(samples: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """Rows of samples in network order, each behind the number of its filter: none."""
    if 0 in samples.shape:
        return b""
    ordered = np.ascontiguousarray(samples.astype(samples.dtype.newbyteorder(">")))
    rows = ordered.view(np.uint8).reshape(len(samples), -1)
    return np.hstack([np.zeros((len(rows), 1), np.uint8), rows]).tobytes()
