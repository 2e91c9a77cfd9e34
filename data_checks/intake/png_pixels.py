"""Decodes PNG files, and finds those whose compressed data ends, well formed, before the last row.

Pillow takes the end of the data for the end of the picture and leaves the rest black. The picture is filled with a mark
beforehand; only where the last pixel still has it are the rows counted in the data itself.
"""

import zlib
from collections.abc import Iterator

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from data_checks.errors import ImageRefused
from data_checks.intake.formats.header import ImageHeader
from data_checks.refusal import Refusal

_MARK = 165
"""No level of 1, 2 or 4 bits and no place in a palette of as many; of 8 bits a usual one, so that rows are counted."""
_CHANNELS = {"L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBA": 4}
# Adam7: first column and row, and the steps between them
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE = 1 << 20
_INTERLACED = 28  # its byte in the file: behind signature and beginning of IHDR, the last field


class MarkedPng(PngImageFile):
    """A PNG whose pixels all have the mark until they are decoded."""

    def load_prepare(self) -> None:
        """Make the picture, and mark it."""
        super().load_prepare()
        self.im.paste(_MARK if self.im.bands == 1 else (_MARK,) * self.im.bands, (0, 0, *self.size))


def decode_plain(header: ImageHeader) -> Image.Image | None:
    """Unpack a small file of 8-bit grey or colours, not interlaced; None for any other, and for a broken one.

    By the unpacker that `PngImageFile` calls too: its own look at the chunks, which were looked at before, takes three
    times as long as a small picture's pixels.
    """
    data = header.decodable
    if header.bits != 8 or header.mode == "P" or data[_INTERLACED] or len(data) > _PIECE:
        return None
    channels = _CHANNELS[header.mode]
    image = Image.new(header.mode, (header.width, header.height), _MARK if channels == 1 else (_MARK,) * channels)
    try:
        image.frombytes(b"".join(_list_pixel_chunks(data)), "zip", header.mode)
    except ValueError:
        return None
    return image


def require_rows(header: ImageHeader, image: Image.Image) -> None:
    """Refuse a decoded file whose data holds fewer rows than its header says. ImageRefused: truncated."""
    interlaced = bool(image.info.get("interlace"))
    if header.bits in (1, 16) or interlaced or _ends_marked(image):
        needed = _count_bytes(header, interlaced)
        came = sum(_unpack(header.decodable, needed))
        if came < needed:
            raise ImageRefused(
                Refusal.truncated,
                f"expected a whole PNG, came one whose pixels end after {came} of {needed} bytes: upload it anew",
            )


def _ends_marked(image: Image.Image) -> bool:
    # asked of the core: `Image.getpixel` would prepare the picture for writing once more
    last = image.im.getpixel((image.width - 1, image.height - 1))
    return last in (_MARK, (_MARK,) * image.im.bands)


def _count_bytes(header: ImageHeader, interlaced: bool) -> int:
    """Bytes of all rows, each with the number of its filter."""
    bits = header.bits * _CHANNELS[header.mode]
    total = 0
    for x, y, across, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        width, height = -(-(header.width - x) // across), -(-(header.height - y) // down)
        total += height * (1 + (width * bits + 7) // 8) if width > 0 and height > 0 else 0
    return total


def _unpack(data: bytes, most: int) -> Iterator[int]:
    """Unpack the pixels of a file some at a time, until there are `most` bytes; gives how many there were each time."""
    unpacking, total = zlib.decompressobj(), 0
    for packed in _list_pixel_chunks(data):
        while packed and total < most and not unpacking.eof:
            came = len(unpacking.decompress(packed, _PIECE))
            packed = unpacking.unconsumed_tail
            total += came
            yield came


def _list_pixel_chunks(data: bytes) -> Iterator[bytes]:
    position = 8
    while position < len(data):
        length = int.from_bytes(data[position : position + 4])
        if data[position + 4 : position + 8] == b"IDAT":
            yield data[position + 8 : position + 8 + length]
        position += 12 + length
