"""Reads the directory of a TIFF file: its size before decoding, its kind of pixels, its pages, and whether all came.

Source: TIFF 6.0. What is decoded gets a new directory with the fields that pixels need and no others, because a decoder
loads every field that a directory names, and a thousand may name the same sixty megabytes.
"""

import struct
from collections.abc import Mapping

from data_checks.errors import ImageRefused
from data_checks.intake.formats.directory import (
    BrokenDirectory,
    Directory,
    as_orientation,
    read_byte_order,
    read_directory,
)
from data_checks.intake.formats.header import MOST_PROFILE_BYTES, ImageHeader
from data_checks.intake.formats.tiff_pixels import read_pixels, require_data
from data_checks.refusal import Refusal

SIGNATURES = (b"II*\x00", b"MM\x00*")

_SUBFILE, _PROFILE = 254, 34675
_REDUCED = 1  # a preview of another page
_MOST_PAGES = 64
_NEEDED = (
    256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 338, 339, 347, 530,
    531, 532,
)  # fmt: skip
"""Size, depth, compression, colours, strips or tiles, predictor, colour map, extra samples, JPEG tables, YCbCr."""


def read_tiff_header(data: bytes) -> ImageHeader:
    """Read a TIFF file that starts with one of its signatures. ImageRefused: not_an_image, truncated, wrong_mode."""
    try:
        order = read_byte_order(data)
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        first = read_directory(data, start, order)
        pixels = read_pixels(first)
        require_data(first, pixels)
        pages = _count_pages(first)
        decodable = _with_directory(first)
    except (BrokenDirectory, struct.error) as error:
        raise ImageRefused(
            Refusal.truncated, f"expected a whole TIFF, came one with a broken directory ({error}): upload it anew"
        ) from error
    profile = first.content(_PROFILE)
    return ImageHeader(
        format="TIFF",
        width=pixels.width,
        height=pixels.height,
        bits=pixels.bits,
        mode=pixels.mode,
        transparent=pixels.mode in ("LA", "RGBA"),
        decodable=decodable,
        several=f"of {pages} pages" if pages > 1 else "",
        orientation=as_orientation(first),
        profile=profile if profile is None or len(profile) <= MOST_PROFILE_BYTES else b"",
    )


def _count_pages(first: Directory) -> int:
    """Count the directories that are pictures of their own, not previews."""
    pages, seen, directory = 1, set[int](), first
    while directory.following and directory.following not in seen and len(seen) < _MOST_PAGES:
        seen.add(directory.following)
        directory = read_directory(first.data, directory.following, first.order)
        pages += not directory.number(_SUBFILE, 0) & _REDUCED
    return pages


def _with_directory(first: Directory) -> bytes:
    """The file with a directory of the needed fields alone, behind its end; their values stay where they are."""
    kept: Mapping[int, bytes] = {tag: first.entries[tag].raw for tag in _NEEDED if tag in first.entries}
    if sum(first.entries[tag].size for tag in kept) > len(first.data):
        raise BrokenDirectory("fields that share their values")
    order, data = first.order, first.data
    place = len(data) + len(data) % 2
    fields = struct.pack(f"{order}H", len(kept)) + b"".join(kept.values()) + bytes(4)
    return b"".join([data[:4], struct.pack(f"{order}I", place), data[8:], bytes(place - len(data)), fields])
