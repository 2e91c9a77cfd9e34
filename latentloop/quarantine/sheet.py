"""A contact sheet of refused images: one HTML file that needs nothing beside it and lets nothing in."""

from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.wiring import World
from latentloop.quarantine.groups import RefusedFor
from latentloop.quarantine.state import Refused, by_segment

LONGEST = 200  # characters of a name or a detail


@dataclass(frozen=True, slots=True)
class Tile:
    """One image: `picture` is a PNG in base64, empty where no pixels were made of the file."""

    id: str
    name: str
    detail: str
    picture: str


@dataclass(frozen=True, slots=True)
class Section:
    """The tiles of one reason, and of how many images they are."""

    reason: str
    images: int
    advice: str
    tiles: Sequence[Tile]


def write_sheet(
    world: World, file: Path, title: str, groups: Sequence[RefusedFor], chosen: Sequence[Refused], at_most: int
) -> int:
    """Write the sheet with at most so many tiles, spread over the reasons; returns how many it has."""
    from jinja2 import Environment

    each = max(1, at_most // max(1, len(groups)))
    shown = [row for group in groups for row in _spread([r for r in chosen if r.reason == group.reason], each)]
    pictures = _pictures(world, shown)
    sections = [
        Section(
            group.reason,
            group.images,
            group.advice,
            [
                Tile(row.id, _clean(row.name), _clean(row.told), pictures.get(row.id, ""))
                for row in shown
                if row.reason == group.reason
            ],
        )
        for group in groups
    ]
    template = Environment(autoescape=True, trim_blocks=True).from_string(
        Path(__file__).with_name("sheet.html").read_text("utf-8")
    )
    file.write_text(template.render(title=title, groups=sections), "utf-8")
    return len(shown)


def _spread(rows: Sequence[Refused], at_most: int) -> list[Refused]:
    """So many of them at equal distances, so that no source hides the others."""
    step = max(1.0, len(rows) / at_most)
    return [rows[int(place * step)] for place in range(min(len(rows), at_most))]


def _pictures(world: World, rows: Sequence[Refused]) -> dict[str, str]:
    """What input validation makes of these files, and nothing that it refuses to decode."""
    from deploy.stores.errors import StoreError
    from tasks.intake.judging import judge_segment

    found = {}
    names = {(each.segment, each.row): each.id for each in rows}
    for segment, numbers in by_segment(rows).items():
        try:
            judged = judge_segment(world, segment, numbers).rows
        except StoreError:  # its captures are gone, or broken: a tile without a picture says enough
            continue
        for each in judged:
            if each.pixels is not None and each.shape is not None:
                found[names[segment, each.row]] = _png(each.pixels, each.shape)
    return found


def _png(pixels: bytes, shape: tuple[int, ...]) -> str:
    import numpy as np
    from PIL import Image

    planes = np.frombuffer(pixels, np.uint8).reshape(shape)
    out = io.BytesIO()
    Image.fromarray(planes[0] if len(planes) == 1 else planes.transpose(1, 2, 0)).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode("ascii")


def _clean(text: str) -> str:
    """Without what moves or hides other text; a name may hold anything."""
    kept = (letter if unicodedata.category(letter)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return "".join(kept)[:LONGEST]
