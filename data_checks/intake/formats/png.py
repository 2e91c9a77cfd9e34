"""Reads the chunks of a PNG file: its size before decoding, and damage that a decoder forgives.

Pillow stops reading once it has all rows, so a file without its end or with a wrong pixel checksum passes it; and it
refuses, when it opens them, files whose metadata unpacks to more than a megabyte: it is never shown metadata.
Source: ISO/IEC 15948, section 5 (chunks, CRC) and 11.2 and 11.3 (IHDR, PLTE, tRNS, iCCP, eXIf).
"""

import struct
import zlib

from data_checks.errors import ImageRefused
from data_checks.intake.formats.directory import read_orientation
from data_checks.intake.formats.header import MOST_PROFILE_BYTES, ImageHeader
from data_checks.refusal import Refusal

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_MOST_CHUNKS = 10_000
"""A PNG of 8 MiB in chunks of 1 KiB has 8,192; millions of empty ones would only keep the parser busy."""
_MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
_BITS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_NEEDED = frozenset({b"IHDR", b"IDAT", b"IEND"})
_READ = frozenset({b"PLTE", b"tRNS", b"iCCP", b"eXIf", b"acTL"})
_OF_A_PALETTE = frozenset({b"PLTE", b"tRNS"})
_BEFORE_PIXELS = _OF_A_PALETTE | {b"iCCP", b"acTL"}
_COLOUR_TYPE = 8 + 9  # its byte in the chunk IHDR
_PALETTE = 3


def read_png_header(data: bytes) -> ImageHeader:
    """Read a PNG file that starts with its signature. ImageRefused: not_an_image or truncated."""
    kept = [SIGNATURE]
    read: dict[bytes, bytes] = {}
    kinds: set[bytes] = set()
    position = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        kind, end = _check_chunk(data, position)
        if not kinds and kind != b"IHDR" or kinds and kind == b"IHDR":
            raise _not_a_png(f"came chunk {kind!r} where IHDR has its one place, the first")
        if kind in _NEEDED:
            kept.append(data[position:end])
        elif kind in _READ and kind not in read and not (kind in _BEFORE_PIXELS and b"IDAT" in kinds):
            read[kind] = data[position + 8 : end - 4]
            if kind in _OF_A_PALETTE and kept[1][_COLOUR_TYPE] == _PALETTE:
                kept.append(data[position:end])
        kinds.add(kind)
        position = end
        if kind == b"IEND":
            break
    else:
        raise _not_a_png(f"came more than {_MOST_CHUNKS} chunks")
    if b"IDAT" not in kinds:
        raise ImageRefused(Refusal.truncated, "expected pixels in an IDAT chunk, came none: upload it anew")
    untouched = kinds <= _NEEDED and position == len(data)
    return _read_fields(kept[1], read, data if untouched else b"".join(kept))


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


def _read_fields(ihdr: bytes, read: dict[bytes, bytes], decodable: bytes) -> ImageHeader:
    if len(ihdr) != 12 + 13:
        raise _not_a_png(f"came an IHDR of {len(ihdr) - 12} bytes instead of 13")
    width, height, bits, colour, compression, filtering, interlace = struct.unpack_from(">IIBBBBB", ihdr, 8)
    known = bits in _BITS.get(colour, ()) and compression == 0 and filtering == 0 and interlace in (0, 1)
    if not known or not 0 < width < 2**31 or not 0 < height < 2**31:
        raise _not_a_png(f"came {width}x{height}, {bits} bits, colour type {colour}, interlace {interlace}")
    if colour == _PALETTE and b"PLTE" not in read:
        raise _not_a_png("came a palette picture without its palette")
    plain = not read
    return ImageHeader(
        format="PNG",
        width=width,
        height=height,
        bits=bits,
        mode=_MODES[colour],
        transparent=colour in (4, 6) or b"tRNS" in read,
        decodable=decodable,
        several="animated" if b"acTL" in read else "",
        orientation=1 if plain else read_orientation(read.get(b"eXIf", b"")),
        profile=None if plain else _unpack_profile(read.get(b"iCCP")),
        key=() if plain else _read_key(colour, read.get(b"tRNS")),
    )


def _unpack_profile(chunk: bytes | None) -> bytes | None:
    """The ICC profile of an iCCP chunk, empty where it is broken or too large to be read."""
    if chunk is None:
        return None
    packed = chunk.partition(b"\0")[2][1:]
    try:
        unpacking = zlib.decompressobj()
        profile = unpacking.decompress(packed, MOST_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if unpacking.eof else b""


def _read_key(colour: int, chunk: bytes | None) -> tuple[int, ...]:
    """The grey or the colour that stands for transparent."""
    channels = {0: 1, 2: 3}.get(colour)
    if chunk is None or channels is None:
        return ()
    if len(chunk) != 2 * channels:
        raise _not_a_png(f"came a tRNS of {len(chunk)} bytes instead of {2 * channels}")
    return struct.unpack(f">{channels}H", chunk)


def _not_a_png(came: str) -> ImageRefused:
    return ImageRefused(Refusal.not_an_image, f"expected a valid PNG, {came}: save it anew")


def _cut_off(data: bytes) -> ImageRefused:
    return ImageRefused(
        Refusal.truncated,
        f"expected a whole PNG, came {len(data)} bytes that stop before its end chunk: upload it anew",
    )
