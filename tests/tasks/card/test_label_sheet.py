"""The contact sheet: every picture with both labels, and no text of a file that becomes a part of the page."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from PIL import Image

from tasks.card.label_sheet import draw_label_sheet
from tasks.label_values import SuspectedImage


def suspect(**changes: str) -> SuspectedImage:
    facts = {"digest": "d" * 64, "name": "a.png", "source": "s", "given": "bag", "better": "shoe", **changes}
    return SuspectedImage.model_validate({**facts, "score": 0.0123})


def test_each_picture_stands_beside_both_labels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 40, 30), dtype=np.uint8)
    page = draw_label_sheet(pixels, [suspect(), suspect(given="hat"), suspect(given="coat")], judged=900)

    assert "3 of 900 labels" in page and "the 2 most suspected ones are shown" in page
    assert "<b>bag</b> → shoe (0.012)" in page and "<b>hat</b>" in page and "coat" not in page
    pictures = re.findall(r"base64,([^\"]+)", page)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(pictures[0]))))
    assert shown.shape == (80, 60, 3)
    assert (shown[::2, ::2] == np.moveaxis(pixels[0], 0, -1)).all()


def test_names_are_text_whatever_they_hold() -> None:
    pixels = np.zeros((1, 1, 8, 8), dtype=np.uint8)
    page = draw_label_sheet(pixels, [suspect(name="<script>\udcff", given="<img src=x>")], judged=1)
    assert "<script>" not in page and "<img src=x>" not in page
    assert "&lt;script&gt;" in page
    page.encode()
