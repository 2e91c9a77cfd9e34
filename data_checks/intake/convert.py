"""The one way from the bytes of a file to the pixels that a model sees.

In this order, because each step needs what the one before it made:

1. decoding, a JPEG reduced where the target is much smaller, 16 bits made 8;
2. orientation, as EXIF states it;
3. colours: palette, 1 bit and CMYK unpacked, the ICC profile applied, so that all is sRGB or grey;
4. transparency laid over the background, which is an sRGB colour;
5. grey to colour, or colour to grey (Rec. 601 luma);
6. the fit: resized, padded, cropped or stretched, antialiased.

Under a preprocessing of schema 1 there are decoding and fit alone. What is converted is told in short plain words.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data_checks.errors import ImageRefused
from data_checks.intake.alpha import add_key, flatten
from data_checks.intake.colour import to_srgb
from data_checks.intake.decode import decode
from data_checks.intake.formats.header import ImageHeader
from data_checks.refusal import Refusal
from vae_core.errors import DataError
from vae_core.images.fit import Fit, Size, centre_box, place_within, size_within
from vae_core.images.preprocessing import Preprocessing, to_pixels

Conversions = tuple[str, ...]

_ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FITTED = {"pad": "padded", "crop": "cropped", "stretch": "stretched"}
_CUT_PX = 1e-6
"""What is cut off below it is a rounding of the box."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What a model sees: `pixels` uint8 (C, H, W), and what was done to get them, in order.

    `shown` is the part of the pixels that the picture fills: all, or without its padding.
    """

    pixels: NDArray[np.uint8]
    conversions: Conversions
    shown: NDArray[np.uint8]


def convert(header: ImageHeader, preprocessing: Preprocessing) -> Converted:
    """Decode and convert a file whose header was accepted.

    ImageRefused: truncated, too_many_pixels, wrong_shape.
    """
    image, scale = decode(header, preprocessing)
    done: Conversions = ()
    if preprocessing.converts:
        image, done = to_plain(image, header, preprocessing)
    if scale > 1:
        done = (f"decoded at 1/{scale}", *done)
    fitted = fit_pixels(image, header.upright, preprocessing)
    return replace(fitted, conversions=(*done, *fitted.conversions)) if done else fitted


def to_plain(image: Image.Image, header: ImageHeader, preprocessing: Preprocessing) -> tuple[Image.Image, Conversions]:
    """Steps 2 to 5: an upright picture in the wanted channels, opaque."""
    if _is_plain(image, header, preprocessing):
        return image, ()
    image, deep = _name_depth(image, header, preprocessing)
    image, turned = _turn(image, header.orientation)
    image, coloured = to_srgb(image, header.profile)
    image, flat = flatten(image, preprocessing.background)
    image, channels = _to_channels(image, preprocessing)
    return image, (*deep, *turned, *coloured, *flat, *channels)


def fit_pixels(image: Image.Image, came: tuple[int, int], preprocessing: Preprocessing) -> Converted:
    """Step 6. `came`: the upright size (width, height) that the picture had. ImageRefused: wrong_shape."""
    try:
        pixels = to_pixels(image, preprocessing)
    except DataError as error:  # mode and size were checked before; a rule of the preprocessing's own is left
        raise ImageRefused(Refusal.wrong_shape, " ".join(str(error).split())) from error
    size = (preprocessing.width, preprocessing.height)
    if came == size:
        return Converted(pixels, (), pixels)
    done = (f"{_name_fit(image.size, size, preprocessing.fit)} from {came[0]}x{came[1]}",)
    if preprocessing.fit != "pad":
        return Converted(pixels, done, pixels)
    left, top, right, bottom = place_within(image.size, size)
    return Converted(pixels, done, pixels[:, top:bottom, left:right])


def _name_fit(came: Size, size: Size, fit: Fit) -> str:
    """What the fit did: a picture of the wanted proportions is resized, however other ones are fitted."""
    if fit == "pad":
        only_resized = size_within(came, size) == size
    elif fit == "crop":
        only_resized = max(centre_box(came, size)[:2]) < _CUT_PX
    else:
        only_resized = came[0] * size[1] == came[1] * size[0]
    return "resized" if only_resized else _FITTED.get(fit, "fitted")


def _is_plain(image: Image.Image, header: ImageHeader, preprocessing: Preprocessing) -> bool:
    """Whether there is nothing to do."""
    unmarked = header.profile is None and header.orientation == 1 and not header.key
    return unmarked and header.bits == 8 and image.mode == preprocessing.mode and not header.transparent


def _name_depth(
    image: Image.Image, header: ImageHeader, preprocessing: Preprocessing
) -> tuple[Image.Image, Conversions]:
    """Tell of the 16 bits that decoding made 8; the colour that stands for transparent becomes an alpha channel."""
    if header.bits > 8:
        return image, (f"16 bit {preprocessing.sixteen_bit} to 8",)
    if header.key:
        plain = image.convert("L") if image.mode == "1" else image
        return add_key(plain, header.key, header.bits), ()
    return image, ()


def _turn(image: Image.Image, orientation: int) -> tuple[Image.Image, Conversions]:
    method = _ORIENTATIONS.get(orientation)
    if method is None:
        return image, ()
    return image.transpose(method), (f"EXIF orientation {orientation} applied",)


def _to_channels(image: Image.Image, preprocessing: Preprocessing) -> tuple[Image.Image, Conversions]:
    if image.mode == preprocessing.mode:
        return image, ()
    return image.convert(preprocessing.mode), ("colour to grey" if image.mode == "RGB" else "grey to colour",)
