"""Fits a picture of any size into the size that a model sees, antialiased.

Pillow's bicubic filter (a = -0.5) in all cases; its support grows with the scale, so that what is dropped is averaged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL import Image

Fit = Literal["refuse", "pad", "crop", "stretch"]

Size = tuple[int, int]
"""Width and height, pixels."""


def fit_picture(image: Image.Image, size: Size, fit: Fit, padding: str) -> Image.Image:
    """Make the picture `size` large: padded with the colour `padding`, cropped to its centre, or stretched."""
    from PIL import Image as pillow

    bicubic = pillow.Resampling.BICUBIC
    if fit == "crop":
        return image.resize(size, bicubic, box=centre_box(image.size, size))
    if fit != "pad":
        return image.resize(size, bicubic)
    left, top, right, bottom = place_within(image.size, size)
    canvas = pillow.new(image.mode, size, padding)
    canvas.paste(image.resize((right - left, bottom - top), bicubic), (left, top))
    return canvas


def size_within(came: Size, size: Size) -> Size:
    """The largest size of the proportions of `came` that lies within `size`; at least one pixel each way."""
    scale = min(size[0] / came[0], size[1] / came[1])
    width, height = (min(most, max(1, round(side * scale))) for side, most in zip(came, size, strict=True))
    return width, height


def place_within(came: Size, size: Size) -> tuple[int, int, int, int]:
    """Where a padded picture lies: left, top, right and bottom in the middle of `size`, pixels."""
    width, height = size_within(came, size)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return left, top, left + width, top + height


def centre_box(came: Size, size: Size) -> tuple[float, float, float, float]:
    """The largest box of the proportions of `size` in the middle of `came`: left, top, right, bottom, in pixels."""
    scale = min(came[0] / size[0], came[1] / size[1])
    left, top = ((side - part * scale) / 2 for side, part in zip(came, size, strict=True))
    left, top = max(0.0, left), max(0.0, top)
    return left, top, came[0] - left, came[1] - top
