"""Decodes JPEG files, reduced by 2, 4 or 8 while decoding where the target is much smaller, and finds cut ones.

libjpeg fills what is missing of the pixels with grey and warns; Pillow does not hear the warning, simplejpeg (the same
libjpeg-turbo) raises on it.
"""

import re
from io import BytesIO

import numpy as np
import simplejpeg
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from data_checks.errors import ImageRefused
from data_checks.intake.formats.header import ImageHeader
from data_checks.refusal import Refusal
from vae_core.images.fit import centre_box, size_within
from vae_core.images.preprocessing import Preprocessing

_SCALES = (8, 4, 2)
_OVERSAMPLING = 2
"""Decoded at a scale that leaves at least twice the wanted pixels each way: the filter does the rest."""
_COLOURS = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_DAMAGE = re.compile(r"(?i)premature end|bad (Huffman|arithmetic) code|found marker|inconsistent progression")
"""Warnings that say that pixels were made up; others are about what stands between the pixels or beside them."""


def choose_scale(header: ImageHeader, preprocessing: Preprocessing) -> int:
    """By how much a file is reduced while decoding: 1, 2, 4 or 8; 1 for other formats than JPEG, and for schema 1."""
    if header.format != "JPEG" or not preprocessing.any_size or not preprocessing.converts:
        return 1
    came, size = header.upright, (preprocessing.width, preprocessing.height)
    kept = centre_box(came, size) if preprocessing.fit == "crop" else (0.0, 0.0, *map(float, came))
    wanted = size_within(came, size) if preprocessing.fit == "pad" else size
    most = min((kept[2] - kept[0]) / wanted[0], (kept[3] - kept[1]) / wanted[1]) / _OVERSAMPLING
    return next((scale for scale in _SCALES if scale <= most), 1)


def decode_jpeg(header: ImageHeader, scale: int) -> Image.Image:
    """Decode all pixels, at 1/scale of the size, in the header's mode; CMYK as inks (0 is none), as Pillow has it.

    ImageRefused: truncated, where data ended before the pixels did, or cannot be what was written.
    """
    height, width = (-(-side // scale) if scale > 1 else 0 for side in (header.height, header.width))
    try:
        pixels = simplejpeg.decode_jpeg(
            header.decodable, _COLOURS[header.mode], min_height=height, min_width=width, strict=True
        )
    except ValueError as error:
        if _DAMAGE.search(str(error)):
            raise ImageRefused(
                Refusal.truncated,
                f"expected a whole JPEG, came one whose pixels are damaged ({' '.join(str(error).split())[:200]}): "
                "upload it anew",
            ) from error
        return _decode_leniently(header, scale)
    if header.mode == "L":
        return Image.fromarray(pixels[:, :, 0])
    if header.mode == "CMYK":  # every program writes CMYK the way Adobe's do, 255 for no ink
        return Image.fromarray(np.subtract(255, pixels, dtype=np.uint8), "CMYK")
    return Image.fromarray(pixels)


def _decode_leniently(header: ImageHeader, scale: int) -> Image.Image:
    """Decode a file that has harmless oddities, or a sampling that TurboJPEG does not name."""
    image = JpegImageFile(BytesIO(header.decodable))
    if scale > 1:
        image.draft(None, (header.width // scale, header.height // scale))
    image.load()
    return image
