"""Reads an AVIF file: its boxes, whether all of them came, and what libavif's parser says before a pixel is decoded.

Source: ISO/IEC 14496-12, section 4.2 (boxes) and 4.3 (brands); AV1 Image File Format 1.1.
"""

from io import BytesIO

from PIL import features

from data_checks.errors import ImageRefused
from data_checks.intake.formats.av1 import BrokenUnits, list_frame_sizes
from data_checks.intake.formats.boxes import BrokenBoxes, find_items, list_boxes
from data_checks.intake.formats.directory import read_orientation
from data_checks.intake.formats.header import MOST_PROFILE_BYTES, ImageHeader
from data_checks.refusal import Refusal

_STILL, _SEQUENCE = b"avif", b"avis"
_WORK_BYTES = 18.0  # planes of two bytes, libavif's answer and Pillow's two copies of it, four bytes each


def read_brands(data: bytes) -> frozenset[bytes]:
    """The brands of an ISO media file, none where it is no such file."""
    if data[4:8] != b"ftyp":
        return frozenset()
    length = min(int.from_bytes(data[:4]), 512)
    return frozenset({data[8:12], *(data[place : place + 4] for place in range(16, length - 3, 4))})


def is_avif(data: bytes) -> bool:
    """Whether its brands say that it holds AV1 pictures."""
    return bool(read_brands(data) & {_STILL, _SEQUENCE})


def read_avif_header(data: bytes) -> ImageHeader:
    """Read an AVIF file. ImageRefused: not_an_image, truncated, wrong_mode."""
    _require_boxes(data)
    if not features.check("avif"):
        raise ImageRefused(
            Refusal.not_an_image,
            "expected a file that this machine's decoder reads, came an AVIF: save it as PNG or JPEG",
        )
    from PIL.AvifImagePlugin import AvifImageFile

    try:
        with AvifImageFile(BytesIO(data)) as image:
            width, height, mode, info = *image.size, image.mode, dict(image.info)
            frames = int(image.n_frames)
    except Exception as error:  # hostile bytes make a parser raise whatever it trips over
        raise ImageRefused(
            Refusal.truncated,
            f"expected a whole AVIF, came one that is not read ({' '.join(str(error).split())[:200]}): upload it anew",
        ) from error
    if frames == 1:
        _require_frames(data, width, height)
    profile = info.get("icc_profile")
    return ImageHeader(
        format="AVIF",
        width=width,
        height=height,
        bits=8,
        mode=mode,
        transparent=mode == "RGBA",
        decodable=data,
        several="animated" if frames > 1 else "",
        orientation=read_orientation(info.get("exif", b"").removeprefix(b"Exif\0\0")),
        profile=profile if profile is None or len(profile) <= MOST_PROFILE_BYTES else b"",
        work_bytes=_WORK_BYTES,
    )


def _require_boxes(data: bytes) -> None:
    """Refuse a file whose boxes do not end where it ends. ImageRefused: truncated."""
    try:
        for _ in list_boxes(data, 0, len(data)):
            pass
    except BrokenBoxes as error:
        raise ImageRefused(
            Refusal.truncated,
            f"expected a whole AVIF, came {len(data)} bytes that stop inside of a box ({error}): upload it anew",
        ) from error


def _require_frames(data: bytes, width: int, height: int) -> None:
    """Refuse frames larger than the size that the file states. ImageRefused: not_an_image."""
    try:
        for pieces in find_items(data).values():
            # items of other kinds (EXIF, a grid's layout) begin with a byte that reads as one unit without frames
            item = b"".join(data[start:end] for start, end in pieces)
            for frame in list_frame_sizes(item):
                if frame[0] > width or frame[1] > height:
                    raise ImageRefused(
                        Refusal.not_an_image,
                        f"expected a valid AVIF, came frames of {frame[0]}x{frame[1]} in a picture of "
                        f"{width}x{height}: save it anew",
                    )
    except (BrokenBoxes, BrokenUnits) as error:
        raise ImageRefused(
            Refusal.truncated, f"expected a whole AVIF, came broken pixels ({error}): upload it anew"
        ) from error
