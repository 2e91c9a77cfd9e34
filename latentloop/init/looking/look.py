"""One picture of the sample, as the intake sees it: what its file says, and what its pixels show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from data_checks.input_validation import judge_image_bytes
from data_checks.intake.file import read_header
from data_checks.intake.formats.header import ImageFormat
from data_checks.policy import MOST_FILE_BYTES, MOST_PIXELS, InputPolicy
from data_checks.refusal import Refusal
from vae_core.images.preprocessing import Preprocessing

PROBE_PX = 64
PROBE = Preprocessing(channels=3, height=PROBE_PX, width=PROBE_PX, fit="stretch")
"""Every picture in one small size, in colour, whatever it is: to look at, never to train on."""

EVERYTHING = InputPolicy(
    formats=get_args(ImageFormat),
    max_bytes=MOST_FILE_BYTES,
    max_pixels=MOST_PIXELS,
    min_variance=0.0,
    min_entropy_bits=0.0,
)
"""Input validation as wide as it goes: only what cannot be opened is refused."""

CHROMA = 24
"""Of 255, between the strongest and the weakest channel: less is the tint of a JPEG or of old paper."""
COLOURED_SHARE = 0.005
"""Of the pixels of a picture that has colour: a red dot on a grey plan is one."""
BORDER_PX = 2
FLAT_SHARE = 0.75
"""Of the border in one colour: then the picture is an object on a background."""
_LEVELS = 32  # colours that differ by less than 256 / 8 are one background


@dataclass(frozen=True, slots=True)
class Look:
    """A picture that opens. width and height in pixels, as shown; `border` (r, g, b): the commonest of its rim.

    `turned`: by its EXIF orientation.
    """

    path: str
    size_bytes: int
    format: str
    mode: str
    width: int
    height: int
    turned: bool
    transparent: bool
    coloured: bool
    border: tuple[int, int, int]
    border_is_flat: bool


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file that the intake refuses under any settings, or that could not be read: its reason, and one line."""

    path: str
    reason: str
    detail: str


def look_at(path: str, data: bytes) -> Look | Unusable:
    """Open one file through the validation that ingest, training and serving use."""
    judged = judge_image_bytes(data, PROBE, EVERYTHING)
    if judged.pixels is None or not judged.accepted:
        return Unusable(path, str(judged.refusal or Refusal.not_an_image), judged.detail)
    header = read_header(data, EVERYTHING)
    width, height = header.upright
    border, flat = find_border(judged.pixels)
    return Look(
        path=path,
        size_bytes=len(data),
        format=header.format,
        mode=header.mode + ("A" if header.transparent and not header.mode.endswith("A") else ""),
        width=width,
        height=height,
        turned=header.orientation != 1,
        transparent=header.transparent,
        coloured=has_colour(judged.pixels),
        border=border,
        border_is_flat=flat,
    )


def has_colour(pixels: NDArray[np.uint8]) -> bool:
    """Does a picture (3, H, W) show colour, whatever its mode says?"""
    chroma = pixels.max(axis=0).astype(np.int16) - pixels.min(axis=0)
    return bool((chroma >= CHROMA).mean() >= COLOURED_SHARE)


def find_border(pixels: NDArray[np.uint8]) -> tuple[tuple[int, int, int], bool]:
    """The commonest colour of the rim of a picture (3, H, W), and whether most of the rim has it."""
    inner = pixels[:, BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX].shape[1:]
    is_rim = np.ones(pixels.shape[1:], dtype=bool)
    is_rim[BORDER_PX : BORDER_PX + inner[0], BORDER_PX : BORDER_PX + inner[1]] = False
    rim = pixels[:, is_rim]
    names = (rim.astype(np.int32) // _LEVELS).T @ np.array([64, 8, 1])
    counts = np.bincount(names, minlength=512)
    commonest = rim[:, names == counts.argmax()]
    red, green, blue = (int(each) for each in np.median(commonest, axis=1))
    return (red, green, blue), bool(counts.max() >= FLAT_SHARE * rim.shape[1])
