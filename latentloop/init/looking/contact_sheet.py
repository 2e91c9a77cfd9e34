"""A contact sheet: pictures of the sample as they came, and beside each what a model would see of it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from data_checks.input_validation import judge_image_bytes
from latentloop.init.looking.look import EVERYTHING, Look
from latentloop.sources.names import storable
from vae_core.images.preprocessing import Preprocessing

PAIRS_AT_MOST = 40
_ACROSS, _BOX, _GAP, _TEXT = 5, 112, 10, 30
_GREY, _INK, _PALE, _RED = (238, 238, 238), (30, 30, 30), (110, 110, 110), (190, 30, 30)
AS_IT_CAME = Preprocessing(channels=3, height=_BOX, width=_BOX, fit="pad", padding="#eeeeee")
"""The whole picture, validated in the same way: nothing is decoded in a way of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A picture: its file, pixels uint8 (C, H, W) as a model sees it, what was done, and why it would be refused."""

    look: Look
    data: bytes
    pixels: NDArray[np.uint8]
    conversions: tuple[str, ...]
    refusal: str


def draw_sheet(title: str, pairs: Sequence[Pair]) -> bytes:
    """The sheet as PNG: left as it came, right as a model sees it, in red what the thresholds would refuse."""
    wide, high = 2 * _BOX + 3 * _GAP, _BOX + _TEXT + 2 * _GAP
    rows = -(-len(pairs) // _ACROSS)
    across = min(_ACROSS, max(2, len(pairs)))
    sheet = Image.new("RGB", (across * wide + _GAP, rows * high + 44), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP, 12), title, fill=_INK, font=ImageFont.load_default(15))
    for number, pair in enumerate(pairs):
        _draw_pair(sheet, pen, pair, (number % _ACROSS * wide + _GAP, number // _ACROSS * high + 44))
    written = io.BytesIO()
    sheet.save(written, "PNG", optimize=True)
    return written.getvalue()


def write_sheet(path: Path, png: bytes) -> None:
    """Put it there whole; an older one is replaced."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(png)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _draw_pair(sheet: Image.Image, pen: ImageDraw.ImageDraw, pair: Pair, at: tuple[int, int]) -> None:
    x, y = at
    came = judge_image_bytes(pair.data, AS_IT_CAME, EVERYTHING).pixels
    for picture, left in ((came, x), (pair.pixels, x + _BOX + _GAP)):
        if picture is not None:
            _paste(sheet, picture, (left, y))
    outline = _RED if pair.refusal else _GREY
    pen.rectangle(
        (x + _BOX + _GAP - 1, y - 1, x + 2 * _BOX + _GAP, y + _BOX), outline=outline, width=2 if pair.refusal else 1
    )
    font = ImageFont.load_default(10)
    for line, ink in zip(_caption(pair), (_INK, _RED if pair.refusal else _PALE), strict=True):
        pen.text((x, y + _BOX + 3), _fit_text(pen, line, font, 2 * _BOX + _GAP), fill=ink, font=font)
        y += 12


def _caption(pair: Pair) -> Iterator[str]:
    look = pair.look
    yield storable(look.path)
    form = f"{look.width}x{look.height} {look.mode}"
    yield f"{form}: {pair.refusal}" if pair.refusal else f"{form}{_done(pair.conversions)}"


def _done(conversions: tuple[str, ...]) -> str:
    return f": {', '.join(conversions)}" if conversions else ", as it came"


def _paste(sheet: Image.Image, pixels: NDArray[np.uint8], at: tuple[int, int]) -> None:
    """Small pictures are shown with their pixels as squares."""
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    scale = min(_BOX / picture.width, _BOX / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    shown = picture.convert("RGB").resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BICUBIC)
    sheet.paste(shown, (at[0] + (_BOX - size[0]) // 2, at[1] + (_BOX - size[1]) // 2))


def _fit_text(
    pen: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, wide: int
) -> str:
    while pen.textlength(text, font=font) > wide and len(text) > 4:
        text = f"{text[: (len(text) - 1) // 2 - 1]}…{text[(len(text) - 1) // 2 + 2 :]}"
    return text
