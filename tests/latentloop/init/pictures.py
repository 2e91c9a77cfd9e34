"""Folders of pictures as people have them, drawn from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def grey_textures(folder: Path, count: int, px: int = 28) -> Path:
    """Flat: small grey pictures, every one different, of one size."""
    folder.mkdir(parents=True)
    drawn = np.random.default_rng(1)
    for number in range(count):
        rows = drawn.integers(40, 216, (7, 7), np.uint8)
        Image.fromarray(rows).resize((px, px), Image.Resampling.BICUBIC).save(folder / f"{number:04}.png")
    return folder


def icons(folder: Path, count: int) -> Path:
    """Transparent drawings in two folders named as kinds, of mixed sizes, with two copies and one flat frame."""
    drawn = np.random.default_rng(2)
    for number in range(count):
        kind = ("circle", "square")[number % 2]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        wide, high = (int(each) for each in drawn.integers(60, 120, 2))
        picture = Image.new("RGBA", (wide, high), (0, 0, 0, 0))
        pen = ImageDraw.Draw(picture)
        colour = (*(int(each) for each in drawn.integers(0, 200, 3)), 255)
        left, top = (int(each) for each in drawn.integers(5, 25, 2))
        shape = pen.ellipse if kind == "circle" else pen.rectangle
        shape((left, top, wide - 10, high - 10), fill=colour, outline=(0, 0, 0, 255))
        picture.save(folder / kind / f"{number:04}.png")
    for copy in ("copy-1", "copy-2"):
        (folder / "circle" / f"{copy}.png").write_bytes((folder / "circle" / "0000.png").read_bytes())
    Image.new("RGB", (64, 64), "black").save(folder / "circle" / "black.png")
    return folder


def with_clutter(folder: Path) -> Path:
    """Texts, a hidden file, half a JPEG and an empty file between the pictures."""
    (folder / "notes.txt").write_text("about these pictures")
    (folder / "prices.csv").write_text("a,b\n1,2\n")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    Image.effect_noise((200, 100), 60).convert("RGB").save(folder / "turned.jpg", exif=_turned())
    whole = (folder / "turned.jpg").read_bytes()
    (folder / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    return folder


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif
