"""Reads the header of a BMP file: its size before decoding, and whether all rows came.

Source: the structures BITMAPFILEHEADER, BITMAPCOREHEADER and BITMAPINFOHEADER (and its successors) of Windows.
"""

import struct

from data_checks.errors import ImageRefused
from data_checks.intake.formats.header import ImageHeader
from data_checks.refusal import Refusal

SIGNATURE = b"BM"

_CORE, _INFO = 12, (40, 52, 56, 64, 108, 124)
_PLAIN, _MASKS = 0, 3
_BITS = (1, 4, 8, 16, 24, 32)


def read_bmp_header(data: bytes) -> ImageHeader:
    """Read a BMP file that starts with its signature. ImageRefused: not_an_image, truncated, wrong_mode."""
    if len(data) < 26:
        raise _cut_off(data, 26)
    pixels, length = struct.unpack_from("<II", data, 10)
    if length != _CORE and (length not in _INFO or len(data) < 14 + length):
        raise _not_a_bmp(f"came a header of {length} bytes")
    if length == _CORE:
        width, height, planes, bits = struct.unpack_from("<HHHH", data, 18)
        coding = _PLAIN
    else:
        width, height, planes, bits, coding = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # rows from the top down have a negative one
    if width <= 0 or height == 0 or planes != 1 or bits not in _BITS:
        raise _not_a_bmp(f"came {width}x{height}, {planes} planes, {bits} bits")
    if coding not in (_PLAIN, _MASKS):
        raise ImageRefused(
            Refusal.wrong_mode,
            f"expected a BMP without compression, came {width}x{height} of compression {coding}: save it as PNG",
        )
    needed = pixels + (width * bits + 31) // 32 * 4 * height
    if pixels < 14 + length or needed > len(data):
        raise _cut_off(data, needed)
    transparent = bits == 32 and coding == _MASKS
    return ImageHeader(
        format="BMP",
        width=width,
        height=height,
        bits=8,
        mode="RGB" if bits > 8 else "P",
        transparent=transparent,
        decodable=data,
    )


def _not_a_bmp(came: str) -> ImageRefused:
    return ImageRefused(Refusal.not_an_image, f"expected a valid BMP, {came}: save it anew")


def _cut_off(data: bytes, needed: int) -> ImageRefused:
    return ImageRefused(Refusal.truncated, f"expected a whole BMP of {needed} bytes, came {len(data)}: upload it anew")
