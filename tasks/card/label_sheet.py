"""A contact sheet of suspected label errors: one self-contained HTML page, each picture beside both labels."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import numpy as np

from tasks.card.drawing import draw_picture
from tasks.label_values import SuspectedImage

TITLE = "Labels that may be wrong"
LEAST_SIDE_PX = 96
STYLE = (
    "body{font:14px sans-serif;margin:2em;color:#1f2933}figure{display:inline-block;width:150px;margin:0 12px 18px 0;"
    "vertical-align:top}img{max-width:150px;image-rendering:pixelated}figcaption{overflow-wrap:anywhere}"
    "b{color:#c2410c}small{color:#5f6b7a}"
)


def draw_label_sheet(pixels: np.ndarray, suspects: Sequence[SuspectedImage], judged: int) -> str:
    """The page; `pixels` uint8 (K, C, H, W) are those of the first K suspects."""
    more = f", the {len(pixels):,} most suspected ones are shown" if len(pixels) < len(suspects) else ""
    figures = [_figure(image, each) for image, each in zip(pixels, suspects, strict=False)]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{TITLE}</title><style>{STYLE}</style>"
        f"<h1>{TITLE}</h1><p>{len(suspects):,} of {judged:,} labels that were judged{more}. Below each "
        "picture: the label that it has, the one that fits better, and how far the first is believed (0 to 1). Nothing "
        f"was changed.</p>{''.join(figures)}</html>"
    )


def _figure(image: np.ndarray, suspect: SuspectedImage) -> str:
    picture = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
    zoom = max(1, LEAST_SIDE_PX // max(picture.shape[:2]))
    data = base64.b64encode(draw_picture(picture, zoom)).decode()
    return (
        f'<figure><img alt="" src="data:image/png;base64,{data}"><figcaption><b>{escape(suspect.given)}</b> → '
        f"{escape(suspect.better)} ({suspect.score:.3f})<br><small>{escape(_printable(suspect.name))}<br>"
        f"{suspect.digest[:12]}</small></figcaption></figure>"
    )


def _printable(name: str) -> str:
    """A file's name without what no page can hold: names may be bytes that are no text."""
    return name.encode("utf-8", "backslashreplace").decode()
