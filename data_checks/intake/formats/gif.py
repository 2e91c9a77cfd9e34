"""Reads the blocks of a GIF file: its size before decoding, how many pictures it holds, and its end.

Source: GIF89a specification, sections 17 to 27 (blocks).
"""

import struct

from data_checks.errors import ImageRefused
from data_checks.intake.formats.header import ImageHeader
from data_checks.refusal import Refusal

SIGNATURES = (b"GIF87a", b"GIF89a")

_MOST_BLOCKS = 100_000
_IMAGE, _EXTENSION, _END = 0x2C, 0x21, 0x3B
_CONTROL = 0xF9


def read_gif_header(data: bytes) -> ImageHeader:
    """Read a GIF file that starts with its signature. ImageRefused: not_an_image or truncated."""
    if len(data) < 14:
        raise _cut_off(data)
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _table_bytes(flags)
    images, transparent, partial = 0, False, False
    for _ in range(_MOST_BLOCKS):
        block = _byte(data, position)
        if block == _END:
            break
        if block == _IMAGE:
            images += 1
            left, top, right, bottom = _read_place(data, position)
            if right > width or bottom > height or right == left or bottom == top:
                raise _not_a_gif(f"came a picture that reaches {right}x{bottom} on a screen of {width}x{height}")
            partial = partial or (left, top, right, bottom) != (0, 0, width, height)
            position = _skip_blocks(data, position + 10 + _table_bytes(_byte(data, position + 9)) + 1)
        elif block == _EXTENSION:
            if _byte(data, position + 1) == _CONTROL and images == 0:
                transparent = bool(_byte(data, position + 3) & 1)
            position = _skip_blocks(data, position + 2)
        else:
            raise _not_a_gif(f"came a block 0x{block:02X} at byte {position}")
    else:
        raise _not_a_gif(f"came more than {_MOST_BLOCKS} blocks")
    if images == 0:
        raise ImageRefused(Refusal.truncated, "expected a GIF with pixels, came none: upload it anew")
    return ImageHeader(
        format="GIF",
        width=width,
        height=height,
        bits=8,
        mode="P",
        transparent=transparent or partial,
        decodable=data[: position + 1],
        several="animated" if images > 1 else "",
    )


def _read_place(data: bytes, position: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a picture on the screen."""
    if position + 10 > len(data):
        raise _cut_off(data)
    left, top, width, height = struct.unpack_from("<HHHH", data, position + 1)
    return left, top, left + width, top + height


def _table_bytes(flags: int) -> int:
    """Bytes of the colour table that these flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _skip_blocks(data: bytes, position: int) -> int:
    """The place behind the sub-blocks at `position`, and behind the empty one that ends them."""
    while length := _byte(data, position):
        position += 1 + length
    return position + 1


def _byte(data: bytes, position: int) -> int:
    if position >= len(data):
        raise _cut_off(data)
    return data[position]


def _not_a_gif(came: str) -> ImageRefused:
    return ImageRefused(Refusal.not_an_image, f"expected a valid GIF, {came}: save it anew")


def _cut_off(data: bytes) -> ImageRefused:
    return ImageRefused(
        Refusal.truncated, f"expected a whole GIF, came {len(data)} bytes that stop before its end: upload it anew"
    )
