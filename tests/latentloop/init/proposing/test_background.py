"""The colour under transparent pictures is chosen from all over a folder, not from the first of its sub-folders."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from latentloop.init.deciding import _transparent
from latentloop.init.looking.looked import look
from latentloop.init.proposing.background import TRIED_AT_MOST, propose_background
from latentloop.sources.folder import FolderSource


def drawn(folder: Path, count: int, colour: str) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        icon = Image.new("RGBA", (24, 24))
        ImageDraw.Draw(icon).rectangle((3, 3, 10 + number % 8, 8 + number // 8 % 12), fill=colour)
        icon.save(folder / f"{number:04}.png")


def test_white_icons_behind_as_many_black_ones_as_are_tried_are_seen(tmp_path: Path) -> None:
    drawn(tmp_path / "black", TRIED_AT_MOST, "black")
    drawn(tmp_path / "white", 60, "white")

    tried = _transparent(look(FolderSource(tmp_path), lambda line: None))
    proposed = propose_background(tried)

    assert {each.path.split("/")[0] for each, _ in tried} == {"black", "white"} and len(tried) <= TRIED_AT_MOST
    assert proposed.value == "#808080", "both show on it"
    assert "transparent pictures vanish" in proposed.why
