"""Reads the chunks of a PNG file: its size before decoding, and damage that a decoder forgives.

Pillow stops reading once it has all rows, so a file without its end or with a wrong pixel checksum passes it.
Source: ISO/IEC 15948, section 5 (chunks, CRC) and 11.2 (IHDR).
"""

import struct
import zlib

from data_checks.errors import ImageRefused
from data_checks.image_header import ImageHeader
from data_checks.refusal import Refusal

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_MOST_CHUNKS = 10_000
"""A PNG of 8 MiB in chunks of 1 KiB has 8,192; millions of empty ones would only keep the parser busy."""
_MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
_BITS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_NEEDED = frozenset({b"IHDR", b"IDAT", b"IEND"})


def read_png_header(data: bytes) -> ImageHeader:
    """Read a PNG file that starts with its signature. ImageRefused: not_an_image or truncated."""
    kept = [SIGNATURE]
    kinds: set[bytes] = set()
    position = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        kind, end = _check_chunk(data, position)
        if not kinds and kind != b"IHDR" or kinds and kind == b"IHDR":
            raise _not_a_png(f"came chunk {kind!r} where IHDR has its one place, the first")
        kinds.add(kind)
        if kind in _NEEDED:
            kept.append(data[position:end])
        position = end
        if kind == b"IEND":
            break
    else:
        raise _not_a_png(f"came more than {_MOST_CHUNKS} chunks")
    if b"IDAT" not in kinds:
        raise ImageRefused(Refusal.truncated, "expected pixels in an IDAT chunk, came none: upload it anew")
    untouched = kinds <= _NEEDED and position == len(data)
    return _read_fields(kept[1], kinds, data if untouched else b"".join(kept))


def _check_chunk(data: bytes, position: int) -> tuple[bytes, int]:
    """Kind and end of the chunk at `position`, its checksum proven."""
    if position + 12 > len(data):
        raise _cut_off(data)
    length, kind = struct.unpack_from(">I4s", data, position)
    end = position + 12 + length
    if end > len(data):
        raise _cut_off(data)
    if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
        raise ImageRefused(
            Refusal.truncated,
            f"expected a sound PNG, came a wrong checksum in {kind!r} at byte {position}: upload it anew",
        )
    return kind, end


def _read_fields(ihdr: bytes, kinds: set[bytes], decodable: bytes) -> ImageHeader:
    if len(ihdr) != 12 + 13:
        raise _not_a_png(f"came an IHDR of {len(ihdr) - 12} bytes instead of 13")
    width, height, bits, colour, compression, filtering, interlace = struct.unpack_from(">IIBBBBB", ihdr, 8)
    known = bits in _BITS.get(colour, ()) and compression == 0 and filtering == 0 and interlace in (0, 1)
    if not known or not 0 < width < 2**31 or not 0 < height < 2**31:
        raise _not_a_png(f"came {width}x{height}, {bits} bits, colour type {colour}, interlace {interlace}")
    return ImageHeader(
        format="PNG",
        width=width,
        height=height,
        bits=bits,
        mode=_MODES[colour],
        transparent=colour in (4, 6) or b"tRNS" in kinds,
        animated=b"acTL" in kinds,
        decodable=decodable,
    )


def _not_a_png(came: str) -> ImageRefused:
    return ImageRefused(Refusal.not_an_image, f"expected a valid PNG, {came}: save it anew")


def _cut_off(data: bytes) -> ImageRefused:
    return ImageRefused(
        Refusal.truncated,
        f"expected a whole PNG, came {len(data)} bytes that stop before its end chunk: upload it anew",
    )
