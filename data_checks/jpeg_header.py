"""Reads the segments of a JPEG file: its size before decoding, its end, and how often it repaints itself.

Source: ITU-T T.81, annex B (markers, frame header B.2.2, scan header B.2.3).
"""

import re
import struct

from data_checks.errors import ImageRefused
from data_checks.image_header import ImageHeader
from data_checks.refusal import Refusal

SIGNATURE = b"\xff\xd8\xff"

_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
"""A marker that begins a segment or ends the file; stuffed bytes, fill bytes and restarts are none."""
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODED_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # baseline, extended, progressive
_METADATA = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})  # not APP0 (JFIF), APP14 (Adobe): they set the colours
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}

_MOST_SEGMENTS = 10_000
"""A camera's file has dozens; an ICC profile or a depth map in pieces adds hundreds."""
_MOST_SCANS = 64
"""Progressive files have about 10. Each is decoded over the whole picture, 4 ms at 4 million pixels even
where it is empty, so 8 MiB of scans would keep a core busy for half an hour."""


def read_jpeg_header(data: bytes) -> ImageHeader:
    """Read a JPEG file that starts with its signature. ImageRefused: not_an_image or truncated.

    What follows the end of the image (other pictures, a video) is no part of `decodable`.
    """
    frame: bytes | None = None
    dropped: list[tuple[int, int]] = []
    position, scans = 2, 0
    for _ in range(_MOST_SEGMENTS):
        marker, start, position = _next_segment(data, position)
        if marker == _END_OF_IMAGE:
            break
        if marker in _METADATA:
            dropped.append((start, position))
        elif marker == _START_OF_SCAN:
            scans += 1
        elif marker in _FRAMES:
            if frame is not None:
                raise _not_a_jpeg("came two frame headers")
            frame = data[start + 1 : position]
    else:
        raise _not_a_jpeg(f"came more than {_MOST_SEGMENTS} segments")
    if scans > _MOST_SCANS:
        raise _not_a_jpeg(f"came {scans} scans, at most {_MOST_SCANS} are decoded")
    if frame is None or scans == 0:
        raise ImageRefused(Refusal.truncated, "expected a JPEG with pixels, came none: upload it anew")
    return _read_fields(frame, _without(data[:position], dropped))


def _next_segment(data: bytes, position: int) -> tuple[int, int, int]:
    """Marker, start and end of the next segment at or behind `position`."""
    found = _MARKER.search(data, position)
    if found is None:
        raise _cut_off(data)
    start, marker = found.start(), found[1][0]
    if marker == _END_OF_IMAGE:
        return marker, start, start + 2
    length = int.from_bytes(data[start + 2 : start + 4])
    end = start + 2 + length
    if end > len(data) or start + 4 > len(data):
        raise _cut_off(data)
    if length < 2:
        raise _not_a_jpeg(f"came a segment of {length} bytes at byte {start}")
    return marker, start, end


def _read_fields(frame: bytes, decodable: bytes) -> ImageHeader:
    """Read a frame segment: marker, length (2), bits, height (2), width (2), channels, and more."""
    if len(frame) < 9:
        raise _not_a_jpeg(f"came a frame header of {len(frame) - 1} bytes, at least 8 needed")
    bits, height, width, channels = struct.unpack_from(">BHHB", frame, 3)
    if frame[0] not in _DECODED_FRAMES:
        raise _not_a_jpeg(f"came coding 0x{frame[0]:02X}, only baseline and progressive are decoded")
    if width == 0 or height == 0 or channels not in _MODES:
        raise _not_a_jpeg(f"came {width}x{height} with {channels} channels")
    return ImageHeader(
        format="JPEG",
        width=width,
        height=height,
        bits=bits,
        mode=_MODES[channels],
        transparent=False,
        animated=False,
        decodable=decodable,
    )


def _without(data: bytes, dropped: list[tuple[int, int]]) -> bytes:
    """Cut the dropped spans, which are ordered and do not overlap, out of the data."""
    if not dropped:
        return data
    starts = [0, *(end for _, end in dropped)]
    ends = [*(start for start, _ in dropped), len(data)]
    return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True))


def _not_a_jpeg(came: str) -> ImageRefused:
    return ImageRefused(Refusal.not_an_image, f"expected a valid JPEG, {came}: save it anew")


def _cut_off(data: bytes) -> ImageRefused:
    return ImageRefused(
        Refusal.truncated,
        f"expected a whole JPEG, came {len(data)} bytes that stop before its end marker: upload it anew",
    )
