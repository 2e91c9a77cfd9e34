"""Reads the chunks of a WebP file: its size before decoding, whether it moves, and whether all of it came.

Source: RFC 9649, section 2 (container) and RFC 6386, section 9.1 (VP8 frame header).
"""

import struct

from data_checks.errors import ImageRefused
from data_checks.intake.formats.directory import read_orientation
from data_checks.intake.formats.header import MOST_PROFILE_BYTES, ImageHeader
from data_checks.refusal import Refusal

_MOST_CHUNKS = 1_000
_ANIMATED, _ALPHA = 0x02, 0x10
_WORK_BYTES = 20.0  # libwebp's two canvases and its answer, Pillow's copy of it, four bytes each, and the planes


def is_webp(data: bytes) -> bool:
    """Whether it begins like one; other RIFF files are sounds and films."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def read_webp_header(data: bytes) -> ImageHeader:
    """Read a WebP file. ImageRefused: not_an_image or truncated."""
    if len(data) < 20:
        raise _cut_off(data)
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise _cut_off(data)
    chunks = _read_chunks(data, end)
    extended = chunks.get(b"VP8X")
    if extended is not None and len(extended) < 10:
        raise _not_a_webp(f"came a header of {len(extended)} bytes instead of 10")
    flags = extended[0] if extended is not None else 0
    animated = bool(flags & _ANIMATED) or b"ANMF" in chunks
    still = chunks.get(b"VP8 "), chunks.get(b"VP8L")
    if not animated and still == (None, None):
        raise ImageRefused(Refusal.truncated, "expected a WebP with pixels, came none: upload it anew")
    canvas = _read_canvas(extended) if extended is not None else None
    size, alpha = (canvas or (1, 1), True) if animated else _read_still(*still)
    if 0 in size:
        raise _not_a_webp(f"came {size[0]}x{size[1]}")
    if canvas is not None and size != canvas:
        raise _not_a_webp(f"came a picture of {size[0]}x{size[1]} on a canvas of {canvas[0]}x{canvas[1]}")
    transparent = alpha or bool(flags & _ALPHA)
    profile = chunks.get(b"ICCP")
    return ImageHeader(
        format="WEBP",
        width=size[0],
        height=size[1],
        bits=8,
        mode="RGBA" if transparent else "RGB",
        transparent=transparent,
        decodable=data[:end],
        several="animated" if animated else "",
        orientation=_read_exif(chunks.get(b"EXIF", b"")),
        profile=profile if profile is None or len(profile) <= MOST_PROFILE_BYTES else b"",
        work_bytes=_WORK_BYTES,
    )


def _read_chunks(data: bytes, end: int) -> dict[bytes, bytes]:
    """The first chunk of each kind; every one lies inside of the file. Of pixels the first 16 bytes are enough."""
    found: dict[bytes, bytes] = {}
    position = 12
    for _ in range(_MOST_CHUNKS):
        if position == end:
            return found
        if position + 8 > end:
            raise _cut_off(data)
        kind, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        if position + 8 + length > end:
            raise _cut_off(data)
        pixels = kind in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")
        found.setdefault(kind, data[position + 8 : position + 8 + (min(length, 16) if pixels else length)])
        position = min(end, position + 8 + length + length % 2)
    raise _not_a_webp(f"came more than {_MOST_CHUNKS} chunks")


def _read_canvas(extended: bytes) -> tuple[int, int]:
    return 1 + int.from_bytes(extended[4:7], "little"), 1 + int.from_bytes(extended[7:10], "little")


def _read_still(lossy: bytes | None, lossless: bytes | None) -> tuple[tuple[int, int], bool]:
    """Width and height of the pixels, and whether they have an alpha channel of their own."""
    if lossy is not None:
        if len(lossy) < 10 or lossy[3:6] != b"\x9d\x01\x2a" or lossy[0] & 1:
            raise _not_a_webp("came a frame without its start")
        width, height = struct.unpack_from("<HH", lossy, 6)
        return (width & 0x3FFF, height & 0x3FFF), False
    if lossless is None or len(lossless) < 5 or lossless[0] != 0x2F:
        raise _not_a_webp("came lossless pixels without their signature")
    (packed,) = struct.unpack_from("<I", lossless, 1)
    return (1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)), bool(packed >> 28 & 1)


def _read_exif(chunk: bytes) -> int:
    return read_orientation(chunk.removeprefix(b"Exif\0\0"))


def _not_a_webp(came: str) -> ImageRefused:
    return ImageRefused(Refusal.not_an_image, f"expected a valid WebP, {came}: save it anew")


def _cut_off(data: bytes) -> ImageRefused:
    return ImageRefused(
        Refusal.truncated, f"expected a whole WebP, came {len(data)} bytes that stop before its end: upload it anew"
    )
