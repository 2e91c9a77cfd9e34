"""From a file's own colours to 8-bit sRGB or grey: palette, 1 bit, CMYK, and what its ICC profile says.

Profiles are applied by Little CMS with the perceptual intent and black-point compensation, as most programs show them.
A profile that is broken, larger than 4 MiB or of other channels than the picture is ignored, and the conversions say
so: viewers do the same, and the pixels are still what most people see. Without one RGB and grey count as sRGB, and CMYK
as inks that multiply: R = (1 - C)(1 - K).
"""

from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageCms

_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_KEPT_PROFILES = 8
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.HIGHRESPRECALC
"""The finer grid halves what shortcuts through inks cost: 0.8 levels on the mean against 1.4, on a PostScript press."""
_NEAR = 1
"""A profile that moves no colour of a grid by more than one level is sRGB under another name."""

Colours = tuple[Image.Image, tuple[str, ...]]
"""A picture and what was done to it."""


def to_srgb(image: Image.Image, profile: bytes | None) -> Colours:
    """Make L, LA, RGB or RGBA of a picture of any 8-bit mode, by its ICC profile where it has one (empty: broken)."""
    image, done = _unpack(image)
    if profile is None:
        return _without_profile(image, done)
    colours, alpha = _take_alpha_off(image)
    transform, problem = read_transform(profile, colours.mode)
    if problem:
        return _without_profile(image, (*done, f"colour profile ignored: {problem}"))
    if transform is None:
        return image, done
    name = "CMYK to RGB by its colour profile" if colours.mode == "CMYK" else "colour profile to sRGB"
    converted = ImageCms.applyTransform(colours, transform)
    assert converted is not None, "a new picture was asked for"
    if alpha is not None:
        converted.putalpha(alpha)
    return converted, (*done, name)


def _unpack(image: Image.Image) -> Colours:
    """The picture in L, LA, RGB, RGBA or CMYK."""
    if image.mode == "1":
        return image.convert("L"), ("1 bit to 8",)
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB"), ("palette to RGB",)
    if image.mode == "L" and "transparency" in image.info:
        return image.convert("LA"), ()
    if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return image, ()
    return image.convert("RGB"), (f"{image.mode} to RGB",)


def _without_profile(image: Image.Image, done: tuple[str, ...]) -> Colours:
    return (image.convert("RGB"), (*done, "CMYK to RGB")) if image.mode == "CMYK" else (image, done)


def _take_alpha_off(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    if image.mode not in ("LA", "RGBA"):
        return image, None
    return image.convert(image.mode[:-1]), image.getchannel("A")


@lru_cache(maxsize=_KEPT_PROFILES)
def read_transform(profile: bytes, mode: str) -> tuple[Any | None, str]:
    """The way from a profile (ICC, at most 4 MiB) to sRGB for pictures of a mode, None where it changes nothing.

    The second value says what is wrong with the profile, in a few words.
    """
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if space != _SPACES[mode]:
            return None, f"of {space} on a picture of {mode}"
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.PERCEPTUAL,
            _FLAGS,
        )
        changes = mode == "CMYK" or _changes(transform, mode)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None, "it is broken"
    return (transform if changes else None), ""


def _changes(transform: Any, mode: str) -> bool:
    """Whether a transform moves any colour of a grid by more than a level."""
    levels = np.linspace(0, 255, 17).astype(np.uint8)
    if mode == "L":
        came = np.tile(np.arange(256, dtype=np.uint8), (1, 1))
    else:
        came = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(17, -1, 3)
    made = np.asarray(ImageCms.applyTransform(Image.fromarray(came), transform)).astype(int)
    before = came[..., np.newaxis] if mode == "L" else came
    return bool(np.abs(made - before).max() > _NEAR)
