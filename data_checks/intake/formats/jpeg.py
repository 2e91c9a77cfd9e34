"""Reads the segments of a JPEG file: its size before decoding, its end, and how often it repaints itself.

Source: ITU-T T.81, annex B (markers, frame header B.2.2, scan header B.2.3); ICC.1, annex B.4 (profiles in pieces).
"""

import re
import struct

from data_checks.errors import ImageRefused
from data_checks.intake.formats.directory import read_orientation
from data_checks.intake.formats.header import MOST_PROFILE_BYTES, ImageHeader
from data_checks.intake.formats.jpeg_scans import JpegFrame, require_whole
from data_checks.refusal import Refusal

SIGNATURE = b"\xff\xd8\xff"

_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
"""A marker that begins a segment or ends the file; stuffed bytes, fill bytes and restarts are none."""
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODED_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # baseline, extended, progressive
_METADATA = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})  # not APP0 (JFIF), APP14 (Adobe): they set the colours
_EXIF, _ICC = (0xE1, b"Exif\0\0"), (0xE2, b"ICC_PROFILE\0")
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}

_MOST_SEGMENTS = 10_000
"""A camera's file has dozens; an ICC profile or a depth map in pieces adds hundreds."""
_MOST_SCANS = 64
"""Progressive files have about 10. Each is decoded over the whole picture, 4 ms at 4 million pixels even
where it is empty, so 8 MiB of scans would keep a core busy for half an hour."""
_FEW_SCANS = 16
_MOST_SCANNED_PIXELS = 1_000_000_000
"""Over all scans, where they are more than a progressive file needs: 20 of the largest picture, 80 of 12 megapixels."""


def read_jpeg_header(data: bytes) -> ImageHeader:
    """Read a JPEG file that starts with its signature. ImageRefused: not_an_image or truncated.

    What follows the end of the image (other pictures, a video) is no part of `decodable`.
    """
    frame: bytes | None = None
    scans: list[bytes] = []
    dropped: list[tuple[int, int]] = []
    position = 2
    for _ in range(_MOST_SEGMENTS):
        marker, start, position = _next_segment(data, position)
        if marker == _END_OF_IMAGE:
            break
        if marker in _METADATA:
            dropped.append((start, position))
        elif marker == _START_OF_SCAN:
            scans.append(data[start + 4 : position])
        elif marker in _FRAMES:
            if frame is not None:
                raise _not_a_jpeg("came two frame headers")
            frame = data[start + 1 : position]
    else:
        raise _not_a_jpeg(f"came more than {_MOST_SEGMENTS} segments")
    if len(scans) > _MOST_SCANS:
        raise _not_a_jpeg(f"came {len(scans)} scans, at most {_MOST_SCANS} are decoded")
    if frame is None or not scans:
        raise ImageRefused(Refusal.truncated, "expected a JPEG with pixels, came none: upload it anew")
    read = _read_frame(frame)
    if len(scans) > _FEW_SCANS and len(scans) * read.width * read.height > _MOST_SCANNED_PIXELS:
        raise _not_a_jpeg(f"came {len(scans)} scans of {read.width}x{read.height} pixels")
    require_whole(read, scans)
    return ImageHeader(
        format="JPEG",
        width=read.width,
        height=read.height,
        bits=read.bits,
        mode=_MODES[len(read.components)],
        transparent=False,
        decodable=_without(data[:position], dropped),
        orientation=_read_orientation(data, dropped),
        profile=_join_profile(data, dropped),
        work_bytes=read.coefficient_bytes,
    )


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


def _read_frame(frame: bytes) -> JpegFrame:
    """Read a frame segment: marker, length (2), bits, height (2), width (2), channels, and 3 bytes for each of them."""
    if len(frame) < 9:
        raise _not_a_jpeg(f"came a frame header of {len(frame) - 1} bytes, at least 8 needed")
    bits, height, width, channels = struct.unpack_from(">BHHB", frame, 3)
    if frame[0] not in _DECODED_FRAMES:
        raise _not_a_jpeg(f"came coding 0x{frame[0]:02X}, only baseline and progressive are decoded")
    if width == 0 or height == 0 or channels not in _MODES or len(frame) < 9 + 3 * channels:
        raise _not_a_jpeg(f"came {width}x{height} with {channels} channels")
    return JpegFrame(frame[0], bits, width, height, tuple(frame[9 : 9 + 3 * channels : 3]), frame[10::3][:channels])


def _read_orientation(data: bytes, segments: list[tuple[int, int]]) -> int:
    for start, end in segments:
        if data[start + 1] == _EXIF[0] and data[start + 4 : start + 10] == _EXIF[1]:
            return read_orientation(data[start + 10 : end])
    return 1


def _join_profile(data: bytes, segments: list[tuple[int, int]]) -> bytes | None:
    """The ICC profile from its pieces, empty where one is missing or they are too many; None where there is none."""
    pieces: dict[int, bytes] = {}
    count = 0
    for start, end in segments:
        if data[start + 1] == _ICC[0] and data[start + 4 : start + 16] == _ICC[1] and end - start > 18:
            number, count = data[start + 16], data[start + 17]
            pieces.setdefault(number, data[start + 18 : end])
    if not pieces:
        return None
    whole = sorted(pieces) == list(range(1, count + 1))
    profile = b"".join(pieces[number] for number in sorted(pieces)) if whole else b""
    return profile if len(profile) <= MOST_PROFILE_BYTES else b""


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
