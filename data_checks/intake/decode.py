"""Decodes every pixel of a file whose header was accepted, within a stated memory.

Pillow's file classes are called by name: `Image.open` would warn of decompression bombs on its own terms, and try
formats that the policy does not take. What a decoder forgives (rows that are missing, another size than the header
said) is refused here.
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from data_checks.errors import ImageRefused
from data_checks.intake.formats.header import ImageFormat, ImageHeader
from data_checks.intake.jpeg_pixels import choose_scale, decode_jpeg
from data_checks.intake.png_pixels import MarkedPng, decode_plain, require_rows
from data_checks.intake.sixteen import decode_sixteen
from data_checks.refusal import NO_SETTING, Refusal
from vae_core.images.preprocessing import Preprocessing

MOST_MEMORY = 448 * 2**20
"""Bytes that decoding and converting one picture may take; with the file itself it stays below 512 MiB."""
_PIXEL_BYTES: Mapping[str, float] = {"L": 4.0, "P": 8.0, "RGB": 8.0, "CMYK": 12.0, "RGBA": 16.0}
"""What a pixel takes while it is converted: Pillow keeps colours in four bytes, and each step makes a new picture."""
_SIXTEEN_BITS = 24.0
_SMALLEST_SCALE = 8


def decode(header: ImageHeader, preprocessing: Preprocessing) -> tuple[Image.Image, int]:
    """The decoded picture, and by how much (1, 2, 4, 8) it was reduced while decoding.

    16 bits come as 8, by the preprocessing. ImageRefused: truncated, too_many_pixels.
    """
    scale = choose_scale(header, preprocessing) if header.format == "JPEG" else 1
    _require_memory(header, scale)
    try:
        image = decode_jpeg(header, scale) if header.format == "JPEG" else _decode_whole(header, preprocessing)
        expected = (-(-header.width // scale), -(-header.height // scale))
        if image.size != expected:
            raise ValueError(f"decoder makes {image.size}, header says {expected}")
    except ImageRefused:
        raise
    except Exception as error:  # hostile bytes make a decoder raise whatever its parser trips over
        raise ImageRefused(
            Refusal.truncated,
            f"expected a whole {header.format}, came one that does not decode "
            f"({type(error).__name__}: {_one_line(error)}): upload it anew",
        ) from error
    return image, scale


def _decode_whole(header: ImageHeader, preprocessing: Preprocessing) -> Image.Image:
    if header.format == "PNG" and (plain := decode_plain(header)) is not None:
        require_rows(header, plain)
        return plain
    opened = _open(header)
    if header.bits > 8:
        image = decode_sixteen(opened, lambda: _open(header), header, preprocessing.sixteen_bit)
    else:
        image = _load(opened)
    if isinstance(opened, MarkedPng):
        require_rows(header, opened)
    elif header.format == "GIF":
        _require_filled(header, image)
    return image


def _open(header: ImageHeader) -> ImageFile:
    return _CLASSES[header.format](BytesIO(header.decodable))


def _load(image: ImageFile) -> Image.Image:
    image.load()
    return image


class _GifOnFours(GifImageFile):
    """A GIF whose pixels are all 4 until they are decoded."""

    def load_prepare(self) -> None:
        super().load_prepare()
        self.im.paste(4, (0, 0, *self.size))


class _GifOnThrees(GifImageFile):
    """A GIF whose pixels are all 3 until they are decoded."""

    def load_prepare(self) -> None:
        super().load_prepare()
        self.im.paste(3, (0, 0, *self.size))


_CLASSES: Mapping[ImageFormat, Callable[[BytesIO], ImageFile]] = {
    "PNG": MarkedPng,
    "WEBP": WebPImageFile,
    "TIFF": TiffImageFile,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
    "AVIF": AvifImageFile,
}


def _require_filled(header: ImageHeader, image: Image.Image) -> None:
    """Refuse a GIF whose data says that it ends before the last row: the decoder takes its word."""
    box: Any = image.info.get("extent", (0, 0, *image.size))
    fours, threes = (
        np.asarray(_load(kind(BytesIO(header.decodable))))[box[1] : box[3], box[0] : box[2]]
        for kind in (_GifOnFours, _GifOnThrees)
    )
    if not np.array_equal(fours, threes):
        raise ImageRefused(
            Refusal.truncated, "expected a whole GIF, came one whose pixels end before its last row: upload it anew"
        )


def could_fit(header: ImageHeader) -> bool:
    """Whether some preprocessing decodes the picture within the stated memory."""
    return _needed_memory(header, _SMALLEST_SCALE if header.format == "JPEG" else 1) <= MOST_MEMORY


def _needed_memory(header: ImageHeader, scale: int) -> float:
    stored, decoded = header.width * header.height, -(-header.width // scale) * -(-header.height // scale)
    each = _SIXTEEN_BITS if header.bits > 8 else _PIXEL_BYTES["RGBA" if header.transparent else header.mode]
    return stored * header.work_bytes + decoded * each


def _require_memory(header: ImageHeader, scale: int) -> None:
    """Refuse what would not fit. ImageRefused: too_many_pixels."""
    stored, needed = header.width * header.height, _needed_memory(header, scale)
    if needed > MOST_MEMORY:
        most = int(stored * MOST_MEMORY / needed)
        raise ImageRefused(
            Refusal.too_many_pixels,
            f"expected at most {most} pixels of a {header.format} of {header.bits} bit {header.mode}, which decode in "
            f"{MOST_MEMORY >> 20} MiB, came {header.width}x{header.height} = {stored}: make it smaller, {NO_SETTING}",
        )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
